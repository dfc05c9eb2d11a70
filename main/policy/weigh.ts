/** Which rules apply to a question, as it is or as it would be after a fresh sign-in or a touch. */
import type { Denial, Grant, Rules } from './compile.ts';
import { type Cure, type Facts, type Part, truthOf } from './facts.ts';

/** Cures that are taken as done, to see whether they would help. */
export type Assumed = readonly Cure[];
export const asItIs: Assumed = [];

export interface Weighed {
  facts: Facts;
  denials: readonly Denial[];
  /** Grants that apply and give at least one of the scopes asked for. */
  grants: readonly Grant[];
  /** Scopes that no grant gives. */
  missing: readonly string[];
}

export function weigh(rules: Rules, facts: Facts, assumed: Assumed): Weighed {
  const { scopes } = facts.question;
  const denials = rules.denials.filter((denial) => isDenied(denial, facts, assumed));
  const grants = rules.grants.filter((grant) => applies(grant, facts, assumed) && scopes.some((scope) => gives(grant, facts, scope)));
  const missing = scopes.filter((scope) => !grants.some((grant) => gives(grant, facts, scope)));
  return { facts, denials, grants, missing };
}

export function isAllowed({ denials, missing }: Weighed): boolean {
  // check: policy-denial-wins
  if (denials.length > 0) return false;
  // end check
  // check: policy-every-scope
  if (missing.length > 0) return false;
  // end check
  return true;
}

export const gives = (grant: Grant, { cloud }: Facts, scope: string): boolean => grant.scopes[cloud].has(scope);

const isAssumed = ({ cure }: Part, assumed: Assumed): boolean => cure !== null && assumed.includes(cure);

/** A grant applies where all it asks for is known to hold. */
export function applies({ parts }: Grant, facts: Facts, assumed: Assumed): boolean {
  for (const part of parts) {
    if (isAssumed(part, assumed)) continue;
    // check: policy-part-holds
    if (truthOf(part, facts) !== 'yes') return false;
    // end check
  }
  return true;
}

/** A denial applies unless something it asks for is known not to hold. */
export const isDenied = (denial: Denial, facts: Facts, assumed: Assumed): boolean =>
  hasDeniedScope(denial, facts) && denial.parts.every((part) => isAssumed(part, assumed) || truthOf(part, facts) !== 'no');

const hasDeniedScope = ({ scopes }: Denial, { cloud, question }: Facts): boolean =>
  scopes === null || question.scopes.some((scope) => scopes[cloud].has(scope));
