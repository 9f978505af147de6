import { useEffect, useRef } from 'react';

import { signal } from '../ui/signal';

/** Keys that do something on the page that is shown. Who can be typed into keeps its keys. */
export interface Shortcut {
  /** A key as `KeyboardEvent.key` has it; two with a space between are pressed one after the other: `g r`. */
  readonly keys: string;
  readonly does: string;
  readonly run: () => void;
}

const STORED = 'waystation.shortcuts';

/** Shortcuts of a single character can be turned off (WCAG 2.1.4): speech input types them by accident. */
export const shortcutsOn = signal(read());

export function setShortcutsOn(on: boolean): void {
  shortcutsOn.set(on);
  try {
    localStorage.setItem(STORED, on ? 'on' : 'off');
  } catch {
    // not kept, then
  }
}

function read(): boolean {
  try {
    return localStorage.getItem(STORED) !== 'off';
  } catch {
    return true;
  }
}

/** What is there to be pressed now, the newest last; the help lists it. */
export const activeShortcuts = signal<readonly (readonly Shortcut[])[]>([]);

export function useShortcuts(shortcuts: readonly Shortcut[]): void {
  const latest = useRef(shortcuts);
  useEffect(() => {
    latest.current = shortcuts;
  });
  const shape = shortcuts.map((each) => `${each.keys} ${each.does}`).join('\n');
  useEffect(() => {
    const mine = latest.current.map((each, index) => ({ ...each, run: () => latest.current[index]?.run() }));
    activeShortcuts.set([...activeShortcuts.get(), mine]);
    return () => activeShortcuts.set(activeShortcuts.get().filter((each) => each !== mine));
  }, [shape]);
}

const CHORD_TIME = 1_200;
let before = '';
let beforeAt = 0;

export function onKeyDown(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (!shortcutsOn.get() || isTyping(event.target) || document.querySelector('dialog[open]') !== null) return;
  const all = activeShortcuts.get().toReversed().flat();
  const chord = event.timeStamp - beforeAt < CHORD_TIME ? `${before} ${event.key}` : '';
  const found = all.find((each) => each.keys === chord) ?? all.find((each) => each.keys === event.key);
  before = event.key;
  beforeAt = event.timeStamp;
  if (found === undefined) return;
  // Enter on a button or a link presses that.
  if (found.keys === 'Enter' && event.target instanceof Element && event.target.closest('a, button, summary') !== null)
    return;
  event.preventDefault();
  before = '';
  found.run();
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || target.closest('input, textarea, select, [contenteditable="true"]') !== null)
  );
}
