/** `lakepass reset`: for whoever has lost the last key. Grants, vault and keys go; the audit log stays and records it. */
import type { Command } from 'commander';
import { resetReportSchema } from '../../../preload/contract/control.ts';
import { AppError } from '../../app-error.ts';
import { minutes } from '../../units.ts';
import { type CommonOptions, optionsFirst, reachAgent, withCommon } from '../common.ts';
import { askWord } from '../passphrase.ts';
import { printJson, printLine } from '../report.ts';

type Options = CommonOptions & { yes?: boolean };

export const addReset = (program: Command): Command =>
  withCommon(program.command('reset').description('erase grants, vault and tap keys, and start afresh'), 'lakepass reset')
    .option('--yes', 'do not ask for the word at the terminal')
    .action(optionsFirst<Options>(reset));

async function reset(options: Options): Promise<void> {
  if (options.yes !== true) await confirm();
  const agent = await reachAgent(options);
  const report = await agent.postProven('/v1/reset', {}, resetReportSchema, minutes(1));
  if (options.json === true) return printJson(report);
  printLine(`Erased: ${report.grants} grants, ${report.keys} tap keys, and the vault. The audit log was kept. Next: lakepass login`);
}

async function confirm(): Promise<void> {
  const typed = await askWord('This ends every grant and erases the vault and all tap keys. Type "reset" to go on: ');
  if (typed === 'reset') return;
  const detail = typed === undefined ? 'There is no terminal to ask at; say --yes.' : 'Nothing was erased.';
  throw new AppError('INPUT_INVALID', { reason: 'yes', detail });
}
