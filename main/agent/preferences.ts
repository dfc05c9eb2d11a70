/**
 * What a person has set as they like: a small file in the state folder, and whether this host starts with the desktop session, which
 * the system keeps itself. A value of the person's own gives nobody more: beside what IT has set, the stricter one holds, and a profile's
 * limits stay. A file that cannot be used is said in the log and counts for nothing.
 */
import { z } from 'zod';
import { type Preferences, type preferencesRequestSchema, themes } from '../../preload/contract/preferences.ts';
import { AppError, asAppError } from '../app-error.ts';
import { readFileWhole, replaceFile } from '../durable-file.ts';
import { type Effective, effective, type SettingName, type Settings, settingNames, settingsTable } from '../enroll/settings.ts';
import type { Log, LoginItem } from '../ports.ts';

export interface OwnPreferences {
  view(): Preferences;
  /** @throws AppError INPUT_INVALID (reason login-item): this host cannot be started at login | SETTING_LOCKED | DISK_FULL: nothing was kept */
  set(changes: z.output<typeof preferencesRequestSchema>): Promise<Preferences>;
  /** What holds of a setting; null: nobody has said anything. */
  effective(name: SettingName): Effective | null;
  /**
   * A value of the person's own; null takes it back.
   * @throws AppError INPUT_INVALID (reason value, login-item) | SETTING_LOCKED: IT does not leave it to them | DISK_FULL: nothing was kept
   */
  setOwn(name: SettingName, value: string | null): Promise<void>;
  /** Does what IT has set of what the system keeps; after each change of theirs. */
  follow(): Promise<void>;
  onChange(listener: () => void): void;
}

const ownValues = z.strictObject(
  Object.fromEntries(settingNames.filter((name) => name !== 'theme').map((name) => [name, settingsTable[name].value.optional()])),
) as z.ZodType<Partial<Record<SettingName, string>>>;
const fileSchema = z.strictObject({
  theme: z.enum(themes).optional(),
  remindOfSetup: z.boolean().default(true),
  settings: ownValues.optional(),
});
type Kept = z.output<typeof fileSchema>;
const defaults: Kept = fileSchema.parse({});

export async function openPreferences(parts: {
  file: string;
  loginItem: LoginItem | undefined;
  /** What IT has set, as it is now. */
  ofIt?: () => Settings;
  random: (bytes: number) => Buffer;
  log: Log;
}): Promise<OwnPreferences> {
  const { file, loginItem, ofIt = (): Settings => ({}), random, log } = parts;
  const listeners: (() => void)[] = [];
  let kept = await readKept(file, log);
  let startAtLogin = await readLoginItem(loginItem, log);

  const own = (name: SettingName): string | null => (name === 'theme' ? kept.theme : kept.settings?.[name]) ?? null;
  const effectiveNow = (name: SettingName): Effective | null => effective(name, ofIt()[name], own(name));
  const view = (): Preferences => ({
    theme: themes.find((theme) => theme === effectiveNow('theme')?.value) ?? 'system',
    remindOfSetup: kept.remindOfSetup,
    startAtLogin,
  });

  async function writeLoginItem(wanted: boolean): Promise<void> {
    if (loginItem === undefined) throw new AppError('INPUT_INVALID', { reason: 'login-item', detail: 'startAtLogin' });
    await loginItem.write(wanted);
    // What the system made of it, which may be something else.
    startAtLogin = await readLoginItem(loginItem, log);
  }

  async function keep(next: Kept): Promise<void> {
    await replaceFile(file, `${JSON.stringify(next)}\n`, random(8).toString('hex'));
    kept = next;
  }

  /** The file with another value of the person's own. @throws AppError SETTING_LOCKED */
  function withOwn(before: Kept, name: SettingName, value: string | null): Kept {
    const held = value === null ? null : effective(name, ofIt()[name], value);
    // check: setting-own-locked
    if (held !== null && held.value !== value) throw new AppError('SETTING_LOCKED', { detail: `${name} is ${held.value} (${held.mode}).` });
    // end check
    const { theme, settings, ...rest } = before;
    if (name === 'theme') {
      const chosen = themes.find((each) => each === value);
      return { ...(chosen === undefined ? {} : { theme: chosen }), ...rest, ...(settings === undefined ? {} : { settings }) };
    }
    const { [name]: _, ...others } = settings ?? {};
    const next = value === null ? others : { ...others, [name]: value };
    return { ...(theme === undefined ? {} : { theme }), ...rest, ...(Object.keys(next).length === 0 ? {} : { settings: next }) };
  }

  function changed(): void {
    for (const listener of listeners) listener();
  }

  async function follow(): Promise<void> {
    const wanted = effectiveNow('startAtLogin');
    if (loginItem === undefined || wanted?.by !== 'it' || startAtLogin === (wanted.value === 'yes')) return;
    try {
      await writeLoginItem(wanted.value === 'yes');
    } catch (error) {
      log('preferences.login-item', { code: asAppError(error).code });
    }
  }
  await follow();

  return {
    view,
    effective: effectiveNow,
    async set(changes) {
      let next = kept;
      if (changes.startAtLogin !== undefined) {
        if (loginItem === undefined) throw new AppError('INPUT_INVALID', { reason: 'login-item', detail: 'startAtLogin' });
        next = withOwn(next, 'startAtLogin', changes.startAtLogin ? 'yes' : 'no');
      }
      if (changes.theme !== undefined) next = withOwn(next, 'theme', changes.theme);
      if (changes.remindOfSetup !== undefined) next = { ...next, remindOfSetup: changes.remindOfSetup };
      if (changes.startAtLogin !== undefined) await writeLoginItem(changes.startAtLogin);
      if (next !== kept) await keep(next);
      changed();
      return view();
    },
    async setOwn(name, value) {
      const parsed = settingsTable[name].value.nullable().safeParse(value);
      if (!parsed.success) throw new AppError('INPUT_INVALID', { reason: 'value', detail: `${name}: ${settingsTable[name].means}` });
      const next = withOwn(kept, name, parsed.data);
      if (name === 'startAtLogin' && value !== null) await writeLoginItem(value === 'yes');
      await keep(next);
      await follow();
      changed();
    },
    follow,
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
