/**
 * A vault that only a touch opens, as a person has it: the built product with a real keychain, a real Chromium whose virtual keys know
 * PRF, and a real Jupyter kernel that calls before, while and after everything is locked.
 */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Request } from '@playwright/test';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseWraps, unboxKey, wrappingKeyOf } from '../../main/vault/wraps.ts';
import { type StatusView, statusViewSchema } from '../../preload/contract/control.ts';
import { type Keyring, startKeyring } from '../product/keyring.ts';
import { ended, isAlive, type Product, startProduct } from '../product/product.ts';
import { askOnce, type Kernel, startKernel, whoAmI } from './kernel.ts';
import {
  approveByTap,
  beginLogin,
  enrolFirstKey,
  openBrowser,
  openUi,
  type Person,
  photograph,
  plugIn,
  registerKey,
  signIn,
  touches,
  touchKey,
  type UsersBrowser,
  useKey,
} from './person.ts';

const env: NodeJS.ProcessEnv = { LAKEPASS_VAULT: 'keychain' };
let product: Product;
let keyring: Keyring;
let users: UsersBrowser;
let alice: Person;
let kernel: Kernel;
/** The second key, which lies in the drawer until it is asked for. */
let green: string;
/** Serves an empty page under Lakepass' name, on a port that is not Lakepass'. */
let site: Server;

beforeAll(async () => {
  product = await startProduct({ policy: null, env });
  keyring = await startKeyring(product.machine.user, product.home);
  Object.assign(env, keyring.env);
  users = await openBrowser(product, { engineOnly: true });
  alice = await users.person({ prf: true });
  await registerKey(alice, product.idp, 'alice');
  site = createServer((_, response) => {
    response.setHeader('content-type', 'text/html');
    response.end('<!doctype html><title>other port</title><link rel="icon" href="data:,"><body>');
  });
  await new Promise<void>((listening) => site.listen(0, '127.0.0.1', listening));
});
afterAll(async () => {
  await kernel?.end();
  await users?.close();
  site?.closeAllConnections();
  site?.close();
  await product?.close();
  await keyring?.close();
});

const status = async (): Promise<StatusView> => statusViewSchema.parse(await product.json('status'));
const signIns = () => product.idp.requestsTo('sign-in').length;
const answer = async () => (await kernel.cell(askOnce)).said.join();
const button = (name: string) => alice.page.getByRole('button', { name });
const vaultFile = (name: string) => join(product.home, '.local/share/lakepass/vault', name);
const wraps = () => parseWraps(readFileSync(vaultFile('wraps.json')));

/** `lakepass lock`, and what follows from it. */
async function lock(): Promise<void> {
  expect((await product.json('lock'))['lock']).toMatchObject({ state: 'locked', sealing: 'key', unlockBy: ['key', 'sign-in'] });
  expect(await answer()).toBe('LOCKED');
}

/** `lakepass unlock`, up to the page it leads to. */
async function openUnlockPage(): Promise<void> {
  const { code, stdout } = await product.lakepass(['unlock', '--json']);
  expect(code).not.toBe(0);
  await alice.page.goto(JSON.parse(stdout).url);
  await alice.page.getByRole('heading', { name: 'Unlock Lakepass' }).waitFor();
}

async function unlock(): Promise<void> {
  await openUnlockPage();
  await touchKey(alice);
  expect((await status()).lock).toMatchObject({ state: 'open', sealing: 'key' });
  expect(await answer()).toBe('ok');
}

/** On the UI: seals the vault with the key of that name. */
async function seal(name: string): Promise<void> {
  await button('Keys').click();
  await button(`Seal the vault with it: ${name}`).click();
  await touchKey(alice);
  await button('Keys').click();
  await alice.page.getByRole('region', { name }).getByText('seals the vault').waitFor();
}

async function stopAgent(): Promise<void> {
  const pid = await product.agentPid();
  await product.json('agent', '--stop');
  while (isAlive(pid)) await new Promise((done) => setTimeout(done, 20));
}

describe('a vault that a key seals', () => {
  it('is sealed on the page, and a run goes on in it', async () => {
    await (await signIn(product, alice, 'alice')).outcome;
    await enrolFirstKey(alice, 'Blue one');
    await seal('Blue one');
    await photograph(alice.page, 'keys-sealed');
    expect((await status()).lock).toMatchObject({ state: 'open', sealing: 'key' });
    const { words, env: environment } = product.command;
    kernel = await startKernel(product, { folder: 'lab', under: [...words, 'run', '--scope', 'sql', '--'], env: environment });
    await approveByTap(alice);
    expect(await kernel.cell(whoAmI)).toEqual({ said: ['alice@example.com'], error: null });
  });

  it('gives nothing while it is locked, and after a touch the kernel goes on without a sign-in', async () => {
    const before = signIns();
    await openUi(product, alice);
    await lock();
    await alice.page.getByText('Nobody gets a token.').waitFor();
    await photograph(alice.page, 'locked');
    expect((await kernel.cell(whoAmI)).error).toMatch(/^ValueError/);
    await kernel.line(/^lakepass: .*lakepass unlock/);
    await unlock();
    expect(await kernel.cell(whoAmI)).toEqual({ said: ['alice@example.com'], error: null });
    expect(signIns()).toBe(before);
  });

  it('comes up locked with the agent, and opens by a touch on the button of the page', async () => {
    const before = signIns();
    await stopAgent();
    const { lock: view, profiles } = await status();
    expect(view).toMatchObject({ state: 'locked', why: 'start', sealing: 'key' });
    expect(profiles[0]?.session.phase).not.toBe('signed-in');
    expect(await answer()).toBe('LOCKED');
    await openUi(product, alice);
    await button('Unlock with a key').click();
    await touchKey(alice);
    expect(await answer()).toBe('ok');
    expect(signIns()).toBe(before);
  });

  it('is opened by each of two keys, and by no third', async () => {
    await button('Keys').click();
    await button('Add a key').click();
    await alice.page.getByText('Step 1 of 2').waitFor();
    await button('Touch the key').click();
    await alice.page.getByText('Step 2 of 2').waitFor();
    await touches(alice.cdp, alice.authenticatorId, false);
    green = await plugIn(alice.cdp, { prf: true });
    await alice.page.getByLabel('Name of the key').fill('Green one');
    await button('Add this key').click();
    await alice.page.getByRole('navigation').waitFor();
    await seal('Green one');
    expect(wraps()?.wraps).toHaveLength(2);
    for (const [blueTouched, greenTouched] of [
      [true, false],
      [false, true],
    ] as const) {
      await touches(alice.cdp, alice.authenticatorId, blueTouched);
      await touches(alice.cdp, green, greenTouched);
      await lock();
      await unlock();
    }
  });

  it('opens for no page on another port of the same name, although browser and key give that page everything', async () => {
    await lock();
    await openUnlockPage();
    await touches(alice.cdp, green, false);
    const asked = alice.page.waitForEvent('requestfinished', (request) => request.url().endsWith('/v1/ceremony/options'));
    await button('Touch the key').click();
    const real = await asked;
    const given = await real.response();
    const { id, options } = (await given?.json()) ?? {};
    const sent = await sentWith(real);

    await alice.page.goto(`http://lakepass.localhost:${(site.address() as AddressInfo).port}/`);
    await touches(alice.cdp, green, true);
    const { response, prf } = (await alice.page.evaluate(`(${takeAssertion})(${JSON.stringify(options)})`)) as {
      response: { id: string };
      prf: string;
    };
    const finish = real.url().replace('/options', '/finish');
    const body = JSON.stringify({ id, response, name: '' });
    const headers = { 'content-type': 'application/json', authorization: sent['authorization'] };
    const tried = `fetch(${JSON.stringify(finish)}, ${JSON.stringify({ method: 'POST', headers, body })}).then((r) => r.text(), (e) => e.name)`;
    expect(await alice.page.evaluate(tried)).toBe('TypeError');
    // Nor for a program of this user that brings it in the page's own name.
    const lines = Object.entries(sent).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
    const { stdout } = await product.run('curl', [
      '-q',
      '-sS',
      ...lines,
      '--data-binary',
      body,
      finish.replace('lakepass.localhost', '127.0.0.1'),
    ]);
    expect(JSON.parse(stdout).failure).toMatchObject({ code: 'TAP_REFUSED', reason: 'origin' });
    expect((await status()).lock.state).toBe('locked');
    expect(await answer()).toBe('LOCKED');
    const { records } = (await product.json('audit', '--limit', '100')) as { records: Record<string, unknown>[] };
    expect(records).toContainEqual(expect.objectContaining({ type: 'tap.refused', purpose: 'unlock', reason: 'origin' }));

    // It has what the key gives out for the vault. Without the half in the keychain that opens nothing.
    const keyId = (await status()).tapKeys.find(({ name }) => name === 'Green one')?.id;
    const file = wraps();
    const wrap = file?.wraps.find((each) => each.kind === 'key' && each.key === keyId);
    if (file == null || wrap?.kind !== 'key') throw new Error('there is no wrap for the key');
    const under = async (outer: Buffer) => wrappingKeyOf(Buffer.from(prf, 'base64'), outer, Buffer.from(wrap.salt, 'base64'), Buffer.alloc);
    const open = async (outer: Buffer) =>
      unboxKey(wrap.box, { under: await under(outer), of: file, what: { kind: 'key', key: wrap.key }, room: Buffer.alloc });
    expect(Buffer.from(prf, 'base64')).toHaveLength(32);
    for (const guess of [Buffer.alloc(0), Buffer.alloc(32), Buffer.from(prf, 'base64')]) expect(await open(guess)).toBeNull();
    expect(await open(await halfInKeychain(file.generation))).toHaveLength(32);
    await unlock();
  });

  it('is given up by a fresh sign-in, and what went with it is listed', async () => {
    await lock();
    const sealed = readFileSync(vaultFile('session-acme.sealed'));
    const login = await beginLogin(product);
    // What the browser still remembers at the provider is not enough.
    expect(login.url.searchParams.get('max_age')).toBe('60');
    await alice.context.clearCookies();
    // The provider knows the first key alone; whichever blinking key is touched first is the one that answers.
    await touches(alice.cdp, green, false);
    await touches(alice.cdp, alice.authenticatorId, true);
    await alice.page.goto(login.url.href);
    await useKey(alice, 'alice');
    expect((await login.outcome).said.session?.phase).toBe('signed-in');
    const { lock: view, warnings, tapKeys } = await status();
    expect(view).toMatchObject({ state: 'open', sealing: 'keychain' });
    expect(warnings.find((warning) => warning.includes('given up'))).toContain('session-acme');
    expect(tapKeys.map(({ name, seals }) => ({ name, seals }))).toEqual([
      { name: 'Blue one', seals: false },
      { name: 'Green one', seals: false },
    ]);
    expect(() => wraps()).toThrow('ENOENT');
    expect(readFileSync(vaultFile('session-acme.sealed')).equals(sealed)).toBe(false);
    expect(await answer()).toBe('ok');
    await openUi(product, alice);
    await alice.page.getByText('given up with it: session-acme').waitFor();
    await photograph(alice.page, 'given-up');
  });
});

/** What the page itself sends with every request of its own. */
async function sentWith(request: Request): Promise<Record<string, string>> {
  const sent = Object.entries(await request.allHeaders());
  return Object.fromEntries(sent.filter(([name]) => /^(?:host|origin|authorization|content-type|accept|sec-fetch-.*)$/.test(name)));
}

/** In the page: has the key touched for the options, and keeps all that it gives. */
const takeAssertion = `async (options) => {
  const credential = await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
  const { first } = credential.getClientExtensionResults().prf.results;
  return { response: credential.toJSON(), prf: btoa(String.fromCharCode(...new Uint8Array(first))) };
}`;

/** As any program of this user can: the half of the vault's key that the keychain holds. */
async function halfInKeychain(generation: number): Promise<Buffer> {
  const script = `
    import { AsyncEntry } from '@napi-rs/keyring';
    const entry = new AsyncEntry('lakepass', 'vault-key-outer-${generation}', { linux: { store: 'secret-service' } });
    process.stdout.write(Buffer.from(await entry.getSecret()).toString('hex'));`;
  const { node, dist } = product.machine;
  const { code, stdout, stderr } = await ended(product.terminal.start(node, ['--input-type=module', '-e', script], { cwd: dist, env }));
  if (code !== 0) throw new Error(`the keychain was not read: ${stderr}`);
  return Buffer.from(stdout, 'hex');
}
