import { describe, expect, it } from 'vitest';

import type { RunStatus, RunSummary } from '../api/types';
import { NO_FILTERS, readFilters, writeFilters } from './filters';
import { withChanges, withHead } from './runList';

const run = (id: string, at: number, status: RunStatus = 'running'): RunSummary => ({
  run_id: id,
  workflow_id: 'w',
  version: '',
  status,
  resource_id: null,
  created_at: new Date(at).toISOString(),
  updated_at: new Date(at).toISOString(),
  wake_at: null,
});
const ids = (rows: readonly RunSummary[]) => rows.map((row) => row.run_id);
const changed = (id: string, status: RunStatus) =>
  new Map([[id, { run_id: id, workflow_id: 'w', status, updated_at: new Date(99).toISOString() }]]);

describe('a list of runs', () => {
  it('shows at once how a run stands now', () => {
    const rows = withChanges([run('a', 2), run('b', 1)], changed('b', 'failed'), NO_FILTERS);
    expect(rows.map((row) => row.status)).toEqual(['running', 'failed']);
  });

  it('lets go of a run that does not fit any more', () => {
    const filters = { ...NO_FILTERS, status: ['running'] as const };
    expect(ids(withChanges([run('a', 2), run('b', 1)], changed('b', 'failed'), filters))).toEqual(['a']);
  });

  it('takes new runs in at its head, and keeps what was loaded below', () => {
    const rows = [run('c', 3), run('b', 2), run('a', 1)];
    const head = [run('e', 5), run('d', 4), run('c', 3, 'success')];
    const all = withHead(rows, head, false);
    expect(ids(all)).toEqual(['e', 'd', 'c', 'b', 'a']);
    expect(all[2]?.status).toBe('success');
  });

  it('lets go of what the head says is gone', () => {
    expect(ids(withHead([run('c', 3), run('b', 2), run('a', 1)], [run('d', 4), run('b', 2)], false))).toEqual([
      'd',
      'b',
      'a',
    ]);
    expect(ids(withHead([run('c', 3), run('b', 2)], [run('c', 3)], true))).toEqual(['c']);
  });
});

describe('filters', () => {
  it('are the same after they were written into an address', () => {
    const filters = { workflow: 'a b&c', status: ['failed', 'running'] as const, resource: 'x/y', since: '24' };
    expect(readFilters(writeFilters(filters))).toEqual({ ...filters, status: ['running', 'failed'] });
    expect(readFilters('')).toEqual(NO_FILTERS);
  });

  it('pass over what someone made up', () => {
    expect(readFilters('status=nonsense&since=7&other=1')).toEqual(NO_FILTERS);
  });
});
