/**
 * One file of the audit log, open for appending. A write either lands whole or leaves the file as it was; if even cutting
 * back fails, the next append cuts before it writes.
 */
import fs from 'node:fs';
import path from 'node:path';

/** The calls that can meet a full or failing disk. Tests replace single ones; the product uses `node:fs`. */
export type Disk = Pick<typeof fs, 'openSync' | 'writeSync' | 'ftruncateSync' | 'fdatasync' | 'fsync'>;

export interface Segment {
  readonly number: number;
  readonly file: string;
  readonly fd: number;
  /** Bytes of whole records. */
  size: number;
  /** A failed write left bytes behind `size`. */
  torn: boolean;
}

const segmentName = /^audit-(\d{6,})\.jsonl$/;
export const segmentFile = (folder: string, number: number): string => path.join(folder, `audit-${String(number).padStart(6, '0')}.jsonl`);

/** The number in a segment's name, or undefined for any other file. */
export const segmentNumber = (file: string): number | undefined => {
  const digits = segmentName.exec(path.basename(file))?.[1];
  return digits === undefined ? undefined : Number(digits);
};

/** The segments of a folder, oldest first. */
export const listSegments = (folder: string): { number: number; file: string }[] =>
  fs
    .readdirSync(folder)
    .flatMap((name) => {
      const number = segmentNumber(name);
      return number === undefined ? [] : [{ number, file: path.join(folder, name) }];
    })
    .sort((a, b) => a.number - b.number);

const { O_RDWR, O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW } = fs.constants;

/** Begins a segment that must not exist yet. @throws a system's error, too, where nobody who lists the segments would find it */
export function createSegment(disk: Disk, folder: string, number: number): Segment {
  const file = segmentFile(folder, number);
  // check: audit-segment-listed
  // A file of anybody's can have a number in its name that none can follow.
  if (!Number.isSafeInteger(number)) throw Object.assign(new Error('no such number'), { code: 'EOVERFLOW', syscall: 'open' });
  // end check
  const fd = disk.openSync(file, O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  return { number, file, fd, size: 0, torn: false };
}

/** Opens a segment to go on with it; `size` counts the bytes that are whole records, what lies behind is cut at the next append. */
export function reopenSegment(disk: Disk, file: string, size: number): Segment {
  const fd = disk.openSync(file, O_RDWR | O_APPEND | O_NOFOLLOW);
  fs.fchmodSync(fd, 0o600);
  return { number: segmentNumber(file) ?? 0, file, fd, size, torn: fs.fstatSync(fd).size !== size };
}

/**
 * Writes the line with one write(2) where the system takes it whole, more where it does not.
 *
 * @throws the system's error (ENOSPC, EIO, …); the file then ends where it ended before
 */
export function appendLine(disk: Disk, segment: Segment, line: Buffer): void {
  if (segment.torn) cutBack(disk, segment);
  let written = 0;
  try {
    while (written < line.length) {
      const step = disk.writeSync(segment.fd, line, written, line.length - written);
      if (step <= 0) throw Object.assign(new Error('write made no progress'), { code: 'EIO', syscall: 'write' });
      written += step;
    }
  } catch (error) {
    if (written > 0) segment.torn = true;
    tryCutBack(disk, segment);
    throw error;
  }
  segment.size += line.length;
}

function cutBack(disk: Disk, segment: Segment): void {
  disk.ftruncateSync(segment.fd, segment.size);
  segment.torn = false;
}

function tryCutBack(disk: Disk, segment: Segment): void {
  if (!segment.torn) return;
  try {
    cutBack(disk, segment);
  } catch {
    // `torn` stays set: the next append cuts first, and after a crash the next open does.
  }
}
