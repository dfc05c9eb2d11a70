/**
 * What `npm pack` gives: the product without a window, for servers and SSH hosts. It is installed in an empty folder as anybody would, and run
 * by a user who is not root on the pinned Node, found on the PATH.
 */
import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { version } from '../../main/version.ts';
import { makeHome, runAs, testUser } from '../machine/accounts.ts';
import { startProduct } from '../product/product.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'lakepass-npm-'));
chmodSync(folder, 0o755);
const installed = join(folder, 'node_modules', 'lakepass', 'dist', 'lakepass');

interface Packed {
  filename: string;
  size: number;
  files: { path: string; mode: number }[];
}
let packed: Packed;

const npm = async (...args: string[]): Promise<string> =>
  (await promisify(execFile)('npm', [...args, '--loglevel', 'error', '--no-audit', '--no-fund'], { cwd: root, maxBuffer: 2 ** 26 })).stdout;

beforeAll(async () => {
  // The build speaks first; what npm says is the JSON behind it.
  const said = await npm('pack', '--json', '--pack-destination', folder);
  [packed] = JSON.parse(said.slice(said.search(/^\[/m))) as [Packed];
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  await npm('install', '--prefix', folder, '--prefer-offline', join(folder, packed.filename));
  execFileSync('chmod', ['-R', 'a+rX', folder]);
}, 300_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the package', () => {
  it('holds the bundles, the pages and the papers, and nothing else', () => {
    const allowed = [
      /^dist\/(lakepass|headless)(-[\w-]{8})?\.mjs$/,
      /^dist\/(lakepass|caller-worker\.mjs|package\.json|THIRD-PARTY-LICENSES\.txt)$/,
      /^dist\/pages\/(ui|ceremony)\.(html|css|js)$/,
      /^(package\.json|README\.md|LICENSE|SECURITY\.md|CHANGELOG\.md)$/,
    ];
    expect(packed.files.map(({ path }) => path).filter((path) => !allowed.some((pattern) => pattern.test(path)))).toEqual([]);
    expect(packed.files.map(({ path }) => path)).toEqual(
      expect.arrayContaining(['dist/lakepass', 'dist/lakepass.mjs', 'dist/headless.mjs', 'dist/caller-worker.mjs', 'dist/pages/ui.html']),
    );
  });

  it('is a few megabytes: Node is not in it', () => {
    expect(packed.size).toBeLessThan(5 * 2 ** 20);
    expect(statSync(installed).mode & 0o111).toBe(0o111);
  });
});

describe('its installation', () => {
  it('brings one package beside it, with the binary of this machine: all else is in the bundles', () => {
    const list = JSON.parse(readFileSync(join(folder, 'node_modules/.package-lock.json'), 'utf8')) as { packages: object };
    const names = Object.keys(list.packages).map((path) => path.replace(/^node_modules\//, ''));
    const native = new RegExp(`^@napi-rs/keyring-${process.platform}-${process.arch}(-gnu|-musl|-msvc)?$`);
    expect(names.sort()).toEqual(['@napi-rs/keyring', expect.stringMatching(native), 'lakepass']);
  });
});

describe('once installed', () => {
  const user = testUser();
  const programs = join(folder, 'programs');
  let home: string;
  beforeAll(() => {
    home = makeHome(user);
    mkdirSync(programs);
    try {
      linkSync(process.execPath, join(programs, 'node'));
    } catch {
      copyFileSync(process.execPath, join(programs, 'node')); // another file system
    }
  });
  afterAll(() => rmSync(home, { recursive: true, force: true }));
  const PATH = `${programs}:/usr/bin:/bin`;

  it('runs on the Node of the PATH', async () => {
    const run = await runAs(user, join(folder, 'node_modules/.bin/lakepass'), ['--version'], { home, env: { PATH } });
    expect(run).toMatchObject({ code: 0, stdout: `${version}\n` });
  });

  it.each(['v23.11.1', 'v18.20.4', 'v8.17.0', 'none'])('says which Node it needs where the PATH has %s', async (found) => {
    const old = mkdtempSync(join(folder, 'old-'));
    chmodSync(old, 0o755);
    const answer = found === 'none' ? 'exit 127' : `[ "$1" = --version ] && echo ${found}`;
    writeFileSync(join(old, 'node'), `#!/bin/sh\n${answer}\n`, { mode: 0o755 });
    const run = await runAs(user, installed, ['--version'], { home, env: { PATH: `${old}:/usr/bin:/bin` } });
    expect(run).toMatchObject({ code: 1, stdout: '' });
    expect(run.stderr).toContain(`needs Node 24 or newer on the PATH, and found ${found}`);
    // Whoever has it elsewhere can say where.
    const named = { PATH: `${old}:/usr/bin:/bin`, LAKEPASS_NODE: join(programs, 'node') };
    expect(await runAs(user, installed, ['--version'], { home, env: named })).toMatchObject({ code: 0 });
  });

  it('signs in at the provider and fetches a token', async () => {
    const product = await startProduct({ command: installed, env: { LAKEPASS_NODE: '', PATH } });
    try {
      await product.signIn();
      const { code, stdout, stderr } = await product.lakepass(['token', '-s', 'sql']);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(JSON.parse(stdout)).toMatchObject({ access_token: expect.any(String), token_type: 'Bearer' });
      // It is the agent of this package that answered.
      const command = readFileSync(`/proc/${await product.agentPid()}/cmdline`, 'utf8');
      expect(command).toContain(join(folder, 'node_modules', 'lakepass', 'dist', 'headless.mjs'));
    } finally {
      await product.close();
    }
  });
});
