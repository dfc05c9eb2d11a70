/**
 * Asks again and again, at moments of its own, so that ten thousand devices that were switched on at nine do not ask together. The next
 * question comes 50 to 58 seconds after the last one began; with the two seconds it may take, a minute is never exceeded.
 */
import type { Clock } from '../ports.ts';
import { type Ms, ms, seconds } from '../units.ts';

const least = seconds(50);
const spread = seconds(8);

export interface Poller {
  /** Asks now, and counts from there; joins a question that is on its way. */
  now(): Promise<void>;
  close(): void;
}

/** @param ask never rejects: what goes wrong is its own to tell */
export function createPoller({
  clock,
  random,
  ask,
}: {
  clock: Clock;
  random: (bytes: number) => Buffer;
  ask: () => Promise<void>;
}): Poller {
  let closed = false;
  let cancel = (): void => undefined;
  let running: Promise<void> | null = null;

  /** Uniform over the spread, in 65,536 steps. */
  const pause = (): Ms => ms(least + (spread * random(2).readUInt16BE()) / 0x1_0000);

  function begin(): Promise<void> {
    cancel();
    const began = clock.elapsed();
    running = ask().finally(() => {
      running = null;
      if (!closed) cancel = clock.after(ms(Math.max(0, pause() - (clock.elapsed() - began))), () => void begin());
    });
    return running;
  }

  // The first one, too, at a moment of its own.
  cancel = clock.after(ms((least * random(2).readUInt16BE()) / 0x1_0000), () => void begin());
  return {
    now: () => running ?? begin(),
    close() {
      closed = true;
      cancel();
    },
  };
}
