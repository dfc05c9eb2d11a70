/**
 * Who this device is to IT: an id and a key of its own, made once and sealed. The key signs what the device says of itself; it opens nothing
 * and is no person's.
 */
import { createPrivateKey, type KeyObject, sign as signBytes } from 'node:crypto';
import { exportJWK, FlattenedSign, generateKeyPair } from 'jose';
import { z } from 'zod';
import { AppError } from '../app-error.ts';
import { beginMemory } from '../audit/checkpoint-memory.ts';
import type { Records } from '../vault/vault.ts';
import { thumbprintOf } from './bundle.ts';
import { deviceIdSchema, type SigningKey, signingKeySchema } from './bundle-schema.ts';

const RECORD = 'enrolled-device';
const ALGORITHM = 'ES256';

const recordSchema = z.strictObject({
  version: z.literal(1),
  id: deviceIdSchema,
  key: z.strictObject({ ...signingKeySchema.shape, d: z.base64url().length(43) }),
});

export interface Device {
  readonly id: string;
  readonly publicKey: SigningKey;
  /** RFC 7638, SHA-256, base64url. */
  readonly thumbprint: string;
  /**
   * A JWS over `payload` in compact serialization (RFC 7515), with the public key in its header.
   * @param type of its header: what it is, so that one statement is never taken for another
   */
  sign(type: string, payload: Uint8Array): Promise<string>;
  /**
   * ECDSA with SHA-256 in DER over a text of lines. What `sign` signs holds no newline (RFC 7515 section 5.1), so neither passes for the other.
   * It takes about a tenth of a millisecond and keeps the loop for that long.
   */
  signText(text: string): Buffer;
}

type DeviceVault = Pick<Records, 'seal' | 'open'>;

/**
 * The device, as it was made; null: it was never made.
 * @throws AppError VAULT_CORRUPT (reason: enrolled-device) | KEYCHAIN_*
 */
export async function openDevice(vault: DeviceVault): Promise<Device | null> {
  const plain = await vault.open(RECORD);
  if (plain === null) return null;
  try {
    const { id, key } = recordSchema.parse(JSON.parse(plain.toString('utf8')));
    const { d, ...publicKey } = key;
    return await deviceOf(id, publicKey, createPrivateKey({ key: { ...publicKey, d }, format: 'jwk' }));
  } catch {
    // What a parser says of the text could repeat it.
    throw new AppError('VAULT_CORRUPT', { reason: RECORD });
  } finally {
    plain.fill(0);
  }
}

/** A device is being made in these: of two at a time, one would hold a key that the vault does not. */
const making = new WeakMap<DeviceVault, Promise<Device>>();

/** The device; a new one where there is none. @throws AppError DISK_FULL | VAULT_CORRUPT | KEYCHAIN_* */
export function obtainDevice(vault: DeviceVault, random: (bytes: number) => Buffer): Promise<Device> {
  const made = making.get(vault) ?? openOrMake(vault, random).finally(() => making.delete(vault));
  making.set(vault, made);
  return made;
}

async function openOrMake(vault: DeviceVault, random: (bytes: number) => Buffer): Promise<Device> {
  const known = await openDevice(vault);
  if (known !== null) return known;
  const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true });
  const { kty, crv, x, y, d } = await exportJWK(privateKey);
  const plain = Buffer.from(JSON.stringify({ version: 1, id: random(16).toString('hex'), key: { kty, crv, x, y, d } }));
  try {
    await beginMemory(vault);
    await vault.seal(RECORD, plain);
  } finally {
    plain.fill(0);
  }
  return (await openDevice(vault)) as Device;
}

async function deviceOf(id: string, publicKey: SigningKey, privateKey: KeyObject): Promise<Device> {
  const thumbprint = await thumbprintOf(publicKey);
  return {
    ...{ id, publicKey, thumbprint },
    async sign(type, payload) {
      const signing = new FlattenedSign(payload).setProtectedHeader({ alg: ALGORITHM, typ: type, kid: thumbprint, jwk: publicKey });
      const { protected: header, payload: body, signature } = await signing.sign(privateKey);
      return `${header}.${body}.${signature}`;
    },
    signText(text) {
      // check: device-text-apart
      if (!text.includes('\n')) throw new TypeError('not a text of lines');
      // end check
      return signBytes('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'der' });
    },
  };
}
