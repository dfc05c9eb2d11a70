/** Evidence that others made, as the registry would keep it, and metadata that knows its makers. */
import { createHash } from 'node:crypto';
import { decodeAttestationObject, isoCBOR, parseAuthenticatorData } from '@simplewebauthn/server/helpers';
import { judgeAttestation, type Makers, type Model, type Models } from '../../../main/passkey/attestation.ts';
import { type JudgedKey, uuidOf } from '../../../main/passkey/evidence.ts';
import { type Certificate, readCertificate } from '../../../main/passkey/x509.ts';
import type { EpochMs } from '../../../main/units.ts';
import { w3cRoot, w3cVectors } from '../../fixtures/attestation/w3c-vectors.ts';

export const at = (iso: string): EpochMs => Date.parse(iso) as EpochMs;
export const root = readCertificate(Buffer.from(w3cRoot, 'hex'));
export const enrolledAt = at('2026-01-01T00:00:00Z');
export const UNNAMED = '00000000-0000-0000-0000-000000000000';

/** The key of this evidence, its facts read out of it. */
export function keyOf(object: Buffer, clientDataJson: Buffer): JudgedKey {
  const decoded = decodeAttestationObject(new Uint8Array(object));
  const authData = decoded.get('authData');
  const { credentialID, credentialPublicKey, aaguid, flags } = parseAuthenticatorData(authData);
  return {
    credentialId: Buffer.from(credentialID ?? []).toString('base64url'),
    publicKey: Buffer.from(credentialPublicKey ?? []).toString('base64url'),
    aaguid: uuidOf(Buffer.from(aaguid ?? [])),
    backupEligible: flags.be,
    attestation: {
      format: decoded.get('fmt'),
      object: object.toString('base64url'),
      clientDataHash: createHash('sha256').update(clientDataJson).digest('base64url'),
    },
  };
}

export const w3cKey = (name: keyof typeof w3cVectors): JudgedKey =>
  keyOf(Buffer.from(w3cVectors[name].attestationObject, 'hex'), Buffer.from(w3cVectors[name].clientDataJson, 'hex'));

export const objectOf = (key: JudgedKey): Buffer => Buffer.from(key.attestation.object, 'base64url');
export const withObject = (key: JudgedKey, object: Buffer): JudgedKey => ({
  ...key,
  attestation: { ...key.attestation, object: object.toString('base64url') },
});

type Part = string | number | Uint8Array | Part[] | Map<string, Part>;
/** The same evidence with another statement. */
export function withStatement(key: JudgedKey, change: (statement: Map<string, Part>) => void): JudgedKey {
  const decoded = decodeAttestationObject(new Uint8Array(objectOf(key))) as unknown as Map<string, Part>;
  change(decoded.get('attStmt') as Map<string, Part>);
  return withObject(key, Buffer.from(isoCBOR.encode(decoded)));
}

export const model = (changes: Partial<Model> = {}): Model => ({
  name: 'Example Key',
  status: 'FIDO_CERTIFIED_L1',
  standing: 'good',
  roots: [root],
  ...changes,
});

/** Metadata that knows every model, and says the same of each. */
export const knowing = (changes: Partial<Model> = {}): Models => ({
  no: 7,
  byAaguid: () => model(changes),
  byKeyIds: () => model(changes),
});

/** Apple and Google as the section of test vectors has them: its one root signs for everybody. */
export const w3cMakers: Makers = { apple: [root], google: [root] };

export const judge = (key: JudgedKey, models: Models | null = knowing(), moment = enrolledAt, makers = w3cMakers) =>
  judgeAttestation(key, models, moment, makers);

export const certificatesOf = (key: JudgedKey): Certificate[] => {
  const decoded = decodeAttestationObject(new Uint8Array(objectOf(key)));
  return (decoded.get('attStmt').get('x5c') ?? []).map(readCertificate);
};
