/**
 * What becomes of a request, once its connection is known to be our user's: the host, the shape, the origin, the bearer, the schema,
 * and only then the agent. Refusals of the door are counted and end the connection; a failure of the agent is an answer like another,
 * counted where it refuses whoever asks. What a page of ours has got wrong in what it asks for, such as a field of a form, is no refusal.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FailureCode } from '../../preload/contract/failure.ts';
import { enterRequestSchema } from '../../preload/contract/pages.ts';
import { AppError, asAppError } from '../app-error.ts';
import { jsonAnswer, send, sendAndClose } from '../broker/answers.ts';
import type { Refusal } from '../broker/guard.ts';
import type { Caller } from '../caller/caller.ts';
import type { Log } from '../ports.ts';
import type { Assets } from './assets.ts';
import type { Bearer, Entries } from './entries.ts';
import type { Listeners } from './listeners.ts';
import { failureAnswer, fileHeaders } from './page-answers.ts';
import { parseInput, readJson } from './page-body.ts';
import { type Address, addressOf, assetChecks, bearerOf, bodyLimit, callChecks, documentChecks, doorChecks } from './page-guard.ts';
import { nothing, type PageRoute } from './page-routes.ts';
import { firstRefusal, look, type Seen } from './seen.ts';

interface Parts {
  /** The two hosts of the door as they are now. */
  addresses: () => readonly Address[];
  assets: Pick<Assets, 'find'>;
  entries: Entries;
  listeners: Listeners;
  routes: ReadonlyMap<string, PageRoute>;
  refused: (refusal: Refusal) => void;
  log: Log;
}

/**
 * The agent says these of what is asked for, and not of who asks. CONFIG_EXISTS is none of them: where there is a configuration, no page of
 * ours offers to make the first one, so whoever asks for it goes into the record.
 */
const mistakes: ReadonlySet<FailureCode> = new Set([
  ...(['INPUT_INVALID', 'SCOPE_UNKNOWN', 'PROFILE_UNKNOWN', 'PROFILE_NEEDED', 'WORKSPACE_UNKNOWN'] as const),
  ...(['CONFIG_MISSING', 'CONFIG_INVALID', 'CONFIG_PLAIN_HTTP', 'POLICY_INVALID'] as const),
  ...(['DATABRICKSCFG_CHANGED', 'DATABRICKSCFG_UNSAFE', 'DATABRICKSCFG_INVALID', 'DATABRICKSCFG_NO_UNDO'] as const),
]);

interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  by: Caller;
  seen: Seen;
  address: Address;
}

export function createPageServing({ addresses, assets, entries, listeners, routes, refused, log }: Parts) {
  function turnAway(response: ServerResponse, refusal: Refusal, error = new AppError(refusal.code)): void {
    refused(refusal);
    sendAndClose(response, failureAnswer(error.toFailure(), refusal.reason === 'options' ? 403 : undefined));
  }

  async function serve(request: IncomingMessage, response: ServerResponse, by: Caller): Promise<void> {
    const seen = look(request);
    const address = addressOf(seen, addresses());
    if ('code' in address) return turnAway(response, address);
    const refusal = firstRefusal(doorChecks, seen, address);
    if (refusal !== undefined) return turnAway(response, refusal);
    const exchange = { request, response, by, seen, address };
    return seen.method === 'GET' ? serveFile(exchange) : serveCall(exchange);
  }

  function serveFile({ response, seen, address }: Exchange): void {
    const asset = assets.find(address.name, seen.target);
    const unknown: Refusal | undefined = asset === undefined ? { code: 'ROUTE_UNKNOWN', reason: 'path' } : undefined;
    const refusal = firstRefusal(seen.target === '/' ? documentChecks : assetChecks, seen, address) ?? unknown;
    if (refusal !== undefined) turnAway(response, refusal);
    else if (asset !== undefined) response.writeHead(200, fileHeaders(asset.type, asset.bytes.length)).end(asset.bytes);
  }

  async function serveCall(exchange: Exchange): Promise<void> {
    const { response, seen, address } = exchange;
    const refusal = firstRefusal(callChecks, seen, address);
    if (refusal !== undefined) return turnAway(response, refusal);
    const admitted = await admit(exchange).catch((error: unknown) => asAppError(error));
    if (admitted instanceof AppError) {
      if (admitted.code === 'INTERNAL') throw admitted;
      return turnAway(response, { code: admitted.code, reason: admitted.reason ?? 'call' }, admitted);
    }
    await admitted();
  }

  /** All that the door itself decides about a call; what it returns is the work. */
  async function admit(exchange: Exchange): Promise<() => unknown> {
    const { request, response, seen, address } = exchange;
    if (seen.target === '/v1/enter') {
      const { code } = parseInput(enterRequestSchema, await readJson(request, bodyLimit(seen.target)));
      const bearer = entries.enter(code, address.name);
      return () => send(response, jsonAnswer(200, { bearer }));
    }
    const route = routes.get(seen.target);
    const host = route?.host ?? (seen.target === '/v1/events' ? 'ui' : undefined);
    if (host === undefined) throw new AppError('ROUTE_UNKNOWN', { reason: 'path' });
    // check: page-route-host
    if (host !== address.name) throw new AppError('ROUTE_UNKNOWN', { reason: 'host' });
    // end check
    const bearer = entries.find(bearerOf(seen), host);
    const body = await readJson(request, bodyLimit(seen.target));
    // From here on it is a page of ours that asks.
    return () => (route === undefined ? listen(body, bearer, response) : run(route, body, bearer, exchange));
  }

  async function listen(body: unknown, bearer: Bearer, response: ServerResponse): Promise<void> {
    parseInput(nothing, body);
    listeners.add(response, bearer);
  }

  async function run(route: PageRoute, body: unknown, bearer: Bearer, { response, by }: Exchange): Promise<void> {
    const input = parseInput(route.input, body);
    const ticket = bearer.entry.host === 'ceremony' ? bearer.entry.ticket : '';
    const leave = (): void => entries.end(bearer);
    send(response, jsonAnswer(200, await route.run({ input: input as never, by, ticket, leave })));
  }

  return {
    /** Answers every request, whatever fails. */
    answer(request: IncomingMessage, response: ServerResponse, by: Caller): void {
      const fail = (error: unknown): void => {
        const known = asAppError(error);
        if (known.code === 'INTERNAL') log('pages.failed', { error: String((known.cause as Error)?.name ?? known.reason ?? 'unknown') });
        else if (!mistakes.has(known.code)) refused({ code: known.code, reason: known.reason ?? 'route' });
        if (response.headersSent || response.destroyed) response.destroy();
        else send(response, failureAnswer(known.toFailure()));
      };
      void serve(request, response, by).catch(fail);
    },
  };
}
