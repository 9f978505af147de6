import type {
  BranchNode,
  ChildNode,
  GraphNode,
  StepNode,
  TypeDescription,
  WorkflowDescription,
  WorkflowNode,
} from './description';

/** Graphs for the tests. */

export const INT: TypeDescription = { type: 'int', schema: { type: 'integer' } };

export function step(id: string, more: Partial<StepNode> = {}): StepNode {
  return {
    kind: 'step',
    id,
    description: '',
    input: INT,
    output: INT,
    suspend: null,
    resume: null,
    state: null,
    retry: null,
    timeout_seconds: null,
    total_timeout_seconds: null,
    undo: null,
    ...more,
  };
}

export const nested = (id: string, nodes: readonly GraphNode[]): WorkflowNode => ({
  kind: 'workflow',
  id,
  description: '',
  input: INT,
  output: INT,
  state: null,
  retry: null,
  nodes,
});

export const parallel = (id: string, children: readonly ChildNode[], allow_failure = false): GraphNode => ({
  kind: 'parallel',
  id,
  allow_failure,
  children,
});

export const branch = (id: string, children: readonly ChildNode[]): BranchNode => ({ kind: 'branch', id, children });

export const foreach = (id: string, child: ChildNode): GraphNode => ({ kind: 'foreach', id, concurrency: 2, child });

export const loop = (id: string, child: ChildNode): GraphNode => ({
  kind: 'loop',
  id,
  until: true,
  condition: 'is_done',
  child,
});

export const workflow = (...nodes: readonly GraphNode[]): WorkflowDescription => ({
  id: 'sample',
  version: '',
  description: '',
  fingerprint: 'f',
  input: INT,
  output: INT,
  state: null,
  request_context: null,
  retry: null,
  schedules: [],
  nodes,
});
