import { useVirtualizer } from '@tanstack/react-virtual';
import { useRef, useState } from 'react';

import type { StepStatus } from '../api/types';
import type { RunModel } from '../journal/model';
import { Ending } from '../ui/Ending';
import { Status } from '../ui/Status';

interface Props {
  readonly addresses: readonly string[];
  readonly model: RunModel;
  readonly chosen: string;
  readonly onChoose: (address: string) => void;
}

/** Of a step that ran in many items or turns: all of them, to choose one. */
export function Instances({ addresses, model, chosen, onChoose }: Props) {
  const [only, setOnly] = useState<StepStatus | ''>('');
  const scroller = useRef<HTMLUListElement>(null);
  const statusOf = (address: string): StepStatus =>
    model.steps.get(address)?.status ?? model.nodes.get(address)?.status ?? 'running';
  const statuses = [...new Set(addresses.map(statusOf))];
  const shown = only === '' ? addresses : addresses.filter((address) => statusOf(address) === only);
  // eslint-disable-next-line react-hooks/incompatible-library -- its functions are used in this component alone
  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 28,
    overscan: 8,
  });

  return (
    <section className="panel-section instances">
      <header className="instances-head">
        <h3>{addresses.length.toLocaleString()} instances</h3>
        {statuses.length > 1 && (
          <label>
            <span className="for-screen-readers">Only those that are</span>
            <select value={only} onChange={(event) => setOnly(event.target.value as StepStatus | '')}>
              <option value="">all</option>
              {statuses.map((status) => (
                <option key={status}>{status}</option>
              ))}
            </select>
          </label>
        )}
      </header>
      <ul className="instances-list" ref={scroller}>
        <li role="presentation" style={{ height: virtual.getTotalSize() }} />
        {virtual.getVirtualItems().map((item) => {
          const address = shown[item.index] ?? '';
          return (
            <li key={address} className="instance" style={{ transform: `translateY(${item.start}px)` }}>
              <button type="button" aria-pressed={address === chosen} onClick={() => onChoose(address)}>
                <code title={address}>
                  <Ending text={address} />
                </code>
                <Status status={statusOf(address)} quiet />
              </button>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
