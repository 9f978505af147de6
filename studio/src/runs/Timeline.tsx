import { useVirtualizer } from '@tanstack/react-virtual';
import { useMemo, useRef } from 'react';

import type { RunModel } from '../journal/model';
import { rowsOf, scaleOf, type Bar, type Scale } from '../journal/timeline';
import { useNow } from '../ui/clock';
import { Empty } from '../ui/Empty';
import { Ending } from '../ui/Ending';
import { duration } from '../ui/time';
import './timeline.css';

interface Props {
  readonly model: RunModel;
  readonly version: number;
  readonly chosen: string;
  readonly onChoose: (address: string) => void;
}

/** What ran when, attempt by attempt. Long times of nothing but waiting are cut short, and marked. */
export function Timeline({ model, version, chosen, onChoose }: Props) {
  const now = useNow();
  const end = model.endedAt ?? now;
  const begin = model.startedAt ?? model.createdAt ?? end;
  // The model is changed in place: its version tells that it has.
  // eslint-disable-next-line react-hooks/exhaustive-deps
  const rows = useMemo(() => rowsOf(model), [model, version]);
  const scale = useMemo(() => scaleOf(rows, begin, Math.max(end, begin + 1)), [rows, begin, end]);
  const scroller = useRef<HTMLDivElement>(null);
  // eslint-disable-next-line react-hooks/incompatible-library -- its functions are used in this component alone
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 30,
    overscan: 20,
  });

  if (rows.length === 0) {
    return (
      <Empty icon="waiting" title="Nothing has run yet">
        An attempt is drawn here when it has begun.
      </Empty>
    );
  }
  return (
    <div className="timeline">
      <div className="timeline-scale" aria-hidden="true">
        <div className="timeline-track">
          {scale.marks.map((mark) => (
            <span key={mark.at} style={{ left: `${mark.at * 100}%` }}>
              {mark.text}
            </span>
          ))}
        </div>
      </div>
      {/* It scrolls, so the keyboard has to reach it. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div className="timeline-rows" ref={scroller} tabIndex={0} role="region" aria-label="Timeline of attempts">
        <div style={{ height: virtual.getTotalSize(), position: 'relative' }}>
          {virtual.getVirtualItems().map((item) => {
            const row = rows[item.index];
            return (
              row !== undefined && (
                <div
                  key={item.key}
                  className={row.address === chosen ? 'timeline-row is-chosen' : 'timeline-row'}
                  style={{ transform: `translateY(${item.start}px)` }}
                >
                  <button
                    type="button"
                    className="timeline-name"
                    onClick={() => onChoose(row.address)}
                    title={row.address}
                  >
                    <Ending text={row.address} />
                  </button>
                  <div className="timeline-track">
                    {scale.gaps.map((gap) => (
                      <span
                        key={gap.from}
                        className="timeline-gap"
                        title={`${duration(gap.millis)} in which nothing ran`}
                        style={{
                          left: `${gap.from * 100}%`,
                          width: `${(gap.to - gap.from) * 100}%`,
                        }}
                      />
                    ))}
                    {row.bars.map((bar) => (
                      <BarView key={`${bar.kind} ${bar.from}`} bar={bar} scale={scale} end={end} />
                    ))}
                  </div>
                  <ol className="for-screen-readers">
                    {row.bars.map((bar) => (
                      <li key={`${bar.kind} ${bar.from}`}>{bar.title}</li>
                    ))}
                  </ol>
                </div>
              )
            );
          })}
        </div>
      </div>
    </div>
  );
}

function BarView({ bar, scale, end }: { bar: Bar; scale: Scale; end: number }) {
  const from = scale.at(bar.from);
  const to = scale.at(bar.to ?? end);
  return (
    <span
      className={`bar bar-${bar.kind}`}
      title={bar.title}
      aria-hidden="true"
      style={{ left: `${from * 100}%`, width: `max(3px, ${(to - from) * 100}%)` }}
    />
  );
}
