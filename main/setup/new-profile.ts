/** The first configuration file: the one that IT sent, or one made of the few things that a profile needs. It is written where there is none, and nowhere else. */
import { link, mkdir, open, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { z } from 'zod';
import type { newProfileSchema } from '../../preload/contract/setup.ts';
import { AppError } from '../app-error.ts';
import { readConfig } from '../profile/load-config.ts';

export type NewProfile = z.output<typeof newProfileSchema>;

/** The text of the file, checked by the schema that the agent reads it with. @throws AppError CONFIG_INVALID | CONFIG_PLAIN_HTTP, with the line */
export function configText(profile: NewProfile, file: string): string {
  const text = profile.from === 'file' ? profile.text : textOf(profile);
  readConfig(Buffer.from(text), file);
  return text;
}

function textOf({ name, issuer, clientId, workspace, test }: Extract<NewProfile, { from: 'issuer' }>): string {
  const host = originOf(workspace);
  return [
    '# Written by Lakepass in its first steps; README says what else can stand here.',
    'version: 1',
    'profiles:',
    `  ${name}:`,
    ...(test ? ['    test: true'] : []),
    '    idp:',
    `      issuer: ${quoted(issuer.trim())}`,
    `      clientId: ${quoted(clientId.trim())}`,
    '    workspaces:',
    `      - name: ${shortName(host)}`,
    `        host: ${quoted(host)}`,
    '',
  ].join('\n');
}

/** JSON's way to quote is one of YAML's. */
const quoted = (text: string): string => JSON.stringify(text);

/** What people copy from the address bar names a page of the workspace; the workspace is its origin. */
function originOf(typed: string): string {
  const text = typed.trim();
  const address = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `https://${text}`;
  if (!URL.canParse(address)) return text;
  const { origin, username, password } = new URL(address);
  return origin === 'null' || username !== '' || password !== '' ? text : origin;
}

function shortName(host: string): string {
  const first = URL.canParse(host) ? (new URL(host).hostname.split('.')[0] ?? '') : '';
  return /^[a-z][a-z0-9-]{0,39}$/.test(first) && first !== 'localhost' ? first : 'main';
}

/**
 * Writes the file whole and closed to others, or not at all.
 *
 * @param name unique text for the temporary file
 * @throws AppError CONFIG_EXISTS: there is one already | DISK_FULL
 */
export async function writeFirst(file: string, text: string, name: string): Promise<void> {
  const temporary = `${file}.${name}.tmp`;
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    // Unlike a rename, a link never takes the place of what is there.
    await link(temporary, file);
    const folder = await open(dirname(file), 'r');
    await folder.sync().finally(() => folder.close());
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') throw new AppError('CONFIG_EXISTS', { detail: `It is ${file}.`, cause });
    throw new AppError('DISK_FULL', { reason: 'config', cause });
  } finally {
    await unlink(temporary).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw new AppError('DISK_FULL', { reason: 'config', cause: error });
    });
  }
}
