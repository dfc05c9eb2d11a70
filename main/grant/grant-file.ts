/**
 * The grants on the disk. A grant is on the disk before its URL is handed out, and a file that cannot be read is set aside, never
 * overwritten. Writes follow one another; whoever asks during a write is served by the next one.
 *
 * Every program of this user can write the file. Where there is a stamp, one that we did not write is as good as unreadable, or a
 * program could widen its own grant with an editor and a restart.
 */
import { basename } from 'node:path';
import { AppError } from '../app-error.ts';
import { readFileWhole, replaceFile, setFileAside } from '../durable-file.ts';
import type { Stamp } from '../stamped-file.ts';
import { grantFileSchema, type StoredGrant, unboundGrantFileSchema } from './grant.ts';

export interface GrantFile {
  /** @throws AppError DISK_FULL */
  save(): Promise<void>;
  /** Resolves when no write is under way any more; how each went was told to whoever asked for it. */
  idle(): Promise<void>;
}

/** @param current what is to be written, asked for when a write begins */
export function createGrantFile(
  file: string,
  random: (bytes: number) => Buffer,
  current: () => Iterable<StoredGrant>,
  stamp?: Stamp,
): GrantFile {
  let running: Promise<void> = Promise.resolve();
  let waiting: Promise<void> | undefined;

  const write = (): Promise<void> => {
    waiting = undefined;
    const grants = JSON.stringify([...current()]);
    const content = `{"version":2,"grants":${grants}${stamp === undefined ? '' : `,"stamp":${JSON.stringify(stamp(grants))}`}}`;
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
 * A file that is not ours to read, does not parse or was not stamped by us is set aside, and `problem` says so: its grants are gone,
 * nothing else is.
 * @throws AppError DISK_FULL: the file can be neither read nor moved
 */
export async function loadGrants(
  file: string,
  random: (bytes: number) => Buffer,
  stamp?: Stamp,
): Promise<{ grants: StoredGrant[]; problem: AppError | null }> {
  const text = await readFileWhole(file);
  if (text === null) return { grants: [], problem: null };
  const grants = readGrants(parseJson(text), stamp);
  if (grants !== undefined) return { grants, problem: null };
  const aside = await setFileAside(file, random(4).toString('hex'));
  return { grants: [], problem: new AppError('GRANTS_CORRUPT', { detail: `It is kept as ${basename(aside)}.` }) };
}

function readGrants(content: unknown, stamp: Stamp | undefined): StoredGrant[] | undefined {
  const first = unboundGrantFileSchema.safeParse(content);
  if (first.success) return first.data.grants;
  const parsed = grantFileSchema.safeParse(content);
  if (!parsed.success) return undefined;
  // check: grant-file-stamp
  if (stamp !== undefined && parsed.data.stamp !== stamp(JSON.stringify((content as { grants: unknown }).grants))) return undefined;
  // end check
  return parsed.data.grants;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
