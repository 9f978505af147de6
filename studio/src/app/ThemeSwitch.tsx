import { Icon } from '../ui/icons';
import { useSignal } from '../ui/signal';
import { chooseTheme, theme, type Theme } from './theme';

const NEXT: Record<Theme, Theme> = { system: 'light', light: 'dark', dark: 'system' };
const ICONS = { system: 'system', light: 'sun', dark: 'moon' } as const;
const NAMES: Record<Theme, string> = { system: 'as the system', light: 'light', dark: 'dark' };

export function ThemeSwitch() {
  const chosen = useSignal(theme);
  const text = `Theme: ${NAMES[chosen]}. Change to ${NAMES[NEXT[chosen]]}`;
  return (
    <button
      type="button"
      className="icon-button"
      title={text}
      aria-label={text}
      onClick={() => chooseTheme(NEXT[chosen])}
    >
      <Icon name={ICONS[chosen]} />
    </button>
  );
}
