/** The two lock states as a person sees them. */
import { z } from 'zod';

const isoTime = z.iso.datetime();

export const lockStates = ['open', 'away', 'locked'] as const;
export type LockState = (typeof lockStates)[number];

export const lockViewSchema = z.object({
  /** 'away': approved runs go on, nothing new begins. 'locked': no token for anybody; keys and refresh tokens are gone from memory. */
  state: z.enum(lockStates),
  since: isoTime.nullable(),
  /** Why, in the agent's words: 'screen-lock', 'idle', 'command', 'daily-cap', 'suspend', 'start'. */
  why: z.string().nullable(),
  /** The day's limit locks it then, away or not; null where there is no such limit, and while it is locked. A sign-in puts it off. */
  locksAt: isoTime.nullable(),
  /** How it can be opened again. */
  unlockBy: z.array(z.enum(['key', 'passphrase', 'sign-in', 'screen'])),
  /** Runs that go on while away. */
  continuing: z.int(),
  /** What seals the vault: 'keychain': the keychain alone, which every program of this user can read. */
  sealing: z.enum(['key', 'passphrase', 'keychain', 'memory']),
});
export type LockView = z.infer<typeof lockViewSchema>;
