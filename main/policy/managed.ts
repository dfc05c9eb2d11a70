/**
 * A policy of IT's, with what its bundle says beside it, and a person's own beside that. Theirs can only take away: both are asked, and the
 * stricter answer holds.
 */
import type { FailureCode } from '../../preload/contract/failure.ts';
import { type EpochMs, type Ms, ms } from '../units.ts';
import { groupName, isSameUser } from './identities.ts';
import type { LoadedPolicy } from './load-policy.ts';
import { nothingGiven, strictest } from './obligations.ts';
import type { Decision, Question } from './question.ts';

export interface Beside {
  readonly organization: string;
  /** By group of the identity provider, to the letter; a GUID in any case. */
  readonly modes: Readonly<Record<string, 'enforce' | 'observe'>>;
  readonly exemptions: readonly { readonly username: string; readonly rule: string; readonly from: EpochMs; readonly until: EpochMs }[];
  readonly expires: EpochMs;
  /** Whoever asks is out; null: they are not. */
  readonly revoked: (question: Question) => 'DEVICE_REVOKED' | 'PERSON_REVOKED' | null;
  /** In words how many tap keys are wanted of the person and are not there; null: they have enough. */
  readonly tapKeysMissing: (person: Question['person']) => string | null;
}

/** IT's policy, as it holds for each person: in the mode of their groups, without the rules they are exempt from, until the bundle ends. */
export function managedPolicy(policy: LoadedPolicy, beside: Beside): LoadedPolicy {
  const modes = new Map(Object.entries(beside.modes).map(([group, mode]) => [groupName(group), mode]));
  return {
    ...policy,
    managedBy: beside.organization,
    expires: (policy.expires === null ? beside.expires : Math.min(policy.expires, beside.expires)) as EpochMs,
    evaluate(question) {
      const out = beside.revoked(question);
      // check: managed-revoked
      if (out !== null) return refusing('revoked', out, `Revoked by ${beside.organization}.`, 'A bundle that no longer says so.');
      // end check
      // check: managed-bundle-ends
      if (question.at >= beside.expires) return ended(beside);
      // end check
      // check: managed-tap-keys
      const missing = wantsKeys(question) ? beside.tapKeysMissing(question.person) : null;
      // Whatever the mode: they are no rule of the policy.
      if (missing !== null) return refusing('tap-keys', 'TAP_KEYS_WANTED', missing, 'Another tap key that counts.');
      // end check
      return policy.evaluate(question, { mode: modeFor(policy, modes, question), without: exemptFrom(beside, question) });
    },
  };
}

/** Until the company has been heard, nothing is given: whoever keeps its bundle away must not have more for it. */
export const awaitedPolicy = (underneath: LoadedPolicy): LoadedPolicy => ({
  ...underneath,
  ...{ id: 'awaited', revision: 0, hash: 'built-in-awaited', mode: 'enforce', warnings: [] },
  evaluate: () => refusing('awaited', 'BUNDLE_AWAITED', 'What the company of this device says has not been fetched yet.', 'Its bundle.'),
});

/** What was approved goes on; a service principal has no keys. */
const wantsKeys = ({ identity, action }: Question): boolean => identity === 'person' && action !== 'renew';

/** Of several groups the strictest; a service principal is in none. */
function modeFor({ mode }: LoadedPolicy, modes: ReadonlyMap<string, 'enforce' | 'observe'>, { person }: Question): 'enforce' | 'observe' {
  const said = person.groups.flatMap((group) => modes.get(groupName(group)) ?? []);
  if (said.length === 0) return mode;
  // check: managed-mode-strictest
  return said.includes('enforce') ? 'enforce' : 'observe';
  // end check
}

function exemptFrom({ exemptions }: Beside, { at, identity, person }: Question): ReadonlySet<string> {
  const rules = new Set<string>();
  for (const { username, rule, from, until } of exemptions) {
    if (identity !== 'person') continue;
    // check: managed-exemption-same-user
    if (!isSameUser(username, person.username)) continue;
    // end check
    // check: managed-exemption-in-time
    if (at < from || at >= until) continue;
    // end check
    rules.add(rule);
  }
  return rules;
}

const ended = ({ organization, expires }: Beside): Decision =>
  refusing(
    'bundle-dates',
    'POLICY_EXPIRED',
    `The bundle of ${organization} ended at ${new Date(expires).toISOString()}.`,
    'A newer bundle.',
  );

const refusing = (id: string, code: FailureCode, because: string, change: string): Decision => ({
  ...{ verdict: 'deny', code, because, obligations: nothingGiven, stepUp: null, observed: false },
  rules: [{ id, effect: 'deny', applied: true, because: [because] }],
  wouldChange: [change],
});

/** Both hold; id, revision and mode are IT's. */
export function joinPolicies(managed: LoadedPolicy, own: LoadedPolicy): LoadedPolicy {
  const least = (one: Ms | null, other: Ms | null): Ms | null => (one === null ? other : other === null ? one : ms(Math.min(one, other)));
  return {
    ...managed,
    hash: `${managed.hash}+${own.hash}`,
    expires: least(managed.expires as Ms | null, own.expires as Ms | null) as EpochMs | null,
    warnings: [...managed.warnings, ...own.warnings],
    aiAgents: [...new Set([...managed.aiAgents, ...own.aiAgents])],
    limits: {
      awayGrace: ms(Math.min(managed.limits.awayGrace, own.limits.awayGrace)),
      idle: least(managed.limits.idle, own.limits.idle),
      dailyCap: least(managed.limits.dailyCap, own.limits.dailyCap),
      lockOnSuspend: managed.limits.lockOnSuspend || own.limits.lockOnSuspend,
    },
    evaluate: (question, as) => joinDecisions(managed.evaluate(question, as), own.evaluate(question)),
  };
}

/** @param managed named first where both say no */
export function joinDecisions(managed: Decision, own: Decision): Decision {
  const rules = [...managed.rules, ...own.rules];
  const observed = managed.observed || own.observed;
  // check: managed-no-wins
  for (const one of [managed, own]) if (one.verdict === 'deny') return { ...one, rules, observed: false };
  // end check
  const asking = [managed, own].filter(({ verdict }) => verdict === 'step-up');
  const [first] = asking;
  const obligations = strictest([managed.obligations, own.obligations]);
  if (first === undefined) return { ...managed, because: `${managed.because} ${own.because}`, obligations, rules, observed };
  const demands = asking.flatMap(({ stepUp }) => stepUp ?? []);
  const ages = demands.map(({ maxAge }) => maxAge);
  return {
    ...{ verdict: 'step-up', because: asking.map(({ because }) => because).join(' '), obligations, rules, observed: false },
    code: demands.length === 0 ? 'TAP_NEEDED' : 'STEP_UP_NEEDED',
    stepUp: demands.length === 0 ? null : { acr: demands.find(({ acr }) => acr.length > 0)?.acr ?? [], maxAge: ms(Math.min(...ages)) },
    wouldChange: [...new Set(asking.flatMap(({ wouldChange }) => wouldChange))],
  };
}
