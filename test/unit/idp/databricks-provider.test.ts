/** Signing in at a workspace itself: the real callback door, the simulated workspace's own authorization server, and every lie a client must notice. */
import { connect, createServer } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createWorkspaceProvider } from '../../../main/idp/databricks-provider.ts';
import type { Origin, SignedIn } from '../../../main/idp/signed-in.ts';
import { profileSchema } from '../../../main/profile/profile.ts';
import { Secret } from '../../../main/secret.ts';
import { hours, type Ms, minutes } from '../../../main/units.ts';
import { recordingAudit } from '../../fakes/recording-audit.ts';
import { visit } from './flow.ts';
import { WORKSPACE, WORKSPACE_ID, workspaceIssuer } from './workspace-issuer.ts';

const US = 1000;

/** As a browser does, which also fetches the page it is sent on to; that closes the door. */
async function bring(callback: URL): Promise<number> {
  const { status, location } = await visit(callback);
  if (location !== undefined) void visit(location).catch(() => undefined);
  return status;
}
type Fields = Record<string, unknown>;

function flow({ idp = {}, ...more }: { idp?: Fields } & Fields = {}) {
  const issuer = workspaceIssuer([{ clientId: 'ours', redirectUris: ['http://localhost:18020'] }]);
  const audit = recordingAudit();
  const logged: string[] = [];
  const opened: URL[] = [];
  const person = { browse: async (url: URL): Promise<void> => void (await bring(issuer.authorize(url))) };
  const profile = {
    name: 'acme',
    ...profileSchema.parse({
      idp: { preset: 'databricks', issuer: `${WORKSPACE}/oidc`, ...idp },
      workspaces: [{ name: 'prod', host: WORKSPACE }],
      ...more,
    }),
  };
  let counter = 0;
  const provider = createWorkspaceProvider({
    ...{ profile, clock: issuer.clock, fetch: issuer.fetch, audit, uid: US, peerUid: { lookup: async () => US } },
    random: (bytes) => Buffer.alloc(bytes, ++counter),
    log: (event, fields) => void logged.push(`${event} ${JSON.stringify(fields ?? {})}`),
    async openBrowser(url) {
      opened.push(url);
      await person.browse(url);
      return 'opened';
    },
  });
  const signIn = (demand?: { acr: string[]; maxAge: Ms }): Promise<SignedIn> =>
    provider.signIn({ signal: new AbortController().signal, onUrl: () => undefined, ...(demand === undefined ? {} : { demand }) });
  return { issuer, clock: issuer.clock, audit, logged, opened, person, provider, signIn, profile };
}

const originOf = ({ signedInAt, identity, assurance, nonceDigest, proofKey }: SignedIn): Origin => ({
  ...{ signedInAt, identity, assurance, nonceDigest, proofKey },
});
const refreshTokenOf = ({ refreshToken }: SignedIn): Secret => refreshToken ?? new Secret('none');

describe('a sign-in at a workspace', () => {
  it('gives the person, no more assurance than there is, and tokens that print as nothing', async () => {
    const { signIn, clock } = flow();
    const signedIn = await signIn();
    expect(signedIn).toMatchObject({
      identity: { issuer: `${WORKSPACE}/oidc`, subject: 'alice@acme.example', username: 'alice@acme.example', groups: [], claims: {} },
      assurance: { level: 'unknown', because: 'Databricks does not say how you proved who you are.', acr: null, amr: [], authTime: null },
      subjectToken: { issuedAt: clock.now(), expiresAt: clock.now() + hours(1), scopes: ['all-apis', 'offline_access'] },
      nonceDigest: null,
    });
    expect(signedIn.refreshToken?.reveal()).toMatch(/^[\w-]{43}$/);
    expect(JSON.stringify(signedIn)).not.toContain(signedIn.refreshToken?.reveal());
    expect(JSON.stringify(signedIn)).not.toContain('eyJ');
  });

  it('asks as the CLI does: its client, its redirect to the letter, S256, state, and no secret', async () => {
    const { signIn, opened } = flow();
    await signIn();
    const query = Object.fromEntries(opened[0]?.searchParams ?? []);
    expect(query).toMatchObject({
      response_type: 'code',
      client_id: 'databricks-cli',
      scope: 'all-apis offline_access',
      code_challenge_method: 'S256',
    });
    expect(query['redirect_uri']).toMatch(/^http:\/\/localhost:80(2\d|3\d|40)$/);
    expect(Object.keys(query).sort()).toEqual(
      ['client_id', 'code_challenge', 'code_challenge_method', 'redirect_uri', 'response_type', 'scope', 'state'].sort(),
    );
    expect(Buffer.from(query['state'] ?? '', 'base64url')).toHaveLength(32);
  });

  it('sends its client id in the form and nowhere else', async () => {
    const { signIn, issuer } = flow({ idp: { clientId: 'ours', redirect: { host: 'localhost', path: '', ports: [18_020] } } });
    await signIn();
    const [sent] = issuer.asked.filter(({ route }) => route === 'token');
    expect(sent?.body.get('client_id')).toBe('ours');
    expect(sent?.headers.has('authorization')).toBe(false);
  });

  it('is config-asserted where IT says so, and refused where the profile demands more than anybody can say', async () => {
    await expect(flow({ assurance: { configAsserted: true } }).signIn()).resolves.toMatchObject({
      assurance: { level: 'config-asserted' },
    });
    const { signIn } = flow({ assurance: { minimum: 'mfa' } });
    await expect(signIn()).rejects.toMatchObject({ code: 'ASSURANCE_TOO_LOW', reason: 'unknown' });
  });

  it('cannot prove that somebody is there, so what asks for that is refused before a browser opens', async () => {
    const { signIn, opened } = flow();
    await expect(signIn({ acr: [], maxAge: minutes(1) })).rejects.toMatchObject({ code: 'ASSURANCE_TOO_LOW', reason: 'unprovable' });
    expect(opened).toEqual([]);
  });

  it('holds both loopback addresses that localhost may mean', async () => {
    const { signIn, person, issuer } = flow();
    const reached: boolean[] = [];
    person.browse = async (url) => {
      const { port } = new URL(url.searchParams.get('redirect_uri') ?? '');
      for (const host of ['127.0.0.1', '::1']) reached.push(await isListening(Number(port), host));
      await bring(issuer.authorize(url));
    };
    await signIn();
    expect(reached).toEqual([true, true]);
  });

  it('takes another port where somebody holds the first at either address', async () => {
    const squatter = createServer();
    await new Promise<void>((resolve) => squatter.listen(0, '::1', resolve));
    onTestFinished(() => new Promise<void>((resolve) => squatter.close(() => resolve())));
    const { port } = squatter.address() as { port: number };
    const { provider, person } = flow({ idp: { clientId: 'ours', redirect: { host: 'localhost', path: '', ports: [port] } } });
    const cancel = new AbortController();
    person.browse = async () => void setImmediate(() => cancel.abort());
    const signedIn = provider.signIn({ signal: cancel.signal, onUrl: () => undefined });
    await expect(signedIn).rejects.toMatchObject({ code: 'LOGIN_PORT_BUSY' });
  });

  it('goes on waiting while answers come with a wrong state or another iss', async () => {
    const { signIn, person, issuer } = flow();
    const statuses: number[] = [];
    person.browse = async (url) => {
      const callback = issuer.authorize(url);
      for (const change of [{ state: 'x' }, { iss: 'https://beta.cloud.databricks.com/oidc' }]) {
        const forged = new URL(callback);
        for (const [name, value] of Object.entries(change)) forged.searchParams.set(name, value);
        statuses.push((await visit(forged)).status);
      }
      statuses.push(await bring(callback));
    };
    await signIn();
    await expect.poll(() => statuses).toEqual([400, 400, 303]);
  });

  it('is not begun in plain http', async () => {
    const host = 'http://acme.cloud.databricks.com';
    const { signIn, issuer } = flow({ idp: { issuer: `${host}/oidc` }, workspaces: [{ name: 'prod', host }], test: true });
    await expect(signIn()).rejects.toMatchObject({ code: 'ISSUER_INVALID', reason: 'endpoint' });
    expect(issuer.asked).toEqual([]);
  });

  it.each<[string, (issuer: ReturnType<typeof workspaceIssuer>) => void, string]>([
    ['names another issuer', (issuer) => Object.assign(issuer.metadata, { issuer: 'https://beta.cloud.databricks.com/oidc' }), 'issuer'],
    [
      'sends the code elsewhere',
      (issuer) => Object.assign(issuer.metadata, { token_endpoint: 'https://evil.test/oidc/v1/token' }),
      'endpoint',
    ],
    [
      'sends the browser elsewhere',
      (issuer) => Object.assign(issuer.metadata, { authorization_endpoint: 'https://evil.test/a' }),
      'endpoint',
    ],
    [
      'hides a user in the address',
      (issuer) => Object.assign(issuer.metadata, { token_endpoint: 'https://me@acme.cloud.databricks.com/t' }),
      'endpoint',
    ],
    ['offers no PKCE', (issuer) => Object.assign(issuer.metadata, { code_challenge_methods_supported: ['plain'] }), 'pkce'],
  ])('does not believe metadata that %s', async (_, change, reason) => {
    const { signIn, issuer, opened } = flow();
    change(issuer);
    await expect(signIn()).rejects.toMatchObject({ code: 'ISSUER_INVALID', reason });
    expect(opened).toEqual([]);
  });

  it.each<[string, (issuer: ReturnType<typeof workspaceIssuer>) => void]>([
    ['a page', (issuer) => Object.assign(issuer.faults, { metadata: () => new Response('<html>', { status: 200 }) })],
    ['404', (issuer) => Object.assign(issuer.faults, { metadata: () => new Response('', { status: 404 }) })],
    ['nothing', (issuer) => Object.assign(issuer.faults, { metadata: () => Promise.reject(new TypeError('fetch failed')) })],
  ])('says that the workspace does not answer where there is %s', async (_, change) => {
    const { signIn, issuer } = flow();
    change(issuer);
    await expect(signIn()).rejects.toMatchObject({ code: 'ISSUER_UNREACHABLE' });
  });

  it.each<[string, Fields, string]>([
    ['another workspace’s issuer', { iss: 'https://beta.cloud.databricks.com/oidc' }, 'iss'],
    ['no issuer', { iss: undefined }, 'iss'],
    ['another workspace’s audience', { aud: '9999999999999999' }, 'aud'],
    ['a second audience', { aud: [WORKSPACE_ID, '9999999999999999'] }, 'aud'],
    ['no audience', { aud: undefined }, 'aud'],
    ['another client', { client_id: 'somebody-else' }, 'azp'],
    ['an end in the past', { exp: 1 }, 'exp'],
    ['a beginning in the future', { iat: 4_000_000_000 }, 'iat'],
    ['a beginning that is no date', { iat: -1e300 }, 'exp'],
    ['an end that is no date', { exp: 1e300 }, 'exp'],
    ['a subject that is no text', { sub: 7 }, 'sub'],
    ['a subject of blanks', { sub: ' ' }, 'sub'],
  ])('is refused for a token with %s, and that is audited', async (_, change, reason) => {
    const { signIn, issuer, audit } = flow();
    issuer.claims = (claims) => ({ ...claims, ...change });
    await expect(signIn()).rejects.toMatchObject({ code: 'ID_TOKEN_REJECTED', reason });
    expect(audit.of('token.validation-failed')).toEqual([{ type: 'token.validation-failed', profile: 'acme', rule: reason }]);
  });

  it('is refused for a token of another kind', async () => {
    const { signIn, issuer } = flow();
    issuer.header = { typ: 'logout+jwt' };
    await expect(signIn()).rejects.toMatchObject({ code: 'ID_TOKEN_REJECTED', reason: 'typ' });
  });

  it('takes any workspace number where the workspace does not say its own, and an address only of itself', async () => {
    const { signIn, issuer, logged } = flow();
    issuer.faults.config = () => new Response('', { status: 500 });
    await expect(signIn()).resolves.toBeDefined();
    expect(logged.join()).toContain('login.workspace-id-unknown');
    issuer.claims = (claims) => ({ ...claims, aud: `${WORKSPACE}/` });
    await expect(signIn()).resolves.toBeDefined();
    issuer.claims = (claims) => ({ ...claims, aud: 'https://beta.cloud.databricks.com' });
    await expect(signIn()).rejects.toMatchObject({ reason: 'aud' });
  });

  it('asks the workspace who it is where the token does not say', async () => {
    const { signIn, issuer } = flow();
    issuer.claims = ({ sub: _, ...claims }) => claims;
    await expect(signIn()).resolves.toMatchObject({ identity: { subject: 'alice@acme.example', displayName: 'Alice' } });
    issuer.claims = null;
    await expect(signIn()).resolves.toMatchObject({
      identity: { username: 'alice@acme.example' },
      subjectToken: { scopes: ['all-apis', 'offline_access'] },
    });
    expect(issuer.asked.filter(({ route }) => route === 'me')).toHaveLength(2);
  });

  it.each<[string, () => Response]>([
    ['does not say', () => Response.json({})],
    ['says nothing that can be shown', () => Response.json({ userName: 'a\u0007b' })],
    ['refuses', () => new Response('{}', { status: 403 })],
    ['shows a page', () => new Response('<html>', { status: 200 })],
  ])('is for nobody where the workspace %s', async (_, answer) => {
    const { signIn, issuer } = flow();
    issuer.claims = null;
    issuer.faults.me = answer;
    await expect(signIn()).rejects.toMatchObject({ code: 'ID_TOKEN_REJECTED', reason: 'sub' });
  });

  it('says CLOCK_SKEW, not a bad token, when the clock of this machine is wrong', async () => {
    const { signIn, issuer } = flow();
    issuer.clockOff = -hours(2);
    await expect(signIn()).rejects.toMatchObject({ code: 'CLOCK_SKEW' });
  });

  it('is refused with the word of the workspace, and nothing else it says', async () => {
    const { signIn, person, issuer } = flow();
    person.browse = async (url) => {
      await bring(
        issuer.authorize(url, (query) => {
          query.delete('code');
          query.set('error', 'access_denied');
          query.set('error_description', 'attacker-chosen text');
        }),
      );
    };
    const failure = await signIn().catch((thrown) => thrown);
    expect(failure).toMatchObject({ code: 'LOGIN_REFUSED', reason: 'access_denied' });
    expect(JSON.stringify(failure.toFailure())).not.toContain('attacker');
    person.browse = async (url) => void (await bring(issuer.authorize(url, (query) => query.set('code', 'stale'))));
    await expect(signIn()).rejects.toMatchObject({ code: 'LOGIN_REFUSED', reason: 'invalid_grant' });
  });

  it('writes neither code, state nor token into audit, log or failures', async () => {
    const { signIn, issuer, audit, logged, opened } = flow();
    const signedIn = await signIn();
    issuer.claims = (claims) => ({ ...claims, aud: 'x' });
    const failure = await signIn().catch((thrown) => thrown);
    const written = JSON.stringify([audit.events, logged, failure.toFailure(), failure.message]);
    const secrets = opened.flatMap(({ searchParams }) => ['state', 'code_challenge'].map((name) => searchParams.get(name) ?? '?'));
    for (const secret of [...secrets, 'eyJ', refreshTokenOf(signedIn).reveal()]) expect(written).not.toContain(secret);
  });
});

describe('a refresh at a workspace', () => {
  it('brings a new token and the next refresh token, once', async () => {
    const { signIn, provider, clock } = flow();
    const signedIn = await signIn();
    await clock.advance(minutes(40));
    const refreshed = await provider.refresh(refreshTokenOf(signedIn), originOf(signedIn));
    expect(refreshed).toMatchObject({
      subjectToken: { expiresAt: clock.now() + hours(1), scopes: ['all-apis', 'offline_access'] },
      groups: [],
      claims: {},
    });
    expect(refreshed.refreshToken.reveal()).not.toBe(refreshTokenOf(signedIn).reveal());
  });

  it('ends with SESSION_REFUSED at a second use, and so does the token that the first one brought', async () => {
    const { signIn, provider } = flow();
    const signedIn = await signIn();
    const { refreshToken } = await provider.refresh(refreshTokenOf(signedIn), originOf(signedIn));
    await expect(provider.refresh(refreshTokenOf(signedIn), originOf(signedIn))).rejects.toMatchObject({
      code: 'SESSION_REFUSED',
      reason: 'invalid_grant',
    });
    await expect(provider.refresh(refreshToken, originOf(signedIn))).rejects.toMatchObject({ code: 'SESSION_REFUSED' });
  });

  it('keeps the old refresh token where the workspace does not rotate', async () => {
    const { signIn, provider, issuer } = flow();
    issuer.u2m.setSingleUse(false);
    const signedIn = await signIn();
    for (const _ of [1, 2]) {
      const { refreshToken } = await provider.refresh(refreshTokenOf(signedIn), originOf(signedIn));
      expect(refreshToken.reveal()).toBe(refreshTokenOf(signedIn).reveal());
    }
  });

  it('is refused for a token of somebody else', async () => {
    const { signIn, provider, issuer } = flow();
    const signedIn = await signIn();
    issuer.claims = (claims) => ({ ...claims, sub: 'bob@acme.example' });
    await expect(provider.refresh(refreshTokenOf(signedIn), originOf(signedIn))).rejects.toMatchObject({
      code: 'ID_TOKEN_REJECTED',
      reason: 'sub',
    });
  });

  it.each<[string, 'metadata' | 'token', () => Promise<Response> | Response, Fields]>([
    [
      'its metadata cannot be read',
      'metadata',
      () => Promise.reject(new TypeError('fetch failed')),
      { code: 'ISSUER_UNREACHABLE', reason: 'unsent' },
    ],
    [
      'it says later',
      'token',
      () => Response.json({ error: 'temporarily_unavailable' }, { status: 400 }),
      { code: 'ISSUER_UNREACHABLE', reason: 'answered' },
    ],
    ['it is down', 'token', () => new Response('', { status: 503 }), { code: 'ISSUER_UNREACHABLE', reason: 'answered' }],
    ['a gateway answers for it', 'token', () => new Response('', { status: 502 }), { code: 'ISSUER_UNREACHABLE', reason: 'sent' }],
    ['a page comes instead', 'token', () => new Response('<html>', { status: 200 }), { code: 'ISSUER_UNREACHABLE', reason: 'sent' }],
    [
      'its token ends beyond all dates',
      'token',
      () => Response.json({ access_token: 'opaque', token_type: 'Bearer', expires_in: Number.MAX_SAFE_INTEGER }),
      { code: 'ISSUER_UNREACHABLE', reason: 'sent' },
    ],
    [
      'it says no in older words',
      'token',
      () => Response.json({ error: 'invalid_request' }, { status: 400 }),
      { code: 'SESSION_REFUSED', reason: 'invalid_request' },
    ],
    [
      'it says no in words of Okta',
      'token',
      () => Response.json({ errorCode: 'E0000011' }, { status: 401 }),
      { code: 'SESSION_REFUSED', reason: 'other' },
    ],
    [
      'it redirects',
      'token',
      () => new Response('', { status: 307, headers: { location: 'https://evil.test' } }),
      { code: 'ISSUER_INVALID', reason: 'redirect' },
    ],
  ])('says whether the refresh token may be sent again when %s', async (_, route, answer, failure) => {
    const { signIn, provider, issuer, clock } = flow();
    const signedIn = await signIn();
    await clock.advance(hours(25));
    issuer.faults[route] = answer;
    await expect(provider.refresh(refreshTokenOf(signedIn), originOf(signedIn))).rejects.toMatchObject(failure);
    expect(issuer.asked.filter(({ route: each }) => each === 'token')).toHaveLength(route === 'token' ? 2 : 1);
  });

  it('cannot be taken back, and says so', async () => {
    const { provider } = flow();
    await expect(provider.revoke(new Secret('rt'))).resolves.toMatchObject({
      refreshToken: 'not-supported',
      detail: expect.stringContaining('until it expires'),
    });
  });
});

const isListening = (port: number, host: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ port, host }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
