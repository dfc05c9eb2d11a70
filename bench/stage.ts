/**
 * What is on the bench: the built product as its user has it, signed in through the test services with its policy approved, and
 * beside it a bare `node:http` server, same Node, same user, that answers the same bytes. Nothing of the product is turned off for
 * it: the load comes from programs of the very terminal that the grants were made in, and each connection of theirs is attributed.
 */
import { chmod, copyFile, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { type Idp, startIdp } from '../test/fixtures/idp/idp.ts';
import { scriptedPerson, throughCurl } from '../test/fixtures/scripted-person.ts';
import { createSoftwareKey, type SoftwareKey } from '../test/fixtures/software-key/software-key.ts';
import type { Workspace } from '../test/fixtures/workspace/workspace.ts';
import type { Started } from '../test/machine/terminal.ts';
import { ended, type Product, printedUrl, startProduct } from '../test/product/product.ts';
import type { Outcome, Target } from './programs/caller.ts';
import { insist } from './row.ts';

/** Somewhere a token comes from: the address, what is sent there, and who pays for the answer. */
export interface Source extends Target {
  url: URL;
  headers: Record<string, string>;
  pid: number;
}

export interface Stage {
  product: Product;
  /** Two profiles: `acme` with two workspaces, and `other` at an identity provider and a workspace of its own. */
  acme: Idp;
  other: Idp;
  second: Workspace;
  /** Built programs that the user may run. */
  programs: Record<'caller' | 'litter' | 'bare' | 'attribution' | 'decisions' | 'wrkReport' | 'stopwatch', string>;
  signIn(profile: 'acme' | 'other'): Promise<void>;
  signOut(profile: 'acme' | 'other'): Promise<void>;
  /** A new grant as something to ask. */
  grant(options: { profile?: 'acme' | 'other'; workspace?: string; scope?: string }): Promise<Source>;
  /** The bare server, set up with the very answer that `like` gives. */
  bareServer(like: Source): Promise<Source>;
  /** Starts a program as the agent's user, in the terminal that every grant here is made in: so it is a member of them. */
  start(command: string, args: readonly string[], stdin?: string): Started;
  agentPid(): Promise<number>;
  close(): Promise<void>;
}

const username = 'alice';

/** @param env variables of the agent and its commands, to look closer at something; the bench itself sets none */
export async function openStage(env: NodeJS.ProcessEnv = {}): Promise<Stage> {
  const other = await startIdp();
  const product = await startProduct({
    workspaces: 3,
    env,
    config: ({ idp, workspaces: [main, second, third] }) =>
      ['version: 1', 'profiles:', profile('acme', idp, { main, second }), profile('other', other, { third }), ''].join('\n'),
  });
  const { machine, home, terminal } = product;
  const [, second] = product.workspaces;
  if (second === undefined) throw new Error('the product has three workspaces');
  const keys: Record<'acme' | 'other', { idp: Idp; key: SoftwareKey }> = {
    acme: { idp: product.idp, key: createSoftwareKey() },
    other: { idp: other, key: createSoftwareKey() },
  };
  for (const { idp, key } of Object.values(keys)) await idp.enrol(username, key);

  const scripts = await mkdtemp(join(home, 'scripts-'));
  await chmod(scripts, 0o755);
  const script = async (name: string): Promise<string> => {
    const copy = join(scripts, name);
    await copyFile(join(import.meta.dirname, 'programs', name), copy);
    return copy;
  };
  const programs = {
    caller: await machine.program('bench/programs/caller.ts'),
    litter: await machine.program('bench/programs/litter.ts'),
    bare: await machine.program('bench/programs/bare-server.ts'),
    attribution: await machine.program('bench/programs/attribution.ts'),
    decisions: await machine.program('bench/programs/decisions.ts'),
    wrkReport: await script('wrk-report.lua'),
    stopwatch: await script('stopwatch.bash'),
  };
  const bareServers: { child: Started; gone: Promise<unknown> }[] = [];
  const otherPerson = scriptedPerson({ key: createSoftwareKey(), send: throughCurl((args) => product.run('curl', args)) });
  let isSettled = false;

  const start: Stage['start'] = (command, args, stdin) => {
    const started = terminal.start(command, args, { env: product.command.env, input: stdin !== undefined });
    started.stdin?.end(stdin);
    return started;
  };

  /** In the tab that follows a first sign-in: the first person enrols a tap key and approves the policy, the other enrols their own. */
  async function settle(page: URL): Promise<void> {
    if (isSettled) await (await otherPerson.openCeremony(page)).tap('Test key');
    else await product.settleIn(page);
    isSettled = true;
  }

  return {
    ...{ product, acme: product.idp, other, second, programs, start },
    agentPid: product.agentPid,
    async signIn(name) {
      const { key } = keys[name];
      const login = product.start(['login', '--profile', name, '--json']);
      const outcome = ended(login);
      const next = await product.browse(await printedUrl(login), { key, username });
      const { code, stdout, stderr } = await outcome;
      insist(code === 0, `a sign-in: ${stdout}${stderr}`);
      if (next !== null) await settle(next);
    },
    async signOut(name) {
      const { code, stdout, stderr } = await product.lakepass(['logout', '--profile', name, '--json']);
      insist(code === 0, `a sign-out: ${stdout}${stderr}`);
    },
    async grant({ profile = 'acme', workspace = profile === 'acme' ? 'main' : 'third', scope = 'sql' }) {
      const made = await product.json('env', '--profile', profile, '--workspace', workspace, '--scope', scope);
      const env = made['env'] as Record<'DATABRICKS_HOST' | 'DATABRICKS_METADATA_SERVICE_URL', string>;
      return source(new URL(env.DATABRICKS_METADATA_SERVICE_URL), env.DATABRICKS_HOST, await product.agentPid());
    },
    async bareServer(like) {
      const answer = await rawAnswer(like);
      // In a session of its own like the agent: Linux shares the processor out among sessions first.
      const child = start('setsid', [machine.node, programs.bare], JSON.stringify({ ...answer, keepAliveTimeout: 30_000 }));
      bareServers.push({ child, gone: ended(child) });
      const port = Number(await firstLine(child));
      const bare = source(
        new URL(like.url.pathname, `http://127.0.0.1:${port}`),
        String(like.headers['X-Databricks-Host']),
        await child.pid,
      );
      const [ours, theirs] = [await rawAnswer(like), await rawAnswer(bare)];
      insist(
        shapeOf(ours.headers) === shapeOf(theirs.headers) && ours.body.length === theirs.body.length,
        `the bare server answers the same bytes as the broker: ${shapeOf(ours.headers)} / ${shapeOf(theirs.headers)}`,
      );
      return bare;
    },
    async close() {
      for (const { child } of bareServers) child.kill();
      await Promise.all(bareServers.map(({ gone }) => gone));
      await Promise.all([product.close(), other.close()]);
    },
  };

  /** The answer as it comes over the wire, without what Node writes by itself. */
  async function rawAnswer({ url, headers }: Source): Promise<{ headers: string[]; body: string }> {
    const lines = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
    const { code, stdout, stderr } = await product.run('curl', ['-q', '-sS', '-i', ...lines, url.href]);
    insist(code === 0, `an answer from ${url.origin}: ${stderr}`);
    const [head = '', body = ''] = stdout.split('\r\n\r\n', 2);
    const [status, ...fields] = head.split('\r\n');
    insist(status === 'HTTP/1.1 200 OK', `a token from ${url.origin}: ${status} ${body}`);
    const own = fields
      .map((line) => line.split(': ', 2))
      .filter(([name = '']) => !['date', 'connection', 'keep-alive'].includes(name.toLowerCase()));
    return { headers: own.flat(), body };
  }
}

const shapeOf = (headers: readonly string[]): string => headers.join(' | ');

function profile(name: string, idp: Idp, workspaces: Record<string, Workspace | undefined>): string {
  return [
    `  ${name}:`,
    '    test: true',
    `    idp: { issuer: '${idp.issuer}', clientId: ${idp.clientId}, scopes: [openid, profile, email, groups, offline_access] }`,
    '    limits: { minTokenLife: 10 s }',
    '    workspaces:',
    ...Object.entries(workspaces).map(([short, workspace]) => `      - { name: ${short}, host: '${workspace?.host}' }`),
  ].join('\n');
}

function source(url: URL, workspace: string, pid: number): Source {
  const headers = { 'X-Databricks-Metadata-Version': '1', 'X-Databricks-Host': workspace };
  const lines = [`GET ${url.pathname} HTTP/1.1`, `Host: ${url.host}`, ...Object.entries(headers).map((pair) => pair.join(': '))];
  return { url, headers, pid, port: Number(url.port), request: `${lines.join('\r\n')}\r\n\r\n` };
}

/** What a child of this process and a program in a terminal have in common. */
interface Speaking {
  stdout: Readable | null;
  once(event: 'error', listener: (error: Error) => void): unknown;
  once(event: 'close', listener: (code: number | null) => void): unknown;
}

export function firstLine(child: Speaking): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    child.stdout?.setEncoding('utf8').on('data', (piece: string) => {
      said += piece;
      if (said.includes('\n')) resolve(said.slice(0, said.indexOf('\n')));
    });
    child.once('error', reject);
    child.once('close', (code) => reject(new Error(`a program of the bench ended (${code}) before it said a line`)));
  });
}

export const answered = (outcome: Outcome): number => outcome.micros.reduce((total, { length }) => total + length, 0);
