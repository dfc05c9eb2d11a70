/**
 * `lakepass profiles`: the sections of Databricks' own profile file, one of them written by us, and that taken back. The file is shared
 * with every other tool: the difference is shown first, a person says yes, and no byte of another section changes.
 */
import { randomBytes } from 'node:crypto';
import { homedir } from 'node:os';
import type { Command } from 'commander';
import { grantEndedSchema, grantProgressSchema, type StatusView, statusViewSchema } from '../../../preload/contract/control.ts';
import { AppError } from '../../app-error.ts';
import { type DatabricksFile, findDatabricksFile, openDatabricksFile, type Plan } from '../../databrickscfg/databricks-file.ts';
import type { DiffLine } from '../../databrickscfg/section.ts';
import { type AgentClient, agentAnswers, connectAgent } from '../agent-client.ts';
import { askThrough, type WaitOptions, waitOf, withWait } from '../asking.ts';
import { type CommonOptions, optionsFirst, placesOf, reachAgent, withCommon } from '../common.ts';
import { type GrantOptions, grantRequest, withScopes } from '../grant-options.ts';
import { askYes } from '../passphrase.ts';
import { failureLine, failureOf, printJson, printLine, printReport, table, tell } from '../report.ts';
import { addProfilesInit } from './profiles-init.ts';

type WriteOptions = CommonOptions & Pick<GrantOptions, 'scope' | 'workspace'> & WaitOptions & { section: string; yes?: boolean };

export function addProfiles(program: Command): void {
  const profiles = program
    .command('profiles')
    .description('the Databricks profiles in ~/.databrickscfg, one that asks Lakepass, and `init` for a profile of Lakepass itself');
  withCommon(
    profiles.command('list', { isDefault: true }).description('which profiles there are, and how each signs in'),
    'lakepass profiles',
  ).action(optionsFirst(list));
  withWait(
    withScopes(
      withCommon(
        profiles.command('write').description('write a profile that asks Lakepass; each program that uses it is asked about once'),
        'lakepass profiles write\n  lakepass profiles write --section analytics --scope sql --yes',
      ),
    ),
  )
    .option('--section <name>', 'which profile; programs that name none use DEFAULT', 'DEFAULT')
    .option('--yes', 'do not ask before writing')
    .action(optionsFirst<WriteOptions>(write));
  addProfilesInit(profiles);
  withCommon(profiles.command('undo').description('put back what was there before the last write'), 'lakepass profiles undo').action(
    optionsFirst(undo),
  );
}

const fileFor = (options: CommonOptions): DatabricksFile =>
  openDatabricksFile({
    file: findDatabricksFile(process.env, homedir(), process.cwd()),
    state: placesOf(options).state,
    random: randomBytes,
  });

async function list(options: CommonOptions): Promise<void> {
  const file = fileFor(options);
  const found = await file.look();
  if (options.json === true) return printJson({ file: file.file, ...found });
  if (!found.exists) return printLine(`There is no ${file.file} yet. Write a profile with \`lakepass profiles write\`.`);
  const rows = found.sections.map(({ name, host, auth, ours }) => [name, host ?? '', ours ? 'lakepass' : auth]);
  if (rows.length === 0) printLine(`There is no profile in ${file.file}.`);
  else printReport(table([['PROFILE', 'HOST', 'SIGNS IN BY'], ...rows]));
  if (found.canUndo) printLine('The last write can be taken back: lakepass profiles undo');
}

async function write(options: WriteOptions): Promise<void> {
  const agent = await reachAgent(options);
  const file = fileFor(options);
  const status = await agent.get('/v1/status', statusViewSchema);
  const { profile, host } = placeIn(status, options);
  const plan = await file.plan(options.section, host, status.port);
  if (options.json !== true) showPlan(plan);
  if (options.yes !== true) await askYes('Write this?');
  const body = grantRequest({ ...options, profile, workspace: host }, 'file', `profile ${options.section}`);
  const made = await askThrough(agent, { path: '/v1/grants', body, line: grantProgressSchema, wait: waitOf(options) }, (line) =>
    'made' in line ? line.made : undefined,
  );
  const backup = await writeOrEnd(agent, file, plan, { id: made.grant.id, url: made.url });
  if (options.json === true) return printJson({ file: plan.file, section: plan.section, grant: made.grant, diff: plan.diff, backup });
  printLine(`Written. Each program that uses ${plan.section} is asked about once. To take it back: lakepass profiles undo`);
}

/** A grant whose address could not be written down is of no use to anybody. */
async function writeOrEnd(
  agent: AgentClient,
  file: DatabricksFile,
  plan: Plan,
  grant: { id: string; url: string },
): Promise<string | null> {
  try {
    return await file.write(plan, grant);
  } catch (error) {
    await agent.post('/v1/grants/end', { ids: [grant.id] }, grantEndedSchema);
    throw error;
  }
}

/** The profile and workspace that are meant, as the agent would choose them. */
function placeIn({ profiles, configFile }: StatusView, { profile: name, workspace }: WriteOptions): { profile: string; host: string } {
  if (profiles.length === 0) throw new AppError('CONFIG_MISSING', { detail: `Expected at ${configFile}.` });
  if (name === undefined && profiles.length > 1)
    throw new AppError('PROFILE_NEEDED', { detail: profiles.map((each) => each.name).join(', ') });
  const profile = profiles.find((each) => name === undefined || each.name === name);
  if (profile === undefined) throw new AppError('PROFILE_UNKNOWN');
  const origin = workspace !== undefined && URL.canParse(workspace) ? new URL(workspace).origin : undefined;
  const [found, ...others] = profile.workspaces.filter(
    (each) => workspace === undefined || each.name === workspace || each.host === origin,
  );
  if (found === undefined || others.length > 0)
    throw new AppError('WORKSPACE_UNKNOWN', {
      reason: found === undefined ? 'none' : 'several',
      detail: `The profile has: ${profile.workspaces.map((each) => each.name).join(', ')}.`,
    });
  return { profile: profile.name, host: found.host };
}

function showPlan({ file, section, diff, unreadable }: Plan): void {
  printLine(file);
  printReport(diffText(diff));
  if (diff.some(({ change }) => change === 'removed'))
    tell(
      `what [${section}] holds now goes, keys that Lakepass does not know too; the file as it is now is kept for \`lakepass profiles undo\``,
    );
  if (unreadable !== null) tell(`Python's SDK cannot read this file, with or without the change: ${unreadable}`);
}

const signs: Record<DiffLine['change'], string> = { same: ' ', added: '+', removed: '-' };
const diffText = (diff: readonly DiffLine[]): string => diff.map(({ line, change }) => `${signs[change]} ${line}`.trimEnd()).join('\n');

async function undo(options: CommonOptions): Promise<void> {
  const { file, section, diff, grant } = await fileFor(options).undo();
  const ended = await endGrant(options, grant);
  if (options.json === true) return printJson({ file, section, diff, ended });
  printLine(file);
  printReport(diffText(diff));
  printLine('What was there before is back.');
}

/** Nobody knows its address any more. Without an agent it stays until its end, and opens nothing by itself. */
async function endGrant(options: CommonOptions, grant: string): Promise<boolean> {
  const places = placesOf(options);
  if (!(await agentAnswers(places))) return false;
  try {
    await connectAgent(places).post('/v1/grants/end', { ids: [grant] }, grantEndedSchema);
    return true;
  } catch (error) {
    if (failureOf(error).code !== 'GRANT_UNKNOWN') tell(`the grant of the profile could not be ended: ${failureLine(failureOf(error))}`);
    return false;
  }
}
