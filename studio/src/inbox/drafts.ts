import type { Json } from '../api/types';

/** What was typed and not sent, by suspension: it outlives a reload, and an answer that came before. This tab's alone. */

const PREFIX = 'waystation.draft.';
const inMemory = new Map<string, Json>();

export function readDraft(id: string): Json | undefined {
  if (inMemory.has(id)) return inMemory.get(id);
  try {
    const text = sessionStorage.getItem(PREFIX + id);
    return text === null ? undefined : (JSON.parse(text) as Json);
  } catch {
    return undefined;
  }
}

export function keepDraft(id: string, draft: Json | undefined): void {
  if (draft === undefined) inMemory.delete(id);
  else inMemory.set(id, draft);
  try {
    if (draft === undefined) sessionStorage.removeItem(PREFIX + id);
    else sessionStorage.setItem(PREFIX + id, JSON.stringify(draft));
  } catch {
    // full or forbidden: it is kept as long as the page is
  }
}
