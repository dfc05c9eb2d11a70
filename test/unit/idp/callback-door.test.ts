/** The callback door over real sockets: what a page, another user and a slow client can and cannot do there. */
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { judgeResponse } from '../../../main/idp/authorization-response.ts';
import { type CallbackDoor, type CallbackDoorParts, openCallbackDoor } from '../../../main/idp/callback-door.ts';
import { seconds } from '../../../main/units.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { recordingAudit } from '../../fakes/recording-audit.ts';
import { ISSUER } from './profiles.ts';

const STATE = 's'.repeat(43);
const US = 1000;
const RIGHT = `/callback?code=c-1&state=${STATE}&iss=${encodeURIComponent(ISSUER)}`;

async function bench(change: Partial<CallbackDoorParts> = {}) {
  const clock = fakeClock();
  const audit = recordingAudit();
  const judge = (params: URLSearchParams) => judgeResponse(params, { state: STATE, issuer: ISSUER, issPromised: true });
  const peerUid = { lookup: async () => US };
  const door = await openCallbackDoor({
    host: '127.0.0.1',
    ports: [],
    path: '/callback',
    judge,
    peerUid,
    uid: US,
    clock,
    audit,
    log: () => {},
    ...change,
  });
  onTestFinished(() => door.close());
  const port = Number(new URL(door.redirectUri).port);
  const host = `127.0.0.1:${port}`;
  const get = (target: string, headers = `Host: ${host}\r\n`) => exchange(port, `GET ${target} HTTP/1.1\r\n${headers}\r\n`);
  return { clock, audit, door, port, host, get };
}

const open = new Set<Socket>();
afterEach(() => {
  for (const socket of open) socket.destroy();
  open.clear();
});

function dial(port: number): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = connect({ host: '127.0.0.1', port }, () => resolve(socket));
  socket.on('error', reject);
  open.add(socket);
  return promise;
}

/** Everything that comes back until the other side closes. */
async function exchange(port: number, text: string): Promise<string> {
  const socket = await dial(port);
  const parts: Buffer[] = [];
  const { promise, resolve } = Promise.withResolvers<string>();
  socket.on('data', (part) => parts.push(part));
  socket.on('close', () => resolve(Buffer.concat(parts).toString()));
  socket.write(text);
  return promise;
}
const closed = (socket: Socket) => new Promise<void>((resolve) => (socket.destroyed ? resolve() : socket.once('close', () => resolve())));
const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]);
const isWaiting = async ({ answer }: CallbackDoor) => (await Promise.race([answer, Promise.resolve('waiting')])) === 'waiting';
const isListening = (port: number) =>
  dial(port).then(
    () => true,
    () => false,
  );

/** Where the browser that has brought the answer is sent on to. */
const landingOf = (answer: string): string => /^Location: http:\/\/[^/]+(\S+)\r$/m.exec(answer)?.[1] ?? '';

describe('the callback door', () => {
  it('takes the answer, sends the browser on to a clean address, shows it one page and is gone', async () => {
    const { door, get, host, port } = await bench();
    const first = await get(RIGHT);
    expect(statusOf(first)).toBe(303);
    expect(first).toMatch(new RegExp(`Location: http://${host}/callback/done/[\\w-]{22}\\r\\n`));
    await expect(door.answer).resolves.toEqual({ kind: 'code', code: 'c-1' });
    await door.finish('signed-in');
    const page = await get(landingOf(first));
    expect(statusOf(page)).toBe(200);
    expect(await isListening(port)).toBe(false);
  });

  it('sends headers with which nothing of the address leaves the browser, with every answer', async () => {
    const { door, get } = await bench();
    const early = [await get('/favicon.ico'), await get('/callback?state=x'), await get(RIGHT)];
    await door.finish('signed-in');
    for (const answer of [...early, await get(landingOf(early[2] ?? ''))]) {
      expect(answer).toContain("Content-Security-Policy: default-src 'none';");
      expect(answer).toContain('Referrer-Policy: no-referrer\r\n');
      expect(answer).toContain('Cache-Control: no-store\r\n');
      expect(answer).toContain('X-Content-Type-Options: nosniff\r\n');
      expect(answer).toContain('Connection: close\r\n');
      expect(answer).not.toContain('Access-Control');
      expect(answer).toContain('<link rel="icon" href="data:,">');
      expect(answer).not.toMatch(/c-1|ssss/);
    }
  });

  it.each([
    ['a wrong state', `/callback?code=evil&state=${'t'.repeat(43)}&iss=${encodeURIComponent(ISSUER)}`, 'state'],
    ['no state', '/callback?code=evil', 'state'],
    ['an error with a wrong state', '/callback?error=access_denied&state=x', 'state'],
    ['another issuer', `/callback?code=evil&state=${STATE}&iss=https%3A%2F%2Fevil.test`, 'iss'],
    ['an error of another issuer', `/callback?error=access_denied&state=${STATE}&iss=https%3A%2F%2Fevil.test`, 'iss'],
    ['two codes', `${RIGHT}&code=evil`, 'duplicate'],
  ])('goes on waiting after %s, and audits it once', async (_, target, reason) => {
    const { door, get, audit } = await bench();
    expect(statusOf(await get(target))).toBe(400);
    expect(statusOf(await get(target))).toBe(400);
    expect(await isWaiting(door)).toBe(true);
    expect(statusOf(await get(RIGHT))).toBe(303);
    await door.close();
    expect(audit.of('door.refused')).toEqual([
      { type: 'door.refused', door: 'callback', code: 'LOGIN_RESPONSE_INVALID', reason, count: 2 },
    ]);
  });

  it('takes an error of the provider as the answer', async () => {
    const { door, get } = await bench();
    expect(statusOf(await get(`/callback?error=access_denied&state=${STATE}&iss=${encodeURIComponent(ISSUER)}`))).toBe(303);
    await expect(door.answer).resolves.toEqual({ kind: 'error', error: 'access_denied' });
  });

  it.each<['signed-in' | 'failed', string]>([
    ['signed-in', 'You are signed in.'],
    ['failed', 'The sign-in did not succeed.'],
  ])('holds its last page until it is known how the sign-in went: %s', async (how, heading) => {
    const { door, get, clock } = await bench();
    const page = get(landingOf(await get(RIGHT)));
    await expect.poll(() => clock.pending).toBe(3); // the door's own end, the connection's, and the wait for the outcome
    await door.finish(how);
    expect(await page).toContain(`<h1>${heading}</h1>`);
  });

  it('says after two seconds that it does not know, rather than what is not so', async () => {
    const { door, get, clock } = await bench();
    const page = get(landingOf(await get(RIGHT)));
    await expect.poll(() => clock.pending).toBe(3);
    await clock.advance(seconds(2));
    expect(await page).toContain('<h1>Back to Lakepass</h1>');
    await door.finish('signed-in');
    expect(clock.pending).toBe(0);
  });

  it('leads the tab that brought the answer onwards, and no other', async () => {
    const { door, get, port } = await bench();
    const landing = landingOf(await get(RIGHT));
    await door.finish('signed-in', new URL('http://lakepass.localhost:2000/#code'));
    for (const guess of ['/callback/done', '/callback/done/', `/callback/done/${'A'.repeat(22)}`])
      expect(statusOf(await get(guess))).toBe(404);
    expect(await isListening(port)).toBe(true);
    expect(await get(landing)).toContain('Location: http://lakepass.localhost:2000/#code\r\n');
    expect(await isListening(port)).toBe(false);
  });

  it('leads nowhere after a sign-in that failed', async () => {
    const { door, get } = await bench();
    const landing = landingOf(await get(RIGHT));
    await door.finish('failed', new URL('http://lakepass.localhost:2000/#code'));
    expect(statusOf(await get(landing))).toBe(200);
  });

  it('takes no second answer', async () => {
    const { get } = await bench();
    expect(statusOf(await get(RIGHT))).toBe(303);
    expect(statusOf(await get(RIGHT))).toBe(404);
  });

  it('does not show its last page before the answer', async () => {
    const { door, get } = await bench();
    expect(statusOf(await get('/callback/done'))).toBe(404);
    expect(await isWaiting(door)).toBe(true);
  });

  // What a hostile page was seen to send, row by row: the attempts that arrive must all be refused, but a navigation without the state.
  it.each<[string, (host: string) => string, number]>([
    [
      'a no-cors fetch',
      (host) =>
        `GET ${RIGHT} HTTP/1.1\r\nHost: ${host}\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: empty\r\n\r\n`,
      403,
    ],
    [
      'a form that posts text',
      (host) =>
        `POST ${RIGHT} HTTP/1.1\r\nHost: ${host}\r\nOrigin: https://evil.test\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\nx`,
      403,
    ],
    ['a form that posts without Origin', (host) => `POST ${RIGHT} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 1\r\n\r\nx`, 405],
    [
      'a preflight',
      (host) => `OPTIONS ${RIGHT} HTTP/1.1\r\nHost: ${host}\r\nOrigin: https://evil.test\r\nAccess-Control-Request-Method: POST\r\n\r\n`,
      403,
    ],
    [
      'an image',
      (host) =>
        `GET ${RIGHT} HTTP/1.1\r\nHost: ${host}\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\n\r\n`,
      403,
    ],
    [
      'a frame',
      (host) =>
        `GET ${RIGHT} HTTP/1.1\r\nHost: ${host}\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n\r\n`,
      403,
    ],
    ['a rebound name', () => `GET ${RIGHT} HTTP/1.1\r\nHost: evil.test:1\r\n\r\n`, 421],
    ['two Hosts', (host) => `GET ${RIGHT} HTTP/1.1\r\nHost: ${host}\r\nHost: evil.test\r\n\r\n`, 421],
    ['no Host', () => `GET ${RIGHT} HTTP/1.1\r\n\r\n`, 421],
    ['an absolute target', (host) => `GET http://${host}${RIGHT} HTTP/1.1\r\nHost: ${host}\r\n\r\n`, 400],
    ['a favicon', (host) => `GET /favicon.ico HTTP/1.1\r\nHost: ${host}\r\nReferer: http://${host}${RIGHT}\r\n\r\n`, 404],
    ['headers of seventeen kilobytes', (host) => `GET ${RIGHT} HTTP/1.1\r\nHost: ${host}\r\nX: ${'x'.repeat(17_000)}\r\n\r\n`, 400],
    ['bytes that are not HTTP', () => '\u0016\u0003\u0001\u0000\r\n\r\n', 400],
    [
      'a get and a second request behind it',
      (host) => `GET /x HTTP/1.1\r\nHost: ${host}\r\n\r\nGET ${RIGHT} HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
      404,
    ],
  ])('refuses %s, even with the right state, and goes on waiting', async (_, request, status) => {
    const { door, port, host } = await bench();
    expect(statusOf(await exchange(port, request(host)))).toBe(status);
    expect(await isWaiting(door)).toBe(true);
  });

  it('lets the navigation of a page in, which without the state is worth nothing', async () => {
    const { door, get, host } = await bench();
    const headers = `Host: ${host}\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n`;
    expect(statusOf(await get('/callback?code=evil&state=guess', headers))).toBe(400);
    expect(await isWaiting(door)).toBe(true);
    expect(statusOf(await get(RIGHT, headers))).toBe(303);
  });

  it.each<[string, () => Promise<number | null>, number]>([
    ['another user', async () => 1001, 1001],
    ['root', async () => 0, 0],
    ['a user the system cannot name', async () => null, -1],
    ['a user when the look-up fails', async () => Promise.reject(new Error('no table')), -1],
  ])('drops %s before a byte is read, and audits it', async (_, lookup, uid) => {
    const { door, port, host, audit } = await bench({ peerUid: { lookup } });
    expect(await exchange(port, `GET ${RIGHT} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)).toBe('');
    expect(await isWaiting(door)).toBe(true);
    await door.close();
    expect(audit.events).toEqual([{ type: 'door.foreign-user', door: 'callback', uid, count: 1 }]);
  });

  it('drops a connection from another loopback address: it can have the port of a connection of ours, which is then looked up', async () => {
    const { audit, door, port, host } = await bench();
    const socket = connect({ host: '127.0.0.1', port, localAddress: '127.0.0.2' });
    open.add(socket);
    let heard = '';
    socket.on('data', (part) => (heard += part)).on('error', () => undefined);
    socket.write(`GET ${RIGHT} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    await closed(socket);
    expect(heard).toBe('');
    expect(await isWaiting(door)).toBe(true);
    await door.close();
    expect(audit.events).toEqual([{ type: 'door.foreign-user', door: 'callback', uid: -1, count: 1 }]);
  });

  it('asks for the user of exactly the connection that came', async () => {
    const asked: unknown[] = [];
    const lookup = async (peer: unknown) => {
      asked.push(peer);
      return US;
    };
    const { port } = await bench({ peerUid: { lookup } });
    const socket = await dial(port);
    const remotePort = socket.localPort;
    socket.resume().write('x\r\n\r\n');
    await closed(socket);
    expect(asked).toEqual([{ localPort: port, remotePort }]);
  });

  it('ends a connection that says nothing or only a little within three seconds, and serves others meanwhile', async () => {
    const { clock, get, port } = await bench();
    const silent = (await dial(port)).resume();
    const slow = (await dial(port)).resume();
    slow.write('GET /callback?co');
    silent.on('error', () => {});
    slow.on('error', () => {});
    expect(statusOf(await get('/favicon.ico'))).toBe(404);
    await clock.advance(seconds(3) - 1);
    expect(slow.destroyed).toBe(false);
    await clock.advance(1);
    await expect.poll(() => [silent.destroyed, slow.destroyed]).toEqual([true, true]);
    expect(statusOf(await get(RIGHT))).toBe(303);
  });

  it('ends a connection whose user nobody can tell in time', async () => {
    const { clock, port } = await bench({ peerUid: { lookup: () => new Promise(() => {}) } });
    const socket = await dial(port);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await clock.advance(seconds(3));
    await closed(socket);
  });

  it('is not blocked by a crowd of silent connections: the oldest make room', async () => {
    const { get, port } = await bench();
    const crowd = await Promise.all(Array.from({ length: 40 }, () => dial(port)));
    for (const socket of crowd) socket.on('error', () => {});
    expect(statusOf(await get(RIGHT))).toBe(303);
    await expect.poll(() => crowd.filter(({ destroyed }) => destroyed).length).toBeGreaterThanOrEqual(8);
  });

  it('listens on 127.0.0.1 and nowhere else', async () => {
    const { door, port } = await bench();
    expect(new URL(door.redirectUri).hostname).toBe('127.0.0.1');
    const elsewhere = connect({ host: '127.0.0.2', port });
    await expect(new Promise((resolve, reject) => elsewhere.on('connect', resolve).on('error', reject))).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    });
  });

  it('takes the first registered port that is free', async () => {
    const { port: busy } = await bench();
    const free = await freePort();
    const { port } = await bench({ ports: [busy, free] });
    expect(port).toBe(free);
  });

  it('says LOGIN_PORT_BUSY when all registered ports are taken', async () => {
    const { port: busy } = await bench();
    await expect(bench({ ports: [busy] })).rejects.toMatchObject({
      code: 'LOGIN_PORT_BUSY',
      detail: expect.stringContaining(String(busy)),
    });
  });

  it('waits five seconds for the last page, then is gone', async () => {
    const { clock, door, get, port } = await bench();
    await get(RIGHT);
    await door.finish('failed');
    await clock.advance(seconds(5) - 1);
    expect(await isListening(port)).toBe(true);
    await clock.advance(1);
    await door.close();
    expect(await isListening(port)).toBe(false);
    expect(clock.pending).toBe(0);
  });

  it('is gone at once when the sign-in is over without an answer', async () => {
    const { door, port, clock } = await bench();
    await door.finish('failed');
    expect(await isListening(port)).toBe(false);
    expect(clock.pending).toBe(0);
  });

  it('says in the log when audit cannot be written, and still closes', async () => {
    const events: string[] = [];
    const { door, get, audit, port } = await bench({ log: (event) => events.push(event) });
    await get('/x');
    audit.fail();
    await door.close();
    expect(events).toEqual(['callback.audit-unwritable']);
    expect(await isListening(port)).toBe(false);
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
