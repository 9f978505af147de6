import type { Json, JournalEntry } from '../api/types';
import { JournalFold } from './fold';

/** An entry without what the journal adds. */
export type Told = Readonly<Record<string, Json>> & { readonly kind: string };

/** Journals for the tests: entries get their seq and, a second after each other, their times. */
export function journal(...entries: readonly Told[]): JournalEntry[] {
  return entries.map((entry, index) => ({ seq: index + 1, at: (index + 1) * 1_000, ...entry }));
}

export function folded(...entries: readonly Told[]): JournalFold {
  const fold = new JournalFold();
  fold.take(journal(...entries));
  return fold;
}

export const CREATED = { kind: 'run-created', workflow_id: 'sample' };
export const started = (input: Json) => ({ kind: 'run-started', input });
export const succeeded = (address: string, output: Json, attempt = 1) => ({
  kind: 'step-succeeded',
  address,
  attempt,
  began: 0,
  output,
});
export const failed = (address: string, attempt = 1) => ({
  kind: 'step-failed',
  address,
  attempt,
  began: 0,
  error: { code: 'exception', type: 'ValueError', message: 'no' },
});
