/**
 * The 32-byte keys that the keychain holds: the vault's own, or the half of it that every wrap needs. An entry that exists is never
 * replaced because it cannot be used.
 */
import { timingSafeEqual } from 'node:crypto';
import { AppError } from '../app-error.ts';
import type { Keychain } from '../ports.ts';
import { KEY_BYTES } from './sealed-file.ts';

/**
 * @param entry account under which the keychain holds the key
 * @returns the key, in a Buffer that is the caller's to wipe
 * @throws AppError KEYCHAIN_MISSING | KEYCHAIN_LOCKED | KEYCHAIN_FAILED (`reason` 'key-size': the entry is not a key of ours; 'not-kept': the keychain took the key and did not give it back)
 */
export async function obtainVaultKey(keychain: Keychain, entry: string, random: (bytes: number) => Buffer): Promise<Buffer> {
  return (await findKey(keychain, entry)) ?? makeKey(keychain, entry, random);
}

/** The key under that entry; null where there is none. @throws as obtainVaultKey */
export async function findKey(keychain: Keychain, entry: string): Promise<Buffer | null> {
  const stored = await keychain.read(entry);
  return stored === null ? null : keyFrom(stored);
}

/** A new key under that entry, in place of whatever was there. @throws as obtainVaultKey */
export async function makeKey(keychain: Keychain, entry: string, random: (bytes: number) => Buffer): Promise<Buffer> {
  const made = random(KEY_BYTES);
  await keepKey(keychain, entry, made);
  return made;
}

/** Puts `key` under that entry and makes sure that it stays there. @throws as obtainVaultKey */
export async function keepKey(keychain: Keychain, entry: string, key: Buffer): Promise<void> {
  await keychain.write(entry, key);
  // A keychain may say yes and keep nothing (a session collection, a policy). Known now, that costs nothing; known after a
  // restart, it costs everything that was sealed.
  const kept = await keychain.read(entry);
  // check: vault-key-kept
  if (kept === null || kept.length !== key.length || !timingSafeEqual(kept, key))
    throw new AppError('KEYCHAIN_FAILED', { reason: 'not-kept' });
  // end check
  kept.fill(0);
}

function keyFrom(stored: Uint8Array): Buffer {
  // check: vault-key-size
  if (stored.length !== KEY_BYTES)
    throw new AppError('KEYCHAIN_FAILED', {
      reason: 'key-size',
      detail: 'The entry holds something that is not our key; it was left as it is.',
    });
  // end check
  const key = Buffer.from(stored);
  stored.fill(0);
  return key;
}
