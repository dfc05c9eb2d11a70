/**
 * A grant: one caller may have tokens of these scopes for this workspace until then. Its secret is the last part of its URL;
 * only the secret's SHA-256 is kept, here and on the disk.
 */
import { z } from 'zod';
import { type CallerKind, callerKinds } from '../../preload/contract/caller.ts';
import type { AuditEvent } from '../audit/event.ts';
import type { ProcessRef } from '../caller/caller.ts';
import type { EpochMs } from '../units.ts';
import type { Binding } from './members.ts';

/** Who asked for a grant, as it was then; a program that has ended cannot be looked at again. */
export interface Maker {
  /** Its executable, and no more of it: this is kept on the disk and in the audit log. */
  readonly title: string;
  readonly kind: CallerKind;
  readonly aiAgent: string | null;
}

/**
 * Stands as the issuer of grants that are for a service principal of its own. No provider can be called so: an issuer is an address.
 */
export const servicePrincipalIssuer = 'service-principal';

/** What a grant, or whoever it is for, says of itself in the audit log where that is no person. */
export const identityOf = (issuer: string): { identity?: 'service-principal' } =>
  issuer === servicePrincipalIssuer ? { identity: 'service-principal' } : {};

export interface Grant {
  /** Short public name, safe to show and to log. */
  readonly id: string;
  readonly profile: string;
  /**
   * Whose grant it is: issuer and `sub` of who was signed in when it was made. Another person's tokens are not for it, and two
   * issuers may give the same `sub` to two people (OpenID Connect Core section 5.7).
   */
  readonly issuer: string;
  readonly subject: string;
  /** Origin, as `new URL(host).origin`. */
  readonly workspace: string;
  /** Sorted, without duplicates. */
  readonly scopes: readonly string[];
  /** What whoever asked calls it. Claimed, never verified. */
  readonly label: string;
  readonly createdAt: EpochMs;
  readonly until: EpochMs;
  readonly approved: string;
  readonly binding: Binding;
  readonly maker: Maker;
  /** Processes known to be its members, some of which may have exited; they outlive a restart of the agent. */
  readonly members: readonly ProcessRef[];
  /** The boot of the machine in which its processes live: another boot gives their pids and start times to others. */
  readonly bootId: string;
  readonly state: 'live' | 'revoked' | 'expired';
  /** A person has paused it: no token until it goes on. */
  readonly paused: boolean;
  readonly lastUsedAt: EpochMs | null;
  /** Answers with a token so far. */
  readonly served: number;
}

export type GrantEnd = Extract<AuditEvent, { type: 'grant.ended' }>['why'];

const epochMs = z
  .int()
  .nonnegative()
  .transform((value) => value as EpochMs);

const isOrigin = (text: string): boolean => URL.canParse(text) && new URL(text).origin === text;

/** At most so many members of one grant are known by name; more are still recognised by their ancestors. */
export const memberLimit = 256;

const processRefSchema = z.strictObject({ pid: z.int().positive(), startTicks: z.int().nonnegative() });

/** Only a scope that `lakepass run` has made for one run: every program of the user is in some other cgroup. */
const runScope = z
  .string()
  .max(1000)
  // check: grant-own-cgroup
  .regex(/^\/(?:[^/]+\/)*lakepass-run-[A-Za-z0-9_-]{1,64}\.scope$/, 'not the cgroup of a run')
  // end check
  .refine((path) => !path.split('/').some((part) => part === '..' || part === '.'), 'not a plain path');

const bindingSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('run'), root: processRefSchema, cgroup: runScope.nullable() }),
  z.strictObject({ kind: z.literal('tree'), root: processRefSchema }),
  z.strictObject({ kind: z.literal('file') }),
]);

/** The name of a file may hold any character; what is shown and kept of it may not. */
const plainText = (longest: number) =>
  z.string().transform((text) =>
    text
      .replace(/\p{Cc}/gu, '\ufffd')
      .slice(0, longest)
      .toWellFormed(),
  );

const makerSchema = z.strictObject({ title: plainText(512), kind: z.enum(callerKinds), aiAgent: plainText(100).nullable() });

const scopeSet = z
  .array(z.string().min(1).max(100))
  .min(1)
  .max(64)
  .transform((scopes): readonly string[] => [...new Set(scopes)].sort());

/** What grants had from the first version of the file on. */
const firstShape = {
  profile: z.string().min(1).max(40),
  subject: z.string().min(1).max(255),
  workspace: z.string().max(300).refine(isOrigin, 'not an origin'),
  scopes: scopeSet,
  until: epochMs,
  label: z
    .string()
    .max(200)
    .regex(/^\P{Cc}*$/u, 'control characters'),
  approved: z.string().max(200),
};

export const grantRequestSchema = z.strictObject({
  ...firstShape,
  issuer: z.string().min(1).max(2000),
  binding: bindingSchema,
  maker: makerSchema,
});
export type GrantRequest = z.input<typeof grantRequestSchema>;

/** More scopes for a grant, and how they were approved. */
export const wideningSchema = z.strictObject({ scopes: scopeSet, approved: firstShape.approved });

const recordShape = {
  id: z.string().regex(/^g[a-z0-9]{8}$/),
  /** SHA-256 of the secret, lower-case hex. */
  secretHash: z.string().regex(/^[0-9a-f]{64}$/),
  createdAt: epochMs,
  state: z.enum(['live', 'revoked', 'expired']),
  endedAt: epochMs.nullable(),
  /** Absent in files that were written before grants could be paused. */
  paused: z.boolean().default(false),
  lastUsedAt: epochMs.nullable(),
  served: z.int().nonnegative(),
};

/** A grant on the disk, and in memory: the same fields, so that nothing is lost between the two. */
export const storedGrantSchema = z.strictObject({
  ...grantRequestSchema.shape,
  ...recordShape,
  issuer: z.string().max(2000),
  members: z.array(processRefSchema).max(memberLimit),
  bootId: z.string().max(64),
});
export type StoredGrant = z.output<typeof storedGrantSchema>;

export const grantFileSchema = z.strictObject({
  version: z.literal(2),
  grants: z.array(storedGrantSchema).max(10_000),
  /** Over the JSON of `grants`; see `grant-file.ts`. */
  stamp: z.string().max(200).optional(),
});

/** A grant of the first version was bound to nothing and knew no issuer. It is remembered, so that a refusal can say why, and never live. */
const unboundGrantSchema = z.strictObject({ ...firstShape, ...recordShape }).transform((grant) => ({
  ...{ ...grant, issuer: '', binding: { kind: 'file' as const }, members: [], bootId: '' },
  maker: { title: 'unknown', kind: 'unknown' as const, aiAgent: null },
}));
export const unboundGrantFileSchema = z.strictObject({ version: z.literal(1), grants: z.array(unboundGrantSchema).max(10_000) });
