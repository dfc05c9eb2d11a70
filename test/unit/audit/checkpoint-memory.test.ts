/** What the vault remembers of the log shows what became of it while no agent ran. */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createCheckpointMemory } from '../../../main/audit/checkpoint-memory.ts';
import { encodeRecord, ZERO_HASH } from '../../../main/audit/record.ts';
import { verifyAudit } from '../../../main/audit/verify.ts';
import { obtainDevice } from '../../../main/enroll/device.ts';
import { memoryDisk } from '../../fakes/memory-disk.ts';
import { firstSegment, linesOf, opened, recordsOf, served } from './audit-folder.ts';
import { sealed } from './sealed-log.ts';

/** A run of the agent that ended, whose last checkpoint but the one at its end is remembered; then `change`, and the next run. */
async function nextRun(change: (folder: string) => void, disk = memoryDisk()) {
  const first = await sealed();
  const memory = createCheckpointMemory({ folder: first.folder, vault: disk.vault(), audit: first.log, log: () => undefined });
  first.checkpoints.onSealed(memory.remember);
  first.log.append(served(1));
  first.begin();
  for (let n = 2; n <= 20; n += 1) first.log.append(served(n));
  await first.clock.advance(60_000);
  await memory.settled();
  first.log.append(served(21));
  await first.log.close();
  change(first.folder);
  const { log, logged } = await opened({ folder: first.folder });
  const next = createCheckpointMemory({
    folder: first.folder,
    vault: disk.vault(),
    audit: log,
    log: (event) => void logged.push({ event, fields: {} }),
  });
  return { folder: first.folder, log, next, logged, disk, sealedAt: first.checkpoints.last() };
}
const cutAfter = (lines: number) => (folder: string) =>
  fs.writeFileSync(firstSegment(folder), `${linesOf(firstSegment(folder)).slice(0, lines).join('\n')}\n`);

describe('at a start', () => {
  it('a log that was sealed and only went on is as it was', async () => {
    const { next, log } = await nextRun(() => undefined);
    expect(await next.compare(true)).toBe(true);
    expect(log.tail(1)).toMatchObject([{ count: 21 }]);
  });

  it('a device that has sealed nothing yet has nothing to compare', async () => {
    const { log, folder } = await opened();
    log.append(served(1));
    const vault = memoryDisk().vault();
    const memory = createCheckpointMemory({ folder, vault, audit: log, log: () => undefined });
    expect(await memory.compare(false)).toBe(true);
    // Made, and nothing sealed before the agent died.
    await obtainDevice(vault, randomBytes);
    expect(await memory.compare(true)).toBe(true);
    expect(log.tail(1)).toMatchObject([{ count: 1 }]);
  });

  it.each<[string, (folder: string) => void]>([
    ['was cut before the last checkpoint', cutAfter(10)],
    ['was removed', (folder) => fs.rmSync(firstSegment(folder))],
    [
      'was written anew',
      (folder) => {
        const count = recordsOf(firstSegment(folder)).length;
        fs.rmSync(firstSegment(folder));
        writeAnew(folder, count);
      },
    ],
  ])('a log that %s says so itself', async (_, change) => {
    const { next, log, sealedAt } = await nextRun(change);
    expect(await next.compare(true)).toBe(false);
    const root = Buffer.from(sealedAt?.root ?? '', 'hex').toString('base64');
    expect(log.tail(1)).toMatchObject([{ type: 'audit.rewritten', size: sealedAt?.size, root }]);
  });

  it.each<[string, (disk: ReturnType<typeof memoryDisk>) => void]>([
    ['taken away', (disk) => void disk.records.delete('audit-sealed')],
    ['emptied', (disk) => void disk.records.set('audit-sealed', Buffer.from(''))],
    ['no JSON', (disk) => void disk.records.set('audit-sealed', Buffer.from('x'))],
    ['of another form', (disk) => void disk.records.set('audit-sealed', Buffer.from('{"version":1,"size":0,"root":"x"}'))],
    ['spoilt', (disk) => disk.spoil('audit-sealed')],
  ])('a memory that was %s hides no cut: the log says that nobody knows', async (_, change) => {
    const disk = memoryDisk();
    const { next, log, folder } = await nextRun((at) => {
      cutAfter(10)(at);
      change(disk);
    }, disk);
    expect(await next.compare(true)).toBe(false);
    expect(log.tail(1)).toMatchObject([{ type: 'audit.rewritten', size: 0, root: '' }]);
    expect((await verifyAudit(folder)).problems).toMatchObject([{ problem: 'memory-lost', line: 11 }]);
  });

  it('a new device says nothing of a memory that went with the one before: its key is another one', async () => {
    const disk = memoryDisk();
    const { next, log } = await nextRun(() => disk.spoil('audit-sealed'), disk);
    expect(await next.compare(false)).toBe(true);
    expect(log.tail(1)).toMatchObject([{ count: 21 }]);
  });
});

describe('remembering', () => {
  it('waits for the log to be on the disk, and leaves out what a newer one has overtaken', async () => {
    const disk = memoryDisk();
    const synced = Promise.withResolvers<void>();
    const memory = createCheckpointMemory({
      ...{ folder: '/nowhere', vault: disk.vault(), log: () => undefined },
      audit: { append: () => undefined, synced: () => synced.promise },
    });
    for (const size of [1, 2, 3]) memory.remember({ size, root: 'ab'.repeat(32) });
    expect(disk.records.size).toBe(0);
    synced.resolve();
    await memory.settled();
    expect(disk.json('audit-sealed')).toMatchObject({ size: 3 });
    expect(disk.calls).toEqual(['seal audit-sealed', 'seal audit-sealed']);
  });

  it('that fails is said, and does not end', async () => {
    const disk = memoryDisk();
    const logged: string[] = [];
    const memory = createCheckpointMemory({
      ...{ folder: '/nowhere', vault: disk.vault(), log: (event: string) => void logged.push(event) },
      audit: { append: () => undefined, synced: async () => undefined },
    });
    disk.full();
    memory.remember({ size: 1, root: 'ab'.repeat(32) });
    await memory.settled();
    disk.mend();
    memory.remember({ size: 2, root: 'ab'.repeat(32) });
    await memory.settled();
    expect([logged, disk.json('audit-sealed')?.['size']]).toEqual([['audit.not-remembered'], 2]);
  });
});

/** As many records as there were, with other things in them. */
function writeAnew(folder: string, count: number): void {
  let [seq, prev] = [0, ZERO_HASH];
  const lines = Array.from({ length: count }, () => {
    seq += 1;
    const head = { seq, at: '2026-01-05T09:00:00.000Z', id: '019b8d2e-7a00-7abc-8def-0123456789ab', prev };
    const { line, hash } = encodeRecord(head, { type: 'token.served-again', grant: 'g', count: seq });
    prev = hash;
    return line;
  });
  fs.writeFileSync(firstSegment(folder), Buffer.concat(lines), { mode: 0o600 });
}
