import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef } from 'react';

import type { Suspension } from '../api/types';
import { Ending } from '../ui/Ending';
import { Time } from '../ui/Time';
import { askParts } from './ask';

interface Props {
  readonly waiting: readonly Suspension[];
  readonly chosen: string;
  readonly onChoose: (suspension: Suspension) => void;
}

/** What waits, the oldest first. */
export function SuspensionList({ waiting, chosen, onChoose }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const at = waiting.findIndex((each) => each.id === chosen);
  // eslint-disable-next-line react-hooks/incompatible-library -- its functions are used in this component alone
  const virtual = useVirtualizer({
    count: waiting.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 74,
    overscan: 8,
    getItemKey: (index) => waiting[index]?.id ?? index,
  });
  useEffect(() => {
    if (at >= 0) virtual.scrollToIndex(at);
  }, [at, virtual]);

  return (
    <nav className="waiting" ref={scroller} aria-label="What waits, the oldest first">
      <ul style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => {
          const suspension = waiting[item.index];
          return (
            suspension !== undefined && (
              <li key={item.key} style={{ transform: `translateY(${item.start}px)`, height: item.size }}>
                <button
                  type="button"
                  className="waiting-item"
                  aria-current={suspension.id === chosen ? 'true' : undefined}
                  onClick={() => onChoose(suspension)}
                >
                  <span className="waiting-lead">{askParts(suspension.payload).lead || suspension.address}</span>
                  <span className="waiting-where" title={suspension.address}>
                    <Ending text={`${suspension.workflow_id} · ${suspension.address}`} />
                  </span>
                  <span className="waiting-since">
                    <Time at={suspension.opened_at} />
                  </span>
                </button>
              </li>
            )
          );
        })}
      </ul>
      {waiting.length >= 1_000 && <p className="faint waiting-foot">These are the 1,000 oldest.</p>}
    </nav>
  );
}
