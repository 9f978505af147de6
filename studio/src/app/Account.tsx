import { api } from '../api/calls';
import { queries, useMe } from '../api/queries';
import { session } from '../api/session';
import { Icon } from '../ui/icons';

/** Who one is to the server. Only who came in by this page can sign out. */
export function Account() {
  const me = useMe().data;
  if (me === undefined || me.auth === 'none') return null;

  async function signOut(): Promise<void> {
    await api.signOut();
    sessionStorage.clear(); // what was typed and not sent
    queries.clear();
    session.signedOut();
  }

  return (
    <div className="account">
      <span className="account-name" title={`Signed in as ${me.actor}; may: ${me.scopes.join(', ')}`}>
        {me.actor}
      </span>
      {me.auth === 'session' && (
        <button
          type="button"
          className="icon-button"
          title="Sign out"
          aria-label="Sign out"
          onClick={() => void signOut()}
        >
          <Icon name="leave" />
        </button>
      )}
    </div>
  );
}
