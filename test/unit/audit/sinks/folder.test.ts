/** Files for whoever picks them up: whole or not there, never replaced. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Envelope, envelopeOf, envelopeSchema } from '../../../../main/audit/envelope.ts';
import { folderSink } from '../../../../main/audit/sinks/folder.ts';
import { temporaryFolder } from '../audit-folder.ts';
import { sampleRecord } from '../sample-records.ts';

const signal = new AbortController().signal;
const batch = (from: number, to: number, version = '1.2.3'): Envelope[] =>
  Array.from({ length: to - from + 1 }, (_, at) => envelopeOf(sampleRecord('token.served', {}, from + at), { hostId: 'd0c1', version }));
function pickedUp() {
  const folder = temporaryFolder();
  return { folder, sink: folderSink('lake', folder, { random: randomBytes }), names: () => fs.readdirSync(folder).sort() };
}

describe('a folder', () => {
  it('gets a file for each batch, a record a line, under names in the order of the records', async () => {
    const { folder, sink, names } = pickedUp();
    for (const [from, to] of [
      [1, 9],
      [10, 10],
      [11, 1200],
    ] as const)
      expect(await sink.send(batch(from, to), signal)).toEqual({ rejected: 0 });
    expect(names()).toEqual([
      ...['d0c1-000000000001-000000000009.json', 'd0c1-000000000010-000000000010.json', 'd0c1-000000000011-000000001200.json'],
    ]);
    const lines = fs.readFileSync(path.join(folder, names()[0] ?? ''), 'utf8').split('\n');
    expect(lines.slice(0, -1).map((line) => envelopeSchema.parse(JSON.parse(line)).seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(lines.at(-1)).toBe('');
    expect(fs.statSync(path.join(folder, names()[0] ?? '')).mode & 0o007).toBe(0);
  });

  it('has one file of what is sent twice', async () => {
    const { sink, names } = pickedUp();
    await sink.send(batch(1, 3), signal);
    await sink.send(batch(1, 3), signal);
    expect(names()).toEqual(['d0c1-000000000001-000000000003.json']);
  });

  it('keeps a file that is in the way, and has the other one beside it', async () => {
    const { folder, sink, names } = pickedUp();
    await sink.send(batch(1, 3), signal);
    const before = fs.readFileSync(path.join(folder, names()[0] ?? ''), 'utf8');
    await sink.send(batch(1, 3, '9.9.9'), signal);
    expect(names()).toEqual([
      ...['d0c1-000000000001-000000000003-019b8d2e-7a00-7abc-8def-0123456789ab.json', 'd0c1-000000000001-000000000003.json'],
    ]);
    expect(fs.readFileSync(path.join(folder, 'd0c1-000000000001-000000000003.json'), 'utf8')).toBe(before);
    await expect(sink.send(batch(1, 3, '7.7.7'), signal)).rejects.toMatchObject({ fault: 'way', reason: 'taken' });
    expect(names()).toHaveLength(2);
  });

  it.each<[string, (file: string, same: string) => void]>([
    ['a link to the same content', (file, same) => fs.symlinkSync(same, file)],
    ['a pipe', (file) => void execFileSync('mkfifo', [file])],
    ['a larger file', (file) => fs.writeFileSync(file, 'x'.repeat(100_000))],
  ])('takes %s that somebody laid in the way for no delivery, and opens it not', async (_, lay) => {
    const { folder, sink, names } = pickedUp();
    const other = pickedUp();
    await other.sink.send(batch(1, 3), signal);
    lay(path.join(folder, 'd0c1-000000000001-000000000003.json'), path.join(other.folder, other.names()[0] ?? ''));
    await sink.send(batch(1, 3), signal);
    const delivered = names().filter((name) => name.includes('019b8d2e-7a00-7abc-8def-0123456789ab'));
    expect(delivered).toHaveLength(1);
    expect(fs.readFileSync(path.join(folder, delivered[0] ?? ''), 'utf8').split('\n')).toHaveLength(4);
  });

  it('is rid of what an agent of this device left half written, and of nothing else', async () => {
    const { folder, sink, names } = pickedUp();
    for (const name of ['.d0c1-000000000001-000000000003.aa.tmp', '.other-1-2.aa.tmp', '.d0c1-notes', 'd0c1-x.tmp'])
      fs.writeFileSync(path.join(folder, name), '');
    await sink.send(batch(1, 3), signal);
    expect(names()).toEqual(['.d0c1-notes', '.other-1-2.aa.tmp', 'd0c1-000000000001-000000000003.json', 'd0c1-x.tmp']);
  });
});

describe('a folder that cannot take a file', () => {
  it('since it is gone, is not made anew', async () => {
    const { folder, sink } = pickedUp();
    fs.rmSync(folder, { recursive: true });
    await expect(sink.send(batch(1, 3), signal)).rejects.toMatchObject({
      code: 'AUDIT_SINK_UNREACHABLE',
      fault: 'way',
      reason: 'folder-gone',
    });
    expect(fs.existsSync(folder)).toBe(false);
    fs.mkdirSync(folder);
    expect(await sink.send(batch(1, 3), signal)).toEqual({ rejected: 0 });
  });

  it('since it is a file, says so', async () => {
    const { folder } = pickedUp();
    const file = path.join(folder, 'file');
    fs.writeFileSync(file, '');
    await expect(folderSink('lake', file, { random: randomBytes }).send(batch(1, 3), signal)).rejects.toMatchObject({
      fault: 'way',
      reason: 'folder',
    });
  });

  it('since the disk is full, keeps nothing of it, and takes it when there is room', async () => {
    const folder = temporaryFolder();
    let isFull = true;
    const openFile: typeof open = async (...given) => {
      const handle = await open(...given);
      if (!isFull) return handle;
      const write = handle.writeFile.bind(handle);
      handle.writeFile = async (content) => {
        // Half of it still has room.
        await write(String(content).slice(0, 100));
        throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC', syscall: 'write' });
      };
      return handle;
    };
    const sink = folderSink('lake', folder, { random: randomBytes, openFile });
    await expect(sink.send(batch(1, 3), signal)).rejects.toMatchObject({ fault: 'way', reason: 'disk-full' });
    expect(fs.readdirSync(folder)).toEqual([]);
    isFull = false;
    expect(await sink.send(batch(1, 3), signal)).toEqual({ rejected: 0 });
    expect(fs.readdirSync(folder)).toEqual(['d0c1-000000000001-000000000003.json']);
  });
});
