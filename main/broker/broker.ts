/**
 * The broker: the one TCP door at which programs fetch tokens. Connections pass in this order: the user and the program on the other
 * end, the guard, the grant, the gate, the token. It must never redirect, never send a CORS header, and never put anything of a token
 * into an answer that is not a success; while it runs, whatever is sent to it gets a JSON answer or none at all.
 */
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createNetServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { noncePath, nonceShape } from '../../preload/contract/caller.ts';
import type { Failure, FailureCode } from '../../preload/contract/failure.ts';
import { AppError } from '../app-error.ts';
import { createDoorTally } from '../audit/door-tally.ts';
import type { AuditLog } from '../audit/event.ts';
import { createTally } from '../audit/tally.ts';
import type { Caller, Callers } from '../caller/caller.ts';
import { createEntrance } from '../caller/own-user.ts';
import type { Tokens } from '../databricks/tokens.ts';
import type { Grants } from '../grant/grants.ts';
import type { Clock, Log } from '../ports.ts';
import type { Secret } from '../secret.ts';
import type { OnTimed } from '../timed.ts';
import type { Ms } from '../units.ts';
import { failureAnswer, jsonAnswer, rawAnswer, send, sendAndClose } from './answers.ts';
import type { Gate } from './gate.ts';
import { callerChecks, doorChecks, firstRefusal, look, metadataChecks, type Refusal, type Seen } from './guard.ts';
import { type Connection, createHolderWatch } from './holders.ts';
import { listenOnKeptPort, requireLoopback } from './kept-port.ts';
import { createMetadataRoute, metadataPath } from './metadata.ts';
import { createServing } from './serving.ts';
import { createShownNonces } from './shown-nonces.ts';

export interface Broker {
  /**
   * Listens on the kept port. `moved`: grants were ended because their URLs led to a port that is no longer ours.
   *
   * @throws AppError AGENT_START_FAILED | DISK_FULL
   */
  start(): Promise<{ port: number; moved: boolean }>;
  /** 0 before `start` has resolved. */
  readonly port: number;
  /** `http://127.0.0.1:PORT/v1/metadata/SECRET`: opens what the grant opens, so it goes to the program it is for and nowhere else. */
  grantUrl(secret: Secret): string;
  /** The program that showed this nonce here within the last ten seconds; undefined where nobody did, or it is spent. Spends it. */
  claimCaller(nonce: string): Caller | undefined;
  /** Lets go of every token that was handed out; the counts of them go on. */
  forgetTokens(): void;
  /** Cuts every connection and writes the counts that are still unwritten. */
  close(): Promise<void>;
}

interface Parts {
  clock: Clock;
  grants: Grants;
  tokens: (profile: string) => Pick<Tokens, 'peek' | 'get'> | undefined;
  /** A token was handed out for this profile. */
  onUse?: (profile: string) => void;
  /** How long a client of this profile may keep one answer. */
  lease: (profile: string) => Ms;
  callers: Pick<Callers, 'attribute'>;
  gate: Gate;
  /** The only user who is let in. */
  uid: number;
  audit: AuditLog;
  log: Log;
  portFile: string;
  random: (bytes: number) => Buffer;
  /** Told of each request for a token that could not be answered at once. */
  timed?: OnTimed;
  /** A known grant was refused. */
  onRefused?: (grantId: string, failure: Failure) => void;
}

const connectionLimits = { all: 4096, waiting: 2048, backlog: 4096 } as const;

const httpLimits = {
  maxHeaderSize: 8192,
  headersTimeout: 5000,
  requestTimeout: 10_000,
  keepAliveTimeout: 30_000,
  // Each look wakes the agent, connections or not.
  connectionsCheckingInterval: 5000,
  // Node would answer a missing Host itself, without a body; our own guard says it in JSON.
  requireHostHeader: false,
  insecureHTTPParser: false,
} as const;

const up = jsonAnswer(200, { up: true });
const nonceSeen = jsonAnswer(200, { seen: true });

export function createBroker(parts: Parts): Broker {
  const { clock, grants, gate, audit, log } = parts;
  const tally = createTally({ clock, audit, log });
  const doorTally = createDoorTally('broker', tally);
  const serving = createServing({ clock, grants, lease: parts.lease, onUse: parts.onUse, audit, log });
  const holders = createHolderWatch({ clock, gate, log });
  const { tokens, onRefused } = parts;
  const metadata = createMetadataRoute({ clock, grants, gate, tokens, serving, holders, audit, tally, log, onRefused, timed: parts.timed });
  const nonces = createShownNonces(clock);
  const connections = new WeakMap<Duplex, Connection>();
  /** Connections that have had their last answer. */
  const finished = new WeakSet<Duplex>();
  let port = 0;
  let ourHost = '';

  const http = createHttpServer(httpLimits, answer);
  // Node drops headers beyond its default count without a word; the size limit is the one that holds.
  http.maxHeadersCount = 0;
  http.on('checkContinue', answer);
  http.on('checkExpectation', answer);
  http.on('connect', (request, socket) => {
    // Node takes its own listener off here. Without one, a client that resets the connection before our answer would end the agent.
    // check: connect-reset
    socket.on('error', () => socket.destroy());
    // end check
    refuseRaw(socket, firstRefusal(doorChecks, look(request), ourHost) ?? { code: 'METHOD_REFUSED', reason: 'method' });
  });
  http.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET') socket.destroy();
    else refuseRaw(socket, ...unparsable(error));
  });

  const net = createNetServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, (socket) => entrance.receive(socket));
  net.maxConnections = connectionLimits.all;
  net.on('drop', () => doorTally.refused({ code: 'DOOR_BUSY', reason: 'connections' }));
  const entrance = createEntrance({
    lookUp: (peer) => parts.callers.attribute(peer),
    uid: parts.uid,
    waitingLimit: connectionLimits.waiting,
    admit(socket, caller) {
      connections.set(socket, connectionOf(socket, caller));
      http.emit('connection', socket);
      socket.resume();
    },
    dropped: doorTally.dropped,
  });

  function answer(request: IncomingMessage, response: ServerResponse): void {
    try {
      const refusal = route(look(request), request.socket, response);
      if (refusal === undefined) return;
      doorTally.refused(refusal);
      finished.add(request.socket);
      sendAndClose(response, answerTo(refusal));
    } catch (error) {
      log('broker.internal', { at: 'door', error: error instanceof Error ? error.name : typeof error });
      if (response.headersSent) response.destroy();
      else sendAndClose(response, failureAnswer(new AppError('INTERNAL').toFailure()));
    }
  }

  function route(seen: Seen, socket: Duplex, response: ServerResponse): Refusal | undefined {
    const refusal = firstRefusal(doorChecks, seen, ourHost);
    if (refusal !== undefined) return refusal;
    if (seen.target.startsWith(metadataPath))
      return firstRefusal(metadataChecks, seen, ourHost) ?? metadata.serve(seen, connectionBehind(socket), response);
    if (seen.target.startsWith(noncePath)) return firstRefusal(callerChecks, seen, ourHost) ?? showNonce(seen, socket, response);
    if (seen.target !== '/v1/up') return { code: 'ROUTE_UNKNOWN', reason: 'path' };
    send(response, up);
    return undefined;
  }

  function connectionBehind(socket: Duplex): Connection {
    const connection = connections.get(socket);
    if (connection === undefined) throw new Error('a connection that nobody let in');
    return connection;
  }

  function showNonce({ target }: Seen, socket: Duplex, response: ServerResponse): Refusal | undefined {
    const nonce = target.slice(noncePath.length);
    // check: nonce-shape
    if (!nonceShape.test(nonce)) return { code: 'ROUTE_UNKNOWN', reason: 'nonce' };
    // end check
    if (!nonces.show(nonce, connectionBehind(socket).caller)) return { code: 'CALLER_UNPROVEN', reason: 'nonce-repeated' };
    send(response, nonceSeen);
    return undefined;
  }

  function refuseRaw(socket: Duplex, refusal: Refusal, status?: number): void {
    // The parser may give up on what follows a request that was refused already.
    if (finished.has(socket)) return;
    if (!socket.writable) return void socket.destroy();
    doorTally.refused(refusal);
    socket.end(rawAnswer(answerTo(refusal, status)), () => socket.destroy());
  }

  function tryListen(candidate: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const failed = (cause: NodeJS.ErrnoException): void => {
        if (cause.code === 'EADDRINUSE') resolve(false);
        else reject(new AppError('AGENT_START_FAILED', { reason: 'port', cause }));
      };
      net.once('error', failed);
      net.listen({ host: '127.0.0.1', port: candidate, exclusive: true, backlog: connectionLimits.backlog }, () => {
        net.off('error', failed);
        resolve(true);
      });
    });
  }

  return {
    async start() {
      try {
        const kept = await listenOnKeptPort(parts.portFile, parts.random, tryListen);
        requireLoopback(net.address());
        const moved = kept.changed && (await grants.endWhere(() => true, 'port-moved')) > 0;
        port = kept.port;
        ourHost = `127.0.0.1:${port}`;
        // Slow clients are cut by a timer that Node starts when an HTTP server begins to listen; ours never listens itself.
        http.emit('listening');
        net.on('error', (error) => log('broker.listener', { error: error.name }));
        return { port, moved };
      } catch (error) {
        net.close();
        throw error;
      }
    },
    get port() {
      return port;
    },
    claimCaller: nonces.claim,
    forgetTokens: () => serving.forgetAll(),
    grantUrl: (secret) => `http://127.0.0.1:${port}${metadataPath}${secret.reveal()}`,
    async close() {
      const closed = new Promise<void>((resolve) => net.close(() => resolve()));
      entrance.close();
      http.close();
      http.closeAllConnections();
      await closed;
      serving.close();
      tally.close();
    },
  };
}

function connectionOf(socket: Socket, caller: Caller): Connection {
  const { localPort = 0, remotePort = 0 } = socket;
  return { socket, caller, peer: { localPort, remotePort }, nextLook: Number.NEGATIVE_INFINITY };
}

const answerTo = ({ code, reason }: Refusal, status = reason === 'options' ? 403 : undefined) =>
  failureAnswer(new AppError(code).toFailure(), status);

/** What Node's parser gave up on, and the status that says so. */
function unparsable(error: NodeJS.ErrnoException): [Refusal, number] {
  const code: FailureCode = 'INPUT_INVALID';
  if (error.code === 'HPE_HEADER_OVERFLOW') return [{ code, reason: 'header-size' }, 431];
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return [{ code, reason: 'slow' }, 408];
  return [{ code, reason: 'not-http' }, 400];
}
