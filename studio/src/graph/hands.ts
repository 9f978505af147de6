import { createContext } from 'react';

/** What can be done with a node that is drawn. */
export interface HandsOn {
  readonly toggle: (key: string) => void;
  readonly choose: (key: string) => void;
  /** It has the focus: bring it into sight. */
  readonly reach: (key: string) => void;
}

export const Hands = createContext<HandsOn>({
  toggle: () => undefined,
  choose: () => undefined,
  reach: () => undefined,
});
