import type { ReactNode } from 'react';

import { Copy } from './Copy';
import { Icon, type IconName } from './icons';

interface Props {
  readonly icon: IconName;
  readonly title: string;
  readonly children?: ReactNode;
  /** A command that changes that there is nothing. */
  readonly command?: string;
}

/** Where there is nothing to show: says why, and what to do. */
export function Empty({ icon, title, children, command }: Props) {
  return (
    <div className="empty">
      <Icon name={icon} size={28} />
      <h2>{title}</h2>
      {children !== undefined && <div className="empty-text">{children}</div>}
      {command !== undefined && (
        <div className="command">
          <code>{command}</code>
          <Copy text={command} what="the command" />
        </div>
      )}
    </div>
  );
}
