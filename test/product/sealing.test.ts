/**
 * What a locked product has let go of, and what opens it again: a heap without tokens, vaults that a passphrase or a tap key seals,
 * and the reset for whoever has lost the last key.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileKeychain } from '../../main/vault/file-keychain.ts';
import { openVault } from '../../main/vault/vault.ts';
import { type StatusView, statusViewSchema } from '../../preload/contract/control.ts';
import { type Keyring, startKeyring } from './keyring.ts';
import { signInOnly, withPassphrase } from './people.ts';
import { isAlive, type Product, startProduct } from './product.ts';
import { startRun } from './run-on-demand.ts';
import { secretHunt } from './secret-hunt.ts';

interface Told {
  kind: string;
  value: string;
}

let product: Product;
let keyring: Keyring | null;
let told: Told[];
const env: NodeJS.ProcessEnv = {};

async function begin(vault: 'keychain' | 'passphrase'): Promise<void> {
  for (const name of Object.keys(env)) delete env[name];
  env['LAKEPASS_VAULT'] = vault;
  told = [];
  product = await startProduct({ env, secrets: (kind, value) => void told.push({ kind, value }) });
  keyring = vault === 'keychain' ? await startKeyring(product.machine.user, product.home) : null;
  Object.assign(env, keyring?.env);
}
afterEach(async () => {
  await product.close();
  await keyring?.close();
});

const status = async (): Promise<StatusView> => statusViewSchema.parse(await product.json('status'));
const data = (...names: string[]) => join(product.home, '.local/share/lakepass', ...names);
const sealedSession = () => data('vault', 'session-acme.sealed');
const granted = { status: 200, body: { access_token: expect.any(String) } };

async function stop(): Promise<void> {
  const pid = await product.agentPid();
  await product.json('agent', '--stop');
  while (isAlive(pid)) await wait(20);
}

/** Tokens of these kinds of which anything stands in a file below the home. */
function foundOnDisk(...kinds: string[]): string[] {
  const hunt = secretHunt();
  for (const { kind, value } of told) if (kinds.includes(kind)) hunt.add(kind, value);
  return product.files().flatMap(({ path, content }) => hunt.search(content).map((kind) => `${kind} in ${path}`));
}

/** Says yes at the page to what the verb is about. */
async function withTap<T>(verb: Promise<T>): Promise<T> {
  const ui = await product.openUi();
  await ui.approve((await ui.prompt()).id);
  return verb;
}

async function tapUnlock(): Promise<void> {
  const { url } = await product.json('unlock').catch(async () => JSON.parse((await product.lakepass(['unlock', '--json'])).stdout));
  await (await product.person.openCeremony(url as string)).tap();
}

describe('the memory of a locked agent', () => {
  beforeEach(() => begin('keychain'));

  /** Characters of a token that tell it from any other. */
  const stretch = 40;
  /** The last of each kind that was given out: the one in use. */
  const last = (kind: string): Told | undefined => told.filter((each) => each.kind === kind).at(-1);
  function foundIn(snapshot: Buffer, secrets: readonly Told[]): Told[] {
    return secrets.filter(({ value }) => {
      // What follows the header of a JWT is its own; the header is the same in every token of a provider.
      const own = value.slice(value.indexOf('.') + 1);
      for (let at = 0; at + stretch <= own.length; at += stretch / 2) if (snapshot.includes(own.slice(at, at + stretch))) return true;
      return false;
    });
  }

  /** The agent as it is built, on a Node that writes out its heap when it is told to. */
  async function startAgent(folder: string): Promise<number> {
    const { machine, terminal, command } = product;
    const flags = ['--heapsnapshot-signal=SIGUSR2', '--heap-snapshot-string-limit=1000000', `--diagnostic-dir=${folder}`];
    const started = terminal.start(machine.node, [...flags, join(machine.dist, 'headless.mjs'), '--vault', 'keychain'], {
      env: command.env,
    });
    await new Promise((resolve, reject) => {
      started.stdout.once('data', resolve);
      started.once('close', () => reject(new Error('the agent did not start')));
    });
    return started.pid;
  }

  async function snapshot(folder: string, pid: number): Promise<Buffer> {
    process.kill(pid, 'SIGUSR2');
    const named = (): string | undefined => readdirSync(folder).find((name) => name.endsWith('.heapsnapshot'));
    while (named() === undefined) await wait(50);
    const file = join(folder, named() ?? '');
    // It is written while the agent stands still, for longer than a verb waits where the machine is busy. It ends as an object does.
    while (!/\]\}\s*$/.test(readFileSync(file).subarray(-64).toString('latin1'))) await wait(250);
    await status();
    const bytes = readFileSync(file);
    rmSync(file);
    return bytes;
  }

  it('holds the tokens in use before the lock, and nothing of any token afterwards', async () => {
    const folder = join(product.home, 'heap');
    mkdirSync(folder, { mode: 0o700 });
    if (process.getuid?.() === 0) chownSync(folder, product.machine.user.uid, product.machine.user.gid);
    const pid = await startAgent(folder);
    await product.signIn();
    expect(await product.agentPid()).toBe(pid);

    const run = await startRun(product);
    expect(await run.ask()).toMatchObject(granted);
    expect(await run.ask()).toMatchObject(granted);
    const printed = await product.json('token', '-s', 'sql');
    expect(printed['access_token']).toEqual(expect.any(String));
    await product.json('token', '-s', 'files');
    const ui = await product.openUi();
    await ui.state();

    const tokens = told.filter(({ kind }) => ['refresh_token', 'id_token', 'access_token', 'workspace-token'].includes(kind));
    const inUse = ['refresh_token', 'id_token', 'workspace-token'].map(last);
    expect(inUse).not.toContain(undefined);
    expect(foundIn(await snapshot(folder, pid), tokens)).toEqual(expect.arrayContaining(inUse));

    expect(await product.lakepass(['lock'])).toMatchObject({ code: 0 });
    const after = await snapshot(folder, pid);
    expect(foundIn(after, tokens)).toEqual([]);
    // The search would have found something: this one is no secret and stays.
    expect(after.includes('alice@example.com')).toBe(true);
    await run.end();
  });
});

describe('a vault that a passphrase seals, where there is no keychain', () => {
  beforeEach(() => begin('passphrase'));
  const passphrase = 'correct horse battery staple';

  it('is made by the first passphrase, is locked after a restart, and opens for the right words alone', async () => {
    expect((await status()).lock).toMatchObject({ state: 'locked', why: 'start', sealing: 'passphrase' });
    expect(await withPassphrase(product, 'short', 'unlock')).toMatchObject({ code: 2 });
    expect(await withPassphrase(product, passphrase, 'unlock')).toMatchObject({ code: 0 });
    await product.signIn();
    expect((await status()).profiles[0]?.session).toMatchObject({ phase: 'signed-in', survivesRestart: true });
    const run = await startRun(product);
    expect(await run.ask()).toMatchObject(granted);

    await stop();
    const { lock, profiles, tapKeys, policy } = await status();
    expect(lock).toMatchObject({ state: 'locked', why: 'start', unlockBy: ['passphrase', 'sign-in'] });
    expect(profiles[0]?.session).toMatchObject({ phase: 'locked' });
    // What must be known while it is locked is.
    expect(tapKeys).toHaveLength(1);
    expect(policy.id).toBe('quiet');
    expect(await run.ask()).toMatchObject({ status: 403, body: { error: 'LOCKED' } });

    const wrong = await withPassphrase(product, 'correct horse battery stable', 'unlock');
    expect(wrong).toMatchObject({ code: 6, stderr: expect.stringContaining('[PASSPHRASE_WRONG') });
    expect((await status()).lock.state).toBe('locked');

    const signIns = product.idp.requestsTo('sign-in').length;
    expect(await withPassphrase(product, passphrase, 'unlock')).toMatchObject({ code: 0 });
    expect((await status()).profiles[0]?.session).toMatchObject({ phase: 'signed-in', lastFailure: null });
    expect(await run.ask()).toMatchObject(granted);
    expect(product.idp.requestsTo('sign-in')).toHaveLength(signIns);
    await run.end();
  });

  it('leaves nothing usable on the disk: the key file beside it opens the device vault alone', async () => {
    await withPassphrase(product, passphrase, 'unlock');
    await product.signIn();
    const run = await startRun(product);
    await run.ask();
    await run.end();
    expect(await product.lakepass(['lock'])).toMatchObject({ code: 0 });
    expect(existsSync(sealedSession())).toBe(true);
    await stop();

    expect(told.map(({ kind }) => kind)).toContain('refresh_token');
    expect(foundOnDisk('refresh_token', 'id_token', 'access_token', 'workspace-token')).toEqual([]);
    expect(product.files().filter(({ content }) => content.includes(passphrase))).toEqual([]);
    const keyFile = data('device-key');
    expect(statSync(keyFile).mode & 0o077).toBe(0);

    // What a program of the same user could do, with a copy that is its own.
    const copy = mkdtempSync(join(tmpdir(), 'lakepass-copy-'));
    execFileSync('cp', ['-rT', '--preserve=mode', data(), copy]);
    const open = (folder: string, entry: string) =>
      openVault({ folder: join(copy, folder), keychain: fileKeychain(join(copy, 'device-key')), random: randomBytes, entry });
    const device = await open('device-by-file', 'device-key');
    expect((await device.open('vault-sealing'))?.toString()).toBe('passphrase');
    device.close();
    const vault = await open('vault', 'device-key');
    expect(vault.locked).toBe(true);
    await expect(vault.open('session-acme')).rejects.toMatchObject({ code: 'PASSPHRASE_NEEDED' });
    await expect(vault.unlockWithPassphrase('')).rejects.toMatchObject({ code: 'PASSPHRASE_WRONG' });
    vault.close();
    rmSync(copy, { recursive: true });
  });

  it('whose passphrase is forgotten is given up for a fresh sign-in, and the next one needs a new passphrase first', async () => {
    await withPassphrase(product, passphrase, 'unlock');
    await product.signIn();
    await product.lakepass(['lock']);
    await expect(signInOnly(product)).rejects.toThrow(/PASSPHRASE_NEEDED/);
    expect(existsSync(sealedSession())).toBe(false);
    expect((await status()).lock).toMatchObject({ state: 'locked', sealing: 'passphrase' });

    expect(await withPassphrase(product, 'a new passphrase', 'unlock')).toMatchObject({ code: 0 });
    expect((await status()).warnings.join('\n')).toContain('session-acme');
    await signInOnly(product);
    expect((await status()).profiles[0]?.session).toMatchObject({ phase: 'signed-in', survivesRestart: true });
    await stop();
    expect(await withPassphrase(product, passphrase, 'unlock')).toMatchObject({ code: 6 });
    expect(await withPassphrase(product, 'a new passphrase', 'unlock')).toMatchObject({ code: 0 });
  });
});

describe('a vault in the keychain', () => {
  const takeable = /any program that runs as you can read the refresh token/;
  beforeEach(() => begin('keychain'));

  it('is sealed by a passphrase and unsealed again with a tap each, and status says what a shell of yours could take', async () => {
    await product.signIn();
    expect((await status()).warnings.join('\n')).toMatch(takeable);
    expect((await product.lakepass(['status'])).stdout).toContain('sealed by the keychain alone');

    const passphrase = 'a passphrase of some length';
    expect(await withTap(withPassphrase(product, passphrase, 'seal', 'passphrase'))).toMatchObject({ code: 0 });
    expect((await status()).lock.sealing).toBe('passphrase');
    expect((await status()).warnings.join('\n')).not.toMatch(takeable);
    await product.lakepass(['lock']);
    // What the keychain no longer opens need not be erased.
    expect(existsSync(sealedSession())).toBe(true);
    await stop();
    expect((await status()).lock).toMatchObject({ state: 'locked', sealing: 'passphrase' });
    expect(await withPassphrase(product, 'something else', 'unlock')).toMatchObject({ code: 6 });
    expect(await withPassphrase(product, passphrase, 'unlock')).toMatchObject({ code: 0 });
    expect((await status()).profiles[0]?.session).toMatchObject({ phase: 'signed-in' });

    expect(await withTap(product.lakepass(['seal', 'keychain']))).toMatchObject({ code: 0 });
    expect((await status()).lock.sealing).toBe('keychain');
    expect((await status()).warnings.join('\n')).toMatch(takeable);
    await stop();
    expect((await status()).profiles[0]?.session).toMatchObject({ phase: 'signed-in' });
  });

  it('is not sealed otherwise when the person says no', async () => {
    await product.signIn();
    const verb = withPassphrase(product, 'a passphrase of some length', 'seal', 'passphrase');
    const ui = await product.openUi();
    await ui.deny((await ui.prompt()).id);
    expect(await verb).toMatchObject({ code: 5, stderr: expect.stringContaining('[CONSENT_DENIED') });
    expect((await status()).lock.sealing).toBe('keychain');
  });

  it('is sealed by a tap key: after a restart nothing but its touch opens it, and the session goes on', async () => {
    await product.signIn();
    const run = await startRun(product);
    expect(await run.ask()).toMatchObject(granted);
    const [key] = (await status()).tapKeys;
    const ui = await product.openUi();
    await (await ui.begin({ kind: 'seal', key: key?.id ?? '' })).tap();
    const sealed = await status();
    expect(sealed.lock.sealing).toBe('key');
    expect(sealed.tapKeys).toMatchObject([{ seals: true }]);
    expect(sealed.warnings.join('\n')).not.toMatch(takeable);

    await stop();
    expect((await status()).lock).toMatchObject({ state: 'locked', unlockBy: ['key', 'sign-in'] });
    expect(await run.ask()).toMatchObject({ body: { error: 'LOCKED' } });
    const signIns = product.idp.requestsTo('sign-in').length;
    await tapUnlock();
    expect((await status()).lock.state).toBe('open');
    expect(await run.ask()).toMatchObject(granted);
    expect(product.idp.requestsTo('sign-in')).toHaveLength(signIns);
    await run.end();
  });
});

describe('`lakepass reset`', () => {
  beforeEach(() => begin('keychain'));

  it('erases grants, vault and keys; the audit log and the approved policy stay, and a sign-in starts afresh', async () => {
    await product.signIn();
    const run = await startRun(product);
    expect(await run.ask()).toMatchObject(granted);
    const [key] = (await status()).tapKeys;
    await (await (await product.openUi()).begin({ kind: 'seal', key: key?.id ?? '' })).tap();

    expect(await product.lakepass(['reset'])).toMatchObject({ code: 2 });
    expect((await status()).tapKeys).toHaveLength(1);
    expect(await product.json('reset', '--yes')).toEqual({ grants: 1, keys: 1 });

    const after = await status();
    expect(after).toMatchObject({ grants: [], tapKeys: [], policy: { id: 'quiet' }, lock: { sealing: 'keychain' } });
    expect(after.profiles[0]?.session.phase).toBe('signed-out');
    expect(readdirSync(data('vault')).filter((name) => name.endsWith('.sealed') || name === 'wraps.json')).toEqual([]);
    expect(await run.ask()).toMatchObject({ status: 403 });
    const { records } = (await product.json('audit', '--limit', '200')) as { records: { type: string; grants?: number; keys?: number }[] };
    expect(records.filter(({ type }) => type === 'agent.reset')).toMatchObject([{ grants: 1, keys: 1 }]);
    expect(records.some(({ type }) => type === 'session.signed-in')).toBe(true);
    expect(await product.lakepass(['audit', 'verify'])).toMatchObject({ code: 0 });

    await stop();
    expect(await status()).toMatchObject({ policy: { id: 'quiet' }, lock: { state: 'open', sealing: 'keychain' } });
    const next = await signInOnly(product);
    expect(next).not.toBeNull();
    await (await product.person.openCeremony(next as URL)).tap('After the reset');
    expect((await status()).tapKeys).toMatchObject([{ name: 'After the reset' }]);
    expect(await product.lakepass(['run', '-s', 'sql', '--', 'true'])).toMatchObject({ code: 0 });
    await run.end();
  });

  it('works while all is locked and the last key is lost, and another configuration may be the first', async () => {
    await product.signIn();
    const [key] = (await status()).tapKeys;
    await (await (await product.openUi()).begin({ kind: 'seal', key: key?.id ?? '' })).tap();
    await stop();
    expect((await status()).lock.state).toBe('locked');
    expect(await product.json('reset', '--yes')).toEqual({ grants: 0, keys: 1 });

    const config = readFileSync(join(product.home, '.config/lakepass/config.yaml'), 'utf8');
    product.writeConfig(config.replace('acme:', 'fresh:'));
    await stop();
    expect((await status()).profiles.map(({ name }) => name)).toEqual(['fresh']);
    const next = await signInOnly(product);
    await (await product.person.openCeremony(next as URL)).tap('After the reset');
    expect(await status()).toMatchObject({ lock: { state: 'open', sealing: 'keychain' }, tapKeys: [{ name: 'After the reset' }] });
    expect(await product.lakepass(['run', '-s', 'sql', '--', 'true'])).toMatchObject({ code: 0 });
  });
});
