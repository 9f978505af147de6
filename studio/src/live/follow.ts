import { Problem, problemOf } from '../api/problem';
import { API } from '../api/request';
import { SseReader, type SseMessage } from './sse';

/** How a stream stands. Away: it broke or never came up, and is tried again at `retryAt`. */
export type StreamState =
  | { readonly phase: 'connecting' }
  | { readonly phase: 'live' }
  | { readonly phase: 'resting' }
  | { readonly phase: 'away'; readonly retryAt: number; readonly problem: Problem };

interface Follower {
  readonly onMessage: (message: SseMessage) => void;
  readonly onState: (state: StreamState) => void;
  /** It was refused for good (401, 403, 404): no more tries. */
  readonly onRefused: (problem: Problem) => void;
}

export interface Following {
  /** Try again now, if it waits to. */
  hurry: () => void;
  stop: () => void;
}

const FIRST_WAIT = 500;
const LONGEST_WAIT = 8_000;
/** The server pings each 15 seconds: silence of this length is a dead connection. */
const LONGEST_SILENCE = 40_000;
/** A page nobody sees gives its connection back (a browser has six to a server) and catches up when it is seen. */
const REST_AFTER = 20_000;

/**
 * Reads a stream for as long as the page is open, over any number of connections: each goes on after the last message
 * of the one before. Not EventSource: that gives up for good at an answer such as 503, and does not tell why it broke.
 */
export function follow(path: string, follower: Follower): Following {
  let lastId = '';
  let failures = 0;
  let stopped = false;
  let connection: AbortController | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let resting: ReturnType<typeof setTimeout> | undefined;

  async function connect(): Promise<void> {
    clearTimeout(timer);
    const mine = new AbortController();
    connection = mine;
    if (failures === 0) follower.onState({ phase: 'connecting' });
    try {
      await read(mine);
      throw new Problem(0, 'away', 'The server closed the stream.');
    } catch (error) {
      if (stopped || mine !== connection) return;
      connection = null;
      const problem = error instanceof Problem ? error : new Problem(0, 'away', 'The server does not answer.');
      if (problem.status === 401 || problem.status === 403 || problem.status === 404) {
        stop();
        follower.onRefused(problem);
        return;
      }
      const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** failures) * (0.75 + Math.random() / 2);
      failures += 1;
      follower.onState({ phase: 'away', retryAt: Date.now() + wait, problem });
      timer = setTimeout(() => void connect(), wait);
    }
  }

  async function read(mine: AbortController): Promise<void> {
    let watchdog = setTimeout(() => mine.abort(), LONGEST_SILENCE);
    const headers: Record<string, string> = { Accept: 'text/event-stream' };
    if (lastId !== '') headers['Last-Event-ID'] = lastId;
    try {
      const response = await fetch(API + path, {
        headers,
        credentials: 'same-origin',
        cache: 'no-store',
        signal: mine.signal,
      });
      if (!response.ok) throw await problemOf(response);
      if (response.body === null) throw new Problem(0, 'away', 'The server sent no stream.');
      failures = 0;
      follower.onState({ phase: 'live' });
      const reader = new SseReader();
      const pieces = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await pieces.read();
        if (done) return;
        clearTimeout(watchdog);
        watchdog = setTimeout(() => mine.abort(), LONGEST_SILENCE);
        for (const message of reader.feed(value)) {
          if (stopped || mine !== connection) return;
          lastId = message.id;
          follower.onMessage(message);
        }
      }
    } finally {
      clearTimeout(watchdog);
      mine.abort();
    }
  }

  function drop(): void {
    clearTimeout(timer);
    const mine = connection;
    connection = null;
    mine?.abort();
  }

  function visibility(): void {
    clearTimeout(resting);
    if (document.visibilityState === 'hidden') {
      resting = setTimeout(() => {
        drop();
        follower.onState({ phase: 'resting' });
      }, REST_AFTER);
    } else if (connection === null) {
      failures = 0;
      void connect();
    }
  }

  function hurry(): void {
    if (!stopped && connection === null) void connect();
  }

  function stop(): void {
    stopped = true;
    clearTimeout(resting);
    document.removeEventListener('visibilitychange', visibility);
    window.removeEventListener('online', hurry);
    drop();
  }

  document.addEventListener('visibilitychange', visibility);
  window.addEventListener('online', hurry);
  void connect();
  return { hurry, stop };
}
