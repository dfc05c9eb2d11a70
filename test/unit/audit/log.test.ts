import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { type DiskFull, openAuditLog } from '../../../main/audit/log.ts';
import { ZERO_HASH } from '../../../main/audit/record.ts';
import type { Disk } from '../../../main/audit/segment.ts';
import { verifyAudit } from '../../../main/audit/verify.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { firstSegment, linesOf, opened, recordsOf, served, temporaryFolder, writtenLog } from './audit-folder.ts';

const systemError = (code: string): Error => Object.assign(new Error(code), { code, syscall: 'write' });
const typesOf = (file: string): unknown[] => recordsOf(file).map(({ type }) => type);

/** The real disk, with calls that can be made to fail and are counted. */
function faultyDisk() {
  const faults: { room?: number; write?: string; truncate?: string; sync?: string } = {};
  const calls = { writes: 0, syncs: 0 };
  const disk: Disk = {
    openSync: fs.openSync,
    fsync: fs.fsync,
    writeSync: ((fd: number, line: Buffer, offset: number, length: number) => {
      calls.writes += 1;
      if (faults.write !== undefined) throw systemError(faults.write);
      if (faults.room === undefined) return fs.writeSync(fd, line, offset, length);
      if (faults.room === 0) throw systemError('ENOSPC');
      const step = Math.min(faults.room, length);
      faults.room -= step;
      return fs.writeSync(fd, line, offset, step);
    }) as Disk['writeSync'],
    ftruncateSync: (fd, size) => {
      if (faults.truncate !== undefined) throw systemError(faults.truncate);
      fs.ftruncateSync(fd, size);
    },
    fdatasync: ((fd: number, done: (error: Error | null) => void) => {
      calls.syncs += 1;
      if (faults.sync !== undefined) setImmediate(() => done(systemError(faults.sync ?? '')));
      else fs.fdatasync(fd, done);
    }) as Disk['fdatasync'],
  };
  return { disk, faults, calls };
}

describe('writing', () => {
  it('has the record in the file when append returns, chained to the one before', async () => {
    const { log, folder } = await opened();
    log.append(served(1));
    log.append(served(2));
    const [one, two] = recordsOf(firstSegment(folder));
    expect(one).toMatchObject({
      seq: 1,
      at: '2026-01-05T09:00:00.000Z',
      prev: ZERO_HASH,
      type: 'token.served-again',
      grant: 'g1',
      count: 1,
    });
    expect(two).toMatchObject({ seq: 2, prev: one?.['hash'] });
    expect(one?.['id']).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(two?.['id']).not.toBe(one?.['id']);
  });

  it('writes a record with one call', async () => {
    const { disk, calls } = faultyDisk();
    const { log } = await opened({ disk });
    log.append(served(1));
    expect(calls.writes).toBe(1);
  });

  it('keeps folder and files to the user', async () => {
    const folder = await writtenLog(1);
    expect(fs.statSync(folder).mode & 0o777).toBe(0o700);
    expect(fs.statSync(firstSegment(folder)).mode & 0o777).toBe(0o600);
  });

  it('closes a file again that was opened to others in between', async () => {
    const folder = await writtenLog(1);
    fs.chmodSync(firstSegment(folder), 0o644);
    await opened({ folder });
    expect(fs.statSync(firstSegment(folder)).mode & 0o777).toBe(0o600);
  });

  it('goes on with the chain after a restart', async () => {
    const folder = await writtenLog(3);
    const { log } = await opened({ folder });
    log.append(served(4));
    expect(recordsOf(firstSegment(folder)).map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
    expect(await verifyAudit(folder)).toMatchObject({ ok: true, records: 4, notes: [], last: { seq: 4 } });
  });

  it('begins a new segment before one grows beyond its size, chained to the former', async () => {
    const { log, folder } = await opened({ segmentBytes: 1000 });
    for (let n = 1; n <= 10; n += 1) log.append(served(n));
    const files = log.files();
    expect(files.length).toBeGreaterThan(2);
    for (const file of files) expect(fs.statSync(file).size).toBeLessThanOrEqual(1000);
    expect(recordsOf(files[1] as string)[0]?.['prev']).toBe(recordsOf(files[0] as string).at(-1)?.['hash']);
    expect(await verifyAudit(folder)).toMatchObject({ ok: true, records: 10 });
  });

  it('goes on in the newest of several segments after a restart, an empty one included', async () => {
    const folder = await writtenLog(10, { segmentBytes: 1000 });
    const empty = path.join(folder, `audit-${String(fs.readdirSync(folder).length + 1).padStart(6, '0')}.jsonl`);
    fs.writeFileSync(empty, '', { mode: 0o600 });
    const { log } = await opened({ folder, segmentBytes: 1000 });
    log.append(served(11));
    expect(recordsOf(empty)).toMatchObject([{ seq: 11 }]);
    expect(await verifyAudit(folder)).toMatchObject({ ok: true, records: 11 });
  });

  it('remembers the newest records, those of an earlier run too', async () => {
    const folder = await writtenLog(3);
    const { log } = await opened({ folder });
    log.append(served(4));
    expect(log.tail(2)).toMatchObject([
      { seq: 3, count: 3 },
      { seq: 4, count: 4 },
    ]);
    expect(log.tail(100)).toHaveLength(4);
    expect(log.tail(0)).toEqual([]);
  });

  it('remembers a thousand records and no more', async () => {
    const { log } = await opened();
    for (let n = 1; n <= 2500; n += 1) log.append(served(n));
    expect(log.tail(5000)).toHaveLength(1000);
    expect(log.tail(1)).toMatchObject([{ seq: 2500 }]);
  });

  it('refuses appends after close', async () => {
    const { log, folder } = await opened();
    log.append(served(1));
    await log.close();
    expect(() => log.append(served(2))).toThrow(expect.objectContaining({ code: 'AUDIT_UNWRITABLE', reason: 'closed' }));
    expect(recordsOf(firstSegment(folder))).toHaveLength(1);
  });

  it('takes a bug in an event for a bug: nothing is written and no gap remains', async () => {
    const { log, folder } = await opened();
    expect(() => log.append({ type: 'audit.gap', count: Number.NaN })).toThrow(TypeError);
    log.append(served(1));
    expect(typesOf(firstSegment(folder))).toEqual(['token.served-again']);
  });
});

describe('a disk that does not take the record', () => {
  it.each([
    ['ENOSPC', 'disk-full'],
    ['EDQUOT', 'disk-full'],
    ['EIO', 'io'],
    ['EROFS', 'permission'],
  ])('refuses with AUDIT_UNWRITABLE on %s, and counts the refused when it works again', async (code, reason) => {
    const { disk, faults } = faultyDisk();
    const { log, folder, logged } = await opened({ disk });
    log.append(served(1));
    faults.write = code;
    for (const n of [2, 3, 4]) expect(() => log.append(served(n))).toThrow(expect.objectContaining({ code: 'AUDIT_UNWRITABLE', reason }));
    expect(logged).toEqual([{ event: 'audit.unwritable', fields: { error: code } }]);
    delete faults.write;
    log.append(served(5));
    log.append(served(6));
    expect(recordsOf(firstSegment(folder))).toMatchObject([
      { seq: 1, count: 1 },
      { seq: 2, type: 'audit.gap', count: 3 },
      { seq: 3, count: 5 },
      { seq: 4, count: 6 },
    ]);
    expect(await verifyAudit(folder)).toMatchObject({ ok: true, notes: [{ note: 'gap', line: 2 }] });
  });

  it('cuts off what a half write left, and remembers nothing of it', async () => {
    const { disk, faults } = faultyDisk();
    const { log, folder } = await opened({ disk });
    log.append(served(1));
    const before = fs.readFileSync(firstSegment(folder));
    faults.room = 50;
    expect(() => log.append(served(2))).toThrow(expect.objectContaining({ reason: 'disk-full' }));
    expect(fs.readFileSync(firstSegment(folder))).toEqual(before);
    expect(log.tail(10)).toHaveLength(1);
  });

  it('cuts at the next append when the disk did not even let it cut', async () => {
    const { disk, faults } = faultyDisk();
    const { log, folder } = await opened({ disk });
    log.append(served(1));
    Object.assign(faults, { room: 50, truncate: 'EIO' });
    expect(() => log.append(served(2))).toThrow(expect.objectContaining({ code: 'AUDIT_UNWRITABLE' }));
    expect(fs.readFileSync(firstSegment(folder), 'utf8')).not.toMatch(/\n$/);
    delete faults.room;
    expect(() => log.append(served(3))).toThrow(expect.objectContaining({ code: 'AUDIT_UNWRITABLE', reason: 'io' }));
    delete faults.truncate;
    log.append(served(4));
    expect(typesOf(firstSegment(folder))).toEqual(['token.served-again', 'audit.gap', 'token.served-again']);
    expect((await verifyAudit(folder)).ok).toBe(true);
  });

  it('finishes a record that the system takes in pieces', async () => {
    const { disk } = faultyDisk();
    disk.writeSync = ((fd: number, line: Buffer, offset: number, length: number) =>
      fs.writeSync(fd, line, offset, Math.min(7, length))) as Disk['writeSync'];
    const { log, folder } = await opened({ disk });
    log.append(served(1));
    expect(await verifyAudit(folder)).toMatchObject({ ok: true, records: 1 });
  });

  it('gives up on a system that takes nothing', async () => {
    const { disk } = faultyDisk();
    disk.writeSync = (() => 0) as Disk['writeSync'];
    const { log } = await opened({ disk });
    expect(() => log.append(served(1))).toThrow(expect.objectContaining({ code: 'AUDIT_UNWRITABLE', reason: 'io' }));
  });

  it('stays where it was when a new segment cannot be made', async () => {
    const { disk } = faultyDisk();
    const { log, folder } = await opened({ disk, segmentBytes: 600 });
    log.append(served(1));
    disk.openSync = () => {
      throw systemError('ENOSPC');
    };
    log.append(served(2));
    expect(() => log.append(served(3))).toThrow(expect.objectContaining({ reason: 'disk-full' }));
    disk.openSync = fs.openSync;
    log.append(served(4));
    expect(await verifyAudit(folder)).toMatchObject({ ok: true, records: 4 });
    expect(log.files()).toHaveLength(2);
  });

  it('opens on a full disk, with the repair recorded once there is room', async () => {
    const folder = await writtenLog(2);
    fs.appendFileSync(firstSegment(folder), '{"seq":3,"at');
    const { disk, faults } = faultyDisk();
    faults.write = 'ENOSPC';
    const { log } = await opened({ disk, folder });
    expect(() => log.append(served(3))).toThrow(expect.objectContaining({ reason: 'disk-full' }));
    delete faults.write;
    log.append(served(4));
    expect(recordsOf(firstSegment(folder)).slice(2)).toMatchObject([
      { type: 'audit.repaired', droppedBytes: 12 },
      { type: 'audit.gap', count: 1 },
      { type: 'token.served-again' },
    ]);
  });
});

describe('a full disk where the company has acts go on', () => {
  const goingOn = async () => {
    const { disk, faults } = faultyDisk();
    const word: { now: DiskFull } = { now: 'serve-and-count' };
    const setting = await opened({ disk, diskFull: () => word.now });
    setting.log.append(served(1));
    return { ...setting, faults, word };
  };

  it('records nothing, refuses nothing, and says how many once there is room', async () => {
    const { log, folder, faults, logged } = await goingOn();
    faults.write = 'ENOSPC';
    for (const n of [2, 3, 4]) log.append(served(n));
    expect([recordsOf(firstSegment(folder)).length, log.tail(5).length, log.head().seq]).toEqual([1, 1, 1]);
    expect(logged).toEqual([{ event: 'audit.unwritable', fields: { error: 'ENOSPC' } }]);
    delete faults.write;
    log.append(served(5));
    expect(recordsOf(firstSegment(folder)).slice(1)).toMatchObject([{ type: 'audit.gap', count: 3, acts: 'went-on' }, { count: 5 }]);
    expect(await verifyAudit(folder)).toMatchObject({ ok: true, notes: [{ note: 'went-on', line: 2 }] });
  });

  it('is counted beyond the death of the agent, once and no more, and nothing of it lies there before', async () => {
    const { log, folder, faults } = await goingOn();
    faults.write = 'ENOSPC';
    for (const n of [2, 3, 4]) log.append(served(n));
    // Killed, and started while the disk is still full; killed again.
    const { disk, faults: still } = faultyDisk();
    still.write = 'ENOSPC';
    const second = await opened({ folder, disk, diskFull: () => 'serve-and-count' });
    second.log.append(served(5));
    const third = await opened({ folder });
    expect(recordsOf(firstSegment(folder)).slice(1)).toMatchObject([{ type: 'audit.gap', count: 4, acts: 'went-on' }]);
    third.log.append(served(6));
    await third.log.close();
    await opened({ folder });
    expect(recordsOf(firstSegment(folder))).toHaveLength(3);
    const other = await opened();
    other.log.append(served(1));
    expect(fs.readdirSync(other.folder)).toEqual(['audit-000001.jsonl']);
  });

  it.each(['', 'x', '99999999999999999', '-000000000000001', '0000000000000.5e', 'folder', 'link', 'pipe'])(
    'takes a count of %j that nobody has written for none, and goes on',
    async (text) => {
      const folder = path.join(temporaryFolder(), 'audit');
      fs.mkdirSync(folder, { mode: 0o700 });
      const file = path.join(folder, 'went-on');
      if (text === 'folder') fs.mkdirSync(file);
      else if (text === 'link') fs.symlinkSync('/etc/passwd', file);
      else if (text === 'pipe') execFileSync('mkfifo', [file]);
      else fs.writeFileSync(file, text);
      const { disk, faults } = faultyDisk();
      const { log } = await opened({ folder, disk, diskFull: () => 'serve-and-count' });
      log.append(served(1));
      faults.write = 'ENOSPC';
      log.append(served(2));
      delete faults.write;
      log.append(served(3));
      expect(recordsOf(firstSegment(folder))).toMatchObject([{ count: 1 }, { type: 'audit.gap', count: 1 }, { count: 3 }]);
    },
  );

  it('keeps what must be on the disk first waiting for it: that is refused', async () => {
    const { log, faults } = await goingOn();
    faults.write = 'ENOSPC';
    log.append(served(2));
    await expect(log.synced()).rejects.toMatchObject({ code: 'AUDIT_UNWRITABLE', reason: 'disk-full' });
    delete faults.write;
    log.append(served(3));
    await log.synced();
  });

  it('is a full disk alone: a disk that fails, or that nobody may write, refuses as ever', async () => {
    const { log, faults } = await goingOn();
    for (const code of ['EIO', 'EACCES']) {
      faults.write = code;
      expect(() => log.append(served(2))).toThrow(expect.objectContaining({ code: 'AUDIT_UNWRITABLE' }));
    }
  });

  it('tells what was refused from what went on, as the company has changed its mind', async () => {
    const { log, folder, faults, word } = await goingOn();
    faults.write = 'ENOSPC';
    log.append(served(2));
    word.now = 'refuse';
    for (const n of [3, 4]) expect(() => log.append(served(n))).toThrow(expect.objectContaining({ reason: 'disk-full' }));
    delete faults.write;
    log.append(served(5));
    const [, refused, wentOn] = recordsOf(firstSegment(folder));
    expect([refused, wentOn]).toMatchObject([
      { type: 'audit.gap', count: 2 },
      { type: 'audit.gap', count: 1, acts: 'went-on' },
    ]);
    expect(refused).not.toHaveProperty('acts');
  });
});

describe('whoever listens', () => {
  it('is told of each record as it is written, and of none that was not', async () => {
    const { disk, faults } = faultyDisk();
    const { log } = await opened({ disk });
    const heard: number[] = [];
    const stop = log.onAppend(({ seq }) => void heard.push(seq));
    log.append(served(1));
    faults.write = 'ENOSPC';
    expect(() => log.append(served(2))).toThrow();
    delete faults.write;
    log.append(served(3));
    stop();
    log.append(served(4));
    expect(heard).toEqual([1, 2, 3]);
    expect(log.head()).toEqual({ seq: 4, hash: log.tail(1)[0]?.hash, segment: 1 });
  });
});

describe('bringing it to the disk', () => {
  it('syncs once for all appends of 250 ms', async () => {
    const { disk, calls } = faultyDisk();
    const { log, clock } = await opened({ disk });
    for (let n = 1; n <= 50; n += 1) log.append(served(n));
    await clock.advance(249);
    expect(calls.syncs).toBe(0);
    await clock.advance(1);
    expect(calls.syncs).toBe(1);
    await clock.advance(10_000);
    expect(calls.syncs).toBe(1);
  });

  it('syncs at once for whoever waits, and once for all who wait together', async () => {
    const { disk, calls } = faultyDisk();
    const { log } = await opened({ disk });
    log.append(served(1));
    const waits = Array.from({ length: 20 }, (_, n) => {
      log.append(served(n));
      return log.synced();
    });
    await Promise.all(waits);
    expect(calls.syncs).toBeLessThanOrEqual(2);
    await log.synced();
    expect(calls.syncs).toBeLessThanOrEqual(2);
  });

  it('covers what was appended while a sync was under way', async () => {
    const { disk } = faultyDisk();
    const order: string[] = [];
    disk.fdatasync = ((_fd: number, done: (error: Error | null) => void) => {
      order.push('sync');
      setImmediate(() => done(null));
    }) as Disk['fdatasync'];
    const { log, clock } = await opened({ disk });
    log.append(served(1));
    const first = log.synced();
    log.append(served(2));
    const second = log.synced().then(() => order.push('second'));
    await Promise.all([first, second]);
    expect(order).toEqual(['sync', 'sync', 'second']);
    log.append(served(3));
    await clock.advance(250);
    expect(order).toEqual(['sync', 'sync', 'second', 'sync']);
  });

  it('tells those who wait that the disk failed, and goes on in a new segment that says so', async () => {
    const { disk, faults } = faultyDisk();
    const { log, folder } = await opened({ disk });
    log.append(served(1));
    faults.sync = 'EIO';
    await expect(log.synced()).rejects.toMatchObject({ code: 'AUDIT_UNWRITABLE' });
    delete faults.sync;
    await expect(log.synced()).rejects.toMatchObject({ code: 'AUDIT_UNWRITABLE' });
    log.append(served(2));
    await log.synced();
    expect(recordsOf(log.files()[1] as string)).toMatchObject([
      { seq: 2, type: 'audit.broken', segment: 'audit-000001.jsonl', problem: 'sync-failed' },
      { seq: 3, count: 2 },
    ]);
    expect(await verifyAudit(folder)).toMatchObject({ ok: true, records: 3, notes: [{ note: 'break-recorded' }] });
  });

  it('notices that its file was deleted, and leaves a log that shows the hole', async () => {
    const { log, folder, clock } = await opened();
    log.append(served(1));
    fs.rmSync(firstSegment(folder));
    log.append(served(2));
    await clock.advance(250);
    log.append(served(3));
    expect(log.files().map((file) => path.basename(file))).toEqual(['audit-000002.jsonl']);
    expect(recordsOf(log.files()[0] as string)).toMatchObject([{ seq: 3, type: 'audit.broken', problem: 'deleted' }, { seq: 4 }]);
    expect((await verifyAudit(folder)).problems).toContainEqual(expect.objectContaining({ problem: 'segment-missing' }));
  });

  it.each([
    ['cut', (file: string) => fs.truncateSync(file, 10)],
    ['written to', (file: string) => fs.appendFileSync(file, 'somebody else\n')],
  ])('notices that its file was %s by somebody else', async (_, change) => {
    const { log, folder, clock } = await opened();
    log.append(served(1));
    change(firstSegment(folder));
    await clock.advance(250);
    log.append(served(2));
    expect(recordsOf(log.files()[1] as string)).toMatchObject([{ type: 'audit.broken', problem: 'changed' }, { count: 2 }]);
    expect((await verifyAudit(folder)).ok).toBe(false);
  });

  it('syncs the last records at close and leaves no timer', async () => {
    const { disk, calls } = faultyDisk();
    const { log, clock } = await opened({ disk });
    log.append(served(1));
    await log.close();
    expect(calls.syncs).toBe(1);
    expect(clock.pending).toBe(0);
  });
});

describe('opening what was left behind', () => {
  it('cuts a torn last line wherever the crash tore it, and records how much', async () => {
    const folder = await writtenLog(2);
    const whole = fs.readFileSync(firstSegment(folder));
    const last = Buffer.byteLength(linesOf(firstSegment(folder)).at(-1) ?? '') + 1;
    for (let kept = 1; kept < last - 1; kept += 1) {
      fs.writeFileSync(firstSegment(folder), whole.subarray(0, whole.length - last + kept));
      const { log } = await opened({ folder });
      log.append(served(9));
      await log.close();
      expect(recordsOf(firstSegment(folder))).toMatchObject([
        { seq: 1, count: 1 },
        { seq: 2, type: 'audit.repaired', droppedBytes: kept },
        { seq: 3, count: 9 },
      ]);
      expect((await verifyAudit(folder)).ok).toBe(true);
    }
  }, 60_000);

  it('keeps a last record that lacks only its newline', async () => {
    const folder = await writtenLog(2);
    fs.truncateSync(firstSegment(folder), fs.statSync(firstSegment(folder)).size - 1);
    await opened({ folder });
    expect(recordsOf(firstSegment(folder))).toMatchObject([{ seq: 1 }, { seq: 2, count: 2 }, { type: 'audit.repaired', droppedBytes: 0 }]);
    expect((await verifyAudit(folder)).ok).toBe(true);
  });

  it.each([
    ['a first line that was torn', '{"seq":1,"a'],
    ['blocks the disk never filled', '\0'.repeat(4096)],
  ])('repairs %s', async (_, rest) => {
    const folder = path.join(temporaryFolder(), 'audit');
    fs.mkdirSync(folder, { mode: 0o700 });
    fs.writeFileSync(firstSegment(folder), rest);
    const { log } = await opened({ folder });
    expect(log.tail(5)).toMatchObject([{ seq: 1, type: 'audit.repaired', droppedBytes: rest.length }]);
  });

  const damage: [string, (text: string) => string, string][] = [
    ['an edited record', (text) => text.replace('"count":2', '"count":7'), 'hash-wrong'],
    ['a deleted record', (text) => text.split('\n').toSpliced(1, 1).join('\n'), 'chain'],
    ['a line that is no record', (text) => `${text}hello\n`, 'malformed'],
    ['a last record whose newline was overwritten', (text) => `${text.slice(0, -1)}x`, 'malformed'],
    ['a last record that was edited and cut', (text) => text.slice(0, -1).replace('"count":3', '"count":8'), 'malformed'],
    ['a rest that is longer than a record', (text) => text + 'x'.repeat(200_000), 'malformed'],
    ['a file that is no log at all', () => 'x'.repeat(600_000), 'malformed'],
  ];
  it.each(damage)('leaves %s untouched and goes on in a new segment that names the break', async (_, change, problem) => {
    const folder = await writtenLog(3);
    const damaged = change(fs.readFileSync(firstSegment(folder), 'utf8'));
    fs.writeFileSync(firstSegment(folder), damaged);
    const { log, logged } = await opened({ folder });
    log.append(served(4));
    await log.close();
    expect(fs.readFileSync(firstSegment(folder), 'utf8')).toBe(damaged);
    expect(recordsOf(log.files()[1] as string)).toMatchObject([
      { type: 'audit.broken', segment: 'audit-000001.jsonl', problem },
      { count: 4 },
    ]);
    expect(logged).toContainEqual({ event: 'audit.broken', fields: { problem } });
    const verdict = await verifyAudit(folder);
    expect(verdict.ok).toBe(false);
    expect(verdict.problems.every(({ file }) => file === firstSegment(folder))).toBe(true);
  });

  it('records a break once, not at every start', async () => {
    const folder = await writtenLog(3);
    fs.appendFileSync(firstSegment(folder), 'hello\n');
    for (let start = 0; start < 3; start += 1) {
      const { log } = await opened({ folder });
      log.append(served(start));
      await log.close();
    }
    expect(typesOf(path.join(folder, 'audit-000002.jsonl'))).toEqual(['audit.broken', ...Array(3).fill('token.served-again')]);
    expect(fs.readdirSync(folder)).toHaveLength(2);
  });

  it('finds that the newest segment does not follow the one before', async () => {
    const folder = await writtenLog(10, { segmentBytes: 1000 });
    fs.rmSync(path.join(folder, 'audit-000003.jsonl'));
    const { log } = await opened({ folder });
    expect(log.tail(1)).toMatchObject([{ type: 'audit.broken', problem: 'chain' }]);
  });
});

describe('a folder that is not the user’s alone', () => {
  const open = (folder: string) => openAuditLog({ folder, clock: fakeClock(), random: randomBytes, log: () => undefined });
  const refusal = { code: 'AUDIT_UNWRITABLE', reason: 'folder' };

  it.each(['0750', '0701', '0722'])('is refused when others can enter it (mode %s)', async (octal) => {
    const mode = Number.parseInt(octal, 8);
    const folder = await writtenLog(1);
    fs.chmodSync(folder, mode);
    await expect(open(folder)).rejects.toMatchObject(refusal);
  });

  it('is refused when it is a link', async () => {
    const folder = await writtenLog(1);
    const link = path.join(temporaryFolder(), 'audit');
    fs.symlinkSync(folder, link);
    fs.lchownSync(link, process.getuid?.() ?? 0, process.getgid?.() ?? 0);
    await expect(open(link)).rejects.toMatchObject(refusal);
  });

  it('is refused when it is not of the user who runs the agent', async () => {
    const folder = await writtenLog(1);
    const uid = process.getuid?.() ?? 0;
    const spy = vi.spyOn(process, 'getuid').mockReturnValue(uid + 1);
    onTestFinished(() => spy.mockRestore());
    await expect(open(folder)).rejects.toMatchObject(refusal);
  });

  it.runIf(process.getuid?.() === 0)('is refused when it belongs to another user', async () => {
    const folder = await writtenLog(1);
    fs.chownSync(folder, 65534, 65534);
    await expect(open(folder)).rejects.toMatchObject(refusal);
  });

  it('is refused when a link stands in a segment’s place', async () => {
    const folder = await writtenLog(1);
    const elsewhere = path.join(temporaryFolder(), 'elsewhere');
    fs.renameSync(firstSegment(folder), elsewhere);
    fs.symlinkSync(elsewhere, firstSegment(folder));
    await expect(open(folder)).rejects.toMatchObject({ code: 'AUDIT_UNWRITABLE' });
    expect(recordsOf(elsewhere)).toHaveLength(1);
  });
});
