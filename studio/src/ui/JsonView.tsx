import { useState } from 'react';

import type { Json } from '../api/types';
import { Copy } from './Copy';
import { Icon } from './icons';

/** Of longer lists and objects so many members are shown at a time. */
const PAGE = 100;
const LONGEST_TEXT = 2_000;

interface Props {
  readonly value: Json;
  readonly what: string;
  /** Down to which depth it is opened at first. */
  readonly depth?: number;
}

/** JSON as a tree that opens and closes. What is closed is not drawn, so a value may be as large as it likes. */
export function JsonView({ value, what, depth = 3 }: Props) {
  return (
    <div className="json">
      <div className="json-tools">
        <Copy text={JSON.stringify(value, null, 2)} what={what} />
      </div>
      <JsonNode name={null} value={value} depth={depth} />
    </div>
  );
}

function JsonNode({ name, value, depth }: { name: string | null; value: Json; depth: number }) {
  const [open, setOpen] = useState(depth > 0);
  const [shown, setShown] = useState(PAGE);
  const label = name !== null && <span className="json-name">{name}: </span>;
  if (value === null || typeof value !== 'object') {
    return (
      <div className="json-line">
        {label}
        <Scalar value={value} />
      </div>
    );
  }
  const isList = Array.isArray(value);
  const members: [string, Json][] = isList
    ? (value as readonly Json[]).map((each, index) => [String(index), each])
    : Object.entries(value);
  const [left, right] = isList ? ['[', ']'] : ['{', '}'];
  if (members.length === 0) {
    return (
      <div className="json-line">
        {label}
        {left + right}
      </div>
    );
  }
  return (
    <div className="json-branch">
      <button type="button" className="json-toggle" aria-expanded={open} onClick={() => setOpen(!open)}>
        <Icon name="chevron" size={10} />
        {label}
        <span className="faint">{open ? left : `${left} ${countOf(members.length, isList)} ${right}`}</span>
      </button>
      {open && (
        <>
          <div className="json-members">
            {members.slice(0, shown).map(([key, member]) => (
              <JsonNode key={key} name={key} value={member} depth={members.length > PAGE ? 0 : depth - 1} />
            ))}
            {members.length > shown && (
              <button type="button" className="link-button" onClick={() => setShown(shown + PAGE * 10)}>
                {members.length - shown} more
              </button>
            )}
          </div>
          <div className="faint json-line">{right}</div>
        </>
      )}
    </div>
  );
}

function Scalar({ value }: { value: null | boolean | number | string }) {
  const [whole, setWhole] = useState(false);
  if (typeof value !== 'string')
    return <span className={`json-${value === null ? 'null' : typeof value}`}>{String(value)}</span>;
  const cut = !whole && value.length > LONGEST_TEXT;
  return (
    <span className="json-string">
      {JSON.stringify(cut ? value.slice(0, LONGEST_TEXT) : value)}
      {cut && (
        <button type="button" className="link-button" onClick={() => setWhole(true)}>
          … {value.length - LONGEST_TEXT} more characters
        </button>
      )}
    </span>
  );
}

function countOf(count: number, isList: boolean): string {
  const word = isList ? 'item' : 'key';
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}
