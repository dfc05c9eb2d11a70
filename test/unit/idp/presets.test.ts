import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { keyPage } from '../../../main/idp/key-registration.ts';
import { issuerOf, metadataIssuer } from '../../../main/idp/preset-issuer.ts';
import { loginRefused, refuseHopelessStepUp } from '../../../main/idp/preset-words.ts';
import { type PresetName, presetNames, presetOf, presets } from '../../../main/idp/presets.ts';
import { profileSchema } from '../../../main/profile/profile.ts';
import { minutes } from '../../../main/units.ts';
import { testProfile } from './profiles.ts';

const TENANT = '11111111-2222-4333-8444-555555555555';
const OTHER = '99999999-8888-4777-8666-555555555555';
const THIRD = '77777777-8888-4777-8666-555555555555';
const host = 'https://login.microsoftonline.com';

/** What each preset cannot do without. */
const needed: Partial<Record<PresetName, Record<string, unknown>>> = { google: { hostedDomains: ['acme.example'] } };
const profileOf = (preset: PresetName, idp: Record<string, unknown> = {}) => {
  const workspaces = [{ name: 'prod', host: 'https://acme.cloud.databricks.com' }];
  const whole = { preset, issuer: presets[preset].issuer.example, clientId: 'lakepass', ...needed[preset], ...idp };
  return { ...profileSchema.parse({ idp: whole, workspaces }), name: 'acme' };
};

describe('the table of presets', () => {
  it.each(presetNames)('%s says how its issuer is written, and a profile with no more than that is one', (name) => {
    const { issuer } = presets[name];
    expect(issuer.pattern.test(issuer.example)).toBe(true);
    expect(profileOf(name).idp.issuer).toBe(issuer.example);
  });

  it.each(presetNames.filter((name) => name !== 'generic' && name !== 'keycloak'))('%s is recognised by its issuer', (name) => {
    expect(presetOf(presets[name].issuer.example)).toBe(name);
  });

  it.each<[string, PresetName]>([
    ['https://sso.acme.example/realms/acme', 'keycloak'],
    ['https://sso.acme.example/auth/realms/acme', 'keycloak'],
    ['https://acme.oktapreview.com', 'okta'],
    ['https://acme.okta.com/oauth2/aus1', 'okta-custom'],
    ['https://login.microsoftonline.us/organizations/v2.0', 'entra'],
    ['https://acme.auth0.com', 'auth0'],
    ['https://login.acme.example', 'generic'],
    ['https://okta.com.evil.example', 'generic'],
    ['https://evil.example/https://accounts.google.com', 'generic'],
    ['https://accounts.google.com.evil.example', 'generic'],
    ['http://accounts.google.com', 'generic'],
    ['not a url', 'generic'],
  ])('takes %s for %s', (issuer, name) => {
    expect(presetOf(issuer)).toBe(name);
  });

  it('names a source for every oddity, and says which are not proven', () => {
    const quirks = presetNames.flatMap((name) => presets[name].quirks);
    expect(quirks.filter(({ what, source }) => what === '' || source === '')).toEqual([]);
    expect(quirks.some(({ confirmed }) => confirmed) && quirks.some(({ confirmed }) => !confirmed)).toBe(true);
  });

  it('stands in README, each preset with what is believed of it', () => {
    const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');
    const rows = presetNames.map((name) => readme.split('\n').find((line) => line.startsWith(`| \`${name}\` |`)) ?? '');
    const believed = rows.map((row) => row.split('|').at(-2)?.trim());
    const isBelieved = presetNames.map((name) => presets[name].quirks.some(({ confirmed }) => !confirmed));
    expect(believed.map((words) => words !== undefined && words !== '' && words !== '–')).toEqual(isBelieved);
  });

  it('has fixed ports that no other part of Lakepass and no Databricks tool takes', () => {
    const fixed = presetNames.filter((name) => name !== 'databricks').flatMap((name) => profileOf(name).idp.redirect.ports);
    expect(fixed.length).toBeGreaterThan(0);
    expect(fixed.filter((port) => port >= 10_240 || (port >= 8020 && port <= 8040))).toEqual([]);
  });
});

describe('the issuer of a token', () => {
  const shared = profileOf('entra', { issuer: `${host}/organizations/v2.0`, tenants: [TENANT, OTHER] });
  const single = profileOf('entra', { issuer: `${host}/${TENANT}/v2.0` });
  const google = profileOf('google');
  const auth0 = profileOf('auth0');

  it.each<[string, ReturnType<typeof profileOf>, Record<string, unknown>, string | undefined]>([
    ['a trusted tenant', shared, { iss: `${host}/${TENANT}/v2.0`, tid: TENANT }, `${host}/${TENANT}/v2.0`],
    ['another trusted tenant', shared, { iss: `${host}/${OTHER}/v2.0`, tid: OTHER }, `${host}/${OTHER}/v2.0`],
    ['a tenant that is not trusted', shared, { iss: `${host}/${THIRD}/v2.0`, tid: THIRD }, undefined],
    ['one trusted tenant in iss and another in tid', shared, { iss: `${host}/${TENANT}/v2.0`, tid: OTHER }, undefined],
    ['no tid', shared, { iss: `${host}/${TENANT}/v2.0` }, undefined],
    ['a tid in capitals', shared, { iss: `${host}/${TENANT}/v2.0`, tid: TENANT.toUpperCase().replace('1', 'A') }, undefined],
    ['another host', shared, { iss: `https://evil.example/${TENANT}/v2.0`, tid: TENANT }, undefined],
    ['the old form', shared, { iss: `https://sts.windows.net/${TENANT}/`, tid: TENANT }, undefined],
    ['the template', shared, { iss: `${host}/{tenantid}/v2.0`, tid: '{tenantid}' }, undefined],
    ['its one tenant', single, { iss: `${host}/${TENANT}/v2.0`, tid: TENANT }, `${host}/${TENANT}/v2.0`],
    ['its one tenant without tid', single, { iss: `${host}/${TENANT}/v2.0` }, undefined],
    ['another tenant than its one', single, { iss: `${host}/${OTHER}/v2.0`, tid: OTHER }, undefined],
    ['a guest of another tenant', single, { iss: `${host}/${TENANT}/v2.0`, tid: OTHER }, undefined],
    ['Google', google, { iss: 'https://accounts.google.com' }, 'https://accounts.google.com'],
    ['Google as it wrote itself', google, { iss: 'accounts.google.com' }, 'https://accounts.google.com'],
    ['Google with a slash', google, { iss: 'https://accounts.google.com/' }, undefined],
    ['Auth0', auth0, { iss: 'https://acme.eu.auth0.com/' }, 'https://acme.eu.auth0.com/'],
    ['Auth0 without its slash', auth0, { iss: 'https://acme.eu.auth0.com' }, undefined],
    ['nobody', auth0, {}, undefined],
  ])('from %s', (_, profile, claims, expected) => {
    expect(issuerOf(profile, claims)).toBe(expected);
  });

  describe('in an access token for Azure Databricks', () => {
    const direct = { tokens: 'direct' as const };
    const chinese = profileOf('entra', { issuer: `https://login.partner.microsoftonline.cn/${TENANT}/v2.0` });
    const version1 = (tid: string) => `https://sts.windows.net/${tid}/`;

    it.each<[string, ReturnType<typeof profileOf>, Record<string, unknown>, string | undefined]>([
      ['of version 2.0, where a workspace takes version 1.0', single, { iss: `${host}/${TENANT}/v2.0`, tid: TENANT }, undefined],
      ['of a tenant that is not trusted', shared, { iss: version1(THIRD), tid: THIRD }, undefined],
      ['of a tenant that is not its one', single, { iss: version1(OTHER), tid: OTHER }, undefined],
      ['of one trusted tenant in iss and another in tid', shared, { iss: version1(TENANT), tid: OTHER }, undefined],
      ['without tid', single, { iss: version1(TENANT) }, undefined],
      ['without the slash', single, { iss: version1(TENANT).slice(0, -1), tid: TENANT }, undefined],
      ['with more behind it', single, { iss: `${version1(TENANT)}x`, tid: TENANT }, undefined],
      ['over plain http', single, { iss: version1(TENANT).replace('https', 'http'), tid: TENANT }, undefined],
      ['of another cloud', single, { iss: `https://sts.chinacloudapi.cn/${TENANT}/`, tid: TENANT }, undefined],
      ['of the cloud of China, by its name elsewhere', chinese, { iss: version1(TENANT), tid: TENANT }, undefined],
      ['of its tenant', single, { iss: version1(TENANT), tid: TENANT }, `${host}/${TENANT}/v2.0`],
      ['of one of its tenants', shared, { iss: version1(OTHER), tid: OTHER }, `${host}/${OTHER}/v2.0`],
      ['of the cloud of China', chinese, { iss: `https://sts.chinacloudapi.cn/${TENANT}/`, tid: TENANT }, chinese.idp.issuer],
    ])('%s', (_, profile, claims, expected) => {
      expect(issuerOf({ ...profile, ...direct }, claims, 'accessToken')).toBe(expected);
    });

    it('is no issuer of ID tokens, nor of access tokens that are exchanged', () => {
      const claims = { iss: version1(TENANT), tid: TENANT };
      expect(issuerOf({ ...single, ...direct }, claims)).toBeUndefined();
      expect(issuerOf(single, claims, 'accessToken')).toBeUndefined();
      expect(issuerOf(single, { iss: single.idp.issuer, tid: TENANT }, 'accessToken')).toBe(single.idp.issuer);
    });
  });

  it.each<[string, string]>([
    [`${host}/organizations/v2.0`, `${host}/{tenantid}/v2.0`],
    [`${host}/common/v2.0`, `${host}/{tenantid}/v2.0`],
    [`${host}/${TENANT}/v2.0`, `${host}/${TENANT}/v2.0`],
  ])('in the metadata of %s is %s', (issuer, expected) => {
    expect(metadataIssuer(profileOf('entra', { issuer, tenants: [TENANT] }).idp)).toBe(expected);
  });

  it('is a template for Entra ID alone', () => {
    const issuer = 'https://evil.example/organizations/v2.0';
    const generic = profileOf('generic', { issuer, tenants: [TENANT] });
    expect(metadataIssuer(generic.idp)).toBe(issuer);
    expect(issuerOf(generic, { iss: `https://evil.example/${TENANT}/v2.0`, tid: TENANT })).toBeUndefined();
  });
});

describe('a refusal of the provider', () => {
  it('says where keys are registered, and nothing that the provider wrote', () => {
    const { detail } = loginRefused(profileOf('okta'), 'unmet_authentication_requirements');
    expect(detail).toMatch(/register a security key.*https:\/\/acme\.okta\.com\/enduser\/settings/);
    expect(detail).not.toContain('phrh');
  });

  it('has no detail where nothing is known', () => {
    expect(loginRefused(testProfile(), 'access_denied').toFailure()).not.toHaveProperty('detail');
  });

  it('knows the page for keys of these', () => {
    const pages = presetNames.flatMap((name) => keyPage(profileOf(name))?.href ?? []);
    expect(pages).toEqual([
      'https://acme.okta.com/enduser/settings',
      'https://mysignins.microsoft.com/security-info',
      'https://myaccount.google.com/signinoptions/passkeys',
      'https://sso.acme.example/realms/acme/account/account-security/signing-in',
    ]);
  });
});

describe('a step-up', () => {
  it.each<[PresetName, readonly string[], string]>([
    ['google', ['phr'], 'acr'],
    ['google', [], 'auth_time'],
    ['databricks', ['phr'], 'acr'],
  ])('is hopeless with %s for %j', (name, acr, reason) => {
    // A workspace's own sign-in has rules of its own; only its table row matters here.
    const profile = name === 'databricks' ? { ...profileOf('google'), idp: { ...profileOf('google').idp, preset: name } } : profileOf(name);
    expect(() => refuseHopelessStepUp(profile, { acr, maxAge: minutes(5) })).toThrow(
      expect.objectContaining({ code: 'ASSURANCE_TOO_LOW', reason }),
    );
  });

  it.each(presetNames.filter((name) => name !== 'google' && name !== 'databricks'))('may be tried with %s', (name) => {
    expect(() => refuseHopelessStepUp(profileOf(name), { acr: ['phr'], maxAge: minutes(5) })).not.toThrow();
  });
});
