/**
 * A client that times each of its requests from the first step, the connection where it is new, to the last byte. It takes an
 * order as JSON from standard input and prints what came of it. It runs as the agent's own user, for nobody else is let in.
 */
import { hash } from 'node:crypto';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';

export interface Target {
  port: number;
  /** The whole request, as it goes over the wire. */
  request: string;
}

export type Order =
  /** One request every so often, to each target in turn. */
  | { kind: 'paced'; targets: readonly Target[]; everyMs: number; each: number }
  /** So many callers at a time, each with its next request when it has its answer, until the time is over or all are answered. */
  | { kind: 'crowd'; targets: readonly Target[]; callers: number; requests?: number; forMs?: number; pauseAfterRefusalMs?: number }
  /** One request after the other over one connection, which is made before the clock runs. */
  | { kind: 'kept'; targets: readonly [Target]; forMs: number };

export interface Outcome {
  /** Per target: µs of each answer with status 200. */
  micros: number[][];
  /** Everything that was not such an answer, by what it was. */
  failures: Record<string, number>;
  /** How many different bodies there were, tokens apart from leases. */
  tokens: string[];
}

interface Answer {
  status: string;
  micros: number;
  body: string;
}

/** A connection for one request at a time. */
function open(port: number) {
  let received = '';
  let settle = (_status: string, _body: string): void => undefined;
  const end = (status: string, body = ''): void => {
    received = '';
    settle(status, body);
  };
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.setEncoding('latin1');
  socket.on('data', (piece) => {
    received += piece;
    const headEnd = received.indexOf('\r\n\r\n');
    if (headEnd < 0) return;
    const length = Number(/\r\ncontent-length: (\d+)\r\n/i.exec(received)?.[1]);
    const body = received.slice(headEnd + 4);
    if (body.length >= length) end(received.slice(9, 12), body);
  });
  socket.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.name));
  socket.on('close', () => end('closed'));
  return {
    ask(request: string, started = performance.now()): Promise<Answer> {
      return new Promise((resolve) => {
        settle = (status, body) => resolve({ status, body, micros: (performance.now() - started) * 1000 });
        socket.write(request);
      });
    },
    close: () => socket.destroy(),
  };
}

async function askAnew({ port, request }: Target): Promise<Answer> {
  const started = performance.now();
  const connection = open(port);
  const answer = await connection.ask(request, started);
  connection.close();
  return answer;
}

const outcome: Outcome = { micros: [], failures: {}, tokens: [] };
const tokens = new Set<string>();

async function askAndNote(targets: readonly Target[], index: number): Promise<boolean> {
  const target = targets[index];
  if (target === undefined) throw new Error('there is no such target');
  return note(index, await askAnew(target));
}

/** Whether it was a token. */
function note(index: number, { status, micros, body }: Answer): boolean {
  if (status !== '200') {
    outcome.failures[status] = (outcome.failures[status] ?? 0) + 1;
    return false;
  }
  outcome.micros[index]?.push(micros);
  const token = (JSON.parse(body) as { access_token: string }).access_token;
  if (tokens.size < 8) tokens.add(hash('sha256', token, 'hex').slice(0, 16));
  return true;
}

async function paced({ targets, everyMs, each }: Extract<Order, { kind: 'paced' }>): Promise<void> {
  const started = performance.now();
  for (let turn = 0; turn < each * targets.length; turn++) {
    await wait(Math.max(0, started + turn * everyMs - performance.now()));
    await askAndNote(targets, turn % targets.length);
  }
}

async function crowd({ targets, callers, requests, forMs, pauseAfterRefusalMs }: Extract<Order, { kind: 'crowd' }>): Promise<void> {
  const end = forMs === undefined ? Number.POSITIVE_INFINITY : performance.now() + forMs;
  let left = requests ?? Number.POSITIVE_INFINITY;
  const one = async (index: number): Promise<void> => {
    while (left > 0 && performance.now() < end) {
      left--;
      const served = await askAndNote(targets, index % targets.length);
      if (!served && pauseAfterRefusalMs !== undefined) await wait(pauseAfterRefusalMs);
    }
  };
  await Promise.all(Array.from({ length: callers }, (_, index) => one(index)));
}

async function kept({ targets: [{ port, request }], forMs }: Extract<Order, { kind: 'kept' }>): Promise<void> {
  const connection = open(port);
  await connection.ask(request);
  const end = performance.now() + forMs;
  while (performance.now() < end && note(0, await connection.ask(request)));
  connection.close();
}

if (import.meta.main) {
  const order = JSON.parse(await text(process.stdin)) as Order;
  outcome.micros = order.targets.map(() => []);
  await (order.kind === 'paced' ? paced(order) : order.kind === 'crowd' ? crowd(order) : kept(order));
  outcome.tokens = [...tokens];
  process.stdout.write(JSON.stringify(outcome));
}
