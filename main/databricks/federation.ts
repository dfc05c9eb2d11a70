/**
 * The federation strategy: exchanges the identity provider's JWT of whoever is signed in. Without a list of service principals in the
 * profile no client id ever goes with it, and the token acts as the person. With one, it acts as the principal of the first group the
 * person is in; who is in none gets no token. The record of each token names the person all the same.
 */
import { AppError } from '../app-error.ts';
import type { SubjectToken } from '../idp/signed-in.ts';
import type { Clock, Log } from '../ports.ts';
import type { Profile } from '../profile/profile.ts';
import type { Ms } from '../units.ts';
import { createExchange } from './exchange.ts';
import { unverifiedAudience } from './jwt-claims.ts';
import type { TokenSource } from './token-source.ts';

export interface FederationParts {
  profile: Profile;
  clock: Clock;
  fetch: typeof globalThis.fetch;
  log: Log;
  /** The identity provider's JWT with more than half of its life and more than `needs.life` left. */
  subjectToken: (needs: { life: Ms }) => Promise<SubjectToken>;
  /** Groups of the person as the provider named them last; none where nobody is signed in. */
  groups: () => readonly string[];
}

/** @throws AppError EXCHANGE_NO_PRINCIPAL, from `obtain`, where the profile has a list and no group of it is one of the person's */
export function createFederation({ profile, groups, ...parts }: FederationParts): TokenSource {
  const { servicePrincipals } = profile.federation;
  const actsAs = (): string | null => servicePrincipals?.find(({ group }) => groups().includes(group))?.clientId ?? null;

  function clientId(): string | null {
    const principal = actsAs();
    // check: federation-principal-needed
    // Without a client id the account-wide policy would apply, and the token act as whoever has this name there.
    if (servicePrincipals !== undefined && principal === null)
      throw new AppError('EXCHANGE_NO_PRINCIPAL', {
        detail: `The profile names ${servicePrincipals.map(({ group }) => group).join(', ')}.`,
      });
    // end check
    return principal;
  }

  const exchange = createExchange({
    ...parts,
    ...{ owner: profile, clientId, tolerance: profile.idp.clockTolerance },
    described: (token) => ({
      issuer: profile.idp.issuer,
      // The audience of an ID token is our client; that of an access token is known from the token alone.
      audience: profile.subjectToken === 'id_token' ? profile.idp.clientId : unverifiedAudience(token.jwt.reveal()),
    }),
  });
  return servicePrincipals === undefined ? exchange : { ...exchange, actsAs };
}
