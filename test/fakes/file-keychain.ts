/**
 * A keychain in a folder, for processes under test that are killed and started again where there is no Secret Service. It keeps
 * the key beside what it opens, so it protects nothing; only tests may know it.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../main/app-error.ts';
import type { Keychain } from '../../main/ports.ts';

/** The cap of Windows Credential Manager on one entry, in bytes. */
const LARGEST_ENTRY = 2560;

export function fileKeychain(folder: string): Keychain {
  const fileOf = (entry: string): string => {
    if (!/^[a-z0-9-]{1,64}$/.test(entry)) throw new AppError('KEYCHAIN_FAILED');
    return join(folder, `${entry}.test-key`);
  };
  return {
    kind: 'secret-service',
    async read(entry) {
      try {
        return Uint8Array.from(await readFile(fileOf(entry)));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
        throw new AppError('KEYCHAIN_FAILED', { cause: error });
      }
    },
    async write(entry, value) {
      if (value.length === 0 || value.length > LARGEST_ENTRY) throw new AppError('KEYCHAIN_FAILED');
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const temporary = `${fileOf(entry)}.${randomBytes(8).toString('hex')}`;
      const file = await open(temporary, 'wx', 0o600);
      await file.writeFile(value);
      await file.sync();
      await file.close();
      await rename(temporary, fileOf(entry));
    },
    erase: (entry) => rm(fileOf(entry), { force: true }),
  };
}
