/** The support file on a real disk: a new one for its owner alone, and what was there stays as it was. */
import { lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { writeSupportFile } from '../../../main/cli/support-file.ts';
import { findPlaces } from '../../../main/places.ts';

let home: string;
const write = (name: string) =>
  writeSupportFile(join(home, name), { places: findPlaces({ home, env: {}, uid: process.getuid?.() ?? -1 }), checks: [] });

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'lp-support-'));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
});

it('is there without an agent, with the end of the log, for its owner alone', async () => {
  mkdirSync(join(home, 'state'));
  const lines = Array.from({ length: 3000 }, (_, count) => JSON.stringify({ level: 30, msg: 'agent.ready', count, later: 'x'.repeat(80) }));
  writeFileSync(join(home, 'state', 'agent.log'), `${lines.join('\n')}\n`);
  const umask = process.umask(0);
  onTestFinished(() => void process.umask(umask));
  await write('support.json');
  expect(lstatSync(join(home, 'support.json')).mode & 0o777).toBe(0o600);
  const file = JSON.parse(readFileSync(join(home, 'support.json'), 'utf8'));
  expect(file.status).toBeNull();
  expect(file.log).toHaveLength(200);
  expect(file.log.at(-1)).toEqual({ level: 30, msg: 'agent.ready', count: 2999 });
});

it('is compressed where its name says so', async () => {
  await write('support.json.gz');
  expect(JSON.parse(gunzipSync(readFileSync(join(home, 'support.json.gz'))).toString())).toMatchObject({ audit: [], log: [] });
});

it('never takes the place of a file, or of what a link leads to', async () => {
  writeFileSync(join(home, 'mine'), 'precious');
  symlinkSync(join(home, 'nowhere'), join(home, 'link'));
  for (const name of ['mine', 'link', 'none/such'])
    await expect(write(name)).rejects.toMatchObject({ code: 'INPUT_INVALID', reason: 'bundle' });
  expect(readFileSync(join(home, 'mine'), 'utf8')).toBe('precious');
  expect(() => lstatSync(join(home, 'nowhere'))).toThrow('ENOENT');
});
