/** A bucket that fills again by running time: a window may hurry for a moment, not for long. */
import type { Clock } from '../ports.ts';

/** @returns whether one more may pass now */
export function createBucket({
  clock,
  size,
  perSecond,
}: {
  clock: Pick<Clock, 'elapsed'>;
  size: number;
  perSecond: number;
}): () => boolean {
  let left = size;
  let at = clock.elapsed();
  return () => {
    const now = clock.elapsed();
    left = Math.min(size, left + ((now - at) / 1000) * perSecond);
    at = now;
    if (left < 1) return false;
    left -= 1;
    return true;
  };
}
