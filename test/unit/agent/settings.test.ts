/** What the settings of a device do: limits that are never exceeded, and what they keep from happening. */
import { describe, expect, it } from 'vitest';
import { createDeviceSettings, requireAllowed, underSettings } from '../../../main/agent/settings.ts';
import type { Effective, SettingName, Settings } from '../../../main/enroll/settings.ts';
import { hours, minutes, seconds } from '../../../main/units.ts';
import { recordingAudit } from '../../fakes/recording-audit.ts';
import { describeCaller, machine } from '../grant/setting.ts';
import { codeOf, profileNamed } from './setting.ts';

/** Values that hold, changed as a test goes on. */
function held(values: Partial<Record<SettingName, string>> = {}) {
  const all = new Map(Object.entries(values));
  const of = (name: SettingName): Effective | null => {
    const value = all.get(name);
    return value === undefined ? null : { value, by: 'it', mode: 'locked' };
  };
  return { of, set: (name: SettingName, value: string) => void all.set(name, value) };
}

describe('a profile under the settings', () => {
  it('keeps its limits where they are shorter, and has those of the settings where these are', () => {
    const written = profileNamed('acme', { session: '8 h', idle: '1 h', grant: '2 h', lease: '60 s' });
    const { limits } = underSettings(written, held({ sessionLife: '4 h', sessionIdle: '2 h', longestGrant: '30 min', lease: '5 min' }).of);
    expect(limits).toMatchObject({ session: hours(4), idle: hours(1), grant: minutes(30), lease: seconds(60) });
    expect(limits.minTokenLife).toBe(written.limits.minTokenLife);
  });

  it('goes by what the settings say now', () => {
    const settings = held();
    const profile = underSettings(profileNamed('acme', { grant: '8 h' }), settings.of);
    expect(profile.limits.grant).toBe(hours(8));
    settings.set('longestGrant', '1 h');
    expect(profile.limits.grant).toBe(hours(1));
  });

  it.each([
    ['mfa', 'phr', 'phr'],
    ['phr', 'mfa', 'phr'],
    ['unknown', 'config-asserted', 'config-asserted'],
    ['unknown', undefined, 'unknown'],
  ] as const)('that demands %s demands beside a setting of %s: %s', (minimum, setting, demanded) => {
    const acme = profileNamed('acme');
    const written = { ...acme, assurance: { ...acme.assurance, minimum } };
    const settings = held(setting === undefined ? {} : { minimumAssurance: setting });
    expect(underSettings(written, settings.of).assurance.minimum).toBe(demanded);
  });
});

describe('the settings of a device', () => {
  function device(values: Partial<Record<SettingName, string>> = {}, ofIt: Settings = {}) {
    const audit = recordingAudit();
    const kept: unknown[] = [];
    const settings = held(values);
    const device = createDeviceSettings({
      preferences: { effective: settings.of, setOwn: async (...asked) => void kept.push(asked) },
      machine: null,
      bundle: () => null,
      ofIt: () => ofIt,
      agent: { token: async () => 'token', askForToken: () => async () => undefined },
      ...{ describe: describeCaller, audit },
    });
    return { device, audit, kept, settings };
  }
  const processes = machine();
  const person = processes.callerOf(processes.start({ executable: '/usr/bin/lakepass' }));
  const where = { scopes: ['sql'] } as Parameters<ReturnType<typeof device>['device']['token']>[0];

  it('keep a grant out of files, and a token off the terminal, where they forbid it', async () => {
    const { device: its, settings } = device({ printedTokens: 'allowed' });
    expect(await its.token(where, person)).toBe('token');
    settings.set('printedTokens', 'forbidden');
    expect(await codeOf(its.token(where, person))).toBe('SETTING_FORBIDS');
    expect(() => its.askForToken(where, person)).toThrow('SETTING_FORBIDS');
    expect(() => requireAllowed(settings.of, 'fileGrants')).not.toThrow();
    settings.set('fileGrants', 'forbidden');
    expect(() => requireAllowed(settings.of, 'fileGrants')).toThrow('SETTING_FORBIDS');
  });

  it('are changed by name, and who did it is written down', async () => {
    const { device: its, kept, audit } = device();
    await its.changeSetting({ name: 'lease', value: '2 min' }, person);
    expect(kept).toEqual([['lease', '2 min']]);
    expect(audit.events).toMatchObject([{ type: 'setting.changed', name: 'lease', value: '2 min', callerKind: 'program' }]);
  });

  it('say what IT has set, and offer a person only what would hold', () => {
    const { device: its } = device(
      {},
      {
        minimumAssurance: { value: 'mfa', mode: 'userMayTighten' },
        printedTokens: { value: 'forbidden', mode: 'locked' },
        theme: { value: 'dark', mode: 'default' },
        lease: { value: '5 min', mode: 'userMayTighten' },
      },
    );
    const shown = Object.fromEntries(its.settings().settings.map(({ name, ofIt, choices }) => [name, { ofIt, choices }]));
    expect(shown).toMatchObject({
      minimumAssurance: { ofIt: 'mfa', choices: ['mfa', 'config-asserted', 'phr'] },
      printedTokens: { ofIt: 'forbidden', choices: ['forbidden'] },
      theme: { ofIt: 'dark', choices: ['system', 'light', 'dark'] },
      lease: { ofIt: '5 min', choices: null },
      fileGrants: { ofIt: null, choices: ['allowed', 'forbidden'] },
    });
  });

  it.each(['', 'leese', '__proto__', 'toString'])('know no name like %j', async (name) => {
    const { device: its, kept } = device();
    expect([await codeOf(its.changeSetting({ name, value: '2 min' }, person)), kept]).toEqual(['INPUT_INVALID', []]);
  });

  it('are not for an AI agent to change', async () => {
    const { device: its, kept } = device();
    const claude = { ...person, kind: 'ai-agent' as const, aiAgent: 'claude' };
    expect(await codeOf(its.changeSetting({ name: 'lease', value: null }, claude))).toBe('CALLER_REFUSED');
    expect(kept).toEqual([]);
  });
});
