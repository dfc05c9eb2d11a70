/**
 * Spends a refresh token without ever losing the session to a crash the provider would have forgiven, and without ever sending
 * a token a third time.
 *
 * The order is the promise: the intent is on the disk before the request leaves; the new token is on the disk before anything
 * uses what came with it; then the intent goes. After a crash, a newer token on the disk is simply used; an intent of the same
 * generation means that nobody knows what became of the request, and the old token is tried once more: by then the intent on
 * the disk says 2, and an intent that says 2 is never followed by a request. (A request that is refused for want of a nonce in the proof of
 * our key was refused before the token was looked at; its repetition counts as the same one.) See decisions/0001-rotation-without-loss.md.
 */
import { AppError, asAppError, beforeSending, hasCode } from '../app-error.ts';
import type { IdentityProvider, Refreshed, SubjectToken } from '../idp/signed-in.ts';
import type { Clock, Log } from '../ports.ts';
import type { Intent, SessionStore, StoredSession } from './stored-session.ts';

export type RotationStep = 'intent-written' | 'request-sent' | 'answer-received' | 'token-tmp-written' | 'token-renamed' | 'intent-erased';

export type RotationOutcome =
  /** `stored` is the session from now on; `unkept`: why it is not on the disk yet (`keepUnkept` tries again). */
  | { kind: 'renewed'; stored: StoredSession; subjectToken: SubjectToken; unkept: AppError | null }
  /** Try again later. `unknown`: the provider may have spent the token, and the next try is the only replay there will be. */
  | { kind: 'postponed'; error: AppError; unknown: boolean }
  /** The replay, too, got no answer: the token is never sent again. */
  | { kind: 'spent'; error: AppError }
  /** The session is over. */
  | { kind: 'refused'; error: AppError }
  /** The session ended while the request was under way; nothing was written. `stored` holds a token that came too late. */
  | { kind: 'too-late'; stored: StoredSession | null };

export interface Rotation {
  /** After a restart: what the intent on the disk says about this session's token. Throws what the vault throws. */
  recall(stored: StoredSession): Promise<'ready' | 'replay' | 'spent'>;
  /** One refresh request at most. `isCurrent` is asked before anything is written: a session that has ended stays ended. */
  rotate(stored: StoredSession, isCurrent: () => boolean, requestId?: string): Promise<RotationOutcome>;
  /** Notes what is still to be written; null: nothing is. */
  leaveUnkept(stored: StoredSession | null): void;
  /** Tries to write what could not be written. null: everything is on the disk. */
  keepUnkept(): Promise<AppError | null>;
  /** Another session begins: what was known about the last one no longer counts. */
  forget(): void;
}

interface Parts {
  store: SessionStore;
  idp: Pick<IdentityProvider, 'refresh'>;
  clock: Clock;
  log: Log;
  /** Told of each step once it has been done, and waited for. It observes; no step depends on what it does. */
  steps: (step: RotationStep) => void | Promise<void>;
}

export function createRotation({ store, idp, clock, log, steps }: Parts): Rotation {
  let intent: Intent | null = null;
  let unkept: StoredSession | null = null;
  let keeping: Promise<AppError | null> | null = null;

  const keepUnkept = (): Promise<AppError | null> => {
    keeping ??= keepAll().finally(() => {
      keeping = null;
    });
    return keeping;
  };
  /** A sign-in may bring a new session while the token of the one before is being written: whoever waits, waits for both. */
  const keepAll = async (): Promise<AppError | null> => {
    for (let waiting = unkept; waiting !== null; waiting = unkept) {
      try {
        await store.keepSession(waiting, (step) => steps(`token-${step}`));
      } catch (error) {
        if (unkept === waiting) return asAppError(error);
        continue;
      }
      if (unkept !== waiting) continue;
      unkept = null;
      await closeIntent();
    }
    return null;
  };

  /** Not being able to erase it costs nothing: an intent of an older generation is ignored. */
  const closeIntent = async (): Promise<void> => {
    intent = null;
    try {
      await store.eraseIntent();
      await steps('intent-erased');
    } catch (error) {
      log('rotation.intent-left', { code: asAppError(error).code });
    }
  };

  /** The request did not count: the intent goes back to what it was. Where the disk refuses, it errs towards one try fewer. */
  const takeBack = async (before: Intent | null): Promise<void> => {
    intent = before;
    try {
      await (before === null ? store.eraseIntent() : store.keepIntent(before));
    } catch (error) {
      log('rotation.intent-left', { code: asAppError(error).code });
    }
  };

  const send = async (stored: StoredSession, requestId: string | undefined): Promise<Refreshed | AppError> => {
    const answer = idp.refresh(stored.refreshToken, stored, requestId).catch((error: unknown) => asAppError(error));
    await steps('request-sent');
    const settled = await answer;
    await steps('answer-received');
    return settled;
  };

  return {
    async recall(stored) {
      const found = await store.intent();
      intent = found !== null && isAbout(found, stored) ? found : null;
      if (found !== null && intent === null) await closeIntent();
      return intent === null ? 'ready' : intent.attempts === 1 ? 'replay' : 'spent';
    },

    async rotate(stored, isCurrent, requestId) {
      const notYet = await keepUnkept();
      const before = intent !== null && isAbout(intent, stored) ? intent : null;
      if (notYet !== null) return { kind: 'postponed', error: notYet, unknown: before !== null };
      // check: rotation-replay-once
      if (before?.attempts === 2) return { kind: 'spent', error: lost() };
      // end check
      const mine: Intent = { id: stored.id, generation: stored.generation, attempts: before === null ? 1 : 2 };
      try {
        // check: rotation-write-ahead
        await store.keepIntent(mine);
        // end check
      } catch (error) {
        return { kind: 'postponed', error: asAppError(error), unknown: before !== null };
      }
      intent = mine;
      await steps('intent-written');

      const answer = await send(stored, requestId);
      // check: rotation-not-after-the-end
      if (!isCurrent()) return { kind: 'too-late', stored: answer instanceof AppError ? null : following(stored, answer, clock) };
      // end check
      if (answer instanceof AppError) {
        const outcome = judge(answer, before);
        if (outcome.kind === 'postponed' && didNotCount(answer)) await takeBack(before);
        return outcome;
      }
      const next = following(stored, answer, clock);
      unkept = next;
      let problem: AppError | null = null;
      // check: rotation-sealed-before-use
      problem = await keepUnkept();
      // end check
      return { kind: 'renewed', stored: next, subjectToken: answer.subjectToken, unkept: problem };
    },

    leaveUnkept(stored) {
      unkept = stored;
    },
    keepUnkept,
    forget() {
      intent = null;
      unkept = null;
    },
  };
}

const isAbout = (intent: Intent, stored: StoredSession): boolean => intent.id === stored.id && intent.generation === stored.generation;

const following = (stored: StoredSession, answer: Refreshed, clock: Clock): StoredSession => ({
  ...stored,
  generation: stored.generation + 1,
  refreshToken: answer.refreshToken,
  renewedAt: clock.now(),
  // The sign-in's assurance stays as it was: a renewal proves nothing new about the person.
  identity: { ...stored.identity, groups: answer.groups, claims: answer.claims },
});

/**
 * The provider cannot have spent the token: the request never left, the provider itself said "not now", or its metadata cannot
 * be trusted, which is found out before anything is sent (a redirect is an answer to the request).
 */
const didNotCount = ({ code, reason }: AppError): boolean =>
  beforeSending.has(code) ||
  (code === 'VAULT_CORRUPT' && reason === 'proof-key') ||
  (code === 'ISSUER_UNREACHABLE' ? reason === 'unsent' || reason === 'answered' : code === 'ISSUER_INVALID' && reason !== 'redirect');

/** The provider answered with tokens that must not be used; the ones they replace are spent. */
const unusableAnswer = (error: AppError): boolean => hasCode(error, 'ID_TOKEN_REJECTED', 'CLOCK_SKEW', 'TOKEN_BOUND');

/** @param before the intent that was there already: its presence makes this try the replay */
function judge(error: AppError, before: Intent | null): RotationOutcome {
  if (didNotCount(error)) return { kind: 'postponed', error, unknown: before !== null };
  if (error.code === 'SESSION_REFUSED') return { kind: 'refused', error: before === null ? error : lost(error) };
  if (unusableAnswer(error)) return { kind: 'refused', error };
  return before === null ? { kind: 'postponed', error, unknown: true } : { kind: 'spent', error: lost(error) };
}

const lost = (cause?: AppError): AppError => new AppError('SESSION_LOST', cause === undefined ? {} : { cause });
