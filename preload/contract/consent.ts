/** What a person is asked, and how they may answer. No secret, no grant URL and no token is ever part of it. */
import { z } from 'zod';
import { callerViewSchema } from './caller.ts';

const isoTime = z.iso.datetime();

/**
 * How strong the answer must be. 'none': nobody is asked. 'click': a click on our own page or window; it does not protect against
 * programs that run as the same user. 'tap': a touch of a tap key, bound to the request.
 */
export const approvals = ['none', 'click', 'tap'] as const;
export type Approval = (typeof approvals)[number];

export const purposes = ['create', 'widen', 'use', 'policy', 'profile', 'key-add', 'key-remove', 'unlock', 'seal', 'enroll'] as const;
export type Purpose = (typeof purposes)[number];

/** How long a yes lasts: 'once': for the one lease or act; 'program': until this program exits; 'hours': eight hours; 'grant': the life of the grant asked for. */
export const spans = ['once', 'program', 'hours', 'grant'] as const;
export type Span = (typeof spans)[number];

/** How far a no reaches: this request; this run (until the grant ends); this program for good. */
export const denials = ['once', 'run', 'always'] as const;
export type Denial = (typeof denials)[number];

export const askViewSchema = z.object({
  id: z.string(),
  purpose: z.enum(purposes),
  caller: callerViewSchema,
  /** A second program that matters for the answer: the one the grant was made for. */
  expected: callerViewSchema.nullable(),
  profile: z.string().nullable(),
  workspace: z.string().nullable(),
  scopes: z.array(z.string()),
  /** The scopes, or the act, in plain words: one line each. */
  words: z.array(z.string()),
  grant: z.string().nullable(),
  label: z.string(),
  /** The grant ends then. */
  until: isoTime.nullable(),
  approval: z.enum(['click', 'tap']),
  /** The answers policy allows; the first is preselected. */
  spans: z.array(z.enum(spans)).min(1),
  askedAt: isoTime,
  /** Nothing can be approved before; null while it is not shown. */
  answerableAt: isoTime.nullable(),
  /** It can be answered until then. */
  openUntil: isoTime,
  /** How many requests the answer is for. */
  requests: z.int(),
});
export type AskView = z.infer<typeof askViewSchema>;

/** What became of the requests that are over, newest first. */
export const askedViewSchema = z.object({
  id: z.string(),
  purpose: z.enum(purposes),
  title: z.string(),
  workspace: z.string().nullable(),
  scopes: z.array(z.string()),
  at: isoTime,
  outcome: z.enum(['approved', 'denied', 'unanswered', 'withdrawn']),
});
export type AskedView = z.infer<typeof askedViewSchema>;

export const askQueueViewSchema = z.object({
  /** Only the first is shown; the rest wait behind it. */
  asks: z.array(askViewSchema),
  /** Nobody is disturbed until then: the person snoozed, */
  snoozedUntil: isoTime.nullable(),
  /** or too many prompts went unanswered, so that no more are shown until the person looks. */
  quiet: z.boolean(),
  history: z.array(askedViewSchema),
});
export type AskQueueView = z.infer<typeof askQueueViewSchema>;
