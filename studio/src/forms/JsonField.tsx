import { useId, useState } from 'react';

import type { Json } from '../api/types';
import { readJson } from './check';

interface Props {
  readonly label: string;
  readonly value: Json | undefined;
  /** Called with the value whenever what is typed is JSON. */
  readonly onChange: (value: Json) => void;
  readonly onWrong?: (wrong: string) => void;
  readonly id?: string;
  readonly hideLabel?: boolean;
}

/** A value typed as JSON. */
export function JsonField({ label, value, onChange, onWrong, id, hideLabel = false }: Props) {
  const made = useId();
  const [text, setText] = useState(() => (value === undefined ? '' : JSON.stringify(value, null, 2)));
  const read = readJson(text);
  const wrong = text.trim() !== '' && 'wrong' in read ? read.wrong : '';
  const field = id ?? made;
  return (
    <div className="field">
      <label htmlFor={field} className={hideLabel ? 'for-screen-readers' : 'field-label'}>
        {label}
      </label>
      <textarea
        id={field}
        className="json-input"
        spellCheck={false}
        autoCapitalize="off"
        value={text}
        aria-invalid={wrong !== ''}
        aria-describedby={wrong === '' ? undefined : `${field}-wrong`}
        onChange={(event) => {
          setText(event.target.value);
          const next = readJson(event.target.value);
          if ('value' in next) onChange(next.value);
          onWrong?.('wrong' in next ? next.wrong : '');
        }}
      />
      {wrong !== '' && (
        <p className="field-errors" id={`${field}-wrong`}>
          {wrong}
        </p>
      )}
    </div>
  );
}
