/**
 * What was there before the last change, kept so that it can be put back to the byte: the old file as it was, and a few facts beside it.
 * The old file can hold others' tokens, so both are closed to everybody else and lie in a folder that is.
 */
import { mkdir, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { AppError } from '../app-error.ts';
import { removeIfThere, writeSynced } from './own-file.ts';

const digest = z.string().regex(/^([0-9a-f]{64}|none)$/);
const factsSchema = z.strictObject({
  version: z.literal(1),
  path: z.string().max(4096),
  section: z.string().max(64),
  /** Made for the section that was written. */
  grant: z.string().max(64),
  mode: z.int().min(0).max(0o777),
  /** SHA-256 of the file before and after; `none` where there was none. */
  before: digest,
  after: digest,
});
export type Facts = Omit<z.output<typeof factsSchema>, 'version'>;

export interface UndoStore {
  /** Where the old file is kept. */
  readonly backup: string;
  facts(): Promise<Facts | null>;
  /** The old file; null where there was none. @throws AppError DATABRICKSCFG_NO_UNDO: it is not there, or not what was kept */
  before(): Promise<Buffer | null>;
  /** @throws AppError DISK_FULL */
  keep(facts: Facts, before: Buffer | null): Promise<void>;
  forget(): Promise<void>;
}

/** @param parts.state a folder of ours */
export function openUndoStore(parts: {
  state: string;
  random: (bytes: number) => Buffer;
  digestOf: (bytes: Buffer | null) => string;
}): UndoStore {
  const { state, random } = parts;
  const file = join(state, 'databrickscfg.json');
  const backup = join(state, 'databrickscfg.before');

  async function facts(): Promise<Facts | null> {
    const text = await read(file);
    if (text === null) return null;
    try {
      const { version: _, ...kept } = factsSchema.parse(JSON.parse(text.toString('utf8')));
      return kept;
    } catch {
      // Half a file, or one of a later version: there is nothing that could be put back safely.
      return null;
    }
  }

  async function replace(path: string, bytes: Buffer | string): Promise<void> {
    const temporary = `${path}.${random(8).toString('hex')}.tmp`;
    try {
      await writeSynced(temporary, bytes, 0o600);
      await rename(temporary, path);
    } catch (cause) {
      await removeIfThere(temporary);
      throw new AppError('DISK_FULL', { reason: 'state', cause });
    }
  }

  return {
    backup,
    facts,
    async before() {
      const kept = await facts();
      if (kept === null) throw new AppError('DATABRICKSCFG_NO_UNDO');
      const bytes = kept.before === 'none' ? null : await read(backup);
      // check: databrickscfg-backup-whole
      if (parts.digestOf(bytes) !== kept.before)
        throw new AppError('DATABRICKSCFG_NO_UNDO', { reason: 'damaged', detail: `${backup} is not what was kept.` });
      // end check
      return bytes;
    },
    async keep(next, before) {
      await mkdir(state, { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
        throw new AppError('DISK_FULL', { reason: 'state', cause });
      });
      // The facts go first and come last: between the two nothing can be put back, rather than the wrong thing.
      await removeIfThere(file);
      if (before === null) await removeIfThere(backup);
      else await replace(backup, before);
      await replace(file, `${JSON.stringify({ version: 1, ...next })}\n`);
    },
    async forget() {
      await removeIfThere(file);
      await removeIfThere(backup);
    },
  };
}

async function read(file: string): Promise<Buffer | null> {
  try {
    const handle = await open(file, 'r');
    return await handle.readFile().finally(() => handle.close());
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new AppError('DISK_FULL', { reason: 'state', cause });
  }
}
