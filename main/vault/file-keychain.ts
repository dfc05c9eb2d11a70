/**
 * Keeps the key of the device vault in a file of its own, for machines without a keychain. Every program of this user can read it: what
 * it seals (tap keys, which files were approved) is then as safe as any file of theirs, which status says. No secret of a session is
 * ever sealed under it.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../app-error.ts';
import { replaceFile } from '../durable-file.ts';
import type { Keychain } from '../ports.ts';

/** @param folder one that only this user may enter; made with mode 0700 */
export function fileKeychain(folder: string): Keychain {
  const fileOf = (entry: string): string => {
    // check: file-keychain-name
    if (!/^[a-z0-9-]{1,64}$/.test(entry)) throw new AppError('KEYCHAIN_FAILED', { reason: 'entry-name' });
    // end check
    return join(folder, `${entry}.key`);
  };
  return {
    kind: 'file',
    async read(entry) {
      try {
        const text = await readFile(fileOf(entry), 'latin1');
        return Uint8Array.from(Buffer.from(text.trim(), 'base64url'));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
        throw error instanceof AppError ? error : new AppError('KEYCHAIN_FAILED', { cause: error });
      }
    },
    async write(entry, value) {
      const file = fileOf(entry);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await replaceFile(file, `${Buffer.from(value).toString('base64url')}\n`, randomBytes(8).toString('hex'));
    },
    erase: async (entry) => rm(fileOf(entry), { force: true }),
  };
}
