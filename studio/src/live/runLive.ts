import { api } from '../api/calls';
import { Problem } from '../api/problem';
import { keys, queries } from '../api/queries';
import { session } from '../api/session';
import type { JournalEntry } from '../api/types';
import { JournalFold } from '../journal/fold';
import { millis } from '../journal/times';
import { signal } from '../ui/signal';
import { listenToRuns } from './allRuns';
import { follow, type Following } from './follow';
import type { SseMessage } from './sse';

/** How far a run's journal has been read. */
export interface RunLiveState {
  /** Changes whenever there is something new in the fold. */
  readonly version: number;
  readonly loaded: boolean;
  /** Whether it was deleted while it was shown. */
  readonly gone: boolean;
  readonly problem: unknown;
}

const PAGE = 1_000;
const PACE = 200;

/** Events that change how the run stands as a whole. */
const STANDING = new Set([
  'run-started',
  'step-suspended',
  'step-resumed',
  'run-suspended',
  'run-paused',
  'run-finished',
  'cancel-requested',
  'sleep-begun',
  'end',
]);

interface StreamedEvent {
  readonly type?: string;
  readonly seq?: number;
  readonly at?: string | number;
  readonly address?: string;
  readonly attempt?: number;
}

/**
 * A run as it goes on. What is recorded is read from its journal, each entry once; the stream tells when there is more,
 * and which attempts have begun. So whatever was missed, while the server or this page was away, is caught up with.
 */
export class RunLive {
  readonly fold = new JournalFold();
  readonly entries: JournalEntry[] = [];
  readonly state = signal<RunLiveState>({ version: 0, loaded: false, gone: false, problem: null });
  #following: Following | null = null;
  #deaf: () => void = () => undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #standingTimer: ReturnType<typeof setTimeout> | undefined;
  #reading = false;
  #again = false;
  #closed = false;

  constructor(private readonly id: string) {}

  open(): void {
    this.#closed = false;
    this.#deaf = listenToRuns((heard) => {
      if (heard.kind !== 'resync' && heard.run.run_id !== this.id) return;
      if (heard.kind === 'deleted') {
        this.#set({ gone: true });
        this.close();
      } else this.#soon();
    });
    void this.#read();
  }

  /** Nothing more is asked of the run, until it is opened again. */
  close(): void {
    this.#closed = true;
    this.#deaf();
    this.#following?.stop();
    this.#following = null;
    clearTimeout(this.#timer);
    clearTimeout(this.#standingTimer);
    this.#timer = undefined;
    this.#standingTimer = undefined;
  }

  retry(): void {
    void this.#read();
  }

  #follow(): void {
    this.#following?.stop();
    this.#following = follow(`/runs/${encodeURIComponent(this.id)}/stream`, {
      onMessage: (message) => this.#heard(message),
      onState: (state) => {
        if (state.phase === 'live') this.#soon();
      },
      onRefused: (problem) => {
        if (problem.status === 401) session.signedOut();
        else this.#set({ problem });
      },
    });
  }

  #heard({ event, data }: SseMessage): void {
    const told = JSON.parse(data) as StreamedEvent;
    if (event === 'step-started' && told.address !== undefined) {
      this.fold.begun(told.address, told.attempt ?? 1, millis(told.at) ?? Date.now(), told.seq ?? 0);
    }
    if (event === 'end') {
      this.#following?.stop();
      this.#following = null;
    }
    const isNew = event === 'end' || (told.seq ?? 0) > this.fold.model.lastSeq;
    if (isNew || event === 'step-started') this.#soon();
    if (isNew && STANDING.has(event)) this.#standingSoon();
  }

  #soon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#read();
    }, PACE);
  }

  #standingSoon(): void {
    this.#standingTimer ??= setTimeout(() => {
      this.#standingTimer = undefined;
      void queries.invalidateQueries({ queryKey: keys.run(this.id) });
    }, PACE);
  }

  #set(changes: Partial<RunLiveState>): void {
    if (!this.#closed) this.state.set({ ...this.state.get(), version: this.fold.version, ...changes });
  }

  /** Whether there was a reason to read again meanwhile. */
  #isWanted(): boolean {
    return this.#again && !this.#closed;
  }

  async #read(): Promise<void> {
    if (this.#reading) {
      this.#again = true;
      return;
    }
    this.#reading = true;
    try {
      do {
        this.#again = false;
        for (let more = true; more && !this.#closed;) {
          const page = await api.journal(this.id, this.fold.model.lastSeq, PAGE);
          const fresh = page.entries.filter((entry) => entry.seq > this.fold.model.lastSeq);
          this.entries.push(...fresh);
          this.fold.take(fresh);
          more = page.next_after !== null && fresh.length > 0;
          this.#set({ problem: null });
        }
      } while (this.#isWanted());
      this.#set({ loaded: true });
    } catch (error) {
      const known = error instanceof Problem && error.isAway && this.state.get().loaded;
      if (!known) this.#set({ problem: error });
    } finally {
      this.#reading = false;
    }
    if (!this.#closed && this.#following === null && this.state.get().loaded && this.fold.model.endedAt === null) {
      this.#follow();
    }
  }
}
