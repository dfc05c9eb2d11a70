/** `lakepass status`: who is signed in, what is served, what is wrong, and the next command. */
import type { Command } from 'commander';
import { type AlertView, codesOfAlerts } from '../../../preload/contract/alert.ts';
import { type StatusView, statusViewSchema } from '../../../preload/contract/control.ts';
import { questionText } from '../asking.ts';
import { type CommonOptions, optionsFirst, reachAgent, withCommon } from '../common.ts';
import { failureLine, printJson, printReport } from '../report.ts';
import { grantTable } from './grants.ts';
import { sessionLine } from './login.ts';
import { principalLines } from './service-principals.ts';

export const addStatus = (program: Command): Command =>
  withCommon(program.command('status').description('show sessions, grants and problems'), 'lakepass status --json').action(
    optionsFirst(status),
  );

async function status(options: CommonOptions): Promise<void> {
  const agent = await reachAgent(options);
  const view = await agent.get('/v1/status', statusViewSchema);
  if (options.json === true) return printJson(view);
  printReport(statusText(view));
}

/** The whole status as people read it. */
export function statusText(view: StatusView): string {
  const lines = [
    `Lakepass ${view.version}, agent ${view.pid} ${hostWords[view.host]}, broker 127.0.0.1:${view.port}, secrets in: ${vaultWords[view.vault]}`,
  ];
  for (const profile of view.profiles) {
    lines.push(
      '',
      `${profile.name}${profile.test ? '  (test profile: plain http is accepted on this machine)' : ''}  ${profile.issuer}`,
      `  ${sessionLine(profile.session)}`,
    );
    if (profile.direct !== undefined)
      lines.push(`  tokens  not narrowed: each is the sign-in's own and opens ${profile.direct.join(' ')}, whatever a program asks for`);
    if (profile.actsAs !== undefined) lines.push(`  tokens  act as service principal ${profile.actsAs}`);
    for (const { name, host, health, accountId } of profile.workspaces)
      lines.push(`  ${accountId === undefined ? 'workspace' : 'account'} ${name}  ${host}  ${health}`);
  }
  for (const principal of view.servicePrincipals) lines.push('', ...principalLines(principal));
  lines.push('', ...safetyLines(view));
  if (view.grants.length > 0) lines.push('', grantTable(view.grants));
  if (view.queue.asks.length > 0) lines.push('', ...waitingLines(view));
  if (view.warnings.length > 0) lines.push('', ...view.warnings.map((warning) => `~ ${warning}`));
  const { alerts = [] } = view;
  for (const alert of alerts) lines.push('', ...alertLines(alert));
  const said = codesOfAlerts(alerts);
  for (const problem of view.problems) if (!said.has(problem.code)) lines.push('', `! ${failureLine(problem)}`);
  lines.push('', `Next: ${view.next}`);
  return lines.join('\n');
}

const hostWords: Record<StatusView['host'], string> = { desktop: 'in the desktop app', headless: 'without a window' };

const vaultWords: Record<StatusView['vault'], string> = {
  'secret-service': 'the Secret Service keychain',
  keychain: 'the macOS keychain',
  'credential-manager': 'the Windows Credential Manager',
  passphrase: 'no keychain, a passphrase',
  file: 'a file',
  memory: 'memory only (sign in again after a restart)',
};

const sealWords: Record<StatusView['lock']['sealing'], string> = {
  key: 'the vault is sealed by a tap key',
  passphrase: 'the vault is sealed by a passphrase',
  keychain: 'the vault is sealed by the keychain alone, which every program of yours can read',
  memory: 'nothing is kept on disk',
};

/** How the lock stands, in a sentence. */
export function lockLine(lock: StatusView['lock']): string {
  const why = lock.why === null ? '' : ` (${lock.why})`;
  const runs = lock.continuing === 1 ? '1 run continues' : `${lock.continuing} runs continue`;
  if (lock.state === 'away') return `away${why}: nothing new begins, ${runs}`;
  if (lock.state === 'locked') return `locked${why}: no tokens; opened by ${lock.unlockBy.join(' or ') || 'a fresh sign-in'}`;
  return lock.locksAt === null ? 'open' : `open until ${lock.locksAt.slice(0, 16).replace('T', ' ')} UTC, the day’s limit`;
}

function safetyLines({ lock, policy, tapKeys, managed, audit }: StatusView): string[] {
  const until = policy.expires === null ? '' : `, until ${policy.expires.slice(0, 10)}`;
  const observing = policy.mode === 'observe' ? ', observe mode: decides and records, refuses little' : '';
  const keys = tapKeys.map(({ name, model, attested, seals }) => {
    const proof = attested ? 'model proven' : 'model unproven';
    return `${name} (${model}, ${proof}${seals ? ', seals the vault' : ''})`;
  });
  return [
    ...(managed === undefined ? [] : [managedLine(managed), ...exemptionLines(managed)]),
    `Lock      ${lockLine(lock)}; ${sealWords[lock.sealing]}`,
    `Policy    ${policy.id} revision ${policy.revision} from ${policy.source}${observing}${until}`,
    `Tap keys  ${keys.join(', ') || 'none yet: one is enrolled in the page that follows a sign-in'}`,
    ...(audit === undefined ? [] : auditLines(audit)),
  ];
}

/** How far the log is sealed, and a line for each sink. */
export function auditLines({ checkpoint, sinks }: NonNullable<StatusView['audit']>): string[] {
  const sealed = checkpoint === null ? 'not sealed yet' : `sealed up to record ${checkpoint.size}, ${momentOf(checkpoint.at)}`;
  return [
    `Audit     ${sealed}`,
    ...sinks.map(({ name, to, waiting, lastSentAt, problem }) => {
      const state = waiting === 0 ? 'all has arrived' : `${waiting} to go`;
      const last = lastSentAt === null ? 'nothing has arrived yet' : `last ${momentOf(lastSentAt)}`;
      return `Sink      ${name} to ${to}: ${state}, ${last}${problem === null ? '' : `; ${failureLine(problem)}`}`;
    }),
  ];
}

function alertLines({ severity, name, count, since, lastAt, seen, cause, next }: AlertView): string[] {
  const mark = severity === 'severe' ? '! Severe alert' : '! Alert';
  const often = count === 1 ? `since ${momentOf(since)}` : `${count} times since ${momentOf(since)}, last ${momentOf(lastAt)}`;
  return [`${mark}${name === '' ? '' : ` (${name})`}: ${cause}`, `  ${often}${seen ? '; you have seen it' : ''}. ${next}`];
}

export const momentOf = (at: string): string => `${at.slice(0, 16).replace('T', ' ')} UTC`;

/** Revision and hash are what the admin's own bundle shows. */
function managedLine({ managedBy, source, url, revision, hash, expires, device, revoked }: NonNullable<StatusView['managed']>): string {
  const how = source === 'managed' ? 'by the settings of this machine' : 'by a link you accepted';
  const bundle =
    revision === null
      ? url !== null && '; its bundle is awaited, and until then nothing is handed out'
      : `: bundle revision ${revision} (${hash?.slice(0, 16)}), until ${expires?.slice(0, 10)}; device ${device}`;
  return `Managed   by ${managedBy}, ${how}${bundle || ''}${revoked ? '; this device is REVOKED' : ''}`;
}

const exemptionLines = ({ exemptions }: NonNullable<StatusView['managed']>): string[] =>
  exemptions.map(
    ({ rule, until, reason }) => `  exempt from the rule ${rule} until ${until.slice(0, 16).replace('T', ' ')} UTC: ${reason}`,
  );

function waitingLines({ queue }: StatusView): string[] {
  const waiting = queue.asks.map((ask) => `? ${questionText(ask)}, open until ${ask.openUntil.slice(11, 16)} UTC`);
  const quiet = queue.quiet ? ['  No more is shown until you open `lakepass ui`: several requests went unanswered.'] : [];
  const snoozed = queue.snoozedUntil === null ? [] : [`  Nothing is shown before ${queue.snoozedUntil.slice(11, 16)} UTC, as you asked.`];
  return [...waiting, ...quiet, ...snoozed];
}
