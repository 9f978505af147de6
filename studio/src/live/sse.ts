/** Reads server-sent events from text that comes in pieces, as the HTML standard tells it. */

export interface SseMessage {
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

export class SseReader {
  #rest = '';
  #id = '';
  #event = '';
  #data: string[] = [];

  /** The messages that are complete with this piece of text. */
  feed(piece: string): SseMessage[] {
    const text = this.#rest + piece;
    // A lone \r at the end may be the first half of \r\n: it waits for what comes.
    const whole = text.endsWith('\r') ? text.length - 1 : text.length;
    const lines = text.slice(0, whole).split(/\r\n|\n|\r/);
    this.#rest = (lines.pop() ?? '') + text.slice(whole);
    return lines.flatMap((line) => this.#take(line) ?? []);
  }

  #take(line: string): SseMessage | null {
    if (line === '') return this.#dispatch();
    const colon = line.indexOf(':');
    if (colon === 0) return null; // a comment: the server's ping
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'id') this.#id = value;
    else if (field === 'event') this.#event = value;
    else if (field === 'data') this.#data.push(value);
    return null;
  }

  #dispatch(): SseMessage | null {
    const message = {
      id: this.#id,
      event: this.#event === '' ? 'message' : this.#event,
      data: this.#data.join('\n'),
    };
    const empty = this.#data.length === 0;
    this.#event = '';
    this.#data = [];
    return empty ? null : message;
  }
}
