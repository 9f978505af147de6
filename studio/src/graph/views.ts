import type { Colours } from './colour';
import type { Box, Layout } from './layout';

/** Where to look at a graph from. Pure. */
export interface View {
  readonly x: number;
  readonly y: number;
  readonly zoom: number;
}

export interface Area {
  readonly width: number;
  readonly height: number;
}

const MARGIN = 28;
/** At this size a card can be read. */
const READABLE = 0.75;

export function wholeView({ width, height }: Layout, area: Area): View {
  const zoom = Math.min((area.width - 2 * MARGIN) / width, (area.height - 2 * MARGIN) / height, 1);
  return { x: (area.width - width * zoom) / 2, y: (area.height - height * zoom) / 2, zoom };
}

/** The whole graph where it can be read so; else the place that the run has come to, or the beginning. */
export function firstView(layout: Layout, colours: Colours | null, area: Area): View {
  const whole = wholeView(layout, area);
  if (whole.zoom >= 0.6) return whole;
  const [start] = layout.terminals;
  return viewOf(layout, placeOf(layout, colours) ?? start, area);
}

/** A box in the middle, at a size that can be read. */
export function viewOf(layout: Layout, box: Area & { readonly x: number; readonly y: number }, area: Area): View {
  const across = (area.width - 2 * MARGIN) / layout.width;
  const zoom = Math.min(1, Math.max(across, READABLE));
  const x = across >= zoom ? (area.width - layout.width * zoom) / 2 : area.width / 2 - (box.x + box.width / 2) * zoom;
  return { x, y: Math.min(MARGIN, area.height / 2 - (box.y + box.height / 2) * zoom), zoom };
}

/** The card at which the run is, or at which it failed. */
export function placeOf(layout: Layout, colours: Colours | null): Box | undefined {
  const cards = layout.boxes.filter((box) => !box.framed);
  for (const status of ['suspended', 'running', 'waiting', 'failed'] as const) {
    const found = cards.findLast((box) => colours?.get(box.key)?.status === status);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** How far what lies at `from` has to be moved to lie between 0 and `room`, with some space around it. */
export function shiftInto(from: number, length: number, room: number): number {
  if (from >= 0 && from + length <= room) return 0;
  const space = Math.max(0, Math.min(90, (room - length) / 2));
  return from < 0 ? space - from : room - space - length - from;
}
