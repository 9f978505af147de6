import { useMe } from '../api/queries';
import type { Scope } from '../api/types';

/** Whether one may do what needs this scope. Until it is known the server decides. */
export function useMay(scope: Scope): boolean {
  const me = useMe().data;
  return me === undefined || me.scopes.includes(scope) || me.scopes.includes('admin');
}

export function whyNot(may: boolean, scope: Scope): string | undefined {
  return may ? undefined : `Your token does not have the scope ${scope}.`;
}
