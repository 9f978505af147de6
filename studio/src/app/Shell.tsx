import { useEffect, useRef, useState, type ReactNode } from 'react';
import { Link, useLocation } from 'wouter';

import { useMe, useSuspensions } from '../api/queries';
import { Icon, type IconName } from '../ui/icons';
import { AwayBanner } from './AwayBanner';
import { Account } from './Account';
import { onKeyDown, useShortcuts } from './shortcuts';
import { ShortcutsHelp } from './ShortcutsHelp';
import { ThemeSwitch } from './ThemeSwitch';

const PAGES: readonly { path: string; title: string; icon: IconName; key: string }[] = [
  { path: '/inbox', title: 'Inbox', icon: 'inbox', key: 'i' },
  { path: '/runs', title: 'Runs', icon: 'runs', key: 'r' },
  { path: '/workflows', title: 'Workflows', icon: 'workflow', key: 'w' },
  { path: '/schedules', title: 'Schedules', icon: 'schedules', key: 's' },
];

/** The frame around every page: where one is, where one can go, who one is, and whether the server is there. */
export function Shell({ children }: { children: ReactNode }) {
  const [location, go] = useLocation();
  const [help, setHelp] = useState(false);
  const main = useRef<HTMLElement>(null);
  const waiting = useSuspensions().data?.length ?? 0;
  const me = useMe().data;

  useEffect(() => {
    document.addEventListener('keydown', onKeyDown);
    return () => document.removeEventListener('keydown', onKeyDown);
  }, []);
  useShortcuts([
    { keys: '?', does: 'Show these keys', run: () => setHelp(true) },
    ...PAGES.map(({ path, title, key }) => ({ keys: `g ${key}`, does: `Go to ${title}`, run: () => go(path) })),
  ]);

  return (
    <div className="shell">
      <button type="button" className="skip" onClick={() => main.current?.focus()}>
        To the content
      </button>
      <nav className="rail" aria-label="Pages">
        <Link href="/inbox" className="wordmark" aria-label="Waystation, to the inbox">
          <Mark />
          <span>Waystation</span>
        </Link>
        <ul className="rail-pages">
          {PAGES.map(({ path, title, icon }) => (
            <li key={path}>
              <Link
                href={path}
                className="rail-page"
                aria-current={location === path || location.startsWith(`${path}/`) ? 'page' : undefined}
              >
                <Icon name={icon} />
                <span>{title}</span>
                {path === '/inbox' && waiting > 0 && (
                  <span className="count" aria-label={`${waiting} waiting`}>
                    {waiting > 999 ? '999+' : waiting}
                  </span>
                )}
              </Link>
            </li>
          ))}
        </ul>
        <div className="rail-foot">
          <Account />
          <div className="rail-tools">
            <ThemeSwitch />
            <button
              type="button"
              className="icon-button"
              title="Keyboard (?)"
              aria-label="Keyboard shortcuts"
              onClick={() => setHelp(true)}
            >
              <Icon name="keyboard" />
            </button>
            {me !== undefined && me.version !== '' && <span className="faint rail-version">{me.version}</span>}
          </div>
        </div>
      </nav>
      <main className="main" ref={main} tabIndex={-1}>
        <AwayBanner />
        {children}
      </main>
      {help && <ShortcutsHelp onClose={() => setHelp(false)} />}
    </div>
  );
}

export function Mark() {
  return (
    <svg className="mark" width="20" height="26" viewBox="0 0 20 26" aria-hidden="true" focusable="false">
      <path d="M10 0v26" stroke="currentColor" strokeWidth="3.4" />
      <circle cx="10" cy="13" r="6" fill="var(--paper)" stroke="currentColor" strokeWidth="3.4" />
    </svg>
  );
}
