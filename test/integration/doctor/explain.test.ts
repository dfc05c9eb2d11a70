/**
 * Every row of the table, by the texts that real things give: the bodies of the simulated workspace, the errors of the stock SDKs for Python
 * and JavaScript, and, for programs that are not installed here, texts as their sources have them.
 */
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { WorkspaceClient } from '@databricks/sdk-experimental';
import { afterAll, expect, it, onTestFinished } from 'vitest';
import { scopeCatalogue } from '../../../main/databricks/scopes.ts';
import { explain } from '../../../main/doctor/explain.ts';
import { explanations } from '../../../main/doctor/explanations.ts';
import { recordedBodies, recordedErrors } from '../../fixtures/recorded-errors.ts';
import type { WorkspaceOptions } from '../../fixtures/workspace/workspace.ts';
import { alice, exchangeGrant, jwtType, startTrusted, type Trusted } from '../fixtures/workspace-setup.ts';

const seen = new Set<string>();
const principal = '0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d';

/** What a person would be told of this text. */
function rowOf(text: string | null): string | null {
  const { id, warning } = explain(text ?? '', { scopes: scopeCatalogue });
  expect(warning).toBeNull();
  if (id !== null) seen.add(id);
  return id;
}

type Provoke = (trusted: Trusted) => Promise<Response>;
const form = ({ workspace }: Trusted, fields: Record<string, string>): Promise<Response> =>
  fetch(`${workspace.host}/oidc/v1/token`, { method: 'POST', body: new URLSearchParams(fields) });
const exchanging =
  (
    claims: Record<string, unknown> = {},
    change: (trusted: Trusted) => unknown = () => undefined,
    more: Record<string, string> = {},
  ): Provoke =>
  async (trusted) => {
    const { alg, ...rest } = { alg: 'ES256', ...claims };
    const subject_token = await trusted.issuer.sign({ email: alice, ...rest }, { alg: String(alg) });
    await change(trusted);
    return form(trusted, { grant_type: exchangeGrant, subject_token, subject_token_type: jwtType, scope: 'sql', ...more });
  };
const api =
  (path: string, { scope = 'sql', ...init }: RequestInit & { scope?: string } = {}): Provoke =>
  async (trusted) => {
    const authorization = `Bearer ${await trusted.token(scope)}`;
    return fetch(trusted.workspace.host + path, { ...init, headers: { authorization } });
  };
const authorize = (client: string, redirect: string): Provoke => {
  const query = new URLSearchParams({ client_id: client, redirect_uri: redirect, response_type: 'code' });
  return ({ workspace }) => fetch(`${workspace.host}/oidc/v1/authorize?${query}`);
};
const secretOf =
  (client_secret: string): Provoke =>
  (trusted) =>
    form(trusted, { grant_type: 'client_credentials', client_id: principal, client_secret, scope: 'sql' });
const policyOf =
  (change: Record<string, unknown>) =>
  ({ workspace, issuer }: Trusted): void =>
    workspace.setPolicies([{ issuer: issuer.issuer, audiences: ['lakepass'], subjectClaim: 'email', ...change }]);
const me = '/api/2.0/preview/scim/v2/Me';
const long = Math.floor(Date.now() / 1000) - 7200;

const provocations: readonly [string, Provoke, Partial<WorkspaceOptions>?][] = [
  ['oauth-refresh-dead', (trusted) => form(trusted, { grant_type: 'refresh_token', client_id: 'databricks-cli', refresh_token: 'x' })],
  ['oauth-unknown-client', authorize('nobody', 'http://localhost:8020')],
  ['oauth-redirect', authorize('databricks-cli', 'http://localhost:1')],
  ['oauth-scope-unassigned', exchanging({}, ({ workspace }) => workspace.withholdScopes(['sql']))],
  ['oauth-secret-wrong', secretOf('wrong')],
  ['oauth-secret-expired', secretOf('ended')],
  ['oauth-code-used', (trusted) => form(trusted, { grant_type: 'authorization_code', client_id: 'databricks-cli', code: 'x' })],
  ['oauth-scope-unknown', exchanging({}, undefined, { scope: 'nonsense' })],
  ['oauth-grant-type', (trusted) => form(trusted, { grant_type: 'password' })],
  [
    'html-page',
    async (trusted) => {
      trusted.workspace.faults.set('me', { htmlLoginPage: true });
      return fetch(trusted.workspace.host + me);
    },
  ],
  ['federation-audience', exchanging({ aud: 'another' })],
  ['federation-issuer', exchanging({}, ({ workspace }) => workspace.setPolicies([]))],
  ['federation-user', exchanging({ email: 'nobody@acme.example' })],
  ['federation-principal', exchanging({}, policyOf({ servicePrincipal: 'gone', subject: alice }), { client_id: 'gone' })],
  ['federation-subject', exchanging({}, policyOf({ servicePrincipal: principal, subject: 'bob' }), { client_id: principal })],
  ['federation-claim', exchanging({}, policyOf({ subjectClaim: 'upn' }))],
  ['federation-expired', exchanging({ iat: long, exp: long + 60 })],
  ['federation-claim-time', exchanging({ nbf: Math.floor(Date.now() / 1000) + 600 })],
  ['federation-keys', exchanging({}, ({ issuer }) => issuer.describe({ jwks_uri: 'http://127.0.0.1:9/keys' }))],
  ['federation-signature', exchanging({}, ({ issuer }) => issuer.rotate())],
  ['federation-algorithm', exchanging({ alg: 'PS256' })],
  ['federation-opaque', exchanging({ email: 'nobody@acme.example' }), { refusals: 'opaque' }],
  ['api-no-credential', ({ workspace }) => fetch(workspace.host + me)],
  ['api-invalid-token', ({ workspace }) => fetch(workspace.host + me, { headers: { authorization: 'Bearer x.y.z' } })],
  ['api-scope', api('/api/2.1/unity-catalog/catalogs')],
  ['api-scope-genie', api('/api/2.0/genie/spaces')],
  ['api-no-endpoint', api('/api/2.0/nothing')],
  ['api-not-there', api('/serving-endpoints/nothing/invocations', { method: 'POST', body: '{}', scope: 'model-serving' })],
  ['api-malformed', api('/api/2.0/sql/statements', { method: 'POST', body: '{' })],
  ['api-bad-field', api('/api/2.0/sql/statements', { method: 'POST', body: '{"warehouse_id":"nothing","statement":"SELECT 1"}' })],
  ['api-expiring', api(me), { refuseLastSeconds: 4000 }],
];

it.each(provocations)('the workspace’s own %s', async (row, provoke, options = {}) => {
  const secrets = [{ value: 'ended', expiresAt: 1 }, { value: 'good' }];
  const trusted = await startTrusted({ servicePrincipals: [{ clientId: principal, secrets }], ...options });
  const response = await provoke(trusted);
  expect(response.status === 200).toBe(row === 'html-page');
  expect(rowOf(await response.text())).toBe(row);
});

it('a token that has ended, a workspace that is busy, and one that is away', async () => {
  let ahead = 0;
  const trusted = await startTrusted({ now: () => Date.now() + ahead });
  const headers = { authorization: `Bearer ${await trusted.token('sql')}` };
  ahead = 7_200_000;
  expect(rowOf(await (await fetch(trusted.workspace.host + me, { headers })).text())).toBe('api-expired');
  for (const [status, row] of [
    [429, 'api-busy'],
    [503, 'api-away'],
  ] as const) {
    trusted.workspace.faults.set('me', { status });
    expect(rowOf(await (await fetch(trusted.workspace.host + me, { headers })).text())).toBe(row);
  }
});

it.each(recordedBodies)('a body as others have seen it: $row', async ({ row, text, route, status }) => {
  const { workspace } = await startTrusted();
  workspace.faults.set(route, { status, body: text });
  const path = route === 'me' ? me : '/oidc/v1/token';
  const response = await fetch(workspace.host + path, route === 'me' ? {} : { method: 'POST', body: new URLSearchParams() });
  expect(response.status).toBe(status);
  expect(rowOf(await response.text())).toBe(row);
});

it.each(recordedErrors)('$from: $row', ({ row, text }) => {
  expect(rowOf(text)).toBe(row);
});

/** Answers in the place of a grant, by the path. */
async function strangeMetadata(): Promise<string> {
  const held: (() => void)[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    const json = { 'content-type': 'application/json' };
    if (path === '/refused') response.writeHead(403, json).end('{"reason":"none that an SDK shows"}');
    else if (path === '/page') response.writeHead(502, { 'content-type': 'text/html' }).end('<p>Bad gateway</p>');
    else if (path === '/expiry') response.writeHead(200, json).end('{"access_token":"x","token_type":"Bearer","expires_on":"tomorrow"}');
    else if (path === '/slow') held.push(() => response.destroy());
    else response.writeHead(404, json).end('{"not_found":true}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const end of held) end();
    server.closeAllConnections();
    return new Promise<void>((resolve) => void server.close(() => resolve()));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const asks = (url: string, host: string) => ({
  ...{ DATABRICKS_HOST: host, DATABRICKS_AUTH_TYPE: 'metadata-service', DATABRICKS_METADATA_SERVICE_URL: url },
});

it('what the stock SDK for Python says', { timeout: 60_000 }, async () => {
  const at = await strangeMetadata();
  const trusted = await startTrusted();
  const { host } = trusted.workspace;
  trusted.workspace.faults.set('warehouses', { status: 403, body: '{"half' });
  const { DATABRICKS_AUTH_TYPE: _left, ...undecided } = asks(`${at}/refused`, host);
  const cases: Record<string, Record<string, string>> = {
    'sdk-py-empty-token': asks(`${at}/refused`, host),
    'sdk-py-not-json': asks(`${at}/page`, host),
    'sdk-py-expiry': asks(`${at}/expiry`, host),
    'sdk-py-refused': asks('http://127.0.0.1:9/v1/metadata/x', host),
    'sdk-py-timeout': asks(`${at}/slow`, host),
    'sdk-two-methods': { ...undecided, DATABRICKS_TOKEN: 'x' },
    'sdk-not-configured': { DATABRICKS_HOST: host },
    'api-unparsed': { DATABRICKS_HOST: host, DATABRICKS_TOKEN: await trusted.token('files') },
  };
  const python = fileURLToPath(new URL('../../../.venv/bin/python', import.meta.url));
  const script = fileURLToPath(new URL('../../python/explained_errors.py', import.meta.url));
  const child = spawn(python, [script], { env: { HOME: tmpdir(), PATH: '/usr/bin:/bin', DATABRICKS_CONFIG_FILE: '/nonexistent' } });
  let said = '';
  child.stdout.on('data', (chunk) => (said += chunk));
  child.stdin.end(JSON.stringify(cases));
  expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0);
  const errors = JSON.parse(said) as Record<string, string | null>;
  expect(Object.fromEntries(Object.entries(errors).map(([row, text]) => [row, text && rowOf(text)]))).toEqual(
    Object.fromEntries(Object.keys(cases).map((row) => [row, row])),
  );
});

it.each([
  ['sdk-js-refusal', (at: string) => `${at}/refused`],
  ['sdk-js-unreachable', () => 'http://127.0.0.1:9/x'],
  ['sdk-not-configured', (at: string) => `${at}/gone`],
  ['sdk-host-not-local', () => 'http://[::1]:9/x'],
])('what the stock SDK for JavaScript says: %s', async (row, address) => {
  const at = await strangeMetadata();
  const client = new WorkspaceClient({ host: at, authType: 'metadata-service', metadataServiceUrl: address(at), skipVerify: false });
  const said = await client.currentUser.me().then(
    () => '',
    (error: Error) => error.message,
  );
  expect(rowOf(said)).toBe(row);
});

afterAll(() => {
  expect(explanations.map(({ id }) => id).filter((id) => !seen.has(id))).toEqual([]);
});
