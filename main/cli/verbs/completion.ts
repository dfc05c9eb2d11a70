/** `lakepass completion`: what a shell needs to complete the command; and the hidden verb it asks for names that only an agent knows. */
import { Argument, type Command } from 'commander';
import { statusViewSchema } from '../../../preload/contract/control.ts';
import { hasCode } from '../../app-error.ts';
import { seconds } from '../../units.ts';
import { connectAgent, ReportedFailure } from '../agent-client.ts';
import { type CommonOptions, placesOf, reporting } from '../common.ts';
import { type AskedName, askedNames, type CompletedShell, completedShells, completionFor, NAMES, plainNames } from '../completion.ts';
import { printLine } from '../report.ts';

export function addCompletion(program: Command): void {
  program
    .command('completion')
    .description('print what your shell needs to complete this command')
    .addArgument(new Argument('<shell>', 'which shell').choices(completedShells))
    .addHelpText(
      'after',
      '\nExample:\n  eval "$(lakepass completion bash)"      in ~/.bashrc\n  eval "$(lakepass completion zsh)"       in ~/.zshrc, after compinit\n  lakepass completion fish | source       in ~/.config/fish/config.fish',
    )
    .action(
      reporting(
        async (shell: CompletedShell) => printLine(completionFor(shell, program)),
        () => false,
      ),
    );
  program
    .command(NAMES, { hidden: true })
    .addArgument(new Argument('<what>').choices(askedNames))
    .option('--home <dir>', 'the folder that holds everything', process.env['LAKEPASS_HOME'])
    .action(
      reporting(
        (what: AskedName, options: CommonOptions) => names(what, options),
        () => false,
      ),
    );
}

/** Nobody reads a failure in the middle of a line they are typing: without an agent there are no names. */
async function names(what: AskedName, options: CommonOptions): Promise<void> {
  try {
    const view = await connectAgent(placesOf(options)).get('/v1/status', statusViewSchema, seconds(2));
    const found = {
      workspaces: () => view.profiles.flatMap(({ workspaces }) => workspaces.map(({ name }) => name)),
      profiles: () => view.profiles.map(({ name }) => name),
      grants: () => view.grants.filter(({ state }) => state === 'live').map(({ id }) => id),
    }[what]();
    for (const name of plainNames(found)) printLine(name);
  } catch (error) {
    const isQuiet = error instanceof ReportedFailure || hasCode(error, 'AGENT_NOT_RUNNING', 'DEADLINE_PASSED', 'RUNTIME_UNSAFE');
    if (!isQuiet) throw error;
  }
}
