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
  const isText = (value: Json | undefined): boolean => typeof value === 'string' && value !== '';
  const name = LEADS.find((each) => isText(payload[each])) ?? members.find(([, value]) => isText(value))?.[0];
  const lead = name === undefined ? '' : String(payload[name]);
  return { lead, rest: members.filter(([each]) => each !== name) };
}
