/**
 * Every answer of a door, as bytes that are ready to leave. All but the metrics are JSON, and none may be cached, framed, sniffed or read by
 * a page of another origin. An answer that is not a success never holds anything of a token: two of the SDKs take a token from any
 * body, whatever the status.
 */
import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Failure, FailureCode } from '../../preload/contract/failure.ts';
import type { Secret } from '../secret.ts';

export interface Answer {
  status: number;
  /** Names and values in turn, as `writeHead` takes them. */
  headers: string[];
  /** ASCII text: Node then sends head and body in one write, and its length is its number of bytes. */
  body: string;
}

const hardened = [
  ...['Cache-Control', 'no-store'],
  ...['X-Content-Type-Options', 'nosniff'],
  ...['Content-Security-Policy', "default-src 'none'"],
  ...['Cross-Origin-Resource-Policy', 'same-origin'],
  ...['Referrer-Policy', 'no-referrer'],
];
const always = ['Content-Type', 'application/json', ...hardened];

/**
 * The statuses that are not 403 ("a person has to do something first").
 *
 * 404 stands only for an address that does not exist: the JavaScript SDK reads it as "not configured" and hides the reason. 504 and
 * 429 are never used: Go's SDK would try again on its own until its ten seconds are over, and then show a time-out in place of
 * our reason.
 */
const statuses: Partial<Record<FailureCode, number>> = {
  TARGET_REFUSED: 400,
  METRICS_TOKEN_WRONG: 401,
  VERSION_REFUSED: 400,
  INPUT_INVALID: 400,
  METHOD_REFUSED: 405,
  ROUTE_UNKNOWN: 404,
  ISSUER_UNREACHABLE: 503,
  WORKSPACE_UNREACHABLE: 503,
  PROXY_UNREACHABLE: 503,
  WORKSPACE_BUSY: 503,
  DEADLINE_PASSED: 503,
  DOOR_BUSY: 503,
  KEYCHAIN_LOCKED: 503,
  KEYCHAIN_MISSING: 503,
  KEYCHAIN_FAILED: 503,
  DISK_FULL: 503,
  AUDIT_UNWRITABLE: 503,
  WORKSPACE_ANSWER_INVALID: 502,
  WORKSPACE_TLS: 502,
  PROXY_REFUSED: 502,
  SERVER_UNTRUSTED: 502,
  CLIENT_CERTIFICATE_DEMANDED: 502,
  ISSUER_INVALID: 502,
  INTERNAL: 500,
};

export const statusOf = (code: FailureCode): number => statuses[code] ?? 403;

/** Go's SDK retries when it reads one of these anywhere in a body, digits inside a host name included. */
const retryWords = /throttled|too many requests|429|request limit exceeded|rate limit/i;

const escapeUnit = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;

export function jsonAnswer(status: number, value: unknown, extraHeaders: readonly string[] = []): Answer {
  const body = JSON.stringify(value).replace(/[^\x20-\x7e]/g, escapeUnit);
  return { status, headers: [...always, ...extraHeaders, 'Content-Length', String(body.length)], body };
}

/** Lines of text, each character that is not ASCII as a question mark. @param type its media type */
export function textAnswer(type: string, text: string): Answer {
  const body = text.replace(/[^\x20-\x7e\n]/g, '?');
  return { status: 200, headers: ['Content-Type', type, ...hardened, 'Content-Length', String(body.length)], body };
}

/** @param expiresOn epoch seconds; the Python SDK refuses text, Go's refuses fractions */
export const tokenAnswer = (token: Secret, expiresOn: number): Answer =>
  jsonAnswer(200, { access_token: token.reveal(), token_type: 'Bearer', expires_on: expiresOn });

export function failureAnswer(
  { code, cause, next, detail }: Pick<Failure, 'code' | 'cause' | 'next' | 'detail'>,
  status = statusOf(code),
): Answer {
  let message = detail === undefined ? cause : `${cause} ${detail}`;
  // check: no-retry-words
  if (retryWords.test(message)) message = cause;
  // end check
  return jsonAnswer(status, { error: code, message, next }, status === 405 ? ['Allow', 'GET'] : []);
}

/** To a client that was kept waiting the body alone: its head has left, and said 200. */
export function send(response: ServerResponse, { status, headers, body }: Answer): void {
  if (!response.headersSent) response.writeHead(status, headers);
  response.end(body, 'latin1');
}

/** A space ahead of the JSON text that will follow, behind the head where that has not left yet. */
export function sendSpace(response: ServerResponse): void {
  if (!response.headersSent) response.writeHead(200, always);
  response.write(' ', 'latin1');
}

/** The answer, and the end of the connection: for requests after which nothing more is read from the client. */
export function sendAndClose(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, [...headers, 'Connection', 'close']);
  response.end(body, 'latin1');
}

/** The same for a socket on which there is no request that Node could parse. */
export function rawAnswer({ status, headers, body }: Answer): string {
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`];
  for (let index = 0; index + 1 < headers.length; index += 2) lines.push(`${headers[index]}: ${headers[index + 1]}`);
  return `${lines.join('\r\n')}\r\nConnection: close\r\n\r\n${body}`;
}
