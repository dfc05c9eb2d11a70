/**
 * The control door: HTTP over a Unix socket (0600 in a 0700 folder) for the command line and scripts. It parses every body
 * with its route's schema and never listens on a network address. Who may connect is decided by the file system alone, so every
 * program that runs as this user is let in. Node does not say who connects to a Unix socket: what makes or widens a right needs a
 * nonce that its program has shown to the broker first, where the system did say.
 */
import { chmod, lstat, unlink } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { z } from 'zod';
import { nonceHeader, nonceShape } from '../../preload/contract/caller.ts';
import type { Failure, FailureCode } from '../../preload/contract/failure.ts';
import { AppError, asAppError } from '../app-error.ts';
import { type Caller, unknownCaller } from '../caller/caller.ts';
import type { Log } from '../ports.ts';

const bodyLimitBytes = 16_384;
const farewellMs = 300;
/** What may wait in a stream whose reader has stopped (Ctrl-Z does that); further lines are left out. */
const unreadLimitBytes = 65_536;
const browserHeaders = [
  'origin',
  'referer',
  'cookie',
  'sec-fetch-site',
  'sec-fetch-dest',
  'sec-fetch-mode',
  'access-control-request-method',
];

/** One exchange, as a route sees it: parsed input in, a JSON value or a stream of JSON lines out. */
export interface Call<Input> {
  input: Input;
  /** Path segments behind the route's path. */
  rest: readonly string[];
  /** Who asks, as the system says; `unknownCaller` on routes that are not attributed and bring no proof that holds. */
  by: Caller;
  /** Aborted when the client goes away. */
  signal: AbortSignal;
}

/** `afterwards` runs once the answer has left. */
export type Answer = { json: unknown; afterwards?: () => void } | { lines: Lines };
type Lines = (send: (value: unknown) => void, signal: AbortSignal) => Promise<void>;

export interface Route {
  method: 'GET' | 'POST';
  path: string;
  /** Query parameters for GET, the JSON body for POST. */
  input: z.ZodType | null;
  run: (call: Call<never>) => Answer | Promise<Answer>;
  /** Refused with CALLER_UNPROVEN unless the request names a nonce that its program presented to the broker. */
  attributed: boolean;
}

/** Types a route's `run` by its schema; the table itself holds routes of every shape. */
export const route = <S extends z.ZodType>(
  method: Route['method'],
  path: string,
  input: S,
  run: (call: Call<z.output<S>>) => Answer | Promise<Answer>,
  attributed?: 'attributed',
): Route => ({ method, path, input, run: run as Route['run'], attributed: attributed === 'attributed' });

export interface ControlDoorParts {
  socketPath: string;
  routes: readonly Route[];
  /** The program that showed this nonce to the broker, once; undefined where nobody did, or too long ago. */
  claim: (nonce: string) => Caller | undefined;
  /** A request came to nothing. `verb` is the path of a route as the table has it, or `unknown`. */
  refused?: (verb: string, code: FailureCode, by: Caller) => void;
  log: Log;
}

export interface ControlDoor {
  start(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens the door at `socketPath`. A socket file left by a dead agent is removed; a live one is an error, although the agent
 * lock should have said so before.
 *
 * @throws AppError AGENT_RUNNING | RUNTIME_UNSAFE from `start()`
 */
export function createControlDoor(parts: ControlDoorParts): ControlDoor {
  const server: Server = createServer({ maxHeaderSize: 8192, headersTimeout: 5000, requestTimeout: 30_000 }, (request, response) => {
    void serve(request, response, parts).catch((error: unknown) => {
      parts.log('control.crash', { error: error instanceof Error ? error.name : 'unknown' });
      response.destroy();
    });
  });
  return {
    async start() {
      await clearStaleSocket(parts.socketPath);
      const umask = process.umask(0o177);
      try {
        await new Promise<void>((resolve, reject) => {
          server.once('error', reject);
          server.listen(parts.socketPath, () => resolve());
        });
      } finally {
        process.umask(umask);
      }
      await chmod(parts.socketPath, 0o600);
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // An answer that is being written may still leave; whoever follows a grant is cut off.
      const impatience = setTimeout(() => server.closeAllConnections(), farewellMs);
      await closed;
      clearTimeout(impatience);
    },
  };
}

async function serve(request: IncomingMessage, response: ServerResponse, parts: ControlDoorParts): Promise<void> {
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  let verb = 'unknown';
  let by = unknownCaller;
  try {
    refuseBrowsers(request);
    const { found, rest, query } = findRoute(request, parts.routes);
    verb = found.path;
    by = claimCaller(request, found, parts.claim);
    const input = found.input === null ? undefined : parseInput(found.input, found.method === 'GET' ? query : await readJson(request));
    const answer = await found.run({ input: input as never, rest, signal: gone.signal, by });
    if ('lines' in answer) return await stream(response, answer.lines, gone.signal);
    if (answer.afterwards !== undefined) response.once('finish', answer.afterwards);
    reply(response, 200, answer.json);
  } catch (error) {
    const known = asAppError(error);
    if (known.code === 'INTERNAL') parts.log('control.failed', { error: String((error as Error)?.stack ?? 'unknown').slice(0, 2000) });
    parts.refused?.(verb, known.code, by);
    refuse(response, known.toFailure());
  }
}

/** Takes the nonce even where the route needs none, so that it cannot be used a second time. @throws AppError CALLER_UNPROVEN */
function claimCaller(request: IncomingMessage, { attributed }: Route, claim: ControlDoorParts['claim']): Caller {
  const named = request.headersDistinct[nonceHeader] ?? [];
  let nonce = named[0];
  // check: control-one-nonce
  if (named.length > 1) nonce = undefined;
  // end check
  // check: control-nonce-shape
  if (nonce !== undefined && !nonceShape.test(nonce)) nonce = undefined;
  // end check
  const by = nonce === undefined ? undefined : claim(nonce);
  // check: control-caller-proven
  if (attributed && by === undefined) throw new AppError('CALLER_UNPROVEN', { reason: reasonFor(named, nonce) });
  // end check
  return by ?? unknownCaller;
}

const reasonFor = (named: readonly string[], nonce: string | undefined): string =>
  named.length === 0 ? 'missing' : named.length > 1 ? 'several' : nonce === undefined ? 'shape' : 'unknown';

/** A stream that fails says so in its last line, because its status has left already. */
async function stream(response: ServerResponse, lines: Lines, signal: AbortSignal): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
  response.flushHeaders();
  const sendLine = (value: unknown): void => {
    // check: control-unread-limit
    if (response.writableLength > unreadLimitBytes) return;
    // end check
    response.write(`${JSON.stringify(value)}\n`);
  };
  await lines(sendLine, signal);
  response.end();
}

function refuseBrowsers(request: IncomingMessage): void {
  // check: control-browser-headers
  const sent = browserHeaders.find((header) => request.headers[header] !== undefined);
  if (sent !== undefined) throw new AppError('BROWSER_REFUSED', { reason: sent });
  // end check
}

function findRoute(request: IncomingMessage, routes: readonly Route[]) {
  const target = request.url ?? '';
  // check: control-origin-form
  if (!target.startsWith('/')) throw new AppError('TARGET_REFUSED', { reason: 'target' });
  // end check
  const [path = '', queryText = ''] = target.split('?', 2);
  const sameMethod = routes.filter((candidate) => candidate.method === request.method);
  const found = sameMethod.find(
    (candidate) => path === candidate.path || (candidate.path.endsWith('/') && path.startsWith(candidate.path)),
  );
  if (found === undefined) throw new AppError('ROUTE_UNKNOWN', { reason: 'route' });
  const rest = path.slice(found.path.length).split('/').filter(Boolean);
  return { found, rest, query: Object.fromEntries(new URLSearchParams(queryText)) };
}

function parseInput(schema: z.ZodType, value: unknown): unknown {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new AppError('INPUT_INVALID', { reason: issue?.path.join('.') || 'body', detail: issue?.message ?? '' });
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  // check: control-json-only
  if (!/^application\/json(;|$)/.test(request.headers['content-type'] ?? ''))
    throw new AppError('INPUT_INVALID', { reason: 'content-type' });
  // end check
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    // check: control-body-limit
    if (size > bodyLimitBytes) throw new AppError('INPUT_INVALID', { reason: 'size' });
    // end check
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch (cause) {
    throw new AppError('INPUT_INVALID', { reason: 'json', cause });
  }
}

function refuse(response: ServerResponse, failure: Failure): void {
  if (response.headersSent) return void response.end(`${JSON.stringify({ failure })}\n`);
  reply(response, failure.code === 'INTERNAL' ? 500 : failure.code === 'ROUTE_UNKNOWN' ? 404 : 400, { failure });
}

function reply(response: ServerResponse, status: number, value: unknown): void {
  const body = JSON.stringify(value, null, 2);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  });
  response.end(body);
}

async function clearStaleSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(() => null);
  if (found === null) return;
  // check: control-socket-not-planted
  if (!found.isSocket()) throw new AppError('RUNTIME_UNSAFE', { reason: 'socket', detail: `${path} is not a socket.` });
  // end check
  const alive = await new Promise<boolean>((resolve) => {
    const probe = connect(path, () => {
      probe.destroy();
      resolve(true);
    });
    probe.on('error', () => resolve(false));
  });
  if (alive) throw new AppError('AGENT_RUNNING');
  await unlink(path);
}
