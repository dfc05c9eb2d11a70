/** A token that is in the cache, over connections that are kept: what most requests of a busy notebook are. */
import { type Load, wrk } from '../load.ts';
import { median, micros, whole } from '../numbers.ts';
import type { Plan } from '../plan.ts';
import { atLeast, atMost, interleave, type Row, ratioOf, row } from '../row.ts';
import type { Source, Stage } from '../stage.ts';

export async function keepAlive(stage: Stage, plan: Plan, ours: Source, bare: Source, connections: number): Promise<Row> {
  const load = (source: Source) => () => wrk(stage, source, connections, plan.seconds);
  // Compiled code is what a session of a day is served by; the first seconds of both are not counted.
  for (const source of [ours, bare]) await wrk(stage, source, connections, plan.seconds);
  const rounds = await interleave(plan.rounds, load(ours), load(bare));
  const [rps, p50, p99, cpu] = (['rate', 'p50', 'p99', 'cpu'] as const).map((of) => ratioOf(rounds, (side) => side[of]));
  if (rps === undefined || p50 === undefined || p99 === undefined || cpu === undefined) throw new Error('there are four figures');
  return row(
    {
      name: `cached token, keep-alive, c=${connections}`,
      baseline: 'node:http, same bytes',
      ...{ ratio_rps: rps, ratio_p50: p50, ratio_p99: p99, ratio_cpu: cpu },
      samples: rounds.reduce((total, round) => total + round.ours.requests, 0),
      rounds: rounds.length,
      notes: [`broker    ${said(rounds.map((round) => round.ours))}`, `node:http ${said(rounds.map((round) => round.bare))}`],
    },
    [atMost('CPU', cpu, 1.67), atLeast('req/s', rps, 0.6), atMost('p99', p99, 2)],
  );
}

function said(loads: readonly Load[]): string {
  const of = (figure: keyof Load): number => median(loads.map((load) => load[figure]));
  return `${whole(of('rate')).padStart(7)} req/s, p50 ${micros(of('p50'))}, p99 ${micros(of('p99'))}, CPU ${of('cpu').toFixed(1)} µs a request`;
}
