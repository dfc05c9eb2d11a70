/** The pages door as our own pages use it: codes, bearers, calls, the stream, and how long the door is open. */
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../../main/app-error.ts';
import { type Caller, unknownCaller } from '../../../main/caller/caller.ts';
import { hours, minutes } from '../../../main/units.ts';
import type { CeremonyView } from '../../../preload/contract/pages.ts';
import { uiStateSchema } from '../../../preload/contract/ui.ts';
import { askOf, grantOf } from '../../fakes/pages-agent.ts';
import { codeOf, get, listen, openPagesDoor, type PagesDoor, post } from './door.ts';

const caller: Caller = { ...unknownCaller, kind: 'program', notebook: 'a browser of the test' };
let door: PagesDoor;
beforeEach(async () => {
  door = await openPagesDoor({ caller });
});
afterEach(() => door.close());

const isOpen = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
const listening = async () => {
  const bearer = await door.bearer();
  return listen(door.port(), bearer);
};
const called = (what: string) => door.agent.asked.filter((one) => one.what === what);
const tap: CeremonyView = { kind: 'tap', ask: null, title: 'Touch', words: [], step: 1, steps: 1, touch: 'get' };

describe('the door', () => {
  it('is closed until somebody needs a page', async () => {
    expect(door.pages.ceremonyOrigin()).toBe('http://lakepass.localhost:0');
    expect(door.clock.pending).toBe(0);
  });

  it('opens for the first URL, and keeps its port for the next', async () => {
    const [ui, ceremony, again] = await Promise.all([door.pages.uiUrl(), door.pages.ceremonyUrl('t'), door.pages.uiUrl()]);
    expect(ui.href).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#[A-Za-z0-9_-]{43}$/);
    expect(ceremony.href).toMatch(/^http:\/\/lakepass\.localhost:\d+\/#[A-Za-z0-9_-]{43}$/);
    expect([ceremony.port, again.port]).toEqual([ui.port, ui.port]);
    expect(door.pages.ceremonyOrigin()).toBe(ceremony.origin);
  });

  it('closes ten minutes after the last page has gone, and opens again', async () => {
    await door.bearer();
    const port = door.port();
    await door.clock.advance(minutes(19));
    expect(await isOpen(port)).toBe(true);
    await door.clock.advance(minutes(3));
    expect(await isOpen(port)).toBe(false);
    expect([door.clock.pending, door.pages.ceremonyOrigin()]).toEqual([0, 'http://lakepass.localhost:0']);
    const bearer = await door.bearer();
    expect((await post(door.port(), '/v1/state', {}, { bearer })).status).toBe(200);
  });

  it('stays open while a page listens', async () => {
    const page = await listening();
    await page.lines(1);
    await door.clock.advance(hours(3));
    expect(await isOpen(door.port())).toBe(true);
    expect(door.pages.watched()).toBe(true);
    page.socket.destroy();
    await page.ended;
  });

  it('says that the pages are not built, and opens nothing', async () => {
    const unbuilt = await openPagesDoor({
      assets: { load: () => Promise.reject(new AppError('INTERNAL', { reason: 'pages' })), find: () => undefined },
    });
    await expect(unbuilt.pages.uiUrl()).rejects.toMatchObject({ code: 'INTERNAL', reason: 'pages' });
    expect(unbuilt.clock.pending).toBe(0);
    await unbuilt.close();
  });

  it('cuts everybody when the agent stops, and opens no more', async () => {
    const page = await listening();
    await page.lines(1);
    await door.pages.close();
    await page.ended;
    expect(door.clock.pending).toBe(0);
    await expect(door.pages.uiUrl()).rejects.toMatchObject({ code: 'PAGE_REFUSED' });
  });
});

describe('a page', () => {
  it('gets its files, under a policy that lets nothing else in', async () => {
    await door.code();
    for (const [host, name] of [
      ['127.0.0.1', 'ui'],
      ['lakepass.localhost', 'ceremony'],
    ] as const) {
      for (const path of ['/', `/${name}.js`, `/${name}.css`]) {
        const { status, headers, body } = await get(door.port(), path, { host });
        expect([status, body]).toEqual([200, `${name} ${path}`]);
        expect(headers.get('content-security-policy')?.split('; ')).toEqual([
          "default-src 'none'",
          "script-src 'self'",
          "style-src 'self'",
          "img-src 'self' data:",
          "connect-src 'self'",
          "base-uri 'none'",
          "form-action 'none'",
          "frame-ancestors 'none'",
          "require-trusted-types-for 'script'",
          "trusted-types 'none'",
        ]);
        const told = [
          'x-content-type-options',
          'cache-control',
          'cross-origin-opener-policy',
          'cross-origin-resource-policy',
          'referrer-policy',
        ];
        expect(told.map((header) => headers.get(header))).toEqual(['nosniff', 'no-store', 'same-origin', 'same-origin', 'no-referrer']);
        expect([...headers.keys()].filter((header) => /^access-control|^set-cookie$/.test(header))).toEqual([]);
      }
    }
  });

  it('exchanges its code for a bearer, and with that sees the state', async () => {
    const bearer = await door.bearer();
    const { status, headers, body } = await post(door.port(), '/v1/state', {}, { bearer });
    expect([status, headers.get('cache-control')]).toEqual([200, 'no-store']);
    expect(uiStateSchema.parse(JSON.parse(body)).status.profiles[0]?.session.identity?.username).toBe('ada@acme.example');
  });

  it('is never sent what the contract does not name', async () => {
    const bearer = await door.bearer();
    const state = door.agent.state();
    Object.assign(state.status.profiles[0]?.session ?? {}, { refreshToken: 'dapi-marked' });
    Object.assign(state.grants[0] ?? {}, { secret: 'dapi-marked' });
    const { status, body } = await post(door.port(), '/v1/state', {}, { bearer });
    expect(status).toBe(200);
    expect(body).not.toContain('dapi-marked');
  });

  it('keeps its connection from call to call', async () => {
    const bearer = await door.bearer();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const port = door.port();
    const origin = `http://127.0.0.1:${port}`;
    const headers = { Origin: origin, Authorization: `Bearer ${bearer}`, 'Content-Type': 'application/json' };
    const reused = () =>
      new Promise<boolean>((resolve, reject) => {
        const sent = request(`${origin}/v1/state`, { method: 'POST', headers, agent }, (response) =>
          response.resume().on('end', () => resolve(sent.reusedSocket)),
        );
        sent.on('error', reject).end('{}');
      });
    expect([await reused(), await reused(), await reused()]).toEqual([false, true, true]);
    agent.destroy();
  });
});

describe('the UI’s calls', () => {
  const cases: [string, unknown, string, unknown][] = [
    ['/v1/snooze', { minutes: 15 }, 'snooze', { minutes: 15 }],
    ['/v1/attend', {}, 'attend', {}],
    ['/v1/revoke', { ids: ['grant-1'] }, 'revoke', { ids: ['grant-1'] }],
    ['/v1/pause', { ids: ['grant-1'], paused: true }, 'pause', { ids: ['grant-1'], paused: true }],
    ['/v1/widen', { grant: 'grant-1', scopes: ['sql'] }, 'widen', { grant: 'grant-1', scopes: ['sql'] }],
    ['/v1/lock', {}, 'lock', {}],
    ['/v1/keys/rename', { key: 'key-1', name: 'Green' }, 'keys/rename', { key: 'key-1', name: 'Green' }],
    ['/v1/sign-in', { profile: 'acme' }, 'sign-in', { profile: 'acme' }],
    ['/v1/sign-in/cancel', {}, 'sign-in/cancel', {}],
    ['/v1/sign-out', { profile: 'acme' }, 'sign-out', { profile: 'acme' }],
    ['/v1/denied', {}, 'denied', {}],
    ['/v1/denied/forget', { id: 'd1' }, 'denied/forget', { id: 'd1' }],
    ['/v1/preferences', { theme: 'dark' }, 'preferences', { theme: 'dark' }],
    ['/v1/asks', {}, 'asks', {}],
    ['/v1/doctor', {}, 'doctor', {}],
  ];
  it.each(cases)('%s does what it says', async (path, body, what, given) => {
    const bearer = await door.bearer();
    expect(await post(door.port(), path, body, { bearer })).toMatchObject({ status: 200 });
    expect(called(what).map((one) => one.with)).toEqual([given]);
  });

  it('hand the agent the program on the other end', async () => {
    const bearer = await door.bearer();
    door.agent.update(
      ({ status }) => void status.queue.asks.push(askOf(door.clock, { answerableAt: new Date(door.clock.now()).toISOString() })),
    );
    await post(door.port(), '/v1/answer', { verdict: 'approved', ask: 'ask-1', span: 'once' }, { bearer });
    expect(called('answer').map(({ by }) => by)).toEqual([caller]);
  });

  it('say what the agent refuses, and the page lives on', async () => {
    const bearer = await door.bearer();
    const approve = () => post(door.port(), '/v1/answer', { verdict: 'approved', ask: 'ask-1', span: 'once' }, { bearer });
    expect(codeOf(await approve())).toBe('ASK_UNKNOWN');
    door.agent.update(({ status }) => void status.queue.asks.push(askOf(door.clock)));
    expect(codeOf(await approve())).toBe('ASK_TOO_EARLY');
    await post(door.port(), '/v1/shown', { ask: 'ask-1' }, { bearer });
    expect(codeOf(await approve())).toBe('ASK_TOO_EARLY');
    await door.clock.advance(500);
    expect((await approve()).status).toBe(200);
    expect(door.audit.of('door.refused').map(({ code }) => code)).toEqual(['ASK_UNKNOWN', 'ASK_TOO_EARLY']);
  });

  it('count nobody as turned away whose form the agent does not understand', async () => {
    const bearer = await door.bearer();
    const ask = () => post(door.port(), '/v1/setup/profile', { from: 'file', text: 'version: 2' }, { bearer });
    door.agent.fails('setup/profile', new AppError('CONFIG_INVALID', { detail: 'line 1' }));
    expect(codeOf(await ask())).toBe('CONFIG_INVALID');
    expect(door.audit.of('door.refused')).toEqual([]);
    door.agent.fails('setup/profile', new AppError('CALLER_REFUSED', { reason: 'ai-agent' }));
    expect(codeOf(await ask())).toBe('CALLER_REFUSED');
    expect(door.audit.of('door.refused')).toMatchObject([{ code: 'CALLER_REFUSED', reason: 'ai-agent' }]);
  });

  it('record who asks for a first profile where there is one', async () => {
    const bearer = await door.bearer();
    door.agent.fails('setup/profile', new AppError('CONFIG_EXISTS', { reason: 'in-use' }));
    expect(codeOf(await post(door.port(), '/v1/setup/profile', { from: 'file', text: 'version: 1' }, { bearer }))).toBe('CONFIG_EXISTS');
    expect(door.audit.of('door.refused')).toMatchObject([{ code: 'CONFIG_EXISTS', reason: 'in-use' }]);
  });

  it('hide a bug behind its code, and log no word of it', async () => {
    const bearer = await door.bearer();
    door.agent.fails('lock', new TypeError('dapi-marked'));
    const answer = await post(door.port(), '/v1/lock', {}, { bearer });
    expect([answer.status, codeOf(answer)]).toEqual([500, 'INTERNAL']);
    expect(answer.body).not.toContain('dapi-marked');
    expect(door.logged).toEqual(['pages.failed {"error":"TypeError"}']);
  });

  it('begin a ceremony at the other host', async () => {
    const bearer = await door.bearer();
    const { body } = await post(door.port(), '/v1/ceremony/begin', { kind: 'enrol' }, { bearer });
    const url = new URL((JSON.parse(body) as { url: string }).url);
    expect(url.origin).toBe(door.pages.ceremonyOrigin());
    expect(url.hash).toMatch(/^#[A-Za-z0-9_-]{43}$/);
  });
});

describe('a ceremony', () => {
  const host = 'lakepass.localhost';
  it('is bound to its ticket from the code to the end', async () => {
    const ticket = door.agent.ticket(tap);
    const bearer = await door.bearer(ticket);
    expect(JSON.parse((await post(door.port(), '/v1/ceremony', {}, { bearer, host })).body)).toEqual(tap);
    expect((await post(door.port(), '/v1/ceremony/options', {}, { bearer, host })).status).toBe(200);
    expect(called('ceremonyOptions').map((one) => one.with)).toEqual([{ ticket, origin: door.pages.ceremonyOrigin() }]);
    const finished = await post(door.port(), '/v1/ceremony/finish', { id: 'ceremony-1', response: { id: 'x' } }, { bearer, host });
    expect(JSON.parse(finished.body)).toEqual({ done: true, view: null, next: null });
    expect(called('finishCeremony').map((one) => [one.with, one.by])).toEqual([
      [{ ticket, answer: { id: 'ceremony-1', response: { id: 'x' }, name: '' } }, caller],
    ]);
    expect(codeOf(await post(door.port(), '/v1/ceremony', {}, { bearer, host }))).toBe('PAGE_REFUSED');
  });

  it('goes on to its second touch under the same bearer', async () => {
    const second = { ...tap, kind: 'enrol', touch: 'create', step: 2, steps: 2 } satisfies CeremonyView;
    const bearer = await door.bearer(door.agent.ticket({ ...second, touch: 'get', step: 1 }));
    door.agent.ceremonies.finish = async () => second;
    const first = await post(door.port(), '/v1/ceremony/finish', { id: 'a', response: {} }, { bearer, host });
    expect(JSON.parse(first.body)).toEqual({ done: false, view: second, next: null });
    expect(JSON.parse((await post(door.port(), '/v1/ceremony', {}, { bearer, host })).body)).toEqual(second);
  });

  it('takes of a page what its schema names, and calls what does not fit no refusal', async () => {
    const bearer = await door.bearer(door.agent.ticket(tap));
    expect(codeOf(await post(door.port(), '/v1/ceremony/refuse', { more: true }, { bearer, host }))).toBe('INPUT_INVALID');
    expect([called('refuseCeremony'), door.audit.of('door.refused')]).toEqual([[], []]);
    expect((await post(door.port(), '/v1/ceremony', {}, { bearer, host })).status).toBe(200);
  });

  it('is over when the person says no', async () => {
    const bearer = await door.bearer(door.agent.ticket(tap));
    expect((await post(door.port(), '/v1/ceremony/refuse', {}, { bearer, host })).status).toBe(200);
    expect(codeOf(await post(door.port(), '/v1/ceremony/finish', { id: 'a', response: {} }, { bearer, host }))).toBe('PAGE_REFUSED');
    expect(called('finishCeremony')).toEqual([]);
  });
});

describe('a page that listens', () => {
  it('is told of every change, and of those that come together once', async () => {
    const page = await listening();
    const [first = 0] = await page.lines(1);
    door.agent.update(() => undefined);
    await page.lines(2);
    for (let change = 0; change < 20; change++) door.agent.update(() => undefined);
    await door.clock.advance(50);
    expect(await page.lines(3)).toEqual([first, first + 1, first + 21]);
    page.socket.destroy();
    await page.ended;
  });

  it('says what it is: a stream that nobody keeps', async () => {
    const page = await listening();
    await page.lines(1);
    expect(page.text()).toMatch(/^HTTP\/1\.1 200 .*Content-Type: text\/event-stream\r\n.*Cache-Control: no-store\r\n/s);
    page.socket.destroy();
    await page.ended;
  });

  it('is cut when its bearer has come to its end', async () => {
    const page = await listening();
    await page.lines(1);
    await door.clock.advance(hours(12));
    await page.ended;
    expect(door.pages.watched()).toBe(false);
  });

  it('has three others of its own at most', async () => {
    const bearer = await door.bearer();
    const pages = Array.from({ length: 4 }, () => listen(door.port(), bearer));
    for (const page of pages) await page.lines(1);
    const fifth = listen(door.port(), bearer);
    expect(await fifth.status()).toBe(503);
    const answer = await post(door.port(), '/v1/events', {}, { bearer });
    expect([answer.status, codeOf(answer)]).toEqual([503, 'DOOR_BUSY']);
    for (const { socket } of [...pages, fifth]) socket.destroy();
  });

  it('makes room for others when it goes', async () => {
    const bearer = await door.bearer();
    for (let n = 0; n < 10; n++) {
      const page = listen(door.port(), bearer);
      await page.lines(1);
      page.socket.destroy();
      while (door.pages.watched()) await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await post(door.port(), '/v1/state', {}, { bearer })).status).toBe(200);
  });
});

it('shows a grant that was just widened as it is', async () => {
  const bearer = await door.bearer();
  door.agent.update((state) => void state.grants.push(grantOf(door.clock, { id: 'grant-2', label: 'dbt' })));
  const { body } = await post(door.port(), '/v1/state', {}, { bearer });
  expect(uiStateSchema.parse(JSON.parse(body)).grants.map(({ id }) => id)).toEqual(['grant-1', 'grant-2']);
});
