/** What a managed device tells its company of itself and of the tap keys of its person: the fields, all of them, and what became of it. */
import { z } from 'zod';
import { failureSchema } from './failure.ts';

const isoTime = z.iso.datetime();
/** One line of text. */
const line = (most: number) =>
  z
    .string()
    .min(1)
    .max(most)
    .regex(/^[^\p{Cc}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]+$/u);
const hexId = z.string().regex(/^[0-9a-f]{32}$/);

/** More than anybody carries. */
const MOST_KEYS = 16;

export const recordedKeySchema = z.strictObject({
  /** Hash of the credential id. */
  id: hexId,
  /** Thumbprint of the public key (RFC 7638). */
  publicKey: z.base64url().length(43),
  /** The key's own word; what is proven follows from the evidence. */
  aaguid: z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
  format: line(32),
  /** The evidence: attestation object and hash of the client data, as the key gave them (WebAuthn Level 3, section 6.5). */
  object: z.base64url().min(1).max(22_000),
  clientDataHash: z.base64url().length(43),
  /** BE, BS and UV (WebAuthn Level 3, section 6.1), the last one as it was at enrolment. */
  backupEligible: z.boolean(),
  backedUp: z.boolean(),
  userVerified: z.boolean(),
  enrolledAt: isoTime,
  /** What the device made of the evidence; null: it has not looked at it. */
  verdict: z.enum(['proven', 'unproven', 'self', 'none', 'refused']).nullable(),
});
export type RecordedKey = z.infer<typeof recordedKeySchema>;

export const deviceRecordSchema = z.strictObject({
  version: z.literal(1),
  organization: line(80),
  bundleId: z.uuid(),
  deviceId: hexId,
  os: line(40),
  osVersion: line(100),
  /** Version of Lakepass. */
  app: line(40),
  /** Who signed in last; null: nobody has yet. */
  person: z.strictObject({ issuer: line(2000), subject: line(255), username: line(255) }).nullable(),
  /** Those of the person that are in use. */
  keys: z
    .array(recordedKeySchema)
    .max(MOST_KEYS)
    // One key that is told twice must not count twice.
    .refine((keys) => (['id', 'publicKey'] as const).every((mark) => new Set(keys.map((key) => key[mark])).size === keys.length)),
  /** The bundle that was accepted last. */
  policy: z.strictObject({ revision: z.int().min(1), hash: z.string().regex(/^[0-9a-f]{64}$/) }),
  at: isoTime,
});
export type DeviceRecord = z.infer<typeof deviceRecordSchema>;

export const recordViewSchema = z.object({
  /** The folder, or the address without what might be secret in it. */
  to: z.string(),
  /** When the company last got a record; null: never. */
  sentAt: isoTime.nullable(),
  /** Why the newest record is not there yet. */
  problem: failureSchema.nullable(),
  /** 1 while a record waits to be delivered: a newer one takes its place. */
  waiting: z.int(),
  /** The last record that was delivered, to the letter. */
  fields: deviceRecordSchema.nullable(),
});
export type RecordView = z.infer<typeof recordViewSchema>;

/** Why a tap key counts towards what the company wants, or does not. */
export const keyStandings = ['allowed', 'model', 'attestation', 'metadata', 'synced', 'lost', 'retired'] as const;
export type KeyStanding = (typeof keyStandings)[number];

export const wantedKeysSchema = z.object({
  wanted: z.object({ atLeast: z.int(), models: z.array(z.string()).nullable(), attested: z.boolean(), hardwareBound: z.boolean() }),
  /** Of whoever is signed in; where several people are, of the one with the fewest. */
  counted: z.int(),
  keys: z.array(
    z.object({
      id: z.string(),
      counts: z.boolean(),
      /** model: it is none that is allowed; attestation: its maker does not prove it; metadata: nothing is here to prove it by; synced: it may be copied. */
      because: z.enum(keyStandings),
    }),
  ),
});
export type WantedKeys = z.infer<typeof wantedKeysSchema>;
