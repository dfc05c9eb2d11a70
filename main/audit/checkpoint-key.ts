/**
 * Public keys that checkpoints are verified with: P-256, as a C2SP verifier key (`name+id+base64`, c2sp.org/signed-note) or in PEM.
 * No private key has a place here.
 */
import { createPublicKey, hash, type JsonWebKey, type KeyObject } from 'node:crypto';
import { AppError } from '../app-error.ts';

/** Signature type: ECDSA with SHA-256, the signature in DER. */
const ECDSA = 0x02;

export interface VerifierKey {
  /** Of the log whose checkpoints it signs; null: a PEM file names none, so it counts for any. */
  readonly name: string | null;
  /** 8 hex digits. Says which key, not that it is the right one. */
  readonly id: string;
  readonly key: KeyObject;
}

/** Neither a space, in any script, nor a plus (c2sp.org/signed-note, "Format"). */
const nameForm = /^[^\s\p{Z}\p{Cc}+]{1,255}$/u;
export const isKeyName = (name: string): boolean => nameForm.test(name) && name.isWellFormed();

const spkiOf = (key: KeyObject): Buffer => key.export({ type: 'spki', format: 'der' });

/** For this type of signature the id is of the key alone, not of its name: the first four bytes of SHA-256 over the key in SPKI. */
export const keyIdOf = (key: KeyObject): string => hash('sha256', spkiOf(key), 'hex').slice(0, 8);

/** `name+id+base64(0x02 || SPKI)`. */
export const verifierText = (name: string, key: KeyObject): string =>
  `${name}+${keyIdOf(key)}+${Buffer.concat([Buffer.from([ECDSA]), spkiOf(key)]).toString('base64')}`;

export const pemOf = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }) as string;

/** @throws TypeError: it is no public P-256 key */
export function keyFromJwk(name: string, jwk: JsonWebKey): VerifierKey {
  return named(name, createPublicKey({ key: { kty: jwk.kty, crv: jwk.crv, x: jwk.x, y: jwk.y } as JsonWebKey, format: 'jwk' }));
}

function named(name: string | null, key: KeyObject): VerifierKey {
  // check: checkpoint-key-curve
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw new TypeError('not a P-256 key');
  // end check
  return { name, id: keyIdOf(key), key };
}

/**
 * The keys in a text: verifier keys, one a line, or one or several in PEM.
 *
 * @throws AppError INPUT_INVALID (reason `verifier-key`): there is none, or one that is not whole, or of another kind
 */
export function readVerifierKeys(text: string): VerifierKey[] {
  const pems = text.match(/-----BEGIN PUBLIC KEY-----[^-]*-----END PUBLIC KEY-----/g);
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  try {
    const keys = pems === null ? lines.map((line) => readVerifierKey(line.trim())) : pems.map((pem) => named(null, createPublicKey(pem)));
    if (keys.length > 0) return keys;
  } catch (cause) {
    throw refused(cause);
  }
  throw refused(undefined);
}

const refused = (cause: unknown): AppError =>
  new AppError('INPUT_INVALID', {
    reason: 'verifier-key',
    detail: 'Give a public key as `lakepass audit key` prints it: the line with two plus signs, or a file with it or with the PEM.',
    cause,
  });

/** What the base64 stands for; null: another text would stand for the same, or it is none (RFC 4648 section 4). */
export function strictBase64(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64');
  return text !== '' && bytes.toString('base64') === text ? bytes : null;
}

function readVerifierKey(line: string): VerifierKey {
  const [, name = '', id = '', material = ''] = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]{1,400})$/.exec(line) ?? [];
  const bytes = strictBase64(material);
  if (!isKeyName(name) || bytes?.[0] !== ECDSA) throw new TypeError('not an ECDSA verifier key');
  const key = named(name, createPublicKey({ key: bytes.subarray(1), format: 'der', type: 'spki' }));
  // check: checkpoint-key-id
  if (key.id !== id || !spkiOf(key.key).equals(bytes.subarray(1))) throw new TypeError('the id is not of this key');
  // end check
  return key;
}
