/**
 * Asks policy, and the gate of the broker, as often as it is told. It takes an order as JSON from standard input and prints what came
 * of it. Grants, members, answers, questions and policy are the real ones; only the sign-in and the processes are made up, because
 * what is timed here is what a decision costs and not what is behind it.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type Access, createAccess } from '../../main/agent/access.ts';
import { createQuestions } from '../../main/agent/questions.ts';
import { type Caller, type ProcessFacts, unknownCaller } from '../../main/caller/caller.ts';
import { openGrants } from '../../main/grant/grants.ts';
import { createMembers } from '../../main/grant/members.ts';
import { openPermissions } from '../../main/grant/permissions.ts';
import { systemClock as clock } from '../../main/host-ports.ts';
import { builtInPolicy } from '../../main/policy/built-in.ts';
import { loadPolicy } from '../../main/policy/load-policy.ts';
import type { Policy, Question } from '../../main/policy/question.ts';
import { type EpochMs, hours, later } from '../../main/units.ts';

export interface DecisionOrder {
  /** Questions to each policy. */
  questions: number;
  /** Times the gate is asked again, in one batch. */
  batch: number;
  batches: number;
}

export interface DecisionOutcome {
  /** µs of each question. */
  builtIn: number[];
  hundredRules: number[];
  /** µs of each question to the gate after something has changed: with the built-in policy, and with the one of a hundred rules. */
  gateBuiltIn: number[];
  gateHundredRules: number[];
  /** Per batch, ns for each time: a bare look-up in a Map, the gate's remembered leave, and what it notes of a token that has left. */
  lookup: number[];
  leave: number[];
  used: number[];
  /** So that nothing of it can be left out as unused. */
  allowed: number;
}

const issuer = 'https://idp.example';
const workspace = 'https://acme.cloud.databricks.com';
const warmUps = 2000;

/** Globs, groups, conditions and callers in every rule, as a company of a hundred teams would have them. */
const hundredRules = (): string => {
  const grant = (index: number): string =>
    `      - { id: team-${index}, workspaces: ["*.team-${index}.example", "acme.cloud.databricks.com"], scopes: [sql, jobs], callers: [tools-${index % 10}], when: [fresh, office-${index % 10}], maxLife: 8 h, approval: tap }`;
  const denial = (index: number): string => `  - { id: no-${index}, scopes: [files], workspaces: ["*.secret-${index}.example"] }`;
  const several = (count: number, line: (index: number) => string): string =>
    Array.from({ length: count }, (_, index) => line(index)).join('\n');
  return `version: 1
id: hundred-rules
revision: 1
identities:
  - match: { anyone: true }
    roles: [person]
${several(10, (index) => `  - { match: { group: "teams/*/members-${index}" }, roles: [person] }`)}
callers:
${several(10, (index) => `  tools-${index}: { executable: ["/opt/**/tool-${index}", "/usr/bin/python*"], kinds: [program, ai-agent] }`)}
conditions:
  fresh: { assurance: mfa, authAgeMax: 12 h }
${several(10, (index) => `  office-${index}: { cidr: ["10.${index}.0.0/16", "0.0.0.0/0", "::/0"] }`)}
roles:
  person:
    grants:
${several(80, grant)}
deny:
${several(20, denial)}
`;
};

const processOf = (pid: number, executable: string): ProcessFacts => ({
  ...{ pid, startTicks: pid, uid: process.getuid?.() ?? 0, executable, commandLine: [executable, 'notebook.py'] },
  ...{ folder: '/home/alice', cgroup: '/user.slice' },
});
const parents = ['/usr/bin/jupyter-lab', '/usr/bin/bash', '/usr/bin/gnome-terminal', '/usr/lib/systemd/systemd'];
const notebook: Caller = {
  ...unknownCaller,
  kind: 'program',
  process: processOf(50, '/usr/bin/python3.13'),
  ancestors: parents.map((executable, index) => processOf(40 - index, executable)),
  interpreter: { name: 'python', script: 'notebook.py' },
};
const root = { pid: 40, startTicks: 40 };

const identity = {
  issuer,
  subject: 'alice',
  username: 'alice@acme.example',
  displayName: 'Alice',
  groups: ['teams/data/members-3', 'everybody'],
};
const questions = createQuestions({
  approver: () => undefined,
  session: () => ({
    view: () => ({
      ...{ profile: 'acme', phase: 'signed-in', signInWaiting: false, identity, signedInAt: new Date().toISOString() },
      assurance: { level: 'phr', because: 'said so', acr: 'phr', amr: ['hwk'], authTime: new Date(Date.now() - 60_000).toISOString() },
      ...{
        renewedAt: null,
        endsAt: null,
        idleEndsAt: null,
        renewable: true,
        survivesRestart: true,
        renewalProblem: null,
        lastFailure: null,
      },
    }),
    claims: () => ({ department: 'data' }),
  }),
  tapKeys: { touches: () => [], ownedBy: () => [] },
  clock,
});

let allowed = 0;

/** No two questions that follow each other are the same. */
function timeQuestions(policy: Policy, count: number): number[] {
  const base = questions({ action: 'renew', profile: 'acme', caller: notebook, workspace, scopes: ['sql'], life: null });
  if (base === null) throw new Error('somebody is signed in');
  const variants: Question[] = [
    base,
    { ...base, action: 'create', life: hours(1) },
    { ...base, scopes: ['jobs', 'sql'] },
    { ...base, caller: { ...base.caller, executable: '/opt/lab/bin/tool-7', kind: 'ai-agent', aiAgent: 'claude' } },
    { ...base, caller: { ...base.caller, kind: 'container' } },
    { ...base, scopes: ['unity-catalog'], workspace: 'https://a.secret-9.example' },
    { ...base, session: { ...base.session, authTime: 0 as EpochMs } },
  ];
  const micros: number[] = [];
  for (let turn = -warmUps; turn < count; turn++) {
    const question = variants[Math.abs(turn) % variants.length] ?? base;
    const started = performance.now();
    const { verdict } = policy.evaluate({ ...question, at: clock.now() });
    const took = (performance.now() - started) * 1000;
    if (verdict === 'allow') allowed++;
    if (turn >= 0) micros.push(took);
  }
  return micros;
}

async function openGate(folder: string, policy: () => Policy) {
  const log = (): void => undefined;
  const audit = { append: () => ({ id: '', seq: 0 }), synced: async () => undefined };
  const isAlive = (): boolean => true;
  const random = randomBytes;
  const grants = await openGrants({ file: join(folder, 'grants.json'), bootId: 'bench', clock, random, audit, log });
  const members = createMembers({ grants, ownPid: process.pid, isAlive, clock });
  const permissions = await openPermissions({ file: join(folder, 'denied.json'), grants, isAlive, clock, random });
  const { grant } = await grants.create({
    ...{ profile: 'acme', issuer, subject: 'alice', workspace, scopes: ['sql'], label: '', approved: 'tap' },
    until: later(clock.now(), hours(8)),
    binding: { kind: 'run', root, cgroup: null },
    maker: { title: 'jupyter', kind: 'program', aiAgent: null },
  });
  const never = (): never => {
    throw new Error('nobody is asked');
  };
  const access = createAccess({
    ...{ grants, members, permissions, policy, questions, clock, audit },
    consents: { ask: never, withdraw: never, find: never },
    lock: { state: () => 'open', graceEnds: () => null },
    callers: { holders: never, isAlive },
    describe: never,
    scopeWords: never,
    canTap: () => true,
    tally: { count: never, close: () => undefined },
    onStepUpDue: never,
  });
  const close = async (): Promise<void> => {
    members.close();
    await permissions.close();
    await grants.close();
  };
  return { access, grant, close };
}

type Opened = Awaited<ReturnType<typeof openGate>>;

function ask({ access, grant }: Opened, caller: Caller): void {
  if (access.leave(grant, caller).kind !== 'yes') throw new Error('the gate gives leave');
}

function timeChanges(opened: Opened, count: number): number[] {
  const micros: number[] = [];
  for (let turn = -warmUps; turn < count; turn++) {
    opened.access.changed();
    const started = performance.now();
    ask(opened, notebook);
    if (turn >= 0) micros.push((performance.now() - started) * 1000);
  }
  return micros;
}

/** Several connections are open at a time, each with a caller of its own. */
function timeRepeats({ access, grant }: { access: Access; grant: Opened['grant'] }, { batch, batches }: DecisionOrder) {
  const connections = Array.from({ length: 16 }, () => ({ ...notebook }));
  const bare = new Map(connections.map((_, index) => [`grant-${index}`, { kind: 'yes' }]));
  const names = [...bare.keys()];
  const found = { lookup: [] as number[], leave: [] as number[], used: [] as number[] };
  const nanosOf = (run: (index: number) => boolean): number => {
    let held = 0;
    const started = performance.now();
    for (let turn = 0; turn < batch; turn++) if (run(turn & 15)) held++;
    const took = performance.now() - started;
    if (held !== batch) throw new Error('each of them holds');
    return (took * 1e6) / batch;
  };
  for (let turn = -2; turn < batches; turn++) {
    const lookup = nanosOf((index) => bare.get(names[index] ?? '')?.kind === 'yes');
    const leave = nanosOf((index) => access.leave(grant, connections[index] ?? notebook).kind === 'yes');
    const used = nanosOf((index) => {
      access.used(grant, connections[index] ?? notebook);
      return true;
    });
    if (turn < 0) continue;
    found.lookup.push(lookup);
    found.leave.push(leave);
    found.used.push(used);
  }
  return found;
}

async function measure(order: DecisionOrder): Promise<DecisionOutcome> {
  const policies = [builtInPolicy(), loadPolicy(Buffer.from(hundredRules()), 'policy.yaml')] as const;
  const [builtIn, hundred] = policies.map((policy) => timeQuestions(policy, order.questions));
  const state: { policy: Policy } = { policy: policies[0] };
  const folder = await mkdtemp(join(tmpdir(), 'lakepass-decisions-'));
  const opened = await openGate(folder, () => state.policy);
  const gateBuiltIn = timeChanges(opened, order.questions);
  state.policy = policies[1];
  const gateHundredRules = timeChanges(opened, order.questions);
  const repeats = timeRepeats(opened, order);
  await opened.close();
  await rm(folder, { recursive: true });
  return { builtIn: builtIn ?? [], hundredRules: hundred ?? [], gateBuiltIn, gateHundredRules, ...repeats, allowed };
}

if (import.meta.main) process.stdout.write(JSON.stringify(await measure(JSON.parse(await text(process.stdin)) as DecisionOrder)));
