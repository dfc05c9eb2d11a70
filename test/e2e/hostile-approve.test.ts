/**
 * Hostile pages in the browser of a person who is being asked, against the built product. They know the port of the pages, the request and
 * even the bearer of the page that shows it. What they must not be able to do is answer, or open the page on which a key is touched.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type StatusView, statusViewSchema } from '../../preload/contract/control.ts';
import { type Product, startProduct } from '../product/product.ts';
import { type Kernel, startKernel, whoAmI } from './kernel.ts';
import { approveByTap, enrolFirstKey, openBrowser, type Person, registerKey, signIn, type UsersBrowser } from './person.ts';

let product: Product;
let users: UsersBrowser;
let alice: Person;
let kernel: Kernel;
let site: Server;
/** What the pages are told of the page that asks: its door, its bearer, the request. */
let known: { port: string; bearer: string; ask: string };

beforeAll(async () => {
  site = createServer((_, response) => {
    response.setHeader('content-type', 'text/html');
    response.end('<!doctype html><title>evil</title><link rel="icon" href="data:,"><body>');
  });
  await new Promise<void>((listening) => site.listen(0, '127.0.0.1', listening));
  product = await startProduct({ policy: null });
  users = await openBrowser(product, { engineOnly: true, names: ['evil.test', 'rebound.test'] });
  alice = await users.person();
  await registerKey(alice, product.idp, 'alice');
  let bearer = '';
  alice.page.on('request', (request) => {
    if (request.url().endsWith('/v1/state')) bearer = request.headers()['authorization'] ?? bearer;
  });
  await (await signIn(product, alice, 'alice')).outcome;
  await enrolFirstKey(alice, 'Blue one');
  const { words, env } = product.command;
  kernel = await startKernel(product, { folder: 'lab', under: [...words, 'run', '--scope', 'sql', '--'], env });
  await alice.page.getByRole('dialog').getByRole('button', { name: 'Approve with a key' }).and(alice.page.locator(':enabled')).waitFor();
  known = { port: new URL(alice.page.url()).port, bearer, ask: (await asks())[0]?.id ?? '' };
});
afterAll(async () => {
  await kernel?.end();
  await users?.close();
  site?.closeAllConnections();
  site?.close();
  await product?.close();
});

const asks = async (): Promise<StatusView['queue']['asks']> => statusViewSchema.parse(await product.json('status')).queue.asks;
const sitePort = () => (site.address() as AddressInfo).port;
const records = async () => (await product.json('audit', '--limit', '1000'))['records'] as { type: string; [field: string]: unknown }[];
/** What the door of the pages has refused, by code and reason. */
const refusals = async () => {
  const refused = (await records()).filter(({ type, door }) => type === 'door.refused' && door === 'pages');
  return [...new Set(refused.map(({ code, reason }) => `${code} ${reason}`))];
};
const answered = async () => (await records()).filter(({ type }) => type === 'consent.answered').length;

/** Every way in which a page can send something; what it could read of the answers comes back. */
const attempts = `(async ({ port, bearer, ask, host }) => {
  const door = 'http://' + host + ':' + port;
  const tries = [
    ['/v1/answer', { verdict: 'approved', ask, span: 'grant' }],
    ['/v1/answer', { verdict: 'denied', ask, reach: 'always' }],
    ['/v1/ceremony/begin', { kind: 'tap', ask, span: 'grant' }],
    ['/v1/ceremony/begin', { kind: 'enrol' }],
    ['/v1/lock', {}],
    ['/v1/snooze', { minutes: 480 }],
  ];
  const read = (promise) => promise.then((response) => response.text(), (error) => error.name);
  const seen = [];
  for (const [path, value] of tries) {
    const body = JSON.stringify(value);
    seen.push(await read(fetch(door + path, { method: 'POST', body, headers: { 'content-type': 'application/json', authorization: bearer } })));
    seen.push(await read(fetch(door + path, { method: 'POST', body, mode: 'no-cors', credentials: 'include' })));
    navigator.sendBeacon(door + path, new Blob([body], { type: 'text/plain' }));
    const frame = Object.assign(document.createElement('iframe'), { name: 'sink' });
    const form = Object.assign(document.createElement('form'), { method: 'POST', action: door + path, target: 'sink', enctype: 'text/plain' });
    form.append(Object.assign(document.createElement('input'), { name: body.slice(0, -1) + ',"x":"', value: '"}' }));
    document.body.append(frame, form);
    const over = new Promise((done) => { frame.onload = done; setTimeout(done, 1000); });
    form.submit();
    await over;
    frame.remove();
    form.remove();
  }
  return seen;
})`;

describe('while a person is asked', () => {
  it.each([
    ['evil.test', '127.0.0.1'],
    ['evil.test', 'lakepass.localhost'],
    ['localhost', '127.0.0.1'],
    ['lakepass.localhost', 'lakepass.localhost'],
  ])('a page at %s answers nothing and opens nothing at %s', async (name, host) => {
    const evil = await (await users.browser.newContext({ bypassCSP: true })).newPage();
    await evil.goto(`http://${name}:${sitePort()}/`);
    const seen = (await evil.evaluate(`${attempts}(${JSON.stringify({ ...known, host })})`)) as string[];
    await evil.context().close();
    // What an opaque answer gives to read is empty.
    expect(seen.filter((text) => text !== '' && text !== 'TypeError')).toEqual([]);
    expect((await asks()).map(({ id }) => id)).toEqual([known.ask]);
    expect(statusViewSchema.parse(await product.json('status')).lock.state).toBe('open');
  });

  it('a name that was rebound is refused by its name', async () => {
    const evil = await (await users.browser.newContext({ bypassCSP: true })).newPage();
    await evil.goto(`http://rebound.test:${known.port}/`);
    expect(await evil.content()).toContain('HOST_REFUSED');
    const headers = { 'content-type': 'application/json', authorization: known.bearer };
    const body = JSON.stringify({ verdict: 'denied', ask: known.ask, reach: 'always' });
    const tried = `fetch('/v1/answer', ${JSON.stringify({ method: 'POST', headers, body })}).then((answer) => answer.text())`;
    expect(await evil.evaluate(tried)).toContain('HOST_REFUSED');
    await evil.context().close();
    expect((await asks()).map(({ id }) => id)).toEqual([known.ask]);
  });

  it('all of it is in the audit log, and the person answers as if nothing had been', async () => {
    expect(await refusals()).toEqual(expect.arrayContaining(['BROWSER_REFUSED origin', 'METHOD_REFUSED options', 'HOST_REFUSED other']));
    expect(await answered()).toBe(0);
    await approveByTap(alice);
    expect(await kernel.cell(whoAmI)).toEqual({ said: ['alice@example.com'], error: null });
    expect(await answered()).toBe(1);
  });
});
