import { useVirtualizer } from '@tanstack/react-virtual';
import { useRef } from 'react';

import type { Chunk } from '../journal/model';
import { Empty } from '../ui/Empty';
import { Ending } from '../ui/Ending';
import { exact } from '../ui/time';
import { useTail } from '../ui/useTail';
import './lines.css';

interface Props {
  readonly chunks: readonly Chunk[];
  readonly onChoose: (address: string) => void;
}

/** What steps wrote while they ran, as it comes. The end stays in sight, unless one has scrolled up to read. */
export function ChunksView({ chunks, onChoose }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  // eslint-disable-next-line react-hooks/incompatible-library -- its functions are used in this component alone
  const virtual = useVirtualizer({
    count: chunks.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 26,
    overscan: 20,
  });
  const onScroll = useTail(virtual, chunks.length);

  if (chunks.length === 0) {
    return (
      <Empty icon="runs" title="No chunks" command="await ctx.write(chunk)">
        What a step writes while it runs is shown here at once:
      </Empty>
    );
  }
  return (
    <div
      className="chunks"
      ref={scroller}
      role="log"
      aria-label="Chunks"
      // It scrolls, so the keyboard has to reach it.
      // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
      tabIndex={0}
      onScroll={onScroll}
    >
      <div style={{ height: virtual.getTotalSize(), position: 'relative' }}>
        {virtual.getVirtualItems().map((item) => {
          const chunk = chunks[item.index];
          return (
            chunk !== undefined && (
              <div
                key={item.key}
                data-index={item.index}
                ref={virtual.measureElement}
                className="chunk"
                style={{ transform: `translateY(${item.start}px)` }}
              >
                <button
                  type="button"
                  className="link-button"
                  title={exact(chunk.at)}
                  onClick={() => onChoose(chunk.address)}
                >
                  <Ending text={chunk.address} />
                </button>
                <span className="chunk-value">
                  {typeof chunk.value === 'string' ? chunk.value : JSON.stringify(chunk.value)}
                </span>
              </div>
            )
          );
        })}
      </div>
    </div>
  );
}
