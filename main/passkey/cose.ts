/** Keys and signatures by their COSE names (RFC 9053, RFC 8812), judged with node:crypto. */
import { constants, createPublicKey, type JsonWebKey, type KeyObject, verify } from 'node:crypto';
import { Flaw } from './flaw.ts';

interface Algorithm {
  type: string;
  /** OpenSSL's name; WebAuthn binds each ECDSA algorithm to one curve (Level 3, section 5.8.5). */
  curve?: string;
  hash: string | null;
  padding?: number;
}

const { RSA_PKCS1_PADDING, RSA_PKCS1_PSS_PADDING } = constants;
/** None with SHA-1. */
const algorithms = new Map<unknown, Algorithm>([
  [-7, { type: 'ec', curve: 'prime256v1', hash: 'sha256' }],
  [-35, { type: 'ec', curve: 'secp384r1', hash: 'sha384' }],
  [-36, { type: 'ec', curve: 'secp521r1', hash: 'sha512' }],
  [-8, { type: 'ed25519', hash: null }],
  [-53, { type: 'ed448', hash: null }],
  [-257, { type: 'rsa', hash: 'sha256', padding: RSA_PKCS1_PADDING }],
  [-258, { type: 'rsa', hash: 'sha384', padding: RSA_PKCS1_PADDING }],
  [-259, { type: 'rsa', hash: 'sha512', padding: RSA_PKCS1_PADDING }],
  [-37, { type: 'rsa', hash: 'sha256', padding: RSA_PKCS1_PSS_PADDING }],
]);
const SHORTEST_RSA = 2048;

/** Hash of a signature algorithm, where it has one. @throws Flaw algorithm */
export function hashOf(alg: number): string {
  const hash = algorithms.get(alg)?.hash;
  if (hash === undefined || hash === null) throw new Flaw('algorithm');
  return hash;
}

/** @throws Flaw algorithm: not one that we take, or not one of this key. @throws Flaw signature */
export function requireSignature(alg: number, key: KeyObject, data: Uint8Array, signature: Uint8Array): void {
  const algorithm = algorithms.get(alg);
  const { namedCurve, modulusLength = SHORTEST_RSA } = key.asymmetricKeyDetails ?? {};
  // check: attestation-algorithm
  if (algorithm === undefined || algorithm.type !== key.asymmetricKeyType) throw new Flaw('algorithm');
  if (algorithm.curve !== undefined && algorithm.curve !== namedCurve) throw new Flaw('algorithm');
  if (modulusLength < SHORTEST_RSA) throw new Flaw('algorithm');
  // end check
  const { hash, padding } = algorithm ?? { hash: 'sha256', padding: undefined };
  const valid = verify(hash, data, padding === undefined ? key : { key, padding }, signature);
  // check: attestation-signature
  if (!valid) throw new Flaw('signature');
  // end check
}

const curves = new Map<unknown, { crv: string; bytes: number }>([
  [1, { crv: 'P-256', bytes: 32 }],
  [2, { crv: 'P-384', bytes: 48 }],
  [3, { crv: 'P-521', bytes: 66 }],
  [6, { crv: 'Ed25519', bytes: 32 }],
  [7, { crv: 'Ed448', bytes: 57 }],
]);

/** @param cose the decoded COSE_Key map (RFC 9052, section 7). @throws Flaw key */
export function publicKeyOf(cose: unknown): { key: KeyObject; alg: number } {
  if (!(cose instanceof Map)) throw new Flaw('key');
  const alg: unknown = cose.get(3);
  if (typeof alg !== 'number') throw new Flaw('key');
  const curve = curves.get(cose.get(-1));
  const kty: unknown = cose.get(1);
  if (kty === 3) return { alg, key: keyOf({ kty: 'RSA', n: text(cose.get(-1)), e: text(cose.get(-2)) }) };
  if (curve === undefined) throw new Flaw('key');
  const x = text(cose.get(-2), curve.bytes);
  if (kty === 1) return { alg, key: keyOf({ kty: 'OKP', crv: curve.crv, x }) };
  if (kty === 2) return { alg, key: keyOf({ kty: 'EC', crv: curve.crv, x, y: text(cose.get(-3), curve.bytes) }) };
  throw new Flaw('key');
}

/** @throws Flaw key: no point of the curve, no modulus */
export function keyOf(jwk: JsonWebKey): KeyObject {
  try {
    return createPublicKey({ key: jwk, format: 'jwk' });
  } catch {
    throw new Flaw('key');
  }
}

function text(value: unknown, bytes?: number): string {
  if (!(value instanceof Uint8Array) || (bytes !== undefined && value.length !== bytes)) throw new Flaw('key');
  return Buffer.from(value).toString('base64url');
}
