/**
 * What a request to an app must look like before it may reach it. The app gets a token with every request, so every page of the web
 * that could make the person's browser send one is kept out here; the lists at the end are the policy, in their order.
 */
import type { FailureCode } from '../../preload/contract/failure.ts';
import type { Seen } from '../pages/seen.ts';

export interface Refusal {
  code: FailureCode;
  /** From a fixed vocabulary. */
  reason: string;
}

/** Where the app is for a browser. */
export interface Address {
  /** As it must stand in `Host`. */
  host: string;
  /** As it must stand in `Origin`. */
  origin: string;
}

/** Never below `lakepass.localhost`: pages there could use the keys of Lakepass' own page. */
export const appHostName = 'lakepass-apps.localhost';

/** @param name `appHostName`, or a name beneath it */
export const addressAt = (port: number, name: string): Address => ({ host: `${name}:${port}`, origin: `http://${name}:${port}` });

/** Paths from here on are ours, and the app never sees them. */
export const ownPaths = '/.lakepass/';
export const entryPath = `${ownPaths}enter`;

type Check = (seen: Seen, address: Address) => Refusal | undefined;
const refuse = (code: FailureCode, reason: string): Refusal => ({ code, reason });

/** A rebound DNS name arrives with the attacker's own name in Host, and with neither Origin nor Sec-Fetch-Site to betray it. */
const oneRightHost: Check = ({ hosts }, { host }) => {
  // check: apps-host-single
  if (hosts.length !== 1) return refuse('HOST_REFUSED', hosts.length === 0 ? 'missing' : 'repeated');
  // end check
  // check: apps-host-exact
  if (hosts.some((found) => found !== host)) return refuse('HOST_REFUSED', 'other');
  // end check
};

/** Absolute-form (RFC 9112 section 3.2.2) names a host of its own, which would take the place of the Host header. */
const originForm: Check = ({ target }) => {
  // check: apps-target-form
  if (!target.startsWith('/')) return refuse('TARGET_REFUSED', 'form');
  // end check
};

/** TRACE sends the request back as it arrived (RFC 9110 section 9.3.8), with the token that only the app is to see. */
const noTrace: Check = ({ method }) => {
  // check: apps-trace
  if (method === 'TRACE' || method === 'TRACK') return refuse('METHOD_REFUSED', 'method');
  // end check
};

/** What is passed on is chunked or of known length; a coding below that (RFC 9112 section 6.1) would lose its name on the way. */
const plainFraming: Check = ({ encodings }) => {
  // check: apps-framing
  if (encodings.some((encoding) => encoding.trim().toLowerCase() !== 'chunked')) return refuse('INPUT_INVALID', 'transfer-encoding');
  // end check
};

/** Every browser that shows the app says where a request comes from; `none` is the person, by address bar or bookmark. */
const ownSite: Check = ({ sites }) => {
  // check: apps-site
  if (sites.length !== 1 || (sites[0] !== 'same-origin' && sites[0] !== 'none')) return refuse('BROWSER_REFUSED', 'site');
  // end check
};

const ownOrigin: Check = ({ origins }, { origin }) => {
  // check: apps-origin
  if (origins.some((found) => found !== origin)) return refuse('BROWSER_REFUSED', 'origin');
  // end check
};

/** Browsers put an Origin on everything that can change something, and no page can choose it. */
const originToChange: Check = ({ method, origins }) => {
  // check: apps-origin-to-change
  if (method !== 'GET' && method !== 'HEAD' && origins.length !== 1) return refuse('BROWSER_REFUSED', 'no-origin');
  // end check
};

/** It would outlive the run and stand between the browser and whatever is at this address next, our own page included. */
const noServiceWorker: Check = ({ serviceWorkers }) => {
  // check: apps-service-worker
  if (serviceWorkers.length > 0) return refuse('BROWSER_REFUSED', 'service-worker');
  // end check
};

const onlyGet: Check = ({ method }) => {
  // check: apps-entry-get
  if (method !== 'GET') return refuse('METHOD_REFUSED', 'method');
  // end check
};

/** A page of another site could frame it, or load it as something else. */
const ownDocument: Check = ({ destinations }) => {
  // check: apps-entry-frame
  if (destinations.some((destination) => destination !== 'document')) return refuse('BROWSER_REFUSED', 'destination');
  // end check
};

const exactOrigin: Check = ({ origins }, { origin }) => {
  // check: apps-origin-exact
  if (origins.length !== 1 || origins[0] !== origin) return refuse('BROWSER_REFUSED', origins.length === 0 ? 'no-origin' : 'origin');
  // end check
};

const sameOriginIfSaid: Check = ({ sites }) => {
  // check: apps-site-same-origin
  if (sites.some((site) => site !== 'same-origin')) return refuse('BROWSER_REFUSED', 'site');
  // end check
};

const jsonOnly: Check = ({ types }) => {
  // check: apps-entry-json
  if (types.length !== 1 || !/^application\/json(; ?charset=utf-8)?$/i.test(types[0] ?? '')) return refuse('INPUT_INVALID', 'content-type');
  // end check
};

const webSocket: Check = ({ method, upgrades }) => {
  // check: apps-upgrade-websocket
  if (method !== 'GET' || upgrades.length !== 1 || upgrades[0]?.toLowerCase() !== 'websocket') return refuse('INPUT_INVALID', 'upgrade');
  // end check
};

/** Bytes behind the head would be the first of the connection that both ends then agree on, or of another request. */
const noBody: Check = ({ lengths, encodings }) => {
  // check: apps-upgrade-body
  if (encodings.length > 0 || lengths.some((length) => length !== '0')) return refuse('INPUT_INVALID', 'body');
  // end check
};

/** Every request. */
export const doorChecks: readonly Check[] = [oneRightHost, originForm, noTrace, plainFraming];
/** The page that brings the code. */
export const entryChecks: readonly Check[] = [onlyGet, ownDocument];
/** The call that exchanges it. */
export const exchangeChecks: readonly Check[] = [exactOrigin, sameOriginIfSaid, jsonOnly];
/** What goes to the app. */
export const requestChecks: readonly Check[] = [ownSite, ownOrigin, originToChange, noServiceWorker];
/** A WebSocket to the app. Not every browser says Sec-Fetch-Site there; all of them say Origin (RFC 6455 section 4.1). */
export const upgradeChecks: readonly Check[] = [webSocket, noBody, exactOrigin, sameOriginIfSaid];
