import { Position, type Edge, type Node, type NodeHandle } from '@xyflow/react';

import type { Colours, NodeColour } from './colour';
import type { Box, Layout, Terminal } from './layout';
import type { Lane } from './track';

/** The layout as the drawing library takes it: sizes and anchors are known, so nothing has to be measured. */

export interface BoxData extends Record<string, unknown> {
  readonly box: Box;
  readonly colour: NodeColour | null;
  readonly undo: NodeColour | null;
  readonly isChosen: boolean;
}

export interface TerminalData extends Record<string, unknown> {
  readonly terminal: Terminal;
  readonly colour: null;
}

export type FlowNode = Node<BoxData, 'card' | 'frame'> | Node<TerminalData, 'terminal'>;
export interface TrackData extends Record<string, unknown> {
  readonly travelled: boolean;
  readonly quiet: boolean;
  readonly lane: Lane | null;
}

export type FlowEdge = Edge<TrackData, 'track'>;

const HEAD = 38;

function handles(width: number, height: number, isFrame: boolean): NodeHandle[] {
  const at = { x: width / 2, width: 1, height: 1 };
  const outer: NodeHandle[] = [
    { id: 'top', type: 'target', position: Position.Top, y: 0, ...at },
    { id: 'bottom', type: 'source', position: Position.Bottom, y: height - 1, ...at },
  ];
  if (!isFrame) return outer;
  return [
    ...outer,
    { id: 'inner-top', type: 'source', position: Position.Bottom, y: HEAD - 1, ...at },
    { id: 'inner-bottom', type: 'target', position: Position.Top, y: height, ...at },
  ];
}

export function nodesOf(layout: Layout, colours: Colours | null, chosen: string): FlowNode[] {
  const parents = new Map(layout.boxes.map((box) => [box.key, box.parent]));
  const boxes = layout.boxes.map((box): FlowNode => {
    const { key, x, y, width, height, framed } = box;
    return {
      id: key,
      type: framed ? 'frame' : 'card',
      position: { x, y },
      width,
      height,
      handles: handles(width, height, framed),
      // A frame lies below what is in it: deeper ones are above.
      zIndex: framed ? depthIn(parents, box.parent) : 100,
      data: {
        box,
        colour: colours?.get(key) ?? null,
        undo: colours?.get(`${key}~undo`) ?? null,
        isChosen: key === chosen,
      },
    };
  });
  const terminals = layout.terminals.map((terminal): FlowNode => {
    const { key, x, y, width, height } = terminal;
    return {
      id: key,
      type: 'terminal',
      position: { x, y },
      width,
      height,
      handles: handles(width, height, false),
      data: { terminal, colour: null },
    };
  });
  return [...boxes, ...terminals];
}

function depthIn(parents: ReadonlyMap<string, string | null>, parent: string | null): number {
  let depth = 0;
  for (let each = parent; each !== null; each = parents.get(each) ?? null) depth += 1;
  return depth;
}

export function edgesOf(layout: Layout, colours: Colours | null): FlowEdge[] {
  return layout.lines.map(({ id, from, to, fromSide, toSide, lane }) => {
    const begun = (key: string): boolean => {
      const status = colours?.get(key)?.status;
      return status !== undefined && status !== 'idle' && status !== 'skipped';
    };
    const done = (key: string): boolean => colours?.get(key)?.status === 'success';
    const travelled = to === '>end' ? done(from) : toSide === 'inner-bottom' ? done(from) : begun(to);
    const skipped = [from, to].some((key) => colours?.get(key)?.status === 'skipped');
    return {
      id,
      type: 'track',
      source: from,
      target: to,
      sourceHandle: fromSide,
      targetHandle: toSide,
      // Where they share a piece, the line that was travelled is the one to be seen.
      zIndex: travelled ? 99 : skipped ? 97 : 98,
      data: { travelled, quiet: skipped, lane },
    };
  });
}
