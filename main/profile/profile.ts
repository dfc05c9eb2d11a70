/**
 * What a profile says: one company, its identity provider and its Databricks workspaces. The schema is the only description
 * of the configuration file; the published JSON Schema is generated from it. Unknown keys are refused.
 */
import { z } from 'zod';
import { minutes, seconds } from '../units.ts';
import { lengthText, toMs } from './length-of-time.ts';

/** With what holds where the file says nothing. */
const length = (fallback: string) => lengthText.default(fallback).transform(toMs);

const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'use lower-case letters, digits and hyphens, 40 at most');

const idpSchema = z.strictObject({
  issuer: z
    .url()
    // check: config-issuer-plain
    .regex(/^https?:\/\/[^\s\\?#@]+$/, 'write the issuer as it stands in its own metadata: no query, no fragment, no user name')
    // end check
    .describe('The issuer exactly as the identity provider writes it; a trailing slash counts.'),
  clientId: z.string().min(1).describe('The public (native) client registered for Lakepass.'),
  scopes: z
    .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'a scope is one word'))
    .default(['openid', 'profile', 'email', 'offline_access'])
    .refine((scopes) => scopes.includes('openid'), '"openid" must be among the scopes')
    .describe('Scopes asked for at sign-in.'),
  prompt: z
    .enum(['consent', 'login', 'select_account'])
    .optional()
    .describe('Sent as `prompt`; "consent" where the provider gives refresh tokens only then (OpenID Connect Core section 11).'),
  redirect: z
    .strictObject({
      ports: z
        .array(z.int().min(1024).max(65535))
        .max(16)
        .default([])
        .describe('Ports registered at the provider, tried in order; empty: any free port.'),
      path: z
        .string()
        .regex(/^\/[A-Za-z0-9/_-]{1,80}$/)
        .default('/callback')
        .describe('Path of the redirect on http://127.0.0.1.'),
    })
    .prefault({}),
  algorithms: z
    .array(z.enum(['RS256', 'ES256', 'PS256', 'ES384', 'EdDSA']))
    .min(1)
    .default(['RS256', 'ES256'])
    .describe('Signature algorithms accepted on ID tokens.'),
  usernameClaim: z.string().min(1).default('email').describe('The claim that holds the Databricks user name.'),
  groupsClaim: z.string().min(1).default('groups').describe('The claim that holds the groups.'),
  policyClaims: z
    .array(z.string().regex(/^(?!__proto__$)[\x21-\x7e]{1,200}$/, 'a claim is one word'))
    .max(16)
    .default([])
    .describe('Further claims of the ID token that the policy file may ask for, 16 at most.'),
  pkceUnadvertised: z.boolean().default(false).describe('Accept a provider that supports PKCE S256 without advertising it.'),
  clockTolerance: length('60 s')
    .describe('Accepted difference between the clocks, 2 min at most.')
    .refine((value) => value <= minutes(2), 'two minutes at most'),
});

const assuranceSchema = z.strictObject({
  acrValues: z.array(z.string().min(1)).default(['phr']).describe('acr values asked for, best first.'),
  phrAcr: z.array(z.string().min(1)).default(['phr', 'phrh']).describe('acr values that prove a phishing-resistant sign-in.'),
  phrAmr: z
    .array(z.string().min(1))
    .default(['hwk', 'pop'])
    .describe('One of these amr values must come with it; empty where the provider sends no amr.'),
  mfaAmr: z.array(z.string().min(1)).default(['mfa']).describe('amr values that prove several factors.'),
  configAsserted: z
    .boolean()
    .default(false)
    .describe('IT declares that the provider only lets phishing-resistant sign-ins through although its tokens do not say so.'),
  minimum: z.enum(['phr', 'config-asserted', 'mfa', 'unknown']).default('phr').describe('Below this no session begins.'),
  maxAge: length('12 h').describe('How old the sign-in at the provider may be.'),
});

const limitsSchema = z.strictObject({
  session: length('24 h').describe('A session ends this long after the sign-in, whatever happens.'),
  idle: length('12 h').describe('A session ends when no token was asked for during this time.'),
  grant: length('24 h').describe('The longest a grant may run.'),
  lease: length('300 s')
    .describe('How long a client may keep one answer; 60 s at least.')
    .refine((value) => value >= seconds(60), 'sixty seconds at least'),
  minTokenLife: length('60 s').describe('Tokens whose whole life is shorter are refused.'),
  loginTimeout: length('5 min').describe('How long a sign-in waits for the person.'),
});

const workspaceSchema = z.strictObject({
  name: name.describe('Short name for the command line.'),
  host: z
    .url()
    // check: config-workspace-origin
    .regex(/^https?:\/\/[^\s\\/?#@]+\/?$/, 'write the origin alone, such as https://acme.cloud.databricks.com')
    // end check
    .describe('Origin of the workspace, such as https://acme.cloud.databricks.com.'),
});

export const profileSchema = z.strictObject({
  test: z.boolean().default(false).describe('A test profile: plain http is accepted on localhost and 127.0.0.1. Shown in status.'),
  idp: idpSchema,
  subjectToken: z.enum(['id_token', 'access_token']).default('id_token').describe('Which token of the provider the workspace accepts.'),
  assurance: assuranceSchema.prefault({}),
  limits: limitsSchema.prefault({}),
  workspaces: z.array(workspaceSchema).min(1).max(64),
});

export const configSchema = z.strictObject({
  version: z.literal(1),
  profiles: z.record(name, profileSchema).refine((profiles) => Object.keys(profiles).length > 0, 'name at least one profile'),
});

/** A profile as the rest of the program sees it: parsed, with every length of time in milliseconds. */
export type Profile = z.output<typeof profileSchema> & { readonly name: string };
export type Workspace = Profile['workspaces'][number];
export type Config = { readonly profiles: ReadonlyMap<string, Profile> };
