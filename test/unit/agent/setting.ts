/**
 * The agent's nouns as `compose` joins them, without doors, files of the person's own or WebAuthn: grants, members, answers, the
 * queue, the locks and policy are the real ones; processes, sign-ins, keys, pages and the browser are what a test says.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { createAccess } from '../../../main/agent/access.ts';
import type { Company } from '../../../main/agent/agent.ts';
import { type Approvals, createApprovals } from '../../../main/agent/approvals.ts';
import { createGrantMaking } from '../../../main/agent/grant-making.ts';
import { createQuestions } from '../../../main/agent/questions.ts';
import { requireAllowed } from '../../../main/agent/settings.ts';
import { AppError } from '../../../main/app-error.ts';
import { createTally } from '../../../main/audit/tally.ts';
import type { Leave } from '../../../main/broker/gate.ts';
import type { Caller } from '../../../main/caller/caller.ts';
import { scopeWords } from '../../../main/databricks/scopes.ts';
import { type Consents, createConsents } from '../../../main/grant/consents.ts';
import { type Grant, type GrantRequest, openGrants } from '../../../main/grant/grants.ts';
import { createMembers } from '../../../main/grant/members.ts';
import { openPermissions } from '../../../main/grant/permissions.ts';
import { createLock } from '../../../main/lock/lock.ts';
import type { Pages } from '../../../main/pages/pages.ts';
import type { Touch } from '../../../main/passkey/tap-keys.ts';
import { loadPolicy } from '../../../main/policy/load-policy.ts';
import type { Policy, Question } from '../../../main/policy/question.ts';
import type { Screen } from '../../../main/ports.ts';
import { type Profile, profileSchema } from '../../../main/profile/profile.ts';
import type { SessionView } from '../../../preload/contract/session.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { recordingAudit } from '../../fakes/recording-audit.ts';
import { BOOT, describeCaller, grantFor, machine, refOf } from '../grant/setting.ts';

export const HOST = 'https://acme.cloud.databricks.com';
export const ISSUER = 'https://idp.acme.example';

/** What a test does not expect to be called. */
export const notAsked = (): never => {
  throw new Error('this test does not come here');
};

export const profileNamed = (name: string, limits: Record<string, string> = {}): Profile => ({
  ...profileSchema.parse({ idp: { issuer: ISSUER, clientId: 'lakepass' }, workspaces: [{ name: 'main', host: HOST }], limits }),
  name,
});

export const signedIn = (subject: string, changes: Partial<SessionView> = {}): SessionView => ({
  profile: 'acme',
  phase: 'signed-in',
  signInWaiting: false,
  identity: { issuer: ISSUER, subject, username: `${subject}@acme.example`, displayName: subject, groups: [] },
  assurance: { level: 'phr', because: 'said so', acr: 'phr', amr: ['hwk'], authTime: null },
  signedInAt: '2026-01-05T08:59:00.000Z',
  renewedAt: null,
  endsAt: null,
  idleEndsAt: null,
  renewable: true,
  survivesRestart: true,
  renewalProblem: null,
  lastFailure: null,
  ...changes,
});
export const nobody: SessionView = signedIn('nobody', { phase: 'signed-out', identity: null, assurance: null, signedInAt: null });

/** A policy for everybody: what programs must do to be approved, what AI agents must, and more lines for both grants. */
export const policyText = (approval: string, options: { aiAgent?: string; more?: string; top?: string } = {}): string => {
  const grant = (id: string, how: string): string =>
    `      - { id: ${id}, workspaces: ["*"], scopes: [sql, jobs, notebook], callers: [${id}], approval: ${how}${options.more ?? ''} }`;
  return `version: 1
id: acme
revision: 1
identities: [{ match: { anyone: true }, roles: [person] }]
callers: { program: { kinds: [program, forwarder, container, unknown] }, agent: { kinds: [ai-agent] } }
roles:
  person:
    grants:
${grant('program', approval)}
${grant('agent', options.aiAgent ?? approval)}
${options.top ?? ''}
`;
};

/** A policy that counts how often it is asked, and remembers what. */
export interface CountedPolicy extends Policy {
  readonly asked: Question[];
}
export function policyFrom(text: string): CountedPolicy {
  const policy = loadPolicy(Buffer.from(text), 'policy.yaml');
  const asked: Question[] = [];
  return {
    ...policy,
    asked,
    evaluate(question) {
      asked.push(question);
      return policy.evaluate(question);
    },
  };
}

/** Pages that only say where they would be, and whether somebody looks. */
export function fakePages() {
  const state = { watched: false, opened: [] as string[], browser: 'opened' as 'opened' | 'none', broken: false, changes: 0 };
  let codes = 0;
  const pages: Pages = {
    async uiUrl() {
      if (state.broken) throw new AppError('AGENT_START_FAILED');
      codes += 1;
      return new URL(`http://127.0.0.1:4711/#code${codes}`);
    },
    ceremonyUrl: async (ticket) => new URL(`http://lakepass.localhost:4711/#${ticket}`),
    ceremonyOrigin: () => 'http://lakepass.localhost:4711',
    watched: () => state.watched,
    changed() {
      state.changes += 1;
    },
    close: async () => undefined,
  };
  const openBrowser = async (url: URL): Promise<'opened' | 'none'> => {
    state.opened.push(url.href);
    return state.browser;
  };
  return { pages, openBrowser, state };
}

/** Brings the front before a person's eyes, waits until it can be read, and answers it. */
export interface Person {
  approves(how?: 'click' | 'tap', span?: 'once' | 'program' | 'hours' | 'grant'): Promise<void>;
  denies(reach?: 'once' | 'run' | 'always'): Promise<void>;
}
export function personBefore(consents: Consents, clock: ReturnType<typeof fakeClock>): Person {
  const front = async (): Promise<string> => {
    await clock.advance(0);
    const id = consents.front()?.id;
    if (id === undefined) throw new Error('nobody is asked for anything');
    return id;
  };
  return {
    async approves(how = 'tap', span) {
      const id = await front();
      consents.shown(id);
      await clock.advance(500);
      const spans = consents.find(id)?.spans ?? [];
      consents.answer(id, { verdict: 'approved', how, span: span ?? spans[0] ?? 'once', tapKey: how === 'tap' ? 'key-1' : null });
      await clock.advance(0);
    },
    async denies(reach = 'once') {
      consents.answer(await front(), { verdict: 'denied', reach });
      await clock.advance(0);
    },
  };
}

const cleanUps: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

/** @param screenPort the window of a desktop host */
export async function setting(policy: Policy = policyFrom(policyText('tap')), screenPort: Screen | undefined = undefined) {
  const clock = fakeClock();
  const audit = recordingAudit();
  const logged: string[] = [];
  const log = (event: string): void => void logged.push(event);
  const tally = createTally({ clock, audit, log });
  const folder = mkdtempSync(join(tmpdir(), 'lpa-'));
  const processes = machine();
  const state = {
    policy,
    session: signedIn('00u1'),
    /** Where somebody is signed in. */
    profiles: ['acme'],
    canTap: true,
    holders: [] as Caller[],
    due: [] as [string, string][],
    touches: [] as Touch[],
    open: true,
    fileGrants: 'allowed' as 'allowed' | 'forbidden',
  };

  const grants = await openGrants({ file: join(folder, 'grants.json'), clock, random: randomBytes, audit, bootId: BOOT });
  const members = createMembers({ grants, isAlive: processes.isAlive, ownPid: 1, clock });
  const file = join(folder, 'answers.json');
  const permissions = await openPermissions({ file, grants, isAlive: processes.isAlive, clock, random: randomBytes });
  const consents = createConsents({ clock, random: randomBytes, audit, describe: describeCaller });
  const profile = profileNamed('acme', { grant: '24 h' });
  const session = { ...strictSession, view: () => state.session, claims: () => ({}) };
  const questions = createQuestions({
    session: (name) => (state.profiles.includes(name) ? session : undefined),
    tapKeys: { touches: () => state.touches, ownedBy: () => state.touches.map(({ keyId }) => keyId) },
    approver: () => undefined,
    clock,
  });
  const lock = createLock({ clock, audit, log, limits: () => state.policy.limits });
  lock.onChange((now) => consents.hold(now !== 'open'));
  const { pages, openBrowser, state: screen } = fakePages();
  const requireTap = (): void => {
    if (!state.canTap) throw new AppError('TAP_KEY_NEEDED');
  };
  const approvals = createApprovals({ consents, pages: () => pages, openBrowser, screen: screenPort, requireTap, log });
  const access = createAccess({
    ...{ grants, members, permissions, consents, questions, lock, clock, audit, tally, scopeWords },
    policy: () => state.policy,
    describe: describeCaller,
    callers: { holders: async () => state.holders, isAlive: processes.isAlive },
    canTap: () => state.canTap,
    onStepUpDue: (grant, error) => state.due.push([grant.id, error.code]),
  });
  consents.onChange(() => access.changed());
  lock.onChange(() => access.changed());
  const making = createGrantMaking({
    ...{ grants, members, permissions, approvals, questions, lock, scopeWords, clock, audit, random: randomBytes },
    principal: () => ({ profile, session }),
    policy: () => state.policy,
    extraAiAgents: () => ['acme-coder'],
    describe: describeCaller,
    requireFileGrants: () => requireAllowed(() => ({ value: state.fileGrants, by: 'it', mode: 'locked' }), 'fileGrants'),
  });
  cleanUps.push(async () => {
    for (const noun of [consents, members, lock, tally]) noun.close();
    await permissions.close();
    await grants.close();
    rmSync(folder, { recursive: true });
  });

  return {
    ...{ clock, audit, logged, tally, folder, state, screen, pages, grants, members, permissions, consents, lock, profile },
    ...{ session, questions, approvals, access, making, processes, openBrowser, log },
    person: personBefore(consents, clock),
    /** A grant for a process that has just started, and that process as a caller. */
    async run(changes: Partial<GrantRequest> = {}): Promise<{ grant: Grant; caller: Caller }> {
      const process = processes.start({ executable: '/usr/bin/jupyter' });
      const binding = { kind: 'run' as const, root: refOf(process), cgroup: null };
      const { grant } = await grants.create(grantFor(clock, { binding, ...changes }));
      return { grant, caller: processes.callerOf(process) };
    },
    /** A program that has nothing to do with any grant. */
    stranger: (executable = '/usr/bin/curl', changes: Partial<Caller> = {}): Caller =>
      processes.callerOf(processes.start({ executable }), changes),
  };
}
export type Setting = Awaited<ReturnType<typeof setting>>;

/** A session that is only looked at. */
export const strictSession: Company['session'] = {
  ...{
    view: notAsked,
    claims: () => ({}),
    touch: () => undefined,
    onEnd: () => undefined,
    onChange: () => undefined,
    cancelSignIn: () => false,
  },
  ...{
    resume: notAsked,
    lock: notAsked,
    signIn: notAsked,
    registerKey: notAsked,
    subjectToken: notAsked,
    signOut: notAsked,
    close: async () => undefined,
  },
};

/** A leave in one word: `yes`, `ask`, or the code of the no. */
export const wordOf = (leave: Leave): string => (leave.kind === 'no' ? leave.error.code : leave.kind);

/** The code of what is thrown; 'done' where nothing is. */
export async function codeOf(attempt: Promise<unknown> | (() => unknown)): Promise<string> {
  try {
    await (typeof attempt === 'function' ? attempt() : attempt);
    return 'done';
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
}

/** How an asker waits: nothing to tell, and it stays. */
export const waiting = (tell: Parameters<Approvals['request']>[1]['tell'] = () => undefined) => ({
  tell,
  signal: new AbortController().signal,
});

/** What hangs on the disk comes when it comes; the clock of the test stands still meanwhile, and the test's own limit ends the wait. */
export async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 1));
}
