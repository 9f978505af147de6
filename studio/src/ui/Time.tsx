import { millis, type ApiTime } from '../journal/times';
import { useNow } from './clock';
import { duration, exact, relative } from './time';

/** A time as it is told, `3 min ago`; exact on hover. */
export function Time({ at, none = '' }: { at: ApiTime | null | undefined; none?: string }) {
  const now = useNow();
  const time = millis(at ?? null);
  if (time === null) return none === '' ? null : <span className="faint">{none}</span>;
  // A server's clock may be a little ahead: what it tells of is not to come.
  const told = time > now && time - now < 2_000 ? now : time;
  return (
    <time dateTime={new Date(time).toISOString()} title={exact(time)}>
      {relative(told, now)}
    </time>
  );
}

/** How long something has lasted, `3 min`; since when on hover. */
export function Since({ at }: { at: ApiTime }) {
  const now = useNow();
  const time = millis(at) ?? now;
  const lasted = Math.max(0, now - time);
  return (
    <time dateTime={new Date(time).toISOString()} title={`since ${exact(time)}`}>
      {lasted < 1_000 ? 'a moment' : duration(lasted).replace(/\.\d s$/, ' s')}
    </time>
  );
}
