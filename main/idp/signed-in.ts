/** What a sign-in at the identity provider proves, once every check has passed. */
import type { ActionOutcome } from '../../preload/contract/key-registration.ts';
import type { Secret } from '../secret.ts';
import type { EpochMs, Ms } from '../units.ts';

export const assuranceLevels = ['unknown', 'mfa', 'config-asserted', 'phr'] as const;
export type AssuranceLevel = (typeof assuranceLevels)[number];

/** How strongly the sign-in was proven by the provider's answer, and in which words it said so. */
export interface Assurance {
  level: AssuranceLevel;
  /** One sentence for people: which claim led to the level. */
  because: string;
  acr: string | null;
  amr: readonly string[];
  authTime: EpochMs | null;
}

export interface Identity {
  issuer: string;
  subject: string;
  /** The Databricks user name (profile: `usernameClaim`). */
  username: string;
  displayName: string;
  groups: readonly string[];
  /** The claims that the profile names in `policyClaims`, as far as the token has them. */
  claims: PolicyClaims;
}

export type PolicyClaims = Readonly<Record<string, string | readonly string[]>>;

/** A JWT of the provider that a workspace takes in exchange; it never leaves the agent but for that, or where a profile says `tokens: direct`. */
export interface SubjectToken {
  jwt: Secret;
  issuedAt: EpochMs;
  expiresAt: EpochMs;
  /** What it opens at the workspace, where the workspace itself has issued it. */
  scopes?: readonly string[];
}

export interface SignedIn {
  signedInAt: EpochMs;
  identity: Identity;
  assurance: Assurance;
  subjectToken: SubjectToken;
  /** null where the provider gives none: the session then ends with the subject token. */
  refreshToken: Secret | null;
  /** SHA-256, base64url, of the nonce that the ID token answered to; null where there was none. */
  nonceDigest: string | null;
  /** The key that the refresh token is bound to (RFC 9449), as it is kept; null where it is bound to none. */
  proofKey: Secret | null;
  /** How that came. `declined`: the provider offers it and yet bound nothing; `off`: the configuration says not to. */
  binding: Binding;
}

export type Binding = 'dpop' | 'declined' | 'off' | 'none';

/** The sign-in that a refresh goes back to: what comes anew must fit it (OpenID Connect Core section 12.2). */
export type Origin = Pick<SignedIn, 'signedInAt' | 'identity' | 'assurance' | 'nonceDigest' | 'proofKey'>;

/** The outcome of a refresh. A provider may leave acr and amr out here; the sign-in's assurance stays what it was. */
export interface Refreshed {
  subjectToken: SubjectToken;
  /** The token to use from now on: the rotated one, or the old one where the provider does not rotate. */
  refreshToken: Secret;
  groups: readonly string[];
  claims: PolicyClaims;
}

/** What became of a token at sign-out: said to the person as it is. */
export interface Revocation {
  refreshToken: 'revoked' | 'failed' | 'not-supported' | 'none';
  detail: string;
}

/** A fresh sign-in, proven in a certain way. */
export interface StepUpDemand {
  /** One of these must come back; empty: what the profile asks for. */
  acr: readonly string[];
  /** How old the sign-in at the provider may be. */
  maxAge: Ms;
}

export interface IdentityProvider {
  /**
   * Signs a person in with the system browser (RFC 8252, code + PKCE S256) and checks the answer.
   *
   * @param options.signal aborting it ends the wait with LOGIN_CANCELLED
   * @param options.onUrl the authorization URL, for hosts that print it; it holds no secret that outlives the sign-in
   * @param options.demand what a step-up asks for beyond the profile
   * @param options.requestId goes along in the User-Agent
   * @param options.provesKey it follows the registration of a key: fresh, and phishing-resistant where the provider ever says so, else no weaker than `floor`
   * @throws AppError TOKEN_BOUND: the profile wants the access token, and the provider has bound it to a key
   * @throws AppError LOGIN_* | ISSUER_* | ID_TOKEN_REJECTED | ASSURANCE_TOO_LOW | KEY_UNPROVEN | CLOCK_SKEW
   */
  signIn(options: {
    signal: AbortSignal;
    onUrl: (url: URL) => void;
    demand?: StepUpDemand;
    provesKey?: { floor: AssuranceLevel };
    requestId?: string;
  }): Promise<SignedIn>;
  /**
   * Has the provider let a person register a security key while they sign in there, at whatever level. Nobody is signed in to Lakepass by it.
   *
   * @returns what the provider says came of it, which anybody could have written into the address: only a sign-in with the key proves it
   * @throws AppError KEY_PAGE_UNKNOWN: this provider cannot be asked so | LOGIN_* | ISSUER_*
   */
  registerKey(options: { signal: AbortSignal; onUrl: (url: URL) => void }): Promise<ActionOutcome>;
  /**
   * One refresh, no retry: the caller owns the single use of the token.
   *
   * @param requestId goes along in the User-Agent
   *
   * @throws AppError ISSUER_UNREACHABLE: no answer, or a 5xx or 429. `reason` decides whether the token may be sent again:
   *   'unsent'   the request cannot have arrived (name not found, connection refused, TLS failed)
   *   'answered' the provider itself said 429, 500 or 503: it did not rotate the token
   *   'sent'     anything else after the request left (reset, time-out, a gateway's 502 or 504): nobody knows
   * @throws AppError ISSUER_INVALID: the provider's description of itself is not to be trusted; the token was not sent
   * @throws AppError VAULT_CORRUPT: the key that the token is bound to cannot be read; the token was not sent
   * @throws AppError SESSION_REFUSED: the provider said no (invalid_grant and its like)
   * @throws AppError ID_TOKEN_REJECTED: the new ID token is not of the sign-in it goes back to (iss, sub, aud, auth_time, nonce), or failed another check
   * @throws AppError CLOCK_SKEW: as above, because the clock of this machine is wrong
   */
  refresh(refreshToken: Secret, origin: Origin, requestId?: string): Promise<Refreshed>;
  /** RFC 7009, best effort, never throws. */
  revoke(refreshToken: Secret): Promise<Revocation>;
}
