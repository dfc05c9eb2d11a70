/** The state of one session, in one place, and the small things every part of it needs. Decides nothing. */
import { type AppError, asAppError } from '../app-error.ts';
import type { AuditEvent, AuditLog } from '../audit/event.ts';
import type { Clock, Log } from '../ports.ts';
import type { EpochMs, Ms } from '../units.ts';
import type { LiveSession, LockedSession } from './live-session.ts';

export interface SessionState {
  live: LiveSession | null;
  /** Nobody is served, and no token is held once the lock is through. */
  locked: boolean;
  /** Who was signed in when it was locked, so that what belongs to them can be told from what does not. */
  shell: LockedSession | null;
  /** The sign-in that waits in the browser. */
  attempt: AbortController | null;
  /** What ended the session, until the next one. */
  ended: AppError | null;
  lastFailure: AppError | null;
  renewalProblem: AppError | null;
  /** Why the disk does not hold what we hold. */
  unkept: AppError | null;
}

export const newState = (): SessionState => ({
  live: null,
  locked: false,
  shell: null,
  attempt: null,
  ended: null,
  lastFailure: null,
  renewalProblem: null,
  unkept: null,
});

export type Record = (event: AuditEvent) => void;

/** A log that cannot be written must not stop a session from ending; no token is handed out on one anyway. It is said in the view. */
export function recordTo(audit: AuditLog, log: Log, state: SessionState): Record {
  return (event) => {
    try {
      audit.append(event);
    } catch (error) {
      state.lastFailure = asAppError(error);
      log('session.not-recorded', { event: event.type, code: state.lastFailure.code });
    }
  };
}

/** Work nobody waits for. Its owner has already said what went wrong by the time it rejects. */
export interface Background {
  add(work: Promise<unknown>): void;
  settled(): Promise<unknown>;
}

export function createBackground(): Background {
  const running = new Set<Promise<unknown>>();
  return {
    add(work) {
      running.add(work);
      void work.finally(() => running.delete(work));
    },
    settled: () => Promise.allSettled(running),
  };
}

/** The outcome of `work`, or undefined once `patience` of running time is over. */
export async function within<T>(clock: Clock, patience: Ms, work: Promise<T>): Promise<T | undefined> {
  let cancel = (): void => undefined;
  const late = new Promise<undefined>((resolve) => {
    cancel = clock.after(patience, () => resolve(undefined));
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    cancel();
  }
}

export const iso = (at: EpochMs): string => new Date(at).toISOString();

/** The reason of a failure as a field that is left out where there is none. */
export const reasonOf = ({ reason }: AppError): { reason?: string } => (reason === undefined ? {} : { reason });
