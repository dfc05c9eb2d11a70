/** The scripted person does at a page what a person and a browser do, so that tests through it mean something. */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { type VerifiedRegistrationResponse, verifyAuthenticationResponse, verifyRegistrationResponse } from '@simplewebauthn/server';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { overLoopback, type PageRequest, scriptedPerson, throughCurl } from '../../fixtures/scripted-person.ts';
import { createSoftwareKey } from '../../fixtures/software-key/software-key.ts';

type Routes = Record<string, (body: Record<string, unknown>, request: IncomingMessage) => unknown>;

let server: Server;
let port: number;
let routes: Routes;
let seen: { path: string; host: string; origin: string; bearer: string; body: Record<string, unknown> }[];
beforeEach(async () => {
  [routes, seen] = [{ '/v1/enter': ({ code }) => (code === 'code' ? { bearer: 'pass' } : undefined) }, []];
  server = createServer(async (request, response) => {
    const body = JSON.parse(await text(request));
    const path = String(request.url);
    const { host = '', origin = '', authorization = '' } = request.headers;
    seen.push({ path, host, origin, bearer: authorization, body });
    const answer = routes[path]?.(body, request);
    response.statusCode = answer === undefined ? 403 : 200;
    response.end(JSON.stringify(answer ?? { failure: { code: 'PAGE_REFUSED' } }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
afterEach(() => new Promise((resolve) => server.close(resolve)));

const ui = () => `http://127.0.0.1:${port}/#code`;
const ceremony = (code = 'code') => `http://lakepass.localhost:${port}/#${code}`;
const prompt = { id: 'a1', purpose: 'create', approval: 'click', spans: ['grant', 'once'], answerableAt: null as string | null };
const stateOf = (...asks: object[]) => ({ revision: 1, status: { queue: { asks }, tapKeys: [], lock: { state: 'open' } }, grants: [] });

it('shows the exact Host and Origin of its page, and the bearer of that page', async () => {
  routes['/v1/state'] = () => stateOf();
  await (await scriptedPerson().openUi(ui())).state();
  const origin = `http://127.0.0.1:${port}`;
  expect(seen).toEqual([
    { path: '/v1/enter', host: `127.0.0.1:${port}`, origin, bearer: '', body: { code: 'code' } },
    { path: '/v1/state', host: `127.0.0.1:${port}`, origin, bearer: 'Bearer pass', body: {} },
  ]);
});

it('tells the code of what a page refuses', async () => {
  await expect(scriptedPerson().openCeremony(ceremony('spent'))).rejects.toMatchObject({ code: 'PAGE_REFUSED', status: 403 });
});

it.each(['http://127.0.0.1:1/#x', 'https://lakepass.localhost:1/#x', 'http://lakepass.localhost.evil.example/#x'])(
  'does not hold a ceremony at %s',
  async (address) => {
    await expect(scriptedPerson().openCeremony(address)).rejects.toThrow('expects a page of lakepass.localhost');
    expect(seen).toEqual([]);
  },
);

describe('a click', () => {
  it('comes when the request may be answered, not before', async () => {
    let shownAt = 0;
    routes['/v1/shown'] = ({ ask }) => {
      shownAt = Date.now();
      return { ask };
    };
    const answerable = () => (shownAt === 0 ? null : new Date(shownAt + 40).toISOString());
    routes['/v1/state'] = () => stateOf({ ...prompt, answerableAt: answerable() });
    let answeredAt = 0;
    routes['/v1/answer'] = () => {
      answeredAt = Date.now();
      return {};
    };
    await (await scriptedPerson().openUi(ui())).approve();
    expect(seen.at(-1)?.body).toEqual({ verdict: 'approved', ask: 'a1', span: 'grant' });
    expect(answeredAt).toBeGreaterThanOrEqual(shownAt + 40);
  });

  it('can be a no, as far as the person wants it to reach', async () => {
    routes['/v1/state'] = () => stateOf(prompt);
    routes['/v1/shown'] = routes['/v1/answer'] = () => ({});
    await (await scriptedPerson().openUi(ui())).deny(undefined, 'run');
    expect(seen.at(-1)?.body).toEqual({ verdict: 'denied', ask: 'a1', reach: 'run' });
  });
});

describe('a ceremony', () => {
  const challenge = Buffer.alloc(32, 7).toString('base64url');
  const expected = () => ({
    ...{ expectedChallenge: challenge, expectedOrigin: `http://lakepass.localhost:${port}`, expectedRPID: 'lakepass.localhost' },
  });
  const creation = {
    ...{ rp: { id: 'lakepass.localhost', name: 'Lakepass' }, user: { id: 'dQ', name: 'u', displayName: 'u' }, challenge },
    pubKeyCredParams: [{ type: 'public-key', alg: -7 }],
  };

  it('makes a credential, then uses it, as the steps of the page ask', async () => {
    let registered: VerifiedRegistrationResponse | undefined;
    let step = 0;
    const views = [{ touch: 'create' }, { touch: 'get' }];
    routes['/v1/ceremony'] = () => views[0];
    routes['/v1/ceremony/options'] = () => ({
      id: `c${step}`,
      options:
        step === 0
          ? creation
          : {
              challenge,
              rpId: 'lakepass.localhost',
              allowCredentials: [{ id: registered?.registrationInfo?.credential.id, type: 'public-key' }],
            },
    });
    const responses: unknown[] = [];
    routes['/v1/ceremony/finish'] = ({ response }) => {
      responses.push(response);
      return step++ === 0 ? { done: false, view: views[1], next: null } : { done: true, view: null, next: ui() };
    };
    const key = createSoftwareKey();
    const originalCreate = key.create.bind(key);
    key.create = (options, origin) => {
      const made = originalCreate(options, origin);
      registered = { registrationInfo: { credential: { id: made.id } } } as VerifiedRegistrationResponse;
      return made;
    };
    expect(await (await scriptedPerson({ key }).openCeremony(ceremony())).tap('blue key')).toBe(ui());
    const [made, used] = responses as [
      Parameters<typeof verifyRegistrationResponse>[0]['response'],
      Parameters<typeof verifyAuthenticationResponse>[0]['response'],
    ];
    const { verified, registrationInfo } = await verifyRegistrationResponse({ response: made, ...expected() });
    expect(verified).toBe(true);
    const credential = registrationInfo?.credential;
    if (credential === undefined) throw new Error('no credential');
    expect((await verifyAuthenticationResponse({ response: used, credential, ...expected() })).verified).toBe(true);
    expect(seen.at(-1)?.body).toMatchObject({ id: 'c1', name: 'blue key' });
    expect(seen.at(-1)?.host).toBe(`lakepass.localhost:${port}`);
  });
});

it('travels through curl just the same', async () => {
  routes['/v1/state'] = () => stateOf(prompt);
  const sent: PageRequest[] = [];
  const pretended = throughCurl(async (args) => {
    const at = (option: string) => args[args.indexOf(option) + 1] ?? '';
    const headers = Object.fromEntries(
      args.flatMap((arg, index) => (args[index - 1] === '-H' ? [arg.split(/: (.*)/s).slice(0, 2)] : [])) as [string, string][],
    );
    const request = { url: new URL(args.at(-1) ?? ''), headers, body: at('--data-binary') };
    sent.push(request);
    const { status, body } = await overLoopback(request);
    return { code: 0, stdout: `${body}\n${status}`, stderr: '' };
  });
  expect((await (await scriptedPerson({ send: pretended }).openUi(ui())).prompt()).id).toBe('a1');
  expect(sent.at(-1)?.headers).toMatchObject({ host: `127.0.0.1:${port}`, authorization: 'Bearer pass' });
});
