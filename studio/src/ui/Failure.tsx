import { Problem, messageOf } from '../api/problem';

/** That something could not be had or done, and why, in the server's words. */
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const code = error instanceof Problem ? error.code : '';
  return (
    <div className="notice notice-bad" role="alert">
      <div>
        <p>{messageOf(error)}</p>
        {code !== '' && <code className="faint">{code}</code>}
      </div>
      {retry !== undefined && (
        <button type="button" className="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

/** What is shown until it is there: nothing at first, so that what is quick does not flicker. */
export function Loading({ what }: { what: string }) {
  return (
    <p className="loading" role="status">
      Loading {what}…
    </p>
  );
}
