/** Who manages this device, and what holds because of it. */
import { z } from 'zod';

const isoTime = z.iso.datetime();

export const managedViewSchema = z.object({
  organization: z.string(),
  /** Settings of the machine, or a link that a person has accepted. */
  source: z.enum(['managed', 'link']),
  url: z.string(),
  revision: z.int(),
  /** SHA-256 of the bundle's payload. */
  hash: z.string(),
  /** Thumbprint of the key that signed it (RFC 7638). */
  signedBy: z.string(),
  expires: isoTime,
  /** Id of this device. */
  device: z.string(),
  acceptedAt: isoTime,
  /** When the host of the bundle was last asked, and last gave an answer that could be used; null: not since the start. */
  askedAt: isoTime.nullable(),
  answeredAt: isoTime.nullable(),
  revoked: z.boolean(),
});
export type ManagedView = z.infer<typeof managedViewSchema>;
