/** Tokens that leave through the control door, as `lakepass token` prints them: every check of the broker's, in the same order. */
import { AppError } from '../app-error.ts';
import type { AuditLog } from '../audit/event.ts';
import { fingerprintOf } from '../broker/serving.ts';
import type { Caller } from '../caller/caller.ts';
import type { Grant, Grants } from '../grant/grants.ts';
import type { Clock } from '../ports.ts';
import { type EpochMs, later, type Ms, remaining, seconds } from '../units.ts';
import type { Access } from './access.ts';
import type { Principal } from './agent.ts';
import { requirePerson } from './grant-making.ts';

/** How long the command line waits for a token before it is told why there is none. */
const tokenWait: Ms = seconds(20);

export interface PrintedTokens {
  /** In the shape of `tokenSchema`. @throws AppError GRANT_* | TAP_KEYS_WANTED | TOKEN_LIVES_TOO_LONG | AUDIT_UNWRITABLE, or as access and the mint refuse */
  tokenOf(grant: Grant, scopes: readonly string[], by: Caller): Promise<Record<string, unknown>>;
}

export function createPrintedTokens(parts: {
  principal: (profile: string) => Principal;
  grants: Grants;
  access: Access;
  /** @throws AppError TAP_KEYS_WANTED: whoever it is for has too few */
  requireTapKeys?: (person: Pick<Grant, 'issuer' | 'subject'>) => void;
  clock: Clock;
  audit: AuditLog;
}): PrintedTokens {
  /** @throws AppError GRANT_REVOKED | GRANT_EXPIRED, or as access refuses */
  function leaveFor(grant: Grant, by: Caller): Extract<ReturnType<Access['leave']>, { kind: 'yes' }> {
    const { state } = parts.grants.get(grant.id) ?? grant;
    // check: printed-token-grant-live
    if (state !== 'live') throw new AppError(state === 'expired' ? 'GRANT_EXPIRED' : 'GRANT_REVOKED');
    // end check
    // check: printed-token-tap-keys
    parts.requireTapKeys?.(grant);
    // end check
    const leave = parts.access.leave(grant, by);
    // check: printed-token-leave
    if (leave.kind !== 'yes') throw leave.error;
    // end check
    return leave as Extract<typeof leave, { kind: 'yes' }>;
  }

  async function tokenOf(grant: Grant, scopes: readonly string[], by: Caller): Promise<Record<string, unknown>> {
    let leave = leaveFor(grant, by);
    const { session, tokens } = parts.principal(grant.profile);
    requirePerson(session);
    session.touch();
    const { workspace } = grant;
    const aiAgent = grant.maker.aiAgent ?? undefined;
    const minted =
      tokens.peek(workspace, scopes) ?? (await tokens.get({ workspace, scopes, aiAgent, deadline: later(parts.clock.now(), tokenWait) }));
    // What was true before a wait may not be so any more.
    // check: printed-token-leave-after-wait
    leave = leaveFor(grant, by);
    // end check
    // check: printed-token-subject
    if (minted.subject !== grant.subject) throw new AppError('GRANT_OTHER_PERSON');
    // end check
    // check: printed-token-life
    if (leave.maxTokenLife !== null && minted.expiresAt - minted.mintedAt > leave.maxTokenLife) throw new AppError('TOKEN_LIVES_TOO_LONG');
    // end check
    // check: audit-before-printed-token
    parts.audit.append({
      type: 'token.printed',
      profile: grant.profile,
      workspace,
      scopes: minted.scopes,
      expiresAt: new Date(minted.expiresAt).toISOString(),
      fingerprint: fingerprintOf(minted),
      requestId: minted.requestId,
    });
    // end check
    if (leave.failClosed) await parts.audit.synced();
    parts.access.used(grant, by);
    return {
      access_token: minted.token.reveal(),
      token_type: 'Bearer',
      expiry: localTime(minted.expiresAt),
      expires_in: Math.floor(remaining(minted.expiresAt, parts.clock.now()) / 1000),
    };
  }

  return { tokenOf };
}

/**
 * RFC 3339 in local time, with a fraction and an offset. Databricks' Python SDK drops everything from the first dot and reads
 * the rest as local time, so neither UTC nor a missing fraction would do.
 */
export function localTime(at: EpochMs): string {
  const offsetMinutes = -new Date(at).getTimezoneOffset();
  const wall = new Date(at + offsetMinutes * 60_000).toISOString().replace('Z', '000000');
  const two = (value: number): string => String(Math.floor(Math.abs(value))).padStart(2, '0');
  return `${wall}${offsetMinutes < 0 ? '-' : '+'}${two(offsetMinutes / 60)}:${two(offsetMinutes % 60)}`;
}
