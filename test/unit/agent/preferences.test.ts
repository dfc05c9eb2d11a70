/** What a person has set as they like, and what becomes of a file that is not what it should be. */

import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openPreferences } from '../../../main/agent/preferences.ts';
import { AppError } from '../../../main/app-error.ts';
import { type Settings, settingsSchema } from '../../../main/enroll/settings.ts';
import type { LoginItem } from '../../../main/ports.ts';
import { codeOf } from './setting.ts';

let folder: string;
let file: string;
let logged: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lpp-'));
  file = join(folder, 'preferences.json');
  logged = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

const open = (loginItem?: LoginItem) => openPreferences({ file, loginItem, random: randomBytes, log: (event) => logged.push(event) });

/** A login item of a system that may do something else than it was told. */
function loginItem(does: (wanted: boolean) => boolean = (wanted) => wanted) {
  let on = false;
  return {
    read: async () => on,
    async write(wanted: boolean) {
      on = does(wanted);
    },
  };
}

describe('the theme', () => {
  it('is that of the system until another one is chosen, which holds over a restart', async () => {
    const preferences = await open();
    let changes = 0;
    preferences.onChange(() => (changes += 1));
    expect(preferences.view()).toEqual({ theme: 'system', startAtLogin: null, remindOfSetup: true });
    expect(await preferences.set({ theme: 'dark' })).toEqual({ theme: 'dark', startAtLogin: null, remindOfSetup: true });
    expect([(await open()).view().theme, changes, logged]).toEqual(['dark', 1, []]);
    expect(await preferences.set({})).toEqual({ theme: 'dark', startAtLogin: null, remindOfSetup: true });
  });

  it('is taken from a file of before, and kept beside what else was chosen', async () => {
    writeFileSync(file, '{"theme":"dark"}', { mode: 0o600 });
    const preferences = await open();
    expect(await preferences.set({ remindOfSetup: false })).toMatchObject({ theme: 'dark', remindOfSetup: false });
    await preferences.set({ theme: 'light' });
    expect([(await open()).view(), logged]).toEqual([{ theme: 'light', startAtLogin: null, remindOfSetup: false }, []]);
  });

  it('lies in a file for this user alone, replaced as a whole', async () => {
    const preferences = await open();
    await preferences.set({ theme: 'dark' });
    await preferences.set({ theme: 'light' });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect([readFileSync(file, 'utf8'), readdirSync(folder)]).toEqual(['{"theme":"light","remindOfSetup":true}\n', ['preferences.json']]);
  });

  it.each([
    ['not JSON', () => writeFileSync(file, '{')],
    ['another theme', () => writeFileSync(file, '{"theme":"url(http://evil.test)"}')],
    ['more than we write', () => writeFileSync(file, '{"theme":"dark","startAtLogin":true}')],
    ['a list', () => writeFileSync(file, '[]')],
    ['too large', () => writeFileSync(file, Buffer.alloc(17 * 1024 * 1024))],
    ['a folder', () => mkdirSync(file)],
    [
      'a link to another file',
      () => {
        writeFileSync(join(folder, 'other'), '{"theme":"dark"}');
        symlinkSync(join(folder, 'other'), file);
      },
    ],
  ])('is that of the system where the file is %s, and the log says so', async (_, make) => {
    make();
    expect((await open()).view()).toEqual({ theme: 'system', startAtLogin: null, remindOfSetup: true });
    expect(logged).toEqual(['preferences.unusable']);
  });

  it('stays where the disk does not take another', async () => {
    const preferences = await open();
    mkdirSync(file);
    expect(await codeOf(preferences.set({ theme: 'dark' }))).toBe('DISK_FULL');
    expect(preferences.view().theme).toBe('system');
  });
});

describe('the start at login', () => {
  it('is what the system says it is, before and after it was told', async () => {
    const preferences = await open(loginItem());
    expect(preferences.view().startAtLogin).toBe(false);
    expect(await preferences.set({ startAtLogin: true, theme: 'light' })).toMatchObject({ theme: 'light', startAtLogin: true });
    const stubborn = await open(loginItem(() => false));
    expect(await stubborn.set({ startAtLogin: true })).toMatchObject({ startAtLogin: false });
  });

  it('cannot be set where this host cannot be started so, and nothing else is changed with it', async () => {
    const preferences = await open();
    expect(await codeOf(preferences.set({ startAtLogin: true, theme: 'dark' }))).toBe('INPUT_INVALID');
    expect(preferences.view()).toEqual({ theme: 'system', startAtLogin: null, remindOfSetup: true });
  });

  it('is not known where the system does not say, which keeps nobody from starting', async () => {
    const silent = { ...loginItem(), read: () => Promise.reject(new AppError('INTERNAL')) };
    expect((await open(silent)).view()).toEqual({ theme: 'system', startAtLogin: null, remindOfSetup: true });
    expect(logged).toEqual(['preferences.login-item']);
  });
});

describe('a setting of the person’s own', () => {
  const ofIt = (settings: unknown): Settings => settingsSchema.parse(settings);
  const beside = (settings: unknown, item?: LoginItem) =>
    openPreferences({ file, loginItem: item, ofIt: () => ofIt(settings), random: randomBytes, log: (event) => logged.push(event) });

  it('holds where IT says nothing, over a restart, until it is taken back', async () => {
    const preferences = await open();
    expect(preferences.effective('lease')).toBeNull();
    await preferences.setOwn('lease', '2 min');
    expect((await open()).effective('lease')).toEqual({ value: '2 min', by: 'person', mode: null });
    await preferences.setOwn('lease', null);
    expect([(await open()).effective('lease'), logged]).toEqual([null, []]);
    expect(readFileSync(file, 'utf8')).toBe('{"remindOfSetup":true}\n');
  });

  it('makes what IT has set stricter, and never looser', async () => {
    const preferences = await beside({ lease: { value: '5 min', mode: 'userMayTighten' }, theme: { value: 'dark', mode: 'locked' } });
    await preferences.setOwn('lease', '2 min');
    expect(preferences.effective('lease')).toMatchObject({ value: '2 min', by: 'person' });
    expect(await codeOf(preferences.setOwn('lease', '6 min'))).toBe('SETTING_LOCKED');
    for (const change of [preferences.setOwn('theme', 'light'), preferences.set({ theme: 'light' })])
      expect(await codeOf(change)).toBe('SETTING_LOCKED');
    expect([preferences.effective('lease')?.value, preferences.view().theme]).toEqual(['2 min', 'dark']);
  });

  it('that was set before IT said no gives way, and comes back with the freedom', async () => {
    await (await open()).setOwn('lease', '10 min');
    expect((await beside({ lease: { value: '5 min', mode: 'locked' } })).effective('lease')).toMatchObject({ value: '5 min', by: 'it' });
    expect((await open()).effective('lease')).toMatchObject({ value: '10 min' });
  });

  it.each(['', '1 s', '2 minutes', '5 min\n', '__proto__'])('is refused where it is %j', async (value) => {
    const preferences = await open();
    expect(await codeOf(preferences.setOwn('lease', value))).toBe('INPUT_INVALID');
    expect([preferences.effective('lease'), readdirSync(folder)]).toEqual([null, []]);
  });

  it('is not read from a file that says what cannot be', async () => {
    writeFileSync(file, '{"settings":{"lease":"1 s"}}');
    expect([(await open()).effective('lease'), logged]).toEqual([null, ['preferences.unusable']]);
  });

  it('is kept with the start at login, which follows IT where IT has said it', async () => {
    const item = loginItem();
    const locked = await beside({ startAtLogin: { value: 'yes', mode: 'locked' } }, item);
    expect(locked.view().startAtLogin).toBe(true);
    expect(await codeOf(locked.set({ startAtLogin: false }))).toBe('SETTING_LOCKED');
    expect(await item.read()).toBe(true);
    const free = await beside({ startAtLogin: { value: 'yes', mode: 'default' } }, item);
    expect(await free.set({ startAtLogin: false })).toMatchObject({ startAtLogin: false });
    expect((await beside({ startAtLogin: { value: 'yes', mode: 'default' } }, item)).view().startAtLogin).toBe(false);
    expect(await codeOf((await open()).setOwn('startAtLogin', 'yes'))).toBe('INPUT_INVALID');
  });
});
