import { duration } from '../ui/time';
import type { Outcome, RunModel } from './model';

/** What happened when: rows of bars on a scale of time. Pure. */

export type BarKind = Outcome | 'asked' | 'rest' | 'retry-wait';

export interface Bar {
  readonly kind: BarKind;
  readonly from: number;
  /** null: it goes on. */
  readonly to: number | null;
  readonly title: string;
}

export interface Row {
  readonly address: string;
  readonly bars: readonly Bar[];
}

/** A row for each step, and for each sleep and wait, in the order they were first heard of. */
export function rowsOf(run: RunModel): Row[] {
  const end = run.endedAt;
  const rows: (Row & { first: number })[] = [];
  for (const step of run.steps.values()) {
    const bars: Bar[] = [];
    for (const { attempt, began, ended, outcome, retryAt } of step.attempts) {
      if (began === null) continue;
      const took = ended === null ? '' : `, ${duration(ended - began)}`;
      bars.push({ kind: outcome, from: began, to: ended, title: `attempt ${attempt}: ${outcome}${took}` });
      if (retryAt !== undefined && ended !== null) {
        const to = end === null ? retryAt : Math.min(retryAt, end);
        bars.push({
          kind: 'retry-wait',
          from: ended,
          to,
          title: `waits ${duration(retryAt - ended)} to be tried again`,
        });
      }
    }
    for (const { askedAt, answer } of step.suspensions) {
      const to = answer?.at ?? end;
      const words =
        answer === undefined ? 'suspended' : `answered by ${answer.actor === '' ? 'someone' : answer.actor}`;
      bars.push({ kind: 'asked', from: askedAt, to, title: words });
    }
    bars.sort((one, other) => one.from - other.from);
    const [first] = bars;
    if (first !== undefined) rows.push({ address: step.address, bars, first: first.from });
  }
  for (const node of run.nodes.values()) {
    if (node.until === undefined) continue;
    const isOver = node.status !== 'waiting';
    const to = !isOver ? null : node.at > node.began ? node.at : end;
    const title = 'waits for a time or an event';
    rows.push({ address: node.address, bars: [{ kind: 'rest', from: node.began, to, title }], first: node.began });
  }
  return rows.sort((one, other) => one.first - other.first);
}

/** Where times are on a line from 0 to 1. Long times in which nothing but waiting happened are drawn short. */
export interface Scale {
  readonly at: (time: number) => number;
  readonly gaps: readonly { readonly from: number; readonly to: number; readonly millis: number }[];
  readonly marks: readonly { readonly at: number; readonly text: string }[];
}

const IDLE: ReadonlySet<BarKind> = new Set(['asked', 'rest', 'retry-wait']);
/** A gap is drawn as long as this part of the time in which something was done. */
const GAP_SHARE = 0.08;

export function scaleOf(rows: readonly Row[], begin: number, end: number): Scale {
  const busy = merged(
    rows.flatMap((row) =>
      row.bars.filter((bar) => !IDLE.has(bar.kind)).map((bar): [number, number] => [bar.from, bar.to ?? end]),
    ),
  );
  const total = Math.max(1, end - begin);
  const worked = Math.max(
    20,
    busy.reduce((sum, [from, to]) => sum + (to - from), 0),
  );
  // Only what is much longer than all the work is worth being cut.
  const longest = Math.max(worked * 0.5, 50);
  const gaps: { from: number; to: number }[] = [];
  let from = begin;
  for (const [start, stop] of [...busy, [end, end] as const]) {
    if (start - from > longest) gaps.push({ from, to: start });
    from = Math.max(from, stop);
  }
  const cut = gaps.reduce((sum, gap) => sum + (gap.to - gap.from), 0);
  const drawnGap = gaps.length === 0 ? 0 : Math.max(worked * GAP_SHARE, (total - cut) * GAP_SHARE);
  const drawn = total - cut + drawnGap * gaps.length;

  const at = (time: number): number => {
    let length = Math.min(Math.max(time, begin), end) - begin;
    for (const gap of gaps) {
      if (time <= gap.from) break;
      const within = Math.min(time, gap.to) - gap.from;
      length -= within - (within / (gap.to - gap.from)) * drawnGap;
    }
    return drawn === 0 ? 0 : length / drawn;
  };
  return {
    at,
    gaps: gaps.map((gap) => ({ from: at(gap.from), to: at(gap.to), millis: gap.to - gap.from })),
    marks: marksOf(begin, end, at),
  };
}

/** Times to be written at the scale's edge, evenly on the drawing. */
function marksOf(begin: number, end: number, at: (time: number) => number): { at: number; text: string }[] {
  return [0, 0.2, 0.4, 0.6, 0.8].map((where) => {
    const millis = timeAt(where, begin, end, at) - begin;
    return { at: where, text: where === 0 ? '0' : duration(millis) };
  });
}

/** The time that is drawn at `where`; `at` only grows, so it is found by halving. */
function timeAt(where: number, begin: number, end: number, at: (time: number) => number): number {
  let [low, high] = [begin, end];
  while (high - low > 1) {
    const middle = (low + high) / 2;
    if (at(middle) < where) low = middle;
    else high = middle;
  }
  return Math.round(high);
}

function merged(spans: readonly [number, number][]): [number, number][] {
  const joined: [number, number][] = [];
  for (const [from, to] of spans.toSorted((one, other) => one[0] - other[0])) {
    const last = joined.at(-1);
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to);
    else joined.push([from, to]);
  }
  return joined;
}
