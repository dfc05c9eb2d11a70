/** `lakepass seal`: what opens the vault. By a tap key it is sealed on the page, where the key can be touched. */
import { Argument, type Command } from 'commander';
import { lockedSchema } from '../../../preload/contract/control.ts';
import { AppError } from '../../app-error.ts';
import { minutes } from '../../units.ts';
import { type CommonOptions, reachAgent, reporting, withCommon } from '../common.ts';
import { askPassphrase, passphraseFromFd } from '../passphrase.ts';
import { printJson, printLine, tell } from '../report.ts';

type How = 'passphrase' | 'keychain';
type Options = CommonOptions & { passphraseFd?: string };

const shortest = 8;
/** A person may have to touch a key first. */
const answerLimit = minutes(10.5);

export const addSeal = (program: Command): Command =>
  withCommon(
    program.command('seal').description('choose what opens the vault; by a tap key: in `lakepass ui`'),
    'lakepass seal passphrase\n  lakepass seal keychain',
  )
    .addArgument(new Argument('<how>', 'what opens the vault').choices(['passphrase', 'keychain']))
    .option('--passphrase-fd <number>', 'read the new passphrase from this open file descriptor')
    .action(
      reporting(
        (how: How, options: Options) => seal(how, options),
        (_, options) => options.json === true,
      ),
    );

async function seal(how: How, options: Options): Promise<void> {
  const agent = await reachAgent(options);
  const body = how === 'keychain' ? { how } : { how, passphrase: await newPassphrase(options) };
  tell('if a touch is asked for, it is on the page of Lakepass (`lakepass ui`)');
  const sealed = await agent.postProven('/v1/seal', body, lockedSchema, answerLimit);
  if (options.json === true) printJson(sealed);
  else printLine(how === 'keychain' ? 'The vault now opens with the keychain alone.' : 'The vault now opens with your passphrase.');
}

async function newPassphrase({ passphraseFd }: Options): Promise<string> {
  const chosen = passphraseFd === undefined ? await askPassphrase('New passphrase: ') : await passphraseFromFd(passphraseFd);
  if (chosen.length < shortest)
    throw new AppError('INPUT_INVALID', { reason: 'passphrase', detail: `Choose ${shortest} characters or more.` });
  if (passphraseFd === undefined && (await askPassphrase('The same once more: ')) !== chosen)
    throw new AppError('INPUT_INVALID', { reason: 'passphrase', detail: 'The two are not the same.' });
  return chosen;
}
