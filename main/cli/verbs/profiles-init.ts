/**
 * `lakepass profiles init`: from an issuer and a workspace to a token, step by step. It shows what it found and what it would write, asks, signs
 * the person in, tries every workspace, and ends with "works" or with the one step that is missing.
 */
import { type Command, Option } from 'commander';
import { statusViewSchema, workspaceProfileAnswerSchema } from '../../../preload/contract/control.ts';
import {
  type ProfileDraft,
  type ProfileTrial,
  profileInitAnswerSchema,
  profileInitRequestSchema,
  profileTrialSchema,
} from '../../../preload/contract/profile-init.ts';
import type { SessionView } from '../../../preload/contract/session.ts';
import { AppError } from '../../app-error.ts';
import { presetNames } from '../../idp/presets.ts';
import { seconds } from '../../units.ts';
import type { AgentClient } from '../agent-client.ts';
import { type CommonOptions, reachAgent, reporting, withCommon } from '../common.ts';
import { askWord, askYes } from '../passphrase.ts';
import { exitCodeOf, exitCodes, failureLine, printJson, printLine, printReport } from '../report.ts';
import { doctorText } from './doctor.ts';
import { sessionLine, signIn, untilApproved } from './login.ts';

interface Options extends CommonOptions {
  clientId?: string;
  domain?: string;
  preset?: string;
  test?: boolean;
  check?: boolean;
  yes?: boolean;
}
type Request = Record<string, unknown>;

const example =
  'lakepass profiles init https://acme.okta.com https://acme.cloud.databricks.com --client-id 0oa1b2c3\n  lakepass profiles init https://acme.cloud.databricks.com --check';

export const addProfilesInit = (profiles: Command): Command =>
  withCommon(
    profiles
      .command('init')
      .description('make a profile of Lakepass from an issuer and a workspace: look, write, sign in, try')
      .argument('[addresses...]', 'issuer and workspaces in any order; a workspace alone signs people in itself'),
    example,
  )
    .option('--client-id <id>', 'the public (native) client that is registered for Lakepass at the issuer')
    .option('-p, --profile <name>', 'the name of the profile; made of the workspace without it')
    .addOption(
      new Option('--preset <name>', 'what kind of provider it is, where its address does not say').choices(
        presetNames.filter((name) => name !== 'databricks'),
      ),
    )
    .option('--domain <domain>', 'Google: the domain of your organisation')
    .option('--test', 'a test profile, for which plain http on this machine is accepted')
    .option('--check', 'look only; nothing is written and nobody is signed in')
    .option('--yes', 'do not ask before writing')
    .action(
      reporting(
        (addresses: string[], options: Options) => init(addresses, options),
        (_, options) => options.json === true,
      ),
    );

async function init(addresses: string[], options: Options): Promise<void> {
  const given = {
    ...{ addresses, clientId: options.clientId, name: options.profile, preset: options.preset },
    ...{ domain: options.domain, test: options.test === true },
  };
  const parsed = profileInitRequestSchema.safeParse(given);
  if (!parsed.success) throw new AppError('INPUT_INVALID', { reason: String(parsed.error.issues[0]?.path[0] ?? 'options') });
  const agent = await reachAgent(options);
  const { draft, request } = await draftOf(agent, parsed.data, options);
  const isFit = draft.checks.every(({ state }) => state !== 'bad');
  if (options.json !== true) showDraft(draft);
  if (options.check === true || !isFit) {
    if (!isFit) process.exitCode = exitCodes.failed;
    if (options.json === true) return printJson({ ...draft, works: null, written: false, trial: null });
    const [missing] = draft.checks.flatMap(({ state, next }) => (state === 'bad' ? (next ?? []) : []));
    if (missing !== undefined) printLine(`Nothing was written. The step that is missing: ${missing} Then run this again.`);
    return;
  }
  const profile = draft.state === 'in-use' ? draft.profile : await write(agent, draft, request, options);
  const session = await signedIn(agent, profile);
  if (options.json !== true) printLine(sessionLine(session));
  const trial = await agent.postProven('/v1/profiles/try', { profile }, profileTrialSchema, seconds(60));
  const works = reportTrial(trial, options);
  if (options.json === true) printJson({ ...draft, profile, works, written: draft.state === 'new', trial });
}

/** Asks the agent, and the person for what is missing. @throws AppError INPUT_INVALID: there is no terminal to ask at */
async function draftOf(agent: AgentClient, given: Request, options: Options): Promise<{ draft: ProfileDraft; request: Request }> {
  const request = { ...given };
  for (;;) {
    const answer = await agent.postProven('/v1/profiles/draft', request, profileInitAnswerSchema, seconds(60));
    if (answer.missing === null) return { draft: answer, request };
    const { missing, what, known } = answer;
    if (options.json !== true) for (const line of known) printLine(line);
    const isChoice = missing === 'issuer';
    const typed = await askWord(`${what}${isChoice ? ' (empty: the workspace signs you in itself)' : ''}: `);
    const text = typed?.trim() ?? '';
    // A workspace alone is enough: it can sign people in itself.
    if (isChoice && text === '') request['issuer'] = null;
    else if (text === '') throw new AppError('INPUT_INVALID', { reason: missing, detail: `Name ${what}${flags[missing]}.` });
    else request[missing] = text;
  }
}

const flags = {
  issuer: '',
  workspace: '',
  clientId: ': --client-id ID',
  clientSecret: ' at a terminal',
  domain: ': --domain DOMAIN',
} as const;

function showDraft(draft: ProfileDraft): void {
  const { displayName, because, notes, register, redirects, scopes, checks, state, file, text, profile } = draft;
  printLine(`${displayName}: ${because}`);
  for (const note of notes) printLine(note);
  printLine(`Issuer: ${draft.issuer}`);
  printLine(`Client: ${draft.clientId}`);
  printLine(`Scopes of the sign-in: ${scopes.join(' ')}`);
  printLine(`Redirect to register: ${register}${redirects.length === 0 ? '' : ':'}`);
  for (const redirect of redirects) printLine(`  ${redirect}`);
  printLine();
  printReport(doctorText({ checks }));
  printLine();
  if (checks.some((check) => check.state === 'bad')) return;
  if (state === 'in-use') printLine(`The profile ${profile} says the same; nothing is to be written.`);
  else printReport(`To be added to ${file}:\n${text.replace(/^/gm, '  ')}`);
}

/** As it was shown, under the same name. */
async function write(agent: AgentClient, draft: ProfileDraft, request: Request, { yes, json }: Options): Promise<string> {
  if (yes !== true) await askYes('Write this?');
  const wanted = { ...request, name: draft.profile };
  const { profile, state } = await agent.postProven('/v1/profiles/add', wanted, workspaceProfileAnswerSchema);
  if (json !== true) printLine(`Written: ${profile}.`);
  if (state === 'waiting') await untilApproved(agent, profile);
  return profile;
}

async function signedIn(agent: AgentClient, profile: string): Promise<SessionView> {
  const { profiles } = await agent.get('/v1/status', statusViewSchema);
  const held = profiles.find(({ name }) => name === profile)?.session;
  return held?.phase === 'signed-in' ? held : (await signIn(agent, profile, false)).session;
}

/** @returns whether every workspace gave a token */
function reportTrial({ profile, workspaces, claims, policy }: ProfileTrial, { json }: Options): boolean {
  const refused = workspaces.flatMap(({ failure }) => failure ?? []);
  const [first] = refused;
  if (first !== undefined) process.exitCode = exitCodeOf(first);
  if (json === true) return first === undefined;
  for (const { name, host, failure } of workspaces)
    printLine(failure === null ? `${name}: ${host} gave a token.` : `! ${name}: ${failureLine(failure)}`);
  if (first === undefined) {
    printLine(`works. Next: lakepass run --profile ${profile} -- PROGRAM`);
    return true;
  }
  for (const { title, finding, next } of claims) printLine([`${title}: ${finding}`, next].filter(Boolean).join(' '));
  if (policy !== null) {
    printLine('A policy that takes this token, where there is none yet; an account admin makes it for everybody in the account:');
    printLine(`  ${policy.account}`);
    printLine('or for one service principal (SERVICE_PRINCIPAL_ID is its number, not its application id):');
    printLine(`  ${policy.servicePrincipal}`);
  }
  printLine('Then run this again: the profile is there, and only what is missing is done.');
  return false;
}
