/** The clock of the machine. */
import { uptime } from 'node:os';
import type { Clock } from './ports.ts';
import type { EpochMs, Ms } from './units.ts';

export const systemClock: Clock = {
  now: () => Date.now() as EpochMs,
  elapsed: () => performance.now() as Ms,
  sinceBoot: () => Math.round(uptime() * 1000) as Ms,
  after(delay, run) {
    // Node fires a timer at once when its delay does not fit 31 bits.
    const timer = setTimeout(run, Math.min(delay, 2 ** 31 - 1));
    timer.unref();
    return () => clearTimeout(timer);
  },
};
