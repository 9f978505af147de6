import { Problem, problemOf } from './problem';
import { ROOT } from './root';
import { session } from './session';

export const API = `${ROOT}api/v1`;

interface Options {
  readonly method?: 'GET' | 'POST' | 'DELETE';
  readonly body?: unknown;
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
}

/** Ask the API. A 401 also tells the session, which brings up the sign-in page. */
export async function request<T>(path: string, options: Options = {}): Promise<T> {
  const { method = 'GET', body, idempotencyKey, signal } = options;
  const headers: Record<string, string> = { Accept: 'application/json' };
  if (method !== 'GET') {
    // A page of another site cannot set these: the server asks for the first, and records the second.
    headers['X-Waystation'] = '1';
    headers['X-Waystation-Channel'] = 'studio';
  }
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (idempotencyKey !== undefined) headers['Idempotency-Key'] = idempotencyKey;
  let response: Response;
  try {
    response = await fetch(API + path, {
      method,
      headers,
      credentials: 'same-origin',
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new Problem(0, 'away', 'The server does not answer.');
  }
  if (!response.ok) {
    const problem = await problemOf(response);
    if (problem.status === 401) session.signedOut();
    throw problem;
  }
  return (response.status === 204 ? undefined : await response.json()) as T;
}

/** `?a=1&b=2`, or nothing; what is empty or undefined is left out, a list is repeated. */
export function query(parameters: Record<string, string | number | readonly string[] | null | undefined>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value === undefined || value === null || value === '') continue;
    for (const each of typeof value === 'object' ? value : [String(value)]) search.append(name, each);
  }
  const text = search.toString();
  return text === '' ? '' : `?${text}`;
}

/** Names one attempt of a person to do something once. Not `randomUUID`: that is missing where the page is not from a secure origin. */
export function freshKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
