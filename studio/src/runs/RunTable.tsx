import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef, useState } from 'react';
import { Link, useLocation } from 'wouter';

import type { RunSummary } from '../api/types';
import { useShortcuts } from '../app/shortcuts';
import { Status } from '../ui/Status';
import { Time } from '../ui/Time';
import type { ListState } from './runList';

interface Props {
  readonly rows: readonly RunSummary[];
  readonly state: ListState;
  readonly onEnd: () => void;
}

/** A list of any length: only the rows in sight are in the page. */
export function RunTable({ rows, state, onEnd }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const narrow = useNarrow();
  // eslint-disable-next-line react-hooks/incompatible-library -- its functions are used in this component alone
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => (narrow ? 64 : 38),
    overscan: 12,
    getItemKey: (index) => rows[index]?.run_id ?? index,
  });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;

  useEffect(() => {
    if (state.more && last >= rows.length - 50) onEnd();
  }, [last, rows.length, state.more, onEnd]);
  useEffect(() => virtual.measure(), [narrow, virtual]);

  const [at, setAt] = useState(-1);
  const [, go] = useLocation();
  function move(to: number): void {
    const next = Math.max(0, Math.min(rows.length - 1, to));
    setAt(next);
    virtual.scrollToIndex(next);
  }
  useShortcuts([
    { keys: 'j', does: 'Next run', run: () => move(at + 1) },
    { keys: 'k', does: 'Previous run', run: () => move(at - 1) },
    {
      keys: 'Enter',
      does: 'Open the run',
      run: () => {
        const row = rows[at];
        if (row !== undefined) go(`/runs/${encodeURIComponent(row.run_id)}`);
      },
    },
  ]);

  return (
    <div className="run-table">
      <div role="table" className="run-list" aria-label="Runs" aria-rowcount={state.more ? -1 : rows.length + 1}>
        <div role="rowgroup" className="run-head">
          <div role="row" aria-rowindex={1} className="run-row">
            <span role="columnheader">Status</span>
            <span role="columnheader">Workflow</span>
            <span role="columnheader">Run</span>
            <span role="columnheader">Resource</span>
            <span role="columnheader">Created</span>
            <span role="columnheader">Changed</span>
          </div>
        </div>
        {/* It scrolls, so the keyboard has to reach it. */}
        {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
        <div role="rowgroup" className="run-rows" ref={scroller} tabIndex={0}>
          <div className="run-space" style={{ height: virtual.getTotalSize() }}>
            {items.map((item) => {
              const row = rows[item.index];
              return (
                row !== undefined && (
                  <div
                    key={item.key}
                    role="row"
                    aria-rowindex={item.index + 2}
                    className={item.index === at ? 'run-row run-row-at' : 'run-row'}
                    style={{ height: item.size, transform: `translateY(${item.start}px)` }}
                  >
                    <Row row={row} />
                  </div>
                )
              );
            })}
          </div>
        </div>
      </div>
      <p className="run-count faint" role="status">
        {rows.length.toLocaleString()} {rows.length === 1 ? 'run' : 'runs'}
        {state.more ? ' loaded; older ones come as you scroll' : ''}
        {state.busy ? ' · loading…' : ''}
      </p>
    </div>
  );
}

function Row({ row }: { row: RunSummary }) {
  return (
    <>
      <span role="cell">
        <Status status={row.status} />
      </span>
      <span role="cell" className="run-workflow">
        {row.workflow_id}
        {row.version !== '' && <span className="version">{row.version}</span>}
      </span>
      <span role="cell" className="run-id">
        <Link href={`/runs/${encodeURIComponent(row.run_id)}`} className="row-link">
          {row.run_id}
        </Link>
      </span>
      <span role="cell" className="run-resource faint">
        {row.resource_id}
      </span>
      <span role="cell" className="run-created">
        <Time at={row.created_at} />
      </span>
      <span role="cell" className="run-updated">
        {row.status === 'waiting' && row.wake_at !== null ? (
          <>
            wakes <Time at={row.wake_at} />
          </>
        ) : (
          <Time at={row.updated_at} />
        )}
      </span>
    </>
  );
}

function useNarrow(): boolean {
  const [narrow, setNarrow] = useState(() => window.matchMedia('(max-width: 720px)').matches);
  useEffect(() => {
    const query = window.matchMedia('(max-width: 720px)');
    const changed = () => setNarrow(query.matches);
    query.addEventListener('change', changed);
    return () => query.removeEventListener('change', changed);
  }, []);
  return narrow;
}
