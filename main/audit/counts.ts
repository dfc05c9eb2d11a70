/**
 * What the records of a stretch of time add up to, for a chart. What was counted once is kept, minute by minute, so that only what
 * was appended since is read anew. It shows what is there and proves nothing: a line that somebody has changed may still count for one.
 */
import fs from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { setImmediate as otherWork } from 'node:timers/promises';
import type { Log } from '../ports.ts';
import { type EpochMs, hours, type Ms, minutes } from '../units.ts';
import { readLines } from './lines.ts';
import { readLinesBack } from './lines-back.ts';
import { decodeLine, glanceAt, MAX_RECORD_BYTES } from './record.ts';
import { listSegments } from './segment.ts';
import { systemErrorOf } from './unwritable.ts';

export interface Counts {
  /** Tokens handed out, cached answers included. */
  tokens: number;
  minted: number;
  /** Milliseconds of each exchange of which the length is known. */
  mintMs: number[];
  /** Requests that were put before a person. */
  prompts: number;
  /** Answers of a person that were a no. */
  denials: number;
  /**
   * Programs that were turned away: requests for a token with a grant, and grants that policy refused to make or to widen. What policy
   * refuses a grant in use is among the first already. What doors turn away before it reaches a grant is not counted: any web page can
   * knock any number of times.
   */
  refusals: number;
}

export interface ActivityCounts {
  /**
   * The time from `since` on, in `count` parts of the length `part`, oldest first. Both are whole minutes.
   *
   * A segment whose last record is older than that ends the look: behind a clock that was wrong just then, records stay uncounted.
   */
  parts(span: { since: EpochMs; part: Ms; count: number }): Promise<Counts[]>;
}

/** Segments looked at: 4 GiB of log. */
const MOST_SEGMENTS = 256;
/** Lines in a row; others get their turn after each. */
const LINES_IN_A_ROW = 512;
/** What lies further back is not asked for again and again. */
const KEPT: Ms = hours(8 * 24);
const MINUTE = minutes(1);

interface Counted {
  /** Which file it was: another one may have taken its name. */
  inode: number;
  /** Bytes that are counted. */
  through: number;
  /** The moment of the newest record. */
  newest: number;
  /** By minutes since the epoch. */
  minutes: Map<number, Counts>;
}

const nothing = (): Counts => ({ tokens: 0, minted: 0, mintMs: [], prompts: 0, denials: 0, refusals: 0 });

export function createActivityCounts({ folder, log }: { folder: string; log: Log }): ActivityCounts {
  const counted = new Map<string, Counted>();
  let last: Promise<unknown> = Promise.resolve();

  /** One after the other: the second finds what the first has counted. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = last.then(work);
    last = turn.catch(() => undefined);
    return turn;
  }

  async function count(since: EpochMs): Promise<void> {
    const files = segmentFiles(folder);
    for (const file of [...counted.keys()]) if (!files.includes(file)) counted.delete(file);
    for (const [index, file] of files.entries()) {
      try {
        const newest = await countSegment(file, since, index === 0);
        if (newest < since && index > 0) break;
      } catch (error) {
        const system = systemErrorOf(error);
        if (system === undefined) throw error;
        log('audit.segment-uncounted', { segment: path.basename(file), error: system });
      }
    }
    for (const [file, { newest }] of counted) if (newest < since - KEPT) counted.delete(file);
  }

  /** @returns the moment of its newest record; plus infinity where it has none, which says nothing about the segments before */
  async function countSegment(file: string, since: EpochMs, isNewest: boolean): Promise<number> {
    // Asked in a turn of the loop in which nobody appends, so that it is the end of a record.
    const { ino, size } = fs.statSync(file);
    const before = counted.get(file);
    const known = before?.inode === ino && before.through <= size ? before : undefined;
    if (known === undefined && !isNewest) {
      const end = await newestOf(file, size);
      if (end < since) return end;
    }
    const segment = known ?? { inode: ino, through: 0, newest: Number.NEGATIVE_INFINITY, minutes: new Map() };
    counted.set(file, segment);
    for await (const { bytes, ended, through, number } of readLines(file, { from: segment.through, to: size })) {
      if (number % LINES_IN_A_ROW === 0) await otherWork();
      if (!ended) break;
      segment.through = through;
      if (bytes !== null) add(segment, bytes);
    }
    return Number.isFinite(segment.newest) ? segment.newest : Number.POSITIVE_INFINITY;
  }

  async function parts({ since, part, count: wanted }: Parameters<ActivityCounts['parts']>[0]): Promise<Counts[]> {
    await count(since);
    const found = Array.from({ length: wanted }, nothing);
    for (const segment of counted.values())
      for (const [minute, counts] of segment.minutes) {
        const sum = found[Math.floor((minute * MINUTE - since) / part)];
        if (sum !== undefined) addUp(sum, counts);
      }
    return found;
  }

  return { parts: (span) => inTurn(() => parts(span)) };
}

/** Newest first; none where there is no log yet. */
function segmentFiles(folder: string): string[] {
  return fs.existsSync(folder)
    ? listSegments(folder)
        .map(({ file }) => file)
        .reverse()
        .slice(0, MOST_SEGMENTS)
    : [];
}

/** The moment of the last record of a segment, by a look at its end alone; plus infinity where none is found there. */
async function newestOf(file: string, size: number): Promise<number> {
  const handle = await open(file, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW);
  try {
    for await (const { bytes } of readLinesBack(handle, { from: Math.max(0, size - MAX_RECORD_BYTES), to: size })) {
      const decoded = bytes === null ? null : decodeLine(bytes);
      if (decoded?.ok) return Date.parse(decoded.record.at);
    }
    return Number.POSITIVE_INFINITY;
  } finally {
    await handle.close();
  }
}

function add(segment: Counted, line: Buffer): void {
  const glance = glanceAt(line);
  if (glance === null) return;
  segment.newest = Math.max(segment.newest, glance.at);
  const count = Object.hasOwn(countOf, glance.type) ? countOf[glance.type] : undefined;
  const more = count?.(() => fieldsOf(line));
  if (more === undefined) return;
  const minute = Math.floor(glance.at / MINUTE);
  const sum = segment.minutes.get(minute) ?? nothing();
  segment.minutes.set(minute, sum);
  addUp(sum, more);
}

/** None of a line that is damaged. */
function fieldsOf(line: Buffer): Record<string, unknown> {
  const decoded = decodeLine(line);
  return decoded.ok ? decoded.record : {};
}

/** What one record of each type adds; those that are not here add nothing. Its fields are read only where they count. */
const countOf: Readonly<Record<string, (fields: () => Record<string, unknown>) => Partial<Counts>>> = {
  'token.served': () => ({ tokens: 1 }),
  'token.printed': () => ({ tokens: 1 }),
  'token.served-again': (fields) => ({ tokens: whole(fields()['count']) }),
  'token.minted'(fields) {
    const { tookMs } = fields();
    // Versions before this one did not write how long it took.
    return { minted: 1, mintMs: isWhole(tookMs) ? [tookMs] : [] };
  },
  'consent.asked': () => ({ prompts: 1 }),
  'consent.answered': (fields) => ({ denials: fields()['verdict'] === 'denied' ? 1 : 0 }),
  'token.refused': (fields) => ({ refusals: whole(fields()['count']) }),
  'policy.denied'(fields) {
    const { action, count } = fields();
    return { refusals: action === 'create' || action === 'widen' ? whole(count) : 0 };
  },
};

/** More than this is no count but damage. */
const MOST_COUNTED = 1e9;
const isWhole = (value: unknown): value is number => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= MOST_COUNTED;
const whole = (value: unknown): number => (isWhole(value) ? value : 0);

function addUp(sum: Counts, more: Partial<Counts>): void {
  for (const name of ['tokens', 'minted', 'prompts', 'denials', 'refusals'] as const) sum[name] += more[name] ?? 0;
  for (const took of more.mintMs ?? []) sum.mintMs.push(took);
}

/** null: there is none. */
export function medianOf(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle];
  if (upper === undefined) return null;
  const lower = sorted.length % 2 === 0 ? (sorted[middle - 1] ?? upper) : upper;
  return (lower + upper) / 2;
}
