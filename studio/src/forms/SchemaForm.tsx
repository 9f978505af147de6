import { lazy, Suspense, useRef, useState, type KeyboardEvent, type ReactNode } from 'react';

import { Problem } from '../api/problem';
import type { Json, JsonSchema } from '../api/types';
import { Failure } from '../ui/Failure';
import { wrongIn, type Wrong } from './check';
import { wrongsOf } from './errors';
import { JsonField } from './JsonField';
import { skeleton } from './prepare';
import './forms.css';

// The form's library comes when a form is shown.
const Fields = lazy(async () => ({ default: (await import('./Fields')).Fields }));

interface Props {
  readonly schema: JsonSchema;
  readonly submit: string;
  readonly onSubmit: (data: Json) => Promise<void>;
  readonly onChange?: (data: Json) => void;
  readonly initial?: Json;
  readonly focusFirst?: boolean;
  /** Between the fields and the button. */
  readonly children?: ReactNode;
}

/**
 * A form made of a JSON Schema, or the same as JSON to be typed. It is checked here first; the server has the last
 * word, and its errors are shown at the fields they are about.
 */
export function SchemaForm({ schema, submit, onSubmit, onChange, initial, focusFirst = false, children }: Props) {
  const [asJson, setAsJson] = useState(false);
  const [data, setData] = useState<Json | undefined>(initial);
  const [unreadable, setUnreadable] = useState('');
  const [wrongs, setWrongs] = useState<readonly Wrong[]>([]);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const place = useRef<HTMLDivElement>(null);

  function change(next: Json): void {
    setData(next);
    onChange?.(next);
  }

  async function send(value: Json): Promise<void> {
    if (busy) return;
    setBusy(true);
    setError(null);
    setWrongs([]);
    try {
      await onSubmit(value);
    } catch (problem) {
      if (problem instanceof Problem && problem.status === 422) {
        const found = wrongsOf(problem, value);
        setWrongs(found);
        if (asJson || found.every((wrong) => wrong.path.length === 0)) setError(problem);
        focusWrong();
      } else setError(problem);
    } finally {
      setBusy(false);
    }
  }

  function sendJson(): void {
    const value = data ?? skeleton(schema);
    const found = unreadable === '' ? wrongIn(schema, value) : [];
    setWrongs(found);
    if (unreadable === '' && found.length === 0) void send(value);
  }

  function focusWrong(): void {
    // When the errors are on the page.
    setTimeout(() => place.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus(), 50);
  }

  function onKeyDown(event: KeyboardEvent): void {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      place.current?.querySelector('form')?.requestSubmit();
    } else if (event.key === 'Enter' && event.target instanceof HTMLInputElement && event.target.type !== 'submit') {
      // An answer is not sent by a key that one presses by habit.
      event.preventDefault();
    } else if (
      event.key === 'Escape' &&
      event.target instanceof HTMLElement &&
      event.target.closest('dialog') === null
    ) {
      event.target.blur();
    }
  }

  const foot = (
    <>
      {children}
      {error !== null && <Failure error={error} />}
      <div className="form-foot">
        <button type="submit" className="button button-main" disabled={busy}>
          {busy ? 'Sending…' : submit}
        </button>
        <span className="faint form-keys">
          <kbd>Ctrl</kbd>
          <kbd>Enter</kbd>
        </span>
        <button
          type="button"
          className="link-button form-turn"
          aria-pressed={asJson}
          onClick={() => setAsJson(!asJson)}
        >
          {asJson ? 'As a form' : 'As JSON'}
        </button>
      </div>
    </>
  );

  return (
    // Keys of the fields in it are heard here; it is nothing to be pressed itself.
    // eslint-disable-next-line jsx-a11y/no-static-element-interactions
    <div className="schema-form" ref={place} onKeyDown={onKeyDown}>
      {asJson ? (
        <form
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            sendJson();
          }}
        >
          <JsonField label="JSON" value={data ?? skeleton(schema)} onChange={change} onWrong={setUnreadable} />
          {wrongs.length > 0 && (
            <ul className="field-errors" role="alert">
              {wrongs.map(({ path, message }) => (
                <li key={`${path.join('.')} ${message}`}>
                  <code>{path.join('.') || 'the value'}</code> {message}
                </li>
              ))}
            </ul>
          )}
          {foot}
        </form>
      ) : (
        <Suspense fallback={<div className="form-coming" />}>
          <Fields
            schema={schema}
            data={data}
            wrongs={wrongs}
            focusFirst={focusFirst}
            onChange={change}
            onWrong={focusWrong}
            onSubmit={(value) => void send(value)}
          >
            {foot}
          </Fields>
        </Suspense>
      )}
    </div>
  );
}
