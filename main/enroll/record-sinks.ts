/** Where a device record goes: into a folder that the company has made, or to an address of theirs. It makes no folder and follows no link. */
import { constants } from 'node:fs';
import { open, realpath, rename, stat, unlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { AppError, beforeSending } from '../app-error.ts';
import type { Clock } from '../ports.ts';
import { seconds } from '../units.ts';
import type { Bundle } from './bundle-schema.ts';

export type Sink = NonNullable<Bundle['records']>;

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } = constants;
const TIME_LIMIT = seconds(10);
/** Whoever collects them is in the group of the folder, or root. */
const MODE = 0o640;

/** As people are shown it: what stands behind the path of an address might be a secret. */
export function sinkName(sink: Sink): string {
  if ('folder' in sink) return sink.folder;
  const { origin, pathname } = new URL(sink.url);
  return `${origin}${pathname}`;
}

interface Outside {
  fetch: typeof globalThis.fetch;
  clock: Clock;
  random: (bytes: number) => Buffer;
}

/**
 * Delivers one record: it is there whole, or not at all.
 *
 * @param name of the file, where it goes into a folder
 * @throws AppError RECORD_NOT_SENT (reason: folder-missing, folder-link, folder-closed, folder, time, redirect, status, line), or one of
 *   `beforeSending`
 */
export const deliver = (sink: Sink, name: string, jws: string, outside: Outside): Promise<void> =>
  'folder' in sink ? intoFolder(sink.folder, name, jws, outside) : post(sink.url, jws, outside);

async function intoFolder(folder: string, name: string, jws: string, { random }: Outside): Promise<void> {
  const path = resolve(folder);
  const temporary = join(path, `.${name}.${random(8).toString('hex')}`);
  try {
    const real = await realpath(path);
    // check: record-folder-link
    if (real !== path) throw notSent('folder-link', 'There is a symbolic link on the way to the folder.');
    // end check
    if (!(await stat(path)).isDirectory()) throw notSent('folder-missing', 'There is no such folder.');
    await writeNew(temporary, `${jws}\n`);
    await rename(temporary, join(path, name));
    await syncFolder(path);
  } catch (error) {
    // Where it was written in part; where that fails, too, the cause below is the same.
    await unlink(temporary).catch(() => undefined);
    throw error instanceof AppError ? error : folderProblem(error);
  }
}

async function writeNew(file: string, text: string): Promise<void> {
  const handle = await open(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, MODE);
  try {
    // Whatever the umask.
    await handle.chmod(MODE);
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A folder into which one may only put things cannot be opened, and a share may know no sync; the file is there all the same. */
async function syncFolder(path: string): Promise<void> {
  try {
    const handle = await open(path, O_RDONLY | O_DIRECTORY);
    await handle.sync().finally(() => handle.close());
  } catch (error) {
    if (!['EACCES', 'EPERM', 'EINVAL', 'ENOTSUP'].includes(codeOf(error))) throw error;
  }
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException | null)?.code ?? '';

function folderProblem(cause: unknown): AppError {
  const code = codeOf(cause);
  if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(code)) return notSent('folder-missing', 'There is no such folder.', cause);
  if (['EACCES', 'EPERM', 'EROFS'].includes(code)) return notSent('folder-closed', 'Nothing can be put into the folder.', cause);
  return notSent('folder', undefined, cause);
}

async function post(url: string, jws: string, { fetch, clock }: Outside): Promise<void> {
  const late = new AbortController();
  const stop = clock.after(TIME_LIMIT, () => late.abort());
  try {
    const headers = { 'content-type': 'application/jose' };
    const response = await fetch(url, { method: 'POST', headers, body: jws, redirect: 'manual', signal: late.signal });
    await response.body?.cancel();
    // check: record-redirect
    if (response.type === 'opaqueredirect' || (response.status >= 300 && response.status < 400))
      throw notSent('redirect', 'It answered with a redirect, which is never followed.');
    // end check
    if (!response.ok) throw notSent('status', `It answered with status ${response.status}.`);
  } catch (error) {
    const wasLate = late.signal.aborted;
    late.abort();
    if (error instanceof AppError && (error.code === 'RECORD_NOT_SENT' || beforeSending.has(error.code))) throw error;
    throw notSent(wasLate ? 'time' : 'line', undefined, error);
  } finally {
    stop();
  }
}

const notSent = (reason: string, detail?: string, cause?: unknown): AppError =>
  new AppError('RECORD_NOT_SENT', { reason, ...(detail === undefined ? {} : { detail }), cause });
