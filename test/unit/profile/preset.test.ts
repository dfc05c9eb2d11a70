import { describe, expect, it } from 'vitest';
import { readConfig } from '../../../main/profile/load-config.ts';
import { fillPreset } from '../../../main/profile/preset.ts';

type Part = Record<string, unknown>;

const TENANT = '11111111-2222-4333-8444-555555555555';

function read(idp: Part, rest: Part = {}) {
  const workspaces = [{ name: 'prod', host: 'https://acme.cloud.databricks.com' }];
  const profiles = { acme: { idp: { clientId: 'lakepass', ...idp }, workspaces, ...rest } };
  const profile = readConfig(Buffer.from(JSON.stringify({ version: 1, profiles }, null, 1)), 'config.yaml').profiles.get('acme');
  if (profile === undefined) throw new Error('the profile is gone');
  return profile;
}

describe('a preset', () => {
  it('fills in what the file leaves out, and leaves alone what it says', () => {
    const filled = read({ preset: 'okta', issuer: 'https://acme.okta.com' });
    expect(filled.idp.redirect).toEqual({ host: '127.0.0.1', ports: [9643, 9644, 9645], path: '/callback' });
    expect(filled.idp.scopes).toContain('groups');
    expect(filled.assurance).toMatchObject({ acrValues: ['phr'], phrAmr: ['pop', 'phr', 'hwk'] });
    const said = read(
      { preset: 'okta', issuer: 'https://acme.okta.com', scopes: ['openid'], redirect: { path: '/back' } },
      { assurance: { phrAmr: [] } },
    );
    expect(said.idp.redirect).toEqual({ host: '127.0.0.1', ports: [9643, 9644, 9645], path: '/back' });
    expect(said.idp.scopes).toEqual(['openid']);
    expect(said.assurance).toMatchObject({ acrValues: ['phr'], phrAmr: [] });
  });

  it('is none of the file when it has none', () => {
    expect(read({ issuer: 'https://login.acme.example' })).toMatchObject({
      idp: { preset: 'generic', redirect: { ports: [] }, usernameClaim: 'email' },
      assurance: { askBy: 'acr_values', authTime: 'required', minimum: 'phr' },
    });
  });

  it('never lowers what a sign-in must prove, but for providers that cannot prove it; IT must still declare it there', () => {
    expect(read({ preset: 'google', issuer: 'https://accounts.google.com', hostedDomains: ['acme.example'] }).assurance).toMatchObject({
      minimum: 'config-asserted',
      configAsserted: false,
    });
    const presets = ['okta', 'okta-custom', 'entra', 'auth0', 'pingone', 'keycloak'];
    const minimums = presets.map((preset) => (fillPreset({ idp: { preset } }) as { assurance?: Part }).assurance?.['minimum']);
    expect(minimums).toEqual(presets.map(() => undefined));
  });

  it.each<[unknown]>([
    [undefined],
    [null],
    [7],
    [[]],
    [{}],
    [{ idp: null }],
    [{ idp: { preset: 'other' } }],
    [{ idp: { preset: 'toString' } }],
  ])('leaves %j to the schema', (profile) => {
    expect(fillPreset(profile)).toBe(profile);
  });

  it('does not read a part of another kind as its own', () => {
    expect(() => read({ preset: 'okta', issuer: 'https://acme.okta.com', redirect: [] })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    );
    expect(() => read({ preset: 'okta', issuer: 'https://acme.okta.com', redirect: null })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    );
  });

  it.each<[string, Part, RegExp]>([
    ['okta with an authorization server', { preset: 'okta', issuer: 'https://acme.okta.com/oauth2/default' }, /preset okta-custom/],
    ['okta-custom without one', { preset: 'okta-custom', issuer: 'https://acme.okta.com' }, /oauth2\/default/],
    ['auth0 without the slash', { preset: 'auth0', issuer: 'https://acme.eu.auth0.com' }, /trailing slash/],
    ['entra with a domain', { preset: 'entra', issuer: 'https://login.microsoftonline.com/acme.example/v2.0' }, /id of the tenant/],
    ['entra with version 1', { preset: 'entra', issuer: `https://sts.windows.net/${TENANT}/` }, /id of the tenant/],
    ['google with another host', { preset: 'google', issuer: 'https://evil.example', hostedDomains: ['acme.example'] }, /accounts\.google/],
    ['keycloak without a realm', { preset: 'keycloak', issuer: 'https://sso.acme.example' }, /realm/],
    ['pingone without /as', { preset: 'pingone', issuer: 'https://auth.pingone.eu' }, /ENVIRONMENT\/as/],
  ])('refuses %s', (_, idp, words) => {
    expect(() => read(idp)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', detail: expect.stringMatching(words) }));
  });

  it('of Entra ID wants the tenants named where the issuer is of none in particular', () => {
    const issuer = 'https://login.microsoftonline.com/organizations/v2.0';
    expect(() => read({ preset: 'entra', issuer })).toThrow(expect.objectContaining({ detail: expect.stringContaining('idp.tenants') }));
    expect(read({ preset: 'entra', issuer, tenants: [TENANT.toUpperCase()] }).idp.tenants).toEqual([TENANT]);
    expect(() => read({ preset: 'entra', issuer, tenants: ['acme.example'] })).toThrow();
  });

  it('of Google wants the domains named', () => {
    expect(() => read({ preset: 'google', issuer: 'https://accounts.google.com' })).toThrow(
      expect.objectContaining({ detail: expect.stringContaining('idp.hostedDomains') }),
    );
  });

  it('takes a client secret from nobody but Google, and never shows it', () => {
    const idp = { preset: 'google', issuer: 'https://accounts.google.com', hostedDomains: ['acme.example'], clientSecret: 'GOCSPX-x' };
    const profile = read(idp);
    expect(JSON.stringify(profile)).not.toContain('GOCSPX');
    expect(profile.idp.clientSecret?.reveal()).toBe('GOCSPX-x');
    const failure = (() => {
      try {
        return read({ issuer: 'https://login.acme.example', clientSecret: 'GOCSPX-x' });
      } catch (error) {
        return error as Error;
      }
    })();
    expect(failure).toMatchObject({ code: 'CONFIG_INVALID', detail: expect.stringContaining('idp.clientSecret') });
    expect((failure as Error).message).not.toContain('GOCSPX');
  });

  it.each(['http://graph.example/groups', 'http://127.0.0.1.evil.example/', 'ftp://graph.example/'])(
    'sends nobody with an access token to %s',
    (groupsEndpoint) => {
      expect(() => read({ preset: 'entra', issuer: `https://login.microsoftonline.com/${TENANT}/v2.0`, groupsEndpoint })).toThrow(
        expect.objectContaining({ code: 'CONFIG_INVALID', detail: expect.stringContaining('groupsEndpoint') }),
      );
    },
  );

  it.each(['state', 'nonce', 'redirect_uri', 'request_uri', 'code_challenge', 'max_age', 'claims', 'client_id'])(
    'lets no file set the parameter %s itself',
    (name) => {
      expect(() => read({ issuer: 'https://login.acme.example', parameters: { [name]: 'x' } })).toThrow(
        expect.objectContaining({ code: 'CONFIG_INVALID' }),
      );
    },
  );
});
