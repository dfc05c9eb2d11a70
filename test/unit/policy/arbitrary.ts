/** Random policies and random questions about them, from words few enough that rules and questions meet often. */
import fc from 'fast-check';
import type { Question } from '../../../main/policy/question.ts';
import type { EpochMs } from '../../../main/units.ts';

export const words = {
  issuers: ['https://issuer.example', 'https://issuer.example/'],
  users: ['alice@acme.example', 'Bob@Acme.Example', 'carol@other.example', 'nobody'],
  principals: ['8d1f20c2-0000-4000-8000-00000000aaaa', '8D1F20C2-0000-4000-8000-00000000BBBB'],
  groups: ['ds-core', 'ds-lab', '/eng/data', '/eng/data/ml', '6D1F20C2-0000-4000-8000-00000000AAAA'],
  groupGlobs: ['ds-core', 'ds-*', '/eng/*', '/eng/**', '**/ml', '6d1f20c2-0000-4000-8000-00000000aaaa', '*'],
  workspaces: [
    'https://acme.cloud.databricks.com',
    'https://acme-prod.cloud.databricks.com',
    'https://x.acme.cloud.databricks.com',
    'https://adb-12.7.azuredatabricks.net',
    'https://7.7.gcp.databricks.com',
    'http://127.0.0.1:4000',
    'https://cloud.databricks.com',
  ],
  workspaceGlobs: [
    '*',
    '*.cloud.databricks.com',
    'acme*.cloud.databricks.com',
    'https://acme.cloud.databricks.com/',
    '*-*.cloud.databricks.com',
    'adb-*.*.azuredatabricks.net',
    '*.databricks.com',
    'http://127.0.0.1:4000',
    'https://127.0.0.1',
  ],
  scopes: ['sql', 'jobs', 'files', 'genie', 'dashboards.genie', 'workspace', 'secrets'],
  scopeWords: ['sql', 'jobs', 'bi', 'notebook', 'genie', 'dashboards.genie', 'secrets', 'ml'],
  paths: ['/usr/bin/python3', '/usr/bin/curl', '/home/a/.venv/bin/python3.12', '/opt/code/code', '/usr/local/bin/claude'],
  pathGlobs: [
    '/usr/bin/*',
    '/usr/bin/python3',
    '**/python3*',
    '/usr/**',
    '/home/*/.venv/bin/python*',
    '**',
    '/opt/*/co*e',
    '/usr/**/claude',
  ],
  aiAgents: ['claude', 'codex'],
  aaguids: ['ee882879-721c-4913-9775-3dfcce97072a', '2fc0579f-8113-47ea-b116-bb5a8db9202a', '00000000-0000-0000-0000-000000000000'],
  addresses: [
    '10.1.2.3',
    '11.0.0.1',
    '192.168.1.9',
    '192.168.0.255',
    '203.0.113.76',
    '203.0.113.77',
    '2001:db8::7',
    '2001:db9::',
    'fe80::1',
  ],
  ranges: ['10.0.0.0/8', '192.168.1.0/24', '203.0.113.77', '0.0.0.0/0', '2001:db8::/32', '::/0', '192.168.1.8/31'],
  zones: ['Europe/Berlin', 'America/New_York', 'Asia/Kolkata'],
  lengths: ['90 s', '5 min', '1 h', '8 h', '2 d'],
  acrs: ['phr', 'phrh', 'c1'],
} as const;

const one = <T>(from: readonly T[]) => fc.constantFrom(...from);
const some = <T>(from: readonly T[], max = 3) => fc.uniqueArray(one(from), { minLength: 1, maxLength: max });
/** Keys that are there or not, at least one of them there. */
const partly = <T extends Record<string, fc.Arbitrary<unknown>>>(keys: T) =>
  fc.record(keys as Record<string, fc.Arbitrary<unknown>>, { requiredKeys: [] }).filter((value) => Object.keys(value).length > 0);

const moments = fc
  .integer({ min: Date.parse('2026-01-01T00:00:00Z'), max: Date.parse('2026-12-31T00:00:00Z') })
  // Some of them near a change of the clocks in Berlin.
  .chain((any) =>
    fc.oneof({ arbitrary: fc.constant(any), weight: 3 }, fc.constant(Date.parse('2026-03-29T00:00:00Z') + (any % 10_800_000))),
  );

const matches = fc.oneof(
  { arbitrary: fc.constant({ anyone: true }), weight: 3 },
  { arbitrary: fc.record({ servicePrincipal: one(['*', ...words.principals]) }), weight: 2 },
  {
    arbitrary: partly({
      issuer: one(words.issuers),
      user: one(words.users),
      group: one(words.groupGlobs),
      claim: fc.record({ name: fc.constant('department'), value: one(['risk', 'ops']) }),
      emailDomain: one(['acme.example', 'other.example']),
    }),
    weight: 3,
  },
);
const kinds = ['program', 'ai-agent', 'forwarder', 'container', 'unknown'] as const;
const callers = partly({
  executable: some(words.pathGlobs),
  parents: some(words.pathGlobs),
  aiAgent: fc.oneof(fc.constant('any'), some(words.aiAgents)),
  kinds: some(kinds, 4),
});
const clocks = ['00:00', '07:00', '08:30', '12:00', '20:00', '22:00', '23:59'];
const windows = fc.tuple(one(clocks), one([...clocks, '24:00'])).filter(([from, until]) => from !== until);
const times = fc
  .record(
    {
      tz: one(words.zones),
      days: some(['mon-fri', 'sat', 'sun', 'fri-mon', 'wed']),
      hours: windows.map(([from, until]) => `${from}-${until}`),
    },
    { requiredKeys: ['tz'] },
  )
  .filter((value) => Object.keys(value).length > 1);
const tapKeys = fc.record(
  {
    aaguids: some([...words.aaguids, 'approved']),
    attested: fc.constant(true),
    userVerified: fc.constant(true),
    hardwareBound: fc.constant(true),
    maxAge: one(words.lengths),
  },
  { requiredKeys: [] },
);
const conditionKeys = {
  assurance: one(['mfa', 'config-asserted', 'phr']),
  identity: one(['person', 'service-principal']),
  tapKey: tapKeys,
  authAgeMax: one(words.lengths),
  cidr: some(words.ranges, 2),
  time: times,
};
/** Mostly of one thing: of many at once hardly any would ever hold. */
const conditions = fc.oneof(
  partly(conditionKeys),
  ...Object.entries(conditionKeys).map(([key, values]) => ({
    arbitrary: (values as fc.Arbitrary<unknown>).map((value) => ({ [key]: value })),
    weight: 1,
  })),
);

const names = ['one', 'two', 'three'] as const;
const grants = fc.record(
  {
    workspaces: fc.oneof(fc.constant(['*']), some(words.workspaceGlobs)),
    scopes: some(words.scopeWords, 6),
    callers: some(names),
    maxLife: one(words.lengths),
    lease: one(words.lengths),
    maxTokenLife: one(words.lengths),
    approval: one(['none', 'click', 'tap']),
    when: some(names, 2),
    stepUp: fc.record({ acr: some(words.acrs), maxAge: one(words.lengths) }, { requiredKeys: ['maxAge'] }),
    failClosed: fc.boolean(),
  },
  { requiredKeys: ['workspaces', 'scopes'] },
);
/** What narrows a grant is left out more often than not: else hardly a question would be answered with yes. */
const chances = { callers: 5, when: 4, stepUp: 2 } as const;
const sparseGrants = fc.tuple(grants, fc.record({ callers: fc.nat(9), when: fc.nat(9), stepUp: fc.nat(9) })).map(([grant, draws]) => {
  const isKept = (key: string): boolean => !(key in chances) || draws[key as keyof typeof draws] < chances[key as keyof typeof chances];
  return Object.fromEntries(Object.entries(grant).filter(([key]) => isKept(key)));
});

/** Often about callers and conditions alone: what is not known counts there. */
const denials = partly({
  scopes: some([...words.scopeWords, 'all-apis'], 2),
  workspaces: some(words.workspaceGlobs.slice(2), 2),
  callers: some(names, 1),
  when: some(names, 1),
});

const numbered = <T extends object>(prefix: string, rules: readonly T[]) =>
  rules.map((rule, index) => ({ id: `${prefix}-${index}`, ...rule }));

/** A policy file as a plain value; every name in it leads somewhere. */
export const policies = fc
  .record({
    dates: fc.record({ notBefore: moments, expires: moments }, { requiredKeys: [] }),
    dated: fc.nat(9),
    identities: fc.array(fc.record({ match: matches, roles: some(['role-a', 'role-b'], 2) }), { minLength: 1, maxLength: 3 }),
    callers: fc.tuple(callers, callers, callers),
    conditions: fc.tuple(conditions, conditions, conditions),
    a: fc.array(sparseGrants, { minLength: 1, maxLength: 3 }),
    b: fc.array(sparseGrants, { maxLength: 3 }),
    deny: fc.oneof(fc.constant([]), fc.array(denials, { minLength: 1, maxLength: 2 })),
  })
  .map(({ dates, dated, identities, callers: rules, conditions: found, a, b, deny }) => ({
    version: 1,
    id: 'random',
    revision: 1,
    ...(dated > 0 ? {} : Object.fromEntries(Object.entries(dates).map(([key, at]) => [key, new Date(at as number).toISOString()]))),
    identities,
    callers: Object.fromEntries(names.map((name, index) => [name, rules[index]])),
    conditions: Object.fromEntries(names.map((name, index) => [name, found[index]])),
    sets: { approved: [words.aaguids[0]] },
    roles: { 'role-a': { grants: numbered('a', a) }, 'role-b': { grants: numbered('b', b) } },
    deny: numbered('d', deny),
  }));
export type RandomPolicy = typeof policies extends fc.Arbitrary<infer T> ? T : never;

const ages = fc.constantFrom(-300_000, -60_000, 0, 60_000, 299_999, 300_000, 300_001, 3_600_000, 40_000_000);
const touches = fc.record({
  aaguid: one(words.aaguids),
  attested: fc.boolean(),
  userVerified: fc.boolean(),
  hardwareBound: fc.boolean(),
  age: ages,
});

export const questions: fc.Arbitrary<Question> = fc
  .record({
    action: one(['create', 'widen', 'use', 'renew'] as const),
    at: moments,
    identity: fc.oneof({ arbitrary: fc.constant('person' as const), weight: 3 }, fc.constant('service-principal' as const)),
    issuer: one(words.issuers),
    username: one(words.users),
    principal: one(words.principals),
    groups: fc.uniqueArray(one(words.groups), { maxLength: 3 }),
    claims: one([{}, { department: 'risk' }, { department: ['ops', 'risk'] }, { other: 'risk' }]),
    assurance: fc.oneof({ arbitrary: fc.constant('phr' as const), weight: 3 }, one(['unknown', 'mfa', 'config-asserted'] as const)),
    authAge: fc.option(ages, { freq: 4 }),
    acr: fc.option(one(words.acrs)),
    touches: fc.array(touches, { maxLength: 2 }),
    kind: fc.oneof({ arbitrary: fc.constant('program' as const), weight: 2 }, one(kinds)),
    executable: fc.option(one(words.paths), { freq: 4 }),
    parents: fc.array(one(words.paths), { maxLength: 3 }),
    aiAgent: one(words.aiAgents),
    addresses: fc.uniqueArray(one(words.addresses), { maxLength: 2 }),
    workspace: fc.oneof({ arbitrary: one(words.workspaces.slice(0, 2)), weight: 2 }, one(words.workspaces)),
    scopes: fc.oneof(
      { arbitrary: some(words.scopes, 1), weight: 8 },
      { arbitrary: some(words.scopes, 3), weight: 6 },
      { arbitrary: fc.constantFrom<string[]>([], ['all-apis'], ['all-apis', 'sql']), weight: 1 },
    ),
  })
  .map(
    ({
      at,
      identity,
      issuer,
      username: name,
      principal,
      groups,
      claims,
      assurance,
      authAge,
      acr,
      touches: keys,
      kind,
      executable,
      parents,
      aiAgent,
      ...rest
    }) => ({
      ...rest,
      at: at as EpochMs,
      profile: 'acme',
      identity,
      person: personOf(identity, { issuer, name, principal, groups, claims }),
      session: { assurance, authTime: authAge === null ? null : ((at - authAge) as EpochMs), acr },
      tapKeys: keys.map(({ age, ...key }) => ({ ...key, touchedAt: (at - age) as EpochMs })),
      caller: { kind, executable, parents, aiAgent: kind === 'ai-agent' ? aiAgent : null, interpreter: null },
      scopes: [...rest.scopes].sort(),
      life: null,
    }),
  );

/** A service principal is named by its client id and has nothing else; groups and claims are left to it all the same, for no rule may look. */
function personOf(
  identity: Question['identity'],
  {
    issuer,
    name,
    principal,
    ...facts
  }: { issuer: string; name: string; principal: string } & Pick<Question['person'], 'groups' | 'claims'>,
): Question['person'] {
  const username = identity === 'person' ? name : principal;
  return { issuer, subject: username, username, ...facts };
}
