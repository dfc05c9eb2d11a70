/** Who signed in, from the claims of a checked ID token. */
import type { Profile } from '../profile/profile.ts';
import type { Claims } from './id-token-claims.ts';
import type { Identity } from './signed-in.ts';
import { reject } from './token-rejection.ts';

/**
 * @throws AppError ID_TOKEN_REJECTED: reason 'username' when the profile's claim holds no user name, or an e-mail address that
 *   the provider says it has not verified
 */
export function identityFrom(claims: Claims, profile: Profile): Identity {
  const username = claims[profile.idp.usernameClaim];
  // check: username-claim
  if (typeof username !== 'string' || username.trim() === '' || username.length > 320) reject('username');
  // end check
  // check: username-unverified
  if (profile.idp.usernameClaim === 'email' && claims.email_verified === false) reject('username');
  // end check
  return {
    issuer: claims.iss,
    subject: claims.sub,
    username: username,
    displayName: typeof claims.name === 'string' && claims.name !== '' ? claims.name : username,
    groups: groupsFrom(claims, profile),
  };
}

/** Absent or oddly shaped groups are no groups: they only ever widen what somebody may do. */
export function groupsFrom(claims: Record<string, unknown>, { idp }: Profile): readonly string[] {
  const groups = claims[idp.groupsClaim];
  const listed = Array.isArray(groups) ? groups : [groups];
  return listed.filter((group) => typeof group === 'string' && group !== '');
}

/** A refresh that suddenly speaks of another user name would act as another Databricks user. */
export function demandSameUser(claims: Record<string, unknown>, identity: Identity, { idp }: Profile): void {
  const username = claims[idp.usernameClaim];
  // check: username-same
  if (username !== undefined && username !== identity.username) reject('username');
  // end check
}
