/**
 * A place in the log, and reading on from there. The log itself is the spool: nothing is copied, and what a sink has yet to get lies where
 * it always lay.
 */
import fs from 'node:fs';
import { open } from 'node:fs/promises';
import { setImmediate as otherWork } from 'node:timers/promises';
import { readLines } from '../lines.ts';
import { readSpan } from '../lines-back.ts';
import { decodeLine, MAX_RECORD_BYTES, type StoredRecord } from '../record.ts';
import { listSegments, segmentFile } from '../segment.ts';
import { systemErrorOf } from '../unwritable.ts';

/** Behind one whole record. */
export interface Position {
  /** Number of the segment. */
  segment: number;
  /** Bytes. */
  offset: number;
  /** `seq` and `hash` of that record; 0 and nothing at the very beginning. */
  seq: number;
  hash: string;
}
export const beginning: Position = { segment: 1, offset: 0, seq: 0, hash: '' };

/** Of records between two that count, so that a token need not wait long. */
const RECORDS_IN_A_ROW = 50;

/** The record that a position names ends there, in this log. */
export async function isInLog(folder: string, { segment, offset, seq, hash }: Position): Promise<boolean> {
  if (seq === 0) return offset === 0;
  try {
    const handle = await open(segmentFile(folder, segment), fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW);
    try {
      const bytes = await readSpan(handle, Math.max(0, offset - MAX_RECORD_BYTES - 1), offset);
      if (bytes.at(-1) !== 10) return false;
      const decoded = decodeLine(bytes.subarray(bytes.lastIndexOf(10, bytes.length - 2) + 1, -1));
      return decoded.ok && decoded.record.seq === seq && decoded.record.hash === hash;
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (systemErrorOf(error) === undefined) throw error;
    return false;
  }
}

/** Bytes of the log behind a position. */
export function bytesBehind(folder: string, from: Position): number {
  const later = listSegments(folder).filter(({ number }) => number >= from.segment);
  const size = later.reduce((sum, { file }) => sum + fs.statSync(file).size, 0);
  return later[0]?.number === from.segment ? size - from.offset : size;
}

export interface Found {
  record: StoredRecord;
  /** Behind it. */
  position: Position;
  /** Bytes of its line. */
  bytes: number;
}

/**
 * The whole records behind a position, oldest first, up to the end as it is when a segment is begun. Damaged lines are passed over: `seq`
 * shows whoever reads that something is missing.
 *
 * @param newest number of the segment in use: behind one that somebody else put after it, nothing would be found any more
 * @throws the system's error: the folder or a segment is there and cannot be read
 */
export async function* recordsBehind(folder: string, from: Position, newest: number): AsyncGenerator<Found> {
  const segments = listSegments(folder).filter(({ number }) => number >= from.segment);
  let row = 0;
  for (const { number, file } of segments) {
    // check: sink-segment-in-use
    if (number > newest) return;
    // end check
    // A log is appended to within one turn of the loop, so what is measured in one ends in a whole record.
    const { size } = fs.statSync(file);
    let offset = number === from.segment ? from.offset : 0;
    for await (const { bytes, ended, through } of readLines(file, { from: offset, to: size })) {
      row += 1;
      if (row % RECORDS_IN_A_ROW === 0) await otherWork();
      const decoded = bytes === null || !ended ? null : decodeLine(bytes);
      if (decoded?.ok) {
        const { record } = decoded;
        yield { record, bytes: through - offset, position: { segment: number, offset: through, seq: record.seq, hash: record.hash } };
      }
      offset = through;
    }
  }
}
