/** A code of one provider never reaches the token endpoint of another (RFC 9700 section 4.4). */
import { describe, expect, it } from 'vitest';
import { refuseSharedRedirect } from '../../../main/idp/browser-trip-mix-up.ts';
import type { IssuerMetadata } from '../../../main/idp/discovery.ts';
import type { PresetName } from '../../../main/idp/presets.ts';
import type { Profile } from '../../../main/profile/profile.ts';
import { codeOf } from '../agent/setting.ts';
import { flow, visit } from './flow.ts';
import { ISSUER, testProfile } from './profiles.ts';

const HONEST = 'https://honest.test';
const named = (
  name: string,
  issuer: string,
  redirect: Partial<Profile['idp']['redirect']> = {},
  preset: PresetName = 'generic',
): Profile => {
  const profile = testProfile();
  return { ...profile, name, idp: { ...profile.idp, preset, issuer, redirect: { ...profile.idp.redirect, ...redirect } } };
};

/** Signs in at the provider of the tests, which means ill: it sends the browser to the honest one, whose answer comes back as `answered` says. */
async function attacked(honest: Profile, promisesIss: boolean, answered: (query: URLSearchParams, asked: URL) => void) {
  const parts = flow({}, undefined, () => [honest]);
  parts.issuer.metadata = { ...parts.issuer.metadata, authorization_response_iss_parameter_supported: promisesIss };
  const end = new AbortController();
  const seen: number[] = [];
  parts.person.browse = async (url) => {
    const back = new URL(url.searchParams.get('redirect_uri') ?? '');
    if (!isAt(honest, back)) back.pathname = honest.idp.redirect.path;
    back.searchParams.set('code', 'code-of-the-honest-one');
    back.searchParams.set('state', url.searchParams.get('state') ?? '');
    answered(back.searchParams, url);
    seen.push((await visit(back)).status);
    end.abort();
  };
  const outcome = await codeOf(parts.signIn(end.signal));
  return { outcome, seen, opened: parts.opened.length, redeemed: parts.issuer.askedFor('token').length };
}
const isAt = ({ idp }: Profile, { pathname }: URL): boolean => pathname === idp.redirect.path;

describe('a code of an honest provider, brought to the door of one that means ill', () => {
  it('is never asked for, where both have one redirect and nobody would name the issuer', async () => {
    const attempt = await attacked(named('honest', HONEST), false, () => undefined);
    expect(attempt).toEqual({ outcome: 'LOGIN_REDIRECT_SHARED', seen: [], opened: 0, redeemed: 0 });
  });

  it.each<[string, boolean, string, (query: URLSearchParams) => void, number]>([
    ['without iss, where one is promised', true, '/callback', () => undefined, 400],
    ['with the iss of the honest one', true, '/callback', (query) => query.set('iss', HONEST), 400],
    ['with the state of another sign-in', true, '/callback', (query) => query.set('state', 'another'), 400],
    ['at the redirect of the honest one, which is another', false, '/callback/honest', () => undefined, 404],
  ])('goes nowhere: %s', async (_, promisesIss, path, change, status) => {
    const attempt = await attacked(named('honest', HONEST, { path }), promisesIss, change);
    expect(attempt).toEqual({ outcome: 'LOGIN_CANCELLED', seen: [status], opened: 1, redeemed: 0 });
  });
});

describe('a redirect', () => {
  const silent = {} as IssuerMetadata;
  const okta = (tenant: string) => named(tenant, `https://${tenant}.okta.com`, { ports: [9643] }, 'okta');
  const auth0 = (tenant: string) => named(tenant, `https://${tenant}.eu.auth0.com/`, { ports: [9643] }, 'auth0');
  const ours = named('ours', ISSUER);

  it.each<[string, Profile, Profile, string, boolean]>([
    ['any port and any port', ours, named('other', HONEST), 'http://127.0.0.1:40000/callback', true],
    ['a port that the other takes', ours, named('other', HONEST, { ports: [9643] }), 'http://127.0.0.1:9643/callback', true],
    ['a port that the other does not take', ours, named('other', HONEST, { ports: [9643] }), 'http://127.0.0.1:9644/callback', false],
    ['another path', ours, named('other', HONEST, { path: '/callback/other' }), 'http://127.0.0.1:9643/callback', false],
    ['another name of this machine', ours, named('other', HONEST, { host: 'localhost' }), 'http://127.0.0.1:9643/callback', false],
    ['no path at either', named('ours', ISSUER, { path: '' }), named('other', HONEST, { path: '' }), 'http://127.0.0.1:9643', true],
    ['the same profile', ours, ours, 'http://127.0.0.1:9643/callback', false],
    ['another realm of the same server', ours, named('other', `${new URL(ISSUER).origin}/two`), 'http://127.0.0.1:1/callback', false],
    ['two tenants of Okta', okta('acme'), okta('partner'), 'http://127.0.0.1:9643/callback', false],
    ['two tenants of Auth0, which write their own pages', auth0('acme'), auth0('partner'), 'http://127.0.0.1:9643/callback', true],
    ['an Okta with a name of its own', okta('acme'), named('x', HONEST, {}, 'okta'), 'http://127.0.0.1:9643/callback', true],
  ])('of %s', async (_, profile, other, redirectUri, isShared) => {
    const code = await codeOf(() => refuseSharedRedirect(profile, silent, redirectUri, [profile, other]));
    expect(code).toBe(isShared ? 'LOGIN_REDIRECT_SHARED' : 'done');
  });

  it('is shared without harm where the provider names itself', () => {
    const promising = { authorization_response_iss_parameter_supported: true } as IssuerMetadata;
    expect(() => refuseSharedRedirect(ours, promising, 'http://127.0.0.1:1/callback', [named('other', HONEST)])).not.toThrow();
  });
});
