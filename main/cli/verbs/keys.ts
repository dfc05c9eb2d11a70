/**
 * `lakepass keys`: the tap keys, what is proven of each; `lost` and `retire` take one out of use. Enrolling needs a page: `lakepass ui`.
 * `register` is about another thing: a security key at the identity provider.
 */
import type { Command } from 'commander';
import { signInStartedSchema, statusViewSchema } from '../../../preload/contract/control.ts';
import { keyProofSchema, keyRegistrationBegunSchema, keyRegistrationHeardSchema } from '../../../preload/contract/key-registration.ts';
import type { ManagedView } from '../../../preload/contract/managed.ts';
import { keyLostSchema, keyRetiredSchema, type TapKeyView } from '../../../preload/contract/tap-key.ts';
import { AppError } from '../../app-error.ts';
import type { AgentClient } from '../agent-client.ts';
import { type CommonOptions, optionsFirst, reachAgent, reporting, withCommon, withProfile } from '../common.ts';
import { askWord } from '../passphrase.ts';
import { printJson, printLine, printReport, table, tell } from '../report.ts';
import { BROWSER_LIMIT, inBrowser, sendToBrowser } from './login.ts';

/** Long enough that nobody names a key by accident. */
const SHORTEST_ID = 6;
const key = ['<id>', 'as `lakepass keys` names it'] as const;

export function addKeys(program: Command): void {
  const keys = program.command('keys').description('tap keys, what is proven of them, and which are lost or retired');
  withCommon(keys.command('list', { isDefault: true }).description('which there are'), 'lakepass keys').action(optionsFirst(list));
  withCommon(
    keys
      .command('lost')
      .description('never accept a key again, and sign its person out')
      .argument(...key),
    'lakepass keys lost 3f9a2c',
  ).action(reporting(lost, (_, options) => options.json === true));
  withCommon(
    keys
      .command('retire')
      .description('take a key out of use; another one must be left')
      .argument(...key),
    'lakepass keys retire 3f9a2c',
  ).action(reporting(retire, (_, options) => options.json === true));
  withProfile(
    withCommon(
      keys.command('register').description('register a security key at your identity provider, and prove it by a sign-in with it'),
      'lakepass keys register --profile acme',
    ),
  )
    .option('--prove', 'it is registered already: only prove it')
    .action(optionsFirst(register));
}

interface RegisterOptions extends CommonOptions {
  prove?: boolean;
}
type Asked = { profile?: string };

async function register(options: RegisterOptions): Promise<void> {
  const agent = await reachAgent(options);
  const asked: Asked = options.profile === undefined ? {} : { profile: options.profile };
  if (options.prove !== true) await registerAtProvider(agent, asked);
  const proof = await inBrowser(agent, asked, async () => {
    const started = await agent.postProven('/v1/keys/prove', asked, signInStartedSchema);
    sendToBrowser(started, 'sign in with the key');
    return agent.get(`/v1/keys/prove?profile=${encodeURIComponent(started.profile)}`, keyProofSchema, BROWSER_LIMIT);
  });
  if (options.json === true) printJson(proof);
  else printLine(proof.words);
}

/** @throws ReportedFailure: it is not known where, or the provider says that it came to nothing */
async function registerAtProvider(agent: AgentClient, asked: Asked): Promise<void> {
  const how = await inBrowser(agent, asked, async () => {
    const begun = await agent.postProven('/v1/keys/register', asked, keyRegistrationBegunSchema);
    sendToBrowser(begun, 'register your key');
    if (begun.how === 'action')
      await agent.get(`/v1/keys/register?profile=${encodeURIComponent(begun.profile)}`, keyRegistrationHeardSchema, BROWSER_LIMIT);
    return begun.how;
  });
  if (how === 'action') return tell('a sign-in with the key has to prove it.');
  // Such a page does not say when it is done with.
  if ((await askWord('Press Enter once it is registered; a sign-in with the key then has to prove it. ')) === undefined)
    throw new AppError('INPUT_INVALID', { reason: 'terminal', detail: 'Once it is registered: `lakepass keys register --prove`.' });
}

async function list(options: CommonOptions): Promise<void> {
  const keys = await keysOf(await reachAgent(options));
  if (options.json === true) return printJson({ keys });
  if (keys.length === 0) return printLine('No tap key is enrolled. Run `lakepass login` and enrol one in the page that follows.');
  const rows = keys.map(({ id, name, model, verdict, because, status, state, lastTouchedAt }) => [
    ...[id.slice(0, 8), name, model, state ?? 'in use'],
    verdict === undefined ? 'not judged yet' : [verdict, because === verdict ? '' : `(${because})`, status ?? ''].filter(Boolean).join(' '),
    lastTouchedAt ?? 'never',
  ]);
  printReport(table([['ID', 'NAME', 'MODEL', 'STATE', 'PROOF', 'TOUCHED'], ...rows]));
}

async function lost(named: string, options: CommonOptions): Promise<void> {
  const agent = await reachAgent(options);
  const { id, name } = await findKey(agent, named);
  const answer = await agent.postProven('/v1/keys/lost', { key: id }, keyLostSchema);
  if (options.json === true) return printJson(answer);
  printLine(`${name} approves nothing any more${answer.profiles.length === 0 ? '' : `; signed out of ${answer.profiles.join(', ')}`}.`);
  printLine('Remove it at your identity provider, too: there it may still sign somebody in.');
  const { tapKeys, managed } = await agent.get('/v1/status', statusViewSchema);
  for (const line of tooFewKeys(managed)) printLine(line);
  if (tapKeys.every(({ state }) => state !== undefined))
    printLine('No key is left in use. `lakepass reset` starts afresh; the next sign-in enrols a first key.');
}

async function retire(named: string, options: CommonOptions): Promise<void> {
  const agent = await reachAgent(options);
  const { id, name } = await findKey(agent, named);
  const answer = await agent.postProven('/v1/keys/retire', { key: id }, keyRetiredSchema);
  if (options.json === true) return printJson(answer);
  printLine(`${name} is out of use.`);
  for (const line of tooFewKeys((await agent.get('/v1/status', statusViewSchema)).managed)) printLine(line);
}

/** What a company wants of tap keys and a person lacks. */
export function tooFewKeys(managed: ManagedView | undefined): string[] {
  if (managed?.tapKeys == null) return [];
  const { counted, wanted } = managed.tapKeys;
  if (counted >= wanted.atLeast) return [];
  return [
    `${managed.managedBy} wants ${wanted.atLeast} that count, and ${counted} ${counted === 1 ? 'does' : 'do'}: nothing new is given until you enrol another.`,
  ];
}

const keysOf = async (agent: AgentClient): Promise<TapKeyView[]> => (await agent.get('/v1/status', statusViewSchema)).tapKeys;

/** @throws AppError INPUT_INVALID (key): no key, or more than one, is named so */
async function findKey(agent: AgentClient, named: string): Promise<TapKeyView> {
  const found = (await keysOf(agent)).filter(({ id }) => id === named || (named.length >= SHORTEST_ID && id.startsWith(named)));
  const [only, ...more] = found;
  if (only === undefined || more.length > 0) throw new AppError('INPUT_INVALID', { reason: 'key', detail: '`lakepass keys` names them.' });
  return only;
}
