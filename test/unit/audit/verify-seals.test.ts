/** What a verification finds with the checkpoints of a log, with the device's key, and with checkpoints that were kept elsewhere. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readVerifierKeys, type VerifierKey } from '../../../main/audit/checkpoint-key.ts';
import type { Signer } from '../../../main/audit/checkpoints.ts';
import type { AuditEvent } from '../../../main/audit/event.ts';
import { readKeptCheckpoints } from '../../../main/audit/kept-checkpoints.ts';
import { encodeRecord, type RecordHead, ZERO_HASH } from '../../../main/audit/record.ts';
import { type Verification, verifyAudit } from '../../../main/audit/verify.ts';
import { proofOf } from '../../../main/audit/verify-words.ts';
import { createVerifying } from '../../../main/audit/verifying.ts';
import { type FakeClock, fakeClock } from '../../fakes/fake-clock.ts';
import { firstSegment, linesOf, recordsOf, served, temporaryFolder } from './audit-folder.ts';
import { newDevice, sealed } from './sealed-log.ts';

const started: AuditEvent = { type: 'agent.started', version: '1', vault: 'memory', port: 20_000 };
const stopped: AuditEvent = { type: 'agent.stopped', reason: 'asked' };
const found = ({ problems }: Verification): string[] => problems.map(({ problem }) => problem);
const noted = ({ notes }: Verification): string[] => notes.map(({ note }) => note);

interface Told {
  folder: string;
  clock: FakeClock;
  device: Signer;
  keys: VerifierKey[];
}

/** One run of the agent: `records` of them, one a second. */
async function run(
  records: number,
  given: { folder?: string; clock?: FakeClock; device?: Signer; bootId?: string; crash?: boolean } = {},
): Promise<Told> {
  const { crash = false, ...parts } = given;
  const setting = await sealed(parts);
  const { log, clock, checkpoints, folder, device } = setting;
  log.append(started);
  setting.begin();
  const keys = readVerifierKeys(checkpoints.key()?.verifier ?? '');
  for (let n = 1; n <= records; n += 1) {
    log.append(served(n));
    await clock.advance(1000);
  }
  if (!crash) {
    log.append(stopped);
    checkpoints.close();
  }
  await log.close();
  return { folder, clock, device, keys };
}

/** The log written anew, as whoever has the files but no key can do it: every hash and every link fits. */
function rewrite(folder: string, change: (record: Record<string, unknown>) => Record<string, unknown> | null): void {
  let [seq, prev] = [0, ZERO_HASH];
  const lines = recordsOf(firstSegment(folder)).flatMap((record) => {
    const changed = change(record);
    if (changed === null) return [];
    const { seq: _seq, at, id, prev: _prev, hash: _hash, ...fields } = changed as unknown as RecordHead & Record<string, unknown>;
    seq += 1;
    const { line, hash } = encodeRecord({ seq, at, id, prev }, fields);
    prev = hash;
    return [line];
  });
  fs.writeFileSync(firstSegment(folder), Buffer.concat(lines));
}

const notesOf = (folder: string): string[] =>
  recordsOf(firstSegment(folder)).flatMap(({ type, note }) => (type === 'audit.checkpoint' ? [String(note)] : []));
const keptOf = (notes: string[]) => readKeptCheckpoints(notes.join('\n'), 'kept.txt');
const cutTo = (folder: string, lines: number): void =>
  fs.writeFileSync(firstSegment(folder), `${linesOf(firstSegment(folder)).slice(0, lines).join('\n')}\n`);

describe('a log as the agent sealed it', () => {
  it('is proven up to its last checkpoint, with the key of the device', async () => {
    const { folder, keys } = await run(300);
    const verdict = await verifyAudit(folder, { keys });
    expect(verdict).toMatchObject({ ok: true, problems: [], notes: [] });
    expect(verdict.seals).toMatchObject({ unsealed: 0, keysFrom: 'given', keys: [{ id: keys[0]?.id }], kept: null });
    expect(verdict.seals.checkpoints).toBeGreaterThan(5);
    expect(verdict.seals.sealed?.size).toBe(Number(verdict.last?.seq) - 1);
    const { proven, cannotProve } = proofOf(verdict);
    expect(proven.join(' ')).toContain(`Records 1 to ${verdict.seals.sealed?.size} were so when the key that was given`);
    expect(cannotProve.join(' ')).toMatch(/cut off at the end.*whoever has the device key.*never written/s);
  });

  it('without a key is taken at its word, and that is said', async () => {
    const { folder } = await run(100);
    const verdict = await verifyAudit(folder);
    expect(verdict).toMatchObject({ ok: true, seals: { keysFrom: 'log' } });
    expect(proofOf(verdict).cannotProve.join(' ')).toContain('Whose key it is');
  });

  it('without any checkpoint proves no more than its chain', async () => {
    const { log, folder } = await sealed();
    log.append(served(1));
    const verdict = await verifyAudit(folder);
    expect(verdict).toMatchObject({ ok: true, seals: { checkpoints: 0, sealed: null, keys: [] } });
    expect(proofOf(verdict).proven).toHaveLength(1);
    expect(proofOf(verdict).cannotProve.join(' ')).toContain('there is no checkpoint that holds');
  });

  it('is followed from run to run, and over a start of the machine', async () => {
    const first = await run(70);
    first.clock.set(first.clock.now() + 3_600_000);
    const { folder, keys } = await run(70, { ...first, bootId: 'boot-2' });
    expect(await verifyAudit(folder, { keys })).toMatchObject({ ok: true, notes: [] });
  });

  it('after a crash has a run that ended unsealed, which the next one sealed', async () => {
    const first = await run(90, { crash: true });
    const left = await verifyAudit(first.folder, { keys: first.keys });
    expect(left).toMatchObject({ ok: true, notes: [] });
    expect(left.seals.unsealed).toBeGreaterThan(20);
    expect(proofOf(left).cannotProve.join(' ')).toContain(`to ${left.last?.seq}: no checkpoint covers them yet`);
    first.clock.set(first.clock.now() + 20 * 3_600_000);
    const verdict = await verifyAudit((await run(10, { ...first, bootId: 'boot-2' })).folder, { keys: first.keys });
    expect([verdict.ok, noted(verdict), verdict.seals.unsealed]).toEqual([true, ['end-not-sealed'], 0]);
  });

  it('is whole over a sleep of the machine', async () => {
    const { log, clock, checkpoints, folder, begin } = await sealed();
    log.append(started);
    begin();
    const keys = readVerifierKeys(checkpoints.key()?.pem ?? '');
    for (let day = 0; day < 3; day += 1) {
      log.append(served(day));
      await clock.advance(30_000);
      clock.sleepThrough(16 * 3_600_000);
      log.append(served(day));
      await clock.advance(90_000);
    }
    expect(await verifyAudit(folder, { keys })).toMatchObject({ ok: true, notes: [] });
  });

  it('after a full disk has a gap, and no checkpoint is missed for it', async () => {
    const full = { on: false };
    const disk = {
      ...fs,
      writeSync: ((fd: number, line: Buffer, offset: number, length: number) => {
        if (full.on) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', syscall: 'write' });
        return fs.writeSync(fd, line, offset, length);
      }) as typeof fs.writeSync,
    };
    const { log, clock, checkpoints, folder, begin } = await sealed({ disk });
    log.append(started);
    begin();
    log.append(served(1));
    full.on = true;
    for (let hour = 0; hour < 3; hour += 1) {
      expect(() => log.append(served(hour))).toThrow(expect.objectContaining({ code: 'AUDIT_UNWRITABLE' }));
      await clock.advance(3_600_000);
    }
    full.on = false;
    log.append(served(2));
    await clock.advance(60_000);
    const verdict = await verifyAudit(folder, { keys: readVerifierKeys(checkpoints.key()?.verifier ?? '') });
    expect([verdict.ok, noted(verdict)]).toEqual([true, ['gap']]);
  });
});

describe('a log written anew by whoever has the files and not the key', () => {
  it('is found by the first checkpoint after what was changed', async () => {
    const { folder, keys } = await run(100);
    rewrite(folder, (record) => (record['count'] === 30 ? { ...record, count: 99 } : record));
    for (const verdict of [await verifyAudit(folder, { keys }), await verifyAudit(folder)]) {
      expect(found(verdict)).toContain('checkpoint-wrong');
      expect(proofOf(verdict).proven).toEqual([]);
    }
  });

  it('is found when the checkpoints were changed with it', async () => {
    const { folder, keys } = await run(100);
    let head: { seq: number; hash: string } = { seq: 0, hash: '' };
    let [seq, prev] = [0, ZERO_HASH];
    const lines = recordsOf(firstSegment(folder)).map((record) => {
      const { seq: _s, at, id, prev: _p, hash: _h, ...fields } = record as unknown as RecordHead & Record<string, unknown>;
      if (fields['count'] === 30) fields['count'] = 99;
      if (fields['type'] === 'audit.checkpoint') {
        const root = Buffer.from(head.hash, 'hex').toString('base64');
        fields['note'] = String(fields['note']).replace(/\n\d+\n\S+\n/, `\n${head.seq}\n${root}\n`);
        Object.assign(fields, { size: head.seq, root });
      }
      seq += 1;
      const { line, hash } = encodeRecord({ seq, at, id, prev }, fields);
      head = { seq, hash };
      prev = hash;
      return line;
    });
    fs.writeFileSync(firstSegment(folder), Buffer.concat(lines));
    for (const verdict of [await verifyAudit(folder, { keys }), await verifyAudit(folder)])
      expect(found(verdict)).toContain('checkpoint-forged');
  });

  it('is found when the checkpoints were left out', async () => {
    const { folder, keys } = await run(400);
    rewrite(folder, (record) => (String(record['type']).startsWith('audit.') ? null : record));
    expect(found(await verifyAudit(folder, { keys }))).toEqual(['never-sealed']);
  });

  it('is found when the checkpoints after what was changed were left out', async () => {
    const { folder, keys } = await run(400);
    rewrite(folder, (record) => {
      if (Number(record['seq']) > 100 && record['type'] === 'audit.checkpoint') return null;
      return record['count'] === 300 ? { ...record, count: 99 } : record;
    });
    expect(found(await verifyAudit(folder, { keys }))).toEqual(['checkpoint-missing']);
  });

  it('is found when another key signed it, with the key of the device; without it only what the log names is known', async () => {
    const { keys } = await run(1);
    const { folder } = await run(100);
    expect(found(await verifyAudit(folder, { keys }))).toEqual(['checkpoint-other-key', 'never-sealed']);
    expect((await verifyAudit(folder)).ok).toBe(true);
  });

  it('is found when another key goes on where the device stopped', async () => {
    const { folder, keys } = await run(100);
    await run(100, { folder, clock: fakeClock(Date.UTC(2026, 0, 5, 10)), bootId: 'boot-2' });
    expect(found(await verifyAudit(folder, { keys }))).toContain('checkpoint-other-key');
    expect(noted(await verifyAudit(folder))).toContain('key-changed');
  });

  it('is found when the note says what the record does not', async () => {
    const { folder, keys } = await run(10);
    rewrite(folder, (record) => (record['why'] === 'start' ? { ...record, size: 1 } : record));
    expect(found(await verifyAudit(folder, { keys }))).toContain('checkpoint-malformed');
  });

  it.each([
    ['a note that is none', (record: Record<string, unknown>) => ({ ...record, note: 'x' })],
    ['no note', ({ note: _, ...record }: Record<string, unknown>) => record],
    ['a note that is no text', (record: Record<string, unknown>) => ({ ...record, note: 7 })],
  ])('is found: %s', async (_, change) => {
    const { folder, keys } = await run(1);
    rewrite(folder, (record) => (record['type'] === 'audit.checkpoint' ? change(record) : record));
    expect(found(await verifyAudit(folder, { keys }))).toContain('checkpoint-malformed');
  });

  it.each([
    ['no JSON', '{'],
    ['an RSA key', '{"kty":"RSA","n":"AQAB","e":"AQAB"}'],
    ['a point that is not on the curve', `{"kty":"EC","crv":"P-256","x":"${'A'.repeat(43)}","y":"${'A'.repeat(43)}"}`],
  ])('is found by a key that is none: %s', async (_, jwk) => {
    const { folder } = await run(1);
    rewrite(folder, (record) => (record['type'] === 'audit.key' ? { ...record, jwk } : record));
    expect(found(await verifyAudit(folder))).toContain('checkpoint-malformed');
  });
});

describe('a log that the agent found to be another one than it had sealed', () => {
  it('is found where the agent itself has found it', async () => {
    const { log, folder, begin } = await sealed();
    log.append({ type: 'audit.rewritten', size: 9, root: 'x' });
    begin();
    expect((await verifyAudit(folder)).problems).toEqual([{ file: firstSegment(folder), line: 1, problem: 'found-rewritten' }]);
  });
});

describe('a checkpoint that is missing', () => {
  it('is found after more records than there may be without one', async () => {
    const { log, clock, checkpoints, folder, begin } = await sealed();
    log.append(started);
    begin();
    for (let n = 0; n < 1281; n += 1) log.append(served(n));
    const keys = readVerifierKeys(checkpoints.key()?.verifier ?? '');
    const place = { file: firstSegment(folder), line: 4, problem: 'checkpoint-missing' };
    expect((await verifyAudit(folder, { keys })).problems).toEqual([place]);
    await clock.advance(0);
    expect((await verifyAudit(folder, { keys })).problems).toEqual([place]);
  });

  it('is found where the agent ran on for minutes without one', async () => {
    const { log, clock, checkpoints, folder, begin } = await sealed();
    log.append(started);
    begin();
    const keys = readVerifierKeys(checkpoints.key()?.verifier ?? '');
    clock.after = () => () => undefined;
    log.append(served(1));
    await clock.advance(120_001);
    checkpoints.close();
    expect((await verifyAudit(folder, { keys })).problems).toMatchObject([{ problem: 'checkpoint-missing', line: 4 }]);
  });

  it('is found at the end, where records go on for minutes after the last one', async () => {
    const { log, clock, checkpoints, folder, begin } = await sealed();
    log.append(started);
    begin();
    const keys = readVerifierKeys(checkpoints.key()?.verifier ?? '');
    clock.after = () => () => undefined;
    for (const _ of [1, 2, 3]) {
      log.append(served(1));
      clock.set(clock.now() + 61_000);
    }
    expect((await verifyAudit(folder, { keys })).problems).toMatchObject([{ problem: 'checkpoint-missing', line: 4 }]);
  });
});

describe('the clock', () => {
  const between = async (change: (clock: FakeClock) => void): Promise<Verification> => {
    const { log, clock, checkpoints, folder, begin } = await sealed();
    log.append(started);
    begin();
    await clock.advance(60_000);
    change(clock);
    log.append(served(1));
    await clock.advance(60_000);
    return verifyAudit(folder, { keys: readVerifierKeys(checkpoints.key()?.verifier ?? '') });
  };

  it.each<[string, (clock: FakeClock) => void, string[]]>([
    ['was set back', (clock) => clock.set(clock.now() - 600_000), ['clock-went-back', 'clock-moved']],
    ['was set forward', (clock) => clock.set(clock.now() + 600_000), ['clock-moved']],
    ['was corrected by a second', (clock) => clock.set(clock.now() + 1000), []],
    ['went on while the machine slept', (clock) => clock.sleepThrough(600_000), []],
  ])('%s', async (_, change, notes) => {
    const verdict = await between(change);
    expect([verdict.ok, noted(verdict)]).toEqual([true, notes]);
  });

  it('set back a little at a time, so that no record is before the last, is found by the time since the start', async () => {
    const { log, clock, checkpoints, folder, begin } = await sealed();
    log.append(started);
    begin();
    for (let step = 0; step < 20; step += 1) {
      await clock.advance(1000);
      clock.set(clock.now() - 500);
      log.append(served(step));
    }
    await clock.advance(60_000);
    expect(noted(await verifyAudit(folder, { keys: readVerifierKeys(checkpoints.key()?.verifier ?? '') }))).toEqual(['clock-moved']);
  });
});

describe('checkpoints that were kept elsewhere', () => {
  it('show that nothing was cut off or written anew up to the newest of them', async () => {
    const { folder, keys } = await run(200);
    const kept = keptOf(notesOf(folder).slice(0, 3));
    const verdict = await verifyAudit(folder, { keys, kept });
    expect(verdict).toMatchObject({ ok: true, seals: { kept: { compared: 3, through: kept.at(-1)?.checkpoint.size, ofOthers: 0 } } });
    expect(proofOf(verdict).proven).toHaveLength(3);
    expect(proofOf(verdict).cannotProve.join(' ')).toContain(`cut off after record ${kept.at(-1)?.checkpoint.size}`);
  });

  it('show a cut at the end, which leaves a log that verifies by itself', async () => {
    const { folder, keys } = await run(200);
    const kept = keptOf(notesOf(folder));
    const [, second] = kept;
    cutTo(folder, Number(second?.checkpoint.size) + 1);
    expect((await verifyAudit(folder, { keys })).ok).toBe(true);
    expect(found(await verifyAudit(folder, { keys, kept }))).toEqual(['cut-off']);
    expect(found(await verifyAudit(folder, { kept }))).toEqual(['cut-off']);
  });

  it('show a log that the holder of the key wrote anew, which verifies by itself', async () => {
    const device = await newDevice();
    const real = await run(100, { device });
    const kept = keptOf(notesOf(real.folder));
    const anew = await run(120, { device, clock: fakeClock(Date.UTC(2026, 0, 5, 9)) });
    const verdict = await verifyAudit(anew.folder, { keys: real.keys });
    expect(verdict.ok).toBe(true);
    expect(proofOf(verdict).cannotProve.join(' ')).toContain('whoever has the device key');
    expect(found(await verifyAudit(anew.folder, { keys: real.keys, kept }))).toContain('rewritten');
  });

  it('of another log are passed over, and none at all of this one is a problem', async () => {
    const { folder, keys } = await run(100);
    const other = await run(10);
    const both = keptOf([...notesOf(folder), ...notesOf(other.folder)]);
    expect((await verifyAudit(folder, { keys, kept: both })).seals.kept?.ofOthers).toBe(notesOf(other.folder).length);
    expect(found(await verifyAudit(folder, { keys, kept: keptOf(notesOf(other.folder)) }))).toEqual(['kept-of-others']);
  });

  it('show a log that names a key of somebody else', async () => {
    const real = await run(100);
    const forged = await run(100);
    expect((await verifyAudit(forged.folder)).ok).toBe(true);
    expect(found(await verifyAudit(forged.folder, { kept: keptOf(notesOf(real.folder)) }))).toEqual(['kept-of-others']);
  });

  it('count by their own signature alone', async () => {
    const { folder, keys } = await run(100);
    const [first = '', ...others] = notesOf(folder);
    const forged = keptOf([first.replace(/\n\d+\n/, '\n9999\n'), ...others]);
    expect(found(await verifyAudit(folder, { keys, kept: forged }))).toEqual(['kept-forged']);
  });

  it('that bear the name of the log and are by another key are no evidence', async () => {
    const device = await newDevice();
    const { folder, keys } = await run(10, { device });
    const other = await newDevice();
    const impostor = await run(10, { device: { ...other, id: device.id, signText: other.signText } });
    expect(found(await verifyAudit(folder, { keys, kept: keptOf([...notesOf(folder), ...notesOf(impostor.folder)]) }))).toContain(
      'kept-forged',
    );
  });

  it('are read as they were sent, too', async () => {
    const { folder } = await run(10);
    const [first, second] = notesOf(folder);
    const lines = [
      { schema: 'lakepass.audit/1', seq: 1 },
      { schema: 'lakepass.audit/1', seq: 3, checkpoint: { size: 2, note: first } },
      { seq: 9, type: 'audit.checkpoint', note: second },
    ];
    const kept = readKeptCheckpoints(`${lines.map((line) => JSON.stringify(line)).join('\n')}\n`, 'sent.jsonl');
    expect(kept.map(({ place }) => place.line)).toEqual([2, 3]);
    expect(kept.map(({ checkpoint }) => checkpoint.size)).toEqual(
      keptOf([first ?? '', second ?? '']).map(({ checkpoint }) => checkpoint.size),
    );
  });

  it.each([
    ['nothing', ''],
    ['empty lines', '\n\n'],
    ['a text', 'hello\n'],
    ['JSON lines without a checkpoint', '{"a":1}\n'],
    ['half a line of JSON', '{"a":1}\n{"checkpoint"'],
    ['JSON lines with a checkpoint that is none', '{"checkpoint":{"note":"x"}}\n'],
    ['a note without its signature', 'a\n1\nAAAA\n'],
  ])('are refused: %s', (_, text) => {
    expect(() => readKeptCheckpoints(text, 'f')).toThrow(expect.objectContaining({ code: 'INPUT_INVALID', reason: 'checkpoints' }));
  });
});

describe('a part of the log', () => {
  it('verifies with the key, and without it says that nobody can know', async () => {
    const { log, clock, checkpoints, begin } = await sealed({ segmentBytes: 8000 });
    log.append(started);
    begin();
    for (let n = 0; n < 200; n += 1) {
      log.append(served(n));
      await clock.advance(1000);
    }
    const keys = readVerifierKeys(checkpoints.key()?.verifier ?? '');
    const third = log.files()[2] as string;
    expect(await verifyAudit(third, { keys })).toMatchObject({ ok: true, notes: [{ note: 'start-not-proven' }] });
    const alone = await verifyAudit(third);
    expect(alone).toMatchObject({ ok: true, seals: { checkpoints: 0 } });
    expect(proofOf(alone).cannotProve.join(' ')).toContain('the segments before were not given');
  });

  it('that lacks its end, a file in the middle or a byte is found as before', async () => {
    const { log, clock, folder, checkpoints, begin } = await sealed({ segmentBytes: 8000 });
    log.append(started);
    begin();
    for (let n = 0; n < 200; n += 1) {
      log.append(served(n));
      await clock.advance(1000);
    }
    const keys = readVerifierKeys(checkpoints.key()?.verifier ?? '');
    const files = log.files();
    const last = files.at(-1) as string;
    const kept = keptOf(files.flatMap((file) => recordsOf(file)).flatMap(({ note }) => (note === undefined ? [] : [String(note)])));
    for (const file of files.slice(2)) fs.renameSync(file, `${file}.gone`);
    expect(found(await verifyAudit(folder, { keys, kept }))).toContain('cut-off');
    for (const file of files.slice(2)) fs.renameSync(`${file}.gone`, file);
    fs.truncateSync(last, fs.statSync(last).size - 10);
    expect(found(await verifyAudit(folder, { keys, kept }))).toContain('unfinished');
    fs.rmSync(files[1] as string);
    expect(found(await verifyAudit(folder, { keys, kept }))).toContain('segment-missing');
    const text = fs.readFileSync(files[0] as string, 'utf8');
    fs.writeFileSync(files[0] as string, text.replace('"count":7', '"count":8'));
    expect(found(await verifyAudit(folder, { keys, kept }))).toContain('hash-wrong');
  });
});

describe('the agent’s own log', () => {
  it('is verified with its own key, and what another key sealed before a reset is noted', async () => {
    const before = await run(50);
    const after = await run(50, { folder: before.folder, clock: fakeClock(Date.UTC(2026, 0, 6)), bootId: 'boot-2' });
    const verifying = createVerifying({ folder: before.folder, clock: fakeClock(), key: () => after.keys[0] ?? null });
    const verdict = await verifying.verify();
    expect([verdict.ok, noted(verdict)]).toEqual([true, ['other-key-before', 'end-not-sealed', 'key-changed']]);
    expect(proofOf(verdict).cannotProve.join(' ')).toContain('the other key');
    expect((await verifyAudit(before.folder, { keys: [...before.keys, ...after.keys] })).seals.keys).toHaveLength(2);
  });

  it('has nothing to verify with before it has begun to seal', async () => {
    const { folder } = await run(5);
    const verifying = createVerifying({ folder, clock: fakeClock(), key: () => null });
    expect((await verifying.verify()).seals.keysFrom).toBe('log');
  });
});

it('never stops at what nobody wrote', async () => {
  const folder = temporaryFolder();
  fs.writeFileSync(path.join(folder, 'audit-000001.jsonl'), '\0'.repeat(1000));
  const { folder: other } = await run(1);
  const verdict = await verifyAudit(folder, { kept: keptOf(notesOf(other)) });
  expect(found(verdict)).toEqual(['unfinished', 'kept-of-others']);
});
