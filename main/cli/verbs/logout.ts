/** `lakepass logout`: ends the session, revokes what can be revoked, and says what could not. */
import type { Command } from 'commander';
import { z } from 'zod';
import { type SignOutReport, signOutReportSchema } from '../../../preload/contract/session.ts';
import { type CommonOptions, optionsFirst, reachAgent, withCommon, withProfile } from '../common.ts';
import { failureLine, printJson, printLine } from '../report.ts';

export const addLogout = (program: Command): Command =>
  withProfile(withCommon(program.command('logout').description('sign out and revoke'), 'lakepass logout')).action(optionsFirst(logout));

async function logout(options: CommonOptions): Promise<void> {
  const agent = await reachAgent(options);
  const body = options.profile === undefined ? {} : { profile: options.profile };
  const { reports } = await agent.post('/v1/sign-out', body, z.object({ reports: z.array(signOutReportSchema) }));
  if (options.json === true) return printJson({ reports });
  for (const report of reports) printLine(reportText(report));
}

const revocationWords: Record<SignOutReport['refreshToken'], string> = {
  revoked: 'revoked at the identity provider',
  failed: 'NOT revoked at the identity provider',
  'not-supported': 'not revoked: this provider offers no revocation',
  none: 'there was none to revoke',
};

/** Each step as it was: what was done, what was not, and what cannot be undone. */
function reportText(report: SignOutReport): string {
  const lines = [
    `${report.profile}: ${report.sessionEnded ? 'signed out' : 'nobody was signed in'}`,
    `  refresh token  ${revocationWords[report.refreshToken]}${report.detail === '' ? '' : ` (${report.detail})`}`,
    `  vault          ${report.vault === 'erased' ? 'the stored session is erased' : 'the stored session could NOT be erased'}`,
    '  grants         ended',
    '  access tokens  forgotten here; Databricks has no revocation, so a copied one lives to its own end',
  ];
  if (report.problem !== null) lines.push(`  ! ${failureLine(report.problem)}`);
  return lines.join('\n');
}
