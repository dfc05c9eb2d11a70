/** The federation strategy over real sockets: the simulated workspace, tokens signed by a real issuer, the real fetch and clock. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFederation } from '../../../main/databricks/federation.ts';
import { createTokens, type Tokens } from '../../../main/databricks/tokens.ts';
import { systemClock } from '../../../main/host-ports.ts';
import { profileSchema } from '../../../main/profile/profile.ts';
import { Secret } from '../../../main/secret.ts';
import { type EpochMs, later, seconds } from '../../../main/units.ts';
import { version } from '../../../main/version.ts';
import { type RecordingAudit, recordingAudit } from '../../fakes/recording-audit.ts';
import { startWorkspace, type Workspace, type WorkspaceOptions } from '../../fixtures/workspace/workspace.ts';
import { codeOf } from '../../unit/databricks/setting.ts';
import { startTestIssuer, type TestIssuer } from './test-issuer.ts';

const closers: (() => unknown)[] = [];
let issuer: TestIssuer;
let audit: RecordingAudit;
let groups: readonly string[];
let subject: { sub: string; aud: string; iss?: string; life: number };

beforeEach(async () => {
  issuer = await startTestIssuer();
  closers.push(() => issuer.close());
  audit = recordingAudit();
  groups = [];
  subject = { sub: 'alice@acme.example', aud: 'lakepass', life: 3600 };
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function workspace(options: Partial<WorkspaceOptions> = {}): Promise<Workspace> {
  const policies = [{ issuer: issuer.issuer, audiences: ['lakepass'], subjectClaim: 'sub' }];
  const started = await startWorkspace({ users: ['alice@acme.example'], policies, ...options });
  closers.push(() => started.close());
  return started;
}

function tokensOf(
  hosts: string[],
  { clock = systemClock, random = randomBytes as (bytes: number) => Buffer, accountId = undefined as string | undefined, more = {} } = {},
): Tokens {
  const profile = {
    name: 'acme',
    ...profileSchema.parse({
      test: true,
      idp: { issuer: issuer.issuer, clientId: 'lakepass' },
      limits: { minTokenLife: '2 s' },
      workspaces: hosts.map((host, index) => ({ name: `w${index}`, host, ...(accountId === undefined ? {} : { accountId }) })),
      ...more,
    }),
  };
  const source = createFederation({
    ...{ profile, clock, fetch: globalThis.fetch, log: () => {}, groups: () => groups },
    async subjectToken() {
      const { life, ...claims } = subject;
      const iat = Math.floor(clock.now() / 1000);
      const jwt = await issuer.sign({ ...claims, iat, exp: iat + life });
      return { jwt: new Secret(jwt), issuedAt: (iat * 1000) as EpochMs, expiresAt: ((iat + life) * 1000) as EpochMs };
    },
  });
  return createTokens({ profile, clock, random, audit, source, log: () => {}, subject: () => 'alice' });
}

const ask = (tokens: Tokens, host: string, scopes: string[] = ['sql'], wait = seconds(8), now = Date.now()) =>
  tokens.get({ workspace: host, scopes, deadline: later(now as EpochMs, wait) });

const call = (host: string, token: Secret, path: string) =>
  fetch(`${host}${path}`, { headers: { authorization: `Bearer ${token.reveal()}` } }).then(({ status }) => status);

const exchangesAt = ({ requests }: Workspace) => requests.filter(({ path, method }) => method === 'POST' && path === '/oidc/v1/token');

async function listening(server: Server, scheme = 'http'): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('federation with a workspace', () => {
  it('brings a token that opens what was asked for, and nothing else', async () => {
    const acme = await workspace();
    const minted = await ask(tokensOf([acme.host]), acme.host);
    expect(await call(acme.host, minted.token, '/api/2.0/sql/warehouses')).toBe(200);
    expect(await call(acme.host, minted.token, '/api/2.0/serving-endpoints')).toBe(403);
    expect(minted.scopes).toEqual(['sql']);
    const [exchange] = exchangesAt(acme);
    expect(exchange).toMatchObject({ scopes: ['sql'], subject: 'alice@acme.example' });
    expect(exchange?.userAgent).toBe(`lakepass/${version} rid/${audit.of('token.minted')[0]?.requestId}`);
    expect(minted.expiresAt - Date.now()).toBeGreaterThan(3_590_000);
    expect(minted.expiresAt - Date.now()).toBeLessThanOrEqual(3_600_000);
  });

  it('asks once for a thousand callers', async () => {
    const acme = await workspace();
    const tokens = tokensOf([acme.host]);
    const answers = await Promise.all(Array.from({ length: 1000 }, () => ask(tokens, acme.host)));
    expect(new Set(answers).size).toBe(1);
    expect(exchangesAt(acme)).toHaveLength(1);
  });

  it('throws away a token that is wider than asked', async () => {
    const acme = await workspace();
    acme.forceScopes(['sql', 'all-apis']);
    const tokens = tokensOf([acme.host]);
    expect(await codeOf(ask(tokens, acme.host))).toBe('SCOPE_NOT_NARROWED');
    expect(tokens.peek(acme.host, ['sql'])).toBeUndefined();
  });

  it.each([
    ['a wrong audience', () => Object.assign(subject, { aud: 'other' }), 'EXCHANGE_WRONG_AUDIENCE'],
    ['an issuer with a slash too many', () => Object.assign(subject, { iss: `${issuer.issuer}/` }), 'EXCHANGE_WRONG_ISSUER'],
    ['a user who is not provisioned', () => Object.assign(subject, { sub: 'mallory@acme.example' }), 'EXCHANGE_UNKNOWN_USER'],
    ['no policy at all', (acme: Workspace) => acme.setPolicies([]), 'EXCHANGE_WRONG_ISSUER'],
    [
      'a claim the policy wants and the token lacks',
      (acme: Workspace) => acme.setPolicies([{ issuer: issuer.issuer, audiences: ['lakepass'], subjectClaim: 'upn' }]),
      'EXCHANGE_UNKNOWN_USER',
    ],
    ['a scope nobody gets', (acme: Workspace) => acme.withholdScopes(['sql']), 'EXCHANGE_SCOPE_REFUSED'],
    ['a clock that is an hour ahead', (acme: Workspace) => acme.faults.set('token', { wrongClockMs: 3_700_000 }), 'CLOCK_SKEW'],
    [
      'a clock that gives more life than there is',
      (acme: Workspace) => acme.faults.set('token', { wrongClockMs: -1_200_000 }),
      'CLOCK_SKEW',
    ],
    ['half an answer', (acme: Workspace) => acme.faults.set('token', { malformedBody: true }), 'WORKSPACE_ANSWER_INVALID'],
    [
      'an answer of another kind',
      (acme: Workspace) => acme.faults.set('token', { body: '{"access_token":7}' }),
      'WORKSPACE_ANSWER_INVALID',
    ],
    ['a login page', (acme: Workspace) => acme.faults.set('token', { htmlLoginPage: true }), 'WORKSPACE_ANSWER_INVALID'],
  ])('explains %s', async (_name, spoil, code) => {
    const acme = await workspace();
    spoil(acme);
    const tokens = tokensOf([acme.host]);
    expect(await codeOf(ask(tokens, acme.host))).toBe(code);
    expect(exchangesAt(acme)).toHaveLength(1);
    expect(audit.of('token.mint-failed')).toMatchObject([{ code, workspace: acme.host }]);
    expect(tokens.health(acme.host)).toBe(code);
  });

  it('names the likely reasons where the workspace gives none', async () => {
    const acme = await workspace({ refusals: 'opaque', policies: [] });
    const refused = ask(tokensOf([acme.host]), acme.host);
    await expect(refused).rejects.toMatchObject({
      code: 'EXCHANGE_REFUSED',
      reason: 'credentials',
      detail: expect.stringContaining(issuer.issuer),
    });
  });

  it.each([
    ['a reset connection', { reset: true, times: 1 }],
    ['a moment without service', { status: 503, retryAfter: 0, times: 1 }],
    ['being asked to come back', { status: 429, times: 1 }],
  ])('gets a token in spite of %s', async (_name, fault) => {
    const acme = await workspace();
    acme.faults.set('token', fault);
    expect((await ask(tokensOf([acme.host]), acme.host)).scopes).toEqual(['sql']);
    expect(audit.of('token.mint-failed')).toEqual([]);
  });

  it('says so in time when the workspace stays busy', async () => {
    const acme = await workspace();
    acme.faults.set('token', { status: 503, retryAfter: 30 });
    const began = performance.now();
    expect(await codeOf(ask(tokensOf([acme.host]), acme.host))).toBe('WORKSPACE_BUSY');
    // Not after the half minute that the workspace asked for.
    expect(performance.now() - began).toBeLessThan(20_000);
  });

  it('uses the classic endpoint where the workspace does not describe itself', async () => {
    const acme = await workspace();
    acme.faults.set('config', { status: 404 });
    expect((await ask(tokensOf([acme.host]), acme.host)).scopes).toEqual(['sql']);
  });

  it('lets a workspace that hangs delay nobody but those who asked for it', async () => {
    const [slow, quick] = [await workspace(), await workspace()];
    slow.faults.set('*', { hang: true });
    const tokens = tokensOf([slow.host, quick.host]);
    const stuck = Array.from({ length: 50 }, () => codeOf(ask(tokens, slow.host, ['sql'], seconds(1))));
    const began = performance.now();
    await ask(tokens, quick.host);
    expect(performance.now() - began).toBeLessThan(900);
    expect(new Set(await Promise.all(stuck))).toEqual(new Set(['DEADLINE_PASSED']));
    expect(tokens.health(quick.host)).toBe('ok');
  });

  it('tells an address where nobody answers', async () => {
    const acme = await workspace();
    // The jitter at its least: all tries follow at once.
    const tokens = tokensOf([acme.host], { random: (bytes) => Buffer.alloc(bytes) });
    await acme.close();
    closers.pop();
    expect(await codeOf(ask(tokens, acme.host))).toBe('WORKSPACE_UNREACHABLE');
  });

  it('refuses a certificate nobody vouches for, without a second try', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lp-tls-'));
    closers.push(() => rmSync(folder, { recursive: true }));
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const subjectArgs = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, ...subjectArgs], {
      stdio: 'ignore',
    });
    let asked = 0;
    const server = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) }, () => {
      asked += 1;
    });
    const host = await listening(server, 'https');
    const failure = ask(tokensOf([host]), host);
    await expect(failure).rejects.toMatchObject({ code: 'WORKSPACE_TLS', reason: 'certificate' });
    expect(asked).toBe(0);
    expect(audit.of('token.mint-failed')).toHaveLength(1);
  });

  it('tells a host that does not speak TLS', async () => {
    const plain = await listening(createServer((_request, response) => void response.end()));
    const host = plain.replace('http:', 'https:');
    await expect(ask(tokensOf([host]), host)).rejects.toMatchObject({ code: 'WORKSPACE_TLS', reason: 'handshake' });
  });

  it('carries the identity token to no host that a redirect points at', async () => {
    const bodies: string[] = [];
    const thief = await listening(
      createServer(async (request, response) => {
        for await (const chunk of request) bodies.push(String(chunk));
        bodies.push(request.url ?? '');
        response.end('{}');
      }),
    );
    const host = await listening(
      createServer((request, response) => {
        response.writeHead(307, { location: `${thief}${request.url}` }).end();
      }),
    );
    await expect(ask(tokensOf([host]), host)).rejects.toMatchObject({ code: 'WORKSPACE_ANSWER_INVALID', reason: 'redirect' });
    expect(bodies).toEqual([]);
  });

  it('gives up on an answer whose body never ends', async () => {
    const host = await listening(
      createServer((request, response) => {
        request.resume();
        if (request.method === 'GET') return void response.writeHead(404).end();
        response.writeHead(200, { 'content-type': 'application/json' });
        const more = () => void (response.write(Buffer.alloc(16_384, 0x20)) ? setImmediate(more) : response.once('drain', more));
        more();
      }),
    );
    await expect(ask(tokensOf([host]), host)).rejects.toMatchObject({ code: 'WORKSPACE_ANSWER_INVALID', reason: 'size' });
  });

  it('renews short tokens ahead of their end, one exchange for each', async () => {
    // Tokens of 40 s are due after 20 s and at their floor after 30 s; the clocks of both sides are moved, nobody waits.
    let ahead = 0;
    const clock = { ...systemClock, now: () => (Date.now() + ahead) as EpochMs };
    const acme = await workspace({ now: () => Date.now() + ahead });
    subject.life = 40;
    const tokens = tokensOf([acme.host], { clock });
    const seen = new Set<string>();
    for (let round = 0; round < 4; round += 1) {
      const minted = tokens.peek(acme.host, ['sql']) ?? (await ask(tokens, acme.host, ['sql'], seconds(8), clock.now()));
      expect(minted.expiresAt - clock.now()).toBeGreaterThanOrEqual(10_000);
      seen.add(minted.token.reveal());
      ahead += 25_000;
      tokens.peek(acme.host, ['sql']);
      await expect.poll(() => exchangesAt(acme).filter(({ status }) => status === 200).length).toBe(round + 2);
      await expect.poll(() => tokens.peek(acme.host, ['sql'])?.token.reveal()).not.toBe(minted.token.reveal());
    }
    expect(seen.size).toBe(4);
    expect(exchangesAt(acme)).toHaveLength(5);
  });
});
