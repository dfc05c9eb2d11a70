/** When Lakepass is open, away and locked, by which clock, and who is told. */
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../main/app-error.ts';
import { createLock, type LockLimits } from '../../../main/lock/lock.ts';
import { type EpochMs, hours, type Ms, minutes, ms, seconds } from '../../../main/units.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { recordingAudit } from '../../fakes/recording-audit.ts';

const quiet: LockLimits = { awayGrace: hours(1), idle: null, dailyCap: null, lockOnSuspend: false };

function setting(limits: Partial<LockLimits> = {}, begin: 'open' | 'locked' = 'open') {
  const clock = fakeClock();
  const audit = recordingAudit();
  const logged: string[] = [];
  const current = { ...quiet, ...limits };
  const lock = createLock({ clock, audit, log: (event) => logged.push(event), limits: () => current, begin });
  const told: string[] = [];
  lock.onChange((state, why) => void told.push(why === null ? state : `${state} ${why}`));
  const at = () => [lock.state(), lock.why()];
  return { clock, audit, logged, limits: current, lock, told, at };
}

describe('the states', () => {
  it('begin open, or locked where the vault is sealed', () => {
    expect(setting().at()).toEqual(['open', null]);
    const { lock, at, clock } = setting({}, 'locked');
    expect(at()).toEqual(['locked', 'start']);
    expect(lock.since()).toBe(clock.now());
  });

  it('go from open to away and back, each told and recorded', async () => {
    const { lock, told, audit, at, clock } = setting();
    lock.away('screen-lock');
    expect(at()).toEqual(['away', 'screen-lock']);
    expect(lock.since()).toBe(clock.now());
    lock.back();
    await clock.advance(0);
    expect(at()).toEqual(['open', null]);
    expect(lock.since()).toBeNull();
    expect(told).toEqual(['away screen-lock', 'open']);
    expect(audit.of('lock.changed').map(({ state, why }) => `${state} ${why}`)).toEqual(['away screen-lock', 'open back']);
  });

  it('stay locked when the screen is unlocked, whatever came first', async () => {
    const { lock, at } = setting();
    lock.away('screen-lock');
    await lock.lock('command');
    lock.back();
    expect(at()).toEqual(['locked', 'command']);
    lock.away('screen-lock');
    lock.touch();
    expect(at()).toEqual(['locked', 'command']);
    lock.unlocked();
    expect(at()).toEqual(['open', null]);
  });

  it('are locked once, and whoever locks again waits for the same work', async () => {
    const { lock, told, audit } = setting();
    await Promise.all([lock.lock('command'), lock.lock('suspend')]);
    await lock.lock('idle');
    expect(told).toEqual(['locked command']);
    expect(audit.of('lock.changed')).toHaveLength(1);
  });
});

describe('whoever listens', () => {
  it('has done its part when lock() resolves', async () => {
    const { lock } = setting();
    let forgotten = false;
    lock.onChange(async () => {
      await new Promise((resolve) => setImmediate(resolve));
      forgotten = true;
    });
    await lock.lock('command');
    expect(forgotten).toBe(true);
  });

  it('is not kept from it by another that throws, and the failure is logged', async () => {
    const { lock, told, logged } = setting();
    lock.onChange(() => {
      throw new AppError('DISK_FULL');
    });
    lock.onChange(() => Promise.reject(new Error('a bug')));
    let last = false;
    lock.onChange(() => {
      last = true;
    });
    await lock.lock('command');
    expect(told).toEqual(['locked command']);
    expect(last).toBe(true);
    expect(logged).toEqual(['lock.listener-failed', 'lock.listener-failed']);
  });

  it('hears of the opening only when everybody has forgotten what the lock made them forget', async () => {
    const { lock, clock } = setting();
    const order: string[] = [];
    lock.onChange(async (state) => {
      if (state === 'locked') await new Promise((resolve) => setImmediate(resolve));
      order.push(state);
    });
    const locked = lock.lock('command');
    lock.unlocked();
    await locked;
    await clock.advance(0);
    expect(order).toEqual(['locked', 'open']);
  });

  it('is told although the audit log cannot be written', async () => {
    const { lock, told, audit, logged } = setting();
    audit.fail();
    await lock.lock('command');
    expect(told).toEqual(['locked command']);
    expect(logged).toEqual(['lock.not-recorded']);
  });
});

describe('idleness', () => {
  it('brings Away by itself, and a touch ends it', async () => {
    const { lock, at, told, clock } = setting({ idle: minutes(10) });
    await clock.advance(minutes(9));
    lock.touch();
    await clock.advance(minutes(9));
    expect(told).toEqual([]);
    await clock.advance(minutes(2));
    expect(told).toEqual(['away idle']);
    lock.touch();
    expect(at()).toEqual(['open', null]);
  });

  it('over a locked screen is not ended by a touch', () => {
    const { lock, at } = setting();
    lock.away('idle');
    lock.away('screen-lock');
    lock.touch();
    expect(at()).toEqual(['away', 'screen-lock']);
    lock.away('idle');
    expect(at()).toEqual(['away', 'screen-lock']);
  });

  it.each([
    ['while the machine sleeps', (clock: ReturnType<typeof fakeClock>, time: Ms) => clock.sleepThrough(time)],
    [
      'though the clock is turned back',
      async (clock: ReturnType<typeof fakeClock>, time: Ms) => {
        clock.set(clock.now() - hours(5));
        await clock.advance(time);
      },
    ],
  ])('counts %s', async (_, pass) => {
    const { at, clock } = setting({ idle: minutes(10) });
    await pass(clock, minutes(10));
    expect(at()).toEqual(['away', 'idle']);
  });
});

describe('the daily cap', () => {
  it.each([
    ['an hour before its end', 9, null],
    ['at its end', 10, 'daily-cap'],
    ['long past', 100, 'daily-cap'],
    ['from the future', -5, null],
  ])('counts from a proof before the start: %s', (_, hoursAgo, why) => {
    const { lock, clock } = setting({ dailyCap: hours(10) });
    lock.provenAt((clock.now() - hours(1) * hoursAgo) as EpochMs);
    expect(lock.why()).toBe(why);
  });

  it('locks that long after the last proof, whatever the person does meanwhile', async () => {
    const { lock, told, clock } = setting({ dailyCap: hours(10), idle: hours(1) });
    for (let half = 0; half < 19; half += 1) {
      await clock.advance(minutes(30));
      lock.touch();
    }
    expect(told).toEqual([]);
    await clock.advance(minutes(30));
    expect(told).toEqual(['locked daily-cap']);
    expect(clock.pending).toBe(0);
  });

  it('starts anew with a proof', async () => {
    const { lock, at, clock } = setting({ dailyCap: hours(10) });
    await clock.advance(hours(9));
    lock.unlocked();
    await clock.advance(hours(9));
    expect(at()).toEqual(['open', null]);
    await clock.advance(hours(1));
    expect(at()).toEqual(['locked', 'daily-cap']);
  });

  it.each<[string, number, number]>([
    ['starts anew with a person whom the provider sees now', 0, 10],
    ['counts from the moment at which the provider saw the person', 2, 8],
    ['is not begun earlier by a moment before the last proof', 20, 1],
    ['takes a moment from the future for now', -2, 10],
  ])('%s', async (_, hoursAgo, hoursLeft) => {
    const { lock, clock } = setting({ dailyCap: hours(10) });
    await clock.advance(hours(9));
    lock.seenAt((clock.now() - hours(1) * hoursAgo) as EpochMs);
    expect(((lock.locksAt() ?? 0) - clock.now()) / hours(1)).toBe(hoursLeft);
  });

  it('once it has locked is opened by nobody whom the provider has seen', async () => {
    const { lock, at, clock } = setting({ dailyCap: hours(10) });
    await clock.advance(hours(10));
    lock.seenAt(clock.now());
    expect(at()).toEqual(['locked', 'daily-cap']);
  });

  it('counts a night with the lid closed, before anybody is served in the morning', () => {
    const { at, clock } = setting({ dailyCap: hours(10) });
    clock.sleepThrough(hours(12));
    expect(at()).toEqual(['locked', 'daily-cap']);
  });

  it('locks what is away, too', async () => {
    const { lock, at, clock } = setting({ dailyCap: hours(10) });
    lock.away('screen-lock');
    await clock.advance(hours(10));
    expect(at()).toEqual(['locked', 'daily-cap']);
  });

  it('says when it locks, away or not, and by the same moment for as long as nothing moves it', async () => {
    const { lock, clock } = setting({ dailyCap: hours(10) });
    const end = clock.now() + hours(10);
    expect(lock.locksAt()).toBe(end);
    await clock.advance(hours(3));
    lock.touch();
    expect(lock.locksAt()).toBe(end);
    // The two clocks run a little apart.
    clock.set(clock.now() - 5);
    expect(lock.locksAt()).toBe(end);
    lock.away('screen-lock');
    expect(lock.locksAt()).toBe(end);
    lock.unlocked();
    expect(lock.locksAt()).toBe(clock.now() + hours(10));
  });

  it('says the moment as the clock that was turned back will show it, to the minute', async () => {
    const { lock, clock } = setting({ dailyCap: hours(10) });
    await clock.advance(hours(8));
    clock.set(clock.now() - hours(5));
    const said = lock.locksAt() ?? 0;
    expect(said % minutes(1)).toBe(0);
    expect(clock.now() + hours(2) - said).toBeLessThan(minutes(1));
    expect(clock.now() + hours(2) - said).toBeGreaterThanOrEqual(0);
    await clock.advance(seconds(61));
    expect(lock.locksAt()).toBe(said);
  });

  it('says nothing of it where there is none, nor once it is locked', async () => {
    expect(setting().lock.locksAt()).toBeNull();
    const { lock } = setting({ dailyCap: hours(10) });
    await lock.lock('command');
    expect(lock.locksAt()).toBeNull();
  });
});

describe('a person whom the provider has seen', () => {
  it.each<['screen-lock' | 'idle', number, string]>([
    ['screen-lock', 5, 'open'],
    ['idle', 5, 'open'],
    ['screen-lock', 20, 'away'],
    ['idle', 20, 'away'],
  ])('away by %s for ten minutes: seen %i minutes ago it is %s', async (why, minutesAgo, state) => {
    const { lock, clock } = setting({});
    await clock.advance(hours(1));
    lock.away(why);
    await clock.advance(minutes(10));
    lock.seenAt((clock.now() - minutes(minutesAgo)) as EpochMs);
    expect(lock.state()).toBe(state);
  });
});

describe('the grace of Away', () => {
  it('ends that long after it began, on either clock, and a second cause does not stretch it', async () => {
    const { lock, clock } = setting({ awayGrace: hours(1) });
    expect(lock.graceEnds()).toBeNull();
    const began = clock.now();
    lock.away('idle');
    await clock.advance(minutes(10));
    lock.away('screen-lock');
    expect(lock.graceEnds()).toBe(began + hours(1));
    clock.set(clock.now() - hours(3));
    expect((lock.graceEnds() ?? 0) - clock.now()).toBe(minutes(50));
  });

  it('has no end where policy sets none, and none is left once locked', async () => {
    const { lock } = setting({ awayGrace: ms(Number.POSITIVE_INFINITY) });
    lock.away('screen-lock');
    expect(lock.graceEnds()).toBeNull();
    await lock.lock('command');
    expect(lock.graceEnds()).toBeNull();
  });
});

describe('a suspend', () => {
  it('locks where policy says so, and only there', async () => {
    const strict = setting({ lockOnSuspend: true });
    await strict.lock.suspending();
    expect(strict.at()).toEqual(['locked', 'suspend']);
    const lenient = setting();
    await lenient.lock.suspending();
    lenient.clock.sleepThrough(hours(8));
    expect(lenient.at()).toEqual(['open', null]);
  });

  it('that nobody announced is noticed by the clocks, by whoever asks first or by the next tick', async () => {
    const asked = setting({ lockOnSuspend: true });
    asked.clock.sleepThrough(minutes(5));
    expect(asked.at()).toEqual(['locked', 'suspend']);
    const ticked = setting({ lockOnSuspend: true });
    ticked.clock.sleepThrough(minutes(5));
    await ticked.clock.advance(minutes(1));
    expect(ticked.told).toEqual(['locked suspend']);
  });

  it('is not seen in a clock that is corrected by some seconds', () => {
    const { at, clock } = setting({ lockOnSuspend: true });
    clock.set(clock.now() + seconds(20));
    expect(at()).toEqual(['open', null]);
  });
});

it('obeys a policy that is replaced while it runs, and leaves no timer behind', async () => {
  const { limits, clock, at, lock } = setting();
  Object.assign(limits, { idle: minutes(5) });
  await clock.advance(minutes(6));
  expect(at()).toEqual(['away', 'idle']);
  lock.close();
  expect(clock.pending).toBe(0);
});
