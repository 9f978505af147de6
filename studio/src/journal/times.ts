/** A time as the API gives it: a text, or milliseconds since 1970 inside of journal entries and events. */
export type ApiTime = string | number;

/** The time in milliseconds; null for none or for what is no time. */
export function millis(time: unknown): number | null {
  if (typeof time === 'number') return time;
  if (typeof time !== 'string') return null;
  const read = Date.parse(time);
  return Number.isNaN(read) ? null : read;
}
