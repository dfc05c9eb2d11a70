/**
 * The grants on the disk. A grant is on the disk before its URL is handed out, and a file that cannot be read is set aside, never
 * overwritten. Writes follow one another; whoever asks during a write is served by the next one.
 */
import { basename } from 'node:path';
import { AppError } from '../app-error.ts';
import { readFileWhole, replaceFile, setFileAside } from '../durable-file.ts';
import { grantFileSchema, type StoredGrant } from './grant.ts';

export interface GrantFile {
  /** @throws AppError DISK_FULL */
  save(): Promise<void>;
  /** Resolves when no write is under way any more; how each went was told to whoever asked for it. */
  idle(): Promise<void>;
}

/** @param current what is to be written, asked for when a write begins */
export function createGrantFile(file: string, random: (bytes: number) => Buffer, current: () => Iterable<StoredGrant>): GrantFile {
  let running: Promise<void> = Promise.resolve();
  let waiting: Promise<void> | undefined;

  const write = (): Promise<void> => {
    waiting = undefined;
    const content = JSON.stringify({ version: 1, grants: [...current()] });
    return replaceFile(file, `${content}\n`, random(8).toString('hex'));
  };
  return {
    save() {
      if (waiting !== undefined) return waiting;
      // Whether the write before went well is told to whoever waits for that one.
      waiting = running.then(write, write);
      running = waiting;
      return waiting;
    },
    idle: () =>
      running.then(
        () => undefined,
        () => undefined,
      ),
  };
}

/**
 * What the file holds; empty when there is none.
 *
 * A file that is not ours to read or does not parse is set aside, and `problem` says so: its grants are gone, nothing else is.
 * @throws AppError DISK_FULL: the file can be neither read nor moved
 */
export async function loadGrants(
  file: string,
  random: (bytes: number) => Buffer,
): Promise<{ grants: StoredGrant[]; problem: AppError | null }> {
  const text = await readFileWhole(file);
  if (text === null) return { grants: [], problem: null };
  const parsed = grantFileSchema.safeParse(parseJson(text));
  if (parsed.success) return { grants: parsed.data.grants, problem: null };
  const aside = await setFileAside(file, random(4).toString('hex'));
  return { grants: [], problem: new AppError('GRANTS_CORRUPT', { detail: `It is kept as ${basename(aside)}.` }) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
