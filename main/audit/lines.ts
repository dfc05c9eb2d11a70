/** The lines of a file, one after the other, in bounded memory however broken the file is. */
import fs from 'node:fs';
import { MAX_RECORD_BYTES } from './record.ts';

export interface Line {
  /** From 1, counted from where the reading began. */
  number: number;
  /** Without the newline; null when the line is longer than any record can be. */
  bytes: Buffer | null;
  /** False for a last line without a newline. */
  ended: boolean;
  /** Where in the file the next line begins. */
  through: number;
}

/**
 * @param part.from where a line begins (0)
 * @param part.to nothing from this byte on is read (the end of the file): what somebody appends meanwhile stays out
 * @throws the system's error when the file cannot be read
 */
export async function* readLines(file: string, part: { from?: number; to?: number } = {}): AsyncGenerator<Line> {
  const { from = 0, to = Number.MAX_SAFE_INTEGER } = part;
  if (to <= from) return;
  let pending: Buffer[] = [];
  let length = 0;
  let number = 0;
  let through = from;
  const take = (ended: boolean): Line => {
    const bytes = length > MAX_RECORD_BYTES ? null : Buffer.concat(pending);
    through += length + (ended ? 1 : 0);
    pending = [];
    length = 0;
    number += 1;
    return { number, bytes, ended, through };
  };
  const keep = (piece: Buffer): void => {
    length += piece.length;
    if (length > MAX_RECORD_BYTES) pending = [];
    else pending.push(piece);
  };
  for await (const chunk of fs.createReadStream(file, { highWaterMark: 256 * 1024, start: from, end: to - 1 }) as AsyncIterable<Buffer>) {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      keep(chunk.subarray(start, end));
      yield take(true);
      start = end + 1;
    }
    if (start < chunk.length) keep(chunk.subarray(start));
  }
  if (length > 0) yield take(false);
}
