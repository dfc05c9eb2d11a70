/** `lakepass login`: signs a person in with the system browser and waits for the outcome; with a workspace's address, it makes the profile first. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import { z } from 'zod';
import {
  signInOutcomeSchema,
  signInStartedSchema,
  statusViewSchema,
  uiOpenedSchema,
  workspaceProfileAnswerSchema,
} from '../../../preload/contract/control.ts';
import type { SessionView } from '../../../preload/contract/session.ts';
import { AppError } from '../../app-error.ts';
import { minutes } from '../../units.ts';
import type { AgentClient } from '../agent-client.ts';
import { type CommonOptions, reachAgent, reporting, withCommon, withProfile } from '../common.ts';
import { printJson, printLine, timeLeft } from '../report.ts';

interface Options extends CommonOptions {
  cancel?: boolean;
  stepUp?: boolean;
  scope?: string[];
  name?: string;
  clientId?: string;
  redirectPort?: string;
  test?: boolean;
}

const oneMore = (word: string, before: string[] = []): string[] => [...before, ...word.split(/[\s,]+/).filter(Boolean)];

export const addLogin = (program: Command): Command =>
  withProfile(
    withCommon(
      program
        .command('login')
        .description('sign in at the identity provider, or at a workspace itself, in your browser')
        .argument('[workspace]', 'address of a workspace; where no profile has it, one is made that signs in at Databricks itself'),
      'lakepass login --profile acme\n  lakepass login https://acme.cloud.databricks.com --scope sql',
    ),
  )
    .option('--cancel', 'cancel the sign-in that is waiting in the browser')
    .option('--step-up', 'sign in afresh and as strongly as policy asks, although a session runs')
    .option('-s, --scope <scope>', 'with a workspace: what the sign-in is for, a bundle or a scope; all you may do without it', oneMore)
    .option('--name <name>', 'with a workspace: the name of the profile')
    .option('--client-id <id>', 'with a workspace: a custom OAuth app of your account instead of the built-in client')
    .option('--redirect-port <port>', 'with --client-id: its redirect is http://localhost:PORT')
    .option('--test', 'with a workspace: a test profile, for which plain http on this machine is accepted')
    .action(
      reporting(
        (workspace: string | undefined, options: Options) => login(workspace, options),
        (_, options) => options.json === true,
      ),
    );

async function login(workspace: string | undefined, options: Options): Promise<void> {
  requireFitting(workspace, options);
  const agent = await reachAgent(options);
  const name = workspace === undefined ? options.profile : await profileOf(agent, workspace, options);
  const profile = name === undefined ? {} : { profile: name };
  if (options.cancel === true) {
    const { cancelled } = await agent.post('/v1/sign-in/cancel', profile, z.object({ cancelled: z.boolean() }));
    if (options.json === true) printJson({ cancelled });
    else printLine(cancelled ? 'The sign-in was cancelled.' : 'No sign-in was waiting.');
    return;
  }
  const outcome = await signIn(agent, name, options.stepUp === true);
  if (options.json === true) printJson(outcome);
  else printLine(sessionLine(outcome.session));
}

/** Opens the browser, or says what to open, and waits for the person. @throws ReportedFailure: why it came to nothing */
export async function signIn(agent: AgentClient, name: string | undefined, stepUp: boolean): Promise<z.output<typeof signInOutcomeSchema>> {
  const profile = name === undefined ? {} : { profile: name };
  return inBrowser(agent, profile, async () => {
    const started = await agent.postProven('/v1/sign-in', { ...profile, stepUp }, signInStartedSchema);
    sendToBrowser(started, 'touch your key');
    return agent.get(`/v1/sign-in?profile=${encodeURIComponent(started.profile)}`, signInOutcomeSchema, BROWSER_LIMIT);
  });
}

/** Longer than the agent waits for a person. */
export const BROWSER_LIMIT = minutes(30);

/** Ctrl-C ends the wait in the agent too; the failure that follows is what is reported. */
export async function inBrowser<T>(agent: AgentClient, profile: { profile?: string }, run: () => Promise<T>): Promise<T> {
  const cancel = (): void => void agent.post('/v1/sign-in/cancel', profile, z.object({ cancelled: z.boolean() })).catch(() => undefined);
  process.once('SIGINT', cancel);
  try {
    return await run();
  } finally {
    process.off('SIGINT', cancel);
  }
}

/** People who asked for JSON read standard output with a program; the URL is for their eyes. */
export function sendToBrowser({ url, browser }: { url: string; browser: 'opened' | 'none' }, act: string): void {
  process.stderr.write(
    browser === 'opened'
      ? `Your browser is open: ${act} there. If it did not open, use this address:\n`
      : `Open this address in a browser on this machine and ${act}:\n`,
  );
  process.stderr.write(`  ${url}\n`);
}

const wrong = (detail: string) => new AppError('INPUT_INVALID', { reason: 'options', detail });

function requireFitting(workspace: string | undefined, options: Options): void {
  const { scope, name, clientId, redirectPort, test, profile, cancel } = options;
  const isOfWorkspace = [scope, name, clientId, redirectPort, test].some((option) => option !== undefined);
  if (workspace === undefined && isOfWorkspace) throw wrong('Name the workspace: lakepass login https://HOST.');
  if (workspace !== undefined && (profile !== undefined || cancel === true)) throw wrong('Name either a workspace or a profile.');
}

/** The profile to sign in with; where it was added to a file, once the person has approved that. */
async function profileOf(agent: AgentClient, workspace: string, { scope, name, clientId, redirectPort, test }: Options): Promise<string> {
  const request = {
    ...{ workspace, scopes: scope ?? [], test: test === true },
    ...(name === undefined ? {} : { name }),
    ...(clientId === undefined ? {} : { clientId }),
    ...(redirectPort === undefined ? {} : { redirectPort: Number(redirectPort) }),
  };
  const { profile, state } = await agent.postProven('/v1/profiles/workspace', request, workspaceProfileAnswerSchema);
  if (state === 'in-use') return profile;
  process.stderr.write(`${toldOfProfile(profile, scope ?? [], clientId)}\n`);
  if (state === 'waiting') await untilApproved(agent, profile);
  return profile;
}

/** What a person should know of such a sign-in before it begins. */
export function toldOfProfile(profile: string, scopes: readonly string[], clientId: string | undefined): string {
  const width =
    scopes.length === 0
      ? 'Its tokens are not narrowed: each opens all you may do in Databricks, whatever a program asks for; --scope makes a profile that is narrower.'
      : `Its tokens are for ${scopes.join(' ')} and nothing else.`;
  const client =
    clientId === undefined
      ? 'It uses the public client of the Databricks CLI; whether Databricks means other programs to use it is not confirmed. With --client-id and --redirect-port it uses an OAuth app of your account.'
      : `It uses the OAuth app ${clientId}.`;
  return [
    `Profile ${profile}: you sign in at the workspace itself.`,
    width,
    client,
    'Databricks does not say how you signed in: assurance unknown.',
  ].join('\n  ');
}

const LOOK_AGAIN_MS = 500;
/** As long as the person can be asked. */
const APPROVAL_LIMIT = minutes(10);

/** @throws AppError CONFIG_UNAPPROVED: it was refused, or nobody answered */
export async function untilApproved(agent: AgentClient, profile: string): Promise<void> {
  process.stderr.write('It was added to your configuration; approve that in Lakepass with your key.\n');
  const { url } = await agent.post('/v1/ui', {}, uiOpenedSchema);
  if (url !== null) process.stderr.write(`  ${url}\n`);
  for (let waited = 0; waited < APPROVAL_LIMIT; waited += LOOK_AGAIN_MS) {
    const { profiles, queue } = await agent.get('/v1/status', statusViewSchema);
    if (profiles.some(({ name }) => name === profile)) return;
    const last = queue.history.find(({ purpose }) => purpose === 'profile');
    const isAsked = queue.asks.some(({ purpose }) => purpose === 'profile');
    if (!isAsked && last?.outcome === 'denied') break;
    await pause(LOOK_AGAIN_MS);
  }
  throw new AppError('CONFIG_UNAPPROVED', { detail: `The profile "${profile}" is in the file and not in use.` });
}

export const sessionLine = (session: SessionView): string => {
  if (session.phase !== 'signed-in' || session.identity === null || session.assurance === null) return 'Signed out.';
  const { username } = session.identity;
  const ends = session.endsAt === null ? '' : `, ends ${timeLeft(session.endsAt)}`;
  return `Signed in as ${username} (assurance ${session.assurance.level}: ${session.assurance.because})${ends}.`;
};
