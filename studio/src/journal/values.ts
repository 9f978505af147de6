import type { Json } from '../api/types';
import { around, idOf, numberOf, prefixOf, UNDO } from '../graph/addresses';
import type { GraphNode } from '../graph/description';
import type { Place, Places } from '../graph/places';
import { nodeKey } from '../graph/addresses';
import type { RunModel } from './model';

/** A value that reached a node or came of it; or that there is none (yet). */
export type Found = { readonly known: true; readonly value: Json } | { readonly known: false };

const NONE: Found = { known: false };
const found = (value: Json): Found => ({ known: true, value });
const maybe = (value: Json | undefined): Found => (value === undefined ? NONE : found(value));

/**
 * Works out inputs and outputs. The journal holds each value once, where it was made; what reached a step is what its
 * place in the graph says: what came of the node before, an item of a list, the last turn of a loop.
 */
export class Values {
  constructor(
    private readonly places: Places,
    private readonly run: RunModel,
  ) {}

  /** What the step or node at `address` was given. */
  input(address: string): Found {
    const replaced = this.run.replacedInputs.get(address);
    if (replaced !== undefined) return found(replaced);
    if (address.endsWith(UNDO)) return this.output(address.slice(0, -UNDO.length));
    const place = this.places.get(nodeKey(address));
    if (place === undefined) return NONE;
    const prefix = prefixOf(address);
    if (place.block !== null) return this.input(prefix + place.block.node.id);
    const before = place.sequence?.[place.position - 1];
    if (before !== undefined) return this.output(prefix + before.id);
    return this.#entering(address, place);
  }

  /** What enters the innermost workflow, foreach or loop around. */
  #entering(address: string, place: Place): Found {
    if (place.around === null) return maybe(this.run.input);
    const outer = around(address);
    const given = this.input(outer);
    if (place.around.node.kind === 'workflow') return given;
    const number = numberOf(address);
    if (number === null) return NONE;
    if (place.around.node.kind === 'loop') {
      return number <= 1 ? given : this.output(`${outer}#${number - 1}/${idOf(address)}`);
    }
    return given.known && Array.isArray(given.value) ? maybe((given.value as readonly Json[])[number]) : NONE;
  }

  /** What came of the step or node at `address`. */
  output(address: string): Found {
    const step = this.run.steps.get(address);
    if (step !== undefined) return maybe(step.output);
    const place = this.places.get(nodeKey(address));
    return place === undefined ? NONE : this.#outputOf(address, place.node);
  }

  #outputOf(address: string, node: GraphNode): Found {
    const prefix = prefixOf(address);
    switch (node.kind) {
      case 'step':
        return NONE;
      case 'map':
      case 'wait':
        return maybe(this.run.nodes.get(address)?.output);
      case 'sleep':
        return this.run.nodes.get(address)?.status === 'success' ? this.input(address) : NONE;
      case 'workflow':
        return this.#outputOfWorkflow(address, node.nodes);
      case 'parallel':
        return this.#object(
          prefix,
          node.children.map((child) => child.id),
          node.allow_failure,
        );
      case 'branch': {
        const taken = this.run.nodes.get(address)?.taken;
        return taken === undefined ? NONE : this.#object(prefix, taken, false);
      }
      case 'switch': {
        const [taken] = this.run.nodes.get(address)?.taken ?? [];
        return taken === undefined ? NONE : this.output(prefix + taken);
      }
      case 'foreach':
        return this.#list(address, node.child.id);
      case 'loop': {
        const loop = this.run.nodes.get(address);
        return loop?.status === 'success' ? this.output(`${address}#${loop.count ?? 1}/${node.child.id}`) : NONE;
      }
    }
  }

  #outputOfWorkflow(address: string, nodes: readonly GraphNode[]): Found {
    const prefix = `${address}/`;
    for (const step of this.run.steps.values()) {
      const inside = prefixOf(step.address) === prefix;
      if (inside && step.attempts.at(-1)?.outcome === 'bailed') return maybe(step.output);
    }
    const last = nodes.at(-1);
    return last === undefined ? NONE : this.output(prefix + last.id);
  }

  #object(prefix: string, ids: readonly string[], failedIsNull: boolean): Found {
    const value: Record<string, Json> = {};
    for (const id of ids) {
      const output = this.output(prefix + id);
      if (output.known) value[id] = output.value;
      else if (failedIsNull && this.run.steps.get(prefix + id)?.status === 'failed') value[id] = null;
      else return NONE;
    }
    return found(value);
  }

  #list(address: string, child: string): Found {
    const count = this.run.nodes.get(address)?.count;
    if (count === undefined) return NONE;
    const items: Json[] = [];
    for (let index = 0; index < count; index += 1) {
      const output = this.output(`${address}[${index}]/${child}`);
      if (!output.known) return NONE;
      items.push(output.value);
    }
    return found(items);
  }
}
