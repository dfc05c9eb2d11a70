/** The vault of the memory keychain: nothing here outlives the process, and nothing of it reaches a disk. */
import { AppError } from '../app-error.ts';
import { requireName } from './record-name.ts';
import type { Vault } from './vault.ts';

export function memoryVault(): Vault {
  const records = new Map<string, Buffer>();
  let closed = false;
  let locked = false;
  const record = (name: string): Buffer | undefined => {
    requireName(name);
    if (closed) throw new Error('the vault is closed');
    return records.get(name);
  };
  const unlockedRecord = (name: string): Buffer | undefined => {
    const found = record(name);
    // check: memory-vault-locked
    if (locked) throw new AppError('VAULT_SEALED', { reason: 'locked' });
    // end check
    return found;
  };
  const erase = (name: string): void => {
    record(name)?.fill(0);
    records.delete(name);
  };
  const forget = (): void => [...records.keys()].forEach(erase);
  const noKey = async (): Promise<never> => {
    throw new AppError('VAULT_SEALED', { reason: 'other-sealing', detail: 'A vault in memory has no seal.' });
  };
  return {
    kind: 'memory',
    sealing: 'memory',
    get locked() {
      return locked;
    },
    fresh: false,
    keys: () => [],
    names: async () => [...records.keys()],
    async seal(name, plain, during = () => undefined) {
      unlockedRecord(name);
      const copy = Buffer.from(plain);
      await during('tmp-written');
      unlockedRecord(name)?.fill(0);
      records.set(name, copy);
      await during('renamed');
    },
    async open(name) {
      const found = unlockedRecord(name);
      return found === undefined ? null : Buffer.from(found);
    },
    setAside: async (name) => erase(name),
    erase: async (name) => erase(name),
    eraseAll: async () => forget(),
    async lock() {
      locked = true;
      forget();
    },
    async reopen() {
      locked = false;
    },
    async unlockWithKey(_, prf) {
      prf.fill(0);
      await noKey();
    },
    async sealWithKey(_, prf) {
      prf.fill(0);
      await noKey();
    },
    unlockWithPassphrase: noKey,
    sealWithPassphrase: noKey,
    removeKey: noKey,
    unseal: async () => undefined,
    async startOver() {
      const lost = [...records.keys()];
      forget();
      locked = false;
      return lost;
    },
    close() {
      forget();
      closed = true;
    },
  };
}
