/** Something that took time, told once it is over, to whoever draws traces. Telling must not throw and must not wait. */
import type { FailureCode } from '../preload/contract/failure.ts';
import type { Clock } from './ports.ts';
import type { EpochMs } from './units.ts';

export interface Timed {
  /** `try`: one request for a token, of as many as a mint takes. `token`: a program's request that could not be answered at once. */
  what: 'sign-in' | 'renewal' | 'mint' | 'try' | 'token';
  profile: string;
  /** As in the audit log; null: it came to none. */
  requestId: string | null;
  endedAt: EpochMs;
  /** In running time. */
  tookMs: number;
  /** Why it came to nothing; null: it did not. */
  code: FailureCode | null;
  /** Origin. */
  workspace?: string;
  scopes?: readonly string[];
}
export type OnTimed = (timed: Timed) => void;

/** Begins now; what it returns is called once, when it is over, with what was not known before. */
export function stopwatch(
  { clock, timed }: { clock: Clock; timed?: OnTimed | undefined },
  about: Omit<Timed, 'endedAt' | 'tookMs' | 'code'>,
): (code: FailureCode | null, also?: Pick<Timed, 'requestId'>) => void {
  const begun = clock.elapsed();
  return (code, also) => timed?.({ ...about, ...also, endedAt: clock.now(), tookMs: Math.round(clock.elapsed() - begun), code });
}
