/**
 * Records as files of newline-delimited JSON, for Auto Loader or anything else that picks files up: a file appears whole under its name or
 * not at all, is never changed and never replaced. Whoever reads them may take them away.
 */
import { constants } from 'node:fs';
import { link, lstat, open, readdir, readFile, rename, stat, unlink } from 'node:fs/promises';
import path from 'node:path';
import type { Envelope } from '../envelope.ts';
import { NotSent, type Sink } from './sink.ts';

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } = constants;
/** The folder's group may pick them up. */
const MODE = 0o640;

/** The call that meets a full disk. Tests replace it. */
type OpenFile = typeof open;

export function folderSink(
  name: string,
  folder: string,
  { random, openFile = open }: { random: (bytes: number) => Buffer; openFile?: OpenFile },
): Sink {
  let tidied = false;
  return {
    ...{ name, kind: 'folder', to: folder },
    async send(batch) {
      try {
        await requireFolder(folder);
        if (!tidied) await tidy(folder, batch);
        tidied = true;
        await deliver(folder, batch, { unique: random(8).toString('hex'), openFile });
        return { rejected: 0 };
      } catch (error) {
        throw error instanceof NotSent ? error : unwritten(error, folder);
      }
    },
  };
}

/** Never made: a folder that is missing is a mount that is, and what were written in its place would be lost below it. */
async function requireFolder(folder: string): Promise<void> {
  // check: folder-sink-is-folder
  if (!(await stat(folder)).isDirectory()) throw new NotSent('way', { reason: 'folder', detail: `${folder} is no folder.` });
  // end check
}

const padded = (seq: number): string => String(seq).padStart(12, '0');
const stemOf = (batch: readonly Envelope[]): string =>
  `${batch[0]?.host_id}-${padded(batch[0]?.seq ?? 0)}-${padded(batch.at(-1)?.seq ?? 0)}`;

async function deliver(folder: string, batch: readonly Envelope[], by: { unique: string; openFile: OpenFile }): Promise<void> {
  const content = `${batch.map((each) => JSON.stringify(each)).join('\n')}\n`;
  const aside = path.join(folder, `.${stemOf(batch)}.${by.unique}.tmp`);
  try {
    await writeAndSync(by.openFile, aside, content);
    // Another log of the same device, after its folder was lost, begins with the same numbers and other records.
    const names = [`${stemOf(batch)}.json`, `${stemOf(batch)}-${batch[0]?.event_uid}.json`];
    for (const name of names) if (await settle(aside, path.join(folder, name), content)) return await syncFolder(folder);
    throw new NotSent('way', { reason: 'taken', detail: `Another file is in the way of ${names[0]} in ${folder}.` });
  } finally {
    await unlink(aside).catch((error: unknown) => {
      if (codeOf(error) !== 'ENOENT') throw error;
    });
  }
}

/** @returns false: another file has this name. One with the same content was delivered before. */
async function settle(aside: string, file: string, content: string): Promise<boolean> {
  try {
    await linkOrRename(aside, file);
    return true;
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    return await isSame(file, content);
  }
}

/** Others may write into the folder: to open a pipe of theirs would hang for ever, and a file without an end would fill the memory. */
async function isSame(file: string, content: string): Promise<boolean> {
  const found = await lstat(file);
  // check: folder-sink-plain-file
  if (!found.isFile() || found.size !== Buffer.byteLength(content)) return false;
  // end check
  return (await readFile(file, 'utf8')) === content;
}

/** A link refuses a name that is taken, in one step; file systems without links have to be looked at before. */
async function linkOrRename(aside: string, file: string): Promise<void> {
  try {
    await link(aside, file);
  } catch (error) {
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(codeOf(error))) throw error;
    const isThere = await stat(file).then(
      () => true,
      () => false,
    );
    if (isThere) throw Object.assign(new Error('the name is taken'), { code: 'EEXIST' });
    await rename(aside, file);
  }
}

async function writeAndSync(openFile: OpenFile, file: string, content: string): Promise<void> {
  const handle = await openFile(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, MODE);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, O_RDONLY | O_DIRECTORY);
  await handle.sync().finally(() => handle.close());
}

/** What an agent of this device left half written when it died. */
async function tidy(folder: string, batch: readonly Envelope[]): Promise<void> {
  const own = `.${batch[0]?.host_id}-`;
  for (const name of await readdir(folder)) if (name.startsWith(own) && name.endsWith('.tmp')) await unlink(path.join(folder, name));
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException | null)?.code ?? '';
const reasons: Readonly<Record<string, string>> = {
  ...{ ENOENT: 'folder-gone', ENOTDIR: 'folder-gone', ESTALE: 'folder-gone' },
  ...{ ENOSPC: 'disk-full', EDQUOT: 'disk-full', EACCES: 'permission', EPERM: 'permission', EROFS: 'permission' },
};
const unwritten = (error: unknown, folder: string): NotSent =>
  new NotSent('way', {
    reason: reasons[codeOf(error)] ?? 'io',
    detail: `${folder} cannot be written (${codeOf(error) || 'unknown'}).`,
    cause: error,
  });
