/** The way of a line from one box to another, corner by corner. */

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Down, over to the other at the height `across`, and down; or over to `up`, up there, and over: to the next column. */
export type Lane = { readonly across: number } | { readonly up: number };

/** How far a line goes straight from a box before it turns to another column. */
const STUB = 8;
const RADIUS = 10;

export function wayOf(from: Point, to: Point, lane: Lane | null): readonly Point[] {
  if (lane === null || Math.abs(from.x - to.x) < 1) return [from, { x: from.x, y: to.y }];
  if ('across' in lane) return [from, { x: from.x, y: lane.across }, { x: to.x, y: lane.across }, to];
  const [low, high] = [from.y + STUB, to.y - STUB];
  return [from, { x: from.x, y: low }, { x: lane.up, y: low }, { x: lane.up, y: high }, { x: to.x, y: high }, to];
}

/** The way as a path to draw, with its corners rounded. */
export function pathOf(way: readonly Point[]): string {
  return way
    .map((at, index) => {
      const [before, after] = [way[index - 1], way[index + 1]];
      if (before === undefined) return `M${at.x},${at.y}`;
      if (after === undefined) return `L${at.x},${at.y}`;
      const into = towards(at, before);
      const out = towards(at, after);
      return `L${into.x},${into.y}Q${at.x},${at.y} ${out.x},${out.y}`;
    })
    .join('');
}

/** Where the corner at `from` begins or ends: never further than half the way to the next one. */
function towards(from: Point, to: Point): Point {
  const far = Math.hypot(to.x - from.x, to.y - from.y);
  const part = far === 0 ? 0 : Math.min(RADIUS, far / 2) / far;
  return { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part };
}
