/** The two lock states. It decides when; what is forgotten then is the work of those who listen. */
import type { LockState } from '../../preload/contract/lock.ts';
import type { EpochMs } from '../units.ts';

export type LockCause = 'screen-lock' | 'idle' | 'command' | 'daily-cap' | 'suspend' | 'start';

export interface Lock {
  state(): LockState;
  since(): EpochMs | null;
  why(): LockCause | null;
  /** The moment until which approved runs are served while away; null where it is not away or has no limit. */
  graceEnds(): EpochMs | null;
  /** Resolves when every listener has done its part (keys zeroed, tokens dropped). */
  lock(why: LockCause): Promise<void>;
  away(why: 'screen-lock' | 'idle'): void;
  /** The screen was unlocked or the person came back: ends Away, never Locked. */
  back(): void;
  /** Whoever calls has seen to the proof: a key, a passphrase or a fresh sign-in. */
  unlocked(): void;
  /** A person did something: the idle clock starts anew. */
  touch(): void;
  onChange(listener: (state: LockState, why: LockCause | null) => void | Promise<void>): void;
  close(): void;
}
