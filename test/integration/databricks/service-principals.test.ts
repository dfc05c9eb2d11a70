/** Tokens that act as service principals, over real sockets: for people by their groups, for themselves by a secret or a workload's JWT. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFederation } from '../../../main/databricks/federation.ts';
import { createTokens, type Tokens } from '../../../main/databricks/tokens.ts';
import { systemClock } from '../../../main/host-ports.ts';
import { profileSchema, servicePrincipalSchema } from '../../../main/profile/profile.ts';
import { Secret } from '../../../main/secret.ts';
import { createServicePrincipal } from '../../../main/service-principal/service-principal.ts';
import { readWorkloadToken } from '../../../main/service-principal/workload-token.ts';
import { type EpochMs, later, seconds } from '../../../main/units.ts';
import { memoryVault } from '../../../main/vault/memory-vault.ts';
import { type RecordingAudit, recordingAudit } from '../../fakes/recording-audit.ts';
import { startWorkspace, type Workspace, type WorkspaceOptions } from '../../fixtures/workspace/workspace.ts';
import { codeOf } from '../../unit/databricks/setting.ts';
import { startTestIssuer, type TestIssuer } from './test-issuer.ts';

const analysts = '8d1f20c2-0000-4000-8000-00000000aaaa';
const robot = '8d1f20c2-0000-4000-8000-00000000bbbb';
const stranger = '8d1f20c2-0000-4000-8000-00000000cccc';
const accountId = '5f0f3f6e-6f3a-4a1c-9d4e-2b7c8a1d0e55';
const secret = 'dose0123456789abcdef0123456789abcdef';

const closers: (() => unknown)[] = [];
let issuer: TestIssuer;
let audit: RecordingAudit;
let groups: readonly string[];

beforeEach(async () => {
  issuer = await startTestIssuer();
  closers.push(() => issuer.close());
  audit = recordingAudit();
  groups = [];
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function workspace(options: Partial<WorkspaceOptions> = {}): Promise<Workspace> {
  const account = { issuer: issuer.issuer, audiences: ['lakepass'] };
  const policies = [
    account,
    ...[analysts, robot].map((servicePrincipal) => ({ ...account, servicePrincipal, subject: 'alice@acme.example' })),
  ];
  const servicePrincipals = [{ clientId: analysts }, { clientId: robot, secrets: [{ value: secret }] }];
  const started = await startWorkspace({ users: ['alice@acme.example'], policies, servicePrincipals, accountId, ...options });
  closers.push(() => started.close());
  return started;
}

const jwt = (life = 3600, more: object = {}) => {
  const iat = Math.floor(Date.now() / 1000);
  return issuer.sign({ sub: 'alice@acme.example', aud: 'lakepass', iat, exp: iat + life, ...more });
};

const roles = {
  servicePrincipals: [
    { group: 'analysts', clientId: analysts },
    { group: 'robots', clientId: robot },
  ],
};

function person(host: string, { federation = {}, account = false }: { federation?: object; account?: boolean } = {}): Tokens {
  const profile = {
    name: 'acme',
    ...profileSchema.parse({
      ...{ test: true, idp: { issuer: issuer.issuer, clientId: 'lakepass' }, federation },
      workspaces: [{ name: 'main', host, ...(account ? { accountId } : {}) }],
    }),
  };
  const subjectToken = async () => {
    const now = Math.floor(Date.now() / 1000);
    return { jwt: new Secret(await jwt()), issuedAt: (now * 1000) as EpochMs, expiresAt: ((now + 3600) * 1000) as EpochMs };
  };
  const source = createFederation({
    profile,
    clock: systemClock,
    fetch: globalThis.fetch,
    log: () => {},
    groups: () => groups,
    subjectToken,
  });
  return createTokens({ profile, clock: systemClock, random: randomBytes, audit, source, log: () => {}, subject: () => 'alice-1' });
}

interface Told {
  workload?: { file: string } | { env: string };
  account?: boolean;
  clientId?: string;
  env?: NodeJS.ProcessEnv;
}
async function principal(host: string, { workload, account = false, clientId = robot, env = {} }: Told = {}) {
  const parsed = servicePrincipalSchema.parse({
    ...{ test: true, clientId, ...(workload === undefined ? { secret: 'vault' } : { workload }) },
    workspaces: [{ name: 'main', host, ...(account ? { accountId } : {}) }],
  });
  const running = createServicePrincipal({
    ...{ principal: { ...parsed, name: 'ci' }, vault: memoryVault(), clock: systemClock, fetch: globalThis.fetch, random: randomBytes },
    ...{ audit, log: () => {}, env, isAttended: () => true },
  });
  await running.session.resume();
  if (workload === undefined) await running.setSecret(new Secret(secret));
  return running;
}

const ask = (tokens: Tokens, host: string, scopes: string[] = ['sql'], wait = seconds(8)) =>
  tokens.get({ workspace: host, scopes, deadline: later(Date.now() as EpochMs, wait) });

async function whoIs(host: string, token: Secret): Promise<unknown> {
  const response = await fetch(`${host}/api/2.0/preview/scim/v2/Me`, { headers: { authorization: `Bearer ${token.reveal()}` } });
  return ((await response.json()) as { userName?: unknown }).userName;
}

const sentTo = ({ requests }: Workspace, path = '/oidc/v1/token') =>
  requests.filter((each) => each.method === 'POST' && each.path === path);

describe('people of a group', () => {
  it('act as its service principal, and the record keeps the person', async () => {
    const acme = await workspace();
    groups = ['everyone', 'analysts', 'robots'];
    const minted = await ask(person(acme.host, { federation: roles }), acme.host);
    expect(await whoIs(acme.host, minted.token)).toBe(analysts);
    expect(minted).toMatchObject({ subject: 'alice-1', actsAs: analysts });
    const [record] = audit.of('token.minted');
    expect(record).toMatchObject({ subject: 'alice-1', actsAs: analysts });
    expect(sentTo(acme)).toMatchObject([{ clientId: analysts, userAgent: expect.stringMatching(`rid/${record?.requestId}$`) }]);
  });

  it('get nothing, and nothing is sent, where no group of the list is theirs', async () => {
    const acme = await workspace();
    groups = ['Analysts', 'analysts '];
    await expect(ask(person(acme.host, { federation: roles }), acme.host)).rejects.toMatchObject({
      code: 'EXCHANGE_NO_PRINCIPAL',
      detail: expect.stringContaining('analysts, robots'),
    });
    expect(sentTo(acme)).toEqual([]);
  });

  it('act as another one from the moment their groups change, also with a token at hand', async () => {
    const acme = await workspace();
    const tokens = person(acme.host, { federation: roles });
    groups = ['analysts'];
    await ask(tokens, acme.host);
    expect(tokens.peek(acme.host, ['sql'])).toMatchObject({ actsAs: analysts });
    groups = ['robots'];
    expect(tokens.peek(acme.host, ['sql'])).toBeUndefined();
    expect(await whoIs(acme.host, (await ask(tokens, acme.host)).token)).toBe(robot);
    groups = [];
    expect(tokens.peek(acme.host, ['sql'])).toBeUndefined();
    expect(await codeOf(ask(tokens, acme.host))).toBe('EXCHANGE_NO_PRINCIPAL');
  });

  it('act as themselves without the list, whatever their groups; no client id is ever sent', async () => {
    const acme = await workspace();
    groups = ['analysts'];
    const minted = await ask(person(acme.host), acme.host);
    expect(await whoIs(acme.host, minted.token)).toBe('alice@acme.example');
    expect(sentTo(acme).map(({ clientId }) => clientId)).toEqual([undefined]);
    expect(audit.of('token.minted')[0]).not.toHaveProperty('actsAs');
  });

  it('are told of the principal whose policy does not name them', async () => {
    const acme = await workspace();
    acme.setPolicies([{ issuer: issuer.issuer, audiences: ['lakepass'], servicePrincipal: analysts, subject: 'bob@acme.example' }]);
    groups = ['analysts'];
    await expect(ask(person(acme.host, { federation: roles }), acme.host)).rejects.toMatchObject({
      code: 'EXCHANGE_UNKNOWN_USER',
      detail: expect.stringContaining(analysts),
    });
  });
});

describe('a service principal with a secret', () => {
  it('gets exactly the scopes asked for, as itself', async () => {
    const acme = await workspace();
    const { tokens } = await principal(acme.host);
    const minted = await ask(tokens, acme.host);
    expect(await whoIs(acme.host, minted.token)).toBe(robot);
    expect(minted).toMatchObject({ subject: robot, actsAs: robot, scopes: ['sql'] });
    expect(minted.expiresAt - Date.now()).toBeGreaterThan(3_500_000);
    expect(audit.of('token.minted')).toMatchObject([{ subject: robot, identity: 'service-principal', profile: 'ci' }]);
    expect(sentTo(acme)).toMatchObject([{ grantType: 'client_credentials', clientId: robot, scopes: ['sql'] }]);
  });

  it.each<[string, (acme: Workspace) => void, object]>([
    [
      'a wrong secret',
      (acme) => acme.servicePrincipals.set({ clientId: robot, secrets: [{ value: 'dose-other-0123456789' }] }),
      { reason: 'secret' },
    ],
    [
      'a secret that has ended',
      (acme) => acme.servicePrincipals.set({ clientId: robot, secrets: [{ value: secret, expiresAt: 1 }] }),
      { reason: 'expired' },
    ],
    ['a client nobody knows', (acme) => acme.servicePrincipals.remove(robot), { reason: 'client' }],
    [
      'a secret bound to other scopes',
      (acme) => acme.servicePrincipals.set({ clientId: robot, secrets: [{ value: secret, scopes: ['files'] }] }),
      { code: 'EXCHANGE_SCOPE_REFUSED' },
    ],
    ['more scopes than asked for', (acme) => acme.forceScopes(['sql', 'all-apis']), { code: 'SCOPE_NOT_NARROWED' }],
    ['a login page', (acme) => acme.faults.set('token', { htmlLoginPage: true }), { code: 'WORKSPACE_ANSWER_INVALID', reason: 'html' }],
    ['half an answer', (acme) => acme.faults.set('token', { malformedBody: true }), { code: 'WORKSPACE_ANSWER_INVALID' }],
    [
      'a token for days',
      (acme) => acme.faults.set('token', { body: '{"access_token":"a","token_type":"Bearer","expires_in":99999999}' }),
      { code: 'WORKSPACE_ANSWER_INVALID', reason: 'expires_in' },
    ],
    [
      'an answer of another server',
      (acme) => acme.faults.set('token', { status: 404, body: '{}' }),
      { code: 'WORKSPACE_ANSWER_INVALID', reason: 'not-found' },
    ],
    [
      'an API error',
      (acme) => acme.faults.set('token', { status: 403, body: '{"error_code":403,"message":"Source IP is blocked"}' }),
      { reason: 'address' },
    ],
    [
      'a grant that is not offered',
      (acme) => acme.faults.set('token', { status: 400, body: '{"error":"unauthorized_client"}' }),
      { reason: 'grant-type' },
    ],
    ['no reason', (acme) => acme.faults.set('token', { status: 400, body: '{"error":"x","error_description":"y"}' }), { reason: 'other' }],
  ])('is refused with a code, and the secret is in nothing that is said: %s', async (_, hurt, expected) => {
    const acme = await workspace();
    const { tokens } = await principal(acme.host);
    hurt(acme);
    const error = await ask(tokens, acme.host).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'PRINCIPAL_REFUSED', ...expected });
    expect(JSON.stringify([error, String(error), audit.events])).not.toContain(secret);
  });

  it.each([
    { status: 503, retryAfter: 0, times: 1 },
    { status: 429, times: 1 },
    { reset: true, times: 1 },
  ])('tries again after %j', async (fault) => {
    const acme = await workspace();
    const { tokens } = await principal(acme.host);
    acme.faults.set('token', fault);
    expect((await ask(tokens, acme.host)).scopes).toEqual(['sql']);
  });

  it('has no token without it, once locked, and once it is removed', async () => {
    const acme = await workspace();
    const running = await principal(acme.host);
    await running.session.lock();
    expect(await codeOf(ask(running.tokens, acme.host, ['files']))).toBe('LOCKED');
    expect(sentTo(acme)).toEqual([]);
    await running.session.resume();
    await ask(running.tokens, acme.host, ['jobs']);
    await running.removeSecret();
    expect(running.tokens.peek(acme.host, ['jobs'])).toBeUndefined();
    expect(await codeOf(ask(running.tokens, acme.host, ['clusters']))).toBe('PRINCIPAL_SECRET_NEEDED');
  });
});

describe('a workload', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lp-workload-'));
  const file = join(folder, 'token');
  const workload = { file };

  it('is let in by the JWT in a file, read anew each time, through the link the platform puts there', async () => {
    closers.push(() => rmSync(folder, { recursive: true, force: true }));
    const acme = await workspace();
    writeFileSync(join(folder, 'real'), `${await jwt(600)}\n`);
    symlinkSync(join(folder, 'real'), file);
    const { tokens } = await principal(acme.host, { workload });
    const minted = await ask(tokens, acme.host);
    expect(await whoIs(acme.host, minted.token)).toBe(robot);
    expect(sentTo(acme)).toMatchObject([{ clientId: robot }]);
    writeFileSync(join(folder, 'real'), 'spoilt');
    await expect(ask(tokens, acme.host, ['files'])).rejects.toMatchObject({ code: 'WORKLOAD_TOKEN_UNUSABLE', reason: 'shape' });
  });

  it('is let in by the JWT in a variable', async () => {
    const acme = await workspace();
    const { tokens } = await principal(acme.host, { workload: { env: 'CI_JWT' }, env: { CI_JWT: await jwt(600) } });
    expect(await whoIs(acme.host, (await ask(tokens, acme.host)).token)).toBe(robot);
  });

  it.each<[string, () => Promise<string | undefined>, string]>([
    ['nothing', async () => undefined, 'missing'],
    ['white space', async () => ' \n', 'missing'],
    ['no JWT', async () => 'dapi0123456789', 'shape'],
    ['a line break inside', async () => `${await jwt()}\nx.y.z`, 'shape'],
    ['a JWT without an end', async () => jwt(0, { exp: undefined }), 'shape'],
    ['a JWT that is over', async () => jwt(-10), 'expired'],
    ['more than any JWT', async () => `${'a'.repeat(20_000)}.b.c`, 'shape'],
  ])('is refused with what to mend, and nothing is sent: %s', async (_, content, reason) => {
    const acme = await workspace();
    const value = await content();
    const { tokens } = await principal(acme.host, { workload: { env: 'CI_JWT' }, env: value === undefined ? {} : { CI_JWT: value } });
    const error = await ask(tokens, acme.host).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'WORKLOAD_TOKEN_UNUSABLE', reason, detail: expect.stringContaining('$CI_JWT') });
    if (value !== undefined && value.trim() !== '') expect(JSON.stringify([error, audit.events])).not.toContain(value.trim());
    expect(sentTo(acme)).toEqual([]);
  });

  it('is refused where its file says that it is empty and goes on and on', async () => {
    // A plain file of the system, with a word of 8 bytes for each page of the address space.
    const read = readWorkloadToken({ file: '/proc/self/pagemap' }, { env: {}, clock: systemClock, life: seconds(60) });
    await expect(read).rejects.toMatchObject({ code: 'WORKLOAD_TOKEN_UNUSABLE', reason: 'shape' });
  });

  it('is told that the policy of another principal would have to name it', async () => {
    const acme = await workspace();
    const told = { workload: { env: 'CI_JWT' }, env: { CI_JWT: await jwt() }, clientId: stranger };
    const { tokens } = await principal(acme.host, told);
    await expect(ask(tokens, acme.host)).rejects.toMatchObject({
      code: 'EXCHANGE_WRONG_ISSUER',
      detail: expect.stringContaining(stranger),
    });
  });
});

describe('an account', () => {
  const endpoint = `/oidc/accounts/${accountId}/v1/token`;
  const listed = async (host: string, token: Secret): Promise<number> =>
    (await fetch(`${host}/api/2.0/accounts/${accountId}/workspaces`, { headers: { authorization: `Bearer ${token.reveal()}` } })).status;

  it.each<[string, (host: string) => Promise<Tokens>]>([
    ['a person', async (host) => person(host, { account: true })],
    ['a person of a group', async (host) => person(host, { account: true, federation: roles })],
    ['a secret', async (host) => (await principal(host, { account: true })).tokens],
    [
      'a workload',
      async (host) => (await principal(host, { account: true, workload: { env: 'CI_JWT' }, env: { CI_JWT: await jwt() } })).tokens,
    ],
  ])('gives its own tokens, from its own endpoint alone: %s', async (_, make) => {
    const acme = await workspace();
    groups = ['analysts'];
    const tokens = await make(acme.host);
    const minted = await ask(tokens, acme.host, ['provisioning']);
    expect(await listed(acme.host, minted.token)).toBe(200);
    expect(await whoIs(acme.host, minted.token)).toBeUndefined();
    expect([sentTo(acme, endpoint).length, sentTo(acme).length]).toEqual([1, 0]);
    expect(acme.requests.filter(({ path }) => path.startsWith('/.well-known'))).toEqual([]);
    expect(await codeOf(ask(tokens, acme.host, ['sql']))).toBe('SCOPE_UNKNOWN');
  });

  it('is not reached by an entry that is a workspace', async () => {
    const acme = await workspace();
    expect(await codeOf(ask(person(acme.host), acme.host, ['provisioning']))).toBe('SCOPE_UNKNOWN');
  });
});
