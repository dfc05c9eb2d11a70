/**
 * One exchange at the token endpoint: openid-client makes the request, our own checks judge the tokens.
 *
 * The library looks at the ID token too and may refuse first, with words of its own; the answer is therefore kept as it came, so
 * that a refusal always carries our rule.
 */
import { decodeJwt } from 'jose';
import type * as oidc from 'openid-client';
import { z } from 'zod';
import { AppError } from '../app-error.ts';
import type { AuditLog } from '../audit/event.ts';
import type { Clock } from '../ports.ts';
import type { Profile } from '../profile/profile.ts';
import { Secret } from '../secret.ts';
import { fromNumericDate, type Ms } from '../units.ts';
import type { IssuerMetadata } from './discovery.ts';
import { type Person, personIn, verifyAccessToken, verifyIdToken } from './id-token.ts';
import type { Answered, Claims } from './id-token-claims.ts';
import type { IssuerLine } from './issuer-line.ts';
import type { KeySet } from './key-set.ts';
import { asFetch, clientFor, inner, refusalOf } from './library.ts';
import { issuerOf } from './preset-issuer.ts';
import { type KeyPair, noteNonce, type ProofNonce, proofFor } from './proof-key.ts';
import type { SubjectToken } from './signed-in.ts';
import { reject, timeRules } from './token-rejection.ts';

export interface TokenEndpointParts {
  profile: Profile;
  clock: Clock;
  line: IssuerLine;
  keys: KeySet;
  proofNonce: ProofNonce;
  audit: AuditLog;
}

export interface CheckedTokens {
  /** Of the ID token; null on a refresh that brought none and needs none. */
  claims: Claims | null;
  subjectToken: SubjectToken;
  refreshToken: Secret | null;
  /** Whether what came is of use to nobody but the holder of the key that was proven. */
  isBound: boolean;
  /** As it came, unless it is bound: for a question to the provider's own services, and for nothing else. */
  accessToken: Secret | null;
}

type Grant = (client: oidc.Configuration, proof: oidc.DPoPOptions) => Promise<oidc.TokenEndpointResponse>;
const answerSchema = z.object({
  id_token: z.string().optional(),
  access_token: z.string().optional(),
  refresh_token: z.string().optional(),
  token_type: z.string().optional(),
});
type Answer = z.output<typeof answerSchema>;

export interface Asked {
  /** What came back and how the library took it; throws what the library threw unless it was about a token. */
  answer: Answer;
  refusedByLibrary: unknown;
  /** Whether a key was proven with the request. */
  isProven: boolean;
}

/**
 * Sends one grant request; twice where the provider demands a nonce in the proof, which it does before it looks at the grant.
 *
 * @param key proven with the request, so that what comes is bound to it (RFC 9449 section 5)
 * @throws AppError ISSUER_UNREACHABLE | ISSUER_INVALID from the line
 * @throws the library's own error when the endpoint refused or its answer holds no tokens
 */
export async function askForTokens(
  parts: TokenEndpointParts,
  metadata: IssuerMetadata,
  grant: Grant,
  { key, signal }: { key: KeyPair | null; signal?: AbortSignal },
): Promise<Asked> {
  const fetch = asFetch(parts.line, signal);
  let body = '';
  let answered: Response | undefined;
  const granted = async (client: oidc.Configuration) => grant(client, proofFor(client, key, parts.proofNonce));
  const judged = (issuer: string, send: oidc.CustomFetch) =>
    granted(clientFor(parts.profile, { ...metadata, issuer }, parts.clock, send)).then(
      () => undefined,
      (error: unknown) => error,
    );

  let refusedByLibrary: unknown = await judged(metadata.issuer, async (url, init) => {
    answered = await fetch(url, init);
    noteNonce(parts.proofNonce, answered.headers);
    body = await answered.clone().text();
    return answered.clone();
  });
  // The library knows one issuer for a provider; where the preset trusts the token's under another name, it judges the same answer again.
  const named = trustedIssuer(parts.profile, readAnswer(body)?.id_token);
  if (answered !== undefined && named !== undefined && named !== metadata.issuer) {
    const kept = answered;
    refusedByLibrary = await judged(named, async () => kept.clone());
  }
  const answer = refusedByLibrary === undefined || isAboutTokens(refusedByLibrary) ? readAnswer(body) : undefined;
  if (!answer) throw inner(refusedByLibrary) ?? refusedByLibrary;
  return { answer, refusedByLibrary, isProven: key !== null };
}

/** As the token writes it, before anything about it is known to be true. */
function trustedIssuer(profile: Profile, jwt: string | undefined): string | undefined {
  try {
    const claims = jwt === undefined ? {} : decodeJwt(jwt);
    return issuerOf(profile, claims) === undefined ? undefined : claims.iss;
  } catch {
    // Not a JWT: our own check says so.
    return undefined;
  }
}

/** Everything but an error of the endpoint itself or of the way there. */
const isAboutTokens = (error: unknown) => inner(error) === undefined && refusalOf(error) === undefined;

function readAnswer(body: string): Answer | undefined {
  try {
    const { data } = answerSchema.safeParse(JSON.parse(body));
    return data && Object.keys(data).length > 0 ? data : undefined;
  } catch {
    // Not JSON: the library's own error says so and is thrown by the caller.
    return undefined;
  }
}

/**
 * Makes every check on the tokens of an answer and writes a broken rule to audit.
 *
 * @throws AppError ID_TOKEN_REJECTED with its rule
 * @throws AppError TOKEN_BOUND: the access token, which is to be exchanged, is bound to a key
 * @throws AppError CLOCK_SKEW: a rule about time is broken and the provider's Date header shows that our clock is wrong
 */
export async function checkTokens(
  parts: TokenEndpointParts,
  { answer, refusedByLibrary, isProven }: Asked,
  expected: Answered,
): Promise<CheckedTokens> {
  const { profile, keys, clock, audit } = parts;
  try {
    const now = clock.now();
    const claims = await checkedClaims(parts, answer, expected);
    const isAccessToken = profile.subjectToken === 'access_token';
    const person = personOf(claims, expected, profile);
    const times = isAccessToken ? await verifyAccessToken(answer.access_token, { profile, keys, now }, person) : claims;
    const isBound = answer.token_type?.toLowerCase() === 'dpop';
    // check: access-token-unbound
    if (isAccessToken && (isBound || times?.['cnf'] !== undefined)) throw new AppError('TOKEN_BOUND', { reason: 'cnf' });
    // end check
    // check: token-type-unasked
    if (isBound && !isProven) reject('token_type');
    // end check
    // A refresh token that was bound stays bound (RFC 9449 section 5): an answer for anybody who has the token is not for us.
    // check: binding-not-dropped
    if (!isBound && isProven && expected.of === 'refresh') reject('token_type');
    // end check
    const jwt = isAccessToken ? answer.access_token : answer.id_token;
    // check: id-token-library
    if (refusedByLibrary !== undefined) reject('library', refusedByLibrary);
    // end check
    if (!times || jwt === undefined) reject('missing');
    return {
      claims,
      subjectToken: { jwt: new Secret(jwt), issuedAt: fromNumericDate(times.iat), expiresAt: fromNumericDate(times.exp) },
      refreshToken: answer.refresh_token ? new Secret(answer.refresh_token) : null,
      isBound,
      // Whoever it was sent to as a bearer would have to refuse it.
      accessToken: answer.access_token && !isBound ? new Secret(answer.access_token) : null,
    };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    audit.append({ type: 'token.validation-failed', profile: profile.name, rule: error.reason ?? 'unknown' });
    throw wrongClock(error, parts) ?? error;
  }
}

/** Whom the access token must be for: the person of the ID token, or of the sign-in where a refresh brings none. */
function personOf(claims: Claims | null, expected: Answered, profile: Profile): Person {
  if (claims !== null) return { issuer: issuerOf(profile, claims) ?? '', subject: personIn('idToken', claims, profile) ?? '' };
  if (expected.of !== 'refresh') return reject('missing');
  const { issuer, subject } = expected.origin.identity;
  return { issuer, subject };
}

async function checkedClaims({ profile, keys, clock }: TokenEndpointParts, answer: Answer, expected: Answered): Promise<Claims | null> {
  const isSpared = expected.of === 'refresh' && profile.subjectToken === 'access_token' && answer.id_token === undefined;
  if (isSpared) return null;
  return verifyIdToken(answer.id_token, { profile, keys, now: clock.now(), expected: { ...expected, accessToken: answer.access_token } });
}

/** The provider's own Date header tells a wrong clock here from a wrong token there. */
export function wrongClock(rejected: AppError, { profile, line }: Pick<TokenEndpointParts, 'profile' | 'line'>): AppError | undefined {
  const ahead = line.clockAhead();
  // check: clock-skew
  if (timeRules.has(rejected.reason ?? '') && ahead !== null && Math.abs(ahead) > profile.idp.clockTolerance) {
    return new AppError('CLOCK_SKEW', {
      reason: rejected.reason ?? '',
      detail: `This clock is ${inWords(ahead)} the provider's.`,
      cause: rejected,
    });
  }
  // end check
  return undefined;
}

const inWords = (ahead: Ms) => `about ${Math.round(Math.abs(ahead) / 60_000)} min ${ahead > 0 ? 'ahead of' : 'behind'}`;
