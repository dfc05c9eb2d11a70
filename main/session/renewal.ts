/**
 * Renews the session: one request for all who wait, at a pace the provider can bear, and says in the view and in the audit log
 * how it went. What may be sent, and when it must never be sent again, is rotation.ts.
 */
import { AppError, asAppError } from '../app-error.ts';
import type { Clock } from '../ports.ts';
import { type OnTimed, stopwatch } from '../timed.ts';
import { type Ms, ms, seconds } from '../units.ts';
import type { Backoff } from './backoff.ts';
import type { Ending } from './ending.ts';
import { holdJwt, type LiveSession, untilHalfLife } from './live-session.ts';
import type { Rotation, RotationOutcome } from './rotation.ts';
import { iso, type Record, reasonOf, type SessionState } from './session-state.ts';

/** Pause before the one replay where nobody waits for it: inside the usual grace period of 30 s, and past a blip of the network. */
const BEFORE_REPLAY: Ms = seconds(10);

export interface Renewal {
  /** Rejects with why not; by then the view and the audit log know it too. */
  renew(session: LiveSession): Promise<void>;
  underWay(): { session: LiveSession; done: Promise<void>; since: Ms } | null;
  /** How long until the timer should renew (zero: now); null: there is nothing it could do. */
  dueIn(session: LiveSession): number | null;
}

interface Parts {
  profile: string;
  state: SessionState;
  rotation: Rotation;
  backoff: Backoff;
  clock: Clock;
  random: (bytes: number) => Buffer;
  record: Record;
  timed?: OnTimed | undefined;
  ending: () => Pick<Ending, 'end' | 'arrivedLate'>;
  /** After each attempt: the timers are set anew. */
  afterwards: () => void;
}

export function createRenewal({ profile, state, rotation, backoff, clock, random, record, timed, ending, afterwards }: Parts): Renewal {
  let current: { session: LiveSession; done: Promise<void>; since: Ms } | null = null;

  const run = async (session: LiveSession): Promise<void> => {
    if (session.stored === null) throw new AppError('SESSION_EXPIRED', { reason: 'no-refresh-token' });
    const requestId = random(8).toString('hex');
    const took = stopwatch({ clock, timed }, { what: 'renewal', profile, requestId });
    const outcome = await rotation.rotate(session.stored, () => state.live === session, requestId).catch(interrupted);
    took('error' in outcome ? outcome.error.code : null);
    if (state.live === session) {
      apply(session, outcome, requestId);
      return;
    }
    // Revoking it might end the whole family of tokens, and with it the one in the vault.
    // check: session-locked-not-revoked
    if (session.dropped) return;
    // end check
    const late = outcome.kind === 'renewed' || outcome.kind === 'too-late' ? outcome.stored : null;
    if (late !== null) await ending().arrivedLate(session, late);
  };

  const apply = (session: LiveSession, outcome: RotationOutcome, requestId: string): void => {
    if (outcome.kind === 'too-late') return;
    if (outcome.kind === 'renewed') {
      renewed(session, outcome, requestId);
      return;
    }
    note(outcome.error, requestId);
    if (outcome.kind === 'postponed') backoff.failed(outcome.unknown ? BEFORE_REPLAY : ms(0));
    if (outcome.kind === 'spent') session.spent = outcome.error;
    if (outcome.kind === 'refused') ending().end(outcome.error.code === 'SESSION_LOST' ? 'lost' : 'refused', outcome.error);
    throw outcome.error;
  };

  const renewed = (
    session: LiveSession,
    { stored, subjectToken, unkept }: Extract<RotationOutcome, { kind: 'renewed' }>,
    requestId: string,
  ): void => {
    session.stored = stored;
    session.identity = stored.identity;
    session.renewedAt = stored.renewedAt;
    session.jwt = holdJwt(clock, subjectToken);
    backoff.succeeded();
    state.renewalProblem = null;
    state.unkept = unkept;
    record({ type: 'session.renewed', profile, subject: stored.identity.subject, expiresAt: iso(subjectToken.expiresAt), requestId });
  };

  /** The retries of one outage are one record. */
  const note = (error: AppError, requestId: string): void => {
    const before = state.renewalProblem;
    state.renewalProblem = error;
    if (before?.code === error.code && before.reason === error.reason) return;
    record({ type: 'session.renewal-failed', profile, code: error.code, ...reasonOf(error), requestId });
  };

  return {
    renew(session) {
      // check: session-single-flight
      if (current?.session === session) return current.done;
      // end check
      const done = run(session).finally(() => {
        if (current?.done === done) current = null;
        afterwards();
      });
      current = { session, done, since: clock.elapsed() };
      return done;
    },
    underWay: () => current,
    dueIn(session) {
      if (state.locked || session.stored === null || session.spent !== null || current?.session === session) return null;
      return Math.max(untilHalfLife(session.jwt), backoff.pause());
    },
  };
}

/** A bug on the way, not an answer: what became of the request is unknown, and the pace holds for it too. */
const interrupted = (error: unknown): RotationOutcome => ({ kind: 'postponed', error: asAppError(error), unknown: true });
