/**
 * The agent: what the doors ask for, said in the words of the nouns. It joins profiles, sessions, tokens, grants, answers and keys; it
 * holds no secret of its own and knows nothing of HTTP.
 */
import type { z } from 'zod';
import type { CallerView } from '../../preload/contract/caller.ts';
import type { AskView, Purpose } from '../../preload/contract/consent.ts';
import type { GrantMade, LogKeyView, tokenRequestSchema } from '../../preload/contract/control.ts';
import type { Failure, FailureCode } from '../../preload/contract/failure.ts';
import type { LockView } from '../../preload/contract/lock.ts';
import type { SessionView } from '../../preload/contract/session.ts';
import { AppError, asAppError } from '../app-error.ts';
import type { AuditLog } from '../audit/event.ts';
import type { AuditRecord } from '../audit/log.ts';
import type { Tally } from '../audit/tally.ts';
import type { Broker } from '../broker/broker.ts';
import { type Caller, type Callers, sameProcess } from '../caller/caller.ts';
import type { ControlledAgent, StopReason } from '../control/routes.ts';
import { bundleNames, bundles } from '../databricks/scopes.ts';
import type { Tokens } from '../databricks/tokens.ts';
import type { Ask, Consents } from '../grant/consents.ts';
import type { Grant, Grants } from '../grant/grants.ts';
import type { Members } from '../grant/members.ts';
import type { Permissions } from '../grant/permissions.ts';
import type { StepUpDemand } from '../idp/signed-in.ts';
import type { Lock } from '../lock/lock.ts';
import type { TapKeys } from '../passkey/tap-keys.ts';
import type { Policy, Question } from '../policy/question.ts';
import type { Clock } from '../ports.ts';
import type { Profile, ServicePrincipal } from '../profile/profile.ts';
import { Secret } from '../secret.ts';
import type { RunningPrincipal } from '../service-principal/service-principal.ts';
import type { Session } from '../session/session.ts';
import { type EpochMs, type Ms, minutes } from '../units.ts';
import type { Vault } from '../vault/vault.ts';
import { type Access, nameOf } from './access.ts';
import type { Approvals, Tell } from './approvals.ts';
import { type Ceremonies, type Person, personIn } from './ceremonies.ts';
import { createFollowers } from './followers.ts';
import type { GrantMaking } from './grant-making.ts';
import type { Locking } from './locking.ts';
import type { FileKind, OwnFiles } from './own-files.ts';
import { createPrintedTokens } from './printed-tokens.ts';
import type { Questions } from './questions.ts';
import { createGrantView, type StatusParts, statusOf } from './status.ts';

/** Whoever tokens and grants can be for: the person of a profile, or a service principal of its own. */
export interface Principal {
  profile: Profile | ServicePrincipal;
  session: Pick<Session, 'view' | 'claims' | 'touch'>;
  tokens: Tokens;
}

/** One profile at work. */
export interface Company extends Principal {
  profile: Profile;
  session: Session;
  /** What came of the last attempt to open the browser. */
  browser: (mayOpen: boolean) => Promise<'opened' | 'none'>;
  /** Client id of the service principal that tokens act as in the person's place, null where of none; undefined where as the person. */
  actsAs(): string | null | undefined;
}

/** An act that is everybody's, and so the keeper's to approve. `about`: what tells it from another of its kind. */
export interface TapFor {
  purpose: Purpose;
  words: readonly string[];
  about?: string;
}

/** One line of an answer that may take a while. */
type Line<T> = T | { asking: AskView; url: string | null } | { failure: Failure };

interface Parts extends StatusParts {
  grants: Grants;
  members: Members;
  consents: Consents;
  approvals: Approvals;
  making: GrantMaking;
  access: Access;
  ceremonies: Ceremonies;
  callers: Pick<Callers, 'inspect'>;
  tapKeys: TapKeys;
  lock: Lock;
  vault: Vault;
  policy: () => Policy;
  describe: (caller: Caller) => CallerView;
  scopeWords: (scopes: readonly string[]) => string[];
  /** A page on which a key opens the vault. */
  ceremonyPage: (ticket: string) => Promise<{ url: string; browser: 'opened' | 'none' }>;
  broker: Pick<Broker, 'grantUrl'>;
  audit: AuditLog & {
    tail(count: number): readonly AuditRecord[] | Promise<readonly AuditRecord[]>;
    folder: string;
    key(): LogKeyView | null;
  };
  clock: Clock;
  questions: Questions;
  requireTapKeys?: (person: Pick<Grant, 'issuer' | 'subject'>) => void;
  /** Ourselves, as a program: for the question which sign-in policy wants at most. */
  self: Caller;
  locking: Locking;
  files: OwnFiles;
  permissions: Pick<Permissions, 'denied' | 'forgive'>;
  tally: Tally;
  stop: (why: StopReason) => void;
  /** True: the end of the agent leaves nothing to open in a next start. False: whoever was about to leave has come back. */
  leave: (leaving: boolean) => void;
}

export interface Agent extends ControlledAgent {
  /**
   * @param mayOpen false where whoever asks opens the address itself
   * @param provesKey it follows the registration of a key at the provider
   */
  beginSignIn(
    ...asked: [...Parameters<ControlledAgent['beginSignIn']>, mayOpen?: boolean, provesKey?: boolean]
  ): ReturnType<ControlledAgent['beginSignIn']>;
  /** A profile of people. @throws AppError CONFIG_MISSING | CONFIG_UNAPPROVED (lost) | PROFILE_NEEDED | PROFILE_UNKNOWN | PRINCIPAL_NO_SIGN_IN */
  company(name: string | undefined): Company;
  /** A profile or a service principal; the only profile where none is named. @throws AppError CONFIG_MISSING | CONFIG_UNAPPROVED (lost) | PROFILE_NEEDED | PROFILE_UNKNOWN */
  principal(name: string | undefined): Principal;
  /** The control door refused a request, or a route of it did. */
  controlRefused(verb: string, code: FailureCode, by: Caller): void;
  /** @returns how many were changed. @throws AppError GRANT_UNKNOWN: nothing was changed */
  pauseGrants(ids: readonly string[], paused: boolean): Promise<number>;
  /** Waits for a touch of the keeper's. @throws AppError as `Approvals.request` */
  askForTap(what: TapFor, by: Caller, signal: AbortSignal): Promise<void>;
  /** The same for whoever does not wait: `then` once it was touched. @returns the id of the request. @throws AppError as `Approvals.post` */
  postForTap(what: TapFor, by: Caller, then: () => Promise<void>): string;
  /** A file of the person's own has changed: whether it is to hold is for a tap to say. */
  askAboutFile(kind: FileKind, hash: string): boolean;
  /** Told after each sign-in that went well. */
  onSignIn(listener: () => void): void;
  /** Policy will ask for a fresh sign-in soon. */
  stepUpDue(grant: string, failure: Failure): void;
  /** The broker refused a grant: whoever follows it is told. */
  grantRefused(grant: string, failure: Failure): void;
  /** Where the browser goes that has just completed a sign-in: to enrol the first key, or nowhere. */
  firstKeyTicket(profile: string, person: Pick<Person, 'issuer' | 'subject'>): string | null;
}

export function createAgent(parts: Parts): Agent {
  const attempts = new Map<string, Promise<SessionView>>();
  const signInListeners: (() => void)[] = [];
  const grantView = createGrantView(parts);

  const { companies, servicePrincipals } = parts;

  /** People first: whoever names nobody means themselves. */
  const principal = (name: string | undefined): Principal => {
    const named = companies.size > 0 ? companies : servicePrincipals;
    if (named.size === 0) throw parts.files.lostConfig() ?? new AppError('CONFIG_MISSING', { detail: `Expected at ${parts.configFile}.` });
    if (name === undefined && named.size > 1)
      throw new AppError('PROFILE_NEEDED', { detail: [...companies.keys(), ...servicePrincipals.keys()].join(', ') });
    const found = name === undefined ? [...named.values()][0] : (companies.get(name) ?? servicePrincipals.get(name));
    if (found === undefined) throw new AppError('PROFILE_UNKNOWN');
    return found;
  };

  const company = (name: string | undefined): Company => {
    const { profile } = principal(name);
    const found = companies.get(profile.name);
    // check: principal-no-sign-in
    if (found === undefined) throw new AppError('PRINCIPAL_NO_SIGN_IN', { detail: `${profile.name} is a service principal.` });
    // end check
    return found as Company;
  };

  const ownPrincipal = (name: string): RunningPrincipal => {
    const found = servicePrincipals.get(name);
    if (found === undefined) throw new AppError('PROFILE_UNKNOWN', { detail: [...servicePrincipals.keys()].join(', ') });
    return found;
  };

  /** Whoever signs in inherits nothing: the broker would refuse those grants anyway, and here they leave the list. */
  const endGrantsOfOthers = ({ name }: Profile, view: SessionView): Promise<number> =>
    parts.grants.endWhere(
      (grant) => grant.profile === name && (grant.subject !== view.identity?.subject || grant.issuer !== view.identity?.issuer),
      'other-person',
    );

  const followers = createFollowers(parts);
  const printedTokens = createPrintedTokens({ ...parts, principal });

  function controlRefused(verb: string, code: FailureCode, by: Caller): void {
    const named = nameOf(by, parts.describe);
    parts.tally.count(`control.refused ${verb} ${code} ${named.caller}`, (count) => ({
      type: 'control.refused',
      verb,
      code,
      ...named,
      count,
    }));
  }

  /** A request that may wait for a person, as lines: what is asked, and how it ended. A refusal is recorded as the door records its own. */
  const progress =
    <T>(verb: string, by: Caller, run: (tell: Tell, signal: AbortSignal) => Promise<T>) =>
    async (send: (line: Line<T>) => void, signal: AbortSignal): Promise<void> => {
      try {
        send(await run(send, signal));
      } catch (error) {
        const failure = asAppError(error);
        if (failure.code === 'INTERNAL') throw error;
        controlRefused(verb, failure.code, by);
        send({ failure: failure.toFailure() });
      }
    };

  const accountOf = ({ profile, workspace }: Grant): { accountId?: string } => {
    const accountId = principal(profile).profile.workspaces.find(({ host }) => host === workspace)?.accountId;
    return accountId === undefined ? {} : { accountId };
  };

  const made = ({ grant, secret }: Awaited<ReturnType<GrantMaking['make']>>): { made: GrantMade } => ({
    made: { grant: grantView(grant), host: grant.workspace, ...accountOf(grant), url: parts.broker.grantUrl(secret) },
  });

  const beginSignIn: Agent['beginSignIn'] = async ({ profile: name, stepUp }, by, mayOpen = true, provesKey = false) => {
    const { profile, session, browser } = company(name);
    // check: agent-sign-in-attributed
    parts.audit.append({ type: 'session.sign-in-asked', profile: profile.name, ...nameOf(by, parts.describe) });
    // end check
    const opened = browser(mayOpen);
    const wasLocked = parts.lock.state() === 'locked';
    const demand = demandFor(profile.name, { stepUp, isLocked: wasLocked });
    const url = await new Promise<URL>((resolve, reject) => {
      const attempt = session
        .signIn({ onUrl: resolve, ...(demand === undefined ? {} : { demand }), ...(provesKey ? { provesKey } : {}) })
        .then(async (view) => {
          await signedIn(profile, view, wasLocked);
          return view;
        });
      attempt.catch(reject);
      rememberUnlessBusy(attempts, profile.name, attempt);
    });
    return { profile: profile.name, url: url.href, browser: await opened };
  };

  /** @param wasLocked when it began, and so a fresh sign-in was demanded */
  async function signedIn(profile: Profile, view: SessionView, wasLocked: boolean): Promise<void> {
    parts.leave(false);
    parts.tapKeys.forgetTouches();
    await endGrantsOfOthers(profile, view);
    await parts.files.provenBySignIn();
    let mayOpen = parts.lock.state() === 'locked';
    // check: agent-lock-outlives-older-sign-in
    mayOpen &&= wasLocked;
    // end check
    const seenAt = view.assurance?.authTime ?? null;
    // Other profiles were locked with this one, and what they keep can be opened again.
    if (mayOpen) await parts.locking.reopen();
    else if (seenAt !== null) parts.lock.seenAt(Date.parse(seenAt) as EpochMs);
    for (const listener of signInListeners) listener();
  }

  function demandFor(profile: string, { stepUp, isLocked }: { stepUp: boolean; isLocked: boolean }): StepUpDemand | undefined {
    let demand = stepUp ? stepUpDemand(profile) : undefined;
    // What is locked is opened by a person who is there: a sign-in that the browser still remembers shows nobody.
    // check: agent-locked-fresh-sign-in
    if (isLocked) demand = { acr: demand?.acr ?? [], maxAge: minutes(1) };
    // end check
    return demand;
  }

  /** The strongest sign-in that any rule of the policy asks of this person here; a fresh one where none says more. */
  function stepUpDemand(profile: string): StepUpDemand {
    const workspaces = company(profile).profile.workspaces;
    const asked = workspaces.flatMap(({ host }) =>
      bundleNames.flatMap((name) => {
        const question = questionFor(profile, new URL(host).origin, [...bundles[name]].sort());
        return (question && parts.policy().evaluate(question).stepUp) ?? [];
      }),
    );
    const [first] = asked;
    if (first === undefined) return { acr: company(profile).profile.assurance.acrValues, maxAge: minutes(1) };
    return { acr: first.acr, maxAge: Math.min(...asked.map(({ maxAge }) => maxAge)) as Ms };
  }

  const questionFor = (profile: string, workspace: string, scopes: readonly string[]): Question | null =>
    parts.questions({ action: 'create', profile, caller: parts.self, workspace, scopes, life: null });

  const tapAsk = ({ purpose, words, about = '' }: TapFor, by: Caller): Ask => ({
    ...{ purpose, caller: by, expected: null, profile: null, workspace: null, scopes: [], words, grant: null, label: '' },
    ...{ until: null, approval: 'tap', spans: ['once'], key: `${purpose} ${about} ${by.process?.pid ?? ''}` },
  });

  const askForTap: Agent['askForTap'] = async (what, by, signal) => {
    await parts.approvals.request(tapAsk(what, by), { signal, tell: () => undefined });
  };

  function requireGrants(ids: Iterable<string>): void {
    for (const id of ids) if (parts.grants.get(id) === undefined) throw new AppError('GRANT_UNKNOWN');
  }

  const endGrants: ControlledAgent['endGrants'] = async ({ ids, all, why }) => {
    if (all === true) return parts.grants.endWhere(() => true, why);
    const named = new Set(ids ?? []);
    requireGrants(named);
    return parts.grants.endWhere((grant) => named.has(grant.id), why);
  };

  const signOut: ControlledAgent['signOut'] = async (name) => {
    const leaving = name === undefined ? [...parts.companies.values()] : [company(name)];
    return Promise.all(
      leaving.map(async ({ profile, session, tokens }) => {
        const report = await session.signOut('signed-out');
        tokens.forget();
        await parts.grants.endWhere((grant) => grant.profile === profile.name, 'signed-out');
        parts.access.changed();
        return report;
      }),
    );
  };

  const cancelSignIn = (name: string | undefined): boolean => company(name).session.cancelSignIn();

  return {
    status: () => statusOf(parts),
    beginSignIn,

    async signInOutcome(name) {
      const { profile, session } = company(name);
      return { profile: profile.name, session: await (attempts.get(profile.name) ?? session.view()) };
    },

    cancelSignIn,
    signOut,

    makeGrant: (request, by) =>
      progress('/v1/grants', by, async (tell, signal) => made(await parts.making.make(request, by, { tell, signal }))),

    async addChild({ grant: id, pid }, by) {
      const grant = parts.grants.get(id);
      if (grant === undefined) throw new AppError('GRANT_UNKNOWN');
      const child = await parts.callers.inspect(pid);
      // check: child-named-by-run
      if (child === null || grant.binding.kind !== 'run' || by.process === null || !sameProcess(grant.binding.root, by.process))
        throw new AppError('CALLER_REFUSED', { reason: 'child' });
      // end check
      parts.members.addChild(grant, child);
      return grantView(grant);
    },

    widen: (request, by) =>
      progress('/v1/grants/widen', by, async (tell, signal) => {
        const widened = await parts.making.widen(request, by, { tell, signal });
        parts.access.changed();
        return { widened: grantView(widened) };
      }),

    grants: () => parts.grants.list().map(grantView),
    endGrants,

    async pauseGrants(ids, paused) {
      const named = new Set(ids);
      requireGrants(named);
      let changed = 0;
      for (const id of named) if (await parts.grants.pause(id, paused)) changed += 1;
      return changed;
    },

    followGrant: (id, by, send, signal) => followers.follow(id, by, send, signal),
    stepUpDue: (id, failure) => followers.tell(id, { due: failure }),
    grantRefused: (id, failure) => followers.tell(id, { refused: failure }),

    async token(request, by) {
      const covering = parts.making.covering(request, by);
      if (covering === undefined) throw new AppError('TAP_NEEDED', { reason: 'no-grant' });
      return printedTokens.tokenOf(covering.grant, covering.scopes, by);
    },

    askForToken: (request: z.output<typeof tokenRequestSchema>, by) =>
      progress('/v1/token/ask', by, async (tell, signal) => {
        if (parts.making.covering(request, by) === undefined) await parts.making.makeForTool(request, by, { tell, signal });
        const covering = parts.making.covering(request, by);
        if (covering === undefined) throw new AppError('CALLER_REFUSED', { reason: 'member' });
        return { token: await printedTokens.tokenOf(covering.grant, covering.scopes, by) };
      }),

    denied: () => ({
      denied: parts.permissions.denied().map(({ deniedAt, ...program }) => ({ ...program, deniedAt: new Date(deniedAt).toISOString() })),
    }),

    forgetDenial(id, by) {
      // check: denial-kept-from-ai-agent
      if (by.aiAgent !== null) throw new AppError('CALLER_REFUSED', { reason: by.kind });
      // end check
      const forgotten = parts.permissions.forgive(id);
      parts.access.changed();
      return forgotten;
    },

    openUi: () => parts.approvals.openUi(),

    async lock() {
      await parts.lock.lock('command');
      return parts.lockView();
    },

    async unlock({ passphrase }, by) {
      const nothing = (): { lock: LockView; url: null; browser: 'none' } => ({ lock: parts.lockView(), url: null, browser: 'none' });
      const { state, unlockBy } = parts.lockView();
      if (state === 'open') return nothing();
      if (state === 'away') {
        // check: away-not-ended-by-ai-agent
        if (by.aiAgent !== null) throw new AppError('CALLER_REFUSED', { reason: by.kind });
        // end check
        // A desktop that tells of a lock may never tell of its end.
        parts.lock.back();
        return nothing();
      }
      if (unlockBy.includes('passphrase')) {
        if (passphrase === undefined) throw new AppError('PASSPHRASE_NEEDED');
        await parts.locking.unlockWithPassphrase(passphrase);
        return nothing();
      }
      if (!unlockBy.includes('key')) throw new AppError('SIGNED_OUT', { detail: 'A fresh sign-in opens it.' });
      const page = await parts.ceremonyPage(parts.ceremonies.begin({ kind: 'unlock' }));
      return { lock: parts.lockView(), ...page };
    },

    async seal({ how, passphrase }, by, signal) {
      if (how === 'passphrase' && passphrase === undefined) throw new AppError('PASSPHRASE_NEEDED');
      const words = [
        how === 'passphrase' ? 'The vault will open with a passphrase.' : 'Any program that runs as you will be able to open the vault.',
      ];
      // check: sealing-needs-tap
      await askForTap({ purpose: 'seal', words }, by, signal);
      // end check
      await parts.locking.sealOtherwise(how, passphrase);
      return parts.lockView();
    },

    async reset(by, { leaving = false } = {}) {
      // check: reset-not-by-ai-agent
      if (by.aiAgent !== null) throw new AppError('CALLER_REFUSED', { reason: by.kind });
      // end check
      const grants = await parts.grants.endWhere(() => true, 'reset');
      const keys = parts.tapKeys.list().length;
      for (const { session, tokens } of parts.companies.values()) {
        await session.signOut('reset');
        tokens.forget();
      }
      for (const { id } of parts.permissions.denied()) parts.permissions.forgive(id);
      await parts.tapKeys.eraseAll();
      await parts.locking.startAfresh();
      for (const { session, tokens } of servicePrincipals.values()) {
        tokens.forget();
        await session.resume();
      }
      await parts.files.forgetConfig();
      parts.audit.append({ type: 'agent.reset', grants, keys });
      parts.leave(leaving);
      parts.access.changed();
      return { grants, keys };
    },

    servicePrincipals: () => [...servicePrincipals.values()].map((each) => each.view()),

    async setSecret({ name, secret }, by) {
      const found = ownPrincipal(name);
      // check: secret-not-set-by-ai-agent
      if (by.aiAgent !== null) throw new AppError('CALLER_REFUSED', { reason: by.kind });
      // end check
      // check: secret-set-while-open
      if (parts.lock.state() === 'locked') throw new AppError('LOCKED');
      // end check
      parts.leave(false);
      await found.setSecret(new Secret(secret));
      parts.access.changed();
      return found.view();
    },

    async removeSecret({ name }, by) {
      const found = ownPrincipal(name);
      // check: secret-not-removed-by-ai-agent
      if (by.aiAgent !== null) throw new AppError('CALLER_REFUSED', { reason: by.kind });
      // end check
      await found.removeSecret();
      await parts.grants.endWhere((grant) => grant.profile === name, 'revoked');
      parts.access.changed();
      return found.view();
    },

    async auditTail(limit) {
      return { folder: parts.audit.folder, records: [...(await parts.audit.tail(limit))] };
    },

    auditKey() {
      const key = parts.audit.key();
      if (key === null) throw new AppError('AUDIT_NOT_SEALED');
      return key;
    },

    handOver(by) {
      // check: hand-over-not-by-ai-agent
      if (by.aiAgent !== null) throw new AppError('HANDOVER_REFUSED', { reason: 'ai-agent' });
      // end check
      // check: hand-over-not-from-screen
      if (parts.host === 'desktop') throw new AppError('HANDOVER_REFUSED', { reason: 'desktop', detail: 'It has a window of its own.' });
      // end check
      // check: hand-over-not-from-memory
      if (parts.vault.kind === 'memory')
        throw new AppError('HANDOVER_REFUSED', { reason: 'memory', detail: 'What it holds is in its memory alone and would be lost.' });
      // end check
      return { vault: parts.vault.kind, pid: process.pid };
    },

    stop: parts.stop,
    company,
    principal,
    onSignIn: (listener) => void signInListeners.push(listener),

    controlRefused,
    askForTap,
    postForTap: (what, by, then) =>
      parts.approvals.post(tapAsk(what, by), async (answer) => {
        if (answer?.verdict === 'approved') await then();
      }),

    askAboutFile(kind, hash) {
      if (parts.tapKeys.list().length === 0) return false;
      const purpose = kind === 'policy' ? 'policy' : 'profile';
      const ask: Ask = {
        ...{
          purpose,
          caller: parts.self,
          expected: null,
          profile: null,
          workspace: null,
          scopes: [],
          words: parts.files.words(kind, hash),
        },
        ...{ grant: null, label: '', until: null, approval: 'tap', spans: ['once'], key: `${kind} ${hash}` },
      };
      parts.approvals.post(ask, async (answer) => {
        if (answer?.verdict === 'approved') await parts.files.approve(kind, hash, `tap:${answer.tapKey ?? ''}`);
      });
      return true;
    },

    firstKeyTicket(name, person) {
      const attempt = attempts.get(name);
      // check: first-key-only-after-sign-in
      if (attempt === undefined || parts.tapKeys.ownedBy(person).length > 0) return null;
      // end check
      return parts.ceremonies.beginFirst(
        attempt.then((view) => {
          const signedIn = personIn(view);
          if (signedIn === null) throw new AppError('SIGNED_OUT');
          return signedIn;
        }),
      );
    },
  };
}

/** A second sign-in is refused by the session; the first one then stays the one that others wait for. */
function rememberUnlessBusy(attempts: Map<string, Promise<SessionView>>, profile: string, attempt: Promise<SessionView>): void {
  const before = attempts.get(profile);
  attempts.set(profile, attempt);
  attempt.catch((error: unknown) => {
    if (error instanceof AppError && error.code === 'LOGIN_IN_PROGRESS' && before !== undefined) attempts.set(profile, before);
  });
}
