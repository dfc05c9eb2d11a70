/**
 * One refresh (RFC 6749 section 6, OpenID Connect Core section 12). A refresh token may be used once, so nothing here tries again,
 * and everything that can fail without it is done before it is sent.
 */
import * as oidc from 'openid-client';
import { AppError, beforeSending } from '../app-error.ts';
import type { Secret } from '../secret.ts';
import { hours } from '../units.ts';
import type { Discovery, IssuerMetadata } from './discovery.ts';
import type { Answered, Claims } from './id-token-claims.ts';
import { renewedClaims } from './identity.ts';
import { inner, refusalOf } from './library.ts';
import { type GroupsParts, groupsOf } from './preset-groups.ts';
import { presets } from './presets.ts';
import { type KeyPair, offersBinding, openProofKey } from './proof-key.ts';
import type { Origin, Refreshed } from './signed-in.ts';
import { type Asked, askForTokens, checkTokens, type TokenEndpointParts } from './token-endpoint.ts';

export interface RefreshParts extends TokenEndpointParts, GroupsParts {
  discovery: Discovery;
}

/** Metadata is read again once a day (identity providers announce changes weeks ahead). */
export const METADATA_AGE = hours(24);

/** How long after the sign-in groups and claims count that no renewal has said anew. */
const UNSAID_LIFE = hours(8);

/**
 * @throws AppError as IdentityProvider.refresh
 */
export async function refresh(parts: RefreshParts, refreshToken: Secret, origin: Origin): Promise<Refreshed> {
  const { profile } = parts;
  const { identity } = origin;
  const key = origin.proofKey === null ? null : await openProofKey(origin.proofKey);
  const metadata = await prepare(parts, key !== null);
  const expected: Answered = { of: 'refresh', origin, accessToken: undefined };
  const asked = await send(parts, metadata, refreshToken, key);
  const {
    claims,
    subjectToken,
    refreshToken: rotated,
    accessToken,
  } = await checkTokens(parts, asked, expected).catch((error: unknown) => {
    throw afterTheAnswer(error);
  });
  const isKept = keeping(parts, origin, claims);
  return {
    subjectToken,
    refreshToken: rotated ?? refreshToken,
    groups: (await groupsOf(parts, claims ?? {}, accessToken)) ?? unsaidGroups(parts, identity.groups, isKept),
    claims: renewedClaims(claims, profile, identity.claims, isKept),
  };
}

/**
 * Whether what a refresh left unsaid stays as the sign-in had it. Where the provider repeats it in the ID tokens it renews, leaving it out is
 * how it says that nothing is left. Where it does not, or sends no ID token, what was true at the sign-in may be true no longer, and is
 * believed for UNSAID_LIFE.
 */
function keeping({ profile, clock }: RefreshParts, { signedInAt }: Origin, claims: Claims | null): (claim: string) => boolean {
  const { groups, assurance } = presets[profile.idp.preset];
  const repeated = (claim: string): boolean => {
    if (claim === 'acr' || claim === 'auth_time') return assurance.refreshed.acr;
    if (claim === 'amr' || claim === profile.assurance.amrClaim) return assurance.refreshed.amr;
    return groups.refreshed;
  };
  return (claim) => {
    // check: refresh-left-out-is-gone
    if (claims !== null && repeated(claim)) return false;
    // end check
    // check: refresh-unsaid-ages
    if (clock.now() - signedInAt >= UNSAID_LIFE) return false;
    // end check
    return true;
  };
}

function unsaidGroups({ profile, audit }: RefreshParts, before: readonly string[], isKept: (claim: string) => boolean): readonly string[] {
  if (before.length === 0 || isKept(profile.idp.groupsClaim)) return before;
  audit.append({ type: 'session.groups-unknown', profile: profile.name, reason: 'left-out' });
  return [];
}

/** Metadata and keys, while the refresh token is still unused. */
async function prepare({ discovery, keys }: RefreshParts, isBound: boolean): Promise<IssuerMetadata> {
  try {
    const metadata = await discovery.metadata(METADATA_AGE);
    // check: binding-still-offered
    if (isBound && !offersBinding(metadata))
      throw new AppError('ISSUER_INVALID', { reason: 'changed', detail: 'Since the sign-in: tokens are no longer bound to a key.' });
    // end check
    // check: refresh-keys-first
    await keys.ready();
    // end check
    return metadata;
  } catch (error) {
    if (error instanceof AppError && (error.code === 'ISSUER_INVALID' || beforeSending.has(error.code))) throw error;
    throw new AppError('ISSUER_UNREACHABLE', { reason: 'unsent', cause: error });
  }
}

function send(parts: RefreshParts, metadata: IssuerMetadata, refreshToken: Secret, key: KeyPair | null): Promise<Asked> {
  const grant = (client: oidc.Configuration, proof: oidc.DPoPOptions) =>
    oidc.refreshTokenGrant(client, refreshToken.reveal(), undefined, proof);
  return askForTokens(parts, metadata, grant, { key }).catch((error: unknown) => {
    throw translate(error, key !== null);
  });
}

/** Errors that say "later", not "no". */
const passing = new Set(['server_error', 'temporarily_unavailable', 'use_dpop_nonce']);

/** The proof was looked at before the token, and did not please: most often this machine's clock is wrong. */
const unproven = () =>
  new AppError('ISSUER_UNREACHABLE', {
    reason: 'answered',
    detail: 'It does not accept the proof of our key; is the clock of this machine right?',
  });

/** @param isBound else the provider wants a proof from now on, and a token that was bound to nothing has come to its end */
function translate(error: unknown, isBound: boolean): AppError {
  const ours = inner(error);
  if (ours && (ours.code === 'ISSUER_UNREACHABLE' || beforeSending.has(ours.code))) return ours;
  const refusal = refusalOf(error);
  if (refusal === 'invalid_dpop_proof' && isBound) return unproven();
  if (refusal && passing.has(refusal)) return new AppError('ISSUER_UNREACHABLE', { reason: 'answered', cause: error });
  if (refusal) return new AppError('SESSION_REFUSED', { reason: refusal, cause: error });
  return new AppError('ISSUER_UNREACHABLE', { reason: 'sent', detail: 'Its answer is not one of OpenID Connect.', cause: error });
}

/** Keys that cannot be read for the check say `unsent` about themselves; the refresh token has been used all the same. */
function afterTheAnswer(error: unknown): unknown {
  const aboutKeys =
    error instanceof AppError && (error.code === 'ISSUER_UNREACHABLE' || error.code === 'ISSUER_INVALID' || beforeSending.has(error.code));
  return aboutKeys ? new AppError('ISSUER_UNREACHABLE', { reason: 'sent', detail: 'Its keys cannot be read.', cause: error }) : error;
}
