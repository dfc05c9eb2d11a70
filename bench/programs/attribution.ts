/**
 * Looks up who is on the other end of new connections, as the broker's door does: the user alone, and the user with the program and
 * its parents. It takes an order as JSON from standard input and prints what came of it.
 *
 *   attribution.mjs                     does the order
 *   attribution.mjs visit PORT COUNT    makes so many connections, one after the other
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import type { Peer } from '../../main/caller/caller.ts';
import { createCallers } from '../../main/caller/callers.ts';

export interface AttributionOrder {
  /** The built thread that looks at callers. */
  worker: string;
  /** Connections of one program, which is known by then. */
  visits: number;
  /** Programs that were never seen before, each with one connection. */
  strangers: number;
}

/** µs of each look-up. */
export interface AttributionOutcome {
  user: number[];
  program: number[];
  stranger: number[];
}

const warmUps = 20;

async function timed<T>(run: () => Promise<T>): Promise<{ micros: number; answer: T }> {
  const started = performance.now();
  const answer = await run();
  return { micros: (performance.now() - started) * 1000, answer };
}

async function visit(port: number, count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    const socket = connect({ port, host: '127.0.0.1' });
    await once(socket.resume(), 'close');
  }
}

async function measure({ worker, visits, strangers }: AttributionOrder): Promise<AttributionOutcome> {
  const callers = createCallers({ worker: pathToFileURL(worker) });
  const outcome: AttributionOutcome = { user: [], program: [], stranger: [] };
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  const visitor = (count: number): ChildProcess =>
    spawn(process.execPath, [process.argv[1] ?? '', 'visit', String(port), String(count)], { stdio: ['ignore', 'ignore', 'inherit'] });

  async function lookAtUser(peer: Peer): Promise<number> {
    const { micros, answer } = await timed(() => callers.peerUid.lookup(peer));
    if (answer !== process.getuid?.()) throw new Error(`the user of a connection was not found: ${answer}`);
    return micros;
  }
  async function lookAtProgram(peer: Peer, { pid }: ChildProcess): Promise<number> {
    const { micros, answer } = await timed(() => callers.attribute(peer));
    if (answer.uid !== process.getuid?.() || answer.caller.process?.pid !== pid)
      throw new Error('the program of a connection was not found');
    return micros;
  }
  async function next(look: (peer: Peer) => Promise<void>): Promise<void> {
    const [socket] = (await once(server, 'connection')) as [Socket];
    await look({ localPort: socket.localPort ?? 0, remotePort: socket.remotePort ?? 0 });
    socket.destroy();
  }

  const regular = visitor(warmUps + visits);
  for (let turn = -warmUps; turn < visits; turn++) {
    await next(async (peer) => {
      // Whoever comes second finds the kernel's tables warm, so they take turns.
      const userFirst = turn % 2 === 0 ? await lookAtUser(peer) : undefined;
      const program = await lookAtProgram(peer, regular);
      const user = userFirst ?? (await lookAtUser(peer));
      if (turn < 0) return;
      outcome.user.push(user);
      outcome.program.push(program);
    });
  }
  for (let index = 0; index < strangers; index++) {
    const stranger = visitor(1);
    await next(async (peer) => void outcome.stranger.push(await lookAtProgram(peer, stranger)));
  }
  server.close();
  await callers.close();
  return outcome;
}

if (import.meta.main) {
  const [act, port, count] = process.argv.slice(2);
  if (act === 'visit') await visit(Number(port), Number(count));
  else process.stdout.write(JSON.stringify(await measure(JSON.parse(await text(process.stdin)) as AttributionOrder)));
}
