/**
 * The metadata route: grant, workspace, token. A token that is in the cache is answered in the same turn; for any other the
 * request waits on its own, so that a slow mint delays nobody else.
 */
import type { ServerResponse } from 'node:http';
import type { Failure, FailureCode } from '../../preload/contract/failure.ts';
import { AppError, asAppError } from '../app-error.ts';
import type { MintedToken } from '../databricks/minted-token.ts';
import type { Tokens } from '../databricks/tokens.ts';
import type { Grant, Grants } from '../grant/grants.ts';
import type { Clock, Log } from '../ports.ts';
import { later, type Ms, seconds } from '../units.ts';
import { failureAnswer, send } from './answers.ts';
import type { Refusal, Seen } from './guard.ts';
import type { Serving } from './serving.ts';
import type { Tally } from './tally.ts';
import { workspaceOrigin } from './workspace-origin.ts';

export const metadataPath = '/v1/metadata/';

/** Python and Go wait ten seconds; what we say must reach them before. */
const patience: Ms = seconds(8);
/** Requests that may wait for a token, in all and for one grant. */
const waitingLimits = { all: 3000, grant: 1500 } as const;

export interface MetadataRoute {
  /** Answers, now or within `patience`; a refusal means that no grant was recognised and nothing was answered. */
  serve(seen: Seen, response: ServerResponse): Refusal | undefined;
}

export function createMetadataRoute(parts: {
  clock: Clock;
  grants: Grants;
  tokens: (profile: string) => Pick<Tokens, 'peek' | 'get'> | undefined;
  serving: Serving;
  tally: Tally;
  log: Log;
  onRefused: ((grantId: string, failure: Failure) => void) | undefined;
}): MetadataRoute {
  const { clock, grants, serving, tally } = parts;
  const waiting = new Map<string, number>();
  let waitingInAll = 0;
  /** The last `X-Databricks-Host` that proved right, by grant: clients repeat themselves to the letter. */
  const provenHosts = new Map<string, string>();
  grants.onEnd(({ id }) => {
    provenHosts.delete(id);
    serving.forget(id);
  });

  function refuse(grant: Grant, error: AppError, response: ServerResponse): void {
    const failure = error.toFailure();
    tally.count(`token.refused ${grant.id} ${error.code}`, (count) => ({
      type: 'token.refused',
      grant: grant.id,
      code: error.code,
      count,
    }));
    parts.onRefused?.(grant.id, failure);
    if (error.code === 'INTERNAL') parts.log('broker.internal', { at: 'metadata', error: nameOf(error.cause) });
    send(response, failureAnswer(failure));
  }

  function namesWorkspaceOf(grant: Grant, header: string): boolean {
    if (provenHosts.get(grant.id) === header) return true;
    if (workspaceOrigin(header) !== grant.workspace) return false;
    provenHosts.set(grant.id, header);
    return true;
  }

  /** Why this grant gets nothing now, by its own state or by what the request names. */
  function reasonAgainst(grant: Grant, workspaceHeader: string): FailureCode | undefined {
    // check: grant-live
    if (grant.state !== 'live') return grant.state === 'expired' ? 'GRANT_EXPIRED' : 'GRANT_REVOKED';
    // end check
    // check: workspace-match
    if (!namesWorkspaceOf(grant, workspaceHeader)) return 'WORKSPACE_MISMATCH';
    // end check
    return undefined;
  }

  /** @throws AppError GRANT_OTHER_PERSON | AUDIT_UNWRITABLE: nothing was sent */
  function handOut(grant: Grant, minted: MintedToken, response: ServerResponse): void {
    // check: grant-subject
    if (minted.subject !== grant.subject) throw new AppError('GRANT_OTHER_PERSON');
    // end check
    serving.answer(grant, minted, response);
  }

  async function serveWhenMinted(grant: Grant, secret: string, tokens: Pick<Tokens, 'get'>, response: ServerResponse): Promise<void> {
    const alreadyWaiting = waiting.get(grant.id) ?? 0;
    // check: waiting-requests-limit
    if (waitingInAll >= waitingLimits.all || alreadyWaiting >= waitingLimits.grant)
      return refuse(grant, new AppError('DOOR_BUSY'), response);
    // end check
    waiting.set(grant.id, alreadyWaiting + 1);
    waitingInAll++;
    try {
      const { workspace, scopes } = grant;
      const deadline = later(clock.now(), patience);
      const minted = await within(clock, patience, tokens.get({ workspace, scopes, deadline }));
      if (response.destroyed) return;
      // check: grant-live-after-wait
      if (grants.find(secret)?.state !== 'live') return refuse(grant, new AppError('GRANT_REVOKED'), response);
      // end check
      handOut(grant, minted, response);
    } catch (error) {
      if (!response.destroyed) refuse(grant, asAppError(error), response);
    } finally {
      waitingInAll--;
      const left = (waiting.get(grant.id) ?? 1) - 1;
      if (left === 0) waiting.delete(grant.id);
      else waiting.set(grant.id, left);
    }
  }

  return {
    serve({ target, workspace }, response) {
      const secret = target.slice(metadataPath.length);
      const grant = grants.find(secret);
      // A malformed secret is an unknown one: neither the status nor the body tells them apart.
      // check: grant-known
      if (grant === undefined) return { code: 'GRANT_UNKNOWN', reason: 'secret' };
      // end check
      const against = reasonAgainst(grant, workspace);
      if (against !== undefined) return void refuse(grant, new AppError(against), response);
      const tokens = parts.tokens(grant.profile);
      if (tokens === undefined) return void refuse(grant, new AppError('PROFILE_UNKNOWN'), response);
      const minted = tokens.peek(grant.workspace, grant.scopes);
      if (minted === undefined) {
        serving.forget(grant.id);
        void serveWhenMinted(grant, secret, tokens, response);
        return undefined;
      }
      try {
        handOut(grant, minted, response);
      } catch (error) {
        refuse(grant, asAppError(error), response);
      }
      return undefined;
    },
  };
}

/** @throws AppError DEADLINE_PASSED once `patience` is over; the mint goes on for others */
function within(clock: Clock, patience: Ms, minting: Promise<MintedToken>): Promise<MintedToken> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(patience, () => reject(new AppError('DEADLINE_PASSED')));
    minting.then(resolve, reject).finally(cancel);
  });
}

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : typeof error);
