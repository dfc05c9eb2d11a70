/**
 * The door the browser comes back to (RFC 8252 section 7.3): open for one sign-in, on loopback alone, gone after its answer.
 *
 * Who connects is settled before a byte is read, what a request looks like before it is understood, and a wrong answer never
 * ends the wait: any page can make a browser knock here. Nothing that is received is written anywhere.
 */
import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { AppError } from '../app-error.ts';
import type { AuditLog } from '../audit/event.ts';
import type { Clock, Log } from '../ports.ts';
import { seconds } from '../units.ts';
import type { Judgement } from './authorization-response.ts';
import { callbackHeaders, callbackPages, type LastPage } from './callback-page.ts';
import { type CallbackRequest, landingPath, readCallbackRequest } from './callback-request.ts';
import { createRefusalCount } from './refusal-count.ts';

export type Answer = Exclude<Judgement, { kind: 'foreign' }>;

export interface CallbackDoor {
  /** `http://127.0.0.1:PORT/path`, or the same on `localhost`, to be sent as redirect_uri. */
  readonly redirectUri: string;
  /** The first answer that is ours. Stays open for ever when the door is closed before. */
  readonly answer: Promise<Answer>;
  /** The sign-in is over: closes, but lets a browser that has just brought the answer fetch its last page, which says how it went or leads to `next`. */
  finish(how: LastPage, next?: URL | null): Promise<void>;
  close(): Promise<void>;
}

export interface CallbackDoorParts {
  /** As it is registered at the provider. A browser takes `localhost` for either loopback address, so the door is at both then. */
  host: '127.0.0.1' | 'localhost';
  /** Ports registered at the provider, tried in order; none: any free port. */
  ports: readonly number[];
  /** Empty where the address that is registered ends with its port. */
  path: string;
  judge: (params: URLSearchParams) => Judgement;
  peerUid: { lookup(peer: { localPort: number; remotePort: number; v6?: boolean }): Promise<number | null> };
  uid: number;
  clock: Clock;
  audit: AuditLog;
  log: Log;
}

interface Reply {
  status: number;
  location?: string;
  /** The door closes once this is sent. */
  isLast?: boolean;
}

/** A browser needs milliseconds; whoever is slower is not one. */
const CONNECTION_LIMIT = seconds(3);
const MOST_CONNECTIONS = 32;
/** How long the browser may take to fetch the page it was sent on to. */
const LINGER = seconds(5);
/** How long that page waits to know how the sign-in went: the code has yet to be redeemed. Shorter than CONNECTION_LIMIT. */
const LAST_PAGE_WAIT = seconds(2);
const headerLimits = { maxHeaderSize: 16_384, requireHostHeader: false, insecureHTTPParser: false };

/**
 * Listens before it returns, so that the browser can be opened afterwards.
 *
 * @throws AppError LOGIN_PORT_BUSY: none of the registered ports is free
 */
export async function openCallbackDoor(parts: CallbackDoorParts): Promise<CallbackDoor> {
  const { path, judge, peerUid, uid, clock, audit, log } = parts;
  const ticket = randomBytes(16).toString('base64url');
  const connections = new Set<Socket>();
  const refusals = createRefusalCount({ audit, log });
  const { promise: answer, resolve } = Promise.withResolvers<Answer>();
  const outcome = Promise.withResolvers<LastPage>();
  let onwards: URL | null = null;
  let isAnswered = false;
  let stopLingering = () => {};

  const http = createHttpServer(headerLimits, respond);
  // check: callback-one-request
  http.maxRequestsPerSocket = 1; // Node answers a request pipelined behind the first even after `Connection: close`.
  // end check
  http.on('clientError', (_, socket) => {
    refusals.count('INPUT_INVALID', 'malformed');
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
  });
  const { servers, port } = await listen(parts, () => createServer({ pauseOnConnect: true }, (socket) => void admit(socket)));
  const host = `${parts.host}:${port}`;

  async function admit(socket: Socket): Promise<void> {
    socket.on('error', () => socket.destroy());
    makeRoom();
    connections.add(socket);
    let stop = () => {};
    // check: callback-connection-time
    stop = clock.after(CONNECTION_LIMIT, () => socket.destroy());
    // end check
    socket.on('close', () => {
      stop();
      connections.delete(socket);
    });
    const owner = await ownerOf(socket);
    // check: callback-peer-uid
    if (owner !== uid) {
      refusals.foreignUser(owner);
      socket.destroy();
      return;
    }
    // end check
    if (socket.destroyed) return;
    http.emit('connection', socket);
    socket.resume();
  }

  async function ownerOf({ remoteAddress, remotePort }: Socket): Promise<number | null> {
    if (remotePort === undefined) return null;
    const v6 = remoteAddress === '::1';
    // Only rows between two 127.0.0.1 ends, or two ::1 ends, are looked up: whoever comes from 127.0.0.2 could borrow the port of a connection of ours.
    // check: callback-peer-address
    if (remoteAddress !== '127.0.0.1' && !v6) return null;
    // end check
    try {
      return await peerUid.lookup({ localPort: port, remotePort, ...(v6 ? { v6 } : {}) });
    } catch {
      log('callback.peer-unknown');
      return null;
    }
  }

  /** The oldest goes: a crowd of silent connections must not keep the browser out. */
  function makeRoom(): void {
    // check: callback-connections
    const [oldest] = connections;
    if (oldest && connections.size >= MOST_CONNECTIONS) {
      connections.delete(oldest);
      oldest.destroy();
    }
    // end check
  }

  function respond({ method, url, rawHeaders }: IncomingMessage, response: ServerResponse): void {
    const { status, location, isLast } = decide(readCallbackRequest({ method, target: url, rawHeaders }, { host, path }));
    if (isLast) response.on('close', () => void close());
    const send = (page: LastPage) => {
      // Only the browser that brought the answer comes here, once: whatever this leads to is for its tab alone.
      const goOn = isLast && page === 'signed-in' && onwards !== null ? { status: 303, location: onwards.href } : { status, location };
      response.writeHead(goOn.status, goOn.location ? { ...callbackHeaders, Location: goOn.location } : callbackHeaders);
      response.end(callbackPages[page]);
    };
    if (isLast) void lastPage().then(send);
    else send('unknown');
  }

  function lastPage(): Promise<LastPage> {
    const stop = clock.after(LAST_PAGE_WAIT, () => outcome.resolve('unknown'));
    return outcome.promise.finally(stop);
  }

  function decide(request: CallbackRequest): Reply {
    if (request.kind === 'refused') {
      refusals.count(request.code, request.reason);
      return { status: request.status };
    }
    if (request.kind === 'landed') {
      // check: callback-landing-ticket
      if (!isSame(request.ticket, ticket)) return { status: 404 };
      // end check
      return isAnswered ? { status: 200, isLast: true } : { status: 404 };
    }
    // check: callback-one-use
    if (isAnswered) return { status: 404 };
    // end check
    const judgement = judge(request.params);
    if (judgement.kind === 'foreign') {
      refusals.count('LOGIN_RESPONSE_INVALID', judgement.reason);
      return { status: 400 };
    }
    isAnswered = true;
    resolve(judgement);
    for (const server of servers) server.unref();
    stopLingering = clock.after(LINGER, () => void close());
    return { status: 303, location: `http://${host}${landingPath(path, ticket)}` };
  }

  let closing: Promise<void> | undefined;
  function close(): Promise<void> {
    closing ??= closeNow();
    return closing;
  }

  async function closeNow(): Promise<void> {
    stopLingering();
    refusals.write();
    const closed = servers.map((server) => new Promise((done) => server.close(done)));
    for (const socket of connections) socket.destroy();
    await Promise.all(closed);
  }

  const finish: CallbackDoor['finish'] = (how, next = null) => {
    onwards = next;
    outcome.resolve(how);
    return isAnswered ? Promise.resolve() : close();
  };

  return { redirectUri: `http://${host}${path}`, answer, finish, close };
}

const isSame = (one: string, other: string): boolean => timingSafeEqual(hash('sha256', one, 'buffer'), hash('sha256', other, 'buffer'));

interface Listening {
  servers: readonly Server[];
  port: number;
}

/** The first of the ports that is free, at every loopback address that the name of the host stands for, and at no other. */
async function listen({ host, ports }: Pick<CallbackDoorParts, 'host' | 'ports'>, makeServer: () => Server): Promise<Listening> {
  for (const port of ports.length === 0 ? [0] : ports) {
    const found = await listenAt(port, host, makeServer);
    if (found !== null) return found;
  }
  // not a check: there is no door to refuse anybody at
  throw new AppError('LOGIN_PORT_BUSY', { detail: `Tried ${inWords(ports)}.` });
}

/** @returns null: the port is taken at one of the addresses */
async function listenAt(wanted: number, host: CallbackDoorParts['host'], makeServer: () => Server): Promise<Listening | null> {
  const first = makeServer();
  if ((await bind(first, '127.0.0.1', wanted)) !== 'listening') return null;
  const { port } = first.address() as AddressInfo;
  if (host === '127.0.0.1') return { servers: [first], port };
  const second = makeServer();
  const outcome = await bind(second, '::1', port);
  if (outcome === 'listening') return { servers: [first, second], port };
  // Whoever holds it there would be brought the answer by a browser that tries that address first.
  // check: callback-both-addresses
  if (outcome === 'busy') {
    await new Promise((done) => first.close(done));
    return null;
  }
  // end check
  return { servers: [first], port };
}

const busyCodes = ['EADDRINUSE', 'EACCES'];
/** This machine has no IPv6, so no browser on it goes there. */
const absentCodes = ['EADDRNOTAVAIL', 'EAFNOSUPPORT'];

function bind(server: Server, host: string, port: number): Promise<'listening' | 'busy' | 'absent'> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      const { code = '' } = error;
      if (busyCodes.includes(code)) resolve('busy');
      else if (host === '::1' && absentCodes.includes(code)) resolve('absent');
      else reject(error);
    };
    server.once('error', failed);
    server.listen({ host, port, exclusive: true }, () => {
      server.off('error', failed);
      resolve('listening');
    });
  });
}

/** A row of ports reads as its ends. */
const inWords = (ports: readonly number[]): string => (ports.length > 4 ? `${ports[0]} to ${ports.at(-1)}` : ports.join(', '));
