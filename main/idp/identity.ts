/** Who signed in, from the claims of a checked ID token. */
import type { Profile } from '../profile/profile.ts';
import type { Claims } from './id-token-claims.ts';
import type { Identity } from './signed-in.ts';

/** The user name has been checked with the token. */
export function identityFrom(claims: Claims, profile: Profile): Identity {
  const username = String(claims[profile.idp.usernameClaim]);
  const displayName = typeof claims.name === 'string' && claims.name !== '' ? claims.name : username;
  return { issuer: claims.iss, subject: claims.sub, username, displayName, groups: groupsFrom(claims, profile) };
}

/** Absent or oddly shaped groups are no groups: they only ever widen what somebody may do. */
export function groupsFrom(claims: Record<string, unknown>, { idp }: Profile): readonly string[] {
  const groups = claims[idp.groupsClaim];
  const listed = Array.isArray(groups) ? groups : [groups];
  return listed.filter((group) => typeof group === 'string' && group !== '');
}
