/** What a person can see of a session: who, how strongly proven, until when, and what is wrong. Never a token. */
import { z } from 'zod';
import { failureSchema } from './failure.ts';

const isoTime = z.iso.datetime();

export const identityViewSchema = z.object({
  issuer: z.string(),
  subject: z.string(),
  username: z.string(),
  displayName: z.string(),
  groups: z.array(z.string()),
});

/** How strongly the sign-in was proven by the provider's answer; a renewal never changes it. */
export const assuranceViewSchema = z.object({
  level: z.enum(['unknown', 'mfa', 'config-asserted', 'phr']),
  because: z.string(),
  acr: z.string().nullable(),
  amr: z.array(z.string()),
  authTime: isoTime.nullable(),
});

export const sessionViewSchema = z.object({
  profile: z.string(),
  /**
   * 'ended': there was a session and `lastFailure` says what ended it; 'signing-in': nobody is signed in and a sign-in waits.
   * 'locked': no token is held; `identity` is who was signed in, null where that is not known before the vault is opened.
   */
  phase: z.enum(['signed-out', 'signing-in', 'signed-in', 'ended', 'locked']),
  /** A sign-in waits in the browser; beside a running session too. */
  signInWaiting: z.boolean(),
  identity: identityViewSchema.nullable(),
  assurance: assuranceViewSchema.nullable(),
  signedInAt: isoTime.nullable(),
  renewedAt: isoTime.nullable(),
  /** The session ends then, whatever happens. */
  endsAt: isoTime.nullable(),
  /** It ends then unless a token is asked for before. */
  idleEndsAt: isoTime.nullable(),
  /** False where the provider gives no refresh token: the session ends with the token it began with. */
  renewable: z.boolean(),
  /** False with the memory vault: a restart means signing in again. */
  survivesRestart: z.boolean(),
  /** Why the session is not being renewed or kept on the disk right now; it goes on meanwhile. */
  renewalProblem: failureSchema.nullable(),
  /** Why the last sign-in failed, the last session ended, or the stored one could not be resumed. */
  lastFailure: failureSchema.nullable(),
});
export type SessionView = z.infer<typeof sessionViewSchema>;

/** What a sign-out did, step by step, as it was. */
export const signOutReportSchema = z.object({
  profile: z.string(),
  why: z.enum(['signed-out', 'reset', 'revoked']),
  /** False: nobody was signed in; the vault was swept all the same. */
  sessionEnded: z.boolean(),
  /** 'none': there was no refresh token to revoke. */
  refreshToken: z.enum(['revoked', 'failed', 'not-supported', 'none']),
  detail: z.string(),
  /** 'failed': the sealed session may still be on the disk; `problem` says why. */
  vault: z.enum(['erased', 'failed']),
  problem: failureSchema.nullable(),
});
export type SignOutReport = z.infer<typeof signOutReportSchema>;
