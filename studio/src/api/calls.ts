import type { WorkflowDescription } from '../graph/description';
import { query, request } from './request';
import type {
  History,
  Json,
  JournalPage,
  LogPage,
  Me,
  RunDetail,
  RunPage,
  Schedule,
  Suspension,
  WorkflowSummary,
} from './types';

const at = encodeURIComponent;

export interface RunFilter {
  readonly workflow?: string;
  readonly status?: readonly string[];
  readonly resource_id?: string;
  readonly since?: string;
  readonly until?: string;
}

export interface StartOptions {
  readonly input: Json;
  readonly run_id?: string;
  readonly resource_id?: string;
  readonly version?: string;
  readonly per_step?: boolean;
}

export interface ForkOptions {
  readonly from_step: string;
  readonly input?: Json;
  readonly state?: Json;
  readonly run_id?: string;
}

/** One function a route, named as in Python. */
export const api = {
  me: () => request<Me>('/me'),
  signIn: (token: string) => request<undefined>('/session', { method: 'POST', body: { token } }),
  signOut: () => request<undefined>('/session', { method: 'DELETE' }),

  workflows: async () => (await request<{ workflows: WorkflowSummary[] }>('/workflows')).workflows,
  workflow: (id: string, version?: string) => request<WorkflowDescription>(`/workflows/${at(id)}${query({ version })}`),
  start: (workflow: string, options: StartOptions, idempotencyKey: string) =>
    request<RunDetail>(`/workflows/${at(workflow)}/start`, { method: 'POST', body: options, idempotencyKey }),

  runs: (filter: RunFilter, page: { limit: number; cursor?: string | null }, signal?: AbortSignal) =>
    request<RunPage>(`/runs${query({ ...filter, ...page })}`, signal === undefined ? {} : { signal }),
  run: (id: string) => request<RunDetail>(`/runs/${at(id)}`),
  history: (id: string) => request<History>(`/runs/${at(id)}/history`),
  journal: (id: string, after: number, limit: number) =>
    request<JournalPage>(`/runs/${at(id)}/journal${query({ after, limit })}`),
  logs: (id: string, after: number, limit: number) =>
    request<LogPage>(`/runs/${at(id)}/logs${query({ after, limit })}`),
  resume: (id: string, suspension: string, data: Json, idempotencyKey: string) =>
    request<RunDetail>(`/runs/${at(id)}/resume`, { method: 'POST', body: { data, suspension }, idempotencyKey }),
  cancel: (id: string, reason: string) =>
    request<RunDetail>(`/runs/${at(id)}/cancel`, { method: 'POST', body: reason === '' ? {} : { reason } }),
  restart: (id: string) => request<RunDetail>(`/runs/${at(id)}/restart`, { method: 'POST', body: {} }),
  proceed: (id: string, per_step: boolean) =>
    request<RunDetail>(`/runs/${at(id)}/proceed`, { method: 'POST', body: { per_step } }),
  startRun: (id: string, input: Json) =>
    request<RunDetail>(`/runs/${at(id)}/start`, { method: 'POST', body: { input } }),
  fork: (id: string, options: ForkOptions) =>
    request<RunDetail>(`/runs/${at(id)}/fork`, { method: 'POST', body: options }),
  sendEvent: (id: string, name: string, data: Json, idempotencyKey: string) =>
    request<{ run_ids: string[] }>(`/runs/${at(id)}/events`, {
      method: 'POST',
      body: { name, data },
      idempotencyKey,
    }),
  deleteRun: (id: string) => request<undefined>(`/runs/${at(id)}`, { method: 'DELETE' }),

  suspensions: async (limit = 1000) =>
    (await request<{ suspensions: Suspension[] }>(`/suspensions${query({ limit })}`)).suspensions,

  schedules: async () => (await request<{ schedules: Schedule[] }>('/schedules')).schedules,
  pauseSchedule: (id: string) => request<Schedule>(`/schedules/${at(id)}/pause`, { method: 'POST', body: {} }),
  resumeSchedule: (id: string) => request<Schedule>(`/schedules/${at(id)}/resume`, { method: 'POST', body: {} }),
  runSchedule: (id: string) => request<RunDetail>(`/schedules/${at(id)}/run`, { method: 'POST', body: {} }),
};
