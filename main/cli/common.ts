/** What every verb shares: the options that say which agent, and the road to it. */
import type { Command } from 'commander';
import { AppError } from '../app-error.ts';
import { findPlaces, type Places } from '../places.ts';
import { type AgentClient, agentAnswers, connectAgent, startAgent } from './agent-client.ts';
import { reportFailure } from './report.ts';

export interface CommonOptions {
  home?: string;
  vault: string;
  json?: boolean;
  start: boolean;
  profile?: string;
  as?: string;
}

const vaultKinds = ['keychain', 'passphrase', 'memory'] as const;
type VaultKind = (typeof vaultKinds)[number];

/** Where an agent that is started now keeps secrets. @throws AppError INPUT_INVALID: there is no such kind */
export function vaultKind(named: string): VaultKind {
  const kind = vaultKinds.find((each) => each === named);
  if (kind === undefined) throw new AppError('INPUT_INVALID', { reason: 'vault', detail: `Choose ${vaultKinds.join(', ')}.` });
  return kind;
}

/** Adds the options that every verb of a running agent takes, and an example to its help. */
export const withCommon = (verb: Command, example: string): Command =>
  verb
    .option('--home <dir>', 'keep everything below this folder instead of the usual places', process.env['LAKEPASS_HOME'])
    .option(
      '--vault <kind>',
      `where an agent started now keeps secrets: ${vaultKinds.join(', ')}`,
      process.env['LAKEPASS_VAULT'] ?? 'keychain',
    )
    .option('--no-start', 'fail instead of starting an agent')
    .option('--json', 'print JSON')
    .addHelpText('after', `\nExample:\n  ${example}`);

export const withProfile = (verb: Command): Command =>
  verb
    .option('-p, --profile <name>', 'which profile; not needed when there is one')
    .option('--as <name>', 'the same, for a service principal of the configuration');

export const placesOf = (options: Pick<CommonOptions, 'home'>): Places =>
  findPlaces({ env: process.env, uid: process.getuid?.() ?? -1, ...(options.home === undefined ? {} : { home: options.home }) });

/** The agent, started if it must be. @throws AppError AGENT_NOT_RUNNING with --no-start; ReportedFailure when it cannot start */
export async function reachAgent(options: CommonOptions): Promise<AgentClient> {
  const places = placesOf(options);
  if (!(await agentAnswers(places))) {
    if (!options.start) throw new AppError('AGENT_NOT_RUNNING');
    await startAgent(places, { home: options.home, vault: vaultKind(options.vault) });
  }
  return connectAgent(places);
}

/** Runs a verb and turns whatever it throws into one line and an exit code. */
export const reporting =
  <Args extends unknown[]>(run: (...args: Args) => Promise<void>, json: (...args: Args) => boolean, exitCode?: number) =>
  async (...args: Args): Promise<void> => {
    try {
      await run(...args);
    } catch (error) {
      reportFailure(error, json(...args), exitCode);
    }
  };

/** For verbs whose options come as the first argument. */
export const optionsFirst = <O extends CommonOptions>(run: (options: O) => Promise<void>) =>
  reporting(run, (options) => options.json === true);
