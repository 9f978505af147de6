import { useVirtualizer } from '@tanstack/react-virtual';
import { useRef, type ReactNode } from 'react';

import { useTail } from '../ui/useTail';
import './lines.css';

interface Props<T> {
  /** What the list is, to whom it is read out. */
  readonly name: string;
  readonly lines: readonly T[];
  readonly keyOf: (line: T, index: number) => string | number;
  readonly className?: string;
  readonly children: (line: T) => ReactNode;
}

/** Lines that come one after another. The end stays in sight, unless one has scrolled up to read. */
export function Lines<T>({ name, lines, keyOf, className, children }: Props<T>) {
  const scroller = useRef<HTMLDivElement>(null);
  // eslint-disable-next-line react-hooks/incompatible-library -- its functions are used in this component alone
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 26,
    overscan: 20,
    getItemKey: (index) => {
      const line = lines[index];
      return line === undefined ? index : keyOf(line, index);
    },
  });
  const onScroll = useTail(virtual, lines.length);
  return (
    <div
      className="chunks"
      ref={scroller}
      role="log"
      aria-label={name}
      // It scrolls, so the keyboard has to reach it.
      // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
      tabIndex={0}
      onScroll={onScroll}
    >
      <div style={{ height: virtual.getTotalSize(), position: 'relative' }}>
        {virtual.getVirtualItems().map((item) => {
          const line = lines[item.index];
          return (
            line !== undefined && (
              <div
                key={item.key}
                data-index={item.index}
                ref={virtual.measureElement}
                className={className === undefined ? 'chunk' : `chunk ${className}`}
                style={{ transform: `translateY(${item.start}px)` }}
              >
                {children(line)}
              </div>
            )
          );
        })}
      </div>
    </div>
  );
}
