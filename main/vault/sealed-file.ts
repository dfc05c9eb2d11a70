/**
 * The envelope of one sealed record: AES-256-GCM (NIST SP 800-38D) with a fresh random 96-bit nonce. Pure bytes in, bytes out;
 * it never touches a disk and never keeps the key.
 *
 * Layout: form (1 byte) · sequence (8 bytes, big endian) · nonce (12) · ciphertext · tag (16). The additional data are the
 * first nine bytes and the record's name: a file that is renamed, or whose sequence is edited, no longer opens. The sequence
 * grows by one with each write of a name and tells a newer file from an older one after a crash.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';

/**
 * The first byte of a file says which kind of key opens it: 1, the one that lies in the keychain itself; 2, one that a security key
 * or a passphrase unwraps. A folder that holds a 2 is therefore never taken for one whose key the keychain has.
 */
export type SealForm = 1 | 2;
const HEADER_BYTES = 9;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const OVERHEAD_BYTES = HEADER_BYTES + NONCE_BYTES + TAG_BYTES;

/** Key sizes other than this are refused by Node itself. */
export const KEY_BYTES = 32;

interface Naming {
  key: Buffer;
  name: string;
  form?: SealForm;
}

/** @param random strong bytes; the nonce must never repeat under one key (random: fine for 2^32 writes) */
export function sealBytes(
  plain: Buffer,
  { key, name, sequence, random, form = 1 }: Naming & { sequence: bigint; random: (bytes: number) => Buffer },
): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt8(form, 0);
  header.writeBigUInt64BE(sequence, 1);
  const nonce = random(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.concat([header, Buffer.from(name, 'utf8')]));
  return Buffer.concat([header, nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** The record inside `file`, or null where anything about it is wrong: length, version, name, key, a single bit. */
export function openBytes(file: Buffer, { key, name, form = 1 }: Naming): { plain: Buffer; sequence: bigint } | null {
  if (file.length < OVERHEAD_BYTES || file.readUInt8(0) !== form) return null;
  const header = file.subarray(0, HEADER_BYTES);
  const nonce = file.subarray(HEADER_BYTES, HEADER_BYTES + NONCE_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.concat([header, Buffer.from(name, 'utf8')]));
  decipher.setAuthTag(file.subarray(file.length - TAG_BYTES));
  const plain = decipher.update(file.subarray(HEADER_BYTES + NONCE_BYTES, file.length - TAG_BYTES));
  try {
    // check: vault-authentic
    decipher.final();
    // end check
  } catch {
    // The one way GCM says "not authentic"; what came out so far is worthless and must not be looked at.
    plain.fill(0);
    return null;
  }
  return { plain, sequence: header.readBigUInt64BE(1) };
}

/** Whether the file says that a security key or a passphrase is needed to open it. */
export const needsUnwrapping = (file: Buffer): boolean => file.length >= OVERHEAD_BYTES && file.readUInt8(0) === 2;
