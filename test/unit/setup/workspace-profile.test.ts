/** A profile from a workspace's address: its text, the profile that is there already, and its place in a file of which no other byte changes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AppError } from '../../../main/app-error.ts';
import { readConfig } from '../../../main/profile/load-config.ts';
import { nameFor, profileFor, type WorkspaceProfile, withProfile, workspaceConfigText } from '../../../main/setup/workspace-profile.ts';

const plain: WorkspaceProfile = { workspace: 'https://beta.cloud.databricks.com', scopes: [], test: false };
const failureOf = (run: () => unknown): Partial<AppError> => {
  try {
    run();
    return {};
  } catch (error) {
    return error as AppError;
  }
};
const read = (text: string | Buffer) => readConfig(Buffer.from(text), 'config.yaml');
const made = (wanted: WorkspaceProfile, name = 'beta') => read(workspaceConfigText(name, wanted)).profiles.get(name);

const before = `# ours
version: 1
profiles:
  # the first one
  acme:   # a word about it
    idp:
      issuer: https://idp.acme.example
      clientId: lakepass
    workspaces:
      - { name: acme, host: 'https://acme.cloud.databricks.com' }
`;

describe('a profile for a workspace', () => {
  it('signs in there with the client and the redirects of Databricks’ CLI', () => {
    expect(made(plain)).toMatchObject({
      idp: {
        preset: 'databricks',
        issuer: 'https://beta.cloud.databricks.com/oidc',
        clientId: 'databricks-cli',
        scopes: ['all-apis', 'offline_access'],
        redirect: { host: 'localhost', path: '' },
      },
      tokens: 'direct',
      assurance: { minimum: 'unknown' },
      workspaces: [{ name: 'beta', host: 'https://beta.cloud.databricks.com' }],
    });
    expect(made(plain)?.idp.redirect.ports).toEqual(Array.from({ length: 21 }, (_, index) => 8020 + index));
  });

  it('asks for the scopes that are named, and for no word that opens everything', () => {
    expect(made({ ...plain, scopes: ['sql', 'genie'] })?.idp.scopes).toEqual(['genie', 'sql', 'offline_access']);
    expect(failureOf(() => made({ ...plain, scopes: ['all-apis'] }))).toMatchObject({ code: 'SCOPE_UNKNOWN' });
  });

  it('takes an OAuth app with the one port of its redirect', () => {
    const { idp } = made({ ...plain, app: { clientId: 'a-b-c', redirectPort: 4444 } }) ?? {};
    expect(idp).toMatchObject({ clientId: 'a-b-c', redirect: { host: 'localhost', path: '', ports: [4444] } });
  });

  it.each(['', 'a b', 'https://me@beta.example', 'ftp://beta.example'])('is not made of %j', (workspace) => {
    expect(failureOf(() => workspaceConfigText('beta', { ...plain, workspace }))).toMatchObject({
      code: 'INPUT_INVALID',
      reason: 'workspace',
    });
  });

  it('is named after its host, with a number where the name is taken', () => {
    expect(nameFor(plain, new Set())).toBe('beta');
    expect(nameFor(plain, new Set(['beta', 'beta-2']))).toBe('beta-3');
    expect(nameFor({ ...plain, name: 'mine' }, new Set(['beta']))).toBe('mine');
    expect(failureOf(() => nameFor({ ...plain, name: 'beta' }, new Set(['beta'])))).toMatchObject({
      code: 'INPUT_INVALID',
      reason: 'name',
    });
  });

  it('is the one that is there, whatever its provider, unless other scopes or another app are named', () => {
    const profiles = [...read(withProfile(Buffer.from(before), 'config.yaml', 'beta', plain)).profiles.values()];
    const found = (wanted: Partial<WorkspaceProfile>) => profileFor({ ...plain, ...wanted }, profiles)?.name;
    expect(found({})).toBe('beta');
    expect(found({ workspace: 'acme.cloud.databricks.com/browse' })).toBe('acme');
    expect(found({ scopes: ['sql'] })).toBeUndefined();
    expect(found({ app: { clientId: 'x', redirectPort: 4444 } })).toBeUndefined();
    expect(found({ workspace: 'https://gamma.cloud.databricks.com' })).toBeUndefined();
    expect(found({ name: 'other' })).toBeUndefined();
  });
});

describe('a profile added to a file', () => {
  const added = (text: string): string => withProfile(Buffer.from(text), 'config.yaml', 'beta', plain).toString('utf8');

  it.each<[string, string]>([
    ['as people write it', before],
    ['with windows’ line ends', before.replaceAll('\n', '\r\n')],
    ['without an end of its last line', before.trimEnd()],
    ['with something behind the profiles', `${before}# the end\n\n`],
    ['with deep indentation', before.replaceAll('\n  ', '\n      ').replace('profiles:\n      #', 'profiles:\n      #')],
    ['with the version behind', `${before.replace('version: 1\n', '')}version: 1\n`],
  ])('leaves every other byte as it is: %s', (_, text) => {
    const result = added(text);
    const start = result.indexOf('beta:');
    expect(start).toBeGreaterThan(0);
    const from = result.lastIndexOf('\n', start) + 1;
    const length = result.length - text.length;
    const kept = [result.slice(0, from) + result.slice(from + length), result.slice(0, from - 1) + result.slice(from - 1 + length)];
    expect(kept).toContain(text);
    expect([...read(result).profiles.keys()]).toEqual(['acme', 'beta']);
    expect(read(result).profiles.get('acme')).toEqual(read(text).profiles.get('acme'));
  });

  it('says what to add by hand where the file is written in another way', () => {
    const flow =
      'version: 1\nprofiles: { acme: { idp: { issuer: https://idp.example, clientId: x }, workspaces: [{ name: a, host: https://a.example }] } }\n';
    const failure = failureOf(() => added(flow));
    expect(failure).toMatchObject({ code: 'CONFIG_EXISTS', reason: 'shape' });
    expect(failure.detail).toContain('preset: databricks');
  });

  it('never changes what the file said before, whatever name is wished for', () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,10}$/);
    fc.assert(
      fc.property(fc.uniqueArray(name, { minLength: 1, maxLength: 4 }), name, fc.nat(3), (names, wished, comments) => {
        fc.pre(!names.includes(wished));
        const text = [
          'version: 1',
          'profiles:',
          ...names.flatMap((each) => [
            ...Array.from({ length: comments }, () => '  # beta: x'),
            `  ${each}:`,
            '    idp: { issuer: https://idp.example, clientId: x }',
            `    workspaces: [{ name: a, host: https://${each.replaceAll('-', '')}x.example }]`,
          ]),
          '',
        ].join('\n');
        const after = read(withProfile(Buffer.from(text), 'config.yaml', wished, plain));
        expect([...after.profiles.keys()]).toEqual([...names, wished]);
        for (const [each, profile] of read(text).profiles) expect(after.profiles.get(each)).toEqual(profile);
      }),
      { numRuns: 60 },
    );
  });

  it('refuses a file of which it could not keep every byte', () => {
    const latin = Buffer.concat([Buffer.from('# caf'), Buffer.from([0xe9]), Buffer.from(`\n${before}`)]);
    expect(failureOf(() => withProfile(latin, 'config.yaml', 'beta', plain))).toMatchObject({ code: 'CONFIG_EXISTS', reason: 'shape' });
  });

  it('refuses a name that would take the place of another', () => {
    expect(failureOf(() => withProfile(Buffer.from(before), 'config.yaml', 'acme', plain)).code).toMatch(/^CONFIG_/);
  });
});
