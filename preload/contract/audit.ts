/** How far the audit log is sealed, and how it gets to where a company looks for it. */
import { z } from 'zod';
import { failureSchema } from './failure.ts';

const isoTime = z.iso.datetime();

const sinkViewSchema = z.object({
  name: z.string(),
  kind: z.enum(['otlp', 'folder', 'databricks']),
  /** An address, a folder, a table. */
  to: z.string(),
  lastSentAt: isoTime.nullable(),
  /** Number of the last record that has arrived; null: none. */
  lastSeq: z.int().nullable(),
  /** Records that have yet to go. */
  waiting: z.int(),
  /** Why the last try came to nothing; null: it did not. */
  problem: failureSchema.nullable(),
});

export const auditViewSchema = z.object({
  /** The newest checkpoint of this run: how many records it covers, and when; null: none yet. */
  checkpoint: z.object({ size: z.int(), at: isoTime }).nullable(),
  sinks: z.array(sinkViewSchema),
});
export type AuditView = z.infer<typeof auditViewSchema>;

/** A field of a record that was sent. */
export const sentFieldSchema = z.object({
  /** As it was sent: `actor.email`. */
  name: z.string(),
  /** What it is, for people; empty: nobody has words for it. */
  means: z.string(),
  value: z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]),
});
export type SentField = z.infer<typeof sentFieldSchema>;

/** What has really left the device, by sink. */
export const sentViewSchema = z.object({
  sinks: z.array(
    sinkViewSchema.extend({
      /** E-mail addresses leave as words that say nothing to anybody else. */
      pseudonymized: z.boolean(),
      /** Bytes of the log that have yet to go, and how many may. */
      waitingBytes: z.int(),
      mostBytes: z.int(),
      /** What waits for longer is passed over. */
      mostDays: z.int(),
      /** The last record that arrived, every field of it; null: none since the start. */
      last: z.array(sentFieldSchema).nullable(),
    }),
  ),
  /** Where times are sent to (`telemetry: traces:`), and the last span that was; null: nowhere. */
  traces: z.object({ to: z.string(), lastSentAt: isoTime.nullable(), last: z.array(sentFieldSchema).nullable() }).nullable(),
});
export type SentView = z.infer<typeof sentViewSchema>;
