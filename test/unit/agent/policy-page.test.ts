/** What policy says to whoever is signed in: with the real evaluator, on policies that tell programs and AI agents apart. */
import { describe, expect, it } from 'vitest';
import type { Company } from '../../../main/agent/agent.ts';
import { createPolicyPage } from '../../../main/agent/policy-page.ts';
import { createQuestions } from '../../../main/agent/questions.ts';
import { AppError } from '../../../main/app-error.ts';
import { unknownCaller } from '../../../main/caller/caller.ts';
import { callUi, type UiAgent } from '../../../main/pages/ui-agent.ts';
import { builtInPolicy } from '../../../main/policy/built-in.ts';
import { type LoadedPolicy, loadPolicy } from '../../../main/policy/load-policy.ts';
import type { SessionView } from '../../../preload/contract/session.ts';
import type { UiInput, UiOutput } from '../../../preload/contract/ui.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { HOST, nobody, profileNamed, signedIn, strictSession } from './setting.ts';

const AZURE = 'https://adb-1.2.azuredatabricks.net';
type Firm = Pick<Company, 'profile' | 'session'>;

const firm = (name: string, view: SessionView, hosts = [HOST]): [string, Firm] => {
  const profile = profileNamed(name);
  const workspaces = hosts.map((host, index) => ({ name: index === 0 ? 'main' : `other-${index}`, host }));
  return [name, { profile: { ...profile, workspaces }, session: { ...strictSession, view: () => view, claims: () => ({}) } }];
};

interface Told {
  firms?: [string, Firm][];
  policy?: LoadedPolicy;
}
function asking({ firms = [firm('acme', signedIn('00u1'))], policy = builtInPolicy() }: Told = {}) {
  const companies = new Map(firms);
  const clock = fakeClock();
  const company = (name: string | undefined): Firm => {
    if (name === undefined && companies.size > 1) throw new AppError('PROFILE_NEEDED');
    const found = name === undefined ? [...companies.values()][0] : companies.get(name);
    if (found === undefined) throw new AppError('PROFILE_UNKNOWN');
    return found;
  };
  const page = createPolicyPage({
    ...{ companies, principal: company, policy: () => policy },
    questions: createQuestions({
      session: (name) => companies.get(name)?.session,
      tapKeys: { touches: () => [], ownedBy: () => [] },
      approver: () => undefined,
      clock,
    }),
    policyView: () => ({
      id: policy.id,
      revision: policy.revision,
      hash: policy.hash,
      mode: policy.mode,
      source: 'built-in',
      expires: null,
    }),
  });
  return <N extends 'policy' | 'policy/explain'>(name: N, input: UiInput<N>): Promise<UiOutput<N>> =>
    callUi(page as UiAgent, name, input, unknownCaller) as Promise<UiOutput<N>>;
}

const policyOf = (grants: string, more = ''): LoadedPolicy =>
  loadPolicy(
    Buffer.from(`version: 1
id: acme
revision: 3
mode: enforce
identities: [{ match: { anyone: true }, roles: [person] }]
callers:
  python: { executable: [/usr/bin/python3] }
  dbt: { executable: [/opt/dbt/bin/dbt] }
  claude: { kinds: [ai-agent], aiAgent: [claude] }
  ai-agent: { kinds: [ai-agent], aiAgent: any }
  box: { kinds: [container, unknown] }
limits: { awayGrace: 8 h, idle: 15 min, lockOnSuspend: true }
roles:
  person:
    grants:
${grants}
${more}
`),
    'policy.yaml',
  );
const grant = (id: string, caller: string, more = ''): string =>
  `      - { id: ${id}, workspaces: ["*"], scopes: [sql], callers: [${caller}], approval: click, maxLife: 2 h${more} }`;

describe('what applies to me', () => {
  it('is said for each workspace and each bundle, to a program and to an AI agent, by the built-in policy', async () => {
    const page = await asking({ firms: [firm('acme', signedIn('00u1'), [HOST, AZURE])] })('policy', {});
    expect(page.mine.map(({ workspace, bundle }) => `${workspace} ${bundle}`)).toEqual(
      [HOST, AZURE].flatMap((host) => ['notebook', 'sql', 'ml', 'bi', 'jobs'].map((bundle) => `${host} ${bundle}`)),
    );
    for (const { program, aiAgent, username, profile } of page.mine) {
      expect([profile, username, program.verdict, aiAgent.verdict]).toEqual(['acme', '00u1@acme.example', 'allow', 'allow']);
      expect([program.obligations?.lifeSeconds, aiAgent.obligations?.lifeSeconds]).toEqual([86_400, 3600]);
      expect(program.rules).toMatchObject([{ id: 'programs', applied: true }]);
    }
    expect(page.policy).toMatchObject({ id: 'self-managed', source: 'built-in' });
    expect(page.limits).toEqual({ awayGraceSeconds: 86_400, idleSeconds: null, dailyCapSeconds: null, lockOnSuspend: false });
  });

  it('has the scopes of each bundle as they are on that cloud', async () => {
    const { mine } = await asking({ firms: [firm('acme', signedIn('00u1'), [HOST, AZURE])] })('policy', {});
    const genie = mine.filter(({ bundle }) => bundle === 'bi').map(({ scopes }) => scopes.includes('dashboards.genie'));
    expect(genie).toEqual([false, true]);
  });

  it.each<[string, string, 'allow' | 'deny', 'allow' | 'deny']>([
    ['a rule for Python alone is for what it starts under an AI agent, too', grant('a', 'python'), 'allow', 'allow'],
    ['a rule for another program', grant('a', 'dbt'), 'deny', 'deny'],
    ['a rule for AI agents', grant('a', 'ai-agent'), 'deny', 'allow'],
    ['a rule for one AI agent', grant('a', 'claude'), 'deny', 'deny'],
    ['a rule for containers', grant('a', 'box'), 'deny', 'deny'],
  ])('tells the two apart: %s', async (_, grants, program, aiAgent) => {
    const { mine } = await asking({ policy: policyOf(grants) })('policy', {});
    const sql = mine.find(({ bundle }) => bundle === 'sql');
    expect([sql?.program.verdict, sql?.aiAgent.verdict]).toEqual([program, aiAgent]);
  });

  it('has no obligations and no rules for a no, and says what would change it', async () => {
    const page = await asking({ policy: policyOf(grant('a', 'dbt')) })('policy', {});
    const sql = page.mine.find(({ bundle }) => bundle === 'sql')?.program;
    expect(sql).toMatchObject({ verdict: 'deny', code: 'POLICY_DENIED', obligations: null, rules: [] });
    expect(sql?.wouldChange.length).toBeGreaterThan(0);
    expect(page.limits).toEqual({ awayGraceSeconds: 28_800, idleSeconds: 900, dailyCapSeconds: null, lockOnSuspend: true });
  });

  it('is shown with what the policy itself warns of', async () => {
    const observing = loadPolicy(Buffer.from('version: 1\nid: o\nrevision: 1\nmode: observe\nidentities: []\nroles: {}\n'), 'policy.yaml');
    const page = await asking({ policy: observing })('policy', {});
    expect(page.warnings).toMatchObject([/only observes/]);
    expect(page.mine[0]?.program).toMatchObject({ verdict: 'allow', observed: true });
  });

  it.each<[string, SessionView]>([
    ['nobody is signed in', nobody],
    ['the session has ended', signedIn('00u1', { phase: 'ended' })],
    ['all is locked', signedIn('00u1', { phase: 'locked' })],
    ['nothing is known of how somebody signed in', signedIn('00u1', { assurance: null })],
  ])('is nothing where %s', async (_, view) => {
    const page = await asking({ firms: [firm('acme', view), firm('other', signedIn('00u2'))] })('policy', {});
    expect(new Set(page.mine.map(({ profile, username }) => `${profile} ${username}`))).toEqual(new Set(['other 00u2@acme.example']));
  });
});

describe('what if', () => {
  const sql = { workspace: 'main', scopes: ['sql'] };

  it('has every rule with what it asks for, and what goes with a yes', async () => {
    const policy = policyOf([grant('py', 'python', ', lease: 120 s, maxTokenLife: 30 min'), grant('dbt', 'dbt')].join('\n'));
    const answer = await asking({ policy })('policy/explain', { ...sql, program: '/usr/bin/python3' });
    expect(answer).toMatchObject({
      ...{ verdict: 'allow', code: null, observed: false, wouldChange: [] },
      obligations: { approval: 'click', leaseSeconds: 120, lifeSeconds: 7200, maxTokenLifeSeconds: 1800, failClosed: false },
      rules: [
        { id: 'py', effect: 'allow', applied: true },
        { id: 'dbt', effect: 'allow', applied: false },
      ],
    });
    expect(answer.rules.every(({ because }) => because.length > 0)).toBe(true);
  });

  it('says that a touch or a sign-in would do, and what would go with it then', async () => {
    const policy = policyOf(grant('py', 'python', ', when: [touched]'), 'conditions: { touched: { tapKey: { maxAge: 5 min } } }');
    expect(await asking({ policy })('policy/explain', { ...sql, program: '/usr/bin/python3' })).toMatchObject({
      ...{ verdict: 'step-up', code: 'TAP_NEEDED', obligations: { lifeSeconds: 7200 } },
    });
  });

  it('asks nobody about what goes on already', async () => {
    const policy = policyOf(grant('py', 'python'));
    const answer = await asking({ policy })('policy/explain', { ...sql, action: 'renew', program: '/usr/bin/python3' });
    expect(answer.obligations?.approval).toBe('none');
  });

  it.each([['main'], [HOST], ['acme.cloud.databricks.com'], [`${HOST}/sql/editor`], ['ACME.cloud.databricks.com']])(
    'finds the workspace by %s',
    async (workspace) => {
      expect(await asking()('policy/explain', { ...sql, workspace })).toHaveProperty('verdict');
    },
  );

  it.each<[string, object, string]>([
    ['an AI agent by its name', { aiAgent: 'claude' }, 'allow'],
    ['an AI agent by its program', { program: '/usr/local/bin/claude' }, 'allow'],
    ['another AI agent', { aiAgent: 'codex' }, 'deny'],
    ['the AI agent in a container', { aiAgent: 'claude', kind: 'container' }, 'deny'],
    ['a program', { program: '/usr/bin/python3' }, 'deny'],
    ['no program at all', {}, 'deny'],
  ])('knows %s', async (_, by, verdict) => {
    const policy = policyOf(grant('a', 'claude'));
    expect(await asking({ policy })('policy/explain', { ...sql, ...by })).toMatchObject({ verdict });
  });

  it('takes a program for an AI agent where the policy says so', async () => {
    const policy = policyOf(grant('a', 'ai-agent'), 'aiAgents: [house-bot]');
    const ask = asking({ policy });
    expect(await ask('policy/explain', { ...sql, program: '/opt/house-bot' })).toMatchObject({ verdict: 'allow' });
    expect(await ask('policy/explain', { ...sql, program: '/opt/other-bot' })).toMatchObject({ verdict: 'deny' });
  });

  it('gives no path to what the system cannot name', async () => {
    const policy = policyOf(grant('a', 'box'), 'deny:\n  - { id: no-python, callers: [python] }');
    const ask = asking({ policy });
    expect(await ask('policy/explain', { ...sql, kind: 'container', program: '/usr/bin/python3' })).toMatchObject({
      verdict: 'deny',
      because: 'Denied by no-python.',
    });
    // Whether it is Python is not known, and a denial does not spare what is not known.
    expect(await ask('policy/explain', { ...sql, kind: 'unknown', program: '/usr/bin/dbt' })).toMatchObject({
      because: 'Denied by no-python.',
    });
  });

  it.each<[string, Told, object, string]>([
    ['nobody is signed in', { firms: [firm('acme', nobody)] }, {}, 'SIGNED_OUT'],
    ['nothing is known of how', { firms: [firm('acme', signedIn('00u1', { assurance: null }))] }, {}, 'SIGNED_OUT'],
    ['all is locked', { firms: [firm('acme', signedIn('00u1', { phase: 'locked' }))] }, {}, 'LOCKED'],
    [
      'the session has ended',
      { firms: [firm('acme', signedIn('00u1', { phase: 'ended', lastFailure: new AppError('SESSION_EXPIRED').toFailure() }))] },
      {},
      'SESSION_EXPIRED',
    ],
    ['there is no such profile', {}, { profile: 'none' }, 'PROFILE_UNKNOWN'],
    ['several profiles are there', { firms: [firm('a', signedIn('1')), firm('b', signedIn('2'))] }, {}, 'PROFILE_NEEDED'],
    ['there is no such workspace', {}, { workspace: 'https://evil.example' }, 'WORKSPACE_UNKNOWN'],
    ['a scope is none', {}, { scopes: ['sql', 'everything'] }, 'SCOPE_UNKNOWN'],
    ['a scope is never given', {}, { scopes: ['all-apis'] }, 'SCOPE_UNKNOWN'],
    ['no scope is named', {}, { scopes: [] }, 'INPUT_INVALID'],
    ['the program is half a path', {}, { program: 'bin/python' }, 'INPUT_INVALID'],
    ['the program breaks a line', {}, { program: '/usr/bin/py\nthon' }, 'INPUT_INVALID'],
    ['the AI agent breaks a line', {}, { aiAgent: 'cla\u0000ude' }, 'INPUT_INVALID'],
    ['the kind is none', {}, { kind: 'person' }, 'INPUT_INVALID'],
    ['the action is none', {}, { action: 'steal' }, 'INPUT_INVALID'],
  ])('is refused where %s', async (_, told, request, code) => {
    await expect(asking(told)('policy/explain', { ...sql, ...request })).rejects.toMatchObject({ code });
  });
});
