/**
 * `lakepass can GRANT`: what the tokens of a grant may do, and which of the two sides stands in the way: their scopes, or what was granted in
 * the workspace. From a table, without a token and without the network; `--check` takes a token and tries what costs nothing.
 */
import type { Command } from 'commander';
import { type GrantView, type StatusView, statusViewSchema } from '../../../preload/contract/control.ts';
import { AppError } from '../../app-error.ts';
import { capabilitiesDate, type Standing, standingsOf } from '../../databricks/can.ts';
import { tryCapability, type Verdict } from '../../databricks/can-check.ts';
import { Secret } from '../../secret.ts';
import { systemClock } from '../../system-clock.ts';
import { userAgentOf } from '../../user-agent.ts';
import type { AgentClient } from '../agent-client.ts';
import { type WaitOptions, waitOf, withWait } from '../asking.ts';
import { type CommonOptions, reachAgent, reporting, withCommon } from '../common.ts';
import { printJson, printLine, printReport, table } from '../report.ts';
import { takeToken } from './token.ts';

type Options = CommonOptions & WaitOptions & { check?: boolean };
type Row = Standing & { checked: Verdict | null };

export const addCan = (program: Command): Command =>
  withWait(
    withCommon(
      program.command('can').description('what the tokens of a grant may do, and what else the workspace wants for it'),
      'lakepass can g7k2\n  lakepass can g7k2 --check    # tries it at the workspace, with a token as `lakepass token` takes one',
    ),
  )
    .argument('[grant]', 'the grant, as `lakepass grants` names it; not needed when there is one')
    .option('--check', 'try what costs and changes nothing, and say which side refuses')
    .action(
      reporting(
        (id: string | undefined, options: Options) => can(id, options),
        (_, options) => options.json === true,
      ),
    );

async function can(id: string | undefined, options: Options): Promise<void> {
  const agent = await reachAgent(options);
  const view = await agent.get('/v1/status', statusViewSchema);
  const grant = grantOf(id, view.grants);
  const standings = standingsOf(heldBy(grant, view));
  const checked = options.check === true ? await check(agent, grant, { standings, authorities: view.authorities }, options) : undefined;
  const rows = standings.map((standing): Row => ({ ...standing, checked: checked?.get(standing.capability.id) ?? null }));
  if (options.json === true) return printJson(jsonOf(grant, rows));
  printReport(canText(rows, { checked: checked !== undefined }));
  printLine();
  for (const line of notesFor(grant, rows)) printLine(line);
}

function grantOf(id: string | undefined, grants: readonly GrantView[]): GrantView {
  const live = grants.filter(({ state }) => state === 'live');
  const [found, ...more] = id === undefined ? live : grants.filter((grant) => grant.id === id);
  if (id === undefined && more.length > 0)
    throw new AppError('INPUT_INVALID', { reason: 'grant', detail: 'There are several grants: name one, see `lakepass grants`.' });
  if (found === undefined) throw new AppError('GRANT_UNKNOWN');
  return found;
}

/** What its tokens open: the scopes of the grant, or of the whole sign-in where tokens are handed on as they are. */
const heldBy = (grant: GrantView, { profiles }: StatusView): readonly string[] =>
  grant.narrowed === false ? (profiles.find(({ name }) => name === grant.profile)?.direct ?? grant.scopes) : grant.scopes;

/** @throws AppError as the token is refused, or the workspace does not answer */
async function check(
  agent: AgentClient,
  grant: GrantView,
  { standings, authorities }: { standings: readonly Standing[]; authorities: StatusView['authorities'] | undefined },
  options: Options,
): Promise<Map<string, Verdict | null>> {
  const body = { profile: grant.profile, workspace: grant.workspace, scopes: grant.scopes };
  const { access_token } = await takeToken(agent, body, waitOf(options));
  const { createOutbound } = await import('../../net/outbound.ts');
  const { fetch, use } = createOutbound({ env: process.env, clock: systemClock });
  use(authorities ?? {});
  const tried = { workspace: grant.workspace, token: new Secret(access_token), userAgent: userAgentOf() };
  const verdicts = new Map<string, Verdict | null>();
  for (const { capability } of standings)
    verdicts.set(capability.id, await tryCapability({ clock: systemClock, fetch }, tried, capability));
  return verdicts;
}

const verdictWords: Record<Verdict, string> = {
  works: 'works',
  nothing: 'answers, with nothing you may use: the grant is missing',
  scope: 'refused for the scope of the token',
  grant: 'refused by the workspace: the grant is missing',
  absent: 'not offered here',
  unclear: 'no clear answer',
};

/** One row for each capability, the two sides apart. */
export function canText(rows: readonly Row[], { checked }: { checked: boolean }): string {
  const words = ({ checked: verdict }: Row): string => (verdict === null ? 'not tried' : verdictWords[verdict]);
  return table([
    ['MAY', 'SCOPE', ...(checked ? ['AT THE WORKSPACE'] : []), 'ALSO NEEDS', 'FROM'],
    ...rows.map((row) => [
      ...[row.capability.words, row.scope === 'yes' ? 'yes' : `no: ${row.missing.join(' ')}`],
      ...(checked ? [words(row)] : []),
      ...[row.capability.grant, row.capability.how],
    ]),
  ]);
}

function notesFor(grant: GrantView, rows: readonly Row[]): string[] {
  const [wanting] = rows.filter(({ scope }) => scope === 'no');
  const whom = grant.actsAs === undefined ? 'you' : `the service principal ${grant.actsAs}`;
  return [
    `Both sides must agree: the scope of the token, and what ${whom} may do in the workspace. Scopes as known on ${capabilitiesDate}.`,
    ...(grant.narrowed === false ? ['The tokens of this grant open all that the sign-in authorised, not its scopes alone.'] : []),
    ...(wanting === undefined ? [] : [`For a scope that is missing: lakepass grants add ${grant.id} ${wanting.missing.join(' ')}`]),
  ];
}

const jsonOf = (grant: GrantView, rows: readonly Row[]): object => ({
  grant: grant.id,
  scopes: grant.scopes,
  asOf: capabilitiesDate,
  can: rows.map(({ capability: { id, words, grant: needs, how }, scope, missing, checked }) => ({
    ...{ id, words, scope: scope === 'yes', missingScopes: missing, grant: needs, how },
    ...(checked === null ? {} : { checked }),
  })),
});
