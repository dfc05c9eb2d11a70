/**
 * The headers of what this door sends. A page may load what lies beside it and speak to its own origin; it may not be framed, cached,
 * sniffed or read from elsewhere, and no text can become script in it.
 */
import type { Failure } from '../../preload/contract/failure.ts';
import { type Answer, jsonAnswer, statusOf } from '../broker/answers.ts';

const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

/** Only the ceremony page may ask for a key, and neither may ask for anything else. */
const permissions = 'camera=(), microphone=(), geolocation=(), publickey-credentials-create=(self), publickey-credentials-get=(self)';

const closed = [
  ...['Cache-Control', 'no-store'],
  ...['X-Content-Type-Options', 'nosniff'],
  ...['Cross-Origin-Resource-Policy', 'same-origin'],
  ...['Cross-Origin-Opener-Policy', 'same-origin'],
  ...['Referrer-Policy', 'no-referrer'],
];

/** Of a page and of every file it is made of. */
export const fileHeaders = (type: string, bytes: number): string[] => [
  ...['Content-Type', type],
  ...['Content-Length', String(bytes)],
  ...['Content-Security-Policy', pagePolicy],
  ...['X-Frame-Options', 'DENY'],
  ...['Permissions-Policy', permissions],
  ...['Origin-Agent-Cluster', '?1'],
  ...closed,
];

export const streamHeaders: string[] = [
  ...['Content-Type', 'text/event-stream'],
  ...['Content-Security-Policy', "default-src 'none'"],
  ...closed,
];

/** The whole failure: whoever gets it is a page of ours, or learns no more than its own mistake. */
export const failureAnswer = (failure: Failure, status = statusOf(failure.code)): Answer =>
  jsonAnswer(status, { failure }, status === 405 ? ['Allow', 'GET, POST'] : []);
