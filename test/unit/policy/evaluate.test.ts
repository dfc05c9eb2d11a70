import { describe, expect, it } from 'vitest';
import { builtInPolicy } from '../../../main/policy/built-in.ts';
import { type EpochMs, hours, minutes, seconds } from '../../../main/units.ts';
import { NOW, policyOf, question, type Told, withGrant } from './asking.ts';

const before = (milliseconds: number) => (NOW - milliseconds) as EpochMs;
const key = {
  aaguid: 'ee882879-721c-4913-9775-3dfcce97072a',
  attested: true,
  userVerified: true,
  hardwareBound: true,
  touchedAt: before(1000),
};

const conditions = (lines: string) => `conditions:\n  it: ${lines}\n`;
const callers = (lines: string) => `callers:\n  it: ${lines}\n`;
const answer = (policy: ReturnType<typeof withGrant>, told: Told = {}) => {
  const { verdict, code } = policy.evaluate(question(told));
  return code === null ? verdict : `${verdict} ${code}`;
};

describe('policy', () => {
  it('gives what a grant gives, and says by which rule', () => {
    const decision = withGrant('maxLife: 2 h\nlease: 90 s\nmaxTokenLife: 1 h\napproval: click').evaluate(
      question({ scopes: ['jobs', 'sql'] }),
    );
    expect(decision).toMatchObject({
      verdict: 'allow',
      code: null,
      obligations: { approval: 'click', lease: seconds(90), life: hours(2), maxTokenLife: hours(1), failClosed: false },
      wouldChange: [],
      observed: false,
    });
    expect(decision.rules).toEqual([expect.objectContaining({ id: 'the-grant', effect: 'allow', applied: true })]);
  });

  it('asks for a tap, and bounds lease and life, where a grant says nothing of them', () => {
    expect(withGrant().evaluate(question()).obligations).toEqual({
      approval: 'tap',
      lease: seconds(300),
      life: hours(24),
      maxTokenLife: null,
      failClosed: false,
    });
  });

  it('gives no scope that no grant names, and not the others along with it', () => {
    expect(answer(withGrant(), { scopes: ['files'] })).toBe('deny POLICY_DENIED');
    expect(answer(withGrant(), { scopes: ['files', 'sql'] })).toBe('deny POLICY_DENIED');
    expect(withGrant().evaluate(question({ scopes: ['files', 'sql'] })).wouldChange).toContain('Or asking without files.');
  });

  it.each([
    ['all-apis', ['all-apis']],
    ['all-apis among others', ['all-apis', 'sql']],
    ['no scope at all, which a workspace takes for all', []],
  ])('always refuses %s, even while it only observes', (_, scopes) => {
    expect(answer(withGrant(), { scopes })).toBe('deny POLICY_DENIED');
    expect(answer(withGrant('', 'mode: observe'), { scopes })).toBe('deny POLICY_DENIED');
  });

  it('gives nothing before its date and nothing after it', () => {
    const policy = withGrant('', 'notBefore: 2026-09-16T00:00:00Z\nexpires: 2026-09-17T00:00:00Z');
    expect(answer(policy)).toBe('allow');
    expect(answer(policy, { at: Date.parse('2026-09-15T23:59:59.999Z') as EpochMs })).toBe('deny POLICY_EXPIRED');
    expect(answer(policy, { at: Date.parse('2026-09-17T00:00:00Z') as EpochMs })).toBe('deny POLICY_EXPIRED');
    expect(answer(policy, { at: Date.parse('2026-09-17T00:00:00Z') as EpochMs, action: 'renew' })).toBe('deny POLICY_EXPIRED');
  });

  it('lets a denial win over any grant', () => {
    expect(answer(withGrant('', 'deny: [{ id: no-jobs, scopes: [jobs] }]'), { scopes: ['jobs', 'sql'] })).toBe('deny POLICY_DENIED');
    expect(answer(withGrant('', 'deny: [{ id: no-jobs, scopes: [jobs] }]'), { scopes: ['sql'] })).toBe('allow');
    expect(answer(withGrant('', 'deny: [{ id: not-here, workspaces: ["*.cloud.databricks.com"] }]'))).toBe('deny POLICY_DENIED');
  });

  it('does not offer a sign-in where a denial would stand all the same', () => {
    const policy = withGrant('when: [it]', `${conditions('{ assurance: phr }')}deny: [{ id: no-sql, scopes: [sql] }]`);
    expect(answer(policy, { session: { assurance: 'mfa' } })).toBe('deny POLICY_DENIED');
    const after = withGrant('when: [it]', `${conditions('{ assurance: phr }')}deny: [{ id: none, when: [it] }]`);
    expect(answer(after, { session: { assurance: 'mfa' } })).toBe('deny POLICY_DENIED');
  });

  it('takes the strictest of every grant that gives part of what is asked', () => {
    const policy = policyOf(`version: 1
id: two
revision: 1
identities: [{ match: { anyone: true }, roles: [a, b] }]
roles:
  a: { grants: [{ id: one, workspaces: ["*"], scopes: [sql], approval: none, lease: 60 s, maxLife: 8 h, maxTokenLife: 2 h }] }
  b: { grants: [{ id: two, workspaces: ["*"], scopes: [sql, jobs], approval: click, lease: 5 min, maxLife: 1 h, failClosed: true }] }
`);
    expect(policy.evaluate(question({ scopes: ['sql'] })).obligations).toEqual({
      approval: 'click',
      lease: seconds(60),
      life: hours(1),
      maxTokenLife: hours(2),
      failClosed: true,
    });
    expect(policy.evaluate(question({ scopes: ['jobs'] })).obligations).toMatchObject({
      approval: 'click',
      lease: seconds(300),
      maxTokenLife: null,
    });
  });

  it('asks nobody when a program that is covered renews, and still refuses what no longer holds', () => {
    const policy = withGrant('when: [it]', conditions('{ cidr: [10.0.0.0/8] }'));
    expect(policy.evaluate(question({ action: 'renew' })).obligations.approval).toBe('none');
    expect(answer(policy, { action: 'renew', addresses: ['192.168.1.1'] })).toBe('deny POLICY_DENIED');
    expect(answer(withGrant('', 'deny: [{ id: no-sql, scopes: [sql] }]'), { action: 'renew' })).toBe('deny POLICY_DENIED');
  });

  it('reads a bundle as the cloud of the workspace has it', () => {
    const policy = policyOf(
      'version: 1\nid: a\nrevision: 1\nidentities: [{ match: { anyone: true }, roles: [r] }]\nroles: { r: { grants: [{ id: g, workspaces: ["*"], scopes: [bi] }] } }\n',
    );
    expect(answer(policy, { scopes: ['dashboards.genie'], workspace: 'https://adb-1.7.azuredatabricks.net' })).toBe('allow');
    expect(answer(policy, { scopes: ['dashboards.genie'] })).toBe('deny POLICY_DENIED');
  });
});

describe('roles', () => {
  const match = (lines: string) =>
    policyOf(
      `version: 1\nid: a\nrevision: 1\nidentities: [{ match: ${lines}, roles: [r] }]\nroles: { r: { grants: [{ id: g, workspaces: ["*"], scopes: [sql] }] } }\n`,
    );
  const guid = '6d1f20c2-0000-4000-8000-00000000aaaa';

  it.each<[string, string, Told['person'], boolean]>([
    ['everybody', '{ anyone: true }', {}, true],
    ['the issuer to the letter', '{ issuer: "https://issuer.example" }', {}, true],
    ['the issuer to the letter, slash included', '{ issuer: "https://issuer.example/" }', {}, false],
    ['a user in any case', '{ user: Alice@Acme.Example }', {}, true],
    ['another user', '{ user: bob@acme.example }', {}, false],
    ['no user whose letter only folds to the same', '{ user: kim@acme.example }', { username: '\u212aim@acme.example' }, false],
    ['a group by name', '{ group: ds }', {}, true],
    ['no group that only begins so', '{ group: d }', {}, false],
    ['a group by its case', '{ group: DS }', {}, false],
    ['a group by GUID in any case', `{ group: ${guid} }`, { groups: [guid.toUpperCase()] }, true],
    ['a group by path', '{ group: /eng/* }', { groups: ['/eng/data'] }, true],
    ['no group deeper than the glob', '{ group: /eng/* }', { groups: ['/eng/data/ml'] }, false],
    ['a claim', '{ claim: { name: department, value: risk } }', { claims: { department: 'risk' } }, true],
    ['one value of a claim', '{ claim: { name: department, value: risk } }', { claims: { department: ['ops', 'risk'] } }, true],
    ['no part of a value', '{ claim: { name: department, value: risk } }', { claims: { department: 'risks' } }, false],
    ['no claim that every object has', '{ claim: { name: constructor, value: x } }', {}, false],
    ['the domain of the user name', '{ emailDomain: acme.example }', {}, true],
    ['no domain below it', '{ emailDomain: acme.example }', { username: 'a@x.acme.example' }, false],
    ['the domain after the last @', '{ emailDomain: acme.example }', { username: 'a@acme.example@evil.example' }, false],
    ['no name without a domain', '{ emailDomain: acme.example }', { username: 'acme.example' }, false],
    ['all of several things', '{ group: ds, emailDomain: other.example }', {}, false],
  ])('come with %s', (_, lines, person, expected) => {
    expect(answer(match(lines), { person })).toBe(expected ? 'allow' : 'deny POLICY_DENIED');
  });
});

describe('caller rules', () => {
  it.each(['forwarder', 'container', 'unknown'] as const)('refuse a caller of kind %s unless a rule names the kind', (kind) => {
    expect(answer(withGrant(), { caller: { kind } })).toBe('deny CALLER_REFUSED');
    const anyPath = withGrant('callers: [it]', callers('{ executable: ["**"] }'));
    expect(answer(anyPath, { caller: { kind } })).toBe('deny CALLER_REFUSED');
    expect(answer(withGrant('callers: [it]', callers(`{ kinds: [${kind}] }`)), { caller: { kind } })).toBe('allow');
    expect(answer(withGrant('callers: [it]', callers(`{ kinds: [${kind}] }`)))).toBe('deny POLICY_DENIED');
  });

  it.each<[string, string, Told['caller'], boolean]>([
    ['an executable', '{ executable: ["/usr/bin/python*"] }', {}, true],
    ['another executable', '{ executable: ["/opt/**"] }', {}, false],
    ['an executable that is not known', '{ executable: ["**"] }', { executable: null }, false],
    ['any of the parents', '{ parents: ["**/jupyter-lab"] }', { parents: ['/usr/bin/bash', '/venv/bin/jupyter-lab'] }, true],
    ['no parents', '{ parents: ["**"] }', { parents: [] }, false],
    ['any AI agent', '{ aiAgent: any }', { kind: 'ai-agent', aiAgent: 'claude' }, true],
    ['an AI agent by name', '{ aiAgent: [codex] }', { kind: 'ai-agent', aiAgent: 'claude' }, false],
    ['a person where an AI agent is meant', '{ aiAgent: any }', {}, false],
    ['an AI agent where the kind is program', '{ kinds: [program] }', { kind: 'ai-agent', aiAgent: 'claude' }, false],
  ])('are about %s', (_, lines, caller, expected) => {
    expect(answer(withGrant('callers: [it]', callers(lines)), { caller })).toBe(expected ? 'allow' : 'deny POLICY_DENIED');
  });

  it('deny a caller of any kind, and one whose executable the system does not tell', () => {
    const policy = (lines: string) =>
      withGrant('callers: [all]', `callers:\n  all: { kinds: [program, forwarder] }\n  it: ${lines}\ndeny: [{ id: no, callers: [it] }]`);
    expect(answer(policy('{ executable: ["/usr/bin/ssh"] }'))).toBe('allow');
    expect(answer(policy('{ executable: ["/usr/bin/ssh"] }'), { caller: { executable: '/usr/bin/ssh', kind: 'forwarder' } })).toBe(
      'deny POLICY_DENIED',
    );
    expect(answer(policy('{ executable: ["/usr/bin/ssh"] }'), { caller: { executable: null } })).toBe('deny POLICY_DENIED');
    expect(answer(policy('{ kinds: [container] }'))).toBe('allow');
  });
});

describe('conditions', () => {
  it.each<[string, string, Told, string]>([
    ['enough assurance', '{ assurance: mfa }', { session: { assurance: 'config-asserted' } }, 'allow'],
    ['too little assurance', '{ assurance: config-asserted }', { session: { assurance: 'mfa' } }, 'step-up STEP_UP_NEEDED'],
    ['a sign-in fresh enough', '{ authAgeMax: 1 h }', { session: { authTime: before(3_600_000) } }, 'allow'],
    ['a sign-in a moment too old', '{ authAgeMax: 1 h }', { session: { authTime: before(3_600_001) } }, 'step-up STEP_UP_NEEDED'],
    ['a sign-in of unknown age', '{ authAgeMax: 1 h }', { session: { authTime: null } }, 'step-up STEP_UP_NEEDED'],
    ['a sign-in a little in the future, as clocks differ', '{ authAgeMax: 1 h }', { session: { authTime: before(-60_000) } }, 'allow'],
    ['a sign-in of tomorrow', '{ authAgeMax: 1 h }', { session: { authTime: before(-86_400_000) } }, 'step-up STEP_UP_NEEDED'],
    ['an address in the range', '{ cidr: [10.0.0.0/8] }', {}, 'allow'],
    ['no address in the range', '{ cidr: [10.0.0.0/8] }', { addresses: ['192.168.0.1'] }, 'deny POLICY_DENIED'],
    ['no address known', '{ cidr: [0.0.0.0/0] }', { addresses: [] }, 'deny POLICY_DENIED'],
    ['an address that is none', '{ cidr: [0.0.0.0/0] }', { addresses: ['10.0.0.1.evil'] }, 'deny POLICY_DENIED'],
    ['the hour', '{ time: { tz: Europe/Berlin, hours: "11:00-12:00" } }', {}, 'allow'],
    ['another hour', '{ time: { tz: UTC, hours: "11:00-12:00" } }', {}, 'deny POLICY_DENIED'],
    ['a key that was touched', '{ tapKey: {} }', { tapKeys: [key] }, 'allow'],
    ['no key touched', '{ tapKey: {} }', {}, 'step-up TAP_NEEDED'],
    [
      'a key that is all of it',
      '{ tapKey: { attested: true, userVerified: true, hardwareBound: true, maxAge: 1 min } }',
      { tapKeys: [key] },
      'allow',
    ],
    ['a key whose model is unproven', '{ tapKey: { attested: true } }', { tapKeys: [{ ...key, attested: false }] }, 'step-up TAP_NEEDED'],
    ['a key without a PIN', '{ tapKey: { userVerified: true } }', { tapKeys: [{ ...key, userVerified: false }] }, 'step-up TAP_NEEDED'],
    ['a key that is synced', '{ tapKey: { hardwareBound: true } }', { tapKeys: [{ ...key, hardwareBound: false }] }, 'step-up TAP_NEEDED'],
    ['a touch too long ago', '{ tapKey: { maxAge: 1 min } }', { tapKeys: [{ ...key, touchedAt: before(60_001) }] }, 'step-up TAP_NEEDED'],
    [
      'a model of the set, in any case',
      '{ tapKey: { aaguids: [keys] } }',
      { tapKeys: [{ ...key, aaguid: key.aaguid.toUpperCase() }] },
      'allow',
    ],
    [
      'a model outside the set',
      '{ tapKey: { aaguids: [keys] } }',
      { tapKeys: [{ ...key, aaguid: key.aaguid.replace('e', '0') }] },
      'step-up TAP_NEEDED',
    ],
    [
      'two keys that are only together all of it',
      '{ tapKey: { attested: true, userVerified: true } }',
      {
        tapKeys: [
          { ...key, attested: false },
          { ...key, userVerified: false },
        ],
      },
      'step-up TAP_NEEDED',
    ],
    ['a key and a sign-in at once', '{ tapKey: {}, assurance: phr }', { session: { assurance: 'mfa' } }, 'step-up STEP_UP_NEEDED'],
  ])('see %s', (_, lines, told, expected) => {
    const sets = `sets: { keys: [${key.aaguid}] }\n`;
    expect(answer(withGrant('when: [it]', conditions(lines) + sets), told)).toBe(expected);
  });

  it('that are not known deny where they stand in a denial', () => {
    const policy = (lines: string) => withGrant('', `${conditions(lines)}deny: [{ id: no, when: [it] }]`);
    expect(answer(policy('{ cidr: [192.168.0.0/16] }'))).toBe('allow');
    expect(answer(policy('{ cidr: [192.168.0.0/16] }'), { addresses: [] })).toBe('deny POLICY_DENIED');
    expect(answer(policy('{ authAgeMax: 10 s }'))).toBe('allow');
    expect(answer(policy('{ authAgeMax: 10 s }'), { session: { authTime: null } })).toBe('deny POLICY_DENIED');
  });
});

describe('a step-up', () => {
  const policy = withGrant('approval: click\nstepUp: { acr: [phr, phrh], maxAge: 5 min }');

  it('is asked for with the words and the age the rules want, and says what will hold then', () => {
    const decision = policy.evaluate(question({ session: { authTime: before(300_001) } }));
    expect(decision).toMatchObject({
      verdict: 'step-up',
      code: 'STEP_UP_NEEDED',
      stepUp: { acr: ['phr', 'phrh'], maxAge: minutes(5) },
      obligations: { approval: 'click' },
      wouldChange: [expect.stringContaining('sign-in')],
    });
  });

  it.each([
    ['another word', { acr: 'c1' }],
    ['no word', { acr: null }],
    ['no known age', { authTime: null }],
  ])('is due where the sign-in said %s', (_, session) => {
    expect(answer(policy, { session })).toBe('step-up STEP_UP_NEEDED');
    expect(answer(policy, { session, action: 'renew' })).toBe('step-up STEP_UP_NEEDED');
  });

  it('is one sign-in for all rules: the shortest age, and a word that all accept', () => {
    const two = policyOf(`version: 1
id: two
revision: 1
identities: [{ match: { anyone: true }, roles: [a] }]
roles:
  a:
    grants:
      - { id: one, workspaces: ["*"], scopes: [sql], stepUp: { acr: [phr, phrh], maxAge: 1 h } }
      - { id: two, workspaces: ["*"], scopes: [jobs], stepUp: { acr: [c1, phrh], maxAge: 5 min } }
`);
    const old = { authTime: before(7_200_000) };
    expect(two.evaluate(question({ scopes: ['jobs', 'sql'], session: old })).stepUp).toEqual({ acr: ['phrh'], maxAge: minutes(5) });
    expect(two.evaluate(question({ scopes: ['sql'], session: old })).stepUp).toEqual({ acr: ['phr', 'phrh'], maxAge: hours(1) });
  });

  it('that only lacks a touch names no sign-in', () => {
    const decision = withGrant('when: [it]', conditions('{ tapKey: { userVerified: true } }')).evaluate(question());
    expect(decision).toMatchObject({ verdict: 'step-up', code: 'TAP_NEEDED', stepUp: null });
  });

  it('is not offered where something stands in the way that no sign-in mends', () => {
    expect(answer(policy, { session: { authTime: null }, scopes: ['files'] })).toBe('deny POLICY_DENIED');
    expect(answer(policy, { session: { authTime: null }, caller: { kind: 'container' } })).toBe('deny CALLER_REFUSED');
  });
});

describe('a policy that only observes', () => {
  const observing = (grant = '', more = '') => withGrant(grant, `mode: observe\n${more}`);

  it('lets through what it would refuse, says so, and asks for as much as without a file', () => {
    const decision = observing('', 'deny: [{ id: no-sql, scopes: [sql] }]').evaluate(question());
    expect(decision).toMatchObject({ verdict: 'allow', code: null, observed: true, obligations: { approval: 'tap', life: hours(24) } });
    expect(decision.wouldChange).not.toEqual([]);
    expect(observing().evaluate(question({ caller: { kind: 'container' } }))).toMatchObject({
      observed: true,
      obligations: { life: hours(1) },
    });
    expect(observing('', 'expires: 2026-09-01T00:00:00Z').evaluate(question())).toMatchObject({ verdict: 'allow', observed: true });
  });

  it('asks for what the file asks for where it would give, but refuses no token for its length', () => {
    const decision = observing('approval: click\nmaxLife: 2 h\nmaxTokenLife: 10 min').evaluate(question());
    expect(decision).toMatchObject({ observed: false, obligations: { approval: 'click', life: hours(2), maxTokenLife: null } });
  });
});

describe('what would change a no', () => {
  it.each<[string, string, string, Told]>([
    ['another program', 'callers: [it]', callers('{ executable: ["/opt/**"] }'), { caller: { executable: '/opt/code' } }],
    ['another network', 'when: [it]', conditions('{ cidr: [192.168.0.0/16] }'), { addresses: ['192.168.7.7'] }],
    ['another hour', 'when: [it]', conditions('{ time: { tz: UTC, hours: "11:00-12:00" } }'), { at: (NOW + 7_200_000) as EpochMs }],
  ])('names %s, and it does', (_, grant, more, then) => {
    const policy = withGrant(grant, more);
    const decision = policy.evaluate(question());
    expect(decision.verdict).toBe('deny');
    expect(decision.wouldChange).toEqual([expect.stringMatching(/^For sql, by the rule "the-grant": asking (from|within) /)]);
    expect(answer(policy, then)).toBe('allow');
  });

  it('names the denial, and what it is about', () => {
    const { wouldChange } = withGrant('', 'deny: [{ id: no-jobs, scopes: [jobs], workspaces: ["*"] }]').evaluate(
      question({ scopes: ['jobs'] }),
    );
    expect(wouldChange).toEqual([expect.stringContaining('"no-jobs"')]);
  });

  it('tells every rule that took part, with the parts that held and those that did not', () => {
    const { rules } = withGrant('when: [it]', conditions('{ assurance: phr, authAgeMax: 5 min }')).evaluate(
      question({ session: { assurance: 'mfa', authTime: null } }),
    );
    expect(rules).toEqual([
      {
        id: 'the-grant',
        effect: 'allow',
        applied: false,
        because: [
          'holds: it gives sql',
          'holds: the person is person',
          'holds: the workspace is *',
          'holds: the caller is a program on this machine',
          'does not hold: the sign-in is proven as phr or better (it)',
          'not known: the sign-in is at most 5 min old (it)',
        ],
      },
    ]);
  });
});

describe('the built-in policy', () => {
  const policy = builtInPolicy;

  it('gives bundles to programs for a day and to AI agents for an hour, each with a tap', () => {
    expect(policy().hash).toBe('built-in');
    expect(policy().evaluate(question()).obligations).toMatchObject({ approval: 'tap', life: hours(24), maxTokenLife: null });
    const agent = policy().evaluate(question({ caller: { kind: 'ai-agent', aiAgent: 'claude' }, scopes: ['workspace'] }));
    expect(agent).toMatchObject({ verdict: 'allow', obligations: { approval: 'tap', life: hours(1) } });
  });

  it.each(['forwarder', 'container', 'unknown'] as const)('refuses a caller of kind %s', (kind) => {
    expect(answer(policy(), { caller: { kind } })).toBe('deny CALLER_REFUSED');
  });

  it('refuses all-apis, and scopes that are in no bundle', () => {
    expect(answer(policy(), { scopes: ['all-apis'] })).toBe('deny POLICY_DENIED');
    expect(answer(policy(), { scopes: ['secrets'] })).toBe('deny POLICY_DENIED');
  });
});
