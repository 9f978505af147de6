import { useVirtualizer } from '@tanstack/react-virtual';
import { useRef, useState } from 'react';

import { API } from '../api/request';
import type { Json, JournalEntry } from '../api/types';
import { textIn } from '../journal/entries';
import { millis } from '../journal/times';
import { entryWords } from '../journal/words';
import { Icon } from '../ui/icons';
import { JsonView } from '../ui/JsonView';
import { clockTime, exact } from '../ui/time';
import './lines.css';

interface Props {
  readonly id: string;
  readonly entries: readonly JournalEntry[];
  readonly version: number;
  readonly onChoose: (address: string) => void;
}

/** All that was recorded, entry by entry. */
export function JournalView({ id, entries, version, onChoose }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState<ReadonlySet<number>>(new Set());
  // eslint-disable-next-line react-hooks/incompatible-library -- its functions are used in this component alone
  const virtual = useVirtualizer({
    count: entries.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 30,
    overscan: 20,
    getItemKey: (index) => entries[index]?.seq ?? index,
  });
  function toggle(seq: number): void {
    const next = new Set(open);
    if (!next.delete(seq)) next.add(seq);
    setOpen(next);
  }

  return (
    <div className="journal">
      <div
        className="journal-rows"
        ref={scroller}
        role="region"
        aria-label="Journal"
        data-version={version}
        // It scrolls, so the keyboard has to reach it.
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
      >
        <div style={{ height: virtual.getTotalSize(), position: 'relative' }}>
          {virtual.getVirtualItems().map((item) => {
            const entry = entries[item.index];
            return (
              entry !== undefined && (
                <div
                  key={item.key}
                  data-index={item.index}
                  ref={virtual.measureElement}
                  className="entry"
                  style={{ transform: `translateY(${item.start}px)` }}
                >
                  <Entry
                    entry={entry}
                    open={open.has(entry.seq)}
                    onToggle={() => toggle(entry.seq)}
                    onChoose={onChoose}
                  />
                </div>
              )
            );
          })}
        </div>
      </div>
      <p className="journal-foot faint">
        {entries.length.toLocaleString()} entries ·{' '}
        <a href={`${API}/runs/${encodeURIComponent(id)}/export`} download={`${id}.jsonl`}>
          Export as JSON lines
        </a>
      </p>
    </div>
  );
}

interface EntryProps {
  readonly entry: JournalEntry;
  readonly open: boolean;
  readonly onToggle: () => void;
  readonly onChoose: (address: string) => void;
}

function Entry({ entry, open, onToggle, onChoose }: EntryProps) {
  const address = textIn(entry, 'address');
  const at = millis(entry.at) ?? 0;
  return (
    <>
      <div className="entry-line">
        <button
          type="button"
          className="entry-toggle"
          aria-expanded={open}
          aria-label={`Entry ${entry.seq}`}
          onClick={onToggle}
        >
          <Icon name="chevron" size={10} />
          <span className="entry-seq">{entry.seq}</span>
        </button>
        <time dateTime={new Date(at).toISOString()} title={exact(at)} className="entry-time">
          {clockTime(at)}
        </time>
        <code className="entry-kind">{entry.kind}</code>
        {address !== '' && (
          <button type="button" className="link-button" onClick={() => onChoose(address)}>
            {address}
          </button>
        )}
        <span className="entry-words faint">{entryWords(entry)}</span>
      </div>
      {open && <JsonView value={entry as unknown as Json} what={`entry ${entry.seq}`} />}
    </>
  );
}
