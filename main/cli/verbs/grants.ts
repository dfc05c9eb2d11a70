/** `lakepass grants`: who has what until when; `lakepass grants revoke` ends them. */
import type { Command } from 'commander';
import { grantEndedSchema, grantListSchema } from '../../../preload/contract/control.ts';
import { AppError } from '../../app-error.ts';
import { type CommonOptions, optionsFirst, reachAgent, reporting, withCommon } from '../common.ts';
import { printJson, printLine, table, timeLeft } from '../report.ts';

type RevokeOptions = CommonOptions & { all?: boolean };

export function addGrants(program: Command): void {
  const grants = program.command('grants').description('list and revoke grants');
  withCommon(grants.command('list', { isDefault: true }).description('who has what until when'), 'lakepass grants --json').action(
    optionsFirst(list),
  );
  withCommon(grants.command('revoke').description('end grants now').argument('[ids...]', 'grants to end'), 'lakepass grants revoke --all')
    .option('--all', 'end every grant')
    .action(reporting(revoke, (_, options) => options.json === true));
}

async function list(options: CommonOptions): Promise<void> {
  const agent = await reachAgent(options);
  const { grants } = await agent.get('/v1/grants', grantListSchema);
  if (options.json === true) return printJson({ grants });
  if (grants.length === 0) return printLine('No grants. Make one with `lakepass run` or `lakepass env`.');
  const rows = grants.map((grant) => [
    grant.id,
    grant.state,
    grant.scopes.join(' '),
    grant.workspace,
    timeLeft(grant.until),
    String(grant.served),
    grant.label,
  ]);
  printLine(table([['GRANT', 'STATE', 'SCOPES', 'WORKSPACE', 'ENDS', 'SERVED', 'FOR'], ...rows]));
}

async function revoke(ids: string[], options: RevokeOptions): Promise<void> {
  if (ids.length > 0 === (options.all === true))
    throw new AppError('INPUT_INVALID', { reason: 'ids', detail: 'Name grants, or say --all.' });
  const agent = await reachAgent(options);
  const { ended } = await agent.post('/v1/grants/end', options.all === true ? { all: true } : { ids }, grantEndedSchema);
  if (options.json === true) printJson({ ended });
  else printLine(`${ended} ended. A client may keep the answer it has until its lease is over; a copied token lives to its own end.`);
}
