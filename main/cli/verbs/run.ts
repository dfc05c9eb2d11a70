/**
 * `lakepass run -- PROGRAM`: a grant for one program and what it starts. The program finds the variables of the metadata service in
 * its environment; signals go to it and its exit code comes back. The agent ends the grant when the last of its processes has
 * exited, which may be later than the program itself.
 */
import type { Command } from 'commander';
import {
  type GrantMade,
  type GrantNews,
  grantNewsSchema,
  grantProgressSchema,
  grantViewSchema,
  statusViewSchema,
} from '../../../preload/contract/control.ts';
import { createLease } from '../../apps/lease.ts';
import { checkFirstToken } from '../../databricks/preflight.ts';
import { systemClock } from '../../system-clock.ts';
import type { AgentClient } from '../agent-client.ts';
import { askingText, askThrough, type WaitOptions, waitOf } from '../asking.ts';
import { runChild } from '../child.ts';
import { type CommonOptions, reachAgent, reporting, withCommon } from '../common.ts';
import { applyTo, environmentFor, withoutWorkloads } from '../environment.ts';
import { type GrantOptions, grantRequest, withGrant } from '../grant-options.ts';
import { exitCodes, failureLine, failureOf, tell } from '../report.ts';

type Options = CommonOptions & GrantOptions & WaitOptions & { check?: boolean };

export const addRun = (program: Command): Command =>
  withGrant(withCommon(program.command('run').description('run a program with a grant of its own'), 'lakepass run -- jupyter lab'))
    .argument('<program...>', 'the program and its arguments, after --')
    .option('--check', 'compare the first token with workspace and scopes before the program starts')
    .passThroughOptions()
    .action(
      reporting(
        (words: string[], options: Options) => run(words, options),
        (_, options) => options.json === true,
        exitCodes.runFailed,
      ),
    );

async function run([program = '', ...args]: string[], options: Options): Promise<void> {
  const agent = await reachAgent(options);
  const body = { ...grantRequest(options, 'run', options.label ?? program.split('/').at(-1) ?? program), program: program.slice(0, 4096) };
  const made = await askThrough(agent, { path: '/v1/grants', body, line: grantProgressSchema, wait: waitOf(options) }, (line) =>
    'made' in line ? line.made : undefined,
  );
  const over = new AbortController();
  const news = tellNews(agent, made, over.signal);
  let registered: Promise<void> | undefined;
  const onStart = (pid: number): void => {
    registered = register(agent, made, pid);
  };
  try {
    if (options.check === true) await checkFirst(made);
    const { servicePrincipals } = await agent.get('/v1/status', statusViewSchema);
    const env = applyTo(process.env, withoutWorkloads(environmentFor(made.host, made.url, made.accountId), servicePrincipals));
    process.exitCode = await runChild({ id: made.grant.id, program, args, env, onStart });
  } finally {
    await registered;
    over.abort();
    await news;
  }
}

/** @throws AppError TOKEN_UNFIT, or as the broker refuses: then nothing is started */
async function checkFirst({ grant, host, url }: GrantMade): Promise<void> {
  const token = await createLease({ clock: systemClock, url, workspace: host }).token();
  checkFirstToken(token, { workspace: host, scopes: grant.scopes });
}

/** The program runs all the same: as our child it is one of the run's, only what outlives us may be asked about. */
async function register(agent: AgentClient, { grant }: GrantMade, pid: number): Promise<void> {
  try {
    await agent.postProven('/v1/grants/child', { grant: grant.id, pid }, grantViewSchema);
  } catch (error) {
    // One that has ended by then need not be known to anybody.
    if (isThere(pid)) tell(`the program could not be made known to the agent: ${failureLine(failureOf(error))}`);
  }
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const answers = { approved: 'you allowed it', denied: 'you refused it', unanswered: 'nobody answered' } as const;

/** One line for what has become of the grant. */
export function newsText(news: GrantNews): string {
  if ('refused' in news) return failureLine(news.refused);
  if ('due' in news) return failureLine(news.due);
  if ('asking' in news) return askingText(news);
  if ('answered' in news) return answers[news.answered];
  return `the grant has ended (${news.ended})`;
}

/** SDKs say "empty token" whatever the broker answers; the reason reaches the person on this terminal, once per reason. */
export function tellNews(agent: AgentClient, made: GrantMade, signal: AbortSignal): Promise<void> {
  const told = new Set<string>();
  const hear = (news: GrantNews): void => {
    const line = newsText(news);
    if ('answered' in news) told.clear();
    if (told.has(line)) return;
    told.add(line);
    tell(line);
  };
  return agent.followProven(`/v1/grants/news/${made.grant.id}`, grantNewsSchema, hear, signal).catch((error: unknown) => {
    tell(`what becomes of this grant could not be shown here: ${failureLine(failureOf(error))}`);
  });
}
