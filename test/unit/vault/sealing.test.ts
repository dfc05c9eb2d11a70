/**
 * The vault under a security key, a passphrase, and on its way between them: who opens it, what is left of a key once it is locked,
 * and what becomes of it when somebody tampers with its files. The folder is a real one; the keychain is a fake that can be read.
 */
import { randomBytes } from 'node:crypto';
import { copyFile, cp, type FileHandle, mkdtemp, open, readdir, readFile, rename, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Keychain } from '../../../main/ports.ts';
import { memoryOnlyKeychain } from '../../../main/vault/memory-keychain.ts';
import { passphraseOnlyKeychain } from '../../../main/vault/passphrase-keychain.ts';
import { openVault, type VaultParts } from '../../../main/vault/vault.ts';
import { type MemoryKeychain, memoryKeychain } from '../../fakes/memory-keychain.ts';

let folder: string;
let keychain: MemoryKeychain;
/** Every Buffer that a key was ever kept in. */
let rooms: Buffer[];
/** Every Buffer that the random port has handed out. */
let drawn: Buffer[];

beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'lakepass-sealing-')), 'vault');
  keychain = memoryKeychain();
  rooms = [];
  drawn = [];
});
afterEach(() => rm(join(folder, '..'), { recursive: true, force: true }));

const kept = (list: () => Buffer[], buffer: Buffer): Buffer => {
  list().push(buffer);
  return buffer;
};
const vaultHere = (more: Partial<VaultParts> = {}) =>
  openVault({
    folder,
    keychain,
    random: (bytes) => kept(() => drawn, randomBytes(bytes)),
    room: (bytes) => kept(() => rooms, Buffer.alloc(bytes)),
    ...more,
  });
const text = (value: string) => Buffer.from(value);
const at = (file: string) => join(folder, file);

/** The PRF outputs of two security keys; a fresh copy each time, because the vault wipes what it is given. */
const outputs = { first: randomBytes(32), second: randomBytes(32), stranger: randomBytes(32) };
const prf = (key: keyof typeof outputs) => Buffer.from(outputs[key]);
const LONG_ENOUGH = 'correct horse battery';

const sealedByKey = async () => {
  const vault = await vaultHere();
  await vault.seal('session-acme', text('refresh me'));
  await vault.sealWithKey('first', prf('first'));
  return vault;
};
const readWraps = async () => JSON.parse(await readFile(at('wraps.json'), 'utf8'));
const changeWraps = async (change: (wraps: Awaited<ReturnType<typeof readWraps>>) => unknown) => {
  const wraps = await readWraps();
  await writeFile(at('wraps.json'), JSON.stringify(change(wraps) ?? wraps), { mode: 0o600 });
};
const zeros = (buffers: readonly Buffer[]) => buffers.every((buffer) => buffer.every((byte) => byte === 0));

describe('a vault sealed by a key', () => {
  it('is found locked by the next process, and opens with a touch of that key', async () => {
    (await sealedByKey()).close();
    const next = await vaultHere();
    expect(next).toMatchObject({ sealing: 'key', locked: true });
    expect(next.keys()).toEqual(['first']);
    await next.unlockWithKey('first', prf('first'));
    expect(next.locked).toBe(false);
    expect(await next.open('session-acme')).toEqual(text('refresh me'));
  });

  it('opens and seals nothing while it is locked, but lets go of what it is told to erase', async () => {
    const vault = await sealedByKey();
    await vault.lock();
    await expect(vault.open('session-acme')).rejects.toMatchObject({ code: 'VAULT_SEALED', reason: 'locked' });
    await expect(vault.seal('session-acme', text('x'))).rejects.toMatchObject({ code: 'VAULT_SEALED' });
    await expect(vault.sealWithKey('second', prf('second'))).rejects.toMatchObject({ code: 'VAULT_SEALED' });
    await expect(vault.unseal()).rejects.toMatchObject({ code: 'VAULT_SEALED' });
    await expect(vault.reopen()).rejects.toMatchObject({ code: 'VAULT_SEALED' });
    await vault.erase('session-acme');
    expect(await readdir(folder)).toEqual(['wraps.json']);
  });

  it('keeps its records when it is locked', async () => {
    const vault = await sealedByKey();
    await vault.lock();
    await vault.unlockWithKey('first', prf('first'));
    expect(await vault.open('session-acme')).toEqual(text('refresh me'));
  });

  it('opens with either of two keys', async () => {
    const vault = await sealedByKey();
    await vault.sealWithKey('second', prf('second'));
    for (const key of ['first', 'second'] as const) {
      await vault.lock();
      await vault.unlockWithKey(key, prf(key));
      expect(await vault.open('session-acme')).toEqual(text('refresh me'));
    }
    expect(vault.keys()).toEqual(['first', 'second']);
  });

  it('writes how it is sealed into a file of mode 0600, with a salt of its own for each key', async () => {
    const vault = await sealedByKey();
    await vault.sealWithKey('second', prf('second'));
    expect((await stat(at('wraps.json'))).mode & 0o777).toBe(0o600);
    const { wraps } = await readWraps();
    expect(new Set(wraps.map(({ salt }: { salt: string }) => salt)).size).toBe(2);
    expect(Buffer.from(wraps[0].salt, 'base64')).toHaveLength(32);
  });

  it('has a new key: nothing in the keychain, now or from before, opens its records', async () => {
    const vault = await vaultHere();
    await vault.seal('session-acme', text('refresh me'));
    const before = keychain.entries.get('vault-key');
    await vault.sealWithKey('first', prf('first'));
    vault.close();
    expect([...keychain.entries.keys()]).toEqual(['vault-key-outer-1']);
    const thief = memoryKeychain();
    await thief.write('vault-key', before ?? Buffer.alloc(32));
    await rm(at('wraps.json'));
    const stolen = await vaultHere({ keychain: thief });
    await expect(stolen.open('session-acme')).rejects.toMatchObject({ code: 'VAULT_SEALED' });
  });

  it('no longer opens with a key that was removed, and never loses its last one', async () => {
    const vault = await sealedByKey();
    await vault.sealWithKey('second', prf('second'));
    await vault.removeKey('first');
    await vault.lock();
    await expect(vault.unlockWithKey('first', prf('first'))).rejects.toMatchObject({ code: 'VAULT_SEALED', reason: 'other-key' });
    await vault.unlockWithKey('second', prf('second'));
    await expect(vault.removeKey('second')).rejects.toMatchObject({ code: 'INPUT_INVALID', reason: 'last-key' });
    await vault.removeKey('never enrolled');
    expect(vault.keys()).toEqual(['second']);
  });

  it('goes back under the keychain when it is unsealed, with a key nobody has seen before', async () => {
    const vault = await sealedByKey();
    await vault.unseal();
    expect(vault).toMatchObject({ sealing: 'keychain', locked: false });
    vault.close();
    expect([...keychain.entries.keys()]).toEqual(['vault-key']);
    expect((await readdir(folder)).sort()).toEqual(['session-acme.sealed']);
    expect(await (await vaultHere()).open('session-acme')).toEqual(text('refresh me'));
  });

  it('can be sealed, unsealed and sealed again', async () => {
    const vault = await sealedByKey();
    await vault.unseal();
    await vault.sealWithKey('second', prf('second'));
    await vault.lock();
    await vault.unlockWithKey('second', prf('second'));
    expect(await vault.open('session-acme')).toEqual(text('refresh me'));
  });

  it('begins anew after a fresh sign-in, and names what is lost', async () => {
    const vault = await sealedByKey();
    await vault.seal('activity-acme', text('x'));
    await vault.lock();
    expect(await vault.startOver()).toEqual(['activity-acme', 'session-acme']);
    expect(vault).toMatchObject({ sealing: 'keychain', locked: false });
    await vault.seal('session-acme', text('new'));
    vault.close();
    expect(await (await vaultHere()).open('session-acme')).toEqual(text('new'));
    expect([...keychain.entries.keys()]).toEqual(['vault-key']);
  });

  it('gives nothing up where the keychain could not take a new key', async () => {
    const vault = await sealedByKey();
    await vault.lock();
    keychain.fail('KEYCHAIN_LOCKED');
    await expect(vault.startOver()).rejects.toMatchObject({ code: 'KEYCHAIN_LOCKED' });
    keychain.mend();
    await vault.unlockWithKey('first', prf('first'));
    expect(await vault.open('session-acme')).toEqual(text('refresh me'));
  });

  it('stays locked when the lock comes while the touch is being proven', async () => {
    const vault = await sealedByKey();
    await vault.lock();
    const opening = vault.unlockWithKey('first', prf('first'));
    // By now it is at work.
    await new Promise((resolve) => setImmediate(resolve));
    await vault.lock();
    await expect(opening).rejects.toMatchObject({ code: 'VAULT_SEALED' });
    expect(vault.locked).toBe(true);
    expect(zeros(rooms)).toBe(true);
  });

  it('can stand beside another in the same keychain', async () => {
    const device = await openVault({ folder: `${folder}-device`, keychain, random: randomBytes, entry: 'device-key' });
    await device.seal('keys', text('registry'));
    const vault = await sealedByKey();
    await vault.lock();
    expect(await device.open('keys')).toEqual(text('registry'));
    expect([...keychain.entries.keys()].sort()).toEqual(['device-key', 'vault-key-outer-1']);
  });
});

describe('keys in memory', () => {
  it('are there while the vault is open, and all read zero once it is locked', async () => {
    const vault = await sealedByKey();
    const pressed = prf('first');
    await vault.lock();
    const keys = drawn.filter(({ length }) => length === 32);
    await vault.unlockWithKey('first', pressed);
    expect(zeros(rooms)).toBe(false);
    await vault.lock();
    expect(rooms.length).toBeGreaterThan(2);
    expect(zeros(rooms)).toBe(true);
    expect(zeros([pressed])).toBe(true);
    // Salts of 32 bytes are drawn too, and they lie in the file for all to read.
    const { wraps } = await readWraps();
    const salts = wraps.map(({ salt }: { salt: string }) => Buffer.from(salt, 'base64'));
    expect(zeros(keys.filter((key) => !salts.some((salt: Buffer) => salt.equals(key))))).toBe(true);
  });

  it('of the vault that the keychain alone seals read zero too', async () => {
    const vault = await vaultHere();
    const [key] = drawn.filter(({ length }) => length === 32);
    expect(zeros([key ?? Buffer.alloc(1)])).toBe(false);
    await vault.lock();
    expect(zeros([key ?? Buffer.alloc(1, 1)])).toBe(true);
  });

  it('that wrap another are wiped as soon as they have served, whether it opened or not', async () => {
    const vault = await sealedByKey();
    await vault.lock();
    for (const key of ['first', 'stranger'] as const) {
      const pressed = prf(key);
      await vault.unlockWithKey('first', pressed).catch(() => undefined);
      expect(zeros([pressed])).toBe(true);
      if (key === 'first') expect(rooms.filter((room) => !zeros([room]))).toHaveLength(1);
      await vault.lock();
      expect(zeros(rooms)).toBe(true);
    }
  });

  it('are not wiped in the middle of a write: the record is whole', async () => {
    const vault = await sealedByKey();
    let closing: Promise<void> | undefined;
    await vault.seal('session-acme', text('rotated'), () => {
      closing ??= vault.lock();
    });
    await closing;
    expect(zeros(rooms)).toBe(true);
    await vault.unlockWithKey('first', prf('first'));
    expect(await vault.open('session-acme')).toEqual(text('rotated'));
  });

  it('are wiped after the write that was under way when the vault was closed', async () => {
    const vault = await sealedByKey();
    await vault.seal('session-acme', text('rotated'), () => vault.close());
    expect(zeros(rooms)).toBe(true);
  });
});

describe('a vault that nothing but the keychain seals', () => {
  it('erases its records when it is locked, because anybody could read them, and serves again when it is reopened', async () => {
    const vault = await vaultHere();
    await vault.seal('session-acme', text('refresh me'));
    await vault.lock();
    expect(await readdir(folder)).toEqual([]);
    await expect(vault.open('session-acme')).rejects.toMatchObject({ code: 'VAULT_SEALED' });
    await vault.reopen();
    expect(await vault.open('session-acme')).toBeNull();
    await vault.seal('session-acme', text('new'));
    expect(await vault.open('session-acme')).toEqual(text('new'));
  });

  it('has no key in memory even where its records could not be erased, and says so', async () => {
    const vault = await vaultHere({ disk: { open, rename, unlink: () => Promise.reject(Object.assign(new Error(), { code: 'EROFS' })) } });
    await vault.seal('session-acme', text('refresh me'));
    const [key] = drawn.filter(({ length }) => length === 32);
    await expect(vault.lock()).rejects.toMatchObject({ code: 'DISK_FULL' });
    expect(zeros([key ?? Buffer.alloc(1, 1)])).toBe(true);
    expect(vault.locked).toBe(true);
  });
});

describe('the memory vault', () => {
  it('forgets when it is locked, serves nothing until it is reopened, and cannot be sealed', async () => {
    const vault = await vaultHere({ keychain: memoryOnlyKeychain() });
    await vault.seal('session-acme', text('refresh me'));
    await vault.lock();
    await expect(vault.open('session-acme')).rejects.toMatchObject({ code: 'VAULT_SEALED' });
    await expect(vault.seal('session-acme', text('x'))).rejects.toMatchObject({ code: 'VAULT_SEALED' });
    await vault.reopen();
    expect(await vault.open('session-acme')).toBeNull();
    expect(vault.sealing).toBe('memory');
    await expect(vault.sealWithKey('first', prf('first'))).rejects.toMatchObject({ code: 'VAULT_SEALED', reason: 'other-sealing' });
    await expect(vault.sealWithPassphrase(LONG_ENOUGH)).rejects.toMatchObject({ code: 'VAULT_SEALED', reason: 'other-sealing' });
  });
});

describe('a vault sealed by a passphrase', () => {
  const withoutKeychain = () => vaultHere({ keychain: passphraseOnlyKeychain() });

  it('is made without a keychain, and opens in the next process with the same words and no others', async () => {
    const made = await withoutKeychain();
    expect(made).toMatchObject({ sealing: 'passphrase', locked: true, fresh: true });
    await expect(made.seal('session-acme', text('x'))).rejects.toMatchObject({ code: 'PASSPHRASE_NEEDED' });
    await made.sealWithPassphrase(LONG_ENOUGH);
    await made.seal('session-acme', text('refresh me'));
    made.close();

    const next = await withoutKeychain();
    expect(next).toMatchObject({ sealing: 'passphrase', locked: true, fresh: false });
    await expect(next.unlockWithPassphrase(`${LONG_ENOUGH}!`)).rejects.toMatchObject({ code: 'PASSPHRASE_WRONG' });
    await expect(next.open('session-acme')).rejects.toMatchObject({ code: 'PASSPHRASE_NEEDED' });
    await next.unlockWithPassphrase(LONG_ENOUGH);
    expect(await next.open('session-acme')).toEqual(text('refresh me'));
    await next.lock();
    expect(zeros(rooms)).toBe(true);
  });

  it('costs whoever guesses as much as it costs us', async () => {
    const vault = await withoutKeychain();
    await vault.sealWithPassphrase(LONG_ENOUGH);
    const { wraps } = await readWraps();
    expect(wraps).toMatchObject([{ kind: 'passphrase', n: 2 ** 17, r: 8, p: 1 }]);
    await changeWraps(({ wraps: [wrap], ...rest }) => ({ ...rest, wraps: [{ ...wrap, n: 1024 }] }));
    const next = await withoutKeychain();
    await expect(next.unlockWithPassphrase(LONG_ENOUGH)).rejects.toMatchObject({ code: 'VAULT_SEALED', reason: 'wraps-missing' });
  });

  it('takes the same words however a keyboard composes them', async () => {
    const vault = await withoutKeychain();
    await vault.sealWithPassphrase('Gru\u0308\u00dfe aus Köln');
    await vault.lock();
    await vault.unlockWithPassphrase('Gr\u00fc\u00dfe aus Ko\u0308ln');
    expect(vault.locked).toBe(false);
  });

  it('is not made of a few characters', async () => {
    const vault = await withoutKeychain();
    await expect(vault.sealWithPassphrase('short')).rejects.toMatchObject({ code: 'INPUT_INVALID', reason: 'passphrase' });
    expect(vault.locked).toBe(true);
  });

  it('never comes to be over records that somebody else has sealed', async () => {
    (await sealedByKey()).close();
    await rm(at('wraps.json'));
    const vault = await withoutKeychain();
    expect(vault.fresh).toBe(false);
    await expect(vault.sealWithPassphrase(LONG_ENOUGH)).rejects.toMatchObject({ code: 'PASSPHRASE_NEEDED' });
  });

  it('takes the place of a key, and a key its place, with the records and without the keychain having a say', async () => {
    const vault = await sealedByKey();
    await vault.sealWithPassphrase(LONG_ENOUGH);
    expect(vault.sealing).toBe('passphrase');
    expect([...keychain.entries.keys()]).toEqual([]);
    await vault.lock();
    await expect(vault.unlockWithKey('first', prf('first'))).rejects.toMatchObject({ code: 'VAULT_SEALED', reason: 'other-key' });
    await vault.unlockWithPassphrase(LONG_ENOUGH);
    await vault.sealWithKey('second', prf('second'));
    await vault.lock();
    await expect(vault.unlockWithPassphrase(LONG_ENOUGH)).rejects.toMatchObject({ code: 'VAULT_SEALED', reason: 'other-sealing' });
    await vault.unlockWithKey('second', prf('second'));
    expect(await vault.open('session-acme')).toEqual(text('refresh me'));
  });

  it('begins anew, without a passphrase, for somebody who has forgotten it', async () => {
    const vault = await withoutKeychain();
    await vault.sealWithPassphrase(LONG_ENOUGH);
    await vault.seal('session-acme', text('x'));
    await vault.lock();
    expect(await vault.startOver()).toEqual(['session-acme']);
    expect(vault).toMatchObject({ sealing: 'passphrase', locked: true, fresh: true });
    await vault.sealWithPassphrase('another one of mine');
    expect(vault.locked).toBe(false);
  });
});

describe('somebody who can write the files', () => {
  const locked = async () => {
    const vault = await sealedByKey();
    vault.close();
  };
  const unlocking = async () => (await vaultHere()).unlockWithKey('first', prf('first'));
  const attacks: [string, string, string, () => Promise<unknown>][] = [
    ['puts a wrap made for another key in place of ours', 'VAULT_CORRUPT', 'wraps', () => replaceByStrangers()],
    ['calls a stranger’s wrap by the name of our key', 'VAULT_CORRUPT', 'wraps', () => changeWraps((wraps) => swapBox(wraps))],
    [
      'adds a wrap',
      'VAULT_CORRUPT',
      'wraps',
      () => changeWraps((wraps) => ({ ...wraps, wraps: [...wraps.wraps, { ...wraps.wraps[0], key: 'mine' }] })),
    ],
    [
      'says that the vault is on its way back to the keychain',
      'VAULT_CORRUPT',
      'wraps',
      () => changeWraps((wraps) => ({ ...wraps, phase: 'leaving' })),
    ],
    [
      'slips in a key for records of before',
      'VAULT_CORRUPT',
      'wraps',
      () => changeWraps((wraps) => ({ ...wraps, phase: 'moving', carried: { form: 1, box: wraps.wraps[0].box } })),
    ],
    ['says that it is of another vault', 'VAULT_CORRUPT', 'wraps', () => changeWraps((wraps) => ({ ...wraps, vault: 'ab'.repeat(16) }))],
    ['makes it unreadable', 'VAULT_SEALED', 'wraps-missing', () => writeFile(at('wraps.json'), '{')],
    [
      'deletes it',
      'VAULT_SEALED',
      'wraps-missing',
      async () => {
        await rm(at('wraps.json'));
      },
    ],
    ['puts another half into the keychain', 'VAULT_CORRUPT', 'wraps', () => keychain.write('vault-key-outer-1', randomBytes(32))],
    ['takes the half out of the keychain', 'VAULT_CORRUPT', 'outer', () => keychain.erase('vault-key-outer-1')],
  ];
  const swapBox = (wraps: { wraps: { box: string }[] }) => ({
    ...wraps,
    wraps: [{ ...wraps.wraps[0], box: randomBytes(77).toString('base64') }],
  });
  /** A whole vault of the attacker's own, with a key of the same name, over the same half in the keychain. */
  async function replaceByStrangers() {
    const other = `${folder}-stranger`;
    const vault = await openVault({ folder: other, keychain: memoryKeychain(), random: randomBytes });
    await vault.sealWithKey('first', prf('stranger'));
    await copyFile(join(other, 'wraps.json'), at('wraps.json'));
  }

  it.each(attacks)('%s: %s %s, and nothing is touched', async (_, code, reason, attack) => {
    await locked();
    const record = await readFile(at('session-acme.sealed'));
    await attack();
    await expect(unlocking()).rejects.toMatchObject({ code, reason });
    expect(await readFile(at('session-acme.sealed'))).toEqual(record);
    expect(zeros(rooms)).toBe(true);
  });

  it('and deletes how the vault is sealed does not get a new one under the keychain over what was sealed', async () => {
    await locked();
    await rm(at('wraps.json'));
    const vault = await vaultHere();
    expect(vault).toMatchObject({ sealing: 'key', locked: true });
    expect([...keychain.entries.keys()]).toEqual(['vault-key-outer-1']);
    expect(await vault.startOver()).toEqual(['session-acme']);
  });

  it('and empties the folder as well is found out where somebody remembers how it was sealed', async () => {
    await locked();
    await rm(folder, { recursive: true });
    expect(await vaultHere({ expected: 'key' })).toMatchObject({ sealing: 'key', locked: true });
    expect(await vaultHere()).toMatchObject({ sealing: 'keychain', locked: false });
  });

  it('and brings back the wraps and the half of an earlier sealing gets neither the records nor new ones', async () => {
    const vault = await sealedByKey();
    const old = await readFile(at('wraps.json'));
    const half = keychain.entries.get('vault-key-outer-1') ?? Buffer.alloc(0);
    await vault.unseal();
    await vault.sealWithKey('first', prf('first'));
    vault.close();
    await writeFile(at('wraps.json'), old);
    await keychain.write('vault-key-outer-1', half);
    await expect(unlocking()).rejects.toMatchObject({ code: 'VAULT_CORRUPT', reason: 'generation' });
    expect((await readdir(folder)).sort()).toEqual(['session-acme.sealed', 'wraps.json']);
  });

  it('and hands in a PRF output that is none gets nowhere', async () => {
    const vault = await vaultHere();
    for (const nothing of [Buffer.alloc(0), Buffer.alloc(31)])
      await expect(vault.sealWithKey('first', nothing)).rejects.toMatchObject({ code: 'TAP_REFUSED', reason: 'prf' });
    expect(vault.sealing).toBe('keychain');
  });
});

describe('a kill at any step', () => {
  const never = () => new Promise<never>(() => undefined);
  /**
   * A process whose n-th call to the disk or the keychain is its last: it is killed right before the call, or right after. Counting
   * from 1; 0 lives for ever.
   */
  const mortal = (n: number, after: boolean) => {
    let calls = 0;
    let killed: () => void = () => undefined;
    const death = new Promise<'killed'>((resolve) => {
      killed = () => resolve('killed');
    });
    const step = async <T>(call: () => Promise<T>): Promise<T> => {
      calls += 1;
      const mine = calls;
      if (n !== 0 && (mine > n || (mine === n && !after))) {
        killed();
        return never();
      }
      const answer = await call();
      if (mine !== n) return answer;
      killed();
      return never();
    };
    const chain: Keychain = {
      kind: keychain.kind,
      read: (entry) => step(() => keychain.read(entry)),
      write: (entry, value) => step(() => keychain.write(entry, value)),
      erase: (entry) => step(() => keychain.erase(entry)),
    };
    const handles: FileHandle[] = [];
    const disk: NonNullable<VaultParts['disk']> = {
      open: (path, flags, mode) =>
        step(async () => {
          const handle = await open(path, flags, mode);
          handles.push(handle);
          const write = handle.writeFile.bind(handle);
          handle.writeFile = (bytes) => step(() => write(bytes));
          return handle;
        }),
      rename: (from, to) => step(() => rename(from, to)),
      unlink: (path) => step(() => unlink(path)),
    };
    /** What the system closes for a process that is gone. */
    const bury = () => Promise.all(handles.map((handle) => handle.close().catch(() => undefined)));
    return { keychain: chain, disk, death, bury, calls: () => calls };
  };

  const records = { 'session-acme': 'refresh me', 'activity-acme': 'just now' };
  const fill = async () => {
    const vault = await vaultHere();
    for (const [name, value] of Object.entries(records)) await vault.seal(name, text(value));
    return vault;
  };
  type Vault = Awaited<ReturnType<typeof openVault>>;
  interface Change {
    before: () => Promise<unknown>;
    change: (vault: Vault) => Promise<unknown>;
    /** Every so manieth call only, where each opening costs half a second of scrypt. */
    every?: number;
  }
  const openAsFound = async (vault: Vault) => {
    if (!vault.locked) return;
    const [key] = vault.keys();
    if (key !== undefined) await vault.unlockWithKey(key, prf(key as keyof typeof outputs));
    else await vault.unlockWithPassphrase(LONG_ENOUGH);
  };
  const changes: [string, Change][] = [
    ['from the keychain to a key', { before: fill, change: (vault) => vault.sealWithKey('first', prf('first')) }],
    [
      'from a key to the keychain',
      {
        before: async () => (await fill()).sealWithKey('first', prf('first')),
        change: (vault) => vault.unseal(),
      },
    ],
    [
      'of a second key',
      {
        before: async () => (await fill()).sealWithKey('first', prf('first')),
        change: (vault) => vault.sealWithKey('second', prf('second')),
      },
    ],
    [
      'from a passphrase to a key',
      {
        before: async () => (await fill()).sealWithPassphrase(LONG_ENOUGH),
        change: (vault) => vault.sealWithKey('first', prf('first')),
        every: 5,
      },
    ],
  ];

  it.each(changes)(
    '%s leaves a vault that opens with the old means or the new, and every record in it',
    async (_, { before, change, every = 1 }) => {
      await before();
      const snapshot = `${folder}-before`;
      await cp(folder, snapshot, { recursive: true });
      const entries = new Map(keychain.entries);
      const afresh = async () => {
        await rm(folder, { recursive: true, force: true });
        await cp(snapshot, folder, { recursive: true });
        keychain = memoryKeychain();
        for (const [entry, value] of entries) await keychain.write(entry, value);
      };
      const counting = mortal(0, false);
      const whole = await vaultHere({ keychain: counting.keychain, disk: counting.disk });
      await openAsFound(whole);
      const first = counting.calls();
      await change(whole);
      const last = counting.calls();
      expect(last).toBeGreaterThan(first + 2);

      for (let n = first + 1; n <= last; n += every)
        for (const after of [false, true]) {
          await afresh();
          const life = mortal(n, after);
          const dying = await vaultHere({ keychain: life.keychain, disk: life.disk });
          await openAsFound(dying);
          expect(await Promise.race([change(dying).then(() => 'lived'), life.death]), `call ${n}`).toBe('killed');
          await life.bury();
          const next = await vaultHere();
          await openAsFound(next);
          for (const [name, value] of Object.entries(records)) expect(await next.open(name), `call ${n}`).toEqual(text(value));
          await next.seal('session-acme', text('and on'));
          next.close();
          const third = await vaultHere();
          await openAsFound(third);
          expect(await third.open('session-acme'), `call ${n}`).toEqual(text('and on'));
        }
    },
    120_000,
  );

  it('while starting over never leaves a vault that opens nothing', async () => {
    const afresh = async () => {
      await rm(folder, { recursive: true, force: true });
      keychain = memoryKeychain();
      await (await fill()).sealWithKey('first', prf('first'));
    };
    await afresh();
    const counting = mortal(0, false);
    const whole = await vaultHere({ keychain: counting.keychain, disk: counting.disk });
    const first = counting.calls();
    await whole.startOver();
    for (let n = first + 1; n <= counting.calls(); n += 1) {
      await afresh();
      const life = mortal(n, true);
      const dying = await vaultHere({ keychain: life.keychain, disk: life.disk });
      await Promise.race([dying.startOver(), life.death]);
      await life.bury();
      const next = await vaultHere();
      if (next.locked) await next.startOver();
      await next.seal('session-acme', text('new'));
      expect(await next.open('session-acme'), `call ${n}`).toEqual(text('new'));
    }
  });
});
