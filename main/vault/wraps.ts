/**
 * `wraps.json`: the vault's key, wrapped once for each security key, or once for a passphrase. What lies here opens nothing without
 * the touch or the text.
 *
 * The file is as writable as any other of the user's, so nothing in it is believed before the vault's own key has vouched for all
 * of it (`proof`). See decisions/0001-sealing.md for the format and for what an old copy of the file can and cannot do.
 */
import { createHash, hkdf, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { z } from 'zod';
import { AppError } from '../app-error.ts';
import { KEY_BYTES, openBytes, sealBytes } from './sealed-file.ts';

/** scrypt (RFC 7914) with 128 MiB: about half a second for us, and for each guess of somebody else. */
const SCRYPT = { n: 2 ** 17, r: 8, p: 1 } as const;
const SALT_BYTES = 32;
/** Windows and slow machines may want less one day; nobody may want less than this, or more than memory holds. */
const scryptCost = z.literal([2 ** 17, 2 ** 18, 2 ** 19]);

const bytes = z.base64().max(512);
const keyWrapSchema = z.strictObject({ kind: z.literal('key'), key: z.string().min(1).max(1024), salt: bytes, box: bytes });
const passphraseWrapSchema = z.strictObject({
  kind: z.literal('passphrase'),
  salt: bytes,
  n: scryptCost,
  r: z.literal(8),
  p: z.literal(1),
  box: bytes,
});
const wrapSchema = z.discriminatedUnion('kind', [keyWrapSchema, passphraseWrapSchema]);
const wrapsSchema = z.strictObject({
  version: z.literal(1),
  vault: z.string().regex(/^[0-9a-f]{32}$/),
  generation: z.int().min(1),
  /** 'moving': records may still lie under the key that `carried` holds. 'leaving': they are on their way to it. */
  phase: z.enum(['settled', 'moving', 'leaving']),
  wraps: z.array(wrapSchema).min(1).max(32),
  carried: z.strictObject({ form: z.literal([1, 2]), box: bytes }).nullable(),
  proof: bytes,
});

export type KeyWrap = z.output<typeof keyWrapSchema>;
export type PassphraseWrap = z.output<typeof passphraseWrapSchema>;
export type Wrap = KeyWrap | PassphraseWrap;
export type Wraps = z.output<typeof wrapsSchema>;
/** Everything but the proof, which is made of it. */
export type WrapsBody = Omit<Wraps, 'proof'>;

type Random = (bytes: number) => Buffer;
/** Memory for a key: a Buffer of its own, so that zeros reach all of it and nothing else. */
export type Room = (bytes: number) => Buffer;

/** @returns null where the file is not one of ours: nothing of it is used then */
export function parseWraps(file: Buffer): Wraps | null {
  try {
    return wrapsSchema.parse(JSON.parse(file.toString('utf8')));
  } catch {
    // Not JSON, or not of this shape: the caller says VAULT_CORRUPT, whichever it was.
    return null;
  }
}

export const printWraps = (wraps: Wraps): Buffer => Buffer.from(`${JSON.stringify(wraps, null, 1)}\n`, 'utf8');

/**
 * The key that wraps for one security key: HKDF-SHA256 (RFC 5869) over the PRF output and the half that the keychain holds, so that
 * neither a key in a stranger's hand nor a copy of the keychain opens the vault by itself.
 *
 * @param prf the PRF output (WebAuthn Level 3 section 10.1.4) of 32 bytes
 */
export async function wrappingKeyOf(prf: Buffer, outer: Buffer, salt: Buffer, room: Room): Promise<Buffer> {
  const both = room(prf.length + outer.length);
  prf.copy(both, 0);
  outer.copy(both, prf.length);
  try {
    return moveInto(room, Buffer.from(await promisify(hkdf)('sha256', both, salt, 'lakepass vault wrap', KEY_BYTES)));
  } finally {
    both.fill(0);
  }
}

/** The key that a passphrase makes. The text itself is a string, which nobody can wipe. */
export async function wrappingKeyOfPassphrase(
  text: string,
  { salt, n, r, p }: Pick<PassphraseWrap, 'salt' | 'n' | 'r' | 'p'>,
  room: Room,
): Promise<Buffer> {
  const derive = promisify<string, Buffer, number, object, Buffer>(scrypt);
  const options = { N: n, r, p, maxmem: 256 * n * r };
  return moveInto(room, await derive(text.normalize('NFKC'), Buffer.from(salt, 'base64'), KEY_BYTES, options));
}

/** A wrap's salt and costs, before there is a key to box. */
export const newSalt = (random: Random): string => random(SALT_BYTES).toString('base64');
export const passphraseCosts = SCRYPT;

const nameOf = ({ vault, generation }: Pick<WrapsBody, 'vault' | 'generation'>, what: string): string => `${vault}/${generation}/${what}`;
const labelOf = (wrap: { kind: 'key'; key: string } | { kind: 'passphrase' }): string =>
  wrap.kind === 'key' ? `key/${wrap.key}` : 'passphrase';

/** Seals a key under another one, bound to this vault, this generation and what it is for. */
export function boxKey(
  key: Buffer,
  {
    under,
    of,
    what,
    random,
  }: { under: Buffer; of: Pick<WrapsBody, 'vault' | 'generation'>; what: Parameters<typeof labelOf>[0] | 'carried'; random: Random },
): string {
  const name = nameOf(of, what === 'carried' ? 'carried' : labelOf(what));
  return sealBytes(key, { key: under, name, sequence: BigInt(of.generation), random }).toString('base64');
}

/** The key in a box of `boxKey`, in room of its own; null where it does not open. */
export function unboxKey(
  box: string,
  {
    under,
    of,
    what,
    room,
  }: { under: Buffer; of: Pick<WrapsBody, 'vault' | 'generation'>; what: Parameters<typeof labelOf>[0] | 'carried'; room: Room },
): Buffer | null {
  const name = nameOf(of, what === 'carried' ? 'carried' : labelOf(what));
  const opened = openBytes(Buffer.from(box, 'base64'), { key: under, name });
  if (opened === null || opened.plain.length !== KEY_BYTES) return null;
  return moveInto(room, opened.plain);
}

/** Written with the vault's own key: only who has it can have written this file. */
export function prove(body: WrapsBody, key: Buffer, random: Random): Wraps {
  const sequence = BigInt(body.generation);
  return { ...body, proof: sealBytes(digestOf(body), { key, name: nameOf(body, 'proof'), sequence, random }).toString('base64') };
}

/** @throws AppError VAULT_CORRUPT `wraps`: something in the file was changed by somebody who does not have the key */
export function requireProof({ proof, ...body }: Wraps, key: Buffer): void {
  const opened = openBytes(Buffer.from(proof, 'base64'), { key, name: nameOf(body, 'proof') });
  // check: vault-wraps-proof
  if (opened === null || !opened.plain.equals(digestOf(body))) throw new AppError('VAULT_CORRUPT', { reason: 'wraps' });
  // end check
}

const digestOf = ({ version, vault, generation, phase, wraps, carried }: WrapsBody): Buffer =>
  createHash('sha256')
    .update(JSON.stringify([version, vault, generation, phase, wraps.map(inOrder), carried && [carried.form, carried.box]]))
    .digest();

const inOrder = (wrap: Wrap): unknown[] =>
  wrap.kind === 'key' ? ['key', wrap.key, wrap.salt, wrap.box] : ['passphrase', wrap.salt, wrap.n, wrap.r, wrap.p, wrap.box];

/** Into memory we can vouch for; the library's own copy is wiped. */
export function moveInto(room: Room, bytes: Buffer): Buffer {
  const mine = room(bytes.length);
  bytes.copy(mine);
  bytes.fill(0);
  return mine;
}
