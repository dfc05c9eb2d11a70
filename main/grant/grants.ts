/**
 * All grants: made, found by their secret, counted, ended. A secret leaves this file once, from `create`; a grant that has ended
 * never lives again, whatever the clock does, and is remembered for a week so that a refusal can say why.
 */
import type { z } from 'zod';
import type { Failure } from '../../preload/contract/failure.ts';
import { AppError, asAppError } from '../app-error.ts';
import type { AuditEvent, AuditLog } from '../audit/event.ts';
import type { ProcessRef } from '../caller/caller.ts';
import type { Clock, Log } from '../ports.ts';
import { Secret } from '../secret.ts';
import type { Stamp } from '../stamped-file.ts';
import { type EpochMs, hours, type Ms, minutes, ms, seconds } from '../units.ts';
import {
  type Grant,
  type GrantEnd,
  type GrantRequest,
  grantRequestSchema,
  identityOf,
  memberLimit,
  type StoredGrant,
  wideningSchema,
} from './grant.ts';
import { createGrantFile, loadGrants } from './grant-file.ts';
import { createGrantIndex, digestOf } from './grant-index.ts';

export type { Grant, GrantEnd, GrantRequest, Maker } from './grant.ts';

/** How many may live at once, and how many that have ended are remembered; beyond it the oldest are forgotten. */
const liveLimit = 1000;
const endedLimit = 2000;
const remembered: Ms = hours(7 * 24);
/** How much of "last used" a crash may lose. */
const useWriteDelay: Ms = seconds(60);
/** A member that a crash forgets would have to be asked about, but a run can start hundreds of processes in a second. */
const memberWriteDelay: Ms = seconds(1);
/** As many scopes as a token may be asked for. */
const scopeLimit = 64;
/** The wall clock may jump while a timer sleeps, so the next end is looked at afresh at least this often. */
const longestWait: Ms = minutes(5);

export interface Grants {
  /**
   * Makes a grant; it is in the audit log and on the disk when this resolves.
   *
   * @returns the grant and its secret: 43 characters of base64url, 256 bits
   * @throws AppError GRANT_LIMIT: too many live grants (reason `count`), or an end that is not in the future (`until`)
   * @throws AppError INPUT_INVALID: the reason names the field
   * @throws AppError AUDIT_UNWRITABLE | DISK_FULL: there is no such grant
   */
  create(request: GrantRequest): Promise<{ grant: Grant; secret: Secret }>;
  /**
   * Adds scopes to a live grant, under the same secret. In the audit log before it takes effect, on the disk when this resolves.
   * `grant.scopes` is another array afterwards, by which whoever caches answers can tell.
   *
   * @param approved how, as in the audit log
   * @throws AppError GRANT_UNKNOWN | GRANT_REVOKED | GRANT_EXPIRED
   * @throws AppError GRANT_LIMIT: too many scopes (reason `scopes`) | INPUT_INVALID: the reason names the field
   * @throws AppError AUDIT_UNWRITABLE | DISK_FULL: it is as narrow as it was
   */
  widen(id: string, scopes: readonly string[], approved: string): Promise<Grant>;
  /** By its secret; ended grants are found too, with the state that says why they are refused. */
  find(secret: string): Grant | undefined;
  /** Live ones and remembered ones, oldest first. */
  list(): readonly Grant[];
  get(id: string): Grant | undefined;
  /** False when there was nothing to end. @throws AppError DISK_FULL: ended now, but a restart would not know of it */
  end(id: string, why: GrantEnd): Promise<boolean>;
  /** Ends every live grant of which the predicate is true; resolves with their number. @throws AppError DISK_FULL as for `end` */
  endWhere(predicate: (grant: Grant) => boolean, why: GrantEnd): Promise<number>;
  /**
   * Pauses a live grant, or lets it go on: while it is paused it gets no token. Its end, its members and its secret stay as they are.
   *
   * @returns false when there was nothing to change: it has ended, or is so already
   * @throws AppError GRANT_UNKNOWN
   * @throws AppError AUDIT_UNWRITABLE | DISK_FULL: a grant that was to go on stays paused; one that was to be paused is, but a restart may
   * not know of it
   */
  pause(id: string, paused: boolean): Promise<boolean>;
  /** A token was handed out. Written to the disk within a minute. */
  used(grant: Grant): void;
  /** These are its known members now, the bounded number of them. Written to the disk within a second. */
  keepMembers(grant: Grant, members: readonly ProcessRef[]): void;
  /** The run's program lives in this control group of its own. Written to the disk within a second; nothing happens to any other grant. */
  bindScope(grant: Grant, cgroup: string): void;
  /** Told once about every grant that is made. */
  onMade(listener: (grant: Grant) => void): void;
  /** Told once about every grant that ends, by whatever cause. */
  onEnd(listener: (grant: Grant, why: GrantEnd) => void): void;
  /** Told about every grant that was paused, or goes on. */
  onPause(listener: (grant: Grant) => void): void;
  /** What was wrong with the file when it was opened (GRANTS_CORRUPT); null when all was well. */
  readonly problem: Failure | null;
  /** Writes what is not yet written and stops the timers. */
  close(): Promise<void>;
}

/**
 * Opens the grants kept in `file`, which lies in a folder that only this user may enter.
 *
 * Grants of processes of another boot end here, and so do those of the first version of the file, which were bound to nothing.
 *
 * @param parts.bootId names this boot of the machine (`/proc/sys/kernel/random/boot_id`)
 * @param parts.stamp a file that does not carry this keyed hash of its content is set aside as unreadable
 * @throws AppError DISK_FULL: the file can be neither read nor set aside
 */
export async function openGrants(parts: {
  file: string;
  clock: Clock;
  random: (bytes: number) => Buffer;
  audit: AuditLog;
  bootId: string;
  stamp?: Stamp;
  log?: Log;
}): Promise<Grants> {
  const { clock, random, audit, log } = parts;
  const loaded = await loadGrants(parts.file, random, parts.stamp);
  if (loaded.problem !== null) log?.('grants.set-aside', { code: loaded.problem.code });

  const grants = new Map<string, StoredGrant>();
  const index = createGrantIndex();
  const file = createGrantFile(parts.file, random, () => grants.values(), parts.stamp);
  const listeners: ((grant: Grant, why: GrantEnd) => void)[] = [];
  const madeListeners: ((grant: Grant) => void)[] = [];
  const pauseListeners: ((grant: Grant) => void)[] = [];
  let liveCount = 0;
  /** Ends that the audit log could not take; it gets them as soon as it can. */
  let owedToAudit: AuditEvent[] = [];
  let cancelExpiry = (): void => undefined;
  let cancelUseWrite: (() => void) | undefined;
  let cancelMemberWrite: (() => void) | undefined;

  for (const grant of loaded.grants) add(grant);
  expireDue();
  endOfOtherBoots();
  watchExpiry();

  function add(grant: StoredGrant): void {
    grants.set(grant.id, grant);
    index.add(grant);
    if (grant.state === 'live') liveCount++;
  }

  function remove(grant: StoredGrant): void {
    grants.delete(grant.id);
    index.remove(grant);
    if (grant.state === 'live') liveCount--;
  }

  /** A pid and a start time name a process of one boot alone; on another they name whoever has them now. */
  function endOfOtherBoots(): void {
    const gone = [...grants.values()].filter((grant) => {
      if (grant.state !== 'live') return false;
      // check: grant-other-boot
      if (grant.binding.kind !== 'file' && grant.bootId !== parts.bootId) return true;
      // end check
      // check: grant-unbound-ends
      if (grant.bootId === '') return true;
      // end check
      return false;
    });
    for (const grant of gone) endNow(grant, 'program-ended');
    if (gone.length > 0) {
      log?.('grants.programs-gone', { count: gone.length });
      writeSoon();
    }
  }

  function endNow(grant: StoredGrant, why: GrantEnd): void {
    grant.members = [];
    grant.state = why === 'expired' ? 'expired' : 'revoked';
    grant.endedAt = clock.now();
    liveCount--;
    owedToAudit.push({ type: 'grant.ended', grant: grant.id, why });
    payAudit();
    for (const listener of listeners) listener(grant, why);
  }

  /** Ending must work on a full disk, so an unwritable audit log delays the record, not the end. */
  function payAudit(): void {
    try {
      while (owedToAudit[0] !== undefined) {
        audit.append(owedToAudit[0]);
        owedToAudit = owedToAudit.slice(1);
      }
    } catch (error) {
      log?.('grants.audit-owed', { code: asAppError(error).code, count: owedToAudit.length });
      writeSoon();
    }
  }

  function expireIfDue(grant: StoredGrant, now: EpochMs): boolean {
    if (grant.state !== 'live' || now < grant.until) return false;
    endNow(grant, 'expired');
    writeSoon();
    return true;
  }

  function expireDue(): void {
    const now = clock.now();
    for (const grant of [...grants.values()]) expireIfDue(grant, now);
    forgetOld(now);
  }

  function forgetOld(now: EpochMs): void {
    const ended = [...grants.values()].filter((grant) => grant.state !== 'live').sort((a, b) => (b.endedAt ?? 0) - (a.endedAt ?? 0));
    for (const [rank, grant] of ended.entries()) {
      if (rank >= endedLimit || now - (grant.endedAt ?? 0) > remembered) remove(grant);
    }
  }

  function watchExpiry(): void {
    cancelExpiry();
    const ends = [...grants.values()].filter((grant) => grant.state === 'live').map((grant) => grant.until - clock.now());
    if (ends.length === 0) return;
    cancelExpiry = clock.after(ms(Math.min(longestWait, Math.max(0, Math.min(...ends)))), () => {
      expireDue();
      watchExpiry();
    });
  }

  function writeSoon(): void {
    cancelUseWrite ??= clock.after(useWriteDelay, () => {
      cancelUseWrite = undefined;
      payAudit();
      void file.save().catch((error: unknown) => {
        log?.('grants.not-written', { code: asAppError(error).code });
        writeSoon();
      });
    });
  }

  function writeMembersSoon(): void {
    cancelMemberWrite ??= clock.after(memberWriteDelay, () => {
      cancelMemberWrite = undefined;
      void file.save().catch((error: unknown) => {
        log?.('grants.not-written', { code: asAppError(error).code });
        writeSoon();
      });
    });
  }

  /** Undoes a widening that the disk did not take; others that came after it stay. */
  function narrow(grant: StoredGrant, added: readonly string[]): void {
    grant.scopes = grant.scopes.filter((scope) => !added.includes(scope));
    owedToAudit.push({ type: 'grant.widened', grant: grant.id, scopes: grant.scopes, approved: 'undone: not on the disk' });
    payAudit();
    writeSoon();
  }

  function setPaused(grant: StoredGrant, paused: boolean): void {
    grant.paused = paused;
    for (const listener of pauseListeners) listener(grant);
  }

  /** Like an end: it holds on a full disk as well. */
  async function pauseNow(grant: StoredGrant): Promise<void> {
    setPaused(grant, true);
    owedToAudit.push({ type: 'grant.paused', grant: grant.id });
    payAudit();
    await file.save().catch((error: unknown) => {
      writeSoon();
      throw error;
    });
  }

  /** Gives tokens back, so nothing of it may be missing: the record first, then the file. */
  async function goOn(grant: StoredGrant): Promise<void> {
    audit.append({ type: 'grant.resumed', grant: grant.id });
    setPaused(grant, false);
    try {
      await file.save();
    } catch (error) {
      await pauseNow(grant).catch(() => undefined); // the disk is full; what is thrown says so
      throw error;
    }
  }

  function requireLive(id: string): StoredGrant {
    const grant = grants.get(id);
    if (grant === undefined) throw new AppError('GRANT_UNKNOWN');
    expireIfDue(grant, clock.now());
    // check: widen-live-only
    if (grant.state !== 'live') throw new AppError(grant.state === 'expired' ? 'GRANT_EXPIRED' : 'GRANT_REVOKED');
    // end check
    return grant;
  }

  function newId(): string {
    for (let attempt = 0; attempt < 100; attempt++) {
      const id = `g${(random(6).readUIntBE(0, 6) % 36 ** 8).toString(36).padStart(8, '0')}`;
      if (!grants.has(id)) return id;
    }
    throw new Error('the random source repeats itself');
  }

  function refuseBeyondLimits(until: EpochMs): void {
    // check: grant-count-limit
    if (liveCount >= liveLimit) throw new AppError('GRANT_LIMIT', { reason: 'count' });
    // end check
    // check: grant-until-future
    if (until <= clock.now()) throw new AppError('GRANT_LIMIT', { reason: 'until' });
    // end check
  }

  return {
    problem: loaded.problem?.toFailure() ?? null,
    async create(request) {
      expireDue();
      const wanted = parse(grantRequestSchema, request);
      refuseBeyondLimits(wanted.until);
      const secret = random(32).toString('base64url');
      const grant: StoredGrant = {
        ...wanted,
        id: newId(),
        secretHash: digestOf(secret).toString('hex'),
        createdAt: clock.now(),
        state: 'live',
        endedAt: null,
        paused: false,
        lastUsedAt: null,
        served: 0,
        members: wanted.binding.kind === 'file' ? [] : [wanted.binding.root],
        bootId: parts.bootId,
      };
      const { id, profile, subject, workspace, scopes, label, approved, maker } = grant;
      audit.append({
        type: 'grant.created',
        grant: id,
        profile,
        subject,
        ...identityOf(grant.issuer),
        workspace,
        scopes,
        until: new Date(grant.until).toISOString(),
        label,
        approved,
        caller: maker.title,
        callerKind: maker.kind,
        ...(maker.aiAgent === null ? {} : { aiAgent: maker.aiAgent }),
      });
      add(grant);
      try {
        await file.save();
      } catch (error) {
        if (grant.state === 'live') endNow(grant, 'revoked');
        remove(grant);
        throw error;
      }
      watchExpiry();
      for (const listener of madeListeners) listener(grant);
      return { grant, secret: new Secret(secret) };
    },
    async widen(id, scopes, approved) {
      const wanted = parse(wideningSchema, { scopes: [...scopes], approved });
      const grant = requireLive(id);
      const union = [...new Set([...grant.scopes, ...wanted.scopes])].sort();
      const added = union.filter((scope) => !grant.scopes.includes(scope));
      if (added.length === 0) return grant;
      // check: widen-scope-limit
      if (union.length > scopeLimit) throw new AppError('GRANT_LIMIT', { reason: 'scopes' });
      // end check
      audit.append({ type: 'grant.widened', grant: id, scopes: union, approved: wanted.approved });
      grant.scopes = union;
      try {
        await file.save();
      } catch (error) {
        narrow(grant, added);
        throw error;
      }
      return grant;
    },
    find(secret) {
      const grant = index.find(secret);
      // check: grant-expiry-at-use
      if (grant !== undefined) expireIfDue(grant, clock.now());
      // end check
      return grant;
    },
    list() {
      expireDue();
      return [...grants.values()];
    },
    get(id) {
      const grant = grants.get(id);
      if (grant !== undefined) expireIfDue(grant, clock.now());
      return grant;
    },
    async end(id, why) {
      return (await endWhere((grant) => grant.id === id, why)) > 0;
    },
    endWhere,
    async pause(id, paused) {
      const grant = grants.get(id);
      if (grant === undefined) throw new AppError('GRANT_UNKNOWN');
      expireIfDue(grant, clock.now());
      if (grant.state !== 'live' || grant.paused === paused) return false;
      await (paused ? pauseNow(grant) : goOn(grant));
      return true;
    },
    used(grant) {
      const stored = grant as StoredGrant;
      stored.lastUsedAt = clock.now();
      stored.served++;
      if (cancelUseWrite === undefined) writeSoon();
    },
    keepMembers(grant, members) {
      const stored = grant as StoredGrant;
      if (stored.state !== 'live') return;
      stored.members = members.slice(0, memberLimit).map(({ pid, startTicks }) => ({ pid, startTicks }));
      writeMembersSoon();
    },
    bindScope(grant, cgroup) {
      const stored = grant as StoredGrant;
      const { binding } = stored;
      if (stored.state !== 'live' || binding.kind !== 'run' || binding.cgroup !== null) return;
      stored.binding = { ...binding, cgroup };
      writeMembersSoon();
    },
    onMade(listener) {
      madeListeners.push(listener);
    },
    onPause(listener) {
      pauseListeners.push(listener);
    },
    onEnd(listener) {
      listeners.push(listener);
    },
    async close() {
      cancelExpiry();
      const unwritten = cancelUseWrite !== undefined || cancelMemberWrite !== undefined;
      cancelUseWrite?.();
      cancelMemberWrite?.();
      payAudit();
      cancelUseWrite?.();
      await (unwritten ? file.save() : file.idle());
    },
  };

  async function endWhere(predicate: (grant: Grant) => boolean, why: GrantEnd): Promise<number> {
    const ending = [...grants.values()].filter((grant) => grant.state === 'live' && predicate(grant));
    for (const grant of ending) endNow(grant, why);
    if (ending.length === 0) return 0;
    watchExpiry();
    try {
      await file.save();
    } catch (error) {
      writeSoon();
      throw error;
    }
    return ending.length;
  }
}

function parse<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new AppError('INPUT_INVALID', { reason: String(parsed.error.issues[0]?.path[0] ?? 'grant') });
  return parsed.data;
}
