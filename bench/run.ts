/**
 * `npm run bench`: what the product costs, each figure as a ratio to something measured in the same run on the same machine.
 * Absolute numbers belong to the machine and are only there to be looked at.
 *
 *   npm run bench                 the whole, about seven minutes
 *   npm run bench -- --quick      a smoke of every row, under ninety seconds; its figures are rough
 *   npm run bench -- --json       the rows as a JSON array on standard output
 *   npm run bench -- --only TEXT  the rows whose name or group contains the text
 *
 * A budget that is missed is printed as such and ends with 0; a wrong or missing answer ends with 1.
 */
import { parseArgs } from 'node:util';
import { type Plan, quickPlan, wholePlan } from './plan.ts';
import { printRow, printSummary } from './report.ts';
import { notInThisVersion, type Row, WrongAnswer } from './row.ts';
import { attribution } from './rows/attribution.ts';
import { commands } from './rows/command.ts';
import { idle, memory } from './rows/endurance.ts';
import { atExpiry } from './rows/expiry.ts';
import { besideHung } from './rows/hung.ts';
import { keepAlive } from './rows/keep-alive.ts';
import { newConnections } from './rows/new-connections.ts';
import { decisions } from './rows/policy.ts';
import { agentReady } from './rows/ready.ts';
import { signInCost } from './rows/sign-in.ts';
import { amongTimeWaits } from './rows/time-wait.ts';
import { openStage, type Source, type Stage } from './stage.ts';

type Group = (stage: Stage, plan: Plan, ours: Source, bare: Source) => Promise<Row[]>;

/** These need no sign-in. */
const byThemselves: Record<string, (stage: Stage, plan: Plan) => Promise<Row[]>> = {
  ready: async (stage, plan) => [await agentReady(stage, plan)],
  attribution: async (stage, plan) => [await attribution(stage, plan)],
  policy: decisions,
};

/** These sign in and out themselves, so they come before there is a grant to measure. */
const signingIn: Record<string, (stage: Stage, plan: Plan) => Promise<Row[]>> = {
  'sign-in': async (stage, plan) => [await signInCost(stage, plan)],
  expiry: async (stage) => [await atExpiry(stage)],
};

const signedIn: Record<string, Group> = {
  'keep-alive': async (...given) => [await keepAlive(...given, 1), await keepAlive(...given, 16)],
  'new-connections': async (...given) => [await newConnections(...given)],
  hung: async (...given) => [await besideHung(...given)],
  command: (stage, plan) => commands(stage, plan),
  memory: async (stage, plan, ours) => [await memory(stage, plan, ours)],
  idle: async (_, plan, ours, bare) => [await idle(plan, ours, bare)],
  // Last: what it leaves behind slows others down for a minute.
  'time-wait': async (...given) => [await amongTimeWaits(...given)],
};

const later: Row[] = [
  notInThisVersion('wake to the first good token', '≤ 1 s + one round trip to the provider'),
  notInThisVersion('desktop, window closed', '≤ 300 MB over all processes'),
];

const { values: options } = parseArgs({
  options: { json: { type: 'boolean', default: false }, quick: { type: 'boolean', default: false }, only: { type: 'string', default: '' } },
});
const plan = options.quick ? quickPlan : wholePlan;
const rows: Row[] = [];
const note = (made: readonly Row[]): void => {
  rows.push(...made);
  if (!options.json) made.forEach(printRow);
};
const chosen = <T>(groups: Record<string, T>): T[] =>
  Object.entries(groups).flatMap(([name, group]) => (name.includes(options.only) ? [group] : []));

const stage = await openStage();
try {
  for (const measure of [...chosen(byThemselves), ...chosen(signingIn)]) note(await measure(stage, plan));
  const groups = chosen(signedIn);
  if (groups.length > 0) {
    await stage.signIn('acme');
    const ours = await stage.grant({});
    const bare = await stage.bareServer(ours);
    for (const measure of groups) note(await measure(stage, plan, ours, bare));
  }
  if (options.only === '') note(later);
  if (options.json) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
  else printSummary(rows, options.quick);
} catch (error) {
  if (!(error instanceof WrongAnswer)) throw error;
  process.stderr.write(`\nWRONG: this should have held and did not: ${error.message}\n`);
  process.exitCode = 1;
} finally {
  await stage.close();
}
