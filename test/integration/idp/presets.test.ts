/**
 * Each preset against a provider that behaves as that one is known to, over real sockets: what changes between them is the configuration
 * file and nothing else. What is believed of a provider and not proven is listed in README, not here.
 */
import { randomBytes } from 'node:crypto';
import { get } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createPeerUid, type PeerUid } from '../../../main/caller/peer-uid.ts';
import { createIdentityProvider } from '../../../main/idp/identity-provider.ts';
import type { SignedIn, StepUpDemand } from '../../../main/idp/signed-in.ts';
import { readConfig } from '../../../main/profile/load-config.ts';
import type { Secret } from '../../../main/secret.ts';
import { minutes, seconds } from '../../../main/units.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { recordingAudit } from '../../fakes/recording-audit.ts';
import {
  azureDatabricks,
  foreignTenant,
  multiFactor,
  type QuirkyName,
  type QuirkyPerson,
  quirks,
  tenant,
} from '../../fixtures/idp/quirks.ts';
import { type QuirkyIdp, startQuirkyIdp } from '../../fixtures/idp/quirky-idp.ts';

type Part = Record<string, unknown>;
interface File {
  idp?: Part;
  assurance?: Part;
  subjectToken?: string;
  tokens?: string;
}

/** What IT writes beside issuer, client and preset. */
const files: Record<QuirkyName, File> = {
  generic: {},
  okta: {},
  'okta-custom': {},
  entra: { idp: { tenants: [tenant] }, assurance: { acrValues: ['c1'], phrAcr: ['c1'] } },
  auth0: { idp: { groupsClaim: 'https://acme.example/groups' }, assurance: { amrClaim: 'https://acme.example/methods' } },
  google: {
    idp: { hostedDomains: ['acme.example'], clientSecret: quirks.google.clientSecret },
    assurance: { configAsserted: true },
  },
  pingone: { assurance: { acrValues: ['Phishing_Resistant'], phrAcr: ['Phishing_Resistant'] } },
  keycloak: {},
};
const names = Object.keys(quirks) as QuirkyName[];

let idp: QuirkyIdp | undefined;
let peerUid: PeerUid;
let endWaits = async (): Promise<void> => {};
beforeAll(() => {
  peerUid = createPeerUid();
});
afterAll(() => peerUid.close());
afterEach(async () => {
  await endWaits();
  await idp?.close();
  idp = undefined;
});

/** Visits an address as a browser does; says where it is sent on to. */
const visit = (url: URL) =>
  new Promise<{ status: number; location: string | undefined }>((resolve, reject) => {
    get(url, { agent: false }, (response) => {
      response.resume();
      response.on('end', () => resolve({ status: response.statusCode ?? 0, location: response.headers.location }));
    }).on('error', reject);
  });

async function setting(name: QuirkyName, change: File = {}) {
  const clock = fakeClock(Date.now());
  const provider = await startQuirkyIdp(name, () => clock.now());
  idp = provider;
  endWaits = () => clock.advance(seconds(10));
  const audit = recordingAudit();
  const file = files[name];
  const graph = name === 'entra' ? { groupsEndpoint: provider.graph.url } : {};
  const profile = {
    test: true,
    ...(change.subjectToken === undefined ? {} : { subjectToken: change.subjectToken }),
    ...(change.tokens === undefined ? {} : { tokens: change.tokens }),
    idp: { preset: name, issuer: provider.issuer, clientId: provider.clientId, ...graph, ...file.idp, ...change.idp },
    assurance: { ...file.assurance, ...change.assurance },
    workspaces: [{ name: 'demo', host: 'http://127.0.0.1:9' }],
  };
  const text = JSON.stringify({ version: 1, profiles: { acme: profile } });
  const parsed = readConfig(Buffer.from(text), 'config.yaml').profiles.get('acme');
  if (parsed === undefined) throw new Error('the profile is gone');
  const pages: number[] = [];
  const client = createIdentityProvider({
    profile: parsed,
    clock,
    fetch: globalThis.fetch,
    random: randomBytes,
    async openBrowser(url) {
      let sent = await visit(url);
      pages.push(sent.status);
      // To the callback, and on to the page that says how it went: the door closes behind it.
      for (let hop = 0; hop < 2 && sent.location !== undefined; hop += 1) sent = await visit(new URL(sent.location));
      return 'opened';
    },
    audit,
    log: () => {},
    peerUid,
    uid: process.getuid?.() ?? -1,
  });
  const signIn = (demand?: StepUpDemand): Promise<SignedIn> =>
    client.signIn({ signal: new AbortController().signal, onUrl: () => {}, ...(demand === undefined ? {} : { demand }) });
  return { client, signIn, clock, audit, provider, pages };
}

const refreshTokenOf = ({ refreshToken }: { refreshToken: Secret | null }): Secret => {
  if (refreshToken === null) throw new Error('the provider gave no refresh token');
  return refreshToken;
};

interface Expectation {
  level: string;
  acr: string | null;
  groups: readonly string[];
  /** How the request asked for it. */
  asked: Part;
  rotates: boolean;
  revocation: string;
  /** A sign-in with a password alone. */
  withPassword: Part;
  stepUp: { acr: readonly string[]; fails?: Part };
}

const refused = (reason: string) => ({ code: 'LOGIN_REFUSED', reason });
const tooLow = (reason: string) => ({ code: 'ASSURANCE_TOO_LOW', reason });
const expectations: Record<QuirkyName, Expectation> = {
  generic: {
    ...{ level: 'phr', acr: 'phr', groups: ['analysts'], asked: { acr_values: 'phr', claims: null } },
    ...{ rotates: true, revocation: 'revoked', withPassword: tooLow('unknown'), stepUp: { acr: ['phr'] } },
  },
  okta: {
    ...{ level: 'phr', acr: 'phr', groups: ['analysts'], asked: { acr_values: 'phr', claims: null } },
    ...{ rotates: true, revocation: 'revoked', withPassword: refused('unmet_authentication_requirements'), stepUp: { acr: ['phr'] } },
  },
  'okta-custom': {
    ...{ level: 'phr', acr: 'phr', groups: ['analysts'], asked: { acr_values: 'phr', claims: null } },
    ...{ rotates: true, revocation: 'revoked', withPassword: refused('unmet_authentication_requirements'), stepUp: { acr: ['phr'] } },
  },
  entra: {
    ...{ level: 'phr', acr: 'c1', groups: ['analysts'] },
    asked: { acr_values: null, claims: '{"id_token":{"acrs":{"essential":true,"value":"c1"}}}' },
    ...{ rotates: true, revocation: 'not-supported', withPassword: refused('interaction_required'), stepUp: { acr: ['c1'] } },
  },
  auth0: {
    ...{ level: 'phr', acr: multiFactor, groups: ['analysts'], asked: { acr_values: multiFactor, claims: null } },
    ...{ rotates: true, revocation: 'revoked', withPassword: tooLow('unknown'), stepUp: { acr: [multiFactor] } },
  },
  google: {
    ...{
      level: 'config-asserted',
      acr: null,
      groups: [],
      asked: { acr_values: null, claims: null, max_age: null, access_type: 'offline' },
    },
    // It never says how somebody signed in, so what IT declares is all there is.
    ...{ rotates: false, revocation: 'revoked', withPassword: { level: 'config-asserted' } },
    stepUp: { acr: ['phr'], fails: tooLow('acr') },
  },
  pingone: {
    ...{ level: 'phr', acr: 'Phishing_Resistant', groups: [], asked: { acr_values: 'Phishing_Resistant', claims: null } },
    ...{ rotates: true, revocation: 'revoked', withPassword: refused('access_denied'), stepUp: { acr: ['Phishing_Resistant'] } },
  },
  keycloak: {
    ...{ level: 'phr', acr: 'phr', groups: ['analysts'] },
    asked: { acr_values: null, claims: '{"id_token":{"acr":{"essential":true,"values":["phr"]}}}' },
    ...{ rotates: true, revocation: 'revoked', withPassword: refused('access_denied'), stepUp: { acr: ['phr'] } },
  },
};

describe.each(names)('with preset %s', (name) => {
  const expected = expectations[name];

  it('a person signs in, and is proven as far as this provider can prove it', async () => {
    const { signIn, provider } = await setting(name);
    const { identity, assurance } = await signIn();
    expect(assurance).toMatchObject({ level: expected.level, acr: expected.acr });
    expect(identity).toMatchObject({ username: 'alice@acme.example', groups: expected.groups });
    const [asked] = provider.asked;
    expect(Object.fromEntries(Object.keys(expected.asked).map((key) => [key, asked?.get(key) ?? null]))).toEqual(expected.asked);
  });

  it('a session is renewed: another proof is not claimed, and the token is used as this provider wants it', async () => {
    const { signIn, client, clock, provider } = await setting(name);
    const signedIn = await signIn();
    provider.person = { ...provider.person, factor: 'password' };
    await clock.advance(minutes(30));
    const first = await client.refresh(refreshTokenOf(signedIn), signedIn);
    expect(Object.keys(first).sort()).toEqual(['claims', 'groups', 'refreshToken', 'subjectToken']);
    expect(first.groups).toEqual(expected.groups);
    expect(first.refreshToken.reveal() !== refreshTokenOf(signedIn).reveal()).toBe(expected.rotates);
    const second = await client.refresh(first.refreshToken, signedIn);
    expect(second.subjectToken.issuedAt).toBe(Math.floor(clock.now() / 1000) * 1000);
    expect(provider.prompts).toBe(1);
  });

  it('a password alone is not taken for a key', async () => {
    const { signIn, provider } = await setting(name);
    provider.person = { ...provider.person, factor: 'password' };
    const outcome = await signIn().then(
      ({ assurance }) => assurance,
      (error: unknown) => error,
    );
    expect(outcome).toMatchObject(expected.withPassword);
  });

  it('a step-up asks the person again, or is refused before a browser opens', async () => {
    const { signIn, clock, provider } = await setting(name);
    await signIn();
    await clock.advance(minutes(10));
    const { acr, fails } = expected.stepUp;
    const outcome = await signIn({ acr, maxAge: seconds(60) }).then(
      ({ assurance }) => ({ acr: assurance.acr, authTime: assurance.authTime }),
      (error: unknown) => error,
    );
    const now = Math.floor(clock.now() / 1000) * 1000;
    expect(outcome).toMatchObject(fails ?? { acr: acr[0], authTime: now });
    expect(provider.prompts).toBe(fails === undefined ? 2 : 1);
    expect(provider.asked).toHaveLength(fails === undefined ? 2 : 1);
  });

  it('a sign-out revokes where the provider can', async () => {
    const { signIn, client } = await setting(name);
    const signedIn = await signIn();
    await expect(client.revoke(refreshTokenOf(signedIn))).resolves.toMatchObject({ refreshToken: expected.revocation });
  });

  it.each<[string, (claims: Part) => Part, Part]>([
    ['another issuer', (claims) => ({ ...claims, iss: 'https://evil.example' }), { code: 'ID_TOKEN_REJECTED', reason: 'iss' }],
    ['another audience', (claims) => ({ ...claims, aud: 'other' }), { code: 'ID_TOKEN_REJECTED', reason: 'aud' }],
    ['another nonce', (claims) => ({ ...claims, nonce: 'other' }), { code: 'ID_TOKEN_REJECTED', reason: 'nonce' }],
  ])('an ID token with %s is refused', async (_, lie, failure) => {
    const { signIn, provider, audit } = await setting(name);
    provider.lie = lie;
    await expect(signIn()).rejects.toMatchObject(failure);
    expect(audit.of('token.validation-failed')).toHaveLength(1);
  });

  it.each<[string, Part, string]>([
    ['another sign-in (auth_time)', { auth_time: 1_700_000_000 }, 'auth_time'],
    ['another sign-in (nonce)', { nonce: 'other' }, 'nonce'],
    ['another person', { sub: 'mallory', oid: 'mallory' }, 'sub'],
  ])('a refresh that speaks of %s ends it', async (_, change, reason) => {
    const { signIn, client, provider } = await setting(name);
    const signedIn = await signIn();
    provider.lie = (claims) => ({ ...claims, ...change });
    const isUnknown = reason === 'auth_time' && signedIn.assurance.authTime === null;
    const outcome = client.refresh(refreshTokenOf(signedIn), signedIn);
    // Nothing can be compared where the provider did not say when the person signed in.
    if (isUnknown) await expect(outcome).resolves.toBeDefined();
    else await expect(outcome).rejects.toMatchObject({ code: 'ID_TOKEN_REJECTED', reason });
  });
});

/** Whoever lies, or has been set up wrongly, in a way that only this provider can. */
interface Hostile {
  name: QuirkyName;
  what: string;
  change?: File;
  person?: Partial<QuirkyPerson>;
  lie?: (claims: Part, issuer: string) => Part;
  failure: Part;
}

const hostile: Hostile[] = [
  {
    ...{ name: 'entra', what: 'a tenant that the profile does not name', person: { tenant: foreignTenant } },
    failure: { code: 'ID_TOKEN_REJECTED', reason: 'iss' },
  },
  {
    ...{ name: 'entra', what: 'a foreign issuer with the tid of a trusted tenant' },
    lie: (claims, issuer) => ({ ...claims, iss: issuer.replace('/organizations/', `/${foreignTenant}/`) }),
    failure: { code: 'ID_TOKEN_REJECTED', reason: 'iss' },
  },
  {
    ...{ name: 'entra', what: 'the template itself as issuer' },
    lie: (claims, issuer) => ({ ...claims, iss: issuer.replace('/organizations/', '/{tenantid}/') }),
    failure: { code: 'ID_TOKEN_REJECTED', reason: 'iss' },
  },
  {
    ...{ name: 'entra', what: 'a tid that is made to fit a pattern', lie: (claims) => ({ ...claims, tid: ['x'] }) },
    failure: { code: 'ID_TOKEN_REJECTED', reason: 'iss' },
  },
  {
    ...{ name: 'entra', what: 'no authentication context in the answer', lie: ({ acrs: _, ...claims }) => claims },
    failure: { code: 'ASSURANCE_TOO_LOW', reason: 'unknown' },
  },
  {
    ...{ name: 'entra', what: 'another authentication context', lie: (claims) => ({ ...claims, acrs: ['c9'], acr: 'c1' }) },
    failure: { code: 'ASSURANCE_TOO_LOW', reason: 'unknown' },
  },
  {
    ...{ name: 'entra', what: 'no auth_time, for it is no claim of the app registration', lie: ({ auth_time: _, ...claims }) => claims },
    failure: { code: 'ID_TOKEN_REJECTED', reason: 'auth_time' },
  },
  {
    ...{ name: 'google', what: 'a private account', person: { hostedDomain: undefined } },
    failure: { code: 'ID_TOKEN_REJECTED', reason: 'hd' },
  },
  {
    ...{ name: 'google', what: 'an account of another organisation', person: { hostedDomain: 'evil.example' } },
    failure: { code: 'ID_TOKEN_REJECTED', reason: 'hd' },
  },
  {
    ...{ name: 'google', what: 'an organisation that only ends like ours', person: { hostedDomain: 'not-acme.example' } },
    failure: { code: 'ID_TOKEN_REJECTED', reason: 'hd' },
  },
  {
    ...{ name: 'google', what: 'no client secret', change: { idp: { clientSecret: 'another' } } },
    failure: { code: 'LOGIN_REFUSED', reason: 'invalid_client' },
  },
  {
    ...{ name: 'google', what: 'a sign-in that IT declares nothing about', change: { assurance: { configAsserted: false } } },
    failure: { code: 'ASSURANCE_TOO_LOW', reason: 'unknown' },
  },
  ...(['generic', 'okta', 'auth0', 'pingone', 'keycloak'] as const).map(
    (name): Hostile => ({
      ...{ name, what: 'an issuer without its scheme, as only Google writes it' },
      lie: (claims, issuer) => ({ ...claims, iss: issuer.replace('http://', '') }),
      failure: { code: 'ID_TOKEN_REJECTED', reason: 'iss' },
    }),
  ),
  ...(['generic', 'okta', 'okta-custom', 'auth0'] as const).map(
    (name): Hostile => ({
      ...{ name, what: 'the acr asked for, but no means', lie: ({ amr: _, 'https://acme.example/methods': __, ...claims }) => claims },
      failure: { code: 'ASSURANCE_TOO_LOW', reason: 'unknown' },
    }),
  ),
  {
    ...{ name: 'okta', what: 'the acr asked for, but a password as means', lie: (claims) => ({ ...claims, amr: ['pwd'] }) },
    failure: { code: 'ASSURANCE_TOO_LOW', reason: 'unknown' },
  },
  {
    ...{ name: 'okta', what: 'phrh, which no security key gives', change: { assurance: { acrValues: ['phrh'] } } },
    failure: { code: 'LOGIN_REFUSED', reason: 'unmet_authentication_requirements', detail: expect.stringContaining('Okta Verify alone') },
  },
  {
    ...{ name: 'okta', what: 'more than 100 groups', person: { groups: Array.from({ length: 101 }, (_, index) => `g-${index}`) } },
    failure: { code: 'LOGIN_REFUSED', reason: 'server_error', detail: expect.stringContaining('100') },
  },
  {
    ...{ name: 'okta', what: 'a person without a key' },
    person: { factor: 'password' },
    failure: {
      code: 'LOGIN_REFUSED',
      reason: 'unmet_authentication_requirements',
      detail: expect.stringMatching(/register a security key.*\/enduser\/settings/),
    },
  },
  {
    ...{ name: 'okta-custom', what: 'a scope that the authorization server was not given' },
    change: { idp: { scopes: ['openid', 'groups'] } },
    failure: { code: 'LOGIN_REFUSED', reason: 'invalid_scope' },
  },
  {
    ...{ name: 'auth0', what: 'a factor that is not WebAuthn', person: { factor: 'okta-verify' } },
    failure: { code: 'ASSURANCE_TOO_LOW', reason: 'mfa' },
  },
  {
    ...{ name: 'pingone', what: 'a policy that is not assigned to the app', change: { assurance: { acrValues: ['Unknown'] } } },
    failure: { code: 'LOGIN_REFUSED', reason: 'invalid_request' },
  },
  {
    ...{ name: 'pingone', what: 'another policy than the one asked for', lie: (claims) => ({ ...claims, acr: 'Single_Factor' }) },
    failure: { code: 'ASSURANCE_TOO_LOW', reason: 'unknown' },
  },
  {
    ...{ name: 'keycloak', what: 'acr 0, for the level has expired', lie: (claims) => ({ ...claims, acr: '0' }) },
    failure: { code: 'ASSURANCE_TOO_LOW', reason: 'unknown', detail: expect.stringContaining('acr "0"') },
  },
];

describe('a sign-in is refused', () => {
  it.each(hostile)('by preset $name for $what', async ({ name, change = {}, person = {}, lie, failure }) => {
    const { signIn, provider } = await setting(name, change);
    provider.person = { ...provider.person, ...person };
    if (lie !== undefined) provider.lie = (claims) => lie(claims, provider.issuer);
    const error: unknown = await signIn().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject(failure);
  });

  const silent: { name: QuirkyName; what: string; change: File }[] = [
    { name: 'okta', what: 'where the redirect is not registered', change: { idp: { redirect: { ports: [9646] } } } },
    { name: 'keycloak', what: 'where the realm does not know the level', change: { assurance: { acrValues: ['gold'] } } },
  ];
  it.each(silent)('in silence by preset $name $what: the provider shows its own page', async ({ name, change }) => {
    const { signIn, provider, pages, clock } = await setting(name, change);
    const outcome = expect(signIn()).rejects.toMatchObject({ code: 'LOGIN_TIMED_OUT' });
    await expect.poll(() => pages).toEqual([400]);
    await clock.advance(minutes(5));
    await outcome;
    expect(provider.tokenRequests).toEqual([]);
  });
});

describe('Google', () => {
  it('may leave the scheme out of its issuer, at sign-in and at a refresh', async () => {
    const { signIn, client, provider } = await setting('google');
    provider.lie = (claims) => ({ ...claims, iss: provider.issuer.replace('http://', '') });
    const signedIn = await signIn();
    expect(signedIn.identity.issuer).toBe(provider.issuer);
    await expect(client.refresh(refreshTokenOf(signedIn), signedIn)).resolves.toBeDefined();
  });

  it('is sent the secret of its client', async () => {
    const { signIn, provider } = await setting('google');
    await signIn();
    expect(provider.tokenRequests.map((form) => form.get('client_secret'))).toEqual([quirks.google.clientSecret]);
  });

  it('is not believed when a refresh speaks of another organisation, and may leave it out', async () => {
    const { signIn, client, provider } = await setting('google');
    const signedIn = await signIn();
    provider.lie = ({ hd: _, ...claims }) => claims;
    await expect(client.refresh(refreshTokenOf(signedIn), signedIn)).resolves.toBeDefined();
    provider.lie = (claims) => ({ ...claims, hd: 'evil.example' });
    await expect(client.refresh(refreshTokenOf(signedIn), signedIn)).rejects.toMatchObject({ reason: 'hd' });
  });
});

/** An API of the company's own instead of Graph. */
const ownApi: File = {
  subjectToken: 'access_token',
  idp: { scopes: ['openid', 'profile', 'email', 'offline_access', 'api://databricks/.default'] },
};
const claimsOf = ({ jwt }: { jwt: Secret }) =>
  JSON.parse(Buffer.from(jwt.reveal().split('.')[1] ?? '', 'base64url').toString('utf8')) as Part;

describe('an access token that a workspace takes', () => {
  it('of an Okta authorization server is of the person whom its uid names', async () => {
    const { signIn } = await setting('okta-custom');
    const { subjectToken, identity } = await signIn();
    expect(claimsOf(subjectToken)).toMatchObject({ aud: 'api://databricks', sub: 'alice@acme.example', uid: identity.subject });
  });

  it('of Entra ID is of the person whom its oid names', async () => {
    const { signIn, provider } = await setting('entra', ownApi);
    const { subjectToken, identity } = await signIn();
    expect(claimsOf(subjectToken)).toMatchObject({ aud: 'api://databricks', sub: 'pairwise-2' });
    expect(identity.subject).toBe('pairwise-1');
    provider.lie = (claims) => ({ ...claims, oid: 'bbbbbbbb-0000-4000-8000-000000000002' });
    await expect(signIn()).rejects.toMatchObject({ code: 'ID_TOKEN_REJECTED', reason: 'sub' });
    provider.lie = ({ oid: _, ...claims }) => claims;
    await expect(signIn()).rejects.toMatchObject({ code: 'ID_TOKEN_REJECTED', reason: 'sub' });
  });
});

describe('an access token of Entra ID for Azure Databricks', () => {
  const direct: File = {
    ...{ subjectToken: 'access_token', tokens: 'direct' },
    idp: { scopes: ['openid', 'profile', 'email', 'offline_access', `${azureDatabricks}/.default`] },
  };

  it.each<[string, (issuer: string) => Part]>([
    ['version 2.0', (issuer) => ({ iss: issuer.replace('organizations', tenant), ver: '2.0' })],
    ['a tenant that is not trusted', () => ({ iss: `https://sts.windows.net/${foreignTenant}/`, tid: foreignTenant })],
    ['another tenant in iss than in tid', () => ({ iss: `https://sts.windows.net/${foreignTenant}/` })],
    ['no tenant', () => ({ tid: undefined })],
  ])('is refused where it is of %s', async (_, change) => {
    const { signIn, provider, audit } = await setting('entra', direct);
    provider.lieOfAccess = (claims) => ({ ...claims, ...change(provider.issuer) });
    await expect(signIn()).rejects.toMatchObject({ code: 'ID_TOKEN_REJECTED', reason: 'iss' });
    expect(audit.of('token.validation-failed')).toMatchObject([{ rule: 'iss' }]);
  });

  it.each(['00000003-0000-0000-c000-000000000000', 'lakepass', `${azureDatabricks}/`, [azureDatabricks, 'graph'], undefined])(
    'is refused where it is for another application: %j',
    async (aud) => {
      const { signIn, provider } = await setting('entra', direct);
      provider.lieOfAccess = (claims) => ({ ...claims, aud });
      await expect(signIn()).rejects.toMatchObject({ code: 'ID_TOKEN_REJECTED', reason: 'aud' });
    },
  );

  it('is refused where another trusted tenant issued it than the one of the sign-in', async () => {
    const { signIn, provider } = await setting('entra', { ...direct, idp: { ...direct.idp, tenants: [tenant, foreignTenant] } });
    provider.lieOfAccess = (claims) => ({ ...claims, iss: `https://sts.windows.net/${foreignTenant}/`, tid: foreignTenant });
    await expect(signIn()).rejects.toMatchObject({ code: 'ID_TOKEN_REJECTED', reason: 'iss' });
  });

  it('is that of the person who signed in, at the sign-in and at a refresh', async () => {
    const { signIn, client, provider } = await setting('entra', direct);
    const signedIn = await signIn();
    const expected = { iss: `https://sts.windows.net/${tenant}/`, aud: azureDatabricks, ver: '1.0' };
    expect(claimsOf(signedIn.subjectToken)).toMatchObject(expected);
    expect(signedIn.identity).toMatchObject({ issuer: provider.issuer.replace('organizations', tenant), username: 'alice@acme.example' });
    expect(claimsOf((await client.refresh(refreshTokenOf(signedIn), signedIn)).subjectToken)).toMatchObject(expected);
    provider.lieOfAccess = (claims) => ({ ...claims, oid: 'bbbbbbbb-0000-4000-8000-000000000002' });
    await expect(client.refresh(refreshTokenOf(signedIn), signedIn)).rejects.toMatchObject({ code: 'ID_TOKEN_REJECTED', reason: 'sub' });
  });

  it('cannot be asked for together with groups at Microsoft Graph', async () => {
    const { signIn } = await setting('entra', { ...direct, idp: { scopes: ['openid', 'User.Read', `${azureDatabricks}/.default`] } });
    await expect(signIn()).rejects.toMatchObject({ code: 'LOGIN_REFUSED', reason: 'invalid_scope' });
  });
});

describe('groups that Entra ID leaves out', () => {
  const many = Array.from({ length: 201 }, (_, index) => `g-${index}`);
  const crowded = async (change: File = {}) => {
    const parts = await setting('entra', change);
    parts.provider.person = { ...parts.provider.person, groups: many };
    return parts;
  };

  it('are asked for at Microsoft Graph, with the access token that the scope User.Read brought', async () => {
    const { signIn, client, provider, audit } = await crowded();
    const signedIn = await signIn();
    expect(signedIn.identity.groups).toEqual(['g-1', 'g-2']);
    expect(provider.graph.bodies.map((body) => JSON.parse(body) as unknown)).toEqual([{ securityEnabledOnly: true }]);
    provider.graph.body = { value: ['g-3'] };
    await expect(client.refresh(refreshTokenOf(signedIn), signedIn)).resolves.toMatchObject({ groups: ['g-3'] });
    expect(audit.of('session.groups-unknown')).toEqual([]);
  });

  it('are never asked for where the token says', async () => {
    const { signIn, provider } = await crowded();
    const attacker = await startQuirkyIdp('generic', () => 0);
    try {
      provider.lie = (claims) => ({ ...claims, _claim_sources: { src1: { endpoint: attacker.graph.url } } });
      await expect(signIn()).resolves.toMatchObject({ identity: { groups: ['g-1', 'g-2'] } });
      expect(attacker.graph.bearers).toEqual([]);
    } finally {
      await attacker.close();
    }
  });

  it.each<[string, File, (provider: QuirkyIdp) => void, string]>([
    ['Graph is down', {}, ({ graph }) => void Object.assign(graph, { status: 503 }), 'issuer_unreachable'],
    ['the person has too many even for Graph', {}, ({ graph }) => void Object.assign(graph, { status: 400 }), 'status-400'],
    ['the scope is missing', { idp: { scopes: ['openid', 'profile', 'email', 'offline_access'] } }, () => {}, 'status-403'],
    ['Graph answers something else', {}, ({ graph }) => void Object.assign(graph, { body: { value: 'all' } }), 'not-understood'],
    ['Graph names what is no group', {}, ({ graph }) => void Object.assign(graph, { body: { value: [{ id: 'g-1' }] } }), 'not-understood'],
  ])('are none when %s, and it is written down', async (_, change, break_, reason) => {
    const { signIn, client, provider, audit } = await crowded(change);
    break_(provider);
    const signedIn = await signIn();
    expect(signedIn.identity.groups).toEqual([]);
    const before = { ...signedIn, identity: { ...signedIn.identity, groups: ['admins'] } };
    await expect(client.refresh(refreshTokenOf(signedIn), before)).resolves.toMatchObject({ groups: [] });
    expect(audit.of('session.groups-unknown').map((event) => event.reason)).toEqual([reason, reason]);
  });

  it('are none where the access token is for somebody else: Graph never sees it', async () => {
    const { signIn, provider, audit } = await crowded(ownApi);
    await expect(signIn()).resolves.toMatchObject({ identity: { groups: [] } });
    expect(provider.graph.bearers).toEqual([]);
    expect(audit.of('session.groups-unknown').map(({ reason }) => reason)).toEqual(['token-for-another']);
  });
});

describe('Entra ID', () => {
  it('signs in from every tenant that the profile names, and a session stays with its own', async () => {
    const { signIn, client, provider } = await setting('entra', { idp: { tenants: [tenant, foreignTenant] } });
    const signedIn = await signIn();
    expect(signedIn.identity.issuer).toBe(provider.issuer.replace('organizations', tenant));
    await expect(client.refresh(refreshTokenOf(signedIn), signedIn)).resolves.toBeDefined();
    provider.person = { ...provider.person, tenant: foreignTenant };
    provider.lie = (claims) => ({ ...claims, tid: foreignTenant });
    await expect(client.refresh(refreshTokenOf(signedIn), signedIn)).rejects.toMatchObject({ code: 'ID_TOKEN_REJECTED', reason: 'iss' });
    await expect(signIn()).resolves.toMatchObject({ identity: { issuer: provider.issuer.replace('organizations', foreignTenant) } });
  });

  it('refuses itself where its metadata names another template', async () => {
    const { signIn, provider } = await setting('entra');
    const issuer = provider.metadataIssuer;
    provider.metadataIssuer = issuer.replace('localhost', 'evil.example');
    await expect(signIn()).rejects.toMatchObject({ code: 'ISSUER_INVALID', reason: 'issuer' });
    provider.metadataIssuer = issuer.replace('{tenantid}', tenant);
    await expect(signIn()).rejects.toMatchObject({ code: 'ISSUER_INVALID', reason: 'issuer' });
    provider.metadataIssuer = issuer;
    await expect(signIn()).resolves.toBeDefined();
  });
});

describe('Keycloak', () => {
  const register = { idp: { parameters: { kc_action: 'webauthn-register:skip_if_exists' } } };

  it('can be asked to have the person register a key on the way', async () => {
    const { signIn, provider } = await setting('keycloak', register);
    await expect(signIn()).resolves.toMatchObject({ assurance: { level: 'phr' } });
    expect(provider.asked[0]?.get('kc_action')).toBe('webauthn-register:skip_if_exists');
  });

  it('is not believed for saying that a key was registered: only the acr counts', async () => {
    const { signIn, provider } = await setting('keycloak', register);
    provider.lie = (claims) => ({ ...claims, acr: '0' });
    await expect(signIn()).rejects.toMatchObject({ code: 'ASSURANCE_TOO_LOW' });
  });
});

describe('ports that are registered', () => {
  it('are tried in order, and said to be busy when all are', async () => {
    const holder = await startQuirkyIdp('generic', () => 0);
    try {
      const { signIn } = await setting('okta', { idp: { redirect: { ports: [Number(new URL(holder.issuer).port)] } } });
      await expect(signIn()).rejects.toMatchObject({ code: 'LOGIN_PORT_BUSY' });
    } finally {
      await holder.close();
    }
  });
});

describe('what the file says', () => {
  it('always wins over what the preset fills in', async () => {
    const { signIn, provider } = await setting('keycloak', { idp: { prompt: 'login' }, assurance: { askBy: 'acr_values' } });
    provider.lie = (claims) => ({ ...claims, acr: 'phr' });
    await signIn();
    expect(provider.asked[0]?.get('acr_values')).toBe('phr');
    expect(provider.asked[0]?.has('claims')).toBe(false);
    expect(provider.asked[0]?.get('prompt')).toBe('login');
  });
});
