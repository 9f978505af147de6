import type { Json, JsonSchema } from '../api/types';

/** A workflow as the server describes it: `Workflow.describe()` as JSON. */

export interface TypeDescription {
  readonly type: string;
  readonly schema: JsonSchema;
}

export interface RetryDescription {
  readonly attempts: number;
  readonly backoff: string;
  readonly initial_seconds: number | null;
  readonly maximum_seconds: number | null;
  readonly jitter: Json;
  readonly on: readonly string[];
}

/** What a function of the workflow's author is known by; a number or a text where it was a value. */
export type ValueOrName = number | string | { readonly function: string | null } | null;

interface Child {
  readonly id: string;
  /** Of a child of a branch: the name of its condition. */
  readonly condition?: string | null;
}

export interface StepNode extends Child {
  readonly kind: 'step';
  readonly description: string;
  readonly input: TypeDescription;
  readonly output: TypeDescription;
  readonly suspend: TypeDescription | null;
  readonly resume: TypeDescription | null;
  readonly state: TypeDescription | null;
  readonly retry: RetryDescription | null;
  readonly timeout_seconds: number | null;
  readonly total_timeout_seconds: number | null;
  readonly undo: StepNode | null;
}

export interface WorkflowNode extends Child {
  readonly kind: 'workflow';
  readonly description: string;
  readonly input: TypeDescription;
  readonly output: TypeDescription;
  readonly state: TypeDescription | null;
  readonly retry: RetryDescription | null;
  readonly nodes: readonly GraphNode[];
}

export type ChildNode = StepNode | WorkflowNode;

export interface ParallelNode {
  readonly kind: 'parallel';
  readonly id: string;
  readonly allow_failure: boolean;
  readonly children: readonly ChildNode[];
}

export interface BranchNode {
  readonly kind: 'branch';
  readonly id: string;
  readonly children: readonly ChildNode[];
}

export interface SwitchNode {
  readonly kind: 'switch';
  readonly id: string;
  readonly key: string | null;
  readonly cases: readonly { readonly key: Json; readonly child: string }[];
  readonly default: string | null;
  readonly children: readonly ChildNode[];
}

export interface ForeachNode {
  readonly kind: 'foreach';
  readonly id: string;
  readonly concurrency: ValueOrName;
  readonly child: ChildNode;
}

export interface LoopNode {
  readonly kind: 'loop';
  readonly id: string;
  readonly until: boolean;
  readonly condition: string | null;
  readonly child: ChildNode;
}

export interface MapNode {
  readonly kind: 'map';
  readonly id: string;
  readonly function: string | null;
  readonly sources: Readonly<Record<string, string>> | null;
  readonly output: TypeDescription;
}

export interface SleepNode {
  readonly kind: 'sleep';
  readonly id: string;
  readonly seconds: ValueOrName;
  readonly until: ValueOrName;
}

export interface WaitNode {
  readonly kind: 'wait';
  readonly id: string;
  readonly event: string;
  readonly data: TypeDescription;
  readonly match: string | null;
  readonly matches: boolean;
  readonly timeout_seconds: number | null;
  readonly has_default: boolean;
}

export type BlockNode = ParallelNode | BranchNode | SwitchNode;
export type GraphNode = ChildNode | BlockNode | ForeachNode | LoopNode | MapNode | SleepNode | WaitNode;

export interface ScheduleDescription {
  readonly id: string;
  readonly cron: string;
  readonly timezone: string;
}

export interface WorkflowDescription {
  readonly id: string;
  readonly version: string;
  readonly description: string;
  readonly fingerprint: string;
  readonly input: TypeDescription;
  readonly output: TypeDescription;
  readonly state: TypeDescription | null;
  readonly request_context: TypeDescription | null;
  readonly retry: RetryDescription | null;
  readonly schedules: readonly ScheduleDescription[];
  readonly nodes: readonly GraphNode[];
  readonly mermaid?: string;
}

/** How a function is to be called, or the value there is instead. */
export function valueText(value: ValueOrName): string {
  if (value === null) return '';
  if (typeof value === 'object') return value.function ?? 'a function';
  return String(value);
}

/** The key of a switch's case, as it is read. */
export const caseWords = (key: Json): string => (typeof key === 'string' ? key : JSON.stringify(key));
