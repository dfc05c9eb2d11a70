/** What a browser is asked for (WebAuthn Level 3, sections 5.4 and 5.5), in the JSON that @simplewebauthn/browser and browsers themselves take. */
import type { PublicKeyCredentialCreationOptionsJSON, PublicKeyCredentialRequestOptionsJSON } from '@simplewebauthn/server';
import { ceremonyLife, type EnrolCeremony, type TapCeremony } from './ceremonies.ts';
import type { StoredKey } from './registry.ts';
import { RP_ID, RP_NAME } from './relying-party.ts';
import { algorithms } from './verify.ts';

/** A ceremony's JSON; its salts are base64url, where the library's types know only bytes. */
type Json<T extends { extensions?: unknown }> = Omit<T, 'extensions'> & { extensions?: Record<string, unknown> };

const describe = ({ credentialId, transports }: StoredKey) => ({
  type: 'public-key' as const,
  id: credentialId,
  transports: [...transports],
});

/**
 * - Not discoverable: a tap always names its keys, and a security key has few places.
 * - User verification where the key can: without it the key approves requests but cannot seal the vault.
 * - Attestation is asked for so that there is something to judge; with the serial number of the key only where the company says so.
 */
export function creationOptions(
  { challenge, person }: EnrolCeremony,
  { keys, userHandle }: { keys: readonly StoredKey[]; userHandle: string },
  attestation: 'direct' | 'enterprise' = 'direct',
): Json<PublicKeyCredentialCreationOptionsJSON> {
  return {
    rp: { id: RP_ID, name: RP_NAME },
    user: { id: userHandle, name: person.username, displayName: person.username },
    challenge: challenge.toString('base64url'),
    pubKeyCredParams: algorithms.map((alg) => ({ type: 'public-key', alg })),
    timeout: ceremonyLife,
    excludeCredentials: keys.map(describe),
    authenticatorSelection: { residentKey: 'discouraged', requireResidentKey: false, userVerification: 'preferred' },
    attestation,
    extensions: { prf: {} },
  };
}

/** @param keys those that may be touched */
export function requestOptions(
  { challenge, userVerification, prf }: TapCeremony,
  keys: readonly StoredKey[],
): Json<PublicKeyCredentialRequestOptionsJSON> {
  const salts = Object.fromEntries(keys.map(({ credentialId, prfSalt }) => [credentialId, { first: prfSalt }]));
  return {
    rpId: RP_ID,
    challenge: challenge.toString('base64url'),
    timeout: ceremonyLife,
    allowCredentials: keys.map(describe),
    userVerification,
    ...(prf ? { extensions: { prf: { evalByCredential: salts } } } : {}),
  };
}
