import { api } from '../api/calls';
import { Problem } from '../api/problem';
import type { LogLine } from '../api/types';
import { signal } from '../ui/signal';

/** The end of a run's log: asked for again and again, as no stream tells of it. */
export interface LogState {
  readonly lines: readonly LogLine[];
  readonly loaded: boolean;
  readonly problem: unknown;
}

const PACE = 1_500;
const PAGE = 500;
/** A page that is open for days keeps so many. */
const MOST = 10_000;

export class LogTail {
  readonly state = signal<LogState>({ lines: [], loaded: false, problem: null });
  #last = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #open = false;

  constructor(private readonly id: string) {}

  /** Read what there is, and go on as long as `isOn` says so: a run that has ended logs no more. */
  open(isOn: () => boolean): () => void {
    this.#open = true;
    const again = async (): Promise<void> => {
      const wasOn = isOn(); // what is logged between the last look and the end is read too
      if (document.visibilityState !== 'hidden') await this.#read();
      if (this.#isOpen() && wasOn) this.#timer = setTimeout(() => void again(), PACE);
    };
    void again();
    return () => {
      this.#open = false;
      clearTimeout(this.#timer);
    };
  }

  #isOpen(): boolean {
    return this.#open;
  }

  async #read(): Promise<void> {
    try {
      for (;;) {
        const { lines, last } = await api.logs(this.id, this.#last, PAGE);
        if (!this.#isOpen()) return;
        this.#last = last;
        const kept = [...this.state.get().lines, ...lines].slice(-MOST);
        this.state.set({ lines: lines.length === 0 ? this.state.get().lines : kept, loaded: true, problem: null });
        if (lines.length < PAGE) return;
      }
    } catch (error) {
      const known = error instanceof Problem && error.isAway && this.state.get().loaded;
      if (!known) this.state.set({ ...this.state.get(), loaded: true, problem: error });
    }
  }
}
