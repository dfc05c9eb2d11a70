/** What a decision costs: policy that is asked anew, and the gate's leave that is remembered. */
import { ended } from '../../test/product/product.ts';
import { median, micros, percentile } from '../numbers.ts';
import type { Plan } from '../plan.ts';
import type { DecisionOrder, DecisionOutcome } from '../programs/decisions.ts';
import { atMost, insist, type Row, row } from '../row.ts';
import type { Stage } from '../stage.ts';

type Question = 'builtIn' | 'hundredRules' | 'gateBuiltIn' | 'gateHundredRules';
type Repeat = 'lookup' | 'leave' | 'used';

const uncachedMs = 1;
/** One look-up finds the caller, one the grant, and a clock is read to see whether what was found still holds. */
const lookUps = 25;

export async function decisions(stage: Stage, plan: Plan): Promise<Row[]> {
  const rounds: DecisionOutcome[] = [];
  for (let index = 0; index < plan.rounds; index++) rounds.push(await decide(stage, plan));
  const samples = rounds.length * plan.decisions.questions;
  const at = (what: Question, share: number): number => median(rounds.map((round) => percentile(round[what], share)));
  const said = (what: Question): string => `p50 ${micros(at(what, 0.5))}, p99 ${micros(at(what, 0.99))}`;
  const asked = (name: string, policy: Question, gate: Question): Row =>
    row(
      {
        name,
        baseline: 'none: a time',
        samples,
        rounds: rounds.length,
        notes: [`policy ${said(policy)}; with all that the gate asks ${said(gate)}`],
      },
      [atMost('p99', at(policy, 0.99) / 1000, uncachedMs, (ms) => `${ms} ms`)],
    );
  return [
    asked('policy, uncached, built in', 'builtIn', 'gateBuiltIn'),
    asked('policy, uncached, 100 rules', 'hundredRules', 'gateHundredRules'),
    remembered(rounds, plan),
  ];
}

function remembered(rounds: readonly DecisionOutcome[], { decisions: { batch, batches } }: Plan): Row {
  const ratio = (what: Repeat): number => median(rounds.map((round) => median(round[what]) / median(round.lookup)));
  const nanos = (what: Repeat): string => `${median(rounds.map((round) => median(round[what]))).toFixed(1)} ns`;
  return row(
    {
      name: 'leave, remembered, and noting that a token has left',
      baseline: 'a look-up in a Map',
      ratio_p50: ratio('leave') + ratio('used'),
      samples: rounds.length * batch * batches,
      rounds: rounds.length,
      notes: [`leave ${nanos('leave')}, noting ${nanos('used')}, a look-up ${nanos('lookup')}`],
    },
    [atMost('p50', ratio('leave') + ratio('used'), lookUps)],
  );
}

async function decide(stage: Stage, plan: Plan): Promise<DecisionOutcome> {
  const order: DecisionOrder = plan.decisions;
  const { code, stdout, stderr } = await ended(stage.start(stage.product.machine.node, [stage.programs.decisions], JSON.stringify(order)));
  insist(code === 0, `every question answered: ${stderr}`);
  const outcome = JSON.parse(stdout) as DecisionOutcome;
  insist(outcome.allowed > 0, 'policy allows what it should');
  return outcome;
}
