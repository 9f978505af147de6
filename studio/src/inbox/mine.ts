import { signal } from '../ui/signal';

/** What becomes of suspensions by this page itself: that such a one is gone from the list is no news. */
export type Mine = 'sending' | 'answered';

export const mine = signal<ReadonlyMap<string, Mine>>(new Map());

export function mark(id: string, what: Mine | null): void {
  const next = new Map(mine.get());
  if (what === null) next.delete(id);
  else next.set(id, what);
  mine.set(next);
}
