/**
 * What a request to the callback door must look like before anything in it is read. Pure: bytes in, verdict out.
 *
 * The provider sends the browser here from another site, so a cross-site navigation is the expected case; everything a page
 * can send without leaving itself (fetch, img, iframe, a form's POST, a rebound name) is refused.
 */
import type { FailureCode } from '../../preload/contract/failure.ts';

export interface RawRequest {
  method: string | undefined;
  /** The request target as it stood on the wire. */
  target: string | undefined;
  /** Names and values in turn, as Node keeps them: duplicates included. */
  rawHeaders: readonly string[];
}

export interface DoorAddress {
  /** `127.0.0.1:PORT`, or the same on `localhost`. */
  host: string;
  /** The registered path of the redirect; a browser asks for `/` where it is empty. */
  path: string;
}

export type Refusal = { kind: 'refused'; status: number; code: FailureCode; reason: string };
export type CallbackRequest = { kind: 'answer'; params: URLSearchParams } | { kind: 'landed'; ticket: string } | Refusal;

/**
 * Where the browser is sent once the answer is in, so that no address bar, no list of visited pages and no Referer shows the code.
 * The ticket is told to whoever brought the answer alone, because this page may lead on to one that enrols a key.
 * Chromium's history file still names every hop of a redirect: the code in it is spent, and was worth nothing without our verifier.
 */
export const landingPath = (path: string, ticket: string) => `${path.replace(/\/$/, '')}/done/${ticket}`;

const LONGEST_TARGET = 8192;
const navigations = new Set(['none', 'cross-site', 'same-site']);

/** The order of the checks is the policy. */
export function readCallbackRequest(request: RawRequest, address: DoorAddress): CallbackRequest {
  const headers = groupHeaders(request.rawHeaders);
  const target = request.target ?? '';
  const [path = ''] = target.split('?', 1);
  // check: callback-host
  if (!isOnly(headers.get('host'), address.host)) return refused(421, 'HOST_REFUSED', 'host');
  // end check
  // check: callback-target
  if (!/^\/[\x21-\x7e]*$/.test(target) || target.includes('#') || target.length > LONGEST_TARGET)
    return refused(400, 'TARGET_REFUSED', 'target');
  // end check
  // check: callback-origin
  if (headers.has('origin')) return refused(403, 'BROWSER_REFUSED', 'origin');
  // end check
  // check: callback-fetch-metadata
  if (!isNavigation(headers)) return refused(403, 'BROWSER_REFUSED', 'fetch-metadata');
  // end check
  // check: callback-method
  if (request.method !== 'GET') return refused(405, 'METHOD_REFUSED', 'method');
  // end check
  // check: callback-body
  if (hasBody(headers)) return refused(400, 'INPUT_INVALID', 'body');
  // end check
  const landing = landingPath(address.path, '');
  if (target.startsWith(landing)) return { kind: 'landed', ticket: target.slice(landing.length) };
  // check: callback-path
  if (path !== (address.path || '/')) return refused(404, 'ROUTE_UNKNOWN', 'path');
  // end check
  return { kind: 'answer', params: new URLSearchParams(target.slice(path.length)) };
}

const refused = (status: number, code: FailureCode, reason: string): Refusal => ({ kind: 'refused', status, code, reason });

function groupHeaders(rawHeaders: readonly string[]): Map<string, string[]> {
  const grouped = new Map<string, string[]>();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase();
    grouped.set(name, [...(grouped.get(name) ?? []), rawHeaders[index + 1] ?? '']);
  }
  return grouped;
}

/** Node keeps the first of two Host headers (RFC 9112 section 3.2 wants 400), so all of them are looked at. */
const isOnly = (values: readonly string[] | undefined, expected: string) => values?.length === 1 && values[0] === expected;

/** Absent in old browsers and in tests of people with curl; where a browser says how the request arose, it must be a page being opened. */
function isNavigation(headers: Map<string, string[]>): boolean {
  const said = [...headers.keys()].some((name) => name.startsWith('sec-fetch-'));
  if (!said) return true;
  const [site, ...more] = headers.get('sec-fetch-site') ?? [];
  const isKnownSite = site !== undefined && more.length === 0 && navigations.has(site);
  return isKnownSite && isOnly(headers.get('sec-fetch-mode'), 'navigate') && isOnly(headers.get('sec-fetch-dest'), 'document');
}

const hasBody = (headers: Map<string, string[]>) =>
  headers.has('transfer-encoding') || (headers.get('content-length') ?? []).some((length) => length !== '0');
