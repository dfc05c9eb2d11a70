/** Sealing begins once the agent is ready, goes on trying, and never in the way of anything. */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createSealing } from '../../../main/agent/sealing.ts';
import { createCheckpoints } from '../../../main/audit/checkpoints.ts';
import { openDevice } from '../../../main/enroll/device.ts';
import { memoryDisk } from '../../fakes/memory-disk.ts';
import { firstSegment, opened, recordsOf, served } from '../audit/audit-folder.ts';

async function agentRun(parts: { folder?: string; disk?: ReturnType<typeof memoryDisk> } = {}) {
  const { disk = memoryDisk(), ...logParts } = parts;
  const setting = await opened(logParts);
  const { log, clock, folder, logged } = setting;
  const told = { changes: 0 };
  const shared = { audit: log, clock, log: (event: string, fields = {}) => void logged.push({ event, fields }) };
  const checkpoints = createCheckpoints(shared);
  const vault = disk.vault();
  const sealing = createSealing({
    ...{ ...shared, checkpoints, folder, vault, bootId: 'boot', random: randomBytes },
    changed: () => void told.changes++,
  });
  const end = async (): Promise<void> => {
    await sealing.close();
    checkpoints.close();
    await log.close();
  };
  const types = (): unknown[] => recordsOf(firstSegment(folder)).map(({ type }) => type);
  return { ...setting, checkpoints, sealing, vault, disk, told, end, types };
}

describe('sealing', () => {
  it('makes the device where there is none, and seals with it from then on', async () => {
    const { log, sealing, checkpoints, vault, types } = await agentRun();
    log.append(served(1));
    sealing.begin();
    await expect.poll(types).toEqual(['token.served-again', 'audit.key', 'audit.checkpoint']);
    expect(checkpoints.key()?.thumbprint).toBe((await openDevice(vault))?.thumbprint);
    expect(sealing.problem()).toBeNull();
  });

  it('goes on with the same key after the next start, and finds the log as it was', async () => {
    const first = await agentRun();
    first.sealing.begin();
    await expect.poll(first.types).toHaveLength(2);
    await first.end();
    const next = await agentRun({ folder: first.folder, disk: first.disk });
    next.sealing.begin();
    await expect.poll(next.types).toHaveLength(4);
    expect(next.sealing.problem()).toBeNull();
    const keys = recordsOf(firstSegment(first.folder)).filter(({ type }) => type === 'audit.key');
    expect(new Set(keys.map(({ thumbprint }) => thumbprint)).size).toBe(1);
  });

  it('says in the log and to the person that the log was cut meanwhile, and goes on', async () => {
    const first = await agentRun();
    first.log.append(served(1));
    first.sealing.begin();
    await expect.poll(first.types).toHaveLength(3);
    await first.end();
    fs.truncateSync(firstSegment(first.folder), 0);
    const next = await agentRun({ folder: first.folder, disk: first.disk });
    next.sealing.begin();
    await expect.poll(next.types).toEqual(['audit.rewritten', 'audit.key', 'audit.checkpoint']);
    expect(next.sealing.problem()).toMatchObject({ code: 'AUDIT_BROKEN', reason: 'rewritten' });
    expect(next.told.changes).toBe(1);
  });

  it('is tried again each minute where the device cannot be kept, and nothing else is held up', async () => {
    const { log, sealing, checkpoints, disk, clock, types, logged } = await agentRun();
    disk.full();
    sealing.begin();
    await expect.poll(() => logged.map(({ event }) => event)).toEqual(['audit.not-sealing']);
    log.append(served(1));
    expect(checkpoints.key()).toBeNull();
    disk.mend();
    await clock.advance(60_000);
    await expect.poll(types).toEqual(['token.served-again', 'audit.key', 'audit.checkpoint']);
  });

  it('that does not come about for minutes is told, for nothing is sent either, and no longer once it has begun', async () => {
    const { sealing, disk, clock, types, logged, told } = await agentRun();
    disk.full();
    sealing.begin();
    for (const tries of [1, 2, 3]) {
      await expect.poll(() => logged).toHaveLength(tries);
      expect(sealing.problem()?.code).toBe(tries < 3 ? undefined : 'AUDIT_NOT_SEALED');
      if (tries === 3) disk.mend();
      await clock.advance(60_000);
    }
    await expect.poll(types).toEqual(['audit.key', 'audit.checkpoint']);
    expect([sealing.problem(), told.changes]).toEqual([null, 2]);
  });

  it('of a log that was cut, by a device whose memory was taken away, is told and in the log', async () => {
    const first = await agentRun();
    first.log.append(served(1));
    first.sealing.begin();
    await expect.poll(first.types).toHaveLength(3);
    await first.end();
    fs.truncateSync(firstSegment(first.folder), 0);
    first.disk.records.delete('audit-sealed');
    const next = await agentRun({ folder: first.folder, disk: first.disk });
    next.sealing.begin();
    await expect.poll(next.types).toEqual(['audit.rewritten', 'audit.key', 'audit.checkpoint']);
    expect(next.sealing.problem()).toMatchObject({ code: 'AUDIT_BROKEN', reason: 'rewritten' });
  });

  it('that has not begun when the agent ends is waited for, and leaves no timer', async () => {
    const { sealing, end, types, clock } = await agentRun();
    sealing.begin();
    await end();
    expect(types()).toEqual(['audit.key', 'audit.checkpoint']);
    expect(clock.pending).toBe(0);
  });

  it('leaves the vault alone once it has been told that the agent ends: a reset may have erased it', async () => {
    const { sealing, checkpoints, log, disk, types } = await agentRun();
    sealing.begin();
    await expect.poll(types).toHaveLength(2);
    await sealing.close();
    const before = disk.calls.length;
    log.append({ type: 'agent.stopped', reason: 'reset' });
    checkpoints.close();
    await log.close();
    expect(types().slice(2)).toEqual(['agent.stopped', 'audit.checkpoint']);
    await sealing.close();
    expect(disk.calls.slice(before)).toEqual([]);
  });
});
