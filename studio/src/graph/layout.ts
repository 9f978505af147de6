import { caseWords, type BlockNode, type ChildNode, type GraphNode, type WorkflowDescription } from './description';
import type { Lane } from './track';

/**
 * Where everything is drawn. A workflow's graph is a tree: sequences of nodes, of which some hold others. So it needs
 * no solver: what is in a frame is laid out first, a sequence goes down, the children of a block stand side by side,
 * and each is centred on the line it hangs on. 500 nodes take a millisecond, and the same graph looks the same always.
 */

export interface Box {
  readonly key: string;
  /** Of the frame it is drawn in; null at the top. */
  readonly parent: string | null;
  readonly node: GraphNode;
  /** Whether it is drawn as a frame around others. */
  readonly framed: boolean;
  /** A nested workflow or what holds one can be opened and closed. */
  readonly foldable: boolean;
  /** What leads here, of a child of a branch or switch: its condition or keys. */
  readonly label: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A piece of line, from the foot of one box or the head of its frame to another. */
export interface Line {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly fromSide: 'bottom' | 'inner-top';
  readonly toSide: 'top' | 'inner-bottom';
  /** Where it goes from the middle of the one to that of the other; null where they are on one line. */
  readonly lane: Lane | null;
}

export interface Terminal {
  readonly key: '>start' | '>end';
  readonly text: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Layout {
  readonly boxes: readonly Box[];
  readonly lines: readonly Line[];
  readonly terminals: readonly [Terminal, Terminal];
  readonly width: number;
  readonly height: number;
}

export const CARD = { width: 248, height: 58 } as const;
const TERMINAL = { width: 168, height: 30 } as const;
const HEAD = 38;
const LEAST_FRAME = 304;
const PAD = 18;
const GAP = { down: 34, aside: 18, row: 22, column: 72 } as const;
const LABEL = 22;
/** A sequence that is longer is broken into columns. */
const LONGEST_COLUMN = 4_000;
/** Side by side up to so many; more children of a block stand in rows. */
const MOST_IN_A_ROW = 5;

interface Drawn {
  readonly width: number;
  readonly height: number;
  /** Draw it, with its upper left corner there. */
  readonly place: (x: number, y: number, parent: string | null) => void;
}

export function layoutOf(workflow: WorkflowDescription, isOpen: (key: string) => boolean): Layout {
  const boxes: Box[] = [];
  const lines: Line[] = [];

  function measure(node: GraphNode, prefix: string, label = ''): Drawn {
    const key = prefix + node.id;
    switch (node.kind) {
      case 'workflow':
        if (!isOpen(key)) return card(node, key, label, true);
        return frame(node, key, label, true, sequence(node.nodes, `${key}/`), true);
      case 'foreach':
      case 'loop':
        return frame(node, key, label, false, sequence([node.child], `${key}/`), true);
      case 'parallel':
      case 'branch':
      case 'switch':
        return frame(node, key, label, false, side(node, prefix), node.children.length <= MOST_IN_A_ROW);
      default:
        return card(node, key, label, false);
    }
  }

  function card(node: GraphNode, key: string, label: string, foldable: boolean): Drawn {
    const head = label === '' ? 0 : LABEL;
    return {
      width: CARD.width,
      height: CARD.height + head,
      place: (x, y, parent) => {
        boxes.push({ key, parent, node, framed: false, foldable, label, x, y: y + head, ...CARD });
      },
    };
  }

  function frame(
    node: GraphNode,
    key: string,
    label: string,
    foldable: boolean,
    inner: Drawn & { heads: string[]; feet: string[] },
    joined: boolean,
  ): Drawn {
    const head = label === '' ? 0 : LABEL;
    const width = Math.max(LEAST_FRAME, inner.width + 2 * PAD);
    const height = HEAD + PAD + inner.height + PAD;
    return {
      width,
      height: height + head,
      place: (x, y, parent) => {
        boxes.push({ key, parent, node, framed: true, foldable, label, x, y: y + head, width, height });
        inner.place(x + (width - inner.width) / 2, y + head + HEAD + PAD, key);
        if (!joined) return; // rows of many children: lines would cross them
        // Across only above all that is in the frame, and below all: what is shorter has others at its side.
        const above: Lane = { across: y + head + HEAD + PAD / 2 };
        const below: Lane = { across: y + head + height - PAD / 2 };
        for (const to of inner.heads) {
          lines.push({ id: `${key}>${to}`, from: key, to, fromSide: 'inner-top', toSide: 'top', lane: above });
        }
        for (const from of inner.feet) {
          lines.push({ id: `${from}>${key}`, from, to: key, fromSide: 'bottom', toSide: 'inner-bottom', lane: below });
        }
      },
    };
  }

  function sequence(nodes: readonly GraphNode[], prefix: string): Drawn & { heads: string[]; feet: string[] } {
    const drawn = nodes.map((node) => measure(node, prefix));
    const columns = inColumns(drawn);
    const widths = columns.map((column) => Math.max(0, ...column.map((each) => each.width)));
    const heights = columns.map(
      (column) => column.reduce((sum, each) => sum + each.height, 0) + GAP.down * Math.max(0, column.length - 1),
    );
    const width = widths.reduce((sum, each) => sum + each, 0) + GAP.column * Math.max(0, columns.length - 1);
    const keys = nodes.map((node) => prefix + node.id);
    return {
      width,
      height: Math.max(0, ...heights),
      heads: keys.slice(0, 1),
      feet: keys.slice(-1),
      place: (x, y, parent) => {
        let aside = x;
        const lanes: (Lane | null)[] = [];
        columns.forEach((column, index) => {
          const across = widths[index] ?? 0;
          let down = y;
          for (const each of column) {
            each.place(aside + (across - each.width) / 2, down, parent);
            down += each.height + GAP.down;
            lanes.push(each === column.at(-1) ? { up: aside + across + GAP.column / 2 } : null);
          }
          aside += across + GAP.column;
        });
        for (let index = 1; index < keys.length; index += 1) {
          const [from, to] = [keys[index - 1] ?? '', keys[index] ?? ''];
          const lane = lanes[index - 1] ?? null;
          lines.push({ id: `${from}>${to}`, from, to, fromSide: 'bottom', toSide: 'top', lane });
        }
      },
    };
  }

  function side(node: BlockNode, prefix: string): Drawn & { heads: string[]; feet: string[] } {
    const drawn = node.children.map((child) => measure(child, prefix, labelOf(node, child)));
    const rows: Drawn[][] = [];
    const most = drawn.length <= MOST_IN_A_ROW ? MOST_IN_A_ROW : Math.max(4, Math.ceil(Math.sqrt(drawn.length)));
    for (let index = 0; index < drawn.length; index += most) rows.push(drawn.slice(index, index + most));
    const widths = rows.map((row) => row.reduce((sum, each) => sum + each.width, 0) + GAP.aside * (row.length - 1));
    const heights = rows.map((row) => Math.max(...row.map((each) => each.height)));
    const width = Math.max(0, ...widths);
    const height = heights.reduce((sum, each) => sum + each, 0) + GAP.row * Math.max(0, rows.length - 1);
    const keys = node.children.map((child) => prefix + child.id);
    return {
      width,
      height,
      heads: keys,
      feet: keys,
      place: (x, y, parent) => {
        let down = y;
        rows.forEach((row, index) => {
          let aside = x + (width - (widths[index] ?? 0)) / 2;
          for (const each of row) {
            each.place(aside, down, parent);
            aside += each.width + GAP.aside;
          }
          down += (heights[index] ?? 0) + GAP.row;
        });
      },
    };
  }

  const inner = sequence(workflow.nodes, '');
  const width = Math.max(inner.width, TERMINAL.width);
  const top = TERMINAL.height + GAP.down;
  inner.place((width - inner.width) / 2, top, null);
  const bottom = top + inner.height + GAP.down;
  const [first] = inner.heads;
  const [last] = inner.feet;
  const above = (key: string | undefined): number => {
    const box = boxes.find((each) => each.key === key);
    return box === undefined ? (width - TERMINAL.width) / 2 : box.x + (box.width - TERMINAL.width) / 2;
  };
  const lastBox = boxes.find((each) => each.key === last);
  const foot = lastBox === undefined ? bottom : lastBox.y + lastBox.height + GAP.down;
  const start: Terminal = { key: '>start', text: workflow.input.type, x: above(first), y: 0, ...TERMINAL };
  const end: Terminal = { key: '>end', text: workflow.output.type, x: above(last), y: foot, ...TERMINAL };
  const straight = { fromSide: 'bottom', toSide: 'top', lane: null } as const;
  if (first !== undefined) lines.push({ id: '>first', from: start.key, to: first, ...straight });
  if (last !== undefined) lines.push({ id: '>last', from: last, to: end.key, ...straight });
  return { boxes, lines, terminals: [start, end], width, height: bottom + TERMINAL.height };
}

/** A long sequence goes on in further columns, so that the whole has the shape of a page and not of a thread. */
function inColumns(drawn: readonly Drawn[]): Drawn[][] {
  const height = drawn.reduce((sum, each) => sum + each.height + GAP.down, 0);
  if (height < LONGEST_COLUMN) return [[...drawn]];
  const widest = Math.max(...drawn.map((each) => each.width)) + GAP.column;
  const count = Math.max(2, Math.round(Math.sqrt((1.5 * height) / widest)));
  const columns: Drawn[][] = [[]];
  let filled = 0;
  for (const each of drawn) {
    if (filled > 0 && filled + each.height > height / count) {
      columns.push([]);
      filled = 0;
    }
    columns.at(-1)?.push(each);
    filled += each.height + GAP.down;
  }
  return columns;
}

function labelOf(node: BlockNode, child: ChildNode): string {
  if (node.kind === 'branch') return child.condition ?? 'if';
  if (node.kind === 'parallel') return '';
  const keys = node.cases.filter((each) => each.child === child.id).map((each) => caseWords(each.key));
  if (node.default === child.id) keys.push('else');
  return keys.join(', ');
}

/** Every nested workflow of a graph by key, and how many nodes there are in all, opened. */
export function nestedOf(workflow: WorkflowDescription): { readonly keys: readonly string[]; readonly nodes: number } {
  const keys: string[] = [];
  let count = 0;
  const look = (node: GraphNode, prefix: string): void => {
    count += 1;
    const key = prefix + node.id;
    if (node.kind === 'workflow') {
      keys.push(key);
      for (const child of node.nodes) look(child, `${key}/`);
    } else if ('children' in node) for (const child of node.children) look(child, prefix);
    else if ('child' in node) look(node.child, `${key}/`);
  };
  for (const node of workflow.nodes) look(node, '');
  return { keys, nodes: count };
}
