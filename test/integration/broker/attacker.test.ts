/**
 * Everything but a browser that may knock at the broker: raw requests as pages make them, broken ones, floods, other users, a squatter.
 * Nothing of a token may be in any answer, nothing may be minted, and the audit log must stay small.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { attacker, itWithSecondUser, makeHome, runAs } from '../../machine/accounts.ts';
import { ask, type Door, openDoor, parseAnswer, type RawAnswer, raw, request, somebodyOf, TOKEN_MARK, WORKSPACE } from './door.ts';

let door: Door;
let path: string;
beforeEach(async () => {
  door = await openDoor();
  // The strongest attacker: one who has learned a living grant's URL.
  ({ path } = await door.grant());
});
afterEach(() => door.close());

const failureOf = ({ body }: RawAnswer) => (JSON.parse(body) as { error: string }).error;
const refusals = () => door.audit.of('door.refused').map(({ code, reason }) => `${code} ${reason}`);

function expectRefusedInJson(answer: RawAnswer, status: number, code: string): void {
  expect(answer.status).toBe(status);
  expect(answer.headers.get('content-type')).toBe('application/json');
  expect(Object.keys(JSON.parse(answer.body) as object)).toEqual(['error', 'message', 'next']);
  expect(failureOf(answer)).toBe(code);
  expectNothingGiven(answer);
}

function expectNothingGiven({ headers, body }: RawAnswer): void {
  expect(body).not.toContain(TOKEN_MARK);
  expect([...headers.keys()].filter((name) => /^access-control|^location$|^set-cookie$/.test(name))).toEqual([]);
  expect(door.tokens.asked).toBe(0);
}

const CROSS_SITE = { 'Sec-Fetch-Site': 'cross-site' };
const BARE = { 'X-Databricks-Metadata-Version': null, 'X-Databricks-Host': null };

describe('a web page', () => {
  const at = (port: number) => `127.0.0.1:${port}`;
  it.each([
    [
      'a cross-site no-cors GET',
      'GET',
      { ...BARE, ...CROSS_SITE, 'Sec-Fetch-Mode': 'no-cors', 'Sec-Fetch-Dest': 'empty' },
      403,
      'BROWSER_REFUSED',
      'sec-fetch-site',
    ],
    [
      'a cross-site POST of text',
      'POST',
      { ...BARE, ...CROSS_SITE, Origin: 'http://evil.test', 'Content-Type': 'text/plain', 'Content-Length': '0' },
      403,
      'BROWSER_REFUSED',
      'sec-fetch-site',
    ],
    [
      'a preflight',
      'OPTIONS',
      {
        ...BARE,
        Origin: 'http://evil.test',
        'Access-Control-Request-Method': 'GET',
        'Access-Control-Request-Headers': 'x-databricks-host',
      },
      403,
      'BROWSER_REFUSED',
      'origin',
    ],
    ['a bare OPTIONS', 'OPTIONS', {}, 403, 'METHOD_REFUSED', 'options'],
    ['an image', 'GET', { ...BARE, ...CROSS_SITE, 'Sec-Fetch-Dest': 'image' }, 403, 'BROWSER_REFUSED', 'sec-fetch-site'],
    ['a frame', 'GET', { ...BARE, ...CROSS_SITE, 'Sec-Fetch-Dest': 'iframe' }, 403, 'BROWSER_REFUSED', 'sec-fetch-site'],
    [
      'a top-level navigation',
      'GET',
      { ...BARE, ...CROSS_SITE, 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document' },
      403,
      'BROWSER_REFUSED',
      'sec-fetch-site',
    ],
    [
      'an address typed by the person',
      'GET',
      { ...BARE, 'Sec-Fetch-Site': 'none', 'Sec-Fetch-Dest': 'document' },
      403,
      'BROWSER_REFUSED',
      'sec-fetch-site',
    ],
    ['a page of an old browser, known by its Referer', 'GET', { ...BARE, Referer: 'http://evil.test/' }, 403, 'BROWSER_REFUSED', 'referer'],
    ['a page known by a cookie for 127.0.0.1', 'GET', { Cookie: 'session=1' }, 403, 'BROWSER_REFUSED', 'cookie'],
    ['a page known by its destination alone', 'GET', { 'Sec-Fetch-Dest': 'script' }, 403, 'BROWSER_REFUSED', 'sec-fetch-dest'],
    [
      'a preflight without Origin',
      'GET',
      { 'Access-Control-Request-Private-Network': 'true' },
      403,
      'BROWSER_REFUSED',
      'access-control-request',
    ],
    [
      'a WebSocket',
      'GET',
      { Origin: 'http://evil.test', Upgrade: 'websocket', Connection: 'Upgrade', 'Sec-WebSocket-Key': 'x', 'Sec-WebSocket-Version': '13' },
      403,
      'BROWSER_REFUSED',
      'origin',
    ],
  ] as [string, string, Record<string, string | null>, number, string, string][])(
    'is refused as %s',
    async (_name, method, headers, status, code, reason) => {
      expectRefusedInJson(await ask(door.port, path, { method, headers }), status, code);
      expect(refusals()).toEqual([`${code} ${reason}`]);
    },
  );

  it.each(['evil.test', 'localhost', '[::1]', '127.0.0.2', '0.0.0.0'])('is refused when it has rebound %s to us', async (name) => {
    expectRefusedInJson(await ask(door.port, path, { headers: { Host: `${name}:${door.port}` } }), 403, 'HOST_REFUSED');
  });

  it.each([
    ['the right Host first', (port: number) => [at(port), 'evil.test']],
    ['the right Host last', (port: number) => ['evil.test', at(port)]],
    ['the right Host twice', (port: number) => [at(port), at(port)]],
  ])('is refused with two Hosts, %s', async (_name, hosts) => {
    const extra = hosts(door.port).map((host) => `Host: ${host}`);
    expectRefusedInJson(await ask(door.port, path, { headers: { Host: null }, extra }), 403, 'HOST_REFUSED');
  });

  it('cannot fill the disk: ten thousand refusals are a handful of records', { timeout: 60_000 }, async () => {
    const one = request(door.port, path, { headers: { Origin: 'http://evil.test' } });
    for (let sent = 0; sent < 10_000; sent += 200) await Promise.all(Array.from({ length: 200 }, () => raw(door.port, one)));
    await door.clock.advance(60_000);
    const records = door.audit.of('door.refused');
    expect(records.length).toBeLessThanOrEqual(4);
    expect(records.reduce((sum, { count }) => sum + count, 0)).toBe(10_000);
    expect(door.tokens.asked).toBe(0);
  });
});

describe('a request that is not as it should be', () => {
  it.each(['HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'TRACE', 'PROPFIND'])('is refused with the method %s', async (method) => {
    const text = await raw(door.port, request(door.port, path, { method }));
    expect(text).toMatch(/^HTTP\/1\.1 405 /);
    expect(text).toMatch(/\r\nAllow: GET\r\n/);
    expect(text).toMatch(/\r\nContent-Type: application\/json\r\n/);
    expect(door.tokens.asked).toBe(0);
  });

  it('is refused with the method CONNECT', async () => {
    expectRefusedInJson(
      parseAnswer(await raw(door.port, request(door.port, 'evil.test:443', { method: 'CONNECT' }))),
      400,
      'TARGET_REFUSED',
    );
  });

  it.each(['http://evil.test/v1/up', 'http://127.0.0.1/v1/up', '*'])('is refused with the target %s', async (target) => {
    const method = target === '*' ? 'OPTIONS' : 'GET';
    expectRefusedInJson(await ask(door.port, target, { method }), 400, 'TARGET_REFUSED');
  });

  it('is refused with an absolute target that names our own host and a living grant', async () => {
    expectRefusedInJson(await ask(door.port, `http://127.0.0.1:${door.port}${path}`), 400, 'TARGET_REFUSED');
  });

  it('is refused with a query', async () => {
    expectRefusedInJson(await ask(door.port, `${path}?x=1`), 400, 'TARGET_REFUSED');
  });

  it.each([null, '0', '2', '1, 1'])('is refused with the version %s', async (version) => {
    expectRefusedInJson(await ask(door.port, path, { headers: { 'X-Databricks-Metadata-Version': version } }), 400, 'VERSION_REFUSED');
  });

  it('is refused with two versions', async () => {
    expectRefusedInJson(await ask(door.port, path, { extra: ['x-databricks-metadata-version: 1'] }), 400, 'VERSION_REFUSED');
  });

  it('is refused without a workspace, and with two', async () => {
    expectRefusedInJson(await ask(door.port, path, { headers: { 'X-Databricks-Host': null } }), 403, 'WORKSPACE_MISMATCH');
    expectRefusedInJson(await ask(door.port, path, { extra: [`X-Databricks-Host: ${WORKSPACE}`] }), 403, 'WORKSPACE_MISMATCH');
  });

  it('is refused with a body', async () => {
    expectRefusedInJson(
      parseAnswer(await raw(door.port, `${request(door.port, path, { headers: { 'Content-Length': '5' } })}hello`)),
      400,
      'INPUT_INVALID',
    );
  });

  it.each([
    ['both Content-Length and Transfer-Encoding', ['Content-Length: 5', 'Transfer-Encoding: chunked']],
    ['Transfer-Encoding and Content-Length', ['Transfer-Encoding: chunked', 'Content-Length: 5']],
    ['two lengths', ['Content-Length: 0', 'Content-Length: 50']],
    ['a length that is no number', ['Content-Length: +0']],
    ['an unknown encoding', ['Transfer-Encoding: xchunked']],
    ['an encoding in disguise', ['Transfer-Encoding : chunked']],
  ])('cannot smuggle a second one in by %s', async (_name, extra) => {
    const smuggled = request(door.port, path);
    const text = await raw(door.port, request(door.port, '/v1/up', { headers: { Connection: 'keep-alive' }, extra }) + smuggled);
    const answers = text.split(/(?=HTTP\/1\.1 )/);
    expect(answers).toHaveLength(1);
    expectRefusedInJson(parseAnswer(answers[0] ?? ''), 400, 'INPUT_INVALID');
  });

  it.each([
    ['garbage', Buffer.from('\x00\x01\x02\xff\r\n\r\n', 'latin1')],
    ['words', Buffer.from('hello\r\n\r\n')],
    ['TLS', Buffer.from('160301020001000001fc0303', 'hex')],
    ['HTTP/2', Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')],
    ['HTTP/3.1', Buffer.from('GET /v1/up HTTP/3.1\r\n\r\n')],
    ['a bare line feed in a header', Buffer.from('GET /v1/up HTTP/1.1\nHost: x\n\n')],
    ['a NUL in a header', Buffer.from('GET /v1/up HTTP/1.1\r\nHost: a\0b\r\n\r\n')],
    ['a header without a name', Buffer.from('GET /v1/up HTTP/1.1\r\n: x\r\n\r\n')],
    ['a folded header', Buffer.from('GET /v1/up HTTP/1.1\r\nHost: x\r\n y\r\n\r\n')],
    ['a space in the target', Buffer.from('GET /v1/up x HTTP/1.1\r\nHost: x\r\n\r\n')],
  ])('gets JSON where it is %s', async (_name, bytes) => {
    const answer = parseAnswer(await raw(door.port, bytes, { half: true }));
    expect([400, 403]).toContain(answer.status);
    expect(answer.headers.get('content-type')).toBe('application/json');
    expectNothingGiven(answer);
  });

  it.each(['GET /v1/up\r\n\r\n', `GET /v1/metadata/x HTTP/0.9\r\n\r\n`])('gets nothing useful with an old protocol (%j)', async (bytes) => {
    const answer = parseAnswer(await raw(door.port, bytes, { half: true }));
    expect([400, 403]).toContain(answer.status);
    expectNothingGiven(answer);
  });

  it('is refused without a Host, in HTTP/1.1 and in 1.0', async () => {
    const bare = request(door.port, path, { headers: { Host: null } });
    expectRefusedInJson(parseAnswer(await raw(door.port, bare)), 403, 'HOST_REFUSED');
    expectRefusedInJson(parseAnswer(await raw(door.port, bare.replace('HTTP/1.1', 'HTTP/1.0'))), 403, 'HOST_REFUSED');
  });

  it('is cut off when its headers are too large', async () => {
    const answer = parseAnswer(await raw(door.port, request(door.port, path, { extra: [`X-Large: ${'x'.repeat(9000)}`] })));
    expectRefusedInJson(answer, 431, 'INPUT_INVALID');
  });

  it('cannot hide a header behind thousands of others', async () => {
    const many = Array.from({ length: 1900 }, () => 'a:');
    const text = request(door.port, path, { extra: [...many, 'Origin: http://evil.test'] });
    const answer = parseAnswer(await raw(door.port, text));
    expect([403, 431]).toContain(answer.status);
    expectNothingGiven(answer);
  });

  it('is answered in JSON although it expects something else', async () => {
    expect((await ask(door.port, '/v1/up', { headers: { Expect: 'a miracle' } })).body).toBe('{"up":true}');
    expectRefusedInJson(await ask(door.port, path, { headers: { Expect: '100-continue', Origin: 'x' } }), 403, 'BROWSER_REFUSED');
  });

  it('cannot get at the answer of the request before it', async () => {
    const text = await raw(door.port, `${request(door.port, '/v1/up', { headers: { Connection: 'keep-alive' } })}rubbish\r\n\r\n`);
    expect(text.match(/HTTP\/1\.1 \d{3}/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 400']);
  });
});

describe('a slow client', () => {
  it('is cut off, in JSON, and holds nobody up', { timeout: 30_000 }, async () => {
    const silent = raw(door.port, '');
    const dripping = new Promise<string>((resolve) => {
      let text = '';
      const socket = connect(door.port, '127.0.0.1', () => socket.write('GET /v1/up HTTP/1.1\r\n'));
      const drip = setInterval(() => socket.write('X-Slow: 1\r\n'), 500);
      socket.setEncoding('latin1').on('data', (more) => (text += String(more)));
      socket
        .on('error', () => undefined)
        .on('close', () => {
          clearInterval(drip);
          resolve(text);
        });
    });
    const prompt = await ask(door.port, '/v1/up');
    expect(prompt.status).toBe(200);
    for (const text of await Promise.all([silent, dripping])) expectRefusedInJson(parseAnswer(text), 408, 'INPUT_INVALID');
    expect(refusals()).toEqual(['INPUT_INVALID slow']);
  });
});

describe('a flood', () => {
  it('of two thousand connections leaves the door open for a program of ours', { timeout: 60_000 }, async () => {
    const sockets = await Promise.all(
      Array.from(
        { length: 2000 },
        () =>
          new Promise<ReturnType<typeof connect>>((resolve) => {
            const socket = connect(door.port, '127.0.0.1', () => resolve(socket));
            socket.on('error', () => undefined);
          }),
      ),
    );
    const answer = await ask(door.port, '/v1/up');
    for (const socket of sockets) socket.destroy();
    expect(answer.status).toBe(200);
  });

  it('of clients that hang up at once leaves nothing behind', { timeout: 60_000 }, async () => {
    for (let round = 0; round < 10; round++) {
      await Promise.all(
        Array.from(
          { length: 100 },
          () =>
            new Promise<void>((resolve) => {
              const socket = connect(door.port, '127.0.0.1', () => socket.resetAndDestroy());
              socket.on('error', () => undefined).on('close', () => resolve());
            }),
        ),
      );
    }
    expect((await ask(door.port, '/v1/up')).status).toBe(200);
    expect(door.tokens.asked).toBe(0);
  });
});

describe('a client that resets its connection', () => {
  it('in the middle of a CONNECT does not end the agent', async () => {
    const crashes: unknown[] = [];
    const note = (error: unknown) => void crashes.push(error);
    process.on('uncaughtException', note);
    const hangUp = () =>
      new Promise<void>((resolve) => {
        const socket = connect(door.port, '127.0.0.1', () =>
          socket.write(request(door.port, '/v1/up', { headers: { Connection: 'keep-alive' } })),
        );
        // The user on the other end has been looked up once there is an answer; the reset then meets our refusal.
        socket.once('data', () => socket.write(request(door.port, 'a:1', { method: 'CONNECT' }), () => socket.resetAndDestroy()));
        socket.on('error', () => undefined).on('close', () => resolve());
      });
    for (let round = 0; round < 10; round++) await hangUp();
    expect((await ask(door.port, '/v1/up')).status).toBe(200);
    process.off('uncaughtException', note);
    expect(crashes).toEqual([]);
    expect(refusals()).toContain('TARGET_REFUSED form');
  });
});

describe('another user of the machine', () => {
  itWithSecondUser('gets no byte, even with a living grant’s URL, and is counted', async () => {
    const other = attacker();
    const home = makeHome(other);
    try {
      const headers = ['-H', 'X-Databricks-Metadata-Version: 1', '-H', `X-Databricks-Host: ${WORKSPACE}`];
      const url = `http://127.0.0.1:${door.port}${path}`;
      for (let n = 0; n < 3; n++) {
        const { code, stdout } = await runAs(other, 'curl', ['-sS', '--max-time', '20', '-i', ...headers, url], { home });
        expect(stdout).toBe('');
        // 52: an empty reply; 56: reset. Never an answer.
        expect([52, 56]).toContain(code);
      }
    } finally {
      await rm(home, { recursive: true });
    }
    await door.clock.advance(60_000);
    expect(door.audit.of('door.foreign-user').map(({ uid, count }) => [uid, count])).toEqual([
      [other.uid, 1],
      [other.uid, 2],
    ]);
    expect(door.tokens.asked).toBe(0);
  });

  it('is whoever the kernel cannot name: such a connection gets no byte either', async () => {
    const strangers = await openDoor({ attribute: () => somebodyOf(null) });
    try {
      const { path: theirs } = await strangers.grant();
      expect(await raw(strangers.port, request(strangers.port, theirs))).toBe('');
      expect(strangers.audit.of('door.foreign-user')).toEqual([{ type: 'door.foreign-user', door: 'broker', uid: -1, count: 1 }]);
      expect(strangers.tokens.asked).toBe(0);
    } finally {
      await strangers.close();
    }
  });

  it('is anybody but the one user the door is for', async () => {
    const elsewhere = await openDoor({ uid: 54_321 });
    try {
      const { path: theirs } = await elsewhere.grant();
      expect(await raw(elsewhere.port, request(elsewhere.port, theirs))).toBe('');
      expect(elsewhere.tokens.asked).toBe(0);
    } finally {
      await elsewhere.close();
    }
  });

  it('cannot crowd the audit log with users', async () => {
    let uid = 1000;
    const crowd = await openDoor({ uid: 1, attribute: () => somebodyOf(uid++) });
    try {
      for (let n = 0; n < 300; n += 50) await Promise.all(Array.from({ length: 50 }, () => raw(crowd.port, 'x')));
      expect(crowd.audit.events.length).toBeLessThanOrEqual(66);
    } finally {
      await crowd.close();
    }
  });
});

describe('a connection from another address of this machine', () => {
  it('gets no byte, whoever makes it', async () => {
    const answer = await new Promise<string>((resolve) => {
      let text = '';
      const socket = connect({ port: door.port, host: '127.0.0.1', localAddress: '127.0.0.2' }, () =>
        socket.write(request(door.port, '/v1/up')),
      );
      socket
        .on('data', (more) => (text += String(more)))
        .on('error', () => undefined)
        .on('close', () => resolve(text));
    });
    expect(answer).toBe('');
    expect(refusals()).toEqual(['HOST_REFUSED peer-address']);
  });
});

describe('connections that wait for the look-up of their user', () => {
  it('are capped, and those that wait do not suffer', { timeout: 60_000 }, async () => {
    const waiting: (() => void)[] = [];
    const ours = process.getuid?.() ?? -1;
    const slow = await openDoor({
      attribute: () => new Promise((resolve) => waiting.push(() => resolve(somebodyOf(ours)))),
    });
    try {
      const asked = Array.from({ length: 2048 }, () => raw(slow.port, request(slow.port, '/v1/up')));
      await expect.poll(() => waiting.length, { timeout: 30_000 }).toBe(2048);
      expect(await raw(slow.port, request(slow.port, '/v1/up'))).toBe('');
      for (const go of waiting) go();
      const answers = await Promise.all(asked);
      expect(answers.filter((text) => !text.endsWith('{"up":true}'))).toEqual([]);
      expect(slow.audit.of('door.refused')).toEqual([
        { type: 'door.refused', door: 'broker', code: 'DOOR_BUSY', reason: 'look-ups', count: 1 },
      ]);
    } finally {
      await slow.close();
    }
  });
});

describe('a squatter on the port', () => {
  it.each(['127.0.0.1', '0.0.0.0', '::'])('on %s makes us move, end every grant and say so', async (host) => {
    const { folder, clock, port: oldPort } = door;
    const { grant } = await door.grant();
    await door.broker.close();
    const heard: string[] = [];
    const squatter = createServer((socket) => socket.on('data', (bytes) => heard.push(String(bytes))));
    await new Promise<void>((resolve) => squatter.listen({ port: oldPort, host }, resolve));
    const moved = await openDoor({ folder, clock });
    try {
      expect(moved.moved).toBe(true);
      expect(moved.port).not.toBe(oldPort);
      expect(readFileSync(join(folder, 'port'), 'utf8')).toBe(`${moved.port}\n`);
      expect(moved.grants.get(grant.id)?.state).toBe('revoked');
      expect(moved.audit.of('grant.ended').map(({ why }) => why)).toContain('port-moved');
      // The URL the squatter may have harvested opens nothing at the new port.
      expect(failureOf(await ask(moved.port, path))).toBe('GRANT_REVOKED');
      expect(heard).toEqual([]);
    } finally {
      await moved.close();
      await closed(squatter);
    }
  });

  it('ends the grants, too, when nobody knows any more which port they were for', async () => {
    const { folder, clock } = door;
    await door.broker.close();
    writeFileSync(join(folder, 'port'), 'forgotten');
    const moved = await openDoor({ folder, clock });
    expect(moved.moved).toBe(true);
    expect(failureOf(await ask(moved.port, path))).toBe('GRANT_REVOKED');
    await moved.close();
  });

  it('does not matter to a first start, which has nothing to lose', () => {
    expect(door.moved).toBe(false);
  });

  const closed = (server: Server) => new Promise<void>((resolve) => server.close(() => resolve()));
});
