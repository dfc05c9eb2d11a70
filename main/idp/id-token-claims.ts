/** What the claims of an ID token must say, one small check per rule; the list at the end is the order in which they are made. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { JWTPayload } from 'jose';
import type { Profile } from '../profile/profile.ts';
import { reject, type TokenRule } from './token-rejection.ts';

/** Claims after the checks: these four are there and of the right kind. */
export type Claims = JWTPayload & { iss: string; sub: string; exp: number; iat: number };

/** What the token must answer to. A refreshed ID token has no nonce and no fresh authentication (OIDC Core section 12.2). */
export type Expected =
  | { of: 'sign-in'; nonce: string; code: string; accessToken: string | undefined; maxAgeSeconds: number }
  | { of: 'refresh'; subject: string; username: string; accessToken: string | undefined };

interface Subject {
  claims: JWTPayload;
  alg: string;
  profile: Profile;
  seconds: { now: number; tolerance: number };
  expected: Expected;
}
export type ClaimCheck = ((subject: Subject) => void) & { readonly rule: TokenRule };

const rule = (name: TokenRule, check: (subject: Subject) => void): ClaimCheck => Object.assign(check, { rule: name });

/** Equal to the byte: a trailing slash, another case or a default port is another issuer. */
const issuer = rule('iss', ({ claims, profile }) => {
  // check: id-token-iss
  if (claims.iss !== profile.idp.issuer) reject('iss');
  // end check
});

const subject = rule('sub', ({ claims, expected }) => {
  const { sub } = claims;
  // check: id-token-sub-form
  if (typeof sub !== 'string' || sub === '' || sub.length > 255) reject('sub');
  // end check
  // check: id-token-sub-same
  if (expected.of === 'refresh' && sub !== expected.subject) reject('sub');
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
});

/** Required only where tokens travel through the browser; where it is given, it must be right. */
const accessTokenHash = rule('at_hash', ({ claims, alg, expected }) => {
  // check: id-token-at-hash
  if (claims.at_hash !== undefined && !isSame(claims.at_hash, leftHalf(alg, expected.accessToken))) reject('at_hash');
  // end check
});

const codeHash = rule('c_hash', ({ claims, alg, expected }) => {
  const code = expected.of === 'sign-in' ? expected.code : undefined;
  // check: id-token-c-hash
  if (claims.c_hash !== undefined && !isSame(claims.c_hash, leftHalf(alg, code))) reject('c_hash');
  // end check
});

/** We always send max_age, which makes auth_time required (OIDC Core section 2); providers that ignore it are found out here. */
const authTime = rule('auth_time', ({ claims, seconds, expected }) => {
  if (expected.of === 'refresh') return;
  const at = claims.auth_time;
  // check: id-token-auth-time
  if (!isTime(at) || at + expected.maxAgeSeconds + seconds.tolerance < seconds.now) reject('auth_time');
  // end check
  // check: id-token-auth-time-future
  if (isTime(at) && at - seconds.tolerance > seconds.now) reject('auth_time');
  // end check
});

/** Some providers write the boolean as text. */
const verifiedOrUnsaid: ReadonlySet<unknown> = new Set([undefined, true, 'true']);

/** The Databricks user name; an e-mail address that the provider has not verified may be anybody's. */
const username = rule('username', ({ claims, profile: { idp }, expected }) => {
  const name = claims[idp.usernameClaim];
  if (expected.of === 'refresh') return sameUsername(name, expected.username);
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
