/**
 * Mints one token: what its source gives, with its retries, the last checks, the audit record.
 * A token that fails a check, that nobody may have any more, or that the audit log could not take is dropped here.
 */
import { AppError, asAppError } from '../app-error.ts';
import type { AuditLog } from '../audit/event.ts';
import type { Clock, Log } from '../ports.ts';
import type { TokenOwner } from '../profile/profile.ts';
import { type OnTimed, stopwatch } from '../timed.ts';
import { type EpochMs, type Ms, remaining } from '../units.ts';
import type { ExchangedToken, MintedToken } from './minted-token.ts';
import { type Attempt, withRetry } from './retry.ts';
import { floorOf, lifeOf } from './token-life.ts';
import type { Obtained, TokenSource } from './token-source.ts';

export interface MintParts {
  profile: TokenOwner;
  clock: Clock;
  random: (bytes: number) => Buffer;
  source: TokenSource;
  /** Whom the session is for, for the audit log. */
  subject: () => string;
  /** Tells one sign-in from the next, also of the same person; null while nobody is signed in. Absent where nobody ever signs in. */
  signedInAt?: () => string | null;
  /** It is no person's. */
  identity?: 'service-principal';
  audit: AuditLog;
  log: Log;
  /** Told of each mint and of each try of it. */
  timed?: OnTimed | undefined;
}

export interface MintRequest {
  workspace: string;
  scopes: readonly string[];
  /** No retry ends later; read anew each time. */
  until: () => EpochMs;
  /** Told of every attempt that failed, also of those that another try may mend. */
  onTrouble: (error: AppError) => void;
  /** False once the session that this token is for has ended. */
  wanted: () => boolean;
  /** The AI agent whose grant asked first. */
  aiAgent?: string | undefined;
}

/** @returns a function that rejects as `Tokens.get` describes, DEADLINE_PASSED apart */
export function createMint(parts: MintParts): (request: MintRequest) => Promise<MintedToken> {
  const { profile, clock, random, audit, source } = parts;

  const aboutOf = ({ workspace, scopes }: MintRequest, requestId: string) => ({ profile: profile.name, requestId, workspace, scopes });

  async function attempt(request: MintRequest, requestId: string): Promise<Attempt<Obtained>> {
    const took = stopwatch(parts, { what: 'try', ...aboutOf(request, requestId) });
    try {
      const outcome = await tryOnce(request, requestId);
      took(outcome.ok ? null : outcome.error.code);
      return outcome;
    } catch (error) {
      took(asAppError(error).code);
      throw error;
    }
  }

  async function tryOnce({ workspace, scopes, wanted, aiAgent, onTrouble }: MintRequest, requestId: string): Promise<Attempt<Obtained>> {
    const outcome = await source.obtain({ workspace, scopes, requestId, aiAgent, requireWanted: () => requireWanted(wanted) });
    const judged = outcome.ok ? arrived(outcome.value) : outcome;
    if (!judged.ok) onTrouble(judged.error);
    return judged;
  }

  /** A machine that sleeps while the answer is on its way may wake up to a token that is nearly over. */
  function arrived(obtained: Obtained): Attempt<Obtained> {
    const { token } = obtained;
    // check: token-late
    if (remaining(token.expiresAt, clock.now()) < floorOf(token))
      return { ok: false, error: new AppError('WORKSPACE_UNREACHABLE', { reason: 'late' }), retry: { notBefore: null } };
    // end check
    return { ok: true, value: obtained };
  }

  return async (request) => {
    const { workspace, scopes, until, wanted, aiAgent } = request;
    const requestId = random(8).toString('hex');
    const took = stopwatch(parts, { what: 'mint', ...aboutOf(request, requestId) });
    const facts = { profile: profile.name, workspace, requestId, ...(aiAgent === undefined ? {} : { aiAgent }) };
    try {
      const { token, tookMs } = await withRetry(() => attempt(request, requestId), { clock, random, until });
      requireWorkableLife(token, profile.limits.minTokenLife);
      requireWanted(wanted);
      // Read in the turn in which the session was found to be the one that asked.
      const minted: MintedToken = { ...token, subject: parts.subject(), requestId };
      const expiresAt = new Date(minted.expiresAt).toISOString();
      // check: audit-before-token
      // Written before anyone can have the token. A log that cannot be written throws, and the token is gone.
      const width = minted.narrowed === undefined ? {} : { narrowed: 'no' as const };
      const principal = {
        ...(minted.actsAs === undefined ? {} : { actsAs: minted.actsAs }),
        ...(parts.identity === undefined ? {} : { identity: parts.identity }),
      };
      audit.append({
        type: 'token.minted',
        ...facts,
        scopes: minted.scopes,
        ...width,
        expiresAt,
        subject: minted.subject,
        ...principal,
        tookMs,
      });
      // end check
      took(null);
      return minted;
    } catch (error) {
      const { code } = asAppError(error);
      took(code);
      if (code !== 'AUDIT_UNWRITABLE') audit.append({ type: 'token.mint-failed', ...facts, scopes, code });
      throw error;
    }
  };
}

/** Whoever signed out, or signed in as someone else, must not get a token that was asked for before. */
function requireWanted(wanted: () => boolean): void {
  // check: token-generation
  if (!wanted()) throw new AppError('SIGNED_OUT');
  // end check
}

function requireWorkableLife(minted: ExchangedToken, shortest: Ms): void {
  const life = lifeOf(minted);
  // check: token-too-short
  if (life < shortest)
    throw new AppError('TOKEN_TOO_SHORT', { detail: `The token lives ${Math.floor(life / 1000)} s; ${shortest / 1000} s are needed.` });
  // end check
}
