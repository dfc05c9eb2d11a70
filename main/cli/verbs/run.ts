/**
 * `lakepass run -- PROGRAM`: a grant for one program. The program finds the variables of the metadata service in its
 * environment; signals go to it, its exit code comes back, and the grant ends when it has exited.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Command } from 'commander';
import { type GrantMade, type GrantNews, grantEndedSchema, grantMadeSchema, grantNewsSchema } from '../../../preload/contract/control.ts';
import { onPath } from '../../on-path.ts';
import type { AgentClient } from '../agent-client.ts';
import { type CommonOptions, reachAgent, reporting, withCommon } from '../common.ts';
import { applyTo, environmentFor } from '../environment.ts';
import { type GrantOptions, grantRequest, withGrant } from '../grant-options.ts';
import { exitCodes, failureLine, failureOf } from '../report.ts';

type Options = CommonOptions & GrantOptions;

export const addRun = (program: Command): Command =>
  withGrant(
    withCommon(program.command('run').description('run a program with a grant of its own'), 'lakepass run --scope notebook -- jupyter lab'),
  )
    .argument('<program...>', 'the program and its arguments, after --')
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
  const made = await agent.post(
    '/v1/grants',
    grantRequest(options, options.label ?? program.split('/').at(-1) ?? program),
    grantMadeSchema,
  );
  const over = new AbortController();
  const news = tellRefusals(agent, made, over.signal);
  try {
    process.exitCode = await runChild(program, args, applyTo(process.env, environmentFor(made.host, made.url)));
  } finally {
    over.abort();
    await news;
    await endGrant(agent, made.grant.id);
  }
}

const passedOn = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGCONT', 'SIGWINCH'] as const;

/** Runs the child on our terminal. Resolves with its exit code, 128 + n for a signal, 126 and 127 as shells have them. */
function runChild(program: string, args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  return new Promise((resolve) => {
    let child: ChildProcess | undefined;
    // Listeners come first: a signal that arrives while the program starts must not end us and leave it behind.
    // The terminal sends Ctrl-C to the whole foreground group, so the child has it already; a `kill` of ours reaches us alone.
    const forwards = passedOn.map((signal) => {
      const forward = (): void => {
        if (signal !== 'SIGINT' || !process.stdin.isTTY) child?.kill(signal);
      };
      process.on(signal, forward);
      return () => process.off(signal, forward);
    });
    const finish = (code: number): void => {
      for (const stop of forwards) stop();
      resolve(code);
    };
    child = spawn(program, args, { stdio: 'inherit', env });
    child.once('error', (error: NodeJS.ErrnoException) => {
      process.stderr.write(`lakepass: ${program} cannot be started (${error.code ?? 'unknown'})\n`);
      finish(isMissing(error, program, env) ? exitCodes.notFound : exitCodes.notExecutable);
    });
    child.once('exit', (code, signal) => finish(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });
}

/** A folder on the PATH that may not be entered makes the system say EACCES for a program that is nowhere. */
const isMissing = ({ code }: NodeJS.ErrnoException, program: string, env: NodeJS.ProcessEnv): boolean =>
  code === 'ENOENT' || (code === 'EACCES' && !program.includes('/') && onPath(program, env['PATH'] ?? '') === undefined);

/** SDKs say "empty token" whatever the broker answers; the reason reaches the person on this terminal, once per reason. */
function tellRefusals(agent: AgentClient, made: GrantMade, signal: AbortSignal): Promise<void> {
  const told = new Set<string>();
  const tell = (news: GrantNews): void => {
    const line = 'refused' in news ? failureLine(news.refused) : `the grant has ended (${news.ended})`;
    if (told.has(line)) return;
    told.add(line);
    process.stderr.write(`lakepass: ${line}\n`);
  };
  return agent.follow(`/v1/grants/news/${made.grant.id}`, grantNewsSchema, tell, signal).catch((error: unknown) => {
    process.stderr.write(`lakepass: a refusal of this grant could not be shown here: ${failureLine(failureOf(error))}\n`);
  });
}

/** The program's own exit code matters more than a grant that is left to its end; the person is told all the same. */
async function endGrant(agent: AgentClient, id: string): Promise<void> {
  try {
    await agent.post('/v1/grants/end', { ids: [id], why: 'run-ended' }, grantEndedSchema);
  } catch {
    process.stderr.write(`lakepass: the agent is gone, so grant ${id} could not be ended; it runs until its own end\n`);
  }
}
