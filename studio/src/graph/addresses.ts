/** Addresses in a run, as src/waystation/core/addresses.py makes them: `items[17]/charge`, `poll#3/check`, `charge~undo`. */

export const UNDO = '~undo';

/** The node of the graph that an address is an instance of: `items[17]/charge` -> `items/charge`. */
export function nodeKey(address: string): string {
  return address.replace(/\[\d+\]|#\d+/g, '');
}

/** The address up to and including its last slash. */
export function prefixOf(address: string): string {
  return address.slice(0, address.lastIndexOf('/') + 1);
}

/** The last part of an address: the id of the step or node. */
export function idOf(address: string): string {
  return address.slice(address.lastIndexOf('/') + 1);
}

/** The nested workflow, foreach or loop that `address` is in, as an address; "" for none. */
export function around(address: string): string {
  return prefixOf(address).replace(/(?:\[\d+\]|#\d+)?\/$/, '');
}

/** The item (from 0) or turn (from 1) of the innermost foreach or loop around; null for none. */
export function numberOf(address: string): number | null {
  const found = /(?:\[(\d+)\]|#(\d+))\/$/.exec(prefixOf(address));
  return found === null ? null : Number(found[1] ?? found[2]);
}
