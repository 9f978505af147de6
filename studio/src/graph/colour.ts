import type { StepStatus } from '../api/types';
import type { NodeModel, RunModel } from '../journal/model';
import { openWaits } from '../journal/waits';
import { statusAt } from '../journal/fold';
import type { GraphNode, WorkflowDescription } from './description';
import { UNDO } from './addresses';
import { placesOf } from './places';

/** How a node of the graph stands, over all items and turns it ran in. Skipped: a branch or switch did not take it. */
export type NodeStatus = StepStatus | 'skipped' | 'idle';

export interface NodeColour {
  readonly status: NodeStatus;
  /** How many instances stand how; one entry only where it ran once. */
  readonly counts: Readonly<Partial<Record<StepStatus, number>>>;
  readonly total: number;
  /** Of a foreach: how many items are done, of how many. Of a loop: how many turns were decided. */
  readonly progress?: { readonly done: number; readonly total: number } | undefined;
  readonly turns?: number | undefined;
  /** Attempts of the instance that took most, since it was answered last. */
  readonly attempts: number;
}

export type Colours = ReadonlyMap<string, NodeColour>;

/** Of several instances, the one that a person has to know of is told first. */
const TELLING: readonly StepStatus[] = ['failed', 'suspended', 'running', 'waiting', 'cancelled', 'success'];
const ON_THE_WAY: readonly StepStatus[] = ['suspended', 'running', 'waiting'];

class Tally {
  readonly counts: Partial<Record<StepStatus, number>> = {};
  total = 0;
  attempts = 0;

  add(status: StepStatus, attempts: number): void {
    this.counts[status] = (this.counts[status] ?? 0) + 1;
    this.total += 1;
    this.attempts = Math.max(this.attempts, attempts);
  }

  include(other: Tally): void {
    for (const status of TELLING) {
      const count = other.counts[status];
      if (count !== undefined) this.counts[status] = (this.counts[status] ?? 0) + count;
    }
    this.total += other.total;
  }

  status(order: readonly StepStatus[]): StepStatus | 'idle' {
    return order.find((status) => this.counts[status] !== undefined) ?? 'idle';
  }
}

/** The colour of every node of the graph, by key, as the run stands at `now`. */
export function coloursOf(workflow: WorkflowDescription, run: RunModel, now: number): Colours {
  const tallies = tally(run, openWaits(placesOf(workflow), run), now);
  const colours = new Map<string, NodeColour>();

  /** What is not to be taken, by prefix and id: of a branch that ran in several items, what none of them took. */
  const skipped = notTaken(workflow.nodes, '', run);

  function paint(node: GraphNode, prefix: string): Tally {
    const key = prefix + node.id;
    const own = tallies.get(key) ?? new Tally();
    const inner = new Tally();
    for (const [child, within] of childrenOf(node, prefix)) inner.include(paint(child, within));
    if (node.kind === 'step' && node.undo !== null) {
      const undo = tallies.get(key + UNDO);
      if (undo !== undefined) colours.set(key + UNDO, colourOf(undo, undo.status(TELLING)));
    }
    const framed = node.kind !== 'step' && inner.total > 0;
    let status: NodeStatus = framed ? frameStatus(node, inner, own, run) : own.status(TELLING);
    if (status === 'idle' && skipped.has(key)) status = 'skipped';
    colours.set(key, { ...colourOf(own, status), ...moreOf(node, key, run, tallies) });
    // A frame's own record (a foreach has begun) is no instance of a step: what is inside counts.
    return framed ? inner : own;
  }

  for (const node of workflow.nodes) paint(node, '');
  return colours;
}

function colourOf(tally: Tally, status: NodeStatus): NodeColour {
  return { status, counts: tally.counts, total: tally.total, attempts: tally.attempts };
}

function tally(run: RunModel, waits: readonly NodeModel[], now: number): Map<string, Tally> {
  const tallies = new Map<string, Tally>();
  const at = (key: string): Tally => {
    let found = tallies.get(key);
    if (found === undefined) tallies.set(key, (found = new Tally()));
    return found;
  };
  for (const step of run.steps.values()) at(step.key).add(statusAt(step, now), step.attempts.at(-1)?.attempt ?? 0);
  for (const node of [...run.nodes.values(), ...waits]) at(node.key).add(node.status, 0);
  return tallies;
}

/** A frame is on its way while anything in it is; it failed if it recorded that, or if what is in it did and the run too. */
function frameStatus(node: GraphNode, inner: Tally, own: Tally, run: RunModel): StepStatus {
  if (own.counts.failed !== undefined) return 'failed';
  const under = inner.status(ON_THE_WAY);
  if (under !== 'idle') return under;
  if (own.counts.running !== undefined && run.endedAt === null) return 'running';
  const mayFail = node.kind === 'parallel' && node.allow_failure;
  if (inner.counts.failed !== undefined && !mayFail && run.ended !== 'success') return 'failed';
  if (inner.counts.cancelled !== undefined) return 'cancelled';
  return 'success';
}

function childrenOf(node: GraphNode, prefix: string): [GraphNode, string][] {
  switch (node.kind) {
    case 'workflow':
      return node.nodes.map((child) => [child, `${prefix}${node.id}/`]);
    case 'parallel':
    case 'branch':
    case 'switch':
      return node.children.map((child) => [child, prefix]);
    case 'foreach':
    case 'loop':
      return [[node.child, `${prefix}${node.id}/`]];
    default:
      return [];
  }
}

function moreOf(
  node: GraphNode,
  key: string,
  run: RunModel,
  tallies: Map<string, Tally>,
): Pick<NodeColour, 'progress' | 'turns'> {
  if (node.kind !== 'foreach' && node.kind !== 'loop') return {};
  let count = 0;
  for (const each of run.nodes.values()) if (each.key === key) count += each.count ?? 0;
  if (node.kind === 'loop') return count > 0 ? { turns: count } : {};
  if (node.child.kind !== 'step')
    return count > 0 ? { progress: { done: itemsDone(run, key, node.child), total: count } } : {};
  const done = tallies.get(`${key}/${node.child.id}`)?.counts.success ?? 0;
  return count > 0 ? { progress: { done, total: count } } : {};
}

/** Of items that are workflows: how many have brought their last node to its end. */
function itemsDone(run: RunModel, key: string, child: Extract<GraphNode, { kind: 'workflow' }>): number {
  const last = child.nodes.at(-1);
  if (last === undefined) return 0;
  const lastKey = `${key}/${child.id}/${last.id}`;
  let done = 0;
  for (const step of run.steps.values()) if (step.key === lastKey && step.status === 'success') done += 1;
  for (const node of run.nodes.values()) if (node.key === lastKey && node.status === 'success') done += 1;
  return done;
}

function notTaken(nodes: readonly GraphNode[], prefix: string, run: RunModel): Set<string> {
  const taken = new Map<string, Set<string>>();
  for (const node of run.nodes.values()) {
    if (node.taken === undefined) continue;
    const ids = taken.get(node.key) ?? new Set();
    for (const id of node.taken) ids.add(id);
    taken.set(node.key, ids);
  }
  const skipped = new Set<string>();
  const look = (node: GraphNode, within: string): void => {
    const chosen = taken.get(within + node.id);
    if ((node.kind === 'branch' || node.kind === 'switch') && chosen !== undefined) {
      for (const child of node.children) if (!chosen.has(child.id)) skipped.add(within + child.id);
    }
    for (const [child, deeper] of childrenOf(node, within)) look(child, deeper);
  };
  for (const node of nodes) look(node, prefix);
  return skipped;
}
