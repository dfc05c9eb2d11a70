/** What the machine says of its management: who could have written it, what may stand there, and how each system hands it out. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type ManagedFacts, parseRegistry, readManagedSettings, systemFacts } from '../../../main/enroll/managed-settings.ts';

const uid = process.getuid?.() ?? 0;
const thumbprint = 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs';
const acme = {
  managedBy: 'Acme',
  bundleUrl: 'https://it.acme.example/lakepass.jws.json',
  signingKey: thumbprint,
  settings: { lease: { value: '5 min', mode: 'locked' }, theme: { value: 'dark', mode: 'default' } },
};

/** A machine whose /etc lies beneath a folder of the test's own. */
function machine(content: string | Buffer | null = JSON.stringify(acme)) {
  const top = fs.mkdtempSync(path.join(os.tmpdir(), 'lp-'));
  onTestFinished(() => fs.rmSync(top, { recursive: true, force: true }));
  const folder = path.join(top, 'etc', 'lakepass');
  fs.mkdirSync(folder, { recursive: true, mode: 0o755 });
  const file = path.join(folder, 'managed.json');
  if (content !== null) fs.writeFileSync(file, content, { mode: 0o644 });
  const run = async (): Promise<never> => {
    throw new Error('nothing is to be run');
  };
  const facts: ManagedFacts = { platform: 'linux', files: [file], top, owners: async () => [uid], run };
  return { top, folder, file, facts };
}
const hashOf = (content: string) => createHash('sha256').update(content).digest('hex');

describe('managed settings', () => {
  it('of a machine without any are none, and no problem', async () => {
    const { facts, folder } = machine(null);
    expect(await readManagedSettings(facts)).toEqual({ managed: null, problem: null });
    fs.rmdirSync(folder);
    expect(await readManagedSettings(facts)).toEqual({ managed: null, problem: null });
  });

  it('say who manages, by which bundle and key, what is set, and where it stands', async () => {
    const { facts, file } = machine();
    expect(await readManagedSettings(facts)).toEqual({
      managed: {
        ...{ managedBy: 'Acme', settings: acme.settings, source: file, hash: hashOf(JSON.stringify(acme)) },
        invitation: { url: acme.bundleUrl, thumbprint },
      },
      problem: null,
    });
  });

  it('need name no bundle', async () => {
    const { managed } = await readManagedSettings(machine('{"managedBy":"Acme"}').facts);
    expect(managed).toMatchObject({ invitation: null, settings: {} });
  });

  it('in a file that the person may have written count for nothing', async () => {
    const { facts } = machine();
    const { managed, problem } = await readManagedSettings({ ...facts, owners: async () => [uid + 1] });
    expect(managed).toBeNull();
    expect(problem).toMatchObject({ code: 'MANAGED_SETTINGS_UNSAFE', reason: 'owner' });
  });

  it.each(['file', 'folder', 'top'] as const)('whose %s others can write count for nothing', async (which) => {
    const found = machine();
    for (const mode of [0o020, 0o002]) {
      fs.chmodSync(found[which], 0o755 | mode);
      const { managed, problem } = await readManagedSettings(found.facts);
      expect(managed).toBeNull();
      expect(problem).toMatchObject({ code: 'MANAGED_SETTINGS_UNSAFE', reason: 'mode' });
    }
  });

  it('are reported where others can take the file away', async () => {
    const { facts, folder } = machine(null);
    fs.chmodSync(folder, 0o777);
    expect((await readManagedSettings(facts)).problem).toMatchObject({ code: 'MANAGED_SETTINGS_UNSAFE', reason: 'mode' });
  });

  it('behind a link count for nothing', async () => {
    const { facts, file, top } = machine(null);
    const elsewhere = path.join(top, 'elsewhere.json');
    fs.writeFileSync(elsewhere, JSON.stringify(acme), { mode: 0o644 });
    fs.symlinkSync(elsewhere, file);
    expect(await readManagedSettings(facts)).toMatchObject({ managed: null, problem: { code: 'MANAGED_SETTINGS_UNSAFE', reason: 'link' } });
  });

  it('in a folder that is a link count for nothing', async () => {
    const { facts, folder } = machine();
    fs.renameSync(folder, `${folder}-elsewhere`);
    fs.symlinkSync(`${folder}-elsewhere`, folder);
    expect(await readManagedSettings(facts)).toMatchObject({ managed: null, problem: { code: 'MANAGED_SETTINGS_UNSAFE', reason: 'link' } });
  });

  it('that are a folder are refused', async () => {
    const { facts, file } = machine(null);
    fs.mkdirSync(file, { mode: 0o755 });
    expect((await readManagedSettings(facts)).problem).toMatchObject({ code: 'MANAGED_SETTINGS_UNSAFE', reason: 'kind' });
  });

  it('of more than 256 KiB are refused', async () => {
    const most = 256 * 1024;
    const padded = (size: number) => JSON.stringify(acme).padEnd(size);
    expect((await readManagedSettings(machine(padded(most)).facts)).problem).toBeNull();
    const { managed, problem } = await readManagedSettings(machine(padded(most + 1)).facts);
    expect(managed).toBeNull();
    expect(problem).toMatchObject({ code: 'MANAGED_SETTINGS_INVALID', reason: 'size' });
  });

  it.each<[string, string]>([
    ['', 'syntax'],
    ['{', 'syntax'],
    ['managedBy: Acme', 'syntax'],
    ['[]', 'shape'],
    ['null', 'shape'],
    ['{}', 'shape'],
    ['{"managedBy":""}', 'shape'],
    [`{"managedBy":"${'a'.repeat(81)}"}`, 'shape'],
    ['{"managedBy":"Acme\\u202e"}', 'shape'],
    ['{"managedBy":"Acme","alsoThis":1}', 'shape'],
    ['{"managedBy":"Acme","__proto__":{"a":1}}', 'shape'],
    ['{"managedBy":"Acme","bundleUrl":"https://it.acme.example/b"}', 'shape'],
    [`{"managedBy":"Acme","signingKey":"${thumbprint}"}`, 'shape'],
    [`{"managedBy":"Acme","bundleUrl":"http://it.acme.example/b","signingKey":"${thumbprint}"}`, 'shape'],
    [`{"managedBy":"Acme","bundleUrl":"https://me@it.acme.example/b","signingKey":"${thumbprint}"}`, 'shape'],
    ['{"managedBy":"Acme","bundleUrl":"https://it.acme.example/b","signingKey":"short"}', 'shape'],
    ['{"managedBy":"Acme","settings":{"leese":{"value":"5 min","mode":"locked"}}}', 'shape'],
    ['{"managedBy":"Acme","settings":{"lease":"5 min"}}', 'shape'],
    ['{"managedBy":"Acme","settings":{"lease":{"value":"1 s","mode":"locked"}}}', 'shape'],
  ])('that say %s are refused whole', async (content, reason) => {
    const { managed, problem } = await readManagedSettings(machine(content).facts);
    expect(managed).toBeNull();
    expect(problem).toMatchObject({ code: 'MANAGED_SETTINGS_INVALID', reason });
  });

  it('are those of one place that nothing of the environment changes', async () => {
    const { files, top, owners } = systemFacts();
    expect(files).toEqual(['/etc/lakepass/managed.json']);
    expect(top).toBe('/');
    // Whoever runs this is no administrator, unless they are root.
    const { uid: system } = fs.statSync('/');
    expect(await owners()).toEqual(system === uid ? [0] : [0, system]);
  });
});

describe('on macOS, as recorded and never tried there', () => {
  const plist = '<?xml version="1.0"?><plist version="1.0"><dict/></plist>';
  // What `plutil -convert json` makes of the profile in deploy/, once it is installed.
  const printed = JSON.stringify({ ...acme, PayloadUUID: '6B1F7C6E-0000-4000-8000-000000000001' });
  const mac = (answer: string | null) => {
    const { facts } = machine(plist);
    const asked: unknown[] = [];
    const run: ManagedFacts['run'] = async (program, args, input) => {
      asked.push([program, ...args, input.toString()]);
      return answer;
    };
    return { facts: { ...facts, platform: 'darwin' as const, run }, asked };
  };

  it('the managed preferences go through plutil, as they were opened', async () => {
    const { facts, asked } = mac(printed);
    const { managed, problem } = await readManagedSettings(facts);
    expect(problem).toBeNull();
    expect(managed).toMatchObject({ managedBy: 'Acme', settings: acme.settings, hash: hashOf(plist) });
    expect(asked).toEqual([['/usr/bin/plutil', '-convert', 'json', '-o', '-', '-', plist]]);
  });

  it.each([null, '', '[]', '{"managedBy":1}'])('an answer of %j is refused', async (answer) => {
    const { managed, problem } = await readManagedSettings(mac(answer).facts);
    expect(managed).toBeNull();
    expect(problem?.code).toBe('MANAGED_SETTINGS_INVALID');
  });

  it('preferences that others can write are given to nobody', async () => {
    const { facts, asked } = mac(printed);
    expect((await readManagedSettings({ ...facts, owners: async () => [uid + 1] })).problem?.code).toBe('MANAGED_SETTINGS_UNSAFE');
    expect(asked).toEqual([]);
  });
});

describe('on Windows, as recorded and never tried there', () => {
  const key = 'HKEY_LOCAL_MACHINE\\Software\\Policies\\Lakepass';
  const lines = (...all: string[]) => `\r\n${all.join('\r\n')}\r\n\r\n`;
  const recorded = lines(
    key,
    '    managedBy    REG_SZ    Acme',
    `    bundleUrl    REG_SZ    ${acme.bundleUrl}`,
    `    signingKey    REG_SZ    ${thumbprint}`,
    '',
    `${key}\\Settings`,
    '',
    `${key}\\Settings\\Lease`,
    '    value    REG_SZ    5 min',
    '    mode    REG_SZ    locked',
    '',
    `${key}\\Settings\\theme`,
    '    value    REG_SZ    dark',
    '    mode    REG_SZ    default',
  );
  const windows = (answer: string | null): ManagedFacts => ({
    ...{ platform: 'win32', files: [], top: '/', owners: async () => [] },
    run: async (program) => (program === 'C:\\Windows\\System32\\reg.exe' ? answer : null),
  });

  it('the policy key says the same as the file', async () => {
    const { managed, problem } = await readManagedSettings(windows(recorded));
    expect(problem).toBeNull();
    expect(managed).toMatchObject({ managedBy: 'Acme', settings: acme.settings, source: key, invitation: { thumbprint } });
  });

  it('no key is no management', async () => {
    expect(await readManagedSettings(windows(null))).toEqual({ managed: null, problem: null });
  });

  it.each<[string, string]>([
    ['a value that is no text', lines(key, '    managedBy    REG_DWORD    0x1')],
    ['a value without a key', lines('    managedBy    REG_SZ    Acme')],
    ['a key of somebody else', lines('HKEY_CURRENT_USER\\Software\\Policies\\Lakepass', '    managedBy    REG_SZ    Me')],
    ['a key beside ours', lines(`${key}Too`, '    managedBy    REG_SZ    Me')],
    ['a key that is not known', lines(`${key}\\Other`)],
    ['a key beneath a setting', lines(`${key}\\Settings\\lease\\more`)],
    ['a setting that is not known', lines(`${key}\\Settings\\__proto__`, '    value    REG_SZ    5 min')],
    ['a value that is not known', lines(key, '    managedBy    REG_SZ    Acme', '    more    REG_SZ    1')],
    ['a value among the settings', lines(key, '    managedBy    REG_SZ    Acme', `${key}\\Settings`, '    lease    REG_SZ    5 min')],
  ])('%s is refused', async (_, printed) => {
    const { managed, problem } = await readManagedSettings(windows(printed));
    expect(managed).toBeNull();
    expect(problem?.code).toBe('MANAGED_SETTINGS_INVALID');
  });

  it('a field that was left empty is none', async () => {
    const printed = lines(key, '    managedBy    REG_SZ    Acme', '    bundleUrl    REG_SZ    ', '    signingKey    REG_SZ    ');
    expect((await readManagedSettings(windows(printed))).managed).toMatchObject({ managedBy: 'Acme', invitation: null });
  });

  it('spaces within a value stay', () => {
    expect(parseRegistry(lines(key, '    managedBy    REG_SZ    Acme  and   Sons'))).toMatchObject({ managedBy: 'Acme  and   Sons' });
  });

  it('a reader that cannot be started is reported', async () => {
    const facts = windows(null);
    const { problem } = await readManagedSettings({ ...facts, run: () => Promise.reject(new Error('ENOENT')) });
    expect(problem).toMatchObject({ code: 'MANAGED_SETTINGS_INVALID', reason: 'system' });
  });
});
