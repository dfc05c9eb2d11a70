/** What a person may set as they like. Nothing here changes who gets what. */
import { z } from 'zod';

export const themes = ['system', 'light', 'dark'] as const;

export const preferencesSchema = z.object({
  theme: z.enum(themes),
  /** null: this host cannot be started at login. */
  startAtLogin: z.boolean().nullable(),
  /** Home says what is left of the setup. */
  remindOfSetup: z.boolean(),
});
export type Preferences = z.infer<typeof preferencesSchema>;

/** What is left out stays as it is. */
export const preferencesRequestSchema = z.strictObject({
  theme: z.enum(themes).optional(),
  startAtLogin: z.boolean().optional(),
  remindOfSetup: z.boolean().optional(),
});
