import { describe, expect, it } from 'vitest';

import { CREATED, failed, folded, started, succeeded, type Told } from '../journal/sample';
import { coloursOf } from './colour';
import type { GraphNode } from './description';
import { branch, foreach, loop, nested, parallel, step, workflow } from './sample';

function statuses(nodes: readonly GraphNode[], ...entries: readonly Told[]): Record<string, string> {
  const colours = coloursOf(workflow(...nodes), folded(CREATED, ...entries).model, 0);
  return Object.fromEntries([...colours].map(([key, colour]) => [key, colour.status]));
}
const SUSPENDED = (address: string) => ({ kind: 'step-suspended', address, attempt: 1, began: 0, payload: null });
const FAILED_RUN = { kind: 'run-failed', error: { code: 'exception', type: 'E', message: '' } };

describe('the colours of a graph', () => {
  it('are none where the run has not come to', () => {
    expect(statuses([step('a'), step('b')], started(1), succeeded('a', 1))).toEqual({ a: 'success', b: 'idle' });
  });

  it('have a frame be on its way while anything in it is', () => {
    const nodes = [nested('n', [step('a'), step('b')])];
    expect(statuses(nodes, started(1), succeeded('n/a', 1), SUSPENDED('n/b'))).toMatchObject({ n: 'suspended' });
    expect(statuses(nodes, started(1), succeeded('n/a', 1), succeeded('n/b', 1))).toMatchObject({ n: 'success' });
  });

  it('tell what a branch did not take', () => {
    const taken = { kind: 'branch-taken', address: 'x', taken: ['a'] };
    const nodes = [branch('x', [step('a'), step('b')])];
    expect(statuses(nodes, started(1), taken, succeeded('a', 1))).toEqual({ x: 'success', a: 'success', b: 'skipped' });
  });

  it('fail a block for a child, but not where one may fail', () => {
    const children = [step('a'), step('b')];
    const entries = [started(1), failed('a'), succeeded('b', 1)] as const;
    expect(statuses([parallel('p', children)], ...entries, FAILED_RUN)).toMatchObject({ p: 'failed', a: 'failed' });
    expect(statuses([parallel('p', children, true)], ...entries)).toMatchObject({ p: 'success', a: 'failed' });
  });

  it('tell of many items how many stand how, the worst first', () => {
    const begun = { kind: 'foreach-begun', address: 'f', count: 3, concurrency: 3 };
    const run = folded(CREATED, started([1, 2, 3]), begun, succeeded('f[0]/a', 1), failed('f[2]/a')).model;
    const colours = coloursOf(workflow(foreach('f', step('a'))), run, 0);
    expect(colours.get('f/a')).toMatchObject({ status: 'failed', total: 2, counts: { success: 1, failed: 1 } });
    expect(colours.get('f')?.progress).toEqual({ done: 1, total: 3 });
  });

  it('count items that are workflows when their last node is done', () => {
    const begun = { kind: 'foreach-begun', address: 'f', count: 2, concurrency: 2 };
    const run = folded(
      CREATED,
      started([1, 2]),
      begun,
      succeeded('f[0]/n/a', 1),
      succeeded('f[0]/n/b', 1),
      succeeded('f[1]/n/a', 1),
    ).model;
    const colours = coloursOf(workflow(foreach('f', nested('n', [step('a'), step('b')]))), run, 0);
    expect(colours.get('f')?.progress).toEqual({ done: 1, total: 2 });
  });

  it('tell the turns of a loop', () => {
    const run = folded(CREATED, started(0), succeeded('l#1/a', 1), {
      kind: 'loop-decided',
      address: 'l',
      turn: 1,
      again: true,
    }).model;
    const colours = coloursOf(workflow(loop('l', step('a'))), run, 0);
    expect(colours.get('l')).toMatchObject({ status: 'running', turns: 1 });
  });

  it('colour an undo by itself', () => {
    const nodes = [step('a', { undo: step('u') })];
    expect(statuses(nodes, started(1), succeeded('a', 1), succeeded('a~undo', null))).toEqual({
      a: 'success',
      'a~undo': 'success',
    });
  });
});
