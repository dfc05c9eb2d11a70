/**
 * What a lock does: who is held, what is forgotten, and how it is opened again. When is decided by `lock/`; that nothing usable stays
 * behind is decided here, in one place.
 */
import type { LockView } from '../../preload/contract/lock.ts';
import { AppError } from '../app-error.ts';
import type { AuditLog } from '../audit/event.ts';
import type { Consents } from '../grant/consents.ts';
import type { Grants } from '../grant/grants.ts';
import { createLock, type Lock } from '../lock/lock.ts';
import type { Policy } from '../policy/question.ts';
import type { Clock, DesktopSignals, Log, Ports } from '../ports.ts';
import type { RunningPrincipal } from '../service-principal/service-principal.ts';
import type { EpochMs } from '../units.ts';
import type { Vault } from '../vault/vault.ts';
import type { Company } from './agent.ts';
import { personIn } from './ceremonies.ts';

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
  /** Everything the vault holds is erased, and whatever sealed it no longer does. @throws AppError KEYCHAIN_* | DISK_FULL */
  startAfresh(): Promise<void>;
  notes(): readonly string[];
  close(): void;
}

export function createLocking(parts: {
  clock: Clock;
  audit: AuditLog;
  log: Log;
  vault: Vault;
  companies: ReadonlyMap<string, Company>;
  servicePrincipals: ReadonlyMap<string, Pick<RunningPrincipal, 'tokens' | 'session'>>;
  consents: Pick<Consents, 'hold'>;
  policy: () => Policy;
  grants: Pick<Grants, 'list'>;
  watchDesktop: Ports['watchDesktop'];
  /** Lets go of the tokens that answers were made from. */
  forgetTokens: () => void;
  /** Keeps in mind how the vault is sealed, so that one that was emptied is not taken for a new one. */
  remember: (sealing: LockView['sealing']) => Promise<void>;
  /** False while the configuration is one that nobody has used: a stored session is not brought to it. */
  mayResume: () => boolean;
  /** Told when the vault is sealed another way: nothing else says so. */
  onSealing: () => void;
}): Locking {
  const { clock, audit, log, vault, companies, servicePrincipals, consents } = parts;
  const lock = createLock({ clock, audit, log, limits: () => parts.policy().limits, begin: vault.locked ? 'locked' : 'open' });
  /** What a fresh sign-in could not open and gave up. */
  let lost: readonly string[] = [];
  let signals: DesktopSignals | undefined;
  let note: string | null = null;
  let closed = false;

  lock.onChange(async (state) => {
    consents.hold(state !== 'open');
    if (state === 'locked') await forgetEverything();
  });

  /** How often somebody asked for a lock. */
  let asked = 0;
  const counted: Lock = {
    ...lock,
    lock(why) {
      asked += 1;
      return lock.lock(why);
    },
  };

  async function forgetEverything(): Promise<void> {
    const locked = new AppError('LOCKED');
    const all = [...companies.values(), ...servicePrincipals.values()];
    for (const { tokens } of all) tokens.forget(locked);
    parts.forgetTokens();
    const sessions = await Promise.allSettled(all.map(({ session }) => session.lock()));
    for (const { status } of sessions) if (status === 'rejected') log('lock.session-not-locked');
    await vault.lock();
  }

  function heed(heard: DesktopSignals): void {
    if (closed) {
      heard.close();
      return;
    }
    signals = heard;
    heard.onSignal((signal) => {
      if (signal === 'locked') lock.away('screen-lock');
      else if (signal === 'unlocked') lock.back();
      else {
        if (parts.policy().limits.lockOnSuspend) asked += 1;
        void lock.suspending();
      }
    });
  }

  /** Whoever forgets finishes forgetting first, or it would lock behind the back of whoever opens. */
  async function allForgotten(): Promise<void> {
    if (lock.state() === 'locked') await lock.lock('command');
  }

  async function reopen(): Promise<void> {
    const before = asked;
    let resuming = [...companies.values()];
    // check: resume-into-approved-config
    if (!parts.mayResume()) resuming = [];
    // end check
    for (const { session } of resuming) await session.resume();
    // A secret goes nowhere but where it was given for, whatever the configuration says.
    for (const { session } of servicePrincipals.values()) await session.resume();
    // It was locked all along, so a lock that came meanwhile changed nothing yet.
    // check: reopen-loses-to-lock
    if (asked !== before) {
      await forgetEverything();
      throw new AppError('LOCKED');
    }
    // end check
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
    lock: counted,
    view: () => ({
      state: lock.state(),
      since: iso(lock.since()),
      why: lock.why(),
      locksAt: iso(lock.locksAt()),
      unlockBy: unlockBy(),
      continuing: lock.state() === 'away' ? parts.grants.list().filter(({ state }) => state === 'live').length : 0,
      sealing: vault.sealing,
    }),
    start() {
      const people = [...companies.values()].flatMap(({ session }) => personIn(session.view()) ?? []);
      const seen = people.flatMap(({ provenAt }) => provenAt ?? []);
      // check: lock-day-survives-restart
      if (people.length > 0)
        lock.provenAt((seen.length > 0 ? Math.max(...seen) : Math.min(...people.map(({ signedInAt }) => signedInAt))) as EpochMs);
      // end check
      if (lock.state() === 'locked') consents.hold(true);
      void parts.watchDesktop?.().then(heed, (error: unknown) => {
        note = 'Screen lock and sleep cannot be heard on this machine.';
        log('lock.desktop-unheard', { error: error instanceof Error ? error.name : 'unknown' });
      });
    },
    reopen,
    async unlockWithKey(key, prf) {
      await allForgotten();
      await vault.unlockWithKey(key, prf);
      await reopen();
    },
    async unlockWithPassphrase(text) {
      await allForgotten();
      if (vault.fresh) await vault.sealWithPassphrase(text);
      else await vault.unlockWithPassphrase(text);
      await parts.remember(vault.sealing);
      await reopen();
    },
    async sealWithKey(key, prf) {
      await vault.sealWithKey(key, prf);
      await parts.remember(vault.sealing);
      audit.append({ type: 'vault.sealing-changed', how: 'key', key });
      parts.onSealing();
    },
    async sealOtherwise(how, passphrase) {
      if (how === 'passphrase') await vault.sealWithPassphrase(passphrase ?? '');
      else await vault.unseal();
      await parts.remember(vault.sealing);
      audit.append({ type: 'vault.sealing-changed', how, key: '' });
      parts.onSealing();
    },
    async forgetKey(key) {
      if (vault.keys().includes(key)) await vault.removeKey(key);
    },
    async provenBySignIn() {
      await allForgotten();
      if (lock.state() !== 'locked' || !vault.locked) return;
      if (vault.sealing === 'keychain' || vault.sealing === 'memory') return vault.reopen();
      lost = await vault.startOver();
      await parts.remember(vault.sealing);
      log('vault.started-over', { records: lost.length });
      audit.append({ type: 'vault.sealing-changed', how: 'started-over', key: '' });
    },
    async startAfresh() {
      await allForgotten();
      await vault.eraseAll();
      if (vault.sealing !== 'memory') await vault.startOver();
      await parts.remember(vault.sealing);
      // What was locked stays so until the next sign-in; without a keychain a passphrase has to be chosen first.
      if (lock.state() === 'locked') await vault.lock();
      else if (vault.locked) await lock.lock('command');
    },
    notes() {
      const unheard = note ?? signals?.problem ?? null;
      const notes = unheard === null ? [] : [unheard];
      if (lost.length > 0) notes.push(`A fresh sign-in replaced the sealed vault; given up with it: ${lost.join(', ')}.`);
      return notes;
    },
    close() {
      closed = true;
      signals?.close();
      lock.close();
    },
  };
}
