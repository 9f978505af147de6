import { expect, it } from 'vitest';

import { around, idOf, nodeKey, numberOf, prefixOf } from './addresses';

it('addresses are taken apart as in Python', () => {
  expect(nodeKey('items[17]/enrich/poll#3/check')).toBe('items/enrich/poll/check');
  expect(prefixOf('items[17]/charge')).toBe('items[17]/');
  expect(prefixOf('review')).toBe('');
  expect(idOf('items[17]/charge')).toBe('charge');
  expect(around('items[17]/charge')).toBe('items');
  expect(around('enrich/geo')).toBe('enrich');
  expect(around('review')).toBe('');
  expect(numberOf('items[17]/charge')).toBe(17);
  expect(numberOf('poll#3/check')).toBe(3);
  expect(numberOf('enrich/geo')).toBeNull();
});
