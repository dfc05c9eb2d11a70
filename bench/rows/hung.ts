/** An identity provider and a workspace that hang, with callers waiting for both, beside somebody else's token in the cache. */
import { setTimeout as wait } from 'node:timers/promises';
import { ended } from '../../test/product/product.ts';
import { type Load, wrk } from '../load.ts';
import { median, micros } from '../numbers.ts';
import type { Plan } from '../plan.ts';
import { atMost, insist, interleave, type Row, ratioOf, row } from '../row.ts';
import type { Source, Stage } from '../stage.ts';

const waiting = 20;
/** "Nothing", by the precision of this bench. */
const nothing = 1.1;
const otherTokenSeconds = 12;

/** What has hung cannot be made quiet again at once, so each half is set against the bare server within its own rounds. */
export async function besideHung(stage: Stage, plan: Plan, ours: Source, bare: Source): Promise<Row> {
  stage.other.setTtl(otherTokenSeconds);
  await stage.signIn('other');
  const hungSources = [await stage.grant({ workspace: 'second' }), await stage.grant({ profile: 'other' })];
  const load = (source: Source) => () => wrk(stage, source, 1, plan.seconds / 2);
  const quiet = await interleave(plan.rounds, load(ours), load(bare));

  stage.second.faults.set('*', { hang: true });
  stage.other.faults.set('*', { hang: true });
  // The other provider's token is past half its life, so it must be asked.
  await wait(otherTokenSeconds * 500);
  const order = { kind: 'crowd', targets: hungSources, callers: waiting, forMs: 300_000, pauseAfterRefusalMs: 250 };
  const crowd = stage.start(stage.product.machine.node, [stage.programs.caller], JSON.stringify(order));
  const gone = ended(crowd);
  await wait(500);
  insist(hangs(stage), 'callers wait for a workspace and for a provider that do not answer');
  const hung = await interleave(plan.rounds, load(ours), load(bare));
  insist(hangs(stage), 'callers still wait for both');
  crowd.kill();
  await gone;
  stage.second.faults.clear();
  stage.other.faults.clear();
  await stage.signOut('other');

  const [p50, p99] = (['p50', 'p99'] as const).map((of) => ratioOf(hung, (side) => side[of]) / ratioOf(quiet, (side) => side[of]));
  if (p50 === undefined || p99 === undefined) throw new Error('there are two figures');
  return row(
    {
      name: 'cached token while another provider and workspace hang',
      baseline: 'the same while nothing hangs, each by node:http in its own rounds',
      ...{ ratio_p50: p50, ratio_p99: p99 },
      samples: hung.reduce((total, round) => total + round.ours.requests, 0),
      rounds: hung.length,
      notes: [`quiet ${said(quiet)}`, `hung  ${said(hung)}; ${waiting} callers wait`],
    },
    [atMost('p50', p50, nothing)],
  );
}

const hangs = ({ second, other }: Stage): boolean =>
  second.requests.some(({ status }) => status === null) && other.requestsTo('token').some(({ status }) => status === null);

const said = (rounds: readonly { ours: Load; bare: Load }[]): string =>
  `p50 ${micros(median(rounds.map(({ ours }) => ours.p50)))} (node:http ${micros(median(rounds.map(({ bare }) => bare.p50)))})`;
