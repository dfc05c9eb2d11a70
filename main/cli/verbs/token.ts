/**
 * `lakepass token`: one token, printed as `databricks auth token` prints it. For tools that cannot ask the broker. A grant that
 * covers it answers at once; else the person is asked.
 */
import type { Command } from 'commander';
import type { z } from 'zod';
import { tokenProgressSchema, tokenSchema } from '../../../preload/contract/control.ts';
import type { FailureCode } from '../../../preload/contract/failure.ts';
import type { AgentClient } from '../agent-client.ts';
import { askThrough, type WaitOptions, waitOf, withWait } from '../asking.ts';
import { type CommonOptions, optionsFirst, reachAgent, withCommon } from '../common.ts';
import { type GrantOptions, scopesRequest, withScopes } from '../grant-options.ts';
import { failureOf } from '../report.ts';

type Options = CommonOptions & Pick<GrantOptions, 'scope' | 'workspace'> & WaitOptions;

export const addToken = (program: Command): Command =>
  withWait(
    withScopes(
      withCommon(
        program.command('token').description('print a token as JSON, as `databricks auth token` does'),
        'lakepass token --scope sql',
      ),
    ),
  ).action(optionsFirst<Options>(token));

async function token(options: Options): Promise<void> {
  const wait = waitOf(options);
  const agent = await reachAgent(options);
  const body = scopesRequest(options);
  process.stdout.write(JSON.stringify(await takeToken(agent, body, wait), null, 2));
}

/**
 * One token, from a grant that covers it or by asking a person.
 *
 * @param body as `tokenRequestSchema` has it
 * @param wait undefined: nobody may be asked
 */
export const takeToken = (agent: AgentClient, body: unknown, wait: ReturnType<typeof waitOf>): Promise<z.output<typeof tokenSchema>> =>
  agent.postProven('/v1/token', body, tokenSchema).catch((error: unknown) => {
    if (wait === undefined || !askable.includes(failureOf(error).code)) throw error;
    return askForToken(agent, body, wait);
  });

/** What a person's answer could change. A refusal of theirs is none of these. */
const askable: readonly FailureCode[] = ['TAP_NEEDED', 'CONSENT_PENDING', 'CONSENT_UNANSWERED'];

const askForToken = (
  agent: AgentClient,
  body: unknown,
  wait: Parameters<typeof askThrough>[1]['wait'],
): Promise<z.output<typeof tokenSchema>> =>
  askThrough(agent, { path: '/v1/token/ask', body, line: tokenProgressSchema, wait }, (line) => ('token' in line ? line.token : undefined));
