import type { RJSFSchema, RJSFValidationError, ValidationData, ValidatorType } from '@rjsf/utils';

import type { JsonSchema } from '../api/types';
import { fits, wrongIn, type Wrong } from './check';
import { fieldErrors } from './errors';

/** The form's validator: reads schemas, where the usual one compiles them, which the page's policy does not allow. */
export const validator: ValidatorType<unknown> = {
  validateFormData(data, schema): ValidationData<unknown> {
    const wrongs = wrongIn(schema, withoutUndefined(data));
    return { errors: wrongs.map(errorOf), errorSchema: fieldErrors(wrongs) };
  },

  isValid(schema, data, root): boolean {
    return fits(rooted(schema, root), withoutUndefined(data));
  },

  // For those who want the errors of the library below: there is none.
  rawValidation: () => ({ errors: [] }),
};

/** A part of a schema may refer to definitions of the whole. */
const known = new WeakMap<object, JsonSchema>();

function rooted(schema: RJSFSchema, root: RJSFSchema): JsonSchema {
  const part = schema as unknown as JsonSchema;
  const whole = root as unknown as JsonSchema;
  if (part.$defs !== undefined || whole.$defs === undefined) return part;
  let found = known.get(part);
  if (found === undefined) {
    found = { ...part, $defs: whole.$defs };
    known.set(part, found);
  }
  return found;
}

function errorOf({ path, message }: Wrong): RJSFValidationError {
  const property = path.map((part) => `.${part}`).join('');
  return { property, message, stack: `${property} ${message}`.trim() };
}

/** What a field is cleared to is not in the data that is sent. */
function withoutUndefined(data: unknown): unknown {
  if (Array.isArray(data)) return data.map((each) => withoutUndefined(each ?? null));
  if (typeof data !== 'object' || data === null) return data;
  return Object.fromEntries(
    Object.entries(data)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, withoutUndefined(value)]),
  );
}
