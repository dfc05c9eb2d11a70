/**
 * How a grant comes about and how it grows: who asks, what policy says, what a person says, and only then the grant. Nothing a
 * program sends can make it wider than what was shown and approved.
 */
import type { z } from 'zod';
import type { CallerView } from '../../preload/contract/caller.ts';
import type { Approval, Span } from '../../preload/contract/consent.ts';
import type { grantRequestSchema, tokenRequestSchema, widenRequestSchema } from '../../preload/contract/control.ts';
import { AppError, hasCode } from '../app-error.ts';
import type { AuditLog } from '../audit/event.ts';
import type { Caller, ProcessRef } from '../caller/caller.ts';
import { aiAgentNamed } from '../caller/known-programs.ts';
import { requireAuthorised } from '../databricks/authorisation.ts';
import { cloudOf, levelOf, resolveScopes } from '../databricks/scopes.ts';
import { identityOf } from '../grant/grant.ts';
import type { Grant, Grants } from '../grant/grants.ts';
import type { Binding, Members } from '../grant/members.ts';
import type { Permissions } from '../grant/permissions.ts';
import { rootForShell, rootForTool } from '../grant/roots.ts';
import type { Lock } from '../lock/lock.ts';
import type { Decision, Policy, Question } from '../policy/question.ts';
import type { Clock } from '../ports.ts';
import { workspaceOf } from '../profile/load-config.ts';
import type { Profile, ServicePrincipal, TokenOwner, Workspace } from '../profile/profile.ts';
import type { Secret } from '../secret.ts';
import type { Session } from '../session/session.ts';
import { type EpochMs, hours, later, type Ms, ms, remaining, seconds } from '../units.ts';
import { missesTouch, nameOf, refusalOf } from './access.ts';
import type { Approvals, Tell } from './approvals.ts';
import type { Questions } from './questions.ts';

/** A shell lives long and is used for many things. */
const SHELL_LIMIT: Ms = hours(8);

/** Whoever a grant can be for: the person of a profile, or a service principal. */
interface Principal {
  profile: Profile | ServicePrincipal;
  session: Pick<Session, 'view'>;
}

interface Waiting {
  tell: Tell;
  signal: AbortSignal;
}

export interface GrantMaking {
  /** @throws AppError PROFILE_* | WORKSPACE_UNKNOWN | SCOPE_UNKNOWN | SIGNED_OUT | AWAY | LOCKED | CALLER_* | POLICY_* | STEP_UP_NEEDED | TAP_KEY_NEEDED | CONSENT_* | GRANT_LIMIT */
  make(request: z.output<typeof grantRequestSchema>, by: Caller, waiting: Waiting): Promise<{ grant: Grant; secret: Secret }>;
  /**
   * For a profile file, on the word of the person in Lakepass itself: nobody is asked now. Such a grant opens nothing by itself; each
   * program that finds it is asked about, as policy says, before it gets its first token. See `decisions/0001-a-grant-in-a-file.md`.
   * @throws AppError as `make`, but CONSENT_* | CALLER_REFUSED: an AI agent drives the page
   */
  makeForFile(request: Omit<z.output<typeof grantRequestSchema>, 'binding'>, by: Caller): Promise<{ grant: Grant; secret: Secret }>;
  /** For the program that ran `lakepass token`, and what that program starts. */
  makeForTool(request: z.output<typeof tokenRequestSchema>, by: Caller, waiting: Waiting): Promise<{ grant: Grant; secret: Secret }>;
  /** Adds scopes to a live grant, under the same URL. @throws AppError as `make`, GRANT_* */
  widen(request: z.output<typeof widenRequestSchema>, by: Caller, waiting: Waiting): Promise<Grant>;
  /** The same, left in the queue for the person who is looking at it. */
  postWiden(request: z.output<typeof widenRequestSchema>, by: Caller): Grant;
  /** A live grant that covers this and that the caller is a member of. */
  covering(request: z.output<typeof tokenRequestSchema>, by: Caller): { grant: Grant; scopes: readonly string[] } | undefined;
}

export function createGrantMaking(parts: {
  principal: (name: string | undefined) => Principal;
  grants: Grants;
  members: Members;
  permissions: Pick<Permissions, 'isDenied' | 'deny'>;
  approvals: Approvals;
  policy: () => Policy;
  questions: Questions;
  lock: Pick<Lock, 'state'>;
  /** Base names of further programs to take for AI agents, as policy has them now. */
  extraAiAgents: () => readonly string[];
  describe: (caller: Caller) => CallerView;
  /** The scopes in words, and what a token of that profile opens beyond them. */
  scopeWords: (scopes: readonly string[], profile: string) => string[];
  /** @throws AppError SETTING_FORBIDS: no grant is written into a file here */
  requireFileGrants?: () => void;
  clock: Clock;
  audit: AuditLog;
  random: (bytes: number) => Buffer;
}): GrantMaking {
  const { grants, members, permissions, approvals, clock, audit } = parts;
  /** Grants that a person does not want to grow any more. */
  const asTheyAre = new Set<string>();
  grants.onEnd(({ id }) => void asTheyAre.delete(id));

  function requireOpen(): void {
    const state = parts.lock.state();
    // check: making-needs-open
    if (state !== 'open') throw new AppError(state === 'away' ? 'AWAY' : 'LOCKED');
    // end check
  }

  /** @throws AppError whatever policy says no with; the refusal is in the audit log then */
  function decide(question: Question | null, grant: string, by: Caller, mayTouch = false): Decision {
    if (question === null) throw new AppError('SIGNED_OUT');
    const decision = parts.policy().evaluate(question);
    // What policy misses is a touch, which the person is about to be asked for; afterwards it has to be there.
    if (mayTouch && missesTouch(decision)) return { ...decision, obligations: { ...decision.obligations, approval: 'tap' } };
    const { action, workspace, scopes } = question;
    const { caller, callerKind } = nameOf(by, parts.describe);
    const rules = decision.rules.filter(({ applied }) => applied).map(({ id }) => id);
    const identity = identityOf(question.person.issuer);
    if (decision.observed)
      audit.append({ type: 'policy.observed', action, ...identity, grant, caller, workspace, scopes, rules, count: 1 });
    // check: making-policy
    if (decision.verdict !== 'allow') {
      const refusal = refusalOf(decision);
      audit.append({
        type: 'policy.denied',
        action,
        ...identity,
        grant,
        caller,
        callerKind,
        workspace,
        scopes,
        code: refusal.code,
        rules,
        count: 1,
      });
      throw refusal;
    }
    // end check
    return decision;
  }

  /** Whoever was denied for good, or for the rest of a run, is not asked about again: else a program could ask until somebody errs. */
  function requireNotDenied(profile: string, grant: string, by: Caller): void {
    // check: making-denied-for-good
    if (permissions.isDenied(profile, by)) throw new AppError('CONSENT_DENIED', { reason: 'always' });
    // end check
    // check: making-widen-denied-for-run
    if (asTheyAre.has(grant)) throw new AppError('CONSENT_DENIED', { reason: 'run' });
    // end check
  }

  function rememberDenial(reach: string | undefined, profile: string, grant: string, by: Caller): void {
    if (reach === 'always') permissions.deny(profile, by);
    if (reach === 'run' && grants.get(grant)?.state === 'live') asTheyAre.add(grant);
  }

  /** Policy is asked again once a person has answered: minutes may have passed, and with them a lock, a sign-out, a new policy. */
  async function decideAndAsk(
    ask: () => Question | null,
    grant: string,
    by: Caller,
    approve: (approval: 'click' | 'tap', decision: Decision) => Promise<string>,
    asks: 'now' | 'at-use' = 'now',
  ): Promise<{ decision: Decision; approved: string }> {
    requireOpen();
    const question = ask();
    const profile = question?.profile ?? '';
    requireNotDenied(profile, grant, by);
    const before = decide(question, grant, by, true);
    if (asks === 'at-use') return { decision: before, approved: 'each-program' };
    if (before.obligations.approval === 'none') return { decision: before, approved: 'policy' };
    const approved = await approve(before.obligations.approval, before).catch((error: unknown) => {
      if (hasCode(error, 'CONSENT_DENIED')) rememberDenial(error.reason, profile, grant, by);
      throw error;
    });
    return { decision: decideAfter(before.obligations.approval, ask, grant, by), approved };
  }

  /** What was approved under a policy is made under the one that holds now. */
  function decideAfter(given: 'click' | 'tap', ask: () => Question | null, grant: string, by: Caller): Decision {
    requireOpen();
    const decision = decide(ask(), grant, by);
    // check: making-approval-still-enough
    if (strength(decision.obligations.approval) > strength(given)) throw new AppError('TAP_NEEDED');
    // end check
    return decision;
  }

  function bindingFor(kind: Binding['kind'], by: Caller): Binding {
    if (kind === 'file') return { kind };
    const { process } = by;
    // check: making-known-caller
    if (process === null) throw new AppError('CALLER_UNPROVEN', { reason: 'process' });
    // end check
    if (kind === 'run') return { kind, root: refOf(process), cgroup: null };
    const root = rootForShell(by);
    if (root === null) throw new AppError('CALLER_REFUSED', { reason: 'shell', detail: 'No shell was found above this program.' });
    return { kind, root };
  }

  function lifeOf({ limits }: TokenOwner, kind: Binding['kind'], wanted: number | undefined, allowed: Ms): Ms {
    const most = ms(Math.min(limits.grant, allowed, kind === 'tree' ? SHELL_LIMIT : limits.grant));
    // check: making-life-limit
    if (wanted !== undefined && seconds(wanted) > most)
      throw new AppError('GRANT_LIMIT', { reason: 'time', detail: `At most ${Math.floor(most / 60_000)} minutes.` });
    // end check
    return wanted === undefined ? most : seconds(wanted);
  }

  async function make(
    request: z.output<typeof grantRequestSchema>,
    asker: Caller,
    waiting: Waiting,
    binding: Binding = bindingFor(request.binding, asker),
    asks: 'now' | 'at-use' = 'now',
  ): Promise<{ grant: Grant; secret: Secret }> {
    const by = asProgram(asker, request.program, parts.extraAiAgents());
    if (binding.kind === 'file') parts.requireFileGrants?.();
    const { profile, session } = parts.principal(request.profile);
    const target = workspaceOf(profile, request.workspace);
    const workspace = target.host;
    const scopes = scopesFor(target, request.scopes);
    requireGivable(profile, scopes);
    const person = requirePerson(session);
    const wanted = request.seconds === undefined ? null : seconds(request.seconds);
    const question = (): Question | null => {
      // check: making-same-person
      if (requirePerson(session).subject !== person.subject) throw new AppError('GRANT_OTHER_PERSON');
      // end check
      return parts.questions({ action: 'create', profile: profile.name, caller: by, workspace, scopes, life: wanted });
    };
    const latest = ({ obligations }: Decision): EpochMs =>
      later(clock.now(), lifeOf(profile, binding.kind, request.seconds, obligations.life));
    let shown: EpochMs | undefined;
    const asking = async (approval: 'click' | 'tap', decision: Decision): Promise<string> => {
      const until = latest(decision);
      shown = until;
      const key = `create ${parts.random(8).toString('hex')}`;
      const answer = await approvals.request(
        {
          ...{ purpose: 'create', caller: by, expected: null, profile: profile.name, ...identityOf(person.issuer), workspace, scopes },
          ...{
            words: parts.scopeWords(scopes, profile.name),
            grant: null,
            label: request.label,
            until,
            approval,
            spans: ['grant'] as Span[],
            key,
          },
        },
        waiting,
      );
      return answer.tapKey === null ? answer.how : `tap:${answer.tapKey}`;
    };
    const { decision, approved } = await decideAndAsk(question, '', by, asking, asks);
    let until = latest(decision);
    // The end that a person has read, however long they took to answer.
    // check: making-until-as-shown
    if (shown !== undefined && shown < until) until = shown;
    // end check
    const maker = { title: nameOf(by, parts.describe).caller, kind: by.kind, aiAgent: by.aiAgent };
    return grants.create({
      ...{ profile: profile.name, issuer: person.issuer, subject: person.subject, workspace, scopes, until },
      ...{ label: request.label, approved, binding, maker },
    });
  }

  function widening(request: z.output<typeof widenRequestSchema>, by: Caller) {
    const grant = grants.get(request.grant);
    if (grant === undefined) throw new AppError('GRANT_UNKNOWN');
    const more = scopesFor(workspaceOf(parts.principal(grant.profile).profile, grant.workspace), request.scopes);
    const scopes = [...new Set([...grant.scopes, ...more])].sort();
    const requireLive = (): void => {
      const { state } = grant;
      // check: making-widen-live
      if (state !== 'live') throw new AppError(state === 'expired' ? 'GRANT_EXPIRED' : 'GRANT_REVOKED');
      // end check
    };
    requireLive();
    const { profile, workspace, id, label, until } = grant;
    requireGivable(parts.principal(profile).profile, scopes);
    const question = (): Question | null => {
      requireLive();
      const asked = parts.questions({ action: 'widen', profile, caller: by, workspace, scopes, life: remaining(until, clock.now()) });
      // check: making-widen-same-person
      if (asked !== null && (asked.person.subject !== grant.subject || asked.person.issuer !== grant.issuer))
        throw new AppError('GRANT_OTHER_PERSON');
      // end check
      return asked;
    };
    const added = scopes.filter((scope) => !grant.scopes.includes(scope));
    const ask = (approval: 'click' | 'tap') => ({
      ...{ purpose: 'widen' as const, caller: by, expected: null, profile, ...identityOf(grant.issuer), workspace, scopes: added },
      ...{
        words: parts.scopeWords(added, profile),
        grant: id,
        label: label || grant.maker.title,
        until,
        approval,
        spans: ['grant'] as Span[],
      },
      key: `widen ${id} ${added.join(' ')}`,
    });
    return { grant, scopes, added, question, ask };
  }

  return {
    make: (request, by, waiting) => make(request, by, waiting),

    async makeForFile(request, by) {
      // check: making-for-file-no-ai-agent
      if (by.aiAgent !== null) throw new AppError('CALLER_REFUSED', { reason: by.kind });
      // end check
      const nobody = { tell: () => undefined, signal: new AbortController().signal };
      return make({ ...request, binding: 'file' }, by, nobody, { kind: 'file' }, 'at-use');
    },

    makeForTool(request, by, waiting) {
      const root = rootForTool(by);
      // check: making-known-tool
      if (root === null) throw new AppError('CALLER_UNPROVEN', { reason: 'process' });
      // end check
      const label =
        by.ancestors
          .find(({ pid }) => pid === root.pid)
          ?.executable?.split('/')
          .at(-1) ?? '';
      return make({ ...request, binding: 'tree', seconds: undefined, program: undefined, label }, by, waiting, { kind: 'tree', root });
    },

    async widen(request, by, waiting) {
      const { grant, scopes, added, question, ask } = widening(request, by);
      if (added.length === 0) return grant;
      const { approved } = await decideAndAsk(question, grant.id, by, async (approval) => {
        const answer = await approvals.request(ask(approval), waiting);
        return answer.tapKey === null ? answer.how : `tap:${answer.tapKey}`;
      });
      return grants.widen(grant.id, scopes, approved);
    },

    postWiden(request, by) {
      const { grant, scopes, added, question, ask } = widening(request, by);
      if (added.length === 0) return grant;
      requireOpen();
      requireNotDenied(grant.profile, grant.id, by);
      const wanted = decide(question(), grant.id, by, true).obligations.approval;
      // Whoever is looking at the page can be asked at once; a policy that asks for nothing still gets a click.
      const approval = wanted === 'none' ? 'click' : wanted;
      approvals.post(ask(approval), async (answer) => {
        if (answer?.verdict === 'denied') rememberDenial(answer.reach, grant.profile, grant.id, by);
        if (answer?.verdict !== 'approved') return;
        decideAfter(approval, question, grant.id, by);
        await grants.widen(grant.id, scopes, answer.tapKey === null ? answer.how : `tap:${answer.tapKey}`);
      });
      return grant;
    },

    covering(request, by) {
      const { profile } = parts.principal(request.profile);
      const target = workspaceOf(profile, request.workspace);
      const workspace = target.host;
      const scopes = scopesFor(target, request.scopes);
      const covering = grants
        .list()
        .filter(({ state }) => state === 'live')
        .filter(
          (each) =>
            each.profile === profile.name &&
            each.workspace === workspace &&
            // check: token-within-grant
            scopes.every((scope) => each.scopes.includes(scope)) &&
            // end check
            members.admits(each, by),
        );
      const grant = covering.find(({ paused }) => !paused) ?? covering[0];
      return grant && { grant, scopes };
    },
  };
}

/** A run of a known AI agent is an AI agent's, from the request on: the name only ever makes it stricter, so a claim will do. */
function asProgram(asker: Caller, program: string | undefined, extraAiAgents: readonly string[]): Caller {
  const aiAgent = asker.aiAgent ?? (program === undefined ? null : aiAgentNamed(program, extraAiAgents));
  return aiAgent === null || asker.aiAgent !== null
    ? asker
    : { ...asker, kind: asker.kind === 'program' ? 'ai-agent' : asker.kind, aiAgent };
}

/** A service principal's tokens are always for what was asked. @throws AppError as `requireAuthorised` */
function requireGivable(profile: Profile | ServicePrincipal, scopes: readonly string[]): void {
  if ('tokens' in profile) requireAuthorised(profile, scopes);
}

/** The exact scopes that words stand for there; the bundle `notebook` where none are named, which no account has. */
export const scopesFor = (target: Workspace, words: readonly string[]): string[] =>
  resolveScopes(words.length === 0 ? ['notebook'] : words, cloudOf(target.host), levelOf(target));

const strength = (approval: Approval): number => ['none', 'click', 'tap'].indexOf(approval);
const refOf = ({ pid, startTicks }: ProcessRef): ProcessRef => ({ pid, startTicks });

/** Who is signed in, or which service principal it is. @throws AppError SIGNED_OUT | SESSION_* | LOCKED | PRINCIPAL_SECRET_NEEDED */
export function requirePerson(session: Pick<Session, 'view'>): { issuer: string; subject: string } {
  const view = session.view();
  // check: grant-needs-session
  if (view.phase === 'locked') throw new AppError('LOCKED');
  if (view.phase !== 'signed-in' || view.identity === null)
    throw new AppError(view.phase === 'ended' ? (view.lastFailure?.code ?? 'SIGNED_OUT') : 'SIGNED_OUT');
  // end check
  return { issuer: view.identity.issuer, subject: view.identity.subject };
}
