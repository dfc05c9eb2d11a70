/** `lakepass token`: one token, printed as `databricks auth token` prints it. For tools that cannot ask the broker. */
import type { Command } from 'commander';
import { tokenSchema } from '../../../preload/contract/control.ts';
import { type CommonOptions, optionsFirst, reachAgent, withCommon } from '../common.ts';
import { type GrantOptions, withScopes } from '../grant-options.ts';

type Options = CommonOptions & Pick<GrantOptions, 'scope' | 'workspace'>;

export const addToken = (program: Command): Command =>
  withScopes(
    withCommon(
      program.command('token').description('print a token as JSON, as `databricks auth token` does'),
      'lakepass token --scope sql',
    ),
  ).action(optionsFirst<Options>(token));

async function token(options: Options): Promise<void> {
  const agent = await reachAgent(options);
  const body = {
    scopes: options.scope,
    ...(options.profile === undefined ? {} : { profile: options.profile }),
    ...(options.workspace === undefined ? {} : { workspace: options.workspace }),
  };
  process.stdout.write(JSON.stringify(await agent.post('/v1/token', body, tokenSchema), null, 2));
}
