/**
 * The client credentials strategy: a service principal of its own, without any person, proves itself by its secret (RFC 6749 section 4.4)
 * and gets a token with exactly the scopes asked for. The secret goes to the token endpoint of the host it was given for, in the header
 * for it, and nowhere else.
 */
import { z } from 'zod';
import { AppError } from '../app-error.ts';
import type { Clock, Log } from '../ports.ts';
import type { TokenOwner } from '../profile/profile.ts';
import type { Secret } from '../secret.ts';
import { type EpochMs, hours, later, seconds } from '../units.ts';
import { userAgentOf } from '../user-agent.ts';
import { accountOf, busy, failedAttempt, TOKEN_LIMIT } from './attempts.ts';
import { readExchangeAnswer } from './exchange-answer.ts';
import { createExchangeEndpoints } from './exchange-endpoint.ts';
import { notTheEndpoint } from './explain.ts';
import type { ExchangedToken } from './minted-token.ts';
import type { Attempt } from './retry.ts';
import type { SourceRequest, TokenSource } from './token-source.ts';
import { type Answer, askWorkspace } from './workspace-request.ts';

/** Databricks gives an hour; an answer that promises days is not one of Databricks. */
const LONGEST_LIFE = hours(24);

export interface ClientCredentialsParts {
  owner: TokenOwner;
  clientId: string;
  clock: Clock;
  fetch: typeof globalThis.fetch;
  log: Log;
  /** The secret, if it was given for this origin. @throws AppError PRINCIPAL_SECRET_NEEDED | LOCKED */
  secret: (origin: string) => Secret;
}

/** Codes of a failed attempt, beside those of every source: PRINCIPAL_REFUSED | EXCHANGE_SCOPE_REFUSED. */
export function createClientCredentials(parts: ClientCredentialsParts): TokenSource {
  const { owner, clientId, clock } = parts;
  const endpoints = createExchangeEndpoints(parts);

  async function post(request: SourceRequest): Promise<Answer> {
    const { workspace, scopes, requireWanted } = request;
    const userAgent = userAgentOf(request);
    const url = await endpoints.of(workspace, userAgent, accountOf(owner, workspace));
    requireWanted();
    const form = new URLSearchParams({ grant_type: 'client_credentials', scope: scopes.join(' ') });
    const basic = { user: clientId, password: parts.secret(workspace) };
    return askWorkspace(parts, { url, userAgent, form, basic, timeout: TOKEN_LIMIT });
  }

  function judge(answer: Answer, { workspace, scopes }: SourceRequest, now: EpochMs): Attempt<ExchangedToken> {
    const tryLater = busy(answer);
    if (tryLater !== undefined) return tryLater;
    if (answer.status === 404) endpoints.forget(workspace);
    if (answer.status !== 200) return { ok: false, error: explainRefusal(answer, { workspace, clientId }), retry: 'never' };
    const expected = { scopes, subjectExpiresAt: later(answer.sentAt, LONGEST_LIFE), tolerance: seconds(0) };
    return { ok: true, value: { ...readExchangeAnswer(answer, expected, now), actsAs: clientId } };
  }

  return {
    async obtain(request) {
      const asked = clock.elapsed();
      const outcome = await post(request)
        .then((answer) => judge(answer, request, clock.now()))
        .catch(failedAttempt);
      return outcome.ok ? { ok: true, value: { token: outcome.value, tookMs: Math.round(clock.elapsed() - asked) } } : outcome;
    },
  };
}

const errorBody = z
  .object({ error: z.string(), errorCode: z.string(), error_code: z.union([z.string(), z.number()]) })
  .partial()
  .and(z.object({ error_description: z.string(), errorSummary: z.string(), message: z.string() }).partial());

/** Words in the service's text may choose between reasons; the text itself goes nowhere. */
function explainRefusal(answer: Answer, asked: { workspace: string; clientId: string }): AppError {
  const body = errorBody.safeParse(answer.json);
  if (answer.status < 400 || answer.status === 404 || answer.json === undefined || !body.success) return notTheEndpoint(answer, asked);
  const { data } = body;
  const error = data.error ?? data.errorCode ?? String(data.error_code ?? '');
  const text = data.error_description ?? data.message ?? data.errorSummary ?? '';
  if (error === 'invalid_scope' || error === 'access_denied')
    return new AppError('EXCHANGE_SCOPE_REFUSED', { reason: 'scope', detail: 'The secret may be bound to other scopes.' });
  if (/\bnot available in Databricks account\b/.test(text)) return refused('client', `The account does not know ${asked.clientId}.`);
  if (/\bexpired\b/i.test(text)) return refused('expired', 'Its secret has ended.');
  if (answer.status === 403 && /\bIP\b/.test(text))
    return refused('address', 'The workspace does not accept the network address you come from.');
  if (error === 'invalid_client' || answer.status === 401) return refused('secret', 'Its secret is wrong, or was deleted in the account.');
  if (error === 'unsupported_grant_type' || error === 'unauthorized_client')
    return refused('grant-type', 'It is not let in by a secret there.');
  return refused('other', 'No reason was given.');
}

const refused = (reason: string, detail: string): AppError => new AppError('PRINCIPAL_REFUSED', { reason, detail });
