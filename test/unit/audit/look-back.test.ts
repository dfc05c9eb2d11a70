/** Reading a log backwards: every record once, whatever is damaged, and no more of the file than a page needs. */
import fs from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readLinesBack } from '../../../main/audit/lines-back.ts';
import { type Look, type Looked, lookBack } from '../../../main/audit/look-back.ts';
import { MAX_RECORD_BYTES } from '../../../main/audit/record.ts';
import { segmentFile } from '../../../main/audit/segment.ts';
import { firstSegment, temporaryFolder, writtenLog } from './audit-folder.ts';
import { generatedLog, type Written } from './generated-log.ts';

const START = Date.UTC(2026, 0, 5, 9);
const logged: unknown[] = [];
const look = (folder: string, asked: Partial<Look> = {}): Promise<Looked> =>
  lookBack(folder, { limit: 50, wanted: () => true, ...asked }, (event, fields) => void logged.push([event, fields]));
const numbers = ({ records }: Pick<Looked, 'records'>): number[] => records.map(({ seq }) => seq);

/** Every page, until there is none. */
async function allPages(folder: string, asked: Partial<Look> = {}): Promise<{ seqs: number[]; damaged: number; pages: number }> {
  const seqs: number[] = [];
  let damaged = 0;
  for (let before: number | undefined, pages = 1; ; pages += 1) {
    const page = await look(folder, { ...asked, before });
    seqs.push(...numbers(page));
    damaged += page.damaged;
    if (page.next === null) return { seqs, damaged, pages };
    if (before !== undefined && page.next >= before) throw new Error(`the look stands still at ${before}`);
    before = page.next;
  }
}

function* served(count: number, step = 1000): Generator<Written> {
  for (let n = 1; n <= count; n += 1) yield { at: START + n * step, fields: { type: 'token.served-again', grant: `g${n % 7}`, count: n } };
}
const down = (from: number, to: number): number[] => Array.from({ length: from - to + 1 }, (_, index) => from - index);

describe('a page', () => {
  it('holds the newest records, newest first, across segments, and says where the next one begins', async () => {
    const folder = await writtenLog(30, { segmentBytes: 1200 });
    expect(fs.readdirSync(folder).length).toBeGreaterThan(5);
    const page = await look(folder, { limit: 7 });
    expect([numbers(page), page.next, page.damaged]).toEqual([down(30, 24), 24, 0]);
    const last = await look(folder, { limit: 30 });
    expect([numbers(last), last.next]).toEqual([down(30, 1), null]);
  });

  it.each<[string, number, number[], number | null]>([
    ['in the middle', 12, [11, 10, 9], 9],
    ['at the second record', 2, [1], null],
    ['at the first record', 1, [], null],
    ['beyond the newest', 31, [30, 29, 28], 28],
    ['at a number that no log reaches', Number.MAX_SAFE_INTEGER, [30, 29, 28], 28],
  ])('may begin %s', async (_, before, seqs, next) => {
    const folder = await writtenLog(30, { segmentBytes: 1200 });
    const page = await look(folder, { before, limit: 3 });
    expect([numbers(page), page.next]).toEqual([seqs, next]);
  });

  it('is empty where there is no log, or an empty one', async () => {
    const empty = temporaryFolder();
    fs.writeFileSync(firstSegment(empty), '');
    for (const folder of [path.join(empty, 'none'), temporaryFolder(), empty])
      expect(await look(folder)).toMatchObject({ records: [], next: null, damaged: 0 });
  });

  it('lets nobody take a file for a folder of records', async () => {
    const folder = await writtenLog(2);
    await expect(look(firstSegment(folder))).rejects.toMatchObject({ code: 'AUDIT_BROKEN', reason: 'unreadable' });
  });

  it('pages through everything once, however long pages and segments are', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 400 }),
        fc.integer({ min: 1, max: 90 }),
        fc.integer({ min: 1, max: 60 }),
        async (count, perSegment, limit) => {
          const folder = generatedLog(served(count), perSegment);
          expect((await allPages(folder, { limit })).seqs).toEqual(down(count, 1));
        },
      ),
      { numRuns: 25 },
    );
  });

  it('has records from a time on, and ends where a thousand in a row are older', async () => {
    const folder = generatedLog(served(6000));
    const since = START + 5901 * 1000;
    const wanted: Look['wanted'] = ({ at }) => Date.parse(at) >= since;
    const page = await look(folder, { since, wanted, limit: 200 });
    expect([numbers(page), page.next, page.read.records]).toEqual([down(6000, 5901), null, 1100]);
  });

  it('is not cut short by a clock that was wrong for a while', async () => {
    const wrong = [...served(3000)].map((record, index) => (index > 1500 && index < 2400 ? { ...record, at: 0 } : record));
    const since = START;
    const { seqs } = await allPages(generatedLog(wrong), { since, wanted: ({ at }) => Date.parse(at) >= since });
    expect(seqs).toHaveLength(3000 - 899);
  });

  it('is no heavier than two megabytes, whatever is in the log', async () => {
    const heavy = Array.from({ length: 60 }, (_, n) => ({ at: START + n, fields: { type: 'x', text: 'y'.repeat(100_000) } }));
    const folder = generatedLog(heavy);
    const page = await look(folder, { limit: 200 });
    expect([page.records.length, page.next]).toEqual([20, 41]);
    expect((await allPages(folder, { limit: 200 })).seqs).toEqual(down(60, 1));
  });
});

describe('a log of two hundred thousand records', () => {
  it('costs a page what the page holds, wherever it begins, and a look for little a bounded piece of it', async () => {
    const folder = generatedLog(served(200_000));
    const size = fs.readdirSync(folder).reduce((sum, name) => sum + fs.statSync(path.join(folder, name)).size, 0);
    expect(size).toBeGreaterThan(40_000_000);

    const newest = await look(folder);
    expect(numbers(newest)).toEqual(down(200_000, 199_951));
    expect(newest.read.bytes).toBeLessThanOrEqual(64 * 1024);

    for (const before of [199_951, 123_456, 40_001, 40_000, 60]) {
      const page = await look(folder, { before });
      expect(numbers(page)).toEqual(down(before - 1, before - 50));
      expect(page.read.bytes).toBeLessThan(700_000);
      expect(page.read.records).toBe(51);
    }

    const rare: Look['wanted'] = ({ seq }) => seq === 3;
    const first = await look(folder, { wanted: rare });
    expect([first.records, first.next, first.read.records]).toEqual([[], 180_001, 20_000]);
    expect(first.read.bytes).toBeLessThan(size / 9);
    const { seqs, pages } = await allPages(folder, { wanted: rare });
    expect([seqs, pages]).toEqual([[3], 10]);
  }, 60_000);
});

describe('a damaged log', () => {
  const changed = (folder: string, change: (text: string) => string): void =>
    fs.writeFileSync(firstSegment(folder), change(fs.readFileSync(firstSegment(folder), 'latin1')), 'latin1');

  it.each<[string, (text: string) => string, number[], number]>([
    ['a record that was changed', (text) => text.replace('"count":2', '"count":7'), [4, 3, 1], 1],
    ['an empty line', (text) => text.replace('\n', '\n\n'), [4, 3, 2, 1], 1],
    ['a line longer than any record', (text) => text.replace('\n', `\n${'x'.repeat(3_000_000)}\n`), [4, 3, 2, 1], 1],
    ['bytes that are no text', (text) => text.replace('\n', '\n\xff\xfe\x00\n'), [4, 3, 2, 1], 1],
    ['a torn beginning', (text) => text.slice(40), [4, 3, 2], 1],
    ['a file of nothing else', () => `${'x'.repeat(70)}\n`.repeat(5), [], 5],
  ])('gives what can be read of it, and counts %s', async (_, change, seqs, damaged) => {
    const folder = await writtenLog(4);
    changed(folder, change);
    const page = await look(folder);
    expect([numbers(page), page.next, page.damaged]).toEqual([seqs, null, damaged]);
  });

  it('has one place in which it may still be written: the end of its newest segment', async () => {
    const folder = await writtenLog(12, { segmentBytes: 1200 });
    const files = fs.readdirSync(folder).map((name) => path.join(folder, name));
    fs.appendFileSync(files.at(-1) as string, '{"seq":13,"at"');
    expect((await look(folder)).damaged).toBe(0);
    fs.appendFileSync(files[0] as string, '{"seq":13,"at"');
    expect((await look(folder)).damaged).toBe(1);
  });

  it('is counted once, page by page', async () => {
    const folder = generatedLog(served(600), 250);
    const text = fs.readFileSync(firstSegment(folder), 'latin1').split('\n');
    for (let line = 5; line < 240; line += 10) text[line] = 'damaged';
    fs.writeFileSync(firstSegment(folder), text.join('\n'), 'latin1');
    const { seqs, damaged } = await allPages(folder, { limit: 13 });
    expect([seqs.length, damaged]).toEqual([600 - 24, 24]);
    expect(seqs).toEqual(seqs.toSorted((a, b) => b - a));
  });

  it('goes on behind a long stretch of damage, from whatever place it is asked', async () => {
    const folder = generatedLog(served(3000), 3000);
    const text = fs.readFileSync(firstSegment(folder), 'latin1');
    const half = text.indexOf('\n', text.length / 2) + 1;
    fs.writeFileSync(firstSegment(folder), `${text.slice(0, half)}${'garbage\n'.repeat(60_000)}${text.slice(half)}`, 'latin1');
    for (const before of [undefined, 1800, 1501, 1500, 1400, 20])
      expect(numbers(await look(folder, { before, limit: 3 }))).toEqual(down((before ?? 3001) - 1, (before ?? 3001) - 3));
    expect((await allPages(folder, { limit: 200 })).seqs).toEqual(down(3000, 1));
  });

  it('is shown without a segment that is gone, is a link or a folder, and says so', async () => {
    const folder = await writtenLog(12, { segmentBytes: 1200 });
    const all = (await look(folder)).records.length;
    const held = fs.readFileSync(segmentFile(folder, 2), 'utf8').split('\n').length - 1;
    fs.rmSync(segmentFile(folder, 2));
    expect(await look(folder)).toMatchObject({ damaged: 0, next: null });
    fs.symlinkSync('/etc/passwd', segmentFile(folder, 2));
    const linked = await look(folder);
    expect([linked.records.length, linked.damaged]).toEqual([all - held, 1]);
    expect(logged).toContainEqual(['audit.segment-unreadable', { segment: 'audit-000002.jsonl', error: 'ELOOP' }]);
    fs.rmSync(segmentFile(folder, 2));
    fs.mkdirSync(segmentFile(folder, 2));
    expect((await look(folder)).damaged).toBe(1);
  });
});

describe('lines read backwards', () => {
  const linesBack = async (text: string, span?: { from: number; to: number }): Promise<[string | null, boolean][]> => {
    const file = path.join(temporaryFolder(), 'text');
    fs.writeFileSync(file, text);
    const handle = await open(file);
    try {
      const lines: [string | null, boolean][] = [];
      for await (const { bytes, ended } of readLinesBack(handle, span ?? { from: 0, to: Buffer.byteLength(text) }))
        lines.push([bytes === null ? null : bytes.toString(), ended]);
      return lines;
    } finally {
      await handle.close();
    }
  };

  it('are the lines read forwards, the other way round', async () => {
    const line = fc.oneof(
      fc.string({ maxLength: 40 }).map((text) => text.replaceAll('\n', ' ')),
      fc.integer({ min: 60_000, max: 140_000 }).map((length) => 'z'.repeat(length)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 8 }), fc.boolean(), async (lines, ended) => {
        const text = lines.join('\n') + (ended && lines.length > 0 ? '\n' : '');
        const expected = text === '' ? [] : text.split('\n');
        if (expected.at(-1) === '') expected.pop();
        const shown = expected.map((each) => (Buffer.byteLength(each) > MAX_RECORD_BYTES ? null : each));
        const read = await linesBack(text);
        expect(read.map(([each]) => each)).toEqual(shown.reverse());
        expect(read.every(([, isEnded], index) => isEnded === (index > 0 || text.endsWith('\n')))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('end with the file where that has become shorter meanwhile', async () => {
    expect(await linesBack('one\ntwo\n', { from: 0, to: 4000 })).toEqual([
      ['two', true],
      ['one', true],
    ]);
  });
});
