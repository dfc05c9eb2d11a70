/** A Databricks token as the broker sees it. */
import type { Secret } from '../secret.ts';
import type { EpochMs } from '../units.ts';

export interface MintedToken {
  token: Secret;
  /** Sorted, without duplicates; never wider than asked. */
  scopes: readonly string[];
  /** When it was asked for: its life is counted from here. */
  mintedAt: EpochMs;
  expiresAt: EpochMs;
}

export interface TokenRequest {
  /** Origin of a workspace of the profile, as `new URL(host).origin`. */
  workspace: string;
  /** Sorted, without duplicates. */
  scopes: readonly string[];
  /** When the client stops waiting: retries and waits end before it. */
  deadline: EpochMs;
}
