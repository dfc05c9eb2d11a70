import { describe, expect, it } from 'vitest';
import { minutes, ms, seconds } from '../../../main/units.ts';
import { noNeeds, outcome, profileWith, setting, signInOptions } from './setting.ts';

const signedIn = async (options: Parameters<ReturnType<typeof setting>['start']>[0] = {}) => {
  const all = setting();
  const life = all.start(options);
  await life.session.signIn(signInOptions);
  return { ...all, ...life };
};
/** The timer would renew at half life; a machine that was asleep meets its callers first. */
const asleep = minutes(45);

describe('a token is served', () => {
  it('from memory while more than half its life remains', async () => {
    const { session, clock, idp } = await signedIn();
    const first = await session.subjectToken(noNeeds);
    await clock.advance(minutes(29));
    expect(await session.subjectToken({ life: minutes(20) })).toBe(first);
    expect(idp.refreshes).toHaveLength(0);
  });

  it('anew when less than what is needed remains, though it is young', async () => {
    const { session, clock, idp } = await signedIn();
    await clock.advance(minutes(20));
    const token = await session.subjectToken({ life: minutes(50) });
    expect(token.expiresAt - clock.now()).toBe(idp.ttl);
    expect(idp.refreshes).toHaveLength(1);
  });

  it('to a thousand callers who need a new one with a single request', async () => {
    const { session, clock, idp } = await signedIn();
    clock.sleepThrough(minutes(61));
    const tokens = await Promise.all(Array.from({ length: 1000 }, () => session.subjectToken(noNeeds)));
    expect(new Set(tokens.map(({ jwt }) => jwt.reveal())).size).toBe(1);
    expect(tokens[0]?.expiresAt).toBe(clock.now() + idp.ttl);
    expect(idp.refreshes).toHaveLength(1);
  });

  it('never where nobody is signed in', async () => {
    const { start } = setting();
    expect(await outcome(start().session.subjectToken(noNeeds))).toBe('SIGNED_OUT');
  });

  it('never where the provider makes none that lasts as long as needed, and it is not asked again for each caller', async () => {
    const { session, clock, idp } = await signedIn();
    clock.sleepThrough(asleep);
    for (let n = 0; n < 5; n += 1) expect(await outcome(session.subjectToken({ life: minutes(61) }))).toBe('TOKEN_TOO_SHORT subject-token');
    expect(idp.refreshes).toHaveLength(1);
  });
});

describe('renewal', () => {
  it('happens by itself at half life, all day, one request each', async () => {
    const { session, clock, idp } = await signedIn();
    await clock.advance(minutes(30) - 1);
    expect(idp.refreshes).toHaveLength(0);
    await clock.advance(1);
    expect(idp.refreshes).toHaveLength(1);
    await clock.advance(minutes(30 * 9));
    expect(idp.refreshes).toHaveLength(10);
    expect(new Set(idp.refreshes.map(({ token }) => token)).size).toBe(10);
    expect(session.view()).toMatchObject({ phase: 'signed-in', renewedAt: new Date(clock.now()).toISOString() });
  });

  it('keeps up with tokens of 20 seconds', async () => {
    const all = setting();
    all.idp.ttl = seconds(20);
    const { session } = all.start();
    await session.signIn(signInOptions);
    for (let second = 0; second < 60; second += 1) {
      await all.clock.advance(1_000);
      expect(await outcome(session.subjectToken({ life: seconds(5) }))).toBe('fine');
    }
    expect(all.idp.refreshes.length).toBeLessThanOrEqual(6);
  });

  it('happens at the first use after a long sleep, by the wall clock', async () => {
    const { session, clock, idp } = await signedIn();
    clock.sleepThrough(minutes(300));
    const token = await session.subjectToken(noNeeds);
    expect(token.expiresAt).toBe(clock.now() + idp.ttl);
  });

  it('happens within a minute after a wake though nobody asks', async () => {
    const { clock, idp } = await signedIn();
    clock.sleepThrough(minutes(300));
    await clock.advance(60_000);
    expect(idp.refreshes).toHaveLength(1);
  });

  it('does not wait for the rest of a pause from before a sleep', async () => {
    const { session, clock, idp } = await signedIn();
    idp.outage = 'unsent';
    clock.sleepThrough(minutes(61));
    expect(await outcome(session.subjectToken(noNeeds))).toBe('ISSUER_UNREACHABLE unsent');
    idp.outage = null;
    clock.sleepThrough(minutes(5));
    expect(await outcome(session.subjectToken(noNeeds))).toBe('fine');
  });

  it('is not put off by a wall clock that was turned back', async () => {
    const { session, clock, idp } = await signedIn();
    clock.set(clock.now() - minutes(600));
    await clock.advance(minutes(61));
    const token = await session.subjectToken(noNeeds);
    expect(idp.refreshes.length).toBeGreaterThanOrEqual(1);
    expect(token.issuedAt).toBeGreaterThan(clock.now() - minutes(31));
  });

  it('refreshes the claims for policy; nobody signed in has none', async () => {
    const { session, clock, idp } = await signedIn();
    expect(session.claims()).toEqual({});
    idp.identity = { ...idp.identity, claims: { department: 'Risk' } };
    await clock.advance(minutes(30));
    expect(session.claims()).toEqual({ department: 'Risk' });
    await session.signOut('signed-out');
    expect(session.claims()).toEqual({});
  });

  it('refreshes the groups and leaves the assurance of the sign-in as it was', async () => {
    const { session, clock, idp } = await signedIn();
    const { assurance } = session.view();
    idp.identity = { ...idp.identity, groups: ['data', 'admins'] };
    idp.assurance = { ...idp.assurance, level: 'unknown', acr: null };
    await clock.advance(minutes(30));
    expect(session.view()).toMatchObject({ identity: { groups: ['data', 'admins'] }, assurance });
  });

  it('is recorded, and timed under the id of its record', async () => {
    const { clock, audit, idp, timed } = await signedIn();
    await clock.advance(minutes(30));
    expect(timed.at(-1)).toMatchObject({ what: 'renewal', requestId: idp.requestIds.at(-1), code: null });
    expect(audit.of('session.renewed')).toEqual([
      {
        type: 'session.renewed',
        profile: 'acme',
        subject: 'sub-alice',
        expiresAt: new Date(clock.now() + idp.ttl).toISOString(),
        requestId: idp.requestIds.at(-1),
      },
    ]);
  });

  it('goes on where the audit log cannot be written, and the view says so', async () => {
    const { session, clock, audit, idp } = await signedIn();
    audit.fail();
    await clock.advance(minutes(30));
    expect(idp.refreshes).toHaveLength(1);
    expect(session.view()).toMatchObject({ phase: 'signed-in', lastFailure: { code: 'AUDIT_UNWRITABLE' } });
  });
});

describe('while the provider is down', () => {
  it('the JWT at hand is served as long as it covers the need, and the problem shown', async () => {
    const { session, clock, idp } = await signedIn();
    const first = await session.subjectToken(noNeeds);
    idp.outage = 'unsent';
    await clock.advance(minutes(50));
    expect(await session.subjectToken({ life: minutes(5) })).toBe(first);
    expect(session.view()).toMatchObject({ phase: 'signed-in', renewalProblem: { code: 'ISSUER_UNREACHABLE' } });
    expect(await outcome(session.subjectToken({ life: minutes(15) }))).toBe('ISSUER_UNREACHABLE unsent');
  });

  it('the session does not end, and is renewed by itself when the provider is back', async () => {
    const { session, clock, idp } = await signedIn();
    idp.outage = 'answered';
    await clock.advance(minutes(120));
    expect(await outcome(session.subjectToken(noNeeds))).toBe('ISSUER_UNREACHABLE answered');
    expect(session.view().phase).toBe('signed-in');
    idp.outage = null;
    await clock.advance(60_000);
    expect(session.view().renewalProblem).toBeNull();
    expect(await outcome(session.subjectToken(noNeeds))).toBe('fine');
  });

  it('whoever shows the session hears when the trouble begins and when it is over', async () => {
    const { session, clock, idp } = await signedIn();
    const seen: (string | null)[] = [];
    session.onChange(() => seen.push(session.view().renewalProblem?.code ?? null));
    idp.outage = 'answered';
    await clock.advance(minutes(31));
    expect(new Set(seen)).toEqual(new Set(['ISSUER_UNREACHABLE']));
    idp.outage = null;
    await clock.advance(minutes(1));
    expect(seen.at(-1)).toBeNull();
  });

  it('it is asked less and less often, a minute apart in the end, and one outage is one audit record', async () => {
    const { clock, idp, audit } = await signedIn();
    idp.outage = 'answered';
    await clock.advance(minutes(30));
    const atFirst = idp.refreshes.length;
    await clock.advance(seconds(60));
    expect(idp.refreshes.length - atFirst).toBeGreaterThanOrEqual(4);
    await clock.advance(minutes(20));
    const before = idp.refreshes.length;
    await clock.advance(minutes(10));
    expect(idp.refreshes.length - before).toBeGreaterThanOrEqual(9);
    expect(idp.refreshes.length - before).toBeLessThanOrEqual(21);
    expect(audit.of('session.renewal-failed')).toHaveLength(1);
  });

  it('many callers do not ask it more often than every two seconds', async () => {
    const { session, clock, idp } = await signedIn();
    idp.outage = 'answered';
    await clock.advance(minutes(90));
    const before = idp.refreshes.length;
    for (let call = 0; call < 200; call += 1) {
      expect(await outcome(session.subjectToken(noNeeds))).toBe('ISSUER_UNREACHABLE answered');
      await clock.advance(50);
    }
    expect(idp.refreshes.length - before).toBeLessThanOrEqual(6);
  });

  it('one that hangs keeps nobody waiting for more than three seconds for whom the JWT at hand would do', async () => {
    const { session, clock, idp } = await signedIn({ profile: profileWith() });
    const first = await session.subjectToken(noNeeds);
    idp.outage = 'hang-request';
    clock.sleepThrough(minutes(40));
    const waiting = session.subjectToken({ life: ms(1) });
    let served = false;
    void waiting.then(() => {
      served = true;
    });
    await clock.advance(2_900);
    expect(served).toBe(false);
    await clock.advance(100);
    expect(await waiting).toBe(first);
    const askedAt = clock.elapsed();
    expect(await session.subjectToken({ life: ms(1) })).toBe(first);
    expect(clock.elapsed()).toBe(askedAt);
  });
});
