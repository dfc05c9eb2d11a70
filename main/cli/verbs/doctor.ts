/**
 * `lakepass doctor`: what is wrong, each thing in one sentence with what to do. Of this terminal only names of variables are told to the agent.
 * A pasted error is explained here, in this process: the text goes nowhere.
 */
import type { Command } from 'commander';
import { grantListSchema } from '../../../preload/contract/control.ts';
import { type DoctorView, doctorLineSchema } from '../../../preload/contract/doctor.ts';
import { AppError } from '../../app-error.ts';
import { scopeCatalogue } from '../../databricks/scopes.ts';
import { foundFailure } from '../../doctor/check.ts';
import { rivalVariables } from '../../doctor/databricks-settings.ts';
import { type ExplainParts, explain, LARGEST_PASTE } from '../../doctor/explain.ts';
import type { AgentClient } from '../agent-client.ts';
import { type CommonOptions, optionsFirst, placesOf, reachAgent, withCommon } from '../common.ts';
import { exitCodes, failureOf, printJson, printLine, printReport } from '../report.ts';
import { writeSupportFile } from '../support-file.ts';

type Check = DoctorView['checks'][number];
type Options = CommonOptions & { grant?: string; explain?: boolean; bundle?: string };

export const addDoctor = (program: Command): Command =>
  withCommon(
    program.command('doctor').description('what is wrong with signing in and tokens, and how to mend it'),
    'lakepass doctor\n  some-program 2>&1 | lakepass doctor --explain\n  lakepass doctor --bundle lakepass-support.json',
  )
    .option('-p, --profile <name>', 'look at the provider and the workspaces of this profile alone')
    .option('--grant <id>', 'look at this grant, too')
    .option('--explain', 'say what an error means: paste it, or pipe it in, and end with Ctrl-D')
    .option('--bundle <file>', 'write a support file without secrets, to send to whoever helps; .gz: compressed')
    .action(optionsFirst<Options>(doctor));

async function doctor(options: Options): Promise<void> {
  if (options.explain === true) return explainPasted(options);
  const view = await viewOf(options);
  if (options.bundle !== undefined) return saveSupportFile(options.bundle, options, view);
  if (view.checks.some(({ state }) => state === 'bad')) process.exitCode = exitCodes.failed;
  if (options.json === true) return printJson(view);
  printReport(doctorText(view));
}

async function saveSupportFile(file: string, options: Options, { checks }: DoctorView): Promise<void> {
  await writeSupportFile(file, { places: placesOf(options), checks });
  if (options.json === true) return printJson({ file });
  printLine(`Written: ${file}. It holds hosts, names of profiles and scopes, and no token, key or person. Read it before you send it.`);
}

/** Where no agent can be had, that is what is found. */
export async function viewOf(options: Options): Promise<DoctorView> {
  let agent: AgentClient;
  try {
    agent = await reachAgent(options);
  } catch (error) {
    const { finding, next, state, code } = foundFailure('bad', failureOf(error));
    return { checks: [{ id: 'agent', title: 'The agent', state, finding, next: next ?? null, code: code ?? null }] };
  }
  return lookFor(agent, options);
}

async function lookFor(agent: AgentClient, { profile, grant, json }: Options): Promise<DoctorView> {
  const variables = namesToTell(process.env).join(',');
  const query = new URLSearchParams({
    variables,
    ...(profile === undefined ? {} : { profile }),
    ...(grant === undefined ? {} : { grant }),
  });
  const progress = showProgress(json !== true && process.stderr.isTTY === true);
  let view: DoctorView | undefined;
  try {
    await agent.follow(
      `/v1/doctor?${query}`,
      doctorLineSchema,
      (line) => {
        if ('view' in line) view = line.view;
        else progress.tell('looks' in line ? { looks: line.looks } : {});
      },
      new AbortController().signal,
    );
  } finally {
    progress.end();
  }
  if (view === undefined) throw new AppError('AGENT_NOT_RUNNING');
  return view;
}

const proxyNames = /^(?:https?|all|no)_proxy$/i;

/** Of the environment, the names that matter here. A value never leaves this process. */
export const namesToTell = (env: NodeJS.ProcessEnv): string[] =>
  [...rivalVariables(env), ...Object.keys(env).filter((name) => proxyNames.test(name) && env[name])].slice(0, 60);

/** One line on the terminal that is written over, and gone at the end. */
function showProgress(isWanted: boolean): { tell(line: { looks?: number }): void; end(): void } {
  let looks = 0;
  let done = -1;
  return {
    tell(line) {
      looks = line.looks ?? looks;
      done += 1;
      if (isWanted) process.stderr.write(`\rLooking: ${done} of ${looks}`);
    },
    end() {
      if (isWanted && done >= 0) process.stderr.write('\r\u001b[K');
    },
  };
}

const signs: Record<Check['state'], string> = { bad: '!', weak: '~', unknown: '?', good: ' ' };
const worstFirst = ['bad', 'weak', 'unknown', 'good'] as const;

/** The whole look as people read it, worst first. */
export function doctorText({ checks }: DoctorView): string {
  const sorted = worstFirst.flatMap((state) => checks.filter((check) => check.state === state));
  const lines = sorted.map(({ state, title, finding, next, code }) =>
    [`${signs[state]} ${title}: ${finding}`, next, code === null ? null : `[${code}]`].filter(Boolean).join(' '),
  );
  const bad = checks.filter(({ state }) => state === 'bad').length;
  const sum = bad === 0 ? 'Nothing fails.' : `${bad} ${bad === 1 ? 'thing fails' : 'things fail'}, marked with !.`;
  return [...lines, '', sum].join('\n');
}

async function explainPasted(options: Options): Promise<void> {
  const text = await pasted();
  const explained = explain(text, await explainParts(options));
  if (options.json === true) return printJson(explained);
  const { warning, sentence, next, source } = explained;
  if (warning !== null) printLine(`! ${warning}`);
  printLine(`${sentence} ${next}`);
  if (source !== null) printLine(`(${source})`);
}

/** Of the agent only the grant's scopes are asked, and only where a grant is named. */
async function explainParts({ grant: id, ...options }: Options): Promise<ExplainParts> {
  const scopes = scopeCatalogue;
  if (id === undefined) return { scopes };
  const { grants } = await (await reachAgent(options)).get('/v1/grants', grantListSchema);
  const held = grants.find((each) => each.id === id);
  if (held === undefined) throw new AppError('GRANT_UNKNOWN');
  return { scopes, held };
}

/** Standard input to its end, or to what is too much. */
async function pasted(): Promise<string> {
  if (process.stdin.isTTY) process.stderr.write('Paste the error, then press Ctrl-D on a line of its own.\n');
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > LARGEST_PASTE) break;
  }
  return Buffer.concat(chunks).toString('utf8');
}
