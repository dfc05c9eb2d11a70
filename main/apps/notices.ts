/** Our own answers at the address of an app: the page that brings the code, and why there is no page of the app. Nothing a request said stands in them. */
import { hash } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Failure } from '../../preload/contract/failure.ts';
import { escapeHtml } from '../html.ts';
import { developmentHeader } from './headers.ts';

export interface Notice {
  status: number;
  /** Names and values in turn. */
  headers: string[];
  body: string;
}

const closed = [
  ...['Cache-Control', 'no-store'],
  ...['X-Content-Type-Options', 'nosniff'],
  ...['X-Frame-Options', 'DENY'],
  ...['Cross-Origin-Resource-Policy', 'same-origin'],
  ...['Cross-Origin-Opener-Policy', 'same-origin'],
  ...['Referrer-Policy', 'no-referrer'],
  ...[developmentHeader, '1'],
];

function notice(status: number, type: string, policy: string, body: string, more: readonly string[] = []): Notice {
  const own = ['Content-Type', `${type}; charset=utf-8`, 'Content-Length', String(Buffer.byteLength(body))];
  return { status, headers: [...own, 'Content-Security-Policy', policy, ...closed, ...more], body };
}

/** The code leaves the address bar before anything else happens. */
const script = [
  "'use strict';",
  'const code = location.hash.slice(1);',
  "history.replaceState(null, '', location.pathname);",
  "const say = (text) => { document.querySelector('p').textContent = text; };",
  'const body = JSON.stringify({ code });',
  "fetch(location.pathname, { method: 'POST', headers: { 'content-type': 'application/json' }, body })",
  "  .then((answer) => answer.ok ? location.replace('/') : say('This address has been used, or is too old. Open the newest one from the terminal.'))",
  "  .catch(() => say('lakepass apps run does not answer any more.'));",
].join('\n');

const sealedBy = `'sha256-${hash('sha256', script, 'base64')}'`;
const entryPolicy = `default-src 'none'; script-src ${sealedBy}; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
const plainPolicy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const page = (title: string, text: string, head = '', script = ''): string =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="color-scheme" content="light dark">${head}<title>${title}</title>` +
  `<h1>${title}</h1><p>${text}</p>${script}</html>\n`;

export const entryPage = (): Notice =>
  notice(200, 'text/html', entryPolicy, page('Opening the app', 'One moment.', '', `<script>${script}</script>`));

/** @param cookie as it stands in `Set-Cookie` */
export const enteredNotice = (cookie: string): Notice =>
  notice(200, 'application/json', plainPolicy, '{"entered":true}', ['Set-Cookie', cookie]);

/**
 * Why there is no page of the app: HTML for a person, JSON for a script.
 *
 * @param again seconds after which a page asks once more by itself
 */
export function failureNotice(status: number, failure: Failure, { document, again }: { document: boolean; again?: number }): Notice {
  const { code, cause, detail, next } = failure;
  if (!document)
    return notice(
      status,
      'application/json',
      plainPolicy,
      JSON.stringify({ error: code, message: [cause, detail].filter(Boolean).join(' '), next }),
    );
  const words = [cause, detail, next, `[${code}]`]
    .filter((word) => word !== undefined)
    .map(escapeHtml)
    .join(' ');
  const refresh = again === undefined ? '' : `<meta http-equiv="refresh" content="${again}">`;
  return notice(status, 'text/html', plainPolicy, page(`${status} ${STATUS_CODES[status] ?? ''}`, words, refresh));
}

/** The notice for a socket on which there is no request that Node could parse. */
export function rawNotice({ status, headers, body }: Notice): string {
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`];
  for (let index = 0; index + 1 < headers.length; index += 2) lines.push(`${headers[index]}: ${headers[index + 1]}`);
  return `${lines.join('\r\n')}\r\nConnection: close\r\n\r\n${body}`;
}
