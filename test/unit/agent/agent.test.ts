/** What the agent makes of a request before a noun is asked: which profile, which session, which followers, and what takes whose word. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type Agent, type Company, createAgent } from '../../../main/agent/agent.ts';
import type { Ceremonies } from '../../../main/agent/ceremonies.ts';
import { createGrantMaking } from '../../../main/agent/grant-making.ts';
import type { Locking } from '../../../main/agent/locking.ts';
import type { OwnFiles } from '../../../main/agent/own-files.ts';
import { createQuestions } from '../../../main/agent/questions.ts';
import { AppError } from '../../../main/app-error.ts';
import { type Caller, unknownCaller } from '../../../main/caller/caller.ts';
import { scopeWords } from '../../../main/databricks/scopes.ts';
import type { TapKeys } from '../../../main/passkey/tap-keys.ts';
import { type Profile, servicePrincipalSchema } from '../../../main/profile/profile.ts';
import { Secret } from '../../../main/secret.ts';
import { createServicePrincipal, type RunningPrincipal } from '../../../main/service-principal/service-principal.ts';
import { hours, later, minutes, seconds } from '../../../main/units.ts';
import { memoryVault } from '../../../main/vault/memory-vault.ts';
import type { Vault } from '../../../main/vault/vault.ts';
import type { GrantNews, HostKind } from '../../../preload/contract/control.ts';
import { grantRequestSchema } from '../../../preload/contract/control.ts';
import type { LockView } from '../../../preload/contract/lock.ts';
import type { SessionView } from '../../../preload/contract/session.ts';
import { describeCaller } from '../grant/setting.ts';
import {
  codeOf,
  HOST,
  nobody,
  notAsked,
  policyFrom,
  policyText,
  profileNamed,
  type Setting,
  setting,
  signedIn,
  strictSession,
  until,
} from './setting.ts';

type SignIn = Company['session']['signIn'];
const claude = { kind: 'ai-agent', aiAgent: 'claude' } as const;
/** Whoever asks for a sign-in, where it does not matter who. */
const BROWSER: Caller = { ...unknownCaller, kind: 'program' };
const sql = grantRequestSchema.parse({ binding: 'run', scopes: ['sql'] });

/** A sign-in that goes well at once. */
const signsInAs =
  (view: SessionView): SignIn =>
  async ({ onUrl }) => {
    onUrl(new URL('https://idp.acme.example/authorize'));
    return view;
  };

/** A session of somebody whom the provider saw at that moment; null: it does not say when. */
const seenAt = (at: number | null): SessionView => {
  const view = signedIn('00u1');
  return { ...view, assurance: view.assurance && { ...view.assurance, authTime: at === null ? null : new Date(at).toISOString() } };
};

/** What is not named here throws where it is called. */
const strict = <T extends object>(known: Partial<T>): T =>
  new Proxy(known, {
    get(target, name) {
      if (!(name in target)) throw new Error(`this test does not come to ${String(name)}`);
      return Reflect.get(target, name);
    },
  }) as T;

interface Firm {
  name?: string;
  view?: () => SessionView;
  signIn?: SignIn;
  profile?: Profile;
}

async function agentOver(
  firms: Firm[] = [{}],
  policy = policyFrom(policyText('none')),
  { host = 'headless' as HostKind, vault = 'memory' as Vault['kind'] } = {},
) {
  const all = await setting(policy);
  const { clock, audit } = all;
  const done: string[] = [];
  const state = {
    minted: { life: hours(1), asked: 0, held: true, subject: '00u1', meanwhile: async () => {} },
    children: new Map<number, Caller>(),
    keys: 0,
    lockView: { state: 'open', since: null, why: null, locksAt: null, unlockBy: [], continuing: 0, sealing: 'key' } as LockView,
    passphraseWorks: true,
    filesFail: false,
    keysMissing: null as string | null,
    lostConfig: null as AppError | null,
    leaving: false,
  };
  const companies = new Map<string, Company>();
  const servicePrincipals = new Map<string, RunningPrincipal>();
  for (const { name = 'acme', view = () => signedIn('00u1'), signIn, profile } of firms)
    companies.set(name, {
      profile: profile ?? profileNamed(name, { grant: '8 h' }),
      session: {
        ...strictSession,
        view,
        cancelSignIn: () => true,
        signIn:
          signIn ??
          (async ({ onUrl }) => {
            onUrl(new URL('https://idp.acme.example/authorize'));
            throw new AppError('LOGIN_CANCELLED');
          }),
        async signOut(why) {
          done.push(`sign out ${name} ${why}`);
          return { profile: name, why, sessionEnded: true, refreshToken: 'none', detail: '', vault: 'erased', problem: null };
        },
      },
      tokens: {
        peek: () => (state.minted.held ? token() : undefined),
        async get({ scopes }) {
          state.minted.asked += 1;
          await state.minted.meanwhile();
          return { ...token(), scopes };
        },
        forget: (error) => void done.push(`forget tokens ${name}${error === undefined ? '' : ` ${error.code}`}`),
        health: () => 'unknown' as const,
      },
      browser: async () => 'none',
      actsAs: () => undefined,
    });
  const token = () => ({
    ...{ token: new Secret('held'), subject: state.minted.subject, scopes: ['sql'], mintedAt: clock.now(), requestId: '00000000000000aa' },
    expiresAt: later(clock.now(), state.minted.life),
  });
  const tapKeys = strict<TapKeys>({
    forgetTouches: () => void done.push('forget touches'),
    ownedBy: () => Array.from({ length: state.keys }, (_, index) => `key-${index}`),
    list: () => Array.from({ length: state.keys }, () => ({}) as ReturnType<TapKeys['list']>[number]),
    touches: () => [],
    eraseAll: async () => void done.push('erase keys'),
  });
  const questions = createQuestions({
    ...{ session: (name) => (companies.get(name) ?? servicePrincipals.get(name))?.session, tapKeys, clock },
    approver: () => undefined,
  });
  const firstKey: Promise<unknown>[] = [];
  const parts = {
    ...{
      version: '0',
      startedAt: clock.now(),
      configFile: '/config.yaml',
      host,
      companies,
      servicePrincipals,
      clock,
      questions,
      tapKeys,
      policy: () => all.state.policy,
    },
    ...{ grants: all.grants, members: all.members, consents: all.consents, approvals: all.approvals, access: all.access, lock: all.lock },
    ...{ permissions: all.permissions, tally: all.tally, scopeWords, describe: describeCaller, self: all.stranger('/usr/bin/node') },
    vault: strict<Vault>({ kind: vault }),
    callers: { inspect: async (pid: number) => state.children.get(pid) ?? null },
    making: createGrantMaking({
      permissions: all.permissions,
      ...{ grants: all.grants, members: all.members, approvals: all.approvals, questions, lock: all.lock, scopeWords, clock, audit },
      ...{
        random: randomBytes,
        principal: (name: string | undefined) => agent.principal(name),
        policy: () => all.state.policy,
        extraAiAgents: () => [],
        describe: describeCaller,
      },
    }),
    ceremonies: strict<Ceremonies>({
      begin: ({ kind }) => `ticket to ${kind}`,
      beginFirst(first) {
        firstKey.push(first);
        return 'first ticket';
      },
    }),
    ceremonyPage: async (ticket: string) => ({ url: `http://lakepass.localhost:1/#${ticket}`, browser: 'opened' as const }),
    broker: { grantUrl: (secret: Secret) => `http://127.0.0.1:12345/v1/metadata/${secret.reveal()}` },
    audit: { append: audit.append, synced: async () => undefined, tail: () => [], folder: all.folder, key: () => null },
    locking: strict<Locking>({
      startAfresh: async () => void done.push('erase vault'),
      async reopen() {
        done.push('reopen');
        all.lock.unlocked();
      },
      async unlockWithPassphrase() {
        if (!state.passphraseWorks) throw new AppError('PASSPHRASE_WRONG');
        done.push('unlock by passphrase');
      },
      sealOtherwise: async (how) => void done.push(`seal by ${how}`),
    }),
    files: strict<OwnFiles>({
      async provenBySignIn() {
        if (state.filesFail) throw new AppError('DISK_FULL');
        done.push('files proven');
      },
      forgetConfig: async () => void done.push('forget config'),
      lostConfig: () => state.lostConfig,
      words: (kind, hash) => [`${kind} ${hash}`],
      approve: async (kind, hash, how) => void done.push(`approve ${kind} ${hash} ${how}`),
    }),
    lockView: () => state.lockView,
    policyView: notAsked,
    requireTapKeys() {
      if (state.keysMissing !== null) throw new AppError('TAP_KEYS_WANTED', { detail: state.keysMissing });
    },
    ...{
      port: () => 12_345,
      problems: () => [],
      notes: () => [],
      stop: (why: string) => void done.push(`stop: ${why}`),
      leave: (leaving: boolean) => void Object.assign(state, { leaving }),
    },
  };
  const agent: Agent = createAgent(parts);
  return { ...all, agent, done, given: state, firstKey, servicePrincipals };
}
type Under = Awaited<ReturnType<typeof agentOver>>;

/** The code and the reason of what is thrown. */
async function failureOf(attempt: () => unknown): Promise<[string, string | undefined]> {
  try {
    await attempt();
  } catch (error) {
    if (error instanceof AppError) return [error.code, error.reason];
    throw error;
  }
  return ['done', undefined];
}

/** The lines of an answer that may take a while. */
async function lines(run: (send: (line: never) => void, signal: AbortSignal) => Promise<void>): Promise<Record<string, unknown>[]> {
  const sent: Record<string, unknown>[] = [];
  await run(((line: Record<string, unknown>) => void sent.push(line)) as (line: never) => void, new AbortController().signal);
  return sent;
}
const last = async (run: Parameters<typeof lines>[0]): Promise<Record<string, unknown>> => (await lines(run)).at(-1) ?? {};

/** The grant that was made, or the code of the failure. */
async function made({ agent, stranger }: Pick<Under, 'agent' | 'stranger'>, changes: object = {}, by = stranger()) {
  const line = await last(agent.makeGrant({ ...sql, ...changes }, by) as Parameters<typeof lines>[0]);
  return {
    ...(line as { made?: { grant: { id: string; until: string; profile: string }; host: string; url: string } }),
    failure: (line as { failure?: { code: string; detail?: string } }).failure,
  };
}

it('has no key of its log to say before it seals it', async () => {
  const { agent } = await agentOver();
  expect(() => agent.auditKey()).toThrow(expect.objectContaining({ code: 'AUDIT_NOT_SEALED' }));
});

describe('which profile is meant', () => {
  it('is asked where there are several and none was named', async () => {
    const all = await agentOver([{}, { name: 'other' }]);
    expect((await made(all)).failure).toMatchObject({ code: 'PROFILE_NEEDED', detail: 'acme, other' });
    expect((await made(all, { profile: 'other' })).made?.grant.profile).toBe('other');
  });

  it('is refused where the name is unknown, and where none is configured', async () => {
    expect((await made(await agentOver(), { profile: 'nobody' })).failure?.code).toBe('PROFILE_UNKNOWN');
    const none = await agentOver([]);
    expect((await made(none)).failure?.code).toBe('CONFIG_MISSING');
    expect(await codeOf(() => none.agent.beginSignIn({ stepUp: false }, BROWSER))).toBe('CONFIG_MISSING');
  });

  it('is refused where the approved configuration is lost, with that as the reason', async () => {
    const none = await agentOver([]);
    none.given.lostConfig = new AppError('CONFIG_UNAPPROVED', { reason: 'lost' });
    expect((await made(none)).failure).toMatchObject({ code: 'CONFIG_UNAPPROVED', reason: 'lost' });
    expect(await codeOf(() => none.agent.beginSignIn({ stepUp: false }, BROWSER))).toBe('CONFIG_UNAPPROVED');
  });
});

describe('a service principal', () => {
  const clientId = '8d1f20c2-0000-4000-8000-00000000aaaa';
  const secret = 'dose0123456789abcdef';
  async function withRobot(firms: Parameters<typeof agentOver>[0] = [{}]) {
    const all = await agentOver(firms);
    const principal = {
      ...servicePrincipalSchema.parse({ clientId, secret: 'vault', workspaces: [{ name: 'main', host: HOST }] }),
      name: 'robot',
    };
    const robot = createServicePrincipal({
      ...{
        principal,
        vault: memoryVault(),
        clock: all.clock,
        fetch: notAsked,
        random: randomBytes,
        audit: all.audit,
        log: () => undefined,
        env: {},
        isAttended: () => true,
      },
    });
    all.servicePrincipals.set('robot', robot);
    return { ...all, robot };
  }

  it('has no sign-in, by whatever road', async () => {
    for (const firms of [[{}], []]) {
      const { agent } = await withRobot(firms);
      expect(await codeOf(() => agent.company('robot'))).toBe('PRINCIPAL_NO_SIGN_IN');
      expect(await codeOf(agent.beginSignIn({ profile: 'robot', stepUp: false }, BROWSER))).toBe('PRINCIPAL_NO_SIGN_IN');
      expect(await codeOf(() => agent.signOut('robot'))).toBe('PRINCIPAL_NO_SIGN_IN');
      expect(await codeOf(() => agent.cancelSignIn('robot'))).toBe('PRINCIPAL_NO_SIGN_IN');
    }
  });

  it('is meant where it is named, or where there is nobody else', async () => {
    const beside = (await withRobot()).agent;
    expect([beside.principal(undefined).profile.name, beside.principal('robot').profile.name]).toEqual(['acme', 'robot']);
    expect((await withRobot([])).agent.principal(undefined).profile.name).toBe('robot');
  });

  it('gets a grant of its own once it has its secret, which is for no person', async () => {
    const all = await withRobot();
    expect((await made(all, { profile: 'robot' })).failure?.code).toBe('PRINCIPAL_SECRET_NEEDED');
    await all.agent.setSecret({ name: 'robot', secret }, all.stranger());
    expect((await made(all, { profile: 'robot' })).failure?.code).toBe('POLICY_DENIED');
    all.state.policy = policyFrom(policyText('none').replace('{ anyone: true }', '{ servicePrincipal: "*" }'));
    const { made: grant } = await made(all, { profile: 'robot' });
    expect(grant?.grant).toMatchObject({ profile: 'robot', identity: 'service-principal', actsAs: clientId });
    expect(all.audit.of('grant.created')).toMatchObject([{ subject: clientId, identity: 'service-principal' }]);
    await all.agent.removeSecret({ name: 'robot' }, all.stranger());
    expect(all.agent.grants().map(({ state }) => state)).toEqual(['revoked']);
  });

  it('takes no secret from an AI agent, and keeps the one it has', async () => {
    const all = await withRobot();
    const byAiAgent = all.stranger('/usr/bin/node', claude);
    expect(await codeOf(all.agent.setSecret({ name: 'robot', secret }, byAiAgent))).toBe('CALLER_REFUSED');
    expect(all.robot.view().state).toBe('secret-needed');
    await all.agent.setSecret({ name: 'robot', secret }, all.stranger());
    expect(await codeOf(all.agent.removeSecret({ name: 'robot' }, byAiAgent))).toBe('CALLER_REFUSED');
    expect(all.robot.view().state).toBe('ready');
  });

  it('takes no secret while Lakepass is locked, and none for a name that is not its own', async () => {
    const all = await withRobot();
    await all.lock.lock('command');
    expect(await codeOf(all.agent.setSecret({ name: 'robot', secret }, all.stranger()))).toBe('LOCKED');
    expect(await codeOf(all.agent.setSecret({ name: 'acme', secret }, all.stranger()))).toBe('PROFILE_UNKNOWN');
    expect(all.robot.view().state).toBe('secret-needed');
  });
});

describe('a grant', () => {
  it('is for the person who is signed in, for the longest the profile allows unless a shorter time was asked', async () => {
    const all = await agentOver();
    const longest = (await made(all)).made;
    expect(Date.parse(longest?.grant.until ?? '')).toBe(later(all.clock.now(), hours(8)));
    expect(all.grants.get(longest?.grant.id ?? '')).toMatchObject({ subject: '00u1', workspace: HOST });
    expect(longest).toMatchObject({ host: HOST, url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:12345\/v1\/metadata\/[\w-]{43}$/) });
    expect(Date.parse((await made(all, { seconds: 60 })).made?.grant.until ?? '')).toBe(all.clock.now() + 60_000);
  });

  it('is not made for longer, for nobody, or for a session that has ended', async () => {
    expect((await made(await agentOver(), { seconds: 8 * 3600 + 1 })).failure).toMatchObject({ code: 'GRANT_LIMIT', reason: 'time' });
    expect((await made(await agentOver([{ view: () => nobody }]))).failure?.code).toBe('SIGNED_OUT');
    const ended: SessionView = { ...nobody, phase: 'ended', lastFailure: new AppError('SESSION_LOST').toFailure() };
    const all = await agentOver([{ view: () => ended }]);
    expect((await made(all)).failure?.code).toBe('SESSION_LOST');
    expect(all.grants.list()).toEqual([]);
  });

  it('that must be asked about says so first, then how it ended', async () => {
    const all = await agentOver(undefined, policyFrom(policyText('tap')));
    const told = lines(all.agent.makeGrant(sql, all.stranger()) as Parameters<typeof lines>[0]);
    await all.person.denies();
    expect(await told).toMatchObject([{ asking: { purpose: 'create' }, url: null }, { failure: { code: 'CONSENT_DENIED' } }]);
  });

  it('whose making breaks is a bug, and no failure to show', async () => {
    const all = await agentOver([
      {
        view: () => {
          throw new Error('broken');
        },
      },
    ]);
    await expect(made(all)).rejects.toThrow('broken');
  });

  it('can be widened, and the answers kept for it are asked anew', async () => {
    const all = await agentOver();
    const { grant, caller } = await all.run();
    all.access.leave(grant, caller);
    const asked = all.state.policy as ReturnType<typeof policyFrom>;
    const before = asked.asked.length;
    const line = await last(all.agent.widen({ grant: grant.id, scopes: ['jobs'] }, caller) as Parameters<typeof lines>[0]);
    expect(line).toMatchObject({ widened: { id: grant.id, scopes: expect.arrayContaining(['sql']) } });
    const asWidened = asked.asked.length;
    all.access.leave(grant, caller);
    expect(asWidened).toBeGreaterThan(before);
    expect(asked.asked.length).toBeGreaterThan(asWidened);
  });

  it('ends by its id, many at once, and not by an id that nobody knows', async () => {
    const all = await agentOver();
    const [one, two] = [await all.run(), await all.run()];
    expect(await codeOf(all.agent.endGrants({ ids: [one.grant.id, 'g-none'], why: 'revoked' }))).toBe('GRANT_UNKNOWN');
    expect(one.grant.state).toBe('live');
    expect(await all.agent.endGrants({ ids: [one.grant.id], why: 'revoked' })).toBe(1);
    expect(await all.agent.endGrants({ all: true, why: 'revoked' })).toBe(1);
    expect([one.grant.state, two.grant.state]).toEqual(['revoked', 'revoked']);
  });
});

describe('a child of a run', () => {
  async function runWithChild() {
    const all = await agentOver();
    const { grant, caller } = await all.run();
    const child = all.processes.start(caller.process === null ? {} : { parent: caller.process });
    all.given.children.set(child.pid, all.processes.callerOf(child));
    return { ...all, grant, caller, child };
  }

  it('is named by the run itself, and from then on a member by its own right', async () => {
    const { agent, grant, caller, child, members, processes } = await runWithChild();
    expect(await agent.addChild({ grant: grant.id, pid: child.pid }, caller)).toMatchObject({ id: grant.id, members: 2 });
    processes.exit(caller.process ?? { pid: 0, startTicks: 0 });
    expect(members.admits(grant, processes.callerOf(child))).toBe(true);
  });

  it.each<[string, (all: Awaited<ReturnType<typeof runWithChild>>) => [{ grant: string; pid: number }, Caller], string]>([
    ['another program', ({ grant, child, stranger }) => [{ grant: grant.id, pid: child.pid }, stranger()], 'CALLER_REFUSED'],
    [
      'the child itself',
      ({ grant, child, processes }) => [{ grant: grant.id, pid: child.pid }, processes.callerOf(child)],
      'CALLER_REFUSED',
    ],
    [
      'nobody',
      ({ grant, child, caller }) => [
        { grant: grant.id, pid: child.pid },
        { ...caller, process: null },
      ],
      'CALLER_REFUSED',
    ],
    ['the run for a process that is none', ({ grant, caller }) => [{ grant: grant.id, pid: 1 }, caller], 'CALLER_REFUSED'],
    ['the run for a grant that is none', ({ child, caller }) => [{ grant: 'g-none', pid: child.pid }, caller], 'GRANT_UNKNOWN'],
  ])('is not named by %s', async (_, ask, code) => {
    const all = await runWithChild();
    expect(await codeOf(all.agent.addChild(...ask(all)))).toBe(code);
    expect(all.members.count(all.grant.id)).toBe(1);
  });

  it('is refused for a stranger’s process, although the run names it', async () => {
    const { agent, grant, caller, given, stranger } = await runWithChild();
    const other = stranger();
    given.children.set(other.process?.pid ?? 0, other);
    expect(await codeOf(agent.addChild({ grant: grant.id, pid: other.process?.pid ?? 0 }, caller))).toBe('CALLER_REFUSED');
  });
});

describe('whoever follows a grant', () => {
  async function followed(changes: Parameters<Setting['run']>[0] = {}, policy = policyFrom(policyText('tap'))) {
    const all = await agentOver(undefined, policy);
    const { grant, caller } = await all.run(changes);
    const news: GrantNews[] = [];
    const gone = new AbortController();
    const over = all.agent.followGrant(grant.id, caller, (each) => news.push(each), gone.signal);
    return { ...all, grant, caller, news, gone, over };
  }

  it('hears of refusals, of a step-up that falls due, and of its end', async () => {
    const { agent, grant, news, over } = await followed();
    const failure = new AppError('WORKSPACE_MISMATCH').toFailure();
    const due = new AppError('STEP_UP_NEEDED').toFailure();
    agent.grantRefused(grant.id, failure);
    agent.grantRefused('another', failure);
    agent.stepUpDue(grant.id, due);
    await agent.endGrants({ ids: [grant.id], why: 'revoked' });
    await over;
    expect(news).toEqual([{ refused: failure }, { due }, { ended: 'revoked' }]);
  });

  it('hears at once of one that has ended, and not at all of one that never was', async () => {
    const { agent, grant, caller } = await followed();
    await agent.endGrants({ all: true, why: 'revoked' });
    const news: GrantNews[] = [];
    await agent.followGrant(grant.id, caller, (each) => news.push(each), new AbortController().signal);
    expect(news).toEqual([{ ended: 'revoked' }]);
    expect(await codeOf(() => agent.followGrant('g-none', caller, () => undefined, new AbortController().signal))).toBe('GRANT_UNKNOWN');
  });

  it('hears no more once it has gone', async () => {
    const { agent, grant, news, gone, over } = await followed();
    gone.abort();
    await over;
    agent.grantRefused(grant.id, new AppError('WORKSPACE_MISMATCH').toFailure());
    expect(news).toEqual([]);
  });

  it.each([
    ['approves', 'approved'],
    ['denies', 'denied'],
  ] as const)('hears of a program that asks, where it can be answered, and that a person %s', async (does, answered) => {
    const { access, grant, stranger, news, screen, person, clock } = await followed();
    screen.browser = 'none';
    access.leave(grant, stranger());
    await clock.advance(0);
    await person[does]();
    expect(news).toMatchObject([{ asking: { purpose: 'use', grant: grant.id }, url: 'http://127.0.0.1:4711/#code1' }, { answered }]);
  });

  it('hears each answer once, however many have come before it', async () => {
    const { access, grant, stranger, news, person, clock } = await followed();
    for (const name of ['a', 'b', 'c']) {
      access.leave(grant, stranger(`/usr/bin/${name}`));
      await clock.advance(0);
      await person.denies();
    }
    expect(news.filter((each) => 'answered' in each)).toHaveLength(3);
  });

  it.each<[string, Parameters<Setting['run']>[0], Partial<Caller>]>([
    ['an AI agent asks', {}, claude],
    ['an AI agent asks out of a container', {}, { kind: 'container', aiAgent: 'claude' }],
    ['the run is an AI agent’s', { maker: { title: '/usr/bin/node', kind: 'ai-agent', aiAgent: 'claude' } }, {}],
  ])('is not told where it could answer when %s', async (_, changes, kind) => {
    const { access, grant, stranger, news, screen, clock } = await followed(changes);
    screen.browser = 'none';
    access.leave(grant, stranger('/usr/bin/curl', kind));
    await clock.advance(0);
    expect(news).toMatchObject([{ asking: { purpose: 'use' }, url: null }]);
  });
});

describe('two profiles side by side', () => {
  const tapped = () => policyFrom(policyText('tap'));
  async function two() {
    const all = await agentOver([{}, { name: 'partner' }], tapped());
    all.state.profiles.push('partner');
    return all;
  }

  it('a run of one hears nothing of what is asked about a run of the other', async () => {
    const { agent, access, run, stranger, person, clock } = await two();
    const [mine, theirs] = [await run({ profile: 'acme' }), await run({ profile: 'partner' })];
    const heard: Record<string, GrantNews[]> = { acme: [], partner: [] };
    const gone = new AbortController();
    for (const { grant, caller } of [mine, theirs])
      void agent.followGrant(grant.id, caller, (news) => heard[grant.profile]?.push(news), gone.signal);
    access.leave(theirs.grant, stranger());
    await clock.advance(0);
    await person.denies();
    await agent.endGrants({ ids: [theirs.grant.id], why: 'revoked' });
    expect(heard['acme']).toEqual([]);
    expect(heard['partner']).toMatchObject([{ asking: { profile: 'partner' } }, { answered: 'denied' }, { ended: 'revoked' }]);
    gone.abort();
  });

  it.each<[string, (all: Awaited<ReturnType<typeof two>>, root: Caller, run: Caller) => Caller]>([
    ['a run of the other profile', (_, __, run) => run],
    ['any other program', ({ stranger }) => stranger()],
    ['an AI agent', ({ stranger }) => stranger('/usr/bin/node', claude)],
    ['whoever is not known', () => unknownCaller],
  ])('a grant is not followed by %s, which may know its id', async (_, follower) => {
    const all = await two();
    const [mine, theirs] = [await all.run({ profile: 'acme' }), await all.run({ profile: 'partner' })];
    const by = follower(all, theirs.caller, mine.caller);
    const gone = new AbortController();
    const outcome = failureOf(() => all.agent.followGrant(theirs.grant.id, by, () => undefined, gone.signal));
    gone.abort();
    expect(await outcome).toEqual(['CALLER_REFUSED', 'follower']);
  });

  it('are asked about apart, although all else about two requests is the same, and one yes opens one', async () => {
    const { access, run, stranger, person, consents, clock } = await two();
    const [mine, theirs] = [await run({ profile: 'acme' }), await run({ profile: 'partner' })];
    const program = stranger();
    for (const { grant } of [mine, theirs]) access.leave(grant, program);
    await clock.advance(0);
    expect(consents.view().asks.map(({ profile, requests }) => [profile, requests])).toEqual([
      ['acme', 1],
      ['partner', 1],
    ]);
    await person.approves();
    expect([mine, theirs].map(({ grant }) => access.leave(grant, program).kind)).toEqual(['yes', 'ask']);
    await person.denies('always');
    expect([mine, theirs].map(({ grant }) => access.leave(grant, program).kind)).toEqual(['yes', 'no']);
  });
});

describe('a sign-in', () => {
  const url = new URL('https://idp.acme.example/authorize');
  /** Somebody signs in when the test says so. */
  function person(view: { now: SessionView }) {
    const finished = Promise.withResolvers<SessionView>();
    const signIn: SignIn = async ({ onUrl }) => {
      onUrl(url);
      view.now = await finished.promise;
      return view.now;
    };
    return { signIn, finished };
  }

  it('that fails is reported to whoever waits for it', async () => {
    const { agent } = await agentOver([{ view: () => nobody }]);
    expect(await agent.beginSignIn({ stepUp: false }, BROWSER)).toEqual({ profile: 'acme', url: url.href, browser: 'none' });
    expect(await codeOf(agent.signInOutcome(undefined))).toBe('LOGIN_CANCELLED');
    expect(agent.cancelSignIn(undefined)).toBe(true);
  });

  it('that fails before there is a page fails at once', async () => {
    const { agent } = await agentOver([{ signIn: () => Promise.reject(new AppError('ISSUER_UNREACHABLE')) }]);
    expect(await codeOf(agent.beginSignIn({ stepUp: false }, BROWSER))).toBe('ISSUER_UNREACHABLE');
  });

  it('is over for whoever waits when all has been done that follows from it', async () => {
    const view = { now: signedIn('00u1') };
    const { signIn, finished } = person(view);
    const all = await agentOver([{ view: () => view.now, signIn }]);
    const { grant } = await all.run();
    const own = await all.run({ subject: 'bob' });
    all.agent.onSignIn(() => all.done.push('told'));
    await all.lock.lock('command');
    await all.agent.beginSignIn({ stepUp: false }, BROWSER);
    const outcome = all.agent.signInOutcome('acme');
    finished.resolve(signedIn('bob'));
    expect((await outcome).session.identity?.subject).toBe('bob');
    expect([grant.state, own.grant.state, all.lock.state()]).toEqual(['revoked', 'live', 'open']);
    expect(all.done).toEqual(['forget touches', 'files proven', 'reopen', 'told']);
  });

  it('of the same subject at another issuer inherits no grant either', async () => {
    const view = { now: signedIn('00u1') };
    const { signIn, finished } = person(view);
    const all = await agentOver([{ view: () => view.now, signIn }]);
    const { grant } = await all.run({ issuer: 'https://other.example' });
    await all.agent.beginSignIn({ stepUp: false }, BROWSER);
    finished.resolve(signedIn('00u1'));
    await all.agent.signInOutcome(undefined);
    expect(grant.state).toBe('revoked');
  });

  it('whose consequences cannot be written is reported, and not passed over', async () => {
    const view = { now: signedIn('00u1') };
    const { signIn, finished } = person(view);
    const all = await agentOver([{ view: () => view.now, signIn }]);
    all.given.filesFail = true;
    await all.lock.lock('command');
    await all.agent.beginSignIn({ stepUp: false }, BROWSER);
    finished.resolve(signedIn('00u1'));
    expect(await codeOf(all.agent.signInOutcome(undefined))).toBe('DISK_FULL');
    expect(all.lock.state()).toBe('locked');
  });

  describe('while nothing is locked', () => {
    const DAY = policyFrom(policyText('none', { top: 'limits: { dailyCap: 8 h }' }));
    /** Seven hours into the day the screen has been locked for ten minutes, and the provider says when it saw whoever signs in. */
    async function signsIn(minutesAgo: number | null) {
      const seen = { at: null as number | null };
      const signIn: SignIn = ({ onUrl, ...rest }) => signsInAs(seenAt(seen.at))({ onUrl, ...rest });
      const all = await agentOver([{ view: () => seenAt(seen.at), signIn }], DAY);
      await all.clock.advance(hours(7) - minutes(10));
      all.lock.away('screen-lock');
      await all.clock.advance(minutes(10));
      if (minutesAgo !== null) seen.at = all.clock.now() - minutes(minutesAgo);
      await all.agent.beginSignIn({ stepUp: false }, BROWSER);
      await all.agent.signInOutcome(undefined);
      return { state: all.lock.state(), hoursLeft: ((all.lock.locksAt() ?? 0) - all.clock.now()) / hours(1) };
    }

    it('begins the day anew and ends being away, where the provider has just seen the person', async () => {
      expect(await signsIn(0)).toEqual({ state: 'open', hoursLeft: 8 });
    });

    it('begins the day when the provider saw the person, and leaves away whoever was not there since', async () => {
      expect(await signsIn(180)).toEqual({ state: 'away', hoursLeft: 5 });
    });

    it('makes the day no shorter', async () => {
      expect(await signsIn(24 * 60)).toEqual({ state: 'away', hoursLeft: 1 });
    });

    it('moves nothing where nobody says when the person was seen, as Databricks does not', async () => {
      expect(await signsIn(null)).toEqual({ state: 'away', hoursLeft: 1 });
    });
  });

  it('that was begun before a lock does not open what was locked meanwhile', async () => {
    const view = { now: signedIn('00u1') };
    const { signIn, finished } = person(view);
    const all = await agentOver([{ view: () => view.now, signIn }]);
    await all.agent.beginSignIn({ stepUp: false }, BROWSER);
    const outcome = all.agent.signInOutcome(undefined);
    await all.lock.lock('command');
    finished.resolve(signedIn('00u1'));
    await outcome;
    expect([all.lock.state(), all.done]).toEqual(['locked', ['forget touches', 'files proven']]);
  });

  it('is recorded with the program that asked, before a browser opens', async () => {
    const all = await agentOver([{ signIn: () => Promise.reject(new AppError('ISSUER_UNREACHABLE')) }]);
    await codeOf(all.agent.beginSignIn({ stepUp: false }, all.stranger('/usr/bin/node', claude)));
    expect(all.audit.of('session.sign-in-asked')).toEqual([
      { type: 'session.sign-in-asked', profile: 'acme', caller: '/usr/bin/node', callerKind: 'ai-agent', aiAgent: 'claude' },
    ]);
  });

  it('that is tried again while one waits leaves the first one to be waited for', async () => {
    const view = { now: signedIn('00u1') };
    const { signIn, finished } = person(view);
    let tries = 0;
    const all = await agentOver([
      { view: () => view.now, signIn: (options) => (tries++ === 0 ? signIn(options) : Promise.reject(new AppError('LOGIN_IN_PROGRESS'))) },
    ]);
    await all.agent.beginSignIn({ stepUp: false }, BROWSER);
    expect(await codeOf(all.agent.beginSignIn({ stepUp: false }, BROWSER))).toBe('LOGIN_IN_PROGRESS');
    finished.resolve(signedIn('bob'));
    expect((await all.agent.signInOutcome(undefined)).session.identity?.subject).toBe('bob');
  });

  it('has to be a fresh one where all is locked, and may be an older one otherwise', async () => {
    const demands: unknown[] = [];
    const signIn: SignIn = ({ onUrl, demand }) => {
      demands.push(demand);
      onUrl(url);
      return Promise.reject(new AppError('LOGIN_CANCELLED'));
    };
    const all = await agentOver([{ view: () => signedIn('00u1'), signIn }]);
    await all.agent.beginSignIn({ stepUp: false }, BROWSER);
    await all.lock.lock('command');
    await all.agent.beginSignIn({ stepUp: false }, BROWSER);
    expect(demands).toEqual([undefined, { acr: [], maxAge: minutes(1) }]);
  });

  it('asks for as much as policy wants at most, when it is to step up', async () => {
    const demands: unknown[] = [];
    const signIn: SignIn = ({ onUrl, demand }) => {
      demands.push(demand);
      onUrl(url);
      return Promise.reject(new AppError('LOGIN_CANCELLED'));
    };
    const policy = policyFrom(policyText('tap', { more: ', stepUp: { acr: [phrh], maxAge: 20 min }' }));
    await (await agentOver([{ signIn }], policy)).agent.beginSignIn({ stepUp: true }, BROWSER);
    const plain = await agentOver([{ signIn }]);
    await plain.agent.beginSignIn({ stepUp: true }, BROWSER);
    await plain.agent.beginSignIn({ stepUp: false }, BROWSER);
    expect(demands).toEqual([{ acr: ['phrh'], maxAge: minutes(20) }, { acr: ['phr'], maxAge: minutes(1) }, undefined]);
  });

  it('asks for a fresh one where all is locked, when it is to step up, too', async () => {
    const demands: unknown[] = [];
    const signIn: SignIn = ({ onUrl, demand }) => {
      demands.push(demand);
      onUrl(url);
      return Promise.reject(new AppError('LOGIN_CANCELLED'));
    };
    const policy = policyFrom(policyText('tap', { more: ', stepUp: { acr: [phrh], maxAge: 20 min }' }));
    const all = await agentOver([{ signIn }], policy);
    await all.lock.lock('command');
    await all.agent.beginSignIn({ stepUp: true }, BROWSER);
    expect(demands).toEqual([{ acr: ['phrh'], maxAge: minutes(1) }]);
  });

  describe('and the first key', () => {
    it('goes on to its page only from a sign-in, and only while that person has no key', async () => {
      const view = { now: nobody };
      const { signIn, finished } = person(view);
      const all = await agentOver([{ view: () => view.now, signIn }]);
      const who = { issuer: 'https://idp.acme.example', subject: '00u1' };
      expect(all.agent.firstKeyTicket('acme', who)).toBeNull();
      await all.agent.beginSignIn({ stepUp: false }, BROWSER);
      all.given.keys = 1;
      expect(all.agent.firstKeyTicket('acme', who)).toBeNull();
      all.given.keys = 0;
      expect(all.agent.firstKeyTicket('acme', who)).toBe('first ticket');
      finished.resolve(signedIn('00u1'));
      expect(await all.firstKey[0]).toMatchObject({
        subject: '00u1',
        username: '00u1@acme.example',
        signedInAt: Date.UTC(2026, 0, 5, 8, 59),
      });
    });
  });
});

describe('a sign-out', () => {
  it('ends the session, its tokens and its grants, of one profile or of all', async () => {
    const all = await agentOver([{}, { name: 'other' }]);
    const { grant } = await all.run();
    const other = await all.run({ profile: 'other' });
    expect(await all.agent.signOut('other')).toMatchObject([{ profile: 'other', why: 'signed-out' }]);
    expect([grant.state, other.grant.state]).toEqual(['live', 'revoked']);
    expect(await all.agent.signOut(undefined)).toHaveLength(2);
    expect(grant.state).toBe('revoked');
    expect(all.done.slice(0, 2)).toEqual(['sign out other signed-out', 'forget tokens other']);
  });
});

describe('a token for the terminal', () => {
  /** terraform, which has a grant, runs `lakepass token`. */
  async function tool(policy = policyFrom(policyText('none'))) {
    const all = await agentOver(undefined, policy);
    const shell = all.processes.start({ executable: '/usr/bin/bash' });
    const terraform = all.processes.start({ executable: '/usr/bin/terraform', parent: shell });
    const by = all.processes.callerOf(all.processes.start({ executable: '/usr/bin/node', parent: terraform }));
    const ask = (caller = by) => last(all.agent.askForToken({ scopes: ['sql'] }, caller) as Parameters<typeof lines>[0]);
    return { ...all, by, ask };
  }

  it('comes with a grant that is made where there is none, and from that one afterwards', async () => {
    const { ask, agent, by, grants } = await tool();
    expect(await codeOf(agent.token({ scopes: ['sql'] }, by))).toBe('TAP_NEEDED');
    expect(await ask()).toMatchObject({ token: { access_token: 'held', token_type: 'Bearer', expires_in: 3600 } });
    expect(await agent.token({ scopes: ['sql'] }, by)).toMatchObject({ access_token: 'held' });
    await ask();
    expect(grants.list()).toHaveLength(1);
  });

  it('is in the audit log before it leaves, every time, and never itself', async () => {
    const { ask, audit } = await tool();
    await ask();
    await ask();
    const record = {
      type: 'token.printed',
      profile: 'acme',
      workspace: HOST,
      scopes: ['sql'],
      fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
    };
    expect(audit.of('token.printed')).toEqual([expect.objectContaining(record), expect.objectContaining(record)]);
    expect(JSON.stringify(audit.events)).not.toContain('held');
  });

  it('does not leave when the audit log cannot be written', async () => {
    const { ask, agent, by, audit } = await tool();
    await ask();
    audit.fail();
    expect(await codeOf(agent.token({ scopes: ['sql'] }, by))).toBe('AUDIT_UNWRITABLE');
  });

  it('does not leave where access says no, however the grant is held', async () => {
    const { ask, agent, by, lock, state } = await tool();
    await ask();
    await lock.lock('command');
    expect(await codeOf(agent.token({ scopes: ['sql'] }, by))).toBe('LOCKED');
    lock.unlocked();
    await lock.lock('command').then(() => lock.unlocked());
    state.policy = policyFrom(policyText('none', { top: 'deny: [{ id: no, scopes: [sql] }]' }));
    expect(await codeOf(agent.token({ scopes: ['sql'] }, by))).toBe('POLICY_DENIED');
  });

  it('does not leave where its person has fewer tap keys than the company wants, however the grant is held', async () => {
    const { ask, agent, by, given, audit } = await tool();
    await ask();
    given.keysMissing = 'one';
    expect(await codeOf(agent.token({ scopes: ['sql'] }, by))).toBe('TAP_KEYS_WANTED');
    expect(audit.of('token.printed')).toHaveLength(1);
  });

  it('does not leave where it lives longer than policy allows', async () => {
    const { ask, given } = await tool(policyFrom(policyText('none', { more: ', maxTokenLife: 30 min' })));
    expect(await ask()).toMatchObject({ failure: { code: 'TOKEN_LIVES_TOO_LONG' } });
    given.minted.life = minutes(30);
    expect(await ask()).toMatchObject({ token: { access_token: 'held' } });
  });

  it('is minted where none is at hand, for exactly the scopes that were asked for', async () => {
    const { ask, given, audit } = await tool();
    given.minted.held = false;
    await ask();
    expect(given.minted.asked).toBe(1);
    expect(audit.of('token.printed')[0]?.scopes).not.toContain('jobs');
  });

  it('does not leave where its grant has ended while it was minted', async () => {
    const { ask, agent, by, given, grants, audit } = await tool();
    await ask();
    given.minted.held = false;
    given.minted.meanwhile = async () => void (await grants.endWhere(() => true, 'revoked'));
    expect(await codeOf(agent.token({ scopes: ['sql'] }, by))).toBe('GRANT_REVOKED');
    expect(audit.of('token.printed')).toHaveLength(1);
  });

  it('does not leave where access says no by the time it is minted', async () => {
    const { ask, agent, by, given, lock, audit } = await tool();
    await ask();
    given.minted.held = false;
    given.minted.meanwhile = () => lock.lock('command');
    expect(await codeOf(agent.token({ scopes: ['sql'] }, by))).toBe('LOCKED');
    expect(audit.of('token.printed')).toHaveLength(1);
  });

  it('does not leave where it is of somebody else than the grant', async () => {
    const { ask, given, audit } = await tool();
    given.minted.subject = 'bob';
    expect(await ask()).toMatchObject({ failure: { code: 'GRANT_OTHER_PERSON' } });
    expect(audit.of('token.printed')).toEqual([]);
  });
});

describe('unlocking', () => {
  const locked = (unlockBy: LockView['unlockBy']): LockView => ({
    state: 'locked',
    since: null,
    why: 'command',
    locksAt: null,
    unlockBy,
    continuing: 0,
    sealing: 'key',
  });

  it('takes the passphrase where one seals the vault', async () => {
    const { agent, given, done, stranger } = await agentOver();
    given.lockView = locked(['passphrase', 'sign-in']);
    expect(await codeOf(agent.unlock({}, stranger()))).toBe('PASSPHRASE_NEEDED');
    given.passphraseWorks = false;
    expect(await codeOf(agent.unlock({ passphrase: 'wrong' }, stranger()))).toBe('PASSPHRASE_WRONG');
    given.passphraseWorks = true;
    expect(await agent.unlock({ passphrase: 'right' }, stranger())).toMatchObject({ url: null, browser: 'none' });
    expect(done).toEqual(['unlock by passphrase']);
  });

  it('shows the page for a touch where a key does, and says that nothing but a sign-in helps where neither does', async () => {
    const { agent, given, stranger } = await agentOver();
    given.lockView = locked(['key', 'sign-in']);
    expect(await agent.unlock({}, stranger())).toMatchObject({ url: 'http://lakepass.localhost:1/#ticket to unlock', browser: 'opened' });
    given.lockView = locked(['sign-in']);
    expect(await codeOf(agent.unlock({}, stranger()))).toBe('SIGNED_OUT');
  });

  it('ends being away for a person, and not for an AI agent', async () => {
    const { agent, given, stranger, lock } = await agentOver();
    lock.away('screen-lock');
    given.lockView = { ...locked(['screen']), state: 'away' };
    expect(await codeOf(agent.unlock({}, stranger('/usr/bin/node', claude)))).toBe('CALLER_REFUSED');
    expect(lock.state()).toBe('away');
    await agent.unlock({}, stranger());
    expect(lock.state()).toBe('open');
  });

  it('of what is open is nothing', async () => {
    const { agent, stranger, done } = await agentOver();
    expect(await agent.unlock({ passphrase: 'any' }, stranger())).toMatchObject({ lock: { state: 'open' }, url: null });
    expect(done).toEqual([]);
  });

  it('and locking go through the lock', async () => {
    const { agent, lock } = await agentOver();
    await agent.lock();
    expect(lock.state()).toBe('locked');
  });
});

describe('sealing otherwise', () => {
  it.each(['passphrase', 'keychain'] as const)('by %s takes a tap', async (how) => {
    const all = await agentOver();
    const passphrase = how === 'passphrase' ? { passphrase: 'correct horse' } : {};
    const sealed = all.agent.seal({ how, ...passphrase }, all.stranger(), new AbortController().signal);
    sealed.catch(() => undefined);
    await all.clock.advance(0);
    expect(all.consents.view().asks).toMatchObject([{ purpose: 'seal', approval: 'tap', spans: ['once'] }]);
    expect(all.done).toEqual([]);
    await all.person.approves('tap');
    await sealed;
    expect(all.done).toEqual([`seal by ${how}`]);
  });

  it('does not happen where the person says no, nor without a passphrase', async () => {
    const all = await agentOver();
    const sealed = all.agent.seal({ how: 'keychain' }, all.stranger(), new AbortController().signal);
    sealed.catch(() => undefined);
    await all.person.denies();
    expect(await codeOf(sealed)).toBe('CONSENT_DENIED');
    expect(await codeOf(all.agent.seal({ how: 'passphrase' }, all.stranger(), new AbortController().signal))).toBe('PASSPHRASE_NEEDED');
    expect(all.done).toEqual([]);
  });
});

describe('a reset', () => {
  it('erases grants, sessions, keys, denials and what the vault holds, and is in the audit log', async () => {
    const all = await agentOver();
    const { grant, caller } = await all.run();
    all.permissions.remember(grant, caller, { verdict: 'denied', reach: 'always' });
    all.given.keys = 2;
    expect(await all.agent.reset(all.stranger())).toEqual({ grants: 1, keys: 2 });
    expect(all.done).toEqual(['sign out acme reset', 'forget tokens acme', 'erase keys', 'erase vault', 'forget config']);
    expect([grant.state, all.permissions.denied()]).toEqual(['revoked', []]);
    expect(all.audit.of('agent.reset')).toEqual([{ type: 'agent.reset', grants: 1, keys: 2 }]);
  });

  it('leaves nothing behind where whoever asks uninstalls', async () => {
    const all = await agentOver();
    const byAiAgent = all.stranger('/usr/bin/node', claude);
    expect(await codeOf(all.agent.reset(byAiAgent, { leaving: true }))).toBe('CALLER_REFUSED');
    expect(all.given.leaving).toBe(false);
    await all.agent.reset(all.stranger(), { leaving: true });
    expect(all.given.leaving).toBe(true);
  });

  it('is no longer the last one where an uninstall came to nothing, and a reset or a sign-in followed', async () => {
    const all = await agentOver([{ signIn: signsInAs(signedIn('00u1')) }]);
    await all.agent.reset(all.stranger(), { leaving: true });
    await all.agent.reset(all.stranger());
    expect(all.given.leaving).toBe(false);
    await all.agent.reset(all.stranger(), { leaving: true });
    await all.agent.beginSignIn({ stepUp: false }, BROWSER);
    await all.agent.signInOutcome(undefined);
    expect(all.given.leaving).toBe(false);
  });

  it('of an uninstall holds through a sign-in that fails', async () => {
    const all = await agentOver();
    await all.agent.reset(all.stranger(), { leaving: true });
    await all.agent.beginSignIn({ stepUp: false }, BROWSER);
    expect(await codeOf(all.agent.signInOutcome(undefined))).toBe('LOGIN_CANCELLED');
    expect(all.given.leaving).toBe(true);
  });

  it('is not for an AI agent', async () => {
    const all = await agentOver();
    const { grant } = await all.run();
    expect(await codeOf(all.agent.reset(all.stranger('/usr/bin/node', claude)))).toBe('CALLER_REFUSED');
    expect([all.done, grant.state]).toEqual([[], 'live']);
  });
});

describe('a pause', () => {
  it('holds for every grant that is named and not yet paused, and is taken back by name', async () => {
    const all = await agentOver();
    const { grant: one } = await all.run();
    const { grant: other } = await all.run();
    await all.grants.pause(one.id, true);
    expect(await all.agent.pauseGrants([one.id, other.id, other.id], true)).toBe(1);
    expect(all.agent.grants().map(({ paused }) => paused)).toEqual([true, true]);
    expect(await all.agent.pauseGrants([other.id], false)).toBe(1);
    expect([one.paused, other.paused]).toEqual([true, false]);
  });

  it('of a grant that is unknown changes none of the others that are named with it', async () => {
    const all = await agentOver();
    const { grant } = await all.run();
    expect(await codeOf(all.agent.pauseGrants([grant.id, 'g00000000'], true))).toBe('GRANT_UNKNOWN');
    expect(grant.paused).toBe(false);
  });

  it('keeps tokens from whoever asks at the control door as well', async () => {
    const all = await agentOver();
    const { grant, caller } = await all.run();
    await all.grants.pause(grant.id, true);
    expect(await codeOf(all.agent.token({ scopes: ['sql'] }, caller))).toBe('GRANT_PAUSED');
    await all.grants.pause(grant.id, false);
    expect(await all.agent.token({ scopes: ['sql'] }, caller)).toMatchObject({ token_type: 'Bearer' });
  });
});

describe('another host that wants to take over', () => {
  const sealed = (host: HostKind = 'headless') => agentOver(undefined, undefined, { host, vault: 'secret-service' });

  it('is told what sealed the sessions, and who is about to stop', async () => {
    const all = await sealed();
    expect(all.agent.handOver(all.stranger('/usr/bin/lakepass-desktop'))).toEqual({ vault: 'secret-service', pid: process.pid });
  });

  it('is refused where everything is in memory, so that it would be lost', async () => {
    const all = await agentOver();
    expect(await failureOf(() => all.agent.handOver(all.stranger()))).toEqual(['HANDOVER_REFUSED', 'memory']);
  });

  it('is refused by the desktop app, which a person looks at', async () => {
    const all = await sealed('desktop');
    expect(await failureOf(() => all.agent.handOver(all.stranger()))).toEqual(['HANDOVER_REFUSED', 'desktop']);
  });

  it('is refused where an AI agent has started it', async () => {
    const all = await sealed();
    expect(await failureOf(() => all.agent.handOver(all.stranger('/usr/bin/node', claude)))).toEqual(['HANDOVER_REFUSED', 'ai-agent']);
  });
});

describe('what was denied for good', () => {
  it('can be looked at, and taken back by a person but not by an AI agent', async () => {
    const all = await agentOver();
    const { grant } = await all.run();
    const curl = all.stranger();
    all.permissions.remember(grant, curl, { verdict: 'denied', reach: 'always' });
    const [entry] = all.agent.denied().denied;
    expect(entry).toMatchObject({ executable: '/usr/bin/curl', deniedAt: new Date(all.clock.now()).toISOString() });
    expect(await codeOf(() => all.agent.forgetDenial(entry?.id ?? '', all.stranger('/usr/bin/node', claude)))).toBe('CALLER_REFUSED');
    expect(all.agent.denied().denied).toHaveLength(1);
    expect(all.agent.forgetDenial(entry?.id ?? '', all.stranger())).toBe(true);
    expect(all.agent.denied().denied).toEqual([]);
  });
});

describe('a file that has changed', () => {
  it('is asked about by a tap, and approved with the key that was touched', async () => {
    const all = await agentOver();
    all.given.keys = 1;
    expect(all.agent.askAboutFile('policy', 'abc')).toBe(true);
    expect(all.consents.view().asks).toMatchObject([{ purpose: 'policy', approval: 'tap', words: ['policy abc'] }]);
    await all.person.approves('tap');
    await until(() => all.done.length > 0);
    expect(all.done).toEqual(['approve policy abc tap:key-1']);
  });

  it('is not approved by a no, and not asked about while there is no key', async () => {
    const all = await agentOver();
    expect(all.agent.askAboutFile('config', 'abc')).toBe(false);
    all.given.keys = 1;
    all.agent.askAboutFile('config', 'abc');
    await all.person.denies();
    await all.clock.advance(seconds(1));
    expect(all.done).toEqual([]);
  });
});

describe('a refusal at the control door', () => {
  it('is counted by verb, code and program', async () => {
    const all = await agentOver();
    for (let i = 0; i < 3; i += 1) all.agent.controlRefused('run', 'CALLER_UNPROVEN', all.stranger());
    await all.clock.advance(minutes(1));
    const record = { type: 'control.refused', verb: 'run', code: 'CALLER_UNPROVEN', caller: '/usr/bin/curl', callerKind: 'program' };
    expect(all.audit.of('control.refused')).toEqual([
      { ...record, count: 1 },
      { ...record, count: 2 },
    ]);
  });
});
