/**
 * Looks at an identity provider as the doctor does: without a person, without a secret, and without any effect on a session. One probe is
 * for one look: what it has read, it does not read again.
 */
import { z } from 'zod';
import type { Clock, Log } from '../ports.ts';
import type { Profile } from '../profile/profile.ts';
import { minutes, seconds } from '../units.ts';
import { createWorkspaceDiscovery } from './databricks-metadata.ts';
import { createDiscovery, documentOf, type IssuerMetadata } from './discovery.ts';
import { type IssuerLine, openIssuerLine } from './issuer-line.ts';
import { oauthErrorFrom } from './library.ts';
import { type PublishedKey, readPublishedKeys } from './published-keys.ts';

/**
 * 'known': it led back to our redirect, as it does for a client and a redirect that are registered. 'refused': it led back, and said that the
 * client may not do this. 'unknown-client': it refused on a page of its own, which is how an unknown client or redirect looks
 * (RFC 6749 section 4.1.2.1). 'unclear': it did something else.
 */
export interface ClientVerdict {
  verdict: 'known' | 'refused' | 'unknown-client' | 'unclear';
  /** One of the words of OAuth, where it gave one. */
  error: string | null;
}

export interface ProviderProbe {
  /** @throws AppError ISSUER_UNREACHABLE | ISSUER_INVALID, as a sign-in would */
  metadata(): Promise<IssuerMetadata>;
  /** What its metadata calls itself, for a sentence alone: nothing is believed of it. null: it says nothing. @throws AppError ISSUER_UNREACHABLE */
  namedIssuer(): Promise<string | null>;
  /** Asks for a sign-in without a person (`prompt=none`, OpenID Connect Core section 3.1.2.1). @throws as `metadata` */
  client(): Promise<ClientVerdict>;
  /** @throws as `metadata` */
  keys(): Promise<PublishedKey[]>;
}

interface Parts {
  profile: Profile;
  fetch: typeof globalThis.fetch;
  clock: Clock;
  log: Log;
  random: (bytes: number) => Buffer;
}

const TIME_LIMIT = seconds(8);
/** Stands for whichever port is free; a provider takes any for a loopback address (RFC 8252 section 7.3). */
const ANY_PORT = 49_152;

/** What a provider says where only the person is missing: the client and its redirect are good. */
const onlyPersonMissing: ReadonlySet<string> = new Set([
  'login_required',
  'interaction_required',
  'consent_required',
  'account_selection_required',
  'unmet_authentication_requirements',
]);

export function createProviderProbe(parts: Parts): ProviderProbe {
  const { profile, clock } = parts;
  const line = openIssuerLine(parts);
  const discovery =
    profile.idp.preset === 'databricks' ? createWorkspaceDiscovery({ ...parts, line }) : createDiscovery({ profile, line, clock });
  let reading: Promise<IssuerMetadata> | undefined;
  const metadata = (): Promise<IssuerMetadata> => {
    reading ??= discovery.metadata(minutes(1));
    return reading;
  };
  return {
    metadata,
    namedIssuer: () => readNamedIssuer(line, profile.idp.issuer),
    client: async () => askForNobody(parts, await metadata()),
    keys: async () => readPublishedKeys(line, (await metadata()).jwks_uri),
  };
}

async function readNamedIssuer(line: IssuerLine, issuer: string): Promise<string | null> {
  const response = await line.request(documentOf(issuer).href, { headers: { accept: 'application/json' } });
  const text = await response.text();
  try {
    return z.object({ issuer: z.string().max(300) }).parse(JSON.parse(text)).issuer;
  } catch {
    // A login page, for one.
    return null;
  }
}

/** Not over the line: where it leads to is the answer here, and is not followed. */
async function askForNobody({ profile, fetch, clock, random }: Parts, metadata: IssuerMetadata): Promise<ClientVerdict> {
  const { host, ports, path } = profile.idp.redirect;
  const redirectUri = `http://${host}:${ports[0] ?? ANY_PORT}${path}`;
  const url = new URL(metadata.authorization_endpoint);
  const asked = {
    ...{ client_id: profile.idp.clientId, response_type: 'code', redirect_uri: redirectUri, scope: profile.idp.scopes.join(' ') },
    ...{ prompt: 'none', state: random(16).toString('base64url'), nonce: random(16).toString('base64url') },
    // Of a verifier that nobody knows: a code that came all the same could not be redeemed.
    ...{ code_challenge: random(32).toString('base64url'), code_challenge_method: 'S256' },
  };
  for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value);
  const late = new AbortController();
  const stop = clock.after(TIME_LIMIT, () => late.abort());
  try {
    const response = await fetch(url, { redirect: 'manual', signal: late.signal, headers: { accept: 'text/html' } });
    await response.body?.cancel();
    return verdictOf(response, url, redirectUri);
  } finally {
    stop();
  }
}

function verdictOf({ status, headers }: Response, asked: URL, redirectUri: string): ClientVerdict {
  const location = headers.get('location');
  if (status >= 300 && status < 400 && location !== null) {
    if (!URL.canParse(location, asked.href)) return { verdict: 'unclear', error: null };
    const back = new URL(location, asked);
    const wanted = new URL(redirectUri);
    if (back.origin !== wanted.origin || back.pathname !== wanted.pathname) return { verdict: 'unclear', error: null };
    const said = back.searchParams.get('error');
    if (said === null) return { verdict: 'known', error: null };
    const error = oauthErrorFrom(said);
    return { verdict: onlyPersonMissing.has(error) ? 'known' : 'refused', error };
  }
  return { verdict: status >= 400 && status < 500 && status !== 429 ? 'unknown-client' : 'unclear', error: null };
}
