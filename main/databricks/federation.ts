/**
 * The federation strategy: exchanges the identity provider's JWT for a Databricks token with exactly the scopes asked for
 * (RFC 8693). The JWT goes to the workspace's own token endpoint and nowhere else, and no client id goes with it: one would select
 * the policy of a service principal and lose who the person is.
 */
import { AppError } from '../app-error.ts';
import type { SubjectToken } from '../idp/signed-in.ts';
import type { Clock, Log } from '../ports.ts';
import type { Profile } from '../profile/profile.ts';
import { type EpochMs, seconds } from '../units.ts';
import { version } from '../version.ts';
import { readExchangeAnswer } from './exchange-answer.ts';
import { createExchangeEndpoints } from './exchange-endpoint.ts';
import { explainRefusal } from './explain.ts';
import type { ExchangedToken } from './minted-token.ts';
import type { Attempt } from './retry.ts';
import { type Answer, askWorkspace } from './workspace-request.ts';

export interface ExchangeRequest {
  /** Origin of a workspace of the profile. */
  workspace: string;
  /** Sorted, without duplicates, not empty. */
  scopes: readonly string[];
  subject: SubjectToken;
  /** Lower-case hex; ties our audit record to the log line of the workspace. */
  requestId: string;
}

export interface Federation {
  /**
   * One exchange. The outcome says whether and when another try makes sense.
   *
   * Codes of a failed one: WORKSPACE_UNREACHABLE | WORKSPACE_BUSY (worth another try), WORKSPACE_TLS | WORKSPACE_ANSWER_INVALID |
   * SCOPE_NOT_NARROWED | EXCHANGE_* | CLOCK_SKEW.
   */
  exchange(request: ExchangeRequest): Promise<Attempt<ExchangedToken>>;
}

/** One try; stock SDKs wait 10 s in all. */
const EXCHANGE_LIMIT = seconds(10);

const grantType = 'urn:ietf:params:oauth:grant-type:token-exchange';
const subjectTokenType = 'urn:ietf:params:oauth:token-type:jwt';

export function createFederation(parts: { profile: Profile; clock: Clock; fetch: typeof globalThis.fetch; log: Log }): Federation {
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

  return {
    async exchange(request) {
      try {
        return judge(await post(request), request, clock.now());
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        return { ok: false, error, retry: error.code === 'WORKSPACE_UNREACHABLE' ? { notBefore: null } : 'never' };
      }
    },
  };
}
