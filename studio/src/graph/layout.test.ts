import { describe, expect, it } from 'vitest';

import { layoutOf, nestedOf, type Box, type Layout, type Line } from './layout';
import { branch, foreach, nested, parallel, step, workflow } from './sample';
import { wayOf, type Point } from './track';
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

const HEAD = 38;
/** The corners of a line, from where the boxes at its ends are. */
function drawnWay({ boxes, terminals }: Layout, { from, to, fromSide, toSide, lane }: Line): readonly Point[] {
  const at = (key: string) => [...boxes, ...terminals].find((each) => each.key === key) ?? expect.fail(key);
  const [source, target] = [at(from), at(to)];
  return wayOf(
    { x: source.x + source.width / 2, y: source.y + (fromSide === 'bottom' ? source.height : HEAD) },
    { x: target.x + target.width / 2, y: target.y + (toSide === 'top' ? 0 : target.height) },
    lane,
  );
}
/** Whether a piece of line goes through the inside of a box; along its edge is not through it. */
const crosses = (one: Point, other: Point, box: Box): boolean =>
  Math.min(one.x, other.x) < box.x + box.width &&
  box.x < Math.max(one.x, other.x) &&
  Math.min(one.y, other.y) < box.y + box.height &&
  box.y < Math.max(one.y, other.y);
/** What the lines of a layout run through; the frames that a line is in are around it. */
function crossed(layout: Layout): string[] {
  const parents = new Map(layout.boxes.map((box) => [box.key, box.parent]));
  const around = (key: string): string[] => {
    const parent = parents.get(key) ?? null;
    return parent === null ? [] : [parent, ...around(parent)];
  };
  return layout.lines.flatMap((line) => {
    const way = drawnWay(layout, line);
    const within = line.fromSide === 'inner-top' ? around(line.to) : around(line.from);
    const others = layout.boxes.filter((box) => !within.includes(box.key));
    return way.slice(1).flatMap((point, index) => {
      const before = way[index] ?? point;
      return others.filter((box) => crosses(before, point, box)).map((box) => `${line.id} through ${box.key}`);
    });
  });
}

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

  it('has no line through a box, whatever the heights and widths of what is side by side', () => {
    const many = (prefix: string, count: number) =>
      Array.from({ length: count }, (_, index) => step(`${prefix}${index}`));
    const tall = nested('articles', [
      foreach('each', nested('publishing', [...many('s', 3), parallel('q', many('t', 3))])),
    ]);
    const low = nested('cover', [step('draw')]);
    const graphs = [
      rich,
      workflow(parallel('p', [tall, low])),
      workflow(parallel('p', [low, tall, step('z')]), step('end')),
      workflow(branch('r', [low, { ...step('d'), condition: 'is_good' }, tall])),
      workflow(parallel('p', [low, nested('long', many('l', 150))]), ...many('o', 90)),
      workflow(...many('o', 70), parallel('wide', many('w', 5)), ...many('e', 90)),
    ];
    for (const graph of graphs)
      for (const open of [true, false]) expect(crossed(layoutOf(graph, () => open))).toEqual([]);
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
