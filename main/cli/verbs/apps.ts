/**
 * `lakepass apps run -- PROGRAM`: a Databricks App on a laptop, for development only. The app gets what Databricks would put on each request,
 * with a token of a grant that ends with the run; a browser gets in with the address that is printed here, once.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import type { Command } from 'commander';
import {
  type GrantMade,
  grantEndedSchema,
  grantProgressSchema,
  type StatusView,
  statusViewSchema,
} from '../../../preload/contract/control.ts';
import { AppError } from '../../app-error.ts';
import { type AppFile, readAppFile } from '../../apps/app-file.ts';
import { appEnvironment, withPort } from '../../apps/environment.ts';
import type { Person } from '../../apps/headers.ts';
import { createLease, type Lease } from '../../apps/lease.ts';
import { type AppDoor, openAppDoor } from '../../apps/proxy.ts';
import { connectToApp } from '../../apps/upstream.ts';
import type { Attribution } from '../../caller/caller.ts';
import { createCallers, type LinuxCallers } from '../../caller/callers.ts';
import { checkFirstToken } from '../../databricks/preflight.ts';
import { systemClock } from '../../system-clock.ts';
import type { AgentClient } from '../agent-client.ts';
import { askThrough, type WaitOptions, waitOf } from '../asking.ts';
import { runChild } from '../child.ts';
import { type CommonOptions, reachAgent, reporting, withCommon } from '../common.ts';
import { applyTo, environmentFor, withoutWorkloads } from '../environment.ts';
import { type GrantOptions, grantRequest, withGrant } from '../grant-options.ts';
import { exitCodes, failureLine, failureOf, tell } from '../report.ts';
import { tellNews } from './run.ts';

type Options = CommonOptions &
  GrantOptions &
  WaitOptions & { port?: string; appPort?: string; name: string; env?: Record<string, string>; check?: boolean };

const setVariable = (text: string, before: Record<string, string> = {}): Record<string, string> => {
  const [, name, value] = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new AppError('INPUT_INVALID', { reason: 'env', detail: 'Write --env NAME=VALUE.' });
  return { ...before, [name]: value };
};

export function addApps(program: Command): void {
  const apps = program.command('apps').description('run Databricks Apps on this machine, for development').enablePositionalOptions();
  withGrant(
    withCommon(
      apps.command('run').description('run an app with the headers of Databricks Apps; development only'),
      'lakepass apps run --scope sql -- streamlit run app.py\n  lakepass apps run --scope sql    # what app.yaml says',
    ),
  )
    .argument('[program...]', 'the app and its arguments, after --; `command` of app.yaml without it')
    .option('--port <port>', 'where the browser finds it; any free port without it')
    .option('--app-port <port>', 'where the app listens; any free port without it')
    .option('--name <name>', 'DATABRICKS_APP_NAME', 'app')
    .option('--env <name=value>', 'a variable of the app, repeated; stands before app.yaml', setVariable)
    .option('--check', 'compare the first token with workspace and scopes before the app starts')
    .passThroughOptions()
    .action(
      reporting(
        (words: string[], options: Options) => runApp(words, options),
        (_, options) => options.json === true,
        exitCodes.runFailed,
      ),
    );
}

async function runApp(words: readonly string[], options: Options): Promise<void> {
  const file = await readAppFile(process.cwd(), { ...process.env, ...options.env });
  const [program = '', ...args] = words.length > 0 ? words : file.command;
  if (program === '')
    throw new AppError('APP_START_FAILED', { reason: 'command', detail: 'Name the program after --, or a command in app.yaml.' });
  const [port, wantedPort] = [portOf(options.port, 'port'), portOf(options.appPort, 'app-port')];
  const agent = await reachAgent(options);
  const made = await makeGrant(agent, program, options);
  const over = new AbortController();
  const news = tellNews(agent, made, over.signal);
  const uid = process.getuid?.() ?? -1;
  const callers = createCallers({ uid });
  let door: AppDoor | undefined;
  try {
    const { profiles, servicePrincipals } = await agent.get('/v1/status', statusViewSchema);
    const owned = { attribute: callers.attribute, uid, clock: systemClock };
    const connect = () => connectToApp({ ...owned, port: Number(new URL(made.url).port), isApp: () => true });
    const lease = createLease({ clock: systemClock, url: made.url, workspace: made.host, connect });
    const token = await lease.token();
    if (options.check === true) checkFirstToken(token, { workspace: made.host, scopes: made.grant.scopes });
    const appPort = wantedPort === 0 ? await freePort() : wantedPort;
    door = await open({ callers, uid, port, appPort, lease, person: personOf(made, profiles) });
    announce(door, made);
    const url = door.origin;
    process.exitCode = await runChild({
      ...{
        id: made.grant.id,
        program,
        args: withPort(args, appPort),
        env: environmentOf(file, options, { url, appPort, made, servicePrincipals }),
      },
      onStart: () => undefined,
    });
  } finally {
    await door?.close();
    await callers.close();
    await end(agent, made);
    over.abort();
    await news;
  }
}

const makeGrant = (agent: AgentClient, program: string, options: Options): Promise<GrantMade> => {
  const body = { ...grantRequest(options, 'run', options.label ?? `app ${options.name}`), program: program.slice(0, 4096) };
  return askThrough(agent, { path: '/v1/grants', body, line: grantProgressSchema, wait: waitOf(options) }, (line) =>
    'made' in line ? line.made : undefined,
  );
};

/** What would sign the app in by another road is cleared, the grant's own address with it. */
const environmentOf = (
  file: AppFile,
  options: Options,
  {
    url,
    appPort,
    made,
    servicePrincipals,
  }: { url: string; appPort: number; made: GrantMade; servicePrincipals: StatusView['servicePrincipals'] },
): NodeJS.ProcessEnv => {
  const { clear } = withoutWorkloads(environmentFor(made.host, made.url), servicePrincipals);
  const own = appEnvironment({ name: options.name, url, port: appPort, workspace: made.host });
  return applyTo(process.env, {
    set: { ...file.env, ...options.env, ...own },
    clear: [...clear, 'DATABRICKS_AUTH_TYPE', 'DATABRICKS_METADATA_SERVICE_URL'],
  });
};

interface OpenParts {
  callers: LinuxCallers;
  uid: number;
  port: number;
  appPort: number;
  lease: Lease;
  person: Person;
}

async function open({ callers, uid, port, appPort, lease, person }: OpenParts): Promise<AppDoor> {
  const isApp = await isBelowUs(callers);
  const door: AppDoor = await openAppDoor({
    ...{ port, uid, person, clock: systemClock, random: randomBytes, requestId: randomUUID },
    attribute: callers.attribute,
    token: () => lease.token(),
    connect: () => connectToApp({ port: appPort, attribute: callers.attribute, uid, isApp, clock: systemClock }),
    knocked: () => tell(`another browser asks; let it in at ${door.entryUrl()}`),
    refused: refusalTeller(),
  });
  return door;
}

/** What we have started is the app, and nothing else is. */
async function isBelowUs(callers: Pick<LinuxCallers, 'inspect'>): Promise<(found: Attribution) => boolean> {
  const self = (await callers.inspect(process.pid))?.process ?? undefined;
  return ({ caller }) =>
    self !== undefined && caller.ancestors.some(({ pid, startTicks }) => pid === self.pid && startTicks === self.startTicks);
}

/** Once for each reason: a page that tries can try often. */
function refusalTeller(): Parameters<typeof openAppDoor>[0]['refused'] {
  const told = new Set<string>();
  return (why) => {
    const line = 'why' in why ? `a connection was dropped (${why.why})` : `a request was turned away (${why.code}: ${why.reason})`;
    if (told.has(line)) return;
    told.add(line);
    tell(line);
  };
}

function announce(door: AppDoor, { grant, host }: GrantMade): void {
  tell('development only: the app gets a token of yours with every request; on Databricks it gets one of whoever uses it');
  tell(`${host} ${grant.scopes.join(' ')}${grant.narrowed === false ? ' (not narrowed)' : ''}; grant ${grant.id}`);
  tell(`open once ${door.entryUrl()}`);
}

/** As `apps run-local` fills the headers: the user name, and the e-mail where it is one. */
export function personOf({ grant }: Pick<GrantMade, 'grant'>, profiles: StatusView['profiles']): Person {
  const identity = profiles.find(({ name }) => name === grant.profile)?.session.identity;
  // A service principal shows its client id as user name.
  const user = identity?.username ?? grant.actsAs ?? grant.profile;
  return { email: user, user, preferredUsername: identity?.displayName || user };
}

async function end(agent: AgentClient, { grant }: GrantMade): Promise<void> {
  try {
    await agent.post('/v1/grants/end', { ids: [grant.id], why: 'run-ended' }, grantEndedSchema);
  } catch (error) {
    // It ends with this process all the same, once the agent has seen that.
    tell(`the grant could not be ended now: ${failureLine(failureOf(error))}`);
  }
}

function portOf(text: string | undefined, option: string): number {
  if (text === undefined) return 0;
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port < 1 || port > 65_535)
    throw new AppError('INPUT_INVALID', { reason: option, detail: `--${option} takes a number from 1 to 65535.` });
  return port;
}

/** Somebody else may have it by the time the app listens; each connection is looked at for that reason. */
const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
