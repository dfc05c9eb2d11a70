/** Makes tokens, good and bad, without the library under test: header and claims are signed exactly as they are given. */
import { createHash, createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

export interface SigningKey {
  kid: string;
  alg: string;
  privateKey: KeyObject;
  /** What the provider publishes. */
  jwk: Record<string, unknown>;
}

export function signingKey(alg: 'RS256' | 'PS256' | 'ES256' | 'ES384' | 'EdDSA', kid: string, { bits = 2048 } = {}): SigningKey {
  const pair =
    alg === 'RS256' || alg === 'PS256'
      ? generateKeyPairSync('rsa', { modulusLength: bits })
      : alg === 'EdDSA'
        ? generateKeyPairSync('ed25519')
        : generateKeyPairSync('ec', { namedCurve: alg === 'ES256' ? 'P-256' : 'P-384' });
  return { kid, alg, privateKey: pair.privateKey, jwk: { ...pair.publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' } };
}

const encode = (part: unknown) => Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url');

export function jwt(key: SigningKey, claims: unknown, header: Record<string, unknown> = {}): string {
  const input = `${encode({ alg: key.alg, kid: key.kid, ...header })}.${encode(claims)}`;
  return `${input}.${signature(key, input).toString('base64url')}`;
}

/** The classic confusion: the provider's public key as the secret of an HMAC. */
export function hmacJwt(secret: string, claims: unknown): string {
  const input = `${encode({ alg: 'HS256' })}.${encode(claims)}`;
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

export const unsignedJwt = (claims: unknown) => `${encode({ alg: 'none' })}.${encode(claims)}.`;

export const hashClaim = (text: string, name = 'sha256') => {
  const digest = createHash(name).update(text).digest();
  return digest.subarray(0, digest.length / 2).toString('base64url');
};

function signature({ alg, privateKey }: SigningKey, input: string): Buffer {
  const data = Buffer.from(input);
  if (alg === 'EdDSA') return sign(null, data, privateKey);
  const hash = `sha${alg.slice(2)}`;
  if (alg.startsWith('PS')) return sign(hash, data, { key: privateKey, padding: 6, saltLength: 32 });
  return sign(hash, data, alg.startsWith('ES') ? { key: privateKey, dsaEncoding: 'ieee-p1363' } : privateKey);
}
