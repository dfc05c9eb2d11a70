/** Where openid-client meets our ports: its requests go out over the issuer line, its clock is ours, its errors come back as ours. */
import * as oidc from 'openid-client';
import { AppError } from '../app-error.ts';
import type { Clock } from '../ports.ts';
import type { Profile } from '../profile/profile.ts';
import type { IssuerMetadata } from './discovery.ts';
import type { IssuerLine } from './issuer-line.ts';

/** The line in the shape the library calls; `signal` ends the request when the person cancels. */
export const asFetch =
  (line: IssuerLine, signal?: AbortSignal): oidc.CustomFetch =>
  (url, { body, headers, method, signal: own }) => {
    const signals = [own, signal].filter((each) => each !== undefined);
    return line.request(url, { body: body as NonNullable<RequestInit['body']> | null, headers, method, signal: AbortSignal.any(signals) });
  };

/**
 * The library's client for one exchange. It is made anew each time because the library reads `Date` itself and takes the
 * difference to our clock only at this point.
 */
export function clientFor(profile: Profile, metadata: IssuerMetadata, clock: Clock, fetch: oidc.CustomFetch): oidc.Configuration {
  const server = { ...metadata, id_token_signing_alg_values_supported: profile.idp.algorithms };
  const timing = {
    [oidc.clockSkew]: Math.round((clock.now() - Date.now()) / 1000),
    [oidc.clockTolerance]: profile.idp.clockTolerance / 1000,
  };
  const { clientId, clientSecret } = profile.idp;
  const proof = clientSecret === undefined ? oidc.None() : oidc.ClientSecretPost(clientSecret.reveal());
  const client = new oidc.Configuration(server, clientId, timing, proof);
  client[oidc.customFetch] = fetch;
  if (profile.test) oidc.allowInsecureRequests(client);
  return client;
}

/** The failure of ours that the library wrapped, if there is one. */
export function inner(error: unknown): AppError | undefined {
  for (let found = error, depth = 0; found instanceof Error && depth < 8; found = found.cause, depth++) {
    if (found instanceof AppError) return found;
  }
  return undefined;
}

const knownErrors = [
  'access_denied',
  'account_selection_required',
  'consent_required',
  'interaction_required',
  'invalid_client',
  'invalid_dpop_proof',
  'invalid_grant',
  'invalid_request',
  'invalid_scope',
  'login_required',
  'not_allowed',
  'server_error',
  'temporarily_unavailable',
  'unauthorized_client',
  'unmet_authentication_requirements',
  'unsupported_grant_type',
  'unsupported_response_type',
  'use_dpop_nonce',
] as const;
export type OAuthError = (typeof knownErrors)[number] | 'other';

/** An `error` of OAuth or OpenID Connect as one of the words we know: whatever else a provider writes is never repeated. */
export const oauthErrorFrom = (text: unknown): OAuthError => knownErrors.find((known) => known === text) ?? 'other';

/** The `error` with which an endpoint refused (RFC 6749 section 5.2), or undefined when that is not what happened. */
export function refusalOf(error: unknown): OAuthError | undefined {
  if (error instanceof oidc.ResponseBodyError) return oauthErrorFrom(error.error);
  if (error instanceof oidc.WWWAuthenticateChallengeError) return oauthErrorFrom(error.cause[0]?.parameters.error);
  return undefined;
}
