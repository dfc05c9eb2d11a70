/**
 * The policy file. The schema is the only description of it, the published JSON Schema is generated from it, and it is closed: a key
 * that is not known here is refused, because a misspelled rule that is passed over is a rule that does not hold.
 */
import { z } from 'zod';
import { callerKinds } from '../../preload/contract/caller.ts';
import { approvals } from '../../preload/contract/consent.ts';
import { accountScopeCatalogue, bundleNames, scopeCatalogue } from '../databricks/scopes.ts';
import type { MapSchema } from '../profile/config-problems.ts';
import { lengthOfTime, lengthText, toMs } from '../profile/length-of-time.ts';
import { seconds } from '../units.ts';
import { rangeProblem } from './address-range.ts';
import { groupProblem, pathProblem, workspaceProblem } from './glob.ts';
import { identities } from './question.ts';
import { clockPattern, daysPattern, isTimeZone } from './time-window.ts';

const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'use lower-case letters, digits and hyphens, 40 at most');
const text = z
  .string()
  .min(1)
  .max(256)
  .regex(/^\P{Cc}+$/u, 'control characters have no place here');
const moment = z.iso.datetime({ offset: true, error: 'write a moment such as 2026-09-01T00:00:00Z' });

/** A text that `problemOf` has nothing against. */
const sound = (problemOf: (pattern: string) => string | null) =>
  text.check((context) => {
    const problem = problemOf(context.value);
    if (problem !== null) context.issues.push({ code: 'custom', message: problem, input: context.value });
  });
const list = <T extends z.ZodType>(of: T, most = 64) => z.array(of).min(1, 'name at least one, or leave the key out').max(most);
const names = list(name);
const oneOf = (keys: string) => `name at least one of ${keys}`;
const hasKey = (value: object): boolean => Object.keys(value).length > 0;

const workspaces = list(sound(workspaceProblem)).describe(
  'Origins, host names, or globs of host names: "*" stands within one label, a leading "*." for one label or more; "*" alone is every workspace of the profile.',
);
const words: ReadonlySet<string> = new Set([...bundleNames, ...scopeCatalogue, ...accountScopeCatalogue]);
const scope = z.string().refine((word) => words.has(word), 'use a bundle or a scope that `lakepass run --help` knows');
/** What opens everything cannot be given, by nobody's rule; that it is denied may be written down. */
const deniedScope = z.union([scope, z.literal('all-apis')], { error: 'use a bundle or a scope that `lakepass run --help` knows' });
const paths = list(sound(pathProblem));
/** As the last part of a path is, of a script as well; an interpreter would make an AI agent of every script. */
const programName = z
  .string()
  .max(100)
  .regex(/^[A-Za-z0-9_][A-Za-z0-9._+-]*$/, 'write the base name of a program, such as acme-coder')
  .refine((program) => !/\.(?:exe|[cm]?js|ts|py|sh)$/i.test(program), 'leave its ending (.exe, .js, .py) out');

const matchSchema = z
  .strictObject({
    anyone: z.literal(true).optional().describe('Everybody who is signed in; no service principal.'),
    servicePrincipal: z
      .union([z.literal('*'), z.guid('write the application id of a service principal, or "*"')])
      .optional()
      .describe('A service principal by its application id, or any of them; it is never matched by what describes people.'),
    issuer: text.optional().describe('The issuer to the letter; a trailing slash counts.'),
    user: text.optional().describe('The Databricks user name, in any case.'),
    group: sound(groupProblem)
      .optional()
      .describe('Name, GUID or path of a group; "*" stands within a part between slashes, "**" for whole parts.'),
    claim: z
      .strictObject({
        name: text.describe('One of the `policyClaims` of the profile.'),
        value: text.describe('Its value, or one of its values.'),
      })
      .optional(),
    emailDomain: z
      .string()
      .regex(/^[a-z0-9-]+(\.[a-z0-9-]+)+$/, 'write a domain such as acme.example, in lower case')
      .optional()
      .describe('What follows the @ in the Databricks user name.'),
  })
  .refine(hasKey, oneOf('anyone, servicePrincipal, issuer, user, group, claim, emailDomain'))
  .refine(
    ({ servicePrincipal, ...people }) => servicePrincipal === undefined || !hasKey(people),
    'a service principal has no issuer, user name, group or claim; name it alone',
  );

const callerSchema = z
  .strictObject({
    executable: paths.optional().describe('Globs of the executable: "*" stands within a folder or name, "**" for any folders.'),
    parents: paths.optional().describe('One of the programs above it fits one of these globs.'),
    aiAgent: z
      .union([z.literal('any'), list(text)])
      .optional()
      .describe('It runs under a known AI agent program: any, or one of these.'),
    kinds: list(z.enum(callerKinds))
      .optional()
      .describe('Without it, `program` and `ai-agent` in a grant and every kind in a denial. The others are refused unless named here.'),
  })
  .refine(hasKey, oneOf('executable, parents, aiAgent, kinds'));

const tapKeySchema = z.strictObject({
  aaguids: list(z.union([name, z.guid()], { error: 'write an AAGUID, or the name of a set' }))
    .optional()
    .describe('Models: AAGUIDs, or names of sets of them.'),
  attested: z.literal(true).optional().describe('Its model is proven.'),
  userVerified: z.literal(true).optional().describe('A PIN or fingerprint was given at the touch.'),
  hardwareBound: z.literal(true).optional().describe('It cannot be copied to another device.'),
  maxAge: lengthOfTime.optional().describe('It was touched at most this long ago.'),
});

const conditionSchema = z
  .strictObject({
    assurance: z.enum(['mfa', 'config-asserted', 'phr']).optional().describe('How strongly the sign-in was proven, at least.'),
    tapKey: tapKeySchema.optional().describe('A tap key was touched in this session, one that is all of this.'),
    identity: z.enum(identities).optional().describe('A person, or a service principal of its own.'),
    authAgeMax: lengthOfTime.optional().describe('The sign-in at the provider is at most this old.'),
    cidr: list(sound(rangeProblem))
      .optional()
      .describe('An address of this machine lies in one of these ranges: the local view, not what a workspace sees.'),
    time: z
      .strictObject({
        tz: z.string().refine(isTimeZone, 'use a time zone such as Europe/Berlin').describe('IANA time zone.'),
        days: list(z.string().regex(daysPattern, 'write days as mon, sat or mon-fri'))
          .optional()
          .describe('Days on which the hours begin.'),
        hours: z
          .string()
          .regex(clockPattern, 'write hours as 07:00-20:00')
          .optional()
          .describe('From, until; past midnight where the end is earlier.'),
      })
      .refine(({ days, hours }) => days !== undefined || hours !== undefined, oneOf('days, hours'))
      .optional(),
  })
  .refine(hasKey, oneOf('assurance, tapKey, identity, authAgeMax, cidr, time'));

const lease = lengthText
  .default('300 s')
  .transform(toMs)
  .refine((value) => value >= seconds(60), 'sixty seconds at least');

const grantSchema = z.strictObject({
  id: name.describe('Named in decisions and in the audit log.'),
  workspaces,
  scopes: list(scope, 128).describe('Bundles and scopes.'),
  callers: names
    .optional()
    .describe('Caller rules, one of which must fit; without it any program, but no forwarder, container or unknown one.'),
  maxLife: lengthText.default('24 h').transform(toMs).describe('The longest a grant may run.'),
  lease: lease.describe('The longest an SDK may keep one answer; 60 s at least.'),
  maxTokenLife: lengthOfTime.optional().describe('A token that lives longer is refused.'),
  approval: z
    .enum(approvals)
    .default('tap')
    .describe('What a person must do: tap, click or none. The last two do not hold off programs that run as you.'),
  when: names.optional().describe('Conditions, all of which must hold.'),
  stepUp: z
    .strictObject({
      acr: list(text).optional().describe('The sign-in must have said one of these; without it any will do.'),
      maxAge: lengthOfTime.describe('and be at most this old.'),
    })
    .optional()
    .describe('A fresh sign-in.'),
  failClosed: z.boolean().default(false).describe('The audit record is on the disk before a token leaves.'),
});

const denySchema = z
  .strictObject({
    id: name.describe('Named in decisions and in the audit log.'),
    scopes: list(deniedScope, 128).optional().describe('Any of these is asked for.'),
    workspaces: workspaces.optional(),
    callers: names.optional().describe('Caller rules, one of which fits, or may fit: what is not known does not spare.'),
    when: names.optional().describe('Conditions, all of which hold, or may hold.'),
  })
  .refine(({ id: _, ...parts }) => hasKey(parts), oneOf('scopes, workspaces, callers, when'));

const limitsSchema = z.strictObject({
  awayGrace: lengthText.default('24 h').transform(toMs).describe('How long approved runs go on while the screen is locked.'),
  idle: lengthOfTime.optional().describe('Nobody at the keyboard for this long is Away.'),
  dailyCap: lengthOfTime.optional().describe('Locked this long after the sign-in.'),
  lockOnSuspend: z.boolean().default(false).describe('Locked when the machine goes to sleep.'),
});

const givenSchema = z.strictObject({
  action: z.enum(['create', 'widen', 'use', 'renew']).default('create').describe('What is asked for.'),
  identity: z.enum(identities).default('person').describe('What sort of identity asks.'),
  user: text.default('someone@example.com').describe('The Databricks user name, or the application id of a service principal.'),
  issuer: text.default('https://issuer.example').describe('The issuer.'),
  groups: z.array(text).default([]).describe('Groups of the person.'),
  claims: z
    .record(text, z.union([text, z.array(text)]))
    .default({})
    .describe('Claims of the person.'),
  assurance: z.enum(['unknown', 'mfa', 'config-asserted', 'phr']).default('phr').describe('How strongly the sign-in was proven.'),
  authAge: lengthText.or(z.literal('unknown')).default('1 min').describe('How old the sign-in is.'),
  acr: text.optional().describe('What the sign-in said of itself.'),
  tapKey: z
    .strictObject({
      aaguid: text.default('00000000-0000-0000-0000-000000000000').describe('Its model.'),
      attested: z.boolean().default(false).describe('Its model is proven.'),
      userVerified: z.boolean().default(false).describe('A PIN or fingerprint was given.'),
      hardwareBound: z.boolean().default(false).describe('It cannot be copied.'),
      age: lengthText.default('1 s').describe('How long ago it was touched.'),
    })
    .optional(),
  kind: z.enum(callerKinds).default('program').describe('What sort of program asks.'),
  executable: text.optional().describe('Its executable; unknown without it.'),
  parents: z.array(text).default([]).describe('Executables of the programs above it.'),
  aiAgent: text.optional().describe('The AI agent program it runs under.'),
  addresses: z.array(text).default([]).describe('Addresses of the machine.'),
  workspace: z.url().default('https://acme.cloud.databricks.com').describe('Origin of the workspace.'),
  scopes: list(deniedScope, 128).describe('Bundles and scopes asked for.'),
  at: moment.optional().describe('When; without it, a moment within the dates of the policy.'),
});

const testSchema = z.strictObject({
  name: text.describe('A sentence.'),
  given: givenSchema,
  expect: z.enum(['allow', 'deny', 'step-up']).describe('The verdict.'),
  code: z
    .enum(['POLICY_DENIED', 'CALLER_REFUSED', 'POLICY_EXPIRED', 'STEP_UP_NEEDED', 'TAP_NEEDED'])
    .optional()
    .describe('The code of a no.'),
});

export const policySchema = z.strictObject({
  version: z.literal(1),
  id: name.describe('Name of the policy, for decisions and the audit log.'),
  revision: z.int().min(1).describe('Counts up with every change.'),
  notBefore: moment.optional().describe('It holds from then on.'),
  expires: moment.optional().describe('From then on no new token is handed out.'),
  managedBy: text.optional().describe('Who looks after it.'),
  mode: z.enum(['enforce', 'observe']).default('enforce').describe('observe: decide and record, but refuse only what is always refused.'),
  identities: z.array(z.strictObject({ match: matchSchema, roles: names.describe('What they are.') })).max(500),
  aiAgents: list(programName, 100)
    .default([])
    .describe(
      'Further programs to take for AI agents, with all that they start: base names of their files or scripts, without .exe, .js or .py.',
    ),
  callers: z.record(name, callerSchema).default({}),
  conditions: z.record(name, conditionSchema).default({}),
  sets: z
    .record(name, list(z.guid('write an AAGUID such as ee882879-721c-4913-9775-3dfcce97072a'), 500))
    .default({})
    .describe('Named lists of AAGUIDs.'),
  roles: z.record(name, z.strictObject({ grants: z.array(grantSchema).max(200) })),
  deny: z.array(denySchema).max(200).default([]),
  limits: limitsSchema.prefault({}),
  tests: z.array(testSchema).max(500).default([]),
});

export type PolicyFile = z.output<typeof policySchema>;
export type GrantRule = PolicyFile['roles'][string]['grants'][number];
export type DenyRule = PolicyFile['deny'][number];
export type IdentityRule = PolicyFile['identities'][number];
export type CallerRule = PolicyFile['callers'][string];
export type ConditionRule = PolicyFile['conditions'][string];
export type PolicyTest = PolicyFile['tests'][number];

/** The policy file as JSON Schema (draft 2020-12), for editors; `policy.schema.json` is its published copy. */
export const policyJsonSchema = () => z.toJSONSchema(policySchema, { io: 'input' }) as MapSchema;
