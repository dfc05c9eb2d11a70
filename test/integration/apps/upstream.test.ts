/** What answers on the port of an app is looked at by the system's own table before it is sent anything, and its token has a lease. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createNetServer } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createLease } from '../../../main/apps/lease.ts';
import { connectToApp } from '../../../main/apps/upstream.ts';
import type { Attribution } from '../../../main/caller/caller.ts';
import { createCallers, type LinuxCallers } from '../../../main/caller/callers.ts';
import { systemClock } from '../../../main/system-clock.ts';
import { type EpochMs, ms, seconds } from '../../../main/units.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';

const uid = process.getuid?.() ?? -1;
let callers: LinuxCallers;
let child: ChildProcess | undefined;
beforeAll(() => {
  callers = createCallers({ uid });
});
afterAll(() => callers.close());
afterEach(() => child?.kill('SIGKILL'));

/** A program of its own that listens, on the address that is named. */
async function startProgram(address = '127.0.0.1'): Promise<{ port: number; pid: number }> {
  const text = `require('node:net').createServer((s) => s.on('error', () => 0)).listen(0, '${address}', function () { console.log(this.address().port) })`;
  child = spawn(process.execPath, ['-e', text], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout as NonNullable<typeof child.stdout>, 'data');
  return { port: Number(String(line)), pid: child.pid ?? -1 };
}
const parts = (port: number, isApp: (found: Attribution) => boolean = () => true) => ({
  ...{ port, uid, isApp, clock: systemClock, attribute: callers.attribute },
});

describe('a connection to an app', () => {
  it.each(['127.0.0.1', '::1'])('is made where the app listens, on %s, and names the program', async (address) => {
    const { port, pid } = await startProgram(address);
    let seen: Attribution | undefined;
    const socket = await connectToApp(
      parts(port, (found) => {
        seen = found;
        return true;
      }),
    );
    expect(seen?.caller.process?.pid).toBe(pid);
    expect(seen?.caller.ancestors.map((each) => each.pid)).toContain(process.pid);
    socket.destroy();
  });

  it('is cut where another program has the port', async () => {
    const { port } = await startProgram();
    await expect(connectToApp(parts(port, () => false))).rejects.toMatchObject({ code: 'APP_NOT_OURS', reason: 'program' });
  });

  it('is cut where another user has it', async () => {
    const { port } = await startProgram();
    await expect(connectToApp({ ...parts(port), uid: uid + 1 })).rejects.toMatchObject({ code: 'APP_NOT_OURS', reason: 'user' });
  });

  it('is refused where nobody listens', async () => {
    const server = createNetServer();
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as AddressInfo;
    await new Promise((done) => server.close(done));
    await expect(connectToApp(parts(port))).rejects.toMatchObject({ code: 'APP_NOT_UP', reason: 'refused' });
  });

  it('is given up where the system names nobody', async () => {
    const { port } = await startProgram();
    const looks = [0, 4000, 8000, 12_000];
    const clock = { ...systemClock, elapsed: () => ms(looks.shift() ?? 12_000) };
    const attribute = async (): Promise<Attribution> => ({ uid: null, caller: {} as never });
    await expect(connectToApp({ ...parts(port), clock, attribute })).rejects.toMatchObject({ code: 'APP_NOT_UP', reason: 'slow' });
  });
});

describe('the token of an app', () => {
  let broker: Server;
  let asked: (string | undefined)[][] = [];
  let answer: { status: number; body: unknown } = { status: 200, body: {} };
  let url = '';
  beforeAll(async () => {
    broker = createServer((request, response) => {
      asked.push([
        request.url,
        request.headers.host,
        request.headers['x-databricks-metadata-version'] as string,
        request.headers['x-databricks-host'] as string,
      ]);
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body));
    });
    await new Promise<void>((done) => broker.listen(0, '127.0.0.1', done));
    url = `http://127.0.0.1:${(broker.address() as AddressInfo).port}/v1/metadata/grant`;
  });
  afterAll(() => new Promise((done) => broker.close(done)));
  afterEach(() => {
    asked = [];
  });
  const workspace = 'https://acme.cloud.databricks.com';
  const given = (token: string, until: EpochMs) => ({
    status: 200,
    body: { access_token: token, token_type: 'Bearer', expires_on: Math.floor(until / 1000) },
  });

  it('is asked for once by all who wait, kept for its lease, and asked for again after it', async () => {
    const clock = fakeClock();
    const lease = createLease({ clock, url, workspace });
    answer = given('first', (clock.now() + seconds(300)) as EpochMs);
    const tokens = await Promise.all([lease.token(), lease.token(), lease.token()]);
    expect(tokens.map((token) => token.reveal())).toEqual(['first', 'first', 'first']);
    expect(asked).toEqual([['/v1/metadata/grant', new URL(url).host, '1', workspace]]);
    answer = given('second', (clock.now() + seconds(600)) as EpochMs);
    await clock.advance(seconds(290));
    expect((await lease.token()).reveal()).toBe('first');
    await clock.advance(seconds(6));
    expect((await lease.token()).reveal()).toBe('second');
    expect(asked).toHaveLength(2);
  });

  it.each<[string, { status: number; body: unknown }, string]>([
    ['a refusal', { status: 403, body: { error: 'GRANT_REVOKED', message: '', next: '' } }, 'GRANT_REVOKED'],
    ['a refusal that says 200, to a client that was kept waiting', { status: 200, body: { error: 'POLICY_DENIED' } }, 'POLICY_DENIED'],
    ['a refusal with a token in it', { status: 403, body: { access_token: 'stolen', expires_on: 9_999_999_999 } }, 'INTERNAL'],
    ['something else', { status: 200, body: 'hello' }, 'INTERNAL'],
  ])('is not taken from %s, and asked for again the next time', async (_, said, code) => {
    const clock = fakeClock();
    const lease = createLease({ clock, url, workspace });
    answer = said;
    await expect(lease.token()).rejects.toMatchObject({ code });
    answer = given('later', (clock.now() + seconds(300)) as EpochMs);
    expect((await lease.token()).reveal()).toBe('later');
  });

  it('is asked of the broker of our own user alone: who holds its port after its end learns no grant and gives no token', async () => {
    const port = Number(new URL(url).port);
    const asOf = (user: number) => () => connectToApp({ ...parts(port), uid: user });
    answer = given('from another user', (fakeClock().now() + seconds(300)) as EpochMs);
    await expect(createLease({ clock: fakeClock(), url, workspace, connect: asOf(uid + 1) }).token()).rejects.toMatchObject({
      code: 'AGENT_NOT_RUNNING',
    });
    expect(asked).toEqual([]);
    expect((await createLease({ clock: fakeClock(), url, workspace, connect: asOf(uid) }).token()).reveal()).toBe('from another user');
  });

  it('is not there without a broker', async () => {
    const lease = createLease({ clock: fakeClock(), url: 'http://127.0.0.1:1/v1/metadata/x', workspace });
    await expect(lease.token()).rejects.toMatchObject({ code: 'AGENT_NOT_RUNNING' });
  });
});
