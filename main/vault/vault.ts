/**
 * Secrets at rest: small named records, each an AES-256-GCM file under one key that the operating system's keychain holds.
 *
 * It never writes a secret in the clear, never deletes what it cannot open, and never falls back from the keychain to
 * anything else. With the memory keychain, which somebody has to name, it writes nothing to the disk at all.
 */
import { AppError } from '../app-error.ts';
import type { Keychain } from '../ports.ts';
import { openBytes, sealBytes } from './sealed-file.ts';
import { type Disk, openSealedFolder, realDisk, type SealedFolder, type WriteStep } from './sealed-folder.ts';
import { obtainVaultKey } from './vault-key.ts';

export interface Vault {
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

interface Parts {
  folder: string;
  keychain: Keychain;
  random: (bytes: number) => Buffer;
  /** Account of the keychain entry. */
  entry?: string;
  disk?: Disk;
}

/**
 * Opens the vault, and finishes or clears away what a crash left half written: a temporary file that opens and is newer than
 * the record takes its place, any other is removed.
 *
 * @throws AppError KEYCHAIN_MISSING | KEYCHAIN_LOCKED | KEYCHAIN_FAILED | RUNTIME_UNSAFE | DISK_FULL
 */
export async function openVault({ folder, keychain, random, entry = 'vault-key', disk = realDisk }: Parts): Promise<Vault> {
  if (keychain.kind === 'memory') return memoryVault();
  const files = await openSealedFolder({ folder, random, disk });
  const key = await obtainVaultKey(keychain, entry, random);
  await finishCrashedWrites(files, key);
  return sealedVault(keychain.kind, files, key, random);
}

function sealedVault(kind: Keychain['kind'], files: SealedFolder, key: Buffer, random: Parts['random']): Vault {
  const inTurn = oneAtATime();
  let closed = false;
  const act = <T>(name: string, run: () => Promise<T>): Promise<T> => {
    requireName(name);
    return inTurn(async () => {
      // check: vault-closed
      if (closed) throw new Error('the vault is closed');
      // end check
      return run();
    });
  };

  return {
    kind,
    seal: (name, plain, during = () => undefined) =>
      act(name, async () => {
        const before = await current(files, key, name);
        // check: vault-keeps-unopenable
        if (before === 'corrupt') await files.setAside(name);
        // end check
        const sequence = before === null || before === 'corrupt' ? 1n : before.sequence + 1n;
        if (before !== null && before !== 'corrupt') before.plain.fill(0);
        await files.replace(name, sealBytes(plain, { key, name, sequence, random }), during);
      }),
    open: (name) =>
      act(name, async () => {
        const found = await current(files, key, name);
        if (found !== 'corrupt') return found?.plain ?? null;
        await files.setAside(name);
        throw new AppError('VAULT_CORRUPT', { reason: name });
      }),
    setAside: (name) => act(name, () => files.setAside(name)),
    erase: (name) => act(name, () => files.erase(name)),
    eraseAll: () =>
      inTurn(async () => {
        const leftovers = (await files.temporaries()).map(({ name }) => name);
        for (const name of new Set([...leftovers, ...(await files.names())])) await files.erase(name);
      }),
    close() {
      closed = true;
      // check: vault-key-wiped
      key.fill(0);
      // end check
    },
  };
}

/** Nothing here outlives the process, and nothing of it reaches a disk. */
function memoryVault(): Vault {
  const records = new Map<string, Buffer>();
  let closed = false;
  const record = (name: string): Buffer | undefined => {
    requireName(name);
    if (closed) throw new Error('the vault is closed');
    return records.get(name);
  };
  const erase = (name: string): void => {
    record(name)?.fill(0);
    records.delete(name);
  };
  return {
    kind: 'memory',
    async seal(name, plain, during = () => undefined) {
      const copy = Buffer.from(plain);
      await during('tmp-written');
      erase(name);
      records.set(name, copy);
      await during('renamed');
    },
    async open(name) {
      const found = record(name);
      return found === undefined ? null : Buffer.from(found);
    },
    setAside: async (name) => erase(name),
    erase: async (name) => erase(name),
    eraseAll: async () => [...records.keys()].forEach(erase),
    close() {
      for (const kept of records.values()) kept.fill(0);
      records.clear();
      closed = true;
    },
  };
}

async function current(files: SealedFolder, key: Buffer, name: string): Promise<{ plain: Buffer; sequence: bigint } | null | 'corrupt'> {
  const bytes = await files.read(name);
  if (bytes === null) return null;
  return (bytes === 'unreadable' ? null : openBytes(bytes, { key, name })) ?? 'corrupt';
}

async function finishCrashedWrites(files: SealedFolder, key: Buffer): Promise<void> {
  for (const left of await files.temporaries()) {
    const { name } = left;
    const written = openBytes(left.bytes, { key, name });
    const before = await current(files, key, name);
    const newer = written !== null && (before === null || before === 'corrupt' || written.sequence > before.sequence);
    if (newer && before === 'corrupt') await files.setAside(name);
    await (newer ? files.adopt(left) : files.discard(left));
    written?.plain.fill(0);
    if (before !== null && before !== 'corrupt') before.plain.fill(0);
  }
}

/** Names become file names: no separator, no dot, nothing that a file system folds. */
function requireName(name: string): void {
  // check: vault-name
  if (!/^[a-z0-9][a-z0-9-]{0,63}$/.test(name)) throw new TypeError('not the name of a record');
  // end check
}

/** Runs what it is given one after the other; a failure of one is its own. */
function oneAtATime(): <T>(run: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (run) => {
    const mine = last.then(run, run);
    last = mine.catch(() => undefined);
    return mine;
  };
}
