/**
 * The product as its user has it: the built command and agent, run by a user who is not root, in a home of their own, against
 * the test services. Everything goes through the `lakepass` command; nothing here reaches into the agent.
 */

import type { EventEmitter } from 'node:events';
import { chownSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { type Idp, type IdpOptions, startIdp } from '../fixtures/idp/idp.ts';
import { type ScriptedBrowserOptions, scriptedBrowser } from '../fixtures/scripted-browser.ts';
import { type ScriptedPerson, scriptedPerson, throughCurl, type UiPage } from '../fixtures/scripted-person.ts';
import { createSoftwareKey, type SoftwareKey } from '../fixtures/software-key/software-key.ts';
import type { FederationPolicy } from '../fixtures/workspace/token-endpoint.ts';
import { startWorkspace, type Workspace } from '../fixtures/workspace/workspace.ts';
import { type Ended, makeHome, uidsOf } from '../machine/accounts.ts';
import { type Machine, prepareMachine } from '../machine/machine.ts';
import { openTerminal, type Started, type Terminal } from '../machine/terminal.ts';

export interface ProductOptions {
  idp?: IdpOptions;
  /** Lines below `limits:` of the profile, each `name: value`. */
  limits?: readonly string[];
  /** How many workspaces the profile has; the first is `main`, others `second`, `third`. */
  workspaces?: number;
  /** Further federation policies of the workspaces. */
  policies?: readonly FederationPolicy[];
  /** A whole configuration instead of the usual one. */
  config?: (services: { idp: Idp; workspaces: readonly Workspace[] }) => string;
  /** The person's own policy; `quietPolicy` unless told otherwise, null for none. */
  policy?: string | null;
  /** Of every verb, and so of the agent; read anew each time, so that a test may change it. */
  env?: NodeJS.ProcessEnv;
  /** The script of another `lakepass` than the one that is built here, for one that is installed. */
  command?: string;
  /** Told of every secret the services give out or are shown. */
  secrets?: (kind: string, value: string) => void;
}

export interface Product {
  machine: Machine;
  home: string;
  idp: Idp;
  workspace: Workspace;
  workspaces: readonly Workspace[];
  key: SoftwareKey;
  /** Runs `lakepass ARGS` to its end. */
  lakepass(args: readonly string[], options?: { env?: NodeJS.ProcessEnv; stdin?: string }): Promise<Ended>;
  /** `lakepass ARGS --json`, parsed. @throws when it fails */
  json(...args: string[]): Promise<Record<string, unknown>>;
  start(args: readonly string[], env?: NodeJS.ProcessEnv): Started;
  /** Where everything here is started from. */
  terminal: Terminal;
  /** Another one; `above` starts its shell. */
  openTerminal(above?: string): Promise<Terminal>;
  /** What `lakepass` is started with, for whoever starts it otherwise. */
  command: { words: readonly string[]; env: NodeJS.ProcessEnv };
  /** A program of the same user, not ours. */
  run(command: string, args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Ended>;
  /** Walks through the provider's pages and brings the answer to the agent's callback, as the user's own browser would: as that user. */
  browse(url: URL, person: ScriptedBrowserOptions): Promise<URL | null>;
  /** Signs alice in with her software key, through the command line; enrols the tap key where there is none, and approves the policy. */
  signIn(username?: string, profile?: string): Promise<Record<string, unknown>>;
  /** What a person does in the tab that follows a sign-in without a tap key: enrols one, and approves the policy that lies there. */
  settleIn(page: URL): Promise<void>;
  /** The person at Lakepass' own pages, with the tap key. */
  person: ScriptedPerson;
  tapKey: SoftwareKey;
  /** The UI page, opened afresh. */
  openUi(): Promise<UiPage>;
  /** The variables of a new grant. */
  env(...scopes: string[]): Promise<{ DATABRICKS_HOST: string; DATABRICKS_METADATA_SERVICE_URL: string; DATABRICKS_AUTH_TYPE: string }>;
  agentPid(): Promise<number>;
  /** Ends the agent as a crash would, and waits until it is gone. */
  kill(): Promise<void>;
  writeConfig(text: string): void;
  writePolicy(text: string): void;
  /** Every file below the home, with its content. */
  files(): { path: string; content: Buffer }[];
  close(): Promise<void>;
}

const names = ['main', 'second', 'third'] as const;

export const usualConfig = (idp: Idp, workspaces: readonly Workspace[], limits: readonly string[] = []): string =>
  [
    'version: 1',
    'profiles:',
    '  acme:',
    '    test: true',
    '    idp:',
    `      issuer: ${idp.issuer}`,
    `      clientId: ${idp.clientId}`,
    '      scopes: [openid, profile, email, groups, offline_access]',
    ...(limits.length === 0 ? [] : ['    limits:', ...limits.map((line) => `      ${line}`)]),
    '    workspaces:',
    ...workspaces.map((workspace, index) => `      - { name: ${names[index]}, host: '${workspace.host}' }`),
    '',
  ].join('\n');

/** Asks nobody: for what is not about consent. */
export const quietPolicy = `version: 1
id: quiet
revision: 1
identities:
  - match: { anyone: true }
    roles: [person]
roles:
  person:
    grants:
      - id: everything
        workspaces: ["*"]
        scopes: [notebook, sql, ml, bi, jobs, files, clusters, workspace]
        maxLife: 30 d
        approval: none
`;

/** Starts the services and a home; the agent starts with the first verb, with the memory vault unless `env` says otherwise. */
export async function startProduct(options: ProductOptions = {}): Promise<Product> {
  const machine = await prepareMachine();
  const home = makeHome(machine.user);
  const heard = options.secrets === undefined ? {} : { secrets: options.secrets };
  const idp = await startIdp({ ...options.idp, ...heard });
  const policies = [{ issuer: idp.issuer, audiences: [idp.clientId], subjectClaim: 'email' }, ...(options.policies ?? [])];
  const users = ['alice@example.com', 'bob@example.com'];
  const workspaces = await Promise.all(
    Array.from({ length: options.workspaces ?? 1 }, () => startWorkspace({ users, policies, ...heard })),
  );
  const [workspace] = workspaces;
  if (workspace === undefined) throw new Error('a product needs a workspace');
  const key = createSoftwareKey();
  const tapKey = createSoftwareKey();
  const baseEnv = { BROWSER: 'none', LAKEPASS_NODE: machine.node, LAKEPASS_VAULT: 'memory' };

  const program = await machine.program('test/machine/terminal-program.ts');
  const terminals: Terminal[] = [];
  const openAnother: Product['openTerminal'] = async (above) => {
    const opened = await openTerminal({
      ...{ account: machine.user, home, node: machine.node, program },
      ...(above === undefined ? {} : { above }),
    });
    terminals.push(opened);
    return opened;
  };
  const terminal = await openAnother();
  const words = ['/bin/sh', options.command ?? join(machine.dist, 'lakepass')] as const;

  const start: Product['start'] = (args, env) =>
    terminal.start(words[0], [words[1], ...args], { env: { ...baseEnv, ...options.env, ...env } });

  const lakepass: Product['lakepass'] = (args, { env, stdin } = {}) => {
    if (stdin === undefined) return ended(start(args, env));
    const child = terminal.start(words[0], [words[1], ...args], { env: { ...baseEnv, ...options.env, ...env }, input: true });
    child.stdin?.end(stdin);
    return ended(child);
  };

  const json: Product['json'] = async (...args) => {
    const { code, stdout, stderr } = await lakepass([...args, '--json']);
    if (code !== 0) throw new Error(`lakepass ${args.join(' ')} ended with ${code}: ${stdout}${stderr}`);
    return JSON.parse(stdout);
  };

  const product: Product = {
    ...{ machine, home, idp, workspace, workspaces, key, lakepass, json, start, tapKey, settleIn, terminal, openTerminal: openAnother },
    get command() {
      return { words, env: { ...baseEnv, ...options.env } };
    },
    person: scriptedPerson({ key: tapKey, send: throughCurl((args) => product.run('curl', args)) }),
    run: (command, args, env) => ended(terminal.start(command, args, env === undefined ? {} : { env })),
    async browse(url, person) {
      let at: URL | null = await scriptedBrowser(person).authorize(url);
      // Up to a page of Lakepass' own, which needs a script to go on.
      while (at !== null && at.hostname !== 'lakepass.localhost') {
        const { code, stdout, stderr } = await product.run('curl', ['-q', '-sS', '-D', '-', '-o', '/dev/null', at.href]);
        if (code !== 0) throw new Error(`the callback was not reached: ${stderr}`);
        const location: string | undefined = /^location: (\S+)/im.exec(stdout)?.[1];
        at = location === undefined ? null : new URL(location, at);
      }
      return at;
    },
    async signIn(username = 'alice', profile) {
      if (idp.user(username).keys.length === 0) await idp.enrol(username, key);
      const login = start(['login', '--json', ...(profile === undefined ? [] : ['--profile', profile])]);
      const outcome = ended(login);
      const next = await product.browse(await printedUrl(login), { key, username });
      const { code, stdout, stderr } = await outcome;
      if (code !== 0) throw new Error(`the sign-in ended with ${code}: ${stdout}${stderr}`);
      if (next !== null) await settleIn(next);
      return JSON.parse(stdout);
    },
    async openUi() {
      return product.person.openUi((await json('ui'))['url'] as string);
    },
    async env(...scopes) {
      const made = await json('env', ...scopes.flatMap((scope) => ['--scope', scope]));
      return made['env'] as Awaited<ReturnType<Product['env']>>;
    },
    async agentPid() {
      return Number((await json('status', '--no-start'))['pid']);
    },
    async kill() {
      const pid = await product.agentPid();
      process.kill(pid, 'SIGKILL');
      while (isAlive(pid)) await new Promise((done) => setTimeout(done, 5));
    },
    writeConfig: (text) => writeOwn('config.yaml', text),
    writePolicy: (text) => writeOwn('policy.yaml', text),
    files: () =>
      readdirSync(home, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
        .map((path) => ({ path, content: readFileSync(path) })),
    async close() {
      await lakepass(['agent', '--stop']);
      await Promise.all(terminals.map((each) => each.close()));
      await Promise.all([idp.close(), ...workspaces.map((each) => each.close())]);
      rmSync(home, { recursive: true, force: true });
    },
  };
  async function settleIn(next: URL): Promise<void> {
    const home = await (await product.person.openCeremony(next)).tap('Test key');
    if (policy === null || home === null) return;
    const ui = await product.person.openUi(home);
    const { id, purpose } = await ui.prompt();
    if (purpose !== 'policy') throw new Error(`asked about ${purpose} where the policy was expected`);
    await ui.approve(id);
  }

  function writeOwn(name: string, text: string): void {
    const folder = join(home, '.config', 'lakepass');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const file = join(folder, name);
    writeFileSync(file, text, { mode: 0o600 });
    if (process.getuid?.() === 0)
      for (const path of [join(home, '.config'), folder, file]) chownSync(path, machine.user.uid, machine.user.gid);
  }

  const { policy = quietPolicy } = options;
  if (policy !== null) product.writePolicy(policy);
  product.writeConfig(options.config?.({ idp, workspaces }) ?? usualConfig(idp, workspaces, options.limits));
  return product;
}

type Ending = EventEmitter & { stdout: Readable | null; stderr: Readable | null };

/** Reads a child to its end. */
export function ended(child: Ending): Promise<Ended> {
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) child[name]?.setEncoding('utf8').on('data', (text: string) => (said[name] += text));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, ...said }));
  });
}

/** The sign-in address as the command prints it for people. */
export function printedUrl(login: Ending, place = 0): Promise<URL> {
  return new Promise((resolve, reject) => {
    let text = '';
    login.stderr?.on('data', (chunk) => {
      text += chunk;
      const found = [...text.matchAll(/^ {2}(https?:\/\/\S+)\n/gm)][place]?.[1];
      if (found !== undefined) resolve(new URL(found));
    });
    login.once('close', (code) => reject(new Error(`the sign-in ended (${code}) before it printed an address: ${text}`)));
  });
}

/** A zombie is dead to us, whoever forgets to reap it. */
export function isAlive(pid: number): boolean {
  try {
    return uidsOf(pid) !== undefined && !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** Size in bytes; 0 for a file that is not there. */
export const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
