/**
 * What a user who is not root needs to run the product: the built tree, Node and the Python clients, in a folder that everyone
 * can read and only its owner can change. The clone itself may lie where nobody else may look.
 */

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, globSync, lstatSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildInto, bundle } from '../../main/build.ts';
import { type Account, makeHome, runAs, testUser } from './accounts.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Machine {
  /** Whose agent is under test. */
  user: Account;
  /** The built tree: `lakepass`, `lakepass.mjs`, `headless.mjs` … */
  dist: string;
  /** The pinned Node, where the user can run it. */
  node: string;
  /** A Python of the user's with the stock clients; made on first use. */
  python(): Promise<string>;
  /** The one with the many clients of test:clients. */
  pythonOfClients(): Promise<string>;
  /** The one with dbt, which wants other versions than they do. */
  pythonOfDbt(): Promise<string>;
  /** Bundles a TypeScript file of the tests (a driver, a client) into one the user can run. Returns its path. */
  program(source: string): Promise<string>;
}

/** The machine for the source as it is now; an unchanged tree is built once and found again. */
export async function prepareMachine(): Promise<Machine> {
  const user = testUser();
  const folder = join(tmpdir(), `lakepass-machine-${process.getuid?.() ?? 0}-${fingerprint()}`);
  if (!isOurs(folder)) await build(folder);
  const python = once(() => preparePython(join(folder, 'python'), user, '.venv'));
  const pythonOfClients = once(() => preparePython(join(folder, 'python-clients'), user, join('.venv', 'clients')));
  const pythonOfDbt = once(() => preparePython(join(folder, 'python-dbt'), user, join('.venv', 'dbt')));
  return {
    user,
    dist: join(folder, 'dist'),
    node: join(folder, 'dist', 'node'),
    python,
    pythonOfClients,
    pythonOfDbt,
    program: (source) => bundleProgram(folder, source),
  };
}

const once = <T>(make: () => Promise<T>): (() => Promise<T>) => {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
};

/** Changes with every byte that is built from, so that a stale build is never tested. */
function fingerprint(): string {
  const hash = createHash('sha256').update(process.version);
  for (const file of ['package-lock.json', ...globSync('{main,preload,renderer}/**/*', { cwd: root }).sort()]) {
    if (lstatSync(join(root, file)).isFile()) hash.update(`\0${file}\0`).update(readFileSync(join(root, file)));
  }
  return hash.digest('hex').slice(0, 12);
}

/** Whether the folder is one we made: the name is guessable and the parent is everybody's. */
function isOurs(folder: string): boolean {
  const found = lstatSync(folder, { throwIfNoEntry: false });
  if (!found) return false;
  if (!found.isDirectory() || found.uid !== process.getuid?.() || (found.mode & 0o022) !== 0) {
    throw new Error(`${folder} belongs to somebody else; remove it`);
  }
  return true;
}

/** Builds beside the final name and moves it there whole: test files come here at the same time. */
async function build(folder: string): Promise<void> {
  removeOldBuilds();
  const draft = mkdtempSync(`${folder}-`);
  await buildInto(join(draft, 'dist'));
  execFileSync('chmod', ['-R', 'a+rX,go-w', draft]);
  moveInto(draft, folder);
}

/** Every change of the source leaves a build behind; the ones of other days are of no use to anybody. */
function removeOldBuilds(): void {
  const yesterday = Date.now() - 24 * 3_600_000;
  for (const name of globSync(`lakepass-machine-${process.getuid?.() ?? 0}-*`, { cwd: tmpdir() })) {
    const path = join(tmpdir(), name);
    // Files of tests run side by side: another may have removed it by now.
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found !== undefined && found.mtimeMs < yesterday) rmSync(path, { recursive: true, force: true });
  }
}

function moveInto(draft: string, folder: string): void {
  try {
    renameSync(draft, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
    rmSync(draft, { recursive: true });
  }
}

async function bundleProgram(folder: string, source: string): Promise<string> {
  const programs = mkdtempSync(join(folder, 'program-'));
  const name = basename(source).replace(/\.ts$/, '.mjs');
  await bundle(source, programs, name);
  execFileSync('chmod', ['-R', 'a+rX', programs]);
  return join(programs, name);
}

/**
 * A Python environment cannot be moved, but its packages can: they are linked into a new one, made by an interpreter that the
 * user may run and that has the same minor version. The interpreter of the clone's own .venv may lie below /root.
 */
async function preparePython(folder: string, user: Account, environment: string): Promise<string> {
  const venv = join(root, environment);
  const lib = join(venv, 'lib');
  const version = existsSync(lib) ? readdirSync(lib).find((name) => name.startsWith('python3')) : undefined;
  if (version === undefined) throw new Error(`there is no Python environment in ${environment}; run: node test/setup.mjs --test --clients`);
  const home = makeHome(user);
  const python = join(folder, 'bin', 'python');
  try {
    if (!existsSync(python)) {
      const base = await interpreterFor(user, home, version, venv);
      const draft = mkdtempSync(`${folder}-`);
      execFileSync(base, ['-m', 'venv', '--without-pip', draft], { stdio: 'pipe' });
      rmSync(join(draft, 'lib', version, 'site-packages'), { recursive: true });
      execFileSync('cp', ['-a', '--link', join(venv, 'lib', version, 'site-packages'), join(draft, 'lib', version)], { stdio: 'pipe' });
      chmodSync(draft, 0o755);
      moveInto(draft, folder);
    }
    const { code, stderr } = await runAs(user, python, ['-c', 'import databricks.sdk'], { home });
    if (code !== 0) throw new Error(`the test user cannot use the Python clients: ${stderr}`);
    return python;
  } finally {
    rmSync(home, { recursive: true });
  }
}

async function interpreterFor(user: Account, home: string, version: string, venv: string): Promise<string> {
  const candidates = [join(venv, 'bin', 'python'), '/usr/bin/python3', `/usr/bin/${version}`, `/usr/local/bin/${version}`];
  for (const candidate of candidates) {
    if (!existsSync(candidate)) continue;
    const ask = 'import sys, venv; print("python%d.%d" % sys.version_info[:2], getattr(sys, "_base_executable", sys.executable))';
    const said = await runAs(user, candidate, ['-c', ask], { home }).catch(() => undefined);
    const [found, executable] = said?.code === 0 ? said.stdout.trim().split(' ') : [];
    if (found === version && executable !== undefined) return executable;
  }
  throw new Error(
    `no ${version} that ${user.name} may run (Debian: apt-get install python3 python3-venv, then remove .venv and run the setup again)`,
  );
}
