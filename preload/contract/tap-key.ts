/** What a person can see of their tap keys. A tap key is enrolled with Lakepass itself; the identity provider knows nothing of it. */
import { z } from 'zod';

const isoTime = z.iso.datetime();

export const tapKeyViewSchema = z.object({
  id: z.string(),
  name: z.string(),
  /** Where the model is not proven, the key's own word. */
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
  /** What its attestation came to, and the code of the reason; absent where nobody has judged it yet. */
  verdict: z.enum(['proven', 'unproven', 'self', 'none', 'refused']).optional(),
  because: z.string().optional(),
  /** What FIDO's metadata said of the model when it was judged. */
  status: z.string().optional(),
  /** Absent while it is in use. */
  state: z.enum(['lost', 'retired']).optional(),
  /** Its counter once did not go up: there may be a copy of it. Absent where that never happened. */
  suspect: z.boolean().optional(),
});
export type TapKeyView = z.infer<typeof tapKeyViewSchema>;

export const keyRequestSchema = z.strictObject({ key: z.string().regex(/^[0-9a-f]{32}$/) });
/** Profiles whose session ended with the key. */
export const keyLostSchema = z.object({ profiles: z.array(z.string()) });
export const keyRetiredSchema = z.object({ retired: z.literal(true) });
