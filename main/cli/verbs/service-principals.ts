/**
 * `lakepass service-principals`: who can have tokens without a person, and their secrets. A secret is read from standard input, or from the
 * terminal without echo; never from an argument or the environment, where every program of the user can read it.
 */
import type { Command } from 'commander';
import {
  clientSecretShape,
  type ServicePrincipalView,
  servicePrincipalAnswerSchema,
  servicePrincipalListSchema,
} from '../../../preload/contract/service-principal.ts';
import { AppError } from '../../app-error.ts';
import { type CommonOptions, optionsFirst, reachAgent, reporting, withCommon } from '../common.ts';
import { askPassphrase, passphraseFromFd } from '../passphrase.ts';
import { failureLine, printJson, printLine, printReport, table } from '../report.ts';

export function addServicePrincipals(program: Command): void {
  const verb = program.command('service-principals').description('service principals of the configuration, and their secrets');
  withCommon(
    verb.command('list', { isDefault: true }).description('which there are, and whether they can be used'),
    'lakepass service-principals',
  ).action(optionsFirst(list));
  withCommon(
    verb.command('status').description('what proves it, how old its secret is, what is wrong').argument('[name]', 'all without it'),
    'lakepass service-principals status ci-loader',
  ).action(reporting(status, (_, options) => options.json === true));
  withCommon(
    verb
      .command('set')
      .description('seal its secret in the vault; it is read from standard input, or asked for without echo')
      .argument('<name>', 'as the configuration names it'),
    'lakepass service-principals set ci-loader < secret.txt',
  ).action(reporting(set, (_, options) => options.json === true));
  withCommon(
    verb.command('remove').description('erase its secret and end its grants').argument('<name>', 'as the configuration names it'),
    'lakepass service-principals remove ci-loader',
  ).action(reporting(remove, (_, options) => options.json === true));
}

const stateWords = { ready: 'ready', 'secret-needed': 'needs its secret', locked: 'locked' } as const;

async function list(options: CommonOptions): Promise<void> {
  const agent = await reachAgent(options);
  const { servicePrincipals } = await agent.get('/v1/service-principals', servicePrincipalListSchema);
  if (options.json === true) return printJson({ servicePrincipals });
  if (servicePrincipals.length === 0) return printLine('The configuration names no service principals.');
  const rows = servicePrincipals.map((each) => [each.name, stateWords[each.state], each.clientId, proofText(each)]);
  printReport(table([['NAME', 'STATE', 'CLIENT ID', 'PROVEN BY'], ...rows]));
}

async function status(name: string | undefined, options: CommonOptions): Promise<void> {
  const agent = await reachAgent(options);
  const { servicePrincipals } = await agent.get('/v1/service-principals', servicePrincipalListSchema);
  const shown = servicePrincipals.filter((each) => name === undefined || each.name === name);
  if (name !== undefined && shown.length === 0)
    throw new AppError('PROFILE_UNKNOWN', { detail: servicePrincipals.map((each) => each.name).join(', ') });
  if (options.json === true) return printJson({ servicePrincipals: shown });
  if (shown.length === 0) return printLine('The configuration names no service principals.');
  printReport(
    shown
      .flatMap((each) => [...principalLines(each), ''])
      .slice(0, -1)
      .join('\n'),
  );
}

async function set(name: string, options: CommonOptions): Promise<void> {
  const agent = await reachAgent(options);
  const secret = await readSecret(name);
  // Here already, so that nothing which is no secret travels.
  if (!clientSecretShape.test(secret))
    throw new AppError('INPUT_INVALID', {
      reason: 'secret',
      detail: 'That is no secret of a service principal: 16 letters and digits at least.',
    });
  const { servicePrincipal } = await agent.postProven('/v1/service-principals/secret', { name, secret }, servicePrincipalAnswerSchema);
  if (options.json === true) return printJson({ servicePrincipal });
  const hosts = servicePrincipal.workspaces.map(({ host }) => host).join(', ');
  printLine(`The secret of ${name} is sealed in the vault; it goes to ${hosts} and nowhere else.`);
}

async function remove(name: string, options: CommonOptions): Promise<void> {
  const agent = await reachAgent(options);
  const { servicePrincipal } = await agent.postProven('/v1/service-principals/secret/remove', { name }, servicePrincipalAnswerSchema);
  if (options.json === true) return printJson({ servicePrincipal });
  printLine(`The secret of ${name} is erased, and its grants have ended. In the account it is still good until you delete it there.`);
}

/** @throws AppError INPUT_INVALID (secret): nothing came */
async function readSecret(name: string): Promise<string> {
  if (process.stdin.isTTY === true) return (await askPassphrase(`Secret of ${name}: `)).trim();
  try {
    return passphraseFromFd('0').trim();
  } catch (cause) {
    throw new AppError('INPUT_INVALID', { reason: 'secret', detail: 'No secret came on standard input.', cause });
  }
}

const proofText = ({ proof, where, secretAgeDays }: ServicePrincipalView): string => {
  if (proof !== 'secret') return `the JWT in ${proof === 'env' ? '$' : ''}${where}`;
  return secretAgeDays === null ? 'a secret' : `a secret, ${secretAgeDays} ${secretAgeDays === 1 ? 'day' : 'days'} old`;
};

/** One service principal as people read it, here and in `lakepass status`. */
export function principalLines(principal: ServicePrincipalView): string[] {
  const { name, test, clientId, state, rotationDue, survivesRestart, problem, proof, workspaces } = principal;
  return [
    `${name}  service principal ${clientId}${test ? '  (test: plain http is accepted on this machine)' : ''}`,
    `  ${stateWords[state]}, proven by ${proofText(principal)}${rotationDue ? '; a new one is due' : ''}${
      proof === 'secret' && !survivesRestart ? '; forgotten with the agent' : ''
    }`,
    ...(problem === null ? [] : [`  ${failureLine(problem)}`]),
    ...workspaces.map((each) => `  ${each.accountId === undefined ? 'workspace' : 'account'} ${each.name}  ${each.host}  ${each.health}`),
  ];
}
