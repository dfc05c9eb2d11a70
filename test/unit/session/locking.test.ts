/** What a lock leaves of a session: who it was, and nothing to ask with; and how it is taken up again. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createSession } from '../../../main/session/session.ts';
import { hours, minutes, seconds } from '../../../main/units.ts';
import { alice, bob, type StrictIdp } from '../../fakes/strict-idp.ts';
import { noNeeds, outcome, profileWith, setting, signInOptions } from './setting.ts';

/** A session over a vault of its own, both of which a test can lock, as the agent does: the session first. */
const keySealed = async (limits: Record<string, string> = {}) => {
  const all = setting();
  const vault = all.disk.vault();
  await vault.sealWithKey('key', Buffer.alloc(32));
  const life = all.start({ vault, profile: profileWith(limits) });
  const lock = async () => {
    await life.session.lock();
    await vault.lock();
  };
  const unlock = async () => {
    await vault.unlockWithKey('key', Buffer.alloc(32));
    await life.session.resume();
  };
  return { ...all, ...life, vault, lock, unlock };
};

const signedIn = async (limits: Record<string, string> = {}) => {
  const all = await keySealed(limits);
  await all.session.signIn(signInOptions);
  return all;
};

/** The provider does what it is asked at once, and its answers arrive when they are let through. */
const slowly = (idp: StrictIdp): (() => void) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const refresh = idp.refresh.bind(idp);
  idp.refresh = async (...parts) => {
    const answer = await refresh(...parts);
    await promise;
    return answer;
  };
  return resolve;
};

describe('a locked session', () => {
  it('serves nobody, renews nothing, and still says whose it is and until when', async () => {
    const { session, lock, idp, clock } = await signedIn();
    const before = session.view();
    await lock();
    expect(await outcome(session.subjectToken(noNeeds))).toBe('LOCKED');
    expect(session.view()).toMatchObject({
      phase: 'locked',
      identity: before.identity,
      assurance: before.assurance,
      endsAt: before.endsAt,
      idleEndsAt: null,
      renewable: false,
      survivesRestart: true,
    });
    await clock.advance(hours(1));
    expect(idp.refreshes).toEqual([]);
    expect(clock.pending).toBe(0);
    session.touch();
    expect(await outcome(session.subjectToken(noNeeds))).toBe('LOCKED');
  });

  it('is taken up from the vault once that is open, and goes on as the same one', async () => {
    const { session, lock, unlock, idp, ends } = await signedIn();
    const before = session.view();
    await lock();
    await unlock();
    expect(session.view()).toMatchObject({ phase: 'signed-in', identity: before.identity, endsAt: before.endsAt });
    expect(await outcome(session.subjectToken(noNeeds))).toBe('fine');
    expect(idp.refreshes).toHaveLength(1);
    expect(ends).toEqual([]);
  });

  it('is found locked by a process that starts over a sealed vault, and nothing is asked or lost', async () => {
    const { kill, start, disk, idp, clock } = await signedIn();
    kill();
    const vault = disk.vault();
    const next = start({ vault });
    await next.session.resume();
    expect(next.session.view()).toMatchObject({ phase: 'locked', identity: null, lastFailure: null });
    expect(await outcome(next.session.subjectToken(noNeeds))).toBe('LOCKED');
    await clock.advance(minutes(30));
    expect(idp.refreshes).toEqual([]);
    await vault.unlockWithKey('key', Buffer.alloc(32));
    await next.session.resume();
    expect(next.session.view().phase).toBe('signed-in');
    expect(await outcome(next.session.subjectToken(noNeeds))).toBe('fine');
  });

  it('that waits for a passphrase is locked as well', async () => {
    const { start, disk } = setting();
    disk.sealing = 'passphrase';
    const { session } = start();
    await session.resume();
    expect(session.view().phase).toBe('locked');
  });

  it('has reached its end when that passed while it was locked', async () => {
    const { session, lock, unlock, clock, ends } = await signedIn({ session: '8h', idle: '8h' });
    await lock();
    await clock.advance(hours(9));
    await unlock();
    expect(session.view()).toMatchObject({ phase: 'ended', lastFailure: { code: 'SESSION_EXPIRED' } });
    expect(ends).toEqual(['expired']);
  });

  it('is left as it is by being taken up twice', async () => {
    const { session, unlock, lock, idp } = await signedIn();
    await lock();
    await unlock();
    await session.subjectToken(noNeeds);
    await session.resume();
    await session.subjectToken(noNeeds);
    expect(idp.refreshes).toHaveLength(1);
  });

  it('can be signed out: what is sealed goes, and it is said that it was not revoked', async () => {
    const { session, lock, disk, audit, ends } = await signedIn();
    await lock();
    expect(await session.signOut('signed-out')).toMatchObject({ sessionEnded: true, refreshToken: 'none', vault: 'erased' });
    expect(disk.json('session-acme')).toBeNull();
    expect(ends).toEqual(['signed-out']);
    expect(audit.of('session.ended')).toMatchObject([{ why: 'signed-out', refreshToken: 'none' }]);
    // Nothing is left that a key could open.
    expect(session.view()).toMatchObject({ phase: 'signed-out', identity: null });
    expect(await outcome(session.subjectToken(noNeeds))).toBe('SIGNED_OUT');
  });
});

describe('a lock in the middle of a renewal', () => {
  it('waits until the new token is in the vault, and serves it to nobody', async () => {
    const { session, idp, clock, vault, disk, unlock } = await signedIn();
    await clock.advance(minutes(29));
    const arrive = slowly(idp);
    const waiting = outcome(session.subjectToken({ life: minutes(31) }));
    await clock.advance(0);
    const locking = session.lock();
    expect(await outcome(session.subjectToken(noNeeds))).toBe('LOCKED');
    arrive();
    await locking;
    await vault.lock();
    expect(await waiting).toBe('LOCKED');
    expect(disk.json('session-acme')).toMatchObject({ generation: 2 });
    expect(disk.json('rotation-acme')).toBeNull();
    await unlock();
    expect(await outcome(session.subjectToken(noNeeds))).toBe('fine');
  });

  it.each([
    ['is replayed where the provider forgives it', 60, 'fine'],
    ['is lost where it does not, and says so', 0, 'SESSION_LOST'],
  ])('that takes longer than five seconds %s', async (_, grace, expected) => {
    const { session, idp, clock, vault, disk, unlock } = await signedIn();
    idp.grace = seconds(grace);
    await clock.advance(minutes(29));
    const arrive = slowly(idp);
    const waiting = outcome(session.subjectToken({ life: minutes(31) }));
    await clock.advance(0);
    const locking = session.lock();
    await clock.advance(seconds(5));
    await locking;
    await vault.lock();
    arrive();
    await clock.advance(0);
    expect(await waiting).toBe('LOCKED');
    expect(idp.revoked).toEqual([]);
    expect(disk.json('rotation-acme')).toMatchObject({ generation: 1, attempts: 1 });
    await unlock();
    expect(await outcome(session.subjectToken(noNeeds))).toBe(expected);
  });
});

describe('a vault that nothing but the keychain seals', () => {
  it('has forgotten the session: only a fresh sign-in brings it back, and the same person goes on', async () => {
    const { start, disk } = setting();
    const vault = disk.vault();
    const { session, ends } = start({ vault });
    await session.signIn(signInOptions);
    await session.lock();
    await vault.lock();
    expect(disk.json('session-acme')).toBeNull();
    expect(session.view()).toMatchObject({ phase: 'locked', identity: { subject: alice.subject }, survivesRestart: false });
    await vault.reopen();
    await session.signIn(signInOptions);
    expect(session.view().phase).toBe('signed-in');
    expect(ends).toEqual([]);
  });

  it('opened without a sign-in has nobody signed in', async () => {
    const { start, disk } = setting();
    const vault = disk.vault();
    const { session } = start({ vault });
    await session.signIn(signInOptions);
    await session.lock();
    await vault.lock();
    await vault.reopen();
    await session.resume();
    expect(session.view()).toMatchObject({ phase: 'signed-out', identity: null });
  });
});

describe('a sign-in over a locked session', () => {
  it('by somebody else ends what belonged to the first', async () => {
    const { session, lock, vault, idp, ends, audit } = await signedIn();
    await lock();
    await vault.startOver();
    idp.identity = bob;
    await session.signIn(signInOptions);
    expect(ends).toEqual(['replaced']);
    expect(audit.of('session.ended')).toMatchObject([{ why: 'replaced', subject: alice.subject, refreshToken: 'none' }]);
    expect(session.view().identity?.subject).toBe(bob.subject);
  });

  it('is not kept in memory while the vault is locked: it fails, and its token is given back', async () => {
    const { session, lock, idp } = await signedIn();
    await lock();
    expect(await outcome(session.signIn(signInOptions))).toBe('VAULT_SEALED locked');
    expect(session.view().phase).toBe('locked');
    expect(idp.revoked).toHaveLength(1);
  });

  it('over a vault that a passphrase seals asks for the passphrase', async () => {
    const { start, disk } = setting();
    disk.sealing = 'passphrase';
    const { session } = start();
    expect(await outcome(session.signIn(signInOptions))).toBe('PASSPHRASE_NEEDED locked');
  });

  it('opens the vault first, where somebody does that for it', async () => {
    const { idp, clock, audit, disk } = setting();
    const vault = disk.vault();
    await vault.lock();
    const session = createSession({
      ...{ idp, vault, clock, audit, random: randomBytes },
      profile: profileWith(),
      log: () => undefined,
      beforeKeeping: () => vault.reopen(),
    });
    await session.resume();
    expect((await session.signIn(signInOptions)).phase).toBe('signed-in');
    expect(disk.json('session-acme')).not.toBeNull();
  });

  it('that was waiting when the lock came is cancelled, whatever it brings', async () => {
    const { idp, clock, audit, disk } = setting();
    const vault = disk.vault();
    let kept: () => void = () => undefined;
    const session = createSession({
      ...{ idp, vault, clock, audit, random: randomBytes },
      profile: profileWith(),
      log: () => undefined,
      beforeKeeping: () =>
        new Promise<void>((resolve) => {
          kept = resolve;
        }),
    });
    const signingIn = outcome(session.signIn(signInOptions));
    await clock.advance(0);
    await session.lock();
    kept();
    expect(await signingIn).toBe('LOGIN_CANCELLED');
    expect(session.view()).toMatchObject({ phase: 'locked', identity: null });
  });
});

it('a lock that comes while the stored session is being read is not undone by it', async () => {
  const { start, disk } = setting();
  const vault = disk.vault();
  const first = start({ vault });
  await first.session.signIn(signInOptions);
  first.kill();
  disk.sealing = 'key';
  const next = start({ vault });
  const resuming = next.session.resume();
  const locking = next.session.lock();
  await Promise.all([resuming, locking]);
  expect(next.session.view().phase).toBe('locked');
  expect(await outcome(next.session.subjectToken(noNeeds))).toBe('LOCKED');
});
