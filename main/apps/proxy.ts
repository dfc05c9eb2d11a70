/**
 * The door in front of an app under development: the same user, the right address, a browser that was let in, and then what Databricks
 * Apps put on a request, with a token of the grant. It lives in the process that runs the app and ends with it.
 */
import { createServer as createHttpServer, request as httpRequest, type IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createNetServer, type Server as NetServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { z } from 'zod';
import { AppError, asAppError } from '../app-error.ts';
import type { Attribution, Peer, ProcessFacts } from '../caller/caller.ts';
import { createEntrance, type Dropped } from '../caller/own-user.ts';
import { listenOnBoth } from '../pages/door.ts';
import { firstRefusal, look, type Seen } from '../pages/seen.ts';
import type { Clock } from '../ports.ts';
import type { Secret } from '../secret.ts';
import { createEntry, type Entry, type Program } from './entry.ts';
import {
  type Address,
  addressAt,
  appHostName,
  doorChecks,
  entryChecks,
  entryPath,
  exchangeChecks,
  ownPaths,
  type Refusal,
  requestChecks,
  upgradeChecks,
} from './guard.ts';
import { type Injected, type Person, toApp, toBrowser } from './headers.ts';
import { enteredNotice, entryPage, failureNotice, type Notice, rawNotice } from './notices.ts';
import { AppAgent } from './upstream.ts';

export interface AppDoor {
  /** Where the app is for a browser: `http://NAME.lakepass-apps.localhost:PORT`, another name each time. */
  readonly origin: string;
  /** The address that lets a browser in once; an older one opens nothing any more. */
  entryUrl(): string;
  /** Cuts every connection. */
  close(): Promise<void>;
}

export interface AppDoorParts {
  /** 0: any that is free. */
  port: number;
  attribute: (peer: Peer) => Promise<Attribution>;
  /** The only user who is let in. */
  uid: number;
  person: Person;
  /** @throws AppError: there is none now */
  token: () => Promise<Secret>;
  /** @throws AppError APP_NOT_UP | APP_NOT_OURS */
  connect: () => Promise<Socket>;
  clock: Clock;
  random: (bytes: number) => Buffer;
  requestId: () => string;
  /** Somebody came by hand who has no cookie, and no code is open. */
  knocked: () => void;
  /** Told of each request and each connection that was turned away. */
  refused: (why: Refusal | Dropped) => void;
}

const connectionLimits = { all: 512, waiting: 128, backlog: 128 } as const;
/** Databricks' own limit is not published; cookies of every port of this name come along. */
const limits = {
  maxHeaderSize: 32_768,
  headersTimeout: 10_000,
  requestTimeout: 0,
  keepAliveTimeout: 30_000,
  connectionsCheckingInterval: 5000,
} as const;
const LARGEST_EXCHANGE = 1024;
/** Seconds until a page looks again for an app that is not up. */
const LOOK_AGAIN = 2;

const exchangeSchema = z.strictObject({ code: z.string().max(100) });

/** The ordinary status is 403: somebody has to do something first. */
const statuses: Readonly<Record<string, number>> = {
  ...{ TARGET_REFUSED: 400, INPUT_INVALID: 400, METHOD_REFUSED: 405, HOST_REFUSED: 421, ROUTE_UNKNOWN: 404 },
  ...{ APP_NOT_UP: 502, APP_NOT_OURS: 502, INTERNAL: 500 },
  ...{ AGENT_NOT_RUNNING: 503, DEADLINE_PASSED: 503, DOOR_BUSY: 503, ISSUER_UNREACHABLE: 503, WORKSPACE_UNREACHABLE: 503 },
};
const statusOf = ({ code }: AppError): number => statuses[code] ?? 403;

/** @throws AppError APP_START_FAILED (reason port): the port cannot be had on both loopback addresses */
export async function openAppDoor(parts: AppDoorParts): Promise<AppDoor> {
  const upgraded = new Set<Duplex>();
  const programs = new WeakMap<Duplex, Program>();
  const agent = new AppAgent(parts.connect);
  const http = createHttpServer({ ...limits, requireHostHeader: false, insecureHTTPParser: false });
  // Node drops headers beyond its default count without a word; the size limit is the one that holds.
  http.maxHeadersCount = 0;

  const entrance = createEntrance({
    lookUp: parts.attribute,
    uid: parts.uid,
    v6: true,
    waitingLimit: connectionLimits.waiting,
    admit(socket, { process }) {
      programs.set(socket, programIn(process));
      http.emit('connection', socket);
      socket.resume();
    },
    dropped: parts.refused,
  });
  const listener = (): NetServer => {
    const net = createNetServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, (socket) => entrance.receive(socket));
    net.maxConnections = connectionLimits.all;
    return net.on('drop', () => parts.refused({ why: 'busy' }));
  };
  const { port, nets } = await listenOnBoth(listener, () => parts.port).catch((cause: unknown) => {
    throw new AppError('APP_START_FAILED', { reason: 'port', detail: `Port ${parts.port} cannot be had.`, cause });
  });
  for (const net of nets) net.on('error', () => parts.refused({ why: 'busy' }));
  const address = addressAt(port, newName(parts.random));
  const entry = createEntry({ clock: parts.clock, random: parts.random, port });
  const inside: Inside = { parts, address, entry, agent, upgraded, programOf: (socket) => programs.get(socket) ?? null };

  http.on('request', (request, response) => void serve(inside, request, response));
  http.on('upgrade', (request, socket, head) => void upgrade(inside, request, socket, head));
  http.on('connect', (_, socket) => {
    // Node takes its own listener off here. Without one, a client that resets the connection before our answer would end us.
    socket.on('error', () => socket.destroy());
    sendRaw(inside, socket, { code: 'METHOD_REFUSED', reason: 'method' }, 405);
  });
  http.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET') socket.destroy();
    else sendRaw(inside, socket, ...unparsable(error));
  });
  // Slow clients are cut by a timer that Node starts when an HTTP server begins to listen; ours never listens itself.
  http.emit('listening');

  return {
    origin: address.origin,
    entryUrl: () => `${address.origin}${entryPath}#${entry.newCode()}`,
    async close() {
      const closed = nets.map((net) => new Promise((resolve) => net.close(resolve)));
      entrance.close();
      http.close();
      http.closeAllConnections();
      for (const socket of upgraded) socket.destroy();
      agent.destroy();
      await Promise.all(closed);
    },
  };
}

/**
 * A browser keeps what another server has left at an address: a service worker, which would answer in our place and read the code of the
 * entry. Whoever had the port before, another user for one, cannot have left anything under a name that nobody knew.
 */
function newName(random: (bytes: number) => Buffer): string {
  let name = appHostName;
  // check: apps-new-name
  name = `${random(10).toString('hex')}.${name}`;
  // end check
  return name;
}

interface Inside {
  parts: AppDoorParts;
  address: Address;
  entry: Entry;
  agent: AppAgent;
  upgraded: Set<Duplex>;
  /** Which program is on the other end. */
  programOf: (socket: Duplex) => Program;
}

/** A browser that was replaced while it runs is still the same. */
const programIn = (process: ProcessFacts | null): Program => process?.executable?.replace(/ \(deleted\)$/, '') ?? null;

const isDocument = ({ destinations }: Seen): boolean => destinations.length === 1 && destinations[0] === 'document';

/** Ends the connection: what else its client sends is not read. */
function refuse({ parts }: Inside, seen: Seen, response: ServerResponse, refusal: Refusal): void {
  parts.refused(refusal);
  const error = new AppError(refusal.code, { reason: refusal.reason });
  send(response, failureNotice(statusOf(error), error.toFailure(), { document: isDocument(seen) }), true);
}

function fail(seen: Seen, response: ServerResponse, error: unknown): void {
  // What has left cannot be called back; the browser sees an answer that breaks off.
  if (response.headersSent || response.destroyed) return void response.destroy();
  const failure = asAppError(error);
  const document = isDocument(seen) && seen.method === 'GET';
  const again = failure.code === 'APP_NOT_UP' ? { again: LOOK_AGAIN } : {};
  send(response, failureNotice(statusOf(failure), failure.toFailure(), { document, ...again }), true);
}

function send(response: ServerResponse, { status, headers, body }: Notice, close = false): void {
  response.writeHead(status, [...headers, ...(close ? ['Connection', 'close'] : [])]);
  response.end(body);
}

async function serve(inside: Inside, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { address, entry, parts, programOf } = inside;
  const seen = look(request);
  const refusal = firstRefusal(doorChecks, seen, address);
  if (refusal !== undefined) return refuse(inside, seen, response, refusal);
  if (seen.target.startsWith(ownPaths)) return serveOwn(inside, seen, request, response);
  const refused = firstRefusal(requestChecks, seen, address);
  if (refused !== undefined) return refuse(inside, seen, response, refused);
  // check: apps-let-in
  if (!entry.knows(seen.cookies, programOf(request.socket))) {
    if (isDocument(seen) && !entry.isOpen()) parts.knocked();
    return refuse(inside, seen, response, { code: 'APP_ENTRY_NEEDED', reason: 'cookie' });
  }
  // end check
  try {
    const injected = await injectedFor(inside);
    // Nothing would end what is begun for a browser that went away while the token was waited for.
    // check: apps-gone
    if (response.destroyed) return;
    // end check
    forward(inside, seen, request, response, injected);
  } catch (error) {
    fail(seen, response, error);
  }
}

async function serveOwn(inside: Inside, seen: Seen, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { address, entry, programOf } = inside;
  if (seen.target !== entryPath) return refuse(inside, seen, response, { code: 'ROUTE_UNKNOWN', reason: 'path' });
  const asks = seen.method === 'POST';
  const refusal = firstRefusal(asks ? exchangeChecks : entryChecks, seen, address);
  if (refusal !== undefined) return refuse(inside, seen, response, refusal);
  if (!asks) return send(response, entryPage());
  const cookie = entry.exchange(await readCode(request), programOf(request.socket));
  if (cookie === undefined) return refuse(inside, seen, response, { code: 'APP_ENTRY_NEEDED', reason: 'code' });
  send(response, enteredNotice(cookie));
}

/** The code in the body; empty where there is none, which then opens nothing. */
async function readCode(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const part of request as AsyncIterable<Buffer>) {
      size += part.length;
      // check: apps-exchange-size
      if (size > LARGEST_EXCHANGE) return '';
      // end check
      parts.push(part);
    }
    return exchangeSchema.parse(JSON.parse(Buffer.concat(parts).toString('utf8'))).code;
  } catch {
    // A body that broke off or is no JSON brings no code.
    return '';
  }
}

async function injectedFor({ parts, address }: Inside): Promise<Injected> {
  return { person: parts.person, token: await parts.token(), host: address.host, requestId: parts.requestId() };
}

function forward({ agent }: Inside, seen: Seen, request: IncomingMessage, response: ServerResponse, injected: Injected): void {
  const outgoing = httpRequest({
    agent,
    method: seen.method,
    path: seen.target,
    headers: toApp(request.rawHeaders, injected, { method: seen.method }),
  });
  outgoing.once('response', (answer) => passOn(seen, answer, response));
  outgoing.once('error', (error) => fail(seen, response, notUp(error)));
  outgoing.once('close', () => {
    // Node tells of no error when an app changes the protocol (101) unasked.
    if (!response.headersSent) fail(seen, response, notUp());
  });
  // The browser has gone: the app is told by the end of its connection.
  response.once('close', () => outgoing.destroy());
  request.pipe(outgoing);
}

/** Without the app's own words for its status, which may be none that a server can send. */
function passOn(seen: Seen, answer: IncomingMessage, response: ServerResponse, more: readonly string[] = []): void {
  try {
    response.writeHead(answer.statusCode ?? 502, [...toBrowser(answer.rawHeaders), ...more]);
  } catch {
    // A status or a header that no server may send.
    answer.destroy();
    fail(seen, response, notUp());
    return;
  }
  answer.pipe(response);
  answer.once('error', () => response.destroy());
}

const notUp = (error?: unknown): AppError =>
  error instanceof AppError ? error : new AppError('APP_NOT_UP', { reason: 'broken', cause: error });

async function upgrade(inside: Inside, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
  const { address, entry, agent, upgraded, programOf } = inside;
  const seen = look(request);
  upgraded.add(socket);
  socket.once('close', () => upgraded.delete(socket));
  socket.on('error', () => socket.destroy());
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket as Socket);
  response.once('finish', () => socket.end());
  const refusal = firstRefusal([...doorChecks, ...upgradeChecks], seen, address);
  if (refusal !== undefined) return refuse(inside, seen, response, refusal);
  // check: apps-upgrade-let-in
  if (!entry.knows(seen.cookies, programOf(request.socket)) || seen.target.startsWith(ownPaths))
    return refuse(inside, seen, response, { code: 'APP_ENTRY_NEEDED', reason: 'cookie' });
  // end check
  try {
    const headers = toApp(request.rawHeaders, await injectedFor(inside), { upgrade: true });
    const outgoing = httpRequest({ agent, method: 'GET', path: seen.target, headers });
    outgoing.once('upgrade', (answer, far, first) => {
      response.detachSocket(socket as Socket);
      join(socket, far, upgraded);
      socket.write(switching(answer), 'latin1');
      if (first.length > 0) socket.write(first);
      if (head.length > 0) far.write(head);
      far.pipe(socket);
      socket.pipe(far);
    });
    outgoing.once('response', (answer) => passOn(seen, answer, response, ['Connection', 'close']));
    outgoing.once('error', (error) => fail(seen, response, notUp(error)));
    socket.once('close', () => outgoing.destroy());
    outgoing.end();
  } catch (error) {
    fail(seen, response, error);
  }
}

/** Either end's end is the other's: after a browser's there is nobody to say anything to, whatever the app still holds open. */
function join(near: Duplex, far: Duplex, all: Set<Duplex>): void {
  all.add(far);
  far.on('error', () => near.destroy());
  far.once('close', () => {
    all.delete(far);
    near.destroy();
  });
  near.once('end', () => near.end());
  near.once('close', () => (far as Socket).destroySoon());
}

function switching(answer: IncomingMessage): string {
  const headers = toBrowser(answer.rawHeaders, { upgrade: true });
  const lines = ['HTTP/1.1 101 Switching Protocols'];
  for (let index = 0; index + 1 < headers.length; index += 2) lines.push(`${headers[index]}: ${headers[index + 1]}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}

function sendRaw({ parts }: Inside, socket: Duplex, refusal: Refusal, status: number): void {
  if (!socket.writable) return void socket.destroy();
  parts.refused(refusal);
  socket.end(rawNotice(failureNotice(status, new AppError(refusal.code).toFailure(), { document: false })), () => socket.destroy());
}

/** What Node's parser gave up on, and the status that says so. */
function unparsable(error: NodeJS.ErrnoException): [Refusal, number] {
  if (error.code === 'HPE_HEADER_OVERFLOW') return [{ code: 'INPUT_INVALID', reason: 'header-size' }, 431];
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return [{ code: 'INPUT_INVALID', reason: 'slow' }, 408];
  return [{ code: 'INPUT_INVALID', reason: 'not-http' }, 400];
}
