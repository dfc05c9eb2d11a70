import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeRecord, type RecordHead, ZERO_HASH } from '../../../main/audit/record.ts';
import { verifyAudit } from '../../../main/audit/verify.ts';
import { createVerifying } from '../../../main/audit/verifying.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { firstSegment, opened, served, temporaryFolder, writtenLog } from './audit-folder.ts';

const names = (folder: string): string[] => fs.readdirSync(folder).sort();
const kinds = (verdict: Awaited<ReturnType<typeof verifyAudit>>): string[] => verdict.problems.map(({ problem }) => problem);

/** A log written by hand: each record may be told to lie, and its own hash always fits. */
function forgedLog(changes: Partial<RecordHead>[]): string {
  const folder = temporaryFolder();
  let prev = ZERO_HASH;
  const lines = changes.map((change, index) => {
    const head = { seq: index + 1, at: '2026-01-05T09:00:00.000Z', id: '019b8d2e-7a00-7abc-8def-0123456789ab', prev, ...change };
    const { line, hash } = encodeRecord(head, { type: 'audit.gap', count: index });
    prev = hash;
    return line;
  });
  fs.writeFileSync(firstSegment(folder), Buffer.concat(lines));
  return folder;
}

/** Which of the files holds the byte, and where. */
function placeOf(files: Buffer[], position: number): { index: number; at: number } {
  let at = position;
  let index = 0;
  for (; at >= (files[index] as Buffer).length; index += 1) at -= (files[index] as Buffer).length;
  return { index, at };
}

describe('a log as it was written', () => {
  it('verifies as a folder, with its newest record to note elsewhere', async () => {
    const folder = await writtenLog(20, { segmentBytes: 1500 });
    const verdict = await verifyAudit(folder);
    expect(verdict).toMatchObject({ ok: true, records: 20, problems: [], notes: [], last: { seq: 20 } });
  });

  it('verifies one segment, and says that the beginning of a later one is not proven', async () => {
    const folder = await writtenLog(10, { segmentBytes: 1500 });
    const [first, second] = names(folder).map((name) => path.join(folder, name));
    expect(await verifyAudit(first as string)).toMatchObject({ ok: true, notes: [] });
    expect(await verifyAudit(second as string)).toMatchObject({ ok: true, notes: [{ note: 'start-not-proven' }] });
  });

  it('ignores files that are no segments', async () => {
    const folder = await writtenLog(2);
    for (const name of ['notes.txt', 'audit-1.jsonl', 'audit-000002.jsonl.bak']) fs.writeFileSync(path.join(folder, name), 'x');
    expect((await verifyAudit(folder)).ok).toBe(true);
  });

  it('changes nothing', async () => {
    const folder = await writtenLog(3);
    fs.appendFileSync(firstSegment(folder), 'torn');
    const before = fs.readFileSync(firstSegment(folder));
    await verifyAudit(folder);
    expect(fs.readFileSync(firstSegment(folder))).toEqual(before);
  });

  it('reads records across the borders of what is read at once', async () => {
    const { log, folder } = await opened();
    const label = 'x'.repeat(500);
    for (let n = 0; n < 1500; n += 1)
      log.append({
        type: 'grant.created',
        grant: 'g',
        profile: label,
        subject: label,
        workspace: label,
        scopes: [],
        until: '',
        label,
        approved: '',
        caller: '',
        callerKind: '',
      });
    await log.close();
    expect(fs.statSync(firstSegment(folder)).size).toBeGreaterThan(4 * 256 * 1024);
    expect(await verifyAudit(folder)).toMatchObject({ ok: true, records: 1500 });
  });
});

describe('a log that somebody or something changed', () => {
  it('finds any single byte that was changed, anywhere', async () => {
    const folder = await writtenLog(12, { segmentBytes: 1200 });
    const files = names(folder).map((name) => path.join(folder, name));
    const originals = files.map((file) => fs.readFileSync(file));
    const size = originals.reduce((sum, { length }) => sum + length, 0);
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: size - 1 }), fc.integer({ min: 1, max: 255 }), async (position, flip) => {
        const { index, at } = placeOf(originals, position);
        const changed = Buffer.from(originals[index] as Buffer);
        changed[at] = (changed[at] as number) ^ flip;
        fs.writeFileSync(files[index] as string, changed);
        const verdict = await verifyAudit(folder);
        fs.writeFileSync(files[index] as string, originals[index] as Buffer);
        expect(verdict.ok).toBe(false);
        expect(verdict.problems[0]?.file).toBe(files[index]);
      }),
      { numRuns: 300 },
    );
  }, 60_000);

  it('finds any deleted, repeated or moved record', async () => {
    const folder = await writtenLog(12);
    const lines = fs.readFileSync(firstSegment(folder), 'utf8').split(/(?<=\n)/);
    const place = fc.nat({ max: lines.length - 1 });
    const change = fc.oneof(
      // Without the last: a clean cut at the end is what a chain alone cannot show.
      fc.nat({ max: lines.length - 2 }).map((at) => lines.toSpliced(at, 1)),
      fc.tuple(place, fc.nat({ max: lines.length })).map(([from, to]) => lines.toSpliced(to, 0, lines[from] as string)),
      fc
        .tuple(place, place)
        .filter(([a, b]) => a !== b)
        .map(([a, b]) => lines.with(a, lines[b] as string).with(b, lines[a] as string)),
    );
    await fc.assert(
      fc.asyncProperty(change, async (changed) => {
        fs.writeFileSync(firstSegment(folder), changed.join(''));
        expect((await verifyAudit(folder)).ok).toBe(false);
      }),
      { numRuns: 200 },
    );
  }, 60_000);

  it('finds a record that was edited and hashed anew', async () => {
    const folder = await writtenLog(3);
    const lines = fs.readFileSync(firstSegment(folder), 'utf8').split(/(?<=\n)/);
    const { seq, at, id, prev, hash: _, ...fields } = JSON.parse(lines[1] as string) as RecordHead & Record<string, unknown>;
    const { line } = encodeRecord({ seq, at, id, prev }, { ...fields, count: 99 });
    fs.writeFileSync(firstSegment(folder), lines.with(1, line.toString()).join(''));
    expect((await verifyAudit(folder)).problems).toEqual([{ file: firstSegment(folder), line: 3, problem: 'chain-broken' }]);
  });

  it.each([
    ['a number left out', [{}, { seq: 3 }, { seq: 4 }], [['seq-wrong', 2]]],
    ['a number used twice', [{}, { seq: 1 }, { seq: 2 }], [['seq-wrong', 2]]],
    ['a log that does not begin with 1', [{ seq: 5 }, { seq: 6 }], [['seq-wrong', 1]]],
    ['a log whose first record follows something', [{ prev: 'ab'.repeat(32) }, {}], [['chain-broken', 1]]],
    ['a record that follows something else', [{}, { prev: 'ab'.repeat(32) }, {}], [['chain-broken', 2]]],
  ])('finds %s in a chain whose hashes all fit', async (_, changes, expected) => {
    const { problems } = await verifyAudit(forgedLog(changes));
    expect(problems.map(({ problem, line }) => [problem, line])).toEqual(expected);
  });

  it.each([
    ['first', 0],
    ['middle', 1],
  ])('finds that the %s segment is missing', async (_, index) => {
    const folder = await writtenLog(12, { segmentBytes: 1200 });
    const file = path.join(folder, names(folder)[index] as string);
    fs.rmSync(file);
    expect((await verifyAudit(folder)).problems).toContainEqual({ file, line: 0, problem: 'segment-missing' });
  });

  it('finds that segments were renumbered to hide one that is missing', async () => {
    const folder = await writtenLog(12, { segmentBytes: 1200 });
    const files = names(folder).map((name) => path.join(folder, name));
    fs.rmSync(files[1] as string);
    for (const [index, file] of files.slice(2).entries()) fs.renameSync(file, files[index + 1] as string);
    expect(kinds(await verifyAudit(folder))).toEqual(['chain-broken', 'seq-wrong']);
  });

  it('finds a torn end, also in the middle of the log', async () => {
    const folder = await writtenLog(12, { segmentBytes: 1200 });
    const first = firstSegment(folder);
    const last = path.join(folder, names(folder).at(-1) as string);
    for (const file of [first, last]) fs.truncateSync(file, fs.statSync(file).size - 1);
    const { problems } = await verifyAudit(folder);
    expect(problems.map(({ file, problem }) => [file, problem])).toEqual([
      [first, 'unfinished'],
      [last, 'unfinished'],
    ]);
  });

  it('passes over a line without end in bounded memory and checks what follows', async () => {
    const folder = await writtenLog(2);
    const lines = fs.readFileSync(firstSegment(folder), 'utf8').split(/(?<=\n)/);
    fs.writeFileSync(firstSegment(folder), [lines[0], 'x'.repeat(3_000_000), '\n', lines[1]].join(''));
    const verdict = await verifyAudit(folder);
    expect(verdict).toMatchObject({ ok: false, records: 2, problems: [{ line: 2, problem: 'too-long' }] });
  });

  it('reports one break once and goes on checking behind it', async () => {
    const folder = await writtenLog(6);
    const text = fs.readFileSync(firstSegment(folder), 'utf8');
    fs.writeFileSync(firstSegment(folder), text.replace('"count":2', '"count":7').replace('"count":5', '"count":7'));
    const { problems, records } = await verifyAudit(folder);
    expect(problems.map(({ line }) => line)).toEqual([2, 5]);
    expect(records).toBe(4);
  });

  it('cannot see a clean cut at the end, but the noted head does', async () => {
    const folder = await writtenLog(6);
    const noted = (await verifyAudit(folder)).last;
    const lines = fs.readFileSync(firstSegment(folder), 'utf8').split(/(?<=\n)/);
    fs.writeFileSync(firstSegment(folder), lines.slice(0, -1).join(''));
    const verdict = await verifyAudit(folder);
    expect(verdict.ok).toBe(true);
    expect(verdict.last).not.toEqual(noted);
  });
});

describe('things worth knowing', () => {
  it.each([
    [-1000, []],
    [-1001, [{ note: 'clock-went-back', line: 2 }]],
    [86_400_000, []],
  ])('notes a clock that moved by %i ms only when it went back by more than a second', async (by, notes) => {
    const { log, folder, clock } = await opened();
    log.append(served(1));
    clock.set(clock.now() + by);
    log.append(served(2));
    await log.close();
    const verdict = await verifyAudit(folder);
    expect(verdict.ok).toBe(true);
    expect(verdict.notes.map(({ note, line }) => ({ note, line }))).toEqual(notes);
  });
});

describe('nothing to verify', () => {
  it.each([
    ['a path that does not exist', (folder: string) => path.join(folder, 'none')],
    ['an empty folder', (folder: string) => folder],
    [
      'an empty file',
      (folder: string) => {
        fs.writeFileSync(firstSegment(folder), '');
        return firstSegment(folder);
      },
    ],
  ])('is no success: %s', async (_, make) => {
    const verdict = await verifyAudit(make(temporaryFolder()));
    expect(verdict.ok).toBe(false);
    expect(kinds(verdict)).toEqual(['nothing-here']);
  });

  it('says malformed for a file that is no log', async () => {
    const file = path.join(temporaryFolder(), 'noise');
    fs.writeFileSync(file, randomBytes(5000));
    const verdict = await verifyAudit(file);
    expect(verdict.ok).toBe(false);
    expect(kinds(verdict)).toContain('malformed');
  });

  it('says unreadable for a file that cannot be read', async () => {
    const folder = temporaryFolder();
    fs.symlinkSync(firstSegment(folder), firstSegment(folder));
    expect(kinds(await verifyAudit(folder))).toEqual(['unreadable']);
  });
});

describe('a log in use', () => {
  it('is verified up to where it was when that began, and others work meanwhile', async () => {
    const { log, folder } = await opened({ segmentBytes: 40_000 });
    let appended = 0;
    const append = (): void => {
      appended += 1;
      log.append(served(appended));
    };
    while (appended < 1000) append();
    let isOver = false;
    const beside = (async () => {
      for (; !isOver; append()) await new Promise((resolve) => setImmediate(resolve));
    })();
    const verdict = await verifyAudit(folder);
    const records = appended;
    isOver = true;
    await beside;
    expect(verdict).toMatchObject({ ok: true, first: { seq: 1 }, last: { seq: verdict.records } });
    expect(verdict.records).toBeGreaterThanOrEqual(1000);
    expect(records - verdict.records).toBeGreaterThan(1000 / 128 - 1);
  });

  it('is verified once for all who ask at the same time, and the outcome is remembered', async () => {
    const folder = await writtenLog(300);
    const clock = fakeClock();
    const verifying = createVerifying({ folder, clock });
    expect(verifying.last()).toBeNull();
    const [one, other] = await Promise.all([verifying.verify(), verifying.verify()]);
    expect(one).toBe(other);
    expect(verifying.last()).toEqual({ verification: one, at: clock.now() });
    expect(await verifying.verify()).not.toBe(one);
  });

  it('lists so many problems and counts the rest', async () => {
    const folder = temporaryFolder();
    fs.writeFileSync(firstSegment(folder), 'damaged\n'.repeat(500));
    fs.writeFileSync(path.join(folder, 'audit-999999999999.jsonl'), '');
    const { problems, unlisted, ok } = await verifyAudit(folder, { mostListed: 100 });
    expect([problems.length, unlisted, ok]).toEqual([100, 999_999_999_999 - 2 + 500 - 100, false]);
  });
});
