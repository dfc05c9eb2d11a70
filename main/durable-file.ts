/**
 * Small files that must survive a crash whole: what a reader finds is the last content that was replaced in full, never half of
 * one. It follows no symbolic link and leaves nothing that another user could read.
 */
import { constants } from 'node:fs';
import { open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from './app-error.ts';

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } = constants;
const LARGEST_BYTES = 16 * 1024 * 1024;

const isErrno = (error: unknown, ...codes: string[]): boolean => codes.includes((error as NodeJS.ErrnoException | null)?.code ?? '');

/**
 * Writes beside the file, syncs, renames, syncs the folder. Mode 0600.
 *
 * @param name unique text for the temporary file, from the random port
 * @throws AppError DISK_FULL: the file is as it was (or, after a failed sync of the folder, already as it should be)
 */
export async function replaceFile(file: string, content: string, name: string): Promise<void> {
  const temporary = `${file}.${name}.tmp`;
  try {
    await writeAndSync(temporary, content);
    await rename(temporary, file);
    const folder = await open(dirname(file), O_RDONLY | O_DIRECTORY);
    await folder.sync().finally(() => folder.close());
  } catch (cause) {
    await unlink(temporary).catch((error: unknown) => {
      if (!isErrno(error, 'ENOENT')) throw new AppError('DISK_FULL', { cause: error });
    });
    throw new AppError('DISK_FULL', { cause });
  }
}

async function writeAndSync(file: string, content: string): Promise<void> {
  const handle = await open(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * The content; null where there is no such file, 'unusable' where there is something that is not a plain file of sensible size.
 *
 * @throws AppError DISK_FULL: the file is there and cannot be read
 */
export async function readFileWhole(file: string): Promise<string | null | 'unusable'> {
  try {
    const handle = await open(file, O_RDONLY | O_NOFOLLOW);
    try {
      const found = await handle.stat();
      return found.isFile() && found.size <= LARGEST_BYTES ? await handle.readFile('utf8') : 'unusable';
    } finally {
      await handle.close();
    }
  } catch (cause) {
    if (isErrno(cause, 'ENOENT')) return null;
    if (isErrno(cause, 'ELOOP', 'EMLINK', 'EISDIR')) return 'unusable';
    throw new AppError('DISK_FULL', { cause });
  }
}

/** Moves a file that cannot be used out of the way without deleting it. `suffix` tells one such file from another. */
export async function setFileAside(file: string, suffix: string): Promise<string> {
  const aside = `${file}.corrupt-${suffix}`;
  try {
    await rename(file, aside);
  } catch (cause) {
    throw new AppError('DISK_FULL', { cause });
  }
  return aside;
}
