/**
 * The metadata route: grant, workspace, leave, token. Where leave is given and the token is in the cache, the answer is made in the
 * same turn; any other request waits on its own, so that a slow mint or a person who thinks delays nobody else. No token may leave
 * on a leave that was given before a wait: after each the grant is looked at and the gate asked again.
 */
import type { ServerResponse } from 'node:http';
import type { Failure, FailureCode } from '../../preload/contract/failure.ts';
import { AppError, asAppError } from '../app-error.ts';
import type { AuditLog } from '../audit/event.ts';
import type { Tally } from '../audit/tally.ts';
import type { Caller } from '../caller/caller.ts';
import type { MintedToken } from '../databricks/minted-token.ts';
import type { Tokens } from '../databricks/tokens.ts';
import type { Grant, Grants } from '../grant/grants.ts';
import type { Clock, Log } from '../ports.ts';
import { type OnTimed, stopwatch } from '../timed.ts';
import { later } from '../units.ts';
import { type Answer, failureAnswer, send } from './answers.ts';
import type { Gate, Leave } from './gate.ts';
import type { Refusal, Seen } from './guard.ts';
import type { Connection, HolderWatch } from './holders.ts';
import { beginWait, type Wait } from './patience.ts';
import type { Serving } from './serving.ts';
import { createWaitingRoom } from './waiting-room.ts';
import { workspaceOrigin } from './workspace-origin.ts';

export const metadataPath = '/v1/metadata/';

export interface MetadataRoute {
  /** Answers, now or as long as the client waits; a refusal means that no grant was recognised and nothing was answered. */
  serve(seen: Seen, connection: Connection, response: ServerResponse): Refusal | undefined;
}

/** Behind the guard: who asks for what, and where the answer goes. */
interface Request {
  seen: Seen;
  secret: string;
  connection: Connection;
  response: ServerResponse;
}

type TokenSource = Pick<Tokens, 'peek' | 'get'>;
type Yes = Extract<Leave, { kind: 'yes' }>;
type Asking = Extract<Leave, { kind: 'ask' }>;
/** The grant as it is now, and the gate's word on it. */
type Standing = { grant: Grant; leave: Yes | Asking };

export function createMetadataRoute(parts: {
  clock: Clock;
  grants: Grants;
  gate: Gate;
  tokens: (profile: string) => TokenSource | undefined;
  serving: Serving;
  holders: HolderWatch;
  audit: Pick<AuditLog, 'synced'>;
  tally: Tally;
  log: Log;
  /** Told of each request that could not be answered at once. */
  timed?: OnTimed | undefined;
  onRefused: ((grantId: string, failure: Failure) => void) | undefined;
}): MetadataRoute {
  const { clock, grants, gate, serving, tally } = parts;
  const waitingRoom = createWaitingRoom();
  /** The last `X-Databricks-Host` that proved right, by grant: clients repeat themselves to the letter. */
  const provenHosts = new Map<string, string>();
  grants.onEnd(({ id }) => {
    provenHosts.delete(id);
    serving.forget(id);
  });

  /** The program is named: an address that has leaked is tried after its grant has ended, too. */
  function refuse(grant: Grant, error: AppError, { kind, process, aiAgent }: Caller, response: ServerResponse): void {
    const failure = error.toFailure();
    const caller = process?.executable ?? 'unknown';
    tally.count(`token.refused ${grant.id} ${error.code} ${caller}`, (count) => ({
      ...{ type: 'token.refused', grant: grant.id, code: error.code, caller, callerKind: kind, count },
      ...(aiAgent === null ? {} : { aiAgent }),
    }));
    parts.onRefused?.(grant.id, failure);
    if (error.code === 'INTERNAL') parts.log('broker.internal', { at: 'metadata', error: nameOf(error.cause) });
    send(response, failureAnswer(failure));
  }

  function fail(grant: Grant, error: unknown, caller: Caller, response: ServerResponse): void {
    // A token that has left cannot be called back, and no second answer can follow the first.
    if (response.writableEnded) parts.log('broker.internal', { at: 'answered', error: nameOf(error) });
    else if (!response.destroyed) refuse(grant, asAppError(error), caller, response);
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

  /** @throws AppError as the gate refuses */
  function askGate(grant: Grant, caller: Caller): Yes | Asking {
    const leave = gate.leave(grant, caller);
    // check: gate-refuses
    if (leave.kind === 'no') throw leave.error;
    // end check
    return leave as Yes | Asking;
  }

  /** What was true before a wait may not be so any more. @throws AppError GRANT_REVOKED | GRANT_EXPIRED, or as the gate refuses */
  function lookAnew(grant: Grant, { secret, connection, response }: Request): Standing {
    // Nobody is there to be asked about, or to be answered.
    if (response.destroyed) throw new Error('the client has gone');
    const now = grants.find(secret) ?? grant;
    // check: grant-live-after-wait
    if (now.state !== 'live') throw new AppError(now.state === 'expired' ? 'GRANT_EXPIRED' : 'GRANT_REVOKED');
    // end check
    return { grant: now, leave: askGate(now, connection.caller) };
  }

  /** @throws AppError GRANT_OTHER_PERSON | TOKEN_LIVES_TOO_LONG | AUDIT_UNWRITABLE: nothing may leave */
  function prepare(grant: Grant, minted: MintedToken, { lease, maxTokenLife }: Yes, caller: Caller): Answer {
    // check: grant-subject
    if (minted.subject !== grant.subject) throw new AppError('GRANT_OTHER_PERSON');
    // end check
    // check: token-life-limit
    if (maxTokenLife !== null && minted.expiresAt - minted.mintedAt > maxTokenLife) throw new AppError('TOKEN_LIVES_TOO_LONG');
    // end check
    return serving.prepare(grant, minted, lease, caller);
  }

  function handOut(grant: Grant, answer: Answer, { connection, response }: Request): void {
    serving.handOut(grant, answer, response);
    gate.used(grant, connection.caller);
    parts.holders.answered(grant, connection);
  }

  function serveNow(grant: Grant, tokens: TokenSource, request: Request): void {
    const leave = askGate(grant, request.connection.caller);
    if (leave.kind === 'ask' || leave.failClosed) return void serveLater(grant, leave, tokens, request);
    const minted = tokens.peek(grant.workspace, grant.scopes);
    if (minted === undefined) {
      serving.forget(grant.id);
      return void serveLater(grant, leave, tokens, request);
    }
    handOut(grant, prepare(grant, minted, leave, request.connection.caller), request);
  }

  async function serveLater(grant: Grant, leave: Yes | Asking, tokens: TokenSource, request: Request): Promise<void> {
    if (!waitingRoom.enter(grant.id)) {
      if (leave.kind === 'ask') leave.withdraw();
      return refuse(grant, new AppError('DOOR_BUSY'), request.connection.caller, request.response);
    }
    const wait = beginWait(clock, request.seen, request.response);
    const { profile, workspace, scopes } = grant;
    const took = stopwatch(parts, { what: 'token', profile, workspace, scopes, requestId: null });
    try {
      const { requestId } = await serveStepByStep({ grant, leave }, tokens, request, wait);
      took(null, { requestId });
    } catch (error) {
      took(asAppError(error).code);
      fail(grant, error, request.connection.caller, request.response);
    } finally {
      wait.end();
      waitingRoom.leave(grant.id);
    }
  }

  /** Each round takes the one step that is missing, and then looks at everything anew. */
  async function serveStepByStep({ grant, leave }: Standing, tokens: TokenSource, request: Request, wait: Wait): Promise<MintedToken> {
    let minted: MintedToken | undefined;
    let onDisk: Answer | undefined;
    for (; ; { grant, leave } = lookAnew(grant, request)) {
      // check: gate-asks
      if (leave.kind === 'ask') {
        await wait.forPerson(leave);
        minted = onDisk = undefined;
        continue;
      }
      // end check
      if (minted === undefined) {
        const { workspace, scopes } = grant;
        const aiAgent = grant.maker.aiAgent ?? undefined;
        minted = await wait.until(tokens.get({ workspace, scopes, aiAgent, deadline: later(clock.now(), wait.left()) }));
        continue;
      }
      // check: fail-closed
      if (leave.failClosed && onDisk === undefined) {
        onDisk = prepare(grant, minted, leave, request.connection.caller);
        await wait.until(parts.audit.synced());
        continue;
      }
      // end check
      handOut(grant, onDisk ?? prepare(grant, minted, leave, request.connection.caller), request);
      return minted;
    }
  }

  return {
    serve(seen, connection, response) {
      const secret = seen.target.slice(metadataPath.length);
      const grant = grants.find(secret);
      // A malformed secret is an unknown one: neither the status nor the body tells them apart.
      // check: grant-known
      if (grant === undefined) return { code: 'GRANT_UNKNOWN', reason: 'secret' };
      // end check
      try {
        const against = reasonAgainst(grant, seen.workspace);
        if (against !== undefined) throw new AppError(against);
        const tokens = parts.tokens(grant.profile);
        if (tokens === undefined) throw new AppError('PROFILE_UNKNOWN');
        serveNow(grant, tokens, { seen, secret, connection, response });
      } catch (error) {
        fail(grant, error, connection.caller, response);
      }
      return undefined;
    },
  };
}

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : typeof error);
