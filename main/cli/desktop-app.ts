/**
 * The desktop app that this command belongs to. In a packaged installation the command is an executable of its own (a Node single
 * executable application), and the agent is the app: its verbs start the app, hidden, and never an agent beside it.
 */
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve, sep } from 'node:path';
import { isSea } from 'node:sea';
import { z } from 'zod';
import { AppError } from '../app-error.ts';

/** Lies beside the executable; the way to the app is relative to it, and leads to somewhere in the same installation. */
const placeSchema = z.object({ executable: z.string().min(1).max(1024) });
const PLACE_FILE = 'desktop-app.json';

export interface OwnProgram {
  isPackaged: boolean;
  /** Of this process. */
  executable: string;
}

const ownProgram = (): OwnProgram => ({ isPackaged: isSea(), executable: process.execPath });

/**
 * The app's executable; null where this command is no part of a packaged installation.
 *
 * @throws AppError AGENT_START_FAILED with reason `desktop-app`: the installation is damaged, or others could have changed it
 */
export function desktopApp({ isPackaged, executable }: OwnProgram = ownProgram()): string | null {
  if (!isPackaged) return null;
  try {
    const folder = dirname(realpathSync(executable));
    const place = join(folder, PLACE_FILE);
    requireOurs(place);
    return appAt(folder, placeSchema.parse(JSON.parse(readFileSync(place, 'utf8'))).executable);
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw damaged(`${PLACE_FILE} beside the command cannot be used.`, cause);
  }
}

function appAt(folder: string, way: string): string {
  if (isAbsolute(way)) throw damaged('The way to the app is not relative.');
  const app = realpathSync(resolve(folder, way));
  // The command lies in a folder of the app's resources: what is further up belongs to others.
  const installation = resolve(folder, '..', '..');
  // check: desktop-app-inside
  if (!app.startsWith(`${installation}${installation.endsWith(sep) ? '' : sep}`) && !isMacBundle(installation, app))
    throw damaged('The app is outside of this installation.');
  // end check
  requireOurs(app);
  return app;
}

/** In a bundle of macOS resources and program are neighbours: Contents/Resources/bin and Contents/MacOS. */
const isMacBundle = (installation: string, app: string): boolean =>
  dirname(app) === join(dirname(installation), 'MacOS') && dirname(installation).endsWith(`${sep}Contents`);

function requireOurs(file: string): void {
  const { mode, uid, size } = statSync(file);
  if (!statSync(file).isFile() || size === 0) throw damaged(`${file} is not a plain file.`);
  // Windows has no such bits; there the installer's folder has the rights it has.
  if (process.getuid === undefined) return;
  // check: desktop-app-own
  if ((mode & 0o022) !== 0 || (uid !== 0 && uid !== process.getuid())) throw damaged(`Others can change ${file}.`);
  // end check
}

const damaged = (detail: string, cause?: unknown): AppError => new AppError('AGENT_START_FAILED', { reason: 'desktop-app', detail, cause });
