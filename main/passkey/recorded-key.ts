/** What a company is told of a tap key, and the key again out of what it was told, so that its evidence can be judged elsewhere. */
import { createHash } from 'node:crypto';
import { calculateJwkThumbprint } from 'jose';
import type { RecordedKey } from '../../preload/contract/device-record.ts';
import { publicKeyOf } from './cose.ts';
import { idOf } from './enrol.ts';
import { type JudgedKey, uuidOf } from './evidence.ts';
import { Flaw } from './flaw.ts';
import { RP_ID } from './relying-party.ts';
import type { RegisteredKey } from './tap-keys.ts';

/** @throws Flaw key: what the registry holds is no public key */
export async function recordedKey(key: RegisteredKey): Promise<RecordedKey> {
  const { id, aaguid, backupEligible, backedUp, userVerified, attestation, judgement } = key;
  return {
    ...{ id, publicKey: await thumbprintOf(Buffer.from(key.publicKey, 'base64url')), aaguid, format: attestation.format },
    ...{ object: attestation.object, clientDataHash: attestation.clientDataHash, backupEligible, backedUp, userVerified },
    ...{ enrolledAt: new Date(key.enrolledAt).toISOString(), verdict: judgement?.verdict ?? null },
  };
}

/**
 * The key that the evidence is about, where that is the key it was recorded as.
 * @throws Flaw shape: the evidence cannot be read | key: it is about another key
 */
export async function keyInRecord(recorded: RecordedKey): Promise<JudgedKey> {
  const helpers = await import('@simplewebauthn/server/helpers');
  const { object, clientDataHash, format, aaguid, backupEligible } = recorded;
  const { credentialId, publicKey, model, flags, party } = orShape(() => {
    const decoded: unknown = helpers.decodeAttestationObject(new Uint8Array(Buffer.from(object, 'base64url')));
    const data: unknown = decoded instanceof Map ? decoded.get('authData') : undefined;
    if (!(data instanceof Uint8Array)) throw new Flaw('shape');
    const {
      credentialID,
      credentialPublicKey,
      aaguid: named,
      flags: bits,
      rpIdHash,
    } = helpers.parseAuthenticatorData(new Uint8Array(data));
    if (credentialID === undefined || credentialPublicKey === undefined || named === undefined) throw new Flaw('shape');
    return {
      credentialId: Buffer.from(credentialID).toString('base64url'),
      publicKey: Buffer.from(credentialPublicKey),
      model: uuidOf(Buffer.from(named)),
      flags: bits,
      party: Buffer.from(rpIdHash),
    };
  });
  // check: recorded-key-bound
  if (idOf(credentialId) !== recorded.id || (await thumbprintOf(publicKey)) !== recorded.publicKey) throw new Flaw('key');
  if (model !== aaguid || flags.be !== backupEligible) throw new Flaw('key');
  // end check
  // check: recorded-key-made-here
  // Evidence that real keys gave to other sites is published in plenty; whoever copied some would need no key.
  if (!party.equals(createHash('sha256').update(RP_ID).digest())) throw new Flaw('key');
  // end check
  return {
    ...{ credentialId, publicKey: publicKey.toString('base64url'), aaguid, backupEligible },
    attestation: { format, object, clientDataHash },
  };
}

/** RFC 7638, SHA-256, of a key in COSE. @throws Flaw key */
async function thumbprintOf(cose: Buffer): Promise<string> {
  const helpers = await import('@simplewebauthn/server/helpers');
  const { key } = publicKeyOf(orShape(() => helpers.decodeCredentialPublicKey(new Uint8Array(cose))));
  return calculateJwkThumbprint(key.export({ format: 'jwk' }), 'sha256');
}

/** Whatever the library throws is about what it was given. */
function orShape<T>(run: () => T): T {
  try {
    return run();
  } catch {
    throw new Flaw('shape');
  }
}
