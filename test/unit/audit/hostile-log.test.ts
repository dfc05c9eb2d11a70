/** What a program of the same user does to the files of a log while the agent runs, and between two of its runs, is found all the same. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readVerifierKeys } from '../../../main/audit/checkpoint-key.ts';
import type { AuditEvent } from '../../../main/audit/event.ts';
import { encodeRecord, ZERO_HASH } from '../../../main/audit/record.ts';
import { verifyAudit } from '../../../main/audit/verify.ts';
import { firstSegment, linesOf, opened, recordsOf, served, temporaryFolder } from './audit-folder.ts';
import { sealed } from './sealed-log.ts';

const started: AuditEvent = { type: 'agent.started', version: '1', vault: 'memory', port: 20_000 };

describe('while the agent runs', () => {
  it.each<[string, (file: string, away: string) => void]>([
    ['moved away', () => undefined],
    ['moved away with a copy in its place', (file, away) => fs.copyFileSync(away, file)],
    ['moved away with a link in its place', (file, away) => fs.symlinkSync(away, file)],
  ])('a segment that was %s is not written to any more, and the log says so', async (_, replace) => {
    const { log, folder } = await opened();
    const away = path.join(temporaryFolder(), 'away');
    log.append(served(1));
    await log.synced();
    fs.renameSync(firstSegment(folder), away);
    replace(firstSegment(folder), away);
    log.append(served(2));
    await log.synced();
    log.append(served(3));
    expect(linesOf(away)).toHaveLength(2);
    const next = path.join(folder, 'audit-000002.jsonl');
    expect(recordsOf(next)).toMatchObject([{ type: 'audit.broken', problem: 'moved' }, { count: 3 }]);
    expect(await verifyAudit(folder)).toMatchObject({ notes: [{ note: 'break-recorded', file: next }] });
  });

  it('a segment that somebody put behind the one in use is left behind: what is written comes after it again', async () => {
    const { log, folder } = await opened();
    log.append(served(1));
    await log.synced();
    const head = { seq: 10_000_000, at: '2026-01-05T09:00:00.000Z', id: '019b8d2e-7a00-7abc-8def-0123456789ab', prev: ZERO_HASH };
    fs.writeFileSync(path.join(folder, 'audit-000002.jsonl'), encodeRecord(head, { type: 'agent.stopped', reason: 'forged' }).line);
    log.append(served(2));
    await log.synced();
    log.append(served(3));
    const records = recordsOf(path.join(folder, 'audit-000003.jsonl'));
    expect(records).toMatchObject([{ type: 'audit.broken', problem: 'overtaken', seq: 3 }, { count: 3 }]);
    expect((await verifyAudit(folder)).problems).toContainEqual(expect.objectContaining({ problem: 'chain-broken' }));
  });

  it('a folder that was put in the place of the log stops everything: nothing goes on unrecorded', async () => {
    const { log, folder } = await opened();
    log.append(served(1));
    await log.synced();
    fs.cpSync(folder, `${folder}-copy`, { recursive: true });
    fs.renameSync(folder, `${folder}-away`);
    log.append(served(2));
    await log.synced();
    expect(() => log.append(served(3))).toThrow(expect.objectContaining({ code: 'AUDIT_UNWRITABLE' }));
    fs.renameSync(`${folder}-copy`, folder);
    log.append(served(3));
    expect((await verifyAudit(folder)).problems).toMatchObject([{ problem: 'chain-broken' }, { problem: 'seq-wrong' }]);
  });
});

describe('between two runs', () => {
  it('a file with a number that none can follow has nothing written where nobody would look for it', async () => {
    const { log, folder } = await opened();
    log.append(served(1));
    await log.close();
    fs.writeFileSync(path.join(folder, 'audit-99999999999999999999999.jsonl'), '', { mode: 0o600 });
    const next = await opened({ folder, segmentBytes: 300 });
    next.log.append(served(2));
    expect(() => next.log.append(served(3))).toThrow(expect.objectContaining({ code: 'AUDIT_UNWRITABLE' }));
    expect(fs.readdirSync(folder)).toHaveLength(next.log.files().length);
    expect((await verifyAudit(folder)).problems).toContainEqual(expect.objectContaining({ problem: 'segment-missing' }));
  });

  /** Three runs of one device; the second never begins to seal. */
  async function unsealedRun(minutes: number) {
    const { folder, clock, device, log, checkpoints, begin } = await sealed();
    log.append(started);
    begin();
    const keys = readVerifierKeys(checkpoints.key()?.verifier ?? '');
    log.append({ type: 'agent.stopped', reason: 'asked' });
    checkpoints.close();
    await log.close();
    const second = await opened({ folder, clock });
    second.log.append(started);
    for (let n = 0; n < minutes; n += 1) {
      await clock.advance(60_000);
      second.log.append(served(n));
    }
    await second.log.close();
    const third = await sealed({ folder, clock, device });
    third.log.append(started);
    third.begin();
    return verifyAudit(folder, { keys });
  }

  it('a run that was kept from sealing is found, although the next one sealed what was left of it', async () => {
    expect((await unsealedRun(5)).problems).toMatchObject([{ problem: 'checkpoint-missing', line: 6 }]);
  });

  it('a run that died before its first checkpoint is noted', async () => {
    expect(await unsealedRun(1)).toMatchObject({ ok: true, notes: [{ note: 'end-not-sealed', line: 8 }] });
  });
});

describe('a record', () => {
  it.each(['constructor', '__proto__', 'toString', 'hasOwnProperty'])('of type %s is one of an unknown type', async (type) => {
    const folder = temporaryFolder();
    const head = { seq: 1, at: '2026-01-05T09:00:00.000Z', id: '019b8d2e-7a00-7abc-8def-0123456789ab', prev: ZERO_HASH };
    fs.writeFileSync(firstSegment(folder), encodeRecord(head, { type }).line);
    expect(await verifyAudit(folder)).toMatchObject({ ok: true, records: 1, notes: [] });
  });
});
