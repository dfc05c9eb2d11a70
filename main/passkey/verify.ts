/**
 * Signatures: where @simplewebauthn/server judges what a browser answered. It never speaks to the network (some attestation formats
 * would make the library fetch addresses that the key, or whoever plays one, chose) and proves no model.
 */
import { createHash } from 'node:crypto';
import { refusal } from './refusal.ts';
import { RP_ID } from './relying-party.ts';
import { type Assertion, type Registration, requireAuthenticatorData, requireClientData } from './response.ts';

/** COSE names of the signatures we take (RFC 9053, RFC 8812): Ed25519, ECDSA on P-256, RSA with SHA-256 as Windows Hello makes them. */
export const algorithms = [-8, -7, -257] as const;

/**
 * Attestation statements without which a key is not enrolled: those that the library can judge by their signature alone. What any of them
 * proves is judged afterwards, in `attestation.ts`; a bad one gains its maker nothing.
 */
const judgedNow: readonly string[] = ['none', 'packed', 'fido-u2f'];

/** Loaded with the first answer: it costs a fifth of a second and more than ten megabytes, which an agent that nobody touches need not have. */
const loadLibrary = async () => {
  const [server, helpers] = await Promise.all([import('@simplewebauthn/server'), import('@simplewebauthn/server/helpers')]);
  return { server, helpers };
};

export interface EnrolledKey {
  credentialId: string;
  publicKey: Buffer;
  counter: number;
  aaguid: string;
  /** The statement's format, the whole object, and the hash that its signature is over: all that judging it later takes. */
  attestation: { format: string; object: string; clientDataHash: string };
  userVerified: boolean;
  backupEligible: boolean;
  backedUp: boolean;
}

/**
 * A new credential, made for this challenge on a page of this origin (WebAuthn Level 3, section 7.1).
 *
 * Leaves to the caller: whether the credential is known already.
 *
 * @throws AppError TAP_REFUSED (response, challenge, origin, rp-id, presence)
 */
export async function verifyRegistration(answer: Registration, expected: { challenge: Buffer; origin: string }): Promise<EnrolledKey> {
  requireClientData(answer.response.clientDataJSON, expected);
  const { server, helpers } = await loadLibrary();
  const { format, authData } = readAttestation(answer.response.attestationObject, helpers.decodeAttestationObject);
  requireAuthenticatorData(authData, { rpId: RP_ID, userVerification: 'preferred' });

  let judged = answer.response.attestationObject;
  // check: passkey-no-fetch
  if (!judgedNow.includes(format)) judged = Buffer.from(helpers.isoCBOR.encode(withoutStatement(authData))).toString('base64url');
  // end check
  const { id, rawId, type, response } = answer;
  const verdict = await orRefused(() =>
    server.verifyRegistrationResponse({
      response: {
        id,
        rawId,
        type,
        clientExtensionResults: {},
        response: { clientDataJSON: response.clientDataJSON, attestationObject: judged },
      },
      expectedChallenge: expected.challenge.toString('base64url'),
      expectedOrigin: expected.origin,
      expectedRPID: RP_ID,
      requireUserVerification: false,
      supportedAlgorithmIDs: [...algorithms],
    }),
  );
  // check: passkey-statement-signed
  if (!verdict.verified) throw refusal('response');
  // end check
  const info = verdict.registrationInfo;
  // check: passkey-one-credential
  if (info.credential.id !== id) throw refusal('response');
  // end check
  return {
    credentialId: id,
    publicKey: Buffer.from(info.credential.publicKey),
    counter: info.credential.counter,
    aaguid: info.aaguid,
    attestation: {
      format,
      object: response.attestationObject,
      clientDataHash: createHash('sha256').update(Buffer.from(response.clientDataJSON, 'base64url')).digest('base64url'),
    },
    userVerified: info.userVerified,
    backupEligible: info.credentialDeviceType === 'multiDevice',
    backedUp: info.credentialBackedUp,
  };
}

function readAttestation(
  object: string,
  decode: (bytes: Uint8Array<ArrayBuffer>) => unknown,
): { format: string; authData: Uint8Array<ArrayBuffer> } {
  let decoded: unknown;
  try {
    decoded = decode(new Uint8Array(Buffer.from(object, 'base64url')));
  } catch (cause) {
    throw refusal('response', cause);
  }
  const [format, authData]: unknown[] = decoded instanceof Map ? [decoded.get('fmt'), decoded.get('authData')] : [];
  if (typeof format !== 'string' || format.length > 32 || !(authData instanceof Uint8Array)) throw refusal('response');
  return { format, authData: new Uint8Array(authData) };
}

/** The same object as if no attestation had been given (section 8.7). */
const withoutStatement = (authData: Uint8Array) =>
  new Map<string | number, string | Uint8Array | Map<string | number, string>>([
    ['fmt', 'none'],
    ['attStmt', new Map<string | number, string>()],
    ['authData', authData],
  ]);

export interface ProvenTouch {
  counter: number;
  userVerified: boolean;
  backupEligible: boolean;
  backedUp: boolean;
}

/**
 * A touch of this key for this challenge on a page of this origin (WebAuthn Level 3, section 7.2).
 *
 * Leaves to the caller: the counter and the backup flags, which may be judged only once the signature holds.
 *
 * @param key the credential of the registry that the answer names
 * @throws AppError TAP_REFUSED (response, challenge, origin, rp-id, presence, verification)
 */
export async function verifyAssertion(
  answer: Assertion,
  key: { credentialId: string; publicKey: Buffer; transports: readonly string[] },
  expected: { challenge: Buffer; origin: string; userVerification: 'preferred' | 'required' },
): Promise<ProvenTouch> {
  const { id, rawId, type } = answer;
  const { clientDataJSON, authenticatorData, signature } = answer.response;
  requireClientData(clientDataJSON, expected);
  requireAuthenticatorData(Buffer.from(authenticatorData, 'base64url'), { rpId: RP_ID, userVerification: expected.userVerification });
  const { server } = await loadLibrary();
  const verdict = await orRefused(() =>
    server.verifyAuthenticationResponse({
      response: { id, rawId, type, clientExtensionResults: {}, response: { clientDataJSON, authenticatorData, signature } },
      expectedChallenge: expected.challenge.toString('base64url'),
      expectedOrigin: expected.origin,
      expectedRPID: RP_ID,
      requireUserVerification: expected.userVerification === 'required',
      // A counter of 0 keeps the library from judging the answer's own: it would do so before it has looked at the signature.
      credential: { id: key.credentialId, publicKey: new Uint8Array(key.publicKey), counter: 0 },
    }),
  );
  // check: passkey-signature
  if (!verdict.verified) throw refusal('response');
  // end check
  const { newCounter, userVerified, credentialDeviceType, credentialBackedUp } = verdict.authenticationInfo;
  return { counter: newCounter, userVerified, backupEligible: credentialDeviceType === 'multiDevice', backedUp: credentialBackedUp };
}

/** Whatever the library throws is about the answer it was given: everything else of its input is ours. */
async function orRefused<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    throw refusal('response', cause);
  }
}
