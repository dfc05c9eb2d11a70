/**
 * `lakepass uninstall`: takes back what Lakepass put outside of its own package, before the package itself is removed. No package may do that: it is
 * removed by an administrator, and this lies in the person's home. The vault goes only if the person says so; the audit log stays.
 */
import { lstat, readlink, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import type { Command } from 'commander';
import { z } from 'zod';
import { resetReportSchema, statusViewSchema } from '../../../preload/contract/control.ts';
import { hostFacts } from '../../agent-host.ts';
import { AppError } from '../../app-error.ts';
import { checkRuntime, type Places } from '../../places.ts';
import { type Ms, minutes, ms, seconds } from '../../units.ts';
import { agentAnswers, connectAgent } from '../agent-client.ts';
import { type CommonOptions, optionsFirst, placesOf, reachAgent, withCommon } from '../common.ts';
import { askWord } from '../passphrase.ts';
import { printJson, printLine } from '../report.ts';

type Options = CommonOptions & { eraseVault?: boolean; keepVault?: boolean };

const STOP_LIMIT: Ms = seconds(15);
const LOOK_AGAIN: Ms = ms(100);

export const addUninstall = (program: Command): Command =>
  withCommon(
    program.command('uninstall').description('stop, and remove what is outside of the package; asks about the vault'),
    'lakepass uninstall',
  )
    .option('--erase-vault', 'erase grants, vault and tap keys as well, without asking')
    .option('--keep-vault', 'keep them, without asking')
    .action(optionsFirst<Options>(uninstall));

async function uninstall(options: Options): Promise<void> {
  const places = placesOf(options);
  const erased = await wantsErased(options);
  // Only the agent can: the keychain's entry is part of it, and who asks is on record.
  if (erased) await (await reachAgent(options)).postProven('/v1/reset', { leaving: true }, resetReportSchema, minutes(1));
  await stopAgent(places);
  const removed = await takeBack({ places, env: process.env, home: homedir() });
  if (options.json === true) return printJson({ removed, vault: erased ? 'erased' : 'kept' });
  for (const path of removed) printLine(`Removed: ${path}`);
  printLine(erased ? 'Erased: grants, tap keys, the vault and its entries in the keychain.' : `Kept: the vault in ${places.data}.`);
  printLine(`Kept: the audit log in ${join(places.state, 'audit')} and the configuration in ${places.config}.`);
  printLine('Next: remove the package itself; on macOS move Lakepass to the Trash.');
}

/** Where nobody can be asked the vault stays. */
async function wantsErased({ eraseVault, keepVault }: Options): Promise<boolean> {
  if (eraseVault === true && keepVault === true)
    throw new AppError('INPUT_INVALID', { reason: 'vault', detail: 'Choose one of --erase-vault and --keep-vault.' });
  if (eraseVault !== undefined || keepVault !== undefined) return eraseVault === true;
  return (
    (await askWord('Erase the vault, too? It holds the sign-in, the grants and the tap keys. Type "erase", or Enter to keep it: ')) ===
    'erase'
  );
}

/** Its doors close first; what it writes and erases at its end is done when the process is gone. @throws AppError AGENT_RUNNING: it did not stop */
async function stopAgent(places: Places): Promise<void> {
  if (!(await agentAnswers(places))) return;
  const agent = connectAgent(places);
  const { pid } = await agent.get('/v1/status', statusViewSchema);
  await agent.post('/v1/stop', {}, z.object({ stopping: z.boolean() }));
  for (const until = performance.now() + STOP_LIMIT; performance.now() < until; ) {
    if (!(await agentAnswers(places)) && (await hostFacts().startTime(pid)) === null) return;
    await new Promise((done) => setTimeout(done, LOOK_AGAIN));
  }
  throw new AppError('AGENT_RUNNING');
}

interface Traces {
  places: Pick<Places, 'runtime'>;
  env: NodeJS.ProcessEnv;
  home: string;
}

/** Removes the start with the session, what the windows kept, the link to the command and the folder of the socket. Returns what was there and is gone. */
export async function takeBack({ places, env, home }: Traces): Promise<string[]> {
  const config = env['XDG_CONFIG_HOME'] ?? '';
  const settings = isAbsolute(config) ? config : join(home, '.config');
  const autostart = join(settings, 'autostart', 'lakepass.desktop');
  // What Chromium keeps for the windows; nothing of ours is in it.
  const chromium = join(settings, 'lakepass-desktop');
  const link = join(home, '.local', 'bin', 'lakepass');
  const found = [
    (await isThere(autostart)) ? autostart : undefined,
    (await isThere(chromium)) ? chromium : undefined,
    (await isOurLink(link)) ? link : undefined,
    (await checkRuntime(places)) ? places.runtime : undefined,
  ].filter((path) => path !== undefined);
  for (const path of found) await rm(path, { recursive: true, force: true });
  return found;
}

const isThere = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

/** A program of the same name that somebody else put there is not ours to remove. */
const isOurLink = (path: string): Promise<boolean> =>
  readlink(path).then(
    (target) => /[\\/]resources[\\/]bin[\\/]lakepass$/i.test(target),
    () => false,
  );
