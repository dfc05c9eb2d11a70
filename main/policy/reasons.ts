/** Why a decision is as it is: every rule that took part, one sentence, and what would change a no. */
import type { Denial, Grant, Rules } from './compile.ts';
import { type Facts, type Part, someOf, truthOf } from './facts.ts';
import type { Question, RuleReport } from './question.ts';
import { applies, asItIs, gives, isDenied, type Weighed } from './weigh.ts';

/** Every rule with what it asks for and whether that held, for people and for the audit log. */
export const reportsOf = (rules: Rules, facts: Facts): RuleReport[] => [
  ...rules.denials.map((denial) => ({
    id: denial.id,
    effect: 'deny' as const,
    applied: isDenied(denial, facts, asItIs),
    because: [...deniedScopeLine(denial, facts), ...denial.parts.map((part) => line(part, facts))],
  })),
  ...rules.grants.map((grant) => ({
    id: grant.id,
    effect: 'allow' as const,
    applied: applies(grant, facts, asItIs) && facts.question.scopes.some((scope) => gives(grant, facts, scope)),
    because: [scopeLine(grant, facts), ...grant.parts.map((part) => line(part, facts))],
  })),
];

const words = { yes: 'holds', no: 'does not hold', unknown: 'not known' } as const;
const line = (part: Part, facts: Facts): string => `${words[truthOf(part, facts)]}: ${part.says}`;

function scopeLine(grant: Grant, facts: Facts): string {
  const given = facts.question.scopes.filter((scope) => gives(grant, facts, scope));
  return given.length === 0 ? 'does not hold: it gives a scope that is asked for' : `holds: it gives ${someOf(given, 8)}`;
}

function deniedScopeLine({ scopes }: Denial, { question, cloud }: Facts): string[] {
  if (scopes === null) return [];
  const found = question.scopes.filter((scope) => scopes[cloud].has(scope));
  return [found.length === 0 ? 'does not hold: a scope it names is asked for' : `holds: ${someOf(found, 8)} is asked for`];
}

/** One sentence. @param own the grants of the person's roles */
export function whyDenied({ denials, facts, missing }: Weighed, own: readonly Grant[], isHeldOff: boolean): string {
  const { workspace, caller } = facts.question;
  if (denials.length > 0) return `Denied by ${someOf(denials.map(({ id }) => id).sort())}.`;
  if (isHeldOff) return `${kindWords[caller.kind]} gets no token unless a rule names that kind.`;
  const who = facts.question.identity === 'person' ? 'person' : 'service principal';
  if (facts.roles.size === 0) return `The policy has no role for this ${who}.`;
  if (own.length === 0) return `The roles of this ${who} give nothing.`;
  return `No rule of this ${who}'s roles gives ${someOf(missing)} on ${workspace} to this program now.`;
}

const kindWords: Readonly<Record<Question['caller']['kind'], string>> = {
  program: 'A program',
  'ai-agent': 'An AI agent',
  forwarder: 'A program that passes connections on',
  container: 'A program in a container',
  unknown: 'A program that the system cannot name',
};

/** What would turn the no into a yes, one sentence for each thing. */
export function changesFor(rules: Rules, { facts, denials, missing }: Weighed): string[] {
  const { scopes } = facts.question;
  const given = scopes.length - missing.length;
  return [
    ...denials.map((denial) => avoiding(denial, facts)),
    ...missing.slice(0, 4).map((scope) => gaining(rules, facts, scope)),
    ...(given > 0 && missing.length > 0 ? [`Or asking without ${someOf(missing)}.`] : []),
  ].sort();
}

function avoiding(denial: Denial, facts: Facts): string {
  const named = facts.question.scopes.filter((scope) => denial.scopes?.[facts.cloud].has(scope));
  const parts = [...(named.length === 0 ? [] : [`${someOf(named)} is asked for`]), ...denial.parts.map(({ says }) => says)];
  return `The denial "${denial.id}" does not apply once one of these is known not to hold: ${parts.join('; ')}.`;
}

/** By the grant that lacks least, of those that give the scope at all. */
function gaining({ grants }: Rules, facts: Facts, scope: string): string {
  const able = grants
    .filter((grant) => gives(grant, facts, scope))
    .map((grant) => ({ id: grant.id, lacking: grant.parts.filter((part) => truthOf(part, facts) !== 'yes') }))
    .sort((a, b) => a.lacking.length - b.lacking.length || (a.id < b.id ? -1 : 1));
  const [nearest] = able;
  if (nearest === undefined) return `For ${scope}: a rule that gives it; the policy has none.`;
  return `For ${scope}, by the rule "${nearest.id}": ${nearest.lacking.map(({ change }) => change).join(', and ')}.`;
}
