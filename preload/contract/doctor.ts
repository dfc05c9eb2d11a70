/** What was looked at on this machine, and how it is. */
import { z } from 'zod';

export const doctorViewSchema = z.object({
  checks: z.array(
    z.object({
      id: z.string(),
      /** What was looked at, in a few words. */
      title: z.string(),
      /** 'unknown': it could not be found out, which is not the same as bad. */
      state: z.enum(['good', 'weak', 'bad', 'unknown']),
      /** What was found. */
      finding: z.string(),
      /** What to do about it; null: nothing. */
      next: z.string().nullable(),
      code: z.string().nullable(),
    }),
  ),
});
export type DoctorView = z.infer<typeof doctorViewSchema>;

/** Names alone: a variable's value may be a token. */
const variableNames = z
  .string()
  .max(2000)
  .regex(/^(?:[A-Za-z_][A-Za-z0-9_]{0,63}(?:,[A-Za-z_][A-Za-z0-9_]{0,63}){0,63})?$/);

/** What the command line asks for, as parameters of a query. */
export const doctorRequestSchema = z.strictObject({
  profile: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,39}$/)
    .optional(),
  grant: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/)
    .optional(),
  /** Names of variables of the terminal that have to do with signing in, with commas between. */
  variables: variableNames.default(''),
});

/** One line of the answer: how many looks there are, what one has found as soon as it has, and at last everything in its order. */
export const doctorLineSchema = z.union([
  z.object({ looks: z.int() }),
  z.object({ found: doctorViewSchema.shape.checks }),
  z.object({ view: doctorViewSchema }),
]);
export type DoctorLine = z.infer<typeof doctorLineSchema>;

export const errorTextRequestSchema = z.strictObject({
  text: z.string().min(1).max(65_536),
  grant: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/)
    .optional(),
});
/** What a pasted error means. Nothing of the text itself is in it. */
export const errorExplainedSchema = z.object({
  id: z.string().nullable(),
  sentence: z.string(),
  next: z.string(),
  source: z.string().nullable(),
  warning: z.string().nullable(),
  scopes: z.array(z.string()),
});
export type ErrorExplained = z.infer<typeof errorExplainedSchema>;
