/**
 * The product with the operating system's keychain: the built command and agent, run by a user who is not root, on a D-Bus session
 * with gnome-keyring. A session outlives the agent and never the keychain; what cannot be opened is said and kept.
 */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type StatusView, statusViewSchema } from '../../preload/contract/control.ts';
import { askOnce, type Call, type GrantEnv, prepareCallers } from './calling.ts';
import { type Keyring, startKeyring } from './keyring.ts';
import { isAlive, type Product, startProduct } from './product.ts';

let product: Product;
let keyring: Keyring;
let call: Call;
const env: NodeJS.ProcessEnv = { LAKEPASS_VAULT: 'keychain' };

beforeAll(async () => {
  product = await startProduct({ env });
  call = await prepareCallers(product);
  keyring = await startKeyring(product.machine.user, product.home);
  Object.assign(env, keyring.env);
});
afterEach(() => stop());
afterAll(async () => {
  await product.close();
  await keyring.close();
});

const status = async (): Promise<StatusView> => statusViewSchema.parse(await product.json('status'));
const sessionOf = ({ profiles }: StatusView) => profiles[0]?.session;
const vaultFolder = () => join(product.home, '.local/share/lakepass/vault');
const sealedSession = () => join(vaultFolder(), 'session-acme.sealed');
const grantEnv = async (): Promise<GrantEnv> => (await product.json('env', '-s', 'sql'))['env'] as unknown as GrantEnv;

/** Asks the agent to stop and waits until it is gone; nothing happens where none runs. */
async function stop(): Promise<void> {
  const running = await product.lakepass(['status', '--no-start', '--json']);
  if (running.code !== 0) return;
  const { pid } = statusViewSchema.parse(JSON.parse(running.stdout));
  await product.json('agent', '--stop');
  while (isAlive(pid)) await new Promise((done) => setTimeout(done, 20));
}

async function nextLogin(): Promise<void> {
  await keyring.close();
  keyring = await startKeyring(product.machine.user, product.home);
  Object.assign(env, keyring.env);
}

/** How often the person was asked to sign in. */
const signIns = () => product.idp.requestsTo('sign-in').length;

/** Agents that run for this home, whether or not they answer. */
function agentsOfThisHome(): string[] {
  const read = (pid: string, file: string): string => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, 'utf8');
    } catch {
      return ''; // gone meanwhile
    }
  };
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && isAlive(Number(name)));
  return pids.filter((pid) => read(pid, 'cmdline').includes('headless.mjs') && read(pid, 'environ').includes(`HOME=${product.home}\0`));
}

/** The agent cannot start; what a script reads of it. */
async function failure(): Promise<{ code: string; nextStep: string }> {
  const { code, stdout } = await product.lakepass(['status', '--json']);
  expect(code).not.toBe(0);
  return JSON.parse(stdout).failure;
}

async function expectResumed(before: StatusView, grant: GrantEnv): Promise<void> {
  const asked = signIns();
  const after = await status();
  expect(after.pid).not.toBe(before.pid);
  expect(after.port).toBe(before.port);
  expect(after.vault).toBe('secret-service');
  expect(sessionOf(after)).toMatchObject({ phase: 'signed-in', survivesRestart: true, lastFailure: null });
  for (const fact of ['identity', 'assurance', 'signedInAt', 'endsAt'] as const)
    expect(sessionOf(after)?.[fact]).toEqual(sessionOf(before)?.[fact]);
  expect(await askOnce(call, grant)).toMatchObject({ answers: { 200: 1 } });
  expect(signIns()).toBe(asked);
}

describe('a session in the keychain', () => {
  it('goes on without a browser after a stop, a kill -9 and a new login, on the same port and for the same grant', async () => {
    await product.signIn();
    const grant = await grantEnv();
    const first = await status();
    expect(await askOnce(call, grant)).toMatchObject({ answers: { 200: 1 } });

    await stop();
    await expectResumed(first, grant);

    const second = await status();
    await product.kill();
    await expectResumed(second, grant);

    const third = await status();
    await stop();
    await nextLogin();
    await expectResumed(third, grant);
  });

  it('is sealed: files of the user alone, and nothing else of the vault anywhere below the home', async () => {
    await product.signIn();
    expect(agentsOfThisHome()).toEqual([String(await product.agentPid())]);
    expect(statSync(vaultFolder()).mode & 0o777).toBe(0o700);
    expect(statSync(sealedSession()).mode & 0o777).toBe(0o600);
    expect(statSync(sealedSession()).uid).toBe(product.machine.user.uid);
    const names = product.files().map(({ path }) => path.slice(product.home.length + 1));
    expect(names.filter((name) => name.includes('session')).map((name) => name.replace(/.*\//, ''))).toEqual(['session-acme.sealed']);
  });

  it('is gone for good after a sign-out: no file, and no session at the next start', async () => {
    await product.signIn();
    await product.lakepass(['logout']);
    expect(readdirSync(vaultFolder())).toEqual([]);
    await stop();
    expect(sessionOf(await status())).toMatchObject({ phase: 'signed-out', lastFailure: null });
  });
});

describe('a keychain that does not open', () => {
  it('is KEYCHAIN_LOCKED while it is locked, and loses nothing', async () => {
    await product.signIn();
    const grant = await grantEnv();
    const before = await status();
    await stop();
    const vault = product.files().filter(({ path }) => path.startsWith(vaultFolder()));
    expect(vault).not.toEqual([]);

    await keyring.lock();
    expect(await failure()).toMatchObject({ code: 'KEYCHAIN_LOCKED', nextStep: 'unlock-keychain' });
    expect((await product.lakepass(['status', '--no-start'])).stderr).toContain('AGENT_NOT_RUNNING');
    expect(product.files().filter(({ path }) => path.startsWith(vaultFolder()))).toEqual(vault);

    await nextLogin();
    await expectResumed(before, grant);
  });

  it('is KEYCHAIN_FAILED while it is there and does not answer; the agent that asked is gone', async () => {
    await keyring.freeze();
    try {
      expect(await failure()).toMatchObject({ code: 'KEYCHAIN_FAILED', nextStep: 'unlock-keychain' });
      await expect.poll(agentsOfThisHome).toEqual([]);
    } finally {
      await keyring.thaw();
    }
    expect((await status()).vault).toBe('secret-service');
  });

  it('is KEYCHAIN_MISSING where there is no D-Bus, and nothing takes its place', async () => {
    await product.signIn();
    const grant = await grantEnv();
    const before = await status();
    await stop();
    const vault = product.files().filter(({ path }) => path.startsWith(vaultFolder()));

    delete env['DBUS_SESSION_BUS_ADDRESS'];
    expect(await failure()).toMatchObject({ code: 'KEYCHAIN_MISSING', nextStep: 'unlock-keychain' });
    const text = await product.lakepass(['login']);
    expect(text.stderr).toContain('KEYCHAIN_MISSING');
    expect(text.stderr).toContain('--vault memory');
    expect((await product.lakepass(['status', '--no-start'])).stderr).toContain('AGENT_NOT_RUNNING');
    expect(product.files().filter(({ path }) => path.startsWith(vaultFolder()))).toEqual(vault);

    // Whoever names the memory vault gets that, said out loud, with nobody signed in and the sealed session left alone.
    env['LAKEPASS_VAULT'] = 'memory';
    try {
      const chosen = await status();
      expect({ vault: chosen.vault, phase: sessionOf(chosen)?.phase }).toEqual({ vault: 'memory', phase: 'signed-out' });
      await stop();
    } finally {
      env['LAKEPASS_VAULT'] = 'keychain';
    }
    expect(product.files().filter(({ path }) => path.startsWith(vaultFolder()))).toEqual(vault);

    Object.assign(env, keyring.env);
    await expectResumed(before, grant);
  });
});

describe('a sealed file that does not open', () => {
  it.each([
    ['spoilt', (bytes: Buffer) => bytes.fill(0x5a, 20, 40)],
    ['empty', () => Buffer.alloc(0)],
  ])('is VAULT_CORRUPT in status when it is %s; it is set aside and the next sign-in works', async (_, spoil) => {
    await product.signIn();
    const grant = await grantEnv();
    const { port } = await status();
    await stop();
    const aside = () => readdirSync(vaultFolder()).filter((name) => name.includes('.corrupt-')).length;
    const asideBefore = aside();
    const spoilt = Buffer.from(spoil(product.files().find(({ path }) => path === sealedSession())?.content ?? Buffer.alloc(0)));
    writeFileSync(sealedSession(), spoilt);

    const view = await status();
    expect(view.problems).toContainEqual(expect.objectContaining({ code: 'VAULT_CORRUPT', nextStep: 'sign-in' }));
    expect(sessionOf(view)).toMatchObject({ phase: 'signed-out', lastFailure: { code: 'VAULT_CORRUPT' } });
    expect((await product.lakepass(['status'])).stdout).toContain('VAULT_CORRUPT');
    expect(aside()).toBe(asideBefore + 1);
    expect(product.files().some(({ path, content }) => path.includes('session-acme.corrupt-') && content.equals(spoilt))).toBe(true);
    expect(await askOnce(call, grant)).toMatchObject({ refusals: { SIGNED_OUT: 1 } });

    await product.signIn();
    expect(sessionOf(await status())).toMatchObject({ phase: 'signed-in', lastFailure: null });
    expect(view.port).toBe(port);
    expect(await askOnce(call, grant)).toMatchObject({ answers: { 200: 1 } });
  });
});
