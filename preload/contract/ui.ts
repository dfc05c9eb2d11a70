/**
 * What the UI can ask the agent for, in one table, whichever way it reaches it: over HTTP from a page in the browser, or over IPC from a
 * window of the desktop app. Both sides parse by it, what goes in and what comes out; what a schema does not name does not cross.
 * No token, no grant URL and no secret is in any of it.
 *
 * A call fails with a `Failure`. Over HTTP `name` is `POST /v1/NAME`.
 */
import { z } from 'zod';
import { activityPageSchema, activityQuerySchema, activitySummarySchema, auditVerdictSchema, summarySpanSchema } from './activity.ts';
import { alertSeenSchema } from './alert.ts';
import { sentViewSchema } from './audit.ts';
import { askQueueViewSchema, denials, spans } from './consent.ts';
import {
  deniedForgetRequestSchema,
  deniedForgottenSchema,
  deniedListSchema,
  grantViewSchema,
  hostKinds,
  statusViewSchema,
} from './control.ts';
import { doctorViewSchema, errorExplainedSchema, errorTextRequestSchema } from './doctor.ts';
import { enrollAcceptSchema, enrollLeaveSchema, enrollLookSchema, enrollOutcomeSchema, offerViewSchema } from './enroll.ts';
import { keyRoads } from './key-registration.ts';
import { explainRequestSchema, explanationSchema, policyPageSchema } from './policy.ts';
import { preferencesRequestSchema, preferencesSchema } from './preferences.ts';
import { signOutReportSchema } from './session.ts';
import { settingChangeSchema, settingsViewSchema } from './settings.ts';
import {
  defaultRequestSchema,
  defaultViewSchema,
  defaultWriteSchema,
  newProfileSchema,
  queryRequestSchema,
  queryViewSchema,
  setupViewSchema,
} from './setup.ts';

export { hostKinds } from './control.ts';

export const id = z.string().regex(/^[A-Za-z0-9_-]{1,128}$/);
const word = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:/?=@-]{0,199}$/);
const nothing = z.strictObject({});
const done = z.object({});

/** All the UI shows all the time; pushed anew as a whole whenever `revision` has moved. */
export const uiStateSchema = z.object({
  revision: z.int(),
  host: z.enum(hostKinds),
  status: statusViewSchema,
  /** Live ones and remembered ones, newest first. */
  grants: z.array(grantViewSchema),
  bundles: z.array(z.object({ name: z.string(), words: z.string(), scopes: z.array(z.string()) })),
  preferences: preferencesSchema,
});
export type UiState = z.infer<typeof uiStateSchema>;

export const profileRequestSchema = z.strictObject({ profile: z.string().max(40).optional() });
export const shownRequestSchema = z.strictObject({ ask: id });
/** A plain click. Where a tap is needed it is refused, and a ceremony is begun instead. */
export const answerRequestSchema = z.discriminatedUnion('verdict', [
  z.strictObject({ verdict: z.literal('approved'), ask: id, span: z.enum(spans) }),
  z.strictObject({ verdict: z.literal('denied'), ask: id, reach: z.enum(denials) }),
]);
export const snoozeRequestSchema = z.strictObject({ minutes: z.int().min(1).max(480) });
export const revokeRequestSchema = z.strictObject({ ids: z.array(id).min(1).max(1000) });
export const pauseRequestSchema = z.strictObject({ ids: z.array(id).min(1).max(1000), paused: z.boolean() });
export const widenPageRequestSchema = z.strictObject({ grant: id, scopes: z.array(word).min(1).max(32) });
export const renameRequestSchema = z.strictObject({
  key: id,
  name: z
    .string()
    .trim()
    .min(1)
    .max(60)
    .regex(/^\P{Cc}*$/u),
});

/** What a key is to be touched for. `tap` answers a request with yes. */
export const ceremonyRequestSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('tap'), ask: id, span: z.enum(spans) }),
  z.strictObject({ kind: z.literal('enrol') }),
  z.strictObject({ kind: z.literal('remove'), key: id }),
  z.strictObject({ kind: z.literal('seal'), key: id }),
  z.strictObject({ kind: z.literal('unlock') }),
]);
export type CeremonyRequest = z.infer<typeof ceremonyRequestSchema>;

/**
 * A page that has to be gone to: the provider's, or the one on which a key is touched. null: the agent has opened it in the system
 * browser already. In a browser's page, and where no browser could be opened, it is for the page to go there or to show it.
 */
const wayOut = z.object({ url: z.url().nullable() });

/** The requests alone, for a window that shows nothing else. */
export const asksSchema = z.object({ revision: z.int(), queue: askQueueViewSchema });

const call = <I extends z.ZodType, O extends z.ZodType>(input: I, output: O) => ({ input, output }) as const;

// biome-ignore format: one line per call, so that it reads as the table it is
export const uiCalls = {
  state: call(nothing, uiStateSchema),
  asks: call(nothing, asksSchema),
  /** A prompt has come before the person's eyes. */
  shown: call(shownRequestSchema, done),
  answer: call(answerRequestSchema, done),
  'ceremony/begin': call(ceremonyRequestSchema, wayOut),
  snooze: call(snoozeRequestSchema, done),
  /** The person looks at Lakepass. */
  attend: call(nothing, done),
  revoke: call(revokeRequestSchema, z.object({ ended: z.int() })),
  /** A paused grant gets no token until it is let go on; it keeps its end, its members and its URL. */
  pause: call(pauseRequestSchema, z.object({ changed: z.int() })),
  widen: call(widenPageRequestSchema, grantViewSchema),
  lock: call(nothing, done),
  'keys/rename': call(renameRequestSchema, done),
  'sign-in': call(profileRequestSchema, wayOut),
  /** A security key at the identity provider: its page, and afterwards the sign-in that proves it; `status.profiles[].keyRegistration` follows both. */
  'keys/register': call(profileRequestSchema, wayOut.extend({ how: z.enum(keyRoads) })),
  'keys/prove': call(profileRequestSchema, wayOut),
  'sign-in/cancel': call(profileRequestSchema, z.object({ cancelled: z.boolean() })),
  /** Without a profile: everywhere. */
  'sign-out': call(profileRequestSchema, z.object({ reports: z.array(signOutReportSchema) })),
  denied: call(nothing, deniedListSchema),
  'denied/forget': call(deniedForgetRequestSchema, deniedForgottenSchema),
  activity: call(activityQuerySchema, activityPageSchema),
  'activity/summary': call(z.strictObject({ span: summarySpanSchema }), activitySummarySchema),
  'audit/verify': call(nothing, auditVerdictSchema),
  /** What has really left this device, by sink. @throws AUDIT_BROKEN */
  'audit/sent': call(nothing, sentViewSchema),
  /** The person has seen an alert; it goes on all the same. @throws CALLER_REFUSED: an AI agent is not the person */
  'alerts/seen': call(alertSeenSchema, done),
  policy: call(nothing, policyPageSchema),
  'policy/explain': call(explainRequestSchema, explanationSchema),
  doctor: call(nothing, doctorViewSchema),
  /** Asks the provider and the workspaces, too, which takes some seconds. No secret is sent. */
  'doctor/far': call(nothing, doctorViewSchema),
  'doctor/explain': call(errorTextRequestSchema, errorExplainedSchema),
  preferences: call(preferencesRequestSchema, preferencesSchema),
  /** What is set on this device, and by whom. */
  settings: call(nothing, settingsViewSchema),
  /** A value of the person's own. @throws SETTING_LOCKED: it is laxer than IT's, or IT leaves it to nobody */
  'settings/change': call(settingChangeSchema, settingsViewSchema),
  /** What a company offers by its link; nothing is kept. @throws INVITATION_INVALID | ENROLLED_ELSEWHERE | BUNDLE_* */
  'enroll/look': call(enrollLookSchema, offerViewSchema),
  /** The person has seen what it may restrict, and joins. @throws OFFER_CHANGED, and as `enroll/look` */
  'enroll/accept': call(enrollAcceptSchema, enrollOutcomeSchema),
  /** @throws NOT_ENROLLED | ENROLLED_BY_IT: the settings of the machine hold it */
  'enroll/leave': call(enrollLeaveSchema, enrollOutcomeSchema),
  setup: call(nothing, setupViewSchema),
  /** Writes the first configuration and begins to use it; one that is there already is never touched. */
  'setup/profile': call(newProfileSchema, setupViewSchema),
  /** What writing would change in the Databricks profile file; nothing is written. */
  'setup/default': call(defaultRequestSchema, defaultViewSchema),
  /** @throws DATABRICKSCFG_CHANGED: it would no longer be the change that was shown; nothing is written. */
  'setup/default/write': call(defaultWriteSchema, defaultViewSchema),
  'setup/default/undo': call(nothing, defaultViewSchema),
  /** Begins the first query, or says how it stands; the answer never waits for a person. */
  'setup/query': call(queryRequestSchema, queryViewSchema),
} as const;

export type UiCall = keyof typeof uiCalls;
export type UiInput<N extends UiCall> = z.input<(typeof uiCalls)[N]['input']>;
export type UiParsed<N extends UiCall> = z.output<(typeof uiCalls)[N]['input']>;
export type UiOutput<N extends UiCall> = z.output<(typeof uiCalls)[N]['output']>;
export const uiCallNames = Object.keys(uiCalls) as UiCall[];
