/** A browser's answer becomes a key of the registry. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { AppError } from '../app-error.ts';
import type { EpochMs } from '../units.ts';
import type { EnrolCeremony } from './ceremonies.ts';
import { modelName } from './models.ts';
import { refusal } from './refusal.ts';
import { MOST_KEPT, MOST_KEYS, type StoredKey } from './registry.ts';
import { readRegistration } from './response.ts';
import { verifyRegistration } from './verify.ts';

const nameSchema = z
  .string()
  .trim()
  .max(60)
  // Nothing that moves the cursor or turns the direction of what stands beside it.
  .regex(/^[^\p{Cc}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]*$/u);

/** @returns the name without white space around it, which may be empty. @throws AppError INPUT_INVALID (name) */
export function readName(untrusted: unknown): string {
  const parsed = nameSchema.safeParse(untrusted);
  // check: passkey-name
  if (!parsed.success) throw new AppError('INPUT_INVALID', { reason: 'name' });
  // end check
  return parsed.data as string;
}

/** Short enough for an argument and a URL; equal for equal credentials. */
export const idOf = (credentialId: string): string =>
  createHash('sha256').update(Buffer.from(credentialId, 'base64url')).digest('hex').slice(0, 32);

/**
 * The key that the answer made, as it may stand in the registry.
 *
 * @param parts.keys the registry as it is now
 * @param parts.name as `readName` gave it; empty: the model's name, or a number
 * @throws AppError TAP_REFUSED (response, challenge, origin, rp-id, presence, duplicate)
 */
export async function enrolledKey(
  untrusted: unknown,
  { ceremony, keys, name, at, salt }: { ceremony: EnrolCeremony; keys: readonly StoredKey[]; name: string; at: EpochMs; salt: Buffer },
): Promise<StoredKey> {
  // check: passkey-same-keys
  // Whoever let this begin looked at the keys of that moment: the first key, or one beside a key that was touched.
  if (keys.map(({ id }) => id).join() !== ceremony.keysThen.join()) throw refusal('challenge');
  // end check
  const answer = readRegistration(untrusted);
  const made = await verifyRegistration(answer, ceremony);
  const id = idOf(made.credentialId);
  // check: passkey-duplicate
  if (keys.some((key) => key.id === id)) throw refusal('duplicate');
  // end check
  return {
    id,
    ...made,
    publicKey: made.publicKey.toString('base64url'),
    transports: answer.response.transports ?? [],
    name: name === '' ? (modelName(made.aaguid) ?? `Key ${keys.length + 1}`) : name,
    enrolledAt: at,
    lastTouchedAt: null,
    suspectSince: null,
    prfSalt: salt.toString('base64url'),
    canSeal: made.userVerified && answer.clientExtensionResults.prf?.enabled === true,
    person: ceremony.person,
    state: 'active',
    stateSince: at,
    judgement: null,
    serial: null,
  };
}

/**
 * One person per key: its maker's serial number tells it again under another credential.
 * @throws AppError TAP_REFUSED (taken): it is another person's, or was reported lost
 */
export function requireUntaken(key: StoredKey, keys: readonly StoredKey[]): void {
  const same = keys.filter(({ serial, aaguid }) => serial !== null && serial === key.serial && aaguid === key.aaguid);
  const { issuer, subject } = key.person;
  // check: passkey-one-person
  if (same.some(({ person }) => person.issuer !== issuer || person.subject !== subject)) throw refusal('taken');
  // end check
  // check: passkey-lost-stays-lost
  if (same.some(({ state }) => state === 'lost')) throw refusal('taken');
  // end check
}

/** @throws AppError TAP_REFUSED (full) */
export function requireRoom(keys: readonly StoredKey[]): void {
  // check: passkey-full
  if (keys.filter(({ state }) => state === 'active').length >= MOST_KEYS || keys.length >= MOST_KEPT) throw refusal('full');
  // end check
}
