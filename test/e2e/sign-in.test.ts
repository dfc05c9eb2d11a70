/** The sign-in as a person has it: the built product, its own user, a real Chromium and a key that is a virtual authenticator. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { statusViewSchema } from '../../preload/contract/control.ts';
import { createSoftwareKey } from '../fixtures/software-key/software-key.ts';
import { type Product, startProduct } from '../product/product.ts';
import {
  beginLogin,
  enrolFirstKey,
  lastPage,
  openBrowser,
  type Person,
  photograph,
  registerKey,
  signIn,
  type UsersBrowser,
  useKey,
} from './person.ts';

let product: Product;
let users: UsersBrowser;
let person: Person;

beforeAll(async () => {
  product = await startProduct();
  // She has a tap key, so that her sign-ins end on the page that says so.
  await product.signIn('alice');
  await product.lakepass(['logout']);
  users = await openBrowser(product);
});
afterAll(async () => {
  await users?.close();
  await product?.close();
});
beforeEach(async () => {
  person = await users.person();
});
afterEach(async () => {
  await person.context.close();
  await product.lakepass(['logout']);
  product.idp.faults.clear();
});

const session = async () => statusViewSchema.parse(await product.json('status')).profiles[0]?.session;
const redemptions = () => product.idp.requestsTo('token').filter(({ grantType }) => grantType === 'authorization_code').length;

describe('a person with a key', () => {
  it('registers it, signs in with it, and is told so in the tab and on the command line', async () => {
    await registerKey(person, product.idp, 'alice');
    const { page } = person;
    const complaints: { url: string; text: string }[] = [];
    page.on('console', (message) => complaints.push({ url: message.location().url, text: message.text() }));
    const login = await signIn(product, person, 'alice');
    const { code, said } = await login.outcome;
    expect(code).toBe(0);
    expect(said.session).toMatchObject({
      phase: 'signed-in',
      identity: { username: 'alice@example.com' },
      assurance: { level: 'phr', acr: 'phr', amr: expect.arrayContaining(['hwk']) },
    });
    await page.getByText('You can close this tab and go back to your work.').waitFor();
    expect(await page.title()).toBe('You are signed in · Lakepass');
    expect(await page.evaluate('document.documentElement.lang + document.scripts.length')).toBe('en0');
    // The style is let in by its hash alone; without it the page would be bare.
    expect(await page.evaluate('getComputedStyle(document.body).display')).toBe('grid');
    expect(complaints.filter(({ url }) => !url.startsWith(product.idp.issuer))).toEqual([]);
    await photograph(page, 'signed-in');
  });

  it('is led on from the first sign-in to enrol a tap key, in that tab alone, and from there to the UI', async () => {
    await registerKey(person, product.idp, 'bob');
    const login = await signIn(product, person, 'bob');
    expect((await login.outcome).said.session).toMatchObject({ phase: 'signed-in', identity: { username: 'bob@example.com' } });
    const { page } = person;
    expect(page.url()).toMatch(/^http:\/\/lakepass\.localhost:\d+\/$/);
    await photograph(page, 'first-key');
    const copied = await person.context.newPage();
    await copied.goto(page.url());
    await copied.getByRole('heading', { name: 'This page needs a fresh link' }).waitFor();
    await copied.close();
    await enrolFirstKey(person, 'Blue one');
    expect(page.url()).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    await page.getByRole('button', { name: 'Keys' }).click();
    await page.getByRole('heading', { name: 'Blue one' }).waitFor();
    await page.getByText('model unproven').first().waitFor();
    expect(statusViewSchema.parse(await product.json('status')).tapKeys.map(({ name }) => name)).toContain('Blue one');
  });
});

describe('nobody is signed in', () => {
  const alert = () => person.page.getByRole('alert').filter({ hasText: /\S/ });

  /** The provider has shown its alert; the sign-in goes on waiting until the person gives up. */
  async function expectNothingButAnAlert(begun: Awaited<ReturnType<typeof beginLogin>>, text: RegExp): Promise<void> {
    const redeemed = redemptions();
    await useKey(person, 'alice');
    await alert().waitFor();
    expect(await alert().innerText()).toMatch(text);
    expect(await session()).toMatchObject({ phase: 'signing-in', identity: null });
    await person.page.getByRole('link', { name: 'Cancel' }).click();
    expect((await begun.outcome).said.failure).toMatchObject({ code: 'LOGIN_REFUSED', reason: 'access_denied' });
    expect(redemptions()).toBe(redeemed);
  }

  it('by a key that the provider does not know', async () => {
    await product.idp.enrol('alice', createSoftwareKey());
    await registerKey(person, product.idp, 'bob');
    const begun = await beginLogin(product);
    await person.page.goto(begun.url.href);
    await expectNothingButAnAlert(begun, /not the right one/);
  });

  it("by a key that gives itself out for alice's and is another", async () => {
    await registerKey(person, product.idp, 'alice');
    const { cdp, authenticatorId } = person;
    const { credentials } = await cdp.send('WebAuthn.getCredentials', { authenticatorId });
    const { privateKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign']);
    const forged = Buffer.from(await crypto.subtle.exportKey('pkcs8', privateKey)).toString('base64');
    const [genuine] = credentials;
    if (genuine === undefined) throw new Error('the key holds no credential');
    await cdp.send('WebAuthn.removeCredential', { authenticatorId, credentialId: genuine.credentialId });
    await cdp.send('WebAuthn.addCredential', { authenticatorId, credential: { ...genuine, privateKey: forged } });
    const begun = await beginLogin(product);
    await person.page.goto(begun.url.href);
    await expectNothingButAnAlert(begun, /./);
  });

  it('by a key whose user it cannot verify, and then is by the same key with its PIN', async () => {
    await registerKey(person, product.idp, 'alice');
    const { cdp, authenticatorId } = person;
    await cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false });
    const begun = await beginLogin(product);
    await person.page.goto(begun.url.href);
    await useKey(person, 'alice');
    await alert().waitFor();
    expect(await session()).toMatchObject({ phase: 'signing-in', identity: null });
    await cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: true });
    await useKey(person, 'alice');
    expect(await lastPage(person, begun)).toBe('You are signed in.');
    expect((await begun.outcome).said.session?.phase).toBe('signed-in');
  });

  it('who cancels on the page, which then says so', async () => {
    const begun = await beginLogin(product);
    await person.page.goto(begun.url.href);
    await person.page.getByRole('link', { name: 'Cancel' }).click();
    expect(await lastPage(person, begun)).toBe('The sign-in did not succeed.');
    const { code, said } = await begun.outcome;
    expect({ code, failure: said.failure }).toMatchObject({ code: 5, failure: { code: 'LOGIN_REFUSED', reason: 'access_denied' } });
    await photograph(person.page, 'refused');
  });

  it('by a password, although the provider is content with it, and the page does not claim it', async () => {
    const begun = await beginLogin(product);
    await person.page.goto(begun.url.href);
    await person.page.getByLabel('User name or e-mail').fill('carol');
    await person.page.getByText('Use a password instead').click();
    await person.page.getByLabel('Password', { exact: true }).fill('password of carol');
    await person.page.getByRole('button', { name: 'Sign in with password' }).click();
    expect(await lastPage(person, begun)).toBe('The sign-in did not succeed.');
    expect((await begun.outcome).said.failure?.code).toBe('ASSURANCE_TOO_LOW');
    expect(await session()).toMatchObject({ phase: 'signed-out' });
  });

  it('who comes back after the time is up', async () => {
    const impatient = await startProduct({ limits: ['loginTimeout: 1 s'] });
    try {
      await registerKey(person, impatient.idp, 'alice');
      const begun = await beginLogin(impatient);
      const { code, said } = await begun.outcome;
      expect({ code, failure: said.failure?.code }).toEqual({ code: 1, failure: 'LOGIN_TIMED_OUT' });
      const late = person.page.waitForEvent('requestfailed', (request) => request.url().startsWith(`${begun.callback.href}?code=`));
      await person.page.goto(begun.url.href);
      await useKey(person, 'alice');
      expect((await late).failure()?.errorText).toBe('net::ERR_CONNECTION_REFUSED');
      expect(impatient.idp.requestsTo('token')).toEqual([]);
      expect(await impatient.json('status')).toMatchObject({ profiles: [{ session: { phase: 'signed-out' } }] });
    } finally {
      await impatient.close();
    }
  });
});

describe('a second tab', () => {
  it('that replays the callback gets nothing, neither while the first is being served nor afterwards', async () => {
    await registerKey(person, product.idp, 'alice');
    const redeemed = redemptions();
    // The provider takes its time over the code: the door is still open, and its last page will not wait for the outcome.
    product.idp.faults.set('token', { latencyMs: 3000, times: 1 });
    const begun = await beginLogin(product);
    const { page, context } = person;
    // Opened beforehand: the door stays open for no more than the two seconds that the last page waits.
    const second = await context.newPage();
    await page.bringToFront();
    await page.goto(begun.url.href);
    // The address is taken from the provider's redirect: of its own navigation Chromium may tell only at the end.
    let callback = '';
    await page.route(`${product.idp.issuer}/auth/*`, async (route) => {
      const response = await route.fetch({ maxRedirects: 0 });
      callback = response.headers()['location'] ?? '';
      await route.fulfill({ response });
    });
    const asked = product.idp.requestsTo('token').length;
    await useKey(person, 'alice');
    await expect.poll(() => product.idp.requestsTo('token').length).toBe(asked + 1);
    const replayed = await second.goto(callback);
    expect(replayed?.status()).toBe(404);
    expect(await second.getByRole('heading').innerText()).toBe('Back to Lakepass');
    expect(await lastPage(person, begun)).toBe('Back to Lakepass');
    await photograph(page, 'still-unknown');
    expect((await begun.outcome).said.session?.phase).toBe('signed-in');
    await expect(second.goto(callback)).rejects.toThrow('ERR_CONNECTION_REFUSED');
    expect(redemptions()).toBe(redeemed + 1);
    expect(await session()).toMatchObject({ phase: 'signed-in' });
  });
});

describe('a second person at the same profile', () => {
  const ask = async ({ DATABRICKS_METADATA_SERVICE_URL: url, DATABRICKS_HOST: host }: Awaited<ReturnType<Product['env']>>) => {
    const headers = ['-H', 'x-databricks-metadata-version: 1', '-H', `x-databricks-host: ${host}`];
    return JSON.parse((await product.run('curl', ['-s', ...headers, url])).stdout) as { access_token?: string; error?: string };
  };
  const subjectOf = ({ access_token = '' }) => JSON.parse(Buffer.from(access_token.split('.')[1] ?? '', 'base64url').toString()).sub;

  it("is never served through the first one's grant", async () => {
    await registerKey(person, product.idp, 'alice');
    await (await signIn(product, person, 'alice')).outcome;
    const grantOfAlice = await product.env('sql');
    expect(subjectOf(await ask(grantOfAlice))).toBe('alice@example.com');
    const other = await users.person();
    await registerKey(other, product.idp, 'bob');
    const { said } = await (await signIn(product, other, 'bob')).outcome;
    await other.context.close();
    expect(said.session?.identity.username).toBe('bob@example.com');
    const before = product.workspace.requests.length;
    const refused = await ask(grantOfAlice);
    expect(Object.keys(refused)).not.toContain('access_token');
    expect(refused.error).toMatch(/^GRANT_(REVOKED|OTHER_PERSON)$/);
    expect(product.workspace.requests).toHaveLength(before);
    expect(subjectOf(await ask(await product.env('sql')))).toBe('bob@example.com');
  });
});
