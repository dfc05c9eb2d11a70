/**
 * The folder from which IT publishes: bundle.yaml, policy.yaml, config.yaml, the signing key, and the bundle that was signed last. It is
 * a tool of IT's own: no agent takes part, and nothing leaves the machine.
 */
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../app-error.ts';
import { readFileWhole, replaceFile } from '../../durable-file.ts';
import { text as lineOfText } from '../bundle-schema.ts';
import { type Lock, newKeyFile, requirePassphrase } from './signing-key.ts';
import { bundleTemplate, configTemplate, policyTemplate } from './templates.ts';

export const fileNames = {
  bundle: 'bundle.yaml',
  policy: 'policy.yaml',
  config: 'config.yaml',
  key: 'signing-key.json',
  signed: 'bundle.jws.json',
} as const;

export interface AdminFolder {
  readonly path: string;
  /** Whole path of one of its files. */
  file(name: keyof typeof fileNames): string;
  /** @throws AppError ADMIN_FILE_MISSING | ADMIN_FILE_INVALID (reason: file) */
  read(name: keyof typeof fileNames): Promise<string>;
  /** undefined where there is none, or nothing but comments. */
  readText(name: 'policy' | 'config'): Promise<string | undefined>;
  /** Whole or not at all. @throws AppError DISK_FULL */
  write(name: 'bundle' | 'key', text: string): Promise<void>;
}

export function adminFolder(path: string): AdminFolder {
  const file = (name: keyof typeof fileNames): string => join(path, fileNames[name]);
  async function read(name: keyof typeof fileNames): Promise<string> {
    const found = await readFileWhole(file(name));
    if (found === null) throw new AppError('ADMIN_FILE_MISSING', { detail: `Looked for ${file(name)}.` });
    if (found === 'unusable') throw new AppError('ADMIN_FILE_INVALID', { reason: 'file', detail: `${file(name)} is no plain file.` });
    if (name === 'key') await requirePrivate(file(name));
    return found;
  }
  return {
    path,
    file,
    read,
    async readText(name) {
      const text = await read(name).catch((error: unknown) => {
        if (error instanceof AppError && error.code === 'ADMIN_FILE_MISSING') return '';
        throw error;
      });
      return text.split('\n').every((line) => /^\s*(#.*)?$/.test(line)) ? undefined : text;
    },
    write: (name, text) => replaceFile(file(name), text, randomUUID()),
  };
}

/** The key decides for every device, so nobody else on this machine may read it, sealed or not. */
async function requirePrivate(file: string): Promise<void> {
  if (process.platform === 'win32') return;
  const { mode } = await stat(file);
  // check: admin-key-mode
  if ((mode & 0o077) !== 0)
    throw new AppError('ADMIN_FILE_INVALID', { reason: 'mode', detail: `${file} can be read by others; close it with chmod 600.` });
  // end check
}

/**
 * Makes the folder with all that an admin begins with.
 *
 * @returns the thumbprint of the new signing key
 * @throws AppError ADMIN_FILE_EXISTS: one of its files is there; nothing was written
 * @throws AppError INPUT_INVALID (reason: organization, passphrase) | DISK_FULL
 */
export async function initFolder(path: string, { organization, lock }: { organization: string; lock: Lock }): Promise<string> {
  if (!lineOfText(80).safeParse(organization).success)
    throw new AppError('INPUT_INVALID', { reason: 'organization', detail: 'Write a name of one line, 80 characters at most.' });
  if (lock.passphrase !== null) requirePassphrase(lock.passphrase);
  const folder = adminFolder(path);
  // check: admin-never-over
  await requireUnused(path);
  // end check
  const { text, thumbprint } = await newKeyFile(lock);
  await mkdir(path, { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
    throw new AppError('DISK_FULL', { detail: `${path} cannot be made.`, cause });
  });
  await writeNew(folder.file('key'), text);
  await writeNew(folder.file('policy'), policyTemplate);
  await writeNew(folder.file('config'), configTemplate);
  await writeNew(folder.file('bundle'), bundleTemplate(organization, randomUUID()));
  return thumbprint;
}

const exists = (file: string): AppError => new AppError('ADMIN_FILE_EXISTS', { detail: `There is ${file}.` });

/** @throws AppError ADMIN_FILE_EXISTS: one of the files is there */
export async function requireUnused(path: string): Promise<void> {
  for (const name of Object.values(fileNames)) {
    const file = join(path, name);
    if ((await readFileWhole(file)) !== null) throw exists(file);
  }
}

/** @throws AppError ADMIN_FILE_EXISTS | DISK_FULL */
export async function writeNew(file: string, text: string, mode = 0o600): Promise<void> {
  try {
    await writeFile(file, text, { flag: 'wx', mode });
  } catch (cause) {
    throw (cause as NodeJS.ErrnoException).code === 'EEXIST' ? exists(file) : new AppError('DISK_FULL', { cause });
  }
}

/** A file for everybody's eyes, such as a web server's: whole or not at all. @throws AppError DISK_FULL */
export async function writePublic(file: string, text: string): Promise<void> {
  await replaceFile(file, text, randomUUID());
  // Others may write in such a folder: what stands there under that name by now could be a link to the signing key.
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW).catch((cause: unknown) => {
    throw new AppError('DISK_FULL', { detail: `${file} is not what was written.`, cause });
  });
  await handle.chmod(0o644).finally(() => handle.close());
}

/** The bytes; null where there is no such file. @throws AppError ADMIN_FILE_INVALID (reason: file) */
export async function readBytes(file: string): Promise<Buffer | null> {
  const found = await readFileWhole(file);
  if (found === 'unusable') throw new AppError('ADMIN_FILE_INVALID', { reason: 'file', detail: `${file} is no plain file.` });
  return found === null ? null : Buffer.from(found);
}
