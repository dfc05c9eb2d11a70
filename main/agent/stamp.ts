/**
 * A keyed hash for files that hold rights and no secrets: whoever can write them, and cannot open the device vault, cannot make one
 * that is believed.
 */
import { createHmac } from 'node:crypto';
import type { Stamp } from '../stamped-file.ts';
import type { Records } from '../vault/vault.ts';

const RECORD = 'file-stamp';
const KEY_BYTES = 32;

/** @throws AppError VAULT_CORRUPT | KEYCHAIN_* | DISK_FULL */
export async function openStamp({
  vault,
  random,
}: {
  vault: Pick<Records, 'seal' | 'open'>;
  random: (bytes: number) => Buffer;
}): Promise<Stamp> {
  const kept = await vault.open(RECORD);
  const key = kept ?? random(KEY_BYTES);
  if (kept === null) await vault.seal(RECORD, key);
  return (text) => createHmac('sha256', key).update(text).digest('hex');
}
