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
