import { Link } from 'wouter';

import { useWorkflows } from '../api/queries';
import type { WorkflowSummary } from '../api/types';
import { Page } from '../app/Page';
import { Empty } from '../ui/Empty';
import { Failure, Loading } from '../ui/Failure';
import { Icon } from '../ui/icons';
import { workflowPath } from './paths';
import { WorkflowView } from './WorkflowView';
import '../runs/run.css';
import './workflows.css';

export function WorkflowsPage({ chosen }: { chosen: string }) {
  const { data, error, refetch } = useWorkflows();
  if (chosen !== '')
    return <WorkflowView id={chosen} versions={(data ?? []).filter((each) => each.workflow_id === chosen)} />;
  return (
    <Page title="Workflows">
      {data === undefined && error === null && <Loading what="workflows" />}
      {data === undefined && error !== null && <Failure error={error} retry={() => void refetch()} />}
      {data?.length === 0 && (
        <Empty icon="workflow" title="This app has no workflows" command="app = Waystation(workflows=[...])">
          The studio shows those that the app was made with:
        </Empty>
      )}
      <ul className="workflow-list">
        {data?.map((each) => (
          <li key={`${each.workflow_id} ${each.version}`}>
            <Item workflow={each} />
          </li>
        ))}
      </ul>
    </Page>
  );
}

function Item({ workflow }: { workflow: WorkflowSummary }) {
  const { workflow_id, version, steps, schedule } = workflow;
  const count = typeof steps === 'number' ? steps : steps.length;
  return (
    <Link href={workflowPath(workflow_id, version)} className="workflow-item">
      <Icon name="workflow" />
      <span className="workflow-name">
        {workflow_id}
        {version !== '' && <span className="version">{version}</span>}
      </span>
      {schedule && (
        <span className="workflow-scheduled">
          <Icon name="schedules" size={14} /> scheduled
        </span>
      )}
      <span className="faint">
        {count} {count === 1 ? 'step' : 'steps'}
      </span>
    </Link>
  );
}
