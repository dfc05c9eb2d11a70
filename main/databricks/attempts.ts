/** What every request for a token has in common, whatever proves who asks: its time, and what a failed try comes to. */
import { AppError, hasCode } from '../app-error.ts';
import type { TokenOwner } from '../profile/profile.ts';
import { seconds } from '../units.ts';
import type { Attempt } from './retry.ts';
import type { Answer } from './workspace-request.ts';

/** One try; stock SDKs wait 10 s in all. */
export const TOKEN_LIMIT = seconds(10);

/** The account whose tokens an origin stands for; undefined for a workspace. */
export const accountOf = ({ workspaces }: Pick<TokenOwner, 'workspaces'>, origin: string): string | undefined =>
  workspaces.find(({ host }) => new URL(host).origin === origin)?.accountId;

/** "Come back later", in whatever words; undefined for every other answer. */
export const busy = ({ status, retryAfter }: Answer): Attempt<never> | undefined =>
  status === 429 || status >= 500
    ? { ok: false, error: new AppError('WORKSPACE_BUSY', { reason: String(status) }), retry: { notBefore: retryAfter } }
    : undefined;

/** What a try that threw comes to. @throws what is no failure of ours to name */
export function failedAttempt(error: unknown): Attempt<never> {
  if (!(error instanceof AppError)) throw error;
  return { ok: false, error, retry: hasCode(error, 'WORKSPACE_UNREACHABLE', 'PROXY_UNREACHABLE') ? { notBefore: null } : 'never' };
}
