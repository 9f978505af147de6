import { describe, expect, it } from 'vitest';

import { layoutOf, nestedOf, type Box } from './layout';
import { branch, foreach, nested, parallel, step, workflow } from './sample';
import { firstView, wholeView } from './views';

const OPEN = () => true;
const overlap = (one: Box, other: Box): boolean =>
  one.x < other.x + other.width &&
  other.x < one.x + one.width &&
  one.y < other.y + other.height &&
  other.y < one.y + one.height;
const within = (inner: Box, outer: Box): boolean =>
  inner.x >= outer.x &&
  inner.y >= outer.y &&
  inner.x + inner.width <= outer.x + outer.width &&
  inner.y + inner.height <= outer.y + outer.height;

const rich = workflow(
  parallel('p', [step('a'), nested('n', [step('x'), step('y')]), step('b')]),
  foreach('f', step('c')),
  branch('r', [{ ...step('d'), condition: 'is_good' }, step('e')]),
);

describe('a layout', () => {
  it('has each box in its frame, and none on another', () => {
    const { boxes } = layoutOf(rich, OPEN);
    const byKey = new Map(boxes.map((box) => [box.key, box]));
    for (const box of boxes) {
      const frame = byKey.get(box.parent ?? '');
      if (frame !== undefined) expect(within(box, frame), box.key).toBe(true);
      for (const other of boxes) {
        if (other !== box && other.parent === box.parent)
          expect(overlap(box, other), `${box.key} ${other.key}`).toBe(false);
      }
    }
  });

  it('draws lines only between what is drawn', () => {
    for (const open of [true, false]) {
      const { boxes, lines } = layoutOf(rich, () => open);
      const keys = new Set([...boxes.map((box) => box.key), '>start', '>end']);
      for (const line of lines) expect(keys.has(line.from) && keys.has(line.to), line.id).toBe(true);
      expect(new Set(lines.map((line) => line.id)).size).toBe(lines.length);
    }
  });

  it('shows a nested workflow as one card until it is opened in place', () => {
    const keys = (open: boolean) => layoutOf(rich, () => open).boxes.map((box) => box.key);
    expect(keys(false)).not.toContain('n/x');
    expect(keys(true)).toContain('n/x');
    expect(nestedOf(rich)).toEqual({ keys: ['n'], nodes: 11 });
  });

  it('writes conditions at the children of a branch', () => {
    const labels = layoutOf(rich, OPEN).boxes.map((box) => [box.key, box.label]);
    expect(labels).toContainEqual(['d', 'is_good']);
    expect(labels).toContainEqual(['e', 'if']);
  });

  it('puts many children in rows, and a long sequence in columns', () => {
    const wide = layoutOf(
      workflow(
        parallel(
          'p',
          Array.from({ length: 100 }, (_, index) => step(`s${index}`)),
        ),
      ),
      OPEN,
    );
    expect(wide.width).toBeLessThan(4_000);
    const long = layoutOf(workflow(...Array.from({ length: 500 }, (_, index) => step(`s${index}`))), OPEN);
    expect(long.boxes).toHaveLength(500);
    expect(long.width / long.height).toBeGreaterThan(0.8);
    expect(long.width / long.height).toBeLessThan(3);
  });

  it('is the same each time', () => {
    expect(layoutOf(rich, OPEN)).toEqual(layoutOf(rich, OPEN));
  });
});

describe('a view', () => {
  const area = { width: 800, height: 600 };

  it('shows a small graph whole', () => {
    const layout = layoutOf(workflow(step('a')), OPEN);
    expect(firstView(layout, null, area)).toEqual(wholeView(layout, area));
  });

  it('of a large one shows the place that the run has come to, so that it can be read', () => {
    const layout = layoutOf(workflow(...Array.from({ length: 300 }, (_, index) => step(`s${index}`))), OPEN);
    const running = { status: 'running' as const, counts: {}, total: 1, attempts: 1 };
    const view = firstView(layout, new Map([['s200', running]]), area);
    const box = layout.boxes.find((each) => each.key === 's200');
    expect(view.zoom).toBeGreaterThanOrEqual(0.75);
    expect((box?.x ?? 0) * view.zoom + view.x).toBeGreaterThan(0);
    expect((box?.y ?? 0) * view.zoom + view.y).toBeLessThan(area.height);
  });
});
