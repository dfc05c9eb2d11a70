/**
 * The files of the vault on the disk: atomic replacement, setting aside, cleaning up. It moves bytes it does not understand and
 * never deletes a file that somebody may still want: what cannot be opened is renamed, not removed.
 *
 * A write is: a temporary file in the same folder (created exclusively, 0600), fsync, rename, fsync of the folder. Whoever is
 * told "done" finds the new bytes after a power cut; whoever is not finds the old bytes or the new ones, never a mixture.
 */
import { constants } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readdir, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../app-error.ts';

const SEALED = '.sealed';
const WRAPS = 'wraps.json';
const temporaryWraps = /^wraps\.json\.[0-9a-f]{16}\.tmp$/;
/** `name.<16 hex>.tmp`; names hold no dot, so that neither form can be mistaken for the other. */
const temporaryPattern = /^([a-z0-9-]+)\.[0-9a-f]{16}\.tmp$/;
/** Far above any record of ours; a larger file is not ours and is not read into memory. */
const LARGEST_FILE_BYTES = 1024 * 1024;

/** How a write touches the disk, so that a test can hand in one that is full. */
export interface Disk {
  open: typeof open;
  rename: typeof rename;
  unlink?: typeof unlink;
}
export const realDisk: Disk = { open, rename, unlink };

export interface SealedFolder {
  /** The bytes of `name`; null: there is no such file; 'unreadable': something stands there that is no file of ours. */
  read(name: string): Promise<Buffer | null | 'unreadable'>;
  /** @throws AppError DISK_FULL: the old bytes are still in place */
  replace(name: string, bytes: Buffer, during: (step: WriteStep) => unknown): Promise<void>;
  /** Renames the file to `name.corrupt-<n>`, the first free n. Nothing there: nothing happens. */
  setAside(name: string): Promise<void>;
  /** Removes the file and what a crash left behind of it. */
  erase(name: string): Promise<void>;
  /** Every name with a sealed file. */
  names(): Promise<string[]>;
  /** What crashed writes left behind. */
  temporaries(): Promise<{ name: string; file: string; bytes: Buffer }[]>;
  /** Finishes a crashed write: the temporary file takes its place. */
  adopt(temporary: { name: string; file: string }): Promise<void>;
  discard(temporary: { file: string }): Promise<void>;
  /** The one file beside the records that is not sealed: how the key is wrapped. Same promises as for a record. */
  readonly wraps: {
    read(): Promise<Buffer | null | 'unreadable'>;
    replace(bytes: Buffer): Promise<void>;
    erase(): Promise<void>;
    /** Removes what crashed writes left behind; the rename is what counts, so none of it is ever wanted. */
    sweep(): Promise<void>;
  };
}

export type WriteStep = 'tmp-written' | 'renamed';

/**
 * @param folder created with 0700 where it is missing
 * @throws AppError RUNTIME_UNSAFE: the folder is a link, or belongs to or is open to somebody else
 * @throws AppError DISK_FULL: it cannot be created
 */
export async function openSealedFolder({
  folder,
  random,
  disk,
}: {
  folder: string;
  random: (bytes: number) => Buffer;
  disk: Disk;
}): Promise<SealedFolder> {
  await writing(() => mkdir(folder, { recursive: true, mode: 0o700 }));
  const place = await lstat(folder);
  // check: vault-folder-own
  const uid = process.getuid?.();
  if (!place.isDirectory() || (uid !== undefined && (place.uid !== uid || (place.mode & 0o077) !== 0)))
    throw new AppError('RUNTIME_UNSAFE', {
      reason: 'vault',
      detail: `The folder ${folder} must be a real one, owned by you, with mode 0700.`,
    });
  // end check
  const pathOf = (name: string): string => join(folder, name + SEALED);
  const remove = (file: string): Promise<void> => writing(() => (disk.unlink ?? unlink)(join(folder, file)).catch(unlessMissing));

  const syncFolder = async (): Promise<void> => {
    const handle = await disk.open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
    await closing(handle, () => handle.sync());
  };
  /** What a name has on the disk: leftovers first, the file last. */
  const filesOf = async (name: string): Promise<string[]> => {
    const all = await readdir(folder);
    return [...all.filter((file) => temporaryPattern.exec(file)?.[1] === name), ...all.filter((file) => file === name + SEALED)];
  };
  const read = (file: string): Promise<Buffer | null | 'unreadable'> => readWhole(join(folder, file));

  const replace = (temporaryPrefix: string, path: string, bytes: Buffer, during: (step: WriteStep) => unknown): Promise<void> =>
    writing(async () => {
      const temporary = join(folder, `${temporaryPrefix}${random(8).toString('hex')}.tmp`);
      try {
        const handle = await disk.open(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
        await closing(handle, async () => {
          await handle.writeFile(bytes);
          await handle.sync();
        });
        await during('tmp-written');
        await disk.rename(temporary, path);
      } catch (error) {
        await unlink(temporary).catch(unlessMissing);
        throw error;
      }
      await syncFolder();
      await during('renamed');
    });

  return {
    read: (name) => read(name + SEALED),

    replace: (name, bytes, during) => replace(`${name}.`, pathOf(name), bytes, during),

    setAside: (name) =>
      writing(async () => {
        const taken = new Set(await readdir(folder));
        let n = 1;
        while (taken.has(`${name}.corrupt-${n}`)) n += 1;
        await disk.rename(pathOf(name), join(folder, `${name}.corrupt-${n}`)).catch(unlessMissing);
        await syncFolder();
      }),

    async erase(name) {
      // The leftovers first: were the file to go first, a crash here could bring an older one back from them.
      const files = await filesOf(name);
      for (const file of files) await remove(file);
      if (files.length > 0) await writing(syncFolder);
    },

    names: async () => (await readdir(folder)).filter((file) => file.endsWith(SEALED)).map((file) => file.slice(0, -SEALED.length)),

    async temporaries() {
      const found = [];
      for (const file of await readdir(folder)) {
        const name = temporaryPattern.exec(file)?.[1];
        if (name === undefined) continue;
        const bytes = await read(file);
        found.push({ name, file, bytes: Buffer.isBuffer(bytes) ? bytes : Buffer.alloc(0) });
      }
      return found;
    },

    adopt: ({ name, file }) =>
      writing(async () => {
        await disk.rename(join(folder, file), pathOf(name));
        await syncFolder();
      }),

    discard: ({ file }) => remove(file),

    wraps: {
      read: () => read(WRAPS),
      replace: (bytes) => replace(`${WRAPS}.`, join(folder, WRAPS), bytes, () => undefined),
      async erase() {
        await remove(WRAPS);
        await writing(syncFolder);
      },
      async sweep() {
        for (const file of await readdir(folder)) if (temporaryWraps.test(file)) await remove(file);
      },
    },
  };
}

async function readWhole(path: string): Promise<Buffer | null | 'unreadable'> {
  let handle: FileHandle;
  let flags = constants.O_RDONLY | constants.O_NONBLOCK;
  // check: vault-no-links
  flags |= constants.O_NOFOLLOW;
  // end check
  try {
    handle = await open(path, flags);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    // O_NOFOLLOW answers a symbolic link with ELOOP; ENXIO is a socket.
    if (errnoOf(error) === 'ELOOP' || errnoOf(error) === 'ENXIO') return 'unreadable';
    throw asDiskError(error);
  }
  return closing(handle, async () => {
    const found = await handle.stat();
    // check: vault-regular-file
    if (!found.isFile() || found.size > LARGEST_FILE_BYTES) return 'unreadable';
    // end check
    return handle.readFile();
  });
}

async function closing<T>(handle: FileHandle, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } finally {
    await handle.close();
  }
}

/** Space, quota, a read-only mount, permissions, a dying disk: for a person all of them are "the disk does not take it". */
const diskErrnos = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM', 'EIO']);

async function writing<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw asDiskError(error);
  }
}

function asDiskError(error: unknown): unknown {
  const errno = errnoOf(error);
  return errno !== undefined && diskErrnos.has(errno) ? new AppError('DISK_FULL', { reason: errno, cause: error }) : error;
}

const errnoOf = (error: unknown): string | undefined => (error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined);

function unlessMissing(error: unknown): void {
  if (errnoOf(error) !== 'ENOENT') throw error;
}
