import { expect, it } from 'vitest';

import { askParts } from './ask';

it('what is asked is told first, by the field that sounds like it', () => {
  expect(askParts({ amount: 3, reason: 'May it go out?' })).toEqual({ lead: 'May it go out?', rest: [['amount', 3]] });
  expect(askParts({ who: 'ada', question: 'Now?' }).lead).toBe('Now?');
  expect(askParts({ a: 1, b: 'text' })).toEqual({ lead: 'text', rest: [['a', 1]] });
  expect(askParts('go on?')).toEqual({ lead: 'go on?', rest: [] });
  expect(askParts({ a: 1 })).toEqual({ lead: '', rest: [['a', 1]] });
  expect(askParts([1])).toEqual({ lead: '', rest: [['', [1]]] });
  expect(askParts(null)).toEqual({ lead: '', rest: [] });
});
