/**
 * The vault without a disk: what was sealed outlives a "process" (one `vault()`), what was half written is finished or dropped
 * at the next start as the real one does, and the disk can be full, spoilt, or die with its process.
 */
import { AppError } from '../../main/app-error.ts';
import type { Vault } from '../../main/vault/vault.ts';

export interface MemoryDisk {
  /** The vault as a process opens it. */
  vault(kind?: Vault['kind']): Vault;
  /** Every write fails with DISK_FULL until `mend()`; or only writes of names that begin so. */
  full(prefix?: string): void;
  mend(): void;
  /** The next `open` of it is VAULT_CORRUPT and sets it aside. */
  spoil(name: string): void;
  /** Power cut between the temporary file and the rename: whether the next start finds the temporary file whole. */
  tornAtCrash: boolean;
  /** What seals the vaults from here on; sealed by a key, a process finds its vault locked. */
  sealing: Vault['sealing'];
  readonly records: Map<string, Buffer>;
  readonly aside: string[];
  /** Writes and erasures so far, as `seal name`, `erase name`. */
  readonly calls: string[];
  json(name: string): Record<string, unknown> | null;
}

export function memoryDisk(): MemoryDisk {
  const records = new Map<string, Buffer>();
  const halfWritten = new Map<string, Buffer>();
  const spoilt = new Set<string>();
  const aside: string[] = [];
  const calls: string[] = [];
  let fullFor: string | null = null;

  const demandName = (name: string) => {
    if (!/^[a-z0-9][a-z0-9-]{0,63}$/.test(name)) throw new TypeError('not the name of a record');
  };
  const demandRoom = (name: string) => {
    if (fullFor !== null && name.startsWith(fullFor)) throw new AppError('DISK_FULL', { reason: 'ENOSPC' });
  };
  const setAside = (name: string) => {
    if (records.delete(name)) aside.push(name);
    spoilt.delete(name);
  };

  const disk: MemoryDisk = {
    tornAtCrash: false,
    sealing: 'keychain',
    records,
    aside,
    calls,
    full(prefix = '') {
      fullFor = prefix;
    },
    mend() {
      fullFor = null;
    },
    spoil: (name) => void spoilt.add(name),
    json: (name) => {
      const found = records.get(name);
      return found === undefined ? null : (JSON.parse(found.toString('utf8')) as Record<string, unknown>);
    },
    vault(kind = 'secret-service') {
      for (const [name, bytes] of halfWritten) if (!disk.tornAtCrash) records.set(name, bytes);
      halfWritten.clear();
      let turn: Promise<unknown> = Promise.resolve();
      const isSealed = () => disk.sealing === 'key' || disk.sealing === 'passphrase';
      let locked = isSealed();
      const demandKey = () => {
        if (locked) throw disk.sealing === 'passphrase' ? new AppError('PASSPHRASE_NEEDED') : new AppError('VAULT_SEALED');
      };
      const opened = async () => {
        locked = false;
      };
      const inTurn = <T>(name: string, act: () => Promise<T> | T): Promise<T> => {
        demandName(name);
        const mine = turn.then(act);
        turn = mine.catch(() => undefined);
        return mine;
      };
      const erase = (name: string) => {
        demandRoom(name);
        calls.push(`erase ${name}`);
        halfWritten.delete(name);
        records.delete(name);
      };
      return {
        kind,
        get sealing() {
          return disk.sealing;
        },
        get locked() {
          return locked;
        },
        fresh: false,
        keys: () => [],
        names: async () => [...records.keys()],
        async lock() {
          locked = true;
          if (!isSealed()) for (const name of [...records.keys()]) await inTurn(name, () => erase(name));
        },
        reopen: opened,
        unlockWithKey: opened,
        unlockWithPassphrase: opened,
        async sealWithKey() {
          disk.sealing = 'key';
        },
        async sealWithPassphrase() {
          disk.sealing = 'passphrase';
        },
        removeKey: async () => undefined,
        async unseal() {
          disk.sealing = 'keychain';
        },
        async startOver() {
          const lost = [...records.keys()];
          records.clear();
          disk.sealing = 'keychain';
          locked = false;
          return lost;
        },
        seal: (name, plain, during = () => undefined) => {
          const bytes = Buffer.from(plain);
          return inTurn(name, async () => {
            demandKey();
            demandRoom(name);
            if (spoilt.has(name)) setAside(name);
            halfWritten.set(name, bytes);
            await during('tmp-written');
            halfWritten.delete(name);
            records.set(name, bytes);
            calls.push(`seal ${name}`);
            await during('renamed');
          });
        },
        open: (name) =>
          inTurn(name, () => {
            demandKey();
            if (spoilt.has(name)) {
              setAside(name);
              throw new AppError('VAULT_CORRUPT', { reason: name });
            }
            const found = records.get(name);
            return found === undefined ? null : Buffer.from(found);
          }),
        setAside: (name) => inTurn(name, () => setAside(name)),
        erase: (name) => inTurn(name, () => erase(name)),
        eraseAll: async () => {
          for (const name of records.keys()) await inTurn(name, () => erase(name));
        },
        close: () => undefined,
      };
    },
  };
  return disk;
}
