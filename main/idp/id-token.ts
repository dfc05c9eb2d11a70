/**
 * Whether a token of the identity provider is what it claims to be (OpenID Connect Core 1.0 section 3.1.3.7, RFC 8725).
 *
 * openid-client checks some of this too; these are our own checks, in one visible order, each with its own word. They trust
 * nothing in the token but what the signature of a published key covers, and never say what a token said.
 */
import { compactVerify, decodeJwt, decodeProtectedHeader, type JWTPayload, type ProtectedHeaderParameters } from 'jose';
import type { Profile } from '../profile/profile.ts';
import { type EpochMs, type Ms, toNumericDate } from '../units.ts';
import { type Claims, claimChecks, type Expected } from './id-token-claims.ts';
import type { KeySet } from './key-set.ts';
import { presets } from './presets.ts';
import { reject, type TokenRule } from './token-rejection.ts';

export interface TokenChecks {
  profile: Profile;
  keys: KeySet;
  now: EpochMs;
  /** What must hold because of where the token comes from: a sign-in, or a refresh of one. */
  expected: Expected;
}

const LONGEST_TOKEN = 100_000;

/**
 * The claims of an ID token, once every check has passed. Makes at most one request, for keys.
 *
 * @throws AppError ID_TOKEN_REJECTED with the broken rule as its reason
 */
export async function verifyIdToken(jwt: string | undefined, { profile, keys, now, expected }: TokenChecks): Promise<Claims> {
  if (jwt === undefined) reject('missing');
  const header = readHeader(jwt);
  checkAlgorithm(header, profile);
  checkExtensions(header);
  checkType(header, ['jwt']);
  const claims = await verifySignature(jwt, header, keys);
  const seconds = { now: toNumericDate(now), tolerance: inSeconds(profile.idp.clockTolerance) };
  for (const check of claimChecks) check({ claims, alg: header.alg, profile, seconds, expected });
  return claims as Claims;
}

/**
 * The claims of an access token that a workspace takes in exchange (RFC 9068, leniently: few providers write `typ`). Its audience is
 * the workspace's to check, unless programs get the token as it is; that it comes from our issuer, for our person, and is not an ID token in disguise, is ours.
 *
 * @param person the issuer of the sign-in, and the person as `personIn` has them
 * @throws AppError ID_TOKEN_REJECTED with the broken rule as its reason
 */
export async function verifyAccessToken(jwt: string | undefined, checks: Omit<TokenChecks, 'expected'>, person: Person): Promise<Claims> {
  if (jwt === undefined) reject('missing');
  const { profile, keys, now } = checks;
  const header = readHeader(jwt);
  checkAlgorithm(header, profile);
  checkExtensions(header);
  checkType(header, ['jwt', 'at+jwt']);
  const claims = await verifySignature(jwt, header, keys);
  // check: access-token-kind
  if (claims.nonce !== undefined || claims.at_hash !== undefined) reject('typ');
  // end check
  const seconds = { now: toNumericDate(now), tolerance: inSeconds(profile.idp.clockTolerance) };
  const expected: Expected = { of: 'access', issuer: person.issuer };
  const rules: TokenRule[] = ['iss', 'sub', 'exp', 'nbf', 'iat'];
  for (const check of claimChecks.filter(({ rule }) => rules.includes(rule)))
    check({ claims, alg: header.alg, profile, seconds, expected });
  // One of Entra ID is for one application alone: another API would take it, and Azure Databricks would not.
  const application = applicationOf(profile);
  // check: access-token-application
  if (profile.tokens === 'direct' && application !== undefined && claims.aud !== application) reject('aud');
  // end check
  // check: access-token-person
  if (personIn('accessToken', claims, profile) !== person.subject) reject('sub');
  // end check
  return claims as Claims;
}

/** What a scope `APPLICATION/.default` names. */
const applicationOf = ({ idp }: Profile): string | undefined =>
  idp.scopes.map((scope) => /^(.+)\/\.default$/.exec(scope)?.[1]).find((found) => found !== undefined);

export interface Person {
  issuer: string;
  subject: string;
}

/** The claim that names the person, which is not `sub` everywhere: Okta and Entra ID write another one into each of the two tokens. */
export function personIn(token: 'idToken' | 'accessToken', claims: JWTPayload, { idp }: Profile): string | undefined {
  const claim = presets[idp.preset].exchange.person?.[token] ?? 'sub';
  const named = claims[claim];
  return typeof named === 'string' && named !== '' ? named : undefined;
}

type SignedHeader = ProtectedHeaderParameters & { alg: string };

function readHeader(jwt: string): SignedHeader {
  // check: id-token-form
  if (jwt.length > LONGEST_TOKEN || !/^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/.test(jwt)) reject('form');
  // end check
  try {
    return decodeProtectedHeader(jwt) as SignedHeader;
  } catch (error) {
    return reject('form', error);
  }
}

/** An allow-list of the profile, so that `none`, HMAC with a public key and whatever comes next are not even tried (RFC 8725 section 3.1). */
function checkAlgorithm({ alg }: SignedHeader, { idp }: Profile): void {
  // check: id-token-alg
  if (!idp.algorithms.some((accepted) => accepted === alg)) reject('alg');
  // end check
}

/** We know no extension, so any `crit` is one we do not know (RFC 7515 section 4.1.11). */
function checkExtensions({ crit }: SignedHeader): void {
  // check: id-token-crit
  if (crit !== undefined) reject('crit');
  // end check
}

/** Kinds of tokens are told apart by `typ` (RFC 8725 section 3.11); providers leave it out on ID tokens. */
function checkType({ typ }: SignedHeader, accepted: readonly string[]): void {
  const kind = typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : typ;
  // check: id-token-typ
  if (kind !== undefined && !accepted.includes(String(kind))) reject('typ');
  // end check
}

async function verifySignature(jwt: string, header: SignedHeader, keys: KeySet): Promise<JWTPayload> {
  const key = await keys.keyFor(header);
  // check: id-token-sig
  await compactVerify(jwt, key, { algorithms: [header.alg] }).catch((error: unknown) => reject('sig', error));
  // end check
  try {
    return decodeJwt(jwt);
  } catch (error) {
    return reject('form', error);
  }
}

const inSeconds = (length: Ms) => length / 1000;
