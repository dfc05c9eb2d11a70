/**
 * The writing side of the audit log: JSON lines in `audit-000001.jsonl`, `audit-000002.jsonl`, … chained by SHA-256
 * (`record.ts` explains the form and how to check it).
 *
 * A record is with the kernel before `append` returns, so it survives the agent's death at any instant; it reaches the disk
 * within 250 ms (or at once for whoever awaits `synced`). When it cannot be written nothing is: no token leaves, and the
 * refused appends are counted in the first record that gets through again. Only where the company says so does an act go on while the
 * disk is full, counted as such.
 *
 * One process writes a log at a time (`agent-lock.ts`). The chain detects corruption; what somebody does who writes all of it anew is
 * shown by the checkpoints (`checkpoints.ts`), and what was cut off at the end by those that were kept elsewhere.
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
import { openWentOn } from './went-on.ts';

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
  /** What a full disk means for an act that is to be recorded; `refuse` when absent. Asked anew each time. */
  diskFull?: () => DiskFull;
}

/** refuse: it is not done. serve-and-count: it is done, and the log says how many were when there is room again. */
export type DiskFull = 'refuse' | 'serve-and-count';

export interface OpenAuditLog extends AuditLog {
  /** The newest record; 0 and zeros where there is none. `segment`: the number of the one in use; what lies behind it is somebody else's. */
  head(): { seq: number; hash: string; segment: number };
  /** Told of each record as it is written, before `append` returns; must be quick and must not throw. Returns how to stop that. */
  onAppend(listener: (record: AuditRecord) => void): () => void;
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
  /** Acts refused, and acts that went on without a record, since the last append that succeeded. */
  refused: number;
  wentOn: number;
  /** The last append failed. */
  failing: boolean;
}

function startLog(parts: AuditLogParts): OpenAuditLog {
  const { folder, clock, random, log } = parts;
  const disk = parts.disk ?? fs;
  const limit = parts.segmentBytes ?? SEGMENT_BYTES;
  const segments = listSegments(folder);
  const end = findEnd(segments.map(({ file }) => file));
  const unrecorded = openWentOn(folder, log);
  const newest = segments.at(-1);
  const chain: Chain = {
    seq: end.seq,
    hash: end.hash,
    segment: newest === undefined ? createSegment(disk, folder, 1) : reopenSegment(disk, newest.file, end.size),
    begin: null,
    repaired: null,
    refused: 0,
    // check: audit-went-on-kept
    wentOn: unrecorded.before,
    // end check
    failing: false,
  };
  const listeners = new Set<(record: AuditRecord) => void>();
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
    const record = { ...head, ...fields, hash } as unknown as AuditRecord;
    recent.push(record);
    if (recent.length > 2 * TAIL_RECORDS) recent.splice(0, recent.length - TAIL_RECORDS);
    syncer.dirty();
    for (const listener of listeners) listener(record);
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
    if (chain.wentOn > 0) {
      write(pickFields({ type: 'audit.gap', count: chain.wentOn, acts: 'went-on' }));
      chain.wentOn = 0;
      unrecorded.keep(0);
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
      chain.failing = false;
      if (parts.diskFull?.() === 'serve-and-count') unrecorded.prepare();
    } catch (error) {
      const system = systemErrorOf(error);
      if (system === undefined) throw error;
      if (!chain.failing) log('audit.unwritable', { error: system });
      chain.failing = true;
      const failure = unwritable(error);
      // What the log says of itself is no act of anybody's: it is tried again, not counted.
      if (event.type.startsWith('audit.') || event.type === 'alert.raised' || event.type === 'alert.over') throw failure;
      if (mayGoOn(failure)) {
        chain.wentOn += 1;
        unrecorded.keep(chain.wentOn);
        return;
      }
      chain.refused += 1;
      throw failure;
    }
  }

  function mayGoOn({ reason }: AppError): boolean {
    // check: audit-full-refuses
    if (parts.diskFull?.() !== 'serve-and-count') return false;
    // end check
    return reason === 'disk-full';
  }

  /** What waits for the disk does not go on without a record. */
  async function synced(): Promise<void> {
    // check: audit-full-not-synced
    if (chain.wentOn > 0) throw new AppError('AUDIT_UNWRITABLE', { reason: 'disk-full' });
    // end check
    return syncer.synced();
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
    synced,
    head: () => ({ seq: chain.seq, hash: chain.hash, segment: chain.segment.number }),
    onAppend(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    tail: (n) => (n > 0 ? recent.slice(-Math.min(n, TAIL_RECORDS)) : []),
    files: () => listSegments(folder).map(({ file }) => file),
    close: async () => {
      if (closed) return;
      closed = true;
      unrecorded.close();
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
