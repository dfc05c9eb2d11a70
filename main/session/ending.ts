/**
 * How a session ends: nobody is served from that moment, the vault is swept, then the provider is asked to forget the token.
 * In that order: a crash in between leaves a token nobody holds, never a session that comes back after its sign-out.
 */
import { type AppError, asAppError } from '../app-error.ts';
import type { Identity, IdentityProvider, Revocation } from '../idp/signed-in.ts';
import type { Clock, Log } from '../ports.ts';
import type { Secret } from '../secret.ts';
import { type Ms, seconds } from '../units.ts';
import type { LiveSession } from './live-session.ts';
import { type Background, type Record, type SessionState, within } from './session-state.ts';
import type { SessionStore, StoredSession } from './stored-session.ts';

/** How long an ending waits for one answer of the provider. */
export const FAREWELL: Ms = seconds(5);

export type EndListener = (why: string, error: AppError | null) => void;

export interface Ending {
  /** Takes the live session out of use and tells who listens, with the failure that ended it if one did; null where there is none. */
  leave(why: string, error?: AppError): LiveSession | null;
  /** Ends the live session for a reason of its own; the view shows `error`. */
  end(why: 'expired' | 'idle' | 'refused' | 'lost', error: AppError): void;
  /** Somebody else has signed in: the token of the session before is revoked. */
  dismiss(replaced: LiveSession): Promise<void>;
  /** Sweeps the vault. null: nothing of the session is left on the disk. */
  wipe(): Promise<AppError | null>;
  revoke(leaving: LiveSession): Promise<Revocation>;
  /** A renewed token that arrived after the end: the ending revokes it if it still waits, else it is revoked here. */
  arrivedLate(session: LiveSession, stored: StoredSession): Promise<void>;
  /** Revokes a token nobody keeps. */
  discard(token: Secret, identity: Identity): Promise<void>;
  onEnd(listener: EndListener): void;
}

interface Parts {
  profile: string;
  state: SessionState;
  store: SessionStore;
  idp: Pick<IdentityProvider, 'revoke'>;
  clock: Clock;
  log: Log;
  record: Record;
  background: Background;
  /** The renewal under way, if any; its failure has been told already. */
  renewalUnderWay: () => Promise<unknown> | null;
  /** Forgets what renewals and timers knew of the session. */
  reset: () => void;
}

export function createEnding({ profile, state, store, idp, clock, log, record, background, renewalUnderWay, reset }: Parts): Ending {
  const listeners: EndListener[] = [];

  const leave: Ending['leave'] = (why, error) => {
    const leaving = state.live;
    const anybody = leaving !== null || state.shell !== null;
    state.live = null;
    state.shell = null;
    state.renewalProblem = null;
    state.unkept = null;
    reset();
    if (anybody) for (const tell of listeners) tell(why, error ?? null);
    return leaving;
  };

  const wipe = async (): Promise<AppError | null> => {
    try {
      await store.eraseAll();
      return null;
    } catch (error) {
      log('session.not-erased', { profile, code: asAppError(error).code });
      return asAppError(error);
    }
  };

  const revoke = async (leaving: LiveSession): Promise<Revocation> => {
    const underWay = renewalUnderWay();
    const arrived =
      underWay === null ||
      (await within(
        clock,
        FAREWELL,
        underWay.then(() => true),
      )) === true;
    const { stored } = leaving;
    leaving.stored = null;
    leaving.jwt = null;
    if (stored === null) return { refreshToken: 'none', detail: 'The identity provider gave no refresh token.' };
    const noAnswer: Revocation = { refreshToken: 'failed', detail: 'The identity provider did not answer in time.' };
    const answer = (await within(clock, FAREWELL, idp.revoke(stored.refreshToken))) ?? noAnswer;
    return arrived
      ? answer
      : { ...answer, detail: `${answer.detail} A renewal was under way; a token it still brings is revoked when it arrives.` };
  };

  /**
   * Not while the same person is signed in: a provider may hang all tokens of one person and client on one grant, and revoking
   * one of them would end the others.
   */
  const discard = async (token: Secret, { issuer, subject }: Identity): Promise<void> => {
    if (state.live?.identity.issuer === issuer && state.live.identity.subject === subject) return;
    const { refreshToken } = await idp.revoke(token);
    log('session.token-discarded', { profile, refreshToken });
  };

  const bury = async (leaving: LiveSession, why: string, error: AppError): Promise<void> => {
    await wipe();
    const givenUp = why === 'lost' || why === 'refused';
    const refreshToken = givenUp ? 'not-sent-again' : (await revoke(leaving)).refreshToken;
    record({ type: 'session.ended', profile, subject: leaving.identity.subject, why, code: error.code, refreshToken });
  };

  return {
    leave,
    wipe,
    revoke,
    discard,
    end(why, error) {
      const leaving = leave(why, error);
      if (leaving === null) return;
      state.ended = error;
      state.lastFailure = error;
      background.add(bury(leaving, why, error));
    },
    async dismiss(replaced) {
      const { refreshToken } = await revoke(replaced);
      record({ type: 'session.ended', profile, subject: replaced.identity.subject, why: 'replaced', refreshToken });
    },
    async arrivedLate(session, stored) {
      const tooLate = session.stored === null;
      session.stored = stored;
      if (tooLate) await discard(stored.refreshToken, stored.identity);
    },
    onEnd(listener) {
      listeners.push(listener);
    },
  };
}
