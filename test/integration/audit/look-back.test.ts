/** Pages, counts and the verdict of a log that another process appends to meanwhile, through many segments. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createActivityCounts } from '../../../main/audit/counts.ts';
import { type Looked, lookBack } from '../../../main/audit/look-back.ts';
import { verifyAudit } from '../../../main/audit/verify.ts';
import { type EpochMs, hours } from '../../../main/units.ts';
import { temporaryFolder } from '../../unit/audit/audit-folder.ts';

const SEGMENT_BYTES = 60_000;
const SEGMENTS = 8;

/** A process that appends until it is ended; `printed` is the number of the last record whose append has returned. */
function appending(folder: string): { printed: () => number; end: () => Promise<unknown> } {
  const script = path.join(import.meta.dirname, 'appender.ts');
  const child = spawn(process.execPath, [script, folder, String(SEGMENT_BYTES), '1'], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let rest = '';
  let last = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    last = Number(lines.at(-1) ?? last);
  });
  return {
    printed: () => last,
    async end() {
      const closed = once(child, 'close');
      child.kill('SIGKILL');
      await closed;
    },
  };
}

const look = (folder: string, before: number | undefined): Promise<Looked> =>
  lookBack(folder, { before, limit: 200, wanted: () => true }, (event, fields) => {
    throw new Error(`${event} ${JSON.stringify(fields)}`);
  });

/** Goes back through the log while it grows: every record from the newest of the first page down, once. */
async function pageThrough(folder: string): Promise<number> {
  let before: number | undefined;
  let expected: number | undefined;
  let seen = 0;
  do {
    const page = await look(folder, before);
    expect(page.damaged).toBe(0);
    for (const { seq } of page.records) {
      expect(seq).toBe(expected ?? seq);
      expected = seq - 1;
      seen += 1;
    }
    before = page.next ?? undefined;
  } while (before !== undefined);
  expect(expected ?? 0).toBe(0);
  return seen;
}

it('gives every record once, counts each once, and never takes one that is being written for damage', async () => {
  const folder = path.join(temporaryFolder(), 'audit');
  const appender = appending(folder);
  const counts = createActivityCounts({ folder, log: () => undefined });
  const since = (Math.floor(Date.now() / 60_000) * 60_000) as EpochMs;
  const counted = async (): Promise<number> => (await counts.parts({ since, part: hours(1), count: 1 }))[0]?.tokens ?? 0;
  let rounds = 0;
  let before = 0;
  while (!fs.existsSync(folder) || fs.readdirSync(folder).length < SEGMENTS || rounds < 3) {
    const printed = appender.printed();
    const seen = await pageThrough(folder);
    expect(seen).toBeGreaterThanOrEqual(printed);
    // Record n counts n tokens.
    const tokens = await counted();
    expect(tokens).toBeGreaterThanOrEqual((printed * (printed + 1)) / 2);
    expect(tokens).toBeGreaterThanOrEqual(before);
    before = tokens;
    const { problems } = await verifyAudit(folder);
    expect(problems.filter(({ problem }) => problem !== 'unfinished' && problem !== 'nothing-here')).toEqual([]);
    rounds += 1;
  }
  await appender.end();
  const last = (await verifyAudit(folder)).last?.seq ?? 0;
  expect(await pageThrough(folder)).toBe(last);
  expect(await counted()).toBe((last * (last + 1)) / 2);
  expect(fs.readdirSync(folder).length).toBeGreaterThanOrEqual(SEGMENTS);
});
