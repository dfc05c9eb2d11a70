/** The translation of the keyring library: its words into codes, its hangs into an end. The real library: test/integration/vault. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { seconds } from '../../../main/units.ts';
import { type KeyringEntry, type KeyringLibrary, osKeychain } from '../../../main/vault/os-keychain.ts';

interface Options {
  construct?: () => void;
  answer?: Partial<KeyringEntry>;
}

/** A library of the shape of the real one: a constructor that may throw, calls that may reject with plain Errors. */
function library({ construct = () => undefined, answer = {} }: Options = {}) {
  const made: unknown[][] = [];
  class AsyncEntry implements KeyringEntry {
    constructor(...parts: unknown[]) {
      made.push(parts);
      construct();
    }
    getSecret = answer.getSecret ?? (async () => null);
    setSecret = answer.setSecret ?? (async () => undefined);
    deleteCredential = answer.deleteCredential ?? (async () => true);
  }
  return { made, load: async (): Promise<KeyringLibrary> => ({ AsyncEntry }) };
}

describe('what the library says', () => {
  it.each([
    [
      'Platform failure: DBus error: Using X11 for dbus-daemon autolaunch was disabled, set your DBUS_SESSION_BUS_ADDRESS instead',
      'KEYCHAIN_MISSING',
    ],
    ['Platform failure: Secret Service: no result found', 'KEYCHAIN_MISSING'],
    ['DBus error: org.freedesktop.DBus.Error.ServiceUnknown: The name is not activatable', 'KEYCHAIN_MISSING'],
    ['Secret Service: unlock prompt was dismissed', 'KEYCHAIN_LOCKED'],
    ["Couldn't access platform storage: collection is locked", 'KEYCHAIN_LOCKED'],
    ['Platform failure: User interaction is not allowed.', 'KEYCHAIN_LOCKED'],
    ["Couldn't access platform storage: AccessDenied", 'KEYCHAIN_FAILED'],
    ['DBus error: Did not receive a reply. Possible causes include: the reply timeout expired', 'KEYCHAIN_FAILED'],
    ['something it never said before', 'KEYCHAIN_FAILED'],
  ])('%s is %s, from the constructor and from each call', async (message, code) => {
    const fail = () => Promise.reject(Object.assign(new Error(message), { code: 'GenericFailure' }));
    const throwing = library({
      construct: () => {
        throw new Error(message);
      },
    });
    const rejecting = library({ answer: { getSecret: fail, setSecret: fail, deleteCredential: fail } });
    for (const { load } of [throwing, rejecting]) {
      const keychain = osKeychain({ load });
      await expect(keychain.read('vault-key')).rejects.toMatchObject({ code });
      await expect(keychain.write('vault-key', new Uint8Array(32))).rejects.toMatchObject({ code });
      await expect(keychain.erase('vault-key')).rejects.toMatchObject({ code });
    }
  });

  it('is not repeated to people', async () => {
    const { load } = library({ answer: { getSecret: () => Promise.reject(new Error('marked words of a library')) } });
    const error = await osKeychain({ load })
      .read('vault-key')
      .catch((caught: unknown) => caught);
    expect(String(error)).not.toContain('marked');
  });

  it('is KEYCHAIN_FAILED when the library itself cannot be loaded', async () => {
    const keychain = osKeychain({ load: () => Promise.reject(new Error('Cannot find native binding')) });
    await expect(keychain.read('vault-key')).rejects.toMatchObject({ code: 'KEYCHAIN_FAILED' });
  });
});

it('names the service and the entry, and pins the store that survives a reboot', async () => {
  const { made, load } = library();
  await osKeychain({ load }).read('vault-key');
  expect(made).toEqual([['lakepass', 'vault-key', { linux: { store: 'secret-service' } }]]);
});

it('hands over bytes, and null where there is no entry', async () => {
  const numbers = [1, 2, 255];
  const found = library({ answer: { getSecret: async () => numbers } });
  expect(await osKeychain(found).read('vault-key')).toEqual(Uint8Array.of(1, 2, 255));
  expect(numbers).toEqual([0, 0, 0]);
  expect(await osKeychain(library()).read('vault-key')).toBeNull();
});

it('takes 2,560 bytes, and refuses one more before the library is asked', async () => {
  const setSecret = vi.fn(async () => undefined);
  const keychain = osKeychain(library({ answer: { setSecret } }));
  await keychain.write('vault-key', new Uint8Array(2560));
  await expect(keychain.write('vault-key', new Uint8Array(2561))).rejects.toMatchObject({ code: 'KEYCHAIN_FAILED', reason: 'entry-size' });
  expect(setSecret).toHaveBeenCalledOnce();
});

it('counts a keychain that does not answer as locked', async () => {
  const never = () => new Promise<never>(() => undefined);
  const keychain = osKeychain({ ...library({ answer: { getSecret: never } }), patience: seconds(5) });
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const refused = vi.fn();
  keychain.read('vault-key').catch(refused);
  await vi.advanceTimersByTimeAsync(seconds(5) - 1);
  expect(refused).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(refused.mock.calls).toMatchObject([[{ code: 'KEYCHAIN_LOCKED', reason: 'no-answer' }]]);
});

it('loads the library of its own package, whatever file the environment names', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lp-keyring-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const other = join(folder, 'other.cjs');
  writeFileSync(other, "process.stdout.write('loaded another '); module.exports = {};");
  const program = `const { osKeychain } = await import('${new URL('../../../main/vault/os-keychain.ts', import.meta.url)}');
    await osKeychain().read('vault-key').then(() => console.log('read'), (error) => console.log(error.code));`;
  const env = { NAPI_RS_NATIVE_LIBRARY_PATH: other, HOME: folder, DBUS_SESSION_BUS_ADDRESS: `unix:path=${folder}/none` };
  expect(String(execFileSync(process.execPath, ['--input-type=module', '-e', program], { env }))).toMatch(/^(KEYCHAIN_\w+|read)\n$/);
});
