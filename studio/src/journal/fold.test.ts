import { describe, expect, it } from 'vitest';

import { JournalFold, statusAt } from './fold';
import { CREATED, failed, folded, journal, started, succeeded } from './sample';

const step = (fold: JournalFold, address: string) => {
  const found = fold.model.steps.get(address);
  if (found === undefined) throw new Error(`nothing is known of ${address}`);
  return found;
};
const RETRYING = {
  kind: 'step-retrying',
  address: 'a',
  attempt: 1,
  began: 100,
  retry_at: 9_000,
  error: { code: 'exception', type: 'OSError', message: 'away' },
};
const SUSPENDED = {
  kind: 'step-suspended',
  address: 'a',
  attempt: 1,
  began: 0,
  payload: { reason: 'why' },
  label: 'l',
};
const answered = (suspension: number) => ({
  kind: 'suspension-answered',
  address: 'a',
  suspension,
  data: { yes: true },
  actor: 'ada',
  channel: 'studio',
});

describe('a journal that is folded', () => {
  it('tells each attempt with its times and what became of it', () => {
    const fold = folded(CREATED, started(1), RETRYING, { ...succeeded('a', 2, 2), began: 9_000 });
    expect(step(fold, 'a').attempts).toMatchObject([
      { attempt: 1, began: 100, ended: 3_000, outcome: 'retrying', retryAt: 9_000 },
      { attempt: 2, began: 9_000, ended: 4_000, outcome: 'success' },
    ]);
    expect(step(fold, 'a')).toMatchObject({ status: 'success', output: 2 });
  });

  it('tells what was asked, who answered and by which way', () => {
    const fold = folded(CREATED, started(1), SUSPENDED, answered(3));
    expect(step(fold, 'a').status).toBe('running');
    expect(step(fold, 'a').suspensions).toMatchObject([
      {
        seq: 3,
        label: 'l',
        payload: { reason: 'why' },
        answer: { data: { yes: true }, actor: 'ada', channel: 'studio' },
      },
    ]);
  });

  it('takes each entry once, though pages overlap', () => {
    const entries = journal(CREATED, started(1), { kind: 'step-output', address: 'a', attempt: 1, chunks: ['x', 'y'] });
    const fold = new JournalFold();
    fold.take(entries.slice(0, 2));
    fold.take(entries);
    fold.take(entries);
    expect(fold.model.chunks.map((chunk) => chunk.value)).toEqual(['x', 'y']);
    expect(fold.model.lastSeq).toBe(3);
  });

  it('gives up what was under way when the run ended around it', () => {
    const fold = folded(
      CREATED,
      started(1),
      succeeded('a', 1),
      SUSPENDED_AT('b'),
      { kind: 'sleep-begun', address: 's', until: 1 },
      { kind: 'cancel-requested', reason: 'enough', actor: 'bob' },
      { kind: 'run-cancelled' },
    );
    expect(step(fold, 'a').status).toBe('success');
    expect(step(fold, 'b').status).toBe('cancelled');
    expect(fold.model.nodes.get('s')?.status).toBe('cancelled');
    expect(fold.model).toMatchObject({
      ended: 'cancelled',
      endedAt: 7_000,
      cancel: { reason: 'enough', actor: 'bob' },
    });
  });

  it('knows the data of an event by the wait that took it', () => {
    const fold = folded(
      CREATED,
      started(1),
      { kind: 'event-awaited', address: 'w', until: 99 },
      { kind: 'event-received', name: 'paid', data: { amount: 3 } },
      { kind: 'event-matched', address: 'w', event: 4 },
    );
    expect(fold.model.nodes.get('w')).toMatchObject({ status: 'success', output: { amount: 3 } });
  });

  it('merges the run state in the order it was changed', () => {
    const fold = folded(
      CREATED,
      { ...started(1), state: { n: 1, m: 1 } },
      { ...succeeded('a', 1), state: { n: 2 } },
      { kind: 'state-replaced', changes: { m: 5 } },
    );
    expect(fold.model.state).toEqual({ n: 2, m: 5 });
  });

  it('passes over entries of kinds that it does not know', () => {
    const fold = folded(CREATED, started(1), { kind: 'something-new', address: 'a' }, succeeded('a', 1));
    expect(fold.model.lastSeq).toBe(4);
    expect(step(fold, 'a').status).toBe('success');
  });

  it('fails where a step did', () => {
    const fold = folded(CREATED, started(1), failed('a'), {
      kind: 'run-failed',
      error: { code: 'exception', type: 'ValueError', message: 'no' },
    });
    expect(step(fold, 'a')).toMatchObject({ status: 'failed', error: { type: 'ValueError' } });
    expect(fold.model).toMatchObject({ ended: 'failed', error: { message: 'no' } });
  });
});

describe('an attempt that the stream tells of', () => {
  it('runs until the journal ends it', () => {
    const fold = folded(CREATED, started(1));
    fold.begun('a', 1, 2_000, 2);
    expect(step(fold, 'a')).toMatchObject({ status: 'running', attempts: [{ outcome: 'running', began: 2_000 }] });
    fold.take(journal(CREATED, started(1), succeeded('a', 1)));
    expect(step(fold, 'a').attempts.map((each) => each.outcome)).toEqual(['success']);
  });

  it('is passed over when it is heard of after its end', () => {
    const fold = folded(CREATED, started(1), succeeded('a', 1));
    fold.begun('a', 1, 2_000, 2);
    expect(step(fold, 'a')).toMatchObject({ status: 'success', attempts: [{ outcome: 'success' }] });
  });

  it('runs after an answer, though its number begins anew', () => {
    const entries = journal(CREATED, started(1), SUSPENDED, answered(3));
    const fold = new JournalFold();
    fold.take(entries.slice(0, 3));
    fold.begun('a', 1, 4_000, 4); // heard before the journal was read so far
    fold.take(entries);
    expect(step(fold, 'a').status).toBe('running');
    expect(step(fold, 'a').attempts.map((each) => each.outcome)).toEqual(['suspended', 'running']);
  });

  it('is not begun in a run that has ended', () => {
    const fold = folded(CREATED, started(1), { kind: 'run-succeeded', result: 0 });
    fold.begun('a', 1, 2_000, 2);
    expect(fold.model.steps.size).toBe(0);
  });
});

describe('a step that is to be tried again', () => {
  it('waits, and runs from its time on: nothing announces that', () => {
    const fold = folded(CREATED, started(1), RETRYING);
    expect(statusAt(step(fold, 'a'), 8_999)).toBe('waiting');
    expect(statusAt(step(fold, 'a'), 9_000)).toBe('running');
  });
});

function SUSPENDED_AT(address: string) {
  return { ...SUSPENDED, address };
}
