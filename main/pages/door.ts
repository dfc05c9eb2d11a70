/**
 * The sockets of the pages door: on loopback alone, one port for both hosts, and no byte read from another user. What a request means
 * is the business of whoever opened it. A crowd at this door costs a bounded number of connections and nobody else anything.
 *
 * It listens on ::1 as well: browsers go there first for a name under `localhost`, and whoever held that port there, another user of
 * the machine for one, would serve a page of their own in the place of the ceremony page, with its code and its touches.
 */
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createNetServer, type Server as NetServer } from 'node:net';
import type { Duplex } from 'node:stream';
import type { FailureCode } from '../../preload/contract/failure.ts';
import { AppError } from '../app-error.ts';
import { rawAnswer } from '../broker/answers.ts';
import type { Refusal } from '../broker/guard.ts';
import { type Attribution, type Caller, type Peer, unknownCaller } from '../caller/caller.ts';
import { createEntrance, type Dropped } from '../caller/own-user.ts';
import type { Log } from '../ports.ts';
import { failureAnswer } from './page-answers.ts';

export interface PageDoor {
  readonly port: number;
  /** Cuts every connection. */
  close(): Promise<void>;
}

export interface PageDoorParts {
  attribute: (peer: Peer) => Promise<Attribution>;
  /** The only user who is let in. */
  uid: number;
  answer: (request: IncomingMessage, response: ServerResponse, by: Caller) => void;
  /** Told of bytes that are no request we could parse. */
  refused: (refusal: Refusal) => void;
  dropped: (what: Dropped) => void;
  log: Log;
  /** Which port to try next; 0: any that is free. */
  pickPort?: () => number;
}

const portsTried = 8;
const connectionLimits = { all: 256, waiting: 64, backlog: 128 } as const;

const httpLimits = {
  // Cookies of every other server on 127.0.0.1 come along.
  maxHeaderSize: 16_384,
  headersTimeout: 5000,
  requestTimeout: 10_000,
  keepAliveTimeout: 30_000,
  connectionsCheckingInterval: 5000,
  // Node would answer a missing Host itself; our own guard says it in JSON.
  requireHostHeader: false,
  insecureHTTPParser: false,
} as const;

/** @throws AppError AGENT_START_FAILED (reason pages-port): no port could be had on both loopback addresses */
export async function openPageDoor({
  attribute,
  uid,
  answer,
  refused,
  dropped,
  log,
  pickPort = () => 0,
}: PageDoorParts): Promise<PageDoor> {
  const callers = new WeakMap<Duplex, Caller>();
  const http = createHttpServer(httpLimits, serve);
  // Node drops headers beyond its default count without a word; the size limit is the one that holds.
  http.maxHeadersCount = 0;
  http.on('checkContinue', serve);
  http.on('checkExpectation', serve);
  http.on('connect', (_, socket) => {
    // Node takes its own listener off here. Without one, a client that resets the connection before our answer would end the agent.
    // check: page-connect-reset
    socket.on('error', () => socket.destroy());
    // end check
    sendRaw(socket, { code: 'METHOD_REFUSED', reason: 'method' }, 405);
  });
  http.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET') socket.destroy();
    else sendRaw(socket, ...unparsable(error));
  });

  const entrance = createEntrance({
    lookUp: attribute,
    uid,
    v6: true,
    waitingLimit: connectionLimits.waiting,
    admit(socket, caller) {
      callers.set(socket, caller);
      http.emit('connection', socket);
      socket.resume();
    },
    dropped,
  });
  const listener = (): NetServer => {
    const net = createNetServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, (socket) => entrance.receive(socket));
    net.maxConnections = connectionLimits.all;
    return net.on('drop', () => dropped({ why: 'busy' })).unref();
  };

  function serve(request: IncomingMessage, response: ServerResponse): void {
    answer(request, response, callers.get(request.socket) ?? unknownCaller);
  }

  function sendRaw(socket: Duplex, refusal: Refusal, status: number): void {
    if (!socket.writable) return void socket.destroy();
    refused(refusal);
    socket.end(rawAnswer(failureAnswer(new AppError(refusal.code).toFailure(), status)), () => socket.destroy());
  }

  const { port, nets } = await listenOnBoth(listener, pickPort);
  for (const net of nets) net.on('error', (error) => log('pages.listener', { error: error.name }));
  // Slow clients are cut by a timer that Node starts when an HTTP server begins to listen; ours never listens itself.
  http.emit('listening');

  return {
    port,
    async close() {
      const closed = nets.map((net) => new Promise((resolve) => net.close(resolve)));
      entrance.close();
      http.close();
      http.closeAllConnections();
      await Promise.all(closed);
    },
  };
}

/** One port on both addresses; where somebody holds it on either, another one. */
export async function listenOnBoth(listener: () => NetServer, pickPort: () => number): Promise<{ port: number; nets: NetServer[] }> {
  for (let tries = 0; tries < portsTried; tries++) {
    const four = listener();
    const port = await listen(four, '127.0.0.1', pickPort());
    if (port === null) continue;
    const nets = [four];
    // check: page-both-loopbacks
    const six = listener();
    const held = await listen(six, '::1', port).catch((error: unknown) => ifNoIpv6(error, four));
    if (held === null) {
      four.close();
      continue;
    }
    nets.push(six);
    // end check
    return { port, nets };
  }
  throw new AppError('AGENT_START_FAILED', { reason: 'pages-port' });
}

/** null: somebody listens there already. @throws AppError AGENT_START_FAILED */
function listen(net: NetServer, host: string, port: number): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException): void => {
      if (cause.code === 'EADDRINUSE') resolve(null);
      else reject(new AppError('AGENT_START_FAILED', { reason: 'pages-port', cause }));
    };
    net.once('error', failed);
    net.listen({ host, port, exclusive: true, ipv6Only: true, backlog: connectionLimits.backlog }, () => {
      net.off('error', failed);
      resolve((net.address() as AddressInfo).port);
    });
  });
}

/** A machine without IPv6 has no ::1, for nobody. */
function ifNoIpv6(error: unknown, other: NetServer): number {
  const { code = '' } = (error instanceof AppError ? error.cause : error) as NodeJS.ErrnoException;
  if (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT') return 0;
  other.close();
  throw error;
}

/** What Node's parser gave up on, and the status that says so. */
function unparsable(error: NodeJS.ErrnoException): [Refusal, number] {
  const code: FailureCode = 'INPUT_INVALID';
  if (error.code === 'HPE_HEADER_OVERFLOW') return [{ code, reason: 'header-size' }, 431];
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return [{ code, reason: 'slow' }, 408];
  return [{ code, reason: 'not-http' }, 400];
}
