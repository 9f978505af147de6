import { Link } from 'wouter';

import type { RunDetail } from '../api/types';
import { millis } from '../journal/times';
import type { RunLive } from '../live/runLive';
import { useNow } from '../ui/clock';
import { Copy } from '../ui/Copy';
import { Status } from '../ui/Status';
import { Time } from '../ui/Time';
import { duration } from '../ui/time';
import { RunActions } from './RunActions';

export function RunHead({ run, live }: { run: RunDetail; live: RunLive }) {
  return (
    <header className="run-head-bar">
      <div className="run-title">
        <p className="run-of">
          <Link href={`/workflows/${encodeURIComponent(run.workflow_id)}`}>{run.workflow_id}</Link>
          {run.version !== '' && <span className="version">{run.version}</span>}
        </p>
        <h1>
          <code>{run.run_id}</code>
          <Copy text={run.run_id} what="the run's id" />
        </h1>
        <dl className="run-facts">
          <div>
            <dt className="for-screen-readers">Status</dt>
            <dd>
              <span role="status">
                <Status status={run.status} />
              </span>
            </dd>
          </div>
          <Fact name="created">
            <Time at={run.created_at} />
          </Fact>
          {run.started_at !== null && (
            <Fact name={run.ended_at === null ? 'for' : 'took'}>
              <Took from={run.started_at} to={run.ended_at} />
            </Fact>
          )}
          {run.status === 'waiting' && run.wake_at !== null && (
            <Fact name="wakes">
              <Time at={run.wake_at} />
            </Fact>
          )}
          {run.resource_id !== null && run.resource_id !== '' && (
            <Fact name="resource">
              <Link href={`/runs?resource=${encodeURIComponent(run.resource_id)}`}>{run.resource_id}</Link>
            </Fact>
          )}
          {run.forked_from !== null && run.forked_from !== '' && (
            <Fact name="forked from">
              <Link href={`/runs/${encodeURIComponent(run.forked_from)}`}>
                <code>{run.forked_from}</code>
              </Link>
            </Fact>
          )}
        </dl>
      </div>
      <RunActions run={run} live={live} />
    </header>
  );
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Took({ from, to }: { from: string; to: string | null }) {
  const now = useNow();
  const [began, ended] = [millis(from) ?? now, millis(to)];
  const text = duration((ended ?? now) - began);
  return <span>{ended === null ? text.replace(/\.\d s$/, ' s') : text}</span>;
}
