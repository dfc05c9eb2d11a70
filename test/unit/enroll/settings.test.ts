/** What IT has set, what a person may make of it. */
import { describe, expect, it } from 'vitest';
import { effective, joinSettings, type SettingName, type Settings, settingNames, settingsSchema } from '../../../main/enroll/settings.ts';

const read = (settings: unknown): Settings => settingsSchema.parse(settings);

describe('a setting', () => {
  it('that is locked stays as it is, whatever the person says', () => {
    const { lease } = read({ lease: { value: '5 min', mode: 'locked' } });
    for (const own of ['60 s', '1 h', null]) expect(effective('lease', lease, own)).toMatchObject({ value: '5 min', by: 'it' });
  });

  it.each<[SettingName, string, string[], string[]]>([
    ['lease', '5 min', ['60 s', '299 s'], ['300 s', '301 s', '1 h']],
    ['minimumAssurance', 'mfa', ['phr', 'config-asserted'], ['unknown', 'mfa']],
    ['fileGrants', 'allowed', ['forbidden'], ['allowed']],
    ['fileGrants', 'forbidden', [], ['allowed']],
    ['startAtLogin', 'yes', [], ['no']],
    ['theme', 'dark', [], ['light']],
  ])('%s of %s may only be made stricter where IT says so', (name, value, tighter, looser) => {
    const it = read({ [name]: { value, mode: 'userMayTighten' } })[name];
    for (const own of tighter) expect(effective(name, it, own)).toMatchObject({ value: own, by: 'person' });
    for (const own of looser) expect(effective(name, it, own)).toMatchObject({ value, by: 'it' });
  });

  it('that is only where people start is theirs', () => {
    const { theme } = read({ theme: { value: 'dark', mode: 'default' } });
    expect(effective('theme', theme, 'light')).toMatchObject({ value: 'light', by: 'person' });
    expect(effective('theme', theme, null)).toMatchObject({ value: 'dark', by: 'it' });
    expect(effective('theme', undefined, null)).toBeNull();
  });

  it.each([
    { leese: { value: '5 min', mode: 'locked' } },
    { lease: { value: '5 min' } },
    { lease: { value: '10 s', mode: 'locked' } },
    { lease: { value: '5 fortnights', mode: 'locked' } },
    { lease: { value: '5 min', mode: 'loosely' } },
    { minimumAssurance: { value: 'strong', mode: 'locked' } },
    { lease: { value: '5 min', mode: 'locked', also: 1 } },
  ])('that is not in the table is refused: %j', (settings) => {
    expect(settingsSchema.safeParse(settings).success).toBe(false);
  });
});

describe('two sources', () => {
  it('make the stricter hold, and the stricter mode', () => {
    const joined = joinSettings(
      read({ lease: { value: '5 min', mode: 'userMayTighten' }, fileGrants: { value: 'allowed', mode: 'locked' } }),
      read({ lease: { value: '2 min', mode: 'locked' }, fileGrants: { value: 'forbidden', mode: 'userMayTighten' } }),
    );
    expect(joined).toEqual({ lease: { value: '2 min', mode: 'locked' }, fileGrants: { value: 'forbidden', mode: 'locked' } });
  });

  it('of which one is only a start give way to the one that binds', () => {
    const binding = { lease: { value: '10 min', mode: 'locked' } };
    const start = { lease: { value: '1 min', mode: 'default' } };
    expect(joinSettings(read(binding), read(start))).toEqual(binding);
    expect(joinSettings(read(start), read(binding))).toEqual(binding);
  });

  it('that speak of different things both hold', () => {
    const joined = joinSettings(read({ theme: { value: 'dark', mode: 'default' } }), read({ lease: { value: '5 min', mode: 'locked' } }));
    expect(Object.keys(joined).sort()).toEqual(['lease', 'theme']);
    expect(settingNames).toEqual(expect.arrayContaining(Object.keys(joined)));
  });
});
