/**
 * What a browser answers, read with suspicion: sizes and shapes first, then what it says about itself (WebAuthn Level 3, sections
 * 5.8.1 and 6.1). Nothing here is proven yet; the signature is judged elsewhere. Fields we do not know are left behind, because
 * browsers add some from time to time.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { refusal } from './refusal.ts';

/** Strictly base64url without padding (RFC 4648 section 5), in its only spelling. */
const base64url = (mostBytes: number, leastBytes = 1) =>
  z
    .string()
    .max(Math.ceil((mostBytes * 4) / 3))
    .regex(/^[A-Za-z0-9_-]+$/)
    .refine((text) => {
      const bytes = Buffer.from(text, 'base64url');
      return bytes.length >= leastBytes && bytes.length <= mostBytes && bytes.toString('base64url') === text;
    });

/** Section 4: a credential id has 1023 bytes at most. */
export const LARGEST_CREDENTIAL_ID = 1023;
export const LARGEST_ATTESTATION = 16 * 1024;
const LARGEST_CLIENT_DATA = 4 * 1024;
const LARGEST_AUTHENTICATOR_DATA = 2 * 1024;
const LARGEST_SIGNATURE = 1024;
const PRF_BYTES = 32;

const credential = {
  id: base64url(LARGEST_CREDENTIAL_ID),
  rawId: base64url(LARGEST_CREDENTIAL_ID),
  type: z.literal('public-key'),
};

const registrationSchema = z.object({
  ...credential,
  response: z.object({
    clientDataJSON: base64url(LARGEST_CLIENT_DATA),
    attestationObject: base64url(LARGEST_ATTESTATION),
    transports: z
      .array(z.string().regex(/^[a-z-]{1,20}$/))
      .max(8)
      .nullish(),
  }),
  clientExtensionResults: z.object({ prf: z.object({ enabled: z.boolean().optional() }).optional() }),
});
export type Registration = z.output<typeof registrationSchema>;

const assertionSchema = z.object({
  ...credential,
  response: z.object({
    clientDataJSON: base64url(LARGEST_CLIENT_DATA),
    authenticatorData: base64url(LARGEST_AUTHENTICATOR_DATA, 37),
    signature: base64url(LARGEST_SIGNATURE),
    userHandle: base64url(64).nullish(),
  }),
  clientExtensionResults: z.object({
    prf: z.object({ results: z.object({ first: base64url(PRF_BYTES, PRF_BYTES) }).optional() }).optional(),
  }),
});
export type Assertion = z.output<typeof assertionSchema>;

function read<T>(schema: z.ZodType<T>, untrusted: unknown): T {
  const parsed = schema.safeParse(untrusted);
  // check: passkey-response-shape
  if (!parsed.success) throw refusal('response', parsed.error);
  // end check
  return parsed.data as T;
}

/** @throws AppError TAP_REFUSED (response) */
export const readRegistration = (untrusted: unknown): Registration => read(registrationSchema, untrusted);
/** @throws AppError TAP_REFUSED (response) */
export const readAssertion = (untrusted: unknown): Assertion => read(assertionSchema, untrusted);

/** The members that say for what and where the key was touched (section 5.8.1); `type` is judged with the signature. */
const clientDataSchema = z.object({
  challenge: z.string(),
  origin: z.string(),
  crossOrigin: z.boolean().optional(),
  topOrigin: z.unknown().optional(),
});

/**
 * The touch was for this challenge, on a page of this origin that stood alone.
 *
 * @param clientDataJson base64url
 * @throws AppError TAP_REFUSED (response, challenge, origin)
 */
export function requireClientData(clientDataJson: string, expected: { challenge: Buffer; origin: string }): void {
  const said = read(clientDataSchema, parseUtf8Json(clientDataJson));
  // check: passkey-challenge
  if (said.challenge !== expected.challenge.toString('base64url')) throw refusal('challenge');
  // end check
  // check: passkey-origin
  if (said.origin !== expected.origin) throw refusal('origin');
  // end check
  // check: passkey-no-frame
  if (said.crossOrigin === true || said.topOrigin !== undefined) throw refusal('origin');
  // end check
}

function parseUtf8Json(text: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(text, 'base64url')));
  } catch (cause) {
    throw refusal('response', cause);
  }
}

const UP = 0x01;
const UV = 0x04;

/**
 * The first 33 bytes of authenticator data (section 6.1): hash of the RP ID, flags.
 *
 * @throws AppError TAP_REFUSED (response, rp-id, presence, verification)
 */
export function requireAuthenticatorData(bytes: Uint8Array, expected: { rpId: string; userVerification: 'preferred' | 'required' }): void {
  const flags = bytes[32];
  if (flags === undefined) throw refusal('response');
  const rpIdHash = createHash('sha256').update(expected.rpId).digest();
  // check: passkey-rp-id
  if (!rpIdHash.equals(bytes.subarray(0, 32))) throw refusal('rp-id');
  // end check
  // check: passkey-presence
  if ((flags & UP) === 0) throw refusal('presence');
  // end check
  // check: passkey-verification
  if (expected.userVerification === 'required' && (flags & UV) === 0) throw refusal('verification');
  // end check
}
