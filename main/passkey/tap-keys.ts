/**
 * Tap keys: enrolled at our own page, touched to approve one request. It proves that a key of the registry was touched for exactly
 * what was shown; it says nothing about which key was used at the identity provider.
 */
import type { Failure } from '../../preload/contract/failure.ts';
import type { TapKeyView } from '../../preload/contract/tap-key.ts';
import type { EpochMs } from '../units.ts';
import type { StoredKey } from './registry.ts';

export { RP_ID } from './relying-party.ts';

export interface Touch {
  keyId: string;
  name: string;
  /** The model that is proven; where none is, the key's own word. */
  aaguid: string;
  /** A trusted root says what it is, and FIDO does not call that broken. */
  attested: boolean;
  /** It stays on one machine, and its maker vouches for that. */
  hardwareBound: boolean;
  userVerified: boolean;
  touchedAt: EpochMs;
}

/** What may be known of a key outside of here: nothing that touches are made or proven with. */
export type RegisteredKey = Pick<
  StoredKey,
  | 'id'
  | 'publicKey'
  | 'aaguid'
  | 'attestation'
  | 'judgement'
  | 'backupEligible'
  | 'backedUp'
  | 'userVerified'
  | 'enrolledAt'
  | 'person'
  | 'state'
>;

/** What the browser is given, as @simplewebauthn/browser takes it; `id` names the ceremony when its answer comes. */
export interface Ceremony {
  id: string;
  options: Record<string, unknown>;
}

export interface TapKeys {
  /** The registry that was there could not be read: it was set aside and its keys are gone. Null once others are enrolled or all is erased. */
  readonly problem: Failure | null;
  /** In the order of their enrolment. */
  list(): readonly TapKeyView[];
  /** The same with their evidence and whose they are, for whoever judges them by rules of a company. */
  registered(): readonly RegisteredKey[];
  /** Ids of the keys that this person has enrolled, lost ones included; another person's key approves nothing for them. */
  ownedBy(person: { issuer: string; subject: string }): readonly string[];
  /** Whether this person has a key that may be touched. */
  canTap(person: { issuer: string; subject: string }): boolean;
  /** Touches since the last sign-in, newest of each key. */
  touches(): readonly Touch[];
  /**
   * Begins to enrol a key; the caller has made sure that it may be.
   * @param origin `http://lakepass.localhost:PORT`, port included
   * @throws AppError TAP_REFUSED (reason: full)
   */
  beginEnrol(request: { origin: string; person: { issuer: string; subject: string; username: string } }): Promise<Ceremony>;
  /**
   * @param name empty: named after its model
   * @throws AppError TAP_REFUSED (reason: challenge, origin, rp-id, presence, duplicate, taken, response) | TAP_KEY_NOT_ALLOWED (reason:
   *   model, attestation, synced) | INPUT_INVALID (name) | DISK_FULL | AUDIT_UNWRITABLE
   */
  finishEnrol(id: string, response: unknown, name: string): Promise<TapKeyView>;
  /**
   * Begins a tap. Its challenge is derived from a nonce and from `bound`, so that an answer proves a touch for this and nothing else.
   * @param request.bound the exact value shown to the person; compared again, by its canonical JSON, when the answer comes. Its `kind`,
   *   `ask.id` and `ask.purpose` name the tap in the audit log
   * @param request.prf asks for the PRF output under each key's salt; only of keys that can seal, and always with user verification
   * @param request.only ids of the keys that may be touched
   * @throws AppError TAP_KEY_NEEDED (none is enrolled) | TAP_REFUSED (reason: key; none of them will do)
   */
  beginTap(request: {
    origin: string;
    bound: unknown;
    userVerification: 'preferred' | 'required';
    prf?: boolean;
    only?: readonly string[];
  }): Promise<Ceremony>;
  /**
   * @param bound what is shown now; if it is not what the challenge was made for, the tap is refused
   * @returns `prf`: 32 bytes, the caller's to wipe; null where they were not asked for or the browser gave none
   * @throws AppError TAP_REFUSED (reason: challenge, origin, rp-id, presence, verification, counter, key, response, bound) | DISK_FULL |
   *   AUDIT_UNWRITABLE
   */
  finishTap(id: string, response: unknown, bound: unknown): Promise<{ touch: Touch; prf: Buffer | null }>;
  /** @throws AppError INPUT_INVALID (name, key) | DISK_FULL | AUDIT_UNWRITABLE */
  rename(keyId: string, name: string): Promise<void>;
  /** @throws AppError INPUT_INVALID (key; lost: that one is kept, to be known again) | DISK_FULL | AUDIT_UNWRITABLE */
  remove(keyId: string): Promise<void>;
  /**
   * The key is never accepted again. Ending what its person has open is the caller's.
   * @returns whose it was. @throws AppError INPUT_INVALID (key) | DISK_FULL | AUDIT_UNWRITABLE
   */
  reportLost(keyId: string): Promise<{ issuer: string | null; subject: string; username: string }>;
  /** Its person uses another one from here on. @throws AppError INPUT_INVALID (key, last-key) | DISK_FULL | AUDIT_UNWRITABLE */
  retire(keyId: string): Promise<void>;
  /**
   * Judges every key anew, as FIDO's metadata is now.
   * @returns how many came out differently. @throws AppError DISK_FULL | AUDIT_UNWRITABLE
   */
  judgeAgain(): Promise<number>;
  /** A new sign-in: touches of the session before no longer count. */
  forgetTouches(): void;
  /** Forgets keys, touches and ceremonies. The record of it is the caller's. @throws AppError DISK_FULL */
  eraseAll(): Promise<void>;
  onChange(listener: () => void): void;
}
