import { describe, expect, it } from 'vitest';

import { CREATED, folded, started, succeeded } from './sample';
import { rowsOf, scaleOf, type Row } from './timeline';

const HOUR = 3_600_000;
const row = (...bars: Row['bars']): Row => ({ address: 'a', bars });

describe('the rows of a timeline', () => {
  it('are in the order in which something began, with what was waited for', () => {
    const { model } = folded(
      CREATED,
      started(1),
      { ...succeeded('b', 1), began: 2_500 },
      {
        kind: 'step-retrying',
        address: 'a',
        attempt: 1,
        began: 2_000,
        retry_at: 6_000,
        error: { code: 'exception', type: 'E', message: '' },
      },
    );
    const rows = rowsOf(model);
    expect(rows.map((each) => each.address)).toEqual(['a', 'b']);
    expect(rows[0]?.bars.map(({ kind, from, to }) => [kind, from, to])).toEqual([
      ['retrying', 2_000, 4_000],
      ['retry-wait', 4_000, 6_000],
    ]);
  });

  it('show a suspension from question to answer', () => {
    const { model } = folded(
      CREATED,
      started(1),
      { kind: 'step-suspended', address: 'a', attempt: 1, began: 2_000, payload: null },
      { kind: 'suspension-answered', address: 'a', suspension: 3, data: 1, actor: 'ada' },
    );
    const asked = rowsOf(model)[0]?.bars.find((bar) => bar.kind === 'asked');
    expect(asked).toMatchObject({ from: 3_000, to: 4_000, title: 'answered by ada' });
  });
});

describe('the scale of a timeline', () => {
  const bar = (kind: 'success' | 'asked', from: number, to: number) => ({ kind, from, to, title: '' });

  it('is even where something is done all the time', () => {
    const scale = scaleOf([row(bar('success', 0, 1_000))], 0, 1_000);
    expect(scale.gaps).toEqual([]);
    expect(scale.at(250)).toBeCloseTo(0.25);
  });

  it('cuts a long wait short, and says how long it was', () => {
    const rows = [row(bar('success', 0, 1_000), bar('asked', 1_000, HOUR), bar('success', HOUR, HOUR + 1_000))];
    const scale = scaleOf(rows, 0, HOUR + 1_000);
    expect(scale.gaps.map((gap) => gap.millis)).toEqual([HOUR - 1_000]);
    expect(scale.at(1_000)).toBeGreaterThan(0.4);
    expect(scale.at(HOUR)).toBeLessThan(0.6);
    expect(scale.at(HOUR + 1_000)).toBeCloseTo(1);
  });

  it('never goes back, and has its marks in order', () => {
    const rows = [row(bar('success', 0, 500), bar('success', 90_000, 91_000), bar('success', 500_000, 500_200))];
    const scale = scaleOf(rows, 0, 600_000);
    const places = Array.from({ length: 100 }, (_, index) => scale.at(index * 6_000));
    expect(places).toEqual(places.toSorted((one, other) => one - other));
    expect(scale.marks.map((mark) => mark.at)).toEqual([0, 0.2, 0.4, 0.6, 0.8]);
  });
});
