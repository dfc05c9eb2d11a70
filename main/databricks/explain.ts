/**
 * Why a workspace refused an exchange, translated once. The service's texts are no contract: a word in them may choose between
 * codes, but the text itself goes nowhere, for whoever stands between us and the workspace can write it.
 */
import { z } from 'zod';
import { AppError } from '../app-error.ts';
import { type EpochMs, minutes } from '../units.ts';
import type { Answer } from './workspace-request.ts';

export interface Asked {
  workspace: string;
  /** Issuer and audience of the JWT that was to be exchanged. */
  issuer: string;
  audience: string;
  /** The service principal that the token was to act as; null: whom the JWT names. */
  clientId: string | null;
}

/** RFC 6749 section 5.2, and the shapes of Databricks' own APIs and of the identity providers it relays. */
const errorBody = z
  .object({
    error: z.string(),
    error_description: z.string(),
    error_code: z.union([z.string(), z.number()]),
    message: z.string(),
    errorCode: z.string(),
    errorSummary: z.string(),
  })
  .partial();

/** Beyond this the clocks, not the tokens, are the likelier fault. */
const SKEW_LIMIT = minutes(2);

/** True when the Date header of an answer shows another time than our clock, by more than two minutes. */
export const isSkewed = (serverTime: EpochMs | null, now: EpochMs): boolean =>
  serverTime !== null && Math.abs(serverTime - now) > SKEW_LIMIT;

export function clockSkew(serverTime: EpochMs, now: EpochMs, cause?: unknown): AppError {
  const minutesOff = Math.round(Math.abs(serverTime - now) / minutes(1));
  const side = serverTime > now ? 'behind' : 'ahead of';
  return new AppError('CLOCK_SKEW', { detail: `This machine is ${minutesOff} min ${side} the workspace.`, cause });
}

/**
 * The error behind an answer that is neither a token nor "come back later".
 *
 * @param now our clock when the answer came
 * @returns EXCHANGE_* | CLOCK_SKEW | WORKSPACE_ANSWER_INVALID
 */
export function explainRefusal(answer: Answer, asked: Asked, now: EpochMs): AppError {
  const body = errorBody.safeParse(answer.json);
  if (answer.status < 400 || answer.status === 404 || answer.json === undefined || !body.success) return notTheEndpoint(answer, asked);
  const error = body.data.error ?? body.data.errorCode ?? String(body.data.error_code ?? '');
  const text = body.data.error_description ?? body.data.message ?? body.data.errorSummary ?? '';
  const rule = rules.find(({ is }) => is(error, text, answer.status)) ?? otherwise;
  if (rule.mayBeTime && answer.serverTime !== null && isSkewed(answer.serverTime, now)) return clockSkew(answer.serverTime, now);
  const detail = [rule.detail?.(asked), principalSentence(rule, asked)].filter((text) => text !== undefined).join(' ') || undefined;
  return new AppError(rule.code, { reason: rule.reason, ...(detail === undefined ? {} : { detail }) });
}

interface Rule {
  is: (error: string, text: string, status: number) => boolean;
  code: 'EXCHANGE_WRONG_AUDIENCE' | 'EXCHANGE_WRONG_ISSUER' | 'EXCHANGE_UNKNOWN_USER' | 'EXCHANGE_SCOPE_REFUSED' | 'EXCHANGE_REFUSED';
  reason: string;
  detail?: (asked: Asked) => string;
  /** A wrong clock explains this refusal better than anything else would. */
  mayBeTime?: true;
}

/** First match wins. Where the service gives no reason (it was seen to say "Invalid credentials." and no more) we name the likely ones. */
const rules: readonly Rule[] = [
  { is: (error) => error === 'invalid_scope', code: 'EXCHANGE_SCOPE_REFUSED', reason: 'scope' },
  { is: (error, text) => error === 'access_denied' && /\bscopes?\b/i.test(text), code: 'EXCHANGE_SCOPE_REFUSED', reason: 'scope' },
  {
    is: (_error, text) => /\bexpired\b|\bnot yet valid\b|\bin the future\b/i.test(text),
    ...{ code: 'EXCHANGE_REFUSED', reason: 'expired', mayBeTime: true },
    detail: () => 'It holds the identity token for expired, or for not yet valid.',
  },
  {
    is: (_error, text) => /\bRS256\b|\bES256\b|\balgorithm\b/i.test(text),
    ...{ code: 'EXCHANGE_REFUSED', reason: 'algorithm' },
    detail: () =>
      'Databricks takes identity tokens signed with RS256 or ES256 only; the client at the identity provider must use one of them.',
  },
  {
    is: (_error, text) => /\bsignature\b|\bsigning keys?\b|\bjwks\b/i.test(text),
    ...{ code: 'EXCHANGE_REFUSED', reason: 'keys' },
    detail: ({ issuer }) => `It cannot check the signature: it must be able to read the keys of ${issuer}.`,
  },
  {
    is: (_error, text) => /\baudiences?\b|\baud\b/i.test(text),
    ...{ code: 'EXCHANGE_WRONG_AUDIENCE', reason: 'aud' },
    detail: (asked) => `The audience of our tokens is ${asked.audience}.`,
  },
  { is: (_error, text) => /\bissuer\b/i.test(text), code: 'EXCHANGE_WRONG_ISSUER', reason: 'iss', detail: issuerSentence },
  {
    is: (_error, text) => /\bsubject claim\b/i.test(text),
    ...{ code: 'EXCHANGE_UNKNOWN_USER', reason: 'subject-claim' },
    detail: () => 'The federation policy reads the user name from a claim that our token does not hold.',
  },
  { is: (_error, text) => /\b(users?|principal|subject)\b/i.test(text), code: 'EXCHANGE_UNKNOWN_USER', reason: 'user' },
  { is: (_error, text) => /\bpolic(y|ies)\b/i.test(text), code: 'EXCHANGE_WRONG_ISSUER', reason: 'policy', detail: issuerSentence },
  {
    is: (_error, text, status) => status === 403 && /\bIP\b/.test(text),
    ...{ code: 'EXCHANGE_REFUSED', reason: 'address' },
    detail: () => 'The workspace does not accept the network address you come from; connect to the VPN.',
  },
  {
    is: (error) => error === 'unsupported_grant_type',
    ...{ code: 'EXCHANGE_REFUSED', reason: 'grant-type' },
    detail: () => 'This workspace does not offer token federation.',
  },
  {
    is: (error, _text, status) => error === 'invalid_grant' && status === 400,
    ...{ code: 'EXCHANGE_REFUSED', reason: 'grant', mayBeTime: true },
    detail: (asked) => `It gives no reason; most often the policy does not list our audience, ${asked.audience}.`,
  },
  {
    is: (_error, _text, status) => status === 401,
    ...{ code: 'EXCHANGE_REFUSED', reason: 'credentials', mayBeTime: true },
    detail: (asked) =>
      `It gives no reason; most often the user is not in the account, or no policy names the issuer. ${issuerSentence(asked)}`,
  },
];

const otherwise: Rule = { is: () => true, code: 'EXCHANGE_REFUSED', reason: 'other', mayBeTime: true };

function issuerSentence({ issuer }: Asked): string {
  return `Our issuer is ${issuer} (${issuer.endsWith('/') ? 'with' : 'without'} a slash at the end).`;
}

/** With a client id it is the policies of that service principal that count, and each names one subject to the letter. */
function principalSentence({ code }: Pick<Rule, 'code'>, { clientId }: Asked): string | undefined {
  if (clientId === null || code === 'EXCHANGE_SCOPE_REFUSED') return undefined;
  return `It is a federation policy of the service principal ${clientId} that must name issuer, audience and subject to the letter.`;
}

/** What answered is not a token endpoint. */
export function notTheEndpoint({ status, html }: Answer, { workspace }: Pick<Asked, 'workspace'>): AppError {
  const { host } = new URL(workspace);
  if (status >= 300 && status < 400)
    return new AppError('WORKSPACE_ANSWER_INVALID', {
      reason: 'redirect',
      detail: `${host} sends us elsewhere, where no token is ever sent.`,
    });
  if (html) return new AppError('WORKSPACE_ANSWER_INVALID', { reason: 'html', detail: `${host} answered with a web page.` });
  if (status === 404) return new AppError('WORKSPACE_ANSWER_INVALID', { reason: 'not-found', detail: `${host} has no token endpoint.` });
  return new AppError('WORKSPACE_ANSWER_INVALID', { reason: 'not-json', detail: `${host} answered with status ${status}.` });
}
