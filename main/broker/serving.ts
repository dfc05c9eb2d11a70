/**
 * Hands out tokens that are there, and keeps the record of it. The record of a token's first answer to a grant, and to each program
 * that uses it, is written before the answer leaves; further answers with the same token are counted and written once a minute. A record that cannot be written
 * means no token.
 */
import { hash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { asAppError } from '../app-error.ts';
import type { AuditLog } from '../audit/event.ts';
import type { Caller } from '../caller/caller.ts';
import type { MintedToken } from '../databricks/minted-token.ts';
import type { Grant, Grants } from '../grant/grants.ts';
import type { Clock, Log } from '../ports.ts';
import { Secret } from '../secret.ts';
import { type EpochMs, type Ms, minutes, toNumericDate } from '../units.ts';
import { type Answer, send, tokenAnswer } from './answers.ts';

/** What one grant was last answered. */
interface Use {
  minted: MintedToken;
  /** Programs that a record of this token names. */
  programs: Set<string>;
  expiresOn: number;
  answer: Answer;
  /** Answers from the cache that the audit log does not know of yet. */
  again: number;
  /** The log could not take the count; until it can, nothing more leaves. */
  blocked: boolean;
}

export interface Serving {
  /**
   * Writes the record of an answer, or counts it, and makes it; it may leave now.
   *
   * @param lease how long the client may keep it at most; the profile's own limit holds as well
   * @throws AppError AUDIT_UNWRITABLE: nothing may leave
   */
  prepare(grant: Grant, minted: MintedToken, lease: Ms, caller: Caller): Answer;
  /** Sends what was prepared. */
  handOut(grant: Grant, answer: Answer, response: ServerResponse): void;
  /** Lets go of the token a grant was last answered with. */
  forget(grantId: string): void;
  /** Lets go of every token; what the audit log could not take yet is still counted. */
  forgetAll(): void;
  close(): void;
}

/** Stands in a count for a token that was let go of. */
const released: Pick<Use, 'minted' | 'answer'> = {
  minted: { token: new Secret(''), scopes: [], mintedAt: 0 as EpochMs, expiresAt: 0 as EpochMs, subject: '', requestId: '' },
  answer: { status: 403, headers: [], body: '' },
};

export function createServing(parts: {
  clock: Clock;
  grants: Pick<Grants, 'used'>;
  lease: (profile: string) => Ms;
  onUse: ((profile: string) => void) | undefined;
  audit: AuditLog;
  log: Log;
}): Serving {
  const { clock, grants, lease, onUse, audit, log } = parts;
  const uses = new Map<string, Use>();
  let cancelFlush: (() => void) | undefined;

  function begin(grant: Grant, minted: MintedToken, expiresOn: number, caller: Caller): Use {
    const before = uses.get(grant.id);
    if (before !== undefined) writeCount(grant.id, before);
    record(grant, minted, expiresOn, caller);
    const programs = new Set([keyOf(caller)]);
    const use = { minted, programs, expiresOn, answer: tokenAnswer(minted.token, expiresOn), again: 0, blocked: false };
    uses.set(grant.id, use);
    return use;
  }

  function record(grant: Grant, minted: MintedToken, expiresOn: number, { kind, process, aiAgent }: Caller): void {
    // check: served-record-first
    audit.append({
      type: 'token.served',
      grant: grant.id,
      workspace: grant.workspace,
      scopes: minted.scopes,
      expiresAt: new Date(minted.expiresAt).toISOString(),
      lease: new Date(expiresOn * 1000).toISOString(),
      fingerprint: fingerprintOf(minted),
      requestId: minted.requestId,
      caller: process?.executable ?? 'unknown',
      callerKind: kind,
      ...(aiAgent === null ? {} : { aiAgent }),
    });
    // end check
  }

  function repeat(grant: Grant, use: Use, expiresOn: number, caller: Caller): void {
    // check: audit-count-written
    if (use.blocked) writeCount(grant.id, use);
    // end check
    const program = keyOf(caller);
    if (!use.programs.has(program)) {
      record(grant, use.minted, expiresOn, caller);
      use.programs.add(program);
    }
    if (use.expiresOn !== expiresOn) {
      use.expiresOn = expiresOn;
      use.answer = tokenAnswer(use.minted.token, expiresOn);
    }
    use.again++;
    cancelFlush ??= clock.after(minutes(1), flush);
  }

  function writeCount(grantId: string, use: Use): void {
    if (use.again > 0) audit.append({ type: 'token.served-again', grant: grantId, count: use.again });
    use.again = 0;
    use.blocked = false;
  }

  function flush(): void {
    cancelFlush = undefined;
    const now = clock.now();
    for (const [grantId, use] of uses) {
      tryWriteCount(grantId, use);
      if (use.minted.expiresAt <= now && !use.blocked) uses.delete(grantId);
    }
  }

  function tryWriteCount(grantId: string, use: Use): void {
    try {
      writeCount(grantId, use);
    } catch (error) {
      use.blocked = true;
      log('broker.count-unwritten', { grant: grantId, count: use.again, code: asAppError(error).code });
      cancelFlush ??= clock.after(minutes(1), flush);
    }
  }

  return {
    prepare(grant, minted, atMost, caller) {
      const expiresOn = leaseEnd(clock.now(), minted.expiresAt, Math.min(lease(grant.profile), atMost) as Ms);
      let use = uses.get(grant.id);
      if (use === undefined || use.minted !== minted) use = begin(grant, minted, expiresOn, caller);
      else repeat(grant, use, expiresOn, caller);
      return use.answer;
    },
    handOut(grant, answer, response) {
      grants.used(grant);
      onUse?.(grant.profile);
      send(response, answer);
    },
    forget(grantId) {
      const use = uses.get(grantId);
      if (use === undefined) return;
      tryWriteCount(grantId, use);
      if (!use.blocked) uses.delete(grantId);
    },
    forgetAll() {
      for (const [grantId, use] of uses) {
        tryWriteCount(grantId, use);
        if (use.blocked) Object.assign(use, released);
        else uses.delete(grantId);
      }
    },
    close() {
      for (const [grantId, use] of uses) tryWriteCount(grantId, use);
      cancelFlush?.();
      uses.clear();
    },
  };
}

/** Programs, not processes: a pool of workers is one program. */
const keyOf = ({ kind, process, aiAgent }: Caller): string => `${kind} ${aiAgent ?? ''} ${process?.executable ?? ''}`;

/** Whole epoch seconds: an honest SDK comes back after it, so this is how long a revocation may take to bite. */
export const leaseEnd = (now: EpochMs, tokenEnd: EpochMs, lease: Ms): number => toNumericDate(Math.min(tokenEnd, now + lease) as EpochMs);

/** Tells tokens apart in the log; 64 bits of a hash give nothing of a token away. */
export const fingerprintOf = ({ token }: MintedToken): string => hash('sha256', token.reveal(), 'hex').slice(0, 16);
