/** Cedar reads the same policies and answers the same questions; where the two differ, one of them is wrong. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { loadPolicy } from '../../../main/policy/load-policy.ts';
import { policySchema } from '../../../main/policy/schema.ts';
import { policies, questions } from './arbitrary.ts';
import { cedarOracle } from './cedar.ts';

const POLICIES = 250;
const QUESTIONS_EACH = 40;

it('says yes exactly where Cedar does, in ten thousand random cases', { timeout: 180_000 }, () => {
  const seen = { allow: 0, deny: 0, 'step-up': 0 };
  fc.assert(
    fc.property(policies, fc.array(questions, { minLength: QUESTIONS_EACH, maxLength: QUESTIONS_EACH }), (file, asked) => {
      const policy = loadPolicy(Buffer.from(JSON.stringify(file)), 'random');
      const oracle = cedarOracle(policySchema.parse(file));
      for (const question of asked) {
        const { verdict } = policy.evaluate(question);
        seen[verdict] += 1;
        expect(verdict === 'allow', JSON.stringify(question)).toBe(oracle(question));
      }
    }),
    { numRuns: POLICIES },
  );
  // Agreement about nothing but one answer would say little.
  const cases = POLICIES * QUESTIONS_EACH;
  expect(seen.allow).toBeGreaterThan(cases * 0.05);
  expect(seen.deny).toBeGreaterThan(cases * 0.05);
  expect(seen['step-up']).toBeGreaterThan(cases * 0.005);
});
