/**
 * What a profile says: one company, its identity provider and its Databricks workspaces. The schema is the only description
 * of the configuration file; the published JSON Schema is generated from it. Unknown keys are refused.
 */
import { z } from 'zod';
import { presetNames } from '../idp/presets.ts';
import { Secret } from '../secret.ts';
import { hours, minutes, seconds } from '../units.ts';
import { type AuditSettings, auditSchema, noAuditSettings } from './audit-settings.ts';
import { lengthText, toMs } from './length-of-time.ts';
import { brokenByPreset, fillPreset } from './preset.ts';
import { brokenByWorkload, brokenRules } from './profile-rules.ts';
import { noTelemetry, type TelemetrySettings, telemetrySchema } from './telemetry-settings.ts';

/** With what holds where the file says nothing. */
const length = (fallback: string) => lengthText.default(fallback).transform(toMs);

const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'use lower-case letters, digits and hyphens, 40 at most');

/** Parameters of the authorization request that are Lakepass' own, or would replace them (RFC 9101). */
const ownParameters: ReadonlySet<string> = new Set(
  'acr_values claims client_id code_challenge code_challenge_method max_age nonce prompt redirect_uri request request_uri response_mode response_type scope state'.split(
    ' ',
  ),
);

const idpSchema = z.strictObject({
  preset: z
    .enum(presetNames)
    .default('generic')
    .describe(
      'What kind of provider this is: fills in what it needs where the file says nothing. databricks: the workspace itself signs people in.',
    ),
  issuer: z
    .url()
    // check: config-issuer-plain
    .regex(/^https?:\/\/[^\s\\?#@]+$/, 'write the issuer as it stands in its own metadata: no query, no fragment, no user name')
    // end check
    .describe('The issuer exactly as the identity provider writes it; a trailing slash counts.'),
  clientId: z.string().min(1).describe('The public (native) client registered for Lakepass.'),
  clientSecret: z
    .string()
    .min(1)
    .max(512)
    .transform((text) => new Secret(text))
    .optional()
    .describe('Only where the provider gives public clients one that is not confidential and must be sent all the same (Google).'),
  tenants: z
    .array(z.guid('write the id of the tenant').toLowerCase())
    .max(64)
    .default([])
    .describe('Entra ID: the tenants that are trusted where the issuer is of none in particular (organizations).'),
  hostedDomains: z
    .array(z.string().regex(/^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/, 'write a domain in small letters'))
    .max(64)
    .default([])
    .describe('Google: the domains of your organisation (claim hd).'),
  scopes: z
    .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'a scope is one word'))
    .default(['openid', 'profile', 'email', 'offline_access'])
    .describe('Scopes asked for at sign-in.'),
  prompt: z
    .enum(['consent', 'login', 'select_account'])
    .optional()
    .describe('Sent as `prompt`; "consent" where the provider gives refresh tokens only then (OpenID Connect Core section 11).'),
  parameters: z
    .record(z.string(), z.string().max(500))
    .default({})
    // check: config-parameters
    .refine((parameters) => Object.keys(parameters).every((name) => !ownParameters.has(name)), 'Lakepass sets some of these itself')
    // end check
    .describe('Further parameters of the authorization request, as the provider wants them.'),
  redirect: z
    .strictObject({
      host: z
        .enum(['127.0.0.1', 'localhost'])
        .default('127.0.0.1')
        .describe('The name of this machine in the redirect that is registered.'),
      ports: z
        .array(z.int().min(1024).max(65535))
        .max(32)
        .default([])
        .describe('Ports registered at the provider, tried in order; empty: any free port.'),
      path: z
        .string()
        .regex(/^(?:\/[A-Za-z0-9/_-]{1,80})?$/)
        .default('/callback')
        .describe('Path of the redirect; empty where the address that is registered ends with its port.'),
    })
    .prefault({}),
  algorithms: z
    .array(z.enum(['RS256', 'ES256', 'PS256', 'ES384', 'EdDSA']))
    .min(1)
    .default(['RS256', 'ES256'])
    .describe('Signature algorithms accepted on ID tokens.'),
  usernameClaim: z.string().min(1).default('email').describe('The claim that holds the Databricks user name.'),
  groupsClaim: z.string().min(1).default('groups').describe('The claim that holds the groups.'),
  groupsEndpoint: z
    .url()
    .optional()
    .describe('Entra ID: where groups are asked for when the token says that there are too many (Microsoft Graph getMemberObjects).'),
  policyClaims: z
    .array(z.string().regex(/^(?!__proto__$)[\x21-\x7e]{1,200}$/, 'a claim is one word'))
    .max(16)
    .default([])
    .describe('Further claims of the ID token that the policy file may ask for, 16 at most.'),
  dpop: z
    .enum(['on', 'off'])
    .default('on')
    .describe(
      'off: refresh tokens are not bound to a key (DPoP) although the provider offers it, so a copy of one is of use. Shown in status.',
    ),
  pkceUnadvertised: z.boolean().default(false).describe('Accept a provider that supports PKCE S256 without advertising it.'),
  clockTolerance: length('60 s')
    .describe('Accepted difference between the clocks, 2 min at most.')
    .refine((value) => value <= minutes(2), 'two minutes at most'),
});

const assuranceSchema = z.strictObject({
  askBy: z
    .enum(['acr_values', 'acr', 'acrs', 'none'])
    .default('acr_values')
    .describe(
      'How the acr values are asked for: as a wish, as an essential claim, as an authentication context of Entra ID, or not at all.',
    ),
  acrValues: z.array(z.string().min(1)).default(['phr']).describe('acr values asked for, best first.'),
  phrAcr: z.array(z.string().min(1)).default(['phr', 'phrh']).describe('acr values that prove a phishing-resistant sign-in.'),
  phrAmr: z
    .array(z.string().min(1))
    .default(['hwk', 'pop'])
    .describe('One of these amr values must come with it; empty where the provider sends no amr.'),
  amrClaim: z
    .string()
    .min(1)
    .default('amr')
    .describe('A claim that is read beside amr, where the provider cannot say more in amr (Auth0).'),
  mfaAmr: z.array(z.string().min(1)).default(['mfa']).describe('amr values that prove several factors.'),
  configAsserted: z
    .boolean()
    .default(false)
    .describe('IT declares that the provider only lets phishing-resistant sign-ins through although its tokens do not say so.'),
  minimum: z.enum(['phr', 'config-asserted', 'mfa', 'unknown']).default('phr').describe('Below this no session begins.'),
  maxAge: length('12 h').describe('How old the sign-in at the provider may be.'),
  authTime: z
    .enum(['required', 'optional'])
    .default('required')
    .describe(
      'optional: the provider never says when somebody signed in there; its age is then not asked for, and no step-up is possible.',
    ),
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
  accountId: z
    .guid('write the account id, such as 5f0f3f6e-6f3a-4a1c-9d4e-2b7c8a1d0e55')
    .optional()
    .describe('Makes it the account itself (https://accounts.…) instead of a workspace: tokens for the account APIs.'),
});

const workspaces = z.array(workspaceSchema).min(1).max(64);

const applicationId = z.guid('write the application id of the service principal, which is a UUID');

const federationSchema = z.strictObject({
  servicePrincipals: z
    .array(
      z.strictObject({
        group: z.string().min(1).max(256).describe('A group of the person, to the letter.'),
        clientId: applicationId.describe('Application id of the service principal that its members act as.'),
      }),
    )
    .min(1, 'name at least one, or leave the key out')
    .max(64)
    .optional()
    .describe(
      'People act as the service principal of the first group they are in, and get no token without one; without the list, as themselves.',
    ),
});

const servicePrincipalLimits = z.strictObject({
  grant: length('24 h').describe('The longest a grant may run.'),
  lease: length('300 s')
    .describe('How long a client may keep one answer; 60 s at least.')
    .refine((value) => value >= seconds(60), 'sixty seconds at least'),
  minTokenLife: length('60 s').describe('Tokens whose whole life is shorter are refused.'),
});

/** A service principal of its own: no person, no sign-in. */
export const servicePrincipalSchema = z
  .strictObject({
    test: z.boolean().default(false).describe('For tests: plain http is accepted on localhost and 127.0.0.1. Shown in status.'),
    clientId: applicationId.describe('Application id of the service principal.'),
    secret: z
      .literal('vault')
      .optional()
      .describe('Its OAuth secret is sealed in the vault; `lakepass service-principals set NAME` puts it there.'),
    workload: z
      .union([
        z.strictObject({
          file: z
            .string()
            .regex(/^\/[^\0]{1,1000}$/, 'write a whole path')
            .describe('A file that holds the JWT.'),
        }),
        z.strictObject({
          env: z
            .string()
            .regex(/^[A-Za-z_][A-Za-z0-9_]{0,99}$/, 'write the name of a variable')
            .describe('A variable of the environment the agent was started in.'),
        }),
      ])
      .optional()
      .describe('Where the OIDC JWT of a workload lies that is exchanged instead of a secret: a file, or a variable.'),
    rotateAfter: length('90 d')
      .describe('A secret older than this is reported; 730 d at most, which is when Databricks ends it.')
      .refine((value) => value <= hours(730 * 24), '730 days at most'),
    limits: servicePrincipalLimits.prefault({}),
    workspaces,
  })
  .refine(({ secret, workload }) => (secret === undefined) !== (workload === undefined), 'write either `secret: vault` or `workload:`')
  .superRefine((principal, context) => {
    for (const rule of brokenByWorkload(principal)) context.addIssue({ code: 'custom', ...rule });
  });

const plainProfileSchema = z
  .strictObject({
    test: z.boolean().default(false).describe('A test profile: plain http is accepted on localhost and 127.0.0.1. Shown in status.'),
    idp: idpSchema,
    subjectToken: z.enum(['id_token', 'access_token']).default('id_token').describe('Which token of the provider the workspace accepts.'),
    tokens: z
      .enum(['exchange', 'direct'])
      .default('exchange')
      .describe(
        'exchange: each program gets a token of its own, for its scopes alone. direct: the access token of the provider, as it is.',
      ),
    allowNotNarrowed: z
      .boolean()
      .optional()
      .describe('With tokens: direct, hand on a token that may do more than was asked for; true with preset databricks, else false.'),
    assurance: assuranceSchema.prefault({}),
    limits: limitsSchema.prefault({}),
    federation: federationSchema.prefault({}),
    workspaces,
  })
  .superRefine((profile, context) => {
    for (const rule of [...brokenRules(profile), ...brokenByPreset(profile)]) context.addIssue({ code: 'custom', ...rule });
  });

export const profileSchema = z.preprocess(fillPreset, plainProfileSchema);

const networkSchema = z.strictObject({
  caFile: z
    .string()
    .regex(/^\/[^\0]{1,1000}$/, 'write a whole path')
    .optional()
    .describe('A PEM file with certificate authorities that are believed beside those of the system.'),
});

export const configSchema = z
  .strictObject({
    version: z.literal(1),
    profiles: z.record(name, profileSchema).default({}),
    network: networkSchema.prefault({}),
    audit: auditSchema.prefault({}),
    telemetry: telemetrySchema.prefault({}),
    servicePrincipals: z
      .record(name, servicePrincipalSchema)
      .default({})
      .describe('Service principals, apart from people; named as profiles are.'),
  })
  .refine(({ profiles, servicePrincipals }) => Object.keys({ ...profiles, ...servicePrincipals }).length > 0, {
    path: ['profiles'],
    error: 'name at least one profile or service principal',
  });

/** A profile as the rest of the program sees it: parsed, with every length of time in milliseconds. */
export type Profile = z.output<typeof profileSchema> & { readonly name: string };
export type Workspace = Profile['workspaces'][number];
/** A service principal of its own, as the rest of the program sees it. */
export type ServicePrincipal = z.output<typeof servicePrincipalSchema> & { readonly name: string };
/** Whoever has tokens: a profile, or a service principal. */
export interface TokenOwner {
  readonly name: string;
  readonly workspaces: readonly Workspace[];
  readonly limits: Pick<Profile['limits'], 'grant' | 'lease' | 'minTokenLife'>;
}
export type Config = {
  readonly profiles: ReadonlyMap<string, Profile>;
  readonly servicePrincipals: ReadonlyMap<string, ServicePrincipal>;
  readonly network: {
    readonly caFile?: string | undefined;
    /** What was approved of that file (`main/net/ca-file.ts`); no word of the configuration itself. */
    readonly caContent?: string | null | undefined;
  };
  readonly audit: AuditSettings;
  readonly telemetry: TelemetrySettings;
};
/** What holds where there is none. */
export const noConfig: Config = {
  profiles: new Map(),
  servicePrincipals: new Map(),
  network: {},
  audit: noAuditSettings,
  telemetry: noTelemetry,
};
