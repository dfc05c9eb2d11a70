/**
 * What the control door says and understands. Both sides parse with these schemas: the agent its requests, the command line
 * its answers. Only two answers carry a secret, `grantMade` (the grant URL) and `token`; both exist to be handed to a program.
 */
import { z } from 'zod';
import { alertViewSchema } from './alert.ts';
import { auditViewSchema } from './audit.ts';
import { callerViewSchema } from './caller.ts';
import { askQueueViewSchema, askViewSchema } from './consent.ts';
import { failureSchema } from './failure.ts';
import { keyRegistrationViewSchema } from './key-registration.ts';
import { lockViewSchema } from './lock.ts';
import { managedViewSchema } from './managed.ts';
import { servicePrincipalViewSchema } from './service-principal.ts';
import { sessionViewSchema } from './session.ts';
import { tapKeyViewSchema } from './tap-key.ts';

const profileName = z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/);
/** A workspace by its short name or by its host; a scope or the name of a scope bundle. */
const word = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:/?=@-]{0,199}$/);
const isoTime = z.iso.datetime();

export const grantViewSchema = z.object({
  id: z.string(),
  profile: z.string(),
  workspace: z.string(),
  scopes: z.array(z.string()),
  /** false: its tokens may do more than the scopes name. */
  narrowed: z.literal(false).optional(),
  /** Client id of the service principal that its tokens act as now; left out: as the person. */
  actsAs: z.string().optional(),
  /** It is for a service principal of its own, not for a person. */
  identity: z.literal('service-principal').optional(),
  label: z.string(),
  createdAt: isoTime,
  until: isoTime,
  approved: z.string(),
  /** 'run': one run and what it starts; 'tree': a shell and what it starts; 'file': each program is asked about once. */
  binding: z.enum(['run', 'tree', 'file']),
  /** The program it was made for, as it was then. */
  caller: callerViewSchema.nullable(),
  /** Known processes that use it and still run. */
  members: z.int(),
  state: z.enum(['live', 'revoked', 'expired']),
  /** A person has paused it: it gets no token until it is let go on. */
  paused: z.boolean(),
  lastUsedAt: isoTime.nullable(),
  served: z.int(),
});
export type GrantView = z.infer<typeof grantViewSchema>;

export const policyViewSchema = z.object({
  id: z.string(),
  revision: z.int(),
  hash: z.string(),
  mode: z.enum(['enforce', 'observe']),
  /** A path, or `built-in`. */
  source: z.string(),
  expires: isoTime.nullable(),
});
export type PolicyView = z.infer<typeof policyViewSchema>;

/** Where the agent runs: in a window of its own, or as a plain process whose UI is in the browser. */
export const hostKinds = ['desktop', 'headless'] as const;
export type HostKind = (typeof hostKinds)[number];

export const statusViewSchema = z.object({
  version: z.string(),
  pid: z.int(),
  host: z.enum(hostKinds),
  startedAt: isoTime,
  vault: z.enum(['secret-service', 'keychain', 'credential-manager', 'passphrase', 'file', 'memory']),
  port: z.int(),
  configFile: z.string(),
  /** The file with further certificate authorities that are believed, and what was approved of it; absent where there is none. */
  authorities: z.object({ caFile: z.string(), caContent: z.string().nullable() }).optional(),
  profiles: z.array(
    z.object({
      name: z.string(),
      test: z.boolean(),
      issuer: z.string(),
      /** Programs get the token of the sign-in itself, which opens all of this; absent where each gets one of its own. */
      direct: z.array(z.string()).optional(),
      /** Client id of the service principal that the person's groups make their tokens act as. */
      actsAs: z.string().optional(),
      session: sessionViewSchema,
      /** The last registration of a security key at the provider; absent where none was begun since the start. */
      keyRegistration: keyRegistrationViewSchema.optional(),
      workspaces: z.array(z.object({ name: z.string(), host: z.string(), health: z.string(), accountId: z.string().optional() })),
    }),
  ),
  /** Apart from people: nobody signs in to these. */
  servicePrincipals: z.array(servicePrincipalViewSchema),
  grants: z.array(grantViewSchema),
  lock: lockViewSchema,
  queue: askQueueViewSchema,
  tapKeys: z.array(tapKeyViewSchema),
  policy: policyViewSchema,
  /** Absent where nobody manages this device. */
  managed: managedViewSchema.optional(),
  /** Absent in an agent of before. */
  audit: auditViewSchema.optional(),
  /** What should be looked at, oldest first; absent in an agent of before. */
  alerts: z.array(alertViewSchema).optional(),
  /** What is weaker than it could be, in words. */
  warnings: z.array(z.string()),
  /** What is wrong right now, worst first; empty when all is well. */
  problems: z.array(failureSchema),
  /** The one command or act that helps most now. */
  next: z.string(),
});
export type StatusView = z.infer<typeof statusViewSchema>;

/** 'in-use': sign in with it; 'made': the first one, in use at once; 'waiting': in the file, until a person has approved that. */
export const workspaceProfileAnswerSchema = z.object({ profile: z.string(), state: z.enum(['in-use', 'made', 'waiting']) });

export const signInRequestSchema = z.strictObject({ profile: profileName.optional() });
export const signInStartSchema = z.strictObject({
  profile: profileName.optional(),
  /** Asks the provider for a sign-in that is fresh and as strong as policy wants. */
  stepUp: z.boolean().default(false),
});
export const signInStartedSchema = z.object({ profile: z.string(), url: z.url(), browser: z.enum(['opened', 'none']) });
export const signInOutcomeSchema = z.object({ profile: z.string(), session: sessionViewSchema });
export const signOutRequestSchema = z.strictObject({ profile: profileName.optional() });

export const grantRequestSchema = z.strictObject({
  profile: profileName.optional(),
  workspace: word.optional(),
  scopes: z.array(word).max(32).default([]).describe('None: the bundle `notebook`.'),
  binding: z.enum(['run', 'tree', 'file']),
  /** The program that is about to run; claimed. */
  program: z.string().max(4096).optional(),
  /** Seconds the grant runs; the profile's limit where it is left out. */
  seconds: z.int().min(60).max(31_536_000).optional(),
  label: z
    .string()
    .max(80)
    .regex(/^[\x20-\x7e\u00a0-\uffff]*$/u)
    .default(''),
});
/** `accountId`: the grant is for that account, not for a workspace. */
export const grantMadeSchema = z.object({ grant: grantViewSchema, host: z.string(), accountId: z.string().optional(), url: z.url() });
export type GrantMade = z.infer<typeof grantMadeSchema>;
/** One line of the answer to a request that a person may have to approve: what is asked, where to answer, and how it ended. */
export const grantProgressSchema = z.union([
  z.object({ asking: askViewSchema, url: z.string().nullable() }),
  z.object({ made: grantMadeSchema }),
  z.object({ failure: failureSchema }),
]);
export type GrantProgress = z.infer<typeof grantProgressSchema>;
export const childRequestSchema = z.strictObject({ grant: z.string().max(64), pid: z.int().positive() });
export const widenRequestSchema = z.strictObject({ grant: z.string().max(64), scopes: z.array(word).min(1).max(32) });
export const widenProgressSchema = z.union([
  z.object({ asking: askViewSchema, url: z.string().nullable() }),
  z.object({ widened: grantViewSchema }),
  z.object({ failure: failureSchema }),
]);
export const tokenProgressSchema = z.union([
  z.object({ asking: askViewSchema, url: z.string().nullable() }),
  z.object({ token: z.lazy(() => tokenSchema) }),
  z.object({ failure: failureSchema }),
]);
/** Programs that a person has refused for good. Script and folder are what the program claimed. */
export const deniedListSchema = z.object({
  denied: z.array(
    z.object({
      ...{ id: z.string(), profile: z.string(), executable: z.string(), deniedAt: isoTime },
      ...{ script: z.string().nullable(), folder: z.string().nullable(), aiAgent: z.string().nullable() },
    }),
  ),
});
export type DeniedList = z.infer<typeof deniedListSchema>;
export const deniedForgetRequestSchema = z.strictObject({ id: z.string().max(64) });
export const deniedForgottenSchema = z.object({ forgotten: z.boolean() });
/** `url` is null where a window of the desktop app shows it. */
export const uiOpenedSchema = z.object({ url: z.string().nullable(), browser: z.enum(['opened', 'none', 'shown']) });
export const lockedSchema = z.object({ lock: lockViewSchema });
export const unlockRequestSchema = z.strictObject({ passphrase: z.string().min(1).max(1024).optional() });
/** `url`: the page on which a key opens the vault. */
export const unlockStartedSchema = z.object({
  lock: lockViewSchema,
  url: z.string().nullable(),
  browser: z.enum(['opened', 'none', 'shown']),
});
export const sealRequestSchema = z.strictObject({
  how: z.enum(['passphrase', 'keychain']),
  passphrase: z.string().min(8).max(1024).optional(),
});
/** `leaving`: whoever asks uninstalls, so what is erased leaves nothing behind, the keychain's entries included, once the agent has stopped. */
export const resetRequestSchema = z.strictObject({ leaving: z.boolean().optional() });
export const resetReportSchema = z.object({ grants: z.int(), keys: z.int() });
/** The agent has stopped serving when its lock is free; whoever asked then takes its place, its port and its grants. */
export const handOverSchema = z.object({ vault: statusViewSchema.shape.vault, pid: z.int() });
export type HandOver = z.infer<typeof handOverSchema>;
export const grantListSchema = z.object({ grants: z.array(grantViewSchema) });
export const grantEndRequestSchema = z.strictObject({
  ids: z.array(z.string().max(64)).max(1000).optional(),
  all: z.literal(true).optional(),
  why: z.enum(['revoked', 'run-ended']).default('revoked'),
});
export const grantEndedSchema = z.object({ ended: z.int() });
/** One line of the stream that `lakepass run` listens to. */
export const grantNewsSchema = z.union([
  z.object({ refused: failureSchema }),
  /** It will be refused so in a few minutes, unless the person sees to it before. */
  z.object({ due: failureSchema }),
  z.object({ asking: askViewSchema, url: z.string().nullable() }),
  z.object({ answered: z.enum(['approved', 'denied', 'unanswered']) }),
  z.object({ ended: z.string() }),
]);
export type GrantNews = z.infer<typeof grantNewsSchema>;

export const tokenRequestSchema = z.strictObject({
  profile: profileName.optional(),
  workspace: word.optional(),
  scopes: z.array(word).max(32).default([]),
});
/** The shape of `databricks auth token`. `expiry` is RFC 3339 in local time with a fraction, as Databricks' SDKs parse it. */
export const tokenSchema = z.object({ access_token: z.string(), token_type: z.literal('Bearer'), expiry: z.string(), expires_in: z.int() });

export const auditQuerySchema = z.strictObject({ limit: z.coerce.number().int().min(1).max(10_000).default(50) });
export const auditRecordsSchema = z.object({ folder: z.string(), records: z.array(z.record(z.string(), z.unknown())) });

/** What somebody elsewhere verifies the checkpoints of this log with. */
export const logKeySchema = z.object({
  origin: z.string(),
  /** RFC 7638, SHA-256. */
  thumbprint: z.string(),
  /** `name+id+base64` (c2sp.org/signed-note, "Verifier keys"). */
  verifier: z.string(),
  pem: z.string(),
});
export type LogKeyView = z.infer<typeof logKeySchema>;

export const failureAnswerSchema = z.object({ failure: failureSchema });
