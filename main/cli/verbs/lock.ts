/** `lakepass lock` and `lakepass unlock`: from the first on nobody gets a token, and the second is how the person comes back. */
import type { Command } from 'commander';
import type { z } from 'zod';
import { lockedSchema, statusViewSchema, unlockStartedSchema } from '../../../preload/contract/control.ts';
import type { LockView } from '../../../preload/contract/lock.ts';
import { type CommonOptions, optionsFirst, reachAgent, withCommon } from '../common.ts';
import { askPassphrase, passphraseFromFd } from '../passphrase.ts';
import { exitCodes, printJson, printLine } from '../report.ts';
import { lockLine } from './status.ts';
import { pageText } from './ui.ts';

type UnlockOptions = CommonOptions & { passphraseFd?: string };

export const addLock = (program: Command): Command =>
  withCommon(program.command('lock').description('hand out nothing until you unlock; keys leave memory'), 'lakepass lock').action(
    optionsFirst(lock),
  );

export const addUnlock = (program: Command): Command =>
  withCommon(program.command('unlock').description('open what is locked, by key or passphrase'), 'lakepass unlock')
    .option('--passphrase-fd <number>', 'read the passphrase from this open file descriptor')
    .action(optionsFirst<UnlockOptions>(unlock));

async function lock(options: CommonOptions): Promise<void> {
  const agent = await reachAgent(options);
  const locked = await agent.post('/v1/lock', {}, lockedSchema);
  if (options.json === true) printJson(locked);
  else printLine(`Lakepass is ${lockLine(locked.lock)}.`);
}

async function unlock(options: UnlockOptions): Promise<void> {
  const agent = await reachAgent(options);
  const before = (await agent.get('/v1/status', statusViewSchema)).lock;
  const passphrase = await passphraseFor(before, options);
  const started = await agent.postProven('/v1/unlock', passphrase === undefined ? {} : { passphrase }, unlockStartedSchema);
  if (started.lock.state !== 'open') process.exitCode = exitCodes.locked;
  if (options.json === true) printJson(started);
  else printLine(unlockText(started));
}

/** Asked for only where it is the way in; a key is touched on the page instead. */
async function passphraseFor(lock: LockView, { passphraseFd }: UnlockOptions): Promise<string | undefined> {
  if (passphraseFd !== undefined) return passphraseFromFd(passphraseFd);
  const isTheWay = lock.state === 'locked' && lock.unlockBy.includes('passphrase') && !lock.unlockBy.includes('key');
  return isTheWay ? askPassphrase('Passphrase of the vault: ') : undefined;
}

/** Still locked is said as it is, with the next step. */
export function unlockText({ lock, url, browser }: z.output<typeof unlockStartedSchema>): string {
  if (lock.state === 'open') return 'Lakepass is open.';
  if (url !== null) return `Touch your key on the page. ${pageText({ url, browser }, 'It is open in your browser.')}`;
  if (lock.unlockBy.includes('screen')) return 'Unlock the screen; nothing else is needed.';
  return `Lakepass is ${lockLine(lock)}.${lock.unlockBy.includes('sign-in') ? ' Run `lakepass login`.' : ''}`;
}
