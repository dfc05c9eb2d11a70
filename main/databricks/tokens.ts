/**
 * Databricks tokens for everyone who asks: minted once for all who wait, kept in memory, renewed ahead of their end while they are in
 * use. A token is never wider than asked and never handed out in its last moments.
 *
 * Every workspace and scope set stands alone: a host that hangs delays only those who asked for it.
 */
import type { FailureCode } from '../../preload/contract/failure.ts';
import { AppError, asAppError } from '../app-error.ts';
import { type EpochMs, later, ms, remaining, seconds } from '../units.ts';
import { inTime } from './in-time.ts';
import { createMint, type MintParts } from './mint.ts';
import type { MintedToken, TokenRequest } from './minted-token.ts';
import { pause } from './retry.ts';
import { type Level, levelOf, resolveScopes } from './scopes.ts';
import { type HeldToken, holdToken, lifeLeft } from './token-life.ts';

export interface Tokens {
  /**
   * The token that serves right now, without waiting; undefined when `get` is needed. Where its end comes near, a new one is fetched
   * in the background, once.
   *
   * @param workspace origin, as in TokenRequest
   * @param scopes sorted, without duplicates
   */
  peek(workspace: string, scopes: readonly string[]): MintedToken | undefined;
  /**
   * A token that serves: the one at hand, or one minted now for all who wait for the same.
   *
   * @throws AppError DEADLINE_PASSED: nothing came in time; minting goes on for the others
   * @throws AppError WORKSPACE_* | EXCHANGE_* | SCOPE_* | CLOCK_SKEW | TOKEN_TOO_SHORT | SIGNED_OUT | SESSION_* | ISSUER_* …: for one
   *   second after a failure it is repeated without asking again, so that a storm of callers does not become one at the workspace
   * @throws AppError AUDIT_UNWRITABLE: the audit log could not take the record, so the token was thrown away
   */
  get(request: TokenRequest): Promise<MintedToken>;
  /** Drops every token, and the answers still on their way; those who wait are told why, SIGNED_OUT unless it is said. */
  forget(why?: AppError): void;
  /** How the last exchange with this workspace (a host or an origin) ended. */
  health(workspace: string): 'unknown' | 'ok' | FailureCode;
}

interface Flight {
  landed: Promise<MintedToken>;
  /** Ends the wait of everyone at once. */
  abandon: (error: AppError) => void;
  /** When the last of those who wait gives up. */
  deadline: EpochMs;
  /** How its last attempt failed. */
  trouble?: AppError;
}

/** All we know about one workspace × scope set. Moments are running time. */
interface Entry {
  readonly workspace: string;
  readonly scopes: readonly string[];
  held?: HeldToken;
  /** Of the AI agent whose grant asked first, when somebody last waited; renewals go on under it. */
  aiAgent?: string | undefined;
  flight?: Flight;
  lastFailure?: { error: AppError; until: number; signedInAt: string | null };
  renewalsFailed: number;
  noRenewalBefore: number;
}

/** How long a failure is repeated without asking again. */
const FAILURE_KEPT = seconds(1);
/** Renewals in the background have nobody waiting: they try this long, and after a failure pause for up to half a minute. */
const RENEWAL_LIMIT = seconds(30);
const LONGEST_RENEWAL_PAUSE = seconds(30);

/** Troubles that may be over in a moment: who has the time waits for that instead of being told of them again. */
const passing: ReadonlySet<FailureCode> = new Set(['WORKSPACE_BUSY', 'WORKSPACE_UNREACHABLE', 'ISSUER_UNREACHABLE', 'PROXY_UNREACHABLE']);

/** The tokens of one profile. It asks for nothing by itself: what nobody uses is not renewed. */
export function createTokens(parts: MintParts): Tokens {
  const { profile, clock, log, source, signedInAt = () => null } = parts;
  const mint = createMint(parts);
  const levels = new Map(profile.workspaces.map((workspace) => [new URL(workspace.host).origin, levelOf(workspace)]));
  const entries = new Map<string, Entry>();
  const healths = new Map<string, 'ok' | FailureCode>();
  let generation = 0;

  /** A grant asks with the same list again and again, so its key is made once. */
  const keys = new WeakMap<readonly string[], { workspace: string; key: string }>();
  function keyOf(workspace: string, scopes: readonly string[]): string {
    const made = keys.get(scopes);
    if (made?.workspace === workspace) return made.key;
    const key = `${workspace} ${scopes.join(' ')}`;
    keys.set(scopes, { workspace, key });
    return key;
  }

  function entryFor(workspace: string, scopes: readonly string[]): Entry {
    const key = keyOf(workspace, scopes);
    const known = entries.get(key);
    if (known) return known;
    // check: workspace-of-profile
    if (!levels.has(workspace)) throw new AppError('WORKSPACE_UNKNOWN');
    // end check
    const entry: Entry = { workspace, scopes: requireExactScopes(scopes, levels.get(workspace)), renewalsFailed: 0, noRenewalBefore: 0 };
    sweep();
    entries.set(key, entry);
    return entry;
  }

  /** Scope sets come and go with grants; a token past its end serves nobody. */
  function sweep(): void {
    for (const [key, { held, flight, lastFailure }] of entries) {
      const inUse = flight || (held && lifeLeft(held, clock) > 0) || (lastFailure && lastFailure.until > clock.elapsed());
      if (!inUse) entries.delete(key);
    }
  }

  function servable(entry: Entry): MintedToken | undefined {
    const { held } = entry;
    if (!held) return undefined;
    const left = lifeLeft(held, clock);
    // check: token-floor
    if (left < held.floor) return undefined;
    // end check
    // check: token-acts-as-now
    if (source.actsAs !== undefined && held.minted.actsAs !== source.actsAs()) return undefined;
    // end check
    if (left < held.renewBelow && !entry.flight && clock.elapsed() >= entry.noRenewalBefore) renew(entry);
    return held.minted;
  }

  function renew(entry: Entry): void {
    const { landed } = launch(entry, later(clock.now(), RENEWAL_LIMIT));
    landed.catch((error: unknown) => log('token.renewal-failed', { workspace: entry.workspace, code: asAppError(error).code }));
  }

  /** One flight for everybody who wants this token. Right after a passing trouble it first lets the quiet moment go by. */
  function launch(entry: Entry, deadline: EpochMs): Flight {
    const { promise, resolve, reject } = Promise.withResolvers<MintedToken>();
    const flight: Flight = { landed: promise, abandon: reject, deadline };
    entry.flight = flight;
    const quiet = ms((lastFailureOf(entry)?.until ?? 0) - clock.elapsed());
    const flying = quiet > 0 ? pause(clock, quiet).then(() => fly(entry, flight)) : fly(entry, flight);
    flying.finally(() => delete entry.flight).then(resolve, reject);
    return flight;
  }

  async function fly(entry: Entry, flight: Flight): Promise<MintedToken> {
    const { workspace, scopes } = entry;
    const born = generation;
    const bornIn = signedInAt();
    const wanted = () => born === generation;
    // Nobody waits for a token of a session that has ended: the flight makes no further attempt.
    const until = () => (wanted() ? flight.deadline : (0 as EpochMs));
    const onTrouble = (error: AppError) => {
      flight.trouble = error;
      if (wanted()) healths.set(workspace, error.code);
    };
    try {
      const minted = await mint({ workspace, scopes, until, wanted, onTrouble, aiAgent: entry.aiAgent });
      const isNewer = entry.held === undefined || minted.expiresAt > entry.held.minted.expiresAt;
      entry.held = holdToken(minted, clock);
      // A source that has nothing newer yet is not asked for it again and again.
      if (isNewer) entry.renewalsFailed = 0;
      else pauseRenewals(entry);
      delete entry.lastFailure;
      if (wanted()) healths.set(workspace, 'ok');
      return minted;
    } catch (error) {
      if (wanted()) remember(entry, asAppError(error), bornIn);
      throw error;
    }
  }

  function pauseRenewals(entry: Entry): void {
    entry.noRenewalBefore = clock.elapsed() + Math.min(LONGEST_RENEWAL_PAUSE, FAILURE_KEPT * 2 ** entry.renewalsFailed);
    entry.renewalsFailed += 1;
  }

  function remember(entry: Entry, error: AppError, bornIn: string | null): void {
    const now = clock.elapsed();
    entry.lastFailure = { error, until: now + FAILURE_KEPT, signedInAt: bornIn };
    pauseRenewals(entry);
    if (error.code === 'TOKEN_TOO_SHORT') healths.set(entry.workspace, error.code);
  }

  /** Not once somebody has signed in, and be it the same person: what failed before that says nothing about now. */
  function lastFailureOf({ lastFailure }: Entry): Entry['lastFailure'] {
    return lastFailure?.signedInAt === signedInAt() ? lastFailure : undefined;
  }

  function repeatFailure(entry: Entry, deadline: EpochMs): void {
    const lastFailure = lastFailureOf(entry);
    const left = ms((lastFailure?.until ?? 0) - clock.elapsed());
    if (!lastFailure || left <= 0) return;
    if (passing.has(lastFailure.error.code) && later(clock.now(), left) < deadline) return;
    throw lastFailure.error;
  }

  return {
    peek(workspace, scopes) {
      const entry = entries.get(keyOf(workspace, scopes));
      return entry && servable(entry);
    },
    async get({ workspace, scopes, deadline, aiAgent }) {
      const entry = entryFor(workspace, scopes);
      const minted = servable(entry);
      if (minted) return minted;
      const left = remaining(deadline, clock.now());
      if (left <= 0) throw new AppError('DEADLINE_PASSED');
      if (!entry.flight) {
        repeatFailure(entry, deadline);
        entry.aiAgent = aiAgent;
      }
      const flight = entry.flight ?? launch(entry, deadline);
      if (flight.deadline < deadline) flight.deadline = deadline;
      return inTime(clock, flight.landed, left, () => tooLate(flight));
    },
    forget(why = new AppError('SIGNED_OUT')) {
      generation += 1;
      const abandoned = [...entries.values()].flatMap(({ flight }) => flight ?? []);
      entries.clear();
      healths.clear();
      for (const { abandon } of abandoned) abandon(why);
    },
    health: (workspace) => healths.get(new URL(workspace).origin) ?? 'unknown',
  };
}

/** Whoever waited in vain is told what went wrong meanwhile. */
const tooLate = ({ trouble }: Flight): AppError =>
  new AppError(
    'DEADLINE_PASSED',
    trouble ? { reason: trouble.code, detail: `The last try: ${trouble.toFailure().cause}`, cause: trouble } : {},
  );

/** A grant turned words into scopes once. What comes here must already be what it resolves to, or a word would widen it again. */
function requireExactScopes(scopes: readonly string[], level: Level | undefined): readonly string[] {
  const resolved = resolveScopes(scopes, undefined, level);
  // check: scopes-exact
  if (resolved.join(' ') !== scopes.join(' ')) throw new AppError('SCOPE_UNKNOWN', { reason: 'unresolved' });
  // end check
  return resolved;
}
