/**
 * An app of `lakepass apps run` in a real Chromium: the person gets in with the address from the terminal, and pages of other sites, and of
 * other ports of the same name, make the person's browser send the app nothing.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Browser, type BrowserContext, chromium, type Page } from '@playwright/test';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { echoText } from '../fixtures/websocket-echo.ts';
import { CHROMIUM_ENGINE, WAIT_MS } from '../hosts/chromium.ts';
import { type AppUnderTest, type DoorUnderTest, openDoor, startApp, valuesOf } from '../integration/apps/door.ts';

const appPage = `<!doctype html><title>App</title><h1>app</h1><form method="post" action="/save"><button>Save</button></form><script>
  const socket = new WebSocket('ws://' + location.host + '/echo');
  socket.onopen = () => socket.send('hello');
  socket.onmessage = ({ data }) => { document.title = 'heard ' + data; };
</script>`;

const nameOf = ({ origin }: Pick<DoorUnderTest, 'origin'>): string => new URL(origin).hostname;

let browser: Browser;
let context: BrowserContext;
let page: Page;
let app: AppUnderTest;
let door: DoorUnderTest;
/** A server of somebody else, on every name of this machine. */
let site: Server;
let sitePort: number;
let shown: string[];

beforeAll(async () => {
  browser = await chromium.launch({
    executablePath: CHROMIUM_ENGINE,
    args: [
      ...['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--no-first-run'],
      '--host-resolver-rules=MAP evil.test 127.0.0.1, MAP *.lakepass-apps.localhost 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
    ],
  });
  site = createServer((request, response) => {
    shown.push(request.headers.cookie ?? '');
    response.setHeader('content-type', 'text/html').end('<!doctype html><title>attacker</title><body>');
  });
  await new Promise<void>((done) => site.listen(0, '127.0.0.1', done));
  sitePort = (site.address() as AddressInfo).port;
});
afterAll(async () => {
  await browser.close();
  site.closeAllConnections();
  site.close();
});

beforeEach(async () => {
  shown = [];
  app = await startApp();
  app.server.removeAllListeners('upgrade').on('upgrade', (request, socket) => {
    app.got.push({ method: 'GET', target: request.url ?? '', raw: request.rawHeaders, body: '' });
    echoText(request, socket);
  });
  app.answer = (_, response) => void response.setHeader('content-type', 'text/html').end(appPage);
  door = await openDoor(app);
  context = await browser.newContext();
  context.setDefaultTimeout(WAIT_MS);
  page = await context.newPage();
  await page.goto(door.door.entryUrl());
  await page.waitForFunction(`document.title === 'heard hello'`);
});
afterEach(async () => {
  await context.close();
  await door.door.close();
  await app.close();
});

describe('the person', () => {
  it('gets in with the address from the terminal, and a WebSocket of the app goes through', async () => {
    expect(page.url()).toBe(`${door.origin}/`);
    expect(app.got.map(({ target }) => target)).toEqual(expect.arrayContaining(['/', '/echo']));
    expect(app.got.map((got) => valuesOf(got, 'x-forwarded-access-token'))).toEqual(app.got.map(() => ['token-of-alice']));
  });

  it('has a cookie that no script reads and that ends with the browser', async () => {
    const [cookie, ...more] = await context.cookies(door.origin);
    expect(more).toEqual([]);
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict', expires: -1, domain: nameOf(door), path: '/' });
    expect(await page.evaluate('document.cookie')).toBe('');
  });

  it('can send forms, load again, and keeps no code in the history', async () => {
    await page.getByRole('button', { name: 'Save' }).click();
    await page.waitForURL(`${door.origin}/save`);
    expect(app.got.some(({ method, target }) => method === 'POST' && target === '/save')).toBe(true);
    await page.reload();
    expect(await page.getByRole('heading').textContent()).toBe('app');
    await page.goBack();
    expect(page.url()).not.toContain('#');
  });

  it('is told what to do where the address has been used', async () => {
    const used = door.door.entryUrl();
    const other = await browser.newContext();
    const first = await other.newPage();
    await first.goto(used);
    await first.waitForURL(`${door.origin}/`);
    const second = await (await browser.newContext()).newPage();
    await second.goto(used);
    await second.getByText('This address has been used').waitFor();
    await second.goto(door.origin);
    expect(await second.getByRole('heading').textContent()).toBe('403 Forbidden');
    await Promise.all([other.close(), second.context().close()]);
  });

  it('gets no service worker, which would outlive the run', async () => {
    app.answer = (_, response) => void response.setHeader('content-type', 'text/javascript').end('');
    const why = await page.evaluate(`navigator.serviceWorker.register('/worker.js').then(() => 'registered', (error) => error.name)`);
    expect(why).not.toBe('registered');
    expect(door.refused).toContainEqual({ code: 'BROWSER_REFUSED', reason: 'service-worker' });
  });
});

describe.each([
  ['another site', () => 'evil.test'],
  ['another port of the same name, which is shown the cookie', () => nameOf(door)],
])('a page of %s', (_, host) => {
  const loading = (what: string): string => `new Promise((done) => {
    const part = Object.assign(document.createElement('${what}'), { onload: done, onerror: done, src: url });
    document.body.append(part);
  })`;
  /** Scripts of the page, with the address in `url`. */
  const attempts: Record<string, string> = {
    fetch: `fetch(url, { credentials: 'include', mode: 'no-cors' })`,
    post: `fetch(url, { method: 'POST', body: 'x', credentials: 'include', mode: 'no-cors' })`,
    image: loading('img'),
    frame: loading('iframe'),
    script: loading('script'),
    socket: `new Promise((done) => {
      const socket = new WebSocket(url.replace('http', 'ws'));
      socket.onopen = socket.onerror = done;
    })`,
  };

  it.each(Object.keys(attempts))('sends the app nothing by %s', async (name) => {
    const attacker = await context.newPage();
    await attacker.goto(`http://${host()}:${sitePort}/`);
    app.got.length = 0;
    // Chromium itself may stop it; an event cannot come back from the page.
    await attacker.evaluate(`{ const url = '${door.origin}/stolen'; (${attempts[name]}).then(() => 0, () => 0) }`);
    await expect.poll(() => door.refused).toContainEqual(expect.objectContaining({ code: 'BROWSER_REFUSED' }));
    expect(app.got).toEqual([]);
  });

  it('sends the app nothing by taking the browser there', async () => {
    const attacker = await context.newPage();
    await attacker.goto(`http://${host()}:${sitePort}/`);
    app.got.length = 0;
    const form = `Object.assign(document.createElement('form'), { method: 'post', action: '${door.origin}/stolen' })`;
    await attacker.evaluate(`{ const form = ${form}; document.body.append(form); form.submit(); }`);
    await attacker.waitForURL(`${door.origin}/stolen`);
    expect(await attacker.getByRole('heading').textContent()).toBe('403 Forbidden');
    await attacker.goto(`http://${host()}:${sitePort}/`);
    await attacker.evaluate(`location.assign('${door.origin}/stolen')`);
    await attacker.waitForURL(`${door.origin}/stolen`);
    expect(await attacker.getByRole('heading').textContent()).toBe('403 Forbidden');
    expect(app.got).toEqual([]);
  });
});

it('the cookie that another port is shown opens nothing there', async () => {
  const attacker = await context.newPage();
  await attacker.goto(`http://${nameOf(door)}:${sitePort}/`);
  await attacker.reload();
  const [seen = ''] = shown.filter((cookie) => cookie.startsWith('lakepass-app-'));
  expect(seen).not.toBe('');
  app.got.length = 0;
  const answer = await door.raw(
    [
      `GET / HTTP/1.1`,
      `Host: ${door.host}`,
      `Cookie: ${seen}`,
      `Origin: http://${nameOf(door)}:${sitePort}`,
      'Sec-Fetch-Site: same-site',
      'Connection: close',
      '',
      '',
    ].join('\r\n'),
  );
  expect(answer).toContain('BROWSER_REFUSED');
  expect(app.got).toEqual([]);
});
