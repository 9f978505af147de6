import type { RunFilter } from '../api/calls';
import { RUN_STATUSES, type RunStatus, type RunSummary } from '../api/types';

/** What of the runs is listed. It is in the address of the page, so that it can be kept and sent to others. */
export interface Filters {
  readonly workflow: string;
  readonly status: readonly RunStatus[];
  readonly resource: string;
  readonly since: string;
}

export const NO_FILTERS: Filters = { workflow: '', status: [], resource: '', since: '' };

/** Beginnings of time to choose from, in hours. */
export const SINCE: readonly (readonly [string, string])[] = [
  ['', 'any time'],
  ['1', 'the last hour'],
  ['24', 'the last day'],
  ['168', 'the last week'],
];

export function readFilters(search: string): Filters {
  const parameters = new URLSearchParams(search);
  const statuses = parameters.getAll('status');
  return {
    workflow: parameters.get('workflow') ?? '',
    status: RUN_STATUSES.filter((status) => statuses.includes(status)),
    resource: parameters.get('resource') ?? '',
    since: SINCE.some(([hours]) => hours === parameters.get('since')) ? (parameters.get('since') ?? '') : '',
  };
}

export function writeFilters(filters: Filters): string {
  const parameters = new URLSearchParams();
  if (filters.workflow !== '') parameters.set('workflow', filters.workflow);
  for (const status of filters.status) parameters.append('status', status);
  if (filters.resource !== '') parameters.set('resource', filters.resource);
  if (filters.since !== '') parameters.set('since', filters.since);
  return parameters.toString();
}

export function filterOf(filters: Filters, now: number): RunFilter {
  return {
    workflow: filters.workflow,
    status: filters.status,
    resource_id: filters.resource,
    ...(filters.since === '' ? {} : { since: new Date(now - Number(filters.since) * 3_600_000).toISOString() }),
  };
}

export const isFiltered = (filters: Filters): boolean => writeFilters(filters) !== '';

/** Whether a run that is listed still belongs there, now that it stands otherwise. */
export const stillFits = (run: RunSummary, filters: Filters): boolean =>
  filters.status.length === 0 || filters.status.includes(run.status);
