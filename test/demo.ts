/**
 * `npm run demo`: the whole product on real protocols, with bundled test services, no account and no display. Every line of
 * the transcript comes from something that really happened; the exit code is 0 only if every step did.
 *
 *   npm run demo                    in a temporary home, removed at the end
 *   npm run demo -- --auto          never ask for a browser; the software key signs in
 *   npm run demo -- --home DIR      use DIR and leave it there
 *   npm run demo -- --keep          leave everything running and say how to try it by hand
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { openSystemBrowser } from '../main/host-ports.ts';
import { type Idp, startIdp } from './fixtures/idp/idp.ts';
import { scriptedBrowser } from './fixtures/scripted-browser.ts';
import { type Prompt, scriptedPerson } from './fixtures/scripted-person.ts';
import { createSoftwareKey } from './fixtures/software-key/software-key.ts';
import { startWorkspace, type Workspace } from './fixtures/workspace/workspace.ts';

const root = resolve(import.meta.dirname, '..');
const tokenSeconds = 20;
const username = 'alice';
const { values: options } = parseArgs({
  options: { auto: { type: 'boolean', default: false }, keep: { type: 'boolean', default: false }, home: { type: 'string' } },
});

const colour = process.stdout.isTTY
  ? { bold: '\u001b[1m', dim: '\u001b[2m', green: '\u001b[32m', off: '\u001b[0m' }
  : { bold: '', dim: '', green: '', off: '' };
const say = (text = ''): void => void process.stdout.write(`${text}\n`);
const step = (text: string): void => say(`\n${colour.bold}${text}${colour.off}`);
const proven = (text: string): void => say(`  ${colour.green}✓${colour.off} ${text}`);
const quote = (text: string): void => say(text.trimEnd().replace(/^/gm, `  ${colour.dim}│${colour.off} `));

/** A step that did not happen ends the demo. */
function insist(claim: boolean, what: string): asserts claim {
  if (!claim) throw new Error(`This should have happened and did not: ${what}`);
}

interface Finished {
  code: number;
  stdout: string;
  stderr: string;
}

const home = options.home === undefined ? await mkdtemp(join(tmpdir(), 'lakepass-demo-')) : resolve(options.home);
await mkdir(home, { recursive: true, mode: 0o700 });
let vault = 'keychain';

/** Starts the real command line, as a person would type it. */
function startLakepass(...args: string[]): ChildProcess {
  const env = { ...process.env, LAKEPASS_HOME: home, LAKEPASS_VAULT: vault, BROWSER: 'none' };
  return spawn(process.execPath, [join(root, 'main/cli/main.ts'), ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
}

async function finish(child: ChildProcess): Promise<Finished> {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk) => (stdout += chunk));
  child.stderr?.on('data', (chunk) => (stderr += chunk));
  const code = await new Promise<number>((done) => child.once('close', (status) => done(status ?? 1)));
  return { code, stdout, stderr };
}

const lakepass = (...args: string[]): Promise<Finished> => finish(startLakepass(...args));

// biome-ignore lint/suspicious/noExplicitAny: what the command line prints is looked at field by field, and a wrong shape ends the demo
async function lakepassJson(...args: string[]): Promise<any> {
  const { code, stdout, stderr } = await lakepass(...args, '--json');
  insist(code === 0, `lakepass ${args.join(' ')} (exit ${code}) ${stdout}${stderr}`);
  return JSON.parse(stdout);
}

async function writeConfig(idp: Idp, workspace: Workspace): Promise<void> {
  await writeFile(
    join(home, 'config.yaml'),
    `# A test profile: both services run on this machine, so plain http is accepted for them.
version: 1
profiles:
  demo:
    test: true
    idp:
      issuer: ${idp.issuer}
      clientId: ${idp.clientId}
      scopes: [openid, profile, email, groups, offline_access]
    limits:
      minTokenLife: 10 s
    workspaces:
      - name: main
        host: ${workspace.host}
`,
    { mode: 0o600 },
  );
}

/** The keychain where there is one; else memory, said out loud and chosen by name. */
async function startAgent(): Promise<void> {
  const first = await lakepass('status', '--json');
  if (first.code === 0) return;
  const { failure } = JSON.parse(first.stdout);
  insist(
    failure.code === 'KEYCHAIN_MISSING' || failure.code === 'KEYCHAIN_LOCKED',
    `the agent starts (${failure.code}: ${failure.cause} ${failure.detail ?? ''})`,
  );
  say(`  ${failure.cause} The demo keeps secrets in memory instead (--vault memory).`);
  vault = 'memory';
  await lakepassJson('status');
}

async function signInByPerson(idp: Idp): Promise<Finished> {
  say(`  First register a key of yours with the test identity provider, as ${username}:`);
  const registration = idp.enrolUrl(username);
  await openSystemBrowser(registration);
  say(`  ${registration}`);
  while (idp.user(username).keys.length === 0) await new Promise((done) => setTimeout(done, 300));
  const login = startLakepass('login', '--json');
  login.stderr?.once('data', (chunk: Buffer) => {
    const url = /https?:\/\/\S+/.exec(String(chunk))?.[0];
    if (url !== undefined) void openSystemBrowser(new URL(url));
    say(String(chunk));
  });
  return finish(login);
}

async function signInBySoftwareKey(idp: Idp): Promise<Finished> {
  const key = createSoftwareKey();
  await idp.enrol(username, key);
  proven(`a software key is registered for ${username} at ${idp.issuer} by a real WebAuthn ceremony (packed attestation)`);
  const login = startLakepass('login', '--json');
  const outcome = finish(login);
  const url = await new Promise<string>((found, failed) => {
    let text = '';
    login.stderr?.on('data', (chunk) => {
      text += chunk;
      const match = /^ {2}(https?:\/\/\S+)\n/m.exec(text);
      if (match?.[1] !== undefined) found(match[1]);
    });
    login.once('close', () => failed(new Error(`no sign-in address was printed: ${text}`)));
  });
  await enrolTapKey(await followToLakepass(await scriptedBrowser({ key, username }).authorize(new URL(url))));
  return outcome;
}

/** Where the provider's answer leads the browser: to the page on which the first tap key is enrolled. */
async function followToLakepass(callback: URL): Promise<URL> {
  let at = callback;
  while (at.hostname !== 'lakepass.localhost') {
    const location: string | undefined = await locationOf(at);
    insist(location !== undefined, 'the tab of the sign-in leads on to the page for the first tap key');
    at = new URL(location, at);
  }
  return at;
}

/** A browser that opens a page; fetch would say that it is none. */
const locationOf = (url: URL): Promise<string | undefined> =>
  new Promise((found, failed) => {
    get(url, { agent: false }, (answer) => found(answer.resume().headers.location)).on('error', failed);
  });

const tapKey = createSoftwareKey();
const person = scriptedPerson({ key: tapKey });

async function enrolTapKey(page: URL): Promise<void> {
  await (await person.openCeremony(page)).tap('Demo key');
  proven('a tap key is enrolled, in the tab of the sign-in and nowhere else');
}

const openUi = async () => person.openUi((await lakepassJson('ui')).url);

/** The person reads what is asked, in the UI, and touches the key. In a browser of your own this is the page that opens by itself. */
async function approve(): Promise<Prompt> {
  const ui = await openUi();
  const prompt = await ui.prompt();
  say(
    `  You are asked: ${prompt.caller.title} (${prompt.caller.kind}), ${prompt.scopes.join(' ')} on ${prompt.workspace}; ${prompt.approval}`,
  );
  await ui.approve(prompt.id);
  proven('approved by a touch of the tap key, bound to exactly this request');
  return prompt;
}

/** Runs a verb that waits for a person, who answers meanwhile. */
async function withApproval(byPerson: boolean, ...args: string[]): Promise<Finished> {
  const child = startLakepass(...args);
  const outcome = finish(child);
  if (!byPerson) await approve();
  else child.stderr?.on('data', (chunk: Buffer) => say(`  ${String(chunk).trimEnd()}`));
  return outcome;
}

/** A stock client: the Python SDK where it is there, else this page's worth of fetch that speaks the same protocol. */
function stockClient(): { words: string[]; name: string } {
  const python = join(root, '.venv/bin/python');
  if (existsSync(python)) return { words: [python, join(root, 'test/python/stock_sdk.py')], name: 'the stock Databricks SDK for Python' };
  return {
    words: [process.execPath, join(root, 'test/demo-client.mjs')],
    name: 'a plain client (Python or its databricks-sdk is not here, so this is not the SDK)',
  };
}

async function main(): Promise<void> {
  step('Test services');
  const workspaceUsers = [`${username}@example.com`];
  const idp = await startIdp({ idTokenTtlSeconds: tokenSeconds });
  const workspace = await startWorkspace({
    users: workspaceUsers,
    policies: [{ issuer: idp.issuer, audiences: [idp.clientId], subjectClaim: 'email' }],
  });
  undo.push(
    () => idp.close(),
    () => workspace.close(),
  );
  await writeConfig(idp, workspace);
  say(`  identity provider ${idp.issuer}, workspace ${workspace.host}, home ${home}`);
  say(`  ID tokens live ${tokenSeconds} s here, so that an expiry can be watched.`);

  step('1. The agent');
  await startAgent();
  undo.push(async () => void (await lakepass('agent', '--stop')));
  quote((await lakepass('status')).stdout);

  step('2. Sign-in with a key');
  const byPerson = !options.auto && process.stdin.isTTY === true && Boolean(process.env['DISPLAY'] ?? process.env['WAYLAND_DISPLAY']);
  const login = byPerson ? await signInByPerson(idp) : await signInBySoftwareKey(idp);
  insist(login.code === 0, `the sign-in: ${login.stdout}${login.stderr}`);
  const { session } = JSON.parse(login.stdout);
  insist(session.phase === 'signed-in' && session.assurance.level === 'phr', 'a phishing-resistant sign-in');
  proven(`${session.identity.displayName} <${session.identity.username}>, groups ${session.identity.groups.join(', ')}`);
  proven(`assurance ${session.assurance.level}: ${session.assurance.because}`);

  step('3. A grant for sql, and a stock client that knows nothing of Lakepass');
  const client = stockClient();
  say(`  $ lakepass run --scope sql -- ${client.words.map((word) => word.replace(`${root}/`, '')).join(' ')}`);
  say(`  (${client.name})`);
  const ran = await withApproval(byPerson, 'run', '--scope', 'sql', '--', ...client.words);
  quote(ran.stdout + ran.stderr);
  insist(ran.code === 0, `the client ends well (exit ${ran.code})`);
  const said = ran.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const query = said.find((line) => 'rows' in line);
  const serving = said.find((line) => 'serving' in line);
  insist(query?.rows?.length > 0, 'the SQL query answers rows');
  insist(/scope/i.test(serving?.serving?.message ?? ''), 'serving is refused for want of its scope');
  const sql = workspace.requests.find((request) => request.path === '/api/2.0/sql/statements' && request.status === 200);
  insist(sql?.scopes?.join(' ') === 'sql', 'the workspace saw a token with the scope sql and no other');
  proven(`the query ran as ${sql.subject} with a token that carries only: ${sql.scopes.join(' ')}`);
  proven('the same token was refused for model serving');

  step('4. Ten clients at the moment of expiry');
  const env = await withApproval(byPerson, 'env', '--scope', 'sql', '--label', 'ten clients', '--json');
  insist(env.code === 0, `the grant for this shell: ${env.stdout}${env.stderr}`);
  const made = JSON.parse(env.stdout);
  const { DATABRICKS_METADATA_SERVICE_URL: url, DATABRICKS_HOST: host } = made.env as Record<string, string>;
  insist(url !== undefined && host !== undefined, 'a grant URL');
  // biome-ignore lint/suspicious/noExplicitAny: as above
  const ask = async (): Promise<any> =>
    (await fetch(url, { headers: { 'x-databricks-metadata-version': '1', 'x-databricks-host': host } })).json();
  const before = await ask();
  insist(typeof before.access_token === 'string', `a token before the expiry: ${JSON.stringify({ ...before, access_token: undefined })}`);
  const exchanges = () => workspace.requests.filter((request) => request.path === '/oidc/v1/token' && request.status === 200).length;
  const exchangesBefore = exchanges();
  const waitMs = Math.max(0, before.expires_on * 1000 - Date.now());
  say(`  waiting ${Math.ceil(waitMs / 1000)} s for the token to expire …`);
  await new Promise((done) => setTimeout(done, waitMs + 500));
  const answers = await Promise.all(Array.from({ length: 10 }, ask));
  insist(
    answers.every((answer) => typeof answer.access_token === 'string' && answer.access_token !== before.access_token),
    'ten fresh tokens',
  );
  insist(new Set(answers.map((answer) => answer.access_token)).size === 1, 'all ten are the same token');
  insist(exchanges() === exchangesBefore + 1, `one exchange for ten clients (there were ${exchanges() - exchangesBefore})`);
  proven('ten answers, one refresh, one exchange');

  step('5. A program that the grant was not made for');
  // A daemon's way out of its family: the child of a child that has gone belongs to nobody.
  const stranger = await askAsStranger(url, host);
  insist(stranger.error === 'CONSENT_PENDING', `a stranger is not served: ${JSON.stringify(stranger)}`);
  proven(`with the same grant URL it is answered: ${stranger.error}`);
  const ui = await openUi();
  const asked = await ui.prompt();
  say(`  You are told: ${asked.caller.title} tried to use it. You say no.`);
  await ui.deny(asked.id, 'run');
  const again = await askAsStranger(url, host);
  insist(again.error === 'CONSENT_DENIED', `after the no: ${JSON.stringify(again)}`);
  proven(`and from now on at once: ${again.error}`);

  step('6. The record');
  const verified = await lakepassJson('audit', 'verify');
  insist(verified['ok'] === true, 'the audit chain verifies');
  quote((await lakepass('audit', '--limit', '6')).stdout);
  proven(`${verified['records']} records, the hash chain holds`);

  if (options.keep) return keepRunning(idp, workspace);

  step('7. Sign-out');
  const logout = await lakepass('logout');
  insist(logout.code === 0, `sign-out: ${logout.stderr}`);
  quote(logout.stdout);
  const after = await ask();
  insist(after.access_token === undefined, 'no token after sign-out');
  proven(`the broker now answers: ${after.error}`);
  insist(
    idp.requests.some((request) => request.path === '/token/revocation' && request.status === 200),
    'the refresh token was revoked at the identity provider',
  );
  proven('the refresh token was revoked at the identity provider');

  step('Done: every step above really happened.');
  say(
    '  What this does not show: a real identity provider, a real Databricks workspace, a hardware key. README lists what was never seen on the real services.',
  );
}

/** A process that is no descendant of the shell the grant was made for asks with its URL. */
async function askAsStranger(url: string, host: string): Promise<{ error?: string }> {
  const file = join(home, 'stranger.json');
  await rm(file, { force: true });
  const ask = `curl -s -m 20 -o '${file}.part' -H 'X-Databricks-Metadata-Version: 1' -H 'X-Databricks-Host: ${host}' '${url}'; mv '${file}.part' '${file}'`;
  spawn('setsid', ['sh', '-c', `(${ask}) >/dev/null 2>&1 &`], { stdio: 'ignore' });
  for (let waited = 0; waited < 25_000; waited += 100) {
    if (existsSync(file)) return JSON.parse(await readFile(file, 'utf8'));
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error('the stranger was not answered');
}

async function keepRunning(idp: Idp, workspace: Workspace): Promise<void> {
  step('Left running (Ctrl-C ends everything but the home folder)');
  say(`  export LAKEPASS_HOME=${home} LAKEPASS_VAULT=${vault}`);
  say(`  lakepass() { ${process.execPath} ${join(root, 'main/cli/main.ts')} "$@"; }`);
  say('  lakepass status');
  say('  lakepass run --scope sql -- .venv/bin/python');
  say(`  identity provider ${idp.issuer}   workspace ${workspace.host}   warehouse ${workspace.warehouseId}`);
  await new Promise<void>((done) => process.once('SIGINT', () => done()));
}

const undo: (() => Promise<unknown>)[] = [];
try {
  await main();
} catch (error) {
  say(`\nThe demo failed. ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  for (const act of undo.reverse()) await act();
  if (options.home === undefined && !options.keep) await rm(home, { recursive: true, force: true });
}
