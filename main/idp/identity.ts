/** Who signed in, from the claims of a checked ID token. */
import type { Profile } from '../profile/profile.ts';
import type { Claims } from './id-token-claims.ts';
import { issuerOf } from './preset-issuer.ts';
import type { Identity, PolicyClaims } from './signed-in.ts';

/**
 * Issuer and user name have been checked with the token.
 *
 * @param groups as `groupsOf` found them
 */
export function identityFrom(claims: Claims, profile: Profile, groups: readonly string[]): Identity {
  const username = String(claims[profile.idp.usernameClaim]);
  const displayName = typeof claims.name === 'string' && claims.name !== '' ? claims.name : username;
  return {
    issuer: issuerOf(profile, claims) ?? claims.iss,
    subject: claims.sub,
    username,
    displayName,
    groups,
    claims: policyClaimsFrom(claims, profile),
  };
}

/** Absent or oddly shaped groups are no groups: they only ever widen what somebody may do. */
export function groupsFrom(claims: Record<string, unknown>, { idp }: Profile): readonly string[] {
  const groups = claims[idp.groupsClaim];
  const listed = Array.isArray(groups) ? groups : [groups];
  return listed.filter((group) => typeof group === 'string' && group !== '');
}

/** Longer values, or more of them, are left out: a claim that is cut would be another claim. */
const claimLimits = { characters: 256, values: 200 } as const;

/** The claims that policy may ask for. Numbers and booleans become text; a claim of any other shape is no claim. */
export function policyClaimsFrom(claims: Record<string, unknown>, { idp }: Profile): PolicyClaims {
  const found = idp.policyClaims.flatMap((name): [string, string | string[]][] => {
    const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
    if (!Array.isArray(value)) return isPlain(value) ? [[name, String(value)]] : [];
    return value.length <= claimLimits.values ? [[name, value.filter(isPlain).map(String)]] : [];
  });
  return Object.fromEntries(found);
}

const isPlain = (value: unknown): value is string | number | boolean =>
  ['string', 'number', 'boolean'].includes(typeof value) && String(value).length <= claimLimits.characters;

/**
 * What a refresh says anew, and of what it leaves out as much as is kept.
 *
 * @param isKept whether a claim that the new token leaves out stays as the sign-in had it
 */
export const renewedClaims = (
  claims: Record<string, unknown> | null,
  profile: Profile,
  before: PolicyClaims,
  isKept: (claim: string) => boolean,
): PolicyClaims => {
  const wanted = profile.idp.policyClaims;
  const said = wanted.filter((name) => claims !== null && Object.hasOwn(claims, name));
  const kept = Object.entries(before).filter(([name]) => !said.includes(name) && wanted.includes(name) && isKept(name));
  return { ...Object.fromEntries(kept), ...policyClaimsFrom(claims ?? {}, profile) };
};
