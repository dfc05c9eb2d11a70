import { describe, expect, it } from 'vitest';
import { minutes, seconds } from '../../../main/units.ts';
import { noNeeds, outcome, profileWith, setting, signInOptions } from './setting.ts';

const stopped = async () => {
  const all = setting();
  const life = all.start();
  await life.session.signIn(signInOptions);
  life.kill();
  return all;
};

describe('a restart', () => {
  it('resumes the session with the identity and assurance of its sign-in, and renews it at once', async () => {
    const { start, clock, idp, audit } = await stopped();
    await clock.advance(minutes(10));
    const { session } = start();
    await session.resume();
    expect(session.view()).toMatchObject({
      phase: 'signed-in',
      identity: { subject: 'sub-alice' },
      assurance: { level: 'phr' },
      lastFailure: null,
    });
    expect(await outcome(session.subjectToken(noNeeds))).toBe('fine');
    expect(idp.refreshes).toHaveLength(1);
    expect(audit.of('session.resumed')).toEqual([{ type: 'session.resumed', profile: 'acme', subject: 'sub-alice' }]);
  });

  it('resumes a session that was stored before there were claims for policy', async () => {
    const { start, disk } = await stopped();
    const stored = disk.json('session-acme') ?? {};
    const { claims: _, ...identity } = stored['identity'] as Record<string, unknown>;
    disk.records.set('session-acme', Buffer.from(JSON.stringify({ ...stored, identity })));
    const { session } = start();
    await session.resume();
    expect([session.view().phase, session.claims()]).toEqual(['signed-in', {}]);
  });

  it('does not wait for a provider that hangs', async () => {
    const { start, idp } = await stopped();
    idp.outage = 'hang-request';
    const { session } = start();
    await session.resume();
    expect(session.view().phase).toBe('signed-in');
  });

  it('means signed out with the memory vault', async () => {
    const { start } = setting();
    const { session, kill } = start({ kind: 'memory' });
    expect(await session.signIn(signInOptions)).toMatchObject({ phase: 'signed-in', survivesRestart: false });
    kill();
  });

  it('with nothing stored is signed out, without a failure and without a timer', async () => {
    const { start, clock } = setting();
    const { session } = start();
    await session.resume();
    expect(session.view()).toMatchObject({ phase: 'signed-out', lastFailure: null });
    expect(clock.pending).toBe(0);
  });

  it('does not send the token of another provider: the profile names a new one, and the record is left alone', async () => {
    for (const profile of [profileWith({}, { issuer: 'https://other.example' }), profileWith({}, { clientId: 'other' })]) {
      const { start, idp, clock, disk } = await stopped();
      const { session } = start({ profile });
      await session.resume();
      await clock.advance(minutes(5));
      expect(session.view()).toMatchObject({ phase: 'signed-out', lastFailure: { code: 'SIGNED_OUT', reason: 'issuer-changed' } });
      expect(idp.refreshes).toEqual([]);
      expect(disk.records.has('session-acme')).toBe(true);
    }
  });

  it('sweeps an intent that has lost its session', async () => {
    const { start, disk } = setting();
    disk.records.set('rotation-acme', Buffer.from(JSON.stringify({ version: 1, id: 'x', generation: 1, attempts: 1 })));
    await start().session.resume();
    expect(disk.records.size).toBe(0);
  });

  it.each([
    ['of an older generation', { generation: 0 }],
    ['of another session', { id: 'other', attempts: 2 }],
  ])('ignores an intent %s: the newer token on the disk is adopted', async (_, change) => {
    const { start, disk, idp, clock } = await stopped();
    const { id, generation } = disk.json('session-acme') as { id: string; generation: number };
    disk.records.set('rotation-acme', Buffer.from(JSON.stringify({ version: 1, id, generation, attempts: 2, ...change })));
    const { session } = start();
    await session.resume();
    await clock.advance(0);
    expect(await outcome(session.subjectToken(noNeeds))).toBe('fine');
    expect(idp.refreshes).toHaveLength(1);
    expect(disk.json('rotation-acme')).toBeNull();
  });
});

describe('a vault that was spoilt', () => {
  it('means signed out, said as VAULT_CORRUPT, with the file set aside', async () => {
    const { start, disk, idp, clock } = await stopped();
    disk.spoil('session-acme');
    const { session } = start();
    await session.resume();
    await clock.advance(minutes(1));
    expect(session.view()).toMatchObject({ phase: 'signed-out', lastFailure: { code: 'VAULT_CORRUPT' } });
    expect(disk.aside).toEqual(['session-acme']);
    expect(idp.refreshes).toEqual([]);
    expect(await outcome(session.subjectToken(noNeeds))).toBe('SIGNED_OUT');
    expect((await session.signIn(signInOptions)).phase).toBe('signed-in');
  });

  it('in its intent means the same, now and at every later start: it may have said that the token was sent twice', async () => {
    const { start, disk, idp, clock } = await stopped();
    disk.records.set('rotation-acme', Buffer.from('x'));
    disk.spoil('rotation-acme');
    const first = start();
    await first.session.resume();
    expect(first.session.view()).toMatchObject({ phase: 'signed-out', lastFailure: { code: 'VAULT_CORRUPT' } });
    first.kill();
    const second = start();
    await second.session.resume();
    await clock.advance(minutes(5));
    expect(second.session.view().phase).toBe('signed-out');
    expect(idp.refreshes).toEqual([]);
    expect(disk.aside.sort()).toEqual(['rotation-acme', 'session-acme']);
  });

  it.each([
    ['not JSON', 'not json'],
    ['of a later version', JSON.stringify({ version: 2 })],
    ['without a token', JSON.stringify({ version: 1, id: 'x', generation: 1 })],
  ])('or a record that opens and is %s is set aside too', async (_, content) => {
    const { start, disk } = setting();
    disk.records.set('session-acme', Buffer.from(content));
    const { session } = start();
    await session.resume();
    expect(session.view()).toMatchObject({ phase: 'signed-out', lastFailure: { code: 'VAULT_CORRUPT' } });
    expect(disk.aside).toEqual(['session-acme']);
  });

  it('in its note of the last use only makes the idle limit come sooner', async () => {
    const { start, disk } = await stopped();
    disk.records.set('activity-acme', Buffer.from('x'));
    disk.spoil('activity-acme');
    const { session } = start();
    await session.resume();
    expect(session.view().phase).toBe('signed-in');
  });
});

it('a clock that was ahead when the session began does not make it longer after a restart', async () => {
  const { start, clock } = await stopped();
  clock.set(clock.now() - minutes(600));
  const { session } = start();
  await session.resume();
  expect(session.view()).toMatchObject({ phase: 'signed-in', endsAt: new Date(clock.now() + minutes(24 * 60)).toISOString() });
});

it('callers that come right after a restart share the one renewal it began', async () => {
  const { start, idp } = await stopped();
  const { session } = start();
  await session.resume();
  await Promise.all(Array.from({ length: 100 }, () => session.subjectToken({ life: seconds(1) })));
  expect(idp.refreshes).toHaveLength(1);
});
