/**
 * A real identity provider: Keycloak in its own process, set up as a company would, signed in to with Chromium and a security key that is a
 * virtual authenticator. What the simulated providers assume about it is checked here against itself.
 */
import type { Page } from '@playwright/test';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { statusViewSchema } from '../../preload/contract/control.ts';
import { enrolFirstKey, openBrowser, type Person, touchKey, type UsersBrowser } from '../e2e/person.ts';
import { ended, type Product, printedUrl, startProduct } from '../product/product.ts';
import { clientId, type RealmUser, realmOf } from './realm.ts';
import { type Keycloak, startKeycloak } from './server.ts';

const alice: RealmUser = { username: 'alice', email: 'alice@example.com', password: 'alice has one', groups: ['data-science'] };
const bob: RealmUser = { username: 'bob', email: 'bob@example.com', password: 'bob has one', groups: [] };

const policy = `version: 1
id: levels
revision: 1
identities:
  - match: { group: /data-science }
    roles: [scientist]
roles:
  scientist:
    grants:
      - { id: queries, workspaces: ["*"], scopes: [sql], approval: none }
      - { id: models, workspaces: ["*"], scopes: [ml], approval: none, stepUp: { acr: [phr], maxAge: 10 min } }
`;

let keycloak: Keycloak;
let product: Product;
let users: UsersBrowser;
let person: Person;

/** Three ways to the same realm: as every day, as strictly as can be, and with a level that the realm does not have. */
const config = (host: string): string => {
  const profile = (name: string, assurance: string) => [
    `  ${name}:`,
    '    test: true',
    `    idp: { preset: keycloak, issuer: '${keycloak.issuer}', clientId: ${clientId} }`,
    `    assurance: { ${assurance} }`,
    '    limits: { minTokenLife: 10 s }',
    '    workspaces:',
    `      - { name: main, host: '${host}' }`,
  ];
  const everyday = 'acrValues: [silver], minimum: unknown, phrAmr: [hwk]';
  return [
    'version: 1',
    'profiles:',
    ...profile('acme', everyday),
    ...profile('strict', 'phrAmr: [hwk]'),
    ...profile('golden', 'acrValues: [gold], phrAcr: [gold]'),
    '',
  ].join('\n');
};

beforeAll(async () => {
  keycloak = await startKeycloak(realmOf({ users: [alice, bob], idTokenSeconds: 60 }));
  const policies = [{ issuer: keycloak.issuer, audiences: [clientId], subjectClaim: 'email' }];
  product = await startProduct({ policy, policies, config: ({ workspaces: [workspace] }) => config(workspace?.host ?? '') });
  users = await openBrowser(product);
  person = await users.person();
  // Keycloak asks for the name of a key in a box of the browser.
  person.page.on('dialog', (dialog) => void dialog.accept('Blue'));
}, 600_000);
afterAll(async () => {
  await users?.close();
  await product?.close();
  await keycloak?.close();
});

function begin(...verb: string[]) {
  const started = product.start([...verb, '--json']);
  return { started, outcome: ended(started).then(({ code, stdout }) => ({ code, said: JSON.parse(stdout) })) };
}
async function beginLogin(...args: string[]) {
  const { started, outcome } = begin('login', ...args);
  return { url: await printedUrl(started), outcome };
}
async function givePassword(page: Page, { username, password }: RealmUser): Promise<void> {
  // Whom the browser remembers is only asked for the password again.
  await page.locator('#password').waitFor();
  if (await page.locator('#username').isVisible()) await page.locator('#username').fill(username);
  await page.locator('#password').fill(password);
  await page.locator('#kc-login').click();
}
const useKey = (page: Page) => page.locator('#authenticateWebAuthnButton').click();
const sessionOf = async (profile: string) =>
  statusViewSchema.parse(await product.json('status')).profiles.find(({ name }) => name === profile)?.session;
const grantFor = (profile: string, scope: string) => product.lakepass(['env', '--json', '--profile', profile, '--scope', scope]);

async function whoAmI(env: Record<string, string>): Promise<string> {
  const answer = await product.run('curl', [
    ...['-q', '-sS', '-H', 'X-Databricks-Metadata-Version: 1', '-H', `X-Databricks-Host: ${env['DATABRICKS_HOST']}`],
    env['DATABRICKS_METADATA_SERVICE_URL'] ?? '',
  ]);
  const { access_token: token } = JSON.parse(answer.stdout) as { access_token: string };
  const me = await fetch(`${env['DATABRICKS_HOST']}/api/2.0/preview/scim/v2/Me`, { headers: { Authorization: `Bearer ${token}` } });
  return ((await me.json()) as { userName: string }).userName;
}

describe('a company with Keycloak', () => {
  it('says when people cancel the registration of a key, and nothing where they take it out of the address', async () => {
    const { page } = person;
    const cancelled = begin('keys', 'register', '--profile', 'strict');
    await page.goto((await printedUrl(cancelled.started)).href);
    await givePassword(page, alice);
    await page.locator('#cancelWebAuthnAIA').click();
    expect((await cancelled.outcome).said.failure).toMatchObject({ code: 'KEY_NOT_REGISTERED', reason: 'cancelled' });
    const stripped = begin('keys', 'register', '--profile', 'strict');
    const proving = printedUrl(stripped.started, 1);
    const url = await printedUrl(stripped.started);
    url.searchParams.delete('kc_action');
    await page.goto(url.href);
    await proving;
    await product.json('login', '--cancel', '--profile', 'strict');
    expect((await stripped.outcome).said.failure.code).toBe('LOGIN_CANCELLED');
    expect(await sessionOf('strict')).toMatchObject({ phase: 'signed-out', identity: null });
  });

  it('has people register their first key at a lower level, by kc_action, proves it, and lets them enrol it with Lakepass', async () => {
    const { started, outcome } = begin('keys', 'register', '--profile', 'strict');
    const [registering, proving] = [printedUrl(started), printedUrl(started, 1)];
    const url = await registering;
    expect(url.searchParams.get('kc_action')).toBe('webauthn-register');
    expect(url.searchParams.has('claims')).toBe(false);
    const { page } = person;
    await page.goto(url.href);
    await page.locator('#registerWebAuthn').click();
    await page.getByRole('heading', { name: 'Back to Lakepass' }).waitFor();
    const proof = await proving;
    expect(proof.searchParams.get('prompt')).toBe('login');
    // What the provider said of it has signed nobody in.
    expect(await sessionOf('strict')).toMatchObject({ phase: 'signing-in', identity: null });
    await page.goto(proof.href);
    await givePassword(page, alice);
    await useKey(page);
    await enrolFirstKey(person, 'Blue');
    expect((await outcome).said).toMatchObject({ how: 'action', said: 'success', verified: true, assurance: { level: 'phr' } });
    expect(await sessionOf('strict')).toMatchObject({
      identity: { username: 'alice@example.com', groups: ['/data-science'] },
      assurance: { level: 'phr', acr: 'phr' },
    });
    // The policy of the person's own waits for a tap.
    await page.getByRole('dialog').getByRole('button', { name: 'Approve with a key' }).click();
    await touchKey(person);
  });

  it('signs people in at the level that was asked for, and no higher', async () => {
    const { url, outcome } = await beginLogin('--profile', 'acme');
    // The browser is remembered at this level.
    await person.page.goto(url.href);
    const { said } = await outcome;
    expect(said.session).toMatchObject({ phase: 'signed-in', assurance: { level: 'unknown', acr: 'silver' } });
  });

  it('gives tokens that the workspace takes in exchange', async () => {
    const made = await grantFor('acme', 'sql');
    expect(made.code, made.stdout).toBe(0);
    expect(await whoAmI(JSON.parse(made.stdout).env)).toBe('alice@example.com');
  });

  it('steps up with the key where policy asks for it', async () => {
    const refused = await grantFor('acme', 'ml');
    expect(JSON.parse(refused.stdout)).toMatchObject({ failure: { code: 'STEP_UP_NEEDED' } });
    const { url, outcome } = await beginLogin('--profile', 'acme', '--step-up');
    expect(JSON.parse(url.searchParams.get('claims') ?? '')).toEqual({ id_token: { acr: { essential: true, values: ['phr'] } } });
    await person.page.goto(url.href);
    // The password that the level of the key stands on is remembered; the key never is.
    await useKey(person.page);
    const { said } = await outcome;
    expect(said.session).toMatchObject({ assurance: { level: 'phr', acr: 'phr', amr: expect.arrayContaining(['hwk']) } });
    const made = await grantFor('acme', 'ml');
    expect(made.code, made.stdout).toBe(0);
    expect(await whoAmI(JSON.parse(made.stdout).env)).toBe('alice@example.com');
  });

  it('is asked for a new token while the session goes on, and its refresh tokens are used once each', async () => {
    const before = (await sessionOf('acme'))?.renewedAt;
    await expect.poll(async () => (await sessionOf('acme'))?.renewedAt, { timeout: 90_000, interval: 2000 }).not.toBe(before);
    const renewed = (await sessionOf('acme'))?.renewedAt;
    await expect.poll(async () => (await sessionOf('acme'))?.renewedAt, { timeout: 90_000, interval: 2000 }).not.toBe(renewed);
    // The assurance is that of the sign-in, whatever refreshed tokens say.
    expect(await sessionOf('acme')).toMatchObject({ phase: 'signed-in', assurance: { level: 'phr', acr: 'phr' } });
  });

  it('says on a page of its own that it has no such level, and the sign-in waits until it is given up', async () => {
    const { url, outcome } = await beginLogin('--profile', 'golden');
    await person.page.goto(url.href);
    await person.page.getByText('Invalid parameter: claims').waitFor();
    await product.json('login', '--cancel', '--profile', 'golden');
    expect((await outcome).said.failure.code).toBe('LOGIN_CANCELLED');
  });

  it('takes its tokens back when people sign out', async () => {
    const { stdout } = await product.lakepass(['logout', '--json', '--profile', 'acme']);
    expect(JSON.parse(stdout)).toMatchObject({ reports: [{ profile: 'acme', sessionEnded: true, refreshToken: 'revoked' }] });
  });
});
