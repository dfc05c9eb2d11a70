/**
 * May this program use this grant now? The order is the policy: a pause, lock, membership, what people have answered, policy, and only then a
 * question to a person. It never waits; whoever may wait is told for what.
 */

import type { CallerView } from '../../preload/contract/caller.ts';
import { AppError } from '../app-error.ts';
import type { AuditEvent, AuditLog } from '../audit/event.ts';
import type { Tally } from '../audit/tally.ts';
import type { Gate, Leave } from '../broker/gate.ts';
import { type Caller, type Callers, type Peer, sameProcess, unknownCaller } from '../caller/caller.ts';
import type { Answer, Ask, Consents } from '../grant/consents.ts';
import { identityOf } from '../grant/grant.ts';
import type { Grant, Grants } from '../grant/grants.ts';
import type { Members } from '../grant/members.ts';
import type { Permissions } from '../grant/permissions.ts';
import type { Lock } from '../lock/lock.ts';
import type { Decision, Policy, Question } from '../policy/question.ts';
import type { Clock } from '../ports.ts';
import { type EpochMs, later, minutes, seconds } from '../units.ts';
import type { Questions } from './questions.ts';

export interface Access extends Gate {
  /** Something changed that any answer may hang on: sessions, policy, locks, keys, answers. */
  changed(): void;
}

interface Parts {
  grants: Pick<Grants, 'get' | 'onEnd' | 'onPause'>;
  members: Pick<Members, 'admits'>;
  permissions: Permissions;
  consents: Pick<Consents, 'ask' | 'withdraw' | 'find'>;
  policy: () => Policy;
  questions: Questions;
  lock: Pick<Lock, 'state' | 'graceEnds'>;
  callers: Pick<Callers, 'holders' | 'isAlive'>;
  describe: (caller: Caller) => CallerView;
  /** The scopes in words, and what a token of that profile opens beyond them. */
  scopeWords: (scopes: readonly string[], profile: string) => string[];
  /** False where nobody could approve with a tap: no key is enrolled. */
  canTap: (profile: string) => boolean;
  clock: Clock;
  audit: AuditLog;
  tally: Tally;
  /** Policy will ask for a fresh sign-in soon; told once for each grant and sign-in. */
  onStepUpDue: (grant: Grant, failure: AppError) => void;
}

/** An answer of policy may hang on the time of day or the age of a sign-in, so it is not kept for longer. */
const KEPT = minutes(1);
/** Whoever waited in vain is not asked about again in the same breath. */
const UNANSWERED_KEPT = seconds(5);
/** A step-up is asked for while the run still goes on, not when it has stopped. */
const AHEAD = minutes(10);

interface Kept {
  leave: Leave;
  /** It hangs on an answer that is good for one lease. */
  once: boolean;
  epoch: number;
  /** A wall clock that is set back must not make an answer last longer. */
  since: EpochMs;
  until: EpochMs;
  scopes: readonly string[];
}

export function createAccess(parts: Parts): Access {
  const { grants, members, permissions, consents, lock, clock, audit, tally } = parts;
  const kept = new WeakMap<Caller, Map<string, Kept>>();
  /**
   * Grants on which a stranger was found to share a connection: membership alone is not enough for a program until a person has approved
   * that program. Those approved since, by their key.
   */
  const doubted = new Map<string, Set<string>>();
  const unanswered = new Map<string, EpochMs>();
  const touched = new Map<string, EpochMs>();
  /** Grants whose next step-up was announced, and the sign-in it was announced for. */
  const warned = new Map<string, EpochMs | null>();
  let epoch = 0;
  grants.onEnd(({ id }) => {
    doubted.delete(id);
    warned.delete(id);
    epoch += 1;
  });

  grants.onPause(() => {
    epoch += 1;
  });

  const remember = (grant: Grant, caller: Caller, { leave, once, until }: Pick<Kept, 'leave' | 'once' | 'until'>): Leave => {
    const ofCaller = kept.get(caller) ?? new Map<string, Kept>();
    kept.set(caller, ofCaller.set(grant.id, { leave, once, epoch, since: clock.now(), until, scopes: grant.scopes }));
    return leave;
  };

  function decide(grant: Grant, caller: Caller): Leave {
    // check: access-paused
    if (grant.paused) return no(new AppError('GRANT_PAUSED'));
    // end check
    // check: access-locked
    if (lock.state() === 'locked') return no(new AppError('LOCKED'));
    // end check
    const answered = permissions.find(grant, caller);
    const member = isMember(grant, caller) && !isDoubted(grant, caller);
    const denied = answered?.allowed === false;
    // A no to a stranger is no no to the run itself, which may be the same program in the same folder: two kernels, for one.
    // check: access-denied-by-person
    if (denied && !member) return no(new AppError('CONSENT_DENIED'));
    // end check
    const covered = member || answered?.allowed === true;
    if (!covered) reportStranger(grant, caller);
    const away = awayRefusal(covered);
    if (away !== undefined) return no(away);

    const { profile, workspace, scopes } = grant;
    const question = parts.questions({ action: covered ? 'renew' : 'use', profile, caller, workspace, scopes, life: null });
    // Nobody is signed in: the session itself says why, to whoever asks it for a token.
    if (question === null)
      return covered ? { kind: 'yes', lease: minutes(1), maxTokenLife: null, failClosed: false } : no(new AppError('SIGNED_OUT'));
    const { issuer, subject } = question.person;
    // check: access-same-person
    if (issuer !== grant.issuer || subject !== grant.subject) return no(new AppError('GRANT_OTHER_PERSON'));
    // end check
    const decision = parts.policy().evaluate(question);
    recordDecision(grant, caller, question.action, decision);
    // A touch that policy misses can be had from the person, who is asked for it as for any other answer.
    if (missesTouch(decision) && denied) return no(new AppError('CONSENT_DENIED'));
    if (missesTouch(decision) && lock.state() === 'open' && !wasTouchedInVain(grant, caller)) return ask(grant, caller, 'tap', true);
    // check: access-policy
    if (decision.verdict !== 'allow') return no(refusalOf(decision));
    // end check
    const { lease, maxTokenLife, failClosed, approval } = decision.obligations;
    const yes: Leave = { kind: 'yes', lease, maxTokenLife, failClosed };
    // check: access-stranger-asks
    if (!covered && approval !== 'none') return ask(grant, caller, approval);
    // end check
    warnOfStepUp(grant, question);
    const graceEnds = lock.graceEnds();
    const until = Math.min(
      later(clock.now(), KEPT),
      answered?.until ?? Number.MAX_SAFE_INTEGER,
      graceEnds ?? Number.MAX_SAFE_INTEGER,
    ) as EpochMs;
    return remember(grant, caller, { leave: yes, once: answered?.allowed === true && answered.once, until });
  }

  function warnOfStepUp(grant: Grant, question: Question): void {
    const { authTime } = question.session;
    if (warned.get(grant.id) === authTime) return;
    const soon = parts.policy().evaluate({ ...question, at: later(question.at, AHEAD) });
    if (soon.verdict !== 'step-up') return;
    warned.set(grant.id, authTime);
    const code = missesTouch(soon) ? 'TAP_NEEDED' : 'STEP_UP_NEEDED';
    parts.onStepUpDue(grant, new AppError(code, { reason: 'soon', detail: 'It will be needed within ten minutes.' }));
  }

  /** Away: what was approved before goes on, up to the grace limit; nothing new begins. */
  function awayRefusal(covered: boolean): AppError | undefined {
    if (lock.state() !== 'away') return undefined;
    const ends = lock.graceEnds();
    // check: access-away
    if (!covered || (ends !== null && clock.now() >= ends)) return new AppError('AWAY');
    // end check
    return undefined;
  }

  /** A person who has touched a key that is not what policy wants is not asked for it again in the same breath. */
  function wasTouchedInVain(grant: Grant, caller: Caller): boolean {
    const since = touched.get(keyOf(grant, caller));
    return since !== undefined && clock.now() < since;
  }

  const keyOf = ({ id }: Grant, caller: Caller): string => `use ${id} ${permissions.keyOf(caller)}`;

  /** @param forTouch it is the touch itself that policy misses */
  function ask(grant: Grant, caller: Caller, approval: 'click' | 'tap', forTouch = false): Leave {
    if (approval === 'tap' && !parts.canTap(grant.profile)) return no(new AppError('TAP_KEY_NEEDED'));
    const key = keyOf(grant, caller);
    const since = unanswered.get(key);
    if (since !== undefined && clock.now() < since) return no(new AppError('CONSENT_UNANSWERED'));
    unanswered.delete(key);
    try {
      const request = requestOf(grant, caller, approval, key);
      const { id, outcome } = consents.ask(request);
      const answered = outcome.then((answer) => {
        if (forTouch && answer?.verdict === 'approved') touched.set(key, later(clock.now(), KEPT));
        settle(grant, caller, request, answer);
      });
      return {
        kind: 'ask',
        error: new AppError('CONSENT_PENDING', { detail: `It is ${parts.describe(caller).title}.` }),
        answered,
        withdraw: () => giveUp(id, caller),
      };
    } catch (error) {
      if (error instanceof AppError) return no(error);
      throw error;
    }
  }

  function requestOf(grant: Grant, caller: Caller, approval: 'click' | 'tap', key: string): Ask {
    const { profile, workspace, scopes, id, label, until } = grant;
    const spans = caller.process === null ? (['once'] as const) : (['program', 'hours', 'once'] as const);
    return {
      ...{
        purpose: 'use',
        caller,
        expected: makerOf(grant),
        profile,
        ...identityOf(grant.issuer),
        workspace,
        scopes,
        words: parts.scopeWords(scopes, profile),
      },
      ...{ grant: id, label: label || grant.maker.title, until, approval, spans, key },
    };
  }

  function settle(grant: Grant, caller: Caller, { key, scopes }: Ask, answer: Answer | null): void {
    if (answer === null) unanswered.set(key, later(clock.now(), UNANSWERED_KEPT));
    else permissions.remember(grant, caller, answer, scopes);
    if (answer?.verdict === 'approved') doubted.get(grant.id)?.add(permissions.keyOf(caller));
    for (const bounded of [unanswered, touched]) if (bounded.size > 1000) bounded.clear();
    epoch += 1;
  }

  /** A client that stops waiting may come back with the next run; only a program that is gone takes its request along. */
  function giveUp(ask: string, { process }: Caller): void {
    if (process === null || !parts.callers.isAlive(process)) consents.withdraw(ask);
  }

  function reportStranger(grant: Grant, caller: Caller): void {
    const named = nameOf(caller, parts.describe);
    tally.count(`caller.unexpected ${grant.id} ${named.caller}`, (count) => ({
      type: 'caller.unexpected',
      grant: grant.id,
      ...named,
      count,
    }));
  }

  function recordDecision(grant: Grant, caller: Caller, action: string, decision: Decision): void {
    if (decision.verdict === 'allow' && !decision.observed) return;
    const { caller: program, callerKind } = nameOf(caller, parts.describe);
    const rules = decision.rules.filter(({ applied }) => applied).map(({ id }) => id);
    const facts = {
      action,
      ...identityOf(grant.issuer),
      grant: grant.id,
      caller: program,
      workspace: grant.workspace,
      scopes: grant.scopes,
      rules,
    };
    const event = (count: number): AuditEvent =>
      decision.verdict === 'allow'
        ? { type: 'policy.observed', ...facts, count }
        : { type: 'policy.denied', ...facts, callerKind, code: decision.code ?? 'POLICY_DENIED', count };
    tally.count(`policy ${decision.verdict} ${grant.id} ${program}`, event);
  }

  /** Approving one program of a run says nothing of the others, least of all of one that was refused. */
  const isDoubted = ({ id }: Grant, caller: Caller): boolean => doubted.get(id)?.has(permissions.keyOf(caller)) === false;

  const isMember = (grant: Grant, caller: Caller): boolean => members.admits(grant, caller) && isMakersKind(grant, caller);

  /** Before it is recorded: a log that cannot be written must not leave anybody trusted. */
  function doubt(grant: Grant, caller: Caller, stranger: Caller): false {
    doubted.set(grant.id, new Set());
    permissions.doubt(grant, caller);
    epoch += 1;
    const { caller: program, callerKind } = nameOf(stranger, parts.describe);
    audit.append({ type: 'caller.extra-holder', grant: grant.id, caller: program, callerKind });
    return false;
  }

  return {
    changed() {
      epoch += 1;
    },

    leave(grant, caller) {
      const known = kept.get(caller)?.get(grant.id);
      const now = clock.now();
      if (known?.epoch === epoch && known.scopes === grant.scopes && now >= known.since && now < known.until) return known.leave;
      // What is kept is always what was said last.
      kept.get(caller)?.delete(grant.id);
      return decide(grant, caller);
    },

    used(grant, caller) {
      const known = kept.get(caller)?.get(grant.id);
      if (known?.epoch === epoch && !known.once) return;
      const answered = permissions.find(grant, caller);
      if (answered?.allowed !== true || !answered.once) return;
      permissions.spend(grant, caller);
      epoch += 1;
    },

    async soleHolder(grant, caller, peer: Peer) {
      const others = (await parts.callers.holders(peer)).filter((holder) => !isSame(holder, caller));
      const stranger = others.find((holder) => !isMember(grant, holder) && permissions.find(grant, holder)?.allowed !== true);
      // check: access-one-holder
      if (stranger !== undefined) return doubt(grant, caller, stranger);
      // end check
      return true;
    },
  };
}

/**
 * An AI agent that a person starts in their shell is a child like any other; it is asked about all the same, unless the grant was made
 * for an AI agent of that name.
 */
function isMakersKind(grant: Grant, caller: Caller): boolean {
  // check: access-ai-agent-own-grant
  if (caller.aiAgent !== null && caller.aiAgent !== grant.maker.aiAgent) return false;
  // end check
  return true;
}

/** Who the grant was made for, as far as that was kept. */
function makerOf({ maker, binding }: Grant): Caller {
  if (binding.kind === 'file') return { ...unknownCaller, kind: maker.kind, aiAgent: maker.aiAgent };
  const process = { ...binding.root, uid: -1, executable: maker.title, commandLine: null, folder: null, cgroup: null };
  return { ...unknownCaller, kind: maker.kind, process, aiAgent: maker.aiAgent };
}

const no = (error: AppError): Leave => ({ kind: 'no', error });

/** All that policy misses is a touch of a tap key. */
export const missesTouch = ({ verdict, stepUp }: Decision): boolean => verdict === 'step-up' && stepUp === null;

/** What policy said, as a failure. */
export const refusalOf = ({ code, because }: Decision): AppError => new AppError(code ?? 'POLICY_DENIED', { detail: because });

/** The program, as the audit log may know it. */
export function nameOf(caller: Caller, describe: (caller: Caller) => CallerView): { caller: string; callerKind: string; aiAgent?: string } {
  const executable = caller.process?.executable ?? describe(caller).title;
  return { caller: executable, callerKind: caller.kind, ...(caller.aiAgent === null ? {} : { aiAgent: caller.aiAgent }) };
}

const isSame = (one: Caller, other: Caller): boolean =>
  one.process !== null && other.process !== null && sameProcess(one.process, other.process);
