import { useEffect, useState } from 'react';

import { Icon } from './icons';

/** Copies a text; says for a moment that it did. */
export function Copy({ text, what, label = '' }: { text: string; what: string; label?: string }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 1_500);
    return () => clearTimeout(timer);
  }, [copied]);

  return (
    <button
      type="button"
      className={label === '' ? 'icon-button' : 'button button-quiet'}
      title={`Copy ${what}`}
      aria-label={label === '' ? `Copy ${what}` : undefined}
      onClick={() => {
        void copyText(text).then(setCopied);
      }}
    >
      <Icon name={copied ? 'success' : 'copy'} />
      {label !== '' && (copied ? 'Copied' : label)}
      <span className="for-screen-readers" role="status">
        {copied ? `Copied ${what}` : ''}
      </span>
    </button>
  );
}

/** Whether it could be copied: the clipboard is not there where the page is not from a secure origin. */
async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement('textarea');
    area.value = text;
    document.body.append(area);
    area.select();
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- the one way left on an insecure origin
    const done = document.execCommand('copy');
    area.remove();
    return done;
  }
}
