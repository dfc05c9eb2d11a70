/** Which Python is taken for a notebook: the first that has what it takes, asked in isolation, and none that others could have put there. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { candidatesIn, createPythonSearch, plainEnvironment } from '../../../main/setup/pythons.ts';
import { minutes } from '../../../main/units.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lakepass-py-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
});

/** A program that answers as ours asks a Python to; it writes down how it was started. */
function python(name: string, missing: readonly string[], body = ''): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(
    path,
    `#!/bin/sh\nprintf '%s|%s|%s' "$1" "$2" "$PWD" > "${path}.started"\n${body}\necho '{"version": "3.12.1", "missing": ${JSON.stringify(missing)}}'\n`,
  );
  chmodSync(path, 0o755);
  return path;
}
const searchIn = (...candidates: string[]) => createPythonSearch({ candidates: () => candidates, clock: fakeClock() })();

describe('the search for a Python', () => {
  it('takes the first that has all, asked in isolation and far from where one stands', async () => {
    const [lacking, good, later] = [python('a', ['ipykernel']), python('b', []), python('c', [])];
    expect(await searchIn(join(folder, 'gone'), lacking, good, later)).toEqual({ python: { path: good, version: '3.12.1' }, why: null });
    expect(readFileSync(`${good}.started`, 'utf8')).toBe('-I|-c|/');
    expect(() => readFileSync(`${later}.started`)).toThrow('ENOENT');
  });

  it('says what was missing where', async () => {
    const found = await searchIn(python('a', ['ipykernel', 'databricks-sdk']), python('b', [], 'exit 1'));
    expect(found.python).toBeNull();
    expect(found.why).toContain(
      `${join(folder, 'a')} (3.12.1) has no ipykernel and no databricks-sdk; ${join(folder, 'b')} does not answer`,
    );
    expect((await searchIn()).why).toBe('No Python was found on this machine.');
  });

  it('starts no program that others can change', async () => {
    const open = python('open', []);
    chmodSync(open, 0o777);
    expect((await searchIn(open)).python).toBeNull();
    expect(() => readFileSync(`${open}.started`)).toThrow('ENOENT');
  });

  it.each(['its folder', 'the file that names its packages'])('starts none where others can change %s', async (what) => {
    const path = python(join('venv', 'bin', 'python'), []);
    const cfg = join(folder, 'venv', 'pyvenv.cfg');
    writeFileSync(cfg, 'home = /usr/bin\n');
    chmodSync(what === 'its folder' ? dirname(path) : cfg, 0o777);
    expect((await searchIn(path)).python).toBeNull();
    expect(() => readFileSync(`${path}.started`)).toThrow('ENOENT');
  });

  it.each([
    ['too much', 'yes | head -c 100000'],
    ['no JSON', 'echo hello; exit 0'],
    ['a version that is none', 'echo \'{"version": "<b>", "missing": []}\'; exit 0'],
  ])('takes nobody’s word who says %s', async (_, body) => {
    expect((await searchIn(python('odd', [], body))).why).toContain('does not answer');
  });

  it('looks again after a minute: people install things', async () => {
    const clock = fakeClock();
    const path = python('p', ['ipykernel']);
    const search = createPythonSearch({ candidates: () => [path], clock });
    expect((await search()).python).toBeNull();
    python('p', []);
    expect((await search()).python).toBeNull();
    await clock.advance(minutes(1));
    expect((await search()).python).toMatchObject({ path });
  });
});

describe('where a Python may be', () => {
  it('begins with what the person has chosen, and names each once', () => {
    const onPath = python('bin/python3', []);
    const found = candidatesIn({ VIRTUAL_ENV: '/v', CONDA_PREFIX: '/c', PATH: dirname(onPath) }, '/home/me');
    expect(found.slice(0, 4)).toEqual(['/v/bin/python', '/c/bin/python', '/home/me/.venv/bin/python', onPath]);
    expect(new Set(found).size).toBe(found.length);
    expect(candidatesIn({ VIRTUAL_ENV: 'relative' }, '/home/me')).not.toContain('relative/bin/python');
  });

  it('is told nothing of ways to sign in', () => {
    expect(plainEnvironment({ PATH: '/bin', HOME: '/h', DATABRICKS_TOKEN: 'dapi', PYTHONPATH: '/x', https_proxy: 'http://p' })).toEqual({
      PATH: '/bin',
      HOME: '/h',
      https_proxy: 'http://p',
    });
  });
});
