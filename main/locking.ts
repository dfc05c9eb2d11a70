/**
 * What a lock does: who is held, what is forgotten, and how it is opened again. When is decided by `lock/`; that nothing usable stays
 * behind is decided here, in one place.
 */
import type { LockView } from '../preload/contract/lock.ts';
import type { Company } from './agent.ts';
import { AppError } from './app-error.ts';
import type { AuditLog } from './audit/event.ts';
import type { Consents } from './grant/consents.ts';
import type { Grants } from './grant/grants.ts';
import { createLock, type Lock } from './lock/lock.ts';
import type { Policy } from './policy/question.ts';
import type { Clock, DesktopSignals, Log } from './ports.ts';
import type { Vault } from './vault/vault.ts';

export interface Locking {
  readonly lock: Lock;
  view(): LockView;
  /** Locks at once where the vault came up sealed, and listens to the desktop. */
  start(): void;
  /** Proven by a passphrase, a key or a sign-in: sessions are taken up again. */
  reopen(): Promise<void>;
  /** @param prf wiped. @throws AppError VAULT_SEALED | VAULT_CORRUPT */
  unlockWithKey(key: string, prf: Buffer): Promise<void>;
  unlockWithPassphrase(text: string): Promise<void>;
  /** @param prf wiped. @throws AppError KEYCHAIN_* | DISK_FULL | VAULT_SEALED */
  sealWithKey(key: string, prf: Buffer): Promise<void>;
  sealOtherwise(how: 'passphrase' | 'keychain', passphrase: string | undefined): Promise<void>;
  /** A tap key is about to go: it no longer seals either. @throws AppError INPUT_INVALID (last-key) */
  forgetKey(key: string): Promise<void>;
  /** A person has just proven who they are at the provider: what cannot be opened otherwise is given up. */
  provenBySignIn(): Promise<void>;
  notes(): readonly string[];
  close(): void;
}

export function createLocking(parts: {
  clock: Clock;
  audit: AuditLog;
  log: Log;
  vault: Vault;
  companies: ReadonlyMap<string, Company>;
  consents: Pick<Consents, 'hold'>;
  policy: () => Policy;
  grants: Pick<Grants, 'list'>;
  /** What the desktop says about screen and sleep; undefined where there is no such thing. */
  signals: DesktopSignals | undefined;
}): Locking {
  const { clock, audit, log, vault, companies, consents } = parts;
  const lock = createLock({ clock, audit, log, limits: () => parts.policy().limits });
  /** What a fresh sign-in could not open and gave up. */
  let lost: readonly string[] = [];

  lock.onChange(async (state) => {
    consents.hold(state !== 'open');
    if (state !== 'locked') return;
    const locked = new AppError('LOCKED');
    for (const { session, tokens } of companies.values()) {
      await session.lock();
      tokens.forget(locked);
    }
    await vault.lock();
  });

  async function reopen(): Promise<void> {
    for (const { session } of companies.values()) await session.resume();
    lock.unlocked();
  }

  const unlockBy = (): LockView['unlockBy'] => {
    if (lock.state() === 'open') return [];
    if (lock.state() === 'away') return ['screen'];
    if (vault.sealing === 'key') return ['key', 'sign-in'];
    if (vault.sealing === 'passphrase') return ['passphrase', 'sign-in'];
    return ['sign-in'];
  };

  const iso = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());

  return {
    lock,
    view: () => ({
      state: lock.state(),
      since: iso(lock.since()),
      why: lock.why(),
      unlockBy: unlockBy(),
      continuing: lock.state() === 'away' ? parts.grants.list().filter(({ state }) => state === 'live').length : 0,
      sealing: vault.sealing,
    }),
    start() {
      if (vault.locked) void lock.lock('start');
      parts.signals?.onSignal((signal) => {
        if (signal === 'locked') lock.away('screen-lock');
        else if (signal === 'unlocked') lock.back();
        else if (parts.policy().limits.lockOnSuspend) void lock.lock('suspend');
      });
    },
    reopen,
    async unlockWithKey(key, prf) {
      await vault.unlockWithKey(key, prf);
      await reopen();
    },
    async unlockWithPassphrase(text) {
      await vault.unlockWithPassphrase(text);
      await reopen();
    },
    async sealWithKey(key, prf) {
      await vault.sealWithKey(key, prf);
      audit.append({ type: 'vault.sealing-changed', how: 'key', key });
    },
    async sealOtherwise(how, passphrase) {
      if (how === 'passphrase') await vault.sealWithPassphrase(passphrase ?? '');
      else await vault.unseal();
      audit.append({ type: 'vault.sealing-changed', how, key: '' });
    },
    async forgetKey(key) {
      if (vault.keys().includes(key)) await vault.removeKey(key);
    },
    async provenBySignIn() {
      if (lock.state() !== 'locked') return;
      if (vault.locked) {
        if (vault.sealing === 'keychain' || vault.sealing === 'memory') await vault.reopen();
        else {
          lost = await vault.startOver();
          log('vault.started-over', { records: lost.length });
          audit.append({ type: 'vault.sealing-changed', how: 'started-over', key: '' });
        }
      }
    },
    notes() {
      const notes = parts.signals?.problem === undefined || parts.signals.problem === null ? [] : [parts.signals.problem];
      if (lost.length > 0) notes.push(`A fresh sign-in replaced the sealed vault; given up with it: ${lost.join(', ')}.`);
      return notes;
    },
    close() {
      parts.signals?.close();
      lock.close();
    },
  };
}
