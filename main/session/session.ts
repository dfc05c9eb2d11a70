/**
 * What a sign-in leaves behind, for one profile: an identity, how strongly it was proven, and the right to ask the identity
 * provider for the JWT that workspaces take in exchange. It holds, renews and ends that; it never knows who asks, and neither
 * the refresh token nor the JWT leaves it but for the provider and the exchange.
 */
import type { ActionOutcome } from '../../preload/contract/key-registration.ts';
import type { SessionView, SignOutReport } from '../../preload/contract/session.ts';
import { AppError, asAppError, hasCode } from '../app-error.ts';
import type { AuditEvent, AuditLog } from '../audit/event.ts';
import type {
  AssuranceLevel,
  Identity,
  IdentityProvider,
  PolicyClaims,
  Revocation,
  SignedIn,
  StepUpDemand,
  SubjectToken,
} from '../idp/signed-in.ts';
import type { Clock, Log } from '../ports.ts';
import type { Profile } from '../profile/profile.ts';
import { type OnTimed, stopwatch } from '../timed.ts';
import { later, type Ms } from '../units.ts';
import type { Vault } from '../vault/vault.ts';
import { createBackoff } from './backoff.ts';
import { deadline } from './deadline.ts';
import { createEnding, type EndListener, FAREWELL } from './ending.ts';
import { beginLife, dropTokens } from './live-session.ts';
import { createRenewal } from './renewal.ts';
import { recallSession } from './resuming.ts';
import { createRotation, type RotationStep } from './rotation.ts';
import { createServing } from './serving.ts';
import { createBackground, iso, newState, reasonOf, recordTo, within } from './session-state.ts';
import { sessionView } from './session-view.ts';
import { createSessionStore, type StoredSession } from './stored-session.ts';
import { createUpkeep } from './upkeep.ts';

export interface Session {
  /**
   * At agent start, and once the vault is open again: adopts what the vault holds. Over a vault that is sealed the session is locked.
   * Never throws for a session that is lost: `view()` tells. Does not wait for the network.
   */
  resume(): Promise<void>;
  /**
   * Lets go of the refresh token and the provider's JWT. A renewal under way is written to the vault first, so call it before the
   * vault is locked; after 5 s it is left to itself, and the next opening replays it as after a crash. Never throws.
   */
  lock(): Promise<void>;
  /**
   * Signs a person in. A running session goes on until the new one takes its place; a locked one is locked no more.
   * @param options.provesKey it follows the registration of a key at the provider: one that shows too little takes no session's place
   * @throws AppError VAULT_SEALED | PASSPHRASE_NEEDED: the vault is locked, and whoever was told of the sign-in (`beforeKeeping`) did not open it
   * @throws AppError LOGIN_IN_PROGRESS | LOGIN_* | ISSUER_* | ID_TOKEN_REJECTED | ASSURANCE_TOO_LOW | KEY_UNPROVEN | CLOCK_SKEW | AUDIT_UNWRITABLE
   */
  signIn(options: { onUrl: (url: URL) => void; demand?: StepUpDemand; provesKey?: boolean }): Promise<SessionView>;
  /**
   * Has the provider let a person register a security key; it waits in the browser as a sign-in does, and in its place. A session is
   * neither begun nor changed by it.
   * @returns what the provider says came of it, which proves nothing
   * @throws AppError LOGIN_IN_PROGRESS | LOGIN_* | ISSUER_* | KEY_PAGE_UNKNOWN
   */
  registerKey(options: { onUrl: (url: URL) => void }): Promise<ActionOutcome>;
  /** A registration, too. False where none waits. */
  cancelSignIn(): boolean;
  view(): SessionView;
  /** The claims that policy may ask for; none where nobody is signed in. */
  claims(): PolicyClaims;
  /**
   * The provider's JWT with more than half its life, and more than `needs.life`, left; renewed once for all who wait where the
   * one at hand is older. While the provider cannot renew it, an older one is served as long as it covers `needs.life`.
   *
   * @throws AppError LOCKED
   * @throws AppError SIGNED_OUT | SESSION_EXPIRED | SESSION_REFUSED | SESSION_LOST | ISSUER_UNREACHABLE | ID_TOKEN_REJECTED | CLOCK_SKEW | DISK_FULL
   * @throws AppError TOKEN_TOO_SHORT: not even a new one lasts that long
   */
  subjectToken(needs: { life: Ms }): Promise<SubjectToken>;
  /** A token was asked for: the idle limit starts anew. */
  touch(): void;
  /** Ends the session, sweeps the vault, revokes; never throws, the report says what was and was not done. */
  signOut(why: 'signed-out' | 'reset' | 'revoked'): Promise<SignOutReport>;
  /**
   * Told once a session is over: 'signed-out', 'reset', 'expired', 'idle', 'refused', 'lost', 'replaced' (somebody else signed in);
   * and the failure that ended it, null where the person did.
   */
  onEnd(listener: EndListener): void;
  /** Told when the view has something new to say of a session that goes on, or of none: a sign-in begins to wait or is over, a renewal was tried. */
  onChange(listener: () => void): void;
  /** Stops the timers and keeps the stored session; resolves when a renewal under way has been written, after 5 s at the latest. */
  close(): Promise<void>;
}

interface Parts {
  profile: Profile;
  idp: IdentityProvider;
  vault: Vault;
  clock: Clock;
  random: (bytes: number) => Buffer;
  audit: AuditLog;
  log: Log;
  /** A person is proven and nothing of them is kept yet: whoever locked the vault can open it for them. What it throws ends the sign-in. */
  beforeKeeping?: (identity: Identity) => Promise<void>;
  /** Told of each sign-in and renewal. */
  timed?: OnTimed | undefined;
  /** Observes a rotation step by step; see rotation.ts. */
  steps?: (step: RotationStep) => void | Promise<void>;
}

export function createSession({
  profile,
  idp,
  vault,
  clock,
  random,
  audit,
  log,
  beforeKeeping = async () => undefined,
  timed,
  steps = () => undefined,
}: Parts): Session {
  const { name, limits } = profile;
  const state = newState();
  /** Grows with each lock: a session that was being recalled when it came must not be taken up after it. */
  let locks = 0;
  const background = createBackground();
  const watchers: (() => void)[] = [];
  const changed = (): void => {
    for (const watcher of watchers) watcher();
  };
  const record = recordTo(audit, log, state);
  const store = createSessionStore(vault, name);
  const rotation = createRotation({ store, idp, clock, log, steps });
  const backoff = createBackoff(clock, random);
  const reset = (): void => {
    rotation.forget();
    backoff.forget();
    upkeep.schedule();
  };
  const renewal = createRenewal({
    profile: name,
    state,
    rotation,
    backoff,
    clock,
    random,
    record,
    timed,
    ending: () => ending,
    afterwards() {
      upkeep.tick();
      changed();
    },
  });
  const renewalUnderWay = (): Promise<unknown> | null => renewal.underWay()?.done.catch(() => undefined) ?? null;
  const ending = createEnding({ profile: name, state, store, idp, clock, log, record, background, renewalUnderWay, reset });
  const upkeep = createUpkeep({ profile, state, store, rotation, renewal, backoff, ending, background, clock, log });
  const serve = createServing({ state, renewal, backoff, clock, enforceLimits: upkeep.enforceLimits });

  const view = (): SessionView => {
    upkeep.enforceLimits();
    return sessionView(name, state, vault.kind !== 'memory');
  };

  /** The checked answer of the provider is taken in once the audit log knows of it; else the token is given back. */
  const takeIn = async (asked: Parameters<IdentityProvider['signIn']>[0] & { requestId: string }): Promise<void> => {
    const { signal } = asked;
    const signedIn = await idp.signIn(asked);
    const stopIfCancelled = (): void => {
      // check: session-sign-in-cancelled
      if (signal.aborted) throw new AppError('LOGIN_CANCELLED');
      // end check
    };
    try {
      stopIfCancelled();
      audit.append(signedInEvent(name, signedIn, asked.requestId));
      await beforeKeeping(signedIn.identity);
      // A lock that came meanwhile has cancelled the sign-in; between here and the session that begins, nothing can come.
      stopIfCancelled();
      // check: session-not-into-a-locked-vault
      if (vault.locked) throw new AppError(vault.sealing === 'passphrase' ? 'PASSPHRASE_NEEDED' : 'VAULT_SEALED', { reason: 'locked' });
      // end check
      await adopt(signedIn);
    } catch (error) {
      if (signedIn.refreshToken !== null) await ending.discard(signedIn.refreshToken, signedIn.identity);
      throw error;
    }
  };

  const adopt = async ({ signedInAt, identity, assurance, subjectToken, refreshToken, nonceDigest, proofKey }: SignedIn): Promise<void> => {
    const times = { signedInAt, renewedAt: signedInAt, lastUsedAt: clock.now() };
    const { issuer, clientId } = profile.idp;
    const id = random(16).toString('hex');
    const stored: StoredSession | null = refreshToken && {
      id,
      generation: 1,
      issuer,
      clientId,
      refreshToken,
      identity,
      assurance,
      nonceDigest,
      proofKey,
      ...times,
    };
    const before = state.live ?? state.shell;
    if (before !== null && before.identity.subject !== identity.subject) {
      const leaving = ending.leave('replaced');
      if (leaving !== null) background.add(ending.dismiss(leaving));
      else record({ type: 'session.ended', profile: name, subject: before.identity.subject, why: 'replaced', refreshToken: 'none' });
    }
    reset();
    Object.assign(state, { ended: null, lastFailure: null, renewalProblem: null, locked: false, shell: null });
    state.live = beginLife({ clock, limits, identity, assurance, stored, jwt: subjectToken, ...times });
    rotation.leaveUnkept(stored);
    state.unkept = stored === null ? await ending.wipe() : await rotation.keepUnkept();
    upkeep.schedule();
  };

  /** The browser is asked for one thing at a time. */
  const attempt = async <T>(run: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    // check: session-one-sign-in
    if (state.attempt !== null) throw new AppError('LOGIN_IN_PROGRESS');
    // end check
    const controller = new AbortController();
    state.attempt = controller;
    changed();
    try {
      return await run(controller.signal);
    } finally {
      state.attempt = null;
      changed();
    }
  };

  const floor = (): AssuranceLevel => (state.live ?? state.shell)?.assurance.level ?? 'unknown';

  return {
    async resume() {
      if (state.live !== null) return;
      const before = locks;
      try {
        const recalled = await recallSession({ profile, store, rotation, clock, log });
        // check: session-resume-overtaken
        if (locks !== before) return;
        // end check
        Object.assign(state, { locked: false, shell: null, lastFailure: null });
        if (recalled === null) return;
        state.live = recalled.session;
        if (recalled.lost) ending.end('lost', new AppError('SESSION_LOST'));
        upkeep.enforceLimits();
        if (state.live !== null) record({ type: 'session.resumed', profile: name, subject: recalled.session.identity.subject });
        upkeep.tick();
      } catch (error) {
        state.locked = hasCode(error, 'VAULT_SEALED', 'PASSPHRASE_NEEDED');
        if (state.locked) return;
        state.shell = null;
        state.lastFailure = asAppError(error);
        log('session.not-resumed', { profile: name, code: state.lastFailure.code });
      }
    },

    async lock() {
      locks += 1;
      state.locked = true;
      state.attempt?.abort();
      upkeep.schedule();
      // check: session-lock-writes-first
      await within(clock, FAREWELL, Promise.all([background.settled(), renewalUnderWay(), rotation.keepUnkept()]));
      // end check
      const { live } = state;
      // check: session-lock-forgets
      if (live !== null) state.shell = dropTokens(live, vault.sealing === 'key' || vault.sealing === 'passphrase');
      Object.assign(state, { live: null, renewalProblem: null, unkept: null });
      // end check
      reset();
      forgetLastMatch();
    },

    async signIn({ provesKey = false, ...asked }) {
      await attempt(async (signal) => {
        const requestId = random(8).toString('hex');
        const took = stopwatch({ clock, timed }, { what: 'sign-in', profile: name, requestId });
        try {
          await takeIn({ signal, requestId, ...asked, ...(provesKey ? { provesKey: { floor: floor() } } : {}) });
          took(null);
        } catch (error) {
          const failure = asAppError(error);
          took(failure.code);
          state.lastFailure = failure;
          record({ type: 'session.sign-in-failed', profile: name, code: failure.code, ...reasonOf(failure), requestId });
          throw failure;
        }
      });
      return view();
    },

    registerKey: ({ onUrl }) => attempt((signal) => idp.registerKey({ signal, onUrl })),

    cancelSignIn() {
      if (state.attempt === null) return false;
      state.attempt.abort();
      return true;
    },

    view,
    claims: () => state.live?.identity.claims ?? {},
    subjectToken: ({ life }) => serve(life),

    touch() {
      // A use does not wake a session whose time was up before it.
      upkeep.enforceLimits();
      if (state.live === null) return;
      state.live.lastUsedAt = clock.now();
      state.live.idle = deadline(clock, later(state.live.lastUsedAt, limits.idle));
    },

    async signOut(why) {
      state.attempt?.abort();
      const { shell } = state;
      const leaving = ending.leave(why);
      state.ended = null;
      state.lastFailure = null;
      const problem = await ending.wipe();
      // What was sealed is gone: there is nothing left for a key to open.
      if (problem === null && state.shell === null) state.locked = false;
      const nobody: Revocation = {
        refreshToken: 'none',
        detail: shell === null ? 'Nobody was signed in.' : 'Lakepass is locked: what was sealed is erased, but could not be revoked.',
      };
      const revocation = leaving === null ? nobody : await ending.revoke(leaving);
      const person = leaving ?? shell;
      if (person !== null)
        record({ type: 'session.ended', profile: name, subject: person.identity.subject, why, refreshToken: revocation.refreshToken });
      const vaultOutcome = problem === null ? 'erased' : 'failed';
      return {
        profile: name,
        why,
        sessionEnded: person !== null,
        ...revocation,
        vault: vaultOutcome,
        problem: problem?.toFailure() ?? null,
      };
    },

    onEnd: ending.onEnd,
    onChange: (listener) => void watchers.push(listener),

    async close() {
      upkeep.stop();
      state.attempt?.abort();
      await within(clock, FAREWELL, Promise.all([background.settled(), renewalUnderWay()]));
    },
  };
}

/** V8 remembers the text of the last match (`RegExp.$_`) until the next one: the form of a token is checked by one. */
function forgetLastMatch(): void {
  /x/.test('x');
}

const signedInEvent = (profile: string, { identity, assurance, binding }: SignedIn, requestId: string): AuditEvent => ({
  type: 'session.signed-in',
  profile,
  issuer: identity.issuer,
  subject: identity.subject,
  username: identity.username,
  assurance: assurance.level,
  acr: assurance.acr,
  amr: assurance.amr,
  authTime: assurance.authTime === null ? null : iso(assurance.authTime),
  binding,
  requestId,
});
