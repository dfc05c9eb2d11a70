/**
 * The programs that a person has denied for good, on the disk. It holds refusals alone, so whoever writes it can make Lakepass ask
 * again, and nothing more.
 */
import { basename } from 'node:path';
import { z } from 'zod';
import type { Failure } from '../../preload/contract/failure.ts';
import { AppError, asAppError } from '../app-error.ts';
import { readFileWhole, replaceFile, setFileAside } from '../durable-file.ts';
import type { Clock, Log } from '../ports.ts';
import { type EpochMs, minutes } from '../units.ts';

export const deniedLimit = 500;

const deniedSchema = z.strictObject({
  id: z.string().regex(/^d[0-9a-f]{16}$/),
  profile: z.string().min(1).max(40),
  executable: z.string().min(1).max(4096),
  script: z.string().max(4096).nullable(),
  folder: z.string().max(4096).nullable(),
  /** Set: only what this AI agent starts is denied. */
  aiAgent: z.string().max(100).nullable(),
  deniedAt: z
    .int()
    .nonnegative()
    .transform((value) => value as EpochMs),
});
/** A program that was denied for good, as a person may see it. */
export type Denied = Readonly<z.output<typeof deniedSchema>>;

const fileSchema = z.strictObject({ version: z.literal(1), denied: z.array(deniedSchema).max(deniedLimit) });

export interface DeniedFile {
  readonly denied: readonly Denied[];
  /** What was wrong with the file (GRANTS_CORRUPT). */
  readonly problem: Failure | null;
  /** From now on these; written as soon as may be, and again where the disk refuses. */
  keep(denied: readonly Denied[]): void;
  close(): Promise<void>;
}

/** @throws AppError DISK_FULL: the file can be neither read nor set aside */
export async function openDeniedFile(parts: {
  file: string;
  clock: Clock;
  random: (bytes: number) => Buffer;
  log?: Log;
}): Promise<DeniedFile> {
  const { file, clock, random, log } = parts;
  const { denied, problem } = await load(file, random);
  if (problem !== null) log?.('permissions.set-aside', { code: problem.code });
  let current = denied;
  let unwritten = false;
  let writing: Promise<void> | undefined;
  let cancelRetry = (): void => undefined;

  async function write(): Promise<void> {
    while (unwritten) {
      unwritten = false;
      try {
        await replaceFile(file, `${JSON.stringify({ version: 1, denied: current })}\n`, random(8).toString('hex'));
      } catch (error) {
        log?.('permissions.not-written', { code: asAppError(error).code });
        unwritten = true;
        cancelRetry();
        cancelRetry = clock.after(minutes(1), begin);
        return;
      }
    }
  }

  function begin(): void {
    writing ??= write().finally(() => {
      writing = undefined;
    });
  }

  return {
    denied,
    problem: problem?.toFailure() ?? null,
    keep(changed) {
      current = changed;
      unwritten = true;
      begin();
    },
    async close() {
      await writing;
      cancelRetry();
      begin();
      await writing;
      cancelRetry();
    },
  };
}

async function load(file: string, random: (bytes: number) => Buffer): Promise<{ denied: readonly Denied[]; problem: AppError | null }> {
  const text = await readFileWhole(file);
  if (text === null) return { denied: [], problem: null };
  const parsed = fileSchema.safeParse(parseJson(text));
  if (parsed.success) return { denied: parsed.data.denied, problem: null };
  const aside = await setFileAside(file, random(4).toString('hex'));
  return {
    denied: [],
    problem: new AppError('GRANTS_CORRUPT', {
      reason: 'denied',
      detail: `It held the programs denied for good and is kept as ${basename(aside)}.`,
    }),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
