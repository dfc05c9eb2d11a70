import { describe, expect, it } from 'vitest';
import { hours, minutes } from '../../../main/units.ts';
import { noNeeds, outcome, profileWith, setting, signInOptions } from './setting.ts';

const profile = profileWith({ session: '8 h', idle: '2 h' });
const signedIn = async () => {
  const all = setting();
  const life = all.start({ profile });
  await life.session.signIn(signInOptions);
  return { ...all, ...life, restart: () => all.start({ profile }) };
};

describe('the absolute limit', () => {
  it('ends a session that is in use, revokes its token and sweeps the vault', async () => {
    const { session, clock, ends, idp, disk, audit } = await signedIn();
    for (let hour = 0; hour < 7; hour += 1) {
      await clock.advance(hours(1));
      session.touch();
    }
    expect(session.view().phase).toBe('signed-in');
    await clock.advance(hours(1));
    expect(session.view()).toMatchObject({ phase: 'ended', identity: null, lastFailure: { code: 'SESSION_EXPIRED', reason: 'limit' } });
    expect(ends).toEqual(['expired']);
    expect(idp.live()).toEqual([]);
    expect(disk.records.size).toBe(0);
    expect(audit.of('session.ended')).toMatchObject([{ why: 'expired', code: 'SESSION_EXPIRED', refreshToken: 'revoked' }]);
    expect(await outcome(session.subjectToken(noNeeds))).toBe('SESSION_EXPIRED limit');
  });

  it('holds at the first use after a sleep that ran past it, and no request is made', async () => {
    const { session, clock, idp } = await signedIn();
    clock.sleepThrough(hours(9));
    expect(await outcome(session.subjectToken(noNeeds))).toBe('SESSION_EXPIRED limit');
    expect(idp.refreshes).toEqual([]);
  });

  it('is not moved by a wall clock that is turned back', async () => {
    const { session, clock } = await signedIn();
    for (let half = 0; half < 8; half += 1) {
      await clock.advance(hours(1));
      clock.set(clock.now() - hours(1));
      session.touch();
    }
    expect(session.view()).toMatchObject({ phase: 'ended', lastFailure: { reason: 'limit' } });
  });

  it('holds over a restart', async () => {
    const { session, clock, kill, restart, idp } = await signedIn();
    for (let hour = 0; hour < 7; hour += 1) {
      await clock.advance(hours(1));
      session.touch();
    }
    kill();
    clock.sleepThrough(hours(1));
    const { session: next } = restart();
    await next.resume();
    await clock.advance(0);
    expect(next.view()).toMatchObject({ phase: 'ended', lastFailure: { code: 'SESSION_EXPIRED', reason: 'limit' } });
    expect(idp.live()).toEqual([]);
  });
});

describe('the idle limit', () => {
  it('ends a session for which no token was asked, renewals notwithstanding', async () => {
    const { session, clock, ends, endedBy, idp } = await signedIn();
    await clock.advance(hours(2));
    expect(idp.refreshes.length).toBeGreaterThan(2);
    expect(session.view()).toMatchObject({ phase: 'ended', lastFailure: { code: 'SESSION_EXPIRED', reason: 'idle' } });
    expect({ ends, endedBy }).toEqual({ ends: ['idle'], endedBy: ['SESSION_EXPIRED'] });
  });

  it('starts anew at each use', async () => {
    const { session, clock } = await signedIn();
    await clock.advance(minutes(119));
    session.touch();
    await clock.advance(minutes(119));
    expect(session.view()).toMatchObject({ phase: 'signed-in', idleEndsAt: new Date(clock.now() + minutes(1)).toISOString() });
  });

  it('is not pushed on by a use that comes too late', async () => {
    const { session, clock } = await signedIn();
    clock.sleepThrough(hours(3));
    session.touch();
    expect(session.view()).toMatchObject({ phase: 'ended', lastFailure: { reason: 'idle' } });
  });

  it('remembers the last use over a restart, and errs towards ending sooner', async () => {
    const { session, clock, kill, restart } = await signedIn();
    await clock.advance(minutes(60));
    session.touch();
    await clock.advance(minutes(2));
    kill();
    clock.sleepThrough(minutes(90));
    const { session: next } = restart();
    await next.resume();
    expect(next.view()).toMatchObject({ phase: 'signed-in', idleEndsAt: new Date(clock.now() + minutes(28)).toISOString() });
    await clock.advance(minutes(28));
    expect(next.view()).toMatchObject({ phase: 'ended', lastFailure: { reason: 'idle' } });
  });

  it('is not begun anew by a restart', async () => {
    const { clock, kill, restart } = await signedIn();
    await clock.advance(minutes(110));
    kill();
    const { session: next } = restart();
    await next.resume();
    await clock.advance(minutes(10));
    expect(next.view()).toMatchObject({ phase: 'ended', lastFailure: { reason: 'idle' } });
  });
});

it('leaves no timer behind once it is over or closed', async () => {
  const { session, clock } = await signedIn();
  await session.signOut('signed-out');
  expect(clock.pending).toBe(0);
  const again = await signedIn();
  expect(again.clock.pending).toBe(1);
  await again.session.close();
  expect(again.clock.pending).toBe(0);
});
