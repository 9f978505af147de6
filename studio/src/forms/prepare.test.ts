import { describe, expect, it } from 'vitest';

import { forForm, isProse, skeleton } from './prepare';

describe('a schema made ready for a form', () => {
  it('shows one field for a value or null', () => {
    const schema = {
      type: 'object',
      properties: { n: { anyOf: [{ type: 'integer', minimum: 1 }, { type: 'null' }], default: null } },
    };
    expect(forForm(schema)).toMatchObject({
      properties: { n: { type: ['integer', 'null'], minimum: 1, default: null } },
    });
    expect(forForm(schema)).not.toHaveProperty('properties.n.anyOf');
  });

  it('lets null be chosen of an enum that may be null', () => {
    const schema = {
      $defs: { Level: { type: 'string', enum: ['a', 'b'] } },
      type: 'object',
      properties: { level: { anyOf: [{ $ref: '#/$defs/Level' }, { type: 'null' }] } },
    };
    expect(forForm(schema)).toMatchObject({
      properties: { level: { enum: ['a', 'b', null], type: ['string', 'null'] } },
    });
  });

  it('keeps the choice where it is of objects, and names each', () => {
    const schema = {
      $defs: { Address: { title: 'Address', type: 'object', properties: {} } },
      anyOf: [{ $ref: '#/$defs/Address' }, { type: 'integer' }, { type: 'null' }],
    };
    const anyOf = forForm(schema).anyOf;
    expect(anyOf).toEqual([
      { $ref: '#/$defs/Address' },
      { type: 'integer', title: 'integer' },
      { type: 'null', title: 'none' },
    ]);
  });

  it('leaves data alone, though it looks like a schema', () => {
    const schema = { type: 'object', default: { anyOf: [{ type: 'string' }, { type: 'null' }] } };
    expect(forForm(schema)).toEqual(schema);
  });

  it('writes tuples as forms know them', () => {
    expect(forForm({ type: 'array', prefixItems: [{ type: 'string' }, { type: 'integer' }] })).toEqual({
      type: 'array',
      items: [{ type: 'string' }, { type: 'integer' }],
      additionalItems: false,
    });
  });

  it('has a property named as a keyword keep its name', () => {
    const schema = { type: 'object', properties: { default: { type: 'string' }, enum: { type: 'integer' } } };
    expect(forForm(schema)).toEqual(schema);
  });
});

describe('what a person begins with', () => {
  it('has defaults, and something where something must be', () => {
    const schema = {
      $defs: { Line: { type: 'object', properties: { article: { type: 'string' } }, required: ['article'] } },
      type: 'object',
      properties: {
        name: { type: 'string' },
        level: { enum: ['low', 'high'], default: 'high' },
        first: { $ref: '#/$defs/Line' },
        left: { type: 'integer' },
        note: { anyOf: [{ type: 'string' }, { type: 'null' }] },
        yes: { type: 'boolean' },
      },
      required: ['name', 'first', 'note', 'yes'],
    };
    expect(skeleton(schema)).toEqual({ name: '', level: 'high', first: { article: '' }, note: null, yes: false });
  });

  it('ends, though the schema holds itself', () => {
    const schema = {
      $defs: { T: { type: 'object', properties: { t: { $ref: '#/$defs/T' } }, required: ['t'] } },
      $ref: '#/$defs/T',
    };
    expect(JSON.stringify(skeleton(schema)).length).toBeLessThan(200);
  });
});

it('a comment is given room, a code is not', () => {
  expect(isProse('comment', { type: 'string' })).toBe(true);
  expect(isProse('rejection_reason', { type: 'string' })).toBe(true);
  expect(isProse('document_id', { type: 'string' })).toBe(false);
  expect(isProse('comment', { type: 'string', maxLength: 20 })).toBe(false);
  expect(isProse('body', { type: 'string', format: 'uri' })).toBe(false);
});
