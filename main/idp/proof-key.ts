/**
 * The key that a refresh token is bound to (DPoP, RFC 9449): a provider that takes part gives nothing for the token alone, so a copy of it is
 * of no use without this key. Made at each sign-in, kept with the session, sent to nobody.
 */
import { type CryptoKey, exportJWK, generateKeyPair, importJWK } from 'jose';
import * as oidc from 'openid-client';
import { z } from 'zod';
import { AppError } from '../app-error.ts';
import type { Profile } from '../profile/profile.ts';
import { Secret } from '../secret.ts';
import type { IssuerMetadata } from './discovery.ts';

const ALGORITHM = 'ES256';

export interface KeyPair {
  readonly publicKey: CryptoKey;
  readonly privateKey: CryptoKey;
}

export interface ProofKey {
  /** As it is kept with the session. */
  readonly sealed: Secret;
  /** The private half cannot be exported. */
  readonly pair: KeyPair;
}

/** Whether the provider says that it binds tokens to a key of a kind we make (RFC 9449 section 5.1). */
export function offersBinding(metadata: Partial<oidc.ServerMetadata>): boolean {
  const algorithms: unknown = metadata.dpop_signing_alg_values_supported;
  return Array.isArray(algorithms) && algorithms.includes(ALGORITHM);
}

/** Not where the access token is what workspaces take: a proof binds that one too, and to a workspace it goes as a bearer. */
export const wantsBinding = (metadata: IssuerMetadata, { idp, subjectToken }: Pick<Profile, 'idp' | 'subjectToken'>): boolean =>
  idp.dpop === 'on' && offersBinding(metadata) && subjectToken === 'id_token';

/** Why no key was proven. */
export const unbound = ({ idp }: Pick<Profile, 'idp'>): 'off' | 'none' => (idp.dpop === 'off' ? 'off' : 'none');

export async function newProofKey(): Promise<ProofKey> {
  const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true });
  const sealed = new Secret(JSON.stringify(await exportJWK(privateKey)));
  return { sealed, pair: await openProofKey(sealed) };
}

const text = z.string().min(1);
const keySchema = z.object({ kty: z.literal('EC'), crv: z.literal('P-256'), x: text, y: text, d: text });

/** @throws AppError VAULT_CORRUPT (`reason` 'proof-key'): it is not what was sealed */
export async function openProofKey(sealed: Secret): Promise<KeyPair> {
  try {
    const { d, ...open } = keySchema.parse(JSON.parse(sealed.reveal()));
    const publicKey = (await importJWK(open, ALGORITHM, { extractable: true })) as CryptoKey;
    const privateKey = (await importJWK({ ...open, d }, ALGORITHM, { extractable: false })) as CryptoKey;
    return { publicKey, privateKey };
  } catch {
    // What a parser says of the text could repeat it.
    throw new AppError('VAULT_CORRUPT', { reason: 'proof-key' });
  }
}

/** The last nonce a provider gave for proofs (RFC 9449 section 8). Kept, so that not every renewal is refused first and then repeated. */
export interface ProofNonce {
  last: string | null;
}

/** What the library needs to prove the key with each request of one exchange; a nonce that is demanded anew, it fetches itself, once. */
export function proofFor(client: oidc.Configuration, pair: KeyPair | null, nonce: ProofNonce): oidc.DPoPOptions {
  if (pair === null) return {};
  const withNonce: oidc.ModifyAssertionFunction = (_, proof) => {
    if (nonce.last !== null) proof['nonce'] ??= nonce.last;
  };
  return { DPoP: oidc.getDPoPHandle(client, pair, { [oidc.modifyAssertion]: withNonce }) };
}

/** Printable ASCII without quotes, as section 8.1 has it; anything else is no nonce. */
export function noteNonce(nonce: ProofNonce, headers: Headers): void {
  const given = headers.get('dpop-nonce');
  if (given !== null && /^[\x21\x23-\x5b\x5d-\x7e]{1,1024}$/.test(given)) nonce.last = given;
}
