import { api } from '../api/calls';
import { Problem } from '../api/problem';
import type { RunSummary } from '../api/types';
import { listenToRuns, type RunChanged } from '../live/allRuns';
import { signal } from '../ui/signal';
import { filterOf, stillFits, type Filters } from './filters';

/** The runs that fit some filters, the newest first: loaded page by page, and kept up to date in place. */
export interface ListState {
  readonly rows: readonly RunSummary[];
  /** There are older ones. */
  readonly more: boolean;
  readonly busy: boolean;
  readonly loaded: boolean;
  readonly problem: unknown;
}

const FIRST_PAGE = 100;
const NEXT_PAGE = 500;
const MOST = 1_000;
/** New runs are looked for, and changes shown, at most so often. */
const PACE = 400;

export class RunList {
  readonly state = signal<ListState>({ rows: [], more: false, busy: true, loaded: false, problem: null });
  #cursor: string | null = null;
  #changes = new Map<string, RunChanged>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #aborting = new AbortController();
  #working = false;
  #anew = false;

  constructor(private readonly filters: Filters) {}

  /** Load, and listen until the function it gives is called. */
  open(): () => void {
    this.#aborting = new AbortController();
    const deaf = listenToRuns((heard) => {
      if (heard.kind === 'changed') this.#changes.set(heard.run.run_id, heard.run);
      else if (heard.kind === 'deleted') this.#drop(heard.run.run_id);
      else this.#anew = true;
      this.#timer ??= setTimeout(() => void this.#catchUp(), PACE);
    });
    void this.#load(FIRST_PAGE, 'anew');
    return () => {
      deaf();
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#aborting.abort();
    };
  }

  loadMore(): void {
    const { more, busy } = this.state.get();
    if (more && !busy) void this.#load(NEXT_PAGE, 'more');
  }

  reload(): void {
    void this.#load(Math.max(FIRST_PAGE, Math.min(MOST, this.state.get().rows.length)), 'anew');
  }

  #set(changes: Partial<ListState>): void {
    this.state.set({ ...this.state.get(), ...changes });
  }

  #drop(id: string): void {
    this.#changes.delete(id);
    this.#set({ rows: this.state.get().rows.filter((row) => row.run_id !== id) });
  }

  async #load(limit: number, which: 'anew' | 'more' | 'head'): Promise<void> {
    if (this.#working) {
      if (which === 'anew') this.#anew = true;
      return;
    }
    this.#working = true;
    if (which !== 'head') this.#set({ busy: true });
    const { signal } = this.#aborting;
    try {
      const filter = filterOf(this.filters, Date.now());
      const page = await api.runs(filter, { limit, cursor: which === 'more' ? this.#cursor : null }, signal);
      const { rows } = this.state.get();
      if (which === 'head') this.#set({ rows: withHead(rows, page.runs, page.cursor === null), problem: null });
      else {
        this.#cursor = page.cursor;
        const kept = which === 'more' ? withoutDoubles(rows, page.runs) : page.runs;
        this.#set({ rows: kept, more: page.cursor !== null, busy: false, loaded: true, problem: null });
      }
    } catch (error) {
      if (signal.aborted) return;
      // While the server is away the page says so already, and what it has stays.
      const known = error instanceof Problem && error.isAway && this.state.get().loaded;
      this.#set({ busy: false, problem: known ? null : error });
    } finally {
      this.#working = false;
    }
    if (this.#anew && !signal.aborted) this.#timer ??= setTimeout(() => void this.#catchUp(), PACE);
  }

  async #catchUp(): Promise<void> {
    this.#timer = undefined;
    const changes = this.#changes;
    this.#changes = new Map();
    if (this.#anew) {
      this.#anew = false;
      this.reload();
      return;
    }
    const { rows } = this.state.get();
    const known = new Set(rows.map((row) => row.run_id));
    this.#set({ rows: withChanges(rows, changes, this.filters) });
    const fits = (run: RunChanged): boolean =>
      (this.filters.workflow === '' || run.workflow_id === this.filters.workflow) &&
      (this.filters.status.length === 0 || this.filters.status.includes(run.status));
    if ([...changes.values()].some((run) => !known.has(run.run_id) && fits(run))) await this.#load(FIRST_PAGE, 'head');
  }
}

/** The rows with what is known anew of them; those that do not fit any more are gone. */
export function withChanges(
  rows: readonly RunSummary[],
  changes: ReadonlyMap<string, RunChanged>,
  filters: Filters,
): readonly RunSummary[] {
  if (changes.size === 0) return rows;
  return rows.flatMap((row) => {
    const change = changes.get(row.run_id);
    if (change === undefined) return [row];
    const now = { ...row, status: change.status, updated_at: change.updated_at };
    return stillFits(now, filters) ? [now] : [];
  });
}

/** The rows with the newest ones at their head as they are now; what was loaded below stays. */
export function withHead(
  rows: readonly RunSummary[],
  head: readonly RunSummary[],
  isAll: boolean,
): readonly RunSummary[] {
  if (isAll) return head;
  const ids = new Set(head.map((row) => row.run_id));
  const oldest = head.at(-1)?.created_at ?? '';
  return [...head, ...rows.filter((row) => !ids.has(row.run_id) && row.created_at <= oldest)];
}

function withoutDoubles(rows: readonly RunSummary[], page: readonly RunSummary[]): readonly RunSummary[] {
  const ids = new Set(rows.map((row) => row.run_id));
  return [...rows, ...page.filter((row) => !ids.has(row.run_id))];
}
