/** The control door over a real socket: what it refuses before a route runs, and what it answers. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { AppError } from '../../../main/app-error.ts';
import { type Caller, unknownCaller } from '../../../main/caller/caller.ts';
import { type ControlDoor, createControlDoor, type Route, route } from '../../../main/control/door.ts';

let folder: string;
let socketPath: string;
let door: ControlDoor;
let calls: unknown[];
/** Nonces that programs have shown to the broker, and whose each is; taken once. */
let shown: Map<string, Caller>;
let claims: string[];
let refusals: unknown[];

const kernel: Caller = {
  ...unknownCaller,
  kind: 'program',
  process: { pid: 4711, startTicks: 9, uid: 1000, executable: '/usr/bin/python3', commandLine: null, folder: null, cgroup: null },
};
const nonce = 'AbCdEfGhIjKlMnOpQrSt-_';
/** Settled by routes whose client has gone. */
let gone: PromiseWithResolvers<string>;

const routes = (): Route[] => [
  route('POST', '/v1/echo', z.strictObject({ word: z.string().max(20).optional() }), ({ input }) => {
    calls.push(input);
    return { json: { echo: input.word } };
  }),
  route('GET', '/v1/thing/', z.strictObject({}), ({ rest }) => ({ json: { rest } })),
  route('GET', '/v1/stream', z.strictObject({}), () => ({
    lines: async (send) => {
      send({ line: 1 });
      send({ line: 2 });
    },
  })),
  route('GET', '/v1/flood', z.strictObject({}), () => ({
    lines: async (send) => {
      for (let n = 0; n < 20_000; n++) send({ filler: 'x'.repeat(1000) });
    },
  })),
  route('GET', '/v1/who', z.strictObject({}), ({ by }) => ({ json: { pid: by.process?.pid ?? null } })),
  route(
    'POST',
    '/v1/ask',
    z.strictObject({ word: z.string() }),
    ({ input, by }) => {
      calls.push(input);
      return { lines: async (send) => send({ word: input.word, pid: by.process?.pid }) };
    },
    'attributed',
  ),
  route('POST', '/v1/waits', z.strictObject({}), ({ signal }) => ({
    lines: async (send) => {
      send({ asking: true });
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      gone.resolve('withdrawn');
    },
  })),
  route('POST', '/v1/ponders', z.strictObject({}), async ({ signal }) => {
    calls.push('pondering');
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    gone.resolve('given up');
    return { json: null };
  }),
  route('POST', '/v1/stumbles', z.strictObject({}), () => ({
    lines: async (send) => {
      send({ asking: true });
      throw new AppError('CONSENT_DENIED');
    },
  })),
  route('GET', '/v1/fails', z.strictObject({}), () => {
    throw new AppError('GRANT_UNKNOWN');
  }),
  route('GET', '/v1/bug', z.strictObject({}), () => {
    throw new Error('with a secret in it: eyJhbGciOi');
  }),
];

const open = (path = socketPath): ControlDoor =>
  createControlDoor({
    ...{ socketPath: path, routes: routes(), log: () => undefined },
    claim(named) {
      claims.push(named);
      const by = shown.get(named);
      shown.delete(named);
      return by;
    },
    refused: (verb, code, by) => void refusals.push([verb, code, by.process?.pid ?? null]),
  });

beforeEach(async () => {
  [calls, claims, refusals] = [[], [], []];
  shown = new Map([[nonce, kernel]]);
  gone = Promise.withResolvers();
  folder = mkdtempSync(join(tmpdir(), 'lpc-'));
  socketPath = join(folder, 'control.sock');
  door = open();
  await door.start();
});
afterEach(async () => {
  await door.close();
  rmSync(folder, { recursive: true });
});

/** One raw exchange; resolves with the status, the body and whether the door let the connection live. */
function raw(request: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath, () => socket.end(request));
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk) => (text += chunk));
    socket.on('error', (error: NodeJS.ErrnoException) => (text === '' && error.code !== 'EPIPE' ? reject(error) : undefined));
    socket.on('close', () => {
      const [head = '', ...body] = text.split('\r\n\r\n');
      resolve({ status: Number(head.split(' ')[1] ?? 0), body: body.join('\r\n\r\n') });
    });
  });
}

const post = (body: string, headers: readonly string[] = ['Content-Type: application/json'], target = '/v1/echo') =>
  raw(
    [
      `POST ${target} HTTP/1.1`,
      'Host: lakepass',
      'Connection: close',
      `Content-Length: ${Buffer.byteLength(body)}`,
      ...headers,
      '',
      body,
    ].join('\r\n'),
  );
const get = (target: string, headers: readonly string[] = []) =>
  raw([`GET ${target} HTTP/1.1`, 'Host: lakepass', 'Connection: close', ...headers, '', ''].join('\r\n'));
const codeOf = ({ body }: { body: string }): string => JSON.parse(body).failure.code;

describe('the socket', () => {
  it('is open to its owner alone', () => {
    expect(statSync(socketPath).mode & 0o777).toBe(0o600);
  });

  it('is not opened twice while somebody answers on it', async () => {
    await expect(open().start()).rejects.toMatchObject({ code: 'AGENT_RUNNING' });
  });

  it('takes the place of one that a dead agent left behind', async () => {
    const path = join(folder, 'stale.sock');
    const dies = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
    expect(spawnSync(process.execPath, ['-e', dies]).signal).toBe('SIGKILL');
    expect(statSync(path).isSocket()).toBe(true);
    const second = open(path);
    await second.start();
    await second.close();
  });

  it.each([
    ['a file', (path: string) => writeFileSync(path, 'planted')],
    ['a link', (path: string) => symlinkSync(socketPath, path)],
  ])('is refused where %s was planted in its place', async (_, plant) => {
    const path = join(folder, 'planted.sock');
    plant(path);
    await expect(open(path).start()).rejects.toMatchObject({ code: 'RUNTIME_UNSAFE', reason: 'socket' });
  });
});

describe('requests', () => {
  it('reach their route with parsed input', async () => {
    expect(await post('{"word":"hello"}')).toEqual({ status: 200, body: JSON.stringify({ echo: 'hello' }, null, 2) });
    expect(JSON.parse((await get('/v1/thing/a/b')).body)).toEqual({ rest: ['a', 'b'] });
  });

  it('may be answered by a stream of JSON lines', async () => {
    expect((await get('/v1/stream')).body).toContain('{"line":1}\n');
  });

  it('keep little for a reader that has stopped', async () => {
    const { body } = await get('/v1/flood');
    expect(body).toContain('{"filler":');
    expect(body.length).toBeLessThan(1_000_000);
  });

  it.each([
    'Origin: null',
    'Origin: https://evil.example',
    'Referer: http://x/',
    'Cookie: a=b',
    'Sec-Fetch-Site: none',
    'Sec-Fetch-Dest: empty',
    'Sec-Fetch-Mode: cors',
    'Access-Control-Request-Method: POST',
  ])('with the browser header %j are refused', async (header) => {
    expect(codeOf(await post('{"word":"x"}', ['Content-Type: application/json', header]))).toBe('BROWSER_REFUSED');
    expect(calls).toEqual([]);
  });

  it.each(['http://lakepass/v1/echo', '*'])('with the target %j are refused', async (target) => {
    expect(codeOf(await post('{"word":"x"}', ['Content-Type: application/json'], target))).toBe('TARGET_REFUSED');
    expect(calls).toEqual([]);
  });

  it.each([
    ['text/plain', 'content-type'],
    ['application/x-www-form-urlencoded', 'content-type'],
    ['application/jsonx', 'content-type'],
  ])('with the content type %s are refused', async (type, reason) => {
    const answer = await post('{"word":"x"}', [`Content-Type: ${type}`]);
    expect(JSON.parse(answer.body).failure).toMatchObject({ code: 'INPUT_INVALID', reason });
    expect(calls).toEqual([]);
  });

  it.each([
    ['', 'json'],
    ['{', 'json'],
    ['[]', 'body'],
    ['null', 'body'],
    ['{"word":1}', 'word'],
    ['{"word":"x","more":1}', 'body'],
    ['{"__proto__":{"word":"x"}}', 'body'],
    [`{"word":"${'x'.repeat(21)}"}`, 'word'],
  ])('with the body %j are refused by the field', async (body, reason) => {
    expect(JSON.parse((await post(body)).body).failure).toMatchObject({ code: 'INPUT_INVALID', reason });
    expect(calls).toEqual([]);
  });

  it('with a body beyond the limit are refused before it is parsed', async () => {
    const answer = await post(`{"word":"x"}${' '.repeat(20_000)}`);
    expect(JSON.parse(answer.body).failure).toMatchObject({ code: 'INPUT_INVALID', reason: 'size' });
    expect(calls).toEqual([]);
  });

  it.each([
    ['DELETE', '/v1/echo'],
    ['GET', '/v1/echo'],
    ['OPTIONS', '/v1/echo'],
    ['GET', '/v1/echo/'],
    ['GET', '/'],
    ['GET', '//v1/echo'],
  ])('for %s %s find nothing', async (method, target) => {
    expect(codeOf(await raw(`${method} ${target} HTTP/1.1\r\nHost: lakepass\r\nConnection: close\r\n\r\n`))).toBe('ROUTE_UNKNOWN');
  });

  it('that fail are told the failure, and a bug keeps its text to itself', async () => {
    expect(codeOf(await get('/v1/fails'))).toBe('GRANT_UNKNOWN');
    const bug = await get('/v1/bug');
    expect(bug.status).toBe(500);
    expect(codeOf(bug)).toBe('INTERNAL');
    expect(bug.body).not.toContain('eyJ');
  });
});

describe('streams', () => {
  const begin = (path: string): Promise<{ end(): void; until(text: string): Promise<void> }> =>
    new Promise((resolve, reject) => {
      const socket = connect(socketPath, () => {
        socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`);
        let text = '';
        socket.setEncoding('utf8').on('data', (chunk) => (text += chunk));
        resolve({
          end: () => socket.destroy(),
          until: (words) =>
            new Promise((heard) => {
              const look = () => text.includes(words) && heard();
              socket.on('data', look);
              look();
            }),
        });
      });
      socket.on('error', reject);
    });

  it('answer what is asked with a body, and withdraw it when the client goes away', async () => {
    const client = await begin('/v1/waits');
    await client.until('{"asking":true}');
    client.end();
    expect(await gone.promise).toBe('withdrawn');
  });

  it('that have not begun are given up just the same', async () => {
    const client = await begin('/v1/ponders');
    await vi.waitUntil(() => calls.length > 0, { timeout: 30_000 });
    client.end();
    expect(await gone.promise).toBe('given up');
  });

  it('that fail say so in their last line', async () => {
    const { status, body } = await post('{}', undefined, '/v1/stumbles');
    expect(status).toBe(200);
    expect(body).toContain('{"asking":true}');
    expect(body).toMatch(/\{"failure":\{"code":"CONSENT_DENIED"/);
    expect(refusals).toEqual([['/v1/stumbles', 'CONSENT_DENIED', null]]);
  });
});

describe('who asks', () => {
  const json = 'Content-Type: application/json';
  const ask = (...headers: string[]) => post('{"word":"x"}', [json, ...headers], '/v1/ask');
  const failureOf = ({ status, body }: { status: number; body: string }) => {
    expect(status).toBe(400);
    return JSON.parse(body).failure;
  };

  it('is the program that has shown the nonce to the broker', async () => {
    expect((await ask(`Lakepass-Caller: ${nonce}`)).body).toContain('{"word":"x","pid":4711}');
    expect(refusals).toEqual([]);
  });

  it('is named where a route does not insist on it, too', async () => {
    expect(JSON.parse((await get('/v1/who', [`Lakepass-Caller: ${nonce}`])).body)).toEqual({ pid: 4711 });
    expect(JSON.parse((await get('/v1/who')).body)).toEqual({ pid: null });
  });

  it('has to be proven anew for every request', async () => {
    await ask(`Lakepass-Caller: ${nonce}`);
    expect(failureOf(await ask(`Lakepass-Caller: ${nonce}`))).toMatchObject({ code: 'CALLER_UNPROVEN', reason: 'unknown' });
  });

  it('counts as used up although the request itself is refused', async () => {
    await get('/v1/who', [`Lakepass-Caller: ${nonce}`]);
    expect(failureOf(await ask(`Lakepass-Caller: ${nonce}`)).code).toBe('CALLER_UNPROVEN');
  });

  it('must be proven where a right is made, and is refused without a nonce', async () => {
    expect(failureOf(await ask())).toMatchObject({ code: 'CALLER_UNPROVEN', reason: 'missing' });
    expect(calls).toEqual([]);
    expect(refusals).toEqual([['/v1/ask', 'CALLER_UNPROVEN', null]]);
  });

  it('is nobody where two nonces are named', async () => {
    const answer = await ask(`Lakepass-Caller: ${nonce}`, `Lakepass-Caller: ${nonce}`);
    expect(failureOf(answer)).toMatchObject({ code: 'CALLER_UNPROVEN', reason: 'several' });
    expect(calls).toEqual([]);
  });

  it.each([
    ['', 'empty'],
    ['x'.repeat(21), 'too short'],
    ['x'.repeat(44), 'too long'],
    [`${nonce}, ${nonce}`, 'two in one'],
    [`${nonce}=`, 'with padding'],
    ['__proto__', 'a name of the language'],
    ['../../v1/metadata/xxxxxxxxxx', 'a path'],
  ])('is never looked up by %j (%s)', async (foreign) => {
    shown.set(foreign, kernel);
    expect(failureOf(await ask(`Lakepass-Caller: ${foreign}`))).toMatchObject({ code: 'CALLER_UNPROVEN', reason: 'shape' });
    expect(claims).toEqual([]);
    expect(calls).toEqual([]);
  });

  it('is checked before the body is looked at', async () => {
    const answer = await post('not JSON at all', [json], '/v1/ask');
    expect(failureOf(answer).code).toBe('CALLER_UNPROVEN');
  });

  it('is told, with what was refused, to whoever keeps the record', async () => {
    await post('{"word":1}', [json, `Lakepass-Caller: ${nonce}`], '/v1/ask');
    await get('/nowhere');
    expect(refusals).toEqual([
      ['/v1/ask', 'INPUT_INVALID', 4711],
      ['unknown', 'ROUTE_UNKNOWN', null],
    ]);
  });
});
