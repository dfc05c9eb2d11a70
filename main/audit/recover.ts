/**
 * What a log that was left behind looks like from its end, so that it can be continued.
 *
 * Reads only the last part of the newest segment: an agent must be ready in milliseconds, and the whole history is
 * `verifyAudit`'s work. It changes nothing. A line that a crash tore is told apart from damage: the first is ours to cut, the
 * second is evidence and stays as it is.
 */
import fs from 'node:fs';
import { decodeLine, MAX_RECORD_BYTES, type StoredRecord, ZERO_HASH } from './record.ts';

/** Bytes read from the end of a segment: the greatest record and some hundred ordinary ones. */
const LOOK_BACK = MAX_RECORD_BYTES + 64 * 1024;

export interface LogEnd {
  /** Of the last record; 0 and zeros for an empty log. */
  seq: number;
  hash: string;
  /** Whole records seen at the end, oldest first. */
  records: StoredRecord[];
  /** Bytes of the newest segment that are whole records. */
  size: number;
  /** Bytes of a torn last line after them; 0 when the file ends well. */
  tornBytes: number;
  /** The last record is whole but for its newline. */
  newlineMissing: boolean;
  /** Why the newest segment must not be continued, or null. */
  broken: string | null;
}

/** @param files segments, oldest first */
export function findEnd(files: readonly string[]): LogEnd {
  const newest = files.at(-1);
  if (newest === undefined) return { seq: 0, hash: ZERO_HASH, records: [], size: 0, tornBytes: 0, newlineMissing: false, broken: null };
  const end = endOfSegment(newest);
  const startSeen = end.from === 0;
  const first = end.records[0];
  if (!startSeen || (first !== undefined && (first.type === 'audit.broken' || end.broken !== null))) return end;
  // The segment is short enough to see its first record: that one must follow the segment before.
  const before = findEnd(files.slice(0, -1));
  if (first === undefined) {
    const broken = end.broken ?? before.broken ?? (before.tornBytes > 0 || before.newlineMissing ? 'torn' : null);
    return { ...end, seq: before.seq, hash: before.hash, records: before.records, broken };
  }
  const follows = first.prev === before.hash && first.seq === before.seq + 1;
  return follows || before.broken !== null ? end : { ...end, broken: 'chain' };
}

function endOfSegment(file: string): LogEnd & { from: number } {
  const { bytes, from } = readEnd(file);
  const { lines, rest } = splitLines(bytes, from > 0);
  const read = readChain(lines);
  const end = { ...read, from, size: from + bytes.length - rest.length, tornBytes: 0, newlineMissing: false };
  return end.broken !== null || rest.length === 0 ? end : { ...end, ...judgeRest(rest, end) };
}

function readEnd(file: string): { bytes: Buffer; from: number } {
  const fd = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW);
  try {
    const { size } = fs.fstatSync(fd);
    const from = Math.max(0, size - LOOK_BACK);
    const bytes = Buffer.alloc(size - from);
    let filled = 0;
    while (filled < bytes.length) {
      const step = fs.readSync(fd, bytes, filled, bytes.length - filled, from + filled);
      if (step === 0) break;
      filled += step;
    }
    return { bytes: bytes.subarray(0, filled), from };
  } finally {
    fs.closeSync(fd);
  }
}

function splitLines(bytes: Buffer, startsInsideALine: boolean): { lines: Buffer[]; rest: Buffer } {
  const lines: Buffer[] = [];
  let start = 0;
  for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, start)) {
    lines.push(bytes.subarray(start, end));
    start = end + 1;
  }
  return { lines: startsInsideALine ? lines.slice(1) : lines, rest: bytes.subarray(start) };
}

function readChain(lines: Buffer[]): Pick<LogEnd, 'seq' | 'hash' | 'records' | 'broken'> {
  const records: StoredRecord[] = [];
  let broken: string | null = null;
  let seq = 0;
  let hash = ZERO_HASH;
  for (const line of lines) {
    const decoded = decodeLine(line);
    if (!decoded.ok) {
      broken ??= decoded.problem;
      seq += 1;
      hash = ZERO_HASH;
      continue;
    }
    const { record } = decoded;
    if (records.length > 0 && (record.prev !== hash || record.seq !== seq + 1)) broken ??= 'chain';
    records.push(record);
    seq = record.seq;
    hash = record.hash;
  }
  return { seq, hash, records, broken };
}

/** Bytes after the last newline: a whole record without its newline, a line torn by a crash, or damage. */
function judgeRest(rest: Buffer, end: LogEnd): Partial<LogEnd> {
  const whole = decodeLine(rest);
  if (whole.ok) {
    const { record } = whole;
    if (end.seq > 0 && (record.prev !== end.hash || record.seq !== end.seq + 1)) return { broken: 'chain' };
    return { newlineMissing: true, seq: record.seq, hash: record.hash, records: [...end.records, record], size: end.size + rest.length };
  }
  // check: audit-torn-or-damaged
  if (rest.length >= MAX_RECORD_BYTES || /,"hash":"[0-9a-f]{64}"\}/.test(rest.toString('latin1'))) return { broken: 'malformed' };
  // end check
  return { tornBytes: rest.length };
}
