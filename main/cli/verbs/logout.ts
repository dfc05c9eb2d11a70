/** `lakepass logout`: ends the session, revokes what can be revoked, and says what could not. */
import type { Command } from 'commander';
import { z } from 'zod';
import { signOutReportSchema } from '../../../preload/contract/session.ts';
import { type CommonOptions, optionsFirst, reachAgent, withCommon, withProfile } from '../common.ts';
import { printJson, printLine } from '../report.ts';

export const addLogout = (program: Command): Command =>
  withProfile(withCommon(program.command('logout').description('sign out and revoke'), 'lakepass logout')).action(optionsFirst(logout));

async function logout(options: CommonOptions): Promise<void> {
  const agent = await reachAgent(options);
  const body = options.profile === undefined ? {} : { profile: options.profile };
  const { reports } = await agent.post('/v1/sign-out', body, z.object({ reports: z.array(signOutReportSchema) }));
  if (options.json === true) return printJson({ reports });
  for (const report of reports) for (const step of report.steps) printLine(`${step.done ? 'done    ' : 'not done'}  ${step.what}`);
}
