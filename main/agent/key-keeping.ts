/**
 * What is said of tap keys from the command line: this one is lost, that one retired, and here is a newer issue of FIDO's metadata. None of
 * it lets anybody do more; a lost key also ends what its person has open.
 */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import type { MdsView } from '../../preload/contract/mds.ts';
import type { SessionView } from '../../preload/contract/session.ts';
import { AppError, hasCode } from '../app-error.ts';
import type { Caller } from '../caller/caller.ts';
import type { Grants } from '../grant/grants.ts';
import { isoDay, type Mds, type MdsState } from '../passkey/mds.ts';
import { LARGEST_BLOB } from '../passkey/mds-blob.ts';
import type { TapKeys } from '../passkey/tap-keys.ts';
import type { Company } from './agent.ts';

export interface KeyKeeping {
  /**
   * The key approves nothing any more, and its person is signed out everywhere.
   * @returns profiles whose session ended. @throws AppError CALLER_REFUSED (an AI agent) | INPUT_INVALID (key) | DISK_FULL
   */
  keyLost(key: string, by: Caller): Promise<{ profiles: string[] }>;
  /** @throws AppError CALLER_REFUSED (an AI agent) | INPUT_INVALID (key, last-key) | DISK_FULL */
  keyRetired(key: string, by: Caller): Promise<void>;
  metadata(): MdsView | null;
  /** What a person should know of the metadata. */
  notes(): string[];
  /** @throws AppError INPUT_INVALID (file) | MDS_INVALID | MDS_OLD | DISK_FULL */
  importMetadata(file: string): Promise<{ mds: MdsView; judged: number }>;
}

export function createKeyKeeping(parts: {
  tapKeys: Pick<TapKeys, 'reportLost' | 'retire' | 'judgeAgain'>;
  mds: Pick<Mds, 'state' | 'import'>;
  companies: ReadonlyMap<string, Pick<Company, 'profile' | 'session' | 'tokens'>>;
  grants: Pick<Grants, 'endWhere'>;
  /** The key no longer opens the vault. @throws AppError INPUT_INVALID (last-key): nothing else would */
  forgetKey: (key: string) => Promise<void>;
  /** Rights have become fewer. */
  changed: () => void;
}): KeyKeeping {
  return {
    async keyLost(key, by) {
      // check: key-not-lost-by-ai-agent
      if (by.aiAgent !== null) throw new AppError('CALLER_REFUSED', { reason: by.kind });
      // end check
      const person = await parts.tapKeys.reportLost(key);
      const ended: string[] = [];
      for (const { profile, session, tokens } of parts.companies.values()) {
        if (!mayBeOf(session.view(), person)) continue;
        await session.signOut('revoked');
        tokens.forget();
        await parts.grants.endWhere((grant) => grant.profile === profile.name, 'revoked');
        ended.push(profile.name);
      }
      parts.changed();
      await forget(key);
      return { profiles: ended };
    },

    async keyRetired(key, by) {
      // check: key-not-retired-by-ai-agent
      if (by.aiAgent !== null) throw new AppError('CALLER_REFUSED', { reason: by.kind });
      // end check
      await parts.tapKeys.retire(key);
      parts.changed();
      await forget(key);
    },

    metadata: () => viewOf(parts.mds.state()),

    notes() {
      const mds = viewOf(parts.mds.state());
      if (mds === null || !mds.stale) return [];
      return [`A newer issue of FIDO’s metadata was due on ${mds.nextUpdate}; fetch it and run \`lakepass mds import\`.`];
    },

    async importMetadata(file) {
      const mds = viewOf(await parts.mds.import(await readWhole(file)));
      const judged = await parts.tapKeys.judgeAgain();
      parts.changed();
      return { mds, judged };
    },
  };

  async function forget(key: string): Promise<void> {
    try {
      await parts.forgetKey(key);
    } catch (error) {
      // It alone seals the vault. It is not taken for that any more either, so the next sign-in makes a new vault.
      if (!hasCode(error, 'INPUT_INVALID')) throw error;
    }
  }
}

/** Whose session it is cannot be seen while all is locked: then it counts as theirs. */
const mayBeOf = ({ phase, identity }: SessionView, { issuer, subject }: { issuer: string | null; subject: string }): boolean =>
  identity === null ? phase === 'locked' : identity.subject === subject && (issuer === null || identity.issuer === issuer);

function viewOf(state: MdsState): MdsView;
function viewOf(state: MdsState | null): MdsView | null;
function viewOf(state: MdsState | null): MdsView | null {
  if (state === null) return null;
  const { no, nextUpdate, importedAt, models, stale } = state;
  return { no, nextUpdate: isoDay(nextUpdate), importedAt: new Date(importedAt).toISOString(), models, stale };
}

/** Never waits for a pipe, and never reads more than an issue may have. */
async function readWhole(file: string): Promise<Buffer> {
  const unusable = (cause?: unknown): AppError => new AppError('INPUT_INVALID', { reason: 'file', cause });
  if (!isAbsolute(file)) throw unusable();
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    throw unusable(cause);
  }
  try {
    const { size } = await requireFile(handle, unusable);
    if (size > LARGEST_BLOB) throw new AppError('MDS_INVALID', { reason: 'size' });
    const bytes = Buffer.alloc(size);
    const { bytesRead } = await handle.read(bytes, 0, size, 0);
    return bytes.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

async function requireFile(handle: Awaited<ReturnType<typeof open>>, unusable: () => AppError): Promise<{ size: number }> {
  const found = await handle.stat();
  if (!found.isFile()) throw unusable();
  return found;
}
