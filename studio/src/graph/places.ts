import { UNDO } from './addresses';
import type { BlockNode, GraphNode, WorkflowDescription, WorkflowNode, ForeachNode, LoopNode } from './description';

/** Where each node of a graph is. A key is an address without numbers. */
export interface Place {
  readonly key: string;
  readonly node: GraphNode;
  /** The nodes it stands among, and which of them it is; null for children of blocks, of foreachs and of loops. */
  readonly sequence: readonly GraphNode[] | null;
  readonly position: number;
  /** The parallel, branch or switch it is a child of. */
  readonly block: { readonly key: string; readonly node: BlockNode } | null;
  /** The nested workflow, foreach or loop it is in. */
  readonly around: { readonly key: string; readonly node: WorkflowNode | ForeachNode | LoopNode } | null;
}

export type Places = ReadonlyMap<string, Place>;

export function placesOf(workflow: WorkflowDescription): Places {
  const found = new Map<string, Place>();

  function sequence(nodes: readonly GraphNode[], prefix: string, around: Place['around']): void {
    nodes.forEach((node, position) => {
      add(node, prefix, { sequence: nodes, position, block: null, around });
    });
  }

  function add(node: GraphNode, prefix: string, where: Omit<Place, 'key' | 'node'>): void {
    const key = prefix + node.id;
    found.set(key, { key, node, ...where });
    switch (node.kind) {
      case 'workflow':
        sequence(node.nodes, `${key}/`, { key, node });
        break;
      case 'parallel':
      case 'branch':
      case 'switch':
        for (const child of node.children) {
          add(child, prefix, { sequence: null, position: 0, block: { key, node }, around: where.around });
        }
        break;
      case 'foreach':
      case 'loop':
        add(node.child, `${key}/`, { sequence: null, position: 0, block: null, around: { key, node } });
        break;
      case 'step':
        if (node.undo !== null) {
          const undo = { key: key + UNDO, node: node.undo, sequence: null, position: 0, block: null };
          found.set(undo.key, { ...undo, around: where.around });
        }
        break;
      default:
    }
  }

  sequence(workflow.nodes, '', null);
  return found;
}
