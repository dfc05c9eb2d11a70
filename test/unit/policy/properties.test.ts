/** What holds for every policy and every question, whatever they are. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type LoadedPolicy, loadPolicy } from '../../../main/policy/load-policy.ts';
import type { Question } from '../../../main/policy/question.ts';
import { type PolicyFile, policySchema } from '../../../main/policy/schema.ts';
import { approvals } from '../../../preload/contract/consent.ts';
import { policies, questions, type RandomPolicy } from './arbitrary.ts';

const load = (file: object): LoadedPolicy => loadPolicy(Buffer.from(JSON.stringify(file)), 'random');
const few = fc.array(questions, { minLength: 8, maxLength: 8 });
const strength = { deny: 0, 'step-up': 1, allow: 2 } as const;
type Rule = { id: string; effect: string; applied: boolean };
const ids = (rules: readonly Rule[], effect: string) => rules.filter((rule) => rule.applied && rule.effect === effect).map(({ id }) => id);

const holds = (claim: (file: RandomPolicy, asked: readonly Question[]) => void, numRuns = 80): void =>
  fc.assert(fc.property(policies, few, claim), { numRuns });

describe('for every policy and question', () => {
  it('a denial that applies wins', { timeout: 60_000 }, () => {
    holds((file, asked) => {
      const policy = load(file);
      for (const question of asked) {
        const { verdict, rules } = policy.evaluate(question);
        if (ids(rules, 'deny').length > 0) expect(verdict).toBe('deny');
      }
    });
  });

  it('one more denial never turns a no into a yes', { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(policies, policies, few, (file, other, asked) => {
        const [before, after] = [
          load(file),
          load({ ...file, deny: [...file.deny, ...other.deny.map((rule, index) => ({ ...rule, id: `x-${index}` }))] }),
        ];
        for (const question of asked)
          expect(strength[after.evaluate(question).verdict]).toBeLessThanOrEqual(strength[before.evaluate(question).verdict]);
      }),
      { numRuns: 80 },
    );
  });

  it('a yes covers every scope by a grant that names it, and never one more', { timeout: 60_000 }, () => {
    holds((file, asked) => {
      const policy = load(file);
      for (const question of asked) {
        const { verdict, rules } = policy.evaluate(question);
        const singly = question.scopes.map((scope) => policy.evaluate({ ...question, scopes: [scope] }).verdict);
        if (verdict !== 'allow') continue;
        expect(ids(rules, 'allow')).not.toEqual([]);
        expect(singly.every((one) => one === 'allow')).toBe(true);
      }
    });
  });

  it('asking for more never makes a no a yes', { timeout: 60_000 }, () => {
    holds((file, asked) => {
      const policy = load(file);
      for (const question of asked) {
        if (question.scopes.length === 0 || policy.evaluate(question).verdict !== 'deny') continue;
        const wider = { ...question, scopes: [...new Set([...question.scopes, 'workspace'])].sort() };
        expect(policy.evaluate(wider).verdict).toBe('deny');
      }
    });
  });

  it('the order of rules, people, scopes and facts means nothing', { timeout: 60_000 }, () => {
    const turned = <T>(list: readonly T[]): T[] => [...list].reverse();
    holds((file, asked) => {
      const grants = ({ grants: list }: { grants: object[] }) => ({ grants: turned(list) });
      const roles = Object.fromEntries(turned(Object.entries(file.roles)).map(([role, rules]) => [role, grants(rules)]));
      const shuffled = { ...file, identities: turned(file.identities), roles, deny: turned(file.deny) };
      const [one, other] = [load(file), load(shuffled)];
      for (const question of asked) {
        const { person, caller } = question;
        const same: Question = {
          ...question,
          person: { ...person, groups: turned(person.groups) },
          caller: { ...caller, parents: turned(caller.parents) },
          tapKeys: turned(question.tapKeys),
          addresses: turned(question.addresses),
        };
        const { rules: _, ...expected } = one.evaluate(question);
        const { rules: __, ...answered } = other.evaluate(same);
        expect(answered).toEqual(expected);
      }
    });
  });

  it('no obligation is looser than that of any grant that took part', { timeout: 60_000 }, () => {
    holds((file, asked) => {
      const policy = load(file);
      const grants = Object.values((policySchema.parse(file) as PolicyFile).roles).flatMap(({ grants: list }) => list);
      for (const question of asked) {
        const { verdict, obligations, rules } = policy.evaluate(question);
        if (verdict !== 'allow') continue;
        for (const grant of grants.filter(({ id }) => ids(rules, 'allow').includes(id))) {
          expect(obligations.lease).toBeLessThanOrEqual(grant.lease);
          expect(obligations.life).toBeLessThanOrEqual(grant.maxLife);
          if (grant.maxTokenLife !== undefined) expect(obligations.maxTokenLife).toBeLessThanOrEqual(grant.maxTokenLife);
          if (grant.failClosed) expect(obligations.failClosed).toBe(true);
          if (question.action !== 'renew')
            expect(approvals.indexOf(obligations.approval)).toBeGreaterThanOrEqual(approvals.indexOf(grant.approval));
        }
      }
    });
  });

  it('a no has a code and says what would change it; a yes has neither', { timeout: 60_000 }, () => {
    holds((file, asked) => {
      const policy = load(file);
      for (const question of asked) {
        const { verdict, code, wouldChange, because, stepUp } = policy.evaluate(question);
        expect(because).toMatch(/^[A-Z"].*\.$/);
        if (verdict === 'allow') expect([code, wouldChange, stepUp]).toEqual([null, [], null]);
        if (verdict === 'step-up') expect(code).toBe(stepUp === null ? 'TAP_NEEDED' : 'STEP_UP_NEEDED');
        if (verdict === 'deny') expect(['POLICY_DENIED', 'CALLER_REFUSED', 'POLICY_EXPIRED']).toContain(code);
        if (verdict !== 'allow') expect(wouldChange).not.toEqual([]);
      }
    });
  });

  it('a step-up leads to a yes once it is done, with the obligations that were promised', { timeout: 60_000 }, () => {
    holds((file, asked) => {
      const policy = load(file);
      for (const question of asked) {
        const { verdict, stepUp, obligations } = policy.evaluate(question);
        if (verdict !== 'step-up' || stepUp === null) continue;
        // Whoever has signed in with the strongest word may still owe a touch, never another sign-in of the same word.
        const session = { assurance: 'phr' as const, authTime: question.at, acr: stepUp.acr[0] ?? question.session.acr ?? null };
        const after = policy.evaluate({ ...question, session });
        expect(after.verdict).not.toBe('deny');
        if (after.verdict === 'allow') expect(obligations.lease).toBeLessThanOrEqual(after.obligations.lease);
      }
    });
  });

  it('observing refuses only what is always refused', { timeout: 60_000 }, () => {
    holds((file, asked) => {
      const [policy, observing] = [load(file), load({ ...file, mode: 'observe' })];
      for (const question of asked) {
        const floor = question.scopes.length === 0 || question.scopes.includes('all-apis');
        const [real, seen] = [policy.evaluate(question), observing.evaluate(question)];
        expect(seen.verdict).toBe(floor ? 'deny' : 'allow');
        expect(seen.observed).toBe(!floor && real.verdict !== 'allow');
      }
    });
  });
});
