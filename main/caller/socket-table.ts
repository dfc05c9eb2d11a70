/**
 * One pass through the kernel's socket tables for everybody who waits. It reads on until all that is sought is found or the table
 * ends; it must never say more than the rows it has seen.
 */
import { openSync, readSync } from 'node:fs';
import { createRowReader, type Family, mayBeIn, type Owner } from './connection-rows.ts';

export interface SocketTable {
  /** Owners by the keys of `keyOf`; a connection that is not in the table is not in the answer. */
  owners(keys: readonly number[]): Map<number, Owner | null>;
}

/**
 * The kernel fills one page at least before it hands it out, and a row has 150 bytes: a read this short has come to the end. Asking
 * once more would cost a second walk through the kernel's whole hash table, milliseconds, to be told so.
 */
const shortRead = 4096 - 512;

/** @param proc where the proc file system is mounted */
export function createSocketTable(proc: string): SocketTable {
  const chunk = Buffer.allocUnsafeSlow(65_536);
  const descriptors = new Map<Family, number>();

  // Reading at offset 0 makes the kernel start a new pass, so one descriptor serves for ever.
  function open(family: Family): number | null {
    try {
      const descriptor = descriptors.get(family) ?? openSync(`${proc}/net/${family}`, 'r');
      descriptors.set(family, descriptor);
      return descriptor;
    } catch (error) {
      // A kernel without IPv6 has no such table.
      if (family === 'tcp6' && (error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }

  function read(family: Family, keys: readonly number[]): ReadonlyMap<number, Owner | null> {
    const sought = new Set(keys.filter((key) => mayBeIn(family, key)));
    const descriptor = sought.size === 0 ? null : open(family);
    if (descriptor === null) return new Map();
    const reader = createRowReader(family, sought);
    for (let position = 0; reader.found.size < sought.size; ) {
      const length = readSync(descriptor, chunk, 0, chunk.length, position);
      reader.push(chunk.subarray(0, length));
      position += length;
      if (length < shortRead) break;
    }
    return reader.found;
  }

  return {
    owners(keys) {
      const owners = new Map(read('tcp', keys));
      const missing = keys.filter((key) => !owners.has(key));
      for (const [key, owner] of read('tcp6', missing)) owners.set(key, owner);
      return owners;
    },
  };
}
