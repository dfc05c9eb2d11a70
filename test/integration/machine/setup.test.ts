/** `test/setup.mjs` in projects of its own, with an npm and a Debian that only write down what they were asked. */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let project: string;
beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'setup-'));
  write('test/setup.mjs', readFileSync('test/setup.mjs', 'utf8'));
  write('test/hello.ts', 'const name: string = process.argv[2] ?? "nobody"; console.log("hello " + name); process.exitCode = 7;');
  write('package-lock.json', JSON.stringify(lock({ a: '1.0.0', b: '2.0.0', 'other-platform': '1.0.0' })));
  write('test/python/requirements.txt', 'some-client==1.2.3\n');
});
afterEach(() => rmSync(project, { recursive: true }));

function write(file: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(join(project, file)), { recursive: true });
  writeFileSync(join(project, file), text);
  chmodSync(join(project, file), mode);
}

const lock = (packages: Record<string, string>) => ({
  packages: Object.fromEntries([
    ['', { name: 'x' }],
    ...Object.entries(packages).map(([name, version]) => [
      `node_modules/${name}`,
      { version, integrity: `sha512-${name}${version}`, ...(name === 'other-platform' ? { optional: true } : {}) },
    ]),
  ]),
});

/** What npm leaves behind: its own list, without what is for another platform, and the pinned Node. */
function install(packages: Record<string, string>): void {
  const { '': _, ...installed } = lock(packages).packages;
  write('node_modules/.package-lock.json', JSON.stringify({ packages: installed }));
  mkdirSync(join(project, 'node_modules/node/bin'), { recursive: true });
  if (!existsSync(join(project, 'node_modules/node/bin/node'))) symlinkSync(process.execPath, join(project, 'node_modules/node/bin/node'));
}

/** An npm that notes its arguments, and then does as npm would, or fails. */
function fakeNpm(ending: 'installs' | 'fails' | 'runs no scripts'): string {
  const manifest = JSON.stringify({ packages: { ...lock({ a: '1.0.0', b: '2.0.0' }).packages, '': undefined } });
  const body = {
    installs: `fs.mkdirSync('node_modules/node/bin', { recursive: true }); fs.writeFileSync('node_modules/.package-lock.json', ${JSON.stringify(manifest)}); fs.symlinkSync(process.execPath, 'node_modules/node/bin/node');`,
    'runs no scripts': `fs.mkdirSync('node_modules', { recursive: true }); fs.writeFileSync('node_modules/.package-lock.json', ${JSON.stringify(manifest)});`,
    fails: `console.error('npm error ETARGET'); process.exit(1);`,
  }[ending];
  write('fake-npm.cjs', `const fs = require('node:fs'); fs.appendFileSync('npm-calls', process.argv.slice(2).join(' ') + '\\n'); ${body}`);
  return join(project, 'fake-npm.cjs');
}

const setup = (args: string[], env: NodeJS.ProcessEnv = {}) =>
  spawnSync(process.execPath, [join(project, 'test/setup.mjs'), ...args], {
    encoding: 'utf8',
    cwd: tmpdir(),
    env: { PATH: process.env['PATH'], ...env },
  });
const npmCalls = () => (existsSync(join(project, 'npm-calls')) ? readFileSync(join(project, 'npm-calls'), 'utf8').trim().split('\n') : []);

describe('a clone that is ready', () => {
  it('goes straight to the program, with its arguments and its exit code', () => {
    install({ a: '1.0.0', b: '2.0.0' });
    const ended = setup([join(project, 'test/hello.ts'), 'you']);
    expect(ended).toMatchObject({ status: 7, stdout: 'hello you\n', stderr: '' });
  });

  it('ends by the signal that ended the program', () => {
    install({ a: '1.0.0', b: '2.0.0' });
    write('test/killed.ts', 'process.kill(process.pid, "SIGTERM"); setInterval(() => {}, 1000);');
    expect(setup([join(project, 'test/killed.ts')]).signal).toBe('SIGTERM');
  });
});

describe('a clone that is not ready', () => {
  it('is installed from the lockfile once, with a word about it', () => {
    const npm = fakeNpm('installs');
    expect(setup([join(project, 'test/hello.ts')], { npm_execpath: npm })).toMatchObject({ status: 7, stdout: 'hello nobody\n' });
    const again = setup([join(project, 'test/hello.ts')], { npm_execpath: npm });
    expect(again.stderr).toBe('');
    expect(npmCalls()).toEqual(['ci --no-audit --no-fund --loglevel=error']);
  });

  it.each<[string, Record<string, string>]>([
    ['another version', { a: '1.0.1', b: '2.0.0' }],
    ['a package too few', { a: '1.0.0' }],
    ['a package too many', { a: '1.0.0', b: '2.0.0', c: '3.0.0' }],
  ])('is noticed by %s', (_, packages) => {
    install(packages);
    setup([], { npm_execpath: fakeNpm('fails') });
    expect(npmCalls()).toHaveLength(1);
  });

  it('stops with what npm said when npm fails', () => {
    const ended = setup([join(project, 'test/hello.ts')], { npm_execpath: fakeNpm('fails') });
    expect(ended).toMatchObject({ status: 1, stdout: '' });
    expect(ended.stderr).toMatch(/ETARGET.*Setup stopped/s);
  });

  it('stops when the install script that brings Node was not allowed to run', () => {
    const ended = setup([join(project, 'test/hello.ts')], { npm_execpath: fakeNpm('runs no scripts') });
    expect(ended).toMatchObject({ status: 1, stdout: '' });
    expect(ended.stderr).toMatch(/Node 24 was not installed/);
  });

  it('refuses an option it does not know', () => {
    expect(setup(['--tests']).status).toBe(1);
  });
});

describe.runIf(process.platform === 'linux')('the programs of the system', () => {
  /** A Debian on which everything but the named package is there; apt-get notes what it is asked and fails. */
  function fakeDebian(missing: string): NodeJS.ProcessEnv {
    write('bin/dpkg-query', `#!/bin/sh\nshift 2\nfor name; do [ "$name" = ${missing} ] || echo "$name ii "; done\n`, 0o755);
    write('bin/apt-get', `#!/bin/sh\necho "$*" >> ${project}/apt-calls\n[ "$1" = update ]\n`, 0o755);
    return { PATH: `${join(project, 'bin')}:${process.env['PATH']}` };
  }

  it.runIf(process.getuid?.() === 0)('are installed by root, and a failure of that is one of ours', () => {
    install({ a: '1.0.0', b: '2.0.0' });
    const ended = setup(['--test'], fakeDebian('wrk'));
    expect(ended.status).toBe(1);
    expect(readFileSync(join(project, 'apt-calls'), 'utf8')).toBe('update -q\ninstall -y -q --no-install-recommends wrk\n');
  });

  it('are named to everybody else', () => {
    install({ a: '1.0.0', b: '2.0.0' });
    const env = fakeDebian('gnome-keyring');
    chmodSync(project, 0o755);
    const ids = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
    // A copy, for the clone of the real one may lie where this user cannot look.
    const node = join(project, 'node_modules/node/bin/node');
    rmSync(node);
    cpSync(process.execPath, node);
    const ended = spawnSync(node, [join(project, 'test/setup.mjs'), '--test'], { encoding: 'utf8', cwd: '/', env, ...ids });
    expect(ended.status).toBe(1);
    expect(ended.stderr).toMatch(/apt-get install --no-install-recommends gnome-keyring/);
    expect(existsSync(join(project, 'apt-calls'))).toBe(false);
  });
});
