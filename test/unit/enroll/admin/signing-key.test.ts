/** The file with IT's signing key: what opens it, and what does not. */
import { chmodSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { initFolder } from '../../../../main/enroll/admin/folder.ts';
import { addKey, dropFirstKey, newKeyFile, openKeys, readKeyFile } from '../../../../main/enroll/admin/signing-key.ts';
import { freshPath, lock, lockBy, madeFolder } from './setting.ts';

const refused = (code: string, reason: string) => expect.objectContaining({ code, reason });
const changed = (text: string, change: (file: Record<string, unknown>) => unknown): string => JSON.stringify(change(JSON.parse(text)));

describe('the signing key', () => {
  it('is sealed, and opens by its passphrase alone', async () => {
    const { text, thumbprint } = await newKeyFile(lock);
    expect(text).not.toMatch(/"d"/);
    expect(readKeyFile(text).isSealed).toBe(true);
    expect(await openKeys(text, lock)).toMatchObject([{ thumbprint }]);
    await expect(openKeys(text, lockBy('wrong horse'))).rejects.toThrow(refused('SIGNING_KEY_SEALED', 'passphrase'));
    await expect(openKeys(text, lockBy(null))).rejects.toThrow(refused('SIGNING_KEY_SEALED', 'no-passphrase'));
  });

  it('does not open beside another public key', async () => {
    const [ours, other] = [await newKeyFile(lock), await newKeyFile(lock)];
    const swapped = changed(ours.text, (file) => ({ ...file, keys: JSON.parse(other.text).keys }));
    await expect(openKeys(swapped, lock)).rejects.toThrow(refused('SIGNING_KEY_SEALED', 'passphrase'));
  });

  it('is in the clear only where nobody gave a passphrase', async () => {
    const { text, thumbprint } = await newKeyFile(lockBy(null));
    expect(readKeyFile(text).isSealed).toBe(false);
    expect(await openKeys(text, lockBy(null))).toMatchObject([{ thumbprint }]);
  });

  it.each<[string, (file: Record<string, unknown>) => unknown]>([
    ['no object', () => []],
    ['another version', (file) => ({ ...file, version: 2 })],
    ['no key', (file) => ({ ...file, keys: [] })],
    ['one more member', (file) => ({ ...file, note: 'x' })],
    ['a private half in the open', (file) => ({ ...file, keys: (file['keys'] as object[]).map((key) => ({ ...key, d: 'A'.repeat(43) })) })],
    ['another seal', (file) => ({ ...file, private: { sealedBy: 'magic' } })],
    [
      'fewer secrets than keys',
      (file) => ({ ...file, keys: [file['keys'], file['keys']].flat(), private: { sealedBy: 'nothing', d: ['A'.repeat(43)] } }),
    ],
  ])('with %s is refused', async (_, change) => {
    const { text } = await newKeyFile(lock);
    await expect(openKeys(changed(text, change), lock)).rejects.toThrow(refused('ADMIN_FILE_INVALID', 'signing-key'));
  });

  it('that is no JSON is refused without a word of it', async () => {
    await expect(openKeys('{"secret-marker', lock)).rejects.toThrow(expect.not.stringContaining('marker'));
    await expect(openKeys('{"secret-marker', lock)).rejects.toThrow(refused('ADMIN_FILE_INVALID', 'signing-key'));
  });

  it('gets a successor, and then leaves', async () => {
    const { text, thumbprint } = await newKeyFile(lock);
    await expect(dropFirstKey(text, lock)).rejects.toThrow(refused('ADMIN_STEP_MISSING', 'one-key'));
    const two = await addKey(text, lock);
    const [first, second] = await openKeys(two, lock);
    expect(first?.thumbprint).toBe(thumbprint);
    await expect(addKey(two, lock)).rejects.toThrow(refused('ADMIN_STEP_MISSING', 'rotating'));
    expect(await openKeys(await dropFirstKey(two, lock), lock)).toMatchObject([{ thumbprint: second?.thumbprint }]);
  });

  it('takes a passphrase of eight characters at least', async () => {
    const path = freshPath();
    await expect(initFolder(path, { organization: 'Acme', lock: lockBy('short 7') })).rejects.toThrow(
      refused('INPUT_INVALID', 'passphrase'),
    );
    expect(() => statSync(path)).toThrow('ENOENT');
  });

  it('is refused where others of the machine can read it', async () => {
    const { folder } = await madeFolder();
    expect(statSync(folder.file('key')).mode & 0o777).toBe(0o600);
    for (const mode of [0o640, 0o604]) {
      chmodSync(folder.file('key'), mode);
      await expect(folder.read('key')).rejects.toThrow(refused('ADMIN_FILE_INVALID', 'mode'));
    }
  });
});
