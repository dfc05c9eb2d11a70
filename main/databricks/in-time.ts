/** Waiting no longer than one can: the wait ends, what is waited for goes on. */
import type { AppError } from '../app-error.ts';
import type { Clock } from '../ports.ts';
import { type Ms, ms } from '../units.ts';

const LONGEST_TIMER = ms(2 ** 31 - 1);

/** @throws what `tooLate` says then, when `promise` has not settled after `limit` of running time */
export function inTime<T>(clock: Clock, promise: Promise<T>, limit: Ms, tooLate: () => AppError): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const cancel = clock.after(ms(Math.min(limit, LONGEST_TIMER)), () => reject(tooLate()));
  return Promise.race([promise, late]).finally(cancel);
}
