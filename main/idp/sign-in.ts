/**
 * Signing in with the system browser (RFC 8252): authorization code, PKCE S256, state, nonce, RFC 9207 iss. The reading order is
 * the order of events; each step either holds or ends the sign-in with one coded failure.
 */
import { createHash } from 'node:crypto';
import * as oidc from 'openid-client';
import type { ActionOutcome } from '../../preload/contract/key-registration.ts';
import { AppError } from '../app-error.ts';
import type { Ports } from '../ports.ts';
import type { Profile } from '../profile/profile.ts';
import { type Ms, minutes } from '../units.ts';
import { askedAssurance, assuranceOf, demandAcr, demandAssurance } from './assurance.ts';
import { hearThroughBrowser, stopIfCancelled, type TripParts, takeThroughBrowser } from './browser-trip.ts';
import type { CallbackDoor } from './callback-door.ts';
import type { Discovery, IssuerMetadata } from './discovery.ts';
import { digestOf } from './id-token-claims.ts';
import { identityFrom } from './identity.ts';
import { asProving, asRegistering, demandKey, keyRoad, registerHint } from './key-registration.ts';
import { asFetch, clientFor, inner, refusalOf } from './library.ts';
import { type GroupsParts, groupsOf } from './preset-groups.ts';
import { loginRefused, refuseHopelessStepUp } from './preset-words.ts';
import { presets } from './presets.ts';
import { newProofKey, type ProofKey, proofFor, unbound, wantsBinding } from './proof-key.ts';
import { revoke } from './revoke.ts';
import type { AssuranceLevel, SignedIn, StepUpDemand } from './signed-in.ts';
import { askForTokens, type CheckedTokens, checkTokens, type TokenEndpointParts } from './token-endpoint.ts';
import { reject } from './token-rejection.ts';

export interface SignInParts extends TokenEndpointParts, TripParts, GroupsParts, Pick<Ports, 'random'> {
  discovery: Discovery;
}

/** What must come back unchanged, and what proves that the code is ours. All of it is used once. */
interface Pending {
  state: string;
  nonce: string;
  verifier: string;
  /** What the tokens will be bound to; null where the provider binds none. */
  proof: ProofKey | null;
}

/** A sign-in is rare: the provider's metadata is read anew for nearly every one. */
const METADATA_AGE = minutes(5);

interface Going {
  signal: AbortSignal;
  onUrl: (url: URL) => void;
  /** Told of the door, so that one which still waits for the browser's last request can be closed before the next. */
  onDoor: (door: CallbackDoor) => void;
}

/** What a sign-in must show beyond what the profile asks for. */
interface Demands {
  demand?: StepUpDemand | undefined;
  provesKey?: { floor: AssuranceLevel } | undefined;
}

/** @throws AppError as IdentityProvider.signIn */
export async function signIn(given: SignInParts, { signal, onUrl, onDoor, ...demands }: Going & Demands): Promise<SignedIn> {
  const { demand, provesKey } = demands;
  const demanded = demand === undefined ? given.profile : demanding(given.profile, demand);
  const parts = { ...given, profile: provesKey === undefined ? demanded : asProving(demanded) };
  if (demand !== undefined) refuseHopelessStepUp(given.profile, demand);
  stopIfCancelled(signal);
  const metadata = await parts.discovery.metadata(METADATA_AGE);
  stopIfCancelled(signal);
  const pending = { ...newPending(parts.random), proof: wantsBinding(metadata, parts.profile) ? await newProofKey() : null };
  return takeThroughBrowser(parts, {
    ...{ metadata, state: pending.state, signal, onUrl, onDoor },
    urlFor: (redirectUri) => authorizationUrl(parts, metadata, pending, redirectUri, signal),
    async conclude(code, redirectUri) {
      const tokens = await redeem(parts, metadata, pending, { code, redirectUri, signal });
      return conclude(parts, metadata, { ...tokens, proof: pending.proof }, signal, demands);
    },
  });
}

/** @throws AppError as IdentityProvider.registerKey */
export async function registerKey(given: SignInParts, { signal, onUrl, onDoor }: Going): Promise<ActionOutcome> {
  const road = keyRoad(given.profile);
  if (road?.how !== 'action') throw new AppError('KEY_PAGE_UNKNOWN');
  const parts = { ...given, profile: asRegistering(given.profile, road) };
  stopIfCancelled(signal);
  const metadata = await parts.discovery.metadata(METADATA_AGE);
  stopIfCancelled(signal);
  const pending = { ...newPending(parts.random), proof: null };
  return hearThroughBrowser(parts, {
    ...{ metadata, state: pending.state, signal, onUrl, onDoor, actionAnswer: road.answer },
    urlFor: (redirectUri) => authorizationUrl(parts, metadata, pending, redirectUri, signal),
  });
}

/** The profile with what a step-up asks for in place of what an everyday sign-in does; never weaker than that. */
const demanding = (profile: Profile, { acr, maxAge }: StepUpDemand): Profile => ({
  ...profile,
  assurance: {
    ...profile.assurance,
    acrValues: acr.length === 0 ? profile.assurance.acrValues : [...acr],
    maxAge: Math.min(profile.assurance.maxAge, maxAge) as Ms,
  },
});

/** 256 bits each, as base64url: a verifier may have 43 to 128 characters (RFC 7636 section 4.1). */
function newPending(random: Ports['random']): Omit<Pending, 'proof'> {
  const secret = () => random(32).toString('base64url');
  return { state: secret(), nonce: secret(), verifier: secret() };
}

/**
 * The URL for the browser. A pushed request (RFC 9126) hides its parameters but lives for about a minute, too short for a URL
 * that a person copies to another window; it is used only where the provider insists.
 */
async function authorizationUrl(
  { profile, clock, line, proofNonce }: SignInParts,
  metadata: IssuerMetadata,
  { state, nonce, verifier, proof }: Pending,
  redirectUri: string,
  signal: AbortSignal,
): Promise<URL> {
  const { idp, assurance } = profile;
  const client = clientFor(profile, metadata, clock, asFetch(line, signal));
  const { DPoP } = proofFor(client, proof?.pair ?? null, proofNonce);
  const parameters = {
    ...idp.parameters,
    // The code, too, is of use to the holder of the key alone (RFC 9449 section 10).
    ...(DPoP === undefined ? {} : { dpop_jkt: await DPoP.calculateThumbprint() }),
    redirect_uri: redirectUri,
    scope: idp.scopes.join(' '),
    state,
    nonce,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...(assurance.authTime === 'required' ? { max_age: String(assurance.maxAge / 1000) } : {}),
    ...askedAssurance(assurance),
    ...(idp.prompt ? { prompt: idp.prompt } : {}),
  };
  if (metadata.require_pushed_authorization_requests !== true) return oidc.buildAuthorizationUrl(client, parameters);
  try {
    return await oidc.buildAuthorizationUrlWithPAR(client, parameters);
  } catch (error) {
    throw translate(profile, error);
  }
}

async function redeem(
  parts: SignInParts,
  metadata: IssuerMetadata,
  { state, nonce, verifier, proof }: Pending,
  { code, redirectUri, signal }: { code: string; redirectUri: string; signal: AbortSignal },
): Promise<CheckedTokens> {
  const { profile } = parts;
  const maxAgeSeconds = profile.assurance.authTime === 'required' ? profile.assurance.maxAge / 1000 : null;
  // The door has judged the answer; the library judges it again and takes the redirect_uri from the same URL.
  const returnedTo = (client: oidc.Configuration) => {
    const returned = new URL(redirectUri);
    returned.search = new URLSearchParams({ code, state, iss: client.serverMetadata().issuer }).toString();
    return returned;
  };
  const checks = {
    ...{ pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true },
    ...(maxAgeSeconds === null ? {} : { maxAge: maxAgeSeconds }),
  };
  const grant = (client: oidc.Configuration, options: oidc.DPoPOptions) =>
    oidc.authorizationCodeGrant(client, returnedTo(client), checks, undefined, options);
  const asked = await askForTokens(parts, metadata, grant, { key: proof?.pair ?? null, signal }).catch((error: unknown) => {
    throw translate(profile, error);
  });
  try {
    return await checkTokens(parts, asked, { of: 'sign-in', nonce, code, accessToken: undefined, maxAgeSeconds });
  } catch (error) {
    dropRefreshToken(parts, metadata, asked.answer.refresh_token);
    throw error;
  }
}

/** The person and how strongly they were proven; a sign-in that is not good enough leaves nothing behind. */
async function conclude(
  parts: SignInParts,
  metadata: IssuerMetadata,
  { claims, subjectToken, refreshToken, accessToken, isBound, proof }: CheckedTokens & Pick<Pending, 'proof'>,
  signal: AbortSignal,
  { demand, provesKey }: Demands,
): Promise<SignedIn> {
  try {
    stopIfCancelled(signal);
    if (!claims) reject('missing');
    const assurance = assuranceOf(claims, parts.profile.assurance);
    const { profile } = parts;
    demandAssurance(assurance, profile.assurance, `${presets[profile.idp.preset].assurance.hint ?? ''} ${registerHint(profile)}`.trim());
    if (demand !== undefined) demandAcr(assurance, demand);
    if (provesKey !== undefined) demandKey(assurance, profile, provesKey.floor);
    const groups = (await groupsOf(parts, claims, accessToken)) ?? [];
    const identity = identityFrom(claims, parts.profile, groups);
    const proofKey = isBound && proof !== null ? proof.sealed : null;
    const binding = proof === null ? unbound(parts.profile) : proofKey === null ? 'declined' : 'dpop';
    const signedInAt = parts.clock.now();
    return { signedInAt, identity, assurance, subjectToken, refreshToken, nonceDigest: digestOf(claims['nonce']), proofKey, binding };
  } catch (error) {
    dropRefreshToken(parts, metadata, refreshToken?.reveal());
    throw error;
  }
}

/** Best effort, in the background: the sign-in has failed already and must not wait for this. */
function dropRefreshToken(parts: SignInParts, metadata: IssuerMetadata, token: string | undefined): void {
  // check: sign-in-drops-refresh-token
  if (token) void revoke(parts, async () => metadata, token);
  // end check
}

/** What the library threw, as one of our failures: an endpoint's no, or an answer that is no token answer. */
function translate(profile: Profile, error: unknown): AppError {
  const ours = inner(error);
  if (ours) return ours;
  const refusal = refusalOf(error);
  if (refusal === 'invalid_dpop_proof' && profile.subjectToken === 'access_token')
    return new AppError('TOKEN_BOUND', { reason: 'demanded', cause: error });
  if (refusal) return loginRefused(profile, refusal, error);
  return new AppError('ISSUER_UNREACHABLE', { reason: 'sent', detail: 'Its answer is not one of OpenID Connect.', cause: error });
}
