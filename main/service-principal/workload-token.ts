/**
 * The OIDC JWT of a workload (a CI job, a pod), read from where the platform puts it, anew each time: platforms replace it before its
 * end. It is exchanged and forgotten; nothing here prints it or writes it down.
 */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { AppError } from '../app-error.ts';
import type { SubjectToken } from '../idp/signed-in.ts';
import type { Clock } from '../ports.ts';
import type { ServicePrincipal } from '../profile/profile.ts';
import { Secret } from '../secret.ts';
import { type EpochMs, fromNumericDate, type Ms, remaining } from '../units.ts';

type Place = NonNullable<ServicePrincipal['workload']>;

const LARGEST = 16 * 1024;
const jwtShape = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

/** Where it is looked for, as people may be told. */
export const placeWords = (place: Place): string => ('file' in place ? place.file : `$${place.env}`);

/**
 * The JWT, with more than `life` left by its own word; the workspace judges it.
 *
 * @param env the environment that the agent was started in
 * @throws AppError WORKLOAD_TOKEN_UNUSABLE (`reason` 'missing', 'unreadable', 'shape', 'expired')
 */
export async function readWorkloadToken(
  place: Place,
  { env, clock, life }: { env: NodeJS.ProcessEnv; clock: Clock; life: Ms },
): Promise<SubjectToken> {
  const text = 'file' in place ? await readPlace(place.file) : env[place.env];
  if (text === undefined || text.trim() === '') throw unusable('missing', place);
  const jwt = text.trim();
  // check: workload-token-shape
  if (text.length > LARGEST || !jwtShape.test(jwt)) throw unusable('shape', place);
  // end check
  const { exp, iat } = timesOf(jwt, place);
  const now = clock.now();
  const expiresAt = fromNumericDate(exp);
  if (remaining(expiresAt, now) <= life) throw unusable('expired', place);
  return { jwt: new Secret(jwt), issuedAt: iat === undefined ? now : (Math.min(fromNumericDate(iat), now) as EpochMs), expiresAt };
}

/** The beginning of a file, if it is a plain one: nothing waits for the other end of a pipe. */
async function readPlace(path: string): Promise<string | undefined> {
  const place = { file: path };
  try {
    // Platforms put a symbolic link there, so one is followed.
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      if (!(await handle.stat()).isFile()) throw unusable('unreadable', place);
      return await beginningOf(handle);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof AppError) throw error;
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unusable('unreadable', place);
  }
}

/** A little more than is ever taken: a file that grows, or whose size nobody knows, is not read to its end. */
async function beginningOf(handle: FileHandle): Promise<string> {
  const room = Buffer.alloc(LARGEST + 1024);
  let filled = 0;
  for (let bytesRead = -1; bytesRead !== 0 && filled < room.length; filled += bytesRead)
    ({ bytesRead } = await handle.read(room, filled, room.length - filled, null));
  return room.toString('utf8', 0, filled);
}

function timesOf(jwt: string, place: Place): { exp: number; iat: number | undefined } {
  try {
    const claims: unknown = JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString('utf8'));
    const { exp, iat } = claims as { exp?: unknown; iat?: unknown };
    if (typeof exp === 'number' && Number.isFinite(exp)) return { exp, iat: typeof iat === 'number' ? iat : undefined };
  } catch {
    // The parser would quote it.
  }
  throw unusable('shape', place);
}

const words = {
  missing: 'holds nothing',
  unreadable: 'cannot be read, or is no plain file',
  shape: 'does not hold a JWT with an end',
  expired: 'holds a JWT that is over, or nearly so',
} as const;

const unusable = (reason: keyof typeof words, place: Place): AppError =>
  new AppError('WORKLOAD_TOKEN_UNUSABLE', { reason, detail: `${placeWords(place)} ${words[reason]}.` });
