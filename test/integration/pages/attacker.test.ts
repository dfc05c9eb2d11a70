/**
 * Everything but a browser that may knock at the pages door: requests as hostile pages make them, stolen codes and bearers, broken and
 * slow ones, floods, other users. The agent must not even be asked, nothing of its state may be in any answer, and the audit log must
 * stay small.
 */
import { rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { askOf } from '../../fakes/pages-agent.ts';
import { attacker, itWithSecondUser, makeHome, runAs } from '../../machine/accounts.ts';
import {
  type CallOptions,
  codeOf,
  get,
  openPagesDoor,
  type PagesDoor,
  parseAnswer,
  post,
  type RawAnswer,
  raw,
  requestText,
  send,
} from './door.ts';

let door: PagesDoor;
/** Of a living page of ours: the strongest attacker has learned it. */
let bearer: string;
beforeEach(async () => {
  door = await openPagesDoor();
  bearer = await door.bearer();
  door.agent.update(
    ({ status }) => void status.queue.asks.push(askOf(door.clock, { answerableAt: new Date(door.clock.now()).toISOString() })),
  );
});
afterEach(() => door.close());

const STATE_MARK = 'ada@acme.example';
const approval = { verdict: 'approved', ask: 'ask-1', span: 'once' };
const refusals = () => door.audit.of('door.refused').map(({ code, reason }) => `${code} ${reason}`);
const asked = () => door.agent.asked.map(({ what }) => what).filter((what) => what !== 'state');

function expectRefused(answer: RawAnswer, status: number, code: string): void {
  expect([answer.status, codeOf(answer)]).toEqual([status, code]);
  expect(answer.headers.get('content-type')).toBe('application/json');
  expect(answer.headers.get('connection')).toBe('close');
  expectNothingGiven(answer);
}

function expectNothingGiven({ headers, body }: RawAnswer): void {
  expect(body).not.toContain(STATE_MARK);
  expect([...headers.keys()].filter((name) => /^access-control|^location$|^set-cookie$/.test(name))).toEqual([]);
  expect(asked()).toEqual([]);
  expect(door.agent.state().status.queue.asks).toHaveLength(1);
}

describe('a web page that knows a living bearer and wants to approve', () => {
  const cases: [string, CallOptions, number, string, string][] = [
    ['from another site', { headers: { Origin: 'http://evil.test', 'Sec-Fetch-Site': 'cross-site' } }, 403, 'BROWSER_REFUSED', 'origin'],
    ['from a sandboxed frame, whose Origin is null', { headers: { Origin: 'null' } }, 403, 'BROWSER_REFUSED', 'origin'],
    [
      'from another port of this machine',
      { headers: { Origin: 'http://127.0.0.1:8888', 'Sec-Fetch-Site': 'same-site' } },
      403,
      'BROWSER_REFUSED',
      'origin',
    ],
    [
      'with our Origin but another site, as no browser sends it',
      { headers: { 'Sec-Fetch-Site': 'cross-site' } },
      403,
      'BROWSER_REFUSED',
      'site',
    ],
    ['without an Origin', { headers: { Origin: null } }, 403, 'BROWSER_REFUSED', 'no-origin'],
    ['by a simple POST of text', { headers: { 'Content-Type': 'text/plain' } }, 400, 'INPUT_INVALID', 'content-type'],
    ['by a form', { headers: { 'Content-Type': 'application/x-www-form-urlencoded' } }, 400, 'INPUT_INVALID', 'content-type'],
    [
      'by a preflight',
      { method: 'OPTIONS', headers: { Origin: 'http://evil.test', 'Access-Control-Request-Method': 'POST' } },
      403,
      'METHOD_REFUSED',
      'options',
    ],
    ['by GET', { method: 'GET' }, 404, 'ROUTE_UNKNOWN', 'path'],
    ['by PUT', { method: 'PUT' }, 405, 'METHOD_REFUSED', 'method'],
    [
      'with a name that has been rebound to us',
      { headers: { Host: 'evil.test', Origin: 'http://evil.test' } },
      403,
      'HOST_REFUSED',
      'other',
    ],
    ['with localhost for our name', { headers: { Host: 'localhost', Origin: 'http://localhost' } }, 403, 'HOST_REFUSED', 'other'],
    ['at the ceremony’s host', { host: 'lakepass.localhost' }, 404, 'ROUTE_UNKNOWN', 'host'],
    ['without a Host', { headers: { Host: null } }, 403, 'HOST_REFUSED', 'missing'],
  ];
  it.each(cases)('is refused %s', async (_, options, status, code, reason) => {
    expectRefused(await post(door.port(), '/v1/answer', approval, { bearer, ...options }), status, code);
    expect(refusals()).toEqual([`${code} ${reason}`]);
  });

  it.each([
    ['the right Host first', (port: number) => [`127.0.0.1:${port}`, 'evil.test']],
    ['the right Host last', (port: number) => ['evil.test', `127.0.0.1:${port}`]],
    ['both of our hosts', (port: number) => [`127.0.0.1:${port}`, `lakepass.localhost:${port}`]],
  ])('is refused with two Hosts: %s', async (_, hosts) => {
    const extra = hosts(door.port()).map((host) => `Host: ${host}`);
    expectRefused(await post(door.port(), '/v1/answer', approval, { bearer, headers: { Host: null }, extra }), 403, 'HOST_REFUSED');
  });

  it.each(['http://evil.test/v1/answer', 'http://127.0.0.1/v1/answer', '*'])('is refused with the target %s', async (target) => {
    expectRefused(await post(door.port(), target, approval, { bearer }), 400, 'TARGET_REFUSED');
  });

  it('is refused with a query', async () => {
    expectRefused(await post(door.port(), '/v1/answer?x=1', approval, { bearer }), 400, 'TARGET_REFUSED');
  });

  it.each([
    ['the page in a frame', '/', { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Dest': 'iframe' }],
    ['the page as an object', '/', { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Dest': 'object' }],
    ['our script in its own document', '/ui.js', { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Dest': 'script' }],
    ['our style, to learn whether we are there', '/ui.css', { 'Sec-Fetch-Site': 'same-site', 'Sec-Fetch-Dest': 'style' }],
  ])('does not get %s', async (_, path, headers) => {
    expectRefused(await get(door.port(), path, { headers }), 403, 'BROWSER_REFUSED');
  });
});

describe('whoever has stolen', () => {
  it('a code that was used gets nothing with it', async () => {
    const code = await door.code();
    expect((await post(door.port(), '/v1/enter', { code })).status).toBe(200);
    expectRefused(await post(door.port(), '/v1/enter', { code }), 403, 'PAGE_REFUSED');
    expect(refusals()).toEqual(['PAGE_REFUSED code']);
  });

  it('a code gets no bearer where the other page is served, and the code is spent', async () => {
    const code = await door.code();
    expectRefused(await post(door.port(), '/v1/enter', { code }, { host: 'lakepass.localhost' }), 403, 'PAGE_REFUSED');
    expectRefused(await post(door.port(), '/v1/enter', { code }), 403, 'PAGE_REFUSED');
  });

  it('the bearer of the UI gets nothing of a ceremony with it', async () => {
    for (const path of ['/v1/ceremony', '/v1/ceremony/options', '/v1/ceremony/refuse']) {
      expectRefused(await post(door.port(), path, {}, { bearer, host: 'lakepass.localhost' }), 403, 'PAGE_REFUSED');
    }
    expect(new Set(refusals())).toEqual(new Set(['PAGE_REFUSED bearer']));
  });

  it('the bearer of a ceremony gets nothing of the UI with it', async () => {
    const other = await door.bearer('ticket');
    for (const path of ['/v1/state', '/v1/lock', '/v1/events'])
      expectRefused(await post(door.port(), path, {}, { bearer: other }), 403, 'PAGE_REFUSED');
    expectRefused(await post(door.port(), '/v1/answer', approval, { bearer: other }), 403, 'PAGE_REFUSED');
  });

  it.each([
    ['no bearer', {}],
    ['a made-up one', { bearer: 'A'.repeat(43) }],
    ['two', { extra: [`Authorization: Bearer ${'A'.repeat(43)}`] }],
    ['one in a cookie', { headers: { Cookie: `bearer=${'A'.repeat(43)}` } }],
    ['a password', { headers: { Authorization: 'Basic YTpi' } }],
  ] as [string, CallOptions][])('%s learns not even which routes there are', async (_, options) => {
    for (const path of ['/v1/state', '/v1/answer', '/v1/events', '/v1/ceremony/begin']) {
      expectRefused(await post(door.port(), path, {}, options), 403, 'PAGE_REFUSED');
    }
  });

  it.each(['', 'A', 'A'.repeat(42), 'A'.repeat(44), '../'.repeat(15), '\u0000'.repeat(43)])('the code %j is no code', async (code) => {
    expectRefused(await post(door.port(), '/v1/enter', { code }), 400, 'INPUT_INVALID');
  });
});

describe('a body', () => {
  const big = JSON.stringify({ ids: ['x'.repeat(17_000)] });
  it('that announces more than 16 KB is refused before it is read', async () => {
    expectRefused(await post(door.port(), '/v1/revoke', {}, { bearer, raw: big }), 400, 'INPUT_INVALID');
    expect(refusals()).toEqual(['INPUT_INVALID size']);
  });

  it('that turns out to be more than 16 KB is refused while it comes', async () => {
    const chunks = `${big.length.toString(16)}\r\n${big}\r\n0\r\n\r\n`;
    const headers = { 'Transfer-Encoding': 'chunked', 'Content-Length': null };
    expectRefused(await post(door.port(), '/v1/revoke', {}, { bearer, headers, raw: chunks }), 400, 'INPUT_INVALID');
    expect(refusals()).toEqual(['INPUT_INVALID size']);
  });

  it.each([
    ['is empty', ''],
    ['is cut off', '{"ids":['],
    ['is text', 'ids=grant-1'],
  ])('that %s is refused by the door', async (_, text) => {
    expectRefused(await post(door.port(), '/v1/revoke', {}, { bearer, raw: text }), 400, 'INPUT_INVALID');
    expect(refusals()).toEqual(['INPUT_INVALID json']);
  });

  it.each([
    ['is a list', '[]'],
    ['is null', 'null'],
    ['lacks a field', '{}'],
    ['has a field too many', '{"ids":["grant-1"],"admin":true}'],
    ['pollutes', '{"ids":["grant-1"],"__proto__":{"x":1}}'],
    ['has an id with a path in it', '{"ids":["../../x"]}'],
    ['has too many ids', JSON.stringify({ ids: Array.from({ length: 1001 }, () => 'x') })],
    ['has none', '{"ids":[]}'],
  ])('that %s is refused', async (_, text) => {
    expectRefused(await post(door.port(), '/v1/revoke', {}, { bearer, raw: text }), 400, 'INPUT_INVALID');
    // A page of ours that has got a field wrong is nobody who was turned away.
    expect(refusals()).toEqual([]);
  });

  it('with the text of a first configuration may be larger, and no larger than that', async () => {
    const text = 'x'.repeat(65_536);
    expect((await post(door.port(), '/v1/setup/profile', { from: 'file', text }, { bearer })).status).toBe(200);
    door.agent.asked.length = 0;
    expectRefused(await post(door.port(), '/v1/setup/profile', { from: 'file', text: `${text}x` }, { bearer }), 400, 'INPUT_INVALID');
    expectRefused(await post(door.port(), '/v1/setup/profile', { from: 'file', text: text + text }, { bearer }), 400, 'INPUT_INVALID');
    expect(refusals()).toEqual(['INPUT_INVALID size']);
  });

  it.each([
    ['/v1/snooze', { minutes: 0 }],
    ['/v1/snooze', { minutes: 481 }],
    ['/v1/snooze', { minutes: '15' }],
    ['/v1/answer', { verdict: 'approved', ask: 'ask-1', span: 'for ever' }],
    ['/v1/answer', { verdict: 'approved', ask: 'ask-1' }],
    ['/v1/answer', { verdict: 'maybe', ask: 'ask-1' }],
    ['/v1/widen', { grant: 'grant-1', scopes: [] }],
    ['/v1/widen', { grant: 'grant-1', scopes: ['all apis'] }],
    ['/v1/keys/rename', { key: 'key-1', name: ' ' }],
    ['/v1/keys/rename', { key: 'key-1', name: 'a\u0007b' }],
    ['/v1/ceremony/begin', { kind: 'enrol', ticket: 'x' }],
    ['/v1/state', { more: true }],
    ['/v1/events', { since: 1 }],
  ])('for %s that is %j never reaches the agent', async (path, body) => {
    expectRefused(await post(door.port(), path, body, { bearer }), 400, 'INPUT_INVALID');
  });

  it('that is not UTF-8 is refused', async () => {
    const text = requestText(door.port(), '/v1/revoke', {}, { bearer, raw: '{"ids":["?"]}' }).replace('"?"', '"\xff"');
    expectRefused(parseAnswer(await raw(door.port(), Buffer.from(text, 'latin1'))), 400, 'INPUT_INVALID');
    expect(refusals()).toEqual(['INPUT_INVALID json']);
  });

  it('does not become the next request', async () => {
    const smuggled = requestText(door.port(), '/v1/lock', {}, { bearer });
    const text = requestText(
      door.port(),
      '/v1/state',
      {},
      { bearer: 'A'.repeat(43), headers: { Connection: 'keep-alive' }, raw: smuggled },
    );
    const answers = (await raw(door.port(), text)).split(/(?=HTTP\/1\.1 )/);
    expect(answers).toHaveLength(1);
    expectRefused(parseAnswer(answers[0] ?? ''), 403, 'PAGE_REFUSED');
  });
});

describe('a request that is not as it should be', () => {
  it.each([
    ['garbage', Buffer.from('\x00\x01\x02\xff\r\n\r\n', 'latin1')],
    ['TLS', Buffer.from('160301020001000001fc0303', 'hex')],
    ['HTTP/2', Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')],
    ['a header without a name', Buffer.from('POST /v1/enter HTTP/1.1\r\n: x\r\n\r\n')],
    [
      'both a length and an encoding',
      Buffer.from('POST /v1/enter HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n'),
    ],
  ])('gets JSON where it is %s', async (_, bytes) => {
    expectRefused(parseAnswer(await raw(door.port(), bytes, { half: true })), 400, 'INPUT_INVALID');
  });

  it('is cut off when its headers are too large', async () => {
    const text = requestText(door.port(), '/v1/state', {}, { bearer, extra: [`X-Large: ${'x'.repeat(17_000)}`] });
    expectRefused(await send(door.port(), text), 431, 'INPUT_INVALID');
  });

  it('is served with the cookies of everything else on 127.0.0.1', async () => {
    const answer = await post(door.port(), '/v1/state', {}, { bearer, headers: { Cookie: `jupyter=${'x'.repeat(6000)}` } });
    expect(answer.status).toBe(200);
  });

  it('is refused with the method CONNECT', async () => {
    const text = requestText(door.port(), 'evil.test:443', null, { method: 'CONNECT' });
    expectRefused(await send(door.port(), text), 405, 'METHOD_REFUSED');
  });

  it('is refused where there is nothing', async () => {
    for (const path of ['/v1', '/v1/', '/v1/states', '/v1/state/', '/v1/../v1/state', '/favicon.ico', '/.env']) {
      expectRefused(await post(door.port(), path, {}, { bearer }), 404, 'ROUTE_UNKNOWN');
    }
  });
});

describe('a slow client', () => {
  it('is cut off, in JSON, and holds nobody up', { timeout: 30_000 }, async () => {
    const dripping = new Promise<string>((resolve) => {
      let text = '';
      const socket = connect(door.port(), '127.0.0.1', () => socket.write('POST /v1/enter HTTP/1.1\r\n'));
      const drip = setInterval(() => socket.write('X-Slow: 1\r\n'), 500);
      socket.setEncoding('latin1').on('data', (more) => (text += String(more)));
      socket
        .on('error', () => undefined)
        .on('close', () => {
          clearInterval(drip);
          resolve(text);
        });
    });
    expect((await post(door.port(), '/v1/state', {}, { bearer })).status).toBe(200);
    for (const text of await Promise.all([raw(door.port(), ''), dripping])) expectRefused(parseAnswer(text), 408, 'INPUT_INVALID');
  });
});

describe('a flood', () => {
  it('of refusals is a handful of records, and our page goes on', { timeout: 60_000 }, async () => {
    const one = requestText(door.port(), '/v1/answer', approval, { headers: { Origin: 'http://evil.test' } });
    for (let sent = 0; sent < 1000; sent += 50) await Promise.all(Array.from({ length: 50 }, () => raw(door.port(), one)));
    expect((await post(door.port(), '/v1/state', {}, { bearer })).status).toBe(200);
    await door.clock.advance(60_000);
    const records = door.audit.of('door.refused');
    expect(records.length).toBeLessThanOrEqual(3);
    expect(records.reduce((sum, { count }) => sum + count, 0)).toBe(1000);
    expect(asked()).toEqual([]);
  });

  it('of silent connections is capped, and over when they go', { timeout: 60_000 }, async () => {
    const sockets = await Promise.all(
      Array.from(
        { length: 400 },
        () =>
          new Promise<ReturnType<typeof connect>>((resolve) => {
            const socket = connect(door.port(), '127.0.0.1', () => resolve(socket));
            socket.on('error', () => undefined);
          }),
      ),
    );
    for (const socket of sockets) socket.destroy();
    await Promise.all(sockets.map((socket) => socket.closed || new Promise((resolve) => socket.on('close', resolve))));
    let status = 0;
    for (let tries = 0; tries < 50 && status !== 200; tries++) {
      const text = await raw(door.port(), requestText(door.port(), '/v1/state', {}, { bearer }));
      status = text === '' ? 0 : parseAnswer(text).status;
    }
    expect(status).toBe(200);
    expect(refusals()).toContain('DOOR_BUSY connections');
  });
});

describe('a client that resets its connection', () => {
  it('in the middle of a CONNECT does not end the agent', async () => {
    const crashes: unknown[] = [];
    const note = (error: unknown) => void crashes.push(error);
    process.on('uncaughtException', note);
    const hangUp = () =>
      new Promise<void>((resolve) => {
        const socket = connect(door.port(), '127.0.0.1', () =>
          socket.write(requestText(door.port(), '/', null, { method: 'GET', headers: { Connection: 'keep-alive' } })),
        );
        // The user on the other end has been looked up once there is an answer; the reset then meets our refusal.
        socket.once('data', () =>
          socket.write(requestText(door.port(), 'a:1', null, { method: 'CONNECT' }), () => socket.resetAndDestroy()),
        );
        socket.on('error', () => undefined).on('close', () => resolve());
      });
    for (let round = 0; round < 10; round++) await hangUp();
    expect((await get(door.port(), '/')).status).toBe(200);
    process.off('uncaughtException', note);
    expect(crashes).toEqual([]);
  });

  it('in the middle of a body leaves nothing behind', async () => {
    for (let round = 0; round < 20; round++) {
      await new Promise<void>((resolve) => {
        const headers = { 'Content-Length': '500' };
        const socket = connect(door.port(), '127.0.0.1', () =>
          socket.write(requestText(door.port(), '/v1/answer', approval, { bearer, headers }), () => socket.resetAndDestroy()),
        );
        socket.on('error', () => undefined).on('close', () => resolve());
      });
    }
    expect((await post(door.port(), '/v1/state', {}, { bearer })).status).toBe(200);
    expect(asked()).toEqual([]);
  });
});

describe('whoever wants to stand in for the ceremony page at ::1, where browsers go first', () => {
  const occupy = (port: number): Promise<{ server: Server; code: string; port: number }> =>
    new Promise((resolve) => {
      const server = createServer();
      server.on('error', ({ code = '' }: NodeJS.ErrnoException) => resolve({ server, code, port }));
      server.listen({ host: '::1', port, ipv6Only: true }, () =>
        resolve({ server, code: 'listens', port: (server.address() as AddressInfo).port }),
      );
    });

  it('finds the port held by us, and the page served there', async () => {
    expect((await occupy(door.port())).code).toBe('EADDRINUSE');
    const answer = parseAnswer(
      await raw(door.port(), requestText(door.port(), '/', null, { method: 'GET', host: 'lakepass.localhost' }), { address: '::1' }),
    );
    expect([answer.status, answer.body]).toEqual([200, 'ceremony /']);
  });

  it('and was there before us gets no code: the door takes another port', async () => {
    const squatter = await occupy(0);
    const ports = [squatter.port, 0];
    const elsewhere = await openPagesDoor({ pickPort: () => ports.shift() ?? 0 });
    try {
      expect(Number((await elsewhere.pages.ceremonyUrl('t')).port)).not.toBe(squatter.port);
      expect(ports).toEqual([]);
    } finally {
      await elsewhere.close();
      squatter.server.close();
    }
  });

  it('holds every port is told so, and no page is opened', async () => {
    const squatter = await occupy(0);
    const nowhere = await openPagesDoor({ pickPort: () => squatter.port });
    await expect(nowhere.pages.ceremonyUrl('t')).rejects.toMatchObject({ code: 'AGENT_START_FAILED', reason: 'pages-port' });
    await nowhere.close();
    squatter.server.close();
  });
});

describe('another user of the machine', () => {
  itWithSecondUser('gets no byte over ::1 either', async () => {
    const other = attacker();
    const home = makeHome(other);
    try {
      const { code, stdout } = await runAs(other, 'curl', ['-sS', '--max-time', '20', '-i', `http://[::1]:${door.port()}/`], { home });
      expect([stdout, [52, 56].includes(code ?? 0)]).toEqual(['', true]);
    } finally {
      await rm(home, { recursive: true });
    }
    expect(door.audit.of('door.foreign-user')).toMatchObject([{ door: 'pages', uid: other.uid }]);
  });

  itWithSecondUser('gets no byte and approves nothing, even with a living bearer, and is counted', async () => {
    const other = attacker();
    const home = makeHome(other);
    const port = door.port();
    const headers = ['Content-Type: application/json', `Origin: http://127.0.0.1:${port}`, `Authorization: Bearer ${bearer}`].flatMap(
      (header) => ['-H', header],
    );
    try {
      for (const path of ['/v1/answer', '/v1/state', '/']) {
        const { code, stdout } = await runAs(
          other,
          'curl',
          ['-sS', '--max-time', '20', '-i', ...headers, '-d', JSON.stringify(approval), `http://127.0.0.1:${port}${path}`],
          { home },
        );
        expect(stdout).toBe('');
        // 52: an empty reply; 56: reset. Never an answer.
        expect([52, 56]).toContain(code);
      }
    } finally {
      await rm(home, { recursive: true });
    }
    await door.clock.advance(60_000);
    const counted = door.audit.of('door.foreign-user');
    expect(counted.map(({ door: where, uid }) => `${where} ${uid}`)).toEqual([`pages ${other.uid}`, `pages ${other.uid}`]);
    expect(counted.reduce((sum, { count }) => sum + count, 0)).toBe(3);
    expect(asked()).toEqual([]);
  });

  it('is whoever the kernel cannot name: such a connection gets no byte either', async () => {
    const strangers = await openPagesDoor({ lookup: async () => null });
    try {
      await strangers.code();
      expect(await raw(strangers.port(), requestText(strangers.port(), '/', null, { method: 'GET' }))).toBe('');
      expect(strangers.audit.of('door.foreign-user')).toEqual([{ type: 'door.foreign-user', door: 'pages', uid: -1, count: 1 }]);
    } finally {
      await strangers.close();
    }
  });

  it('cannot crowd the audit log with users', async () => {
    let uid = 1000;
    const crowd = await openPagesDoor({ uid: 1, lookup: async () => uid++ });
    try {
      await crowd.code();
      for (let n = 0; n < 300; n += 50) await Promise.all(Array.from({ length: 50 }, () => raw(crowd.port(), 'x')));
      expect(crowd.audit.events.length).toBeLessThanOrEqual(66);
    } finally {
      await crowd.close();
    }
  });
});
