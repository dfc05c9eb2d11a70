/** The door of an app, by bytes: what a browser that was let in gets, and what nobody else does. */
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { AppError } from '../../../main/app-error.ts';
import { Secret } from '../../../main/secret.ts';
import { type AppUnderTest, type DoorUnderTest, exchange, of, openDoor, startApp, statusIn, valuesOf } from './door.ts';

let app: AppUnderTest;
let door: DoorUnderTest;
beforeAll(async () => {
  app = await startApp();
  door = await openDoor(app);
});
afterAll(async () => {
  await door.door.close();
  await app.close();
});
afterEach(() => {
  app.got.length = 0;
  app.answer = (_, response) => void response.end('app');
});

const last = () => {
  const got = app.got.at(-1);
  if (got === undefined) throw new Error('the app got nothing');
  return got;
};

describe('a browser that was let in', () => {
  it('reaches the app, which is told what Databricks Apps tell', async () => {
    const answer = await door.raw(door.head('GET /a/b?c=d HTTP/1.1', 'Accept: text/plain'));
    expect(statusIn(answer)).toBe(200);
    expect(answer).toMatch(/\r\n\r\n(3\r\n)?app/);
    expect(last()).toMatchObject({ method: 'GET', target: '/a/b?c=d', body: '' });
    const told = Object.fromEntries(
      ['Access-Token', 'Email', 'User', 'Preferred-Username', 'Host'].map((name) => [name, valuesOf(last(), `X-Forwarded-${name}`)]),
    );
    expect(told).toEqual({
      ...{ 'Access-Token': ['token-of-alice'], Email: ['alice@example.com'], User: ['alice@example.com'] },
      ...{ 'Preferred-Username': ['Alice'], Host: [door.host] },
    });
    expect(valuesOf(last(), 'X-Real-Ip')).toEqual(['127.0.0.1']);
    expect(valuesOf(last(), 'X-Request-Id')).toEqual([expect.stringMatching(/^id-\d+$/)]);
    expect(valuesOf(last(), 'Accept')).toEqual(['text/plain']);
    expect(valuesOf(last(), 'Host')).toEqual([door.host]);
  });

  it('has another id for each request', async () => {
    await door.raw(door.head());
    await door.raw(door.head());
    expect(new Set(app.got.map((got) => valuesOf(got, 'x-request-id')[0])).size).toBe(2);
  });

  it.each(['GET / HTTP/1.1', 'HEAD / HTTP/1.1'])('is told with %s that this is a laptop', async (line) => {
    app.answer = (_, response) => void response.writeHead(200, { 'x-lakepass-development': '0' }).end('app');
    expect((await door.raw(door.head(line))).match(/^x-lakepass-development: .*$/gim)).toEqual(['X-Lakepass-Development: 1']);
  });

  it('sends bodies of known length and in chunks, as they come', async () => {
    const posting = (...more: string[]): string => door.head('POST /up HTTP/1.1', `Origin: ${door.origin}`, ...more);
    await door.raw(`${posting('Content-Length: 5')}hello`);
    expect(last()).toMatchObject({ method: 'POST', body: 'hello' });
    expect(valuesOf(last(), 'content-length')).toEqual(['5']);
    await door.raw(`${posting('Transfer-Encoding: chunked')}3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n`);
    expect(last().body).toBe('abcde');
    await door.raw(posting());
    expect(valuesOf(last(), 'content-length')).toEqual(['0']);
  });

  it('reads an answer while it is being written', async () => {
    const first = Promise.withResolvers<void>();
    app.answer = (_, response) => {
      response.write('first ');
      void first.promise.then(() => response.end('second'));
    };
    const socket = door.connect();
    socket.write(door.head());
    let text = '';
    await new Promise<void>((done) => {
      socket.on('data', (part) => {
        text += part.toString();
        if (text.includes('first')) first.resolve();
        if (text.includes('second')) done();
      });
    });
    expect(text).toContain('second');
    socket.destroy();
  });

  it('keeps its own cookies, and the app never sees the one of the door', async () => {
    await door.raw(door.head().replace('Cookie: ', 'Cookie: theme=dark; lakepass-app-9999=other; '));
    expect(valuesOf(last(), 'cookie')).toEqual(['theme=dark']);
    await door.raw(door.head());
    expect(valuesOf(last(), 'cookie')).toEqual([]);
  });

  it('is given the cookies of the app, and none that takes the place of the one of the door', async () => {
    const name = door.cookie.split('=')[0];
    app.answer = (_, response) => void response.writeHead(200, { 'set-cookie': ['a=1; Path=/', `${name}=gone; Path=/`] }).end();
    expect((await door.raw(door.head())).match(/^set-cookie: .*$/gim)).toEqual(['set-cookie: a=1; Path=/']);
  });

  it('has its connection ended on both sides when it goes away', async () => {
    const ended = Promise.withResolvers<void>();
    app.answer = (request, response) => {
      request.socket.once('close', () => ended.resolve());
      response.write('never ending');
    };
    const socket = door.connect();
    socket.write(door.head());
    socket.once('data', () => socket.destroy());
    await ended.promise;
    expect(app.got).toHaveLength(1);
  });
});

describe('headers that an app would believe', () => {
  it.each([
    ...[
      'X-Forwarded-Access-Token',
      'x-forwarded-access-token',
      'X_Forwarded_Access_Token',
      'X-Forwarded_Access-Token',
      'X-Forwarded-Email',
    ],
    ...[
      'X-Forwarded-User',
      'X-Forwarded-Preferred-Username',
      'X-Forwarded-Host',
      'X-Forwarded-Groups',
      'X-Forwarded-For',
      'X-Forwarded-Proto',
    ],
    ...['X-Real-Ip', 'X_Real_Ip', 'X-Request-Id', 'X-Databricks-Org-Id', 'X.Forwarded.User', 'X-Lakepass-Development'],
    ...['X!Forwarded~User', "X-Forwarded'Email", 'X*Real*Ip'],
  ])('are not the browser’s: %s', async (name) => {
    expect(statusIn(await door.raw(door.head(undefined, `${name}: forged`, `${name}: twice`)))).toBe(200);
    expect(JSON.stringify(last().raw)).not.toMatch(/forged|twice/);
  });

  it.each([
    'Authorization: Bearer forged',
    'authorization: Basic forged',
    'Proxy: http://forged',
    'Proxy-Authorization: forged',
    'Forwarded: for=forged',
  ])('do not pass: %s', async (line) => {
    await door.raw(door.head(undefined, line));
    expect(JSON.stringify(last().raw)).not.toContain('forged');
  });

  it.each(['x-forwarded-access-token', 'X-Forwarded-Access-Token, x-forwarded-email', 'close, x-request-id', 'x_forwarded_access_token'])(
    'are still there when the browser calls them its connection’s: %s',
    async (named) => {
      await door.raw(door.head().replace('Connection: close', `Connection: ${named}, close`));
      expect(valuesOf(last(), 'x-forwarded-access-token')).toEqual(['token-of-alice']);
      expect(valuesOf(last(), 'x-forwarded-email')).toEqual(['alice@example.com']);
      expect(valuesOf(last(), 'x-request-id')).toHaveLength(1);
    },
  );

  it('do not pass where they belong to the connection, by name or by custom', async () => {
    const lines = ['X-Mine: forged', 'Keep-Alive: forged', 'TE: trailers', 'Trailer: forged', 'Proxy-Connection: forged'];
    await door.raw(door.head(undefined, ...lines).replace('Connection: close', 'Connection: close, X-Mine'));
    expect(JSON.stringify(last().raw)).not.toMatch(/forged|trailers/);
  });

  it('hold nothing that could end them, whatever a person is called', async () => {
    const other = await openDoor(app, {
      person: { email: 'a@b.c\r\nX-Forwarded-Groups: admins', user: 'u\n\r', preferredUsername: 'Zoë 李\u0000' },
    });
    try {
      expect(statusIn(await other.raw(other.head()))).toBe(200);
      expect(valuesOf(last(), 'x-forwarded-groups')).toEqual([]);
      expect(valuesOf(last(), 'x-forwarded-user')).toEqual(['u']);
      expect(Buffer.from(valuesOf(last(), 'x-forwarded-preferred-username')[0] ?? '', 'latin1').toString()).toBe('Zoë 李');
    } finally {
      await other.door.close();
    }
  });
});

describe('who is not let in', () => {
  const with_ = (from: string | RegExp, to: string): string => door.head().replace(from, to);
  it.each<[string, () => string, number, string]>([
    ['no cookie', () => with_(/Cookie: .*\r\n/, ''), 403, 'APP_ENTRY_NEEDED'],
    ['a cookie that is none of ours', () => with_(door.cookie, `${door.cookie}x`), 403, 'APP_ENTRY_NEEDED'],
    [
      'the cookie under another run’s name',
      () => with_(door.cookie, `lakepass-app-1=${door.cookie.split('=')[1]}`),
      403,
      'APP_ENTRY_NEEDED',
    ],
    ['another host, as after DNS rebinding', () => with_(`Host: ${door.host}`, `Host: evil.test:${door.port}`), 421, 'HOST_REFUSED'],
    ['the address in numbers', () => with_(`Host: ${door.host}`, `Host: 127.0.0.1:${door.port}`), 421, 'HOST_REFUSED'],
    ['the host without its port', () => with_(`Host: ${door.host}`, `Host: ${door.host.split(':')[0]}`), 421, 'HOST_REFUSED'],
    ['the host without the name of the run', () => with_(/Host: \w+\./, 'Host: '), 421, 'HOST_REFUSED'],
    ['the host of the keys', () => with_(`Host: ${door.host}`, `Host: lakepass.localhost:${door.port}`), 421, 'HOST_REFUSED'],
    ['two hosts', () => with_(`Host: ${door.host}`, `Host: ${door.host}\r\nHost: ${door.host}`), 421, 'HOST_REFUSED'],
    ['no host', () => with_(/Host: .*\r\n/, ''), 421, 'HOST_REFUSED'],
    ['a target with a host of its own', () => with_('GET /', `GET http://${door.host}/`), 400, 'TARGET_REFUSED'],
    ['TRACE, which gives back what it got', () => with_('GET /', 'TRACE /'), 405, 'METHOD_REFUSED'],
    ['a page of another site', () => with_('same-origin', 'cross-site'), 403, 'BROWSER_REFUSED'],
    ['a page on another port', () => with_('same-origin', 'same-site'), 403, 'BROWSER_REFUSED'],
    ['a request that does not say where it comes from', () => with_('Sec-Fetch-Site: same-origin\r\n', ''), 403, 'BROWSER_REFUSED'],
    ['one that says it twice', () => with_('same-origin', 'same-origin\r\nSec-Fetch-Site: none'), 403, 'BROWSER_REFUSED'],
    ['a foreign Origin', () => door.head(undefined, 'Origin: http://evil.test'), 403, 'BROWSER_REFUSED'],
    ['no Origin anybody has', () => door.head(undefined, 'Origin: null'), 403, 'BROWSER_REFUSED'],
    ['a change without an Origin', () => door.head('POST / HTTP/1.1', 'Content-Length: 0'), 403, 'BROWSER_REFUSED'],
    ['a service worker', () => door.head(undefined, 'Service-Worker: script'), 403, 'BROWSER_REFUSED'],
    [
      'a coding below the framing',
      () => door.head('POST / HTTP/1.1', `Origin: ${door.origin}`, 'Transfer-Encoding: gzip, chunked').concat('0\r\n\r\n'),
      400,
      'INPUT_INVALID',
    ],
  ])('%s', async (_, request, status, code) => {
    const answer = await door.raw(request());
    expect(statusIn(answer)).toBe(status);
    expect(answer).toContain(code);
    expect(answer).toContain('X-Lakepass-Development: 1');
    expect(answer.toLowerCase()).not.toContain('access-control-allow');
    expect(app.got).toEqual([]);
  });

  it('gives no second request a chance behind one that was turned away', async () => {
    const answer = await door.raw(`${door.head('POST / HTTP/1.1', 'Content-Length: 0')}${door.head()}`);
    expect(answer.match(/HTTP\/1\.1 \d/g)?.every((status) => status === 'HTTP/1.1 4')).toBe(true);
    expect(app.got).toEqual([]);
  });

  it('another user of the machine, before a byte is read', async () => {
    const other = await openDoor(app);
    await other.door.close();
    const foreign = await openDoor(app, { attribute: async () => of(1001) });
    try {
      expect(await foreign.raw(foreign.head())).toBe('');
      expect(foreign.refused).toContainEqual({ why: 'foreign-user', uid: 1001 });
    } finally {
      await foreign.door.close();
    }
  });

  it('another program with the cookie of the browser, as a page on another port is shown it', async () => {
    let program = '/opt/browser/browser';
    const other = await openDoor(app, { attribute: async () => of(1000, program) });
    onTestFinished(() => other.door.close());
    const socket = other.head('GET /socket HTTP/1.1', `Origin: ${other.origin}`, 'Upgrade: websocket').replace('close', 'Upgrade');
    program = '/usr/bin/python3.13';
    expect([statusIn(await other.raw(other.head())), statusIn(await other.raw(socket)), app.got]).toEqual([403, 403, []]);
    program = '/opt/browser/browser (deleted)';
    expect([statusIn(await other.raw(other.head())), statusIn(await other.raw(socket))]).toEqual([200, 101]);
  });

  it('what a browser has kept of the server that had the port before: each door has a name of its own', async () => {
    const first = await openDoor(app);
    await first.door.close();
    const second = await openDoor(app, { port: first.port });
    onTestFinished(() => second.door.close());
    expect(second.port).toBe(first.port);
    expect(second.door.origin).not.toBe(first.door.origin);
    expect(second.door.origin).toMatch(/^http:\/\/[0-9a-f]{20}\.lakepass-apps\.localhost:\d+$/);
  });

  it('whoever nobody can name', async () => {
    const unknown = await openDoor(app, { attribute: async () => of(null) });
    expect(await unknown.raw(unknown.head())).toBe('');
    await unknown.door.close();
  });
});

describe('requests that are two at once', () => {
  const post = (...more: string[]): string => door.head('POST / HTTP/1.1', `Origin: ${door.origin}`, ...more);
  it.each<[string, () => string]>([
    ['a length and chunks', () => `${post('Content-Length: 5', 'Transfer-Encoding: chunked')}0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n`],
    ['two lengths', () => `${post('Content-Length: 0', 'Content-Length: 5')}GET /smuggled HTTP/1.1\r\n\r\n`],
    ['a length with a sign', () => `${post('Content-Length: +5')}hello`],
    ['chunked by another name', () => `${post('Transfer-Encoding: xchunked')}0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n`],
    ['chunked twice', () => `${post('Transfer-Encoding: chunked', 'Transfer-Encoding: identity')}0\r\n\r\n`],
    ['a space before the colon', () => `${post('Transfer-Encoding : chunked')}0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n`],
    ['a line end alone', () => post('X-Mine: a\nX-Forwarded-User: forged')],
    ['a carriage return alone', () => post('X-Mine: a\rX-Forwarded-User: forged')],
    ['a zero byte', () => post('X-Mine: a\0b')],
    ['a chunk size that is none', () => `${post('Transfer-Encoding: chunked')}zz\r\nabc\r\n0\r\n\r\n`],
  ])('%s', async (_, request) => {
    const answer = await door.raw(request());
    expect(statusIn(answer) === 0 || statusIn(answer) >= 400).toBe(true);
    expect(app.got.filter(({ target, raw }) => target !== '/' || JSON.stringify(raw).includes('forged'))).toEqual([]);
  });

  it('headers without end', async () => {
    expect(statusIn(await door.raw(door.head(undefined, `X-Mine: ${'a'.repeat(70_000)}`)))).toBe(431);
  });

  it('bytes that are no request', async () => {
    expect(statusIn(await door.raw('\x16\x03\x01\x02\x00\x01\x00\r\n\r\n'))).toBe(400);
  });

  it('a tunnel', async () => {
    expect(statusIn(await door.raw(`CONNECT ${door.host} HTTP/1.1\r\nHost: ${door.host}\r\n\r\n`))).toBe(405);
  });
});

describe('the entry', () => {
  const codeIn = (url: string): string => new URL(url).hash.slice(1);
  const page = (...more: string[]): string =>
    [`GET /.lakepass/enter HTTP/1.1`, `Host: ${door.host}`, 'Connection: close', ...more, '', ''].join('\r\n');

  it('is a page that nobody can frame, with one script of its own', async () => {
    const answer = await door.raw(page('Sec-Fetch-Site: none', 'Sec-Fetch-Dest: document'));
    expect(statusIn(answer)).toBe(200);
    expect(answer).toMatch(/Content-Security-Policy: default-src 'none'; script-src 'sha256-[\w+/=]{44}';.*frame-ancestors 'none'/);
    expect(answer).toContain('Referrer-Policy: no-referrer');
    expect(answer).toContain('X-Frame-Options: DENY');
    expect(app.got).toEqual([]);
  });

  it.each([
    ['in a frame', page.bind(null, 'Sec-Fetch-Dest: iframe')],
    ['as a script', page.bind(null, 'Sec-Fetch-Dest: script')],
  ])('is not served %s', async (_, request) => {
    expect(statusIn(await door.raw(request()))).toBe(403);
  });

  it('is served by GET alone', async () => {
    expect(statusIn(await door.raw(page('Sec-Fetch-Dest: document').replace('GET', 'DELETE')))).toBe(405);
  });

  it('is good for one exchange', async () => {
    const code = codeIn(door.door.entryUrl());
    const answer = await door.raw(exchange(door, code));
    expect(statusIn(answer)).toBe(200);
    expect(answer).toMatch(new RegExp(`^Set-Cookie: lakepass-app-${door.port}=[\\w-]{43}; Path=/; HttpOnly; SameSite=Strict\\r$`, 'm'));
    expect(statusIn(await door.raw(exchange(door, code)))).toBe(403);
  });

  it('an older address opens nothing once a newer one is there', async () => {
    const older = codeIn(door.door.entryUrl());
    const newer = codeIn(door.door.entryUrl());
    expect(statusIn(await door.raw(exchange(door, older)))).toBe(403);
    expect(statusIn(await door.raw(exchange(door, newer)))).toBe(200);
  });

  it.each<[string, (code: string) => string]>([
    ['from another origin', (code) => exchange(door, code).replace(`Origin: ${door.origin}`, 'Origin: http://evil.test')],
    ['without an origin', (code) => exchange(door, code).replace(/Origin: .*\r\n/, '')],
    ['from another port of the same name', (code) => exchange(door, code).replace('same-origin', 'same-site')],
    ['as a form', (code) => exchange(door, code).replace('application/json', 'text/plain')],
    ['for another host', (code) => exchange(door, code).replace(`Host: ${door.host}`, `Host: 127.0.0.1:${door.port}`)],
    [
      'with a body that never ends',
      (code) =>
        exchange(door, code)
          .replace(/Content-Length: \d+/, 'Content-Length: 2000')
          .concat(' '.repeat(2000)),
    ],
  ])('gives nothing for a good code %s', async (_, request) => {
    const code = codeIn(door.door.entryUrl());
    const answer = await door.raw(request(code));
    expect(statusIn(answer)).toBeGreaterThanOrEqual(400);
    expect(answer.toLowerCase()).not.toContain('set-cookie');
    expect(statusIn(await door.raw(exchange(door, code)))).toBe(200);
  });

  it('has the person told once when somebody comes by hand without a cookie', async () => {
    const before = door.knocks();
    const byHand = `GET / HTTP/1.1\r\nHost: ${door.host}\r\nSec-Fetch-Site: none\r\nSec-Fetch-Dest: document\r\nConnection: close\r\n\r\n`;
    const answer = await door.raw(byHand);
    expect(answer).toContain('<h1>403 Forbidden</h1>');
    expect(door.knocks()).toBe(before + 1);
    door.door.entryUrl();
    await door.raw(byHand);
    expect(door.knocks()).toBe(before + 1);
  });

  it.each(['/.lakepass/other', '/.lakepass/', '/.lakepass/enter?x'])(
    'is the only thing below its folder, which the app never sees: %s',
    async (path) => {
      expect(statusIn(await door.raw(door.head(`GET ${path} HTTP/1.1`)))).toBe(404);
      expect(app.got).toEqual([]);
    },
  );
});

describe('a WebSocket', () => {
  const opening = (path = '/socket', origin = door.origin): string =>
    [
      ...[`GET ${path} HTTP/1.1`, `Host: ${door.host}`, 'Connection: Upgrade', 'Upgrade: websocket', `Origin: ${origin}`],
      ...['Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==', `Cookie: ${door.cookie}`, '', ''],
    ].join('\r\n');

  it('goes through in both directions, with the headers of every request', async () => {
    const socket = door.connect();
    let text = '';
    const echoed = new Promise<void>((done) => {
      socket.on('data', (part) => {
        text += part.toString('latin1');
        if (text.endsWith('pong')) done();
        else if (text.includes('\r\n\r\n') && !text.includes('ping')) socket.write('ping');
        else if (text.endsWith('ping')) socket.write('pong');
      });
    });
    socket.write(opening());
    await echoed;
    expect(text).toMatch(/^HTTP\/1\.1 101 /);
    expect(text).toMatch(/^Upgrade: websocket\r$/m);
    expect(text).toMatch(/^X-Lakepass-Development: 1\r$/m);
    expect(valuesOf(last(), 'x-forwarded-access-token')).toEqual(['token-of-alice']);
    expect(valuesOf(last(), 'sec-websocket-key')).toHaveLength(1);
    expect(valuesOf(last(), 'cookie')).toEqual([]);
    expect(valuesOf(last(), 'upgrade')).toEqual(['websocket']);
    socket.destroy();
  });

  it('that the app does not want is refused in the words of the app', async () => {
    const answer = await door.raw(opening('/no-socket'));
    expect(statusIn(answer)).toBe(404);
    expect(answer).toContain('no');
  });

  it('that an app answers with a status that no server can send ends, and the door goes on', async () => {
    expect(statusIn(await door.raw(opening('/no-status')))).toBe(502);
    expect(statusIn(await door.raw(door.head()))).toBe(200);
  });

  it.each<[string, () => string]>([
    ['of another origin', () => opening('/socket', 'http://evil.test')],
    ['of a page on another port', () => opening('/socket', door.origin.replace(/\d+$/, '1'))],
    ['without an origin', () => opening().replace(/Origin: .*\r\n/, '')],
    ['of another site', () => opening().replace('Upgrade: websocket', 'Upgrade: websocket\r\nSec-Fetch-Site: cross-site')],
    ['without the cookie', () => opening().replace(/Cookie: .*\r\n/, '')],
    ['to what is ours', () => opening('/.lakepass/enter')],
    ['for another host', () => opening().replace(`Host: ${door.host}`, `Host: evil.test:${door.port}`)],
    ['that is another protocol', () => opening().replace('Upgrade: websocket', 'Upgrade: h2c')],
    ['with a body', () => opening().replace('Upgrade: websocket', 'Upgrade: websocket\r\nContent-Length: 4')],
    ['by POST', () => opening().replace('GET ', 'POST ')],
  ])('%s is turned away', async (_, request) => {
    const answer = await door.raw(request());
    expect(statusIn(answer)).toBeGreaterThanOrEqual(400);
    expect(app.got).toEqual([]);
  });

  it('ends with the browser, whatever the app still holds open', async () => {
    const ended = Promise.withResolvers<void>();
    app.server.once('connection', (far) => far.once('end', () => ended.resolve()));
    const socket = door.connect();
    const closed = new Promise((done) => socket.once('close', done));
    socket.write(opening('/silent'));
    await new Promise((done) => socket.once('data', done));
    socket.end();
    await Promise.all([ended.promise, closed]);
    expect(last().target).toBe('/silent');
  });

  it('ends with the door', async () => {
    const other = await openDoor(app);
    const socket = other.connect();
    socket.write(opening().replaceAll(door.host, other.host).replaceAll(door.origin, other.origin).replace(door.cookie, other.cookie));
    await new Promise((done) => socket.once('data', done));
    const closed = new Promise((done) => socket.once('close', done));
    await other.door.close();
    await closed;
    expect(socket.destroyed).toBe(true);
  });
});

describe('where there is no answer of the app', () => {
  const document = (): string => door.head(undefined, 'Sec-Fetch-Dest: document');

  it('a page says that it is not up, and looks again by itself', async () => {
    const away = await startApp();
    await away.close();
    const other = await openDoor(away);
    try {
      const answer = await other.raw(other.head(undefined, 'Sec-Fetch-Dest: document'));
      expect(statusIn(answer)).toBe(502);
      expect(answer).toContain('APP_NOT_UP');
      expect(answer).toContain('http-equiv="refresh"');
      expect(JSON.parse((await other.raw(other.head())).split('\r\n\r\n')[1] ?? '')).toMatchObject({ error: 'APP_NOT_UP' });
    } finally {
      await other.door.close();
    }
  });

  it.each([
    ['a status that no server can send', 'HTTP/1.1 099 No\r\nContent-Length: 2\r\n\r\nno', 502],
    ['a change of protocol that nobody wanted', 'HTTP/1.1 101 On\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n', 502],
    ['words for its status that no server can send', 'HTTP/1.1 200 \x01\r\nContent-Length: 2\r\n\r\nno', 200],
  ])('%s ends the request, and the door goes on', async (_, bytes, status) => {
    app.answer = (request) => void request.socket.end(bytes);
    expect(statusIn(await door.raw(door.head()))).toBe(status);
    app.answer = (_, response) => void response.end('app');
    expect(statusIn(await door.raw(door.head()))).toBe(200);
  });

  it('a request of a browser that went away while its token was asked for is not begun', async () => {
    const asked: PromiseWithResolvers<Secret>[] = [];
    const connected: string[] = [];
    const other = await openDoor(app, {
      token: () => {
        asked.push(Promise.withResolvers());
        return (asked.at(-1) as PromiseWithResolvers<Secret>).promise;
      },
      connect: async () => {
        connected.push('');
        throw new AppError('APP_NOT_UP');
      },
    });
    onTestFinished(() => other.door.close());
    const named = (text: string): string => text.replaceAll(door.host, other.host).replace(door.cookie, other.cookie);
    const gone = other.connect();
    gone.write(named(door.head()));
    await expect.poll(() => asked.length).toBe(1);
    gone.destroy();
    // The next one is read after the end of the first.
    const later = other.raw(named(door.head()));
    await expect.poll(() => asked.length).toBe(2);
    for (const { resolve } of asked) resolve(new Secret('late'));
    expect(statusIn(await later)).toBe(502);
    expect(connected).toHaveLength(1);
  });

  it('a page says that it broke off', async () => {
    app.answer = (request) => void request.socket.destroy();
    expect(statusIn(await door.raw(document()))).toBe(502);
  });

  it('a request without a token goes nowhere, and says why', async () => {
    const other = await openDoor(app, {
      token: async () => {
        throw new AppError('GRANT_REVOKED');
      },
    });
    try {
      const answer = await other.raw(other.head());
      expect([statusIn(answer), answer.includes('GRANT_REVOKED')]).toEqual([403, true]);
      expect(app.got).toEqual([]);
    } finally {
      await other.door.close();
    }
  });

  it('a port that is held is said', async () => {
    await expect(openDoor(app, { port: door.port })).rejects.toMatchObject({ code: 'APP_START_FAILED', reason: 'port' });
  });
});
