/** Out through a company's network: real sockets, a real CONNECT proxy, real certificates of an authority nobody else knows. */

import { execFile as execFileCallback } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type ServerOptions } from 'node:https';
import { type AddressInfo, createServer as createSocketServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect, promisify } from 'node:util';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { AppError } from '../../../main/app-error.ts';
import { systemClock } from '../../../main/host-ports.ts';
import { contentOf, isChanged, readAuthorities } from '../../../main/net/ca-file.ts';
import { createOutbound } from '../../../main/net/outbound.ts';
import { type ProxyOptions, startProxy } from '../../fixtures/proxy.ts';
import { createTlsIdentity } from '../../fixtures/workspace/tls-door.ts';

const execFile = promisify(execFileCallback);
const HOST = 'login.acme.test';
const acme = createTlsIdentity({ authorityName: 'Acme Inspection CA', hosts: [HOST, 'localhost'] });

function caFile(text = acme.ca, mode = 0o600): string {
  const folder = mkdtempSync(join(tmpdir(), 'lp-ca-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'ca.pem');
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
}

interface Seen {
  method: string | undefined;
  url: string | undefined;
  headers: NodeJS.Dict<string | string[]>;
  body: string;
}

async function startServer(options: ServerOptions = {}) {
  const seen: Seen[] = [];
  const server = createServer({ cert: acme.cert, key: acme.key, ...options }, async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    seen.push({ method: request.method, url: request.url, headers: request.headers, body: Buffer.concat(parts).toString() });
    response.writeHead(request.url === '/moved' ? 302 : 200, { location: '/elsewhere', 'x-answer': 'yes' });
    if (request.url === '/endless') response.write('hello');
    else response.end('hello');
  });
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const connections = () =>
    new Promise((resolve, reject) => server.getConnections((error, count) => (error ? reject(error) : resolve(count))));
  return { seen, connections, port: (server.address() as AddressInfo).port };
}

/** Answers each request with these bytes, and ends nothing by itself. */
async function startRaw(head: string) {
  const closed = Promise.withResolvers<void>();
  const server = createSocketServer((socket) => {
    socket.on('error', () => undefined).once('close', () => closed.resolve());
    socket.once('data', () => socket.write(head, 'latin1'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const connections = () =>
    new Promise((resolve, reject) => server.getConnections((error, count) => (error ? reject(error) : resolve(count))));
  return { port: (server.address() as AddressInfo).port, closed: closed.promise, connections };
}

async function startCompany(options: Partial<ProxyOptions> = {}) {
  const server = await startServer();
  const proxy = await startProxy({ hosts: { [`${HOST}:443`]: server.port }, ...options });
  onTestFinished(() => proxy.close());
  return { server, proxy };
}

function outbound(env: NodeJS.ProcessEnv = {}, file: string | null = caFile()) {
  const line = createOutbound({ env, clock: systemClock });
  if (file !== null) line.use({ caFile: file, caContent: contentOf(file) });
  return line.fetch;
}

const failureOf = async (answer: Promise<unknown>): Promise<AppError> => {
  const error = await answer.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(AppError);
  return error as AppError;
};

describe('a request', () => {
  it('goes straight to a server whose authority the file names, once, and comes back whole', async () => {
    const { port, seen } = await startServer();
    const answer = await outbound()(`https://localhost:${port}/token?x=1`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'x' }),
      headers: { accept: 'application/json' },
    });
    expect([answer.status, answer.headers.get('x-answer'), await answer.text()]).toEqual([200, 'yes', 'hello']);
    expect(seen).toMatchObject([{ method: 'POST', url: '/token?x=1', body: 'grant_type=x' }]);
    expect(seen[0]?.headers).toMatchObject({
      host: `localhost:${port}`,
      'content-type': 'application/x-www-form-urlencoded;charset=UTF-8',
      'content-length': '12',
    });
  });

  it('follows no redirect', async () => {
    const { port, seen } = await startServer();
    expect((await outbound()(`https://localhost:${port}/moved`)).status).toBe(302);
    expect(seen).toHaveLength(1);
  });

  it('that is cancelled before anybody answers has not left', async () => {
    const taken = Promise.withResolvers<void>();
    const silent = createSocketServer(() => taken.resolve());
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void silent.close());
    const cancel = new AbortController();
    const answer = outbound()(`https://localhost:${(silent.address() as AddressInfo).port}/`, { signal: cancel.signal });
    void taken.promise.then(() => cancel.abort(new Error('enough')));
    await expect(answer).rejects.toMatchObject({ code: 'NOT_CONNECTED', cause: { message: 'enough' } });
  });

  it('that is cancelled while it is answered ends at once', async () => {
    const { port } = await startServer();
    const cancel = new AbortController();
    const answer = await outbound()(`https://localhost:${port}/endless`, { signal: cancel.signal });
    const text = answer.text();
    cancel.abort(new Error('enough'));
    await expect(text).rejects.toThrow();
  });

  it('whose answer nobody reads to its end leaves no connection behind', async () => {
    const { port, connections } = await startServer();
    const fetch = outbound();
    const cancelled = await fetch(`https://localhost:${port}/endless`);
    await cancelled.body?.cancel();
    const left = await fetch(`https://localhost:${port}/endless`);
    for await (const _ of left.body ?? []) break;
    await expect.poll(connections).toBe(0);
  });

  it.each([
    ['changes the protocol, which nobody asked for', 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'],
    ['has a status that no answer may have', 'HTTP/1.1 999 No\r\nContent-Length: 9\r\n\r\n'],
    ['has a reason that no answer may have', 'HTTP/1.1 200 \x01\r\nContent-Length: 9\r\n\r\n'],
  ])('whose answer %s fails at once and leaves no connection behind', async (_, head) => {
    const { port, closed, connections } = await startRaw(head);
    const failed = outbound()(`http://127.0.0.1:${port}/`).then(
      () => 'answered',
      () => 'failed',
    );
    expect(await Promise.race([failed, closed.then(() => 'never')])).toBe('failed');
    await expect.poll(connections).toBe(0);
  });

  it('that nobody takes is known not to have left', async () => {
    const { port } = await startServer();
    await expect(outbound()(`https://127.0.0.1:${port === 9 ? 10 : 9}/`)).rejects.toMatchObject({ code: 'NOT_CONNECTED' });
  });
});

describe('through the proxy', () => {
  it('a request reaches a host that only the proxy can find, and the proxy reads nothing of it', async () => {
    const { server, proxy } = await startCompany();
    const fetch = outbound({ HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` });
    const answer = await fetch(`https://${HOST}/secret`, { headers: { authorization: 'Bearer s3cret' } });
    expect(await answer.text()).toBe('hello');
    expect(proxy.asked).toEqual([{ target: `${HOST}:443`, status: 200 }]);
    expect(server.seen).toMatchObject([{ url: '/secret', headers: { host: HOST, authorization: 'Bearer s3cret' } }]);
    expect(server.seen[0]?.headers).not.toHaveProperty('proxy-authorization');
  });

  it('with a login of its own, a request goes; the login goes to the proxy alone', async () => {
    const { server, proxy } = await startCompany({ login: { name: 'anna', password: 'p@ss/word' } });
    const fetch = outbound({ HTTPS_PROXY: `http://anna:p%40ss%2Fword@127.0.0.1:${proxy.port}` });
    expect((await fetch(`https://${HOST}/`)).status).toBe(200);
    expect(inspect(server.seen)).not.toMatch(/proxy-authorization/i);
  });

  it('in https of its own, a request goes too', async () => {
    const { proxy } = await startCompany({ tls: { cert: acme.cert, key: acme.key } });
    expect((await outbound({ HTTPS_PROXY: `https://localhost:${proxy.port}` })(`https://${HOST}/`)).status).toBe(200);
  });

  it('nothing goes that is for this machine', async () => {
    const { server, proxy } = await startCompany();
    const url = `http://127.0.0.1:${proxy.port}`;
    const fetch = outbound({ HTTPS_PROXY: url, https_proxy: url, HTTP_PROXY: url, http_proxy: url });
    expect((await fetch(`https://localhost:${server.port}/`)).status).toBe(200);
    expect(proxy.asked).toEqual([]);
  });

  it('a login that is missing is asked for by its name, and a wrong one is in no error', async () => {
    const { proxy } = await startCompany({ login: { name: 'anna', password: 'right' }, asks: 'NTLM, <script>' });
    const failure = await failureOf(outbound({ HTTPS_PROXY: `http://anna:hunter2@127.0.0.1:${proxy.port}` })(`https://${HOST}/`));
    expect(failure).toMatchObject({ code: 'PROXY_REFUSED', reason: 'login' });
    expect(failure.detail).toBe(`The proxy 127.0.0.1:${proxy.port} asks for NTLM; Lakepass knows Basic.`);
    expect(inspect(failure, { depth: 12, showHidden: true })).not.toMatch(/hunter2|aHVudGVyMg|YW5uYT/);
  });

  it('what the proxy forbids is refused, with the host to allow', async () => {
    const { proxy } = await startCompany({ hosts: {} });
    const failure = await failureOf(outbound({ HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` })(`https://${HOST}/`));
    expect(failure).toMatchObject({ code: 'PROXY_REFUSED', reason: 'host' });
    expect(failure.detail).toContain(HOST);
  });

  it('what the proxy itself cannot reach is told from a refusal', async () => {
    const { proxy } = await startCompany({ hosts: { [`${HOST}:443`]: 9 } });
    const failure = await failureOf(outbound({ HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` })(`https://${HOST}/`));
    expect(failure).toMatchObject({ code: 'PROXY_UNREACHABLE', reason: 'gateway' });
  });

  it('nothing goes where the proxy is away, and its password is in no error', async () => {
    const failure = await failureOf(outbound({ HTTPS_PROXY: 'http://anna:hunter2@127.0.0.1:9' })(`https://${HOST}/`));
    expect(failure).toMatchObject({ code: 'PROXY_UNREACHABLE', reason: 'connection', detail: 'The proxy 127.0.0.1:9 does not answer.' });
    expect(inspect(failure, { depth: 12, showHidden: true })).not.toContain('hunter2');
  });

  it('nothing goes where the variable is of no use', async () => {
    await expect(outbound({ HTTPS_PROXY: 'socks5://127.0.0.1:9' })(`https://${HOST}/`)).rejects.toMatchObject({ code: 'PROXY_INVALID' });
  });
});

describe('certificates', () => {
  it('of an authority that nobody named are refused, with its name and the way to believe it', async () => {
    const { server, proxy } = await startCompany();
    const failure = await failureOf(outbound({ HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` }, null)(`https://${HOST}/`));
    expect(failure).toMatchObject({ code: 'SERVER_UNTRUSTED', reason: 'authority' });
    expect(failure.detail).toBe(
      `The certificate of ${HOST} was issued by “Acme Inspection CA”; company authorities go into a file named as \`network.caFile\`.`,
    );
    expect(server.seen).toEqual([]);
  });

  it('are checked although NODE_TLS_REJECT_UNAUTHORIZED says not to', async () => {
    const { port, seen } = await startServer();
    const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    onTestFinished(() => {
      if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
      else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before;
    });
    const outcome = await outbound({}, null)(`https://localhost:${port}/`).catch((error: unknown) => error);
    expect(outcome).toMatchObject({ code: 'SERVER_UNTRUSTED' });
    expect(seen).toEqual([]);
  });

  it('with a hostile name say it without its odd letters', async () => {
    const evil = createTlsIdentity({ authorityName: 'Evil\u001b[31m\nCA <b>`x`' });
    const { port } = await startServer({ cert: evil.cert, key: evil.key });
    const failure = await failureOf(outbound()(`https://localhost:${port}/`));
    expect(failure.detail).toContain('“Evil??31m?CA ?b??x?”');
  });

  it('for another name are refused', async () => {
    const { port } = await startServer();
    const other = createTlsIdentity({ hosts: ['elsewhere.test'] });
    const { port: wrong } = await startServer({ cert: other.cert, key: other.key });
    const fetch = outbound({}, caFile(acme.ca + other.ca));
    expect((await fetch(`https://localhost:${port}/`)).status).toBe(200);
    await expect(fetch(`https://localhost:${wrong}/`)).rejects.toMatchObject({ cause: { code: 'ERR_TLS_CERT_ALTNAME_INVALID' } });
  });

  it('of a file that has changed since it was approved are not used, and nothing is connected to, until they are approved', async () => {
    const { port, seen } = await startServer();
    const file = caFile(createTlsIdentity().ca);
    const line = createOutbound({ env: {}, clock: systemClock });
    line.use({ caFile: file, caContent: contentOf(file) });
    const asked = () => line.fetch(`https://localhost:${port}/`);
    await expect(asked()).rejects.toMatchObject({ code: 'SERVER_UNTRUSTED' });
    writeFileSync(file, acme.ca);
    await expect(asked()).rejects.toMatchObject({ code: 'CA_FILE_UNUSABLE', reason: 'changed' });
    expect(seen).toEqual([]);
    line.use({ caFile: file, caContent: contentOf(file) });
    expect((await asked()).status).toBe(200);
  });

  it('of a file of which nothing was approved are not used', () => {
    const file = caFile();
    for (const caContent of [undefined, null, '', 'administrator'])
      expect(() => readAuthorities({ caFile: file, caContent })).toThrow(
        expect.objectContaining({ code: 'CA_FILE_UNUSABLE', reason: 'changed' }),
      );
    expect(readAuthorities({ caFile: file, caContent: contentOf(file) })).toHaveLength(1);
  });

  it('of a file of the administrator’s count as they are: nothing that runs as the person can change them', () => {
    const system = '/etc/ssl/certs/ca-certificates.crt';
    const person = vi.spyOn(process, 'getuid').mockReturnValue(1000);
    onTestFinished(() => person.mockRestore());
    expect(contentOf(system)).toBe('administrator');
    expect(readAuthorities({ caFile: system, caContent: null }).length).toBeGreaterThan(1);
    expect(isChanged({ caFile: system, caContent: 'of the person before' })).toBe(false);
  });

  it('are not believed because the environment names their authority', async () => {
    const { port, seen } = await startServer();
    const file = caFile();
    const program = `
      import { systemClock } from '${new URL('../../../main/system-clock.ts', import.meta.url)}';
      import { createOutbound } from '${new URL('../../../main/net/outbound.ts', import.meta.url)}';
      const { fetch } = createOutbound({ env: {}, clock: systemClock });
      console.log(await fetch('https://localhost:${port}/').then(({ status }) => status, ({ code }) => code));`;
    for (const name of ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE']) {
      const child = execFile(process.execPath, ['--input-type=module', '-e', program], { env: { ...process.env, [name]: file } });
      const said = (await child).stdout.trim();
      expect({ name, said }).toEqual({ name, said: 'SERVER_UNTRUSTED' });
    }
    expect(seen).toEqual([]);
  });

  it.each([
    ['mode', acme.ca, 0o666],
    ['form', 'no certificate', 0o600],
    ['form', acme.ca.replace(/[A-Za-z0-9]{40}/, 'A'.repeat(40)), 0o600],
    ['size', acme.ca + ' '.repeat(1024 * 1024), 0o600],
  ])('of a file with the wrong %s are not used, and nothing is connected to', async (reason, text, mode) => {
    const { port, seen } = await startServer();
    const outcome = await outbound({}, caFile(text, mode))(`https://localhost:${port}/`).catch((error: unknown) => error);
    expect(outcome).toMatchObject({ code: 'CA_FILE_UNUSABLE', reason });
    expect(seen).toEqual([]);
  });

  it('of a file that is gone are missed, and nothing is connected to', async () => {
    await expect(outbound({}, '/nowhere/ca.pem')('https://localhost:9/')).rejects.toMatchObject({
      code: 'CA_FILE_UNUSABLE',
      reason: 'unreadable',
    });
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('of ours are demanded by a server in %s: that is said, and none is sent', async (maxVersion) => {
    const { port, seen } = await startServer({ requestCert: true, rejectUnauthorized: true, ca: [acme.ca], maxVersion });
    const failure = await failureOf(outbound()(`https://localhost:${port}/`, { method: 'POST', body: 'x' }));
    expect(failure).toMatchObject({ code: 'CLIENT_CERTIFICATE_DEMANDED', detail: expect.stringContaining('localhost') });
    expect(seen).toEqual([]);
  });

  it('are not what a server means that shares no cipher with us', async () => {
    const { port } = await startServer({ maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' });
    const outcome = await outbound()(`https://localhost:${port}/`).catch((error: unknown) => error);
    expect(outcome).toMatchObject({ code: 'NOT_CONNECTED', cause: { code: expect.stringMatching(/ALERT_HANDSHAKE_FAILURE$/) } });
  });
});
