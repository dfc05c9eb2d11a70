/** A setting of the device as a person reads it: what holds, whose word that is, and whether it is theirs to change. */
import type { SettingsView, SettingView } from '../../preload/contract/settings.ts';
import { texts } from '../texts.ts';

const words = texts.settings.device;

/** Who manages this device, by its name; null: nobody does. */
export const companyOf = ({ machine, bundle }: Pick<SettingsView, 'machine' | 'bundle'>): string | null =>
  bundle?.organization ?? machine?.managedBy ?? null;

const named = (table: object, name: string): string => (Object.entries(table).find(([key]) => key === name)?.[1] as string) ?? name;

/** Its name; that of a later agent's, which has no words here, as it is. */
export const settingName = (name: string): string => named(words.names, name);
/** Lengths of time are words already. */
export const settingValue = (value: string): string => named(words.values, value);

/** Whose word holds. `company` stands in for a name that is not known. */
export function settingBy({ by, mode, ofIt }: SettingView, company: string | null): string {
  const it = company ?? words.company;
  if (by === null) return words.nobody;
  if (mode === null || ofIt === null) return words.yours;
  if (mode === 'locked') return words.locked(it);
  if (by === 'it') return mode === 'default' ? words.start(it) : words.tighten(it);
  return mode === 'default' ? words.instead(it, settingValue(ofIt)) : words.stricter(it, settingValue(ofIt));
}

/** Nothing but what holds can be chosen. */
export const isFixed = ({ mode, choices }: SettingView): boolean => mode === 'locked' || (choices !== null && choices.length < 2);

const length = /^[1-9][0-9]{0,5}\s?(s|min|h|d)$/;
/** Only what can be seen here; the agent checks it all again. */
export const isLength = (text: string): boolean => length.test(text);
