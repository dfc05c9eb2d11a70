/**
 * Small files that this device believes only where it wrote them itself (`agent/stamp.ts`). They hold no secrets: whoever can write one can
 * take it away or bring an older one back, and never write one of their own.
 */
import { z } from 'zod';
import { readFileWhole, replaceFile } from './durable-file.ts';

const fileSchema = z.strictObject({ body: z.string(), stamp: z.string() });

/** A keyed hash of a text, which only this device makes. */
export type Stamp = (text: string) => string;

/**
 * What was written; null where there is no such file.
 *
 * @throws TypeError: it was not written by this device; SyntaxError, ZodError: it is no such file; AppError DISK_FULL: it cannot be read
 */
export async function readStamped(file: string, stamp: Stamp): Promise<unknown> {
  const text = await readFileWhole(file);
  if (text === null) return null;
  const { body, stamp: stamped } = fileSchema.parse(JSON.parse(text));
  // check: stamped-file
  if (stamp(body) !== stamped) throw new TypeError('not ours');
  // end check
  return JSON.parse(body);
}

/**
 * @param name unique text for the temporary file, from the random port
 * @throws AppError DISK_FULL: the file is as it was
 */
export async function writeStamped(file: string, value: object, stamp: Stamp, name: string): Promise<void> {
  const body = JSON.stringify(value);
  await replaceFile(file, JSON.stringify({ body, stamp: stamp(body) }), name);
}
