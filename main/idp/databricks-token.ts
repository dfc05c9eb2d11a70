/**
 * The token endpoint of a workspace, and what the access token it gives says. The token comes from the workspace itself over the line we
 * opened to it, which stands in for its signature (OpenID Connect Core section 3.1.3.7, rule 6); what it says is checked all the same.
 */
import { decodeJwt, decodeProtectedHeader, type JWTPayload } from 'jose';
import { z } from 'zod';
import { AppError } from '../app-error.ts';
import type { Clock } from '../ports.ts';
import type { Profile } from '../profile/profile.ts';
import { Secret } from '../secret.ts';
import { type EpochMs, expiryFrom, fromNumericDate } from '../units.ts';
import type { IssuerMetadata } from './discovery.ts';
import type { IssuerLine } from './issuer-line.ts';
import { type OAuthError, oauthErrorFrom } from './library.ts';
import type { SubjectToken } from './signed-in.ts';
import { reject } from './token-rejection.ts';

/** Seconds; as many as the digits of the text below can say, and a moment that is still a date. */
const LONGEST_LIFE = 999_999_999;

/** A server of Databricks' own tests sends lifetimes as digits in a string. */
const answerSchema = z.object({
  access_token: z.string().regex(/^[A-Za-z0-9._~+/-]{1,16384}=*$/),
  token_type: z.string().regex(/^bearer$/i),
  expires_in: z.union([
    z.int().positive().max(LONGEST_LIFE),
    z
      .string()
      .regex(/^[1-9]\d{0,8}$/)
      .transform(Number),
  ]),
  refresh_token: z.string().min(1).max(16_384).optional(),
  scope: z.union([z.string(), z.array(z.string())]).optional(),
});
export type WorkspaceAnswer = z.output<typeof answerSchema> & { askedAt: EpochMs };

/** Some answers carry the words of the identity provider behind the workspace. */
const refusalSchema = z
  .object({ error: z.string() })
  .or(z.object({ errorCode: z.string() }).transform(({ errorCode: error }) => ({ error })));

interface Line {
  profile: Profile;
  line: IssuerLine;
  clock: Clock;
}

/**
 * Sends one grant request of a public client: its id goes in the form (databricks-auth: RFC 6749 section 2.3.1 without a secret).
 *
 * @returns the tokens, or the `error` with which the workspace refused
 * @throws AppError ISSUER_UNREACHABLE | ISSUER_INVALID from the line; ISSUER_UNREACHABLE (reason 'sent'): no answer of a token endpoint
 */
export async function askWorkspaceForTokens(
  { profile, line, clock }: Line,
  { token_endpoint }: IssuerMetadata,
  grant: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<WorkspaceAnswer | { refused: OAuthError }> {
  const askedAt = clock.now();
  const response = await line.request(token_endpoint, {
    method: 'POST',
    headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ ...grant, client_id: profile.idp.clientId }).toString(),
    ...(signal === undefined ? {} : { signal }),
  });
  const body = jsonOf(await response.text());
  const answer = response.status === 200 ? answerSchema.safeParse(body) : undefined;
  if (answer?.success) return { ...answer.data, askedAt };
  const refusal = response.status >= 400 ? refusalSchema.safeParse(body) : undefined;
  if (refusal?.success) return { refused: oauthErrorFrom(refusal.data.error) };
  throw new AppError('ISSUER_UNREACHABLE', { reason: 'sent', detail: 'What answers there is not the token endpoint of a workspace.' });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // A page of a proxy, for one: no schema takes it.
    return undefined;
  }
}

export interface WorkspaceToken {
  /** Whom the token says it is for; null where it does not. */
  subject: string | null;
  subjectToken: SubjectToken;
}

/**
 * @param workspaceId the workspace's own number, null where it is not known
 * @throws AppError ID_TOKEN_REJECTED with the broken rule as its reason: 'iss', 'aud', 'azp', 'typ', 'exp', 'iat', 'sub'
 */
export function readWorkspaceToken(profile: Profile, answer: WorkspaceAnswer, workspaceId: string | null, now: EpochMs): WorkspaceToken {
  const { access_token: token, askedAt } = answer;
  const endsBy = expiryFrom(askedAt, answer.expires_in);
  const claims = claimsOf(token);
  // Whoever issues tokens that only they can read says who the person is elsewhere.
  if (claims === null) return { subject: null, subjectToken: tokenOf(askedAt, endsBy, scopesOf(answer.scope)) };
  checkIssuer(claims, profile);
  checkAudience(claims, profile, workspaceId);
  checkClient(claims, profile);
  const { iat, exp } = checkTimes(claims, profile, now);
  const scopes = [...scopesOf(answer.scope), ...scopesOf(claims['scope']), ...scopesOf(claims['scp'])];
  const expiresAt = Math.min(endsBy, exp ?? endsBy) as EpochMs;
  return { subject: subjectOf(claims), subjectToken: tokenOf(iat ?? askedAt, expiresAt, scopes) };

  function tokenOf(issuedAt: EpochMs, expiresAt: EpochMs, scopes: readonly string[]): SubjectToken {
    // An answer that names none gave what was asked for (RFC 6749 section 5.1).
    const authorised = scopes.length === 0 ? profile.idp.scopes : scopes;
    return { jwt: new Secret(token), issuedAt, expiresAt, scopes: [...new Set(authorised)].sort() };
  }
}

/** null: the token is opaque. */
function claimsOf(token: string): JWTPayload | null {
  if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return null;
  let typ: unknown;
  let claims: JWTPayload;
  try {
    ({ typ } = decodeProtectedHeader(token));
    claims = decodeJwt(token);
  } catch (error) {
    return reject('form', error);
  }
  // check: workspace-token-typ
  if (typ !== undefined && !['at+jwt', 'jwt'].includes(String(typ).toLowerCase())) reject('typ');
  // end check
  return claims;
}

const originOf = (address: unknown): string | undefined =>
  typeof address === 'string' && URL.canParse(address) ? new URL(address).origin : undefined;

function checkIssuer({ iss }: JWTPayload, { idp }: Profile): void {
  // check: workspace-token-iss
  if (originOf(iss) !== new URL(idp.issuer).origin) reject('iss');
  // end check
}

/** Seen so far: the number of the workspace. An address of the workspace would be right, too; where neither is known to be, only a number can. */
function checkAudience({ aud }: JWTPayload, { idp }: Profile, workspaceId: string | null): void {
  const isOurs = (audience: string): boolean =>
    originOf(audience) === new URL(idp.issuer).origin || (workspaceId === null ? /^\d+$/.test(audience) : audience === workspaceId);
  const audiences = [aud ?? []].flat();
  // check: workspace-token-aud
  if (audiences.length === 0 || !audiences.every(isOurs)) reject('aud');
  // end check
}

function checkClient(claims: JWTPayload, { idp }: Profile): void {
  // check: workspace-token-client
  if (claims['client_id'] !== undefined && claims['client_id'] !== idp.clientId) reject('azp');
  // end check
}

const YEAR_10000 = 253_402_300_800;

function checkTimes({ iat, exp }: JWTPayload, { idp }: Profile, now: EpochMs): { iat: EpochMs | null; exp: EpochMs | null } {
  // Beyond that, time is no date any more: whatever counts with it would fail far from here.
  // check: workspace-token-dates
  if ([iat, exp].some((value) => typeof value === 'number' && !(value >= 0 && value < YEAR_10000))) reject('exp');
  // end check
  const [issuedAt, expiresAt] = [iat, exp].map((value) => (typeof value === 'number' ? fromNumericDate(value) : null));
  // check: workspace-token-exp
  if (expiresAt != null && expiresAt <= now - idp.clockTolerance) reject('exp');
  // end check
  // check: workspace-token-iat
  if (issuedAt != null && issuedAt > now + idp.clockTolerance) reject('iat');
  // end check
  return { iat: issuedAt ?? null, exp: expiresAt ?? null };
}

function subjectOf({ sub }: JWTPayload): string | null {
  if (sub === undefined) return null;
  // check: workspace-token-sub
  if (typeof sub !== 'string' || !isUsername(sub)) reject('sub');
  // end check
  return sub;
}

/** A name that can be shown and compared. */
export const isUsername = (name: string): boolean => name.trim() !== '' && name.length <= 320 && !/\p{Cc}/u.test(name);

function scopesOf(value: unknown): string[] {
  const texts = [value].flat().filter((item) => typeof item === 'string');
  return texts.flatMap((text) => text.split(' ')).filter((word) => word !== '');
}
