/** `lakepass status`: who is signed in, what is served, what is wrong, and the next command. */
import type { Command } from 'commander';
import { type StatusView, statusViewSchema } from '../../../preload/contract/control.ts';
import { type CommonOptions, optionsFirst, reachAgent, withCommon } from '../common.ts';
import { failureLine, printJson, printLine, table, timeLeft } from '../report.ts';
import { sessionLine } from './login.ts';

export const addStatus = (program: Command): Command =>
  withCommon(program.command('status').description('show sessions, grants and problems'), 'lakepass status --json').action(
    optionsFirst(status),
  );

async function status(options: CommonOptions): Promise<void> {
  const agent = await reachAgent(options);
  const view = await agent.get('/v1/status', statusViewSchema);
  if (options.json === true) return printJson(view);
  printLine(statusText(view));
}

/** The whole status as people read it. */
export function statusText(view: StatusView): string {
  const lines = [`Lakepass ${view.version}, agent ${view.pid}, broker 127.0.0.1:${view.port}, secrets in: ${vaultWords[view.vault]}`];
  for (const profile of view.profiles) {
    lines.push(
      '',
      `${profile.name}${profile.test ? '  (test profile: plain http is accepted on this machine)' : ''}  ${profile.issuer}`,
      `  ${sessionLine(profile.session)}`,
    );
    for (const { name, host, health } of profile.workspaces) lines.push(`  workspace ${name}  ${host}  ${health}`);
  }
  if (view.grants.length > 0) {
    lines.push(
      '',
      table([
        ['GRANT', 'SCOPES', 'WORKSPACE', 'ENDS', 'SERVED', 'FOR'],
        ...view.grants.map((grant) => [
          grant.id,
          grant.scopes.join(' '),
          grant.workspace,
          timeLeft(grant.until),
          String(grant.served),
          grant.label,
        ]),
      ]),
    );
  }
  for (const problem of view.problems) lines.push('', `! ${failureLine(problem)}`);
  lines.push('', `Next: ${view.next}`);
  return lines.join('\n');
}

const vaultWords: Record<StatusView['vault'], string> = {
  'secret-service': 'the Secret Service keychain',
  keychain: 'the macOS keychain',
  'credential-manager': 'the Windows Credential Manager',
  memory: 'memory only (sign in again after a restart)',
};
