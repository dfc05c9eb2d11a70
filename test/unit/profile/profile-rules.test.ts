/** What the parts of a profile must have in common. */
import { describe, expect, it } from 'vitest';
import { profileSchema } from '../../../main/profile/profile.ts';
import { brokenRules } from '../../../main/profile/profile-rules.ts';

const HOST = 'https://acme.cloud.databricks.com';
const ofWorkspace = { idp: { preset: 'databricks', issuer: `${HOST}/oidc` }, workspaces: [{ name: 'a', host: HOST }] };
const paths = (profile: unknown): string[] => {
  const { error } = profileSchema.safeParse(profile);
  return error?.issues.map(({ path }) => path.join('.')) ?? [];
};

describe('a profile whose workspace signs people in', () => {
  it('holds, with the host as it is typed or as an origin', () => {
    expect(paths(ofWorkspace)).toEqual([]);
    expect(paths({ ...ofWorkspace, workspaces: [{ name: 'a', host: `${HOST}/` }] })).toEqual([]);
  });

  it('is refused where another host than the workspace signs people in', () => {
    const broken = brokenRules({ ...profileSchema.parse(ofWorkspace), workspaces: [{ host: 'https://beta.cloud.databricks.com' }] });
    expect(broken.map(({ path }) => path.join('.'))).toEqual(['idp.issuer']);
  });

  it.each(['https://acme.evil.example', 'https://cloud.databricks.com.evil.example', 'https://evildatabricks.com', 'https://[::1]'])(
    'is refused where %s, which is not of Databricks, could send the browser on to a real workspace and be brought its code',
    (host) => {
      for (const test of [false, true])
        expect(paths({ test, idp: { preset: 'databricks', issuer: `${host}/oidc` }, workspaces: [{ name: 'a', host }] })).toEqual([
          'workspaces.0.host',
        ]);
    },
  );

  it.each([
    'https://adb-1.1.azuredatabricks.net',
    'https://1.1.gcp.databricks.com',
    'https://a.cloud.databricks.us',
    'https://a.databricks.azure.cn',
  ])('holds for %s', (host) =>
    expect(paths({ idp: { preset: 'databricks', issuer: `${host}/oidc` }, workspaces: [{ name: 'a', host }] })).toEqual([]),
  );

  it('is refused with a second workspace, for which its token is not', () => {
    expect(
      paths({ ...ofWorkspace, workspaces: [...ofWorkspace.workspaces, { name: 'b', host: 'https://beta.cloud.databricks.com' }] }),
    ).toEqual(['workspaces']);
  });

  it('is refused with an exchange', () => {
    expect(paths({ ...ofWorkspace, tokens: 'exchange' })).toEqual(['tokens']);
  });
});

describe('a profile of another provider', () => {
  const other = { idp: { issuer: 'https://idp.example', clientId: 'x' }, workspaces: [{ name: 'a', host: HOST }] };

  it('hands on access tokens, never ID tokens', () => {
    expect(paths({ ...other, tokens: 'direct' })).toEqual(['subjectToken']);
    expect(paths({ ...other, tokens: 'direct', subjectToken: 'access_token' })).toEqual([]);
  });

  it('needs a token for Azure Databricks itself where Entra ID gives it', () => {
    const issuer = 'https://login.microsoftonline.com/11111111-2222-4333-8444-555555555555/v2.0';
    const entra = (...scopes: string[]) =>
      paths({
        ...other,
        idp: { preset: 'entra', issuer, clientId: 'x', scopes: ['openid', ...scopes] },
        tokens: 'direct',
        subjectToken: 'access_token',
      });
    expect(entra()).toEqual(['idp.scopes']);
    expect(entra('00000003-0000-0000-c000-000000000000/.default')).toEqual(['idp.scopes']);
    expect(entra('2ff814a6-3304-4ab8-85cb-cd0e6f879c1d/user_impersonation')).toEqual(['idp.scopes']);
    expect(entra('2ff814a6-3304-4ab8-85cb-cd0e6f879c1d/.default')).toEqual([]);
  });

  it('must ask for an ID token', () => {
    expect(paths({ ...other, idp: { ...other.idp, scopes: ['email'] } })).toEqual(['idp.scopes']);
  });
});
