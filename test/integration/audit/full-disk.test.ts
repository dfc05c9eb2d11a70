/**
 * A disk that is really full: a tmpfs of 64 KiB, mounted for the test. Only root may mount; for others the cases with an
 * injected disk (`test/unit/audit/log.test.ts`) stand alone and this file is reported as not run.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { newCursor, readCursor, writeCursor } from '../../../main/audit/sinks/cursor.ts';
import { verifyAudit } from '../../../main/audit/verify.ts';
import { firstSegment, opened, served } from '../../unit/audit/audit-folder.ts';

const refused = expect.objectContaining({ code: 'AUDIT_UNWRITABLE', reason: 'disk-full' });

function mountTinyDisk(): string | undefined {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lakepass-full-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,mode=700', 'lakepass-test', folder], { stdio: 'ignore' });
    return folder;
  } catch {
    fs.rmdirSync(folder);
    return undefined;
  }
}
function unmount(folder: string): void {
  execFileSync('umount', ['--lazy', folder]);
  fs.rmdirSync(folder);
}
const probe = mountTinyDisk();
if (probe !== undefined) unmount(probe);

function tinyDisk(): string {
  const folder = mountTinyDisk();
  if (folder === undefined) throw new Error('mount worked a moment ago');
  onTestFinished(() => unmount(folder));
  return folder;
}

/** Leaves room for `bytes` at most; returns what gives the rest back. */
function fill(disk: string, leave: number): () => void {
  const ballast = path.join(disk, 'ballast');
  const { bavail, bsize } = fs.statfsSync(disk);
  fs.writeFileSync(ballast, Buffer.alloc(Math.max(0, bavail * bsize - leave)));
  return () => fs.rmSync(ballast);
}

describe.runIf(probe !== undefined)('a full disk', () => {
  it('refuses the record that does not fit whole, keeps the chain, and goes on once there is room', async () => {
    const disk = tinyDisk();
    const { log, folder } = await opened({ folder: path.join(disk, 'audit') });
    log.append(served(1));
    const giveBack = fill(disk, 0);
    let written = 1;
    expect(() => {
      for (; written < 1000; written += 1) log.append(served(written + 1));
    }).toThrow(refused);
    expect(written).toBeLessThan(1000);
    const before = fs.readFileSync(firstSegment(folder));
    // The record crosses the end of the last page: the system takes a part of it before it says ENOSPC.
    expect(before.length % 4096).not.toBe(0);
    expect(() => log.append(served(0))).toThrow(refused);
    expect(fs.readFileSync(firstSegment(folder))).toEqual(before);
    expect(await verifyAudit(folder)).toMatchObject({ ok: true, records: written });
    giveBack();
    log.append(served(written + 1));
    await log.synced();
    expect(await verifyAudit(folder)).toMatchObject({ ok: true, records: written + 2, notes: [{ note: 'gap' }] });
    expect(log.tail(2)).toMatchObject([{ type: 'audit.gap', count: 2 }, { count: written + 1 }]);
  });

  it('opens an existing log while the disk is full, and refuses until there is room', async () => {
    const disk = tinyDisk();
    const first = await opened({ folder: path.join(disk, 'audit') });
    first.log.append(served(1));
    await first.log.close();
    const giveBack = fill(disk, 0);
    const { log, folder } = await opened({ folder: path.join(disk, 'audit'), segmentBytes: fs.statSync(firstSegment(first.folder)).size });
    // A new segment needs a page of its own, and there is none.
    expect(() => log.append(served(2))).toThrow(refused);
    giveBack();
    log.append(served(3));
    expect(await verifyAudit(folder)).toMatchObject({ ok: true, records: 3 });
  });

  it('leaves the cursor of a sink as it was, whole and with nothing beside it, and it is written once there is room', async () => {
    const disk = tinyDisk();
    const logged: string[] = [];
    const of = {
      ...{ file: path.join(disk, 'company.json'), sink: 'company', to: 'x', folder: path.join(disk, 'audit') },
      ...{ stamp: (text: string) => String(text.length), log: (event: string) => void logged.push(event) },
    };
    const at = (sentAt: number) => ({ ...newCursor(), sentAt });
    expect(await writeCursor(of, at(1), 'a')).toBe(true);
    const giveBack = fill(disk, 0);
    expect(await writeCursor(of, at(2), 'b')).toBe(false);
    expect([logged, fs.readdirSync(disk).sort()]).toEqual([['audit.cursor-unwritten'], ['ballast', 'company.json']]);
    expect(await readCursor(of)).toEqual(at(1));
    giveBack();
    expect(await writeCursor(of, at(3), 'c')).toBe(true);
    expect(await readCursor(of)).toEqual(at(3));
  });
});
