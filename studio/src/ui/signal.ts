import { useSyncExternalStore } from 'react';

/** A value that pages can watch, outside of any component. */
export interface Signal<T> {
  get: () => T;
  set: (value: T) => void;
  subscribe: (heard: () => void) => () => void;
}

export function signal<T>(first: T): Signal<T> {
  let value = first;
  const listeners = new Set<() => void>();
  return {
    get: () => value,
    set: (next) => {
      if (Object.is(next, value)) return;
      value = next;
      for (const heard of [...listeners]) heard();
    },
    subscribe: (heard) => {
      listeners.add(heard);
      return () => listeners.delete(heard);
    },
  };
}

export function useSignal<T>(watched: Signal<T>): T {
  return useSyncExternalStore(watched.subscribe, watched.get);
}
