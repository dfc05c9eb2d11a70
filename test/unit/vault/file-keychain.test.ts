/** The key of the device vault in a file of its own, where there is no keychain. */
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileKeychain } from '../../../main/vault/file-keychain.ts';

let parent: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'lpk-'));
});
afterEach(() => rmSync(parent, { recursive: true }));
const key = Uint8Array.from({ length: 32 }, (_, index) => index * 7);

describe('a key in a file', () => {
  it('comes back as it was written, and is gone when it is erased', async () => {
    const keychain = fileKeychain(join(parent, 'device-key'));
    expect(await keychain.read('device-key')).toBeNull();
    await keychain.write('device-key', key);
    expect(await keychain.read('device-key')).toEqual(key);
    await keychain.erase('device-key');
    await keychain.erase('device-key');
    expect(await keychain.read('device-key')).toBeNull();
  });

  it('can be read by nobody else', async () => {
    const folder = join(parent, 'device-key');
    await fileKeychain(folder).write('device-key', key);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(readdirSync(folder).map((name) => statSync(join(folder, name)).mode & 0o777)).toEqual([0o600]);
  });

  it.each(['../other', 'a/b', '', 'A', 'x'.repeat(65)])('is never at a path that the name "%s" chooses', async (entry) => {
    writeFileSync(join(parent, 'other.key'), 'AAAA');
    const keychain = fileKeychain(join(parent, 'device-key'));
    await expect(keychain.read(entry)).rejects.toMatchObject({ code: 'KEYCHAIN_FAILED', reason: 'entry-name' });
    await expect(keychain.write(entry, key)).rejects.toMatchObject({ code: 'KEYCHAIN_FAILED', reason: 'entry-name' });
  });

  it('says that it cannot be read rather than that there is none', async () => {
    writeFileSync(join(parent, 'device-key'), '');
    await expect(fileKeychain(join(parent, 'device-key')).read('device-key')).rejects.toMatchObject({ code: 'KEYCHAIN_FAILED' });
  });
});
