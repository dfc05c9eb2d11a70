/** The records that devices have sent, as they lie in a folder which anybody may have written to: every file is judged, none is trusted. */
import { constants } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../app-error.ts';
import { LARGEST_RECORD_BYTES, type RecordFlaw, readRecord, type SignedRecord } from '../device-record.ts';

const MOST_FILES = 200_000;

/** What stands in the way of reading a file. */
export type FileFlaw = 'link' | 'no-file' | 'unreadable' | 'size';

export interface CollectedRecord extends SignedRecord {
  readonly file: string;
}

export interface Collected {
  readonly records: readonly CollectedRecord[];
  /** Named as records, and none. */
  readonly flawed: readonly { readonly file: string; readonly flaw: FileFlaw | RecordFlaw }[];
  /** Files of other names, which nobody looked into. */
  readonly others: number;
}

/** @throws AppError INPUT_INVALID (reason: folder) */
export async function collectRecords(folder: string): Promise<Collected> {
  const names = await readdir(folder).catch((cause: unknown) => {
    throw new AppError('INPUT_INVALID', { reason: 'folder', detail: 'There is no such folder, or it cannot be read.', cause });
  });
  if (names.length > MOST_FILES) throw new AppError('INPUT_INVALID', { reason: 'folder', detail: 'It holds too many files.' });
  const records: CollectedRecord[] = [];
  const flawed: { file: string; flaw: FileFlaw | RecordFlaw }[] = [];
  const named = names.filter((name) => name.endsWith('.jws')).sort();
  for (const file of named) {
    const bytes = await readBounded(join(folder, file), LARGEST_RECORD_BYTES);
    const read = typeof bytes === 'string' ? bytes : await readRecord(bytes);
    if (typeof read === 'string') flawed.push({ file, flaw: read });
    else records.push({ ...read, file });
  }
  return { records, flawed, others: names.length - named.length };
}

/** Follows no link, waits for no pipe, and reads no more than `most` bytes. */
export async function readBounded(path: string, most: number): Promise<Buffer | FileFlaw> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    handle = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ELOOP' ? 'link' : 'unreadable';
  }
  try {
    const found = await handle.stat();
    if (!found.isFile()) return 'no-file';
    // check: review-file-size
    if (found.size > most) return 'size';
    // end check
    const bytes = Buffer.alloc(found.size);
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0);
    return bytes.subarray(0, bytesRead);
  } catch {
    return 'unreadable';
  } finally {
    await handle.close();
  }
}
