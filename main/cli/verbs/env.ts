/** `lakepass env`: a grant for this shell, as lines to eval. */
import type { Command } from 'commander';
import { grantMadeSchema } from '../../../preload/contract/control.ts';
import { type CommonOptions, optionsFirst, reachAgent, withCommon } from '../common.ts';
import { environmentFor, shellLines } from '../environment.ts';
import { type GrantOptions, grantRequest, withGrant } from '../grant-options.ts';
import { printJson, printLine } from '../report.ts';

type Options = CommonOptions & GrantOptions;

export const addEnv = (program: Command): Command =>
  withGrant(
    withCommon(
      program.command('env').description('print the variables that let this shell use a new grant'),
      'eval "$(lakepass env --scope sql)"',
    ),
  ).action(optionsFirst<Options>(env));

async function env(options: Options): Promise<void> {
  const agent = await reachAgent(options);
  const made = await agent.post('/v1/grants', grantRequest(options, options.label ?? 'shell'), grantMadeSchema);
  const change = environmentFor(made.host, made.url);
  if (options.json === true) return printJson({ grant: made.grant, env: change.set, unset: change.clear });
  printLine(shellLines(change));
}
