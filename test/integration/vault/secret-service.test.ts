/**
 * The vault against a real Secret Service: gnome-keyring under its own D-Bus session and home. Proves what no fake can: that the
 * library, the daemon and our reading of its words fit together, and that a key is still there for the next process.
 */
import { execFile, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';

const vaultProcess = fileURLToPath(new URL('./vault-process.ts', import.meta.url));
const unlocked = `printf 'test password\\n' | gnome-keyring-daemon --unlock --components=secrets >/dev/null`;
const startedLocked = 'gnome-keyring-daemon --start --components=secrets >/dev/null';

beforeAll(() => {
  for (const [program, packages] of [
    ['dbus-run-session', 'dbus'],
    ['gnome-keyring-daemon', 'gnome-keyring'],
  ] as const) {
    const found = spawnSync(program, ['--version'], { stdio: 'ignore' });
    if (found.error)
      throw new Error(`${program} is missing, so the keychain cannot be tested: install it with "apt-get install ${packages}".`);
  }
});

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'lakepass-keyring-'));
  for (const folder of ['data', 'run']) await mkdir(join(home, folder), { mode: 0o700 });
});
afterEach(() => rm(home, { recursive: true, force: true }));

/** Nothing of the person's own session reaches it: no display to prompt on, no bus, no keyring. */
const { PATH, NODE_COMPILE_CACHE } = process.env;
const environment = () => ({
  ...{ PATH, NODE_COMPILE_CACHE, HOME: home },
  ...{ XDG_RUNTIME_DIR: join(home, 'run'), XDG_DATA_HOME: join(home, 'data') },
});
const vaultFolder = () => join(home, 'vault');
const command = (...words: string[]) => ['"$0"', '"$1"', '"$2"', ...words].join(' ');

/** Runs the shell lines in a D-Bus session of their own, or without one; the lines of JSON that the vault processes print. */
async function lines(script: string[], { bus = true } = {}): Promise<unknown[]> {
  const shell = ['bash', '-ec', script.join('\n'), process.execPath, vaultProcess, vaultFolder()];
  const [program = '', ...words] = bus ? ['dbus-run-session', '--', ...shell] : shell;
  const { stdout, error, stderr } = await new Promise<{ stdout: string; stderr: string; error: Error | null }>((resolve) => {
    execFile(program, words, { env: environment(), timeout: 45_000 }, (failed, out, err) =>
      resolve({ stdout: out, stderr: err, error: failed }),
    );
  });
  if (error) throw new Error(`the session failed: ${stderr.slice(-2000)}`);
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as unknown);
}

it('keeps a record for the next process, and for the next login', async () => {
  expect(await lines([unlocked, command('seal', 'hello'), command('open')])).toEqual([
    { kind: 'secret-service', found: 'hello' },
    { kind: 'secret-service', found: 'hello' },
  ]);
  expect(await lines([unlocked, command('open')])).toEqual([{ kind: 'secret-service', found: 'hello' }]);
});

it('says KEYCHAIN_LOCKED when the collection is locked and nobody can be asked, and touches no sealed file', async () => {
  await lines([unlocked, command('seal', 'hello')]);
  const sealed = await readFile(join(vaultFolder(), 'session-acme.sealed'));
  expect(await lines([startedLocked, command('open')])).toEqual([{ code: 'KEYCHAIN_LOCKED' }]);
  expect(await readFile(join(vaultFolder(), 'session-acme.sealed'))).toEqual(sealed);
});

it('says KEYCHAIN_MISSING where there is no D-Bus, instead of using the kernel keyring', async () => {
  expect(await lines([command('open')], { bus: false })).toEqual([{ code: 'KEYCHAIN_MISSING' }]);
});

it('says KEYCHAIN_MISSING where the Secret Service holds no collection', async () => {
  expect(await lines([startedLocked, command('open')])).toEqual([{ code: 'KEYCHAIN_MISSING' }]);
});

it('sets sealed files aside when the keyring was lost, and never seals over them', async () => {
  await lines([unlocked, command('seal', 'hello')]);
  const sealed = await readFile(join(vaultFolder(), 'session-acme.sealed'));
  await rm(join(home, 'data', 'keyrings'), { recursive: true });
  expect(await lines([unlocked, command('open'), command('seal', 'anew'), command('open')])).toEqual([
    { code: 'VAULT_CORRUPT', reason: 'session-acme' },
    { kind: 'secret-service', found: 'anew' },
    { kind: 'secret-service', found: 'anew' },
  ]);
  expect(await readFile(join(vaultFolder(), 'session-acme.corrupt-1'))).toEqual(sealed);
});

it('says VAULT_CORRUPT for a spoilt file, and the key goes on serving', async () => {
  await lines([unlocked, command('seal', 'hello')]);
  await writeFile(join(vaultFolder(), 'session-acme.sealed'), 'spoilt');
  expect(await lines([unlocked, command('open'), command('open')])).toEqual([
    { code: 'VAULT_CORRUPT', reason: 'session-acme' },
    { kind: 'secret-service', found: null },
  ]);
  expect(await readdir(vaultFolder())).toEqual(['session-acme.corrupt-1']);
});

it('goes through every kind of sealing, and what it leaves behind in the keychain goes with it', async () => {
  const found = { kind: 'secret-service', found: 'hello' };
  const steps = ['by-key', 'open', 'by-passphrase', 'open', 'by-key', 'unseal', 'open', 'by-passphrase', 'unseal', 'open'];
  expect(await lines([unlocked, command('seal', 'hello'), ...steps.map((step) => command(step))])).toEqual([
    found,
    ...steps.map(() => found),
  ]);
});

it('starts over under a new key', async () => {
  expect(await lines([unlocked, command('seal', 'hello'), command('by-key'), command('start-over'), command('seal', 'anew')])).toEqual([
    { kind: 'secret-service', found: 'hello' },
    { kind: 'secret-service', found: 'hello' },
    { kind: 'secret-service', found: null },
    { kind: 'secret-service', found: 'anew' },
  ]);
});
