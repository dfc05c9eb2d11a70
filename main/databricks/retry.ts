/**
 * Tries again what may work a moment later: exponential backoff with full jitter, inside somebody's deadline and never past it.
 * It knows nothing about what is tried; whether trying again makes sense is said by each attempt.
 */
import type { AppError } from '../app-error.ts';
import type { Clock } from '../ports.ts';
import { type EpochMs, type Ms, ms, seconds } from '../units.ts';

/** How one attempt ended. `notBefore` is what the other side asked for (Retry-After), null when it said nothing. */
export type Attempt<T> = { ok: true; value: T } | { ok: false; error: AppError; retry: 'never' | { notBefore: Ms | null } };

const FIRST_PAUSE = ms(250);
const LONGEST_PAUSE = seconds(5);
const MOST_ATTEMPTS = 6;
/** With less than this left an answer would come too late, and hide the reason we already know. */
const ROOM_FOR_AN_ATTEMPT = ms(250);

/**
 * Resolves with the first attempt that works out.
 *
 * @param attempt one try; a throw ends everything at once
 * @param parts.until when the last of those who wait gives up; read anew before every pause, since others may join meanwhile
 * @throws AppError the error of the last attempt, as soon as it is clear that no further one fits before `until`
 */
export async function withRetry<T>(
  attempt: () => Promise<Attempt<T>>,
  { clock, random, until }: { clock: Clock; random: (bytes: number) => Buffer; until: () => EpochMs },
): Promise<T> {
  for (let tried = 1; ; tried += 1) {
    const outcome = await attempt();
    if (outcome.ok) return outcome.value;
    if (outcome.retry === 'never' || tried >= MOST_ATTEMPTS) throw outcome.error;
    const wait = ms(Math.max(outcome.retry.notBefore ?? 0, jittered(tried, random)));
    // check: retry-deadline
    if (clock.now() + wait + ROOM_FOR_AN_ATTEMPT >= until()) throw outcome.error;
    // end check
    await pause(clock, wait);
    // A machine that slept in between wakes up late, and a session may have ended meanwhile.
    // check: retry-woke-late
    if (clock.now() >= until()) throw outcome.error;
    // end check
  }
}

/** Anything between nothing and the doubled pause: callers that failed together do not come back together. */
function jittered(tried: number, random: (bytes: number) => Buffer): number {
  const most = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (tried - 1));
  return Math.floor((random(4).readUInt32BE() / 2 ** 32) * most);
}

export const pause = (clock: Clock, wait: Ms): Promise<void> => new Promise((resolve) => void clock.after(wait, resolve));
