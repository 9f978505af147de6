import { Link } from 'wouter';

import { useRun } from '../api/queries';
import type { Json, Suspension } from '../api/types';
import { Icon } from '../ui/icons';
import { JsonView } from '../ui/JsonView';
import { Since } from '../ui/Time';
import { AnswerForm } from './AnswerForm';
import { Ask } from './Ask';
import { Gone } from './Gone';

interface Props {
  readonly suspension: Suspension;
  /** It does not wait any more, and it was not answered here. */
  readonly isGone: boolean;
  readonly onBack: () => void;
  readonly onAnswered: () => void;
}

/** One thing that waits: why, in which run, and the form to answer it. */
export function SuspensionDetail({ suspension, isGone, onBack, onAnswered }: Props) {
  const { run_id, workflow_id, version, address, label } = suspension;
  const run = useRun(run_id).data;
  return (
    <article className="suspension" aria-label={`Suspension at ${address} of ${run_id}`}>
      <button type="button" className="link-button suspension-back" onClick={onBack}>
        <Icon name="chevron" size={12} /> All that waits
      </button>
      <header className="suspension-head">
        <p className="suspension-where">
          <Link href={`/workflows/${encodeURIComponent(workflow_id)}`}>{workflow_id}</Link>
          {version !== '' && <span className="version">{version}</span>}
          <span aria-hidden="true">›</span>
          <Link href={`/runs/${encodeURIComponent(run_id)}?at=${encodeURIComponent(address)}`}>
            <code>{address}</code>
          </Link>
          {label !== '' && <span className="version">{label}</span>}
        </p>
        <p className="faint">
          Run{' '}
          <Link href={`/runs/${encodeURIComponent(run_id)}`}>
            <code>{run_id}</code>
          </Link>
          {run?.resource_id != null && run.resource_id !== '' && <> of {run.resource_id}</>} has waited for{' '}
          <Since at={suspension.opened_at} />
        </p>
      </header>
      <Ask suspension={suspension} />
      {run !== undefined && (
        <details className="suspension-context" open={isShort(run.input)}>
          <summary>What the run was started with</summary>
          <JsonView value={run.input} what="the input of the run" depth={2} />
        </details>
      )}
      {isGone ? <Gone suspension={suspension} /> : <AnswerForm suspension={suspension} onAnswered={onAnswered} />}
    </article>
  );
}

/** Whether it can be read at a glance, and leaves the form in sight; else it is there to be opened. */
const isShort = (value: Json): boolean =>
  JSON.stringify(value).length < (window.matchMedia('(max-width: 720px)').matches ? 60 : 400);
