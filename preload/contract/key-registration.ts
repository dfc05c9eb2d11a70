/**
 * Registering a security key at the identity provider, step by step. It is no tap key, which is Lakepass' own: what it is good for is a
 * sign-in, and only a sign-in with it proves it.
 */
import { z } from 'zod';
import { failureSchema } from './failure.ts';
import { assuranceViewSchema } from './session.ts';

/** The provider's word for what came of a registration, which anybody could have written into the address; `unsaid`: none. */
export const actionOutcomes = ['success', 'cancelled', 'error', 'unsaid'] as const;
export type ActionOutcome = (typeof actionOutcomes)[number];

/** 'action': while a person signs in there, which ends by itself; 'page': on a page of the provider's own, and the person says when they are done. */
export const keyRoads = ['action', 'page'] as const;

const profile = z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/);
export const keyRegistrationRequestSchema = z.strictObject({ profile: profile.optional() });
export const keyRegistrationBegunSchema = z.object({
  profile,
  how: z.enum(keyRoads),
  url: z.url(),
  browser: z.enum(['opened', 'none']),
});
export type KeyRegistrationBegun = z.infer<typeof keyRegistrationBegunSchema>;
export const keyRegistrationHeardSchema = z.object({ profile, said: z.enum(actionOutcomes) });

export const keyProofSchema = z.object({
  profile,
  how: z.enum(keyRoads),
  said: z.enum(actionOutcomes),
  /** The provider says of the sign-in after it that it was phishing-resistant. */
  verified: z.boolean(),
  assurance: assuranceViewSchema.pick({ level: true, because: true }),
  /** The same for a person. */
  words: z.string(),
});
export type KeyProof = z.infer<typeof keyProofSchema>;

export const keyRegistrationViewSchema = z.object({
  how: z.enum(keyRoads),
  /**
   * 'registering': the person is at the provider. 'registered': as far as anybody said; what comes next is a sign-in with the key.
   * 'proving': that sign-in waits in the browser. 'over': `proof` says what it showed, or `failure` why there is none.
   */
  phase: z.enum(['registering', 'registered', 'proving', 'over']),
  said: z.enum(actionOutcomes),
  proof: keyProofSchema.nullable(),
  failure: failureSchema.nullable(),
});
export type KeyRegistrationView = z.infer<typeof keyRegistrationViewSchema>;
