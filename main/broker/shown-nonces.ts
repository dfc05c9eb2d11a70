/**
 * The nonces that command lines have shown at this door, each with the program that showed it. A control socket cannot say who is
 * on its other end; the same program names its nonce there and is known by it. It must never take the last of two showings for the
 * first: a nonce that two have shown proves nothing about either.
 */
import { hash } from 'node:crypto';
import type { Caller } from '../caller/caller.ts';
import type { Clock } from '../ports.ts';
import { type Ms, seconds } from '../units.ts';

/** How long a nonce may wait to be claimed; one that is spent is remembered as long. */
const kept: Ms = seconds(10);
const keptAtMost = 1000;

export interface ShownNonces {
  /** False for a nonce that was shown before: it is then spent for both. */
  show(nonce: string, caller: Caller): boolean;
  /** Who showed it, once; undefined where nobody did, too long ago, or more than one. */
  claim(nonce: string): Caller | undefined;
}

interface Shown {
  /** null: spent. */
  caller: Caller | null;
  /** Running time: a wall clock that is set back makes no nonce live longer. */
  until: number;
}

export function createShownNonces(clock: Clock): ShownNonces {
  /** By hash, so that how long a look-up takes tells nothing about a nonce; the one touched longest ago comes first. */
  const shown = new Map<string, Shown>();
  const keyOf = (nonce: string): string => hash('sha256', nonce, 'base64url');

  function keep(key: string, caller: Caller | null): void {
    shown.delete(key);
    shown.set(key, { caller, until: clock.elapsed() + kept });
    for (const [oldest, { until }] of shown) {
      if (until > clock.elapsed()) break;
      shown.delete(oldest);
    }
    // check: nonce-limit
    if (shown.size > keptAtMost) shown.delete(shown.keys().next().value ?? key);
    // end check
  }

  function find(key: string): Shown | undefined {
    const found = shown.get(key);
    // check: nonce-expiry
    if (found !== undefined && found.until <= clock.elapsed()) return undefined;
    // end check
    return found;
  }

  return {
    show(nonce, caller) {
      const key = keyOf(nonce);
      // check: nonce-shown-once
      if (find(key) !== undefined) {
        keep(key, null);
        return false;
      }
      // end check
      keep(key, caller);
      return true;
    },
    claim(nonce) {
      const key = keyOf(nonce);
      const caller = find(key)?.caller ?? undefined;
      // check: nonce-single-use
      if (caller !== undefined) keep(key, null);
      // end check
      return caller;
    },
  };
}
