/**
 * Which processes a grant is for. A member is a process the grant was made for, or one whose ancestors contained a member when it
 * was first seen; it stays one until it exits, whoever its parent has become.
 */
import type { Caller, ProcessRef } from '../caller/caller.ts';
import type { Grant } from './grant.ts';

/** What a grant is bound to. 'file': to no process at all; each program is asked about once. */
export type Binding =
  | { readonly kind: 'run'; readonly root: ProcessRef; readonly cgroup: string | null }
  | { readonly kind: 'tree'; readonly root: ProcessRef }
  | { readonly kind: 'file' };

export interface Members {
  /** Whether the caller is one of the grant's; from now on it is remembered as such where it is. */
  admits(grant: Grant, caller: Caller): boolean;
  /** The program that `lakepass run` has started. @throws AppError CALLER_REFUSED: it is not a child of the run's root */
  addChild(grant: Grant, child: Caller): void;
  /** How many known ones still run. */
  count(grantId: string): number;
  close(): void;
}
