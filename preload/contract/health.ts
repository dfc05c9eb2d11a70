/** Whether what Lakepass depends on is there at this moment, for monitoring. What is wrong, and how to mend it, is the doctor's to say. */
import { z } from 'zod';
import { failureSchema } from './failure.ts';

export const dependencyKinds = ['vault', 'audit-log', 'sink', 'provider', 'workspace'] as const;

export const dependencyViewSchema = z.object({
  kind: z.enum(dependencyKinds),
  /** Of a sink, a profile, a profile and its workspace; empty where there is one alone. */
  name: z.string(),
  /** `unused`: nothing needs it now (nobody is signed in, the vault is locked), so it was not asked. */
  state: z.enum(['ok', 'failing', 'unused']),
  /** How long it took to answer. */
  tookMs: z.int(),
  problem: failureSchema.nullable(),
});
export type DependencyView = z.infer<typeof dependencyViewSchema>;

export const healthViewSchema = z.object({
  /** `failing`: one of them at least is. */
  state: z.enum(['ok', 'failing']),
  /** When they were looked at; an answer is a few seconds old at most. */
  at: z.iso.datetime(),
  dependencies: z.array(dependencyViewSchema),
});
export type HealthView = z.infer<typeof healthViewSchema>;
