/** What a person can see of their tap keys. A tap key is enrolled with Lakepass itself; the identity provider knows nothing of it. */
import { z } from 'zod';

const isoTime = z.iso.datetime();

export const tapKeyViewSchema = z.object({
  id: z.string(),
  name: z.string(),
  /** Until an attestation is verified this is the key's own word. */
  aaguid: z.string(),
  model: z.string(),
  attested: z.boolean(),
  /** False for a passkey that may be synced to other machines. */
  hardwareBound: z.boolean(),
  enrolledAt: isoTime,
  lastTouchedAt: isoTime.nullable(),
  /** It can seal the vault (WebAuthn PRF), and whether it does. */
  canSeal: z.boolean(),
  seals: z.boolean(),
  /** Its counter once did not go up: there may be a copy of it. Absent where that never happened. */
  suspect: z.boolean().optional(),
});
export type TapKeyView = z.infer<typeof tapKeyViewSchema>;
