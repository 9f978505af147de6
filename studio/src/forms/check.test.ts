import type { RJSFSchema } from '@rjsf/utils';
import { describe, expect, it } from 'vitest';

import { Problem } from '../api/problem';
import { fits, readJson, wrongIn } from './check';
import { fieldErrors, wrongsOf } from './errors';
import { validator } from './validator';

const SCHEMA: RJSFSchema = {
  $defs: { Line: { type: 'object', properties: { pieces: { type: 'integer', minimum: 1 } }, required: ['pieces'] } },
  type: 'object',
  properties: { id: { type: 'string' }, lines: { type: 'array', items: { $ref: '#/$defs/Line' } } },
  required: ['id'],
};

describe('data that is held against a schema', () => {
  it('fits, or is wrong at each place that is', () => {
    expect(wrongIn(SCHEMA, { id: 'x', lines: [{ pieces: 2 }] })).toEqual([]);
    expect(
      wrongIn(SCHEMA, { lines: [{ pieces: 'two' }, {}] }).map((wrong) => [wrong.path.join('.'), wrong.message]),
    ).toEqual([
      ['id', 'is needed'],
      ['lines.0.pieces', 'must be integer'],
      ['lines.1.pieces', 'is needed'],
    ]);
  });

  it('is told what it must match', () => {
    const schema = {
      $defs: { Mail: { type: 'string', pattern: '.+@.+' } },
      properties: { to: { $ref: '#/$defs/Mail' } },
    };
    expect(wrongIn(schema, { to: 'nobody' })).toEqual([{ path: ['to'], message: 'must match .+@.+' }]);
  });

  it('is wrong once where no alternative fits', () => {
    const wrongs = wrongIn({ anyOf: [{ type: 'integer' }, { type: 'null' }] }, 'x');
    expect(wrongs.length).toBeGreaterThan(0);
    expect(wrongs.every((wrong) => wrong.path.length === 0)).toBe(true);
  });

  it('is checked for a part of a schema that names definitions of the whole', () => {
    expect(validator.isValid({ $ref: '#/$defs/Line' }, { pieces: 0 }, SCHEMA)).toBe(false);
    expect(validator.isValid({ $ref: '#/$defs/Line' }, { pieces: 1 }, SCHEMA)).toBe(true);
  });

  it('does not count what a field was cleared to', () => {
    const { errors } = validator.validateFormData({ id: undefined }, SCHEMA);
    expect(errors.map((error) => error.property)).toEqual(['.id']);
  });

  it('needs no code to be made of the schema', () => {
    const made = globalThis.Function;
    globalThis.Function = (() => {
      throw new Error('the policy of the page forbids that');
    }) as unknown as typeof Function;
    try {
      expect(fits({ type: 'object', properties: { a: { pattern: '^x', type: 'string' } } }, { a: 'xy' })).toBe(true);
    } finally {
      globalThis.Function = made;
    }
  });
});

describe('errors of the server', () => {
  const problem = (problems: [string, string][]) =>
    new Problem(422, 'invalid_input', 'it does not fit', { field: problems[0]?.[0] ?? '', problems });

  it('come to the fields they are about', () => {
    const wrongs = wrongsOf(
      problem([
        ['lines.1.pieces', 'too many'],
        ['id', 'is taken'],
      ]),
      { id: 'x', lines: [{}, {}] },
    );
    expect(fieldErrors(wrongs)).toEqual({
      lines: { '1': { pieces: { __errors: ['too many'] } } },
      id: { __errors: ['is taken'] },
    });
  });

  it('go no deeper than the data does', () => {
    expect(wrongsOf(problem([['pet.Cat.name', 'is needed']]), { pet: 3 })[0]?.path).toEqual(['pet', 'Cat'].slice(0, 1));
  });

  it('of the whole are told of the whole', () => {
    expect(fieldErrors(wrongsOf(problem([['', 'not for you']]), {}))).toEqual({ __errors: ['not for you'] });
  });
});

it('JSON that was typed is read, or it is told what is wrong with it', () => {
  expect(readJson('{"a": [1]}')).toEqual({ value: { a: [1] } });
  expect(readJson('{"a": ')).toHaveProperty('wrong');
});
