/**
 * Tap keys in a real Chromium with its own virtual authenticator: what our registry asks for, a browser understands, and what a
 * browser answers, our registry believes exactly as far as it should. The page is a bare one; what it does, the ceremony page does.
 */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { type Browser, type BrowserContext, type CDPSession, chromium, type Page } from '@playwright/test';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { TapKeys } from '../../main/passkey/tap-keys.ts';
import { CHROMIUM_ENGINE, WAIT_MS } from '../hosts/chromium.ts';
import { kept, person, type Setting, setting, verdict } from '../unit/passkey/setting.ts';

const bound = { kind: 'unlock', nonce: 'shown' };
/** The library as a page loads it: a script that leaves one global behind. */
const library = readFileSync(
  createRequire(import.meta.url)
    .resolve('@simplewebauthn/browser')
    .replace(/(esm|script)\/index\.js$/, 'dist/bundle/index.umd.min.js'),
);

/** Two ways to speak JSON with a key. The library leaves the extensions to the page, so it turns salts and results itself. */
const PAGE = `<!doctype html><title>ceremony</title><script src="/library.js"></script><script>
const bytes = (text) => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
const outcome = (promise) => promise.then((answer) => JSON.parse(JSON.stringify(answer)), (error) => ({ error: error.name }));
const own = {
  create: async (options) => (await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })).toJSON(),
  get: async (options) => (await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) })).toJSON(),
};
const library = {
  create: (optionsJSON) => SimpleWebAuthnBrowser.startRegistration({ optionsJSON }),
  get: async (options) => {
    const optionsJSON = structuredClone(options);
    const salts = optionsJSON.extensions?.prf?.evalByCredential ?? {};
    for (const values of Object.values(salts)) values.first = bytes(values.first);
    const answer = await SimpleWebAuthnBrowser.startAuthentication({ optionsJSON });
    const results = answer.clientExtensionResults.prf?.results;
    return results === undefined ? answer : { ...answer, clientExtensionResults: { prf: { results: { first: text(results.first) } } } };
  },
};
globalThis.ceremony = (way, kind, options) => outcome({ own, library }[way][kind](options));
</script>`;

type Way = 'own' | 'library';

let browser: Browser;
let context: BrowserContext;
let page: Page;
let cdp: CDPSession;
const servers: Server[] = [];
let origin: string;
let otherPort: string;
let all: Setting;
let keys: TapKeys;

/** The page on a port of its own. */
async function serve(): Promise<string> {
  const server = createServer((request, response) => {
    const isLibrary = request.url === '/library.js';
    response.setHeader('content-type', isLibrary ? 'text/javascript' : 'text/html').end(isLibrary ? library : PAGE);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://lakepass.localhost:${(server.address() as AddressInfo).port}`;
}

beforeAll(async () => {
  [origin, otherPort] = [await serve(), await serve()];
  browser = await chromium.launch({
    executablePath: CHROMIUM_ENGINE,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--host-resolver-rules=MAP lakepass.localhost 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1',
    ],
  });
});

afterAll(async () => {
  await browser?.close();
  for (const server of servers) server.close();
});

beforeEach(async () => {
  all = setting();
  keys = await all.start();
  context = await browser.newContext();
  context.setDefaultTimeout(WAIT_MS);
  page = await context.newPage();
  cdp = await context.newCDPSession(page);
  await cdp.send('WebAuthn.enable');
  await page.goto(origin);
});

afterEach(() => context.close());

async function virtualKey(more: { hasPrf?: boolean; hasUserVerification?: boolean } = {}): Promise<string> {
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      ctap2Version: 'ctap2_1',
      transport: 'usb',
      hasResidentKey: true,
      hasUserVerification: true,
      hasPrf: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
      ...more,
    },
  });
  return authenticatorId;
}

const inPage = (way: Way, kind: 'create' | 'get', options: unknown): Promise<unknown> =>
  page.evaluate(`ceremony(${JSON.stringify(way)}, ${JSON.stringify(kind)}, ${JSON.stringify(options)})`);

async function enrol(way: Way = 'own', name = '') {
  const { id, options } = await keys.beginEnrol({ origin, person });
  return keys.finishEnrol(id, await inPage(way, 'create', options), name);
}

async function tap(way: Way = 'own', prf = false) {
  const { id, options } = await keys.beginTap({ origin, bound, userVerification: 'preferred', prf });
  return keys.finishTap(id, await inPage(way, 'get', options), bound);
}

describe.each<[string, Way]>([
  ["the browser's own JSON", 'own'],
  ['@simplewebauthn/browser', 'library'],
])('a person in Chromium, by way of %s', (_name, way) => {
  it('enrols a key and touches it', async () => {
    await virtualKey();
    const view = await enrol(way, 'Blue one');
    expect(view).toMatchObject({ name: 'Blue one', attested: false, hardwareBound: true, canSeal: true });
    const { touch, prf } = await tap(way);
    expect(touch).toMatchObject({ keyId: view.id, userVerified: true });
    expect(prf).toBeNull();
    expect(all.audit.of('tap.accepted')).toHaveLength(1);
  });

  it('gets the same 32 bytes out of the key at every touch, and after a restart', async () => {
    await virtualKey();
    await enrol(way);
    const [first, second] = [await tap(way, true), await tap(way, true)];
    keys = await all.start();
    const third = await tap(way, true);
    expect(first.prf).toHaveLength(32);
    expect(second.prf).toEqual(first.prf);
    expect(third.prf).toEqual(first.prf);
  });

  it('cannot enrol the same key twice', async () => {
    await virtualKey();
    await enrol(way);
    const { options } = await keys.beginEnrol({ origin, person });
    expect(await inPage(way, 'create', options)).toEqual({ error: 'InvalidStateError' });
  });
});

describe('what Chromium says of a key', () => {
  it('without PRF: it approves, and cannot seal', async () => {
    await virtualKey({ hasPrf: false });
    expect((await enrol()).canSeal).toBe(false);
    await tap();
    expect(await verdict(keys.beginTap({ origin, bound, userVerification: 'required', prf: true }))).toBe('TAP_REFUSED key');
  });

  it('that cannot verify its user: it approves as unverified, and cannot seal', async () => {
    await virtualKey({ hasUserVerification: false });
    expect((await enrol()).canSeal).toBe(false);
    expect((await tap()).touch.userVerified).toBe(false);
  });

  it('with its attestation: the statement is kept as it came', async () => {
    await virtualKey();
    await enrol();
    expect(kept(all.disk)).toMatchObject({
      attestation: { format: 'packed' },
      transports: ['usb'],
    });
  });
});

describe('a page on another port of our name', () => {
  it('gets a real assertion from the browser, and nothing for it from us', async () => {
    await virtualKey();
    await enrol();
    const { id, options } = await keys.beginTap({ origin, bound, userVerification: 'required', prf: true });
    await page.goto(otherPort);
    const answer = await inPage('own', 'get', options);
    expect(answer).toMatchObject({ type: 'public-key' });
    expect(await verdict(keys.finishTap(id, answer, bound))).toBe('TAP_REFUSED origin');
    expect(all.audit.of('tap.refused')).toEqual([expect.objectContaining({ purpose: 'unlock', reason: 'origin' })]);
    expect(keys.touches()).toEqual([]);
  });

  it('cannot enrol a key', async () => {
    await virtualKey();
    const { id, options } = await keys.beginEnrol({ origin, person });
    await page.goto(otherPort);
    expect(await verdict(keys.finishEnrol(id, await inPage('own', 'create', options), ''))).toBe('TAP_REFUSED origin');
    expect(keys.list()).toEqual([]);
  });
});

it('a page of another name gets nothing from the browser', async () => {
  await virtualKey();
  await enrol();
  const { options } = await keys.beginTap({ origin, bound, userVerification: 'preferred' });
  await page.goto(origin.replace('lakepass.localhost', 'localhost'));
  expect(await inPage('own', 'get', options)).toEqual({ error: 'SecurityError' });
});

it('a page of ours inside another page gets nothing for its assertion', async () => {
  await virtualKey();
  await enrol();
  const { id, options } = await keys.beginTap({ origin, bound, userVerification: 'preferred' });
  await page.goto(origin.replace('lakepass.localhost', 'localhost'));
  await page.evaluate(`new Promise((resolve) => {
    const frame = Object.assign(document.createElement('iframe'), { src: ${JSON.stringify(origin)}, allow: 'publickey-credentials-get *', onload: resolve });
    document.body.append(frame);
  })`);
  const [, frame] = page.frames();
  const answer = await frame?.evaluate(`ceremony('own', 'get', ${JSON.stringify(options)})`);
  expect(answer).toMatchObject({ type: 'public-key' });
  expect(await verdict(keys.finishTap(id, answer, bound))).toBe('TAP_REFUSED origin');
});
