/** IT's policy with a bundle's words beside it, and a person's own, which only takes away. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadPolicy } from '../../../main/policy/load-policy.ts';
import { type Beside, joinPolicies, managedPolicy } from '../../../main/policy/managed.ts';
import { type EpochMs, hours, minutes, seconds } from '../../../main/units.ts';
import { approvals } from '../../../preload/contract/consent.ts';
import { policies, questions } from './arbitrary.ts';
import { NOW, question, type Told, withGrant } from './asking.ts';

const after = (milliseconds: number) => (NOW + milliseconds) as EpochMs;
const beside = (changes: Partial<Beside> = {}): Beside => ({
  organization: 'Acme',
  modes: {},
  exemptions: [],
  expires: after(hours(24)),
  revoked: () => null,
  tapKeysMissing: () => null,
  ...changes,
});
const noJobs = (more = ''): ReturnType<typeof withGrant> => withGrant('', `deny: [{ id: no-jobs, scopes: [jobs] }]\n${more}`);
const verdict = (policy: ReturnType<typeof withGrant>, told: Told = {}): string => policy.evaluate(question(told)).verdict;

describe('the mode of a group', () => {
  const guid = '1a2b3c4d-0000-4000-8000-00000000abcd';
  const inGroups = (groups: string[]): Told => ({ scopes: ['jobs'], person: { groups } });

  it.each<[string, Beside['modes'], string[], string]>([
    ['the policy’s own where the groups say nothing', {}, ['ds'], 'deny'],
    ['observe where a group only observes', { ds: 'observe' }, ['ds', 'others'], 'allow'],
    ['enforce where one of them enforces', { ds: 'observe', prod: 'enforce' }, ['ds', 'prod'], 'deny'],
    ['of groups to the letter alone', { DS: 'observe', 'd*': 'observe' }, ['ds'], 'deny'],
    ['of a group that is named by its GUID, in any case', { [guid.toUpperCase()]: 'enforce', ds: 'observe' }, ['ds', guid], 'deny'],
    ['no word that every object knows', { ds: 'enforce' }, ['constructor', '__proto__'], 'deny'],
  ])('is %s', (_, modes, groups, expected) => {
    expect(verdict(managedPolicy(noJobs(), beside({ modes })), inGroups(groups))).toBe(expected);
  });

  it('makes an observing policy hold', () => {
    const policy = managedPolicy(noJobs('mode: observe'), beside({ modes: { prod: 'enforce' } }));
    expect(verdict(policy, inGroups(['ds']))).toBe('allow');
    expect(policy.evaluate(question(inGroups(['ds']))).observed).toBe(true);
    expect(verdict(policy, inGroups(['prod']))).toBe('deny');
  });
});

describe('an exemption', () => {
  const exempt = (changes: object = {}) => ({
    username: 'Alice@acme.example',
    rule: 'no-jobs',
    from: NOW,
    until: after(hours(1)),
    ...changes,
  });
  const ask = (exemption: ReturnType<typeof exempt>, told: Told = {}): string =>
    verdict(managedPolicy(noJobs(), beside({ exemptions: [exemption] })), { scopes: ['jobs'], ...told });

  it('takes the rule away from that person', () => {
    expect(ask(exempt())).toBe('allow');
    expect(ask(exempt(), { person: { username: 'bob@acme.example' } })).toBe('deny');
    expect(ask(exempt({ rule: 'no-other' }))).toBe('deny');
  });

  it('is nobody’s whose name only looks the same', () => {
    const kate = (username: string) => ask(exempt({ username: 'kate@acme.example' }), { person: { username } });
    expect([kate('kate@acme.example'), kate('Kate@ACME.example')]).toEqual(['allow', 'allow']);
    // The sign for kelvin, which lower case makes a k; a Cyrillic a; a space.
    for (const name of ['\u212Aate@acme.example', 'k\u0430te@acme.example', 'kate@acme.example '])
      expect([name, kate(name)]).toEqual([name, 'deny']);
  });

  it('holds from its beginning to its end and not a millisecond longer', () => {
    expect(ask(exempt(), { at: after(-1) })).toBe('deny');
    expect(ask(exempt(), { at: after(hours(1) - 1) })).toBe('allow');
    expect(ask(exempt(), { at: after(hours(1)) })).toBe('deny');
  });

  it('is no service principal’s, whatever it is called', () => {
    const policy = managedPolicy(noJobs(), beside({ exemptions: [exempt({ username: 'app-1' })] }));
    const asked = question({ identity: 'service-principal', person: { username: 'app-1', groups: [] }, scopes: ['jobs'] });
    expect(policy.evaluate(asked).verdict).toBe('deny');
  });

  it('from what a grant asks for leaves role, workspace and caller', () => {
    const policy = withGrant('stepUp: { maxAge: 1 s }');
    const stale: Told = { session: { authTime: (NOW - hours(5)) as EpochMs } };
    expect(verdict(policy, stale)).toBe('step-up');
    const exempted = managedPolicy(policy, beside({ exemptions: [exempt({ rule: 'the-grant' })] }));
    expect(verdict(exempted, stale)).toBe('allow');
    expect(verdict(exempted, { ...stale, scopes: ['files'] })).toBe('deny');
    expect(verdict(exempted, { ...stale, caller: { kind: 'container' } })).toBe('deny');
  });
});

describe('a bundle', () => {
  it('that has ended gives nothing more, even where it only observed', () => {
    const policy = managedPolicy(withGrant('', 'mode: observe'), beside());
    expect(verdict(policy, { at: after(hours(24) - 1) })).toBe('allow');
    const decision = policy.evaluate(question({ at: after(hours(24)) }));
    expect(decision).toMatchObject({ verdict: 'deny', code: 'POLICY_EXPIRED', observed: false });
    expect(policy.expires).toBe(after(hours(24)));
  });
});

describe('whoever has too few tap keys', () => {
  const short = managedPolicy(
    noJobs('mode: observe'),
    beside({ tapKeysMissing: ({ subject }) => (subject === 'alice-1' ? 'One more.' : null) }),
  );

  it.each(['create', 'widen', 'use'] as const)('gets nothing new by %s, even where the policy only observes', (action) => {
    expect(short.evaluate(question({ action }))).toMatchObject({
      verdict: 'deny',
      code: 'TAP_KEYS_WANTED',
      because: 'One more.',
      observed: false,
    });
  });

  it('goes on with what was approved before', () => {
    expect(verdict(short, { action: 'renew' })).toBe('allow');
  });

  it('is nobody else, and no service principal', () => {
    expect(verdict(short, { person: { subject: 'bob-1' } })).toBe('allow');
    expect(verdict(short, { identity: 'service-principal' })).toBe('allow');
  });
});

describe('whoever is revoked', () => {
  it('gets nothing, even where the policy only observes or exempts them', () => {
    const exemptions = [{ username: 'alice@acme.example', rule: 'the-grant', from: NOW, until: after(hours(1)) }];
    const out = beside({ exemptions, revoked: ({ person }) => (person.subject === 'alice-1' ? 'PERSON_REVOKED' : null) });
    const policy = managedPolicy(withGrant('', 'mode: observe'), out);
    expect(policy.evaluate(question())).toMatchObject({ verdict: 'deny', code: 'PERSON_REVOKED' });
    expect(verdict(policy, { person: { subject: 'bob-1' } })).toBe('allow');
  });
});

describe('a person’s own policy beside IT’s', () => {
  it('takes away, and gives nothing that IT does not give', () => {
    const it = withGrant('lease: 5 min\napproval: click');
    const own = withGrant('lease: 60 s\nmaxLife: 1 h', 'deny: [{ id: not-me, scopes: [jobs] }]');
    const joined = joinPolicies(it, own);
    expect(joined.evaluate(question())).toMatchObject({
      verdict: 'allow',
      obligations: { lease: seconds(60), life: hours(1), approval: 'tap' },
    });
    expect(verdict(joined, { scopes: ['jobs'] })).toBe('deny');
    expect(verdict(joinPolicies(own, it), { scopes: ['jobs'] })).toBe('deny');
  });

  it('that only observes does not undo IT’s', () => {
    expect(verdict(joinPolicies(noJobs(), withGrant('', 'mode: observe')), { scopes: ['jobs'] })).toBe('deny');
  });

  it('asks for one sign-in that both take', () => {
    const asking = (age: string) => withGrant(`stepUp: { maxAge: ${age} }`);
    const decision = joinPolicies(asking('10 min'), asking('2 min')).evaluate(
      question({ session: { authTime: (NOW - hours(5)) as EpochMs } }),
    );
    expect(decision).toMatchObject({ verdict: 'step-up', code: 'STEP_UP_NEEDED', stepUp: { maxAge: minutes(2) } });
  });

  it('never makes anything looser than IT’s policy alone, or than their own', { timeout: 60_000 }, () => {
    const strength = { deny: 0, 'step-up': 1, allow: 2 } as const;
    const load = (file: object) => loadPolicy(Buffer.from(JSON.stringify(file)), 'random');
    let allowed = 0;
    fc.assert(
      fc.property(policies, policies, fc.array(questions, { minLength: 8, maxLength: 8 }), (first, second, asked) => {
        const [managed, own] = [load(first), load(second)];
        const joined = joinPolicies(managed, own);
        for (const each of asked) {
          const together = joined.evaluate(each);
          for (const alone of [managed.evaluate(each), own.evaluate(each)]) {
            expect(strength[together.verdict]).toBeLessThanOrEqual(strength[alone.verdict]);
            if (together.verdict !== 'allow') continue;
            allowed += 1;
            expect(together.obligations.lease).toBeLessThanOrEqual(alone.obligations.lease);
            expect(together.obligations.life).toBeLessThanOrEqual(alone.obligations.life);
            expect(together.obligations.maxTokenLife ?? Infinity).toBeLessThanOrEqual(alone.obligations.maxTokenLife ?? Infinity);
            expect(approvals.indexOf(together.obligations.approval)).toBeGreaterThanOrEqual(approvals.indexOf(alone.obligations.approval));
            if (alone.obligations.failClosed) expect(together.obligations.failClosed).toBe(true);
          }
        }
      }),
      { numRuns: 150 },
    );
    expect(allowed).toBeGreaterThan(0);
  });
});
