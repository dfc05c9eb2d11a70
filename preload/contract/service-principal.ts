/** What a person can see of a service principal, and how its secret is handed over. The secret itself only ever goes in. */
import { z } from 'zod';
import { failureSchema } from './failure.ts';

const isoTime = z.iso.datetime();

export const servicePrincipalViewSchema = z.object({
  name: z.string(),
  test: z.boolean(),
  clientId: z.string(),
  /** What proves it: its secret from the vault, or the JWT of a workload. */
  proof: z.enum(['secret', 'file', 'env']),
  /** Of a workload: the path, or the name of the variable. */
  where: z.string().nullable(),
  /** 'secret-needed': there is none in the vault that fits the configuration; `problem` says more. */
  state: z.enum(['ready', 'secret-needed', 'locked']),
  secretSetAt: isoTime.nullable(),
  /** Whole days since then. */
  secretAgeDays: z.int().nullable(),
  /** The secret is older than `rotateAfter` of the configuration. */
  rotationDue: z.boolean(),
  /** False with the memory vault: after a restart the secret has to be set again. */
  survivesRestart: z.boolean(),
  problem: failureSchema.nullable(),
  workspaces: z.array(z.object({ name: z.string(), host: z.string(), health: z.string(), accountId: z.string().optional() })),
});
export type ServicePrincipalView = z.infer<typeof servicePrincipalViewSchema>;

export const servicePrincipalListSchema = z.object({ servicePrincipals: z.array(servicePrincipalViewSchema) });

const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/);
/** Characters that no encoding of RFC 6749 section 2.3.1 or RFC 7617 changes; Databricks' own are hexadecimal digits behind four letters. */
export const clientSecretShape = /^[A-Za-z0-9._~-]{16,512}$/;
export const secretSetRequestSchema = z.strictObject({ name, secret: z.string().regex(clientSecretShape) });
export const secretRemoveRequestSchema = z.strictObject({ name });
export const servicePrincipalAnswerSchema = z.object({ servicePrincipal: servicePrincipalViewSchema });
