/** `lakepass health`: whether what Lakepass depends on is there, for monitoring: a line each and an exit code. It never starts an agent. */
import type { Command } from 'commander';
import { type HealthView, healthViewSchema } from '../../../preload/contract/health.ts';
import { type CommonOptions, optionsFirst, reachAgent, withCommon } from '../common.ts';
import { exitCodes, failureLine, printJson, printReport, table } from '../report.ts';

export const addHealth = (program: Command): Command =>
  withCommon(program.command('health').description('whether what Lakepass depends on is there'), 'lakepass health --json').action(
    optionsFirst(health),
  );

async function health(options: CommonOptions): Promise<void> {
  const agent = await reachAgent({ ...options, start: false });
  const view = await agent.get('/health', healthViewSchema);
  if (options.json === true) printJson(view);
  else printReport(healthText(view));
  if (view.state === 'failing') process.exitCode = exitCodes.failed;
}

/** A line for each. */
export const healthText = ({ dependencies }: HealthView): string =>
  table(
    dependencies.map(({ kind, name, state, tookMs, problem }) => [
      ...[state, `${kind.replace('-', ' ')} ${name}`.trim(), state === 'unused' ? '' : `${tookMs} ms`],
      problem === null ? '' : failureLine(problem),
    ]),
  );
