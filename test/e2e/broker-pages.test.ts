/**
 * The broker against pages in a real Chromium. The attacker is as strong as a page can be: it knows the port and the URL of a living
 * grant. Each attempt must end in a refusal that names the reason, or never arrive; no page may see or cause anything.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Browser, type BrowserContext, chromium, type Page } from '@playwright/test';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CHROMIUM, WAIT_MS } from '../hosts/chromium.ts';
import { type Door, openDoor, TOKEN_MARK, WORKSPACE } from '../integration/broker/door.ts';

let site: Server;
let sitePort: number;
let door: Door;
let target: string;
let context: BrowserContext;
let page: Page;
/** What Chromium asked the attacker's own site for: shows that the page ran. */
let visits: string[];

function serveSite(request: IncomingMessage, response: ServerResponse): void {
  visits.push(`${request.method} ${request.url}`);
  response.setHeader('content-type', 'text/html');
  response.setHeader('set-cookie', 'planted=1; Path=/');
  response.end('<!doctype html><title>attacker</title><body>');
}

const base = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  // The first rule that fits counts; no other name leads anywhere, so that Chromium stays on this machine.
  '--host-resolver-rules=MAP evil.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1',
];
const launch = (extra: string[] = []) => chromium.launch({ executablePath: CHROMIUM, args: [...base, ...extra] });

beforeAll(async () => {
  site = createServer(serveSite);
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
  sitePort = (site.address() as AddressInfo).port;
});
afterAll(() => {
  site.closeAllConnections();
  site.close();
});

async function begin(browser: Browser): Promise<void> {
  visits = [];
  door = await openDoor();
  target = `http://127.0.0.1:${door.port}${(await door.grant()).path}`;
  context = await browser.newContext();
  context.setDefaultTimeout(WAIT_MS);
  page = await context.newPage();
}

async function end(): Promise<void> {
  await context.close();
  await door.close();
}

/** What arrived at the door, by code and reason; a favicon that Chromium asks for by itself is refused like the rest. */
const arrived = () => [...new Set(door.audit.of('door.refused').map(({ code, reason }) => `${code} ${reason}`))].sort();

/** Nothing was asked of the token source, nothing was served, and no text the page could read holds anything of a token. */
function expectNothingGiven(...seenByPage: unknown[]): void {
  expect(JSON.stringify(seenByPage)).not.toContain(TOKEN_MARK);
  expect(door.tokens.asked).toBe(0);
  expect(door.audit.of('token.served')).toEqual([]);
}

/** Runs a script in the page, with URL as the address of a living grant. */
const inPage = (script: string, url = target): Promise<unknown> => page.evaluate(`(async (URL) => { ${script} })(${JSON.stringify(url)})`);

/** A fetch by the page, and what the page learns of it. */
const fetchInPage = async (init: object, url = target): Promise<string> =>
  String(
    await inPage(
      `return fetch(URL, ${JSON.stringify(init)}).then(
        async (response) => response.type + ' ' + response.status + ' ' + (await response.text()),
        (error) => 'failed: ' + error.name,
      );`,
      url,
    ),
  );

/** What no rule of CORS holds back: a form that posts text, and a way to lead the person to us. */
const POST_FORM = `
  const form = Object.assign(document.createElement('form'), { method: 'POST', action: URL, enctype: 'text/plain' });
  document.body.append(form);
  setTimeout(() => form.submit(), 0);`;
const NAVIGATE = 'setTimeout(() => location.assign(URL), 0);';

const SDK_HEADERS = { 'X-Databricks-Metadata-Version': '1', 'X-Databricks-Host': WORKSPACE };

describe('a page of another site on this machine', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    await begin(browser);
    await page.goto(`http://evil.test:${sitePort}/`);
  });
  afterEach(end);

  it.each([
    ['a no-cors GET', { mode: 'no-cors' }],
    ['a plain GET', {}],
    ['a POST of text', { method: 'POST', mode: 'no-cors', body: 'x' }],
    ['a POST of JSON', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}' }],
    ['the headers of an SDK', { headers: SDK_HEADERS }],
    ['an Authorization header', { headers: { Authorization: 'Bearer x' } }],
    ['credentials', { mode: 'no-cors', credentials: 'include' }],
  ])('gets nothing by fetch with %s', async (_name, init) => {
    // Even an opaque answer is withheld from the page: Cross-Origin-Resource-Policy.
    expect(await fetchInPage(init)).toBe('failed: TypeError');
    expect(arrived().join()).toMatch(/BROWSER_REFUSED (origin|sec-fetch-site|access-control-request|sec-fetch-dest)/);
    expectNothingGiven();
  });

  it.each(['img', 'iframe', 'script', 'link', 'object', 'video'])('gets nothing by <%s>', async (tag) => {
    await inPage(`
      const element = Object.assign(document.createElement('${tag}'), { src: URL, data: URL, href: URL, rel: 'stylesheet' });
      const over = new Promise((done) => { element.onload = element.onerror = done; setTimeout(done, 3000); });
      document.body.append(element);
      await over;`);
    expect(arrived().join()).toContain('BROWSER_REFUSED');
    expectNothingGiven(await page.content());
  });

  it('gets nothing by a beacon, a WebSocket or an event stream', async () => {
    await inPage(`
      navigator.sendBeacon(URL, 'x');
      await new Promise((done) => { new EventSource(URL).onerror = done; });
      await new Promise((done) => { new WebSocket(URL.replace('http', 'ws')).onerror = done; });`);
    expect(arrived().join()).toContain('BROWSER_REFUSED');
    expectNothingGiven();
  });

  it('gets nothing by leading the person to us', async () => {
    await inPage(NAVIGATE);
    await page.waitForURL(target);
    expect(arrived().join()).toContain('BROWSER_REFUSED');
    expectNothingGiven(await page.content());
  });

  it('gets nothing by a form that posts text', async () => {
    await inPage(POST_FORM);
    await page.waitForURL(target);
    expect(await page.content()).toContain('BROWSER_REFUSED');
    expectNothingGiven(await page.content());
  });

  it('gets nothing when the person types the address', async () => {
    await page.goto(target);
    expect(await page.content()).toContain('BROWSER_REFUSED');
    expectNothingGiven(await page.content());
  });

  it('gets nothing from http://localhost', async () => {
    await page.goto(`http://localhost:${sitePort}/`);
    const seen = await fetchInPage({ mode: 'no-cors' });
    expect(seen).toBe('failed: TypeError');
    expect(arrived()).toContain('BROWSER_REFUSED sec-fetch-site');
    expectNothingGiven(seen);
  });

  it('gets nothing from 127.0.0.1 on another port, which shares our cookies', async () => {
    await page.goto(`http://127.0.0.1:${sitePort}/`);
    const seen = await fetchInPage({ mode: 'no-cors', credentials: 'include' });
    expect(arrived().join()).toContain('BROWSER_REFUSED');
    expectNothingGiven(seen);
  });
});

describe('a page whose name was rebound to us', () => {
  let browser: Browser;
  beforeAll(async () => {
    // As in a browser without Local Network Access, or a page that came from this machine itself.
    browser = await launch(['--disable-features=LocalNetworkAccessChecks']);
  });
  afterAll(() => browser?.close());
  beforeEach(() => begin(browser));
  afterEach(end);

  it.each([
    ['nothing of its own', {}],
    ['the headers of an SDK, which need no preflight here', { headers: SDK_HEADERS }],
  ])('is stopped by the Host check alone when it sends %s', async (_name, init) => {
    // The first answer comes from the attacker's server; then the name leads to 127.0.0.1 and the page may read what we say.
    const origin = `http://evil.test:${door.port}`;
    await context.route(`${origin}/start`, (route) => route.fulfill({ contentType: 'text/html', body: '<title>rebound</title>' }));
    await page.goto(`${origin}/start`);
    const seen = await fetchInPage(init, target.replace('127.0.0.1', 'evil.test'));
    expect(seen).toMatch(/^basic 403 .*HOST_REFUSED/);
    expect(arrived()).toContain('HOST_REFUSED other');
    expectNothingGiven(seen);
  });
});

describe('a page that Chromium takes for a public one', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch([`--ip-address-space-overrides=127.0.0.1:${sitePort}=public`]);
  });
  afterAll(() => browser?.close());
  beforeEach(() => begin(browser));
  afterEach(end);
  const visit = () => page.goto(`http://evil.test:${sitePort}/`);

  it.each([
    ['fetch', `await fetch(URL, { mode: 'no-cors' }).catch(() => undefined);`],
    ['an image', 'await new Promise((done) => { const image = new Image(); image.onload = image.onerror = done; image.src = URL; });'],
    [
      'a frame',
      `await new Promise((done) => {
      const frame = Object.assign(document.createElement('iframe'), { src: URL, onload: done });
      document.body.append(frame);
      setTimeout(done, 1500);
    });`,
    ],
  ])('does not reach us by %s: Chromium asks first', async (_name, script) => {
    await visit();
    await inPage(script);
    expect(visits).toContain('GET /');
    expect(arrived()).toEqual([]);
    expectNothingGiven();
  });

  it('is refused by us when the person has allowed it', async () => {
    await allowLocalNetwork();
    const seen = await fetchInPage({ mode: 'no-cors' });
    expect(arrived().join()).toContain('BROWSER_REFUSED');
    expectNothingGiven(seen);
  });

  it('reaches us by a form that posts text, and is refused', async () => {
    await visit();
    await inPage(POST_FORM);
    await page.waitForURL(target);
    expect(arrived().join()).toContain('BROWSER_REFUSED');
    expect(await page.content()).toContain('BROWSER_REFUSED');
    expectNothingGiven(await page.content());
  });

  it('reaches us by leading the person to us, and is refused', async () => {
    await visit();
    await inPage(NAVIGATE);
    await page.waitForURL(target);
    expect(arrived().join()).toContain('BROWSER_REFUSED');
    expectNothingGiven(await page.content());
  });

  /** Only a secure context may ask for it; on plain http the name must count as one. */
  async function allowLocalNetwork(): Promise<void> {
    await context.close();
    await browser.close();
    const origin = `http://evil.test:${sitePort}`;
    browser = await launch([
      `--ip-address-space-overrides=127.0.0.1:${sitePort}=public`,
      `--unsafely-treat-insecure-origin-as-secure=${origin}`,
    ]);
    context = await browser.newContext({ permissions: ['local-network-access'] });
    page = await context.newPage();
    await visit();
  }
});
