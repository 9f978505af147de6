/** Times in words. Pure: the clock is given. */

const UNITS: readonly [number, string][] = [
  [1_000, 's'],
  [60_000, 'min'],
  [3_600_000, 'h'],
  [86_400_000, 'd'],
];

/** `now`, `12 s ago`, `in 5 min`, `3 d ago`; from a month on the date. */
export function relative(at: number, now: number): string {
  const distance = Math.abs(at - now);
  if (distance < 1_000) return 'now';
  if (distance >= 30 * 86_400_000) return new Date(at).toISOString().slice(0, 10);
  const words = rounded(distance);
  return at > now ? `in ${words}` : `${words} ago`;
}

function rounded(distance: number): string {
  const [size, unit] = UNITS.findLast(([each]) => distance >= each) ?? [1_000, 's'];
  return `${Math.floor(distance / size)} ${unit}`;
}

/** How long something took: `8 ms`, `1.2 s`, `3 min 4 s`, `2 h 5 min`, `3 d 2 h`. */
export function duration(millis: number): string {
  if (millis < 1_000) return `${Math.max(0, Math.round(millis))} ms`;
  if (millis < 60_000) return `${(Math.floor(millis / 100) / 10).toFixed(1)} s`;
  const [size, unit] = UNITS.findLast(([each]) => millis >= each) ?? [60_000, 'min'];
  const [smaller, smallerUnit] = UNITS[UNITS.findIndex(([each]) => each === size) - 1] ?? [1_000, 's'];
  const rest = Math.floor((millis % size) / smaller);
  const whole = `${Math.floor(millis / size)} ${unit}`;
  return rest === 0 ? whole : `${whole} ${rest} ${smallerUnit}`;
}

// Made once: to make one takes longer than to write a hundred times with it.
const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const CLOCK = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hour12: false,
});
const ZONE = new Intl.DateTimeFormat(undefined, { timeZoneName: 'short' });

/** To the millisecond, where the reader is. */
export function exact(at: number): string {
  const date = new Date(at);
  const ms = String(date.getMilliseconds()).padStart(3, '0');
  return `${DAY.format(date)}, ${CLOCK.format(date)}.${ms} ${zoneOf(date)}`.trim();
}

const zones = new Map<number, string>();

/** The time zone's name then, in summer and in winter. */
function zoneOf(date: Date): string {
  const offset = date.getTimezoneOffset();
  let name = zones.get(offset);
  if (name === undefined) {
    name = ZONE.formatToParts(date).find((part) => part.type === 'timeZoneName')?.value ?? '';
    zones.set(offset, name);
  }
  return name;
}

/** The time of day, to the second. */
export const clockTime = (at: number): string => CLOCK.format(at);
