/**
 * How far a sink has got, in a file of its own that survives a crash: what it names has arrived. A file that is damaged, edited, of another
 * destination or of another log counts as none, and all that is still there is sent anew.
 */
import { z } from 'zod';
import { asAppError } from '../../app-error.ts';
import type { Log } from '../../ports.ts';
import { readStamped, type Stamp, writeStamped } from '../../stamped-file.ts';
import { beginning, isInLog, type Position } from './position.ts';

const skippedSchema = z.strictObject({
  reason: z.enum(['bytes', 'age', 'refused', 'gone']),
  count: z.int().positive(),
  fromSeq: z.int().positive(),
  toSeq: z.int().positive(),
});
/** Records that the sink will never get, as the log has yet to say. */
export type Skipped = z.output<typeof skippedSchema>;

const bodySchema = z.strictObject({
  version: z.literal(1),
  sink: z.string(),
  to: z.string(),
  position: z.strictObject({
    segment: z.int().positive(),
    offset: z.int().nonnegative(),
    seq: z.int().nonnegative(),
    hash: z.string(),
  }),
  sentAt: z.int().nullable(),
  skipped: z.array(skippedSchema).max(8),
});

export interface Cursor {
  position: Position;
  /** When something arrived last, epoch milliseconds. */
  sentAt: number | null;
  skipped: Skipped[];
}
export const newCursor = (): Cursor => ({ position: beginning, sentAt: null, skipped: [] });

interface Of {
  file: string;
  /** Name and destination of the sink. */
  sink: string;
  to: string;
  /** The folder of the log. */
  folder: string;
  /** A keyed hash that only this device makes: whoever edits the file cannot make a sink pass over records. */
  stamp: Stamp;
  log: Log;
}

/** Where to go on; the beginning of what is there when the file cannot be believed. */
export async function readCursor(of: Of): Promise<Cursor> {
  const found = await parse(of);
  if (found === null) return newCursor();
  if (await isInLog(of.folder, found.position)) return found;
  of.log('audit.cursor-elsewhere', { sink: of.sink });
  // The number is kept: where the log now begins behind it, what lay between is gone.
  return { ...found, position: { ...beginning, seq: found.position.seq } };
}

async function parse({ file, sink, to, stamp, log }: Of): Promise<Cursor | null> {
  try {
    const kept = await readStamped(file, stamp);
    if (kept === null) return null;
    const body = bodySchema.parse(kept);
    // check: sink-cursor-destination
    if (body.sink !== sink || body.to !== to) return null;
    // end check
    return { position: body.position, sentAt: body.sentAt, skipped: body.skipped };
  } catch (error) {
    log('audit.cursor-unusable', { sink, error: error instanceof Error ? error.name : 'unknown' });
    return null;
  }
}

/** @returns false: it could not be written, so after a crash some records are sent once more */
export async function writeCursor({ file, sink, to, stamp, log }: Of, cursor: Cursor, name: string): Promise<boolean> {
  try {
    await writeStamped(file, { version: 1, sink, to, ...cursor }, stamp, name);
    return true;
  } catch (error) {
    log('audit.cursor-unwritten', { sink, code: asAppError(error).code });
    return false;
  }
}

/** One entry for each reason. */
export function noteSkipped(skipped: readonly Skipped[], { reason, count, fromSeq, toSeq }: Skipped): Skipped[] {
  const same = skipped.find((each) => each.reason === reason);
  const others = skipped.filter((each) => each !== same);
  if (same === undefined) return [...others, { reason, count, fromSeq, toSeq }];
  return [...others, { reason, count: same.count + count, fromSeq: Math.min(same.fromSeq, fromSeq), toSeq: Math.max(same.toSeq, toSeq) }];
}
