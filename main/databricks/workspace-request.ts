/**
 * One HTTP request to a workspace and its whole answer, within bounds of time and size. It follows no redirect, so nothing that
 * is sent to a workspace ever reaches another host, and it judges no answer: that is for those who asked.
 */
import { AppError } from '../app-error.ts';
import type { Clock } from '../ports.ts';
import type { Secret } from '../secret.ts';
import { type EpochMs, type Ms, ms, seconds } from '../units.ts';

export interface Answer {
  status: number;
  /** The body where it is JSON and said so, else undefined. */
  json: unknown;
  /** What the body called itself, for telling a login page from an API. */
  html: boolean;
  /** The body as it came. It may tell refusals apart and goes nowhere: whoever stands in between can write it. */
  text?: string;
  /** The clock of the other side (RFC 9110 section 6.6.1), null when it does not say. */
  serverTime: EpochMs | null;
  /** What it asks us to wait (RFC 9110 section 10.2.3), null when it does not. */
  retryAfter: Ms | null;
  /** When the request was sent: relative lifetimes count from here at the latest. */
  sentAt: EpochMs;
}

export interface WorkspaceRequest {
  url: URL;
  userAgent: string;
  /** Makes it a POST. */
  form?: URLSearchParams;
  /** Makes it a POST, too. */
  body?: Readonly<Record<string, unknown>>;
  /** Goes along as what proves who asks. */
  bearer?: Secret;
  /** Instead of it: what proves a client (RFC 7617). Neither part may hold what RFC 6749 section 2.3.1 would encode. */
  basic?: { user: string; password: Secret };
  /** Ends the request early. */
  signal?: AbortSignal;
  timeout: Ms;
}

/** Real answers have 1 to 3 KiB. */
const LARGEST_BODY = 64 * 1024;

/**
 * @throws AppError WORKSPACE_UNREACHABLE: no answer in time, or the connection broke (`reason` 'timeout', 'reset', 'dns', 'refused', 'network')
 * @throws AppError WORKSPACE_TLS: the certificate is not trusted, or TLS could not be agreed on
 * @throws AppError of `beforeSending`: what stands between us and the workspace did not let the request out
 * @throws AppError WORKSPACE_ANSWER_INVALID: the answer is larger than any real one (`reason` 'size')
 */
export async function askWorkspace(parts: { clock: Clock; fetch: typeof globalThis.fetch }, request: WorkspaceRequest): Promise<Answer> {
  const { clock } = parts;
  const abort = new AbortController();
  const cancelTimer = clock.after(request.timeout, () => abort.abort());
  const sentAt = clock.now();
  try {
    const signal = request.signal === undefined ? abort.signal : AbortSignal.any([abort.signal, request.signal]);
    const response = await parts.fetch(request.url, { ...requestOf(request), signal });
    const text = await readBody(response);
    return { status: response.status, text, ...parsed(response, text), ...times(response.headers, clock.now()), sentAt };
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw networkFailure(error, request.url, abort.signal.aborted);
  } finally {
    cancelTimer();
  }
}

function requestOf({ userAgent, form, body, bearer, basic }: WorkspaceRequest): RequestInit {
  // Requests are rare, and a pooled connection that a sleeping laptop left behind only dies after a long silence.
  const headers: Record<string, string> = { accept: 'application/json', 'user-agent': userAgent, connection: 'close' };
  const init: RequestInit = { method: 'GET', headers };
  if (form) {
    init.method = 'POST';
    init.body = form.toString();
    headers['content-type'] = 'application/x-www-form-urlencoded';
  }
  if (body) {
    init.method = 'POST';
    init.body = JSON.stringify(body);
    headers['content-type'] = 'application/json';
  }
  if (bearer) headers['authorization'] = `Bearer ${bearer.reveal()}`;
  if (basic) headers['authorization'] = `Basic ${Buffer.from(`${basic.user}:${basic.password.reveal()}`).toString('base64')}`;
  // check: no-redirects
  // A 307 would carry the identity token on to wherever the answer points.
  init.redirect = 'manual';
  // end check
  return init;
}

async function readBody(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    // check: answer-size
    if (size > LARGEST_BODY) throw new AppError('WORKSPACE_ANSWER_INVALID', { reason: 'size' });
    // end check
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parsed(response: Response, text: string): Pick<Answer, 'json' | 'html'> {
  const type = response.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase() ?? '';
  const html = type === 'text/html' || /^\s*<(!doctype|html)/i.test(text);
  if (!/^application\/([a-z0-9.-]+\+)?json$/.test(type)) return { json: undefined, html };
  try {
    return { json: JSON.parse(text), html: false };
  } catch {
    return { json: undefined, html };
  }
}

function times(headers: Headers, now: EpochMs): Pick<Answer, 'serverTime' | 'retryAfter'> {
  const serverTime = httpDate(headers.get('date'));
  const after = headers.get('retry-after')?.trim() ?? '';
  if (/^\d{1,6}$/.test(after)) return { serverTime, retryAfter: seconds(Number(after)) };
  const moment = httpDate(after);
  return { serverTime, retryAfter: moment === null ? null : ms(Math.max(0, moment - (serverTime ?? now))) };
}

/** Date.parse takes far more than HTTP dates, so the shape is checked first. */
function httpDate(text: string | null): EpochMs | null {
  const moment =
    text !== null && /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(moment) ? null : (moment as EpochMs);
}

/** Certificate verification errors of OpenSSL as Node names them, and the one Node adds for host names. */
const certificateErrors = new Set([
  ...[
    'CERT_HAS_EXPIRED',
    'CERT_NOT_YET_VALID',
    'CERT_REVOKED',
    'CERT_UNTRUSTED',
    'CERT_REJECTED',
    'CERT_SIGNATURE_FAILURE',
    'CERT_CHAIN_TOO_LONG',
  ],
  ...['DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'UNABLE_TO_GET_ISSUER_CERT'],
  ...['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'HOSTNAME_MISMATCH', 'INVALID_CA', 'INVALID_PURPOSE', 'PATH_LENGTH_EXCEEDED'],
  ...['ERR_TLS_CERT_ALTNAME_INVALID', 'ERR_TLS_CERT_ALTNAME_FORMAT', 'UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY', 'UNABLE_TO_GET_CRL'],
]);

const connectionReasons: Readonly<Record<string, string>> = {
  ...{ ECONNRESET: 'reset', EPIPE: 'reset', UND_ERR_SOCKET: 'reset', ECONNREFUSED: 'refused' },
  ...{ ENOTFOUND: 'dns', EAI_AGAIN: 'dns', EAI_FAIL: 'dns', ETIMEDOUT: 'timeout', UND_ERR_CONNECT_TIMEOUT: 'timeout' },
};

function networkFailure(error: unknown, url: URL, timedOut: boolean): AppError {
  const detail = `The host is ${url.host}.`;
  if (timedOut) return new AppError('WORKSPACE_UNREACHABLE', { reason: 'timeout', detail, cause: error });
  const codes = [...errorCodes(error)];
  if (codes.some((code) => certificateErrors.has(code)))
    return new AppError('WORKSPACE_TLS', { reason: 'certificate', detail, cause: error });
  if (codes.some((code) => code.startsWith('ERR_SSL_')))
    return new AppError('WORKSPACE_TLS', {
      reason: 'handshake',
      detail: `${detail} TLS could not be agreed on; does it speak https?`,
      cause: error,
    });
  const reason = codes.map((code) => connectionReasons[code]).find((found) => found !== undefined) ?? 'network';
  return new AppError('WORKSPACE_UNREACHABLE', { reason, detail, cause: error });
}

/** fetch hides the reason below `cause`, and below `errors` when it tried several addresses. */
function* errorCodes(error: unknown, depth = 0): Generator<string> {
  if (depth > 5 || typeof error !== 'object' || error === null) return;
  if ('code' in error && typeof error.code === 'string') yield error.code;
  if ('cause' in error) yield* errorCodes(error.cause, depth + 1);
  if ('errors' in error && Array.isArray(error.errors)) for (const inner of error.errors) yield* errorCodes(inner, depth + 1);
}
