/**
 * The people on the test machine: the one whose agent is under test, and another who attacks it. As root they are real system
 * users; without root the tests run as whoever runs them, and there is nobody else.
 */
import { type ChildProcess, execFileSync, type SpawnOptions, spawn } from 'node:child_process';
import { chownSync, mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { it } from 'vitest';

export interface Account {
  name: string;
  uid: number;
  gid: number;
}

export const isRoot = process.getuid?.() === 0;

/** Whose agent is under test. Never root. */
export const testUser = (): Account => (isRoot ? systemUser('lakepass-test') : currentUser());

/** Somebody else on the same machine. @throws where only root could make one */
export function attacker(): Account {
  if (!isRoot) throw new Error('a second user needs root');
  return systemUser('lakepass-attacker');
}

function currentUser(): Account {
  const { username, uid, gid } = userInfo();
  return { name: username, uid, gid };
}

/** The system user of that name, made on first use. Two test runs may come here at once: whoever is second finds it made. */
function systemUser(name: string): Account {
  const found = lookUp(name);
  if (found) return found;
  try {
    execFileSync('useradd', ['--no-create-home', '--home-dir', '/nonexistent', '--shell', '/bin/sh', '--user-group', name], {
      stdio: 'pipe',
    });
  } catch (error) {
    const made = lookUp(name);
    if (made) return made;
    throw error;
  }
  const made = lookUp(name);
  if (!made) throw new Error(`useradd made no user ${name}`);
  return made;
}

function lookUp(name: string): Account | undefined {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  return uid === undefined || gid === undefined ? undefined : { name, uid: Number(uid), gid: Number(gid) };
}

/** A fresh home of the account's own, mode 0700, with a runtime folder in it. Its path is short: sockets live below it. */
export function makeHome(account: Account): string {
  const home = mkdtempSync(join(tmpdir(), 'lph-'));
  mkdirSync(join(home, 'run'), { mode: 0o700 });
  if (isRoot) for (const folder of [home, join(home, 'run')]) chownSync(folder, account.uid, account.gid);
  return home;
}

export interface RunOptions {
  home: string;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  stdio?: SpawnOptions['stdio'];
  /** Of the messages, where `stdio` names a channel for them. */
  serialization?: 'json' | 'advanced';
}

/** What a program of the account finds in its environment: nothing of ours but what is asked for. */
export function environmentOf(account: Account, { home, env = {} }: Pick<RunOptions, 'home' | 'env'>): Record<string, string> {
  const all = {
    PATH: [dirname(process.execPath), '/usr/local/bin', '/usr/bin', '/bin'].join(delimiter),
    HOME: home,
    USER: account.name,
    LOGNAME: account.name,
    LANG: 'C.UTF-8',
    XDG_RUNTIME_DIR: join(home, 'run'),
    ...env,
  };
  return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/**
 * Starts a program as the account, in an environment that holds nothing of ours but what is asked for.
 *
 * @throws when the account is root, or the program came up as root all the same
 */
export function spawnAs(account: Account, command: string, args: readonly string[], options: RunOptions): ChildProcess {
  if (account.uid === 0) throw new Error('nothing under test runs as root');
  const child = spawn(command, args, {
    cwd: options.cwd ?? options.home,
    stdio: options.stdio ?? ['ignore', 'pipe', 'pipe'],
    ...(options.serialization === undefined ? {} : { serialization: options.serialization }),
    env: environmentOf(account, options),
    // Node clears the supplementary groups as well when it changes the user.
    ...(isRoot ? { uid: account.uid, gid: account.gid } : {}),
  });
  if (child.pid !== undefined && process.platform === 'linux') refuseRoot(child);
  return child;
}

function refuseRoot(child: ChildProcess): void {
  const uids = uidsOf(child.pid ?? 0);
  if (!uids?.includes(0)) return;
  child.kill('SIGKILL');
  throw new Error('a program under test runs as root');
}

/** The real, effective, saved and filesystem uid of a process (proc(5)); undefined when it is gone. */
export function uidsOf(pid: number): number[] | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return /^Uid:\s+(.*)$/m.exec(status)?.[1]?.split(/\s+/).map(Number);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** Runs a program as the account to its end. A failure to start rejects; a failure of the program is in the answer. */
export function runAs(account: Account, command: string, args: readonly string[], options: RunOptions): Promise<Ended> {
  const child = spawnAs(account, command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) child[name]?.setEncoding('utf8').on('data', (text: string) => (said[name] += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, ...said }));
  });
}

/**
 * A test that needs a second user of the system. Without root it is reported as not run, by name; in CI that is a failure.
 */
export function itWithSecondUser(title: string, run: () => Promise<void>): void {
  if (isRoot) {
    it(title, run);
    return;
  }
  if (process.env['CI']) {
    it(title, () => {
      throw new Error('CI must run this test, and only root can make a second user');
    });
    return;
  }
  process.stderr.write(`NOT RUN, a second user needs root: ${title}\n`);
  it.skip(title, run);
}
