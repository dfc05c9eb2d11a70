/** Two companies on one machine, as docs/partners.md has them: other providers, the same `sub`, and a workspace that both can use. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Idp, startIdp } from '../fixtures/idp/idp.ts';
import { startWorkspace, type Workspace } from '../fixtures/workspace/workspace.ts';
import { askOnce, type Call, prepareCallers } from './calling.ts';
import { ended, type Product, printedUrl, startProduct } from './product.ts';

const analysts = '8d1f20c2-0000-4000-8000-00000000aaaa';
let product: Product;
let partner: Idp;
/** The partner's own, and the one that both profiles name. */
let own: Workspace;
let shared: Workspace;
let call: Call;

const profile = (name: string, idp: Idp, hosts: Record<string, string>, more: string[] = []): string =>
  [
    `  ${name}:`,
    '    test: true',
    `    idp: { issuer: '${idp.issuer}', clientId: '${idp.clientId}', scopes: [openid, profile, email, groups, offline_access] }`,
    ...more,
    '    workspaces:',
    ...Object.entries(hosts).map(([each, host]) => `      - { name: ${each}, host: '${host}' }`),
  ].join('\n');

async function signIn(name: string, at: Idp): Promise<void> {
  await at.enrol('alice', product.key);
  const login = product.start(['login', '--json', '--profile', name]);
  const outcome = ended(login);
  const next = await product.browse(await printedUrl(login), { key: product.key, username: 'alice' });
  const { code, stdout, stderr } = await outcome;
  if (code !== 0) throw new Error(`${stdout}${stderr}`);
  // The partner's person has no key here yet, and the policy of the machine is the first one's.
  if (next !== null && at === product.idp) await product.settleIn(next);
}

const grant = async (...args: string[]) => (await product.json('env', ...args, '-s', 'sql'))['env'] as Awaited<ReturnType<Product['env']>>;
const actors = ({ requests }: Workspace) =>
  requests.filter(({ grantType, status }) => grantType !== undefined && status === 200).map(({ subject }) => subject);

beforeAll(async () => {
  partner = await startIdp();
  own = await startWorkspace({ users: [], policies: [] });
  product = await startProduct({
    config: ({ idp, workspaces: [first] }) =>
      [
        'version: 1',
        'profiles:',
        profile('acme', idp, { main: first?.host ?? '' }),
        profile('partner', partner, { main: own.host, both: first?.host ?? '' }, [
          `    federation: { servicePrincipals: [{ group: data-science, clientId: ${analysts} }] }`,
        ]),
        '',
      ].join('\n'),
  });
  shared = product.workspace;
  const { subject } = partner.user('alice');
  const acme = { issuer: product.idp.issuer, audiences: [product.idp.clientId], subjectClaim: 'email' };
  const ofPartner = { issuer: partner.issuer, audiences: [partner.clientId], servicePrincipal: analysts, subject };
  shared.setPolicies([acme, ofPartner]);
  own.setPolicies([ofPartner]);
  for (const workspace of [shared, own]) workspace.servicePrincipals.set({ clientId: analysts });
  call = await prepareCallers(product);
  await signIn('acme', product.idp);
  await signIn('partner', partner);
});
afterAll(async () => {
  await product.close();
  await Promise.all([partner.close(), own.close()]);
});

describe('two companies on one machine', { timeout: 60_000 }, () => {
  it('are two people, although their providers call both the same', async () => {
    const { profiles } = (await product.json('status')) as {
      profiles: { name: string; session: { identity: { subject: string; issuer: string } } }[];
    };
    const [one, other] = profiles.map(({ session }) => session.identity);
    expect(one?.subject).toBe(other?.subject);
    expect(one?.issuer).not.toBe(other?.issuer);
  });

  it('get tokens of their own at a workspace that both name, each as whom its profile says', async () => {
    const [ofAcme, ofPartner] = [await grant('--profile', 'acme'), await grant('--profile', 'partner', '-w', 'both')];
    expect(ofAcme.DATABRICKS_HOST).toBe(ofPartner.DATABRICKS_HOST);
    for (const each of [ofAcme, ofPartner]) expect(await askOnce(call, each)).toMatchObject({ answers: { '200': 1 } });
    expect(actors(shared)).toEqual(['alice@example.com', analysts]);
    const { records } = (await product.json('audit', 'tail')) as { records: Record<string, unknown>[] };
    const minted = records.filter(({ type }) => type === 'token.minted');
    expect(minted.map(({ profile: name, actsAs }) => [name, actsAs])).toEqual([
      ['acme', undefined],
      ['partner', analysts],
    ]);
  });

  it('have no way to the other’s workspace: not by name, not by host, not through a grant of the other', async () => {
    for (const name of ['both', own.host])
      expect((await product.lakepass(['env', '--profile', 'acme', '-w', name, '-s', 'sql'])).stderr, name).toContain('WORKSPACE_UNKNOWN');
    const ofAcme = await grant('--profile', 'acme');
    const before = own.requests.length;
    expect(JSON.stringify(await askOnce(call, { ...ofAcme, DATABRICKS_HOST: own.host }))).toContain('WORKSPACE_MISMATCH');
    expect(own.requests.length).toBe(before);
  });

  it('end apart: the sign-out of one leaves the other its session, grants and tokens', async () => {
    const ofAcme = await grant('--profile', 'acme');
    const ofPartner = await grant('--profile', 'partner', '-w', 'main');
    await product.json('logout', '--profile', 'partner');
    expect(await askOnce(call, ofAcme)).toMatchObject({ answers: { '200': 1 } });
    expect(JSON.stringify(await askOnce(call, ofPartner))).toContain('GRANT_REVOKED');
    const { grants } = (await product.json('grants')) as { grants: { profile: string; state: string }[] };
    const live = grants.filter(({ state }) => state === 'live').map(({ profile: name }) => name);
    expect(new Set(live)).toEqual(new Set(['acme']));
    const { profiles } = (await product.json('status')) as { profiles: { name: string; session: { phase: string } }[] };
    expect(profiles.map(({ session }) => session.phase)).toEqual(['signed-in', 'signed-out']);
  });
});
