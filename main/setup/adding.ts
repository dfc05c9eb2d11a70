/**
 * A workspace's address becomes a profile: the first one of a configuration, or one more in a file that is there. What is added to a file
 * holds once a person has approved it, as any change of it does.
 */
import { open, realpath, rename, stat, unlink } from 'node:fs/promises';
import { AppError, hasCode } from '../app-error.ts';
import type { Caller } from '../caller/caller.ts';
import { readConfig, readConfigFile } from '../profile/load-config.ts';
import type { Config, Profile } from '../profile/profile.ts';
import { configText, type NewProfile, wantedFrom, writeFirst } from './new-profile.ts';
import { nameFor, profileFor, withProfile } from './workspace-profile.ts';

export type WorkspaceRequest = Omit<Extract<NewProfile, { from: 'workspace' }>, 'from'>;

export interface ProfileAdding {
  /**
   * The profile for a workspace: the one in use, a first one that is made and used at once, or one that was added to the file and waits
   * for a person's approval (`state` 'waiting').
   *
   * @throws AppError INPUT_INVALID | SCOPE_UNKNOWN | CONFIG_* | CALLER_REFUSED: an AI agent says nothing of whom to trust | DISK_FULL
   */
  workspaceProfile(request: WorkspaceRequest, by: Caller): Promise<{ profile: string; state: 'in-use' | 'made' | 'waiting' }>;
}

export function createProfileAdding(parts: {
  configFile: string;
  profiles: () => readonly Profile[];
  /** The bytes that hold; null: there is no configuration. */
  held: () => Buffer | null;
  /** Takes a first configuration into use; false: there is, or was, one. @throws AppError CONFIG_* */
  adopt: () => Promise<boolean>;
  /** Looks at the file now, so that the person is asked at once. */
  look: () => Promise<void>;
  random: (bytes: number) => Buffer;
  changed: () => void;
}): ProfileAdding {
  const { configFile, held, random } = parts;
  let last: Promise<unknown> = Promise.resolve();

  async function begin(request: WorkspaceRequest): Promise<string> {
    const text = configText({ from: 'workspace', ...request }, configFile);
    await writeFirst(configFile, text, random(8).toString('hex'));
    try {
      // Where one that was approved is lost, no other takes its place before a reset.
      if (!(await parts.adopt())) throw new AppError('CONFIG_EXISTS', { reason: 'in-use' });
    } catch (error) {
      // What cannot be used would stand in the way of the next try.
      await unlink(configFile);
      throw error;
    }
    parts.changed();
    return firstOf(readConfig(Buffer.from(text), configFile));
  }

  /** On top of what lies there, approved or not: what else was changed is asked about with it. */
  async function add(request: WorkspaceRequest, holds: Buffer): Promise<string> {
    const wanted = wantedFrom({ from: 'workspace', ...request });
    const lying = await readLying(configFile);
    const before = lying ?? holds;
    const config = readConfig(before, configFile);
    const waiting = profileFor(wanted, config.profiles.values());
    if (waiting !== undefined) return waiting.name;
    const name = nameFor(wanted, new Set([...config.profiles.keys(), ...config.servicePrincipals.keys()]));
    await replace(configFile, lying, withProfile(before, configFile, name, wanted), random(8).toString('hex'));
    return name;
  }

  async function workspaceProfile(request: WorkspaceRequest): ReturnType<ProfileAdding['workspaceProfile']> {
    const inUse = profileFor(wantedFrom({ from: 'workspace', ...request }), parts.profiles());
    if (inUse !== undefined) return { profile: inUse.name, state: 'in-use' };
    const holds = held();
    if (holds === null) return { profile: await begin(request), state: 'made' };
    const profile = await add(request, holds);
    await parts.look();
    return { profile, state: 'waiting' };
  }

  return {
    workspaceProfile(request, by) {
      // check: workspace-profile-no-ai-agent
      if (by.aiAgent !== null) throw new AppError('CALLER_REFUSED', { reason: by.kind });
      // end check
      const mine = last.then(
        () => workspaceProfile(request),
        () => workspaceProfile(request),
      );
      last = mine;
      return mine;
    },
  };
}

const firstOf = ({ profiles }: Config): string => [...profiles.keys()][0] ?? '';

async function readLying(file: string): Promise<Buffer | null> {
  try {
    return await readConfigFile(file);
  } catch (error) {
    if (hasCode(error, 'CONFIG_MISSING')) return null;
    throw error;
  }
}

/**
 * Puts the new bytes in the place of the old ones, whole or not at all; who may read the file stays as it was.
 *
 * @throws AppError CONFIG_EXISTS (reason 'changed'): somebody has written it meanwhile | DISK_FULL
 */
async function replace(file: string, before: Buffer | null, after: Buffer, name: string): Promise<void> {
  if (before === null) return writeFirst(file, after.toString('utf8'), name);
  // A file that people keep elsewhere stays there.
  const target = await realpath(file);
  const temporary = `${target}.${name}.tmp`;
  try {
    const { mode } = await stat(target);
    const handle = await open(temporary, 'wx', mode & 0o777);
    try {
      await handle.writeFile(after);
      await handle.sync();
    } finally {
      await handle.close();
    }
    // check: config-add-unchanged
    if (!(await readConfigFile(file)).equals(before)) throw new AppError('CONFIG_EXISTS', { reason: 'changed', detail: `It is ${file}.` });
    // end check
    await rename(temporary, target);
  } catch (cause) {
    await unlink(temporary).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw new AppError('DISK_FULL', { reason: 'config', cause: error });
    });
    if (cause instanceof AppError) throw cause;
    throw new AppError('DISK_FULL', { reason: 'config', cause });
  }
}
