/**
 * The agent as a host has it: composed over real sockets, a real home and a provider, in this process. What a host with windows of its
 * own needs of it, and the first configuration that comes while it runs.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { AppError } from '../../../main/app-error.ts';
import { connectAgent } from '../../../main/cli/agent-client.ts';
import { compose, type Running } from '../../../main/compose.ts';
import { thumbprintOf } from '../../../main/enroll/bundle.ts';
import { invitationLink } from '../../../main/enroll/invitation.ts';
import type { ManagedReading, ManagedSettings } from '../../../main/enroll/managed-settings.ts';
import { nodePorts } from '../../../main/host-ports.ts';
import { callUi } from '../../../main/pages/ui-agent.ts';
import { findPlaces, type Places } from '../../../main/places.ts';
import type { DesktopSignals, Ports } from '../../../main/ports.ts';
import { fileKeychain } from '../../../main/vault/file-keychain.ts';
import { openVault } from '../../../main/vault/vault.ts';
import { grantRequestSchema } from '../../../preload/contract/control.ts';
import type { SessionView } from '../../../preload/contract/session.ts';
import { settingsViewSchema } from '../../../preload/contract/settings.ts';
import type { UiCall, UiInput, UiOutput } from '../../../preload/contract/ui.ts';
import { type Idp, startIdp } from '../../fixtures/idp/idp.ts';
import { startProxy } from '../../fixtures/proxy.ts';
import { scriptedBrowser } from '../../fixtures/scripted-browser.ts';
import { createSoftwareKey } from '../../fixtures/software-key/software-key.ts';
import { createTlsIdentity } from '../../fixtures/workspace/tls-door.ts';
import { secretHunt } from '../../product/secret-hunt.ts';
import { signedBundle, signingKey } from '../../unit/enroll/setting.ts';

let home: string;
let places: Places;
let running: Running | undefined;
let idp: Idp | undefined;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'lph-'));
  places = findPlaces({ home, env: {}, uid: process.getuid?.() ?? -1 });
});
afterEach(async () => {
  await running?.close('test');
  await idp?.close();
  [running, idp] = [undefined, undefined];
  rmSync(home, { recursive: true });
});

async function start(changes: Partial<Ports> = {}, its: Partial<ManagedSettings> | ManagedReading | null = null): Promise<Running> {
  const ports = {
    ...nodePorts({ vault: 'memory', log: () => undefined }),
    watchDesktop: undefined,
    openBrowser: async () => 'none' as const,
  };
  const acme = { managedBy: 'Acme', invitation: null, settings: {}, source: '/etc/lakepass/managed.json', hash: 'ab'.repeat(32) };
  const machine: ManagedReading = its !== null && 'managed' in its ? its : { managed: its && { ...acme, ...its }, problem: null };
  const setting = { places, uid: process.getuid?.() ?? -1, version: '0.0.0', onStop: () => undefined, managed: machine };
  running = await compose({ ...ports, ...changes }, setting);
  return running;
}

async function call<N extends UiCall>({ ui, self }: Running, name: N, input: UiInput<N>): Promise<UiOutput<N>> {
  return (await callUi(ui, name, input, await self())) as UiOutput<N>;
}

async function writeConfig(): Promise<void> {
  idp = await startIdp();
  mkdirSync(dirname(places.config), { recursive: true, mode: 0o700 });
  const text = `version: 1
profiles:
  acme:
    test: true
    idp: { issuer: '${idp.issuer}', clientId: '${idp.clientId}', scopes: [openid, profile, email, offline_access] }
    workspaces: [{ name: main, host: 'http://127.0.0.1:9' }]
`;
  writeFileSync(places.config, text, { mode: 0o600 });
}

/** As a browser comes back from the provider; Node's own fetch would say that it is a script of a page. */
const visit = (url: URL): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    get(url, { agent: false }, (answer) => answer.resume().once('end', () => resolve(answer.statusCode))).once('error', reject);
  });

async function signIn(agent: Running): Promise<SessionView> {
  const key = createSoftwareKey();
  await idp?.enrol('alice', key);
  const { url } = await call(agent, 'sign-in', {});
  await visit(await scriptedBrowser({ key, username: 'alice' }).authorize(new URL(url ?? '')));
  return (await agent.agent.signInOutcome('acme')).session;
}

describe('a host', () => {
  it('knows itself as the system shows it: the very process, and what stands above it', async () => {
    const self = await (await start()).self();
    expect(self.process).toMatchObject({ pid: process.pid, executable: process.execPath });
    expect(self.process?.startTicks).toBeGreaterThan(0);
    expect(self.ancestors[0]?.pid).toBe(process.ppid);
  });

  it('is told whenever something has changed that the UI shows, until it listens no more', async () => {
    const agent = await start();
    let told = 0;
    const stop = agent.onChange(() => {
      told += 1;
    });
    const { revision } = await call(agent, 'state', {});
    await call(agent, 'preferences', { theme: 'dark' });
    expect([told > 0, (await call(agent, 'state', {})).revision > revision]).toEqual([true, true]);
    stop();
    const before = told;
    await call(agent, 'preferences', { theme: 'light' });
    expect(told).toBe(before);
  });

  it('listens to the desktop once its doors are open, so that nobody waits for that', async () => {
    const heard: boolean[] = [];
    const deaf: DesktopSignals = { onSignal: () => undefined, problem: null, close: () => undefined };
    const watchDesktop = async () => {
      heard.push(existsSync(places.socket));
      return deaf;
    };
    await start({ watchDesktop });
    await expect.poll(() => heard).toEqual([true]);
  });

  it('without a window is headless, and with one the desktop app', async () => {
    const agent = await start();
    expect(await call(agent, 'state', {})).toMatchObject({ host: 'headless', status: { host: 'headless' } });
    await agent.close('next');
    const shown: string[] = [];
    const desktop = await start({ screen: { show: () => void shown.push('ui'), showRequest: () => void shown.push('request') } });
    expect(await call(desktop, 'state', {})).toMatchObject({ host: 'desktop', status: { host: 'desktop' } });
    expect(await desktop.agent.openUi()).toEqual({ url: null, browser: 'shown' });
    expect(shown).toEqual(['ui']);
  });
});

describe('a first configuration that is adopted', () => {
  it('is there without a restart, and whoever signs in with it approves it', async () => {
    const agent = await start();
    expect([(await call(agent, 'state', {})).status.profiles, await agent.adopt()]).toEqual([[], false]);
    await writeConfig();
    let told = 0;
    agent.onChange(() => {
      told += 1;
    });
    expect(await agent.adopt()).toBe(true);
    expect(told).toBeGreaterThan(0);
    const { status } = await call(agent, 'state', {});
    expect(status.profiles.map(({ name, session }) => [name, session.phase])).toEqual([['acme', 'signed-out']]);

    expect((await signIn(agent)).phase).toBe('signed-in');
    expect(await agent.adopt()).toBe(false);
  });

  it('has its sign-in opened by the agent itself where it has a window', async () => {
    const opened: (URL | undefined)[][] = [];
    const openBrowser: Ports['openBrowser'] = async (...given) => {
      opened.push(given);
      return 'opened';
    };
    await writeConfig();
    const agent = await start({ openBrowser, screen: { show: () => undefined, showRequest: () => undefined } });
    expect(await call(agent, 'sign-in', { profile: 'acme' })).toEqual({ url: null });
    // The page itself, and the endpoint that the provider has announced for it.
    const { origin } = new URL(idp?.issuer ?? '');
    expect(opened.map((given) => given.map((url) => url?.origin))).toEqual([[origin, origin]]);
    expect(await call(agent, 'sign-in/cancel', {})).toEqual({ cancelled: true });
  });
});

describe('in the network of a company', () => {
  const tls = createTlsIdentity({ authorityName: 'Acme Inspection CA', hosts: ['login.acme.test'] });

  /** Its provider, which has not been set up yet, behind the proxy that alone can find it. */
  async function startCompany() {
    const asked: string[] = [];
    const provider = createServer(tls, (request, response) => {
      asked.push(`${request.method} ${request.headers.host}${request.url}`);
      response.writeHead(404).end();
    });
    provider.on('tlsClientError', () => undefined);
    await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve));
    const login = { name: 'anna', password: 'hunter2' };
    const proxy = await startProxy({ hosts: { 'login.acme.test:443': (provider.address() as AddressInfo).port }, login });
    onTestFinished(async () => {
      provider.close();
      provider.closeAllConnections();
      await proxy.close();
    });
    vi.stubEnv('https_proxy', `http://anna:hunter2@127.0.0.1:${proxy.port}`);
    vi.stubEnv('no_proxy', '');
    return { asked, proxy };
  }

  async function signIn(network: string) {
    mkdirSync(dirname(places.config), { recursive: true, mode: 0o700 });
    const profile = `  acme:
    idp: { issuer: 'https://login.acme.test', clientId: lakepass }
    workspaces: [{ name: main, host: 'https://acme.cloud.databricks.com' }]
`;
    writeFileSync(places.config, `version: 1\n${network}profiles:\n${profile}`, { mode: 0o600 });
    const agent = await start();
    return call(agent, 'sign-in', { profile: 'acme' }).catch((error: unknown) => error);
  }

  it('the provider is asked through its proxy, and believed by the authority that the configuration names', async () => {
    const { asked, proxy } = await startCompany();
    const caFile = join(home, 'acme.pem');
    writeFileSync(caFile, tls.ca, { mode: 0o600 });
    // It answers, and not as a provider: the road to it is what counts here.
    expect(await signIn(`network: { caFile: '${caFile}' }\n`)).toMatchObject({ code: 'ISSUER_UNREACHABLE', reason: 'sent' });
    expect(asked).toEqual(['GET login.acme.test/.well-known/openid-configuration']);
    expect(proxy.asked).toEqual([{ target: 'login.acme.test:443', status: 200 }]);
  });

  it('a person is told whose certificate is not known, and what to do', async () => {
    const { asked } = await startCompany();
    const failure = await signIn('');
    expect(failure).toMatchObject({ code: 'SERVER_UNTRUSTED', detail: expect.stringContaining('“Acme Inspection CA”') });
    expect(asked).toEqual([]);
  });
});

describe('a machine whose settings name a company', () => {
  const profile = (issuer: string): string => `version: 1
profiles:
  acme:
    test: true
    idp: { issuer: '${issuer}', clientId: lakepass-desktop, scopes: [openid, profile, email, offline_access] }
    workspaces: [{ name: main, host: 'http://127.0.0.1:9' }]
`;
  const day = 86_400_000;

  it('has its profiles with the first bundle and no file of the person’s, and loses them with a revocation', async () => {
    await writeConfig();
    const key = await signingKey();
    let bytes: Buffer | null = null;
    const real = nodePorts({ vault: 'memory', log: () => undefined }).fetch;
    const fetch: typeof globalThis.fetch = async (url, init) => {
      if (!String(url).startsWith('https://it.acme.example/')) return real(url, init);
      return bytes === null ? new Response('', { status: 404 }) : new Response(new Uint8Array(bytes));
    };
    const dates = { issuedAt: new Date(Date.now() - day).toISOString(), expires: new Date(Date.now() + day).toISOString() };
    const policy =
      'version: 1\nid: acme\nrevision: 7\nidentities: [{ match: { anyone: true }, roles: [all] }]\nroles: { all: { grants: [] } }\n';
    const publish = async (revision: number, revoked = {}): Promise<void> => {
      bytes = await signedBundle([key], {
        ...dates,
        revision,
        revoked,
        policy,
        config: profile(idp?.issuer ?? '').replace('acme:', 'theirs:'),
      });
    };
    const agent = await start(
      { fetch },
      { invitation: { url: 'https://it.acme.example/b.json', thumbprint: await thumbprintOf(key.publicKey) } },
    );
    const status = async () => agent.agent.status();
    const codes = async () => (await status()).problems.map(({ code }) => code);
    // Asked at once, and until there is an answer nothing of the person's own is used.
    await vi.waitFor(async () => expect(await codes()).toEqual(['BUNDLE_AWAITED', 'BUNDLE_UNREACHABLE']), { timeout: 30_000 });
    expect(await status()).toMatchObject({ profiles: [], policy: { id: 'awaited' } });
    await publish(1);
    await agent.pollBundle();
    await vi.waitFor(async () => expect((await status()).profiles).toMatchObject([{ name: 'theirs' }]), { timeout: 30_000 });
    const { managed } = await status();
    expect(managed).toMatchObject({ organization: 'Acme', source: 'managed', revision: 1, revoked: false });
    expect((await status()).policy).toMatchObject({ id: 'acme', revision: 7, source: 'the bundle of Acme' });
    await publish(2, { devices: [managed?.device ?? ''] });
    await agent.pollBundle();
    await vi.waitFor(async () => expect((await status()).problems).toMatchObject([{ code: 'DEVICE_REVOKED' }]), { timeout: 30_000 });
  });
  it('ends whoever was revoked while it was locked, once it is opened', async () => {
    await writeConfig();
    const key = await signingKey();
    let bytes: Buffer = Buffer.alloc(0);
    const real = nodePorts({ vault: 'passphrase', log: () => undefined });
    const fetch: typeof globalThis.fetch = async (url, init) =>
      String(url).startsWith('https://it.acme.example/') ? new Response(new Uint8Array(bytes)) : real.fetch(url, init);
    const dates = { issuedAt: new Date(Date.now() - day).toISOString(), expires: new Date(Date.now() + day).toISOString() };
    const publish = async (revision: number, revoked = {}): Promise<void> => {
      const config = profile(idp?.issuer ?? '').replace('lakepass-desktop', idp?.clientId ?? '');
      bytes = await signedBundle([key], { ...dates, revision, revoked, config });
    };
    await publish(1);
    const invitation = { url: 'https://it.acme.example/b.json', thumbprint: await thumbprintOf(key.publicKey) };
    const begin = () => start({ ...real, fetch, watchDesktop: undefined, openBrowser: async () => 'none' }, { invitation });
    const passphrase = `mark ${randomBytes(24).toString('base64url')}`;
    const unlock = async () => agent.agent.unlock({ passphrase }, await agent.self());
    let agent = await begin();
    await vi.waitFor(() => expect(agent.agent.status().profiles).toMatchObject([{ name: 'acme' }]), { timeout: 30_000 });
    await unlock();
    const username = (await signIn(agent)).identity?.username ?? '';
    await agent.close('next');
    // It comes up locked, and whose session is sealed cannot be seen.
    agent = await begin();
    await publish(2, { persons: [{ username }] });
    await agent.pollBundle();
    expect(agent.agent.status()).toMatchObject({ managed: { revision: 2 }, lock: { state: 'locked' } });
    await unlock();
    const phase = () => agent.agent.company('acme').session.view().phase;
    await expect.poll(phase).toBe('signed-out');
    const records = async () => (await agent.agent.auditTail(50)).records;
    // After the provider has been told.
    await expect.poll(records).toContainEqual(expect.objectContaining({ type: 'offboarding.done' }));
    await expect(signIn(agent)).rejects.toMatchObject({ code: 'PERSON_REVOKED' });
    expect(phase()).toBe('signed-out');
    const everything = JSON.stringify([agent.agent.status(), await agent.agent.auditTail(500)]);
    await agent.close('searched');
    // The key that signed the statement is nowhere but under its seal.
    const keychain = fileKeychain(join(places.data, 'device-key'));
    const device = await openVault({ folder: join(places.data, 'device-by-file'), keychain, random: randomBytes, entry: 'device-key' });
    const kept = JSON.parse((await device.open('enrolled-device'))?.toString() ?? '') as { key: { d: string } };
    device.close();
    const hunt = secretHunt();
    hunt.add('device-key', kept.key.d);
    hunt.add('passphrase', passphrase);
    expect(hunt.search(JSON.stringify(kept))).toEqual(['device-key']);
    const files = readdirSync(home, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(files.some(({ name }) => name.startsWith('offboarding-'))).toBe(true);
    const told = files.flatMap(({ parentPath, name }) =>
      hunt.search(readFileSync(join(parentPath, name))).map((kind) => `${kind} in ${name}`),
    );
    expect([...told, ...hunt.search(everything)]).toEqual([]);
  });
});

describe('a machine with settings of its own', () => {
  const door = () => connectAgent(places);

  it('says whose they are, where they stand, and refuses what they forbid', async () => {
    const settings = { printedTokens: { value: 'forbidden', mode: 'locked' }, lease: { value: '2 min', mode: 'userMayTighten' } } as const;
    const agent = await start({}, { settings });
    const view = await door().get('/v1/settings', settingsViewSchema);
    expect(view.machine).toMatchObject({ managedBy: 'Acme', source: '/etc/lakepass/managed.json' });
    expect(view.settings).toContainEqual(expect.objectContaining({ name: 'lease', value: '2 min', by: 'it', mode: 'userMayTighten' }));
    expect(view.settings).toContainEqual(expect.objectContaining({ name: 'theme', value: null, by: null }));
    await expect(door().postProven('/v1/token', { scopes: ['sql'] }, settingsViewSchema)).rejects.toMatchObject({
      failure: { code: 'SETTING_FORBIDS', reason: 'printedTokens' },
    });
    expect((await agent.agent.auditTail(50)).records).toContainEqual(
      expect.objectContaining({ type: 'managed-settings.read', organization: 'Acme' }),
    );
  });

  it('holds sessions and grants to them, whatever the profile leaves open', async () => {
    await writeConfig();
    const locked = (value: string) => ({ value, mode: 'locked' as const });
    const forbidden = { value: 'forbidden', mode: 'locked' } as const;
    const settings = { sessionLife: locked('2 h'), sessionIdle: locked('1 h'), longestGrant: locked('10 min'), fileGrants: forbidden };
    const agent = await start({}, { settings });
    const { signedInAt, endsAt } = await signIn(agent);
    expect(Date.parse(endsAt ?? '') - Date.parse(signedInAt ?? '')).toBe(2 * 60 * 60_000);
    const { warnings } = agent.agent.status();
    expect(warnings.filter((warning) => warning.includes('next start'))).toEqual([]);
    const { limits } = agent.agent.company('acme').profile;
    expect([limits.idle, limits.grant]).toEqual([60 * 60_000, 10 * 60_000]);
    const said: unknown[] = [];
    const wanted = { scopes: ['sql'], binding: 'file', label: '' } as const;
    const asking = agent.agent.makeGrant(grantRequestSchema.parse(wanted), await agent.self());
    await asking((line) => void said.push(line), new AbortController().signal);
    expect(said).toMatchObject([{ failure: { code: 'SETTING_FORBIDS', reason: 'fileGrants' } }]);
  });

  it('that nobody could read does not start', async () => {
    const problem = new AppError('MANAGED_SETTINGS_INVALID', { reason: 'system', detail: 'It cannot be read (EMFILE).' }).toFailure();
    await expect(start({}, { managed: null, problem })).rejects.toMatchObject({ code: 'MANAGED_SETTINGS_INVALID', reason: 'system' });
  });

  it('that count for nothing says so, and writes it down', async () => {
    const problem = new AppError('MANAGED_SETTINGS_UNSAFE', { reason: 'owner' }).toFailure();
    const agent = await start({}, { managed: null, problem });
    expect(agent.agent.status().problems).toContainEqual(problem);
    expect((await agent.agent.auditTail(50)).records).toContainEqual(
      expect.objectContaining({ type: 'managed-settings.refused', code: 'MANAGED_SETTINGS_UNSAFE', reason: 'owner' }),
    );
  });
});

describe('a company whose link a person opens', () => {
  const day = 86_400_000;
  const address = 'https://it.acme.example/b.json';
  const profileOf = (name: string, clientId = idp?.clientId): string => `  ${name}:
    test: true
    idp: { issuer: '${idp?.issuer}', clientId: '${clientId}', scopes: [openid, profile, email, offline_access] }
    workspaces: [{ name: main, host: 'http://127.0.0.1:9' }]
`;
  const policy = `version: 1
id: theirs
revision: 1
identities: [{ match: { anyone: true }, roles: [all] }]
roles: { all: { grants: [{ id: all, workspaces: ['*'], scopes: [sql], approval: none }] } }
`;

  async function company() {
    await writeConfig();
    rmSync(places.config);
    const key = await signingKey();
    let bytes = Buffer.from('') as Buffer;
    const real = nodePorts({ vault: 'memory', log: () => undefined }).fetch;
    const fetch: typeof globalThis.fetch = async (url, init) =>
      String(url) === address ? new Response(new Uint8Array(bytes)) : real(url, init);
    const agent = await start({ fetch });
    let revision = 0;
    const publish = async (profiles: string, more: Parameters<typeof signedBundle>[1] = {}): Promise<void> => {
      revision += 1;
      const dates = { issuedAt: new Date(Date.now() - day).toISOString(), expires: new Date(Date.now() + day).toISOString() };
      bytes = await signedBundle([key], { ...dates, revision, policy, config: `version: 1\nprofiles:\n${profiles}`, ...more });
      if (revision > 1) await agent.pollBundle();
    };
    const link = invitationLink({ url: address, thumbprint: await thumbprintOf(key.publicKey) });
    const join = async () => {
      const { hash } = await call(agent, 'enroll/look', { link });
      return call(agent, 'enroll/accept', { link, hash });
    };
    const names = (): string[] => agent.agent.status().profiles.map(({ name }) => name);
    const waiting = (): string[] => agent.agent.status().warnings.filter((warning) => warning.includes('next start'));
    return { agent, publish, join, names, waiting };
  }

  it('brings its profiles at once, new ones as they come, changed ones with the next start; once left, the person’s own are back', async () => {
    const { agent, publish, join, names, waiting } = await company();
    await publish(profileOf('theirs'));
    expect(await join()).toEqual({ done: true, url: null });
    expect([names(), agent.agent.status().managed]).toMatchObject([['theirs'], { managedBy: 'Acme', source: 'link', revision: 1 }]);
    await publish(profileOf('theirs') + profileOf('more'));
    await expect.poll(names).toEqual(['theirs', 'more']);
    expect(waiting()).toEqual([]);
    await publish(profileOf('theirs', 'another-client') + profileOf('more'));
    await expect.poll(waiting).toEqual([expect.stringContaining('Acme has changed the configuration')]);
    writeFileSync(places.config, `version: 1\nprofiles:\n${profileOf('acme')}`, { mode: 0o600 });
    expect(await call(agent, 'enroll/leave', {})).toEqual({ done: true, url: null });
    expect([names(), waiting(), agent.agent.status().managed]).toEqual([['acme'], [], undefined]);
    expect((await signIn(agent)).phase).toBe('signed-in');
    expect(agent.agent.status().problems).toEqual([]);
  });

  it('ends grants in files where its next bundle forbids them; whoever has signed in leaves it with a touch only', async () => {
    const { agent, publish, join } = await company();
    await publish(profileOf('acme'));
    await join();
    await signIn(agent);
    const said: unknown[] = [];
    const asking = agent.agent.makeGrant(grantRequestSchema.parse({ scopes: ['sql'], binding: 'file', label: '' }), await agent.self());
    await asking((line) => void said.push(line), new AbortController().signal);
    expect(said).toMatchObject([{ made: { grant: { state: 'live' } } }]);
    await publish(profileOf('acme'), { settings: { fileGrants: { value: 'forbidden', mode: 'locked' } } });
    await expect.poll(() => agent.agent.grants()).toMatchObject([{ state: 'revoked' }]);
    await expect(call(agent, 'enroll/leave', {})).rejects.toMatchObject({ code: 'TAP_KEY_NEEDED' });
    expect(agent.agent.status().managed).toMatchObject({ revision: 2 });
  });
});
