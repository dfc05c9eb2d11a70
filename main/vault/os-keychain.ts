/**
 * The operating system's keychain through @napi-rs/keyring: Secret Service on Linux, Keychain on macOS, Credential Manager on
 * Windows. It holds one small key. It never falls back to another store: left to itself the library would quietly use the
 * kernel's keyring on Linux, which forgets at the next boot, so the store is pinned.
 */
import { AppError } from '../app-error.ts';
import type { Keychain } from '../ports.ts';
import { type Ms, seconds } from '../units.ts';

const SERVICE = 'lakepass';
/** CRED_MAX_CREDENTIAL_BLOB_SIZE of Windows, in bytes: past it the write fails there with a message nobody understands. */
const LARGEST_ENTRY_BYTES = 2560;
const PATIENCE: Ms = seconds(20);

/** The part of the library we use. */
export interface KeyringEntry {
  getSecret(): Promise<number[] | null>;
  setSecret(secret: Uint8Array): Promise<void>;
  deleteCredential(): Promise<boolean>;
}
interface KeyringOptions {
  linux?: { store: 'secret-service' };
}
export interface KeyringLibrary {
  AsyncEntry: new (service: string, account: string, options: KeyringOptions) => KeyringEntry;
}

const kinds: Partial<Record<NodeJS.Platform, Keychain['kind']>> = {
  linux: 'secret-service',
  darwin: 'keychain',
  win32: 'credential-manager',
};

/** The package would load any file that this variable names in the place of its own library, also in the desktop app. */
async function loadKeyring(): Promise<KeyringLibrary> {
  // check: keyring-not-by-environment
  delete process.env['NAPI_RS_NATIVE_LIBRARY_PATH'];
  // end check
  return import('@napi-rs/keyring');
}

/**
 * @param parts.load brings the native library in, on first use: a host without a keychain may still choose memory
 * @param parts.patience how long one call may take; a keychain that waits for a person counts as locked after it
 */
export function osKeychain({
  load = loadKeyring,
  patience = PATIENCE,
}: {
  load?: () => Promise<KeyringLibrary>;
  patience?: Ms;
} = {}): Keychain {
  const call = async <T>(entry: string, act: (entry: KeyringEntry) => Promise<T>): Promise<T> => {
    try {
      const { AsyncEntry } = await load();
      const options: KeyringOptions = {};
      // check: keychain-store-pinned
      options.linux = { store: 'secret-service' };
      // end check
      return await inTime(act(new AsyncEntry(SERVICE, entry, options)), patience);
    } catch (error) {
      throw asKeychainError(error);
    }
  };
  return {
    kind: kinds[process.platform] ?? 'secret-service',
    read: (entry) =>
      call(entry, async (keyring) => {
        const numbers = await keyring.getSecret();
        if (numbers === null) return null;
        const bytes = Uint8Array.from(numbers);
        numbers.fill(0);
        return bytes;
      }),
    write: (entry, value) =>
      call(entry, async (keyring) => {
        // check: keychain-entry-size
        if (value.length > LARGEST_ENTRY_BYTES) throw new AppError('KEYCHAIN_FAILED', { reason: 'entry-size' });
        // end check
        await keyring.setSecret(value);
      }),
    erase: (entry) => call(entry, async (keyring) => void (await keyring.deleteCredential())),
  };
}

/** The library's call cannot be taken back once it waits on D-Bus; it is left to itself and its answer, if ever, is dropped. */
async function inTime<T>(answer: Promise<T>, patience: Ms): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const contenders = [answer];
  // check: keychain-patience
  contenders.push(
    new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new AppError('KEYCHAIN_LOCKED', { reason: 'no-answer' })), patience);
    }),
  );
  // end check
  try {
    return await Promise.race(contenders);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The library throws plain Errors whose `code` is always GenericFailure, so that their words are all there is. What is not
 * recognised is KEYCHAIN_FAILED, with the library's error as cause and none of its words in what people see.
 */
const words: readonly [RegExp, 'KEYCHAIN_MISSING' | 'KEYCHAIN_LOCKED' | 'KEYCHAIN_FAILED'][] = [
  [/prompt was dismissed|is locked|\blocked\b|interaction is not allowed|user cancell?ed/i, 'KEYCHAIN_LOCKED'],
  // It is there and does not answer: whoever is told that there is none would start a second one.
  [/did not receive a reply/i, 'KEYCHAIN_FAILED'],
  [/no result found|DBUS_SESSION_BUS_ADDRESS|DBus error|D-Bus|zbus|No default store|ServiceUnknown/i, 'KEYCHAIN_MISSING'],
];

export function asKeychainError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const text = error instanceof Error ? error.message : '';
  const code = words.find(([pattern]) => pattern.test(text))?.[1] ?? 'KEYCHAIN_FAILED';
  return new AppError(code, { cause: error });
}
