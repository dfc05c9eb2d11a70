/** When the log is sealed, and that nothing waits for it. */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseCheckpoint, verdictOn } from '../../../main/audit/checkpoint.ts';
import { readVerifierKeys } from '../../../main/audit/checkpoint-key.ts';
import { createDoorTally } from '../../../main/audit/door-tally.ts';
import type { AuditEvent } from '../../../main/audit/event.ts';
import type { AuditLogParts } from '../../../main/audit/log.ts';
import { createTally } from '../../../main/audit/tally.ts';
import { verifyAudit } from '../../../main/audit/verify.ts';
import { obtainDevice } from '../../../main/enroll/device.ts';
import { memoryDisk } from '../../fakes/memory-disk.ts';
import { firstSegment, recordsOf, served } from './audit-folder.ts';
import { sealed } from './sealed-log.ts';

const policy: AuditEvent = {
  ...{ type: 'policy.activated', source: 'file', policy: 'p', revision: 2, digest: 'd', mode: 'enforce', approved: 'tap' },
};
const begun = async (parts: Partial<AuditLogParts> = {}) => {
  const setting = await sealed(parts);
  setting.begin();
  const sealsIn = () => recordsOf(firstSegment(setting.folder)).filter(({ type }) => type === 'audit.checkpoint');
  return { ...setting, whys: () => sealsIn().map(({ why }) => why), sealsIn };
};

describe('a log that is sealed', () => {
  it('names its key first, and is sealed at the start with all that was written before', async () => {
    const { log, folder, begin, device } = await sealed();
    log.append(served(1));
    begin();
    expect(recordsOf(firstSegment(folder))).toMatchObject([
      { type: 'token.served-again' },
      { type: 'audit.key', origin: `lakepass/${device.id}`, thumbprint: device.thumbprint, jwk: JSON.stringify(device.publicKey) },
      { type: 'audit.checkpoint', size: 2, why: 'start' },
    ]);
  });

  it('has in each checkpoint the record right before it, signed by the device', async () => {
    const { log, clock, folder, checkpoints } = await begun();
    log.append(served(1));
    await clock.advance(60_000);
    const records = recordsOf(firstSegment(folder));
    const [before, last] = records.slice(-2);
    expect(last).toMatchObject({ size: before?.['seq'], root: Buffer.from(String(before?.['hash']), 'hex').toString('base64') });
    const note = parseCheckpoint(String(last?.['note']));
    expect(note).toMatchObject({ size: before?.['seq'], root: before?.['hash'], time: clock.now(), run: 60_000 });
    expect(note && verdictOn(note, readVerifierKeys(checkpoints.key()?.verifier ?? ''))).toBe('good');
    expect(note && verdictOn(note, readVerifierKeys(checkpoints.key()?.pem ?? ''))).toBe('good');
  });

  it('is sealed 60 s after the first new record, and not again until there is another', async () => {
    const { log, clock, whys } = await begun();
    await clock.advance(30_000);
    expect([whys(), clock.pending]).toEqual([['start'], 0]);
    log.append(served(1));
    await clock.advance(59_999);
    expect(whys()).toEqual(['start']);
    log.append(served(2));
    await clock.advance(1);
    expect(whys()).toEqual(['start', 'time']);
    await clock.advance(600_000);
    expect(whys()).toEqual(['start', 'time']);
    expect(clock.pending).toBe(0);
  });

  it('is sealed after 256 records, in a turn of its own, and the minute begins anew', async () => {
    const { log, clock, whys } = await begun();
    await clock.advance(50_000);
    for (let n = 1; n <= 256; n += 1) log.append(served(n));
    expect(whys()).toEqual(['start']);
    await clock.advance(0);
    expect(whys()).toEqual(['start', 'records']);
    log.append(served(257));
    await clock.advance(59_999);
    expect(whys()).toEqual(['start', 'records']);
    await clock.advance(1);
    expect(whys()).toEqual(['start', 'records', 'time']);
  });

  it.each<[string, AuditEvent]>([
    ['a policy', policy],
    ['a bundle', { type: 'bundle.accepted', organization: 'Acme', revision: 1, digest: 'd', signedBy: 's' }],
  ])('is sealed as soon as %s holds', async (_, event) => {
    const { log, clock, whys } = await begun();
    log.append(event);
    await clock.advance(0);
    expect(whys()).toEqual(['start', 'policy']);
  });

  it('is sealed with the next record after a sleep, which the timer did not see', async () => {
    const { log, clock, whys, sealsIn } = await begun();
    log.append(served(1));
    await clock.advance(10_000);
    clock.sleepThrough(8 * 3_600_000);
    log.append(served(2));
    await clock.advance(0);
    expect(whys()).toEqual(['start', 'time']);
    const [start, woken] = sealsIn().map(({ note }) => parseCheckpoint(String(note)));
    expect(woken?.boot?.id).toBe(start?.boot?.id);
    expect(Number(woken?.boot?.up) - Number(start?.boot?.up)).toBe(8 * 3_600_000 + 10_000);
    expect(Number(woken?.run) - Number(start?.run)).toBe(10_000);
  });

  it('is sealed at the end, and no timer is left', async () => {
    const { log, clock, whys, checkpoints } = await begun();
    log.append({ type: 'agent.stopped', reason: 'asked' });
    checkpoints.close();
    expect(whys()).toEqual(['start', 'exit']);
    log.append(served(1));
    await clock.advance(60_000);
    expect([whys(), clock.pending]).toEqual([['start', 'exit'], 0]);
  });

  it('says which checkpoint is the newest, to whoever listens too', async () => {
    const { log, clock, checkpoints } = await sealed();
    const told: number[] = [];
    checkpoints.onSealed(({ size }) => told.push(size));
    expect([checkpoints.last(), checkpoints.key()]).toEqual([null, null]);
    const device = await obtainDevice(memoryDisk().vault(), randomBytes);
    checkpoints.begin(device, 'boot-1');
    log.append(served(1));
    await clock.advance(60_000);
    expect(told).toEqual([1, 3]);
    expect(checkpoints.last()).toEqual({ size: 3, root: recordsOf(log.files()[0] as string)[2]?.['hash'], at: clock.now() });
  });
});

describe('a log that cannot be written', () => {
  it('is sealed once there is room again, and the tries are not counted as lost records', async () => {
    const full = { on: false };
    const disk = {
      ...fs,
      writeSync: ((fd: number, line: Buffer, offset: number, length: number) => {
        if (full.on) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', syscall: 'write' });
        return fs.writeSync(fd, line, offset, length);
      }) as typeof fs.writeSync,
    };
    const { log, clock, whys, folder, logged } = await begun({ disk });
    log.append(served(1));
    full.on = true;
    await clock.advance(300_000);
    expect(logged.filter(({ event }) => event === 'audit.unsealed')).toEqual([
      { event: 'audit.unsealed', fields: { code: 'AUDIT_UNWRITABLE' } },
    ]);
    full.on = false;
    await clock.advance(60_000);
    expect(whys()).toEqual(['start', 'time']);
    expect(recordsOf(firstSegment(folder)).map(({ type }) => type)).not.toContain('audit.gap');
  });

  it('is named its key late where it could not be at the start', async () => {
    const full = { on: true };
    const disk = {
      ...fs,
      writeSync: ((fd: number, line: Buffer, offset: number, length: number) => {
        if (full.on) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', syscall: 'write' });
        return fs.writeSync(fd, line, offset, length);
      }) as typeof fs.writeSync,
    };
    const { clock, folder } = await begun({ disk });
    full.on = false;
    await clock.advance(60_000);
    expect(recordsOf(firstSegment(folder)).map(({ type }) => type)).toEqual(['audit.key', 'audit.checkpoint']);
  });
});

describe('a flood of refusals from a web page', () => {
  it('costs a record a minute for each kind and its checkpoint, however often the page knocks', async () => {
    const { log, clock, folder, checkpoints } = await begun();
    const tally = createTally({ clock, audit: log, log: () => undefined });
    const door = createDoorTally('broker', tally);
    for (let second = 0; second < 600; second += 1) {
      for (let knock = 0; knock < 200; knock += 1) {
        door.refused({ code: 'BROWSER_REFUSED', reason: 'origin' });
        door.dropped({ why: 'foreign-user', uid: knock });
      }
      await clock.advance(1000);
    }
    tally.close();
    const keys = readVerifierKeys(checkpoints.key()?.verifier ?? '');
    checkpoints.close();
    const records = recordsOf(firstSegment(folder));
    const sumOf = (wanted: string) => records.filter(({ type }) => type === wanted).reduce((sum, { count }) => sum + Number(count), 0);
    expect([sumOf('door.refused'), sumOf('door.foreign-user')]).toEqual([120_000, 120_000]);
    // A refusal, 64 users one by one and the rest of them together, each once at first and once a minute.
    expect(records.length).toBeLessThan(11 * 66 * 1.1 + 20);
    expect(await verifyAudit(folder, { keys })).toMatchObject({ ok: true });
  });
});

describe('the device that signs', () => {
  it('is made once, however many ask for it at the same time', async () => {
    const vault = memoryDisk().vault();
    const devices = await Promise.all([1, 2, 3].map(() => obtainDevice(vault, randomBytes)));
    expect(new Set(devices.map(({ thumbprint }) => thumbprint)).size).toBe(1);
    expect((await obtainDevice(vault, randomBytes)).thumbprint).toBe(devices[0]?.thumbprint);
  });

  it('signs texts of lines alone, which no signed statement of its own is', async () => {
    const device = await obtainDevice(memoryDisk().vault(), randomBytes);
    expect(() => device.signText('eyJhbGciOiJFUzI1NiJ9.e30')).toThrow(TypeError);
    const statement = await device.sign('x', Buffer.from('a\nb'));
    expect(statement).not.toContain('\n');
  });
});
