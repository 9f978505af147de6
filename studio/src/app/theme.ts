import { signal } from '../ui/signal';

export type Theme = 'system' | 'light' | 'dark';

const STORED = 'waystation.theme';

/** Light or dark, as chosen; kept in this browser. public/theme.js puts it on before the page is painted. */
export const theme = signal<Theme>(read());

export function chooseTheme(chosen: Theme): void {
  theme.set(chosen);
  if (chosen === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
  try {
    if (chosen === 'system') localStorage.removeItem(STORED);
    else localStorage.setItem(STORED, chosen);
  } catch {
    // not kept, then
  }
}

function read(): Theme {
  const chosen = document.documentElement.dataset.theme;
  return chosen === 'light' || chosen === 'dark' ? chosen : 'system';
}
