import { allRunsState, tryAgainNow } from '../live/allRuns';
import { useNow } from '../ui/clock';
import { Icon } from '../ui/icons';
import { useSignal } from '../ui/signal';

/** Says when the server is away, and that it is looked for. What is on the page stays to be read. */
export function AwayBanner() {
  const state = useSignal(allRunsState);
  return (
    <div role="status" className="away-place">
      {state.phase === 'away' && (
        <Away retryAt={state.retryAt} status={state.problem.status} message={state.problem.message} />
      )}
    </div>
  );
}

function Away({ retryAt, status, message }: { retryAt: number; status: number; message: string }) {
  const now = useNow();
  const seconds = Math.max(0, Math.round((retryAt - now) / 1_000));
  return (
    <div className="away">
      <Icon name="away" />
      <p>
        <strong>{status === 0 ? 'The server is away.' : message}</strong> What you see may be old.{' '}
        {/* The seconds are not read out each time they change. */}
        <span aria-hidden="true">{seconds === 0 ? 'Trying again…' : `Trying again in ${seconds} s.`}</span>
      </p>
      <button type="button" className="button button-small" onClick={tryAgainNow}>
        Try now
      </button>
    </div>
  );
}
