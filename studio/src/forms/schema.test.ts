import { describe, expect, it } from 'vitest';

import type { JsonSchema } from '../api/types';
import { fieldsOf, resolved, typeWords } from './schema';

/** As pydantic writes it. */
const ORDER: JsonSchema = {
  $defs: {
    Line: {
      title: 'Line',
      type: 'object',
      properties: { article: { type: 'string' }, pieces: { type: 'integer', default: 1 } },
      required: ['article'],
    },
    Tree: { title: 'Tree', type: 'object', properties: { child: { $ref: '#/$defs/Tree' } } },
    Level: { title: 'Level', type: 'string', enum: ['low', 'high'] },
  },
  title: 'Order',
  type: 'object',
  properties: {
    id: { type: 'string', description: 'Its number.' },
    lines: { type: 'array', items: { $ref: '#/$defs/Line' } },
    level: { $ref: '#/$defs/Level', default: 'low' },
    note: { anyOf: [{ type: 'string' }, { type: 'null' }], default: null },
    tree: { $ref: '#/$defs/Tree' },
    due: { type: 'string', format: 'date-time' },
    extra: { type: 'object', additionalProperties: { type: 'integer' } },
  },
  required: ['id', 'lines'],
};

describe('what is read in place of a schema', () => {
  it('is its fields, with those of what it holds', () => {
    expect(fieldsOf(ORDER).map(({ path, words, required }) => [path, words, required])).toEqual([
      ['id', 'string', true],
      ['lines', 'list of Line', true],
      ['lines[].article', 'string', true],
      ['lines[].pieces', 'integer', false],
      ['level', '"low" | "high"', false],
      ['note', 'string | null', false],
      ['tree', 'Tree', false],
      ['tree.child', 'Tree', false],
      ['due', 'string (date-time)', false],
      ['extra', 'map of integer', false],
    ]);
  });

  it('has descriptions and defaults', () => {
    const fields = new Map(fieldsOf(ORDER).map((field) => [field.path, field]));
    expect(fields.get('id')?.description).toBe('Its number.');
    expect(fields.get('level')?.initial).toBe('low');
    expect(fields.get('lines[].pieces')?.initial).toBe(1);
  });

  it('is nothing but words for what has no fields', () => {
    expect(fieldsOf({ type: 'integer' })).toEqual([]);
    expect(typeWords({ type: 'array', items: { type: 'number' } }, {})).toBe('list of number');
    expect(typeWords({}, {})).toBe('anything');
    expect(typeWords({ const: 'x' }, {})).toBe('"x"');
  });
});

describe('a reference', () => {
  it('is followed, and what stands beside it counts', () => {
    expect(resolved({ $ref: '#/$defs/Level', default: 'low' }, ORDER)).toMatchObject({
      title: 'Level',
      default: 'low',
    });
  });

  it('to nothing, or in a circle, ends', () => {
    expect(resolved({ $ref: '#/$defs/Nothing' }, ORDER)).toEqual({ $ref: '#/$defs/Nothing' });
    const circle: JsonSchema = { $defs: { A: { $ref: '#/$defs/B' }, B: { $ref: '#/$defs/A' } } };
    expect(resolved({ $ref: '#/$defs/A' }, circle)).toHaveProperty('$ref');
  });
});
