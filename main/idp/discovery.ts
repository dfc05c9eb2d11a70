/**
 * What the identity provider says about itself (OpenID Connect Discovery 1.0), believed only where it fits the profile.
 *
 * The first document of this process is remembered: a later one may add and refine, but one that moves an endpoint to
 * another host or drops a protection is not followed.
 */
import * as oidc from 'openid-client';
import { AppError } from '../app-error.ts';
import type { Clock } from '../ports.ts';
import { isAcceptedAddress } from '../profile/plain-http.ts';
import type { Profile } from '../profile/profile.ts';
import type { EpochMs, Ms } from '../units.ts';
import type { IssuerLine } from './issuer-line.ts';
import { asFetch, inner } from './library.ts';
import { metadataIssuer } from './preset-issuer.ts';
import { offersBinding } from './proof-key.ts';

export type IssuerMetadata = Readonly<oidc.ServerMetadata> & {
  readonly authorization_endpoint: string;
  readonly token_endpoint: string;
  readonly jwks_uri: string;
};

export interface Discovery {
  /**
   * The provider's metadata, read within the last `within`.
   *
   * @throws AppError ISSUER_UNREACHABLE: no answer, or an answer that is not a metadata document
   * @throws AppError ISSUER_INVALID: reason 'issuer', 'endpoint', 'pkce', 'changed' or 'redirect'
   */
  metadata(within: Ms): Promise<IssuerMetadata>;
}

const neededEndpoints = ['authorization_endpoint', 'token_endpoint', 'jwks_uri'] as const;
const usedEndpoints = [...neededEndpoints, 'revocation_endpoint', 'pushed_authorization_request_endpoint'] as const;

export function createDiscovery({ profile, line, clock }: { profile: Profile; line: IssuerLine; clock: Clock }): Discovery {
  let first: IssuerMetadata | undefined;
  let latest: { metadata: IssuerMetadata; readAt: EpochMs } | undefined;

  const read = async (): Promise<IssuerMetadata> => {
    const metadata = await fetchMetadata(profile, line);
    checkIssuer(metadata, profile);
    checkEndpoints(metadata, profile);
    checkPkce(metadata, profile);
    first ??= metadata;
    checkUnchanged(first, metadata);
    latest = { metadata, readAt: clock.now() };
    return metadata;
  };

  return {
    async metadata(within) {
      const age = latest ? clock.now() - latest.readAt : Number.POSITIVE_INFINITY;
      return latest && age >= 0 && age < within ? latest.metadata : read();
    },
  };
}

async function fetchMetadata(profile: Profile, line: IssuerLine): Promise<IssuerMetadata> {
  // check: discovery-plain-http
  if (!isAcceptedAddress(profile.idp.issuer, profile)) throw invalid('endpoint', 'Its address is plain http.');
  // end check
  try {
    const found = await oidc.discovery(documentOf(profile.idp.issuer), profile.idp.clientId, undefined, oidc.None(), {
      [oidc.customFetch]: asFetch(line),
      timeout: 30,
      ...(profile.test ? { execute: [oidc.allowInsecureRequests] } : {}),
    });
    return found.serverMetadata() as IssuerMetadata;
  } catch (error) {
    throw inner(error) ?? notADocument(error);
  }
}

/** OpenID Connect Discovery section 4.1. Given whole, so that comparing issuers is left to us: the library compares them as URLs. */
export const documentOf = (issuer: string) => new URL(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);

const notADocument = (cause: unknown) =>
  new AppError('ISSUER_UNREACHABLE', { reason: 'sent', detail: 'What answers there does not speak OpenID Connect.', cause });

/** Compared as text, as the tokens will be (OpenID Connect Core section 3.1.3.7). */
function checkIssuer(metadata: IssuerMetadata, { idp }: Profile): void {
  // check: discovery-issuer
  if (metadata.issuer !== metadataIssuer(idp)) throw invalid('issuer', 'Its metadata names another issuer.');
  // end check
}

function checkEndpoints(metadata: IssuerMetadata, profile: Profile): void {
  for (const name of neededEndpoints) {
    // check: discovery-endpoint-missing
    if (typeof metadata[name] !== 'string') throw invalid('endpoint', `Its metadata has no ${name}.`);
    // end check
  }
  for (const name of usedEndpoints) {
    const address: unknown = metadata[name];
    if (address === undefined) continue;
    // check: discovery-endpoint
    if (!isPlainEndpoint(address, profile)) throw invalid('endpoint', `Its ${name} is not an address to trust.`);
    // end check
  }
}

function isPlainEndpoint(address: unknown, profile: Profile): boolean {
  if (typeof address !== 'string' || !isAcceptedAddress(address, profile)) return false;
  const { username, password, hash } = new URL(address);
  return username === '' && password === '' && hash === '';
}

/** Without PKCE a code that leaks on its way through the browser could be redeemed by whoever finds it (RFC 7636 section 1). */
function checkPkce(metadata: IssuerMetadata, { idp }: Profile): void {
  const methods = metadata.code_challenge_methods_supported;
  const isSilent = methods === undefined && idp.pkceUnadvertised;
  // check: discovery-pkce
  if (!isSilent && !methods?.includes('S256')) throw invalid('pkce', 'It does not offer PKCE with S256.');
  // end check
}

function checkUnchanged(before: IssuerMetadata, now: IssuerMetadata): void {
  const moved = usedEndpoints.filter((name) => originOf(before[name]) !== originOf(now[name]));
  const droppedPkce = before.code_challenge_methods_supported !== undefined && now.code_challenge_methods_supported === undefined;
  const droppedIss = before.authorization_response_iss_parameter_supported === true && !now.authorization_response_iss_parameter_supported;
  const droppedBinding = offersBinding(before) && !offersBinding(now);
  const changes = [
    ...moved.map((name) => `${name} is on another host`),
    ...(droppedPkce ? ['PKCE is no longer offered'] : []),
    ...(droppedBinding ? ['tokens are no longer bound to a key'] : []),
    ...(droppedIss ? ['iss is no longer sent with its answers'] : []),
  ];
  // check: discovery-changed
  if (changes.length > 0) throw invalid('changed', `Since Lakepass started: ${changes.join('; ')}.`);
  // end check
}

const originOf = (address: unknown) => (typeof address === 'string' ? new URL(address).origin : undefined);

const invalid = (reason: string, detail: string, cause?: unknown) =>
  new AppError('ISSUER_INVALID', { reason, detail, ...(cause === undefined ? {} : { cause }) });
