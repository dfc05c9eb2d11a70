/** From an admin's folder to a bundle that devices take, and never back. */
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { initFolder } from '../../../../main/enroll/admin/folder.ts';
import { publishBundle, requireOverlap } from '../../../../main/enroll/admin/publish.ts';
import { addKey, dropFirstKey, openKeys } from '../../../../main/enroll/admin/signing-key.ts';
import { requireAcceptable, verifyBundle } from '../../../../main/enroll/bundle.ts';
import type { EpochMs } from '../../../../main/units.ts';
import { hours, later } from '../../../../main/units.ts';
import { goodConfig } from '../../profile/config-file.ts';
import { freshPath, lock, lockBy, madeFolder, now } from './setting.ts';

const refused = (code: string, reason?: string) => expect.objectContaining({ code, ...(reason === undefined ? {} : { reason }) });

describe('a new folder', () => {
  it('can be published as it is, and a device takes it by the fingerprint', async () => {
    const { publish, signed, fingerprint } = await madeFolder();
    const published = await publish();
    expect(published).toMatchObject({ revision: 1, before: null, signedBy: [fingerprint], expires: '2026-04-10T08:00:00.000Z' });
    const verified = await verifyBundle(signed(), { thumbprint: fingerprint });
    requireAcceptable(verified, null, now);
    expect(verified.bundle).toMatchObject({ organization: 'Acme', revision: 1, tapKeys: { atLeast: 1 } });
    expect(verified.policy).toMatchObject({ id: 'company', mode: 'observe', counts: { tests: 5 } });
    expect(verified.config).toBeNull();
  });

  it('has a key, a bundle and a policy that nobody else can read, and a signed bundle for everybody', async () => {
    const { folder, publish } = await madeFolder();
    await publish();
    for (const name of ['key', 'bundle', 'policy', 'config'] as const) expect(statSync(folder.file(name)).mode & 0o777).toBe(0o600);
    expect(statSync(folder.file('signed')).mode & 0o777).toBe(0o644);
  });

  it('is written over nothing, and then nothing at all is written', async () => {
    const path = freshPath();
    mkdirSync(path);
    writeFileSync(join(path, 'policy.yaml'), 'mine');
    await expect(initFolder(path, { organization: 'Acme', lock })).rejects.toThrow(refused('ADMIN_FILE_EXISTS'));
    expect(readdirSync(path)).toEqual(['policy.yaml']);
  });

  it.each(['', 'Acme\nAG', 'Acme\u202e', 'a'.repeat(81)])('is for no company named %j', async (organization) => {
    await expect(initFolder(freshPath(), { organization, lock })).rejects.toThrow(refused('INPUT_INVALID', 'organization'));
  });

  it('keeps any name of a company as text', async () => {
    const path = freshPath();
    await initFolder(path, { organization: `"Acme": #1 'x' \\`, lock });
  });
});

describe('two admins with one signing key', () => {
  it('sign nothing beside what the other has published, and go on from it once it lies here', async () => {
    const { publish, change, signed, folder } = await madeFolder();
    await publish();
    const [first, bundleText] = [signed(), readFileSync(folder.file('bundle'))];
    // The other, in a copy of the folder.
    change('bundle', 'atLeast: 1', 'atLeast: 2');
    await publish();
    const theirs = signed();
    writeFileSync(folder.file('signed'), first);
    writeFileSync(folder.file('bundle'), bundleText);
    const beside = publishBundle(folder, { lock, now, published: theirs });
    await expect(beside).rejects.toThrow(refused('ADMIN_STEP_MISSING', 'published'));
    expect([signed(), readFileSync(folder.file('bundle'))]).toEqual([first, bundleText]);
    writeFileSync(folder.file('signed'), theirs);
    expect(await publishBundle(folder, { lock, now, published: theirs })).toMatchObject({ before: 2, revision: 3 });
    // What was signed here and is not published yet is no reason to stop.
    expect(await publishBundle(folder, { lock, now, published: theirs })).toMatchObject({ before: 3, revision: 4 });
  });

  it('that have signed one revision each are told so', async () => {
    const { publish, change, signed, folder } = await madeFolder();
    await publish();
    const theirs = signed();
    rmSync(folder.file('signed'));
    change('bundle', 'revision: 1', 'revision: 0');
    change('bundle', 'atLeast: 1', 'atLeast: 2');
    await publish();
    await expect(publishBundle(folder, { lock, now, published: theirs })).rejects.toThrow(refused('ADMIN_STEP_MISSING', 'published'));
    rmSync(folder.file('signed'));
    await expect(publishBundle(folder, { lock, now, published: theirs })).rejects.toThrow(refused('ADMIN_STEP_MISSING', 'published'));
  });

  it('take nothing for published that is none of theirs', async () => {
    const { folder } = await madeFolder();
    const other = await madeFolder();
    await other.publish();
    for (const published of [other.signed(), Buffer.from('<html>')])
      await expect(publishBundle(folder, { lock, now, published })).rejects.toThrow(refused('ADMIN_FILE_INVALID', 'published'));
  });
});

describe('the next bundle', () => {
  it('counts up, whatever became of the file or of the count', async () => {
    const { publish, change, text, folder } = await madeFolder();
    await publish();
    rmSync(folder.file('signed'));
    expect(await publish()).toMatchObject({ revision: 2, before: null });
    change('bundle', 'revision: 2', 'revision: 0');
    expect(await publish()).toMatchObject({ revision: 3, before: 2 });
    expect(text('bundle')).toContain('revision: 3 # Counted by');
  });

  it('says in words what it changes', async () => {
    const { publish, change } = await madeFolder();
    await publish();
    expect((await publish()).changes).toEqual([]);
    change('bundle', 'devices: []', `devices: [ ${'0'.repeat(31)}a ]`);
    change('bundle', 'settings: {}', 'settings: { printedTokens: { value: forbidden, mode: locked } }');
    change('bundle', 'atLeast: 1', 'atLeast: 2');
    change('bundle', 'modes: {}', 'modes: { data-eng: enforce }');
    change('policy', 'mode: observe', 'mode: enforce');
    change('policy', 'maxLife: 12 h', 'maxLife: 8 h');
    change('policy', '  - { id: no-all-apis, scopes: [all-apis] }\n', '');
    const { changes, notes } = await publish();
    expect(changes).toEqual([
      `+ revoked device ${'0'.repeat(31)}a`,
      '~ policy rule programs',
      '- policy rule no-all-apis',
      '~ policy mode: enforce',
      '+ mode of the group data-eng: enforce',
      '+ setting printedTokens: forbidden (locked)',
      '~ tap keys atLeast: 2',
    ]);
    expect(notes.some((note) => note.includes('its own revision is still 1'))).toBe(true);
  });

  it('says where records and times will go to, and what else its configuration changes', async () => {
    const { publish, folder } = await madeFolder();
    const write = (text: string) => writeFileSync(folder.file('config'), text);
    write(`${goodConfig}`);
    expect((await publish()).changes).toContain('+ profile acme');
    const sinks = (collector: string) =>
      `audit:\n  sinks:\n    - { name: siem, otlp: { url: https://${collector}/v1/logs } }\n    - { name: lake, databricks: { profile: acme, warehouse: a1, table: sec.lake.audit } }\n`;
    write(`${goodConfig}${sinks('otel.acme.example')}`);
    expect((await publish()).changes).toEqual([
      '+ sink of audit records siem: https://otel.acme.example/v1/logs',
      '+ sink of audit records lake: sec.lake.audit (acme)',
    ]);
    write(
      `${goodConfig}${sinks('elsewhere.example')}  diskFull: serve-and-count\nnetwork: { caFile: /etc/acme.pem }\n` +
        'telemetry: { metrics: { port: 9464 }, traces: { otlp: { url: https://otel.acme.example/v1/traces } } }\n',
    );
    expect((await publish()).changes).toEqual([
      '+ network caFile: /etc/acme.pem',
      '~ sink of audit records siem: https://elsewhere.example/v1/logs',
      '+ audit diskFull: serve-and-count',
      '+ telemetry metrics: port 9464',
      '+ telemetry traces: https://otel.acme.example/v1/traces',
    ]);
    write(`${goodConfig}`);
    expect((await publish()).changes).toEqual([
      '- network caFile',
      '- sink of audit records siem',
      '- sink of audit records lake',
      '- audit diskFull',
      '- telemetry metrics',
      '- telemetry traces',
    ]);
  });

  it('is compared with the one that is published elsewhere', async () => {
    const { publish } = await madeFolder();
    const out = freshPath();
    await publish(now, out);
    expect(await publish(now, out)).toMatchObject({ revision: 2, before: 1, changes: [] });
    expect(await publish()).toMatchObject({ revision: 3, before: null });
  });

  it('takes the place of no bundle of another company, and of no other file', async () => {
    const ours = await madeFolder();
    const theirs = await madeFolder();
    await theirs.publish();
    await expect(ours.publish(now, theirs.folder.file('signed'))).rejects.toThrow(refused('ADMIN_FILE_INVALID', 'out'));
    await expect(ours.publish(now, ours.folder.file('policy'))).rejects.toThrow(refused('ADMIN_FILE_INVALID', 'out'));
    expect(ours.text('bundle')).toContain('revision: 0');
    // The same keys, for a second company.
    await ours.publish();
    ours.change('bundle', /bundleId: \S+/, 'bundleId: 0b5f3f6e-6f3a-4a1c-9d4e-2b7c8a1d0e55');
    await expect(ours.publish()).rejects.toThrow(refused('ADMIN_FILE_INVALID', 'out'));
  });

  it('drops the exemptions that are over, from the file as well, and keeps every comment', async () => {
    const { publish, change, text } = await madeFolder();
    const exemption = (id: string, until: string) =>
      `  - { id: e${id.repeat(16)}, username: ada@acme.example, rule: programs, from: ${until.replace('T2', 'T1')}, until: ${until}, reason: x }\n`;
    change('bundle', 'exemptions: []\n', `exemptions:\n${exemption('1', '2026-01-09T20:00:00Z')}${exemption('2', '2026-01-10T20:00:00Z')}`);
    const { dropped, changes } = await publish();
    expect(dropped).toMatchObject([{ id: `e${'1'.repeat(16)}` }]);
    expect(changes).toContain('+ exemption of ada@acme.example from programs until 2026-01-10T20:00:00Z (x)');
    expect(text('bundle')).not.toContain('e1111');
    expect(text('bundle')).toContain('e2222');
    expect((await publish(later(now, hours(24)))).changes).toEqual([
      '- exemption of ada@acme.example from programs until 2026-01-10T20:00:00Z (x)',
    ]);
    expect(text('bundle').match(/#/g)?.length).toBe((await madeFolder()).text('bundle').match(/#/g)?.length);
  });

  it.each<[string, 'bundle' | 'policy' | 'config', string | RegExp, string, string, RegExp]>([
    [
      'a key that is not known',
      'bundle',
      'modes:',
      'mode:',
      'ADMIN_FILE_INVALID',
      /bundle\.yaml:18:1: The key "mode" is not known\. Did you mean "modes"\?/,
    ],
    ['a device that is none', 'bundle', 'devices: []', 'devices: [ada]', 'ADMIN_FILE_INVALID', /bundle\.yaml:22:13: /],
    ['a longer life than any', 'bundle', '90 d', '401 d', 'ADMIN_FILE_INVALID', /bundle\.yaml:8:15: /],
    ['a bracket too few', 'bundle', 'modes: {}', 'modes: {', 'ADMIN_FILE_INVALID', /bundle\.yaml:\d+:\d+: /],
    ['a misspelled rule', 'policy', 'deny:', 'denny:', 'POLICY_INVALID', /policy\.yaml:\d+:1: The key "denny" is not known/],
    [
      'a test that fails',
      'policy',
      'scopes: [jobs], kind: ai-agent, aiAgent: claude }, expect: deny',
      'scopes: [jobs], kind: ai-agent, aiAgent: claude }, expect: allow',
      'POLICY_INVALID',
      /policy\.yaml:\d+:\d+: The test "an AI agent starts no jobs" fails\./,
    ],
    ['a configuration that is none', 'config', /$/, 'version: 1\nprofiles: {}\n', 'CONFIG_INVALID', /config\.yaml:\d+:\d+: /],
  ])('is not made with %s, and the place is named', async (_, name, from, to, code, where) => {
    const { publish, change, folder } = await madeFolder();
    change(name, from, to);
    await expect(publish()).rejects.toThrow(expect.objectContaining({ code, detail: expect.stringMatching(where) }));
    expect(readdirSync(folder.path)).not.toContain('bundle.jws.json');
  });

  it('is not made with an exemption from a rule that the policy does not have', async () => {
    const { publish, change } = await madeFolder();
    change(
      'bundle',
      'exemptions: []',
      `exemptions: [ { id: e${'1'.repeat(16)}, username: a, rule: no-such, from: 2026-01-10T08:00:00Z, until: 2026-01-10T09:00:00Z, reason: x } ]`,
    );
    await expect(publish()).rejects.toThrow(refused('ADMIN_FILE_INVALID', 'bundle'));
  });

  it('is not made without the files, or with another passphrase', async () => {
    const { folder, text } = await madeFolder();
    await expect(publishBundle(folder, { lock: lockBy('wrong horse'), now })).rejects.toThrow(refused('SIGNING_KEY_SEALED', 'passphrase'));
    expect(text('bundle')).toContain('revision: 0');
    rmSync(folder.file('bundle'));
    await expect(publishBundle(folder, { lock, now })).rejects.toThrow(refused('ADMIN_FILE_MISSING'));
  });
});

describe('one signing key after another', () => {
  const takes = async (bytes: Buffer, held: Buffer, at: EpochMs = now) => {
    const before = await verifyBundle(held, { thumbprint: (await openers(held))[0] as string });
    const verified = await verifyBundle(bytes, before.bundle.keys);
    requireAcceptable(verified, { ...before.bundle, hash: before.hash }, at);
  };
  const openers = async (bytes: Buffer): Promise<string[]> =>
    (JSON.parse(bytes.toString()).signatures as { protected: string }[]).map(
      (each) => JSON.parse(Buffer.from(each.protected, 'base64url').toString()).kid,
    );

  it('is taken by a device that had each bundle, and only by way of one that both have signed', async () => {
    const { folder, publish, signed, text } = await madeFolder();
    await publish();
    const first = signed();
    await folder.write('key', await addKey(text('key'), lock));
    await expect(requireOverlap(folder)).rejects.toThrow(refused('ADMIN_STEP_MISSING', 'overlap'));
    await publish();
    const both = signed();
    expect(await openers(both)).toHaveLength(2);
    await takes(both, first);
    await requireOverlap(folder);
    await folder.write('key', await dropFirstKey(text('key'), lock));
    await publish();
    await takes(signed(), both);
    await expect(takes(signed(), first)).rejects.toThrow(refused('BUNDLE_KEY_UNKNOWN'));
    expect(await openers(signed())).toEqual((await openKeys(text('key'), lock)).map(({ thumbprint }) => thumbprint));
  });
});
