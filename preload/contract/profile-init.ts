/** A profile made of what a person has at hand: addresses in any order, a client id. First looked at, then written, then tried. No token is in it. */
import { z } from 'zod';
import { doctorViewSchema } from './doctor.ts';
import { failureSchema } from './failure.ts';

const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'use lower-case letters, digits and hyphens, 40 at most');
const address = z.string().min(1).max(300);

export const profileInitRequestSchema = z.strictObject({
  /** Issuer and workspaces in any order, as a person types or copies them. */
  addresses: z.array(address).max(17).default([]),
  /** null: there is none, the workspace signs people in itself. */
  issuer: address.nullable().optional(),
  workspace: address.optional(),
  clientId: z.string().min(1).max(200).optional(),
  /** Only where a provider gives public clients one that is not confidential (Google). */
  clientSecret: z.string().min(1).max(512).optional(),
  /** Google: the domain of the organisation. */
  domain: z.string().min(1).max(253).optional(),
  /** Instead of the one that the issuer looks like. */
  preset: z.string().max(40).optional(),
  name: name.optional(),
  /** Plain http on this machine is accepted; shown everywhere. */
  test: z.boolean().default(false),
});
export type ProfileInitRequest = z.output<typeof profileInitRequestSchema>;

export const profileInitFields = ['issuer', 'workspace', 'clientId', 'clientSecret', 'domain'] as const;

/** What has to be asked for first. */
const missingSchema = z.object({
  missing: z.enum(profileInitFields),
  /** Its name in the middle of a sentence. */
  what: z.string(),
  /** What is known by now, a line each. */
  known: z.array(z.string()),
});

export const profileDraftSchema = z.object({
  missing: z.null(),
  /** 'in-use': there is one that says the same, and nothing is to be written. */
  state: z.enum(['new', 'in-use']),
  profile: z.string(),
  preset: z.string(),
  displayName: z.string(),
  /** Why it is this preset. */
  because: z.string(),
  issuer: z.string(),
  clientId: z.string(),
  workspaces: z.array(z.string()),
  scopes: z.array(z.string()),
  /** Every address to register; empty: none is. */
  redirects: z.array(z.string()),
  /** What to register, in a sentence for IT. */
  register: z.string(),
  notes: z.array(z.string()),
  file: z.string(),
  /** What is added to the file; a secret stands as `…`. */
  text: z.string(),
  checks: doctorViewSchema.shape.checks,
});
export type ProfileDraft = z.infer<typeof profileDraftSchema>;

export const profileInitAnswerSchema = z.discriminatedUnion('missing', [missingSchema, profileDraftSchema]);

export const profileTryRequestSchema = z.strictObject({ profile: name });
export const profileTrialSchema = z.object({
  profile: z.string(),
  workspaces: z.array(z.object({ name: z.string(), host: z.string(), failure: failureSchema.nullable() })),
  /** The token that was brought to the workspaces, against what a federation policy goes by. */
  claims: doctorViewSchema.shape.checks,
  /** Where a policy is what is missing: the commands that make one, for everybody and for one service principal. */
  policy: z.object({ account: z.string(), servicePrincipal: z.string() }).nullable(),
});
export type ProfileTrial = z.infer<typeof profileTrialSchema>;
