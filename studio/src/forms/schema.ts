import type { Json, JsonObject, JsonSchema } from '../api/types';

/** Small readings of JSON Schemas, as pydantic and msgspec write them. Pure. */

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function objectsIn(value: Json | undefined): JsonSchema[] {
  return Array.isArray(value) ? (value as readonly Json[]).filter(isObject) : [];
}

/** The schema that `schema` refers to, if it does; what stands beside the reference counts too. */
export function resolved(schema: JsonSchema, root: JsonSchema): JsonSchema {
  let found = schema;
  for (let hops = 0; hops < 20; hops += 1) {
    const reference = found.$ref;
    if (typeof reference !== 'string' || !reference.startsWith('#/')) return found;
    let target: Json | undefined = root;
    for (const part of reference.slice(2).split('/')) {
      const name = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');
      target = isObject(target) ? target[name] : undefined;
    }
    if (!isObject(target)) return found;
    found = { ...target, ...without(found, '$ref') };
  }
  return found;
}

/** The schema without one of its keys. */
export const without = (schema: JsonSchema, key: string): JsonSchema =>
  Object.fromEntries(Object.entries(schema).filter(([each]) => each !== key));

export function typesOf(schema: JsonSchema): string[] {
  const type = schema.type;
  if (typeof type === 'string') return [type];
  return Array.isArray(type)
    ? (type as readonly Json[]).filter((each): each is string => typeof each === 'string')
    : [];
}

export const alternatives = (schema: JsonSchema): JsonSchema[] => [
  ...objectsIn(schema.anyOf),
  ...objectsIn(schema.oneOf),
];

export const isNull = (schema: JsonSchema): boolean => typesOf(schema).join() === 'null' || schema.const === null;

/** Whether a schema takes anything at all. */
export function isAnything(schema: JsonSchema): boolean {
  const says = Object.keys(schema).filter((key) => !['title', 'description', 'default', 'examples'].includes(key));
  return says.length === 0;
}

const SCALARS = ['string', 'number', 'integer', 'boolean'];

export const isScalar = (schema: JsonSchema): boolean =>
  Array.isArray(schema.enum) || (typesOf(schema).length > 0 && typesOf(schema).every((type) => SCALARS.includes(type)));

const text = (value: Json | undefined): string => (typeof value === 'string' ? value : '');

/** A type in a few words: `text`, `list of Line`, `number or nothing`, `"a" | "b"`. */
export function typeWords(schema: JsonSchema, root: JsonSchema): string {
  const whole = resolved(schema, root);
  if (whole.const !== undefined) return JSON.stringify(whole.const);
  if (Array.isArray(whole.enum)) return whole.enum.map((each) => JSON.stringify(each)).join(' | ');
  const options = alternatives(whole);
  if (options.length > 0) {
    const words = options.filter((each) => !isNull(each)).map((each) => typeWords(each, root));
    return [...new Set(words), ...(options.some(isNull) ? ['null'] : [])].join(' | ');
  }
  const types = typesOf(whole);
  if (types.length === 0) return text(whole.title) || 'anything';
  return types.map((type) => oneTypeWords(type, whole, root)).join(' | ');
}

function oneTypeWords(type: string, schema: JsonSchema, root: JsonSchema): string {
  if (type === 'array') return isObject(schema.items) ? `list of ${typeWords(schema.items, root)}` : 'list';
  if (type === 'object') {
    const values = schema.additionalProperties;
    if (!isObject(schema.properties) && isObject(values)) return `map of ${typeWords(values, root)}`;
    return text(schema.title) || 'object';
  }
  const format = text(schema.format);
  return format === '' ? type : `${type} (${format})`;
}

export interface Field {
  /** Dotted; what is in the items of a list is below `name[]`. */
  readonly path: string;
  readonly depth: number;
  readonly words: string;
  readonly required: boolean;
  readonly description: string;
  readonly initial: Json | undefined;
}

const DEEPEST = 4;

/** The fields of what a schema describes, the outer before the inner: what a person reads in place of the schema. */
export function fieldsOf(schema: JsonSchema): Field[] {
  const fields: Field[] = [];
  const walk = (each: JsonSchema, prefix: string, depth: number, seen: readonly string[]): void => {
    const reference = text(each.$ref);
    if (depth > DEEPEST || (reference !== '' && seen.includes(reference))) return;
    const now = reference === '' ? seen : [...seen, reference];
    const whole = resolved(each, schema);
    for (const option of alternatives(whole)) if (!isNull(option)) walk(option, prefix, depth, now);
    if (isObject(whole.items)) walk(whole.items, `${prefix.replace(/\.$/, '')}[].`, depth, now);
    const properties = whole.properties;
    if (!isObject(properties)) return;
    const required = Array.isArray(whole.required) ? (whole.required as readonly Json[]) : [];
    for (const [name, property] of Object.entries(properties)) {
      if (!isObject(property)) continue;
      const path = prefix + name;
      if (fields.some((field) => field.path === path)) continue; // of another alternative
      const full = resolved(property, schema);
      fields.push({
        path,
        depth,
        words: typeWords(property, schema),
        required: required.includes(name),
        description: text(full.description),
        initial: full.default,
      });
      walk(property, `${path}.`, depth + 1, now);
    }
  };
  walk(schema, '', 0, []);
  return fields;
}
