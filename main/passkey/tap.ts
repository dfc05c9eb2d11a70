/** A browser's answer becomes a touch: of one of the keys asked for, for what was shown, and newer than every touch before it. */
import type { EpochMs } from '../units.ts';
import { type TapCeremony, tapChallenge } from './ceremonies.ts';
import { refusal } from './refusal.ts';
import type { StoredKey } from './registry.ts';
import { type Assertion, readAssertion } from './response.ts';
import { type ProvenTouch, verifyAssertion } from './verify.ts';

export interface JudgedTouch {
  /** The key as the registry is to know it from now on. */
  key: StoredKey;
  userVerified: boolean;
  /** False: the counter did not go up, so the touch counts for nothing and the key is marked. */
  counted: boolean;
  /** The caller's to wipe. */
  prf: Buffer | null;
}

/**
 * @param shown what the person is shown now
 * @param parts.keys the registry as it is now
 * @throws AppError TAP_REFUSED (bound, challenge, origin, rp-id, presence, verification, key, response)
 */
export async function judgeTouch(
  untrusted: unknown,
  shown: unknown,
  { ceremony, keys, userHandle, at }: { ceremony: TapCeremony; keys: readonly StoredKey[]; userHandle: string; at: EpochMs },
): Promise<JudgedTouch> {
  // check: passkey-bound
  if (!tapChallenge(ceremony.nonce, shown).equals(ceremony.challenge)) throw refusal('bound');
  // end check
  const answer = readAssertion(untrusted);
  const key = keyOf(answer, ceremony, { keys, userHandle });
  const proven = await verifyAssertion(answer, { ...key, publicKey: Buffer.from(key.publicKey, 'base64url') }, ceremony);
  // check: passkey-same-kind
  // A credential is made for one machine or for many, for life (section 6.1.3): another answer comes from another key.
  if (proven.backupEligible !== key.backupEligible) throw refusal('key');
  // end check
  if (!isNewer(proven, key)) return { key: { ...key, suspectSince: at }, userVerified: proven.userVerified, counted: false, prf: null };
  return {
    key: { ...key, counter: proven.counter, backedUp: proven.backedUp, lastTouchedAt: at },
    userVerified: proven.userVerified,
    counted: true,
    prf: prfOf(answer, ceremony, key),
  };
}

function keyOf(
  answer: Assertion,
  ceremony: TapCeremony,
  { keys, userHandle }: { keys: readonly StoredKey[]; userHandle: string },
): StoredKey {
  const key = keys.find(({ credentialId }) => credentialId === answer.id);
  if (key === undefined) throw refusal('key');
  // check: passkey-only
  if (!ceremony.allowed.includes(key.id)) throw refusal('key');
  // end check
  const said = answer.response.userHandle ?? userHandle;
  // check: passkey-user-handle
  if (said !== userHandle) throw refusal('key');
  // end check
  return key;
}

/** Section 6.1.1. A key without a counter always says 0; one that ever counted must go on. */
function isNewer(proven: ProvenTouch, key: StoredKey): boolean {
  let newer = true;
  // check: passkey-counter
  newer = proven.counter > key.counter || (proven.counter === 0 && key.counter === 0);
  // end check
  return newer;
}

/** The browser's word: no signature covers it. A wrong one opens nothing. */
function prfOf(answer: Assertion, ceremony: TapCeremony, key: StoredKey): Buffer | null {
  const first = answer.clientExtensionResults.prf?.results?.first;
  // check: passkey-prf-asked
  if (!ceremony.prf || !key.canSeal) return null;
  // end check
  return first === undefined ? null : Buffer.from(first, 'base64url');
}
