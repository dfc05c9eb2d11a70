/**
 * Which policy.yaml and config.yaml hold. A program that runs as the person can write both, so a file counts for what a person has
 * approved: the approved bytes are kept sealed, and whatever the file says afterwards waits until a person approves that too.
 *
 * Only what is seen before anything was approved, and before there is a tap key to approve with, is taken as it is. At a start the policy is
 * considered before the configuration: once a configuration holds, a policy that turns up is no longer the first thing seen.
 */
import { createHash } from 'node:crypto';
import { AppError, asAppError, hasCode } from '../app-error.ts';
import type { AuditLog } from '../audit/event.ts';
import type { Vault } from '../vault/vault.ts';
import { type Approved, type ApprovedKind, packApproved, recordNames, unpackApproved } from './approved-record.ts';
import { loadPolicy } from './load-policy.ts';

/** The hash of a file that is not there: taking it away is a change as well. */
export const ABSENT = 'absent';
/** The hash of approved bytes that cannot be read any more; no file has it. */
const LOST = 'lost';

export interface Considered {
  /** What holds; null: nothing, which for the policy means the built-in one. */
  active: Buffer | null;
  /** 'adopted': taken just now, as the first ever seen. 'waiting': the file is not what holds; a person has to approve it. */
  state: 'active' | 'adopted' | 'waiting';
  /** SHA-256 of the file as it stands, hex; ABSENT where there is none. It is what `approve` takes. */
  hash: string;
  /** Why the file as it stands cannot be used. Where `active` is null too, no new token may be given. */
  problem: AppError | null;
}

export interface ApprovedFiles {
  /**
   * Says what holds, now that the file reads so. To be asked at the start and whenever the file has changed.
   *
   * @param bytes the file; null where there is none
   * @throws AppError DISK_FULL: it could not be sealed; AUDIT_UNWRITABLE
   */
  consider(kind: ApprovedKind, bytes: Buffer | null): Promise<Considered>;
  /**
   * A person has approved the file that was considered last: from now on it holds.
   *
   * @param hash of what the person was shown; if the file has been considered anew since, nothing is approved
   * @throws AppError POLICY_UNAPPROVED | CONFIG_UNAPPROVED: that is not what waits
   * @throws AppError POLICY_INVALID | CONFIG_INVALID | CONFIG_PLAIN_HTTP: it cannot be used; DISK_FULL; AUDIT_UNWRITABLE
   */
  approve(kind: ApprovedKind, hash: string, how: 'click' | 'tap'): Promise<Considered>;
}

interface Parts {
  /** The device vault, which can be used while the other one is locked. */
  vault: Pick<Vault, 'seal' | 'open'>;
  /** Whether a tap key is enrolled. */
  hasTapKey: () => boolean;
  /** Throws what makes a configuration unusable. */
  checkConfig: (bytes: Buffer) => void;
  audit: AuditLog;
}

const hashOf = (bytes: Buffer | null): string => (bytes === null ? ABSENT : createHash('sha256').update(bytes).digest('hex'));

export function openApprovedFiles({ vault, hasTapKey, checkConfig, audit }: Parts): ApprovedFiles {
  const waiting = new Map<ApprovedKind, Buffer | null>();
  const record = recorder(audit);

  const problemOf = (kind: ApprovedKind, bytes: Buffer | null): AppError | null => {
    if (bytes === null) return null;
    try {
      if (kind === 'policy') loadPolicy(bytes, 'policy.yaml');
      else checkConfig(bytes);
      return null;
    } catch (error) {
      return asAppError(error);
    }
  };

  const keep = async (kind: ApprovedKind, approved: Approved): Promise<Approved> => {
    await vault.seal(recordNames[kind], packApproved(kind, approved));
    return approved;
  };

  /** Bytes that were approved and cannot be read any more must not look as if nothing ever was: then anything would be taken. */
  async function approvedOf(kind: ApprovedKind): Promise<Approved | null> {
    const plain = await vault.open(recordNames[kind]).catch((error: unknown) => {
      if (!hasCode(error, 'VAULT_CORRUPT')) throw error;
      return Buffer.alloc(0);
    });
    if (plain === null) return null;
    const approved = unpackApproved(kind, plain);
    if (approved !== null && hashOf(approved.bytes) === approved.hash) return approved;
    if (approved?.hash === LOST) return approved;
    return keep(kind, { hash: LOST, bytes: null });
  }

  /** Nothing of the kind was ever approved. */
  async function considerFirst(kind: ApprovedKind, file: Approved, problem: AppError | null): Promise<Considered> {
    const { hash, bytes } = file;
    if (bytes === null) return { active: null, state: 'active', hash, problem: null };
    let isFirst = problem === null;
    // check: approved-file-key-exists
    isFirst &&= !hasTapKey();
    // end check
    // check: approved-file-policy-first
    isFirst &&= kind === 'config' || (await approvedOf('config')) === null;
    // end check
    if (!isFirst) return wait(kind, file, null, problem);
    await keep(kind, file);
    record.activated(kind, file, 'first seen');
    return { active: bytes, state: 'adopted', hash, problem: null };
  }

  function wait(kind: ApprovedKind, { hash, bytes }: Approved, active: Buffer | null, problem: AppError | null): Considered {
    waiting.set(kind, bytes);
    return { active, state: 'waiting', hash, problem };
  }

  return {
    async consider(kind, bytes) {
      const file = { hash: hashOf(bytes), bytes };
      const problem = problemOf(kind, bytes);
      waiting.delete(kind);
      if (problem !== null) record.rejected(kind, file.hash, problem);
      const approved = await approvedOf(kind);
      if (approved === null) return considerFirst(kind, file, problem);
      // What was good when it was approved may no longer be for a newer version of this program.
      const fault = problemOf(kind, approved.bytes);
      const active = fault === null ? approved.bytes : null;
      if (fault === null) record.activated(kind, approved, 'before');
      // check: approved-file-waits
      if (approved.hash !== file.hash) return wait(kind, file, active, problem ?? fault);
      // end check
      return { active: fault === null ? bytes : null, state: 'active', hash: file.hash, problem };
    },

    async approve(kind, hash, how) {
      const bytes = waiting.get(kind);
      // check: approved-file-as-shown
      if (bytes === undefined || hashOf(bytes) !== hash) throw notWhatWaits(kind);
      // end check
      const problem = problemOf(kind, bytes ?? null);
      // check: approved-file-usable
      if (problem !== null) throw problem;
      // end check
      const approved = await keep(kind, { hash, bytes: bytes ?? null });
      waiting.delete(kind);
      record.activated(kind, approved, how);
      return { active: approved.bytes, state: 'active', hash, problem: null };
    },
  };
}

const notWhatWaits = (kind: ApprovedKind): AppError =>
  new AppError(kind === 'policy' ? 'POLICY_UNAPPROVED' : 'CONFIG_UNAPPROVED', { reason: 'changed' });

/** Each change once, however often the file is looked at. */
function recorder(audit: AuditLog) {
  const told = new Map<ApprovedKind, { activated?: string; rejected?: string }>();
  const isNews = (kind: ApprovedKind, what: 'activated' | 'rejected', hash: string): boolean => {
    const before = told.get(kind);
    told.set(kind, { ...before, [what]: hash });
    return before?.[what] !== hash;
  };
  return {
    activated(kind: ApprovedKind, { hash, bytes }: Approved, approved: string): void {
      if (!isNews(kind, 'activated', hash)) return;
      if (kind === 'config') {
        audit.append({ type: 'config.activated', digest: hash, approved });
        return;
      }
      const facts = bytes === null ? { id: 'self-managed', revision: 1, mode: 'enforce' } : loadPolicy(bytes, 'policy.yaml');
      const { id, revision, mode } = facts;
      audit.append({
        type: 'policy.activated',
        source: bytes === null ? 'built-in' : 'file',
        policy: id,
        revision,
        digest: hash,
        mode,
        approved,
      });
    },
    rejected(kind: ApprovedKind, hash: string, { code, reason = '' }: AppError): void {
      if (!isNews(kind, 'rejected', hash)) return;
      if (kind === 'config') audit.append({ type: 'config.rejected', digest: hash, code });
      else audit.append({ type: 'policy.rejected', source: 'file', digest: hash, code, reason });
    },
  };
}
