/**
 * Where Lakepass keeps things, and the proof that the folders are the user's alone.
 *
 * The runtime folder holds the control socket and the agent's lock, so whoever can enter or replace it can speak for the
 * agent. Nothing here ever mends what somebody else prepared: it is refused, with the command that would mend it.
 */
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { FailureCode } from '../preload/contract/failure.ts';
import { AppError } from './app-error.ts';

export interface Places {
  /** The configuration file. */
  config: string;
  /** The person's own policy. */
  policy: string;
  /** Sealed secrets. */
  data: string;
  /** Audit log, grants, the broker's port. */
  state: string;
  /** The lock and the control socket; local and short-lived. */
  runtime: string;
  socket: string;
}

/** sockaddr_un has room for 108 bytes on Linux and 104 on macOS, the final NUL included. */
const LONGEST_SOCKET_PATH = 100;

/**
 * The places of this user, by the XDG base directory specification, or all beneath one folder.
 *
 * Makes nothing and looks at nothing. A variable that is not an absolute path counts as unset, as the specification says.
 * @param options.home `--home DIR`: config.yaml, data/, state/ and run/ beneath DIR
 */
export function findPlaces(options: { home?: string; env: NodeJS.ProcessEnv; uid: number }): Places {
  const { home, env, uid } = options;
  if (home !== undefined) {
    const base = path.resolve(home);
    return withSocket(path.join(base, 'config.yaml'), path.join(base, 'data'), path.join(base, 'state'), path.join(base, 'run'));
  }
  const person = absolute(env['HOME']) ?? os.homedir();
  const under = (variable: string, standard: string): string =>
    path.join(absolute(env[variable]) ?? path.join(person, standard), 'lakepass');
  const runtimeBase = absolute(env['XDG_RUNTIME_DIR']);
  return withSocket(
    path.join(under('XDG_CONFIG_HOME', '.config'), 'config.yaml'),
    under('XDG_DATA_HOME', '.local/share'),
    under('XDG_STATE_HOME', '.local/state'),
    runtimeBase === undefined ? `/tmp/lakepass-${uid}` : path.join(runtimeBase, 'lakepass'),
  );
}

const absolute = (value: string | undefined): string | undefined => (value !== undefined && path.isAbsolute(value) ? value : undefined);

const withSocket = (config: string, data: string, state: string, runtime: string): Places => ({
  config,
  policy: path.join(path.dirname(config), 'policy.yaml'),
  data,
  state,
  runtime,
  socket: path.join(runtime, 'control.sock'),
});

/** What `makePlaces` asks of the system beyond the files themselves. */
export interface PlaceFacts {
  uid: number;
  /** The file system's magic number, statfs(2) `f_type`. */
  fileSystemOf: (folder: string) => Promise<number>;
}

const systemFacts = (): PlaceFacts => ({
  uid: process.getuid?.() ?? 0,
  fileSystemOf: async (folder) => (await fs.statfs(folder)).type,
});

/**
 * Makes the folders that are missing (0700) and checks the ones that are there.
 *
 * Runtime folder: a real folder, ours, 0700, not on a network file system, beneath folders in which nobody else can
 * replace it. Data and state: ours, closed to others. The configuration's folder may be readable, since it holds no secret,
 * but not writable by others, since it says whom we trust.
 *
 * @throws AppError RUNTIME_PATH_TOO_LONG the control socket's path is over 100 bytes
 * @throws AppError RUNTIME_UNSAFE, FOLDER_UNSAFE with reason `symlink`, `owner`, `mode`, `network`, `parent` or `system`
 */
export async function makePlaces(places: Places, facts: PlaceFacts = systemFacts()): Promise<void> {
  // check: socket-path-length
  if (Buffer.byteLength(places.socket) > LONGEST_SOCKET_PATH) throw new AppError('RUNTIME_PATH_TOO_LONG', { detail: places.socket });
  // end check
  await makeFolder(places.runtime, 'RUNTIME_UNSAFE');
  await checkOwnFolder(places.runtime, 0o077, facts, 'RUNTIME_UNSAFE');
  await checkParents(places.runtime, facts);
  await checkLocal(places.runtime, facts);
  for (const folder of [places.data, places.state]) {
    await makeFolder(folder, 'FOLDER_UNSAFE');
    await checkOwnFolder(folder, 0o077, facts, 'FOLDER_UNSAFE');
  }
  await makeFolder(path.dirname(places.config), 'FOLDER_UNSAFE');
  await checkConfigFolder(path.dirname(places.config), facts);
}

/**
 * For whoever is about to speak to the agent: a runtime folder that another user made first may hold an agent of theirs.
 *
 * @returns false where there is none. Nobody may be spoken to then: in /tmp one of somebody else could appear the moment after
 * @throws AppError RUNTIME_UNSAFE with reason `symlink`, `owner`, `mode`, `parent` or `system`
 */
export async function checkRuntime({ runtime }: Pick<Places, 'runtime'>, facts: PlaceFacts = systemFacts()): Promise<boolean> {
  const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';
  const look = fs.lstat(runtime).catch((error: unknown) => (isMissing(error) ? null : Promise.reject(error)));
  if ((await orUnsafe('RUNTIME_UNSAFE', runtime, look)) === null) return false;
  await checkOwnFolder(runtime, 0o077, facts, 'RUNTIME_UNSAFE');
  await checkParents(runtime, facts);
  return true;
}

type Reason = 'symlink' | 'owner' | 'mode' | 'network' | 'parent' | 'system';
const unsafe = (code: FailureCode, reason: Reason, detail: string, cause?: unknown): AppError =>
  new AppError(code, { reason, detail, cause });

async function makeFolder(folder: string, code: FailureCode): Promise<void> {
  await orUnsafe(code, folder, fs.mkdir(path.dirname(folder), { recursive: true, mode: 0o700 }));
  const isThere = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'EEXIST';
  const made = await orUnsafe(
    code,
    folder,
    fs.mkdir(folder, { mode: 0o700 }).then(
      () => true,
      (error: unknown) => (isThere(error) ? false : Promise.reject(error)),
    ),
  );
  if (made) await orUnsafe(code, folder, fs.chmod(folder, 0o700)); // a strict umask may have taken the user's own bits
}

/** What the system refuses is a place that cannot be used. */
const orUnsafe = <T>(code: FailureCode, folder: string, work: Promise<T>): Promise<T> =>
  work.catch((cause: NodeJS.ErrnoException) => {
    throw unsafe(code, 'system', `${folder} cannot be made or looked at (${cause.code}).`, cause);
  });

async function checkOwnFolder(folder: string, closedTo: number, facts: PlaceFacts, code: FailureCode): Promise<void> {
  const found = await orUnsafe(code, folder, fs.lstat(folder));
  // check: folder-symlink
  if (!found.isDirectory()) throw unsafe(code, 'symlink', `${folder} is not a folder of its own but a link or a file.`);
  // end check
  // check: folder-owner
  if (found.uid !== facts.uid) throw unsafe(code, 'owner', `${folder} belongs to user ${found.uid}.`);
  // end check
  // check: folder-mode
  if ((found.mode & closedTo) !== 0) throw unsafe(code, 'mode', `Others can enter ${folder}; close it with chmod 700.`);
  // end check
}

/** Follows links: dotfiles kept elsewhere are common. An administrator may own the folder. */
async function checkConfigFolder(folder: string, facts: PlaceFacts): Promise<void> {
  const found = await orUnsafe('FOLDER_UNSAFE', folder, fs.stat(folder));
  // check: config-folder-owner
  if (found.uid !== facts.uid && found.uid !== 0) throw unsafe('FOLDER_UNSAFE', 'owner', `${folder} belongs to user ${found.uid}.`);
  // end check
  // check: config-folder-mode
  if ((found.mode & 0o022) !== 0) throw unsafe('FOLDER_UNSAFE', 'mode', `Others can write in ${folder}; close it with chmod go-w.`);
  // end check
}

/**
 * Whoever can rename a folder above ours can put another in its place: each must belong to us or to the system (the owner
 * of `/`, which inside a user namespace need not be 0), and be sticky where everybody may write, as /tmp is.
 */
async function checkParents(folder: string, facts: PlaceFacts): Promise<void> {
  const system = (await fs.stat('/')).uid;
  const real = await orUnsafe('RUNTIME_UNSAFE', folder, fs.realpath(folder));
  for (let above = path.dirname(real); ; above = path.dirname(above)) {
    const { uid, mode } = await orUnsafe('RUNTIME_UNSAFE', above, fs.stat(above));
    // check: parent-owner
    if (![facts.uid, 0, system].includes(uid)) throw unsafe('RUNTIME_UNSAFE', 'parent', `${above} belongs to user ${uid}.`);
    // end check
    // check: parent-sticky
    if ((mode & 0o002) !== 0 && (mode & 0o1000) === 0)
      throw unsafe('RUNTIME_UNSAFE', 'parent', `Everybody can replace what is in ${above}.`);
    // end check
    if (above === path.dirname(above)) return;
  }
}

/**
 * Locks and sockets mean nothing across machines, and a file server's administrator could answer in our place. FUSE is let
 * through: encrypted homes use it, and statfs cannot tell them from sshfs.
 */
const networkFileSystems = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x5346414f, 'AFS'],
  [0x00c36400, 'Ceph'],
  [0x01021997, '9p'],
]);

async function checkLocal(folder: string, facts: PlaceFacts): Promise<void> {
  const network = networkFileSystems.get((await orUnsafe('RUNTIME_UNSAFE', folder, facts.fileSystemOf(folder))) >>> 0);
  // check: runtime-local
  if (network !== undefined) throw unsafe('RUNTIME_UNSAFE', 'network', `${folder} is on a network file system (${network}).`);
  // end check
}
