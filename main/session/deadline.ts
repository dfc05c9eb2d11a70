/**
 * A moment in the future that cannot be pushed away. The wall clock alone would let somebody who turns it back live longer;
 * running time alone stands still while the machine sleeps. Whichever of the two says "sooner" holds.
 */
import type { Clock } from '../ports.ts';
import { type EpochMs, type Ms, ms, remaining } from '../units.ts';

export interface Deadline {
  readonly at: EpochMs;
  /** What is left; zero or negative once it has passed. */
  left(): Ms;
}

export function deadline(clock: Clock, at: EpochMs): Deadline {
  const whole = remaining(at, clock.now());
  const began = clock.elapsed();
  return { at, left: () => ms(Math.min(remaining(at, clock.now()), whole - (clock.elapsed() - began))) };
}
