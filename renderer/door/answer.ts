/** How an answer of the agent stands, as one value: awaited, failed, or there, and then perhaps from before. */
import type { Failure } from '../../preload/contract/failure.ts';
import { failureOf } from './call.ts';

export type Answer<T> =
  | { phase: 'loading' }
  | { phase: 'failed'; failure: Failure; isFetching: boolean; retry: () => void }
  /** `failure`: it could not be brought up to date; `value` is from before. */
  | { phase: 'ready'; value: T; failure: Failure | null; isFetching: boolean; retry: () => void };

interface Fetched<T> {
  data: T | undefined;
  error: Error | null;
  isFetching: boolean;
  refetch: () => unknown;
}

export function answerOf<T>({ data, error, isFetching, refetch }: Fetched<T>): Answer<T> {
  const retry = (): void => void refetch();
  if (data !== undefined) return { phase: 'ready', value: data, failure: error === null ? null : failureOf(error), isFetching, retry };
  return error === null ? { phase: 'loading' } : { phase: 'failed', failure: failureOf(error), isFetching, retry };
}
