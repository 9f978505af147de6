import type { Virtualizer } from '@tanstack/react-virtual';
import { useEffect, useState, type UIEvent } from 'react';

/** Keeps the end of a growing list in sight, unless one has scrolled up to read. Gives what the list does on scroll. */
export function useTail(
  virtual: Virtualizer<HTMLDivElement, Element>,
  count: number,
): (event: UIEvent<HTMLDivElement>) => void {
  const [follows, setFollows] = useState(true);
  useEffect(() => {
    if (follows && count > 0) virtual.scrollToIndex(count - 1, { align: 'end' });
  }, [follows, count, virtual]);
  return (event) => {
    const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
    setFollows(scrollHeight - scrollTop - clientHeight < 40);
  };
}
