import { useId, useState, type SyntheticEvent } from 'react';

import { api } from '../api/calls';
import { queries } from '../api/queries';
import { session } from '../api/session';
import { Failure } from '../ui/Failure';
import { useTitle } from './Page';
import { Mark } from './Shell';

/** Asks for a token, and changes it for a session: the page never keeps it. */
export function SignIn() {
  useTitle('Sign in');
  const [token, setToken] = useState('');
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const field = useId();
  const hint = useId();

  async function onSubmit(event: SyntheticEvent): Promise<void> {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await api.signIn(token.trim());
      queries.clear();
      session.signedIn();
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  }

  return (
    <main className="sign-in">
      <form className="sign-in-card" onSubmit={(event) => void onSubmit(event)}>
        <p className="wordmark">
          <Mark />
          <span>Waystation</span>
        </p>
        <h1>Sign in</h1>
        <label htmlFor={field}>Token</label>
        <input
          id={field}
          type="password"
          name="token"
          autoComplete="current-password"
          spellCheck={false}
          required
          aria-describedby={hint}
          value={token}
          onChange={(event) => setToken(event.target.value)}
        />
        <p id={hint} className="faint">
          Whoever runs this server makes you one: <code>waystation token new NAME --scope read --scope answer</code>
        </p>
        {error !== null && <Failure error={error} />}
        <button type="submit" className="button button-main" disabled={busy}>
          {busy ? 'Signing in…' : 'Sign in'}
        </button>
      </form>
    </main>
  );
}
