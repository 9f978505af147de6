import type { Json, JsonObject } from './types';

/** What the server said no to, or that there was no server to say anything. */
export class Problem extends Error {
  override readonly name = 'Problem';

  constructor(
    /** The HTTP status; 0 if nothing answered. */
    readonly status: number,
    /** A stable code: `already_answered`, `invalid_input`, ...; `away` if nothing answered. */
    readonly code: string,
    message: string,
    /** All fields of the answer. */
    readonly fields: JsonObject = {},
  ) {
    super(message);
  }

  /** Where in the data the server found something wrong, dotted; "" for the whole value or for none. */
  get field(): string {
    const field = this.fields.field;
    return typeof field === 'string' ? field : '';
  }

  /** Everything that the server found wrong in the data, each with where it is. */
  get problems(): readonly (readonly [field: string, reason: string])[] {
    const all = this.fields.problems;
    const pairs = Array.isArray(all) ? (all as readonly Json[]) : [];
    return pairs.flatMap((pair) => (Array.isArray(pair) ? [[String(pair[0]), String(pair[1])] as const] : []));
  }

  get isAway(): boolean {
    return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504;
  }
}

/** The problem that an answer of the server tells. */
export async function problemOf(response: Response): Promise<Problem> {
  const fields = await bodyOf(response);
  const text = (name: string): string | null => {
    const value = fields[name];
    return typeof value === 'string' && value !== '' ? value : null;
  };
  const message = text('detail') ?? text('message') ?? text('title') ?? `The server answered ${response.status}.`;
  return new Problem(response.status, text('code') ?? `http_${response.status}`, message, fields);
}

async function bodyOf(response: Response): Promise<JsonObject> {
  try {
    const body = (await response.json()) as Json;
    return typeof body === 'object' && body !== null && !Array.isArray(body) ? (body as JsonObject) : {};
  } catch {
    return {}; // a proxy's page, or nothing
  }
}

/** What to show of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
