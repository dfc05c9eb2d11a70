/** What is sent, when it is on the disk, and what is never sent again. Crashes: crash-points.test.ts. */
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../main/app-error.ts';
import { createRotation } from '../../../main/session/rotation.ts';
import { createSessionStore } from '../../../main/session/stored-session.ts';
import { minutes, ms, seconds } from '../../../main/units.ts';
import { noNeeds, outcome, setting, signInOptions } from './setting.ts';

const signedIn = async () => {
  const all = setting();
  const life = all.start();
  await life.session.signIn(signInOptions);
  life.steps.length = 0;
  all.disk.calls.length = 0;
  return { ...all, ...life };
};
const halfLife = minutes(30);

it('writes the intent, sends, writes the new token, and only then uses it and erases the intent', async () => {
  const { clock, steps, disk, idp } = await signedIn();
  await clock.advance(halfLife);
  expect(steps).toEqual(['intent-written', 'request-sent', 'answer-received', 'token-tmp-written', 'token-renamed', 'intent-erased']);
  expect(disk.calls).toEqual(['seal rotation-acme', 'seal session-acme', 'erase rotation-acme']);
  expect(disk.json('session-acme')).toMatchObject({ generation: 2, refreshToken: idp.live()[0] });
});

it('has the intent on the disk when the request arrives, and the new token when a caller gets the new JWT', async () => {
  const { session, clock, disk, idp } = await signedIn();
  const atArrival: unknown[] = [];
  const { refresh } = idp;
  idp.refresh = (...parts) => {
    atArrival.push(disk.json('rotation-acme'));
    return refresh(...parts);
  };
  clock.sleepThrough(minutes(61));
  await session.subjectToken(noNeeds);
  expect(atArrival).toMatchObject([{ generation: 1, attempts: 1 }]);
  expect(disk.json('session-acme')).toMatchObject({ generation: 2 });
  expect(disk.json('rotation-acme')).toBeNull();
});

it('goes on with the same token where the provider does not rotate it', async () => {
  const { clock, idp, disk } = await signedIn();
  idp.rotates = false;
  await clock.advance(minutes(95));
  expect(new Set(idp.refreshes.map(({ token }) => token)).size).toBe(1);
  expect(disk.json('session-acme')).toMatchObject({ generation: 4 });
});

describe('a request that did not count', () => {
  it.each(['unsent', 'answered'] as const)('(%s) leaves no intent behind and may be repeated for ever', async (fault) => {
    const { session, clock, idp, disk, kill, start } = await signedIn();
    idp.outage = fault;
    await clock.advance(minutes(120));
    expect(session.view()).toMatchObject({ phase: 'signed-in', renewalProblem: { code: 'ISSUER_UNREACHABLE', reason: fault } });
    expect(disk.json('rotation-acme')).toBeNull();
    kill();
    const { session: next } = start();
    await next.resume();
    idp.outage = null;
    await clock.advance(minutes(1));
    expect(await outcome(next.subjectToken(noNeeds))).toBe('fine');
  });

  it('because what stands in between did not let it out says so, and may be repeated for ever', async () => {
    const { session, clock, idp, disk } = await signedIn();
    const { refresh } = idp;
    idp.refresh = () => Promise.reject(new AppError('PROXY_REFUSED', { reason: 'login' }));
    await clock.advance(minutes(120));
    expect(session.view()).toMatchObject({ phase: 'signed-in', renewalProblem: { code: 'PROXY_REFUSED', reason: 'login' } });
    expect(disk.json('rotation-acme')).toBeNull();
    idp.refresh = refresh;
    await clock.advance(minutes(1));
    expect(await outcome(session.subjectToken(noNeeds))).toBe('fine');
  });

  it('puts the intent of an unknown outcome back to one, so that the replay is still to come', async () => {
    const { session, clock, idp, disk } = await signedIn();
    idp.grace = minutes(10);
    idp.fail('lost-answer', 'unsent', 'answered', 'unsent');
    await clock.advance(halfLife);
    expect(disk.json('rotation-acme')).toMatchObject({ generation: 1, attempts: 1 });
    await clock.advance(seconds(30));
    expect(disk.json('rotation-acme')).toMatchObject({ attempts: 1 });
    await clock.advance(minutes(2));
    expect(disk.json('rotation-acme')).toBeNull();
    expect(session.view()).toMatchObject({ phase: 'signed-in', renewalProblem: null });
  });
});

describe('a request whose outcome nobody knows', () => {
  it.each(['lost-request', 'lost-answer', 'hang-answer', 'bug'] as const)(
    '(%s) is followed by one replay, which a grace period forgives',
    async (fault) => {
      const { session, clock, idp } = await signedIn();
      idp.grace = seconds(30);
      idp.fail(fault);
      await clock.advance(halfLife + seconds(25));
      expect(idp.refreshes.length).toBe(2);
      expect(idp.refreshes[0]?.token).toBe(idp.refreshes[1]?.token);
      expect(session.view()).toMatchObject({ phase: 'signed-in', renewalProblem: null });
      expect(await outcome(session.subjectToken({ life: minutes(55) }))).toBe('fine');
    },
  );

  it('ends the session as lost when the provider refuses the replay', async () => {
    const { session, clock, idp, disk, ends, audit } = await signedIn();
    idp.fail('lost-answer');
    await clock.advance(halfLife + seconds(15));
    expect(session.view()).toMatchObject({ phase: 'ended', lastFailure: { code: 'SESSION_LOST' } });
    expect(ends).toEqual(['lost']);
    expect(disk.records.size).toBe(0);
    await clock.advance(minutes(120));
    expect(idp.refreshes).toHaveLength(2);
    expect(audit.of('session.ended')).toMatchObject([{ why: 'lost', code: 'SESSION_LOST', refreshToken: 'not-sent-again' }]);
    expect(await outcome(session.subjectToken(noNeeds))).toBe('SESSION_LOST');
  });

  it('twice means that the token is never sent again; the JWT at hand is served to its end, then the session is lost', async () => {
    const { session, clock, idp, ends, disk } = await signedIn();
    idp.grace = minutes(100);
    idp.fail('lost-request', 'lost-request');
    await clock.advance(minutes(50));
    expect(idp.refreshes).toHaveLength(2);
    expect(session.view()).toMatchObject({ phase: 'signed-in', renewable: false, renewalProblem: { code: 'SESSION_LOST' } });
    expect(await outcome(session.subjectToken({ life: minutes(5) }))).toBe('fine');
    expect(await outcome(session.subjectToken({ life: minutes(15) }))).toBe('SESSION_LOST');
    await clock.advance(minutes(10));
    expect(session.view()).toMatchObject({ phase: 'ended', lastFailure: { code: 'SESSION_LOST' } });
    expect(ends).toEqual(['lost']);
    expect(disk.records.size).toBe(0);
    expect(idp.refreshes).toHaveLength(2);
  });

  it('twice, and a restart: the disk knows that the token must not be sent', async () => {
    const { clock, idp, kill, start, disk } = await signedIn();
    idp.grace = minutes(100);
    idp.fail('lost-request', 'lost-request');
    await clock.advance(minutes(40));
    kill();
    const { session: next, ends } = start();
    await next.resume();
    expect(next.view()).toMatchObject({ phase: 'ended', lastFailure: { code: 'SESSION_LOST' } });
    await clock.advance(minutes(60));
    expect(ends).toEqual(['lost']);
    expect(idp.refreshes).toHaveLength(2);
    expect(disk.records.size).toBe(0);
  });

  it('keeps the short pause before the replay even for callers without a JWT', async () => {
    const { session, clock, idp } = await signedIn();
    idp.grace = seconds(30);
    clock.sleepThrough(minutes(61));
    idp.fail('lost-answer');
    expect(await outcome(session.subjectToken(noNeeds))).toBe('ISSUER_UNREACHABLE sent');
    expect(await outcome(session.subjectToken(noNeeds))).toBe('ISSUER_UNREACHABLE sent');
    expect(idp.refreshes).toHaveLength(1);
    await clock.advance(seconds(2));
    expect(await outcome(session.subjectToken(noNeeds))).toBe('fine');
    expect(idp.refreshes).toHaveLength(2);
  });
});

describe('a provider that says no', () => {
  it('ends the session at once as refused; its token is not sent again, not even to be revoked', async () => {
    const { session, clock, idp, ends, disk } = await signedIn();
    idp.fail('refused');
    await clock.advance(halfLife);
    expect(session.view()).toMatchObject({ phase: 'ended', lastFailure: { code: 'SESSION_REFUSED', reason: 'invalid_grant' } });
    expect(ends).toEqual(['refused']);
    expect(disk.records.size).toBe(0);
    await clock.advance(minutes(60));
    expect(idp.refreshes).toHaveLength(1);
    expect(idp.revoked).toEqual([]);
    expect(await outcome(session.subjectToken(noNeeds))).toBe('SESSION_REFUSED invalid_grant');
  });

  it.each([
    ['id-token', 'ID_TOKEN_REJECTED'],
    ['clock', 'CLOCK_SKEW'],
  ] as const)(
    'or answers with a token that fails our checks (%s) ends it with that code, the old token being spent',
    async (fault, code) => {
      const { session, clock, idp, disk } = await signedIn();
      idp.grace = minutes(60);
      idp.fail(fault);
      await clock.advance(minutes(60));
      expect(session.view()).toMatchObject({ phase: 'ended', lastFailure: { code } });
      expect(disk.records.size).toBe(0);
      expect(idp.refreshes).toHaveLength(1);
    },
  );
});

it('never sends a token whose intent says that it left twice, whoever asks for it', async () => {
  const { disk, idp, clock, kill } = await signedIn();
  kill();
  const { id, generation } = disk.json('session-acme') as { id: string; generation: number };
  disk.records.set('rotation-acme', Buffer.from(JSON.stringify({ version: 1, id, generation, attempts: 2 })));
  const store = createSessionStore(disk.vault(), 'acme');
  const rotation = createRotation({ store, idp, clock, log: () => undefined, steps: () => undefined });
  const stored = await store.session();
  if (stored === null) throw new Error('the session is stored');
  expect(await rotation.recall(stored)).toBe('spent');
  expect(await rotation.rotate(stored, () => true)).toMatchObject({ kind: 'spent', error: { code: 'SESSION_LOST' } });
  expect(idp.refreshes).toEqual([]);
});

describe('a full disk', () => {
  it('before the request: it is not sent, the JWT goes on being served, and the problem is shown until there is room', async () => {
    const { session, clock, idp, disk } = await signedIn();
    disk.full();
    await clock.advance(minutes(50));
    expect(idp.refreshes).toEqual([]);
    expect(session.view()).toMatchObject({ phase: 'signed-in', renewalProblem: { code: 'DISK_FULL' } });
    expect(await outcome(session.subjectToken({ life: minutes(5) }))).toBe('fine');
    expect(await outcome(session.subjectToken({ life: minutes(15) }))).toBe('DISK_FULL ENOSPC');
    disk.mend();
    await clock.advance(seconds(60));
    expect(idp.refreshes).toHaveLength(1);
    expect(session.view().renewalProblem).toBeNull();
  });

  it('after the answer: the new token lives in memory, is used, and is written as soon as there is room', async () => {
    const { session, clock, idp, disk } = await signedIn();
    disk.full('session-');
    await clock.advance(halfLife);
    expect(session.view()).toMatchObject({ phase: 'signed-in', renewalProblem: { code: 'DISK_FULL' } });
    expect(await outcome(session.subjectToken({ life: minutes(55) }))).toBe('fine');
    expect(disk.json('session-acme')).toMatchObject({ generation: 1 });
    expect(disk.json('rotation-acme')).toMatchObject({ generation: 1, attempts: 1 });
    disk.mend();
    await clock.advance(seconds(5));
    expect(disk.json('session-acme')).toMatchObject({ generation: 2, refreshToken: idp.live()[0] });
    expect(disk.json('rotation-acme')).toBeNull();
    expect(session.view().renewalProblem).toBeNull();
  });

  it('that stays full: the token in memory is not spent before it has been written', async () => {
    const { session, clock, idp, disk } = await signedIn();
    disk.full('session-');
    await clock.advance(minutes(70));
    expect(idp.refreshes).toHaveLength(1);
    expect(session.view()).toMatchObject({ phase: 'signed-in', renewalProblem: { code: 'DISK_FULL' } });
    disk.mend();
    await clock.advance(minutes(1));
    expect(idp.refreshes).toHaveLength(2);
    expect(session.view().renewalProblem).toBeNull();
  });

  it('that takes no intent for the replay: the replay is not sent', async () => {
    const { clock, idp, disk } = await signedIn();
    idp.fail('lost-answer');
    await clock.advance(halfLife);
    disk.full('rotation-');
    await clock.advance(minutes(5));
    expect(idp.refreshes).toHaveLength(1);
  });
});

describe('a session that ends while its renewal is under way', () => {
  it('stays ended, leaves nothing in the vault, and the token that still arrives is revoked', async () => {
    const { session, clock, idp, disk } = await signedIn();
    clock.sleepThrough(minutes(61));
    const answer = Promise.withResolvers<void>();
    const { refresh } = idp;
    idp.refresh = async (...parts) => {
      const answered = await refresh(...parts);
      await answer.promise;
      return answered;
    };
    const waiting = outcome(session.subjectToken(noNeeds));
    await clock.advance(0);
    const signOut = session.signOut('signed-out');
    await clock.advance(seconds(6));
    expect((await signOut).refreshToken).toBe('revoked');
    answer.resolve();
    expect(await waiting).toBe('SIGNED_OUT');
    await clock.advance(0);
    expect(idp.live()).toEqual([]);
    expect(idp.revoked).toHaveLength(2);
    expect(disk.records.size).toBe(0);
    expect(session.view().phase).toBe('signed-out');
  });

  it('is waited for by close(), so that the new token is on the disk', async () => {
    const { session, clock, idp, disk } = await signedIn();
    const { refresh } = idp;
    idp.refresh = async (...parts) => {
      const answered = await refresh(...parts);
      await new Promise<void>((resolve) => void clock.after(ms(500), resolve));
      return answered;
    };
    await clock.advance(halfLife);
    const closing = session.close();
    await clock.advance(500);
    await closing;
    expect(disk.json('session-acme')).toMatchObject({ generation: 2 });
    expect(clock.pending).toBe(0);
  });
});
