/** A log that cannot be written costs its lines and nothing else. */
import fs, { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { jsonLog } from '../../../main/host-ports.ts';
import { logFile } from '../../../main/log-file.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lpl-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const lines = (file: string): Record<string, unknown>[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));

it('writes one object a line, into a file for the user alone', () => {
  const file = join(folder, 'agent.log');
  const log = jsonLog(logFile(file));
  log('door.opened', { port: 12345 });
  log('door.closed');
  expect(lines(file)).toMatchObject([{ msg: 'door.opened', port: 12345 }, { msg: 'door.closed' }]);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

it('goes on after a full disk: a device without room takes nothing and stops nobody', () => {
  const log = jsonLog(logFile('/dev/full'));
  for (let line = 0; line < 100; line += 1) log('nobody.reads-this');
});

it('says how many lines were lost as soon as there is room again', () => {
  const file = join(folder, 'later', 'agent.log');
  const log = jsonLog(logFile(file));
  log('lost.one');
  log('lost.two');
  mkdirSync(join(folder, 'later'));
  log('kept');
  expect(lines(file)).toMatchObject([{ msg: 'log.lost', lines: 2 }, { msg: 'kept' }]);
});

it('never follows a link', () => {
  const file = join(folder, 'agent.log');
  symlinkSync(join(folder, 'elsewhere'), file);
  jsonLog(logFile(file))('planted');
  expect(fs.existsSync(join(folder, 'elsewhere'))).toBe(false);
});

it('begins a new line after one that found room for a part of it only', () => {
  const file = join(folder, 'agent.log');
  const log = jsonLog(logFile(file));
  log('whole');
  const real = fs.writeSync;
  const full = vi
    .spyOn(fs, 'writeSync')
    .mockImplementationOnce(((fd: number, bytes: Buffer) => real(fd, bytes, 0, 9)) as typeof fs.writeSync);
  full.mockImplementationOnce(() => {
    throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
  });
  log('torn');
  full.mockRestore();
  log('next');
  const [whole, torn, lost, next] = readFileSync(file, 'utf8').trim().split('\n');
  expect(torn).toHaveLength(9);
  expect([whole, lost, next].map((line) => JSON.parse(line ?? '').msg)).toEqual(['whole', 'log.lost', 'next']);
});
