/**
 * A grant: one caller may have tokens of these scopes for this workspace until then. Its secret is the last part of its URL;
 * only the secret's SHA-256 is kept, here and on the disk.
 */
import { z } from 'zod';
import type { AuditEvent } from '../audit/event.ts';
import type { EpochMs } from '../units.ts';

export interface Grant {
  /** Short public name, safe to show and to log. */
  readonly id: string;
  readonly profile: string;
  /** Whose grant it is: the `sub` of who was signed in when it was made. Another person's tokens are not for it. */
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
  readonly state: 'live' | 'revoked' | 'expired';
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

export const grantRequestSchema = z.strictObject({
  profile: z.string().min(1).max(40),
  subject: z.string().min(1).max(255),
  workspace: z.string().max(300).refine(isOrigin, 'not an origin'),
  scopes: z
    .array(z.string().min(1).max(100))
    .min(1)
    .max(64)
    .transform((scopes): readonly string[] => [...new Set(scopes)].sort()),
  until: epochMs,
  label: z
    .string()
    .max(200)
    .regex(/^\P{Cc}*$/u, 'control characters'),
  approved: z.string().max(100),
});
export type GrantRequest = z.input<typeof grantRequestSchema>;

/** A grant on the disk, and in memory: the same fields, so that nothing is lost between the two. */
export const storedGrantSchema = z.strictObject({
  ...grantRequestSchema.shape,
  id: z.string().regex(/^g[a-z0-9]{8}$/),
  /** SHA-256 of the secret, lower-case hex. */
  secretHash: z.string().regex(/^[0-9a-f]{64}$/),
  createdAt: epochMs,
  state: z.enum(['live', 'revoked', 'expired']),
  endedAt: epochMs.nullable(),
  lastUsedAt: epochMs.nullable(),
  served: z.int().nonnegative(),
});
export type StoredGrant = z.output<typeof storedGrantSchema>;

export const grantFileSchema = z.strictObject({ version: z.literal(1), grants: z.array(storedGrantSchema).max(10_000) });
