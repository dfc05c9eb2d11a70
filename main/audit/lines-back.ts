/** The lines of a file from its end to its beginning, in bounded memory however broken the file is. */
import type { FileHandle } from 'node:fs/promises';
import { MAX_RECORD_BYTES } from './record.ts';

export interface LineBack {
  /** Without the newline; null when the line is longer than any record can be. */
  bytes: Buffer | null;
  /** False for what lies behind the last newline. */
  ended: boolean;
}

/** Read at once: some hundred records. */
const CHUNK = 64 * 1024;

/** The bytes from `from` to `to`; fewer where the file has become shorter. */
export async function readSpan(handle: FileHandle, from: number, to: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(to - from);
  let filled = 0;
  while (filled < bytes.length) {
    const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, from + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

/**
 * @param span.from nothing before this byte is looked at; a line that begins there is taken for a whole one
 * @param span.to where to begin: the end of a line, or of the file
 * @param onRead told how many bytes were read, each time
 * @throws the system's error when the file cannot be read
 */
export async function* readLinesBack(
  handle: FileHandle,
  { from, to }: { from: number; to: number },
  onRead: (bytes: number) => void = () => undefined,
): AsyncGenerator<LineBack> {
  /** Of the line that is being put together, last piece first. */
  let pieces: Buffer[] = [];
  let length = 0;
  let ended = false;
  const keep = (piece: Buffer): void => {
    length += piece.length;
    if (length > MAX_RECORD_BYTES) pieces = [];
    else pieces.push(piece);
  };
  const take = (): LineBack => {
    const line = { bytes: length > MAX_RECORD_BYTES ? null : Buffer.concat(pieces.reverse()), ended };
    pieces = [];
    length = 0;
    return line;
  };
  for (let position = to; position > from; ) {
    const begin = Math.max(from, position - CHUNK);
    const chunk = await readSpan(handle, begin, position);
    onRead(chunk.length);
    let stop = chunk.length;
    while (stop > 0) {
      const newline = chunk.lastIndexOf(10, stop - 1);
      if (newline === -1) break;
      keep(chunk.subarray(newline + 1, stop));
      if (ended || length > 0) yield take();
      ended = true;
      stop = newline;
    }
    keep(chunk.subarray(0, stop));
    position = begin;
  }
  if (ended || length > 0) yield take();
}
