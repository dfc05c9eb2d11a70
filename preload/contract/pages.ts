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
 *   127.0.0.1             POST /v1/events             {} → text/event-stream, `data: {"revision":N}` for each change
 *                         POST /v1/NAME               every call of `uiCalls` in `ui.ts`
 */
import { z } from 'zod';
import { askViewSchema } from './consent.ts';
import { failureSchema } from './failure.ts';
import { id } from './ui.ts';

/** The code from the fragment, once, against a bearer that lives as long as the page. */
export const enterRequestSchema = z.strictObject({ code: z.string().regex(/^[A-Za-z0-9_-]{43}$/) });
export const enteredSchema = z.object({ bearer: z.string() });

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
