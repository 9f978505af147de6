import { expect, it } from 'vitest';

import { duration, relative } from './time';

it('times are told from now, in the largest unit that fits', () => {
  const now = 1_000_000_000;
  expect(relative(now, now)).toBe('now');
  expect(relative(now - 59_999, now)).toBe('59 s ago');
  expect(relative(now - 60_000, now)).toBe('1 min ago');
  expect(relative(now + 7_200_000, now)).toBe('in 2 h');
  expect(relative(now - 3 * 86_400_000, now)).toBe('3 d ago');
  expect(relative(0, 40 * 86_400_000)).toBe('1970-01-01');
});

it('durations are told in two units at most', () => {
  expect(duration(8)).toBe('8 ms');
  expect(duration(999.4)).toBe('999 ms');
  expect(duration(1_250)).toBe('1.2 s');
  expect(duration(184_000)).toBe('3 min 4 s');
  expect(duration(7_500_000)).toBe('2 h 5 min');
  expect(duration(2 * 86_400_000)).toBe('2 d');
});
