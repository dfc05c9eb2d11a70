/**
 * The one 32-byte key of the vault: read from the keychain, or made there the first time. It never replaces an entry that
 * exists, not even one it cannot use.
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
  const stored = await keychain.read(entry);
  if (stored !== null) return keyFrom(stored);
  const made = random(KEY_BYTES);
  await keychain.write(entry, made);
  // A keychain may say yes and keep nothing (a session collection, a policy). Known now, that costs nothing; known after a
  // restart, it costs everything that was sealed.
  const kept = await keychain.read(entry);
  // check: vault-key-kept
  if (kept === null || kept.length !== made.length || !timingSafeEqual(kept, made))
    throw new AppError('KEYCHAIN_FAILED', { reason: 'not-kept' });
  // end check
  kept.fill(0);
  return made;
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
