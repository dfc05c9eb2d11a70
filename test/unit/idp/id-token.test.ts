import { describe, expect, it } from 'vitest';
import { verifyAccessToken, verifyIdToken } from '../../../main/idp/id-token.ts';
import type { Answered } from '../../../main/idp/id-token-claims.ts';
import { openIssuerLine } from '../../../main/idp/issuer-line.ts';
import { createKeySet } from '../../../main/idp/key-set.ts';
import { hashClaim, hmacJwt, jwt, type SigningKey, signingKey, unsignedJwt } from './jwt.ts';
import { CLIENT, ISSUER, originOf, testProfile } from './profiles.ts';
import { testIssuer } from './test-issuer.ts';

const rsa = signingKey('RS256', 'rsa');
const ec = signingKey('ES256', 'ec');
const stranger = signingKey('RS256', 'rsa');
const weak = signingKey('RS256', 'weak', { bits: 1024 });
const ACCESS = 'the-access-token';
const CODE = 'the-code';

const signIn: Answered = { of: 'sign-in', nonce: 'n-1', code: CODE, accessToken: ACCESS, maxAgeSeconds: 3600 };
const afterwards: Answered = { of: 'refresh', origin: originOf(), accessToken: ACCESS };

function bench({ idp = {}, published = [rsa.jwk, ec.jwk] as unknown[] } = {}) {
  const issuer = testIssuer();
  issuer.jwks = () => ({ keys: published });
  const { clock } = issuer;
  const keys = createKeySet({ address: async () => `${ISSUER}/jwks`, line: openIssuerLine(issuer), clock });
  const now = Math.floor(clock.now() / 1000);
  const profile = testProfile({ idp });
  const claims = {
    iss: ISSUER,
    sub: 'alice-1',
    aud: CLIENT,
    iat: now,
    exp: now + 600,
    auth_time: now - 10,
    nonce: 'n-1',
    email: 'alice@acme.example',
  };
  const verify = (token: string | undefined, expected = signIn) => verifyIdToken(token, { profile, keys, now: clock.now(), expected });
  return { issuer, now, claims, verify, profile, keys, clock };
}

type Change = Record<string, unknown>;
const at = (offset: number) => Math.floor(testIssuer().clock.now() / 1000) + offset;

describe('an ID token at sign-in', () => {
  it.each<[string, SigningKey, string]>([
    ['RS256', rsa, 'RS256'],
    ['ES256', ec, 'ES256'],
    ['PS256', signingKey('PS256', 'ps'), 'PS256'],
    ['ES384', signingKey('ES384', 'p384'), 'ES384'],
    ['EdDSA', signingKey('EdDSA', 'ed'), 'EdDSA'],
  ])('passes when everything is right, signed with %s', async (_, key, algorithm) => {
    const { verify, claims } = bench({ idp: { algorithms: [algorithm] }, published: [key.jwk] });
    const hash = { ES384: 'sha384', EdDSA: 'sha512' }[algorithm] ?? 'sha256';
    const whole = { ...claims, azp: CLIENT, nbf: claims.iat, at_hash: hashClaim(ACCESS, hash), c_hash: hashClaim(CODE, hash) };
    await expect(verify(jwt(key, whole, { typ: 'JWT' }))).resolves.toMatchObject({ sub: 'alice-1' });
  });

  it.each<[string, Change, string]>([
    ['another issuer', { iss: 'https://evil.test' }, 'iss'],
    ['its issuer with a trailing slash', { iss: `${ISSUER}/` }, 'iss'],
    ['its issuer in another case', { iss: ISSUER.replace('issuer', 'Issuer') }, 'iss'],
    ['its issuer with the default port', { iss: ISSUER.replace('.test', '.test:443') }, 'iss'],
    ['no issuer', { iss: undefined }, 'iss'],
    ['no subject', { sub: undefined }, 'sub'],
    ['an empty subject', { sub: '' }, 'sub'],
    ['a subject that is a number', { sub: 7 }, 'sub'],
    ['another audience', { aud: 'other' }, 'aud'],
    ['no audience', { aud: undefined }, 'aud'],
    ['an empty list of audiences', { aud: [] }, 'aud'],
    ['a second audience', { aud: [CLIENT, 'other'] }, 'aud'],
    ['a second audience although azp is ours', { aud: [CLIENT, 'other'], azp: CLIENT }, 'aud'],
    ['an audience that only begins like ours', { aud: `${CLIENT}-2` }, 'aud'],
    ['another authorized party', { azp: 'other' }, 'azp'],
    ['an authorized party of a wrong type', { azp: [CLIENT] }, 'azp'],
    ['an expiry beyond the tolerance', { exp: at(-60) }, 'exp'],
    ['no expiry', { exp: undefined }, 'exp'],
    ['an expiry written as text', { exp: String(at(600)) }, 'exp'],
    ['an expiry no calendar knows', { exp: 1e300 }, 'exp'],
    ['a beginning in the future', { nbf: at(61) }, 'nbf'],
    ['a beginning written as text', { nbf: 'now' }, 'nbf'],
    ['an issue time in the future', { iat: at(61) }, 'iat'],
    ['no issue time', { iat: undefined }, 'iat'],
    ['another nonce', { nonce: 'n-2' }, 'nonce'],
    ['no nonce', { nonce: undefined }, 'nonce'],
    ['an at_hash of another access token', { at_hash: hashClaim('another') }, 'at_hash'],
    ['an at_hash of a wrong type', { at_hash: 5 }, 'at_hash'],
    ['a c_hash of another code', { c_hash: hashClaim('another') }, 'c_hash'],
    ['a sign-in older than max_age', { auth_time: at(-3661) }, 'auth_time'],
    ['no auth_time although max_age was sent', { auth_time: undefined }, 'auth_time'],
    ['a sign-in in the future', { auth_time: at(61) }, 'auth_time'],
    ['no user name', { email: undefined }, 'username'],
    ['an empty user name', { email: '  ' }, 'username'],
    ['a user name that is a list', { email: ['alice@acme.example'] }, 'username'],
    ['a user name of a thousand letters', { email: 'a'.repeat(1000) }, 'username'],
    ['a user name with a control character', { email: 'alice@acme.example\u001b[2J' }, 'username'],
    ['an e-mail address that the provider has not verified', { email_verified: false }, 'username'],
    ['an e-mail address that is not verified, said as text', { email_verified: 'false' }, 'username'],
  ])('is refused for %s', async (_, change, rule) => {
    const { verify, claims } = bench();
    await expect(verify(jwt(rsa, { ...claims, ...change }))).rejects.toMatchObject({ code: 'ID_TOKEN_REJECTED', reason: rule });
  });

  it.each<[string, Change]>([
    ['an expiry within the tolerance', { exp: at(-59) }],
    ['a beginning within the tolerance', { nbf: at(60) }],
    ['an issue time within the tolerance', { iat: at(60) }],
    ['a sign-in just within max_age and tolerance', { auth_time: at(-3660) }],
    ['its audience as a list of one', { aud: [CLIENT] }],
  ])('passes with %s', async (_, change) => {
    const { verify, claims } = bench();
    await expect(verify(jwt(rsa, { ...claims, ...change }))).resolves.toBeDefined();
  });

  it('follows the tolerance of the profile', async () => {
    const { verify, claims } = bench({ idp: { clockTolerance: '5 s' } });
    await expect(verify(jwt(rsa, { ...claims, exp: at(-5) }))).rejects.toMatchObject({ reason: 'exp' });
  });

  it.each<[string, (claims: unknown) => string | undefined, string]>([
    ['is not there', () => undefined, 'missing'],
    ['is empty', () => '', 'form'],
    ['is no JWT', () => 'not.a.jwt!', 'form'],
    ['has a header that is no JSON', (claims) => jwt(rsa, claims).replace(/^[^.]+/, 'eyJ'), 'form'],
    ['is encrypted', () => 'a.b.c.d.e', 'form'],
    ['is longer than any token', (claims) => `${jwt(rsa, claims)}${'A'.repeat(100_000)}`, 'form'],
    ['is not signed', (claims) => unsignedJwt(claims), 'alg'],
    ['is signed with the public key as an HMAC secret', (claims) => hmacJwt(JSON.stringify(rsa.jwk), claims), 'alg'],
    ['is signed with an algorithm the profile does not list', (claims) => jwt(signingKey('ES384', 'p384'), claims), 'alg'],
    ['names an algorithm that does not fit the key', (claims) => jwt(ec, claims, { alg: 'RS256' }), 'kid_unknown'],
    ['demands an unknown extension', (claims) => jwt(rsa, claims, { crit: ['exp'] }), 'crit'],
    ['has an empty list of extensions', (claims) => jwt(rsa, claims, { crit: [] }), 'crit'],
    ['demands an unencoded payload', (claims) => jwt(rsa, claims, { crit: ['b64'], b64: false }), 'crit'],
    ['is an access token', (claims) => jwt(rsa, claims, { typ: 'at+jwt' }), 'typ'],
    ['is an access token by its media type', (claims) => jwt(rsa, claims, { typ: 'application/AT+JWT' }), 'typ'],
    ['is a logout token', (claims) => jwt(rsa, claims, { typ: 'logout+jwt' }), 'typ'],
    ['has a type that is no text', (claims) => jwt(rsa, claims, { typ: 5 }), 'typ'],
    ['is signed by a stranger under a known key id', (claims) => jwt(stranger, claims), 'sig'],
    ['was changed after signing', (claims) => jwt(rsa, claims).replace(/\.([^.]+)\./, (_, body) => `.${body.slice(0, -2)}AA.`), 'sig'],
    ['has no signature', (claims) => jwt(rsa, claims).replace(/[^.]+$/, ''), 'sig'],
    ['is signed with an unknown key', (claims) => jwt(signingKey('RS256', 'new'), claims), 'kid_unknown'],
    ['brings its own key (jwk)', (claims) => jwt({ ...stranger, kid: 'own' }, claims, { jwk: stranger.jwk }), 'kid_unknown'],
    ['brings its own key under a known id (jwk)', (claims) => jwt(stranger, claims, { jwk: stranger.jwk }), 'sig'],
    ['points to a key set of its own (jku)', (claims) => jwt(stranger, claims, { jku: 'https://evil.test/jwks' }), 'sig'],
    ['points to a certificate of its own (x5u)', (claims) => jwt(stranger, claims, { x5u: 'https://evil.test/cert' }), 'sig'],
    ['brings its own certificate (x5c)', (claims) => jwt(stranger, claims, { x5c: ['MIIB'] }), 'sig'],
    ['has a payload that is no JSON object', () => jwt(rsa, '[1]'), 'form'],
  ])('is refused when it %s', async (_, make, rule) => {
    const { verify, claims, issuer } = bench();
    await expect(verify(make(claims))).rejects.toMatchObject({ code: 'ID_TOKEN_REJECTED', reason: rule });
    expect(issuer.asked.every(({ route }) => route === 'jwks')).toBe(true);
  });

  it('is refused when the key that signed it is shorter than 2048 bits', async () => {
    const { verify, claims } = bench({ published: [weak.jwk] });
    await expect(verify(jwt(weak, claims))).rejects.toMatchObject({ reason: 'key' });
  });

  it('never repeats what the token says', async () => {
    const { verify, claims } = bench();
    const failure = await verify(jwt(rsa, { ...claims, iss: 'https://evil.test', sub: 'mallory' })).catch((error) => error);
    expect(JSON.stringify([failure.toFailure(), failure.message])).not.toMatch(/evil|mallory|eyJ/);
  });
});

describe('an ID token at a refresh', () => {
  it('needs neither nonce nor auth_time, acr or amr', async () => {
    const { verify, claims } = bench();
    await expect(
      verify(jwt(ec, { ...claims, nonce: undefined, auth_time: undefined, email: undefined }), afterwards),
    ).resolves.toBeDefined();
  });

  it('may repeat the nonce and auth_time of the sign-in', async () => {
    const { verify, claims } = bench();
    await expect(verify(jwt(ec, claims), afterwards)).resolves.toMatchObject({ nonce: 'n-1' });
  });

  it('has no nonce to repeat where the sign-in kept none', async () => {
    const { verify, claims } = bench();
    const origin = { ...originOf(), nonceDigest: null };
    await expect(verify(jwt(ec, claims), { ...afterwards, origin })).rejects.toMatchObject({ reason: 'nonce' });
  });

  it.each<[Change, string]>([
    [{ sub: 'mallory' }, 'sub'],
    [{ iss: 'https://evil.test' }, 'iss'],
    [{ aud: 'other' }, 'aud'],
    [{ at_hash: hashClaim('another') }, 'at_hash'],
    [{ email: 'mallory@acme.example' }, 'username'],
    [{ auth_time: at(0) }, 'auth_time'],
    [{ auth_time: String(at(-10)) }, 'auth_time'],
    [{ nonce: 'n-2' }, 'nonce'],
    [{ nonce: null }, 'nonce'],
  ])('is refused when it changes %j', async (change, rule) => {
    const { verify, claims } = bench();
    await expect(verify(jwt(ec, { ...claims, ...change }), afterwards)).rejects.toMatchObject({ reason: rule });
  });
});

describe('an access token for a workspace', () => {
  const verifier = () => {
    const { profile, keys, clock, claims } = bench();
    const { nonce: _nonce, ...plain } = claims;
    const verify = (token: string | undefined) =>
      verifyAccessToken(token, { profile, keys, now: clock.now() }, { issuer: ISSUER, subject: 'alice-1' });
    return { verify, claims: { ...plain, aud: 'api://databricks' } as Change };
  };

  it.each(['at+jwt', 'JWT', undefined])('passes with typ %s', async (typ) => {
    const { verify, claims } = verifier();
    await expect(verify(jwt(rsa, claims, typ ? { typ } : {}))).resolves.toBeDefined();
  });

  it.each<[string, Change, string]>([
    ['an ID token by its nonce', { nonce: 'n-1' }, 'typ'],
    ['an ID token by its at_hash', { at_hash: 'x' }, 'typ'],
    ['of another issuer', { iss: 'https://evil.test' }, 'iss'],
    ['of another person', { sub: 'mallory' }, 'sub'],
    ['expired', { exp: at(-60) }, 'exp'],
    ['without an issue time', { iat: undefined }, 'iat'],
  ])('is refused when it is %s', async (_, change, rule) => {
    const { verify, claims } = verifier();
    await expect(verify(jwt(rsa, { ...claims, ...change }))).rejects.toMatchObject({ code: 'ID_TOKEN_REJECTED', reason: rule });
  });

  it.each<[string | undefined, string]>([
    [undefined, 'missing'],
    ['opaque-token', 'form'],
    [jwt(rsa, {}, { typ: 'logout+jwt' }), 'typ'],
  ])('is refused when it is %s', async (token, rule) => {
    await expect(verifier().verify(token)).rejects.toMatchObject({ reason: rule });
  });
});
