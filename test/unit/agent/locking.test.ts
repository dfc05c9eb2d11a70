/** What a lock forgets and how it is opened again, for each way the vault can be sealed. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Company } from '../../../main/agent/agent.ts';
import { createLocking } from '../../../main/agent/locking.ts';
import { AppError } from '../../../main/app-error.ts';
import type { DesktopSignals } from '../../../main/ports.ts';
import { hours } from '../../../main/units.ts';
import { passphraseOnlyKeychain } from '../../../main/vault/passphrase-keychain.ts';
import { openVault, type Vault } from '../../../main/vault/vault.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { memoryKeychain } from '../../fakes/memory-keychain.ts';
import { recordingAudit } from '../../fakes/recording-audit.ts';
import { grantFor } from '../grant/setting.ts';
import { codeOf, notAsked, policyFrom, policyText, profileNamed, setting, signedIn, strictSession, until } from './setting.ts';

type Signal = 'locked' | 'unlocked' | 'sleep';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

const prf = (): Buffer => Buffer.alloc(32, 7);
const passphrase = 'correct horse battery';

async function vaultSealed(how: 'keychain' | 'key' | 'passphrase' | 'memory'): Promise<Vault> {
  const folder = mkdtempSync(join(tmpdir(), 'lpl-'));
  folders.push(folder);
  const vault = await openVault({ folder, keychain: memoryKeychain(how === 'memory' ? 'memory' : 'secret-service'), random: randomBytes });
  if (how === 'key') await vault.sealWithKey('key-1', prf());
  if (how === 'passphrase') await vault.sealWithPassphrase(passphrase);
  await vault.seal('session-acme', Buffer.from('a refresh token'));
  return vault;
}

async function over(
  vault: Vault,
  more: {
    top?: string;
    lock?: () => Promise<void>;
    resume?: () => Promise<void>;
    watch?: () => Promise<DesktopSignals>;
    mayResume?: boolean;
    signedInAt?: string;
    seenAt?: string;
  } = {},
) {
  const clock = fakeClock();
  const audit = recordingAudit();
  const state = {
    calls: [] as string[],
    held: null as boolean | null,
    remembered: [] as string[],
    told: [] as string[],
    logged: [] as string[],
  };
  const company = (name: string, lockSession: () => Promise<void> = async () => undefined): Company => ({
    profile: profileNamed(name),
    session: {
      ...strictSession,
      view: () =>
        signedIn('00u1', {
          ...(more.signedInAt === undefined ? {} : { signedInAt: more.signedInAt }),
          assurance: { level: 'phr', because: '', acr: null, amr: [], authTime: more.seenAt ?? null },
        }),
      async lock() {
        state.calls.push(`lock ${name} while the vault is ${vault.locked ? 'locked' : 'open'}`);
        await lockSession();
      },
      async resume() {
        state.calls.push(`resume ${name} while the vault is ${vault.locked ? 'locked' : 'open'}`);
        await more.resume?.();
      },
    },
    tokens: { peek: notAsked, get: notAsked, health: notAsked, forget: (error) => void state.calls.push(`forget ${name} ${error?.code}`) },
    ...{ browser: notAsked, actsAs: () => undefined },
  });
  const servicePrincipals = new Map([
    [
      'robot',
      {
        tokens: {
          peek: notAsked,
          get: notAsked,
          health: notAsked,
          forget: (error?: AppError) => void state.calls.push(`forget robot ${error?.code}`),
        },
        session: {
          ...{ view: notAsked, claims: notAsked, touch: notAsked },
          lock: async () => void state.calls.push(`lock robot while the vault is ${vault.locked ? 'locked' : 'open'}`),
          resume: async () => void state.calls.push(`resume robot while the vault is ${vault.locked ? 'locked' : 'open'}`),
        },
      },
    ],
  ]);
  const companies = new Map([
    ['acme', company('acme', more.lock)],
    ['other', company('other')],
  ]);
  const policy = policyFrom(policyText('tap', more.top === undefined ? {} : { top: more.top }));
  const { grants } = await setting();
  const locking = createLocking({
    ...{ clock, audit, log: (event) => void state.logged.push(event), vault, companies, servicePrincipals, policy: () => policy, grants },
    consents: { hold: (held) => void Object.assign(state, { held }) },
    watchDesktop: more.watch,
    forgetTokens: () => void state.calls.push('forget answers'),
    remember: async (sealing) => void state.remembered.push(sealing),
    mayResume: () => more.mayResume ?? true,
    onSealing: () => void state.told.push(vault.sealing),
  });
  return { clock, audit, state, locking, lock: locking.lock, vault, grants };
}

describe('a lock', () => {
  it('forgets every token at once, lets each session write while the vault is open, and locks the vault last', async () => {
    const { lock, state, vault } = await over(await vaultSealed('key'));
    const locked = lock.lock('command');
    expect(state.calls.slice(0, 4)).toEqual(['forget acme LOCKED', 'forget other LOCKED', 'forget robot LOCKED', 'forget answers']);
    await locked;
    expect(state.calls.slice(4)).toEqual(['acme', 'other', 'robot'].map((name) => `lock ${name} while the vault is open`));
    expect([vault.locked, state.held]).toEqual([true, true]);
    expect(await codeOf(vault.open('session-acme'))).toBe('VAULT_SEALED');
  });

  it('is complete although a session cannot be locked', async () => {
    const { lock, state, vault } = await over(await vaultSealed('key'), { lock: () => Promise.reject(new Error('no')) });
    await lock.lock('command');
    expect(vault.locked).toBe(true);
    expect(state.calls).toContain('lock other while the vault is open');
    expect(state.logged).toContain('lock.session-not-locked');
  });

  it('by the keychain alone erases what the vault holds', async () => {
    const { lock, vault, locking } = await over(await vaultSealed('keychain'));
    await lock.lock('command');
    await locking.provenBySignIn();
    expect(await vault.open('session-acme')).toBeNull();
  });

  it('holds the queue while it is away, too, and forgets nothing then', async () => {
    const { lock, state } = await over(await vaultSealed('key'));
    lock.away('screen-lock');
    expect([state.held, state.calls]).toEqual([true, []]);
    lock.back();
    await Promise.resolve();
    await Promise.resolve();
    expect(state.held).toBe(false);
  });
});

describe('a start', () => {
  it.each([
    ['2 h', 'locked'],
    ['5 h', 'open'],
  ])('does not begin the day anew: three hours after the sign-in, with a cap of %s, it is %s', async (cap, state) => {
    const signedInAt = new Date(fakeClock().now() - hours(3)).toISOString();
    const { locking, lock } = await over(await vaultSealed('keychain'), { top: `limits: { dailyCap: ${cap} }`, signedInAt });
    locking.start();
    expect(lock.state()).toBe(state);
  });
});

describe('a start, the provider having seen the person before they signed in', () => {
  it.each([
    ['4 h', 'locked'],
    ['6 h', 'open'],
  ])('counts the day from then: with a cap of %s it is %s', async (cap, state) => {
    const [signedInAt, seenAt] = [3, 5].map((ago) => new Date(fakeClock().now() - hours(ago)).toISOString());
    const { locking, lock } = await over(await vaultSealed('keychain'), {
      ...{ top: `limits: { dailyCap: ${cap} }`, signedInAt: signedInAt ?? '', seenAt: seenAt ?? '' },
    });
    locking.start();
    expect(lock.state()).toBe(state);
  });
});

describe('what is seen of it', () => {
  it.each([
    ['key', ['key', 'sign-in']],
    ['passphrase', ['passphrase', 'sign-in']],
    ['keychain', ['sign-in']],
    ['memory', ['sign-in']],
  ] as const)('sealed by %s it is opened by %j', async (how, ways) => {
    const { locking, lock, clock } = await over(await vaultSealed(how));
    expect(locking.view()).toEqual({ state: 'open', since: null, why: null, locksAt: null, unlockBy: [], continuing: 0, sealing: how });
    lock.away('screen-lock');
    expect(locking.view()).toMatchObject({ state: 'away', why: 'screen-lock', unlockBy: ['screen'] });
    await lock.lock('command');
    const since = new Date(clock.now()).toISOString();
    expect(locking.view()).toEqual({ state: 'locked', since, why: 'command', locksAt: null, unlockBy: ways, continuing: 0, sealing: how });
  });

  it('says when the day’s limit locks it, counted from the sign-in', async () => {
    const signedInAt = new Date(fakeClock().now() - hours(3)).toISOString();
    const { locking, lock } = await over(await vaultSealed('keychain'), { top: 'limits: { dailyCap: 5 h }', signedInAt });
    locking.start();
    expect(locking.view().locksAt).toBe(new Date(fakeClock().now() + hours(2)).toISOString());
    await lock.lock('command');
    expect(locking.view().locksAt).toBeNull();
  });

  it('counts the live grants that go on while away, and only then', async () => {
    const { locking, lock, grants, clock } = await over(await vaultSealed('memory'));
    const { grant } = await grants.create(grantFor(clock));
    await grants.create(grantFor(clock));
    await grants.end(grant.id, 'revoked');
    expect(locking.view().continuing).toBe(0);
    lock.away('idle');
    expect(locking.view().continuing).toBe(1);
    await lock.lock('command');
    expect(locking.view().continuing).toBe(0);
  });
});

describe('opening again', () => {
  it('by a key opens the vault, then the sessions, then the lock; the bytes of the key are wiped', async () => {
    const { locking, lock, state, vault } = await over(await vaultSealed('key'));
    await lock.lock('command');
    const bytes = prf();
    await locking.unlockWithKey('key-1', bytes);
    expect(state.calls.slice(-3)).toEqual(['acme', 'other', 'robot'].map((name) => `resume ${name} while the vault is open`));
    expect([lock.state(), vault.locked, bytes.equals(Buffer.alloc(32))]).toEqual(['open', false, true]);
    expect((await vault.open('session-acme'))?.toString()).toBe('a refresh token');
  });

  it('takes no session up again under a configuration that nobody has used', async () => {
    const { locking, lock, state } = await over(await vaultSealed('passphrase'), { mayResume: false });
    await lock.lock('command');
    await locking.unlockWithPassphrase(passphrase);
    expect([lock.state(), state.calls.filter((call) => call.startsWith('resume'))]).toEqual([
      'open',
      ['resume robot while the vault is open'],
    ]);
  });

  it('by another key, or with other bytes, opens nothing', async () => {
    const { locking, lock, vault } = await over(await vaultSealed('key'));
    await lock.lock('command');
    expect(await codeOf(locking.unlockWithKey('key-2', prf()))).toBe('VAULT_SEALED');
    expect(await codeOf(locking.unlockWithKey('key-1', Buffer.alloc(32, 8)))).not.toBe('done');
    expect([lock.state(), vault.locked]).toEqual(['locked', true]);
  });

  it('by a passphrase, and not by another one', async () => {
    const { locking, lock, vault } = await over(await vaultSealed('passphrase'));
    await lock.lock('command');
    expect(await codeOf(locking.unlockWithPassphrase('wrong horse battery'))).toBe('PASSPHRASE_WRONG');
    expect(lock.state()).toBe('locked');
    await locking.unlockWithPassphrase(passphrase);
    expect([lock.state(), vault.locked]).toEqual(['open', false]);
  });

  it('waits until everything is forgotten: a lock that is under way does not close what was just opened', async () => {
    const writing = Promise.withResolvers<void>();
    const { locking, lock, vault } = await over(await vaultSealed('key'), { lock: () => writing.promise });
    const locked = lock.lock('command');
    const unlocked = locking.unlockWithKey('key-1', prf());
    writing.resolve();
    await Promise.all([locked, unlocked]);
    expect([lock.state(), vault.locked]).toEqual(['open', false]);
  });

  it('comes to nothing when a lock is asked for meanwhile', async () => {
    const resumed = Promise.withResolvers<void>();
    const { lock, locking, vault } = await over(await vaultSealed('key'), { resume: () => resumed.promise });
    await lock.lock('command');
    const opening = codeOf(locking.unlockWithKey('key-1', prf()));
    await until(() => !vault.locked);
    const again = lock.lock('command');
    resumed.resolve();
    expect(await opening).toBe('LOCKED');
    await again;
    expect([lock.state(), vault.locked]).toEqual(['locked', true]);
  });

  it('of a vault that came up sealed is the same, and until then the queue is held', async () => {
    const vault = await vaultSealed('key');
    await vault.lock();
    const { locking, lock, state } = await over(vault);
    locking.start();
    expect([lock.state(), locking.view().why, state.held]).toEqual(['locked', 'start', true]);
    await locking.unlockWithKey('key-1', prf());
    expect(lock.state()).toBe('open');
    await until(() => state.held === false);
  });
});

describe('a start afresh', () => {
  it.each([
    ['key', 'keychain'],
    ['passphrase', 'keychain'],
    ['keychain', 'keychain'],
    ['memory', 'memory'],
  ] as const)('leaves nothing of a vault sealed by %s, nor what sealed it', async (how, afterwards) => {
    const { locking, lock, vault, state } = await over(await vaultSealed(how));
    await locking.startAfresh();
    expect([lock.state(), vault.sealing, vault.keys(), state.remembered]).toEqual(['open', afterwards, [], [afterwards]]);
    expect(await vault.open('session-acme')).toBeNull();
  });

  it('opens nothing that was locked', async () => {
    const { locking, lock, vault } = await over(await vaultSealed('key'));
    await lock.lock('command');
    await locking.startAfresh();
    expect([lock.state(), vault.locked, vault.sealing]).toEqual(['locked', true, 'keychain']);
    await locking.provenBySignIn();
    expect(await vault.open('session-acme')).toBeNull();
  });

  it('locks what only a new passphrase can open', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lakepass-locking-'));
    folders.push(folder);
    const vault = await openVault({ folder, keychain: passphraseOnlyKeychain(), random: randomBytes });
    await vault.sealWithPassphrase(passphrase);
    const { locking, lock } = await over(vault);
    await locking.startAfresh();
    expect([lock.state(), vault.locked, vault.fresh]).toEqual(['locked', true, true]);
    await locking.unlockWithPassphrase('another passphrase');
    expect(lock.state()).toBe('open');
  });
});

describe('a fresh sign-in', () => {
  it.each(['keychain', 'memory'] as const)('opens a vault sealed by %s, and nothing is given up', async (how) => {
    const { locking, lock, vault, audit } = await over(await vaultSealed(how));
    await lock.lock('command');
    await locking.provenBySignIn();
    expect([vault.locked, locking.notes(), audit.of('vault.sealing-changed')]).toEqual([false, [], []]);
  });

  it.each(['key', 'passphrase'] as const)('gives up what %s has sealed, and says what', async (how) => {
    const { locking, lock, vault, audit, state } = await over(await vaultSealed(how));
    await lock.lock('command');
    await locking.provenBySignIn();
    expect([vault.locked, vault.sealing]).toEqual([false, 'keychain']);
    expect(locking.notes()).toMatchObject([expect.stringContaining('session-acme')]);
    expect(audit.of('vault.sealing-changed')).toEqual([{ type: 'vault.sealing-changed', how: 'started-over', key: '' }]);
    expect(state.remembered).toEqual(['keychain']);
  });

  it.each(['open', 'away'] as const)('while %s touches nothing', async (now) => {
    const { locking, lock, vault, state } = await over(await vaultSealed('key'));
    if (now === 'away') lock.away('screen-lock');
    await locking.provenBySignIn();
    expect([vault.sealing, vault.locked, state.remembered]).toEqual(['key', false, []]);
  });

  it('in the middle of a lock opens what that lock has yet to close', async () => {
    const writing = Promise.withResolvers<void>();
    const { locking, lock, vault } = await over(await vaultSealed('keychain'), { lock: () => writing.promise });
    const locked = lock.lock('command');
    const proven = locking.provenBySignIn();
    writing.resolve();
    await Promise.all([locked, proven]);
    expect(vault.locked).toBe(false);
  });
});

describe('how the vault is sealed', () => {
  it('is changed by a key, a passphrase or neither; that is remembered and in the audit log', async () => {
    const { locking, vault, state, audit } = await over(await vaultSealed('keychain'));
    const bytes = prf();
    await locking.sealWithKey('key-1', bytes);
    expect([vault.sealing, vault.keys(), bytes.equals(Buffer.alloc(32))]).toEqual(['key', ['key-1'], true]);
    await locking.sealOtherwise('passphrase', passphrase);
    expect(vault.sealing).toBe('passphrase');
    await locking.sealOtherwise('keychain', undefined);
    expect(vault.sealing).toBe('keychain');
    expect(state.remembered).toEqual(['key', 'passphrase', 'keychain']);
    // Once it is so, or a window would show what was before.
    expect(state.told).toEqual(['key', 'passphrase', 'keychain']);
    expect(audit.of('vault.sealing-changed').map(({ how, key }) => `${how} ${key}`.trim())).toEqual([
      'key key-1',
      'passphrase',
      'keychain',
    ]);
  });

  it('loses a key that is removed, but never the last one', async () => {
    const { locking, vault } = await over(await vaultSealed('key'));
    await locking.forgetKey('key-2');
    await expect(locking.forgetKey('key-1')).rejects.toMatchObject({ code: 'INPUT_INVALID', reason: 'last-key' });
    await locking.sealWithKey('key-2', Buffer.alloc(32, 9));
    await locking.forgetKey('key-1');
    expect(vault.keys()).toEqual(['key-2']);
  });
});

describe('the desktop', () => {
  function desktop(problem: string | null = null) {
    const listeners: ((signal: Signal) => void)[] = [];
    const state = { closed: 0 };
    const signals: DesktopSignals = {
      problem,
      onSignal: (listener) => void listeners.push(listener),
      close() {
        state.closed += 1;
      },
    };
    return { watch: async () => signals, say: (signal: Signal) => listeners.forEach((listener) => void listener(signal)), state };
  }

  it.each([
    ['', ['away', 'open', 'open']],
    ['limits: { lockOnSuspend: true }', ['away', 'open', 'locked']],
  ])('says locked, unlocked and sleep; under %j it is then %j', async (top, states) => {
    const { watch, say } = desktop();
    const { locking, lock, clock } = await over(await vaultSealed('memory'), { watch, top });
    locking.start();
    await clock.advance(0);
    const seen: string[] = [];
    for (const signal of ['locked', 'unlocked', 'sleep'] as const) {
      say(signal);
      seen.push(lock.state());
    }
    expect(seen).toEqual(states);
  });

  it('that is told of an unlocked screen does not end a lock', async () => {
    const { watch, say } = desktop();
    const { locking, lock, clock } = await over(await vaultSealed('memory'), { watch });
    locking.start();
    await clock.advance(0);
    await lock.lock('command');
    say('unlocked');
    expect(lock.state()).toBe('locked');
  });

  it('that cannot be heard is a note', async () => {
    const partly = await over(await vaultSealed('memory'), { watch: desktop('Screen lock cannot be heard.').watch });
    const deaf = await over(await vaultSealed('memory'), { watch: () => Promise.reject(new AppError('INTERNAL')) });
    const none = await over(await vaultSealed('memory'));
    for (const { locking, clock } of [partly, deaf, none]) {
      locking.start();
      await clock.advance(0);
    }
    expect([partly, deaf, none].map(({ locking }) => locking.notes().length)).toEqual([1, 1, 0]);
    expect(deaf.state.logged).toEqual(['lock.desktop-unheard']);
  });

  it('is let go of at the end, also where it is heard only then', async () => {
    const { watch, state } = desktop();
    const { locking, clock } = await over(await vaultSealed('memory'), { watch });
    locking.start();
    locking.close();
    await clock.advance(0);
    expect([state.closed, clock.pending]).toEqual([1, 0]);
  });
});
