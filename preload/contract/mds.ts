/** FIDO's metadata, which says what a model of key is and whether it is broken: what is here of it, and how a newer issue comes in. */
import { z } from 'zod';

export const mdsViewSchema = z.object({
  /** Number of the issue; FIDO counts up. */
  no: z.int(),
  nextUpdate: z.iso.date(),
  importedAt: z.iso.datetime(),
  models: z.int(),
  /** A newer issue is out by its own word. */
  stale: z.boolean(),
});
export type MdsView = z.infer<typeof mdsViewSchema>;

/** Null where none was ever imported. */
export const mdsAnswerSchema = z.object({ mds: mdsViewSchema.nullable() });
/** An absolute path: the file is larger than a request may be. */
export const mdsImportRequestSchema = z.strictObject({ file: z.string().min(1).max(4096) });
export const mdsImportedSchema = z.object({
  mds: mdsViewSchema,
  /** Keys whose judgement came out differently. */
  judged: z.int(),
});
