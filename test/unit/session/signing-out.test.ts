import { describe, expect, it } from 'vitest';
import { minutes, seconds } from '../../../main/units.ts';
import { signOutReportSchema } from '../../../preload/contract/session.ts';
import { noNeeds, outcome, setting, signInOptions } from './setting.ts';

const signedIn = async () => {
  const all = setting();
  const life = all.start();
  await life.session.signIn(signInOptions);
  return { ...all, ...life };
};

describe('a sign-out', () => {
  it('revokes, sweeps the vault, tells who listens, and says so', async () => {
    const { session, idp, disk, ends, audit } = await signedIn();
    const report = await session.signOut('signed-out');
    expect(signOutReportSchema.parse(report)).toEqual(report);
    expect(report).toEqual({
      profile: 'acme',
      why: 'signed-out',
      sessionEnded: true,
      refreshToken: 'revoked',
      detail: 'It is revoked.',
      vault: 'erased',
      problem: null,
    });
    expect(idp.live()).toEqual([]);
    expect(disk.records.size).toBe(0);
    expect(ends).toEqual(['signed-out']);
    expect(session.view()).toMatchObject({ phase: 'signed-out', identity: null, assurance: null, lastFailure: null });
    expect(await outcome(session.subjectToken(noNeeds))).toBe('SIGNED_OUT');
    expect(audit.of('session.ended')).toEqual([
      { type: 'session.ended', profile: 'acme', subject: 'sub-alice', why: 'signed-out', refreshToken: 'revoked' },
    ]);
  });

  it.each(['failed', 'not-supported'] as const)(
    'says it when the token was not revoked (%s), and ends all the same',
    async (revocation) => {
      const { session, idp, disk } = await signedIn();
      idp.revocation = revocation;
      expect(await session.signOut('signed-out')).toMatchObject({ refreshToken: revocation, vault: 'erased' });
      expect(disk.records.size).toBe(0);
    },
  );

  it('is over after five seconds with a provider that hangs, and serves nobody meanwhile', async () => {
    const { session, idp, clock } = await signedIn();
    idp.revocation = 'hang';
    const leaving = session.signOut('signed-out');
    expect(await outcome(session.subjectToken(noNeeds))).toBe('SIGNED_OUT');
    await clock.advance(seconds(5));
    expect(await leaving).toMatchObject({ refreshToken: 'failed', vault: 'erased' });
  });

  it('sweeps the vault before the provider is asked: a crash in between brings no session back', async () => {
    const { session, idp, clock, kill, start } = await signedIn();
    idp.revocation = 'hang';
    void session.signOut('signed-out');
    await clock.advance(0);
    kill();
    const { session: next } = start();
    await next.resume();
    expect(next.view().phase).toBe('signed-out');
  });

  it('says it when the vault could not be swept, and still revokes', async () => {
    const { session, idp, disk } = await signedIn();
    disk.full();
    expect(await session.signOut('signed-out')).toMatchObject({ refreshToken: 'revoked', vault: 'failed', problem: { code: 'DISK_FULL' } });
    expect(idp.live()).toEqual([]);
  });

  it('with nobody signed in sweeps the vault and says that there was nobody', async () => {
    const { start, disk, audit } = setting();
    disk.records.set('rotation-acme', Buffer.from('{}'));
    expect(await start().session.signOut('reset')).toMatchObject({
      why: 'reset',
      sessionEnded: false,
      refreshToken: 'none',
      vault: 'erased',
    });
    expect(disk.records.size).toBe(0);
    expect(audit.events).toEqual([]);
  });

  it('revokes the newest token when a renewal was under way', async () => {
    const { session, idp, clock } = await signedIn();
    clock.sleepThrough(minutes(61));
    const waiting = outcome(session.subjectToken(noNeeds));
    const report = await session.signOut('signed-out');
    expect(report.refreshToken).toBe('revoked');
    expect(idp.live()).toEqual([]);
    expect(await waiting).toBe('SIGNED_OUT');
  });

  it('cancels a sign-in that waits', async () => {
    const { session, idp } = await signedIn();
    idp.signInFails = 'waits';
    const waiting = outcome(session.signIn(signInOptions));
    await session.signOut('signed-out');
    expect(await waiting).toBe('LOGIN_CANCELLED');
    expect(session.view()).toMatchObject({ phase: 'signed-out', signInWaiting: false });
  });

  it('can be followed by a new sign-in', async () => {
    const { session } = await signedIn();
    await session.signOut('signed-out');
    expect(await session.signIn(signInOptions)).toMatchObject({ phase: 'signed-in' });
  });
});
