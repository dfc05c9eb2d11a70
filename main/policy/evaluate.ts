/**
 * The one evaluator: a pure function of the rules and the question. It denies by default, a denial wins over any grant, and it never
 * widens: every scope asked for must be given by some grant that applies as a whole. The order of the rules means nothing.
 *
 * In this order: what is always refused, the dates of the policy, denials, the roles of the person, the caller, the grants that cover
 * workspace and scopes, their conditions, their obligations.
 */
import { type Ms, minutes, ms } from '../units.ts';
import type { Rules } from './compile.ts';
import { factsOf, heldOff, type Part, someOf, truthOf } from './facts.ts';
import { forAction, nothingGiven, strictest, whileObserving } from './obligations.ts';
import type { Decision, Question, RuleReport } from './question.ts';
import { changesFor, reportsOf, whyDenied } from './reasons.ts';
import { type Assumed, asItIs, gives, isAllowed, type Weighed, weigh } from './weigh.ts';

/** How fresh a new sign-in must be where the rules ask for a stronger one without naming an age. */
const FRESH: Ms = minutes(5);

/** The least trouble first: a touch, a sign-in, both. */
const ways: readonly Assumed[] = [['tap'], ['sign-in'], ['sign-in', 'tap']];

/** Answers the question. Where the policy only observes, all but what is always refused becomes a yes that says so. */
export function evaluate(rules: Rules, question: Question): Decision {
  const refusal = alwaysRefused(question);
  // check: policy-floor
  if (refusal !== null) return refusal;
  // end check
  const decision = enforce(rules, question);
  return rules.mode === 'observe' ? observe(decision, question) : decision;
}

/** The same as if the mode were `enforce`: what a policy's own tests are about. */
export const evaluateEnforced = (rules: Rules, question: Question): Decision => evaluate({ ...rules, mode: 'enforce' }, question);

function enforce(rules: Rules, question: Question): Decision {
  const undated = outOfDate(rules, question);
  // check: policy-dates
  if (undated !== null) return undated;
  // end check
  const facts = factsOf(question);
  for (const { fits, roles } of rules.identities) if (fits(facts)) for (const role of roles) facts.roles.add(role);
  const weighed = weigh(rules, facts, asItIs);
  const reports = reportsOf(rules, facts);
  if (isAllowed(weighed)) return allowed(weighed, reports);
  return steppedUp(rules, weighed, reports) ?? denied(rules, weighed, reports);
}

// What comes before the rules

/** "all-apis" opens everything, and so does naming nothing: a workspace answers that with its widest scope. */
function alwaysRefused({ scopes }: Question): Decision | null {
  if (scopes.length === 0)
    return byNoRule('always:scope', 'No scope is asked for, which a workspace takes for every scope.', 'Naming scopes.');
  if (!scopes.includes('all-apis')) return null;
  return byNoRule(
    'always:all-apis',
    '"all-apis" opens every API and is never given.',
    'Asking for bundles or scopes instead of "all-apis".',
  );
}

function outOfDate({ notBefore, expires }: Rules, { at }: Question): Decision | null {
  if (notBefore !== null && at < notBefore)
    return { ...byNoRule('dates', `The policy holds from ${iso(notBefore)}.`, `Asking from ${iso(notBefore)}.`), code: 'POLICY_EXPIRED' };
  if (expires === null || at < expires) return null;
  return { ...byNoRule('dates', `The policy ended at ${iso(expires)}.`, 'A newer policy.'), code: 'POLICY_EXPIRED' };
}

const iso = (moment: number): string => new Date(moment).toISOString();

const byNoRule = (id: string, because: string, change: string): Decision => ({
  verdict: 'deny',
  code: 'POLICY_DENIED',
  because,
  obligations: nothingGiven,
  stepUp: null,
  rules: [{ id, effect: 'deny', applied: true, because: [because] }],
  wouldChange: [change],
  observed: false,
});

// Answers

function allowed({ facts, grants }: Weighed, rules: readonly RuleReport[]): Decision {
  return {
    verdict: 'allow',
    code: null,
    because: `Given by ${someOf(grants.map(({ id }) => id).sort())}.`,
    obligations: forAction(facts.question.action, strictest(grants.map(({ obligations }) => obligations))),
    stepUp: null,
    rules,
    wouldChange: [],
    observed: false,
  };
}

/** A denial that applies now applies after a step-up too: what is assumed only ever makes parts of it hold. */
function steppedUp(rules: Rules, now: Weighed, reports: readonly RuleReport[]): Decision | null {
  for (const assumed of ways) {
    // A service principal has no sign-in that could be fresher.
    if (now.facts.question.identity === 'service-principal' && assumed.includes('sign-in')) continue;
    const then = weigh(rules, now.facts, assumed);
    if (isAllowed(then)) return stepUpDecision(now, then, reports);
  }
  return null;
}

function stepUpDecision(now: Weighed, then: Weighed, rules: readonly RuleReport[]): Decision {
  const { facts } = now;
  const needed = then.grants.filter((grant) => now.missing.some((scope) => gives(grant, facts, scope)));
  const lacking = unique(needed.flatMap(({ parts }) => parts.filter((part) => truthOf(part, facts) !== 'yes')));
  const stepUp = demandOf(lacking);
  const changes = lacking.map(({ change }) => change).sort();
  return {
    verdict: 'step-up',
    code: stepUp === null ? 'TAP_NEEDED' : 'STEP_UP_NEEDED',
    because: `It takes ${changes.join(', and ')}.`,
    obligations: forAction(facts.question.action, strictest(then.grants.map(({ obligations }) => obligations))),
    stepUp,
    rules,
    wouldChange: changes.map(sentence),
    observed: false,
  };
}

/** One sign-in for all: the shortest age, and what every list of acr values has; where they share none, the first of them. */
function demandOf(parts: readonly Part[]): Decision['stepUp'] {
  const demands = parts.flatMap(({ demand }) => demand ?? []);
  if (demands.length === 0) return null;
  const ages = demands.map(({ maxAge }) => maxAge ?? FRESH);
  const lists = demands.flatMap(({ acr }) => (acr === null ? [] : [[...acr].sort()])).sort((a, b) => (a.join() < b.join() ? -1 : 1));
  const [first = []] = lists;
  const shared = first.filter((word) => lists.every((list) => list.includes(word)));
  return { acr: shared.length > 0 ? shared : first, maxAge: ms(Math.min(...ages)) };
}

function denied(rules: Rules, weighed: Weighed, reports: readonly RuleReport[]): Decision {
  const { denials, facts } = weighed;
  const own = rules.grants.filter(({ role }) => facts.roles.has(role));
  const { kind } = facts.question.caller;
  const isHeldOff = heldOff.has(kind) && !own.some(({ kinds }) => kinds.has(kind));
  return {
    verdict: 'deny',
    code: denials.length === 0 && isHeldOff ? 'CALLER_REFUSED' : 'POLICY_DENIED',
    because: whyDenied(weighed, own, isHeldOff),
    obligations: nothingGiven,
    stepUp: null,
    rules: reports,
    wouldChange: changesFor(rules, weighed),
    observed: false,
  };
}

function observe(decision: Decision, question: Question): Decision {
  if (decision.verdict === 'allow') return { ...decision, obligations: { ...decision.obligations, maxTokenLife: null } };
  return {
    ...decision,
    verdict: 'allow',
    code: null,
    because: `Let through because the policy only observes. ${decision.because}`,
    obligations: forAction(question.action, whileObserving(question)),
    stepUp: null,
    observed: true,
  };
}

const unique = <T>(items: readonly T[]): T[] => [...new Set(items)];
const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
