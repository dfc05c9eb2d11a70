/**
 * A keychain that lives as long as the test, with the limits of the real ones: small entries, copies in and out, and the
 * failures a person meets. It calls itself a Secret Service, so that a vault above it seals to disk as it would.
 */
import { AppError } from '../../main/app-error.ts';
import type { Keychain } from '../../main/ports.ts';

type KeychainFailure = 'KEYCHAIN_MISSING' | 'KEYCHAIN_LOCKED' | 'KEYCHAIN_FAILED';

export interface MemoryKeychain extends Keychain {
  /** Every call rejects with `code` until `mend()`. */
  fail(code: KeychainFailure): void;
  mend(): void;
  /** A copy of what is stored, for a test's eyes only. */
  readonly entries: ReadonlyMap<string, Buffer>;
  /** The calls so far, as `read name`, `write name`, `erase name`. */
  readonly calls: readonly string[];
}

/** The cap of Windows Credential Manager on one entry (CRED_MAX_CREDENTIAL_BLOB_SIZE), in bytes. */
const LARGEST_ENTRY = 2560;

export function memoryKeychain(kind: Keychain['kind'] = 'secret-service'): MemoryKeychain {
  const entries = new Map<string, Buffer>();
  const calls: string[] = [];
  let failure: KeychainFailure | undefined;

  /** Real keychains answer from another process: never in the same turn. */
  const answer = async (call: string) => {
    calls.push(call);
    await new Promise((resolve) => setImmediate(resolve));
    if (failure) throw new AppError(failure);
  };

  return {
    kind,
    async read(entry) {
      await answer(`read ${entry}`);
      const found = entries.get(entry);
      return found ? Uint8Array.from(found) : null;
    },
    async write(entry, value) {
      const copy = Buffer.from(value);
      await answer(`write ${entry}`);
      if (copy.length === 0 || copy.length > LARGEST_ENTRY)
        throw new AppError('KEYCHAIN_FAILED', { detail: `An entry of ${copy.length} bytes.` });
      entries.set(entry, copy);
    },
    async erase(entry) {
      await answer(`erase ${entry}`);
      entries.delete(entry);
    },
    fail(code) {
      failure = code;
    },
    mend() {
      failure = undefined;
    },
    entries,
    calls,
  };
}
