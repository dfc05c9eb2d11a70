/** What the broker asks before it hands out a token: may this program use this grant now? The answer is cached by whoever gives it. */
import type { AppError } from '../app-error.ts';
import type { Caller, Peer } from '../caller/caller.ts';
import type { Grant } from '../grant/grants.ts';
import type { Ms } from '../units.ts';

export type Leave =
  | { kind: 'yes'; lease: Ms; maxTokenLife: Ms | null; failClosed: boolean }
  | { kind: 'no'; error: AppError }
  /** A person is being asked. `answered` resolves, never rejects, when it is worth asking the gate again; `error` is for whoever cannot wait. */
  | { kind: 'ask'; error: AppError; answered: Promise<void> /** The client has gone. */; withdraw: () => void };

export interface Gate {
  /** Runs at every request of a live grant; a repeated question costs no more than two look-ups. */
  leave(grant: Grant, caller: Caller): Leave;
  /** A token has left on the leave just given. */
  used(grant: Grant, caller: Caller): void;
  /**
   * Looks, off the token path, whether processes that are no members hold the connection too.
   * Resolves false when the connection must end; it is in the audit log then.
   */
  soleHolder(grant: Grant, caller: Caller, peer: Peer): Promise<boolean>;
}
