/** `lakepass agent`: the headless agent in the foreground; `--stop` ends the one that runs. */
import type { Command } from 'commander';
import { z } from 'zod';
import { statusViewSchema } from '../../../preload/contract/control.ts';
import { AppError } from '../../app-error.ts';
import { connectAgent } from '../agent-client.ts';
import { type CommonOptions, optionsFirst, placesOf, vaultKind, withCommon } from '../common.ts';
import { desktopApp } from '../desktop-app.ts';
import { printJson, printLine } from '../report.ts';
import { statusText } from './status.ts';

interface Options extends CommonOptions {
  stop?: boolean;
}

export const addAgent = (program: Command): Command =>
  withCommon(program.command('agent').description('run the agent in the foreground'), 'lakepass agent --vault memory')
    .option('--stop', 'stop the agent that is running; sessions and grants stay for its next start')
    .action(optionsFirst<Options>(agent));

async function agent(options: Options): Promise<void> {
  if (options.stop === true) return stop(options);
  // check: agent-not-beside-desktop
  if (desktopApp() !== null) throw new AppError('AGENT_IS_DESKTOP');
  // end check
  const vault = vaultKind(options.vault);
  const { runHeadless } = await import('../../headless.ts');
  const running = await runHeadless({ home: options.home, vault });
  const view = await connectAgent(running.places).get('/v1/status', statusViewSchema);
  if (options.json === true) printJson(view);
  else
    printLine(
      `${statusText(view)}\n\nThe agent runs in this terminal until Ctrl-C. Its page opens with "lakepass ui", from another terminal.`,
    );
  const reason = await running.stopped;
  if (options.json !== true)
    printLine(
      `Stopped (${reason}). ${view.vault === 'memory' ? 'Sessions, grants and tap keys were in memory only and are gone' : 'Sessions and grants are kept for the next start'}.`,
    );
}

async function stop(options: Options): Promise<void> {
  await connectAgent(placesOf(options)).post('/v1/stop', {}, z.object({ stopping: z.boolean() }));
  if (options.json === true) printJson({ stopping: true });
  else printLine('The agent is stopping.');
}
