/** The settings of this device as people see them, and what they keep from happening. It holds nothing itself. */
import type { z } from 'zod';
import type { CallerView } from '../../preload/contract/caller.ts';
import type { SettingsView, settingChangeSchema } from '../../preload/contract/settings.ts';
import { AppError } from '../app-error.ts';
import type { AuditLog } from '../audit/event.ts';
import type { Caller } from '../caller/caller.ts';
import type { ControlledAgent } from '../control/routes.ts';
import type { ManagedSettings } from '../enroll/managed-settings.ts';
import { choicesOf, type Effective, effective, type SettingName, type Settings, settingNames, settingsTable } from '../enroll/settings.ts';
import { toMs } from '../profile/length-of-time.ts';
import type { Profile } from '../profile/profile.ts';
import { type Ms, ms } from '../units.ts';
import { nameOf } from './access.ts';
import type { OwnPreferences } from './preferences.ts';

type Held = (name: SettingName) => Effective | null;

/** @throws AppError SETTING_FORBIDS */
export function requireAllowed(held: Held, name: 'fileGrants' | 'printedTokens'): void {
  // check: setting-forbids
  if (held(name)?.value === 'forbidden') throw new AppError('SETTING_FORBIDS', { reason: name, detail: `${name} is forbidden.` });
  // end check
}

const caps: Readonly<Record<string, SettingName>> = { session: 'sessionLife', idle: 'sessionIdle', grant: 'longestGrant', lease: 'lease' };

/** A profile whose limits and demands are never laxer than the settings, as these are at the moment. */
export function underSettings<T extends { limits: object; assurance?: Profile['assurance'] }>(owner: T, held: Held): T {
  const limits = { ...owner.limits } as Record<string, Ms>;
  for (const [key, name] of Object.entries(caps)) {
    const written = limits[key];
    if (written === undefined) continue;
    const get = (): Ms => {
      const value = held(name)?.value;
      return value === undefined ? written : ms(Math.min(written, toMs(value)));
    };
    Object.defineProperty(limits, key, { enumerable: true, get });
  }
  if (owner.assurance === undefined) return { ...owner, limits };
  const { minimum } = owner.assurance;
  const assurance = {
    ...owner.assurance,
    get minimum(): Profile['assurance']['minimum'] {
      const value = held('minimumAssurance')?.value as Profile['assurance']['minimum'] | undefined;
      return value !== undefined && settingsTable.minimumAssurance.compare(value, minimum) < 0 ? value : minimum;
    },
  };
  return { ...owner, limits, assurance };
}

export interface DeviceSettings {
  settings(): SettingsView;
  /** @throws AppError CALLER_REFUSED (an AI agent) | INPUT_INVALID (name, value) | SETTING_LOCKED | DISK_FULL */
  changeSetting(change: z.output<typeof settingChangeSchema>, by: Caller): Promise<SettingsView>;
  /** As the agent's, where tokens may be printed. @throws AppError SETTING_FORBIDS */
  token: ControlledAgent['token'];
  askForToken: ControlledAgent['askForToken'];
}

export function createDeviceSettings(parts: {
  preferences: Pick<OwnPreferences, 'effective' | 'setOwn'>;
  machine: ManagedSettings | null;
  bundle: () => SettingsView['bundle'];
  ofIt: () => Settings;
  agent: Pick<ControlledAgent, 'token' | 'askForToken'>;
  describe: (caller: Caller) => CallerView;
  audit: AuditLog;
}): DeviceSettings {
  const { preferences, machine, agent, audit } = parts;

  function settings(): SettingsView {
    const its = parts.ofIt();
    return {
      machine: machine === null ? null : { managedBy: machine.managedBy, source: machine.source, hash: machine.hash },
      bundle: parts.bundle(),
      settings: settingNames.map((name) => {
        const { value = null, by = null, mode = null } = preferences.effective(name) ?? {};
        const choices = choicesOf(name)?.filter((own) => effective(name, its[name], own)?.value === own) ?? null;
        return { name, means: settingsTable[name].means, value, by, mode, ofIt: its[name]?.value ?? null, choices };
      }),
    };
  }

  return {
    settings,
    async changeSetting({ name, value }, by) {
      // check: setting-not-by-ai-agent
      if (by.aiAgent !== null) throw new AppError('CALLER_REFUSED', { reason: by.kind });
      // end check
      const known = settingNames.find((each) => each === name);
      if (known === undefined) throw new AppError('INPUT_INVALID', { reason: 'name', detail: `Known: ${settingNames.join(', ')}.` });
      await preferences.setOwn(known, value);
      audit.append({ type: 'setting.changed', name: known, value: value ?? '', ...nameOf(by, parts.describe) });
      return settings();
    },
    async token(request, by) {
      requireAllowed(preferences.effective, 'printedTokens');
      return agent.token(request, by);
    },
    askForToken(request, by) {
      requireAllowed(preferences.effective, 'printedTokens');
      return agent.askForToken(request, by);
    },
  };
}
