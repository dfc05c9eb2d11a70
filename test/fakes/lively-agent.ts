/**
 * Makes the fake agent behind the pages tell of a machine that is in use: a log to look through, a policy with something to say, checks
 * good and bad. Its answers follow what is asked, as strictly as the real ones where a page could go wrong.
 */
import { createHash } from 'node:crypto';
import { AppError } from '../../main/app-error.ts';
import { kindOf } from '../../main/audit/kinds.ts';
import type { UiAgent } from '../../main/pages/ui-agent.ts';
import type { Clock } from '../../main/ports.ts';
import type { ActivityRecord } from '../../preload/contract/activity.ts';
import type { Explanation } from '../../preload/contract/policy.ts';
import type { SetupView } from '../../preload/contract/setup.ts';
import type { UiCall, UiOutput } from '../../preload/contract/ui.ts';
import type { FakePagesAgent } from './pages-agent.ts';

const minute = 60_000;
const hour = 60 * minute;
const workspace = 'https://acme.cloud.databricks.com';
const python = '/home/ada/project/.venv/bin/python3.12';
const notebook = ['clusters', 'command-execution', 'files', 'sql'];

/** Notes each call and throws what a test wants thrown, as the fake does by itself; then answers anew. */
function answering<N extends UiCall>(agent: FakePagesAgent, name: N, answer: UiAgent[N]): void {
  const before = agent.ui[name] as (...given: Parameters<UiAgent[N]>) => unknown;
  const ui = agent.ui as { [M in UiCall]: UiAgent[M] };
  ui[name] = ((...given: Parameters<UiAgent[N]>) => {
    before(...given);
    return (answer as (...given: Parameters<UiAgent[N]>) => unknown)(...given);
  }) as UiAgent[N];
}

/** What one busy morning leaves behind, newest first; each part an hour and a quarter before the one above it. */
function morning(newest: number, from: number): ActivityRecord[] {
  const told: [string, ActivityRecord['fields']][] = [
    ['token.served-again', { grant: 'grant-1', count: 41 }],
    [
      'token.refused',
      { grant: 'grant-2', code: 'POLICY_DENIED', caller: '/usr/bin/curl', callerKind: 'ai-agent', aiAgent: 'claude', count: 3 },
    ],
    ['consent.answered', { ask: 'ask-2', purpose: 'use', verdict: 'denied', how: 'click', span: '', tapKey: '' }],
    ['token.minted', { profile: 'acme', workspace, scopes: notebook, expiresAt: '', subject: '00u1', requestId: 'r-1' }],
    [
      'grant.created',
      { grant: 'grant-1', profile: 'acme', workspace, scopes: notebook, caller: python, callerKind: 'program', approved: 'tap' },
    ],
    ['tap.accepted', { key: 'key-1', purpose: 'create', ask: 'ask-1', userVerified: 'yes' }],
    [
      'policy.activated',
      { source: '/etc/lakepass/policy.yaml', policy: 'acme', revision: 7, digest: 'c0ffee', mode: 'enforce', approved: 'start' },
    ],
    ['lock.changed', { state: 'open', why: 'screen-lock' }],
    [
      'session.signed-in',
      { profile: 'acme', issuer: 'https://acme.okta.com', subject: '00u1', username: 'ada@acme.example', amr: ['hwk', 'pin'] },
    ],
    ['agent.started', { version: '0.1.0', vault: 'secret-service', port: 17_410 }],
  ];
  return told.map(([type, fields], index) => ({
    seq: newest - index,
    at: new Date(from - index * 75 * minute).toISOString(),
    type,
    kind: kindOf(type),
    fields,
  }));
}

const textOf = ({ type, fields }: ActivityRecord): string => `${type} ${Object.values(fields).flat().join(' ')}`.toLowerCase();

export function livelyAgent(agent: FakePagesAgent, clock: Clock): void {
  const records = Array.from({ length: 12 }, (_, page) => morning((12 - page) * 10, clock.now() - 5 * minute - page * 13 * hour)).flat();
  answering(agent, 'activity', ({ before = Number.POSITIVE_INFINITY, limit, kinds, text, since, until }) => {
    const fitting = records.filter(
      (record) =>
        record.seq < before &&
        (kinds.length === 0 || kinds.includes(record.kind)) &&
        textOf(record).includes(text.toLowerCase()) &&
        (since === undefined || record.at >= since) &&
        (until === undefined || record.at <= until),
    );
    const page = fitting.slice(0, limit);
    return { records: page, next: fitting.length > limit ? (page.at(-1)?.seq ?? null) : null, damaged: 0 };
  });
  const shapes = { hour: [60, minute], day: [24, hour], week: [7, 24 * hour] } as const;
  answering(agent, 'activity/summary', ({ span }) => {
    const [count, part] = shapes[span];
    const since = clock.now() - count * part;
    const parts = Array.from({ length: count }, (_, index) => {
      const busy = Math.max(0, Math.round(40 * Math.sin((index / count) * Math.PI)) - 8);
      const minted = Math.ceil(busy / 9);
      return {
        at: new Date(since + index * part).toISOString(),
        ...{ tokens: busy, minted, mintMs: minted === 0 ? null : 140 + 17 * (index % 7) },
        ...{ prompts: index % 5 === 0 ? 2 : 0, denials: index % 11 === 5 ? 1 : 0, refusals: index % 7 === 3 ? 3 : 0 },
      };
    });
    return { span, since: new Date(since).toISOString(), until: new Date(clock.now()).toISOString(), parts };
  });
  agent.answers['audit/verify'] = {
    ok: true,
    folder: '/home/ada/.local/state/lakepass/audit',
    records: records.length,
    from: records.at(-1)?.at ?? null,
    to: records[0]?.at ?? null,
    problems: [],
    notes: ['audit-000001.jsonl:17: the clock was set back here'],
    proven: [`Records 1 to ${records.length} are whole: none was changed, removed, repeated or moved by accident or by a plain edit.`],
    cannotProve: ['That nothing was cut off at the end.', 'That whoever has the device key did not write it anew.'],
  };
  agent.answers.policy = policyPage();
  answering(agent, 'policy/explain', ({ scopes, kind }) => (kind === 'ai-agent' || scopes.includes('secrets') ? denied : allowed));
  agent.answers.doctor = { checks: checks() };
}

const allowed: Explanation = {
  verdict: 'allow',
  code: null,
  because: 'The rule "engineers-notebook" gives all that is asked for.',
  obligations: { approval: 'tap', leaseSeconds: 300, lifeSeconds: 28_800, maxTokenLifeSeconds: 3600, failClosed: false },
  rules: [
    {
      id: 'engineers-notebook',
      effect: 'allow',
      applied: true,
      because: [`holds: it gives ${notebook.join(', ')}`, 'holds: the program is Python'],
    },
    { id: 'no-secrets', effect: 'deny', applied: false, because: ['does not hold: a scope it names is asked for'] },
  ],
  wouldChange: [],
  observed: false,
};
const denied: Explanation = {
  verdict: 'deny',
  code: 'POLICY_DENIED',
  because: 'Denied by no-secrets.',
  obligations: null,
  rules: [
    { id: 'no-secrets', effect: 'deny', applied: true, because: ['holds: secrets is asked for'] },
    { id: 'engineers-notebook', effect: 'allow', applied: false, because: ['does not hold: the program is not an AI agent'] },
  ],
  wouldChange: ['The denial "no-secrets" does not apply once secrets is not asked for.', 'Or asking without secrets.'],
  observed: false,
};

function policyPage(): UiOutput<'policy'> {
  const obligations = { approval: 'click', leaseSeconds: 300, lifeSeconds: 3600, maxTokenLifeSeconds: null, failClosed: true } as const;
  const narrower: Explanation = { ...allowed, because: 'The rule "agents-sql" gives it for an hour.', obligations };
  const stepUp: Explanation = { ...allowed, verdict: 'step-up', because: 'The sign-in is older than the rule wants.' };
  const mine = (bundle: string, scopes: string[], program: Explanation, aiAgent: Explanation) => ({
    ...{ profile: 'acme', username: 'ada@acme.example', workspace, bundle, scopes, program, aiAgent },
  });
  return {
    policy: {
      ...{ id: 'acme', revision: 7, hash: 'c0ffee5ea51de0ddba11', mode: 'enforce', source: '/etc/lakepass/policy.yaml' },
      expires: null,
    },
    warnings: ['The rule agents-sql asks for a click alone, which a program that runs as you can make.'],
    limits: { awayGraceSeconds: 28_800, idleSeconds: 900, dailyCapSeconds: 43_200, lockOnSuspend: true },
    mine: [
      mine('notebook', notebook, allowed, denied),
      mine('sql', ['sql'], allowed, narrower),
      mine('ml', ['files', 'mlflow', 'model-serving'], stepUp, denied),
    ],
  };
}

const checks = (): UiOutput<'doctor'>['checks'] => [
  { id: 'clock', title: 'Clock', state: 'good', finding: 'It agrees with your provider to within a second.', next: null, code: null },
  {
    id: 'keychain',
    title: 'Keychain',
    state: 'bad',
    finding: 'The keychain is locked, so nothing can be kept over a restart.',
    next: 'Unlock it and look again.',
    code: 'KEYCHAIN_LOCKED',
  },
  {
    id: 'keys',
    title: 'Tap keys',
    state: 'weak',
    finding: 'One key is enrolled. If it is lost, so is the way to approve anything.',
    next: 'Add a second one under Keys and keep it in another place.',
    code: null,
  },
  {
    id: 'proxy',
    title: 'Company proxy',
    state: 'unknown',
    finding: 'Nobody answered in time, so it is not known.',
    next: null,
    code: null,
  },
  { id: 'port', title: 'Port on this machine', state: 'good', finding: 'Programs reach Lakepass on 17410.', next: null, code: null },
];

const configFile = '/home/ada/.config/lakepass/config.yaml';
const file = '/home/ada/.databrickscfg';

/** A machine on which nothing is set up yet. The steps follow one another as the real ones do; the person's part is for the test to play. */
export interface NewMachine {
  /** The sign-in in the browser comes to its end. */
  signedIn(): void;
  /** The page in the browser has added the first key. */
  keyAdded(): void;
  /** The query is at this point now. */
  query(changes: Partial<UiOutput<'setup/query'>>): void;
  /** Another program writes to Databricks' profile file; nobody tells the page. */
  fileChanged(): void;
}

export function newMachine(agent: FakePagesAgent, clock: Clock): NewMachine {
  const grown = structuredClone(agent.state());
  agent.update((state) => {
    Object.assign(state, { grants: [] });
    Object.assign(state.status, { profiles: [], tapKeys: [], grants: [], next: 'Set up a profile.' });
    state.status.queue.history = [];
  });
  let written = false;
  let token = 'token = …';
  let query: UiOutput<'setup/query'> = {
    ...{ state: 'idle', how: 'notebook', because: 'A Python with ipykernel and databricks-sdk was found.' },
    notebook: '/home/ada/.local/share/lakepass/first-query.ipynb',
    statement: 'SELECT current_user() AS me, current_date() AS today',
    ...{ columns: [], rows: [], tookMs: null, failure: null },
  };

  function next(): SetupView['next'] {
    const { profiles, tapKeys } = agent.state().status;
    if (profiles.length === 0) return 'profile';
    if (!profiles.some(({ session }) => session.phase === 'signed-in')) return 'sign-in';
    if (tapKeys.length === 0) return 'key';
    if (!written) return 'default';
    return query.state === 'done' ? null : 'query';
  }
  const setup = (): SetupView => ({
    next: next(),
    configFile,
    databrickscfg: {
      file,
      exists: true,
      sections: [
        { name: 'DEFAULT', host: 'https://old.cloud.databricks.com', auth: written ? 'metadata-service' : 'pat', ours: written },
        { name: 'staging', host: 'https://staging.cloud.databricks.com', auth: 'databricks-cli', ours: false },
      ],
      canUndo: written,
    },
    ...{ python: { path: python, version: '3.12.4' }, why: null, query },
  });
  const digestOf = (section: string): string => createHash('sha256').update(`${section} ${token}`).digest('hex');
  const view = (section: string, isWritten: boolean): UiOutput<'setup/default'> => ({
    ...{ file, section, digest: digestOf(section) },
    diff: [
      { line: `[${section}]`, change: 'same' },
      ...(section === 'DEFAULT' ? [{ line: 'host  = https://old.cloud.databricks.com', change: 'removed' } as const] : []),
      ...(section === 'DEFAULT' ? [{ line: token, change: 'removed' } as const] : []),
      { line: `host = ${workspace}`, change: 'added' },
      { line: 'auth_type = metadata-service', change: 'added' },
      { line: '', change: 'same' },
      { line: '[staging]', change: 'same' },
    ],
    ...{ written: isWritten, canUndo: isWritten, backup: isWritten ? `${file}.before-lakepass` : null },
  });
  const touch = (): void => agent.update(() => undefined);

  answering(agent, 'setup', setup);
  answering(agent, 'setup/profile', (request) => {
    if (agent.state().status.profiles.length > 0) throw new AppError('CONFIG_INVALID', { detail: 'There is a configuration already.' });
    if (request.from === 'file' && !/^version: 1$/m.test(request.text)) {
      throw new AppError('CONFIG_INVALID', { detail: 'the profile file:2:3: issuer is not an address. Write https://…' });
    }
    agent.update(({ status }) => {
      const [profile] = grown.status.profiles;
      if (profile === undefined) throw new Error('the calm state has a profile');
      const session = { ...profile.session, phase: 'signed-out' as const, identity: null, assurance: null, signedInAt: null, endsAt: null };
      status.profiles = [{ ...profile, session }];
    });
    return setup();
  });
  answering(agent, 'setup/default', ({ section }) => view(section, false));
  answering(agent, 'setup/default/write', ({ section, digest }) => {
    if (digest !== digestOf(section)) throw new AppError('DATABRICKSCFG_CHANGED');
    written = true;
    touch();
    return view(section, true);
  });
  answering(agent, 'setup/default/undo', () => {
    if (!written) throw new AppError('INPUT_INVALID');
    written = false;
    touch();
    return { ...view('DEFAULT', false), diff: [], digest: null };
  });
  answering(agent, 'setup/query', ({ start }) => {
    if (start) {
      query = { ...query, state: 'asking', failure: null };
      touch();
    }
    return query;
  });
  return {
    fileChanged: () => {
      token = 'password = …';
    },
    signedIn: () =>
      agent.update(({ status }) => {
        for (const profile of status.profiles) Object.assign(profile, grown.status.profiles[0]);
        for (const { session } of status.profiles) Object.assign(session, { signedInAt: new Date(clock.now()).toISOString() });
      }),
    keyAdded: () =>
      agent.update(({ status }) => {
        status.tapKeys = grown.status.tapKeys;
      }),
    query(changes) {
      query = { ...query, ...changes };
      touch();
    },
  };
}
