import type { ReactNode } from 'react';

/** Drawn on a grid of 16, in the colour of the text they stand in. They say nothing to screen readers: the text does. */
const PATHS = {
  pending: <circle cx="8" cy="8" r="5.2" strokeDasharray="2.4 2.6" />,
  running: <path d="M8 2.8a5.2 5.2 0 1 1-4.9 3.5" />,
  waiting: (
    <>
      <circle cx="8" cy="8" r="5.4" />
      <path d="M8 5v3.2l2.2 1.4" />
    </>
  ),
  suspended: (
    <>
      <circle cx="8" cy="5.2" r="2.5" />
      <path d="M3.2 13.4c.5-2.9 2.3-4.3 4.8-4.3s4.3 1.4 4.8 4.3" />
    </>
  ),
  paused: <path d="M5.6 3.6v8.8M10.4 3.6v8.8" />,
  success: <path d="m3.2 8.6 3.1 3.1 6.5-7" />,
  failed: <path d="m4 4 8 8M12 4l-8 8" />,
  cancelled: (
    <>
      <circle cx="8" cy="8" r="5.4" />
      <path d="m4.4 4.4 7.2 7.2" />
    </>
  ),
  skipped: <path d="M3.5 8h2M7 8h2M10.5 8h2" />,
  step: <rect x="3" y="4.5" width="10" height="7" rx="1.5" />,
  workflow: (
    <>
      <rect x="2.5" y="3" width="11" height="10" rx="1.5" />
      <path d="M8 5.5v5" />
      <circle cx="8" cy="8" r="1.2" />
    </>
  ),
  parallel: <path d="M8 2v11M3 13V9a2 2 0 0 1 2-2h6a2 2 0 0 1 2 2v4" />,
  branch: <path d="M8 2v4L4 10v4M8 6l4 4v4" />,
  switch: <path d="M8 2 14 8 8 14 2 8Z" />,
  foreach: <path d="M6 4h7.5M6 8h7.5M6 12h7.5M2.5 4h.5M2.5 8h.5M2.5 12h.5" />,
  loop: <path d="M12.8 6.2A5.2 5.2 0 1 0 13.2 9M13 3v3.4H9.6" />,
  map: <path d="M2.5 5h8m0 0L8 2.5M10.5 5 8 7.5M13.5 11h-8m0 0L8 8.5M5.5 11 8 13.5" />,
  sleep: <path d="M13 9.6A5.6 5.6 0 1 1 6.4 3a4.6 4.6 0 0 0 6.6 6.6Z" />,
  wait: <path d="M4 14V2.5h8L10 5.5l2 3H4" />,
  runs: <path d="M2.5 4h11M2.5 8h11M2.5 12h7" />,
  inbox: <path d="M2.5 9.5h3l1.2 2h2.6l1.2-2h3M2.5 9.5 4.3 3.5h7.4l1.8 6v3h-11Z" />,
  schedules: (
    <>
      <rect x="2.5" y="3.5" width="11" height="10" rx="1.5" />
      <path d="M2.5 6.8h11M5.5 2v2.5M10.5 2v2.5" />
    </>
  ),
  chevron: <path d="m6 3.5 4.5 4.5L6 12.5" />,
  copy: (
    <>
      <rect x="5.5" y="5.5" width="8" height="8" rx="1.2" />
      <path d="M10.5 5.5v-3h-8v8h3" />
    </>
  ),
  close: <path d="m3.5 3.5 9 9M12.5 3.5l-9 9" />,
  undo: <path d="M5.5 3 2.5 6l3 3M2.5 6h7a4 4 0 0 1 0 8H6" />,
  sun: (
    <>
      <circle cx="8" cy="8" r="3" />
      <path d="M8 1.5v1.6M8 12.9v1.6M1.5 8h1.6M12.9 8h1.6M3.4 3.4l1.1 1.1M11.5 11.5l1.1 1.1M12.6 3.4l-1.1 1.1M4.5 11.5l-1.1 1.1" />
    </>
  ),
  moon: <path d="M13 9.6A5.6 5.6 0 1 1 6.4 3a4.6 4.6 0 0 0 6.6 6.6Z" />,
  system: (
    <>
      <circle cx="8" cy="8" r="5.4" />
      <path d="M8 2.6v10.8a5.4 5.4 0 0 0 0-10.8Z" fill="currentColor" />
    </>
  ),
  keyboard: (
    <>
      <rect x="1.5" y="4" width="13" height="8.5" rx="1.5" />
      <path d="M4 6.8h.6M6.7 6.8h.6M9.4 6.8h.6M12 6.8h.3M4.5 9.8h7" />
    </>
  ),
  plus: <path d="M8 3v10M3 8h10" />,
  whole: <path d="M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10" />,
  locate: (
    <>
      <circle cx="8" cy="8" r="3.6" />
      <path d="M8 1.5v3M8 11.5v3M1.5 8h3M11.5 8h3" />
    </>
  ),
  leave: <path d="M9.5 3h-6v10h6M6.5 8h7.5m0 0-2.5-2.5M14 8l-2.5 2.5" />,
  away: <path d="M2 6.5c3.5-3.3 8.5-3.3 12 0M4.5 9.2c2-1.8 5-1.8 7 0M8 12.3v.2M2.5 2.5l11 11" />,
} satisfies Record<string, ReactNode>;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16, className = '' }: { name: IconName; size?: number; className?: string }) {
  return (
    <svg
      className={`icon icon-${name} ${className}`}
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      {PATHS[name]}
    </svg>
  );
}
