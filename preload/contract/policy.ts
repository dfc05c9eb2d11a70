/** The policy as it applies to whoever is signed in, and the answer to "what if". */
import { z } from 'zod';
import { callerKinds } from './caller.ts';
import { approvals } from './consent.ts';
import { policyViewSchema } from './control.ts';

const seconds = z.int();

export const ruleViewSchema = z.object({
  id: z.string(),
  effect: z.enum(['allow', 'deny']),
  /** It took part in the decision. */
  applied: z.boolean(),
  /** Which of its parts held and which did not, in words. */
  because: z.array(z.string()),
});

export const obligationsViewSchema = z.object({
  approval: z.enum(approvals),
  leaseSeconds: seconds,
  lifeSeconds: seconds,
  maxTokenLifeSeconds: seconds.nullable(),
  failClosed: z.boolean(),
});

export const explanationSchema = z.object({
  verdict: z.enum(['allow', 'deny', 'step-up']),
  code: z.string().nullable(),
  because: z.string(),
  /** null for a no. */
  obligations: obligationsViewSchema.nullable(),
  rules: z.array(ruleViewSchema),
  /** What would turn a no into a yes. */
  wouldChange: z.array(z.string()),
  observed: z.boolean(),
});
export type Explanation = z.infer<typeof explanationSchema>;

/** For whoever is signed in to the profile, as they signed in, now. */
export const explainRequestSchema = z.strictObject({
  profile: z.string().max(40).optional(),
  workspace: z.string().min(1).max(300),
  scopes: z.array(z.string().max(200)).min(1).max(32),
  action: z.enum(['create', 'widen', 'use', 'renew']).default('create'),
  /** Path of the program that would ask. */
  program: z.string().max(4096).default(''),
  kind: z.enum(callerKinds).default('program'),
  aiAgent: z.string().max(100).default(''),
});

export const policyPageSchema = z.object({
  policy: policyViewSchema,
  warnings: z.array(z.string()),
  limits: z.object({
    awayGraceSeconds: seconds,
    idleSeconds: seconds.nullable(),
    dailyCapSeconds: seconds.nullable(),
    lockOnSuspend: z.boolean(),
  }),
  /** For each signed-in profile, workspace and scope bundle: what a program and what an AI agent of this person would be told. */
  mine: z.array(
    z.object({
      profile: z.string(),
      username: z.string(),
      workspace: z.string(),
      bundle: z.string(),
      scopes: z.array(z.string()),
      program: explanationSchema,
      aiAgent: explanationSchema,
    }),
  ),
});
export type PolicyPage = z.infer<typeof policyPageSchema>;
