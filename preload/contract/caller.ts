/** What a person can see of a program that asks. Beside every fact stands who vouches for it. */
import { z } from 'zod';

/** 'verified': the operating system said so. 'claimed': the program said so itself, or could have made it up. */
export const proofs = ['verified', 'claimed'] as const;

export const callerKinds = ['program', 'ai-agent', 'forwarder', 'container', 'unknown'] as const;
export type CallerKind = (typeof callerKinds)[number];

export const factSchema = z.object({
  name: z.enum(['program', 'script', 'command', 'folder', 'parents', 'process', 'notebook', 'ai-agent', 'forwarder', 'container']),
  value: z.string(),
  proof: z.enum(proofs),
});
export type FactView = z.infer<typeof factSchema>;

export const callerViewSchema = z.object({
  kind: z.enum(callerKinds),
  /** A few words to head a prompt with, from verified facts alone; `an unknown program` where there are none. */
  title: z.string(),
  pid: z.int().nullable(),
  /** Verified ones first. */
  facts: z.array(factSchema),
});
export type CallerView = z.infer<typeof callerViewSchema>;

/**
 * What the command line proves itself with: shown to the broker over TCP in the path `/v1/caller/NONCE`, where the system says
 * which program is on the other end, then named on the control socket in the header. Single use, at least 128 bits; the shell's road
 * has only hexadecimal digits to make it from, so it may be longer than base64url needs.
 */
export const nonceShape = /^[A-Za-z0-9_-]{22,43}$/;
export const nonceHeader = 'lakepass-caller';
export const noncePath = '/v1/caller/';
