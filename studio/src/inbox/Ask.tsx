import type { Json, Suspension } from '../api/types';
import { JsonView } from '../ui/JsonView';
import { askParts } from './ask';

/** Why a suspension waits, in the words of its step. */
export function Ask({ suspension }: { suspension: Suspension }) {
  const { lead, rest } = askParts(suspension.payload);
  return (
    <div className="ask">
      {lead !== '' && <p className="ask-lead">{lead}</p>}
      {lead === '' && rest.length === 0 && <p className="faint">The step gave no reason.</p>}
      {rest.length > 0 && (
        <dl className="ask-rest">
          {rest.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>
                <AskValue name={name} value={value} />
              </dd>
            </div>
          ))}
        </dl>
      )}
    </div>
  );
}

function AskValue({ name, value }: { name: string; value: Json }) {
  if (typeof value !== 'object') return <span className="ask-value">{String(value)}</span>;
  if (value === null) return <span className="faint">–</span>;
  if (Array.isArray(value) && value.length > 0 && value.every((each) => typeof each !== 'object')) {
    return (
      <ul className="ask-list">
        {(value as readonly Json[]).map((each, index) => (
          <li key={index}>{typeof each === 'string' ? each : JSON.stringify(each)}</li>
        ))}
      </ul>
    );
  }
  return <JsonView value={value} what={name} depth={2} />;
}
