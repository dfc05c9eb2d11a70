/** What the claims of an ID token must say, one small check per rule; the list at the end is the order in which they are made. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { JWTPayload } from 'jose';
import type { Profile } from '../profile/profile.ts';
import { type EpochMs, fromNumericDate } from '../units.ts';
import { issuerOf } from './preset-issuer.ts';
import type { Origin } from './signed-in.ts';
import { reject, type TokenRule } from './token-rejection.ts';

/** Claims after the checks: these four are there and of the right kind. */
export type Claims = JWTPayload & { iss: string; sub: string; exp: number; iat: number };

/** What the token must answer to. A refreshed ID token tells of the same sign-in as the first one (OIDC Core section 12.2). */
export type Expected =
  | { of: 'sign-in'; nonce: string; code: string; accessToken: string | undefined; maxAgeSeconds: number | null }
  | { of: 'refresh'; origin: Origin; accessToken: string | undefined }
  /** An access token, of the person whom an ID token named. */
  | { of: 'access'; issuer: string };

/** What an answer of the token endpoint is to. */
export type Answered = Exclude<Expected, { of: 'access' }>;

interface Subject {
  claims: JWTPayload;
  alg: string;
  profile: Profile;
  seconds: { now: number; tolerance: number };
  expected: Expected;
}
export type ClaimCheck = ((subject: Subject) => void) & { readonly rule: TokenRule };

const rule = (name: TokenRule, check: (subject: Subject) => void): ClaimCheck => Object.assign(check, { rule: name });

/** One that the profile trusts; what comes later is from the one that the sign-in was from. */
const issuer = rule('iss', ({ claims, profile, expected }) => {
  const named = issuerOf(profile, claims, expected.of === 'access' ? 'accessToken' : 'idToken');
  // check: id-token-iss
  if (named === undefined) reject('iss');
  // end check
  const before = expected.of === 'refresh' ? expected.origin.identity.issuer : expected.of === 'access' ? expected.issuer : named;
  // check: id-token-iss-same
  if (named !== before) reject('iss');
  // end check
});

/** Google signs private accounts in, too; only `hd` says that one belongs to an organisation, and to which. */
const hostedDomain = rule('hd', ({ claims, profile: { idp }, expected }) => {
  const isSilentRefresh = expected.of === 'refresh' && claims.hd === undefined;
  const isNamed = typeof claims.hd === 'string' && idp.hostedDomains.includes(claims.hd.toLowerCase());
  // check: id-token-hosted-domain
  if (idp.hostedDomains.length > 0 && !isNamed && !isSilentRefresh) reject('hd');
  // end check
});

const subject = rule('sub', ({ claims, expected }) => {
  const { sub } = claims;
  // check: id-token-sub-form
  if (typeof sub !== 'string' || sub === '' || sub.length > 255) reject('sub');
  // end check
  // check: id-token-sub-same
  if (expected.of === 'refresh' && sub !== expected.origin.identity.subject) reject('sub');
  // end check
});

/** Our client and nobody else: a token that is also for another audience may have been taken from there (OIDC Core 3.1.3.7, 3). */
const audience = rule('aud', ({ claims, profile }) => {
  const audiences = Array.isArray(claims.aud) ? claims.aud : [claims.aud];
  // check: id-token-aud
  if (!audiences.includes(profile.idp.clientId)) reject('aud');
  // end check
  // check: id-token-aud-alone
  if (audiences.length !== 1) reject('aud');
  // end check
});

const authorizedParty = rule('azp', ({ claims, profile }) => {
  // check: id-token-azp
  if (claims.azp !== undefined && claims.azp !== profile.idp.clientId) reject('azp');
  // end check
});

const expiry = rule('exp', ({ claims, seconds }) => {
  // check: id-token-exp
  if (!isTime(claims.exp) || claims.exp + seconds.tolerance <= seconds.now) reject('exp');
  // end check
});

const notBefore = rule('nbf', ({ claims, seconds }) => {
  // check: id-token-nbf
  if (claims.nbf !== undefined && (!isTime(claims.nbf) || claims.nbf - seconds.tolerance > seconds.now)) reject('nbf');
  // end check
});

const issuedAt = rule('iat', ({ claims, seconds }) => {
  // check: id-token-iat
  if (!isTime(claims.iat) || claims.iat - seconds.tolerance > seconds.now) reject('iat');
  // end check
});

const nonce = rule('nonce', ({ claims, expected }) => {
  // check: id-token-nonce
  if (expected.of === 'sign-in' && !isSame(claims.nonce, expected.nonce)) reject('nonce');
  // end check
  // It may be left out; one that is there is that of the sign-in.
  // check: id-token-nonce-same
  if (expected.of === 'refresh' && claims.nonce !== undefined && digestOf(claims.nonce) !== expected.origin.nonceDigest) reject('nonce');
  // end check
});

/** Required only where tokens travel through the browser; where it is given, it must be right. */
const accessTokenHash = rule('at_hash', ({ claims, alg, expected }) => {
  // check: id-token-at-hash
  if (claims.at_hash !== undefined && !isSame(claims.at_hash, leftHalf(alg, accessTokenOf(expected)))) reject('at_hash');
  // end check
});

const codeHash = rule('c_hash', ({ claims, alg, expected }) => {
  const code = expected.of === 'sign-in' ? expected.code : undefined;
  // check: id-token-c-hash
  if (claims.c_hash !== undefined && !isSame(claims.c_hash, leftHalf(alg, code))) reject('c_hash');
  // end check
});

/** Where max_age is sent, it makes auth_time required (OIDC Core section 2); providers that ignore it are found out here. */
const authTime = rule('auth_time', ({ claims, seconds, expected }) => {
  const at = claims.auth_time;
  if (expected.of === 'access') return;
  if (expected.of === 'refresh') return sameAuthTime(at, expected.origin.assurance.authTime);
  // What a provider does not say cannot be held against it where the profile says so; what it says is checked all the same.
  if (expected.maxAgeSeconds === null && at === undefined) return;
  const maxAge = expected.maxAgeSeconds ?? Number.POSITIVE_INFINITY;
  // check: id-token-auth-time
  if (!isTime(at) || at + maxAge + seconds.tolerance < seconds.now) reject('auth_time');
  // end check
  // check: id-token-auth-time-future
  if (isTime(at) && at - seconds.tolerance > seconds.now) reject('auth_time');
  // end check
});

/** A refresh is no sign-in, so it cannot say that the person was there since (OIDC Core section 12.2). */
function sameAuthTime(at: unknown, before: EpochMs | null): void {
  // check: id-token-auth-time-same
  if (at !== undefined && before !== null && (!isTime(at) || fromNumericDate(at) !== before)) reject('auth_time');
  // end check
}

/** Some providers write the boolean as text. */
const verifiedOrUnsaid: ReadonlySet<unknown> = new Set([undefined, true, 'true']);

/** The Databricks user name; an e-mail address that the provider has not verified may be anybody's. */
const username = rule('username', ({ claims, profile: { idp }, expected }) => {
  if (expected.of === 'access') return;
  const name = claims[idp.usernameClaim];
  if (expected.of === 'refresh') return sameUsername(name, expected.origin.identity.username);
  // check: username-claim
  if (typeof name !== 'string' || name.trim() === '' || name.length > 320 || /\p{Cc}/u.test(name)) reject('username');
  // end check
  // check: username-unverified
  if (idp.usernameClaim === 'email' && !verifiedOrUnsaid.has(claims.email_verified)) reject('username');
  // end check
});

/** A refresh that suddenly speaks of another user name would act as another Databricks user; it may leave the name out. */
function sameUsername(name: unknown, before: string): void {
  // check: username-same
  if (name !== undefined && name !== before) reject('username');
  // end check
}

export const claimChecks: readonly ClaimCheck[] = [
  issuer,
  hostedDomain,
  subject,
  audience,
  authorizedParty,
  expiry,
  notBefore,
  issuedAt,
  nonce,
  accessTokenHash,
  codeHash,
  authTime,
  username,
];

/** A NumericDate between 1970 and the year 9999. */
const isTime = (value: unknown): value is number => typeof value === 'number' && value >= 0 && value < 253_402_300_800;

const accessTokenOf = (expected: Expected) => (expected.of === 'access' ? undefined : expected.accessToken);

/** What is kept of a nonce: enough to know it again. */
export const digestOf = (nonce: unknown): string | null =>
  typeof nonce === 'string' ? createHash('sha256').update(nonce).digest('base64url') : null;

function isSame(actual: unknown, expected: string | undefined): boolean {
  if (typeof actual !== 'string' || expected === undefined) return false;
  const [a, b] = [actual, expected].map((text) => createHash('sha256').update(text).digest());
  return a !== undefined && b !== undefined && timingSafeEqual(a, b);
}

/** The left half of the hash that goes with the token's own algorithm (OIDC Core section 3.1.3.6). Ed25519 signs with SHA-512. */
function leftHalf(alg: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const name = alg === 'EdDSA' ? 'sha512' : `sha${alg.slice(-3)}`;
  const digest = createHash(name).update(text, 'ascii').digest();
  return digest.subarray(0, digest.length / 2).toString('base64url');
}
