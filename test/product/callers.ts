/**
 * Programs that want tokens: many at once, each on a connection of its own, as a cluster of notebooks would be. It runs as the
 * product's user, knows its grant from the environment as an SDK does, and never prints a token: only hashes of them.
 *
 *     callers storm COUNT   connects all, prints `connected`, waits for a line on stdin, asks all at once, prints an Outcome
 *     callers loop COUNT    COUNT callers ask again and again until stdin ends, then an Outcome is printed
 *     callers steady MS     one caller on one connection, once and then again for that long, then an Outcome is printed
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';

export interface Outcome {
  /** How often each status came; connections that failed count under their error. */
  answers: Record<string, number>;
  /** Failure codes of the answers that were no success. */
  refusals: Record<string, number>;
  /** Hashes of the tokens, in the order in which they were first seen. */
  tokens: string[];
  /** When the last token ends, in epoch seconds, as the answer says it. */
  expiresOn: number;
  /** How long each took, sorted. */
  ms: number[];
  /** Bodies of the refusals, each once. */
  bodies: string[];
}

const { DATABRICKS_METADATA_SERVICE_URL = '', DATABRICKS_HOST = '' } = process.env;
const headers = { 'X-Databricks-Metadata-Version': '1', 'X-Databricks-Host': DATABRICKS_HOST };

function tally() {
  const outcome: Outcome = { answers: {}, refusals: {}, tokens: [], expiresOn: 0, ms: [], bodies: [] };
  const count = (table: Record<string, number>, key: string): void => {
    table[key] = (table[key] ?? 0) + 1;
  };
  return {
    answered(status: number, text: string, ms: number): void {
      count(outcome.answers, String(status));
      outcome.ms.push(ms);
      const body = JSON.parse(text) as { access_token?: string; expires_on?: number; error?: string };
      if (body.error !== undefined) count(outcome.refusals, body.error);
      if (status !== 200 && !outcome.bodies.includes(text)) outcome.bodies.push(text);
      if (body.access_token === undefined) return;
      const hash = createHash('sha256').update(body.access_token).digest('hex');
      if (!outcome.tokens.includes(hash)) outcome.tokens.push(hash);
      outcome.expiresOn = Math.max(outcome.expiresOn, body.expires_on ?? 0);
    },
    failed: (error: NodeJS.ErrnoException) => count(outcome.answers, error.code ?? error.name),
    print(): void {
      outcome.ms.sort((a, b) => a - b);
      process.stdout.write(`${JSON.stringify(outcome)}\n`);
    },
  };
}
type Tally = ReturnType<typeof tally>;

/** One request; resolves whatever becomes of it. */
function ask(to: Tally, by: { agent: Agent } | { socket: Socket }): Promise<void> {
  const began = performance.now();
  return new Promise((resolve) => {
    const how = 'agent' in by ? by : { createConnection: () => by.socket };
    const asking = request(DATABRICKS_METADATA_SERVICE_URL, { headers, ...how }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('error', (error) => resolve(to.failed(error)));
      response.on('end', () => resolve(to.answered(response.statusCode ?? 0, text, performance.now() - began)));
    });
    asking.on('error', (error) => resolve(to.failed(error)));
    asking.end();
  });
}

async function storm(count: number): Promise<void> {
  const { hostname, port } = new URL(DATABRICKS_METADATA_SERVICE_URL);
  const sockets = Array.from({ length: count }, () => connect(Number(port), hostname));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  process.stdout.write('connected\n');
  await once(process.stdin, 'data');
  const to = tally();
  await Promise.all(sockets.map((socket) => ask(to, { socket })));
  to.print();
  process.exit(0);
}

async function loop(count: number): Promise<void> {
  let over = false;
  process.stdin.on('end', () => {
    over = true;
  });
  process.stdin.resume();
  const to = tally();
  const caller = async (): Promise<void> => {
    while (!over) {
      await ask(to, { agent: new Agent() });
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  await Promise.all(Array.from({ length: count }, caller));
  to.print();
}

async function steady(ms: number): Promise<void> {
  const to = tally();
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const end = performance.now() + ms;
  do await ask(to, { agent });
  while (performance.now() < end);
  to.print();
  agent.destroy();
}

const [act, amount = '1'] = process.argv.slice(2);
await { storm, loop, steady }[act as 'storm' | 'loop' | 'steady'](Number(amount));
