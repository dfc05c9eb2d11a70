/**
 * The door at which monitoring fetches numbers: loopback alone, our own user alone, no browser, GET alone, and a token that lies in a file of the
 * runtime folder. It knows nothing that opens anything, and still tells nobody else how much work is done here.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HealthView } from '../../preload/contract/health.ts';
import { AppError } from '../app-error.ts';
import type { DoorTally } from '../audit/door-tally.ts';
import { type Answer, failureAnswer, jsonAnswer, sendAndClose, textAnswer } from '../broker/answers.ts';
import { callerChecks, doorChecks, firstRefusal, look, type Refusal } from '../broker/guard.ts';
import type { Attribution, Peer } from '../caller/caller.ts';
import { openPageDoor, type PageDoor } from '../pages/door.ts';
import type { Log } from '../ports.ts';
import type { Secret } from '../secret.ts';

export interface MetricsDoorParts {
  port: number;
  token: Secret;
  text: () => string;
  health: () => Promise<HealthView>;
  attribute: (peer: Peer) => Promise<Attribution>;
  /** The only user who is let in. */
  uid: number;
  tally: DoorTally;
  log: Log;
}

/** @throws AppError AGENT_START_FAILED (reason pages-port): the port cannot be had */
export async function openMetricsDoor({ port, token, text, health, attribute, uid, tally, log }: MetricsDoorParts): Promise<PageDoor> {
  let ourHost = '';

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const refusal = refusalOf(request);
    if (refusal === undefined) return sendAndClose(response, await answerTo(request.url));
    tally.refused(refusal);
    sendAndClose(response, failureAnswer(new AppError(refusal.code).toFailure()));
  }

  function refusalOf(request: IncomingMessage): Refusal | undefined {
    // check: metrics-guard
    const refusal = firstRefusal([...doorChecks, ...callerChecks], look(request), ourHost);
    if (refusal !== undefined) return refusal;
    // end check
    // check: metrics-token
    if (!bears(request, token)) return { code: 'METRICS_TOKEN_WRONG', reason: 'token' };
    // end check
    return request.url === '/metrics' || request.url === '/health' ? undefined : { code: 'ROUTE_UNKNOWN', reason: 'path' };
  }

  async function answerTo(url: string | undefined): Promise<Answer> {
    if (url === '/metrics') return textAnswer('text/plain; version=0.0.4', text());
    const { state, at, dependencies } = await health();
    // Without the details: they name files and addresses.
    const seen = dependencies.map(({ problem, ...each }) => ({ ...each, code: problem?.code ?? null }));
    return jsonAnswer(state === 'ok' ? 200 : 503, { state, at, dependencies: seen });
  }

  const door = await openPageDoor({
    ...{ attribute, uid, log, refused: tally.refused, dropped: tally.dropped, pickPort: () => port },
    answer(request, response) {
      serve(request, response).catch((error: unknown) => {
        log('metrics.internal', { error: error instanceof Error ? error.name : typeof error });
        response.destroy();
      });
    },
  });
  ourHost = `127.0.0.1:${door.port}`;
  return door;
}

/** The length of a guess shows nothing either: digests are compared (RFC 6750 section 2.1). */
function bears(request: IncomingMessage, token: Secret): boolean {
  const given = request.headersDistinct['authorization'] ?? [];
  const [one = ''] = given;
  const digest = (value: string): Buffer => createHash('sha256').update(value).digest();
  return given.length === 1 && timingSafeEqual(digest(one), digest(`Bearer ${token.reveal()}`));
}
