/**
 * IT's signing key in a file: the public halves in the clear, the private ones under a passphrase. Whoever has them decides what holds on
 * every device, so they are in the clear only where somebody has asked for that by name.
 */
import { randomBytes } from 'node:crypto';
import { type CryptoKey, exportJWK, generateKeyPair, importJWK } from 'jose';
import { z } from 'zod';
import { AppError } from '../../app-error.ts';
import { openBytes, sealBytes } from '../../vault/sealed-file.ts';
import { newSalt, passphraseCosts, wrappingKeyOfPassphrase } from '../../vault/wraps.ts';
import { thumbprintOf } from '../bundle.ts';
import { type SigningKey, signingKeySchema } from '../bundle-schema.ts';

const ALGORITHM = 'ES256';
const SHORTEST_PASSPHRASE = 8;

const secretSchema = z.array(z.base64url().length(43)).min(1).max(2);
const fileSchema = z.strictObject({
  version: z.literal(1),
  /** The one that signs; while it is handed over, the one that takes over after it. */
  keys: z.array(signingKeySchema).min(1).max(2),
  private: z.union([
    z.strictObject({ sealedBy: z.literal('passphrase'), salt: z.base64().length(44), box: z.base64().max(1024) }),
    z.strictObject({ sealedBy: z.literal('nothing'), d: secretSchema }),
  ]),
});
type KeyFile = z.output<typeof fileSchema>;

export interface OwnKey {
  readonly publicKey: SigningKey;
  readonly privateKey: CryptoKey;
  /** RFC 7638, SHA-256, base64url. */
  readonly thumbprint: string;
}

/** A passphrase made slow to guess (scrypt, RFC 7914, 128 MiB): 32 bytes. */
export type Stretch = (passphrase: string, salt: string) => Promise<Buffer>;
export const stretched: Stretch = (passphrase, salt) =>
  wrappingKeyOfPassphrase(passphrase, { salt, ...passphraseCosts }, (bytes) => Buffer.alloc(bytes));

/** How the file is opened and written. */
export interface Lock {
  /** null: nothing protects the file but its mode. */
  readonly passphrase: string | null;
  readonly stretch: Stretch;
}

/** @throws AppError INPUT_INVALID (reason: passphrase): it is too short */
export function requirePassphrase(passphrase: string): void {
  // check: admin-passphrase-length
  if ([...passphrase].length < SHORTEST_PASSPHRASE)
    throw new AppError('INPUT_INVALID', { reason: 'passphrase', detail: `A passphrase has at least ${SHORTEST_PASSPHRASE} characters.` });
  // end check
}

/** @returns the text of a file with one new key */
export async function newKeyFile(lock: Lock): Promise<{ text: string; thumbprint: string }> {
  const made = await makeKey();
  return { text: await printKeys([made], lock), thumbprint: await thumbprintOf(made.publicKey) };
}

/**
 * What can be read without a passphrase.
 * @throws AppError ADMIN_FILE_INVALID (reason: signing-key)
 */
export function readKeyFile(text: string): { publicKeys: readonly SigningKey[]; isSealed: boolean } {
  const { keys, private: secret } = parseKeyFile(text);
  return { publicKeys: keys, isSealed: secret.sealedBy === 'passphrase' };
}

/** @throws AppError ADMIN_FILE_INVALID (reason: signing-key) | SIGNING_KEY_SEALED: another passphrase, or a byte of the file was changed */
export async function openKeys(text: string, lock: Lock): Promise<OwnKey[]> {
  const { keys, secrets } = await unseal(text, lock);
  return Promise.all(
    keys.map(async (publicKey, at) => ({
      publicKey,
      privateKey: (await importJWK({ ...publicKey, d: secrets[at] as string }, ALGORITHM, { extractable: false })) as CryptoKey,
      thumbprint: await thumbprintOf(publicKey),
    })),
  );
}

/** @returns the text with one more key, which takes over from the first. @throws AppError as `openKeys` | ADMIN_STEP_MISSING: one is already doing so */
export async function addKey(text: string, lock: Lock): Promise<string> {
  const { keys, secrets } = await unseal(text, lock);
  if (keys.length > 1)
    throw new AppError('ADMIN_STEP_MISSING', {
      reason: 'rotating',
      detail: 'One key takes over from another already; end that with `lakepass admin rotate --finish`.',
    });
  const next = await makeKey();
  return printKeys([...keys.map((publicKey, at) => ({ publicKey, d: secrets[at] as string })), next], lock);
}

/** @returns the text without the first of two keys */
export async function dropFirstKey(text: string, lock: Lock): Promise<string> {
  const { keys, secrets } = await unseal(text, lock);
  const left = keys.map((publicKey, at) => ({ publicKey, d: secrets[at] as string })).slice(1);
  if (left.length === 0) throw new AppError('ADMIN_STEP_MISSING', { reason: 'one-key', detail: 'Begin with `lakepass admin rotate`.' });
  return printKeys(left, lock);
}

interface PlainKey {
  publicKey: SigningKey;
  d: string;
}

async function makeKey(): Promise<PlainKey> {
  const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true });
  const { d, ...rest } = await exportJWK(privateKey);
  return { publicKey: signingKeySchema.parse(rest), d: d as string };
}

/** A box opens beside its own public keys only: nobody swaps them to learn what else gets signed. */
const nameOf = async (keys: readonly SigningKey[]): Promise<string> =>
  `lakepass signing-key/${(await Promise.all(keys.map(thumbprintOf))).join('/')}`;

async function printKeys(made: readonly PlainKey[], { passphrase, stretch }: Lock): Promise<string> {
  const keys = made.map(({ publicKey }) => publicKey);
  const secrets = made.map(({ d }) => d);
  const file: KeyFile = { version: 1, keys, private: { sealedBy: 'nothing', d: secrets } };
  if (passphrase !== null) {
    const salt = newSalt(randomBytes);
    const key = await stretch(passphrase, salt);
    const plain = Buffer.from(JSON.stringify(secrets));
    const box = sealBytes(plain, { key, name: await nameOf(keys), sequence: 1n, random: randomBytes }).toString('base64');
    file.private = { sealedBy: 'passphrase', salt, box };
    key.fill(0);
    plain.fill(0);
  }
  return `${JSON.stringify(file, null, 2)}\n`;
}

async function unseal(text: string, { passphrase, stretch }: Lock): Promise<{ keys: SigningKey[]; secrets: string[] }> {
  const { keys, private: secret } = parseKeyFile(text);
  if (secret.sealedBy === 'nothing') return pairsOf(keys, secret.d);
  if (passphrase === null) throw new AppError('SIGNING_KEY_SEALED', { reason: 'no-passphrase' });
  const key = await stretch(passphrase, secret.salt);
  const opened = openBytes(Buffer.from(secret.box, 'base64'), { key, name: await nameOf(keys) });
  key.fill(0);
  if (opened === null) throw new AppError('SIGNING_KEY_SEALED', { reason: 'passphrase' });
  try {
    return pairsOf(keys, secretSchema.parse(JSON.parse(opened.plain.toString('utf8'))));
  } finally {
    opened.plain.fill(0);
  }
}

function pairsOf(keys: SigningKey[], secrets: string[]): { keys: SigningKey[]; secrets: string[] } {
  if (keys.length !== secrets.length) throw unusable();
  return { keys, secrets };
}

function parseKeyFile(text: string): KeyFile {
  try {
    return fileSchema.parse(JSON.parse(text));
  } catch {
    // What a parser says of the text could repeat it.
    throw unusable();
  }
}

const unusable = (): AppError =>
  new AppError('ADMIN_FILE_INVALID', { reason: 'signing-key', detail: 'signing-key.json is not as it was written.' });
