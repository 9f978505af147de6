import { Validator, type OutputUnit } from '@cfworker/json-schema';

import type { Json, JsonSchema } from '../api/types';
import { isObject, resolved } from './schema';

/** Holds data against a schema, by reading it: nothing is compiled, so the page needs no `unsafe-eval`. */

export interface Wrong {
  readonly path: readonly string[];
  readonly message: string;
}

/** Errors that only say that something deeper is wrong. */
const WRAPPERS = new Set([
  'properties',
  'items',
  'additionalProperties',
  '$ref',
  'prefixItems',
  'if',
  'patternProperties',
]);

export function wrongIn(schema: JsonSchema, data: unknown): Wrong[] {
  const { valid, errors } = validatorOf(schema).validate(data);
  if (valid) return [];
  const deepest = errors.filter((error) => !WRAPPERS.has(error.keyword) && !hasDeeper(error, errors));
  const seen = new Set<string>();
  return (deepest.length > 0 ? deepest : errors).flatMap((error) => {
    const wrong = wrongOf(error, schema);
    const key = `${wrong.path.join('.')} ${wrong.message}`;
    if (seen.has(key)) return [];
    seen.add(key);
    return [wrong];
  });
}

export function fits(schema: JsonSchema, data: unknown): boolean {
  return validatorOf(schema).validate(data).valid;
}

const known = new WeakMap<object, Validator>();

function validatorOf(schema: JsonSchema): Validator {
  let validator = known.get(schema);
  if (validator === undefined) {
    validator = new Validator(schema, '2020-12', false);
    known.set(schema, validator);
  }
  return validator;
}

/** An alternative is wrong for what is wrong in it: of `anyOf` the deeper error is the one to tell. */
function hasDeeper(error: OutputUnit, all: readonly OutputUnit[]): boolean {
  if (error.keyword !== 'anyOf' && error.keyword !== 'oneOf' && error.keyword !== 'allOf') return false;
  return all.some(
    (other) =>
      other !== error &&
      other.instanceLocation.startsWith(`${error.instanceLocation}/`) &&
      !WRAPPERS.has(other.keyword),
  );
}

function wrongOf(error: OutputUnit, schema: JsonSchema): Wrong {
  const path = error.instanceLocation
    .replace(/^#\/?/, '')
    .split('/')
    .filter((part) => part !== '')
    .map((part) => decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~'));
  if (error.keyword === 'required') {
    const missing = /"(.+)"/.exec(error.error)?.[1];
    if (missing !== undefined) return { path: [...path, missing], message: 'is needed' };
  }
  if (error.keyword === 'anyOf' || error.keyword === 'oneOf')
    return { path, message: 'is none of what is allowed here' };
  if (error.keyword === 'pattern') {
    const pattern = valueAt(schema, error.keywordLocation);
    if (typeof pattern === 'string') return { path, message: `must match ${pattern}` };
  }
  return { path, message: readable(error.error) };
}

/** The value of a keyword; its place may lead through references. */
function valueAt(schema: JsonSchema, location: string): Json | undefined {
  let at: Json | undefined = schema;
  for (const part of location.replace(/^#\/?/, '').split('/')) {
    if (part === '$ref') at = isObject(at) ? resolved(at, schema) : undefined;
    else if (isObject(at)) at = at[decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')];
    else at = Array.isArray(at) ? (at as readonly Json[])[Number(part)] : undefined;
  }
  return at;
}

/** `Instance type "string" is invalid. Expected "integer".` reads better as what is expected. */
function readable(text: string): string {
  const expected = /^Instance type .* is invalid\. Expected (.+)\.$/.exec(text)?.[1];
  if (expected !== undefined) return `must be ${expected.replaceAll('"', '')}`;
  return text
    .replace(/^Instance\b/, 'the value')
    .replace(/^String\b/, 'the text')
    .replace(/\.$/, '');
}

/** JSON that a person typed: the value, or what is wrong with the text. */
export function readJson(text: string): { readonly value: Json } | { readonly wrong: string } {
  try {
    return { value: JSON.parse(text) as Json };
  } catch (error) {
    return { wrong: error instanceof Error ? error.message : 'This is no JSON.' };
  }
}
