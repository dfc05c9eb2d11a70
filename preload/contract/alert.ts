/**
 * What a person or their company should look at, each with a cause and a next step, in one table. Nothing here is a refusal: what was
 * to be refused was refused already.
 */
import { z } from 'zod';
import type { FailureCode } from './failure.ts';

/** severe: somebody may be at work who should not be, or the log may have been changed. */
export const severities = ['severe', 'warning'] as const;
export type Severity = (typeof severities)[number];

interface AlertText {
  severity: Severity;
  cause: string;
  next: string;
  /** Problems that say the same; where the alert is shown, they are not. */
  says: readonly FailureCode[];
}

// biome-ignore format: one line per alert, so that it reads as the table it is
export const alertTexts = {
  'tokens-rejected': { severity: 'severe', cause: 'Tokens of your provider do not pass our checks, several times in a row.', next: 'Run `lakepass doctor`; tell your security team if nobody has changed anything.', says: ['TOKENS_REJECTED'] },
  'key-copied': { severity: 'severe', cause: 'The counter of a tap key went back: there may be a copy of it.', next: 'Remove the key on the page of your keys and tell your security team, unless you know why.', says: [] },
  'log-changed': { severity: 'severe', cause: 'At its start Lakepass found that the audit log was cut, damaged or written anew.', next: 'Run `lakepass audit verify`, keep the files as they are and show them to your security team.', says: ['AUDIT_BROKEN'] },
  'signing-key-changed': { severity: 'severe', cause: 'Another key signs the audit log than did before, and nobody has reset Lakepass here.', next: 'Compare `lakepass audit key` with the key that was noted elsewhere, and tell your security team.', says: [] },
  'other-user': { severity: 'warning', cause: 'Another user of this machine tried to reach Lakepass. They were turned away.', next: 'Look at Activity. If nobody else should be on this machine, tell your security team.', says: [] },
  'prompt-flood': { severity: 'warning', cause: 'Programs asked you for access many times within a short while.', next: 'Say no to what you did not start. Activity says which programs they were; end what you do not know.', says: [] },
  'sink-failing': { severity: 'warning', cause: 'For more than an hour audit records could not be sent to where your company looks for them.', next: 'See `lakepass status` for the reason and tell your admin; the records wait on this device.', says: [] },
  'records-skipped': { severity: 'warning', cause: 'Some audit records will never reach where your company looks for them.', next: 'Tell your admin: `audit.export-skipped` in the log says which. They are still on this device unless it says `gone`.', says: [] },
} as const satisfies Record<string, AlertText>;

export type AlertKind = keyof typeof alertTexts;
export const alertKinds = Object.keys(alertTexts) as AlertKind[];

/** A profile, a sink or the id of a key; empty where it is about none of them. */
export const alertAboutSchema = z.string().regex(/^[A-Za-z0-9_.-]{0,64}$/);

export const alertViewSchema = z.object({
  kind: z.enum(alertKinds as [AlertKind, ...AlertKind[]]),
  severity: z.enum(severities),
  about: alertAboutSchema,
  /** `about` as people call it; empty where there is no word for it. */
  name: z.string(),
  since: z.iso.datetime(),
  /** When it was last so. */
  lastAt: z.iso.datetime(),
  /** How often it happened; 1 for what simply is so. */
  count: z.int().positive(),
  /** The person has said that they saw it. It goes on all the same. */
  seen: z.boolean(),
  cause: z.string(),
  next: z.string(),
});
export type AlertView = z.infer<typeof alertViewSchema>;

export const alertSeenSchema = z.strictObject({ kind: alertViewSchema.shape.kind, about: alertAboutSchema });

/** Codes of problems that these alerts say already. */
export const codesOfAlerts = (alerts: readonly Pick<AlertView, 'kind'>[]): ReadonlySet<FailureCode> =>
  new Set(alerts.flatMap(({ kind }): readonly FailureCode[] => alertTexts[kind].says));
