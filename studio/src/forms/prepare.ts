import type { Json, JsonSchema } from '../api/types';
import { alternatives, isNull, isObject, isScalar, objectsIn, resolved, typesOf, without } from './schema';

/**
 * A schema as a form can show it well. What it accepts is the same, or a part of it:
 *
 * - `X or null` of a scalar becomes one field: left empty, it is left out, or is null where it must be there;
 * - of other alternatives each gets a name, that of `null` is "none";
 * - `prefixItems` are written as forms know them.
 */
export function forForm(schema: JsonSchema): JsonSchema {
  return prepared(schema, schema) as JsonSchema;
}

/** Keys of a schema that hold data, which is left as it is. */
const DATA = new Set(['default', 'const', 'enum', 'examples', 'example', 'required', 'discriminator']);
/** Keys whose members are schemas by name. */
const NAMED = new Set(['properties', '$defs', 'definitions', 'patternProperties']);

function prepared(value: Json, root: JsonSchema): Json {
  if (Array.isArray(value)) return (value as readonly Json[]).map((each) => prepared(each, root));
  if (!isObject(value)) return value;
  const schema = titled(withoutNull(tupled(value), root), root);
  return Object.fromEntries(
    Object.entries(schema).map(([key, member]) => {
      if (DATA.has(key)) return [key, member];
      if (NAMED.has(key) && isObject(member)) {
        return [key, Object.fromEntries(Object.entries(member).map(([name, each]) => [name, prepared(each, root)]))];
      }
      return [key, prepared(member, root)];
    }),
  );
}

function withoutNull(schema: JsonSchema, root: JsonSchema): JsonSchema {
  const options = objectsIn(schema.anyOf);
  const rest = options.filter((each) => !isNull(each));
  const [only] = rest;
  if (options.length < 2 || rest.length !== 1 || only === undefined) return schema;
  const whole = resolved(only, root);
  if (!isScalar(whole)) return schema;
  const beside = without(schema, 'anyOf');
  const types = typesOf(whole);
  const choices = whole.enum;
  return {
    ...whole,
    ...beside,
    ...(types.length > 0 ? { type: [...types, 'null'] } : {}),
    ...(Array.isArray(choices) ? { enum: [...(choices as readonly Json[]), null] } : {}),
  };
}

function titled(schema: JsonSchema, root: JsonSchema): JsonSchema {
  const key = Array.isArray(schema.anyOf) ? 'anyOf' : 'oneOf';
  const options = objectsIn(schema[key]);
  if (options.length === 0) return schema;
  return {
    ...schema,
    [key]: options.map((option) => {
      if (isNull(option)) return { ...option, title: 'none' };
      const whole = resolved(option, root);
      if (typeof whole.title === 'string') return option;
      return { ...option, title: typesOf(whole)[0] ?? 'value' };
    }),
  };
}

function tupled(schema: JsonSchema): JsonSchema {
  if (!Array.isArray(schema.prefixItems)) return schema;
  return { ...without(schema, 'prefixItems'), items: schema.prefixItems, additionalItems: schema.items ?? false };
}

/** Data that a person can begin with: defaults, and empty values where something must be. */
export function skeleton(schema: JsonSchema, root: JsonSchema = schema, depth = 0): Json {
  const whole = resolved(schema, root);
  if (whole.default !== undefined) return whole.default;
  if (whole.const !== undefined) return whole.const;
  if (Array.isArray(whole.enum)) return (whole.enum as readonly Json[])[0] ?? null;
  const options = alternatives(whole);
  if (options.length > 0) {
    if (options.some(isNull)) return null;
    return options[0] === undefined || depth > 8 ? null : skeleton(options[0], root, depth + 1);
  }
  switch (typesOf(whole)[0]) {
    case 'object':
      return skeletonObject(whole, root, depth);
    case 'array':
      return [];
    case 'string':
      return '';
    case 'integer':
    case 'number':
      return 0;
    case 'boolean':
      return false;
    default:
      return null;
  }
}

function skeletonObject(schema: JsonSchema, root: JsonSchema, depth: number): Json {
  const properties = schema.properties;
  const required = Array.isArray(schema.required) ? (schema.required as readonly Json[]) : [];
  if (!isObject(properties) || depth > 8) return {};
  const object: Record<string, Json> = {};
  for (const [name, property] of Object.entries(properties)) {
    if (!isObject(property)) continue;
    const hasDefault = resolved(property, root).default !== undefined;
    if (required.includes(name) || hasDefault) object[name] = skeleton(property, root, depth + 1);
  }
  return object;
}

const PROSE =
  /comment|reason|note|text|message|description|summary|body|feedback|answer|why|explanation|content|prompt/i;

/** Whether a text is likely to have several lines. */
export function isProse(name: string, schema: JsonSchema): boolean {
  if (typeof schema.format === 'string' || typeof schema.pattern === 'string') return false;
  const longest = schema.maxLength;
  if (typeof longest === 'number') return longest > 160;
  return PROSE.test(name);
}
