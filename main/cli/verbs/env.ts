/**
 * `lakepass env`: a grant for this shell and what it starts, as lines to eval; with --databrickscfg a section for a profile file
 * instead, whose grant asks about each program once. It writes no file: that is what `lakepass profiles write` does.
 */
import { type Command, Option } from 'commander';
import { type GrantMade, grantProgressSchema } from '../../../preload/contract/control.ts';
import { AppError } from '../../app-error.ts';
import { askThrough, type WaitOptions, waitOf } from '../asking.ts';
import { type CommonOptions, optionsFirst, reachAgent, withCommon } from '../common.ts';
import { environmentFor, profileSection } from '../environment.ts';
import { type GrantOptions, grantRequest, withGrant } from '../grant-options.ts';
import { printJson, printLine } from '../report.ts';
import { linesFor, type Shell, shellNamed, shells } from '../shells.ts';

type Options = CommonOptions & GrantOptions & WaitOptions & { databrickscfg?: string | true; shell: string };

export const addEnv = (program: Command): Command =>
  withGrant(
    withCommon(
      program.command('env').description('print the variables that let this shell use a new grant'),
      'eval "$(lakepass env --scope sql)"\n  lakepass env --shell fish | source\n  lakepass env --databrickscfg analytics',
    ),
  )
    .addOption(new Option('--shell <shell>', `whose words to use: ${shells.join(', ')}`).default('sh'))
    .option('--databrickscfg [section]', 'print a section for ~/.databrickscfg instead; each program that uses it is asked about once')
    .action(optionsFirst<Options>(env));

async function env(options: Options): Promise<void> {
  const shell = shellNamed(options.shell);
  const section = options.databrickscfg === true ? 'lakepass' : options.databrickscfg;
  // check: databrickscfg-section
  if (section !== undefined && !/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(section))
    throw new AppError('INPUT_INVALID', { reason: 'databrickscfg', detail: 'Name the section with letters, digits, dots and dashes.' });
  // end check
  const agent = await reachAgent(options);
  const label = options.label ?? (section === undefined ? 'shell' : `profile ${section}`);
  const body = grantRequest(options, section === undefined ? 'tree' : 'file', label);
  const made = await askThrough(agent, { path: '/v1/grants', body, line: grantProgressSchema, wait: waitOf(options) }, (line) =>
    'made' in line ? line.made : undefined,
  );
  if (section === undefined) printVariables(made, shell, options.json === true);
  else printSection(section, made, options.json === true);
}

function printVariables({ grant, host, accountId, url }: GrantMade, shell: Shell, json: boolean): void {
  const change = environmentFor(host, url, accountId);
  if (json) printJson({ grant, env: change.set, unset: change.clear });
  else printLine(linesFor(shell, change));
}

function printSection(section: string, { grant, host, accountId, url }: GrantMade, json: boolean): void {
  const text = profileSection(section, host, url, accountId);
  if (json) printJson({ grant, section: text });
  else printLine(text);
}
