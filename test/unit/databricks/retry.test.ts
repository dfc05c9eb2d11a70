import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../main/app-error.ts';
import { type Attempt, withRetry } from '../../../main/databricks/retry.ts';
import { type EpochMs, later, ms, seconds } from '../../../main/units.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';

const busy = (notBefore: number | null = null): Attempt<string> => ({
  ok: false,
  error: new AppError('WORKSPACE_BUSY'),
  retry: { notBefore: notBefore === null ? null : ms(notBefore) },
});
const half = (bytes: number) => Buffer.alloc(bytes, 0x80);

/** Runs the retries to their end, as fast as the clock can. */
async function run(clock: ReturnType<typeof fakeClock>, attempt: () => Promise<Attempt<string>>, until: () => EpochMs, random = half) {
  let outcome: { value?: string; code?: string } | undefined;
  withRetry(attempt, { clock, random, until }).then(
    (value) => {
      outcome = { value };
    },
    (error: unknown) => {
      outcome = { code: (error as AppError).code };
    },
  );
  for (let steps = 0; outcome === undefined && steps < 5000; steps += 1) await clock.advance(50);
  return outcome;
}

describe('retry', () => {
  it('tries again after a passing trouble and gives the first success', async () => {
    const clock = fakeClock();
    const outcomes = [busy(), busy(), { ok: true, value: 'token' } as const];
    const until = later(clock.now(), seconds(8));
    expect(
      await run(
        clock,
        async () => outcomes.shift() ?? busy(),
        () => until,
      ),
    ).toEqual({ value: 'token' });
    expect(outcomes).toHaveLength(0);
  });

  it('never repeats a refusal', async () => {
    const clock = fakeClock();
    let tries = 0;
    const refused = async (): Promise<Attempt<string>> => {
      tries += 1;
      return { ok: false, error: new AppError('EXCHANGE_REFUSED'), retry: 'never' };
    };
    expect(await run(clock, refused, () => later(clock.now(), seconds(60)))).toEqual({ code: 'EXCHANGE_REFUSED' });
    expect(tries).toBe(1);
  });

  it('gives up at once when what the server asks for does not fit before the deadline', async () => {
    const clock = fakeClock();
    const start = clock.now();
    const until = later(start, seconds(8));
    expect(
      await run(
        clock,
        async () => busy(30_000),
        () => until,
      ),
    ).toEqual({ code: 'WORKSPACE_BUSY' });
    expect(clock.now() - start).toBeLessThanOrEqual(50);
  });

  it('waits as long as the server asks when that fits', async () => {
    const clock = fakeClock();
    const start = clock.now();
    const tries: number[] = [];
    const attempt = async () => {
      tries.push(clock.now() - start);
      return tries.length < 2 ? busy(3000) : ({ ok: true, value: 'token' } as const);
    };
    const until = later(start, seconds(8));
    expect(await run(clock, attempt, () => until)).toEqual({ value: 'token' });
    expect(tries).toEqual([0, 3000]);
  });

  it('makes no attempt after a sleep that outlasted the deadline', async () => {
    const clock = fakeClock();
    let tries = 0;
    const until = later(clock.now(), seconds(8));
    const done = withRetry(
      async () => {
        tries += 1;
        return busy();
      },
      { clock, random: half, until: () => until },
    ).catch((error: unknown) => (error as AppError).code);
    await clock.advance(0);
    clock.sleepThrough(60_000);
    await clock.advance(1000);
    expect(await done).toBe('WORKSPACE_BUSY');
    expect(tries).toBe(1);
  });

  it('goes on when somebody with a later deadline joins', async () => {
    const clock = fakeClock();
    let until = later(clock.now(), ms(100));
    let tries = 0;
    const attempt = async () => {
      tries += 1;
      until = later(until, seconds(2));
      return tries < 3 ? busy(1000) : ({ ok: true, value: 'token' } as const);
    };
    expect(await run(clock, attempt, () => until)).toEqual({ value: 'token' });
  });

  it('never starts an attempt at or after the deadline, and never gives up later than it', async () => {
    const scenario = fc.record({
      deadline: fc.integer({ min: 1, max: 20_000 }),
      asked: fc.array(fc.option(fc.integer({ min: 0, max: 10_000 })), { minLength: 1, maxLength: 8 }),
      dice: fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 1, maxLength: 8 }),
    });
    await fc.assert(
      fc.asyncProperty(scenario, async ({ deadline, asked, dice }) => {
        const clock = fakeClock();
        const until = later(clock.now(), ms(deadline));
        const starts: number[] = [];
        let drawn = 0;
        const random = (bytes: number) => Buffer.alloc(bytes, dice[drawn++ % dice.length] ?? 0);
        const attempt = async () => {
          starts.push(clock.now());
          return busy(asked[(starts.length - 1) % asked.length] ?? null);
        };
        let endedAt = Number.POSITIVE_INFINITY;
        const done = withRetry(attempt, { clock, random, until: () => until }).catch((error: unknown) => {
          endedAt = clock.now();
          return (error as AppError).code;
        });
        await clock.advance(deadline + 30_000);
        expect(await done).toBe('WORKSPACE_BUSY');
        expect(starts.every((start) => start < until)).toBe(true);
        expect(endedAt).toBeLessThanOrEqual(until);
        expect(starts.length).toBeLessThanOrEqual(6);
      }),
      { numRuns: 100 },
    );
  });
});
