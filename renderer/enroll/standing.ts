/** How the management of this device stands: one word for it, and what is wrong. */
import type { StatusView } from '../../preload/contract/control.ts';
import { type Failure, type FailureCode, failureTexts } from '../../preload/contract/failure.ts';
import type { ManagedView } from '../../preload/contract/managed.ts';
import { texts } from '../texts.ts';

export type Status = Pick<StatusView, 'managed' | 'profiles' | 'tapKeys'>;

/**
 * 'settings': the settings of the machine are all there is. 'awaited': they name a bundle, and none is there yet. 'refused': a newer one
 * cannot be used, and the one before it holds.
 */
export type Standing = 'good' | 'settings' | 'awaited' | 'unreachable' | 'refused' | 'expired' | 'revoked';

export const isAwaited = ({ url, revision }: ManagedView): boolean => url !== null && revision === null;

export function standingOf(managed: ManagedView): Standing {
  if (managed.revoked) return 'revoked';
  if (isAwaited(managed)) return 'awaited';
  if (managed.problem === null) return managed.url === null ? 'settings' : 'good';
  if (managed.problem.code === 'BUNDLE_EXPIRED') return 'expired';
  return managed.problem.code === 'BUNDLE_UNREACHABLE' ? 'unreachable' : 'refused';
}

/** No token comes of it before that is over. */
export const isStopped = (standing: Standing): boolean => standing === 'revoked' || standing === 'expired' || standing === 'awaited';

const failure = (code: FailureCode): Failure => ({ code, ...failureTexts[code] });

/** What is wrong with the management, worst first; none where all is well. */
export function troublesOf(managed: ManagedView): Failure[] {
  const { problem, revoked } = managed;
  // There is no bundle before it that could go on holding.
  const cause = problem !== null && isAwaited(managed) ? texts.managed.awaitedCauses[problem.code] : undefined;
  return [
    ...(revoked ? [failure('DEVICE_REVOKED')] : []),
    ...(problem === null ? [] : [cause === undefined ? problem : { ...problem, cause }]),
  ];
}

/** Codes of what is said where the management is, so that it is not said again among all that is wrong. */
export const codesSaid = (managed: ManagedView | null): readonly FailureCode[] =>
  managed === null ? [] : [...troublesOf(managed).map(({ code }) => code), ...(isAwaited(managed) ? (['BUNDLE_AWAITED'] as const) : [])];

/**
 * What a person on a managed device meets before their first sign-in: waiting for what the company says, or one button. null: what
 * everybody meets.
 */
export function managedStart({ managed, profiles, tapKeys }: Status): 'awaited' | 'sign-in' | null {
  if (managed == null) return null;
  if (profiles.length === 0) return isAwaited(managed) ? 'awaited' : null;
  const isNew = tapKeys.length === 0 && profiles.every(({ session }) => session.phase !== 'signed-in' && session.phase !== 'locked');
  return managed.revision !== null && isNew ? 'sign-in' : null;
}

/** How many more keys the company wants of this person; 0: none. */
export const keysMissing = (managed: ManagedView | null): number =>
  managed?.tapKeys == null ? 0 : Math.max(0, managed.tapKeys.wanted.atLeast - managed.tapKeys.counted);
