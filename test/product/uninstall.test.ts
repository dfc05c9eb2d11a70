/**
 * `lakepass uninstall` as a person types it, at a terminal, over an agent with the operating system's keychain in which somebody is signed in with
 * a key: what is asked, what goes, and what is left in the home and in the keychain.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Keyring, startKeyring } from './keyring.ts';
import { ended, isAlive, type Product, startProduct } from './product.ts';

let product: Product;
let keyring: Keyring;
let pid: number;
const env: NodeJS.ProcessEnv = { LAKEPASS_VAULT: 'keychain' };

beforeEach(async () => {
  product = await startProduct({ env });
  keyring = await startKeyring(product.machine.user, product.home);
  Object.assign(env, keyring.env);
  await product.signIn();
  await product.env('sql');
  pid = await product.agentPid();
});
afterEach(async () => {
  await product.close();
  await keyring.close();
});

const own = (path: string): string => join(product.home, path);
const filesOf = (path: string): string[] => (existsSync(own(path)) ? readdirSync(own(path), { recursive: true }).map(String).sort() : []);

/** How many secrets the keychain keeps for us. */
async function kept(): Promise<number> {
  const ask = ['--session', '--print-reply', '--dest=org.freedesktop.secrets', '/org/freedesktop/secrets'];
  const search = [...ask, 'org.freedesktop.Secret.Service.SearchItems', 'dict:string:string:service,lakepass'];
  const { code, stdout, stderr } = await product.run('dbus-send', search, keyring.env);
  if (code !== 0) throw new Error(`the keychain was not searched: ${stderr}`);
  return stdout.match(/object path/g)?.length ?? 0;
}

/** Types `answer` at a terminal of its own when it is asked. */
async function typing(answer: string, args: readonly string[] = []): Promise<{ code: number | null; screen: string }> {
  const { words, env: given } = product.command;
  const line = [...words, 'uninstall', ...args].map((word) => `'${word}'`).join(' ');
  const child = product.terminal.start('script', ['-qec', line, '/dev/null'], { env: { ...given, TERM: 'dumb' }, input: true });
  let screen = '';
  let typed = false;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    screen += text;
    if (typed || !screen.includes('Enter to keep it: ')) return;
    typed = true;
    child.stdin?.write(answer);
  });
  const { code } = await ended(child);
  return { code, screen };
}

const vault = '.local/share/lakepass';

async function expectGone(): Promise<void> {
  expect(isAlive(pid)).toBe(false);
  expect(filesOf('run/lakepass')).toEqual([]);
  expect((await product.lakepass(['status', '--no-start'])).code).toBe(4);
}

async function expectErased(): Promise<void> {
  await expectGone();
  expect({ files: filesOf(vault), entries: await kept() }).toEqual({ files: [], entries: 0 });
  // The audit log stays and says who did it; the next agent verifies it and knows of nobody.
  expect(await product.json('audit', 'tail')).toMatchObject({
    records: expect.arrayContaining([expect.objectContaining({ type: 'agent.reset', grants: 1, keys: 1 })]),
  });
  expect((await product.lakepass(['audit', 'verify'])).code).toBe(0);
  expect(await product.json('status')).toMatchObject({ tapKeys: [], grants: [], profiles: [{ session: { phase: 'signed-out' } }] });
}

async function expectKept(): Promise<void> {
  await expectGone();
  expect(filesOf(vault)).toEqual(expect.arrayContaining(['vault/session-acme.sealed', 'device/tap-keys.sealed']));
  expect(await kept()).toBe(2);
  // Installed again it goes on where it was.
  expect(await product.json('status')).toMatchObject({ profiles: [{ session: { phase: 'signed-in' } }] });
}

describe('whoever is asked', () => {
  it('and types the word loses vault, keys and grants, the keychain’s entries with them, and keeps the audit log', async () => {
    expect([filesOf(vault).length > 0, await kept()]).toEqual([true, 2]);
    const { code, screen } = await typing('erase\r');
    expect({ code, screen }).toEqual({ code: 0, screen: expect.stringContaining('Erased: grants, tap keys, the vault') });
    await expectErased();
  });

  it.each([
    ['presses Enter', '\r'],
    ['types something else', 'yes\r'],
  ])('and %s keeps everything', async (_, answer) => {
    const { code, screen } = await typing(answer);
    expect({ code, screen }).toEqual({ code: 0, screen: expect.stringContaining(`Kept: the vault in ${own(vault)}`) });
    await expectKept();
  });

  it('and presses Ctrl-C has done nothing: the agent goes on', async () => {
    const { code } = await typing('\u0003');
    expect(code).not.toBe(0);
    expect(await product.agentPid()).toBe(pid);
    expect(await kept()).toBe(2);
  });
});

describe('whoever says so beforehand is not asked', () => {
  it('with --erase-vault', async () => {
    const { code, stdout } = await product.lakepass(['uninstall', '--erase-vault', '--json']);
    expect({ code, ...JSON.parse(stdout) }).toEqual({ code: 0, removed: [own('run/lakepass')], vault: 'erased' });
    await expectErased();
  });

  it('with --erase-vault where the agent does not run: it is started for it', async () => {
    await product.kill();
    expect((await product.lakepass(['uninstall', '--erase-vault', '--json'])).code).toBe(0);
    pid = 0;
    expect({ files: filesOf(vault), entries: await kept() }).toEqual({ files: [], entries: 0 });
  });

  it('with --keep-vault', async () => {
    expect((await product.lakepass(['uninstall', '--keep-vault', '--json'])).code).toBe(0);
    await expectKept();
  });

  it('but for both at once, which is nothing', async () => {
    expect((await product.lakepass(['uninstall', '--keep-vault', '--erase-vault'])).code).toBe(2);
    expect(await product.agentPid()).toBe(pid);
  });
});

it('keeps the vault where nobody can be asked', async () => {
  const { words, env: given } = product.command;
  const alone = await ended(product.terminal.start('setsid', ['--wait', ...words, 'uninstall', '--json'], { env: given }));
  expect({ code: alone.code, vault: JSON.parse(alone.stdout).vault }).toEqual({ code: 0, vault: 'kept' });
  await expectKept();
});
