/** Settings of this device: what holds, and whose word it is. */
import { z } from 'zod';

export const settingViewSchema = z.object({
  name: z.string(),
  /** One sentence. */
  means: z.string(),
  /** null: nobody has said anything, and the profile or the program decides. */
  value: z.string().nullable(),
  by: z.enum(['it', 'person']).nullable(),
  /** What IT lets the person make of it; null: IT says nothing. */
  mode: z.enum(['locked', 'default', 'userMayTighten']).nullable(),
  /** IT's own value, which the person's may be stricter than; null: IT says nothing. */
  ofIt: z.string().nullable(),
  /** The values of the person's own that would hold; null: it is a length of time, such as `2 h`. */
  choices: z.array(z.string()).nullable(),
});
export type SettingView = z.infer<typeof settingViewSchema>;

export const settingsViewSchema = z.object({
  /** The settings of the machine; null: it has none that can be used. `hash`: SHA-256 of what was read. */
  machine: z.object({ managedBy: z.string(), source: z.string(), hash: z.string() }).nullable(),
  /** The bundle whose settings hold as well. */
  bundle: z.object({ organization: z.string(), revision: z.int() }).nullable(),
  settings: z.array(settingViewSchema),
});
export type SettingsView = z.infer<typeof settingsViewSchema>;

/** `value` null: the person has no value of their own any more. */
export const settingChangeSchema = z.strictObject({ name: z.string().max(64), value: z.string().max(64).nullable() });
