/**
 * Secrets at rest: small named records, each an AES-256-GCM file under one key. The operating system's keychain holds that key, or
 * only half of what is needed to unwrap it (the other half is a touch of a security key), or nothing of it (a passphrase).
 *
 * It never writes a secret in the clear, never deletes what it cannot open unless it is told to start over, and never falls back
 * from one kind of sealing to a weaker one. With the memory keychain, which somebody has to name, it writes nothing to the disk.
 */
import type { LockView } from '../../preload/contract/lock.ts';
import type { Keychain } from '../ports.ts';
import { memoryVault } from './memory-vault.ts';
import { finishCrashedWrites, holdsUnwrappable } from './records.ts';
import { type Disk, openSealedFolder, realDisk, type WriteStep } from './sealed-folder.ts';
import { sealedVault } from './sealed-vault.ts';
import { obtainVaultKey } from './vault-key.ts';
import { parseWraps, type Room } from './wraps.ts';

export type Sealing = LockView['sealing'];

/**
 * The records, to whoever keeps some here.
 *
 * While the vault is locked `seal` and `open` throw AppError VAULT_SEALED, or PASSPHRASE_NEEDED where a passphrase seals it. Erasing
 * needs no key and works all the same: a sign-out must be able to remove what nobody can open.
 */
export interface Records {
  readonly kind: Keychain['kind'];
  /**
   * Keeps `plain` under `name`; when it resolves, the record survives a power cut. Whatever stood there and does not open is set aside first.
   *
   * @param name lower-case letters, digits and hyphens, 64 at most
   * @param during told when the temporary file is on the disk, and when it has taken its place; a promise is waited for
   * @throws AppError DISK_FULL: the record is as it was
   */
  seal(name: string, plain: Buffer, during?: (step: WriteStep) => unknown): Promise<void>;
  /**
   * The record, in a Buffer that is the caller's to wipe; null where there is none.
   * @throws AppError VAULT_CORRUPT: it does not open; it was set aside as `name.corrupt-<n>`
   */
  open(name: string): Promise<Buffer | null>;
  /** For a record that opens and still makes no sense to its owner: it is kept as `name.corrupt-<n>` and no longer found. */
  setAside(name: string): Promise<void>;
  /** @throws AppError DISK_FULL: the record is still there */
  erase(name: string): Promise<void>;
  /** Erases every record; what was set aside stays. */
  eraseAll(): Promise<void>;
  /** Overwrites the key with zeros; nothing opens or seals after it. */
  close(): void;
}

/**
 * Everything below throws KEYCHAIN_* and DISK_FULL as they come. What it changes, it changes so that a crash at any point leaves a
 * vault that opens with the old means or the new one, and the next opening finishes what was begun. A PRF output handed in is wiped.
 */
export interface Vault extends Records {
  readonly sealing: Sealing;
  readonly locked: boolean;
  /** Nothing was ever sealed here and no passphrase chosen: `sealWithPassphrase` makes the vault. */
  readonly fresh: boolean;
  /** Ids of the tap keys that open it, by the file's own word while it is locked. */
  keys(): readonly string[];
  /** Of the records that are there, locked or not. */
  names(): Promise<readonly string[]>;
  /**
   * Overwrites the key with zeros, once the write under way is done. A vault that the keychain alone seals, or nothing but memory,
   * also erases its records: any program of this user could read them.
   * @throws AppError DISK_FULL: the key is gone and a record is left on the disk
   */
  lock(): Promise<void>;
  /** Opens a vault that nothing but the keychain seals; whoever calls has seen to the proof. @throws AppError VAULT_SEALED: something else seals it */
  reopen(): Promise<void>;
  /**
   * @throws AppError VAULT_SEALED: this key does not seal it (`other-key`), or how it is sealed is gone from the disk (`wraps-missing`)
   * @throws AppError VAULT_CORRUPT: the file with the wraps was changed (`wraps`), its half in the keychain is gone or another
   *   (`outer`), or it is not of the same age as the records (`generation`); nothing was touched
   */
  unlockWithKey(keyId: string, prf: Buffer): Promise<void>;
  /** @throws AppError PASSPHRASE_WRONG | VAULT_SEALED | VAULT_CORRUPT as above */
  unlockWithPassphrase(text: string): Promise<void>;
  /** Adds a key to those that open it. The first one makes a new vault key, and the old one is erased from the keychain. */
  sealWithKey(keyId: string, prf: Buffer): Promise<void>;
  /** @throws AppError INPUT_INVALID `last-key`: nothing would open the vault any more */
  removeKey(keyId: string): Promise<void>;
  /** A new vault key that only the passphrase opens. @throws AppError INPUT_INVALID `passphrase`: shorter than 8 characters */
  sealWithPassphrase(text: string): Promise<void>;
  /** A new vault key that lies in the keychain, for any program of this user to read. */
  unseal(): Promise<void>;
  /**
   * Gives up what is sealed and begins anew under the keychain alone, open (for the passphrase vault: fresh, and still locked).
   * @returns the names of the records that are lost
   */
  startOver(): Promise<string[]>;
}

export interface VaultParts {
  folder: string;
  keychain: Keychain;
  random: (bytes: number) => Buffer;
  /** Account of the keychain entry; the halves of a sealed vault stand beside it as `<entry>-outer-<n>`. */
  entry?: string;
  /** How it was sealed when it was last seen, where somebody knows: a folder emptied meanwhile is not taken for a new one. */
  expected?: Sealing;
  disk?: Disk;
  /** Memory for keys. */
  room?: Room;
}

/**
 * Opens the vault, and finishes or clears away what a crash left half written. One that a key or a passphrase seals is there, and
 * locked; so is one that was, and whose wraps are gone.
 *
 * @throws AppError KEYCHAIN_MISSING | KEYCHAIN_LOCKED | KEYCHAIN_FAILED | RUNTIME_UNSAFE | DISK_FULL
 */
export async function openVault({ folder, disk = realDisk, ...parts }: VaultParts): Promise<Vault> {
  const { keychain, random, entry = 'vault-key', expected, room = (bytes) => Buffer.alloc(bytes) } = parts;
  if (keychain.kind === 'memory') return memoryVault();
  const files = await openSealedFolder({ folder, random, disk });
  await files.wraps.sweep();
  const setting = { kind: keychain.kind, files, keychain, random, entry, room };
  const found = await files.wraps.read();
  if (found !== null) {
    const wraps = Buffer.isBuffer(found) ? parseWraps(found) : null;
    const guess = expected === 'passphrase' || keychain.kind === 'passphrase' ? 'passphrase' : 'key';
    return sealedVault(setting, { key: null, wraps, sealing: wraps === null ? guess : sealingOf(wraps) });
  }
  const empty = (await files.names()).length === 0;
  if (keychain.kind === 'passphrase') return sealedVault(setting, { key: null, wraps: null, sealing: 'passphrase', fresh: empty });
  let lost = expected === 'key' || expected === 'passphrase';
  // check: vault-wraps-missing
  lost ||= await holdsUnwrappable(files);
  // end check
  if (lost) return sealedVault(setting, { key: null, wraps: null, sealing: expected === 'passphrase' ? 'passphrase' : 'key' });
  const key = { bytes: await obtainVaultKey(keychain, entry, random), form: 1 as const };
  await finishCrashedWrites(files, [key]);
  return sealedVault(setting, { key, wraps: null, sealing: 'keychain' });
}

const sealingOf = ({ wraps }: { wraps: readonly { kind: 'key' | 'passphrase' }[] }): Sealing =>
  wraps.some(({ kind }) => kind === 'passphrase') ? 'passphrase' : 'key';
