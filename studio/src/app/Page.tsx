import { useEffect, type ReactNode } from 'react';

interface Props {
  readonly title: string;
  /** Beside the title. */
  readonly aside?: ReactNode;
  readonly children: ReactNode;
  readonly fill?: boolean;
}

/** What every page has: a title, that of the window too, and what it is about. */
export function Page({ title, aside, children, fill = false }: Props) {
  useTitle(title);
  return (
    <div className={fill ? 'page page-fill' : 'page'}>
      <header className="page-head">
        <h1>{title}</h1>
        {aside}
      </header>
      {children}
    </div>
  );
}

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Waystation`;
  }, [title]);
}
