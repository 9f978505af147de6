/** The shapes of the HTTP API: what src/waystation/shapes.py gives. Same names as there. */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export type JsonObject = Readonly<Record<string, Json>>;

/** A JSON Schema. It is data from the server: what is in it is looked at with care. */
export type JsonSchema = JsonObject;

export const RUN_STATUSES = [
  'pending',
  'running',
  'waiting',
  'suspended',
  'paused',
  'success',
  'failed',
  'cancelled',
] as const;

export type RunStatus = (typeof RUN_STATUSES)[number];

export type StepStatus = 'running' | 'waiting' | 'suspended' | 'success' | 'failed' | 'cancelled';

export interface RunSummary {
  readonly run_id: string;
  readonly workflow_id: string;
  readonly version: string;
  readonly status: RunStatus;
  readonly resource_id: string | null;
  readonly created_at: string;
  readonly updated_at: string;
  readonly wake_at: string | null;
}

export interface RunPage {
  readonly runs: readonly RunSummary[];
  readonly cursor: string | null;
}

export interface ErrorRecord {
  readonly code: string;
  readonly type: string;
  readonly message: string;
  readonly address?: string;
  readonly field?: string;
  readonly traceback?: string;
  readonly cause?: ErrorRecord | null;
}

export interface Suspension {
  readonly id: string;
  readonly run_id: string;
  readonly workflow_id: string;
  readonly version: string;
  readonly address: string;
  readonly label: string;
  readonly payload: Json;
  readonly opened_at: string;
  readonly ask_schema: JsonSchema;
  readonly answer_schema: JsonSchema;
}

/** How a run stands; which of the fields are there depends on its status. */
export interface Standing {
  readonly run_id: string;
  readonly workflow_id: string;
  readonly status: RunStatus;
  readonly result?: Json;
  readonly error?: ErrorRecord;
  readonly undo_errors?: readonly ErrorRecord[];
  readonly reason?: string;
  readonly next_steps?: readonly string[];
  readonly suspensions?: readonly Suspension[];
}

export interface RunDetail extends RunSummary {
  readonly standing: Standing;
  readonly started_at: string | null;
  readonly ended_at: string | null;
  readonly input: Json;
  readonly forked_from: string | null;
}

export interface AskedAndAnswered {
  readonly label: string;
  readonly asked_at: string;
  readonly payload: Json;
  readonly answered_at: string | null;
  readonly answer: Json;
  readonly actor: string;
  readonly channel: string;
}

export interface History {
  readonly steps: readonly { readonly address: string; readonly suspensions: readonly AskedAndAnswered[] }[];
}

/** An entry of a run's journal. What else it has depends on its kind; see `journal/entries.ts`. */
export interface JournalEntry {
  readonly seq: number;
  readonly kind: string;
  readonly at: string | number;
  readonly [field: string]: Json | undefined;
}

export interface JournalPage {
  readonly entries: readonly JournalEntry[];
  readonly next_after: number | null;
}

/** What a step has logged. */
export interface LogLine {
  /** Later lines have greater numbers. */
  readonly n: number;
  readonly at: string;
  readonly level: string;
  readonly address: string;
  readonly attempt: number;
  readonly message: string;
}

export interface LogPage {
  readonly lines: readonly LogLine[];
  readonly last: number;
}

export interface WorkflowSummary {
  readonly workflow_id: string;
  readonly version: string;
  readonly steps: number | readonly string[];
  readonly schedule: boolean;
  readonly input_schema: JsonSchema;
}

export interface Schedule {
  readonly id: string;
  readonly workflow_id: string;
  readonly cron: string;
  readonly tz: string;
  readonly next_at: string | null;
  readonly last_at: string | null;
  readonly paused: boolean;
}

export type Scope = 'read' | 'run' | 'answer' | 'admin';

export interface Me {
  readonly actor: string;
  readonly scopes: readonly Scope[];
  readonly auth: string;
  readonly version: string;
}
