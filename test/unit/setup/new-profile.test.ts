/** The first configuration: made of a few things or taken as it was sent, checked by the schema the agent reads it with, written once. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { AppError } from '../../../main/app-error.ts';
import { readConfig } from '../../../main/profile/load-config.ts';
import { beginWith, configText, type NewProfile, writeFirst } from '../../../main/setup/new-profile.ts';

const few = {
  from: 'issuer',
  name: 'acme',
  issuer: 'https://idp.acme.example/',
  clientId: 'lakepass',
  workspace: 'acme.cloud.databricks.com',
  test: false,
} as const;
const read = (changes: Partial<Extract<NewProfile, { from: 'issuer' }>> = {}) =>
  readConfig(Buffer.from(configText({ ...few, ...changes }, 'config.yaml')), 'config.yaml').profiles.get(changes.name ?? 'acme');
const codeOf = (run: () => unknown): unknown => {
  try {
    run();
    return 'none';
  } catch (error) {
    return (error as AppError).code;
  }
};

describe('a profile of a few things', () => {
  it.each([
    ['acme.cloud.databricks.com', 'https://acme.cloud.databricks.com', 'acme'],
    ['https://dbc-1234.cloud.databricks.com/browse/folders/1?o=42#x', 'https://dbc-1234.cloud.databricks.com', 'dbc-1234'],
    [' https://adb-7.7.azuredatabricks.net ', 'https://adb-7.7.azuredatabricks.net', 'adb-7'],
    ['https://10.0.0.1', 'https://10.0.0.1', 'main'],
  ])('takes %s for the workspace it is a page of', (workspace, host, name) => {
    expect(read({ workspace })?.workspaces).toEqual([{ host, name }]);
  });

  it('keeps the issuer to the letter', () => {
    expect(read()?.idp).toMatchObject({ issuer: 'https://idp.acme.example/', clientId: 'lakepass' });
  });

  it.each([
    ['https://acme.okta.com', 'okta'],
    [' https://acme.eu.auth0.com/ ', 'auth0'],
    ['https://sso.acme.example/realms/acme', 'keycloak'],
    ['https://idp.acme.example/', 'generic'],
  ])('has the preset that goes with its issuer: %s is %s', (issuer, preset) => {
    expect(read({ issuer })?.idp.preset).toBe(preset);
  });

  it('of a provider that needs more says what', () => {
    const detail = expect.stringContaining('idp.hostedDomains');
    expect(() => read({ issuer: 'https://accounts.google.com' })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', detail }));
  });

  it('is plain http on this machine only as a test profile', () => {
    const local = { issuer: 'http://127.0.0.1:4000', workspace: 'http://127.0.0.1:5000' };
    expect(read({ ...local, test: true })).toMatchObject({ test: true, workspaces: [{ name: 'main', host: 'http://127.0.0.1:5000' }] });
    expect(codeOf(() => read(local))).toBe('CONFIG_PLAIN_HTTP');
  });

  it.each([
    { issuer: 'idp' },
    { issuer: 'https://me@idp.example' },
    { workspace: 'https://me:pw@acme.example' },
    { workspace: 'a b' },
    { clientId: ' ' },
  ])('is refused with %j, and says where', (changes) => {
    try {
      configText({ ...few, ...changes }, '/x/config.yaml');
      throw new Error('it was taken');
    } catch (error) {
      expect(error).toMatchObject({ code: 'CONFIG_INVALID', detail: expect.stringMatching(/^\/x\/config.yaml:\d+:\d+: /) });
      expect(JSON.stringify((error as AppError).toFailure())).not.toMatch(/pw|me@/);
    }
  });

  it('says what was typed, and nothing that was not: no word of it becomes YAML', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }), (clientId) => {
        const code = codeOf(() => expect(read({ clientId })?.idp.clientId).toBe(clientId.trim()));
        expect(['none', 'CONFIG_INVALID']).toContain(code);
      }),
      { numRuns: 10 },
    );
  });
});

describe('a profile as it was sent', () => {
  it('is kept to the letter, comments and all', () => {
    const text = `# from IT\n${configText(few, 'x')}`;
    expect(configText({ from: 'file', text }, 'x')).toBe(text);
  });

  it('is refused with the line that is wrong', () => {
    const text = configText(few, 'x').replace('clientId', 'clientIdd');
    expect(() => configText({ from: 'file', text }, 'config.yaml')).toThrow(/config\.yaml:7:7.*clientIdd/);
  });
});

describe('writing it', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lakepass-new-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    file = join(folder, 'lakepass', 'config.yaml');
  });

  it('makes the folder, and a file closed to others', async () => {
    await writeFirst(file, 'version: 1\n', 'x');
    expect([readFileSync(file, 'utf8'), statSync(file).mode & 0o777, statSync(join(folder, 'lakepass')).mode & 0o777]).toEqual([
      'version: 1\n',
      0o600,
      0o700,
    ]);
    expect(readdirSync(join(folder, 'lakepass'))).toEqual(['config.yaml']);
  });

  it.each([
    ['a file', (at: string) => writeFileSync(at, 'mine')],
    ['a link that leads nowhere', (at: string) => symlinkSync('nowhere', at)],
  ])('never takes the place of %s', async (_, put) => {
    mkdirSync(join(folder, 'lakepass'));
    put(file);
    await expect(writeFirst(file, 'ours', 'x')).rejects.toMatchObject({ code: 'CONFIG_EXISTS' });
    expect(readdirSync(join(folder, 'lakepass'))).toEqual(['config.yaml']);
  });

  it('is written by one of two who try at once', async () => {
    const tries = await Promise.allSettled([writeFirst(file, 'one', 'a'), writeFirst(file, 'two', 'b')]);
    expect(tries.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(readdirSync(join(folder, 'lakepass'))).toEqual(['config.yaml']);
  });

  it('is taken into use by one of two windows, and stays although the other comes to nothing', async () => {
    const adopted: string[] = [];
    const adopt = async () => adopted.push(readFileSync(file, 'utf8')) === 1;
    const tries = await Promise.allSettled([beginWith(file, 'one', 'a', adopt), beginWith(file, 'two', 'b', adopt)]);
    expect(tries.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(tries.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'CONFIG_EXISTS' } });
    expect(adopted).toEqual([readFileSync(file, 'utf8')]);
  });

  it('goes again where it cannot be used', async () => {
    await expect(beginWith(file, 'ours', 'x', async () => false)).rejects.toMatchObject({ code: 'CONFIG_EXISTS', reason: 'in-use' });
    expect(existsSync(file)).toBe(false);
  });

  it.each<[string, () => void, string | null]>([
    ['leaves what somebody else has written meanwhile', () => writeFileSync(file, 'theirs'), 'theirs'],
    ['is no trouble where somebody has removed it', () => rmSync(file), null],
  ])('%s', async (_, meanwhile, lies) => {
    const adopt = async (): Promise<boolean> => {
      meanwhile();
      throw new Error('cannot be used');
    };
    await expect(beginWith(file, 'ours', 'x', adopt)).rejects.toThrow('cannot be used');
    expect(existsSync(file) ? readFileSync(file, 'utf8') : null).toBe(lies);
  });
});
