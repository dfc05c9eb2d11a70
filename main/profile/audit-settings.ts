/** What the configuration says about the audit log: where its records go to, and what is done when they cannot be kept. */
import { z } from 'zod';
import { isAcceptedAddress } from './plain-http.ts';

const wholePath = z.string().regex(/^\/[^\0]{1,1000}$/, 'write a whole path');

export const otlpSchema = z.strictObject({
  url: z
    .url()
    .regex(/^https?:\/\/[^\s\\#@]+$/, 'write the address without a user name or a fragment')
    // check: config-sink-plain-http
    .refine((url) => isAcceptedAddress(url, { test: true }), 'write https; plain http is for a collector on localhost or 127.0.0.1')
    // end check
    .describe('Where the collector takes logs: all of it, such as https://otel.acme.example/v1/logs.'),
  tokenFrom: z
    .strictObject({ file: wholePath.describe('A file of yours or root’s with mode 600; it is read anew for each batch.') })
    .optional()
    .describe('Where the bearer token for the collector lies; it never stands in this file.'),
});

const databricksSchema = z.strictObject({
  profile: z.string().min(1).describe('The profile, or the service principal, whose tokens write.'),
  workspace: z.string().min(1).optional().describe('Name or host of a workspace of the profile, where it has several.'),
  warehouse: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'write the id of the SQL warehouse')
    .describe('Id of the SQL warehouse.'),
  table: z
    .string()
    // check: config-table-name
    .regex(/^[A-Za-z0-9_-]{1,64}(\.[A-Za-z0-9_-]{1,64}){2}$/, 'write catalog.schema.table, of letters, digits, _ and -')
    // end check
    .describe('The table: catalog.schema.table.'),
});

const sinkSchema = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'use lower-case letters, digits and hyphens, 40 at most')
      .describe('Its name in status and in the log; another name begins anew with all that is there.'),
    otlp: otlpSchema.optional().describe('An OpenTelemetry collector, by OTLP/HTTP in JSON.'),
    folder: wholePath.optional().describe('A folder that is there, in which files of newline-delimited JSON appear.'),
    databricks: databricksSchema.optional().describe('A table of a Databricks workspace; records wait until somebody is signed in.'),
  })
  .refine(
    ({ otlp, folder, databricks }) => [otlp, folder, databricks].filter((each) => each !== undefined).length === 1,
    'write one of `otlp:`, `folder:` and `databricks:`',
  );

export const auditSchema = z.strictObject({
  diskFull: z
    .enum(['refuse', 'serve-and-count'])
    .default('refuse')
    .describe('What is done when the disk is full and nothing can be recorded. serve-and-count holds only in the bundle of a company.'),
  pseudonymize: z
    .boolean()
    .default(false)
    .describe('E-mail addresses leave the device as words that say nothing to anybody else, the same for one person on one device.'),
  sinks: z
    .array(sinkSchema)
    .max(8)
    .refine((sinks) => new Set(sinks.map(({ name }) => name)).size === sinks.length, 'give each sink a name of its own')
    .default([])
    .describe('Where records of the audit log go to; docs/audit-events.md has all that leaves.'),
});

export type AuditSettings = z.output<typeof auditSchema>;
export type SinkSettings = AuditSettings['sinks'][number];
export const noAuditSettings: AuditSettings = auditSchema.parse({});

/** Whoever approves it hears which file of theirs goes along. */
export function placeOfCollector({ url, tokenFrom }: z.output<typeof otlpSchema>): string {
  // check: sink-token-file-shown
  if (tokenFrom !== undefined) return `${url} (with what is in ${tokenFrom.file} as the token)`;
  // end check
  return url;
}

/** Where a sink's records go to, for people. */
export function placeOfSink({ otlp, folder, databricks }: SinkSettings): string {
  if (otlp !== undefined) return placeOfCollector(otlp);
  if (databricks === undefined) return folder ?? '';
  const { table, profile, workspace } = databricks;
  return `${table} (${workspace === undefined ? profile : `${profile}, ${workspace}`})`;
}
