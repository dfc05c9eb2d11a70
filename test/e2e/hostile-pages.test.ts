/**
 * Hostile pages in the person's own browser, against the built product. They are as strong as a page can be: they know every port, and
 * the whole URL of a living grant; and their site resolves to 127.0.0.1, so that no rule of Chromium's about local networks helps us.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from '@playwright/test';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { statusViewSchema } from '../../preload/contract/control.ts';
import { type Product, startProduct } from '../product/product.ts';
import { beginLogin, lastPage, openBrowser, type Person, registerKey, signIn, type UsersBrowser, useKey } from './person.ts';

let product: Product;
let users: UsersBrowser;
let person: Person;
let evil: Page;
/** The attacker's own server: what it was asked shows that its pages ran. */
let site: Server;
let visits: string[] = [];

beforeAll(async () => {
  site = createServer((request, response) => {
    visits.push(request.url ?? '');
    response.setHeader('content-type', 'text/html');
    response.end('<!doctype html><title>evil</title><link rel="icon" href="data:,"><body>');
  });
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
  product = await startProduct();
  // She has a tap key, so that her sign-ins end on the page that says so.
  await product.signIn('alice');
  await product.lakepass(['logout']);
  users = await openBrowser(product, { names: ['evil.test', 'rebound.test'] });
  person = await users.person();
  await registerKey(person, product.idp, 'alice');
});
afterAll(async () => {
  await users?.close();
  site?.closeAllConnections();
  site?.close();
  await product?.close();
});

const evilSite = (path = '/') => `http://evil.test:${(site.address() as AddressInfo).port}${path}`;
/** Runs a script in the hostile page, with URL as its target. */
const inPage = (script: string, url: string): Promise<unknown> => evil.evaluate(`(async (URL) => { ${script} })(${JSON.stringify(url)})`);

/** Whatever a page can send without leaving itself. Each attempt waits for its end, then tells the attacker's own site. */
const fromWithin = `
  const settled = (element) => new Promise((done) => {
    element.onload = element.onerror = done;
    setTimeout(done, 2000);
    document.body.append(element);
  });
  const read = (promise) => promise.then((response) => response.text(), (error) => error.name);
  const seen = [
    await read(fetch(URL, { mode: 'no-cors', credentials: 'include' })),
    await read(fetch(URL, { headers: { 'X-Databricks-Metadata-Version': '1', 'X-Databricks-Host': HOST } })),
    await read(fetch(URL, { method: 'POST', mode: 'no-cors', body: 'x' })),
  ];
  await settled(Object.assign(new Image(), { src: URL }));
  await settled(Object.assign(document.createElement('iframe'), { src: URL }));
  await settled(Object.assign(document.createElement('script'), { src: URL }));
  const frame = Object.assign(document.createElement('iframe'), { name: 'sink' });
  document.body.append(frame);
  const form = Object.assign(document.createElement('form'), { method: 'POST', action: URL, target: 'sink', enctype: 'text/plain' });
  document.body.append(form);
  const posted = new Promise((done) => { frame.onload = done; setTimeout(done, 2000); });
  form.submit();
  await posted;
  await fetch('/ran');
  return seen;`;

const auditRecords = async () => (await product.json('audit', '--limit', '500'))['records'] as { type: string; [field: string]: unknown }[];
const count = (records: readonly { type: string }[], type: string) => records.filter((record) => record.type === type).length;

beforeEach(async () => {
  visits = [];
  // The answers' own policy would keep scripts in them from fetching anything; the rest must hold without it.
  evil = await (await users.browser.newContext({ bypassCSP: true })).newPage();
});

describe('a hostile page at the callback', () => {
  it('does not end the wait with a wrong state, whichever way it knocks', async () => {
    const begun = await beginLogin(product);
    const { callback } = begun;
    await evil.goto(evilSite());
    const foreign = `${callback.href}?code=evil&state=${'x'.repeat(43)}&iss=${encodeURIComponent(product.idp.issuer)}`;
    expect(await inPage(`const HOST = ''; ${fromWithin}`, foreign)).toEqual(['TypeError', 'TypeError', 'TypeError']);
    expect(visits).toContain('/ran');
    for (const answer of [foreign, `${callback.href}?error=access_denied&state=x`, callback.href]) {
      await evil.goto(evilSite());
      await inPage('setTimeout(() => location.assign(URL), 0);', answer);
      await evil.waitForURL(answer);
      expect(await evil.getByRole('heading').innerText()).toBe('Back to Lakepass');
    }
    await evil.goto(`http://rebound.test:${callback.port}/callback?state=${begun.state}&code=evil`);
    expect(statusViewSchema.parse(await product.json('status')).profiles[0]?.session).toMatchObject({ phase: 'signing-in' });
    await person.page.goto(begun.url.href);
    await useKey(person, 'alice');
    expect(await lastPage(person, begun)).toBe('You are signed in.');
    expect((await begun.outcome).said.session?.phase).toBe('signed-in');
    const refusals = (await auditRecords()).filter((record) => record.type === 'door.refused' && record['door'] === 'callback');
    const reasons = new Set(refusals.map((record) => `${record['code']} ${record['reason']}`));
    expect([...reasons].sort()).toEqual(
      expect.arrayContaining([
        'BROWSER_REFUSED fetch-metadata',
        'BROWSER_REFUSED origin',
        'HOST_REFUSED host',
        'LOGIN_RESPONSE_INVALID state',
      ]),
    );
  });
});

describe('a hostile page that knows the URL of a living grant', () => {
  it('gets nothing and has nothing minted', async () => {
    const status = statusViewSchema.parse(await product.json('status'));
    if (status.profiles[0]?.session.phase !== 'signed-in') await (await signIn(product, person, 'alice')).outcome;
    const { DATABRICKS_METADATA_SERVICE_URL: url, DATABRICKS_HOST: host } = await product.env('sql');
    const { port, pathname } = new URL(url);
    const asked = product.workspace.requests.length;
    const recorded = await auditRecords();
    const seen: unknown[] = [];
    const sdk = JSON.stringify({ headers: { 'X-Databricks-Metadata-Version': '1', 'X-Databricks-Host': host } });
    const readOwnOrigin = `return (await fetch(URL, ${sdk})).text();`;

    await evil.goto(evilSite());
    const fetched = await inPage(`const HOST = ${JSON.stringify(host)}; ${fromWithin}`, url);
    expect(fetched).toEqual(['TypeError', 'TypeError', 'TypeError']);
    expect(visits).toContain('/ran');
    await inPage('setTimeout(() => location.assign(URL), 0);', url);
    await evil.waitForURL(url);
    seen.push(await evil.content());
    // A script that runs in the door's own origin, which no page has: the headers are then under its control.
    seen.push(await inPage(readOwnOrigin, pathname));
    // A name that has been rebound: for Chromium page and door are one origin, and the page may read and send what it likes.
    await evil.goto(`http://rebound.test:${port}/`);
    seen.push(await evil.content(), await inPage(readOwnOrigin, pathname));

    expect(seen.map((text) => /[A-Z]+_[A-Z]+/.exec(String(text))?.[0])).toEqual([
      'BROWSER_REFUSED',
      'BROWSER_REFUSED',
      'HOST_REFUSED',
      'HOST_REFUSED',
    ]);
    expect(JSON.stringify(seen)).not.toMatch(/access_token|eyJ/);
    expect(product.workspace.requests).toHaveLength(asked);
    const now = await auditRecords();
    for (const type of ['token.minted', 'token.served', 'token.served-again']) expect(count(now, type)).toBe(count(recorded, type));
    expect(now.some((record) => record.type === 'door.refused' && record['door'] === 'broker')).toBe(true);

    // The grant was good for a token all the while, to a program of its user.
    const headers = ['-H', 'x-databricks-metadata-version: 1', '-H', `x-databricks-host: ${host}`];
    expect(JSON.parse((await product.run('curl', ['-s', ...headers, url])).stdout)).toHaveProperty('access_token');
    expect(product.workspace.requests.length).toBeGreaterThan(asked);
    expect(count(await auditRecords(), 'token.minted')).toBe(count(recorded, 'token.minted') + 1);
  });
});
