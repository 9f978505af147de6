import { keys, queries } from '../api/queries';
import { session } from '../api/session';
import type { RunStatus, Suspension } from '../api/types';
import { signal } from '../ui/signal';
import { follow, type Following, type StreamState } from './follow';

/** The stream of all runs: one for the page, whatever is shown. It makes stale what has changed. */

export interface RunChanged {
  readonly run_id: string;
  readonly workflow_id: string;
  readonly status: RunStatus;
  readonly updated_at: string;
}

export type Heard =
  | { readonly kind: 'changed'; readonly run: RunChanged }
  | { readonly kind: 'deleted'; readonly run: { readonly run_id: string } }
  | { readonly kind: 'resync' };

export const allRunsState = signal<StreamState>({ phase: 'connecting' });

const listeners = new Set<(heard: Heard) => void>();
let following: Following | null = null;

export function startAllRuns(): () => void {
  const mine = follow('/stream', {
    onState: (state) => allRunsState.set(state),
    onMessage: ({ event, data }) => {
      if (event === 'run-changed') tell({ kind: 'changed', run: JSON.parse(data) as RunChanged });
      else if (event === 'run-deleted') tell({ kind: 'deleted', run: JSON.parse(data) as { run_id: string } });
      else if (event === 'resync') tell({ kind: 'resync' });
    },
    onRefused: (problem) => {
      if (problem.status === 401) session.signedOut();
    },
  });
  following = mine;
  return () => {
    mine.stop();
    if (following === mine) following = null;
  };
}

export function listenToRuns(heard: (heard: Heard) => void): () => void {
  listeners.add(heard);
  return () => listeners.delete(heard);
}

export function tryAgainNow(): void {
  following?.hurry();
}

function tell(heard: Heard): void {
  if (heard.kind === 'resync') void queries.invalidateQueries();
  else {
    // What is known to be gone is not asked for again: who shows it hears of it too.
    const refetchType = heard.kind === 'deleted' ? 'none' : 'active';
    void queries.invalidateQueries({ queryKey: keys.run(heard.run.run_id), refetchType });
    suspensionsMayHaveChanged(heard.run.run_id, heard.kind === 'changed' && heard.run.status === 'suspended');
  }
  for (const listener of [...listeners]) listener(heard);
}

let soon: ReturnType<typeof setTimeout> | undefined;
let when = 0;

/** The inbox is asked for at most four times a second; for a run that is likely to change nothing in it, more seldom. */
function suspensionsMayHaveChanged(runId: string, isSuspended: boolean): void {
  const known = queries.getQueryData<readonly Suspension[]>(keys.suspensions);
  const likely = isSuspended || known?.some((each) => each.run_id === runId) === true;
  const due = Date.now() + (likely ? 250 : 2_000);
  if (soon !== undefined) {
    if (due >= when) return;
    clearTimeout(soon);
  }
  when = due;
  soon = setTimeout(() => {
    soon = undefined;
    void queries.invalidateQueries({ queryKey: keys.suspensions }, { cancelRefetch: false });
  }, due - Date.now());
}
