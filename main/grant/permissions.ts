/**
 * What people have answered about programs that are no members of a grant. For an interpreter an answer binds to the process tree, or
 * to interpreter, script and folder; never to the interpreter alone.
 */
import type { Caller } from '../caller/caller.ts';
import type { EpochMs } from '../units.ts';
import type { Answer } from './consents.ts';
import type { Grant } from './grant.ts';

export interface Permissions {
  /** 'once' is spent by `spend`; null: nobody has answered. `until`: when what is said here must be asked again. */
  find(grant: Grant, caller: Caller): { allowed: true; until: EpochMs; once: boolean } | { allowed: false; until: EpochMs } | null;
  remember(grant: Grant, caller: Caller, answer: Answer): void;
  /** A lease was handed out on a permission that is good for one. */
  spend(grant: Grant, caller: Caller): void;
  /** A process beside the caller holds the connection: what was answered for the caller is asked again. */
  doubt(grant: Grant, caller: Caller): void;
  /** Equal for requests that one answer settles. */
  keyOf(caller: Caller): string;
  close(): void;
}
