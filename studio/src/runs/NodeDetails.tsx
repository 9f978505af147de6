import type { Json, RunDetail } from '../api/types';
import { api } from '../api/calls';
import { freshKey } from '../api/request';
import { useMay } from '../app/may';
import { SchemaForm } from '../forms/SchemaForm';
import { prefixOf } from '../graph/addresses';
import type { WaitNode } from '../graph/description';
import type { Place } from '../graph/places';
import type { NodeModel } from '../journal/model';
import type { Values } from '../journal/values';
import { ErrorView } from '../ui/ErrorView';
import { Status } from '../ui/Status';
import { Time } from '../ui/Time';
import { Value } from './Value';

interface Props {
  readonly run: RunDetail;
  readonly node: NodeModel;
  readonly place: Place | undefined;
  readonly values: Values | null;
  readonly onChoose: (address: string) => void;
}

/** What happened at a node that is no step: a branch, a sleep, a wait, ... */
export function NodeDetails({ run, node, place, values, onChoose }: Props) {
  const input = values?.input(node.address);
  const output =
    node.output === undefined ? values?.output(node.address) : { known: true as const, value: node.output };
  const what = place?.node;
  return (
    <>
      <div className="panel-section panel-standing">
        <Status status={node.status} />
        {node.status === 'waiting' && node.until !== undefined && (
          <span className="faint">
            ends <Time at={node.until} />
          </span>
        )}
        {node.count !== undefined && (
          <span className="faint">
            {node.count.toLocaleString()} {what?.kind === 'loop' ? 'turns' : 'items'}
          </span>
        )}
      </div>
      {node.taken !== undefined && (
        <section className="panel-section">
          <h3>Taken</h3>
          {node.taken.length === 0 && <p className="faint">None of them.</p>}
          <ul className="plain-list">
            {node.taken.map((id) => (
              <li key={id}>
                <button type="button" className="link-button" onClick={() => onChoose(prefixOf(node.address) + id)}>
                  {id}
                </button>
              </li>
            ))}
          </ul>
        </section>
      )}
      {what?.kind === 'wait' && node.status === 'waiting' && <SendEvent run={run} wait={what} />}
      {node.error !== undefined && (
        <section className="panel-section">
          <h3>Error</h3>
          <ErrorView error={node.error} open />
        </section>
      )}
      {input?.known === true && <Value title="Input" value={input.value} />}
      {output?.known === true && <Value title="Output" value={output.value} />}
    </>
  );
}

/** An event for a run that waits for it, from a person. */
function SendEvent({ run, wait }: { run: RunDetail; wait: WaitNode }) {
  const may = useMay('run');
  if (!may) return null;

  async function send(data: Json): Promise<void> {
    await api.sendEvent(run.run_id, wait.event, data, freshKey());
  }

  return (
    <section className="panel-section">
      <h3>
        Send the event <code>{wait.event}</code>
      </h3>
      <SchemaForm schema={wait.data.schema} submit="Send" onSubmit={send} />
    </section>
  );
}
