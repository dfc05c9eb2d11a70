/** `lakepass denied`: the programs you have refused for good; `lakepass denied forget` lets one of them ask again. */
import type { Command } from 'commander';
import { deniedForgottenSchema, deniedListSchema } from '../../../preload/contract/control.ts';
import { AppError } from '../../app-error.ts';
import { type CommonOptions, optionsFirst, reachAgent, reporting, withCommon } from '../common.ts';
import { printJson, printLine, printReport, table } from '../report.ts';

export function addDenied(program: Command): void {
  const denied = program.command('denied').description('programs you have refused for good');
  withCommon(denied.command('list', { isDefault: true }).description('which programs, in which profile'), 'lakepass denied').action(
    optionsFirst(list),
  );
  withCommon(
    denied.command('forget').description('let a program ask again').argument('<id>', 'as `lakepass denied` names it'),
    'lakepass denied forget d1f0',
  ).action(reporting(forget, (_, options) => options.json === true));
}

async function list(options: CommonOptions): Promise<void> {
  const agent = await reachAgent(options);
  const { denied } = await agent.get('/v1/denied', deniedListSchema);
  if (options.json === true) return printJson({ denied });
  if (denied.length === 0) return printLine('No program is refused for good.');
  const rows = denied.map(({ id, profile, executable, script, folder, aiAgent, deniedAt }) => [
    ...[id, profile, executable, script === null ? '' : `${script} (claimed)`, folder ?? '', aiAgent ?? '', deniedAt],
  ]);
  printReport(table([['ID', 'PROFILE', 'PROGRAM', 'SCRIPT', 'FOLDER', 'AI AGENT', 'SINCE'], ...rows]));
}

async function forget(id: string, options: CommonOptions): Promise<void> {
  const agent = await reachAgent(options);
  const { forgotten } = await agent.postProven('/v1/denied/forget', { id }, deniedForgottenSchema);
  if (!forgotten) throw new AppError('INPUT_INVALID', { reason: 'id', detail: 'No program is refused under that name.' });
  if (options.json === true) printJson({ forgotten });
  else printLine('You will be asked about it again.');
}
