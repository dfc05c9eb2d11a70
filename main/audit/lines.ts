/** The lines of a file, one after the other, in bounded memory however broken the file is. */
import fs from 'node:fs';
import { MAX_RECORD_BYTES } from './record.ts';

export interface Line {
  /** From 1. */
  number: number;
  /** Without the newline; null when the line is longer than any record can be. */
  bytes: Buffer | null;
  /** False for a last line without a newline. */
  ended: boolean;
}

/** @throws the system's error when the file cannot be read */
export async function* readLines(file: string): AsyncGenerator<Line> {
  let pending: Buffer[] = [];
  let length = 0;
  let number = 0;
  const take = (ended: boolean): Line => {
    const bytes = length > MAX_RECORD_BYTES ? null : Buffer.concat(pending);
    pending = [];
    length = 0;
    number += 1;
    return { number, bytes, ended };
  };
  const keep = (piece: Buffer): void => {
    length += piece.length;
    if (length > MAX_RECORD_BYTES) pending = [];
    else pending.push(piece);
  };
  for await (const chunk of fs.createReadStream(file, { highWaterMark: 256 * 1024 }) as AsyncIterable<Buffer>) {
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
