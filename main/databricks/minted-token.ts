/** A Databricks token as the broker sees it. */
import type { Secret } from '../secret.ts';
import type { EpochMs } from '../units.ts';

/** A token as an exchange brings it; the session says whom it is for. */
export interface ExchangedToken {
  token: Secret;
  /** Sorted, without duplicates; never wider than asked, but where `narrowed` is false. */
  scopes: readonly string[];
  /** false: it may do more than was asked for, which the profile allows. */
  narrowed?: false;
  /** When it was asked for: its life is counted from here. */
  mintedAt: EpochMs;
  expiresAt: EpochMs;
  /** Client id of the service principal that it acts as instead of the person it was given to. */
  actsAs?: string;
}

export interface MintedToken extends ExchangedToken {
  /** Whom the token is for: the `sub` of the session it was minted in, or the client id of a service principal. */
  subject: string;
  /** Of the request that brought it, as in the audit log and in the User-Agent. */
  requestId: string;
}

export interface TokenRequest {
  /** Origin of a workspace of the profile, as `new URL(host).origin`. */
  workspace: string;
  /** Sorted, without duplicates. */
  scopes: readonly string[];
  /** When the client stops waiting: retries and waits end before it. */
  deadline: EpochMs;
  /** The AI agent whose grant it is. */
  aiAgent?: string | undefined;
}
