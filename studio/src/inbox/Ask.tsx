import type { Suspension } from '../api/types';
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
                {typeof value === 'object' && value !== null ? (
                  <JsonView value={value} what={name} depth={2} />
                ) : (
                  <span className="ask-value">{String(value ?? '–')}</span>
                )}
              </dd>
            </div>
          ))}
        </dl>
      )}
    </div>
  );
}
