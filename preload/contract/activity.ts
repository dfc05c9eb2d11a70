/** The audit log as a person looks at it: records, what they add up to, and whether the log is whole. */
import { z } from 'zod';

const isoTime = z.iso.datetime();

/** Groups of event types that a person filters by. */
export const activityKinds = ['sign-in', 'token', 'grant', 'request', 'refusal', 'key', 'policy', 'lock', 'agent'] as const;
export type ActivityKind = (typeof activityKinds)[number];

export const activityQuerySchema = z.strictObject({
  /** Records older than this one (its `seq`); the newest where it is left out. */
  before: z.int().positive().optional(),
  limit: z.int().min(1).max(200).default(50),
  kinds: z.array(z.enum(activityKinds)).max(activityKinds.length).default([]).describe('None: all.'),
  /** Found anywhere in a record's fields, upper and lower case alike. */
  text: z.string().max(100).default(''),
  since: isoTime.optional(),
  until: isoTime.optional(),
});

export const activityRecordSchema = z.object({
  seq: z.int(),
  at: isoTime,
  type: z.string(),
  kind: z.enum(activityKinds),
  /** The event's own fields as they stand in the log. */
  fields: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.string())])),
});
export type ActivityRecord = z.infer<typeof activityRecordSchema>;

export const activityPageSchema = z.object({
  /** Newest first. */
  records: z.array(activityRecordSchema),
  /** `before` for the next page; null: there are no older ones that match. */
  next: z.int().nullable(),
  /** Lines that could not be read. */
  damaged: z.int(),
});

export const summarySpanSchema = z.enum(['hour', 'day', 'week']);
/** `span` is cut into equal parts, oldest first; counts are of that part alone. */
export const activitySummarySchema = z.object({
  span: summarySpanSchema,
  since: isoTime,
  until: isoTime,
  parts: z.array(
    z.object({
      at: isoTime,
      /** Tokens handed out, cached answers included. */
      tokens: z.int(),
      minted: z.int(),
      /** Median milliseconds of an exchange at the workspace; null: there was none. */
      mintMs: z.number().nullable(),
      prompts: z.int(),
      denials: z.int(),
      refusals: z.int(),
    }),
  ),
});
export type ActivitySummary = z.infer<typeof activitySummarySchema>;

export const auditVerdictSchema = z.object({
  ok: z.boolean(),
  folder: z.string(),
  records: z.int(),
  /** Oldest and newest record; null: there is none. */
  from: isoTime.nullable(),
  to: isoTime.nullable(),
  /** `audit verify`'s own words, one each. */
  problems: z.array(z.string()),
  notes: z.array(z.string()),
  /** What this check proves, and what it cannot prove, in words; nothing is proven by a log that does not verify. */
  proven: z.array(z.string()),
  cannotProve: z.array(z.string()),
});
export type AuditVerdict = z.infer<typeof auditVerdictSchema>;
