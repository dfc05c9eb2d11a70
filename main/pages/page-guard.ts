/**
 * What a request must look like before anybody asks who makes it. Every page of the web can knock here, so the lists at the end are
 * the policy, in the order in which it is applied. Two hosts share one port and nothing else: which of them is meant is settled first.
 *
 * Cookies are neither set nor read, and not refused: browsers send those of every other server on 127.0.0.1 along.
 */
import type { FailureCode } from '../../preload/contract/failure.ts';
import type { Refusal } from '../broker/guard.ts';
import type { PageHost } from './entries.ts';
import type { Seen } from './seen.ts';

/** One of the two hosts of the door. */
export interface Address {
  name: PageHost;
  /** As it must stand in `Host`. */
  host: string;
  /** As it must stand in `Origin`. */
  origin: string;
}

/** Bytes. A first configuration comes with the whole text of its file. */
export const bodyLimit = (target: string): number => (pasting.has(target) ? 81_920 : 16_384);
const pasting: ReadonlySet<string> = new Set(['/v1/setup/profile', '/v1/doctor/explain']);

const refuse = (code: FailureCode, reason: string): Refusal => ({ code, reason });
type Check = (seen: Seen, address: Address) => Refusal | undefined;

/** A rebound DNS name arrives with the attacker's own name in Host, and with neither Origin nor Sec-Fetch-Site to betray it. */
export function addressOf({ hosts }: Seen, addresses: readonly Address[]): Address | Refusal {
  // check: page-host-single
  if (hosts.length !== 1) return refuse('HOST_REFUSED', hosts.length === 0 ? 'missing' : 'repeated');
  // end check
  const found = addresses.find(({ host }) => host === hosts[0]);
  return found ?? refuse('HOST_REFUSED', 'other'); // not a check: without an address there is nothing to serve
}

/** Absolute-form (RFC 9112 section 3.2.2) names a host of its own, which would take the place of the Host header. */
const originForm: Check = ({ target }) => {
  // check: page-target-form
  if (!target.startsWith('/')) return refuse('TARGET_REFUSED', 'form');
  // end check
};

const noQuery: Check = ({ target }) => {
  // check: page-target-query
  if (/[?#]/.test(target)) return refuse('TARGET_REFUSED', 'query');
  // end check
};

const knownMethod: Check = ({ method }) => {
  // check: page-method
  if (method !== 'GET' && method !== 'POST') return refuse('METHOD_REFUSED', method === 'OPTIONS' ? 'options' : 'method');
  // end check
};

/** Whoever may navigate here may do so from anywhere; a frame, an image or a script of another site may not. */
const ownDocument: Check = ({ destinations }) => {
  // check: page-frame
  if (destinations.some((destination) => destination !== 'document')) return refuse('BROWSER_REFUSED', 'destination');
  // end check
};

const ownSite: Check = ({ sites }) => {
  // check: page-site
  if (sites.some((site) => site !== 'same-origin')) return refuse('BROWSER_REFUSED', 'site');
  // end check
};

const noForeignOrigin: Check = ({ origins }, { origin }) => {
  // check: page-get-origin
  if (origins.some((found) => found !== origin)) return refuse('BROWSER_REFUSED', 'origin');
  // end check
};

const noBody: Check = ({ lengths, encodings }) => {
  // check: page-get-body
  if (encodings.length > 0 || lengths.some((length) => length !== '0')) return refuse('INPUT_INVALID', 'body');
  // end check
};

/** Browsers put it on every POST, and no page can choose it. */
const ownOrigin: Check = ({ origins }, { origin }) => {
  // check: page-origin
  if (origins.length !== 1 || origins[0] !== origin) return refuse('BROWSER_REFUSED', origins.length === 0 ? 'no-origin' : 'origin');
  // end check
};

/** Anything else may be sent by a page of another site without asking first (a preflight, which is refused). */
const jsonOnly: Check = ({ types }) => {
  // check: page-json-only
  if (types.length !== 1 || !/^application\/json(; ?charset=utf-8)?$/i.test(types[0] ?? '')) return refuse('INPUT_INVALID', 'content-type');
  // end check
};

const smallEnough: Check = ({ lengths, target }) => {
  // check: page-body-announced
  if (lengths.some((length) => Number(length) > bodyLimit(target))) return refuse('INPUT_INVALID', 'size');
  // end check
};

/** Every request, once its host is known. */
export const doorChecks: readonly Check[] = [originForm, noQuery, knownMethod];
/** The page itself. */
export const documentChecks: readonly Check[] = [noForeignOrigin, ownDocument, noBody];
/** What it is made of. */
export const assetChecks: readonly Check[] = [noForeignOrigin, ownSite, noBody];
/** What it says. */
export const callChecks: readonly Check[] = [ownOrigin, ownSite, jsonOnly, smallEnough];

/** The bearer of a call; empty where there is not exactly one, which then opens nothing. */
export function bearerOf({ authorizations }: Seen): string {
  const [only = '', ...more] = authorizations;
  return more.length > 0 ? '' : (/^Bearer ([A-Za-z0-9_-]{43})$/.exec(only)?.[1] ?? '');
}
