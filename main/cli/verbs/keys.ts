/** `lakepass keys`: the tap keys, what is proven of each; `lost` and `retire` take one out of use. Enrolling needs a page: `lakepass ui`. */
import type { Command } from 'commander';
import { statusViewSchema } from '../../../preload/contract/control.ts';
import { keyLostSchema, keyRetiredSchema, type TapKeyView } from '../../../preload/contract/tap-key.ts';
import { AppError } from '../../app-error.ts';
import type { AgentClient } from '../agent-client.ts';
import { type CommonOptions, optionsFirst, reachAgent, reporting, withCommon } from '../common.ts';
import { printJson, printLine, printReport, table } from '../report.ts';

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
  const left = await keysOf(agent);
  if (left.every(({ state }) => state !== undefined))
    printLine('No key is left in use. `lakepass reset` starts afresh; the next sign-in enrols a first key.');
}

async function retire(named: string, options: CommonOptions): Promise<void> {
  const agent = await reachAgent(options);
  const { id, name } = await findKey(agent, named);
  const answer = await agent.postProven('/v1/keys/retire', { key: id }, keyRetiredSchema);
  if (options.json === true) return printJson(answer);
  printLine(`${name} is out of use.`);
}

const keysOf = async (agent: AgentClient): Promise<TapKeyView[]> => (await agent.get('/v1/status', statusViewSchema)).tapKeys;

/** @throws AppError INPUT_INVALID (key): no key, or more than one, is named so */
async function findKey(agent: AgentClient, named: string): Promise<TapKeyView> {
  const found = (await keysOf(agent)).filter(({ id }) => id === named || (named.length >= SHORTEST_ID && id.startsWith(named)));
  const [only, ...more] = found;
  if (only === undefined || more.length > 0) throw new AppError('INPUT_INVALID', { reason: 'key', detail: '`lakepass keys` names them.' });
  return only;
}
