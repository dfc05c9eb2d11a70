/** A token from the cache over a new connection each time: what a client without a pool pays for the look at its user. */
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { call, insistAllAnswered } from '../load.ts';
import { median, micros, percentile } from '../numbers.ts';
import type { Plan } from '../plan.ts';
import { timeWaits } from '../process-cost.ts';
import { atMost, type Row, row } from '../row.ts';
import type { Source, Stage } from '../stage.ts';

const added = 2.5;
/** As many as a machine in ordinary use has in TIME_WAIT. */
const few = 500;

/** The two sides take turns request by request, each at 20 a second. */
export async function newConnections(stage: Stage, plan: Plan, ours: Source, bare: Source): Promise<Row> {
  const rounds: { ours: number[]; bare: number[] }[] = [];
  // What others have left behind goes away within a minute.
  for (let waited = 0; waited < plan.patience && timeWaits() > few; waited++) await wait(1000);
  const waitsBefore = timeWaits();
  for (let index = 0; index < plan.rounds; index++) {
    const outcome = await call(stage, { kind: 'paced', targets: [ours, bare], everyMs: 25, each: plan.visits });
    insistAllAnswered(outcome, 'the new connections');
    const [first = [], second = []] = outcome.micros;
    rounds.push({ ours: first, bare: second });
  }
  const at = (side: 'ours' | 'bare', share: number): number => median(rounds.map((round) => percentile(round[side], share)));
  const ratio = (share: number): number => median(rounds.map((round) => percentile(round.ours, share) / percentile(round.bare, share)));
  const deltaMs = median(rounds.map((round) => percentile(round.ours, 0.5) - percentile(round.bare, 0.5))) / 1000;
  return row(
    {
      name: 'cached token, a new connection each, 20 a second',
      baseline: 'node:http, same bytes',
      ...{ ratio_p50: ratio(0.5), ratio_p99: ratio(0.99), delta_ms: deltaMs },
      samples: rounds.reduce((total, round) => total + round.ours.length, 0),
      rounds: rounds.length,
      notes: [
        `broker    p50 ${micros(at('ours', 0.5))}, p99 ${micros(at('ours', 0.99))}`,
        `node:http p50 ${micros(at('bare', 0.5))}, p99 ${micros(at('bare', 0.99))}`,
        `${waitsBefore} sockets in TIME_WAIT before, ${timeWaits()} after; one pass of the kernel through its table alone: p50 ${micros(median(passes()))}`,
      ],
    },
    [atMost('p50 adds', deltaMs, added, (ms) => `${ms} ms`)],
  );
}

/** What no reader of the table can get below: the kernel walks its whole hash table for each pass. µs. */
const passes = (): number[] =>
  Array.from({ length: 41 }, () => {
    const started = performance.now();
    readFileSync('/proc/net/tcp');
    return (performance.now() - started) * 1000;
  });
