import { useMemo, useState } from 'react';

import type { JsonSchema } from '../api/types';
import { fieldsOf, typeWords } from '../forms/schema';
import { brief } from '../journal/words';
import { JsonView } from './JsonView';

/** A type: its fields in a table, or the schema itself. */
export function SchemaView({ title, name, schema }: { title: string; name: string; schema: JsonSchema }) {
  const [raw, setRaw] = useState(false);
  const fields = useMemo(() => fieldsOf(schema), [schema]);
  return (
    <section className="schema">
      <header className="schema-head">
        <h3>{title}</h3>
        <code>{name === '' ? typeWords(schema, schema) : name}</code>
        <button type="button" className="link-button" aria-pressed={raw} onClick={() => setRaw(!raw)}>
          {raw ? 'Fields' : 'JSON Schema'}
        </button>
      </header>
      {raw && <JsonView value={schema} what={`the JSON Schema of ${title}`} />}
      {!raw && fields.length > 0 && (
        <ul className="schema-fields">
          {fields.map((field) => (
            <li key={field.path} data-depth={field.depth}>
              <code className="schema-name">{field.path}</code>
              <span className="schema-type">{field.words}</span>
              <span className="faint">
                {field.required
                  ? 'required'
                  : field.initial === undefined
                    ? 'optional'
                    : `= ${brief(field.initial, 40)}`}
              </span>
              {field.description !== '' && <span className="schema-text">{field.description}</span>}
            </li>
          ))}
        </ul>
      )}
      {!raw && fields.length === 0 && <p className="faint">{typeWords(schema, schema)}</p>}
    </section>
  );
}
