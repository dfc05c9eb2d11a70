/**
 * Where the Databricks tokens of a profile come from: the exchange of a person's JWT, the provider's own token as it is, or the client
 * credentials of a service principal. A source makes one attempt and says whether another makes sense; retries, checks of life, the audit
 * record and the cache are the same for all of them.
 */
import type { ExchangedToken } from './minted-token.ts';
import type { Attempt } from './retry.ts';

export interface SourceRequest {
  /** Origin of a workspace of the profile. */
  workspace: string;
  /** Sorted, without duplicates, not empty. */
  scopes: readonly string[];
  /** Lower-case hex; ties our audit record to the log line of the workspace. */
  requestId: string;
  /** The AI agent whose grant asked first. */
  aiAgent?: string | undefined;
  /** Throws once the session that this token is for has ended; asked between the steps, so that nothing is sent for nobody. */
  requireWanted: () => void;
}

/** A token, and how long the workspace took for it, in running time: without pauses, without the identity provider. */
export interface Obtained {
  token: ExchangedToken;
  tookMs: number;
}

export interface TokenSource {
  /**
   * Where tokens act as a service principal in a person's place: client id of the one that a token obtained now would act as, null where
   * the person may act as none. Asked before each token that is handed out, since groups change.
   */
  actsAs?(): string | null;
  /**
   * One attempt.
   *
   * Codes of a failed one: WORKSPACE_UNREACHABLE | WORKSPACE_BUSY (worth another try), WORKSPACE_TLS | WORKSPACE_ANSWER_INVALID |
   * SCOPE_NOT_NARROWED | EXCHANGE_* | CLOCK_SKEW.
   *
   * @throws AppError what the session says: SIGNED_OUT | SESSION_* | ISSUER_* | LOCKED | TOKEN_TOO_SHORT …
   */
  obtain(request: SourceRequest): Promise<Attempt<Obtained>>;
}
