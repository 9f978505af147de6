import { useMemo, useState } from 'react';
import { Link, useLocation, useSearch } from 'wouter';

import { useWorkflow } from '../api/queries';
import type { WorkflowSummary } from '../api/types';
import { useMay, whyNot } from '../app/may';
import { useTitle } from '../app/Page';
import { useShortcuts } from '../app/shortcuts';
import type { WorkflowDescription } from '../graph/description';
import { GraphView } from '../graph/GraphView';
import { NodeFacts } from '../graph/NodeFacts';
import { placesOf } from '../graph/places';
import { Copy } from '../ui/Copy';
import { Failure, Loading } from '../ui/Failure';
import { Icon } from '../ui/icons';
import { SchemaView } from '../ui/SchemaView';
import { StartDialog } from './StartDialog';
import { workflowPath } from './paths';

/** A workflow: its graph, the types of each step, and a start. */
export function WorkflowView({ id, versions }: { id: string; versions: readonly WorkflowSummary[] }) {
  useTitle(id);
  const version = new URLSearchParams(useSearch()).get('version') ?? '';
  const { data, error, refetch } = useWorkflow(id, version);
  const [chosen, setChosen] = useState('');
  const [starting, setStarting] = useState(false);
  const [, go] = useLocation();
  const may = useMay('run');
  useShortcuts([{ keys: 'n', does: 'Start a run', run: () => may && setStarting(true) }]);

  return (
    <div className="page page-fill">
      <header className="page-head">
        <h1>{id}</h1>
        {versions.length > 1 && (
          <label className="filter">
            <span>Version</span>
            <select value={version} onChange={(event) => go(workflowPath(id, event.target.value))}>
              {versions.map((each) => (
                <option key={each.version} value={each.version}>
                  {each.version === '' ? 'none' : each.version}
                </option>
              ))}
            </select>
          </label>
        )}
        <span className="head-gap" />
        <Link href={`/runs?workflow=${encodeURIComponent(id)}`} className="button">
          Its runs
        </Link>
        <button
          type="button"
          className="button button-main"
          disabled={!may || data === undefined}
          title={whyNot(may, 'run')}
          onClick={() => setStarting(true)}
        >
          Start a run…
        </button>
      </header>
      {data === undefined && error === null && <Loading what="the workflow" />}
      {data === undefined && error !== null && <Failure error={error} retry={() => void refetch()} />}
      {data !== undefined && (
        <div className={chosen === '' ? 'run-body' : 'run-body run-body-chosen'}>
          <GraphView key={data.fingerprint} workflow={data} colours={null} chosen={chosen} onChoose={setChosen} />
          <Panel workflow={data} chosen={chosen} onChoose={setChosen} />
        </div>
      )}
      {starting && data !== undefined && <StartDialog workflow={data} onClose={() => setStarting(false)} />}
    </div>
  );
}

interface PanelProps {
  readonly workflow: WorkflowDescription;
  readonly chosen: string;
  readonly onChoose: (key: string) => void;
}

function Panel({ workflow, chosen, onChoose }: PanelProps) {
  const places = useMemo(() => placesOf(workflow), [workflow]);
  const place = places.get(chosen);
  if (place === undefined) return <Overview workflow={workflow} />;
  return (
    <aside className="run-panel" aria-label={`${place.node.kind} ${chosen}`}>
      <header className="panel-head">
        <Icon name={place.node.kind} />
        <h2>
          <code>{chosen}</code>
        </h2>
        <button
          type="button"
          className="icon-button"
          aria-label="Back to the workflow"
          title="Back to the workflow"
          onClick={() => onChoose('')}
        >
          <Icon name="close" />
        </button>
      </header>
      <div className="panel-section">
        <NodeFacts node={place.node} />
      </div>
    </aside>
  );
}

function Overview({ workflow }: { workflow: WorkflowDescription }) {
  const types = (
    [
      ['Input', workflow.input],
      ['Output', workflow.output],
      ['State', workflow.state],
      ['Request context', workflow.request_context],
    ] as const
  ).filter((each) => each[1] !== null);
  return (
    <aside className="run-panel" aria-label="The workflow">
      <h2 className="for-screen-readers">The workflow</h2>
      <div className="panel-section">
        {workflow.description !== '' && <p className="facts-text">{workflow.description}</p>}
        <dl className="facts-list">
          {workflow.version !== '' && (
            <div>
              <dt>Version</dt>
              <dd>{workflow.version}</dd>
            </div>
          )}
          <div>
            <dt>Fingerprint</dt>
            <dd className="fingerprint">
              <code>{workflow.fingerprint}</code>
            </dd>
          </div>
          {workflow.schedules.map((each) => (
            <div key={each.id}>
              <dt>Schedule</dt>
              <dd>
                <code>{each.cron}</code> {each.timezone}
              </dd>
            </div>
          ))}
        </dl>
        {workflow.mermaid !== undefined && (
          <Copy text={workflow.mermaid} what="the graph as Mermaid" label="Copy as Mermaid" />
        )}
      </div>
      <div className="panel-section facts">
        {types.map(
          ([title, type]) =>
            type !== null && <SchemaView key={title} title={title} name={type.type} schema={type.schema} />,
        )}
      </div>
    </aside>
  );
}
