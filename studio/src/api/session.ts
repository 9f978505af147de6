import { signal } from '../ui/signal';

/** Whether the server wants to know who is there. */
export type Session = 'open' | 'signed-out';

const state = signal<Session>('open');

export const session = {
  state,
  signedOut(): void {
    state.set('signed-out');
  },
  signedIn(): void {
    state.set('open');
  },
};
