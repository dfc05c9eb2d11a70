/**
 * The first configuration file: the one that IT sent, or one made of the few things that a profile needs, which may be a workspace's address
 * alone. It is written where there is none, and nowhere else.
 */
import { link, mkdir, open, readFile, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { z } from 'zod';
import type { newProfileSchema } from '../../preload/contract/setup.ts';
import { AppError } from '../app-error.ts';
import { presetOf } from '../idp/presets.ts';
import { readConfig } from '../profile/load-config.ts';
import { originOf, quoted, shortName } from './profile-words.ts';
import { nameFor, type WorkspaceProfile, workspaceConfigText } from './workspace-profile.ts';

export type NewProfile = z.output<typeof newProfileSchema>;

/** The text of the file, checked by the schema that the agent reads it with. @throws AppError CONFIG_INVALID | CONFIG_PLAIN_HTTP, with the line */
export function configText(profile: NewProfile, file: string): string {
  const text = profile.from === 'file' ? profile.text : profile.from === 'workspace' ? textOfWorkspace(profile) : textOf(profile);
  readConfig(Buffer.from(text), file);
  return text;
}

function textOfWorkspace(profile: Extract<NewProfile, { from: 'workspace' }>): string {
  const wanted = wantedFrom(profile);
  return workspaceConfigText(nameFor(wanted, new Set()), wanted);
}

/** @throws AppError INPUT_INVALID: an OAuth app without its port, or the other way round */
export function wantedFrom({
  workspace,
  name,
  scopes,
  clientId,
  redirectPort,
  test,
}: Extract<NewProfile, { from: 'workspace' }>): WorkspaceProfile {
  if ((clientId === undefined) !== (redirectPort === undefined))
    throw new AppError('INPUT_INVALID', {
      reason: 'app',
      detail: 'An OAuth app of your own needs its client id and the port of its redirect.',
    });
  const app = clientId === undefined || redirectPort === undefined ? undefined : { clientId, redirectPort };
  return { workspace, name, scopes, app, test };
}

function textOf({ name, issuer, clientId, workspace, test }: Extract<NewProfile, { from: 'issuer' }>): string {
  const host = originOf(workspace);
  const preset = presetOf(issuer.trim());
  return [
    '# Written by Lakepass in its first steps; README says what else can stand here.',
    'version: 1',
    'profiles:',
    `  ${name}:`,
    ...(test ? ['    test: true'] : []),
    '    idp:',
    ...(preset === 'generic' ? [] : [`      preset: ${preset}`]),
    `      issuer: ${quoted(issuer.trim())}`,
    `      clientId: ${quoted(clientId.trim())}`,
    '    workspaces:',
    `      - name: ${shortName(host)}`,
    `        host: ${quoted(host)}`,
    '',
  ].join('\n');
}

/**
 * Writes the first configuration and has it taken into use. One that is not would stand in the way of the next try, so it goes again, unless
 * somebody else has put theirs in its place meanwhile.
 *
 * @param name unique text for the temporary file
 * @param adopt false: there is, or was, another one. @throws AppError CONFIG_*
 * @throws AppError CONFIG_EXISTS | DISK_FULL, and what `adopt` throws
 */
export async function beginWith(file: string, text: string, name: string, adopt: () => Promise<boolean>): Promise<void> {
  await writeFirst(file, text, name);
  try {
    // Where one that was approved is lost, no other takes its place before a reset.
    if (!(await adopt())) throw new AppError('CONFIG_EXISTS', { reason: 'in-use' });
  } catch (error) {
    let isOurs = true;
    // check: setup-takes-back-its-own
    isOurs = (await readLying(file)) === text;
    // end check
    if (isOurs) await unlink(file);
    throw error;
  }
}

async function readLying(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
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
