import { describe, expect, it } from 'vitest';

import { branch, foreach, loop, nested, parallel, step, workflow } from '../graph/sample';
import { placesOf } from '../graph/places';
import type { GraphNode } from '../graph/description';
import { folded, CREATED, failed, started, succeeded, type Told } from './sample';
import { Values } from './values';

function values(nodes: readonly GraphNode[], ...entries: readonly Told[]): Values {
  return new Values(placesOf(workflow(...nodes)), folded(CREATED, ...entries).model);
}
const known = (value: unknown) => ({ known: true, value });
const UNKNOWN = { known: false };

describe('what reached a step', () => {
  it('is the input of the run, then what came of the step before', () => {
    const found = values([step('a'), step('b'), step('c')], started(1), succeeded('a', 2));
    expect(found.input('a')).toEqual(known(1));
    expect(found.input('b')).toEqual(known(2));
    expect(found.input('c')).toEqual(UNKNOWN);
  });

  it('is the same for all children of a block, and an object of their outputs after it', () => {
    const block = parallel('p', [step('a'), step('b')]);
    const found = values([block, step('c')], started(1), succeeded('a', 2), succeeded('b', 3));
    expect(found.input('b')).toEqual(known(1));
    expect(found.input('c')).toEqual(known({ a: 2, b: 3 }));
  });

  it('has null for a child that failed, where that is allowed', () => {
    const block = parallel('p', [step('a'), step('b')], true);
    const found = values([block, step('c')], started(1), succeeded('a', 2), failed('b'));
    expect(found.input('c')).toEqual(known({ a: 2, b: null }));
  });

  it('has of a branch those that were taken', () => {
    const found = values(
      [branch('x', [step('a'), step('b')]), step('c')],
      started(1),
      { kind: 'branch-taken', address: 'x', taken: ['b'] },
      succeeded('b', 5),
    );
    expect(found.input('c')).toEqual(known({ b: 5 }));
  });

  it('is an item of a list, and a list of outputs after it', () => {
    const found = values(
      [foreach('f', step('a')), step('b')],
      started([10, 20]),
      { kind: 'foreach-begun', address: 'f', count: 2, concurrency: 2 },
      succeeded('f[1]/a', 21),
      succeeded('f[0]/a', 11),
    );
    expect(found.input('f[1]/a')).toEqual(known(20));
    expect(found.input('b')).toEqual(known([11, 21]));
  });

  it('is what came of the turn before, in a loop', () => {
    const found = values(
      [loop('l', step('a')), step('b')],
      started(0),
      succeeded('l#1/a', 1),
      { kind: 'loop-decided', address: 'l', turn: 1, again: true },
      succeeded('l#2/a', 2),
      { kind: 'loop-decided', address: 'l', turn: 2, again: false },
    );
    expect(found.input('l#1/a')).toEqual(known(0));
    expect(found.input('l#2/a')).toEqual(known(1));
    expect(found.input('b')).toEqual(known(2));
  });

  it('comes into a nested workflow, and out of its last node or of the step that bailed', () => {
    const flow = [step('a'), nested('n', [step('x'), step('y')]), step('b')];
    const through = values(flow, started(1), succeeded('a', 2), succeeded('n/x', 3), succeeded('n/y', 4));
    expect(through.input('n/x')).toEqual(known(2));
    expect(through.input('b')).toEqual(known(4));
    const bailed = values(flow, started(1), succeeded('a', 2), {
      ...succeeded('n/x', 9),
      kind: 'step-bailed',
    });
    expect(bailed.input('b')).toEqual(known(9));
  });

  it('goes through a sleep when that is over', () => {
    const flow: GraphNode[] = [{ kind: 'sleep', id: 's', seconds: 1, until: null }, step('a')];
    const asleep = { kind: 'sleep-begun', address: 's', until: 9 };
    expect(values(flow, started(1), asleep).input('a')).toEqual(UNKNOWN);
    expect(values(flow, started(1), asleep, { kind: 'sleep-ended', address: 's' }).input('a')).toEqual(known(1));
  });

  it('is what a fork gave it instead', () => {
    const found = values([step('a'), step('b')], started(1), succeeded('a', 2), {
      kind: 'input-replaced',
      address: 'b',
      value: 100,
    });
    expect(found.input('b')).toEqual(known(100));
  });

  it('is of an undo what the step gave', () => {
    const found = values([step('a', { undo: step('u') })], started(1), succeeded('a', 2));
    expect(found.input('a~undo')).toEqual(known(2));
  });
});
