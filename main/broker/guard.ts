/**
 * What a request must look like before anybody asks which grant it is for. The lists at the end are the policy, in the order in
 * which it is applied: first what keeps web pages out, then what the metadata contract demands.
 *
 * Only raw headers are read. Node's parsed ones keep the first of two Host headers, join others, and hide the difference. The
 * `Authorization` header is not looked at: python-requests adds one from ~/.netrc by itself.
 */
import type { IncomingMessage } from 'node:http';
import type { FailureCode } from '../../preload/contract/failure.ts';

export interface Refusal {
  code: FailureCode;
  /** From a fixed vocabulary: it becomes a key in the audit log, so nothing the client wrote may enter it. */
  reason: string;
}

/** What one pass over the raw headers found. */
export interface Seen {
  method: string;
  target: string;
  hosts: number;
  host: string;
  /** The first header that only a browser sends, by our own name for it. */
  browserHeader: string | undefined;
  hasBody: boolean;
  versions: number;
  version: string;
  workspaces: number;
  /** `X-Databricks-Host` as it was sent. */
  workspace: string;
  /** What the client calls itself, which decides nothing but how long it can be kept waiting. */
  userAgent: string | undefined;
  /** The version header's name came in lower case. */
  versionInLowerCase: boolean;
}

const versionHeader = 'x-databricks-metadata-version';

// Sec-Fetch-Mode is not among them: Node's own fetch sends it, and no browser sends it without Sec-Fetch-Site.
const browserHeaders = new Set(['origin', 'referer', 'cookie', 'sec-fetch-site', 'sec-fetch-dest']);
const preflightPrefix = 'access-control-request-';

export function look(request: IncomingMessage): Seen {
  const seen: Seen = {
    method: request.method ?? '',
    target: request.url ?? '',
    hosts: 0,
    host: '',
    browserHeader: undefined,
    hasBody: false,
    versions: 0,
    version: '',
    workspaces: 0,
    workspace: '',
    userAgent: undefined,
    versionInLowerCase: false,
  };
  const raw = request.rawHeaders;
  for (let index = 0; index + 1 < raw.length; index += 2) note(seen, raw[index] ?? '', raw[index + 1] ?? '');
  return seen;
}

function note(seen: Seen, nameAsSent: string, value: string): void {
  const name = nameAsSent.toLowerCase();
  switch (name) {
    case 'host':
      seen.hosts++;
      seen.host = value;
      return;
    case versionHeader:
      seen.versions++;
      seen.version = value;
      seen.versionInLowerCase = nameAsSent === versionHeader;
      return;
    case 'x-databricks-host':
      seen.workspaces++;
      seen.workspace = value;
      return;
    case 'user-agent':
      seen.userAgent = value;
      return;
    case 'transfer-encoding':
      seen.hasBody = true;
      return;
    case 'content-length':
      seen.hasBody ||= value !== '0';
      return;
    default:
      if (browserHeaders.has(name)) seen.browserHeader ??= name;
      else if (name.startsWith(preflightPrefix)) seen.browserHeader ??= 'access-control-request';
  }
}

type Check = (seen: Seen, ourHost: string) => Refusal | undefined;
const refuse = (code: FailureCode, reason: string): Refusal => ({ code, reason });

/** A rebound DNS name arrives with the attacker's own name in Host, and with neither Origin nor Sec-Fetch-Site to betray it. */
const oneRightHost: Check = ({ hosts, host }, ourHost) => {
  // check: host-single
  if (hosts !== 1) return refuse('HOST_REFUSED', hosts === 0 ? 'missing' : 'repeated');
  // end check
  // check: host-exact
  if (host !== ourHost) return refuse('HOST_REFUSED', 'other');
  // end check
};

/** Absolute-form (RFC 9112 section 3.2.2) names a host of its own, which would take the place of the Host header. */
const originForm: Check = ({ target }) => {
  // check: target-origin-form
  if (!target.startsWith('/')) return refuse('TARGET_REFUSED', 'form');
  // end check
};

const noBrowser: Check = ({ browserHeader }) => {
  // check: browser-headers
  if (browserHeader !== undefined) return refuse('BROWSER_REFUSED', browserHeader);
  // end check
};

const onlyGet: Check = ({ method }) => {
  // check: method-get
  if (method !== 'GET') return refuse('METHOD_REFUSED', method === 'OPTIONS' ? 'options' : 'method');
  // end check
};

const noBody: Check = ({ hasBody }) => {
  // check: no-body
  if (hasBody) return refuse('INPUT_INVALID', 'body');
  // end check
};

const noQuery: Check = ({ target }) => {
  // check: no-query
  if (target.includes('?')) return refuse('TARGET_REFUSED', 'query');
  // end check
};

/** A header of our own choosing makes a browser ask for permission first (a preflight), which is then refused. */
const versionOne: Check = ({ versions, version }) => {
  // check: version-single
  if (versions !== 1) return refuse('VERSION_REFUSED', versions === 0 ? 'missing' : 'repeated');
  // end check
  // check: version-one
  if (version !== '1') return refuse('VERSION_REFUSED', 'other');
  // end check
};

const oneWorkspace: Check = ({ workspaces }) => {
  // check: workspace-header-single
  if (workspaces !== 1) return refuse('WORKSPACE_MISMATCH', workspaces === 0 ? 'missing' : 'repeated');
  // end check
};

/** Every request to the door. */
export const doorChecks: readonly Check[] = [oneRightHost, originForm, noBrowser, onlyGet, noBody];
/** The route at which a command line shows its nonce, after these. */
export const callerChecks: readonly Check[] = [noQuery];
/** The metadata route, after the first. */
export const metadataChecks: readonly Check[] = [noQuery, versionOne, oneWorkspace];

/** The first refusal, or undefined. */
export function firstRefusal(checks: readonly Check[], seen: Seen, ourHost: string): Refusal | undefined {
  for (const check of checks) {
    const refusal = check(seen, ourHost);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}
