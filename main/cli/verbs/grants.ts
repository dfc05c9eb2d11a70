/** `lakepass grants`: who has what until when; `grants add` asks for more scopes on a live one, `grants revoke` ends them. */
import type { Command } from 'commander';
import { type GrantView, grantEndedSchema, grantListSchema, widenProgressSchema } from '../../../preload/contract/control.ts';
import { AppError } from '../../app-error.ts';
import { askThrough, type WaitOptions, waitOf, withWait } from '../asking.ts';
import { callerText } from '../caller-text.ts';
import { type CommonOptions, optionsFirst, reachAgent, reporting, withCommon } from '../common.ts';
import { printJson, printLine, printReport, table, timeLeft } from '../report.ts';

type RevokeOptions = CommonOptions & { all?: boolean };
type AddOptions = CommonOptions & WaitOptions;

export function addGrants(program: Command): void {
  const grants = program.command('grants').description('list, widen and revoke grants');
  withCommon(grants.command('list', { isDefault: true }).description('who has what until when'), 'lakepass grants --json').action(
    optionsFirst(list),
  );
  withWait(
    withCommon(
      grants
        .command('add')
        .description('ask for more scopes on a live grant; its programs have them at their next call, at the same URL')
        .argument('<grant>', 'the grant, as `lakepass grants` names it')
        .argument('<scopes...>', 'scope bundles or Databricks scopes'),
      'lakepass grants add g7k2 ml',
    ),
  ).action(
    reporting(
      (grant: string, scopes: string[], options: AddOptions) => add(grant, scopes, options),
      (_, __, options) => options.json === true,
    ),
  );
  withCommon(grants.command('revoke').description('end grants now').argument('[ids...]', 'grants to end'), 'lakepass grants revoke --all')
    .option('--all', 'end every grant')
    .action(reporting(revoke, (_, options) => options.json === true));
}

async function list(options: CommonOptions): Promise<void> {
  const agent = await reachAgent(options);
  const { grants } = await agent.get('/v1/grants', grantListSchema);
  if (options.json === true) return printJson({ grants });
  if (grants.length === 0) printLine('No grants. Make one with `lakepass run` or `lakepass env`.');
  else printReport(grantTable(grants));
}

/** What a grant is for, in a word: a run's processes, a shell's, or whoever is allowed after asking. */
const boundTo: Record<GrantView['binding'], string> = { run: 'run', tree: 'shell', file: 'file: each program is asked about' };

const stateOf = ({ state, paused }: GrantView): string => (state === 'live' && paused ? 'paused' : state);

const scopesOf = ({ scopes, narrowed, actsAs }: GrantView): string =>
  `${scopes.join(' ')}${narrowed === false ? ' (not narrowed)' : ''}${actsAs === undefined ? '' : ` (acts as ${actsAs})`}`;

/** Grants as people read them, here and in `status`. */
export const grantTable = (grants: readonly GrantView[]): string =>
  table([
    ['GRANT', 'STATE', 'SCOPES', 'WORKSPACE', 'ENDS', 'SERVED', 'BOUND TO', 'PROCESSES', 'MADE FOR', 'LABEL'],
    ...grants.map((grant) => [
      ...[grant.id, stateOf(grant), scopesOf(grant), grant.workspace, timeLeft(grant.until), String(grant.served)],
      ...[boundTo[grant.binding], String(grant.members), callerText(grant.caller), grant.label],
    ]),
  ]);

async function add(grant: string, scopes: string[], options: AddOptions): Promise<void> {
  const agent = await reachAgent(options);
  const words = scopes.flatMap((word) => word.split(/[\s,]+/).filter(Boolean));
  const asked = { path: '/v1/grants/widen', body: { grant, scopes: words }, line: widenProgressSchema, wait: waitOf(options) };
  const widened = await askThrough(agent, asked, (line) => ('widened' in line ? line.widened : undefined));
  if (options.json === true) printJson({ grant: widened });
  else printLine(`${widened.id} now has ${widened.scopes.join(' ')}.`);
}

async function revoke(ids: string[], options: RevokeOptions): Promise<void> {
  if (ids.length > 0 === (options.all === true))
    throw new AppError('INPUT_INVALID', { reason: 'ids', detail: 'Name grants, or say --all.' });
  const agent = await reachAgent(options);
  const { ended } = await agent.post('/v1/grants/end', options.all === true ? { all: true } : { ids }, grantEndedSchema);
  if (options.json === true) printJson({ ended });
  else printLine(`${ended} ended. A client may keep the answer it has until its lease is over; a copied token lives to its own end.`);
}
