import { QueryClient, useQuery } from '@tanstack/react-query';

import { api } from './calls';
import { Problem } from './problem';

/** What was asked of the server, kept while pages come and go. It is made stale by what the streams tell, not by time. */
export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      refetchOnWindowFocus: false,
      refetchOnReconnect: false,
      // Without the server the page says so, and asks anew when it is back. What it refuses it will refuse again.
      retry: (count, error) => !(error instanceof Problem) && count < 1,
      networkMode: 'always',
    },
    mutations: { networkMode: 'always' },
  },
});

export const keys = {
  me: ['me'],
  workflows: ['workflows'],
  workflow: (id: string, version: string) => ['workflow', id, version],
  run: (id: string) => ['run', id],
  suspensions: ['suspensions'],
  schedules: ['schedules'],
} as const;

export const useMe = () => useQuery({ queryKey: keys.me, queryFn: api.me, staleTime: Infinity });

export const useWorkflows = () => useQuery({ queryKey: keys.workflows, queryFn: api.workflows });

export const useWorkflow = (id: string, version = '') =>
  useQuery({
    queryKey: keys.workflow(id, version),
    queryFn: () => api.workflow(id, version),
    staleTime: Infinity,
    enabled: id !== '',
  });

export const useRun = (id: string) => useQuery({ queryKey: keys.run(id), queryFn: () => api.run(id), staleTime: 0 });

export const useSuspensions = () =>
  useQuery({ queryKey: keys.suspensions, queryFn: () => api.suspensions(), staleTime: 0 });

export const useSchedules = () => useQuery({ queryKey: keys.schedules, queryFn: api.schedules, staleTime: 0 });
