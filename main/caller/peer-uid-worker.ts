/**
 * The thread that reads the kernel's socket tables, so that the doors go on answering meanwhile: a pass costs the kernel a walk
 * through its whole hash table, milliseconds on a busy machine. It answers one batch at a time and never leaves a batch
 * unanswered.
 */
import { openSync, readSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { createRowReader, type Family } from './connection-rows.ts';

/** Keys as `keyOf` makes them. */
export interface Batch {
  keys: number[];
}

/** One owner for each key asked for; undefined where there is no such row. */
export interface BatchAnswer {
  owners: (number | null | undefined)[];
}

const chunk = Buffer.allocUnsafeSlow(65_536);
const descriptors = new Map<Family, number>();

// Reading at offset 0 makes the kernel start a new pass, so one descriptor serves for ever.
function readTable(family: Family, sought: ReadonlySet<number>, owners: Map<number, number | null>): void {
  const descriptor = descriptors.get(family) ?? openSync(`/proc/net/${family}`, 'r');
  descriptors.set(family, descriptor);
  const reader = createRowReader(family, sought);
  for (let position = 0; reader.found.size < sought.size; ) {
    const length = readSync(descriptor, chunk, 0, chunk.length, position);
    if (length === 0) break;
    reader.push(chunk.subarray(0, length));
    position += length;
  }
  for (const [key, owner] of reader.found) owners.set(key, owner);
}

function answer({ keys }: Batch): BatchAnswer {
  const owners = new Map<number, number | null>();
  const sought = new Set(keys);
  readTable('tcp', sought, owners);
  for (const key of owners.keys()) sought.delete(key);
  if (sought.size > 0) readTable('tcp6', sought, owners);
  return { owners: keys.map((key) => owners.get(key)) };
}

parentPort?.on('message', (batch: Batch) => parentPort?.postMessage(answer(batch)));
