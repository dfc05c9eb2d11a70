/** What a first sign-in and the pages that follow it leave behind in the browser, by the browser's own records: its network log and its history. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Product, startProduct } from '../product/product.ts';
import { type LoggedRequest, readNetLog } from './net-log.ts';
import { enrolFirstKey, type Login, landingOf, openBrowser, registerKey, signIn, type UsersBrowser } from './person.ts';

let product: Product;
let users: UsersBrowser;
let login: Login;
let code = '';
/** One-time codes of the ceremony page and of the UI. */
const pageCodes: string[] = [];
let address: string;
/** Addresses behind the back button. */
let entries: string[];
let requests: LoggedRequest[];

beforeAll(async () => {
  product = await startProduct();
  const netLog = join(product.home, 'net-log.json');
  users = await openBrowser(product, { netLog });
  const alice = await users.person({ keepsHistory: true });
  await registerKey(alice, product.idp, 'alice');
  alice.page.on('request', (request) => {
    code ||= new URL(request.url()).searchParams.get('code') ?? '';
  });
  alice.page.on('framenavigated', (frame) => {
    const [, found] = /#([A-Za-z0-9_-]{43})$/.exec(frame.url()) ?? [];
    if (found !== undefined) pageCodes.push(found);
  });
  login = await signIn(product, alice, 'alice');
  await login.outcome;
  await enrolFirstKey(alice, 'Blue one');
  address = alice.page.url();
  entries = (await alice.cdp.send('Page.getNavigationHistory')).entries.map(({ url }) => url);
  await untilChromiumHasAskedForAnIcon(await alice.context.newPage());
  await users.close();
  requests = readNetLog(netLog);
});
afterAll(async () => {
  await users?.close();
  await product?.close();
});

/** Opens a page that names no icon: once its icon was asked for, that of a page before it would have been, too. */
async function untilChromiumHasAskedForAnIcon(page: { goto(url: string): Promise<unknown> }): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const server = createServer((request, response) => {
    if (request.url === '/favicon.ico') resolve();
    response.setHeader('content-type', 'text/html');
    response.end('<!doctype html><title>plain</title>');
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/plain`);
  await promise;
  server.closeAllConnections();
  server.close();
}

const withoutQuery = (url: string) => url.replace(/\?.*/, '');
const withoutTicket = (url: string) => (url.startsWith(landingOf(login.callback)) ? landingOf(login.callback) : url);
const carriers = (secret: string) =>
  requests.filter((request) => JSON.stringify(request).includes(secret)).map(({ url }) => withoutQuery(url));

describe('after a sign-in and the first tap key', () => {
  it('the address bar and the back button show no code, state or ticket', () => {
    expect(code.length).toBeGreaterThan(20);
    expect(pageCodes).toHaveLength(2);
    expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    expect(entries).toContain(address);
    expect(entries.filter((url) => url.startsWith('http://lakepass.localhost'))).toEqual([expect.stringMatching(/:\d+\/$/)]);
    for (const secret of [code, login.state, 'code=', 'state=', '/done/', ...pageCodes]) expect(entries.join()).not.toContain(secret);
  });

  it('the door has seen two requests, and none for an icon', () => {
    expect(requests.some(({ url }) => url.endsWith('/favicon.ico'))).toBe(true);
    const toDoor = requests.filter(({ url }) => url.startsWith(login.callback.origin));
    expect(toDoor.map(({ url }) => withoutTicket(withoutQuery(url)))).toEqual([login.callback.href, landingOf(login.callback)]);
  });

  it('no request has carried the code but the one that brought it, and the state none but the first and that one', () => {
    expect(carriers(code)).toEqual([login.callback.href]);
    expect(carriers(login.state)).toEqual([`${product.idp.issuer}/auth`, login.callback.href]);
  });

  it('no request has carried the code of a page: the fragment is noted, and not sent', () => {
    const sent = requests.map(({ url, headers }) => JSON.stringify([url.replace(/#.*/, ''), headers])).join();
    for (const pageCode of pageCodes) expect(sent).not.toContain(pageCode);
    expect(requests.some(({ url }) => url.endsWith('/v1/enter'))).toBe(true);
  });

  it('the list of visited pages shows neither code nor state, although the file beneath it names every hop', () => {
    const db = new DatabaseSync(join(product.home, 'browser', 'Default', 'History'), { readOnly: true });
    // PAGE_TRANSITION_CHAIN_END: the history page lists only the last hop of a chain of redirects.
    const visits = db
      .prepare('select urls.url, (transition & 0x20000000) != 0 as listed from visits join urls on urls.id = visits.url')
      .all();
    db.close();
    const listed = visits.filter(({ listed }) => listed === 1).map(({ url }) => String(url));
    expect(listed).toContain(address);
    for (const secret of [code, login.state]) expect(listed.join()).not.toContain(secret);
  });

  it('the codes of the pages, which that list does show, open nothing any more', async () => {
    const [ceremony = '', ui = ''] = pageCodes;
    const port = new URL(address).port;
    await expect(product.person.openCeremony(`http://lakepass.localhost:${port}/#${ceremony}`)).rejects.toThrow('PAGE_REFUSED');
    await expect(product.person.openUi(`http://127.0.0.1:${port}/#${ui}`)).rejects.toThrow('PAGE_REFUSED');
  });
});
