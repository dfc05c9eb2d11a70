/**
 * When to try again: exponential with jitter, on running time, so that sleep neither uses a pause up nor stretches it. It
 * decides nothing about whether something may be tried again.
 */
import type { Clock } from '../ports.ts';
import { type Ms, ms, seconds } from '../units.ts';

const FIRST: Ms = seconds(1);
const LONGEST: Ms = seconds(60);
/** Somebody who waits for a token may ask earlier than the timer would, but never more often than this. */
const IMPATIENT: Ms = seconds(2);

export interface Backoff {
  /** Notes a failure. `atLeast` stretches the pause of the timer, not that of somebody who waits. */
  failed(atLeast?: Ms): void;
  succeeded(): void;
  /** The world has changed (a wake, a moved clock): the next try may be now. */
  forget(): void;
  /** Until the timer may try; zero: now. */
  pause(): Ms;
  /** Until somebody who waits for a token may try; zero: now. */
  shortPause(): Ms;
}

export function createBackoff(clock: Clock, random: (bytes: number) => Buffer): Backoff {
  let failures = 0;
  let began = clock.elapsed();
  let length = ms(0);
  const left = (whole: number): Ms => ms(failures === 0 ? 0 : Math.max(0, whole - (clock.elapsed() - began)));
  const reset = (): void => {
    failures = 0;
    length = ms(0);
  };
  return {
    failed(atLeast = ms(0)) {
      const full = Math.min(LONGEST, FIRST * 2 ** failures);
      failures += 1;
      began = clock.elapsed();
      // Between half and the whole of it: many agents behind one office network must not come back together.
      length = ms(Math.max(atLeast, full * (0.5 + random(1).readUInt8() / 512)));
    },
    succeeded: reset,
    forget: reset,
    pause: () => left(length),
    shortPause: () => left(Math.min(length, IMPATIENT)),
  };
}
