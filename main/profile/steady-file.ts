/** A file that is looked at every few seconds and read only when there is something new in it. */
import { statSync } from 'node:fs';
import type { Clock } from '../ports.ts';
import { type Ms, seconds } from '../units.ts';

/** File systems count time in steps, of 2 s at most (FAT): a second change within one step leaves no trace in a file's times. */
const STEP = seconds(2);

/**
 * Reads a file that is looked at often and seldom changes. Once the file has been the same for a while, by its place on the disk, size,
 * owner, mode and times, one `stat` stands for the whole read, which would wake an idle laptop a dozen times.
 *
 * @param read what reads the file and refuses it; a refusal is never kept
 */
export function steadyFile(file: string, clock: Pick<Clock, 'elapsed'>, read: () => Promise<Buffer | null>): () => Promise<Buffer | null> {
  let seen: { sign: string; since: Ms; bytes: Buffer | null } | null = null;
  return async () => {
    const sign = signOf(file);
    const at = clock.elapsed();
    if (sign === null) seen = null;
    else if (seen?.sign !== sign) seen = { sign, since: at, bytes: null };
    if (seen?.bytes) return seen.bytes;
    const bytes = await read();
    if (seen?.sign === sign && at - seen.since >= STEP && signOf(file) === sign) seen.bytes = bytes;
    return bytes;
  };
}

/** null: there is none, or whatever keeps it from being looked at is left to `read` to say. */
function signOf(file: string): string | null {
  try {
    const found = statSync(file, { bigint: true, throwIfNoEntry: false });
    if (found === undefined) return null;
    return [found.dev, found.ino, found.size, found.mode, found.uid, found.gid, found.mtimeNs, found.ctimeNs].join(' ');
  } catch {
    return null;
  }
}
