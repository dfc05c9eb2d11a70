/**
 * The keychain of somebody who chose `--vault memory`: it forgets everything when the process ends, and its name says so. No
 * part of Lakepass falls back to it by itself.
 */
import type { Keychain } from '../ports.ts';

/** A keychain whose vault writes nothing to the disk; a restart means signing in again. */
export function memoryOnlyKeychain(): Keychain {
  const entries = new Map<string, Uint8Array>();
  return {
    kind: 'memory',
    async read(entry) {
      const found = entries.get(entry);
      return found === undefined ? null : Uint8Array.from(found);
    },
    async write(entry, value) {
      entries.set(entry, Uint8Array.from(value));
    },
    async erase(entry) {
      entries.get(entry)?.fill(0);
      entries.delete(entry);
    },
  };
}
