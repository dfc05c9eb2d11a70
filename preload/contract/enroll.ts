/** Joining a company by its link, and leaving it: what is offered, and what came of a yes. */
import { z } from 'zod';
import { wantedKeysSchema } from './device-record.ts';

/** As long as any link of ours, which is read in one place; see `main/enroll/invitation.ts`. */
const link = z.string().min(1).max(4000);

export const enrollLookSchema = z.strictObject({ link });
/** `hash`: of the offer that was shown. @throws OFFER_CHANGED: it is another one by now; nothing is kept */
export const enrollAcceptSchema = z.strictObject({ link, hash: z.string().regex(/^[0-9a-f]{64}$/) });
export const enrollLeaveSchema = z.strictObject({});

export const offerViewSchema = z.object({
  organization: z.string(),
  /** Where the bundle is. */
  url: z.string(),
  /** Thumbprint of the key that signed it (RFC 7638): for people to compare. */
  signedBy: z.string(),
  revision: z.int(),
  /** SHA-256 of the bundle's payload. */
  hash: z.string(),
  expires: z.iso.datetime(),
  /** What the company may restrict or see from then on, one sentence each; the two below are among them. */
  restricts: z.array(z.string()),
  tapKeys: wantedKeysSchema.shape.wanted.nullable(),
  /** Where signed records of this device go; null: nowhere. */
  records: z.string().nullable(),
  /** Somebody has used Lakepass here before, so a yes takes a touch of their tap key. */
  needsTap: z.boolean(),
});
export type OfferView = z.infer<typeof offerViewSchema>;

/** Done; or a touch is asked for first. `url`: the page to go to for it; null: the request is shown where requests are. */
export const enrollOutcomeSchema = z.object({ done: z.boolean(), url: z.url().nullable() });
export type EnrollOutcome = z.infer<typeof enrollOutcomeSchema>;
