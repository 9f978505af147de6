import type { Json } from '../api/types';
import { isObject } from '../forms/schema';

/** What a suspension asks, told in two parts: the line that a person reads first, and what else there is. Pure. */
export interface AskParts {
  readonly lead: string;
  readonly rest: readonly (readonly [string, Json])[];
}

const LEADS = ['reason', 'question', 'text', 'message', 'title', 'summary', 'prompt', 'description'];

export function askParts(payload: Json): AskParts {
  if (typeof payload === 'string') return { lead: payload, rest: [] };
  if (payload === null) return { lead: '', rest: [] };
  if (!isObject(payload)) return { lead: '', rest: [['', payload]] };
  const members = Object.entries(payload);
  const texts = members.filter(
    (member): member is [string, string] => typeof member[1] === 'string' && member[1] !== '',
  );
  const [name, lead] = texts.find(([each]) => LEADS.includes(each)) ?? texts[0] ?? ['', ''];
  return { lead, rest: members.filter(([each]) => lead === '' || each !== name) };
}
