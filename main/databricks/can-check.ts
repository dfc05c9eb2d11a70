/**
 * Tries what a token may do, with requests that cost and change nothing, and tells which side refuses: the scopes of the token, or what was
 * granted in the workspace. The service's texts are no contract: a word in them chooses between the two, and none of them is shown.
 */
import { AppError } from '../app-error.ts';
import type { Clock } from '../ports.ts';
import type { Secret } from '../secret.ts';
import { seconds } from '../units.ts';
import type { Capability } from './can.ts';
import { askWorkspace } from './workspace-request.ts';

/**
 * 'works'; 'nothing': it answers, and shows nothing that may be used; 'scope': the token lacks one; 'grant': the workspace refuses the
 * person; 'absent': there is no such API here; 'unclear': something else.
 */
export type Verdict = 'works' | 'nothing' | 'scope' | 'grant' | 'absent' | 'unclear';

export interface Tried {
  /** Origin of the workspace. */
  workspace: string;
  token: Secret;
  userAgent: string;
}

/**
 * @returns null where a capability has no request that is free
 * @throws AppError TOKEN_NOT_ACCEPTED: the workspace does not know the token; or as `askWorkspace`
 */
export async function tryCapability(
  parts: { clock: Clock; fetch: typeof globalThis.fetch },
  { workspace, token, userAgent }: Tried,
  { probe }: Capability,
): Promise<Verdict | null> {
  if (probe === undefined) return null;
  const {
    status,
    json,
    text = '',
  } = await askWorkspace(parts, {
    ...{ url: new URL(probe, workspace), userAgent, bearer: token, timeout: seconds(20) },
  });
  if (status >= 200 && status < 300) return isEmpty(json) ? 'nothing' : 'works';
  if (status === 401 || /invalid (access )?token|expired|not yet valid/i.test(text)) throw new AppError('TOKEN_NOT_ACCEPTED');
  if (status === 403) return /\bscopes?\b/i.test(text) ? 'scope' : 'grant';
  return status === 404 ? 'absent' : 'unclear';
}

/** A list of what may be used, with nothing in it: no refusal, and no use either. */
function isEmpty(json: unknown): boolean {
  if (typeof json !== 'object' || json === null) return false;
  const parts = Object.values(json).filter((value) => value !== '' && value !== null && value !== false);
  return parts.every((value) => Array.isArray(value) && value.length === 0);
}
