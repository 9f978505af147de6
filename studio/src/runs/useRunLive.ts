import { useEffect, useMemo } from 'react';

import { RunLive, type RunLiveState } from '../live/runLive';
import { useSignal } from '../ui/signal';

/** The run, read and followed while the page that shows it is open. */
export function useRunLive(id: string): { live: RunLive; state: RunLiveState } {
  const live = useMemo(() => new RunLive(id), [id]);
  useEffect(() => {
    live.open();
    return () => live.close();
  }, [live]);
  return { live, state: useSignal(live.state) };
}
