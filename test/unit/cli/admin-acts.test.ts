/** `lakepass admin` as an admin types it, with a signing key in the clear: what is written, and what is said. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { bundle, exempt, init, invite, revoke, rotate } from '../../../main/cli/admin-acts.ts';
import { parseInvitation } from '../../../main/enroll/invitation.ts';

const root = mkdtempSync(join(tmpdir(), 'lakepass-admin-acts-'));
afterAll(() => rmSync(root, { recursive: true }));
const device = '0123456789abcdef0123456789abcdef';
const refused = (reason: string) => expect.objectContaining({ code: 'INPUT_INVALID', reason });

let said: string[];
beforeEach(() => {
  said = [];
  for (const stream of [process.stdout, process.stderr])
    vi.spyOn(stream, 'write').mockImplementation((text) => {
      said.push(String(text));
      return true;
    });
});
afterEach(() => vi.restoreAllMocks());

let made = 0;
async function folder() {
  made += 1;
  const path = join(root, `f${made}`);
  await init({ folder: path, passphrase: false, organization: 'Acme' });
  const read = (name: string): string => readFileSync(join(path, name), 'utf8');
  return { options: { folder: path }, read, file: (name: string) => join(path, name) };
}
const answer = (): unknown => JSON.parse(said.at(-1) ?? '');

describe('lakepass admin', () => {
  it('says out loud that a signing key lies in the clear', async () => {
    await folder();
    expect(said.join('')).toMatch(/the signing key lies in the clear in .*signing-key\.json: whoever reads it decides for every device/);
  });

  it('invites to an address with a link that devices understand', async () => {
    const { options, file } = await folder();
    await invite({ ...options, url: 'https://IT.acme.example/b.json', svg: file('i.svg'), json: true });
    expect(answer()).toMatchObject({ published: false });
    await bundle(options);
    await invite({ ...options, url: 'https://IT.acme.example/b.json', json: true });
    const { link, fingerprint } = answer() as { link: string; fingerprint: string };
    expect(answer()).toMatchObject({ published: true });
    expect(parseInvitation(link)).toEqual({ url: 'https://it.acme.example/b.json', thumbprint: fingerprint });
    expect(readFileSync(file('i.svg'), 'utf8')).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
  });

  it('draws no picture over another file', async () => {
    const { options, read, file } = await folder();
    const before = read('policy.yaml');
    await expect(invite({ ...options, url: 'https://it.acme.example/b', svg: file('policy.yaml') })).rejects.toThrow(
      expect.objectContaining({ code: 'ADMIN_FILE_EXISTS' }),
    );
    expect(read('policy.yaml')).toBe(before);
  });

  it.each(['http://it.acme.example/b', 'https://me@it.acme.example/b', 'https://it.acme.example/b#x', 'bundle.json'])(
    'invites nobody to %s',
    async (url) => {
      const { options } = await folder();
      await expect(invite({ ...options, url })).rejects.toThrow(refused('url'));
    },
  );

  it('names the key that takes over from the first bundle on that both have signed', async () => {
    const { options } = await folder();
    const invited = async (): Promise<string> => {
      await invite({ ...options, url: 'https://it.acme.example/b', json: true });
      return (answer() as { fingerprint: string }).fingerprint;
    };
    await bundle(options);
    const first = await invited();
    await rotate({ ...options, json: true });
    const { fingerprints } = answer() as { fingerprints: string[] };
    expect(await invited()).toBe(first);
    await expect(rotate({ ...options, finish: true })).rejects.toThrow(expect.objectContaining({ code: 'ADMIN_STEP_MISSING' }));
    await bundle(options);
    expect(await invited()).toBe(fingerprints[1]);
    await rotate({ ...options, finish: true, json: true });
    expect(answer()).toEqual({ fingerprints: [fingerprints[1]] });
    await bundle(options);
    expect(await invited()).toBe(fingerprints[1]);
  });

  it('exempts a person from a rule, beside the comments, and says that it is to be published', async () => {
    const { options, read } = await folder();
    const comments = read('bundle.yaml').match(/#.*/g);
    await exempt('ada@acme.example', { ...options, rule: 'programs', until: '8h', reason: 'a: "migration" #1' });
    expect(said.at(-1)).toMatch(
      /^ada@acme\.example is exempt from programs until .*as soon as you publish it: `lakepass admin bundle`\.\n$/,
    );
    await exempt('bob@acme.example', { ...options, rule: 'no-all-apis', until: '24h', reason: 'x' });
    expect(
      read('bundle.yaml')
        .match(/#.*/g)
        ?.filter((comment) => !comment.startsWith('#1')),
    ).toEqual(comments);
    await bundle({ ...options, json: true });
    const { changes } = answer() as { changes: string[] };
    expect(changes.filter((line) => line.startsWith('+ exemption'))).toEqual([
      expect.stringMatching(/^\+ exemption of ada@acme\.example from programs until \S+Z \(a: "migration" #1\)$/),
      expect.stringMatching(/^\+ exemption of bob@acme\.example from no-all-apis until \S+Z \(x\)$/),
    ]);
  });

  it.each<[string, string, Record<string, string>, string]>([
    ['for longer than a day', 'ada', { until: '25h' }, 'until'],
    ['until a moment that is over', 'ada', { until: '2026-01-01T00:00:00Z' }, 'until'],
    ['until some day', 'ada', { until: 'tomorrow' }, 'until'],
    ['from a rule that is not there', 'ada', { rule: 'programms' }, 'rule'],
    ['from a rule that cannot be', 'ada', { rule: 'No Such' }, 'rule'],
    ['without a reason', 'ada', { reason: '' }, 'reason'],
    ['for a reason of two lines', 'ada', { reason: 'a\nb' }, 'reason'],
    ['who has no name', '', {}, 'user'],
  ])('exempts nobody %s', async (_, user, changes, reason) => {
    const { options, read } = await folder();
    const before = read('bundle.yaml');
    await expect(exempt(user, { ...options, rule: 'programs', until: '8h', reason: 'x', ...changes })).rejects.toThrow(refused(reason));
    expect(read('bundle.yaml')).toBe(before);
  });

  it('revokes devices and persons once, and says that it is to be published', async () => {
    const { options, read } = await folder();
    await revoke({ ...options, device });
    expect(said.at(-1)).toBe(`The device ${device} is revoked, as soon as you publish it: \`lakepass admin bundle\`.\n`);
    await revoke({ ...options, device: '00000000000000000000000000000012' });
    await revoke({ ...options, user: 'Ada@acme.example' });
    await revoke({ ...options, issuer: 'https://login.acme.example', subject: '00u1' });
    const once = read('bundle.yaml');
    await revoke({ ...options, device });
    expect(said.at(-1)).toMatch(/was revoked already/);
    await revoke({ ...options, user: 'ada@ACME.example' });
    await revoke({ ...options, issuer: 'https://login.acme.example', subject: '00u1' });
    expect(read('bundle.yaml')).toBe(once);
    await bundle({ ...options, json: true });
    expect((answer() as { changes: string[] }).changes).toEqual(
      expect.arrayContaining([
        `+ revoked device ${device}`,
        '+ revoked device 00000000000000000000000000000012',
        '+ revoked person Ada@acme.example',
        '+ revoked person 00u1 of https://login.acme.example',
      ]),
    );
  });

  it('takes a revocation back, once, and leaves the rest of the file as it is', async () => {
    const { options, read } = await folder();
    const before = read('bundle.yaml');
    await revoke({ ...options, device });
    await revoke({ ...options, user: 'Ada@acme.example' });
    await revoke({ ...options, user: 'bob@acme.example' });
    await revoke({ ...options, user: 'ada@ACME.example', undo: true });
    expect(said.at(-1)).toMatch(/^ada@ACME\.example is no longer revoked.*admin bundle.*sign in again/);
    await revoke({ ...options, user: 'ada@acme.example', undo: true });
    expect(said.at(-1)).toBe('ada@acme.example is not revoked.\n');
    expect(read('bundle.yaml')).toContain('bob@acme.example');
    await revoke({ ...options, user: 'bob@acme.example', undo: true });
    await revoke({ ...options, device, undo: true, json: true });
    expect(answer()).toEqual({ restored: { device }, already: false, published: false });
    expect(read('bundle.yaml').replaceAll(/\s+/g, ' ')).toBe(before.replaceAll(/\s+/g, ' '));
  });

  it('signs nothing without a look at what is published, where it is told to look', async () => {
    const { options, read } = await folder();
    const before = read('bundle.yaml');
    await expect(bundle({ ...options, published: 'http://it.acme.example/b' })).rejects.toThrow(refused('url'));
    await expect(bundle({ ...options, published: 'https://127.0.0.1:1/b' })).rejects.toThrow(
      expect.objectContaining({ code: 'BUNDLE_UNREACHABLE', reason: 'line' }),
    );
    expect(read('bundle.yaml')).toBe(before);
  });

  it('revokes where the list was taken out of the file', async () => {
    const { options, read, file } = await folder();
    writeFileSync(file('bundle.yaml'), read('bundle.yaml').replace(/^revoked:\n.*\n.*\n/m, ''));
    await revoke({ ...options, device });
    expect(read('bundle.yaml')).toContain(`- ${device}`);
  });

  it.each<[string, Record<string, string>, string]>([
    ['nothing', {}, 'options'],
    ['two at once', { device, user: 'ada' }, 'options'],
    ['a device that is none', { device: 'ada' }, 'device'],
    ['an issuer without a subject', { issuer: 'https://login.acme.example' }, 'issuer'],
    ['a subject without an issuer', { subject: '00u1' }, 'issuer'],
    ['an issuer that is none', { issuer: 'acme', subject: '00u1' }, 'issuer'],
    ['a user name of two lines', { user: 'a\nb' }, 'user'],
  ])('revokes not %s', async (_, named, reason) => {
    const { options, read } = await folder();
    const before = read('bundle.yaml');
    await expect(revoke({ ...options, ...named })).rejects.toThrow(refused(reason));
    expect(read('bundle.yaml')).toBe(before);
  });
});
