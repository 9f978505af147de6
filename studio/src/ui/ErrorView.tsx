import type { ErrorRecord } from '../api/types';
import { Copy } from './Copy';

/** An error as the journal has it, with its trace and what it was raised from. */
export function ErrorView({ error, open = false }: { error: ErrorRecord; open?: boolean }) {
  const code = error.code === 'exception' ? '' : error.code;
  return (
    <div className="error">
      <p className="error-message">
        <strong>{error.type}</strong>
        {error.message !== '' && `: ${error.message}`}
      </p>
      <p className="faint">
        {[error.address !== undefined && error.address !== '' ? `at ${error.address}` : '', error.field ?? '', code]
          .filter((part) => part !== '')
          .join(' · ')}
      </p>
      {error.traceback !== undefined && error.traceback !== '' && (
        <details open={open}>
          <summary>Trace</summary>
          <div className="trace">
            <Copy text={error.traceback} what="the trace" />
            {/* It scrolls, so the keyboard has to reach it. */}
            {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
            <pre tabIndex={0} role="region" aria-label="Trace">
              {error.traceback}
            </pre>
          </div>
        </details>
      )}
      {error.cause !== undefined && error.cause !== null && (
        <div className="error-cause">
          <p className="faint">Raised from</p>
          <ErrorView error={error.cause} />
        </div>
      )}
    </div>
  );
}
