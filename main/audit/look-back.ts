/**
 * Reads a log from its newest record backwards, page by page. A page costs what lies between its first record and its last, however
 * long the log is; where little of it is wanted, the look ends after a bounded amount of work and says where to go on.
 *
 * It shows what is there and proves nothing about the chain; `verify.ts` does. Nothing is kept from one page to the next.
 */
import fs from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '../app-error.ts';
import type { Log } from '../ports.ts';
import { readLinesBack, readSpan } from './lines-back.ts';
import { decodeLine, type StoredRecord } from './record.ts';
import { listSegments } from './segment.ts';
import { systemErrorOf } from './unwritable.ts';

/** Records looked at for one page: about a tenth of a second of work, in pieces of a millisecond or two. */
const MOST_RECORDS = 20_000;
/** Bytes on one page: more than any ordinary one. */
const HEAVIEST = 2 * 1024 * 1024;
/** A log writer closes a segment at half of this; what lies deeper in a file was not written by one. */
const DEEPEST = 32 * 1024 * 1024;
/** What is looked at to find one record: more than any ordinary one. */
const PROBE = 16 * 1024;
/** So near to the record that is sought the search ends, and the reading begins. */
const NEAR = 64 * 1024;
/** So many records in a row from before the time that is asked for end the look. A clock that was wrong for fewer hides nothing. */
const OLDER_IN_A_ROW = 1000;

export interface Look {
  /** Only records with a smaller `seq`. */
  before?: number | undefined;
  /** Epoch milliseconds. */
  since?: number | undefined;
  limit: number;
  wanted: (record: StoredRecord) => boolean;
}

export interface Looked {
  /** Newest first. */
  records: StoredRecord[];
  /** `before` for what follows; null: the beginning of the log was reached, or of the time that was asked for. */
  next: number | null;
  /** Lines that could not be read; a segment that cannot be opened, or is larger than any, counts as one. */
  damaged: number;
  /** What it took. */
  read: { bytes: number; records: number };
}

/** @throws AppError AUDIT_BROKEN (reason `unreadable`): the folder is there and cannot be listed */
export async function lookBack(folder: string, look: Look, log: Log): Promise<Looked> {
  const walk: Walk = { look, records: [], damaged: 0, damagedOfPage: 0, older: 0, last: null, over: null, bytes: 0, seen: 0, weight: 0 };
  const segments = segmentsOf(folder).reverse();
  let isReached = look.before === undefined;
  for (const [index, { file }] of segments.entries()) {
    try {
      isReached = await lookInto(walk, file, { isReached, isNewest: index === 0 });
    } catch (error) {
      const system = systemErrorOf(error);
      if (system === undefined) throw error;
      log('audit.segment-unreadable', { segment: path.basename(file), error: system });
      walk.damaged += 1;
    }
    if (walk.over !== null) break;
  }
  return pageOf(walk);
}

function segmentsOf(folder: string): ReturnType<typeof listSegments> {
  try {
    return listSegments(folder);
  } catch (error) {
    const system = systemErrorOf(error);
    if (system === undefined) throw error;
    if (system === 'ENOENT') return [];
    throw new AppError('AUDIT_BROKEN', { reason: 'unreadable', detail: `The system says ${system}.`, cause: error });
  }
}

interface Walk {
  readonly look: Look;
  readonly records: StoredRecord[];
  damaged: number;
  /** Lines that were damaged when the page was full: what lies behind is the next page's. */
  damagedOfPage: number;
  /** Records in a row from before the time that is asked for. */
  older: number;
  /** The `seq` that was looked at last. */
  last: number | null;
  over: 'full' | 'worked' | 'older' | null;
  bytes: number;
  seen: number;
  /** Bytes of the records that are on the page. */
  weight: number;
}

function pageOf({ over, records, last, damaged, damagedOfPage, bytes, seen }: Walk): Looked {
  const read = { bytes, records: seen };
  if (over === 'full') return { records, next: records.at(-1)?.seq ?? null, damaged: damagedOfPage, read };
  // Nothing is older than the first record of all.
  return { records, next: over === 'worked' && last !== 1 ? last : null, damaged, read };
}

/**
 * @param at.isReached a newer segment held the place where the page begins
 * @returns whether it is reached now
 */
async function lookInto(walk: Walk, file: string, at: { isReached: boolean; isNewest: boolean }): Promise<boolean> {
  const handle = await open(file, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW);
  try {
    // Asked in a turn of the loop in which nobody appends, so that it is the end of a record.
    const { size } = fs.statSync(file);
    const end = at.isReached ? size : await endBefore(walk, handle, size);
    if (end === 0) return at.isReached;
    const from = Math.max(0, end - DEEPEST);
    await lookThrough(walk, handle, { from, to: end, mayGrow: at.isNewest && end === size });
    if (from > 0 && walk.over === null) walk.damaged += 1;
    return true;
  } finally {
    await handle.close();
  }
}

async function lookThrough(walk: Walk, handle: FileHandle, span: { from: number; to: number; mayGrow: boolean }): Promise<void> {
  const onRead = (bytes: number): void => {
    walk.bytes += bytes;
  };
  for await (const { bytes, ended } of readLinesBack(handle, span, onRead)) {
    const decoded = bytes === null ? null : decodeLine(bytes);
    if (decoded?.ok) see(walk, decoded.record, bytes?.length ?? 0);
    // Behind the last newline of the newest segment somebody may be writing.
    else if (ended || !span.mayGrow) walk.damaged += 1;
    if (walk.over !== null) return;
  }
}

function see(walk: Walk, record: StoredRecord, length: number): void {
  const { before, since, limit, wanted } = walk.look;
  if (before !== undefined && record.seq >= before) {
    // What is damaged before this record was another page's.
    walk.damaged = 0;
    return;
  }
  walk.seen += 1;
  walk.older = since !== undefined && Date.parse(record.at) < since ? walk.older + 1 : 0;
  if (wanted(record)) {
    // One more than the page holds shows that there is a next one.
    if (walk.records.length === limit || (walk.records.length > 0 && walk.weight + length > HEAVIEST)) {
      walk.over = 'full';
      return;
    }
    walk.records.push(record);
    walk.weight += length;
    walk.damagedOfPage = walk.damaged;
  }
  walk.last = record.seq;
  if (walk.older >= OLDER_IN_A_ROW) walk.over = 'older';
  else if (walk.seen >= MOST_RECORDS) walk.over = 'worked';
}

/**
 * Where the records of a segment end that come before the one that is asked for: at or behind that place, by not more than the search
 * leaves open; 0 where the whole segment is newer. Numbers go up from line to line; where damage hides them, more is read instead.
 */
async function endBefore(walk: Walk, handle: FileHandle, size: number): Promise<number> {
  const before = walk.look.before ?? Number.MAX_SAFE_INTEGER;
  const first = await recordFrom(walk, handle, { from: 0, to: size });
  if (first !== null && first.start === 0 && first.seq >= before) return 0;
  let low = 0;
  let high = size;
  while (high - low > NEAR) {
    const found = await recordFrom(walk, handle, { from: low + Math.floor((high - low) / 2), to: high });
    if (found === null) break;
    if (found.seq < before) low = found.end;
    else high = found.start;
  }
  return high;
}

/** The first whole record that begins in this part of the file, by a look at its beginning alone. */
async function recordFrom(
  walk: Walk,
  handle: FileHandle,
  { from, to }: { from: number; to: number },
): Promise<{ seq: number; start: number; end: number } | null> {
  const bytes = await readSpan(handle, from, Math.min(to, from + PROBE));
  walk.bytes += bytes.length;
  // Only the very beginning of a file is known to be the beginning of a line.
  let start = from === 0 ? 0 : bytes.indexOf(10) + 1;
  if (from > 0 && start === 0) return null;
  for (let end = bytes.indexOf(10, start); end !== -1; end = bytes.indexOf(10, start)) {
    const decoded = decodeLine(bytes.subarray(start, end));
    if (decoded.ok) return { seq: decoded.record.seq, start: from + start, end: from + end + 1 };
    start = end + 1;
  }
  return null;
}
