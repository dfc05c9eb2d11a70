/**
 * What a person has set as they like: a small file in the state folder, and whether this host starts with the desktop session, which
 * the system keeps itself. Nothing here decides who gets what, so a file that cannot be used is said in the log and counts for nothing.
 */
import { z } from 'zod';
import { type Preferences, type preferencesRequestSchema, themes } from '../../preload/contract/preferences.ts';
import { AppError, asAppError } from '../app-error.ts';
import { readFileWhole, replaceFile } from '../durable-file.ts';
import type { Log, LoginItem } from '../ports.ts';

export interface OwnPreferences {
  view(): Preferences;
  /** @throws AppError INPUT_INVALID (reason login-item): this host cannot be started at login | DISK_FULL: nothing was kept */
  set(changes: z.output<typeof preferencesRequestSchema>): Promise<Preferences>;
  onChange(listener: () => void): void;
}

const fileSchema = z.strictObject({ theme: z.enum(themes).default('system'), remindOfSetup: z.boolean().default(true) });
type Kept = z.output<typeof fileSchema>;
const defaults: Kept = fileSchema.parse({});

export async function openPreferences(parts: {
  file: string;
  loginItem: LoginItem | undefined;
  random: (bytes: number) => Buffer;
  log: Log;
}): Promise<OwnPreferences> {
  const { file, loginItem, random, log } = parts;
  const listeners: (() => void)[] = [];
  let kept = await readKept(file, log);
  let startAtLogin = await readLoginItem(loginItem, log);

  const view = (): Preferences => ({ ...kept, startAtLogin });

  async function setStartAtLogin(wanted: boolean): Promise<void> {
    if (loginItem === undefined) throw new AppError('INPUT_INVALID', { reason: 'login-item', detail: 'startAtLogin' });
    await loginItem.write(wanted);
    // What the system made of it, which may be something else.
    startAtLogin = await readLoginItem(loginItem, log);
  }

  return {
    view,
    async set(changes) {
      if (changes.startAtLogin !== undefined) await setStartAtLogin(changes.startAtLogin);
      if (changes.theme !== undefined || changes.remindOfSetup !== undefined) {
        const next: Kept = { theme: changes.theme ?? kept.theme, remindOfSetup: changes.remindOfSetup ?? kept.remindOfSetup };
        await replaceFile(file, `${JSON.stringify(next)}\n`, random(8).toString('hex'));
        kept = next;
      }
      for (const listener of listeners) listener();
      return view();
    },
    onChange: (listener) => void listeners.push(listener),
  };
}

async function readKept(file: string, log: Log): Promise<Kept> {
  try {
    const text = await readFileWhole(file);
    return text === null ? defaults : fileSchema.parse(JSON.parse(text));
  } catch (error) {
    // A file that was written by hand, or that cannot be read, must not keep the agent from starting.
    log('preferences.unusable', { error: error instanceof Error ? error.name : 'unknown' });
    return defaults;
  }
}

async function readLoginItem(loginItem: LoginItem | undefined, log: Log): Promise<boolean | null> {
  if (loginItem === undefined) return null;
  try {
    return await loginItem.read();
  } catch (error) {
    log('preferences.login-item', { code: asAppError(error).code });
    return null;
  }
}
