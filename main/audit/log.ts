/**
 * The writing side of the audit log: JSON lines in `audit-000001.jsonl`, `audit-000002.jsonl`, … chained by SHA-256
 * (`record.ts` explains the form and how to check it).
 *
 * A record is with the kernel before `append` returns, so it survives the agent's death at any instant; it reaches the disk
 * within 250 ms (or at once for whoever awaits `synced`). When it cannot be written nothing is: no token leaves, and the
 * refused appends are counted in the first record that gets through again.
 *
 * One process writes a log at a time (`agent-lock.ts`). The chain detects corruption; it does not stop somebody with the
 * user's rights from rewriting the whole of it or cutting off its end.
 */
import fs from 'node:fs';
import path from 'node:path';
import { AppError } from '../app-error.ts';
import type { Clock, Log } from '../ports.ts';
import { ms } from '../units.ts';
import type { AuditEvent, AuditLog } from './event.ts';
import { type FieldValue, pickFields } from './fields.ts';
import { ownFolder } from './own-folder.ts';
import { type AuditRecord, encodeRecord } from './record.ts';
import { recordIds } from './record-id.ts';
import { findEnd, type LogEnd } from './recover.ts';
import { appendLine, createSegment, type Disk, listSegments, reopenSegment, type Segment, segmentNumber } from './segment.ts';
import { createSyncer, type Syncer } from './syncer.ts';
import { systemErrorOf, unwritable } from './unwritable.ts';

export type { AuditRecord };

const SEGMENT_BYTES = 16 * 1024 * 1024;
/** Records kept in memory for `tail`. */
const TAIL_RECORDS = 1000;
const SYNC_WITHIN = ms(250);

export interface AuditLogParts {
  /** Made 0700 if it is not there; refused if it is another user's or open to others. */
  folder: string;
  clock: Clock;
  random: (bytes: number) => Buffer;
  log: Log;
  /** A segment is closed before it grows beyond this; 16 MiB unless a test says otherwise. */
  segmentBytes?: number;
  disk?: Disk;
}

export interface OpenAuditLog extends AuditLog {
  /** The newest records, oldest first; at most 1,000 are remembered. */
  tail(n: number): AuditRecord[];
  /** The segments on disk, oldest first. */
  files(): string[];
  /** Puts everything on the disk and closes. Later appends are refused (AUDIT_UNWRITABLE, reason `closed`). */
  close(): Promise<void>;
}

/**
 * Opens the log for appending and continues its chain.
 *
 * A last line torn by a crash is cut and recorded (`audit.repaired`). Any other damage found in the newest records is left
 * as it is: a new segment begins with `audit.broken`, and `verifyAudit` keeps reporting the old one.
 *
 * @throws AppError AUDIT_UNWRITABLE the folder or file cannot be opened, or is not the user's alone
 */
export async function openAuditLog(parts: AuditLogParts): Promise<OpenAuditLog> {
  try {
    ownFolder(parts.folder);
    return startLog(parts);
  } catch (error) {
    throw systemErrorOf(error) === undefined ? error : unwritable(error);
  }
}

/** The end of the chain, where the next record goes, and what has to be written before it. */
interface Chain {
  seq: number;
  hash: string;
  segment: Segment;
  /** A new segment has to begin, and why. */
  begin: { segment: string; problem: string } | null;
  /** Bytes cut from a torn last line at open. */
  repaired: { droppedBytes: number } | null;
  /** Appends refused since the last that succeeded. */
  refused: number;
}

function startLog(parts: AuditLogParts): OpenAuditLog {
  const { folder, clock, random, log } = parts;
  const disk = parts.disk ?? fs;
  const limit = parts.segmentBytes ?? SEGMENT_BYTES;
  const segments = listSegments(folder);
  const end = findEnd(segments.map(({ file }) => file));
  const newest = segments.at(-1);
  const chain: Chain = {
    seq: end.seq,
    hash: end.hash,
    segment: newest === undefined ? createSegment(disk, folder, 1) : reopenSegment(disk, newest.file, end.size),
    begin: null,
    repaired: null,
    refused: 0,
  };
  // Types a newer version wrote pass through as they are.
  const recent = (end.records as unknown as AuditRecord[]).slice(-TAIL_RECORDS);
  const syncer: Syncer = createSyncer({
    disk,
    folder,
    clock,
    within: SYNC_WITHIN,
    onLost: (problem) => {
      log('audit.segment-lost', { problem });
      chain.begin ??= { segment: path.basename(chain.segment.file), problem };
    },
  });
  syncer.watch(chain.segment, newest === undefined);
  const newId = recordIds(random);
  let closed = false;

  function rollTo(number: number): void {
    const next = createSegment(disk, folder, number);
    syncer.watch(next, true);
    chain.segment = next;
  }

  function write(fields: Record<string, FieldValue>): void {
    const at = clock.now();
    const head = { seq: chain.seq + 1, at: new Date(at).toISOString(), id: newId(at), prev: chain.hash };
    const { line, hash } = encodeRecord(head, fields);
    const { segment } = chain;
    if (segment.size > 0 && segment.size + line.length > limit) rollTo(segment.number + 1);
    appendLine(disk, chain.segment, line);
    chain.seq = head.seq;
    chain.hash = hash;
    recent.push({ ...head, ...fields, hash } as unknown as AuditRecord);
    if (recent.length > 2 * TAIL_RECORDS) recent.splice(0, recent.length - TAIL_RECORDS);
    syncer.dirty();
  }

  function writeWhatIsDue(): void {
    if (chain.begin !== null) {
      // A segment begun by an attempt that then failed is used, not left behind empty.
      const begun = chain.segment.size === 0 && path.basename(chain.segment.file) !== chain.begin.segment;
      if (!begun) rollTo(nextNumber(folder, chain.segment.number));
      write(pickFields({ type: 'audit.broken', ...chain.begin }));
      chain.begin = null;
    }
    if (chain.repaired !== null) {
      write(pickFields({ type: 'audit.repaired', ...chain.repaired }));
      chain.repaired = null;
    }
    if (chain.refused > 0) {
      write(pickFields({ type: 'audit.gap', count: chain.refused }));
      chain.refused = 0;
    }
  }

  function append(event: AuditEvent): void {
    // check: audit-closed
    if (closed) throw new AppError('AUDIT_UNWRITABLE', { reason: 'closed' });
    // end check
    const fields = pickFields(event); // outside the try: a bug in an event is no failing disk
    try {
      writeWhatIsDue();
      write(fields);
    } catch (error) {
      const system = systemErrorOf(error);
      if (system === undefined) throw error;
      if (chain.refused === 0) log('audit.unwritable', { error: system });
      chain.refused += 1;
      throw unwritable(error);
    }
  }

  recover(end, chain, disk, log);
  try {
    writeWhatIsDue();
  } catch (error) {
    // A full disk must not keep the log from opening: what is due stays due, and every append says why it is refused.
    if (systemErrorOf(error) === undefined) throw error;
    log('audit.unwritable', { error: systemErrorOf(error) ?? '' });
  }
  return {
    append,
    synced: () => syncer.synced(),
    tail: (n) => (n > 0 ? recent.slice(-Math.min(n, TAIL_RECORDS)) : []),
    files: () => listSegments(folder).map(({ file }) => file),
    close: async () => {
      if (closed) return;
      closed = true;
      await syncer.close();
    },
  };
}

/** Makes the end of the file fit for the next record and notes what the log itself has to say about it. */
function recover(end: LogEnd, chain: Chain, disk: Disk, log: Log): void {
  if (end.broken !== null) {
    chain.segment.torn = false; // evidence: never cut
    chain.begin = { segment: path.basename(chain.segment.file), problem: end.broken };
    log('audit.broken', { problem: end.broken });
    return;
  }
  if (end.newlineMissing) appendLine(disk, chain.segment, Buffer.from('\n'));
  if (end.tornBytes === 0 && !end.newlineMissing) return;
  log('audit.repaired', { droppedBytes: end.tornBytes });
  chain.repaired = { droppedBytes: end.tornBytes };
}

const nextNumber = (folder: string, current: number): number =>
  Math.max(current, ...listSegments(folder).map(({ file }) => segmentNumber(file) ?? 0)) + 1;
