/** Puts load on a source: wrk for connections that are kept, our own caller for new ones. Both run as the agent's user. */
import { ended } from '../test/product/product.ts';
import { cpuMicros } from './process-cost.ts';
import type { Order, Outcome, Target } from './programs/caller.ts';
import { insist } from './row.ts';
import type { Source, Stage } from './stage.ts';

export interface Load {
  requests: number;
  /** Requests per second. */
  rate: number;
  /** µs, as wrk saw them. */
  p50: number;
  p99: number;
  /** µs of processor time the server spent per request, all its threads together. */
  cpu: number;
}

/**
 * Keeps `connections` of them busy for a while.
 *
 * @throws WrongAnswer when one request was not answered with a success
 */
export async function wrk(stage: Stage, source: Source, connections: number, seconds: number): Promise<Load> {
  const headers = Object.entries(source.headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  const words = [
    '-t1',
    `-c${connections}`,
    `-d${Math.ceil(seconds)}s`,
    '--timeout',
    '10s',
    '-s',
    stage.programs.wrkReport,
    ...headers,
    source.url.href,
  ];
  const before = cpuMicros(source.pid);
  const { code, stdout, stderr } = await ended(stage.start('wrk', words));
  const cpu = cpuMicros(source.pid) - before;
  const line = /^REPORT (.*)$/m.exec(stdout)?.[1];
  if (code !== 0 || line === undefined) throw new Error(`wrk ended with ${code}: ${stdout}${stderr}`);
  const { requests, micros, p50, p99, failed } = JSON.parse(line) as Record<'requests' | 'micros' | 'p50' | 'p99' | 'failed', number>;
  insist(failed === 0 && requests > 0, `every request of ${requests} answered with a token (${failed} were not)`);
  return { requests, p50, p99, rate: (requests / micros) * 1e6, cpu: cpu / requests };
}

/** New connections, as the order says. Failures are in the outcome. */
export async function call(stage: Stage, order: Order): Promise<Outcome> {
  const targets = order.targets.map(({ port, request }): Target => ({ port, request }));
  const { code, stdout, stderr } = await ended(
    stage.start(stage.product.machine.node, [stage.programs.caller], JSON.stringify({ ...order, targets })),
  );
  if (code !== 0) throw new Error(`the caller ended with ${code}: ${stderr}`);
  return JSON.parse(stdout) as Outcome;
}

/** @throws WrongAnswer unless all were answered */
export function insistAllAnswered({ failures }: Outcome, whom: string): void {
  insist(Object.keys(failures).length === 0, `every call of ${whom} answered with a token (not: ${JSON.stringify(failures)})`);
}
