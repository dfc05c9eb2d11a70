/**
 * Judges the token a workspace gives (RFC 6749 section 5.1, RFC 8693 section 2.2.1). A token that says or shows more than was
 * asked for is thrown away here; nobody ever gets to use it.
 */
import { z } from 'zod';
import { AppError } from '../app-error.ts';
import { Secret } from '../secret.ts';
import { type EpochMs, expiryFrom, type Ms, ms, remaining, seconds } from '../units.ts';
import { clockSkew, isSkewed } from './explain.ts';
import { scopeWords, unverifiedClaims } from './jwt-claims.ts';
import type { ExchangedToken } from './minted-token.ts';
import type { Answer } from './workspace-request.ts';

/** Lifetimes arrive as numbers; a server of Databricks' own tests sends them as digits in a string. */
const tokenAnswer = z.object({
  access_token: z.string().min(1).max(16_384),
  token_type: z.string(),
  expires_in: z.union([
    z.int(),
    z
      .string()
      .regex(/^\d{1,9}$/)
      .transform(Number),
  ]),
  scope: z.union([z.string(), z.array(z.string())]).optional(),
});

export interface Expected {
  /** Sorted, without duplicates. */
  scopes: readonly string[];
  subjectExpiresAt: EpochMs;
  /** How far the clocks of the identity provider and the workspace may differ. */
  tolerance: Ms;
}

/**
 * The token in a 200 answer, once it is shown to be what was asked for.
 *
 * An answer without `scope` means "exactly what you asked for" (RFC 6749 section 5.1), so it is taken as that. Where the token is a
 * JWT its own scope claim is read as well; it can lead to a refusal only.
 *
 * @param now our clock when the answer came
 * @throws AppError SCOPE_NOT_NARROWED: wider than asked (`reason` 'answer', 'token')
 * @throws AppError EXCHANGE_SCOPE_REFUSED: a token without any scope
 * @throws AppError WORKSPACE_ANSWER_INVALID: anything else that is not right (`reason` 'html', 'not-json', 'shape', 'token_type', 'expires_in', 'access_token')
 * @throws AppError CLOCK_SKEW: a lifetime that cannot be, while the clocks differ
 */
export function readExchangeAnswer(answer: Answer, expected: Expected, now: EpochMs): ExchangedToken {
  if (answer.json === undefined) throw invalid(answer.html ? 'html' : 'not-json');
  const parsed = tokenAnswer.safeParse(answer.json);
  if (!parsed.success) throw invalid('shape');
  const { access_token: token, token_type: type, expires_in: expiresIn, scope } = parsed.data;
  // check: token-type
  if (type.toLowerCase() !== 'bearer') throw invalid('token_type');
  // end check
  requireTokenCharacters(token);
  requireSaneLifetime(seconds(expiresIn), answer, expected, now);
  const scopes = requireNarrowScopes(token, scope, expected.scopes);
  return { token: new Secret(token), scopes, mintedAt: answer.sentAt, expiresAt: expiryFrom(answer.sentAt, expiresIn) };
}

/** RFC 6750 section 2.1, b64token: anything else could break out of the header it is put into. */
function requireTokenCharacters(token: string): void {
  // check: token-characters
  if (!/^[A-Za-z0-9._~+/-]+=*$/.test(token)) throw invalid('access_token');
  // end check
}

/** Databricks copies the end of the subject token, so no token outlives it by more than clocks differ. */
function requireSaneLifetime(life: Ms, answer: Answer, expected: Expected, now: EpochMs): void {
  const longest = ms(remaining(expected.subjectExpiresAt, answer.sentAt) + expected.tolerance);
  // check: expires-in
  if (life <= 0 || life > longest) {
    if (answer.serverTime !== null && isSkewed(answer.serverTime, now)) throw clockSkew(answer.serverTime, now);
    throw invalid('expires_in');
  }
  // end check
}

function requireNarrowScopes(token: string, answered: string | string[] | undefined, asked: readonly string[]): readonly string[] {
  const granted = answered === undefined ? [...asked] : [...new Set(scopeWords(answered))].sort();
  // check: scope-not-narrowed
  if (isWider(granted, asked)) throw new AppError('SCOPE_NOT_NARROWED', { reason: 'answer' });
  // end check
  const claims = unverifiedClaims(token);
  // check: scope-claim-not-narrowed
  if (isWider([...scopeWords(claims.scope), ...scopeWords(claims.scp)], asked))
    throw new AppError('SCOPE_NOT_NARROWED', { reason: 'token' });
  // end check
  // check: scope-none-granted
  if (granted.length === 0) throw new AppError('EXCHANGE_SCOPE_REFUSED', { reason: 'none-granted' });
  // end check
  return granted;
}

const isWider = (given: readonly string[], asked: readonly string[]): boolean => given.some((scope) => !asked.includes(scope));

const invalid = (reason: string): AppError => new AppError('WORKSPACE_ANSWER_INVALID', { reason });
