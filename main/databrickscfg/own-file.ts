/**
 * The profile file on the disk: looked at through its links, and replaced whole or not at all. It is the person's, not ours, so it is
 * only touched where it is theirs alone and still as it was when the change was shown.
 */
import { createHash } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { lstat, open, realpath, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AppError } from '../app-error.ts';

export interface OwnFile {
  /** Where it really lies. */
  readonly path: string;
  /** Null: there is no such file yet. */
  readonly bytes: Buffer | null;
  readonly mode: number;
}

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
/** Real ones have a few kilobytes; what is larger would hold up the agent while it is read line by line. */
const LARGEST_BYTES = 256 * 1024;
const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException | null)?.code ?? 'unknown';

export const digestOf = (bytes: Uint8Array | null): string => (bytes === null ? 'none' : createHash('sha256').update(bytes).digest('hex'));

const unsafe = (reason: string, detail: string, cause?: unknown): AppError =>
  new AppError('DATABRICKSCFG_UNSAFE', { reason, detail, cause });

/**
 * The file, through whatever links lead to it.
 *
 * @throws AppError DATABRICKSCFG_UNSAFE (`reason` 'link', 'folder', 'kind', 'owner', 'mode', 'system') | DATABRICKSCFG_INVALID ('size', 'text')
 */
export async function readOwn(file: string): Promise<OwnFile> {
  const path = await targetOf(file);
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    // Without waiting: a pipe in its place must not hang us.
    handle = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return { path, bytes: null, mode: 0o600 };
    throw unsafe('system', `${path} cannot be read (${codeOf(error)}).`, error);
  }
  try {
    const found = await handle.stat();
    requireOwn(path, found);
    const bytes = await handle.readFile();
    if (bytes.includes(0)) throw new AppError('DATABRICKSCFG_INVALID', { reason: 'text', detail: `${path} is not plain text.` });
    return { path, bytes, mode: found.mode & 0o777 };
  } finally {
    await handle.close();
  }
}

async function targetOf(file: string): Promise<string> {
  try {
    return await realpath(file);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw unsafe('system', `${file} cannot be looked at (${codeOf(error)}).`, error);
  }
  if ((await lstat(file).catch(() => null)) !== null) throw unsafe('link', `${file} is a link that leads nowhere.`);
  const folder = await realpath(dirname(file)).catch((error: unknown) => {
    throw unsafe('folder', `The folder of ${file} is not there.`, error);
  });
  return join(folder, basename(file));
}

function requireOwn(path: string, { uid, gid, mode, size }: Stats): void {
  const isFile = (mode & constants.S_IFMT) === constants.S_IFREG;
  if (!isFile) throw unsafe('kind', `${path} is not a plain file.`);
  // check: databrickscfg-owner
  if (uid !== process.getuid?.()) throw unsafe('owner', `${path} belongs to user ${uid}.`);
  // end check
  // check: databrickscfg-mode
  if ((mode & 0o002) !== 0 || ((mode & 0o020) !== 0 && gid !== process.getgid?.())) throw unsafe('mode', `Others can write ${path}.`);
  // end check
  if (size > LARGEST_BYTES)
    throw new AppError('DATABRICKSCFG_INVALID', { reason: 'size', detail: `${path} is larger than any profile file.` });
}

/**
 * Puts `bytes` in place of the file, null takes it away: written beside it, synced, renamed. A reader finds the old one or the new one.
 *
 * @param name unique text for the temporary file
 * @throws AppError DATABRICKSCFG_CHANGED: the file is not as it was read | DISK_FULL: it is as it was
 */
export async function replaceOwn({ path, bytes: expected }: OwnFile, bytes: Buffer | null, mode: number, name: string): Promise<void> {
  const temporary = `${path}.lakepass-${name}`;
  try {
    if (bytes !== null) await writeSynced(temporary, bytes, mode);
    const now = await readOwn(path);
    // check: databrickscfg-as-shown
    if (digestOf(now.bytes) !== digestOf(expected))
      throw new AppError('DATABRICKSCFG_CHANGED', { reason: 'meanwhile', detail: `It is ${path}.` });
    // end check
    if (bytes !== null) await rename(temporary, path);
    else if (now.bytes !== null) await unlink(path);
    await syncFolder(dirname(path));
  } catch (error) {
    await removeIfThere(temporary);
    throw error instanceof AppError
      ? error
      : new AppError('DISK_FULL', { reason: 'databrickscfg', detail: `It is the folder of ${path}.`, cause: error });
  }
}

/** Writes a new file and nothing else. Others' settings of what new files may be do not count. */
export async function writeSynced(file: string, bytes: Uint8Array | string, mode: number): Promise<void> {
  const handle = await open(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    await handle.writeFile(bytes);
    await handle.chmod(mode);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, O_RDONLY | O_DIRECTORY);
  await folder.sync().finally(() => folder.close());
}

export async function removeIfThere(file: string): Promise<void> {
  await unlink(file).catch((error: unknown) => {
    if (codeOf(error) !== 'ENOENT') throw new AppError('DISK_FULL', { cause: error });
  });
}
