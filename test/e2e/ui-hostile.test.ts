/**
 * Hostile pages in the person's own browser. They are as strong as a page can be: they know the door's port and even a living bearer, and
 * their names lead to 127.0.0.1, so that no rule of Chromium's about local networks helps us.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from '@playwright/test';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock as clock } from '../../main/host-ports.ts';
import { askOf } from '../fakes/pages-agent.ts';
import { openTheatre, plugIn, type Stage, type Theatre } from './ui-stage.ts';

let theatre: Theatre;
let stage: Stage;
let person: Page;
/** The attacker's own server, at any name that leads to this machine. */
let site: Server;
let sitePort: number;
let door: number;
let bearer: string;

beforeAll(async () => {
  site = createServer((_, response) => {
    response.setHeader('content-type', 'text/html');
    response.end('<!doctype html><title>evil</title><link rel="icon" href="data:,"><body>');
  });
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
  sitePort = (site.address() as AddressInfo).port;
  theatre = await openTheatre();
});
afterAll(async () => {
  await theatre?.close();
  site.closeAllConnections();
  site.close();
});
beforeEach(async () => {
  stage = await theatre.stage();
  person = await stage.tab();
  person.on('request', (request) => {
    const sent = request.headers()['authorization'];
    if (sent !== undefined) bearer = sent;
  });
  await person.goto((await stage.pages.uiUrl()).href);
  await person.getByRole('navigation').waitFor();
  door = Number(new URL(person.url()).port);
  stage.agent.update(({ status }) => void status.queue.asks.push(askOf(clock)));
  await person.getByRole('button', { name: 'Approve' }).and(person.locator(':enabled')).waitFor();
});
afterEach(() => stage.close());

/** Everything a page can try, in the page; what it could read comes back. */
const attempts = `(async ({ door, bearer, host }) => {
  const url = 'http://' + host + ':' + door;
  const approval = JSON.stringify({ verdict: 'approved', ask: 'ask-1', span: 'grant' });
  const read = (promise) => promise.then((response) => response.text(), (error) => error.name);
  const settled = (element) => new Promise((done) => {
    element.onload = element.onerror = done;
    setTimeout(done, 2000);
    document.body.append(element);
  });
  const seen = [];
  for (const path of ['/v1/answer', '/v1/enter', '/v1/state', '/v1/lock']) {
    seen.push(await read(fetch(url + path, { method: 'POST', body: approval })));
    seen.push(await read(fetch(url + path, { method: 'POST', body: approval, mode: 'no-cors', credentials: 'include' })));
    seen.push(await read(fetch(url + path, { method: 'POST', body: approval, headers: { 'content-type': 'application/json', authorization: bearer } })));
  }
  seen.push(await read(fetch(url + '/', { mode: 'no-cors' })));
  seen.push(await read(fetch(url + '/')));
  navigator.sendBeacon(url + '/v1/answer', new Blob([approval], { type: 'text/plain' }));
  await settled(Object.assign(new Image(), { src: url + '/ui.css' }));
  await settled(Object.assign(document.createElement('script'), { src: url + '/ui.js' }));
  const frame = Object.assign(document.createElement('iframe'), { src: url + '/', name: 'sink' });
  await settled(frame);
  try { seen.push(frame.contentDocument?.body.innerHTML ?? 'no document'); } catch (error) { seen.push(error.name); }
  const form = Object.assign(document.createElement('form'), { method: 'POST', action: url + '/v1/answer', target: 'sink', enctype: 'text/plain' });
  form.append(Object.assign(document.createElement('input'), { name: approval.slice(0, -1) + ',"x":"', value: '"}' }));
  document.body.append(form);
  form.submit();
  await new Promise((done) => { frame.onload = done; setTimeout(done, 2000); });
  const opened = window.open(url + '/', '_blank');
  await new Promise((done) => setTimeout(done, 500));
  try { seen.push(opened === null || opened.closed ? 'closed' : String(opened.document.title)); } catch (error) { seen.push(error.name); }
  opened?.postMessage({ verdict: 'approved', ask: 'ask-1' }, '*');
  return seen;
})`;

const whatHappened = () =>
  stage.agent.asked.map(({ what }) => what).filter((what) => ['answer', 'lock', 'ceremony/begin', 'revoke'].includes(what));

describe('a hostile page that knows a living bearer', () => {
  it.each([
    ['evil.test', '127.0.0.1'],
    ['evil.test', 'lakepass.localhost'],
    ['localhost', '127.0.0.1'],
    ['127.0.0.1', '127.0.0.1'],
    ['lakepass.localhost', 'lakepass.localhost'],
  ])('at %s approves nothing and reads nothing at %s', async (name, host) => {
    const evil = await stage.tab();
    await evil.goto(`http://${name}:${sitePort}/`);
    const seen = (await evil.evaluate(`${attempts}(${JSON.stringify({ door, bearer, host })})`)) as string[];
    // What an opaque answer gives to read is empty.
    expect(new Set(seen.filter((text) => !['', 'TypeError', 'SecurityError', 'no document', 'closed'].includes(text)))).toEqual(new Set());
    expect(whatHappened()).toEqual([]);
    expect(stage.agent.state().status.queue.asks).toHaveLength(1);
    const reasons = new Set(stage.audit.of('door.refused').map(({ code, reason }) => `${code} ${reason}`));
    expect([...reasons]).toEqual(expect.arrayContaining(['BROWSER_REFUSED origin', 'METHOD_REFUSED options']));
    // The person was not disturbed, and may still answer.
    await person.getByRole('button', { name: 'Approve' }).click();
    await person.getByText('Approved').first().waitFor();
  });

  it('whose name has been rebound to us gets nothing but a refusal', async () => {
    // The answers' own policy would keep scripts in them from fetching anything; the rest must hold without it.
    const evil = await stage.tab({ bypassCSP: true });
    for (const path of ['/', '/v1/state']) {
      await evil.goto(`http://rebound.test:${door}${path}`);
      expect(await evil.content()).toContain('HOST_REFUSED');
      const answer = await evil.evaluate(
        `fetch('/v1/answer', { method: 'POST', headers: { 'content-type': 'application/json', authorization: ${JSON.stringify(bearer)} }, body: '{}' }).then((response) => response.text())`,
      );
      expect(answer).toContain('HOST_REFUSED');
    }
    expect(whatHappened()).toEqual([]);
  });

  it('cannot put our page into a frame, so that nobody clicks what they do not see', async () => {
    const evil = await stage.tab();
    await evil.goto(`http://evil.test:${sitePort}/`);
    await evil.evaluate(`new Promise((done) => {
      const frame = Object.assign(document.createElement('iframe'), { src: ${JSON.stringify((await stage.pages.uiUrl()).href)} });
      frame.onload = done;
      document.body.append(frame);
    })`);
    const [, frame] = evil.frames();
    expect(await frame?.content().catch(() => '')).not.toContain('ui.js');
    expect(stage.audit.of('door.refused').map(({ reason }) => reason)).toContain('destination');
  });

  it('cannot touch a key in our name from another port of our host', async () => {
    const evil = await stage.tab();
    await plugIn(evil);
    await evil.goto(`http://lakepass.localhost:${sitePort}/`);
    const ticket = stage.agent.ticket({ kind: 'enrol', ask: null, title: 'x', words: [], step: 1, steps: 1, touch: 'create' });
    const { hash, origin } = await stage.pages.ceremonyUrl(ticket);
    const entered = await evil.evaluate(
      `fetch('${origin}/v1/enter', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ code: ${JSON.stringify(hash.slice(1))} }) }).then((response) => response.text(), (error) => error.name)`,
    );
    expect(entered).toBe('TypeError');
    expect(stage.agent.asked.map(({ what }) => what)).not.toContain('ceremony');
  });
});

describe('our page', () => {
  it('is not driven by messages, nor held by whoever opened it', async () => {
    const evil = await stage.tab();
    await evil.goto(`http://evil.test:${sitePort}/`);
    const url = (await stage.pages.uiUrl()).href;
    const opened = evil.context().waitForEvent('page');
    await evil.evaluate(`void (globalThis.opened = window.open(${JSON.stringify(url)}, '_blank'))`);
    const page = await opened;
    await page.getByRole('dialog').waitFor();
    expect(await page.evaluate('window.opener')).toBeNull();
    expect(await evil.evaluate('globalThis.opened.closed')).toBe(true);
    await evil.evaluate(`globalThis.opened.postMessage({ verdict: 'approved', ask: 'ask-1', span: 'grant' }, '*')`);
    expect(whatHappened()).toEqual([]);
  });

  it('runs no script that is not its own', async () => {
    const found = await person.evaluate(`(() => {
      const outcomes = [];
      const note = (name, run) => { try { run(); outcomes.push(name + ' worked'); } catch { outcomes.push(name + ' refused'); } };
      note('markup', () => { document.body.insertAdjacentHTML('beforeend', '<p>x</p>'); });
      note('script', () => { Object.assign(document.createElement('script'), { text: 'globalThis.ran = true' }); });
      note('policy', () => { trustedTypes.createPolicy('mine', { createHTML: (text) => text }); });
      return outcomes;
    })()`);
    expect(found).toEqual(['markup refused', 'script refused', 'policy refused']);
  });
});
