/** Which program is on the other end of a new connection, by the look at its user alone: a share of what a new connection costs. */
import { join } from 'node:path';
import { ended } from '../../test/product/product.ts';
import { median, micros, percentile } from '../numbers.ts';
import type { Plan } from '../plan.ts';
import type { AttributionOrder, AttributionOutcome } from '../programs/attribution.ts';
import { atMost, insist, type Row, row } from '../row.ts';
import type { Stage } from '../stage.ts';

/** All that a new connection may add, in ms. */
const whole = 2.5;
/** The pass through the kernel's table is needed for the user already, and costs more than a look at a few processes. */
const most = 2;

export async function attribution(stage: Stage, plan: Plan): Promise<Row> {
  const { machine } = stage.product;
  const order: AttributionOrder = { worker: join(machine.dist, 'caller-worker.mjs'), visits: plan.visits * 2, strangers: plan.commands };
  const rounds: AttributionOutcome[] = [];
  for (let index = 0; index < plan.rounds; index++) {
    const { code, stdout, stderr } = await ended(stage.start(machine.node, [stage.programs.attribution], JSON.stringify(order)));
    insist(code === 0, `the user and the program of each connection found: ${stderr}`);
    rounds.push(JSON.parse(stdout) as AttributionOutcome);
  }
  const at = (what: keyof AttributionOutcome, share: number): number => median(rounds.map((round) => percentile(round[what], share)));
  const ratio = (share: number): number => median(rounds.map(({ program, user }) => percentile(program, share) / percentile(user, share)));
  const deltaMs = median(rounds.map(({ program, user }) => percentile(program, 0.5) - percentile(user, 0.5))) / 1000;
  const said = (what: keyof AttributionOutcome): string => `p50 ${micros(at(what, 0.5))}, p99 ${micros(at(what, 0.99))}`;
  const program = at('program', 0.5) / 1000;
  return row(
    {
      name: 'the program behind a new connection',
      baseline: 'its user alone, by the same thread',
      ...{ ratio_p50: ratio(0.5), ratio_p99: ratio(0.99), delta_ms: deltaMs },
      samples: rounds.reduce((total, { program: each }) => total + each.length, 0),
      rounds: rounds.length,
      notes: [
        `user ${said('user')}; program ${said('program')}`,
        `a program never seen before: ${said('stranger')} of ${rounds.length * order.strangers}`,
        `${Math.round((program / whole) * 100)} % of the ${whole} ms that a new connection may add`,
      ],
    },
    [atMost('p50', ratio(0.5), most)],
  );
}
