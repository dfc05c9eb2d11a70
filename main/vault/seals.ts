/**
 * How the vault's key is come by and changed: from a security key, from a passphrase, from one to the other and back to the
 * keychain. Its state is the vault's; it decides nothing about when.
 *
 * Every change is one file that is replaced, which is the moment it counts, and work that the next opening finishes if a crash
 * comes in between. See decisions/0001-sealing.md.
 */
import { AppError } from '../app-error.ts';
import type { Keychain } from '../ports.ts';
import { finishCrashedWrites, type RecordKey, requireOneThatOpens, reseal } from './records.ts';
import { KEY_BYTES } from './sealed-file.ts';
import type { SealedFolder } from './sealed-folder.ts';
import type { Sealing } from './vault.ts';
import { findKey, keepKey, makeKey, obtainVaultKey } from './vault-key.ts';
import {
  boxKey,
  type KeyWrap,
  moveInto,
  newSalt,
  type PassphraseWrap,
  passphraseCosts,
  printWraps,
  prove,
  type Room,
  requireProof,
  unboxKey,
  type Wrap,
  type Wraps,
  type WrapsBody,
  wrappingKeyOf,
  wrappingKeyOfPassphrase,
} from './wraps.ts';

const SHORTEST_PASSPHRASE = 8;
const PRF_BYTES = 32;

export interface SealedSetting {
  kind: Keychain['kind'];
  files: SealedFolder;
  keychain: Keychain;
  random: (bytes: number) => Buffer;
  entry: string;
  room: Room;
}

export interface SealState {
  /** What new records are sealed under; null while locked. */
  key: RecordKey | null;
  /** The key of before, while records may still lie under it. */
  carried: RecordKey | null;
  /** null: nothing but the keychain seals the vault, or what does is gone or unreadable. */
  wraps: Wraps | null;
  sealing: Sealing;
  fresh: boolean;
}

export interface Seals {
  openWithKey(keyId: string, prf: Buffer): Promise<void>;
  openWithPassphrase(text: string): Promise<void>;
  addKey(keyId: string, prf: Buffer): Promise<void>;
  removeKey(keyId: string): Promise<void>;
  setPassphrase(text: string): Promise<void>;
  leave(): Promise<void>;
  startOver(): Promise<void>;
}

/** Makes the one wrap a new generation begins with, around `key`. */
type MakeWrap = (key: Buffer, of: Pick<WrapsBody, 'vault' | 'generation'>) => Promise<Wrap>;

export function createSeals({ files, keychain, random, entry, room }: SealedSetting, state: SealState): Seals {
  const outerEntry = (generation: number): string => `${entry}-outer-${generation}`;

  const withWiped = async <T>(buffer: Buffer, use: (buffer: Buffer) => Promise<T>): Promise<T> => {
    try {
      return await use(buffer);
    } finally {
      // check: vault-wrapping-key-wiped
      buffer.fill(0);
      // end check
    }
  };

  const write = async (body: WrapsBody, key: Buffer): Promise<void> => {
    const wraps = prove(body, key, random);
    await files.wraps.replace(printWraps(wraps));
    state.wraps = wraps;
  };

  const requireWraps = (): Wraps => {
    if (state.wraps === null) throw new AppError('VAULT_SEALED', { reason: 'wraps-missing' });
    return state.wraps;
  };

  const keyWrapping = (prf: Buffer, salt: string, outer: Buffer): Promise<Buffer> =>
    withWiped(outer, async () => {
      // check: vault-prf-size
      if (prf.length !== PRF_BYTES) throw new AppError('TAP_REFUSED', { reason: 'prf' });
      // end check
      return wrappingKeyOf(prf, outer, Buffer.from(salt, 'base64'), room);
    });
  const makeKeyWrap =
    (keyId: string, prf: Buffer, outer: Buffer): MakeWrap =>
    async (key, of) => {
      const salt = newSalt(random);
      const what = { kind: 'key', key: keyId } as const;
      return withWiped(await keyWrapping(prf, salt, outer), async (under) => ({
        ...what,
        salt,
        box: boxKey(key, { under, of, what, random }),
      }));
    };
  const makePassphraseWrap =
    (text: string): MakeWrap =>
    async (key, of) => {
      const kind = 'passphrase' as const;
      const costs = { salt: newSalt(random), ...passphraseCosts };
      return withWiped(await wrappingKeyOfPassphrase(text, costs, room), async (under) => ({
        kind,
        ...costs,
        box: boxKey(key, { under, of, what: { kind }, random }),
      }));
    };

  /** The vault is opened with the key that came out of a wrap: only now is anything else in the file believed. */
  const enter = async (wraps: Wraps, bytes: Buffer): Promise<void> => {
    const key: RecordKey = { bytes, form: 2 };
    let carried: RecordKey | null = null;
    try {
      requireProof(wraps, bytes);
      carried = carriedKey(wraps, bytes);
      const keys = carried === null ? [key] : [key, carried];
      await requireOneThatOpens(files, keys);
      await finishCrashedWrites(files, keys);
      Object.assign(state, { key, carried });
      await finish();
    } catch (error) {
      bytes.fill(0);
      carried?.bytes.fill(0);
      Object.assign(state, { key: null, carried: null });
      throw error;
    }
  };
  const carriedKey = (wraps: Wraps, under: Buffer): RecordKey | null => {
    if (wraps.carried === null) return null;
    const bytes = unboxKey(wraps.carried.box, { under, of: wraps, what: 'carried', room });
    if (bytes === null) throw new AppError('VAULT_CORRUPT', { reason: 'wraps' });
    return { bytes, form: wraps.carried.form };
  };

  /** Does what is left to do of the change that the file says is under way. */
  const finish = async (): Promise<void> => {
    const { key, carried, wraps } = state;
    if (key === null || carried === null || wraps === null) return;
    if (wraps.phase === 'leaving') return finishLeaving(wraps, key, carried);
    await reseal({ files, keys: [key, carried], to: key, random });
    // The copies that anybody could read go before the change is called done.
    if (carried.form === 1) await keychain.erase(entry);
    else await eraseOuter(wraps.generation - 1);
    await write({ ...bodyOf(wraps), phase: 'settled', carried: null }, key.bytes);
    carried.bytes.fill(0);
    state.carried = null;
  };
  const finishLeaving = async (wraps: Wraps, key: RecordKey, carried: RecordKey): Promise<void> => {
    await reseal({ files, keys: [key, carried], to: carried, random });
    await keepKey(keychain, entry, carried.bytes);
    await files.wraps.erase();
    key.bytes.fill(0);
    Object.assign(state, { key: carried, carried: null, wraps: null, sealing: 'keychain' });
    await eraseOuter(wraps.generation);
  };
  /** A half whose wraps are gone opens nothing: it goes, and where there never was one nothing happens. */
  const eraseOuter = async (generation: number): Promise<void> => {
    if (keychain.kind !== 'passphrase' && generation > 0) await keychain.erase(outerEntry(generation));
  };

  /** From the key at hand, if any, to a new one under the wrap that `make` makes. */
  const moveTo = async (sealing: Sealing, make: (generation: number) => Promise<MakeWrap>): Promise<void> => {
    await finish();
    const from = state.key;
    const generation = (state.wraps?.generation ?? 0) + 1;
    const of = { vault: random(16).toString('hex'), generation };
    const bytes = moveInto(room, random(KEY_BYTES));
    try {
      const wrap = await (await make(generation))(bytes, of);
      const carried = from && { form: from.form, box: boxKey(from.bytes, { under: bytes, of, what: 'carried', random }) };
      await write({ version: 1, ...of, phase: from === null ? 'settled' : 'moving', wraps: [wrap], carried }, bytes);
    } catch (error) {
      bytes.fill(0);
      throw error;
    }
    Object.assign(state, { key: { bytes, form: 2 }, carried: from, sealing, fresh: false });
    await finish();
  };

  return {
    async openWithKey(keyId, prf) {
      const wraps = requireWraps();
      const wrap = wraps.wraps.find((each): each is KeyWrap => each.kind === 'key' && each.key === keyId);
      if (wrap === undefined) throw new AppError('VAULT_SEALED', { reason: 'other-key' });
      const outer = await findKey(keychain, outerEntry(wraps.generation));
      if (outer === null) throw new AppError('VAULT_CORRUPT', { reason: 'outer' });
      const what = { kind: 'key', key: keyId } as const;
      const key = await withWiped(await keyWrapping(prf, wrap.salt, outer), async (under) =>
        unboxKey(wrap.box, { under, of: wraps, what, room }),
      );
      // A wrap made for another key or vault, another half in the keychain: nobody can tell which, and none of them opens it.
      if (key === null) throw new AppError('VAULT_CORRUPT', { reason: 'wraps' });
      await enter(wraps, key);
    },

    async openWithPassphrase(text) {
      const wraps = requireWraps();
      const wrap = wraps.wraps.find((each): each is PassphraseWrap => each.kind === 'passphrase');
      if (wrap === undefined) throw new AppError('VAULT_SEALED', { reason: 'other-sealing' });
      const key = await withWiped(await wrappingKeyOfPassphrase(text, wrap, room), async (under) =>
        unboxKey(wrap.box, { under, of: wraps, what: { kind: 'passphrase' }, room }),
      );
      if (key === null) throw new AppError('PASSPHRASE_WRONG');
      await enter(wraps, key);
    },

    async addKey(keyId, prf) {
      if (state.sealing !== 'key')
        return moveTo('key', async (generation) => makeKeyWrap(keyId, prf, await makeKey(keychain, outerEntry(generation), random)));
      await finish();
      const { key, wraps } = state;
      if (key === null || wraps === null) throw new AppError('VAULT_SEALED', { reason: 'wraps-missing' });
      const outer = await findKey(keychain, outerEntry(wraps.generation));
      if (outer === null) throw new AppError('VAULT_CORRUPT', { reason: 'outer' });
      const wrap = await makeKeyWrap(keyId, prf, outer)(key.bytes, wraps);
      await write({ ...bodyOf(wraps), wraps: [...othersThan(keyId, wraps), wrap] }, key.bytes);
    },

    async removeKey(keyId) {
      await finish();
      const { key, wraps } = state;
      if (key === null || wraps === null) return;
      const left = othersThan(keyId, wraps);
      if (left.length === wraps.wraps.length) return;
      // check: vault-last-key
      if (left.length === 0)
        throw new AppError('INPUT_INVALID', { reason: 'last-key', detail: 'Seal the vault with another key first, or unseal it.' });
      // end check
      await write({ ...bodyOf(wraps), wraps: left }, key.bytes);
    },

    async setPassphrase(text) {
      // check: vault-passphrase-length
      if ([...text].length < SHORTEST_PASSPHRASE)
        throw new AppError('INPUT_INVALID', {
          reason: 'passphrase',
          detail: `A passphrase has at least ${SHORTEST_PASSPHRASE} characters.`,
        });
      // end check
      await moveTo('passphrase', async () => makePassphraseWrap(text));
    },

    async leave() {
      await finish();
      const { key, wraps } = state;
      if (key === null || wraps === null) return;
      const made = moveInto(room, random(KEY_BYTES));
      try {
        await keepKey(keychain, entry, made);
        const carried = { form: 1, box: boxKey(made, { under: key.bytes, of: wraps, what: 'carried', random }) } as const;
        await write({ ...bodyOf(wraps), phase: 'leaving', carried }, key.bytes);
      } catch (error) {
        made.fill(0);
        throw error;
      }
      state.carried = { bytes: made, form: 1 };
      await finish();
    },

    async startOver() {
      const generation = state.wraps?.generation ?? 1;
      await files.wraps.erase();
      Object.assign(state, { wraps: null, key: null, carried: null });
      if (keychain.kind === 'passphrase') {
        Object.assign(state, { sealing: 'passphrase', fresh: true });
        return;
      }
      state.sealing = 'keychain';
      await eraseOuter(generation);
      await keychain.erase(entry);
      state.key = { bytes: await obtainVaultKey(keychain, entry, random), form: 1 };
    },
  };
}

const othersThan = (keyId: string, { wraps }: Wraps): Wrap[] => wraps.filter((wrap) => wrap.kind !== 'key' || wrap.key !== keyId);

const bodyOf = ({ proof: _, ...body }: Wraps): WrapsBody => body;
