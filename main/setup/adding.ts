/**
 * A workspace's address becomes a profile: the first one of a configuration, or one more in a file that is there. What is added to a file
 * holds once a person has approved it, as any change of it does.
 */
import { open, realpath, rename, stat, unlink } from 'node:fs/promises';
import { AppError, hasCode } from '../app-error.ts';
import type { Caller } from '../caller/caller.ts';
import { readConfig, readConfigFile } from '../profile/load-config.ts';
import type { Config, Profile } from '../profile/profile.ts';
import { beginWith, type NewProfile, wantedFrom, writeFirst } from './new-profile.ts';
import type { Addition } from './profile-draft.ts';
import { nameFor, profileFor, wholeConfig, withLines, workspaceProfileLines } from './workspace-profile.ts';

export type WorkspaceRequest = Omit<Extract<NewProfile, { from: 'workspace' }>, 'from'>;
type Added = { profile: string; state: 'in-use' | 'made' | 'waiting' };

export interface ProfileAdding {
  /**
   * The profile for a workspace: the one in use, a first one that is made and used at once, or one that was added to the file and waits
   * for a person's approval (`state` 'waiting').
   *
   * @throws AppError INPUT_INVALID | SCOPE_UNKNOWN | CONFIG_* | CALLER_REFUSED: an AI agent says nothing of whom to trust | DISK_FULL
   */
  workspaceProfile(request: WorkspaceRequest, by: Caller): Promise<Added>;
  /** The same for whatever can be added. @throws as above */
  add(addition: Addition, by: Caller): Promise<Added>;
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

  async function begin(addition: Addition): Promise<string> {
    const text = wholeConfig(addition.lines(addition.nameAmong(new Set())));
    const config = readConfig(Buffer.from(text), configFile);
    await beginWith(configFile, text, random(8).toString('hex'), parts.adopt);
    parts.changed();
    return firstOf(config);
  }

  /** On top of what lies there, approved or not: what else was changed is asked about with it. */
  async function addTo(holds: Buffer, addition: Addition): Promise<string> {
    const lying = await readLying(configFile);
    const before = lying ?? holds;
    const config = readConfig(before, configFile);
    const waiting = addition.find(config.profiles.values());
    if (waiting !== undefined) return waiting.name;
    const name = addition.nameAmong(new Set([...config.profiles.keys(), ...config.servicePrincipals.keys()]));
    await replace(configFile, lying, withLines(before, configFile, name, addition.lines(name)), random(8).toString('hex'));
    return name;
  }

  async function addNow(addition: Addition): Promise<Added> {
    const inUse = addition.find(parts.profiles());
    if (inUse !== undefined) return { profile: inUse.name, state: 'in-use' };
    const holds = held();
    if (holds === null) return { profile: await begin(addition), state: 'made' };
    const profile = await addTo(holds, addition);
    await parts.look();
    return { profile, state: 'waiting' };
  }

  async function add(addition: () => Addition, by: Caller): Promise<Added> {
    // check: workspace-profile-no-ai-agent
    if (by.aiAgent !== null) throw new AppError('CALLER_REFUSED', { reason: by.kind });
    // end check
    const mine = last.then(
      () => addNow(addition()),
      () => addNow(addition()),
    );
    last = mine;
    return mine;
  }

  return {
    workspaceProfile: (request, by) => add(() => ofWorkspace(request), by),
    add: (addition, by) => add(() => addition, by),
  };
}

/** @throws AppError INPUT_INVALID */
function ofWorkspace(request: WorkspaceRequest): Addition {
  const wanted = wantedFrom({ from: 'workspace', ...request });
  return {
    find: (profiles) => profileFor(wanted, profiles),
    nameAmong: (taken) => nameFor(wanted, taken),
    lines: (name) => workspaceProfileLines(name, wanted),
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
