/** New connections on a machine full of sockets in TIME_WAIT, where the kernel's table is long, and a kept connection beside them. */
import { ended } from '../../test/product/product.ts';
import { call, insistAllAnswered } from '../load.ts';
import { median, micros, percentile, times, whole } from '../numbers.ts';
import type { Plan } from '../plan.ts';
import { timeWaits } from '../process-cost.ts';
import { atMost, type Row, row } from '../row.ts';
import type { Source, Stage } from '../stage.ts';

const callers = 32;

interface Kept {
  p50: number;
  p99: number;
}

interface Side {
  quiet: Kept;
  beside: Kept;
  /** µs of the new connections. */
  crowd: number[];
}

export async function amongTimeWaits(stage: Stage, plan: Plan, ours: Source, bare: Source): Promise<Row> {
  const sides: Record<'ours' | 'bare', Side[]> = { ours: [], bare: [] };
  let fewest = Number.POSITIVE_INFINITY;
  const forMs = plan.seconds * 700;
  for (let index = 0; index < plan.rounds; index++) {
    for (const [name, source] of [
      ['ours', ours],
      ['bare', bare],
    ] as const) {
      await fillUp(stage, plan.timeWaits);
      fewest = Math.min(fewest, timeWaits());
      const quiet = await keptConnection(stage, source, forMs);
      // The crowd is there before the kept connection is timed, and after.
      const crowd = call(stage, { kind: 'crowd', targets: [source], callers, forMs: forMs + 1200 });
      await new Promise((done) => setTimeout(done, 400));
      const beside = await keptConnection(stage, source, forMs);
      const outcome = await crowd;
      insistAllAnswered(outcome, `a crowd of ${callers}`);
      sides[name].push({ quiet, beside, crowd: outcome.micros.flat() });
    }
  }
  const slowdown = (side: Side[]): number => median(side.map(({ quiet, beside }) => beside.p99 / quiet.p99));
  const said = (side: Side[]): string => {
    const crowd = side.flatMap((round) => round.crowd);
    const beside = `kept connection p99 ${micros(median(side.map(({ quiet }) => quiet.p99)))} quiet, ${micros(median(side.map((round) => round.beside.p99)))} beside the crowd (${times(slowdown(side))})`;
    return `${whole(crowd.length)} new connections, p50 ${micros(percentile(crowd, 0.5))}, p99 ${micros(percentile(crowd, 0.99))}; ${beside}`;
  };
  const ratio = slowdown(sides.ours);
  return row(
    {
      name: `new connections, c=${callers}, ${whole(plan.timeWaits)} in TIME_WAIT`,
      baseline: 'the kept connection without the crowd',
      ratio_p50: median(sides.ours.map(({ quiet, beside }) => beside.p50 / quiet.p50)),
      ratio_p99: ratio,
      samples: sides.ours.reduce((total, { crowd }) => total + crowd.length, 0),
      rounds: plan.rounds,
      notes: [
        `broker    ${said(sides.ours)}`,
        `node:http ${said(sides.bare)}`,
        `all answered; never fewer than ${whole(fewest)} in TIME_WAIT`,
      ],
    },
    [atMost('p99 of a kept connection beside it', ratio, 2)],
  );
}

async function keptConnection(stage: Stage, source: Source, forMs: number): Promise<Kept> {
  const outcome = await call(stage, { kind: 'kept', targets: [source], forMs });
  insistAllAnswered(outcome, 'a kept connection');
  const samples = outcome.micros.flat();
  return { p50: percentile(samples, 0.5), p99: percentile(samples, 0.99) };
}

/** Some go while others come, so it may take more than once. */
async function fillUp(stage: Stage, wanted: number): Promise<void> {
  for (let attempt = 0; attempt < 3 && timeWaits() < wanted; attempt++) {
    const missing = Math.ceil((wanted - timeWaits()) * 1.2) + 500;
    const { code, stderr } = await ended(stage.start(stage.product.machine.node, [stage.programs.litter, String(missing)]));
    if (code !== 0) throw new Error(`the sockets in TIME_WAIT could not be made: ${stderr}`);
  }
}
