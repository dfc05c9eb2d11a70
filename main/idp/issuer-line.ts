/**
 * The one way to speak to the identity provider: the fetch port with limits around it.
 *
 * No redirect is followed, no answer is read without end, nobody is waited for without end. A provider that is down (no
 * answer, 5xx, 429) is ISSUER_UNREACHABLE whatever was asked; what it says otherwise is for the caller to judge.
 */
import { AppError } from '../app-error.ts';
import type { Clock } from '../ports.ts';
import { type Ms, ms, seconds } from '../units.ts';
import { userAgentOf } from '../user-agent.ts';

export interface IssuerLine {
  /**
   * One request, its whole answer read.
   *
   * @throws AppError ISSUER_UNREACHABLE: reason 'unsent' when the request cannot have arrived, 'answered' when the provider itself
   *   said 429, 500 or 503, else 'sent'
   * @throws AppError ISSUER_INVALID: reason 'redirect'
   * @throws AppError of `beforeSending`: what stands between us and the provider did not let the request out
   */
  request(url: string, init: RequestInit): Promise<Response>;
  /** The same line, whose requests name the record of the audit log that tells of them. */
  as(requestId: string | undefined): IssuerLine;
  /** How far this machine's clock is ahead of the provider's (negative: behind), by its last fresh Date header; null before one. */
  clockAhead(): Ms | null;
}

const TIME_LIMIT = seconds(10);
const SIZE_LIMIT = 1024 * 1024;
const withoutBody = new Set([101, 204, 205, 304]);

export function openIssuerLine({ fetch, clock }: { fetch: typeof globalThis.fetch; clock: Clock }): IssuerLine {
  let ahead: Ms | null = null;

  /** A cached GET carries the date it was cached at, so only answers to POST count. */
  const noteDate = (init: RequestInit, response: Response) => {
    const date = Date.parse(response.headers.get('date') ?? '');
    if (init.method === 'POST' && Number.isFinite(date)) ahead = ms(clock.now() - date);
  };

  const lineAs = (requestId: string | undefined): IssuerLine => ({
    as: lineAs,
    clockAhead: () => ahead,
    async request(url, init) {
      const late = new AbortController();
      const stop = clock.after(TIME_LIMIT, () => late.abort());
      try {
        const signal = AbortSignal.any([late.signal, ...(init.signal ? [init.signal] : [])]);
        const headers = new Headers(init.headers);
        headers.set('user-agent', userAgentOf({ requestId }));
        const response = await fetch(url, { ...init, headers, redirect: 'manual', signal });
        noteDate(init, response);
        return await readWhole(response);
      } catch (error) {
        // An answer that nobody reads to its end would keep its connection for as long as the provider likes.
        // check: issuer-line-closed
        late.abort();
        // end check
        throw error instanceof AppError ? error : unreachable(neverLeft(error) ? 'unsent' : 'sent', error);
      } finally {
        stop();
      }
    },
  });
  return lineAs(undefined);
}

async function readWhole(response: Response): Promise<Response> {
  const { status, statusText, headers } = response;
  const isRedirect = response.type === 'opaqueredirect' || (status >= 300 && status < 400 && status !== 304);
  // check: issuer-redirect
  if (isRedirect)
    throw new AppError('ISSUER_INVALID', { reason: 'redirect', detail: 'It answered with a redirect, which is never followed.' });
  // end check
  if (status >= 500 || status === 429)
    throw unreachable(ownTrouble.has(status) ? 'answered' : 'sent', undefined, `It answered with status ${status}.`);
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    size += part.length;
    // check: issuer-answer-size
    if (size > SIZE_LIMIT) throw unreachable('sent', undefined, 'Its answer has no end.');
    // end check
    parts.push(part);
  }
  return new Response(withoutBody.has(status) ? null : Buffer.concat(parts), { status, statusText, headers });
}

/** What a provider says of itself; a gateway in front of it says 502 or 504 and does not know what became of the request. */
const ownTrouble = new Set([429, 500, 503]);

const unreachable = (reason: 'sent' | 'unsent' | 'answered', cause?: unknown, detail?: string) =>
  new AppError('ISSUER_UNREACHABLE', { reason, ...(detail ? { detail } : {}), ...(cause === undefined ? {} : { cause }) });

/** Failures before the first byte of a request is written: names, routes, connections, certificates. */
const beforeSending =
  /^(?:NOT_CONNECTED|ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ENETUNREACH|ENETDOWN|EHOSTUNREACH|EHOSTDOWN|UND_ERR_CONNECT_TIMEOUT|CERT_.*|ERR_TLS_CERT_.*|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_.*)$/;

/** Whether a failed fetch shows that nothing was sent. In doubt it says no: a refresh token may then have been used. */
function neverLeft(error: unknown): boolean {
  for (let inner: unknown = error, depth = 0; inner instanceof Error && depth < 5; inner = inner.cause, depth++) {
    if (inner instanceof AggregateError && inner.errors.length > 0) return inner.errors.every(neverLeft);
    const { code } = inner as NodeJS.ErrnoException;
    if (code && beforeSending.test(code)) return true;
  }
  return false;
}
