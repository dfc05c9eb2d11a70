/**
 * `lakepass policy`: tries a policy file, asks it, and writes one from what was used. None of it needs an agent or changes anything. The
 * evaluator is loaded when one of these runs, so that no other command waits for it.
 */
import type { Command } from 'commander';
import { callerKinds } from '../../../preload/contract/caller.ts';
import { reporting } from '../common.ts';
import type { Asked } from '../policy-question.ts';

export function addPolicy(program: Command): void {
  const policy = program.command('policy').description('try a policy file, ask it, or write one from what was used');
  offline(
    policy.command('check').description('say whether a policy file can be used, and run its own tests').argument('<file>', fileWords),
    'lakepass policy check policy.yaml',
  ).action(
    reporting(
      async (file: string, options: Options) => (await acts()).check(file, options),
      (_, options: Options) => options.json === true,
    ),
  );
  offline(
    explainVerb(policy),
    'lakepass policy explain policy.yaml --as alice@acme.example --caller /usr/bin/python3 -w https://acme.cloud.databricks.com -s sql',
  ).action(
    reporting(
      async (file: string, options: Asked) => (await acts()).explain(file, options),
      (_, options: Asked) => options.json === true,
    ),
  );
  offline(
    policy
      .command('suggest')
      .description('write the tightest policy that would have allowed what was used')
      .option('--from <audit>', 'a segment of an audit log, or its folder; your own log without it'),
    'lakepass policy suggest > policy.yaml',
  )
    .option('--home <dir>', 'the folder that holds everything', process.env['LAKEPASS_HOME'])
    .action(
      reporting(
        async (options: Options) => (await acts()).suggest(options),
        (options: Options) => options.json === true,
      ),
    );
}

const acts = () => import('../policy-acts.ts');

const fileWords = 'a policy file; "built-in" for the one that holds without a file';

const offline = (verb: Command, example: string): Command =>
  verb.option('--json', 'print JSON').addHelpText('after', `\nExample:\n  ${example}`);

export interface Options {
  home?: string;
  json?: boolean;
  from?: string;
}

const several = (value: string, before: string[]): string[] => [...before, ...value.split(/[,\s]+/).filter((word) => word !== '')];
const oneMore = (value: string, before: string[]): string[] => [...before, value];

const explainVerb = (policy: Command): Command =>
  policy
    .command('explain')
    .description('ask a policy file a question: the decision, every rule that took part, and what would change it')
    .argument('<file>', fileWords)
    .requiredOption('--as <user>', 'Databricks user name of the person, or application id of a service principal')
    .requiredOption('-w, --workspace <origin>', 'workspace, such as https://acme.cloud.databricks.com')
    .requiredOption('-s, --scope <words>', 'bundles and scopes; may be given several times', several, [])
    .option('--identity <kind>', 'what sort of identity asks: person, service-principal', 'person')
    .option('--caller <path>', 'executable of the program that asks; unknown without it')
    .option('--kind <kind>', `what sort of program it is: ${callerKinds.join(', ')}`)
    .option('--ai-agent <name>', 'the AI agent program it runs under')
    .option('--parent <path>', 'executable of a program above it; may be given several times', oneMore, [])
    .option('--action <action>', 'create, widen, use or renew', 'create')
    .option('--issuer <url>', 'issuer the person signed in at', 'https://issuer.example')
    .option('--group <name>', 'a group of the person; may be given several times', oneMore, [])
    .option('--claim <name=value>', 'a claim of the person; may be given several times', oneMore, [])
    .option('--assurance <level>', 'how strongly the sign-in was proven: phr, config-asserted, mfa, unknown', 'phr')
    .option('--auth-age <minutes>', 'how old the sign-in is; unknown without it')
    .option('--acr <word>', 'what the sign-in said of itself')
    .option('--address <ip>', 'an address of the machine; may be given several times', oneMore, [])
    .option('--at <time>', 'when, such as 2026-09-16T09:00:00Z; now without it');
