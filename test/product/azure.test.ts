/**
 * The built product at Azure Databricks: a person signs in at a provider that behaves as Entra ID does, and programs get its token for Azure
 * Databricks as it is. A workspace takes nothing else, and neither does the agent.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { azureDatabricks, foreignTenant, tenant } from '../fixtures/idp/quirks.ts';
import { type QuirkyIdp, startQuirkyIdp } from '../fixtures/idp/quirky-idp.ts';
import { startWorkspace, type Workspace } from '../fixtures/workspace/workspace.ts';
import { ended, type Product, printedUrl, startProduct } from './product.ts';

const username = 'alice@acme.example';
let product: Product;
let entra: QuirkyIdp;
let workspace: Workspace;
let settled = false;

const config = (): string =>
  [
    'version: 1',
    'profiles:',
    '  azure:',
    '    test: true',
    '    tokens: direct',
    '    subjectToken: access_token',
    '    allowNotNarrowed: true',
    '    assurance: { acrValues: [c1], phrAcr: [c1] }',
    '    idp:',
    '      preset: entra',
    `      issuer: ${entra.issuer}`,
    `      tenants: [${tenant}]`,
    `      clientId: ${entra.clientId}`,
    `      scopes: [openid, profile, offline_access, ${azureDatabricks}/.default]`,
    `    workspaces: [{ name: main, host: '${workspace.host}' }]`,
    '',
  ].join('\n');

beforeAll(async () => {
  entra = await startQuirkyIdp('entra', Date.now);
  workspace = await startWorkspace({ users: [username], policies: [], entra: { id: tenant, keys: entra.keys }, refuseLastSeconds: 30 });
  product = await startProduct({ config });
});
afterEach(() => {
  entra.lieOfAccess = (claims) => claims;
});
afterAll(async () => {
  await product.close();
  await Promise.all([entra.close(), workspace.close()]);
});

/** Up to the page that a first sign-in leaves the tab with. */
async function signIn(): Promise<{ code: number | null; stderr: string }> {
  const login = product.start(['login', '--json']);
  const outcome = ended(login);
  let at: URL | null = await printedUrl(login);
  while (at !== null && at.hostname !== 'lakepass.localhost') {
    const { code, stdout, stderr } = await product.run('curl', ['-q', '-sS', '-D', '-', '-o', '/dev/null', at.href]);
    if (code !== 0) throw new Error(`${at.host} was not reached: ${stderr}`);
    const location: string | undefined = /^location: (\S+)/im.exec(stdout)?.[1];
    at = location === undefined ? null : new URL(location, at);
  }
  const { code, stdout, stderr } = await outcome;
  if (code === 0 && at !== null && !settled) await product.settleIn(at);
  settled ||= code === 0;
  return { code, stderr: `${stdout}${stderr}` };
}

/** A statement, as a program runs it with this token. */
const query = (token: string) =>
  fetch(`${workspace.host}/api/2.0/sql/statements`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ warehouse_id: workspace.warehouseId, statement: 'SELECT current_user()' }),
  });

const tokenOf = async (...args: string[]): Promise<string> => String((await product.json('token', ...args))['access_token']);

describe('a sign-in is refused, and nobody is signed in, where the access token', () => {
  it.each<[string, (claims: Record<string, unknown>) => Record<string, unknown>]>([
    ['comes from another tenant', (claims) => ({ ...claims, iss: `https://sts.windows.net/${foreignTenant}/`, tid: foreignTenant })],
    ['is of version 2.0', (claims) => ({ ...claims, iss: entra.issuer.replace('organizations', tenant), ver: '2.0' })],
    ['is for another application', (claims) => ({ ...claims, aud: '00000003-0000-0000-c000-000000000000' })],
    ['is of another person', (claims) => ({ ...claims, oid: 'bbbbbbbb-0000-4000-8000-000000000002' })],
  ])('%s', async (_, lie) => {
    entra.lieOfAccess = lie;
    const { code, stderr } = await signIn();
    expect(code).toBeGreaterThan(0);
    expect(stderr).toContain('ID_TOKEN_REJECTED');
    expect((await product.lakepass(['token', '--scope', 'sql'])).stderr).toContain('SIGNED_OUT');
  });
});

describe('a token of the sign-in', () => {
  it('runs a query as the person, is marked as one that opens more, and recorded with who asked', async () => {
    expect(await signIn()).toMatchObject({ code: 0 });
    const answer = await query(await tokenOf('--scope', 'sql'));
    expect([answer.status, await answer.json()]).toMatchObject([200, { result: { data_array: [[username]] } }]);
    expect((await product.lakepass(['status'])).stdout).toContain('sql (not narrowed)');
    const { records } = (await product.json('audit', '--limit', '100')) as { records: Record<string, unknown>[] };
    expect(records.filter(({ type }) => type === 'token.minted').at(-1)).toMatchObject({
      scopes: ['all-apis'],
      narrowed: 'no',
      subject: 'pairwise-1',
    });
  });

  it('reaches a program by the metadata service, as any other does', async () => {
    const { DATABRICKS_METADATA_SERVICE_URL: url, DATABRICKS_HOST: host } = await product.env('sql');
    const { stdout } = await product.run('curl', [
      '-sS',
      '-H',
      'X-Databricks-Metadata-Version: 1',
      '-H',
      `X-Databricks-Host: ${host}`,
      url,
    ]);
    expect((await query(JSON.parse(stdout).access_token)).status).toBe(200);
  });
});
