/** The tests inside a policy file: each is a question in short form and the answer its author expects. They pass, or the file does not hold. */
import { cloudOf, resolveScopes } from '../databricks/scopes.ts';
import { toMs } from '../profile/length-of-time.ts';
import { type EpochMs, ms } from '../units.ts';
import type { Rules } from './compile.ts';
import { evaluateEnforced } from './evaluate.ts';
import type { Decision, Question } from './question.ts';
import type { PolicyTest } from './schema.ts';

/** A Monday noon in UTC, for policies without dates. */
const MONDAY_NOON = Date.parse('2026-01-05T12:00:00Z') as EpochMs;

export interface FailedTest {
  index: number;
  name: string;
  /** What was expected, what came, and why. */
  because: string;
}

/** The tests that do not pass, in the order of the file. They are asked as if the policy enforced. */
export function failedTests(rules: Rules, tests: readonly PolicyTest[]): FailedTest[] {
  return tests.flatMap((test, index) => {
    const decision = evaluateEnforced(rules, questionOf(test.given, rules));
    if (decision.verdict === test.expect && (test.code === undefined || decision.code === test.code)) return [];
    return [
      {
        index,
        name: test.name,
        because: `It expects ${answer(test.expect, test.code)} and gets ${answerOf(decision)}. ${decision.because}`,
      },
    ];
  });
}

const answer = (verdict: string, code: string | null | undefined): string => (code == null ? verdict : `${verdict} (${code})`);
const answerOf = ({ verdict, code }: Decision): string => answer(verdict, code);

/** Within the dates of the policy, so that a test does not begin to fail by itself. */
function momentWithin({ notBefore, expires }: Rules): EpochMs {
  if (notBefore !== null) return notBefore;
  return expires === null ? MONDAY_NOON : ((expires - 1) as EpochMs);
}

function questionOf(given: PolicyTest['given'], rules: Rules): Question {
  const at = given.at === undefined ? momentWithin(rules) : (Date.parse(given.at) as EpochMs);
  const before = (age: string): EpochMs => (at - toMs(age)) as EpochMs;
  const { tapKey, workspace } = given;
  return {
    action: given.action,
    at,
    profile: 'test',
    identity: given.identity,
    person: { issuer: given.issuer, subject: given.user, username: given.user, groups: given.groups, claims: given.claims },
    session: {
      assurance: given.assurance,
      authTime: given.authAge === 'unknown' ? null : before(given.authAge),
      acr: given.acr ?? null,
    },
    tapKeys: tapKey === undefined ? [] : [{ ...tapKey, touchedAt: before(tapKey.age) }],
    caller: {
      kind: given.kind,
      executable: given.executable ?? null,
      parents: given.parents,
      aiAgent: given.aiAgent ?? null,
      interpreter: null,
    },
    addresses: given.addresses,
    workspace: new URL(workspace).origin,
    scopes: scopesOf(given.scopes, workspace),
    life: ms(0),
  };
}

/** "all-apis" has no place in a question that Lakepass asks; a test may ask what would become of it. */
function scopesOf(words: readonly string[], workspace: string): string[] {
  const known = words.filter((word) => word !== 'all-apis');
  const everything = known.length < words.length ? ['all-apis'] : [];
  return [...everything, ...(known.length === 0 ? [] : resolveScopes(known, cloudOf(workspace), 'either'))].sort();
}
