import type { Problem } from '../api/problem';
import type { Wrong } from './check';

/** Errors as the form's library has them: as deep as the fields they belong to. */
export interface FieldErrors {
  __errors?: string[];
  [field: string]: FieldErrors | string[] | undefined;
}

export function fieldErrors(wrongs: readonly Wrong[]): FieldErrors {
  const root: FieldErrors = {};
  for (const { path, message } of wrongs) {
    let at = root;
    for (const part of path) {
      const deeper = at[part];
      at = deeper !== undefined && !Array.isArray(deeper) ? deeper : (at[part] = {});
    }
    at.__errors = [...(at.__errors ?? []), message];
  }
  return root;
}

/**
 * What the server found wrong, where it is. A request's own field that holds the data (`input`, `data`) may stand
 * before the place in it; the server's names of the alternatives of a union, which are no fields, are left out by
 * going down only as far as there is data.
 */
export function wrongsOf(problem: Problem, data: unknown): Wrong[] {
  const pairs = problem.problems.length > 0 ? problem.problems : [[problem.field, problem.message] as const];
  return pairs.map(([field, message]) => ({ path: pathIn(data, field), message }));
}

function pathIn(data: unknown, field: string): string[] {
  const path: string[] = [];
  let at: unknown = data;
  for (const part of field === '' ? [] : field.split('.')) {
    if (typeof at !== 'object' || at === null) break;
    path.push(part);
    at = (at as Record<string, unknown>)[part];
  }
  return path;
}
