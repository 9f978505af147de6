import { describe, expect, it } from 'vitest';

import type { GraphNode } from '../graph/description';
import { placesOf } from '../graph/places';
import { foreach, INT, nested, step, workflow } from '../graph/sample';
import { CREATED, folded, started, succeeded, type Told } from './sample';
import { openWaits } from './waits';

const WAIT: GraphNode = {
  kind: 'wait',
  id: 'w',
  event: 'paid',
  data: INT,
  match: null,
  matches: false,
  timeout_seconds: null,
  has_default: false,
};
const waits = (nodes: readonly GraphNode[], ...entries: readonly Told[]) =>
  openWaits(placesOf(workflow(...nodes)), folded(CREATED, ...entries).model).map((node) => node.address);

describe('a wait without a timeout', () => {
  it('waits when what is before it is done', () => {
    expect(waits([step('a'), WAIT], started(1))).toEqual([]);
    expect(waits([step('a'), WAIT], started(1), succeeded('a', 1))).toEqual(['w']);
    expect(waits([WAIT], started(1))).toEqual(['w']);
  });

  it('waits no more when its event is there, or the run is cancelled', () => {
    const event = { kind: 'event-received', name: 'paid', data: 1 };
    expect(waits([WAIT], started(1), event, { kind: 'event-matched', address: 'w', event: 3 })).toEqual([]);
    expect(waits([WAIT], started(1), { kind: 'cancel-requested' })).toEqual([]);
  });

  it('is found in nested workflows, and in each item by itself', () => {
    expect(waits([nested('n', [step('a'), WAIT])], started(1), succeeded('n/a', 1))).toEqual(['n/w']);
    const items = foreach('f', nested('n', [step('a'), WAIT]));
    const begun = { kind: 'foreach-begun', address: 'f', count: 2, concurrency: 2 };
    expect(waits([items], started([1, 2]), begun, succeeded('f[1]/n/a', 1))).toEqual(['f[1]/n/w']);
  });
});
