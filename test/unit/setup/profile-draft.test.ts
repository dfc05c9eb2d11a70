/** Issuer, workspace and client id as people have them at hand: which profile is meant, what is missing, and what cannot be. */
import { describe, expect, it } from 'vitest';
import { readConfig } from '../../../main/profile/load-config.ts';
import { draftProfile } from '../../../main/setup/profile-draft.ts';
import { wholeConfig } from '../../../main/setup/workspace-profile.ts';
import { type ProfileInitRequest, profileInitRequestSchema } from '../../../preload/contract/profile-init.ts';

const host = 'https://acme.cloud.databricks.com';
const azure = 'https://adb-123.4.azuredatabricks.net';
const okta = 'https://acme.okta.com';
const tenant = '11111111-2222-4333-8444-555555555555';

const draft = (request: Partial<ProfileInitRequest>) => draftProfile(profileInitRequestSchema.parse({ clientId: 'x', ...request }));

function whole(request: Partial<ProfileInitRequest>) {
  const made = draft(request);
  if (made.missing !== null) throw new Error(`${made.missing} is missing`);
  return made;
}

function profileOf(request: Partial<ProfileInitRequest>) {
  const name = whole(request).nameAmong(new Set());
  const profile = readConfig(Buffer.from(wholeConfig(whole(request).lines(name))), 'config.yaml').profiles.get(name);
  if (profile === undefined) throw new Error('it is not in its own text');
  return profile;
}

describe('the preset of a new profile', () => {
  it.each([
    [okta, 'okta', okta],
    [`${okta}/`, 'okta', okta],
    [`${okta}/.well-known/openid-configuration`, 'okta', okta],
    ['acme.okta.com', 'okta', okta],
    [`${okta}/oauth2/default`, 'okta-custom', `${okta}/oauth2/default`],
    [`https://login.microsoftonline.com/${tenant}/v2.0`, 'entra', `https://login.microsoftonline.com/${tenant}/v2.0`],
    ['https://acme.eu.auth0.com', 'auth0', 'https://acme.eu.auth0.com/'],
    ['https://acme.eu.auth0.com/', 'auth0', 'https://acme.eu.auth0.com/'],
    [`https://auth.pingone.eu/${tenant}/as`, 'pingone', `https://auth.pingone.eu/${tenant}/as`],
    ['https://sso.acme.example/realms/acme/', 'keycloak', 'https://sso.acme.example/realms/acme'],
    ['https://login.acme.example/', 'generic', 'https://login.acme.example/'],
  ])('of %s is %s', (typed, preset, issuer) => {
    for (const addresses of [
      [typed, host],
      [host, typed],
    ])
      expect(profileOf({ addresses }).idp).toMatchObject({ preset, issuer });
  });

  it('is the one that was named, whatever the address looks like', () => {
    const { idp } = profileOf({ addresses: ['https://login.acme.example', host], preset: 'okta' });
    expect(idp).toMatchObject({ preset: 'okta', redirect: { ports: [9643, 9644, 9645] } });
    expect(() => draft({ addresses: [okta, host], preset: 'databricks' })).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }));
  });

  it('is that of Google with its domain and its secret', () => {
    const addresses = ['https://accounts.google.com', host];
    expect(draft({ addresses })).toMatchObject({ missing: 'domain' });
    expect(draft({ addresses, domain: 'acme.example' })).toMatchObject({ missing: 'clientSecret' });
    expect(profileOf({ addresses, domain: 'acme.example', clientSecret: 'GOCSPX' }).idp).toMatchObject({
      preset: 'google',
      hostedDomains: ['acme.example'],
    });
  });

  it('is that of Databricks where a workspace stands alone, once that is said', () => {
    const asked = { addresses: [azure], clientId: undefined };
    expect(draft(asked)).toMatchObject({ missing: 'issuer' });
    expect(profileOf({ ...asked, issuer: null })).toMatchObject({
      name: 'adb-123',
      tokens: 'direct',
      idp: { preset: 'databricks', issuer: `${azure}/oidc` },
    });
  });
});

describe('what is missing', () => {
  it('is asked for in its order', () => {
    expect(draft({ clientId: undefined })).toMatchObject({ missing: 'workspace' });
    expect(draft({ addresses: [okta], clientId: undefined })).toMatchObject({ missing: 'workspace' });
    const asked = draft({ addresses: [okta], workspace: host, clientId: undefined });
    expect(asked).toMatchObject({ missing: 'clientId', known: [expect.stringContaining('Okta'), expect.stringContaining('9643')] });
  });
});

describe('addresses that are no profile', () => {
  it.each([
    [{ addresses: [okta, 'https://login.acme.example', host] }, 'addresses'],
    [{ addresses: ['https://accounts.cloud.databricks.com', okta] }, 'workspace'],
    [{ addresses: ['https://ada:secret@acme.okta.com', host] }, 'address'],
    [{ addresses: ['https://', host] }, 'address'],
    [{ addresses: ['ftp://acme.okta.com', host] }, 'address'],
    [{ addresses: [host, azure], issuer: null, clientId: undefined }, 'workspace'],
    [{ addresses: [host], issuer: null }, 'issuer'],
    [{ addresses: ['http://localhost:1', 'http://127.0.0.1:2'] }, 'addresses'],
    [{ addresses: ['http://localhost:1', 'http://127.0.0.1:2', 'http://evil.example'], test: true }, 'addresses'],
  ])('%j are refused', (request, reason) => {
    let failure: unknown = null;
    try {
      draft(request);
    } catch (error) {
      failure = error;
    }
    expect(failure).toMatchObject({ code: 'INPUT_INVALID', reason });
  });

  it('with plain http elsewhere are refused by the rules of the file', () => {
    expect(() => profileOf({ addresses: ['http://login.acme.example', host], test: true })).toThrow(
      expect.objectContaining({ code: 'CONFIG_PLAIN_HTTP' }),
    );
  });

  it('on one machine are issuer and workspace in this order, in a test profile', () => {
    const profile = profileOf({ addresses: ['http://localhost:1', 'http://127.0.0.1:2'], test: true });
    expect(profile).toMatchObject({ test: true, idp: { issuer: 'http://localhost:1' }, workspaces: [{ host: 'http://127.0.0.1:2' }] });
  });
});

describe('a profile that is there', () => {
  it('is found by issuer, client and workspaces, and by its name where one is wished for', () => {
    const asked = { addresses: [okta, azure, host] };
    const held = profileOf(asked);
    expect(held.workspaces.map(({ name }) => name)).toEqual(['adb-123', 'acme']);
    expect(whole({ addresses: [host, okta, `${azure}/?o=4`] }).find([held])).toBe(held);
    for (const other of [{ ...asked, clientId: 'y' }, { ...asked, name: 'mine' }, { addresses: [okta, host] }])
      expect(whole(other).find([held])).toBeUndefined();
  });

  it('keeps its name for itself', () => {
    const taken = new Set(['acme']);
    expect(whole({ addresses: [okta, host] }).nameAmong(taken)).toBe('acme-2');
    expect(() => whole({ addresses: [okta, host], name: 'acme' }).nameAmong(taken)).toThrow(
      expect.objectContaining({ code: 'INPUT_INVALID' }),
    );
  });
});
