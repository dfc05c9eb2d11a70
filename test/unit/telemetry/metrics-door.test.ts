/** The door for metrics over real sockets: who gets numbers there, and who does not. */
import { connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { AppError } from '../../../main/app-error.ts';
import { createDoorTally } from '../../../main/audit/door-tally.ts';
import { createTally } from '../../../main/audit/tally.ts';
import { unknownCaller } from '../../../main/caller/caller.ts';
import { Secret } from '../../../main/secret.ts';
import { openMetricsDoor } from '../../../main/telemetry/metrics-door.ts';
import type { HealthView } from '../../../preload/contract/health.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { recordingAudit } from '../../fakes/recording-audit.ts';

const TOKEN = 'right-token';
const RIGHT = `Authorization: Bearer ${TOKEN}\r\n`;

async function opened({ uid = 1000, health = { state: 'ok', at: '', dependencies: [] } as HealthView, broken = false } = {}) {
  const audit = recordingAudit();
  const tally = createTally({ clock: fakeClock(), audit, log: () => undefined });
  const texts = { asked: 0 };
  const door = await openMetricsDoor({
    ...{
      port: 0,
      token: new Secret(TOKEN),
      health: async () => health,
      attribute: async () => ({ uid, caller: unknownCaller }),
      uid: 1000,
    },
    text() {
      texts.asked += 1;
      if (broken) throw new TypeError('secret of a bug');
      return '# HELP a A.\n# TYPE a gauge\na{name="\u00e9"} 1\n';
    },
    ...{ tally: createDoorTally('metrics', tally), log: () => undefined },
  });
  onTestFinished(async () => {
    tally.close();
    await door.close();
  });
  const host = `127.0.0.1:${door.port}`;
  const send = (text: string, address = '127.0.0.1') =>
    new Promise<string>((resolve) => {
      const parts: Buffer[] = [];
      const socket = connect({ host: address, port: door.port }, () => socket.write(text));
      socket.on('data', (part) => parts.push(part));
      socket.on('error', () => undefined);
      socket.on('close', () => resolve(Buffer.concat(parts).toString()));
    });
  const get = (path: string, headers = RIGHT) => send(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${headers}\r\n`);
  return { audit, texts, host, send, get };
}

const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0);

describe('the door for metrics', () => {
  it('gives numbers to whoever has the token', async () => {
    const { get } = await opened();
    const answer = await get('/metrics');
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(answer).toMatch(/^Content-Type: text\/plain; version=0\.0\.4$/im);
    expect(answer).toMatch(/^Cache-Control: no-store$/im);
    expect(answer.endsWith('\r\n\r\n# HELP a A.\n# TYPE a gauge\na{name="?"} 1\n')).toBe(true);
  });

  it('closes the connection of another user unread', async () => {
    const { get, audit, texts } = await opened({ uid: 1001 });
    expect(await get('/metrics')).toBe('');
    expect(texts.asked).toBe(0);
    expect(audit.of('door.foreign-user')).toEqual([{ type: 'door.foreign-user', door: 'metrics', uid: 1001, count: 1 }]);
  });

  it.each<[string, string]>([
    ['no token', ''],
    ['another token', 'Authorization: Bearer other\r\n'],
    ['the beginning of the token', `Authorization: Bearer ${TOKEN.slice(0, -1)}\r\n`],
    ['more than the token', `Authorization: Bearer ${TOKEN}x\r\n`],
    ['the token without its scheme', `Authorization: ${TOKEN}\r\n`],
    ['the token in another header', `X-Authorization: Bearer ${TOKEN}\r\n`],
    ['the token beside another', `${RIGHT}Authorization: Bearer other\r\n`],
  ])('refuses %s', async (_, headers) => {
    const { get, texts, audit } = await opened();
    for (const path of ['/metrics', '/health', '/x']) {
      const answer = await get(path, headers);
      expect(statusOf(answer)).toBe(401);
      expect(answer).toContain('METRICS_TOKEN_WRONG');
      expect(answer).not.toContain(TOKEN);
    }
    expect(texts.asked).toBe(0);
    expect(audit.of('door.refused')[0]).toMatchObject({ door: 'metrics', code: 'METRICS_TOKEN_WRONG' });
  });

  it.each<[string, (host: string) => string, number]>([
    ['another host', () => `GET /metrics HTTP/1.1\r\nHost: evil.example\r\n${RIGHT}\r\n`, 403],
    ['no host', () => `GET /metrics HTTP/1.1\r\n${RIGHT}\r\n`, 403],
    ['two hosts', (host) => `GET /metrics HTTP/1.1\r\nHost: ${host}\r\nHost: ${host}\r\n${RIGHT}\r\n`, 403],
    ['a page', (host) => `GET /metrics HTTP/1.1\r\nHost: ${host}\r\nOrigin: https://evil.example\r\n${RIGHT}\r\n`, 403],
    ['a page of its own origin', (host) => `GET /metrics HTTP/1.1\r\nHost: ${host}\r\nSec-Fetch-Site: none\r\n${RIGHT}\r\n`, 403],
    ['a cookie', (host) => `GET /metrics HTTP/1.1\r\nHost: ${host}\r\nCookie: a=b\r\n${RIGHT}\r\n`, 403],
    ['another method', (host) => `POST /metrics HTTP/1.1\r\nHost: ${host}\r\n${RIGHT}\r\n`, 405],
    ['a body', (host) => `GET /metrics HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 2\r\n${RIGHT}\r\nab`, 400],
    ['a query', (host) => `GET /metrics?token=${TOKEN} HTTP/1.1\r\nHost: ${host}\r\n${RIGHT}\r\n`, 400],
    ['a whole address', (host) => `GET http://${host}/metrics HTTP/1.1\r\nHost: ${host}\r\n${RIGHT}\r\n`, 400],
    ['another path', (host) => `GET /metrics/ HTTP/1.1\r\nHost: ${host}\r\n${RIGHT}\r\n`, 404],
    ['a tunnel', (host) => `CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\n${RIGHT}\r\n`, 405],
    ['what is no request', () => 'hello\r\n\r\n', 400],
  ])('refuses, token or not, %s', async (_, text, status) => {
    const { send, host, texts } = await opened();
    expect(statusOf(await send(text(host)))).toBe(status);
    expect(texts.asked).toBe(0);
  });

  it('tells of health by codes alone, and by its status', async () => {
    const problem = new AppError('AUDIT_SINK_REFUSED', { detail: '/home/alice/secret' }).toFailure();
    const failing = {
      state: 'failing',
      at: 'now',
      dependencies: [{ kind: 'sink', name: 'a', state: 'failing', tookMs: 1, problem }],
    } as const;
    const answer = await (await opened({ health: { ...failing, dependencies: [...failing.dependencies] } })).get('/health');
    expect(statusOf(answer)).toBe(503);
    expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))).toEqual({
      ...{ state: 'failing', at: 'now' },
      dependencies: [{ kind: 'sink', name: 'a', state: 'failing', tookMs: 1, code: 'AUDIT_SINK_REFUSED' }],
    });
    expect(statusOf(await (await opened()).get('/health'))).toBe(200);
  });

  it('says nothing where a bug is', async () => {
    const { get } = await opened({ broken: true });
    expect(await get('/metrics')).toBe('');
  });
});
