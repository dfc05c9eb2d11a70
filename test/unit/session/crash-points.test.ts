/**
 * A process killed at any step of any rotation, once or several times, against providers with and without a grace period.
 * The promise: with a grace period one crash never costs the session; without one it either goes on or ends as SESSION_LOST; and
 * no token is ever sent a third time.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RotationStep } from '../../../main/session/rotation.ts';
import { minutes, seconds } from '../../../main/units.ts';
import { noNeeds, outcome, setting, signInOptions } from './setting.ts';

const steps: RotationStep[] = ['intent-written', 'request-sent', 'answer-received', 'token-tmp-written', 'token-renamed', 'intent-erased'];

/** How often each token left in a request that may have counted. */
const timesSent = (refreshes: readonly { token: string; counted: boolean }[]): number[] => {
  const counts = new Map<string, number>();
  for (const { token, counted } of refreshes) if (counted) counts.set(token, (counts.get(token) ?? 0) + 1);
  return [...counts.values()];
};

describe.each(steps)('a kill at %s', (step) => {
  const killed = async (torn: boolean, grace: number) => {
    const all = setting();
    all.idp.grace = seconds(grace);
    all.disk.tornAtCrash = torn;
    const { session, killedAt } = all.start();
    await session.signIn(signInOptions);
    const death = killedAt(step);
    await all.clock.advance(minutes(30));
    await death;
    await all.clock.advance(seconds(5));
    const next = all.start();
    await next.session.resume();
    return { ...all, next: next.session, served: await outcome(next.session.subjectToken(noNeeds)) };
  };

  it.each([false, true])('costs nothing where the provider forgives a reuse (half-written file torn: %s)', async (torn) => {
    const { next, served, idp, disk } = await killed(torn, 30);
    expect(served).toBe('fine');
    expect(next.view()).toMatchObject({ phase: 'signed-in', renewalProblem: null });
    expect(Math.max(...timesSent(idp.refreshes))).toBeLessThanOrEqual(2);
    expect(disk.json('rotation-acme')).toBeNull();
  });

  it.each([false, true])(
    'where the provider forgives nothing, costs it only if the answer had not reached the disk (torn: %s)',
    async (torn) => {
      const { next, served, idp } = await killed(torn, 0);
      const written = step === 'token-renamed' || step === 'intent-erased' || (step === 'token-tmp-written' && !torn);
      const expected = step === 'intent-written' || written ? 'fine' : 'SESSION_LOST';
      expect(served).toBe(expected);
      expect(next.view().phase).toBe(expected === 'fine' ? 'signed-in' : 'ended');
      expect(Math.max(...timesSent(idp.refreshes))).toBeLessThanOrEqual(2);
    },
  );
});

it('a kill during the replay ends the session: the token has been sent twice', async () => {
  const { start, idp, clock } = setting();
  idp.grace = minutes(10);
  const first = start();
  await first.session.signIn(signInOptions);
  const death = first.killedAt('request-sent');
  await clock.advance(minutes(30));
  await death;
  const second = start();
  const again = second.killedAt('request-sent');
  await second.session.resume();
  await again;
  const third = start();
  await third.session.resume();
  expect(third.session.view()).toMatchObject({ phase: 'ended', lastFailure: { code: 'SESSION_LOST' } });
  await clock.advance(minutes(60));
  expect(timesSent(idp.refreshes)).toEqual([2]);
});

it('whatever the steps, faults and graces of many lives, no token is sent a third time and the disk never disagrees for good', async () => {
  const life = fc.record({
    kill: fc.option(fc.constantFrom(...steps), { nil: null }),
    torn: fc.boolean(),
    faults: fc.array(fc.constantFrom('unsent' as const, 'answered' as const, 'lost-request' as const, 'lost-answer' as const), {
      maxLength: 3,
    }),
    full: fc.constantFrom(null, 'session-', 'rotation-'),
    minutes: fc.integer({ min: 1, max: 70 }),
    pause: fc.integer({ min: 0, max: 120 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 60 }), fc.array(life, { minLength: 1, maxLength: 5 }), async (grace, lives) => {
      const { start, idp, clock, disk } = setting();
      idp.grace = seconds(grace);
      const first = start();
      await first.session.signIn(signInOptions);
      first.kill();
      for (const { kill, torn, faults, full, minutes: length, pause } of lives) {
        disk.tornAtCrash = torn;
        const { session, killedAt, kill: end } = start();
        idp.fail(...faults);
        if (kill !== null) void killedAt(kill);
        // Not awaited: the process may die in it.
        void session.resume();
        await clock.advance(0);
        if (full !== null) disk.full(full);
        await clock.advance(minutes(length) / 2);
        disk.mend();
        await clock.advance(minutes(length) / 2);
        const { phase, lastFailure } = session.view();
        if (phase === 'ended') expect(['SESSION_LOST', 'SESSION_EXPIRED']).toContain(lastFailure?.code);
        end();
        await clock.advance(seconds(pause));
      }
      expect(Math.max(0, ...timesSent(idp.refreshes))).toBeLessThanOrEqual(2);
      const { session } = start();
      await session.resume();
      await clock.advance(seconds(1));
      const stored = disk.json('session-acme');
      const { phase } = session.view();
      if (phase === 'signed-in') expect(stored).not.toBeNull();
      if (phase === 'ended') expect(stored).toBeNull();
    }),
    { numRuns: 400 },
  );
}, 60_000);
