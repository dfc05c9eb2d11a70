/** People and service principals before a policy: neither has what was written for the other. */
import { describe, expect, it } from 'vitest';
import { unattendedPolicy } from '../../../main/policy/built-in.ts';
import { grantText, policyOf, question, refusal } from './asking.ts';

const clientId = '8d1f20c2-0000-4000-8000-00000000aaaa';
const robot = (more: object = {}) =>
  question({
    ...{ identity: 'service-principal', ...more },
    person: { issuer: 'service-principal', subject: clientId, username: clientId, groups: [] },
    session: { assurance: 'unknown', authTime: null, acr: null },
  });
const withMatch = (match: string, grant = '', more = '') => policyOf(grantText(grant, more).replace('{ anyone: true }', match));

describe('who has a role', () => {
  it.each<[string, boolean, boolean]>([
    ['{ anyone: true }', true, false],
    ['{ servicePrincipal: "*" }', false, true],
    [`{ servicePrincipal: ${clientId.toUpperCase()} }`, false, true],
    ['{ servicePrincipal: 8d1f20c2-0000-4000-8000-00000000bbbb }', false, false],
    [`{ user: ${clientId} }`, false, false],
    ['{ issuer: service-principal }', false, false],
  ])('by %s: a person %s, a service principal %s', (match, person, principal) => {
    const policy = withMatch(match);
    expect([policy.evaluate(question()).verdict, policy.evaluate(robot()).verdict]).toEqual(
      [person, principal].map((yes) => (yes ? 'allow' : 'deny')),
    );
  });

  it('cannot be described as a person and a service principal at once', () => {
    const text = grantText().replace('{ anyone: true }', '{ servicePrincipal: "*", group: ds }');
    expect(refusal(text)).toMatchObject({ code: 'POLICY_INVALID', detail: expect.stringContaining('name it alone') });
  });
});

describe('a condition on the identity', () => {
  const both = (when: string) =>
    policyOf(
      grantText(`when: [${when}]`, 'conditions: { people: { identity: person }, robots: { identity: service-principal } }').replace(
        '  - match: { anyone: true }\n    roles: [person]',
        '  - match: { anyone: true }\n    roles: [person]\n  - match: { servicePrincipal: "*" }\n    roles: [person]',
      ),
    );

  it('holds for what it names alone, and says so', () => {
    expect(both('people').evaluate(question()).verdict).toBe('allow');
    expect(both('robots').evaluate(robot()).verdict).toBe('allow');
    const decision = both('people').evaluate(robot());
    expect(decision).toMatchObject({ verdict: 'deny', because: expect.stringContaining("this service principal's roles") });
    expect(decision.rules[0]?.because).toContain('does not hold: it is a person that asks (people)');
    expect(decision.wouldChange.join(' ')).toContain('asking as a person');
  });

  it('denies a service principal what people may have', () => {
    const policy = policyOf(
      grantText(
        '',
        'conditions: { robots: { identity: service-principal } }\ndeny: [{ id: no-robots, scopes: [jobs], when: [robots] }]',
      ).replace(
        '  - match: { anyone: true }\n    roles: [person]',
        '  - match: { anyone: true }\n    roles: [person]\n  - match: { servicePrincipal: "*" }\n    roles: [person]',
      ),
    );
    expect(policy.evaluate(robot({ scopes: ['jobs'] })).because).toBe('Denied by no-robots.');
    expect(policy.evaluate(question({ scopes: ['jobs'] })).verdict).toBe('allow');
  });

  it('never sends a service principal to a fresh sign-in, which it cannot have', () => {
    const policy = withMatch('{ servicePrincipal: "*" }', 'when: [fresh]', 'conditions: { fresh: { authAgeMax: 5 min } }');
    expect(policy.evaluate(robot())).toMatchObject({ verdict: 'deny', stepUp: null });
  });
});

it('without people programs of a service principal get bundles unasked, and AI agents nothing', () => {
  const policy = unattendedPolicy();
  expect(policy.evaluate(robot())).toMatchObject({ verdict: 'allow', obligations: { approval: 'none' } });
  expect(policy.evaluate(robot({ scopes: ['secrets'] })).verdict).toBe('deny');
  expect(policy.evaluate(question()).verdict).toBe('deny');
});
