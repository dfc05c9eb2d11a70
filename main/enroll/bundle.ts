/**
 * The bundle on its way: a JWS in general JSON serialization (RFC 7515 section 7.2.1), so that two keys can sign one file while one takes
 * over from the other. Nothing of it is read as a bundle before a signature by a pinned key holds over its exact bytes.
 */
import { createHash } from 'node:crypto';
import { type CryptoKey, calculateJwkThumbprint, flattenedVerify, GeneralSign, importJWK } from 'jose';
import { z } from 'zod';
import { AppError, hasCode } from '../app-error.ts';
import { type LoadedPolicy, loadPolicy } from '../policy/load-policy.ts';
import { readConfig } from '../profile/load-config.ts';
import type { Config } from '../profile/profile.ts';
import type { EpochMs } from '../units.ts';
import { type Bundle, type BundleInput, bundleSchema, type SigningKey, signingKeySchema, thumbprintSchema } from './bundle-schema.ts';

/** A larger file is not read. */
export const LARGEST_BUNDLE_BYTES = 1024 * 1024;
const TYPE = 'lakepass-bundle+jws';
const ALGORITHM = 'ES256';

const envelopeSchema = z.strictObject({
  payload: z.base64url().max(LARGEST_BUNDLE_BYTES),
  signatures: z
    .array(z.strictObject({ protected: z.base64url().max(500), signature: z.base64url().length(86) }))
    .min(1)
    .max(2),
});
const headerSchema = z.strictObject({ alg: z.literal(ALGORITHM), kid: thumbprintSchema, typ: z.literal(TYPE) });

/** RFC 7638, SHA-256, base64url: what an invitation names, and what people compare. */
export const thumbprintOf = (key: SigningKey): Promise<string> => calculateJwkThumbprint(key, 'sha256');

export interface VerifiedBundle {
  readonly bundle: Bundle;
  /** SHA-256 of the payload, in hex: two files that say the same have the same. */
  readonly hash: string;
  /** Thumbprint of the pinned key whose signature holds. */
  readonly signedBy: string;
  readonly signer: SigningKey;
  /** Both are null where the bundle says nothing of them. */
  readonly policy: LoadedPolicy | null;
  readonly config: Config | null;
}

const hashOf = (plain: Uint8Array): string => createHash('sha256').update(plain).digest('hex');

const invalid = (reason: string, detail?: string, cause?: unknown): AppError =>
  new AppError('BUNDLE_INVALID', { reason, ...(detail === undefined ? {} : { detail }), cause });

/**
 * Signs what IT has written, once it is shown that a device would take it.
 *
 * @param keys one, or two while one takes over from the other; private halves of P-256 keys
 * @returns the bytes of the file
 * @throws AppError BUNDLE_INVALID (reason: shape, policy, config, size)
 */
export async function signBundle(
  input: BundleInput,
  keys: readonly { readonly publicKey: SigningKey; readonly privateKey: CryptoKey }[],
): Promise<Buffer> {
  const payload = Buffer.from(JSON.stringify(readBundle(input).bundle));
  const signing = new GeneralSign(payload);
  for (const { publicKey, privateKey } of keys)
    signing.addSignature(privateKey).setProtectedHeader({ alg: ALGORITHM, kid: await thumbprintOf(publicKey), typ: TYPE });
  const bytes = Buffer.from(`${JSON.stringify(await signing.sign())}\n`);
  if (bytes.length > LARGEST_BUNDLE_BYTES) throw invalid('size');
  return bytes;
}

/**
 * @param pinned thumbprint of the one key that an invitation names, or the keys of the bundle that was accepted last
 * @param bytes the file as it was fetched
 * @throws AppError BUNDLE_INVALID (reason: size, shape, signature, policy, config) | BUNDLE_KEY_UNKNOWN: none of its signatures is by a pinned key
 */
export async function verifyBundle(
  bytes: Uint8Array,
  pinned: { readonly thumbprint: string } | readonly SigningKey[],
): Promise<VerifiedBundle> {
  // check: bundle-size
  if (bytes.length > LARGEST_BUNDLE_BYTES) throw invalid('size');
  // end check
  const { payload, signatures } = parseAs(envelopeSchema, bytes);
  const plain = Buffer.from(payload, 'base64url');
  const known = 'thumbprint' in pinned ? namedKey(pinned.thumbprint, plain) : pinned;
  const thumbprints = new Map<string, SigningKey>();
  for (const key of await known) thumbprints.set(await thumbprintOf(key), key);

  const ours = signatures.map((each) => ({ ...each, header: headerOf(each.protected) })).find(({ header }) => thumbprints.has(header.kid));
  // check: bundle-key-pinned
  if (ours === undefined) throw new AppError('BUNDLE_KEY_UNKNOWN');
  // end check
  const signer = thumbprints.get(ours.header.kid) as SigningKey;
  const key = await importJWK(signer, ALGORITHM);
  const held = await flattenedVerify({ payload, protected: ours.protected, signature: ours.signature }, key, {
    algorithms: [ALGORITHM],
  }).then(
    () => true,
    () => false,
  );
  // check: bundle-signature
  if (!held) throw invalid('signature');
  // end check
  const parsed = parseAs(z.unknown(), plain);
  return { ...readBundle(parsed), hash: hashOf(plain), signedBy: ours.header.kid, signer };
}

/**
 * The key that an invitation means, out of the bundle itself: a thumbprint tells it from all others, whoever names it. Nothing else of
 * the bundle is believed for it.
 */
async function namedKey(thumbprint: string, plain: Buffer): Promise<SigningKey[]> {
  const { keys } = parseAs(z.looseObject({ keys: z.array(signingKeySchema).min(1).max(2) }), plain);
  for (const key of keys) if ((await thumbprintOf(key)) === thumbprint) return [key];
  throw new AppError('BUNDLE_KEY_UNKNOWN');
}

/** A header of ours says exactly three things; whoever adds one (`crit`, `jwk`, `b64`) means something we do not do. */
function headerOf(encoded: string): z.output<typeof headerSchema> {
  return parseAs(headerSchema, Buffer.from(encoded, 'base64url'));
}

function parseAs<T extends z.ZodType>(schema: T, bytes: Uint8Array): z.output<T> {
  try {
    return schema.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
  } catch (cause) {
    throw invalid('shape', undefined, cause);
  }
}

/** With what its texts say: a bundle whose policy or configuration cannot be used is none. */
function readBundle(untrusted: unknown): Pick<VerifiedBundle, 'bundle' | 'policy' | 'config'> {
  const parsed = bundleSchema.safeParse(untrusted);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw invalid('shape', `${issue?.path.join('.')}: ${issue?.message}.`, parsed.error);
  }
  const bundle = parsed.data;
  try {
    const policy = bundle.policy === undefined ? null : loadPolicy(Buffer.from(bundle.policy), 'policy.yaml');
    const config = bundle.config === undefined ? null : readConfig(Buffer.from(bundle.config), 'config.yaml');
    return { bundle, policy, config };
  } catch (error) {
    if (!hasCode(error, 'POLICY_INVALID', 'CONFIG_INVALID', 'CONFIG_PLAIN_HTTP')) throw error;
    throw invalid(error.code === 'POLICY_INVALID' ? 'policy' : 'config', error.detail, error);
  }
}

/** What must be remembered of the bundle that was accepted last to judge the next one. */
export interface Accepted {
  readonly bundleId: string;
  readonly revision: number;
  readonly hash: string;
}

/**
 * The same of a bundle that was verified and kept, perhaps by another version of the program, which need not read all of it.
 * @throws AppError VAULT_CORRUPT: it is none
 */
export function readAccepted(bytes: Uint8Array): Accepted & { readonly keys: readonly SigningKey[] } {
  try {
    const plain = Buffer.from(parseAs(z.looseObject({ payload: z.base64url() }), bytes).payload, 'base64url');
    return { ...parseAs(acceptedSchema, plain), hash: hashOf(plain) };
  } catch (cause) {
    throw new AppError('VAULT_CORRUPT', { reason: 'enrollment', cause });
  }
}

const acceptedSchema = z.object({ bundleId: z.string(), revision: z.int(), keys: z.array(signingKeySchema).min(1) });

/**
 * Whether a verified bundle may take the place of the one that holds.
 *
 * @param accepted the bundle accepted last; null: there was none
 * @throws AppError BUNDLE_INVALID (reason: organization): it is another company's
 * @throws AppError BUNDLE_ROLLED_BACK: an older revision, or another text under the same one
 * @throws AppError BUNDLE_EXPIRED
 */
export function requireAcceptable({ bundle, hash }: VerifiedBundle, accepted: Accepted | null, now: EpochMs): void {
  if (accepted !== null) {
    // check: bundle-same-company
    if (bundle.bundleId !== accepted.bundleId) throw invalid('organization');
    // end check
    const isOlder = bundle.revision < accepted.revision || (bundle.revision === accepted.revision && hash !== accepted.hash);
    // check: bundle-never-back
    if (isOlder)
      throw new AppError('BUNDLE_ROLLED_BACK', { detail: `Revision ${accepted.revision} has been accepted; this is ${bundle.revision}.` });
    // end check
  }
  // check: bundle-expires
  if (now >= Date.parse(bundle.expires)) throw new AppError('BUNDLE_EXPIRED', { detail: `It ended on ${bundle.expires}.` });
  // end check
}
