import type { ErrorRecord, Json, StepStatus } from '../api/types';

/** What happened in a run, as its pages need it: made of the journal by `JournalFold`. Times are milliseconds. */

export type Outcome = 'running' | 'success' | 'bailed' | 'failed' | 'retrying' | 'suspended' | 'cancelled';

export interface Attempt {
  /** The entry that ended it; of one that runs, the entry that set it off. */
  readonly seq: number;
  readonly attempt: number;
  readonly began: number | null;
  readonly ended: number | null;
  readonly outcome: Outcome;
  readonly error?: ErrorRecord;
  readonly retryAt?: number;
}

export interface Asked {
  /** The seq of the entry that opened the suspension. */
  readonly seq: number;
  readonly label: string;
  readonly payload: Json;
  readonly askedAt: number;
  answer?: {
    readonly at: number;
    readonly data: Json;
    readonly actor: string;
    readonly channel: string;
  };
}

export interface Chunk {
  readonly seq: number;
  readonly at: number;
  readonly address: string;
  readonly attempt: number;
  readonly value: Json;
}

export interface StepModel {
  readonly address: string;
  readonly key: string;
  status: StepStatus;
  attempts: Attempt[];
  output?: Json;
  error?: ErrorRecord;
  retryAt?: number;
  suspensions: Asked[];
  once: { readonly name: string; readonly value: Json; readonly at: number }[];
  chunks: number;
}

export interface NodeModel {
  readonly address: string;
  readonly key: string;
  status: StepStatus;
  began: number;
  at: number;
  until?: number;
  taken?: readonly string[];
  /** Of a foreach: how many items; of a loop: how many turns so far. */
  count?: number;
  output?: Json;
  error?: ErrorRecord;
}

export interface Cancel {
  readonly at: number;
  readonly reason: string;
  readonly actor: string;
  readonly channel: string;
  readonly address: string;
}

export interface RunModel {
  lastSeq: number;
  createdAt: number | null;
  startedAt: number | null;
  endedAt: number | null;
  ended: 'success' | 'failed' | 'cancelled' | null;
  input?: Json;
  context: Readonly<Record<string, Json>>;
  state: Readonly<Record<string, Json>>;
  error?: ErrorRecord;
  undoBegan: number | null;
  cancel: Cancel | null;
  forkedFrom: string;
  /** In the order they were first heard of. */
  readonly steps: Map<string, StepModel>;
  readonly nodes: Map<string, NodeModel>;
  readonly chunks: Chunk[];
  /** What a fork gives to a step instead of what reached it. */
  readonly replacedInputs: Map<string, Json>;
}

export function emptyRun(): RunModel {
  return {
    lastSeq: 0,
    createdAt: null,
    startedAt: null,
    endedAt: null,
    ended: null,
    context: {},
    state: {},
    undoBegan: null,
    cancel: null,
    forkedFrom: '',
    steps: new Map(),
    nodes: new Map(),
    chunks: [],
    replacedInputs: new Map(),
  };
}
