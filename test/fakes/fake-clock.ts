/**
 * A clock that moves only when a test says so.
 *
 * Wall time, running time and time since boot are three hands, as on a real machine: `advance` moves all, `set` moves the wall alone
 * (NTP, a person), `sleepThrough` is a laptop with its lid closed: the wall and `sinceBoot()` move on, timers and `elapsed()` stand still.
 */
import type { Clock } from '../../main/ports.ts';
import { type EpochMs, type Ms, ms } from '../../main/units.ts';

export interface FakeClock extends Clock {
  /** Moves time on and runs every timer that falls due, in order; what each of them sets going settles before the next runs. */
  advance(by: number): Promise<void>;
  /** Moves the wall clock to `epochMs`, backwards too. No timer runs. */
  set(epochMs: number): void;
  /** Suspends the machine for `duration`: the wall moves, running time does not, no timer runs. */
  sleepThrough(duration: number): void;
  /** Timers that wait; 0 shows that a part cleaned up behind itself. */
  readonly pending: number;
}

interface Timer {
  due: number;
  order: number;
  run: () => void;
}

/** What a real timer can wait for; setTimeout runs anything longer at once. */
const LONGEST_DELAY = 2 ** 31 - 1;
const START = Date.UTC(2026, 0, 5, 9, 0, 0);
/** The machine runs for an hour by then. */
const UP_AT_START = 3_600_000;

// Taken before any test replaces the global timers. One turn of the event loop drains all microtasks behind it.
const { setImmediate } = globalThis;
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

/**
 * @param startMs wall time in epoch milliseconds; a Monday morning by default
 * @param follow told of every new wall time, for tests whose libraries read `Date` (`(now) => vi.setSystemTime(now)`)
 */
export function fakeClock(startMs: number = START, follow?: (now: EpochMs) => void): FakeClock {
  let wall = startMs;
  let running = 0;
  let asleep = 0;
  let order = 0;
  const timers = new Set<Timer>();

  const moveTo = (wallMs: number) => {
    wall = wallMs;
    follow?.(wall as EpochMs);
  };
  const run = (until: number) => {
    moveTo(wall + until - running);
    running = until;
  };
  const nextDue = (until: number): Timer | undefined =>
    [...timers].filter((timer) => timer.due <= until).sort((a, b) => a.due - b.due || a.order - b.order)[0];

  moveTo(startMs);
  return {
    // Whole milliseconds, as of `Date.now()`, also where a timer was set for a fraction of one.
    now: () => Math.floor(wall) as EpochMs,
    elapsed: () => ms(running),
    sinceBoot: () => ms(UP_AT_START + running + asleep),
    after(delay: Ms, callback: () => void) {
      if (!(delay <= LONGEST_DELAY)) throw new RangeError(`a timer cannot wait for ${delay} ms`);
      const timer: Timer = { due: running + Math.max(0, delay), order: order++, run: callback };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    async advance(by) {
      if (!(by >= 0)) throw new RangeError('time advances forwards; use set() to move the wall clock back');
      const end = running + by;
      await settle();
      for (let timer = nextDue(end); timer; timer = nextDue(end)) {
        timers.delete(timer);
        run(timer.due);
        timer.run();
        await settle();
      }
      run(end);
      await settle();
    },
    set: moveTo,
    sleepThrough(duration) {
      asleep += duration;
      moveTo(wall + duration);
    },
    get pending() {
      return timers.size;
    },
  };
}
