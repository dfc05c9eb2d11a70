/** What the log adds up to: every record once, in its part of the time, however often it is asked and whatever is appended meanwhile. */
import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Counts, createActivityCounts, medianOf } from '../../../main/audit/counts.ts';
import { type EpochMs, minutes } from '../../../main/units.ts';
import { firstSegment, opened, served, temporaryFolder, writtenLog } from './audit-folder.ts';
import { generatedLog, type Written } from './generated-log.ts';

const START = Date.UTC(2026, 0, 5, 9) as EpochMs;
const logged: unknown[] = [];
const countsOf = (folder: string) => createActivityCounts({ folder, log: (event, fields) => void logged.push([event, fields]) });
const span = (count = 3, since = START) => ({ since, part: minutes(1), count });
const nothing: Counts = { tokens: 0, minted: 0, mintMs: [], prompts: 0, denials: 0, refusals: 0 };
const at = (minute: number, fields: Written['fields']): Written => ({ at: START + minute * 60_000, fields });

describe('the counts of a stretch of time', () => {
  it('are those of each part alone, and of nothing before and after', async () => {
    const folder = generatedLog([
      at(-1, { type: 'token.served' }),
      at(0, { type: 'token.served' }),
      at(0, { type: 'token.printed' }),
      at(0.99, { type: 'token.served-again', count: 40 }),
      at(1, { type: 'token.minted', tookMs: 80 }),
      at(1, { type: 'token.minted', tookMs: 20 }),
      at(1, { type: 'token.minted' }),
      at(1, { type: 'consent.asked' }),
      at(1, { type: 'consent.answered', verdict: 'denied' }),
      at(1, { type: 'consent.answered', verdict: 'approved' }),
      at(2, { type: 'token.refused', count: 5 }),
      at(2, { type: 'policy.denied', action: 'create', count: 1 }),
      at(2, { type: 'policy.denied', action: 'renew', count: 5 }),
      at(2, { type: 'door.refused', count: 1000 }),
      at(2, { type: 'something.newer', count: 1000 }),
      at(3, { type: 'token.served' }),
    ]);
    expect(await countsOf(folder).parts(span())).toEqual([
      { ...nothing, tokens: 42 },
      { ...nothing, minted: 3, mintMs: [80, 20], prompts: 1, denials: 1 },
      { ...nothing, refusals: 6 },
    ]);
  });

  it.each([
    ['a text', '5'],
    ['a negative number', -5],
    ['a fraction', 1.5],
    ['more than there can be', 1e300],
    ['nothing', undefined],
    ['a list', [5]],
  ])('take no count that is %s', async (_, count) => {
    const folder = generatedLog([at(0, { type: 'token.served-again', count }), at(0, { type: 'token.minted', tookMs: count })]);
    expect(await countsOf(folder).parts(span(1))).toEqual([{ ...nothing, minted: 1 }]);
  });

  it('grow with the log, across segments, and nothing is counted twice', async () => {
    const { log, folder, clock } = await opened({ segmentBytes: 1200 });
    const counts = countsOf(folder);
    const tokens = async (): Promise<number> => (await counts.parts(span(60)))[0]?.tokens ?? Number.NaN;
    clock.set(START);
    let sum = 0;
    expect(await tokens()).toBe(0);
    for (let n = 1; n <= 40; n += 1) {
      log.append(served(n));
      sum += n;
      if (n % 3 === 0) expect(await tokens()).toBe(sum);
    }
    expect(await Promise.all([tokens(), tokens(), tokens()])).toEqual([sum, sum, sum]);
    expect(fs.readdirSync(folder).length).toBeGreaterThan(5);
  });

  it('begin anew with a file that took the name of another, or was cut', async () => {
    const folder = await writtenLog(3);
    const counts = countsOf(folder);
    const tokens = async (): Promise<number | undefined> => (await counts.parts(span(60)))[0]?.tokens;
    expect(await tokens()).toBe(6);
    const [first = ''] = fs.readFileSync(firstSegment(folder), 'utf8').split(/(?<=\n)/);
    fs.truncateSync(firstSegment(folder), first.length);
    expect(await tokens()).toBe(1);
    fs.renameSync(firstSegment(await writtenLog(4)), firstSegment(folder));
    expect(await tokens()).toBe(10);
    fs.rmSync(firstSegment(folder));
    expect(await tokens()).toBe(0);
  });

  it('leave a line alone that is not yet whole, and take it once it is', async () => {
    const folder = await writtenLog(3);
    const lines = fs.readFileSync(firstSegment(folder), 'utf8').split(/(?<=\n)/);
    const counts = countsOf(folder);
    fs.writeFileSync(firstSegment(folder), `${lines[0]}${lines[1]}${lines[2]?.slice(0, 60)}`);
    expect((await counts.parts(span(60)))[0]?.tokens).toBe(3);
    fs.appendFileSync(firstSegment(folder), lines[2]?.slice(60) ?? '');
    expect((await counts.parts(span(60)))[0]?.tokens).toBe(6);
  });

  it('take no number from a line that was changed', async () => {
    const folder = await writtenLog(3);
    fs.writeFileSync(firstSegment(folder), fs.readFileSync(firstSegment(folder), 'utf8').replace('"count":2', '"count":900'));
    expect((await countsOf(folder).parts(span(60)))[0]?.tokens).toBe(4);
  });

  it('pass over damaged lines and segments', async () => {
    const folder = await writtenLog(30, { segmentBytes: 1200 });
    fs.appendFileSync(firstSegment(folder), `${'x'.repeat(300_000)}\n\n{}\n`);
    fs.mkdirSync(`${folder}/audit-000900.jsonl`);
    expect((await countsOf(folder).parts(span(60)))[0]?.tokens).toBe(465);
    expect(logged).toContainEqual(['audit.segment-uncounted', { segment: 'audit-000900.jsonl', error: 'EISDIR' }]);
  });

  it('read no segment that ended before', async () => {
    const folder = generatedLog(
      Array.from({ length: 40 }, (_, n) => at(n, { type: 'token.served' })),
      10,
    );
    // Were it read, it would be missed: the first is no file at all.
    fs.rmSync(firstSegment(folder));
    fs.mkdirSync(firstSegment(folder));
    logged.length = 0;
    const parts = await countsOf(folder).parts(span(10, (START + minutes(25)) as EpochMs));
    expect([parts.map(({ tokens }) => tokens), logged]).toEqual([Array(10).fill(1), []]);
  });

  it('are nothing where there is no log', async () => {
    expect(await countsOf(`${temporaryFolder()}/none`).parts(span(1))).toEqual([nothing]);
  });

  it('let others work in between', async () => {
    const folder = generatedLog(Array.from({ length: 3000 }, (_, n) => at(n / 1000, { type: 'token.served' })));
    let turns = 0;
    let isOver = false;
    const beside = (async () => {
      for (; !isOver; turns += 1) await new Promise((resolve) => setImmediate(resolve));
    })();
    expect((await countsOf(folder).parts(span(3))).map(({ tokens }) => tokens)).toEqual([1000, 1000, 1000]);
    isOver = true;
    await beside;
    expect(turns).toBeGreaterThan(3000 / 512 - 1);
  });
});

describe('the median', () => {
  it.each<[number[], number | null]>([
    [[], null],
    [[7], 7],
    [[9, 1, 5], 5],
    [[9, 1, 5, 6], 5.5],
  ])('of %j is %j', (values, median) => {
    expect(medianOf(values)).toBe(median);
  });
});
