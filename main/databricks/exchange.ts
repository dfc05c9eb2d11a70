/**
 * Exchanges a JWT for a Databricks token with exactly the scopes asked for (RFC 8693), a person's or a workload's. The JWT goes to the
 * workspace's own token endpoint and nowhere else. A client id goes with it only where the token is to act as a service principal: it
 * selects that principal's federation policy instead of the account's, and loses who the person is.
 */
import { AppError } from '../app-error.ts';
import type { SubjectToken } from '../idp/signed-in.ts';
import type { Clock, Log } from '../ports.ts';
import type { TokenOwner } from '../profile/profile.ts';
import { type EpochMs, type Ms, ms, seconds } from '../units.ts';
import { userAgentOf } from '../user-agent.ts';
import { accountOf, busy, failedAttempt, TOKEN_LIMIT } from './attempts.ts';
import { readExchangeAnswer } from './exchange-answer.ts';
import { createExchangeEndpoints } from './exchange-endpoint.ts';
import { type Asked, explainRefusal } from './explain.ts';
import { inTime } from './in-time.ts';
import type { ExchangedToken } from './minted-token.ts';
import type { Attempt } from './retry.ts';
import type { SourceRequest, TokenSource } from './token-source.ts';
import { type Answer, askWorkspace } from './workspace-request.ts';

/** `clientId` null: the token acts as whom the JWT names. */
type ExchangeRequest = SourceRequest & { subject: SubjectToken; clientId: string | null };

const grantType = 'urn:ietf:params:oauth:grant-type:token-exchange';
const subjectTokenType = 'urn:ietf:params:oauth:token-type:jwt';

/** What the exchange itself may take off the life of the subject token. */
const EXCHANGE_MARGIN = seconds(2);
/** The session bounds its own requests; this only keeps one that does not from blocking a token for ever. */
const SUBJECT_TOKEN_LIMIT = seconds(60);

export interface ExchangeParts {
  owner: TokenOwner;
  clock: Clock;
  fetch: typeof globalThis.fetch;
  log: Log;
  /** How far the clocks of the issuer and the workspace may differ. */
  tolerance: Ms;
  /** The JWT, with more than `needs.life` left. */
  subjectToken: (needs: { life: Ms }) => Promise<SubjectToken>;
  /** Asked once the JWT is there. @throws AppError: nothing is sent */
  clientId: () => string | null;
  /** What our token says of itself, for explaining why it was refused. */
  described: (token: SubjectToken) => Pick<Asked, 'issuer' | 'audience'>;
}

export function createExchange(parts: ExchangeParts): TokenSource {
  const { owner, clock } = parts;
  const endpoints = createExchangeEndpoints(parts);

  async function post(request: ExchangeRequest): Promise<Answer> {
    const { workspace, scopes, subject, clientId } = request;
    const userAgent = userAgentOf(request);
    const url = await endpoints.of(workspace, userAgent, accountOf(owner, workspace));
    const form = new URLSearchParams({
      grant_type: grantType,
      subject_token: subject.jwt.reveal(),
      subject_token_type: subjectTokenType,
      scope: scopes.join(' '),
      ...(clientId === null ? {} : { client_id: clientId }),
    });
    return askWorkspace(parts, { url, userAgent, form, timeout: TOKEN_LIMIT });
  }

  function judge(answer: Answer, request: ExchangeRequest, now: EpochMs): Attempt<ExchangedToken> {
    const { workspace, scopes, subject, clientId } = request;
    const later = busy(answer);
    if (later !== undefined) return later;
    if (answer.status === 404) endpoints.forget(workspace);
    if (answer.status !== 200) {
      const asked = { workspace, clientId, ...parts.described(subject) };
      return { ok: false, error: explainRefusal(answer, asked, now), retry: 'never' };
    }
    const token = readExchangeAnswer(answer, { scopes, subjectExpiresAt: subject.expiresAt, tolerance: parts.tolerance }, now);
    return { ok: true, value: clientId === null ? token : { ...token, actsAs: clientId } };
  }

  async function exchange(request: ExchangeRequest): Promise<Attempt<ExchangedToken>> {
    try {
      return judge(await post(request), request, clock.now());
    } catch (error) {
      return failedAttempt(error);
    }
  }

  return {
    async obtain(request) {
      const needs = { life: ms(owner.limits.minTokenLife + EXCHANGE_MARGIN) };
      const subject = await inTime(clock, parts.subjectToken(needs), SUBJECT_TOKEN_LIMIT, () => new AppError('ISSUER_UNREACHABLE'));
      request.requireWanted();
      const clientId = parts.clientId();
      const asked = clock.elapsed();
      const outcome = await exchange({ ...request, subject, clientId });
      return outcome.ok ? { ok: true, value: { token: outcome.value, tookMs: Math.round(clock.elapsed() - asked) } } : outcome;
    },
  };
}
