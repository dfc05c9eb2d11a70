/**
 * What a bundle says: the file by which IT tells devices whom to trust, what holds, and who is out. The schema is closed: a key that is
 * not known here is refused, for a revocation that is misspelled is one that does not happen.
 */
import { z } from 'zod';
import { hours } from '../units.ts';
import { settingsSchema } from './settings.ts';

const moment = z.iso.datetime({ offset: true, error: 'write a moment such as 2026-09-01T00:00:00Z' });
/** One line of text that a person reads. */
export const text = (most: number) =>
  z
    .string()
    .min(1)
    .max(most)
    .regex(/^[^\p{Cc}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]+$/u, 'control characters have no place here');
/** A name that is compared: a space beside it would make it nobody's. */
const name = (most: number) => text(most).refine((given) => given.trim() === given, 'write it without spaces around it');
const coordinate = z.base64url().length(43);

/** A public signing key (RFC 7517, RFC 7518 section 6.2): P-256, for ES256. */
export const signingKeySchema = z.strictObject({ kty: z.literal('EC'), crv: z.literal('P-256'), x: coordinate, y: coordinate });
export type SigningKey = z.output<typeof signingKeySchema>;

/** RFC 7638, SHA-256. */
export const thumbprintSchema = z.base64url().length(43);
export const deviceIdSchema = z.string().regex(/^[0-9a-f]{32}$/, 'write the id of the device as `lakepass status` shows it');

export const httpsUrl = z
  .url()
  .max(2000)
  .regex(/^https:\/\/[^\s\\@#]+$/, 'write an https address without a user name and without a fragment');
/** Somebody who is out. */
export const revokedPersonSchema = z.union([
  z.strictObject({ issuer: z.url(), subject: name(255) }),
  z.strictObject({ username: name(255) }),
]);

/** The longest that somebody may be exempt from a rule. */
const longestExemption = hours(24);

export const exemptionSchema = z
  .strictObject({
    id: z.string().regex(/^e[0-9a-f]{16}$/),
    username: name(255),
    /** Id of a rule of the policy: a grant's or a denial's. */
    rule: z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/),
    from: moment,
    until: moment,
    reason: text(400),
  })
  // check: bundle-exemption-length
  .refine(({ from, until }) => Date.parse(until) > Date.parse(from) && Date.parse(until) - Date.parse(from) <= longestExemption, {
    path: ['until'],
    error: 'after `from`, and 24 h after it at the latest',
  });
// end check
export type Exemption = z.output<typeof exemptionSchema>;

/** What the tap keys of a person have to be before Lakepass is used. */
export const tapKeyRulesSchema = z.strictObject({
  atLeast: z.int().min(0).max(4),
  models: z.array(z.guid()).min(1).max(500).optional(),
  attested: z.boolean(),
  hardwareBound: z.boolean(),
  /** Asks for the serial number of the key, where browser and key give it. */
  enterprise: z.boolean().default(false),
});
export type TapKeyRules = z.output<typeof tapKeyRulesSchema>;

export const bundleSchema = z
  .strictObject({
    version: z.literal(1),
    organization: text(80),
    /** Never changes for one company. */
    bundleId: z.uuid(),
    revision: z.int().min(1).max(Number.MAX_SAFE_INTEGER),
    issuedAt: moment,
    expires: moment,
    /** The keys by which the next bundle may be signed. While two stand here, one takes over from the other. */
    keys: z.array(signingKeySchema).min(1).max(2),
    /** The text of a config.yaml. */
    config: z
      .string()
      .min(1)
      .max(256 * 1024)
      .optional(),
    /** The text of a policy.yaml. */
    policy: z
      .string()
      .min(1)
      .max(256 * 1024)
      .optional(),
    /** By group of the identity provider, to the letter; a GUID in any case. */
    modes: z.record(name(256), z.enum(['enforce', 'observe'])).default({}),
    revoked: z
      .strictObject({
        devices: z.array(deviceIdSchema).max(10_000).default([]),
        persons: z.array(revokedPersonSchema).max(10_000).default([]),
      })
      .prefault({}),
    exemptions: z.array(exemptionSchema).max(500).default([]),
    tapKeys: tapKeyRulesSchema.optional(),
    /** Where devices send their records. */
    records: z
      .union([z.strictObject({ folder: z.string().regex(/^\/[^\0]{1,1000}$/, 'write a whole path') }), z.strictObject({ url: httpsUrl })])
      .optional(),
    settings: settingsSchema.default({}),
  })
  .refine(({ issuedAt, expires }) => Date.parse(expires) > Date.parse(issuedAt), { path: ['expires'], error: 'after `issuedAt`' })
  .refine(({ issuedAt, expires }) => Date.parse(expires) - Date.parse(issuedAt) <= hours(400 * 24), {
    path: ['expires'],
    error: '400 days after `issuedAt` at the latest',
  });

export type Bundle = z.output<typeof bundleSchema>;
/** As it is written by IT. */
export type BundleInput = z.input<typeof bundleSchema>;
