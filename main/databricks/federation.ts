/**
 * The federation strategy: exchanges the identity provider's JWT for a Databricks token with exactly the scopes asked for
 * (RFC 8693). The JWT goes to the workspace's own token endpoint and nowhere else, and no client id goes with it: one would select
 * the policy of a service principal and lose who the person is.
 */
import { AppError } from '../app-error.ts';
import type { SubjectToken } from '../idp/signed-in.ts';
import type { Clock, Log } from '../ports.ts';
import type { Profile } from '../profile/profile.ts';
import { type EpochMs, type Ms, ms, seconds } from '../units.ts';
import { version } from '../version.ts';
import { readExchangeAnswer } from './exchange-answer.ts';
import { createExchangeEndpoints } from './exchange-endpoint.ts';
import { explainRefusal } from './explain.ts';
import { inTime } from './in-time.ts';
import type { ExchangedToken } from './minted-token.ts';
import type { Attempt } from './retry.ts';
import type { SourceRequest, TokenSource } from './token-source.ts';
import { type Answer, askWorkspace } from './workspace-request.ts';

type ExchangeRequest = SourceRequest & { subject: SubjectToken };

/** One try; stock SDKs wait 10 s in all. */
const EXCHANGE_LIMIT = seconds(10);

const grantType = 'urn:ietf:params:oauth:grant-type:token-exchange';
const subjectTokenType = 'urn:ietf:params:oauth:token-type:jwt';

/** What the exchange itself may take off the life of the subject token. */
const EXCHANGE_MARGIN = seconds(2);
/** The session bounds its own requests; this only keeps one that does not from blocking a token for ever. */
const SUBJECT_TOKEN_LIMIT = seconds(60);

export interface FederationParts {
  profile: Profile;
  clock: Clock;
  fetch: typeof globalThis.fetch;
  log: Log;
  /** The identity provider's JWT with more than half of its life and more than `needs.life` left. */
  subjectToken: (needs: { life: Ms }) => Promise<SubjectToken>;
}

export function createFederation(parts: FederationParts): TokenSource {
  const { profile, clock } = parts;
  const endpoints = createExchangeEndpoints(parts);

  async function post({ workspace, scopes, subject, requestId }: ExchangeRequest): Promise<Answer> {
    const userAgent = `lakepass/${version} rid/${requestId}`;
    const url = await endpoints.of(workspace, userAgent);
    const form = new URLSearchParams({
      grant_type: grantType,
      subject_token: subject.jwt.reveal(),
      subject_token_type: subjectTokenType,
      scope: scopes.join(' '),
    });
    return askWorkspace(parts, { url, userAgent, form, timeout: EXCHANGE_LIMIT });
  }

  function judge(answer: Answer, request: ExchangeRequest, now: EpochMs): Attempt<ExchangedToken> {
    const { workspace, scopes, subject } = request;
    if (answer.status === 429 || answer.status >= 500) {
      const error = new AppError('WORKSPACE_BUSY', { reason: String(answer.status) });
      return { ok: false, error, retry: { notBefore: answer.retryAfter } };
    }
    if (answer.status === 404) endpoints.forget(workspace);
    if (answer.status !== 200) return { ok: false, error: explainRefusal(answer, { profile, workspace, subject }, now), retry: 'never' };
    const expected = { scopes, subjectExpiresAt: subject.expiresAt, tolerance: profile.idp.clockTolerance };
    return { ok: true, value: readExchangeAnswer(answer, expected, now) };
  }

  async function exchange(request: ExchangeRequest): Promise<Attempt<ExchangedToken>> {
    try {
      return judge(await post(request), request, clock.now());
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return { ok: false, error, retry: error.code === 'WORKSPACE_UNREACHABLE' ? { notBefore: null } : 'never' };
    }
  }

  return {
    async obtain(request) {
      const needs = { life: ms(profile.limits.minTokenLife + EXCHANGE_MARGIN) };
      const subject = await inTime(clock, parts.subjectToken(needs), SUBJECT_TOKEN_LIMIT, () => new AppError('ISSUER_UNREACHABLE'));
      request.requireWanted();
      const asked = clock.elapsed();
      const outcome = await exchange({ ...request, subject });
      return outcome.ok ? { ok: true, value: { token: outcome.value, tookMs: Math.round(clock.elapsed() - asked) } } : outcome;
    },
  };
}
