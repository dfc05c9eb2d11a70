/**
 * The vault in a folder: records under the key at hand, and how that key is come by, changed and forgotten.
 *
 * One thing happens at a time, in the order it was asked for. Keys lie in Buffers that are wiped when the vault is locked or closed,
 * though never in the middle of a write: a record must not be sealed under zeros.
 */
import { AppError } from '../app-error.ts';
import { requireName } from './record-name.ts';
import { finishCrashedWrites, type RecordKey, readRecord, writeRecord } from './records.ts';
import { createSeals, type SealedSetting, type SealState } from './seals.ts';
import type { Vault } from './vault.ts';
import { obtainVaultKey } from './vault-key.ts';

type Beginning = Pick<SealState, 'key' | 'wraps' | 'sealing'> & { fresh?: boolean };

export function sealedVault(setting: SealedSetting, { key, wraps, sealing, fresh = false }: Beginning): Vault {
  const { kind, files, keychain, random, entry } = setting;
  const state: SealState = { key, wraps, sealing, fresh, carried: null };
  const seals = createSeals(setting, state);
  const turns = oneAtATime();
  let locked = key === null;
  let closed = false;
  /** Grows with each lock: an unlocking that was overtaken by one must not open the vault. */
  let locks = 0;

  const wipe = (): void => {
    // check: vault-key-wiped
    state.key?.bytes.fill(0);
    state.carried?.bytes.fill(0);
    // end check
    state.key = null;
    state.carried = null;
  };
  const act = <T>(run: () => Promise<T>): Promise<T> =>
    turns.run(async () => {
      // check: vault-closed
      if (closed) throw new Error('the vault is closed');
      // end check
      try {
        return await run();
      } finally {
        if (closed) wipe();
      }
    });
  const requireKeys = (): { key: RecordKey; keys: RecordKey[] } => {
    // check: vault-locked
    if (locked || state.key === null) throw sealed(state.sealing);
    // end check
    return { key: state.key, keys: state.carried === null ? [state.key] : [state.key, state.carried] };
  };
  const unlocking = (prove: () => Promise<void>): Promise<void> =>
    act(async () => {
      if (!locked) return;
      const before = locks;
      await prove();
      // check: vault-unlock-overtaken
      if (locks !== before) {
        wipe();
        throw sealed(state.sealing);
      }
      // end check
      locked = false;
    });
  const changing = (change: () => Promise<void>): Promise<void> =>
    act(async () => {
      requireKeys();
      await change();
    });
  const wiping = async (prf: Buffer, use: () => Promise<void>): Promise<void> => {
    try {
      await use();
    } finally {
      // check: vault-prf-wiped
      prf.fill(0);
      // end check
    }
  };
  const eraseRecords = async (): Promise<string[]> => {
    const leftovers = (await files.temporaries()).map(({ name }) => name);
    const names = [...new Set([...leftovers, ...(await files.names())])];
    for (const name of names) await files.erase(name);
    return names;
  };
  const named = <T>(name: string, run: () => Promise<T>): Promise<T> => {
    requireName(name);
    return act(run);
  };

  return {
    kind,
    get sealing() {
      return state.sealing;
    },
    get locked() {
      return locked;
    },
    get fresh() {
      return state.fresh;
    },
    names: () => act(() => files.names()),
    keys: () => (state.wraps?.wraps ?? []).flatMap((wrap) => (wrap.kind === 'key' ? [wrap.key] : [])),

    seal: (name, plain, during = () => undefined) =>
      named(name, async () => {
        const { key: under, keys } = requireKeys();
        await writeRecord({ files, keys, under, random }, { name, plain, during });
      }),
    open: (name) =>
      named(name, async () => {
        const found = await readRecord(files, requireKeys().keys, name);
        if (found !== 'corrupt') return found?.plain ?? null;
        await files.setAside(name);
        throw new AppError('VAULT_CORRUPT', { reason: name });
      }),
    setAside: (name) => named(name, () => files.setAside(name)),
    erase: (name) => named(name, () => files.erase(name)),
    eraseAll: () => act(async () => void (await eraseRecords())),

    lock() {
      locked = true;
      locks += 1;
      return act(async () => {
        wipe();
        // check: vault-unsealed-forgets
        if (state.sealing === 'keychain') await eraseRecords();
        // end check
      });
    },
    reopen: () =>
      unlocking(async () => {
        // check: vault-reopen-unsealed
        if (state.sealing !== 'keychain') throw sealed(state.sealing);
        // end check
        state.key = { bytes: await obtainVaultKey(keychain, entry, random), form: 1 };
        await finishCrashedWrites(files, [state.key]);
      }),
    unlockWithKey: (keyId, prf) => wiping(prf, () => unlocking(() => seals.openWithKey(keyId, prf))),
    unlockWithPassphrase: (text) => unlocking(() => seals.openWithPassphrase(text)),
    sealWithKey: (keyId, prf) => wiping(prf, () => changing(() => seals.addKey(keyId, prf))),
    removeKey: (keyId) => changing(() => seals.removeKey(keyId)),
    sealWithPassphrase: (text) =>
      act(async () => {
        if (!state.fresh) requireKeys();
        await seals.setPassphrase(text);
        locked = false;
      }),
    unseal: () => changing(() => seals.leave()),
    startOver: () =>
      act(async () => {
        // A keychain that does not answer is known before anything is given up.
        if (kind !== 'passphrase') (await keychain.read(entry))?.fill(0);
        const lost = await eraseRecords();
        wipe();
        await seals.startOver();
        locked = state.key === null;
        return lost.sort();
      }),
    close() {
      closed = true;
      if (!turns.busy()) wipe();
    },
  };
}

const sealed = (sealing: SealState['sealing']): AppError =>
  sealing === 'passphrase' ? new AppError('PASSPHRASE_NEEDED') : new AppError('VAULT_SEALED', { reason: 'locked' });

/** Runs what it is given one after the other; a failure of one is its own. */
function oneAtATime(): { run<T>(act: () => Promise<T>): Promise<T>; busy(): boolean } {
  let last: Promise<unknown> = Promise.resolve();
  let running = 0;
  return {
    busy: () => running > 0,
    run(act) {
      const begin = async () => {
        running += 1;
        try {
          return await act();
        } finally {
          running -= 1;
        }
      };
      const mine = last.then(begin, begin);
      last = mine.catch(() => undefined);
      return mine;
    },
  };
}
