/** The evidence of a key's model, taken apart (WebAuthn Level 3, section 6.5), once it is shown to be about that key. */
import type { KeyObject } from 'node:crypto';
import { publicKeyOf } from './cose.ts';
import { Flaw } from './flaw.ts';
import type { StoredKey } from './registry.ts';

export interface Evidence {
  format: string;
  statement: ReadonlyMap<unknown, unknown>;
  authData: Buffer;
  clientDataHash: Buffer;
  rpIdHash: Buffer;
  /** Sixteen bytes, as the key says. */
  aaguid: Buffer;
  credentialId: Buffer;
  publicKey: KeyObject;
  /** Of the public key. */
  alg: number;
}

/** What is kept of a key, as far as a judgement needs it. */
export type JudgedKey = Pick<StoredKey, 'credentialId' | 'publicKey' | 'aaguid' | 'backupEligible' | 'attestation'>;

const BE = 0x08;

/** @throws Flaw shape, key */
export async function readEvidence(key: JudgedKey): Promise<Evidence> {
  const helpers = await import('@simplewebauthn/server/helpers');
  const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, 'base64url'));
  const { object, clientDataHash } = key.attestation;
  const decoded = orShape(() => helpers.decodeAttestationObject(bytesOf(object)) as unknown);
  if (!(decoded instanceof Map)) throw new Flaw('shape');
  const again = orShape(() => helpers.isoCBOR.encode(decoded as Parameters<typeof helpers.isoCBOR.encode>[0]));
  const [format, statement, authData]: unknown[] = ['fmt', 'attStmt', 'authData'].map((name) => decoded.get(name));
  if (typeof format !== 'string' || !(statement instanceof Map) || !(authData instanceof Uint8Array)) throw new Flaw('shape');
  const data = orShape(() => helpers.parseAuthenticatorData(new Uint8Array(authData)));
  const { aaguid, credentialID, credentialPublicKey } = data;
  if (aaguid === undefined || credentialID === undefined || credentialPublicKey === undefined) throw new Flaw('shape');
  // check: attestation-one-spelling
  // The library reads on where bytes are missing or left over; keys and browsers write CBOR in its only form (CTAP 2.1, section 8).
  const written = Buffer.from(authData).subarray(55 + credentialID.length, 55 + credentialID.length + credentialPublicKey.length);
  if (!Buffer.from(object, 'base64url').equals(again) || !written.equals(credentialPublicKey)) throw new Flaw('shape');
  // end check
  const { key: publicKey, alg } = publicKeyOf(orShape(() => helpers.decodeCredentialPublicKey(credentialPublicKey)));
  const kept = publicKeyOf(orShape(() => helpers.decodeCredentialPublicKey(bytesOf(key.publicKey))));
  const evidence = {
    format,
    statement,
    authData: Buffer.from(authData),
    clientDataHash: Buffer.from(clientDataHash, 'base64url'),
    rpIdHash: Buffer.from(data.rpIdHash),
    aaguid: Buffer.from(aaguid),
    credentialId: Buffer.from(credentialID),
    publicKey,
    alg,
  };
  // check: attestation-bound
  if (evidence.credentialId.toString('base64url') !== key.credentialId || !publicKey.equals(kept.key)) throw new Flaw('key');
  if (format !== key.attestation.format || uuidOf(evidence.aaguid) !== key.aaguid) throw new Flaw('key');
  if (((evidence.authData[32] ?? 0) & BE) !== (key.backupEligible ? BE : 0)) throw new Flaw('key');
  // end check
  return evidence;
}

export const uuidOf = (bytes: Buffer): string => bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

/** Whatever the library throws is about what it was given. */
function orShape<T>(run: () => T): T {
  try {
    return run();
  } catch {
    throw new Flaw('shape');
  }
}
