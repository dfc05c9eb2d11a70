/**
 * Brings appended records to the disk in batches: one fdatasync for all that were appended since the last, at most 250 ms
 * later, or at once for whoever waits.
 *
 * After a failed fdatasync the kernel may have dropped the pages and a second try would succeed without them, so a failure
 * is final for the records it covered: their waiters are told, and the log goes on in a new segment that names the break.
 */
import fs from 'node:fs';
import { promisify } from 'node:util';
import type { Clock } from '../ports.ts';
import type { Ms } from '../units.ts';
import { type Disk, listSegments, type Segment } from './segment.ts';
import { systemErrorOf, unwritable } from './unwritable.ts';

export interface Syncer {
  /** From now on this segment takes the records. `created`: its name must reach the disk too. */
  watch(segment: Segment, created: boolean): void;
  /** A record was appended. */
  dirty(): void;
  /** @throws AppError AUDIT_UNWRITABLE the disk did not take what was appended before this call */
  synced(): Promise<void>;
  /** The last sync; closes the files even when it fails. */
  close(): Promise<void>;
}

export function createSyncer(parts: {
  disk: Disk;
  folder: string;
  clock: Clock;
  within: Ms;
  /** The segment in use can no longer be trusted to hold what was appended. */
  onLost: (problem: 'sync-failed' | 'deleted' | 'changed' | 'moved' | 'overtaken') => void;
}): Syncer {
  const fdatasync = promisify(parts.disk.fdatasync);
  const fsync = promisify(parts.disk.fsync);
  let current: Segment | undefined;
  let retired: Segment[] = [];
  let folderDirty = false;
  let appended = 0;
  let settled = 0;
  let failed = 0;
  let running: Promise<void> | undefined;
  let cancel: (() => void) | undefined;

  async function syncFolder(): Promise<void> {
    const fd = fs.openSync(parts.folder, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
    try {
      await fsync(fd);
    } finally {
      fs.closeSync(fd);
    }
  }

  async function flush(): Promise<void> {
    cancel?.();
    cancel = undefined;
    const target = appended;
    const closing = retired;
    const segments = current === undefined ? closing : [...closing, current];
    const nameIsNew = folderDirty;
    retired = [];
    folderDirty = false;
    if (current !== undefined) inspect(current);
    try {
      for (const { fd } of segments) await fdatasync(fd);
      if (nameIsNew) await syncFolder();
    } catch (error) {
      failed = target;
      parts.onLost('sync-failed');
      throw unwritable(error);
    } finally {
      settled = target;
      for (const { fd } of closing) fs.closeSync(fd);
    }
  }

  /** Somebody else removed, cut, extended or moved the file, or put one behind it: what we append from now on belongs elsewhere. */
  function inspect(segment: Segment): void {
    const { nlink, size } = fs.fstatSync(segment.fd);
    // check: audit-segment-deleted
    if (nlink === 0) parts.onLost('deleted');
    // end check
    // check: audit-segment-changed
    if (size !== segment.size && !segment.torn) parts.onLost('changed');
    // end check
    // check: audit-segment-moved
    // Whoever reads the log would find the other file in its place.
    if (nlink > 0 && !isInPlace(segment)) parts.onLost('moved');
    // end check
    // check: audit-segment-overtaken
    // Whoever reads on in the newer one, a sink for one, would never come back to this one.
    if (isOvertaken(parts.folder, segment)) parts.onLost('overtaken');
    // end check
  }

  const start = (): Promise<void> => {
    running ??= flush().finally(() => {
      running = undefined;
    });
    return running;
  };

  async function synced(): Promise<void> {
    const wanted = appended;
    while (settled < wanted) await start();
    if (wanted > 0 && failed >= wanted) throw unwritable(undefined);
  }

  return {
    watch(segment, created) {
      if (current !== undefined) retired.push(current);
      current = segment;
      folderDirty ||= created;
    },
    dirty() {
      appended += 1;
      cancel ??= parts.clock.after(parts.within, () => {
        cancel = undefined;
        synced().catch(() => undefined); // onLost has been told, and nobody waits for this batch
      });
    },
    synced,
    async close() {
      cancel?.();
      try {
        await synced();
      } finally {
        if (current !== undefined) fs.closeSync(current.fd);
        for (const { fd } of retired) fs.closeSync(fd);
        current = undefined;
      }
    },
  };
}

/** The name leads to the file that is written to. */
function isInPlace({ file, fd }: Segment): boolean {
  const written = fs.fstatSync(fd);
  const named = fs.lstatSync(file, { throwIfNoEntry: false });
  return named?.ino === written.ino && named.dev === written.dev;
}

/** Somebody else has begun a segment. */
function isOvertaken(folder: string, { number }: Segment): boolean {
  try {
    return listSegments(folder).some((other) => other.number > number);
  } catch (error) {
    if (systemErrorOf(error) === undefined) throw error;
    return false; // the folder is gone, and so is the segment from its place
  }
}
