/** Who manages this device, and what holds because of it. */
import { z } from 'zod';
import { recordViewSchema, wantedKeysSchema } from './device-record.ts';
import { failureSchema } from './failure.ts';

const isoTime = z.iso.datetime();

/** What is null but `askedAt`, `answeredAt` and `problem` is known with the first bundle; `url` is null where the settings name none. */
export const managedViewSchema = z.object({
  /** As people are told: the name in the bundle, else the one in the settings of the machine. */
  managedBy: z.string(),
  organization: z.string().nullable(),
  /** Settings of the machine, or a link that a person has accepted. */
  source: z.enum(['managed', 'link']),
  url: z.string().nullable(),
  revision: z.int().nullable(),
  /** SHA-256 of the bundle's payload. */
  hash: z.string().nullable(),
  /** Thumbprint of the key that signed it (RFC 7638). */
  signedBy: z.string().nullable(),
  expires: isoTime.nullable(),
  /** Id of this device. */
  device: z.string().nullable(),
  acceptedAt: isoTime.nullable(),
  /** When the host of the bundle was last asked, and last gave an answer that could be used; null: not since the start. */
  askedAt: isoTime.nullable(),
  answeredAt: isoTime.nullable(),
  /** Why the bundle, or a newer one, is not had. */
  problem: failureSchema.nullable(),
  revoked: z.boolean(),
  /** Rules that do not hold for whoever is signed in, each until then. */
  exemptions: z.array(z.object({ rule: z.string(), until: isoTime, reason: z.string() })),
  /** What the company wants of tap keys; null: nothing. */
  tapKeys: wantedKeysSchema.nullable(),
  /** Null where the company asks for no records. */
  record: recordViewSchema.nullable(),
});
export type ManagedView = z.infer<typeof managedViewSchema>;
