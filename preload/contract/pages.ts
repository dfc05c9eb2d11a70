/**
 * What the pages in the browser say and understand: the UI at `http://127.0.0.1:PORT`, the ceremony page at
 * `http://lakepass.localhost:PORT`. Everything is a POST of JSON with a bearer, but for the pages themselves. No token crosses it.
 *
 * Every request brings the exact Host and Origin of its page; all but `/v1/enter` bring `Authorization: Bearer …`. A refusal is
 * `pageFailureSchema` with a status of 400 or more.
 *
 *   both hosts            POST /v1/enter              enterRequest → entered: the bearer of this page on this host
 *   lakepass.localhost    POST /v1/ceremony           {} → ceremonyView
 *                         POST /v1/ceremony/options   {} → ceremonyOptions
 *                         POST /v1/ceremony/finish    ceremonyFinish → ceremonyFinished
 *                         POST /v1/ceremony/refuse    {} → {}
 *   127.0.0.1             POST /v1/state              {} → uiState
 *                         POST /v1/events             {} → text/event-stream, `data: {"revision":N}` for each change
 *                         POST /v1/shown              shownRequest → {}
 *                         POST /v1/answer             answerRequest → {}
 *                         POST /v1/ceremony/begin     ceremonyRequest → ceremonyStarted
 *                         POST /v1/snooze             snoozeRequest → {}
 *                         POST /v1/attend             {} → {}
 *                         POST /v1/revoke             revokeRequest → { ended }
 *                         POST /v1/widen              widenPageRequest → grantView
 *                         POST /v1/lock               {} → {}
 *                         POST /v1/keys/rename        renameRequest → {}
 *                         POST /v1/sign-in            profileRequest → { url }
 *                         POST /v1/sign-in/cancel     profileRequest → { cancelled }
 *                         POST /v1/sign-out           profileRequest → { reports }
 */
import { z } from 'zod';
import { askViewSchema, denials, spans } from './consent.ts';
import { grantViewSchema, statusViewSchema } from './control.ts';
import { failureSchema } from './failure.ts';

const id = z.string().regex(/^[A-Za-z0-9_-]{1,128}$/);
const word = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:/?=@-]{0,199}$/);

/** The code from the fragment, once, against a bearer that lives as long as the page. */
export const enterRequestSchema = z.strictObject({ code: z.string().regex(/^[A-Za-z0-9_-]{43}$/) });
export const enteredSchema = z.object({ bearer: z.string() });

/** All the UI shows; pushed anew as a whole whenever `revision` has moved. */
export const uiStateSchema = z.object({
  revision: z.int(),
  status: statusViewSchema,
  /** Live ones and remembered ones, newest first. */
  grants: z.array(grantViewSchema),
  bundles: z.array(z.object({ name: z.string(), words: z.string(), scopes: z.array(z.string()) })),
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
export const ceremonyStartedSchema = z.object({ url: z.string() });

/** What the ceremony page shows. `steps`: how many touches it takes and which one comes now. */
export const ceremonyViewSchema = z.object({
  kind: z.enum(['tap', 'enrol', 'remove', 'seal', 'unlock']),
  /** The request a tap approves; null for all else. */
  ask: askViewSchema.nullable(),
  title: z.string(),
  words: z.array(z.string()),
  step: z.int(),
  steps: z.int(),
  /** The next touch makes a new credential, or uses one. */
  touch: z.enum(['create', 'get']),
});
export type CeremonyView = z.infer<typeof ceremonyViewSchema>;
export const ceremonyOptionsSchema = z.object({ id: z.string(), options: z.record(z.string(), z.unknown()) });
export const ceremonyFinishSchema = z.strictObject({
  id,
  /** RegistrationResponseJSON or AuthenticationResponseJSON; checked by the registry. */
  response: z.record(z.string(), z.unknown()),
  name: z
    .string()
    .trim()
    .max(60)
    .regex(/^\P{Cc}*$/u)
    .default(''),
});
/** `view`: another touch is needed. `next`: where the page goes now; null: it stays and says that it is done. */
export const ceremonyFinishedSchema = z.object({ done: z.boolean(), view: ceremonyViewSchema.nullable(), next: z.string().nullable() });

export const pageFailureSchema = z.object({ failure: failureSchema });
