/** The first minutes with Lakepass: a profile, a sign-in with the first key, a Databricks profile for other programs, a query that works. */
import { z } from 'zod';
import { failureSchema } from './failure.ts';

const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/);
const sectionName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/);

/** Steps in their order; `next` is the first that is not done, or null when all are. */
export const setupSteps = ['profile', 'sign-in', 'key', 'default', 'query'] as const;
export type SetupStep = (typeof setupSteps)[number];

export const setupViewSchema = z.object({
  next: z.enum(setupSteps).nullable(),
  configFile: z.string(),
  /** Databricks' own profile file, and the sections in it. Their names and hosts; never their secrets. */
  databrickscfg: z.object({
    file: z.string(),
    exists: z.boolean(),
    sections: z.array(
      z.object({
        name: z.string(),
        host: z.string().nullable(),
        /** How it signs in today, such as `pat` or `databricks-cli`. */
        auth: z.string(),
        /** It was written by Lakepass. */
        ours: z.boolean(),
      }),
    ),
    /** A write of ours that can be taken back. */
    canUndo: z.boolean(),
  }),
  /** What runs the sample notebook; null: none was found, and `why` says what was missing. */
  python: z.object({ path: z.string(), version: z.string() }).nullable(),
  why: z.string().nullable(),
  /** Where the query goes. */
  query: z.lazy(() => queryViewSchema).nullable(),
});
export type SetupView = z.infer<typeof setupViewSchema>;

/** A workspace that signs people in itself. */
export const workspaceProfileSchema = z.strictObject({
  workspace: z.string().min(1).max(300),
  /** Made of the host where it is left out. */
  name: name.optional(),
  /** Bundles or scopes; none: everything the person may do. */
  scopes: z.array(z.string().max(200)).max(32).default([]),
  /** Of an OAuth app instead of Databricks' own client; both or neither. */
  clientId: z.string().min(1).max(200).optional(),
  redirectPort: z.int().min(1024).max(65535).optional(),
  /** Plain http on this machine is accepted; shown everywhere. */
  test: z.boolean().default(false),
});

/** A profile file that IT sent, as its text; the few things that make one; or a workspace that signs people in itself. */
export const newProfileSchema = z.discriminatedUnion('from', [
  z.strictObject({ from: z.literal('file'), text: z.string().min(1).max(65_536) }),
  z.strictObject({
    from: z.literal('issuer'),
    name,
    issuer: z.string().max(300),
    clientId: z.string().min(1).max(200),
    workspace: z.string().max(300),
    /** Plain http on this machine is accepted; shown everywhere. */
    test: z.boolean().default(false),
  }),
  workspaceProfileSchema.extend({ from: z.literal('workspace') }),
]);

export const defaultRequestSchema = z.strictObject({
  profile: name.optional(),
  /** Short name or host. */
  workspace: z.string().min(1).max(300).optional(),
  section: sectionName.default('DEFAULT'),
  scopes: z.array(z.string().max(200)).max(32).default([]).describe('None: the bundle `notebook`.'),
});

const digest = z.string().regex(/^[0-9a-f]{64}$/);

/** A write is of the change that was shown, or of none. */
export const defaultWriteSchema = defaultRequestSchema.extend({
  digest: digest.describe('As it came with the lines that were shown.'),
});

/** Lines of the file around the change. No secret of another section is shown: their values stand as `…`. */
export const defaultViewSchema = z.object({
  file: z.string(),
  section: z.string(),
  diff: z.array(z.object({ line: z.string(), change: z.enum(['same', 'added', 'removed']) })),
  /** Names the change, for the write; null: it was taken back, and there is none to write. */
  digest: digest.nullable(),
  written: z.boolean(),
  canUndo: z.boolean(),
  /** Where what was there before is kept; null: there was nothing. */
  backup: z.string().nullable(),
});
export type DefaultView = z.infer<typeof defaultViewSchema>;

export const queryRequestSchema = z.strictObject({
  /** False: only say how it stands. */
  start: z.boolean(),
  profile: name.optional(),
  workspace: z.string().max(300).optional(),
});
export const queryViewSchema = z.object({
  state: z.enum(['idle', 'asking', 'running', 'done', 'failed']),
  how: z.enum(['notebook', 'sql']),
  /** Why it is the one and not the other. */
  because: z.string(),
  /** The notebook that is run, where there is one. */
  notebook: z.string().nullable(),
  statement: z.string(),
  columns: z.array(z.string()),
  rows: z.array(z.array(z.string())).max(20),
  tookMs: z.number().nullable(),
  failure: failureSchema.nullable(),
});
export type QueryView = z.infer<typeof queryViewSchema>;
