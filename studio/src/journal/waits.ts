import { nodeKey, prefixOf } from '../graph/addresses';
import type { Places } from '../graph/places';
import type { NodeModel, RunModel } from './model';
import { Values } from './values';

/**
 * The waits for events that a run has come to and that its journal has nothing of: one without a timeout records
 * nothing until its event is there. What comes before it is done, so it waits.
 */
export function openWaits(places: Places, run: RunModel): NodeModel[] {
  if (run.startedAt === null || run.endedAt !== null || run.cancel !== null || run.undoBegan !== null) return [];
  const waits = [...places.values()].filter((place) => place.node.kind === 'wait');
  if (waits.length === 0) return [];
  const values = new Values(places, run);
  const prefixes = prefixesOf(run);
  const found: NodeModel[] = [];
  for (const { key, node } of waits) {
    for (const prefix of prefixes.get(prefixOf(key)) ?? [prefixOf(key)]) {
      const address = prefix + node.id;
      if (run.nodes.has(address) || !values.input(address).known) continue;
      found.push({ address, key, status: 'waiting', began: run.startedAt, at: run.startedAt });
    }
  }
  return found;
}

/** The workflows, items and turns that a run has come to, by where they are in the graph. */
function prefixesOf(run: RunModel): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, Set<string>>();
  for (const address of [...run.steps.keys(), ...run.nodes.keys()]) {
    for (let prefix = prefixOf(address); prefix !== ''; prefix = prefixOf(prefix.slice(0, -1))) {
      const key = nodeKey(prefix);
      const known = found.get(key) ?? new Set<string>();
      if (known.has(prefix)) break;
      found.set(key, known.add(prefix));
    }
  }
  return new Map([...found].map(([key, prefixes]) => [key, [...prefixes]]));
}
