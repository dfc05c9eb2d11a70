/** The vault on a real folder with a keychain that lives in memory. */
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, open, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Keychain } from '../../../main/ports.ts';
import { memoryOnlyKeychain } from '../../../main/vault/memory-keychain.ts';
import { KEY_BYTES, openBytes, sealBytes } from '../../../main/vault/sealed-file.ts';
import type { Disk } from '../../../main/vault/sealed-folder.ts';
import { openVault } from '../../../main/vault/vault.ts';
import { type MemoryKeychain, memoryKeychain } from '../../fakes/memory-keychain.ts';

let folder: string;
let keychain: MemoryKeychain;
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'lakepass-vault-')), 'vault');
  keychain = memoryKeychain();
});
afterEach(() => rm(join(folder, '..'), { recursive: true, force: true }));

const vaultHere = (more: { keychain?: Keychain; disk?: Disk } = {}) => openVault({ folder, keychain, random: randomBytes, ...more });
const text = (value: string) => Buffer.from(value);
const at = (file: string) => join(folder, file);
const hung = () => new Promise<never>(() => undefined);

describe('a record', () => {
  it('comes back as it was, in this process and in the next', async () => {
    const first = await vaultHere();
    await first.seal('session-acme', text('refresh me'));
    expect(await first.open('session-acme')).toEqual(text('refresh me'));
    first.close();
    expect(await (await vaultHere()).open('session-acme')).toEqual(text('refresh me'));
  });

  it('is null where nothing was sealed, and again once it is erased', async () => {
    const vault = await vaultHere();
    expect(await vault.open('session-acme')).toBeNull();
    await vault.seal('session-acme', text('x'));
    await vault.erase('session-acme');
    expect(await vault.open('session-acme')).toBeNull();
    await expect(vault.erase('session-acme')).resolves.toBeUndefined();
    expect(await readdir(folder)).toEqual([]);
  });

  it('is a file of its own with mode 0600 in a folder with mode 0700, and never in the clear', async () => {
    const vault = await vaultHere();
    await vault.seal('session-acme', text('marked-secret'));
    expect(await readdir(folder)).toEqual(['session-acme.sealed']);
    expect((await stat(at('session-acme.sealed'))).mode & 0o777).toBe(0o600);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    expect((await readFile(at('session-acme.sealed'))).includes('marked-secret')).toBe(false);
  });

  it('is sealed under a new nonce each time', async () => {
    const vault = await vaultHere();
    const nonces = new Set<string>();
    for (let n = 0; n < 20; n += 1) {
      await vault.seal('a', text('same'));
      nonces.add((await readFile(at('a.sealed'))).subarray(9, 21).toString('hex'));
    }
    expect(nonces.size).toBe(20);
  });

  it('keeps the last of many writes made at once', async () => {
    const vault = await vaultHere();
    await Promise.all(Array.from({ length: 30 }, (_, n) => vault.seal('a', text(`write ${n}`))));
    expect(await vault.open('a')).toEqual(text('write 29'));
    expect(await readdir(folder)).toEqual(['a.sealed']);
  });

  it('holds whatever bytes it is given', async () => {
    const key = randomBytes(KEY_BYTES);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5000 }), fc.bigInt({ min: 1n, max: 2n ** 60n }), (bytes, sequence) => {
        const file = sealBytes(Buffer.from(bytes), { key, name: 'a', sequence, random: randomBytes });
        expect(openBytes(file, { key, name: 'a' })).toEqual({ plain: Buffer.from(bytes), sequence });
      }),
    );
  });

  it('is not opened after a change of any one byte of its file', () => {
    const key = randomBytes(KEY_BYTES);
    const file = sealBytes(text('refresh me'), { key, name: 'a', sequence: 7n, random: randomBytes });
    for (let place = 0; place < file.length; place += 1) {
      const changed = Buffer.from(file);
      changed.writeUInt8(changed.readUInt8(place) ^ 1, place);
      expect(openBytes(changed, { key, name: 'a' }), `byte ${place}`).toBeNull();
    }
  });

  it('is not opened when cut short anywhere', () => {
    const key = randomBytes(KEY_BYTES);
    const file = sealBytes(text('refresh me'), { key, name: 'a', sequence: 7n, random: randomBytes });
    for (let length = 0; length < file.length; length += 1) expect(openBytes(file.subarray(0, length), { key, name: 'a' })).toBeNull();
  });

  it('is not opened under the name of another record', async () => {
    const vault = await vaultHere();
    await vault.seal('session-acme', text('for acme'));
    await rename(at('session-acme.sealed'), at('session-other.sealed'));
    await expect(vault.open('session-other')).rejects.toMatchObject({ code: 'VAULT_CORRUPT' });
  });

  it.each(['', '.', '..', '../key', 'a/b', 'a\\b', 'A', 'a.b', 'a\0', '-a', 'a b', 'ä', 'a'.repeat(65)])(
    'is refused under the name %j',
    async (name) => {
      for (const vault of [await vaultHere(), await vaultHere({ keychain: memoryOnlyKeychain() })]) {
        await expect(async () => vault.seal(name, text('x'))).rejects.toThrow(TypeError);
        await expect(async () => vault.open(name)).rejects.toThrow(TypeError);
        await expect(async () => vault.erase(name)).rejects.toThrow(TypeError);
      }
    },
  );
});

describe('a file that does not open', () => {
  const damage: [string, () => Promise<unknown>][] = [
    ['is empty', () => writeFile(at('a.sealed'), '')],
    ['holds something else', () => writeFile(at('a.sealed'), 'not ours, but long enough to be looked at by somebody')],
    [
      'is of a later version',
      async () => writeFile(at('a.sealed'), Buffer.concat([Buffer.from([2]), (await readFile(at('a.sealed'))).subarray(1)])),
    ],
    ['is larger than any record', () => writeFile(at('a.sealed'), Buffer.alloc(2 * 1024 * 1024, 1))],
    ['is a folder', () => rm(at('a.sealed')).then(() => mkdir(at('a.sealed')))],
    [
      'is a link to a file that would open',
      () => rename(at('a.sealed'), at('elsewhere')).then(() => symlink(at('elsewhere'), at('a.sealed'))),
    ],
  ];

  it.each(damage)('is set aside and never deleted: it %s', async (_, spoil) => {
    const vault = await vaultHere();
    await vault.seal('a', text('x'));
    await spoil();
    await expect(vault.open('a')).rejects.toMatchObject({ code: 'VAULT_CORRUPT' });
    expect(await readdir(folder)).toContain('a.corrupt-1');
    expect(await vault.open('a')).toBeNull();
  });

  it('is set aside, not written over, when a new record takes its name', async () => {
    const vault = await vaultHere();
    await writeFile(at('a.sealed'), 'spoilt');
    await vault.seal('a', text('new'));
    expect(await readFile(at('a.corrupt-1'), 'utf8')).toBe('spoilt');
    expect(await vault.open('a')).toEqual(text('new'));
  });

  it('gets a number of its own each time', async () => {
    const vault = await vaultHere();
    for (const content of ['one', 'two', 'three']) {
      await writeFile(at('a.sealed'), content);
      await expect(vault.open('a')).rejects.toMatchObject({ code: 'VAULT_CORRUPT' });
    }
    expect(await readFile(at('a.corrupt-1'), 'utf8')).toBe('one');
    expect(await readFile(at('a.corrupt-3'), 'utf8')).toBe('three');
  });

  it('outlives eraseAll once it was set aside, while every record goes', async () => {
    const vault = await vaultHere();
    await writeFile(at('a.sealed'), 'spoilt');
    await expect(vault.open('a')).rejects.toMatchObject({ code: 'VAULT_CORRUPT' });
    await vault.seal('a', text('x'));
    await vault.seal('b', text('x'));
    await vault.eraseAll();
    expect(await readdir(folder)).toEqual(['a.corrupt-1']);
  });
});

describe('the key', () => {
  it('is 32 bytes, made once, and the only thing in the keychain', async () => {
    (await vaultHere()).close();
    const made = keychain.entries.get('vault-key');
    (await vaultHere()).close();
    expect(made).toHaveLength(32);
    expect([...keychain.entries]).toEqual([['vault-key', made]]);
  });

  it('when it is gone, takes no sealed file with it: each is set aside as it is asked for', async () => {
    const before = await vaultHere();
    await before.seal('a', text('x'));
    await before.seal('b', text('y'));
    const sealed = await readFile(at('b.sealed'));
    await keychain.erase('vault-key');
    const after = await vaultHere();
    await expect(after.open('a')).rejects.toMatchObject({ code: 'VAULT_CORRUPT' });
    await after.seal('b', text('new'));
    expect(await readFile(at('b.corrupt-1'))).toEqual(sealed);
  });

  it('of another size is left as it is and refused', async () => {
    await keychain.write('vault-key', randomBytes(16));
    await expect(vaultHere()).rejects.toMatchObject({ code: 'KEYCHAIN_FAILED', reason: 'key-size' });
    expect(keychain.entries.get('vault-key')).toHaveLength(16);
  });

  it('is not relied on where the keychain took it and did not keep it', async () => {
    const forgetful: Keychain = { ...keychain, write: async () => undefined };
    await expect(vaultHere({ keychain: forgetful })).rejects.toMatchObject({ code: 'KEYCHAIN_FAILED', reason: 'not-kept' });
  });

  it.each(['KEYCHAIN_MISSING', 'KEYCHAIN_LOCKED', 'KEYCHAIN_FAILED'] as const)(
    'that cannot be had is %s, and nothing falls back to memory',
    async (code) => {
      keychain.fail(code);
      await expect(vaultHere()).rejects.toMatchObject({ code });
    },
  );

  it('is overwritten with zeros by close(), and nothing opens or seals after it', async () => {
    const made: Buffer[] = [];
    const vault = await openVault({
      folder,
      keychain,
      random: (bytes) => {
        const buffer = randomBytes(bytes);
        made.push(buffer);
        return buffer;
      },
    });
    const key = made.find((buffer) => buffer.length === KEY_BYTES);
    expect(key?.some((byte) => byte !== 0)).toBe(true);
    vault.close();
    expect(key?.every((byte) => byte === 0)).toBe(true);
    await expect(vault.seal('a', text('x'))).rejects.toThrow('closed');
    await expect(vault.open('a')).rejects.toThrow('closed');
  });
});

describe('a crash while writing', () => {
  /** A write that stops for ever once `step` is done, as a process does that is killed there. */
  const killedAt = async (killedStep: 'tmp-written' | 'renamed', content: string) => {
    const dying = await vaultHere();
    await new Promise<void>((reached) => {
      void dying.seal('a', text(content), (step) => {
        if (step !== killedStep) return;
        reached();
        return hung();
      });
    });
  };

  it('before the rename, with the new bytes complete: the next start finishes it', async () => {
    await (await vaultHere()).seal('a', text('old'));
    await killedAt('tmp-written', 'new');
    expect((await readdir(folder)).length).toBe(2);
    const next = await vaultHere();
    expect(await next.open('a')).toEqual(text('new'));
    expect(await readdir(folder)).toEqual(['a.sealed']);
  });

  it('after the rename: the new bytes are there', async () => {
    await (await vaultHere()).seal('a', text('old'));
    await killedAt('renamed', 'new');
    expect(await (await vaultHere()).open('a')).toEqual(text('new'));
  });

  it('with the new bytes torn: the old ones stay and the leftover goes', async () => {
    await (await vaultHere()).seal('a', text('old'));
    const sealed = await readFile(at('a.sealed'));
    await writeFile(at('a.0123456789abcdef.tmp'), sealed.subarray(0, sealed.length - 3));
    const next = await vaultHere();
    expect(await next.open('a')).toEqual(text('old'));
    expect(await readdir(folder)).toEqual(['a.sealed']);
  });

  it('long ago: a leftover that is older than the record does not bring it back', async () => {
    const vault = await vaultHere();
    await vault.seal('a', text('old'));
    const old = await readFile(at('a.sealed'));
    await vault.seal('a', text('new'));
    await writeFile(at('a.0123456789abcdef.tmp'), old);
    expect(await (await vaultHere()).open('a')).toEqual(text('new'));
  });

  it('does not undo an erasure: leftovers go with the record', async () => {
    const vault = await vaultHere();
    await vault.seal('a', text('old'));
    await killedAt('tmp-written', 'new');
    await vault.erase('a');
    expect(await readdir(folder)).toEqual([]);
  });

  it('leaves files of other programs alone', async () => {
    await mkdir(folder, { mode: 0o700 });
    await writeFile(at('notes.tmp'), 'mine');
    await vaultHere();
    expect(await readdir(folder)).toEqual(['notes.tmp']);
  });
});

describe('a disk that does not take it', () => {
  /** The errors of a real file system, raised at the call that would raise them. */
  const failing = (errno: string, at: 'open' | 'write' | 'rename'): Disk => {
    const fail = () => Promise.reject(Object.assign(new Error(errno), { code: errno }));
    return {
      rename: at === 'rename' ? fail : rename,
      open: async (path, flags, mode) => {
        if (at === 'open') return fail();
        const handle = await open(path, flags, mode);
        if (at === 'write') handle.writeFile = fail;
        return handle;
      },
    };
  };
  const cases = ['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES'].flatMap((errno) =>
    (['open', 'write', 'rename'] as const).map((place) => [errno, place] as const),
  );

  it.each(cases)('is DISK_FULL (%s at %s) and the record is as it was', async (errno, place) => {
    await (await vaultHere()).seal('a', text('old'));
    const vault = await vaultHere({ disk: failing(errno, place) });
    await expect(vault.seal('a', text('new'))).rejects.toMatchObject({ code: 'DISK_FULL', reason: errno });
    expect(await vault.open('a')).toEqual(text('old'));
    expect(await readdir(folder)).toEqual(['a.sealed']);
  });

  it('does not turn a bug into a full disk', async () => {
    const vault = await vaultHere({ disk: failing('EBADF', 'rename') });
    await expect(vault.seal('a', text('new'))).rejects.toMatchObject({ code: 'EBADF' });
  });
});

describe('the folder', () => {
  it('is refused when others may read it', async () => {
    await mkdir(folder, { mode: 0o700 });
    await chmod(folder, 0o755);
    await expect(vaultHere()).rejects.toMatchObject({ code: 'RUNTIME_UNSAFE' });
  });

  it('is refused when it is a link', async () => {
    await mkdir(join(folder, '..', 'elsewhere'), { mode: 0o700 });
    await symlink(join(folder, '..', 'elsewhere'), folder);
    await expect(vaultHere()).rejects.toMatchObject({ code: 'RUNTIME_UNSAFE' });
  });
});

describe('the memory vault', () => {
  it('keeps records and writes nothing to the disk at all', async () => {
    const vault = await vaultHere({ keychain: memoryOnlyKeychain() });
    await vault.seal('a', text('x'));
    expect(await vault.open('a')).toEqual(text('x'));
    expect(vault.kind).toBe('memory');
    await expect(readdir(folder)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('forgets everything when it is erased or closed', async () => {
    const vault = await vaultHere({ keychain: memoryOnlyKeychain() });
    await vault.seal('a', text('x'));
    await vault.seal('b', text('y'));
    await vault.erase('a');
    expect(await vault.open('a')).toBeNull();
    await vault.eraseAll();
    expect(await vault.open('b')).toBeNull();
    vault.close();
    await expect(vault.open('b')).rejects.toThrow('closed');
  });

  it('hands out copies: wiping one does not wipe the record', async () => {
    const vault = await vaultHere({ keychain: memoryOnlyKeychain() });
    await vault.seal('a', text('x'));
    (await vault.open('a'))?.fill(0);
    expect(await vault.open('a')).toEqual(text('x'));
  });
});
