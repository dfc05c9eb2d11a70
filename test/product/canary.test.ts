/**
 * Nothing that is written holds a secret. Every flow runs on the whole product, with every token, code, verifier, state, nonce,
 * cookie and grant secret marked as the services give them out, IT's signing key with its passphrase, and the token of a collector; then
 * everything that was written is searched: all files below the home (audit log, logs, grants, vault, keyring, cursors, files for whoever picks
 * them up), what a collector was sent, what every verb said, the agent's command line and environment, the arguments of every process, the
 * bodies of refusals, and what a crash leaves.
 *
 * Four places are meant to carry one: the address that `login` prints (state and nonce go to the browser in it), the variables
 * of `env`, the token of `token`, the file in which IT has laid the collector's. Each is shown to carry that and nothing else.
 */
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newKeyFile, readKeyFile, stretched } from '../../main/enroll/admin/signing-key.ts';
import { thumbprintOf } from '../../main/enroll/bundle.ts';
import { openBytes } from '../../main/vault/sealed-file.ts';
import { statusViewSchema } from '../../preload/contract/control.ts';
import { type OtlpReceiver, startOtlpReceiver } from '../fixtures/otlp/receiver.ts';
import { scriptedBrowser } from '../fixtures/scripted-browser.ts';
import { uidsOf } from '../machine/accounts.ts';
import { askOnce, type Call, type GrantEnv, prepareCallers } from './calling.ts';
import { type Keyring, startKeyring } from './keyring.ts';
import { ended, isAlive, type Product, printedUrl, startProduct, usualConfig } from './product.ts';
import { type Hunt, secretHunt } from './secret-hunt.ts';

/** What people, files and process lists could read, with a name to find it by. */
interface Written {
  where: string;
  content: Buffer | string;
}

const env: NodeJS.ProcessEnv = { LAKEPASS_VAULT: 'keychain', LAKEPASS_DEBUG: '1' };
const hunt: Hunt = secretHunt();
const written: Written[] = [];
let product: Product;
let keyring: Keyring;
let collector: OtlpReceiver;
const collectorToken = randomBytes(32).toString('base64url');
let call: Call;
let began: number;

const note = (where: string, content: Buffer | string): void => void written.push({ where, content });
const searched = (all: readonly Written[]) =>
  all.flatMap(({ where, content }) => hunt.search(content).map((kind) => `${kind} in ${where}`));

/** A verb that carries nothing: all it says is searched. */
async function verb(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const outcome = await product.lakepass(args);
  note(`stdout of ${args.join(' ')}`, outcome.stdout);
  note(`stderr of ${args.join(' ')}`, outcome.stderr);
  return outcome;
}

/** A verb of IT's, which reads a passphrase. */
async function adminVerb(passphrase: string, ...args: string[]): Promise<number | null> {
  const { code, stdout, stderr } = await product.lakepass(['admin', ...args, '--passphrase-fd', '0'], { stdin: `${passphrase}\n` });
  note(`what admin ${args.join(' ')} says`, stdout + stderr);
  return code;
}

/** The private halves, as nothing but this test ever writes them out. */
async function openSigningKey(file: string, passphrase: string): Promise<string[]> {
  const text = readFileSync(file, 'utf8');
  const { salt, box } = (JSON.parse(text) as { private: { salt: string; box: string } }).private;
  const names = await Promise.all(readKeyFile(text).publicKeys.map(thumbprintOf));
  const opened = openBytes(Buffer.from(box, 'base64'), {
    key: await stretched(passphrase, salt),
    name: `lakepass signing-key/${names.join('/')}`,
  });
  return JSON.parse(opened?.plain.toString() ?? '[]') as string[];
}

const addressLine = /^ {2}http:\/\/localhost:\d+\/auth\?\S+\n/m;

/** `login`, up to the page where the person acts. The address it prints is looked at by itself. */
async function login(args: readonly string[], act: (url: URL) => Promise<unknown>): Promise<string> {
  const child = product.start(['login', ...args]);
  const outcome = ended(child);
  const url = await printedUrl(child);
  expect([...url.searchParams.keys()].filter((name) => /verifier|code$|token|secret/.test(name))).toEqual([]);
  await act(url);
  const { stdout, stderr } = await outcome;
  expect(stderr).toMatch(addressLine);
  note(`stdout of login ${args.join(' ')}`, stdout);
  note(`stderr of login ${args.join(' ')}`, stderr.replace(addressLine, ''));
  return stdout + stderr;
}

/** All the way, the first tap key included. Codes of our own pages are secrets too: whoever has one is taken for the page. */
async function asAlice(url: URL): Promise<void> {
  const page = await product.browse(url, { key: product.key, username: 'alice' });
  if (page === null) return;
  hunt.add('page-code', page.hash.slice(1));
  await product.settleIn(page);
}

/** `env --json`: its address is a secret, and the only one in it. */
async function grantFor(...args: string[]): Promise<GrantEnv> {
  const { stdout, stderr } = await product.lakepass(['env', '--json', ...args]);
  const made = JSON.parse(stdout) as { grant: { id: string }; env: GrantEnv };
  const secret = made.env.DATABRICKS_METADATA_SERVICE_URL.split('/').at(-1) ?? '';
  expect(secret).toMatch(/^[\w-]{43}$/);
  note(`the rest of env ${args.join(' ')}`, stdout.replace(secret, '') + stderr);
  hunt.add('grant', secret);
  return made.env;
}

/** What `ps` shows to everybody, and what the agent was started with. */
async function watchProcesses(when: string): Promise<void> {
  note(`ps ${when}`, (await product.run('ps', ['-eo', 'args', '-ww'])).stdout);
  const running = await product.lakepass(['status', '--no-start', '--json']);
  if (running.code !== 0) return;
  const { pid } = statusViewSchema.parse(JSON.parse(running.stdout));
  expect(uidsOf(pid)).toEqual(Array(4).fill(product.machine.user.uid));
  for (const file of ['cmdline', 'environ']) note(`/proc/agent/${file} ${when}`, readFileSync(`/proc/${pid}/${file}`));
}

/** What a program is told; only the refusals are read, the tokens are hashed where they arrive. */
async function refused(grant: GrantEnv, code: string): Promise<void> {
  const { refusals, bodies } = await askOnce(call, grant);
  expect(refusals).toEqual({ [code]: 1 });
  for (const body of bodies) note(`the refusal ${code}`, body);
}

async function servedTo(grant: GrantEnv): Promise<void> {
  expect(await askOnce(call, grant)).toMatchObject({ answers: { 200: 1 } });
}

async function stop(): Promise<void> {
  const { pid } = statusViewSchema.parse(JSON.parse((await verb('status', '--json')).stdout));
  await verb('agent', '--stop');
  while (isAlive(pid)) await wait(20);
}

/** Every verb, as people and as scripts read it. */
async function everyVerb(when: string): Promise<void> {
  for (const args of [
    ['status'],
    ['grants'],
    ['doctor'],
    ['audit', '--limit', '1000'],
    ['audit', 'verify'],
    ['audit', 'sinks', '--last'],
  ]) {
    await verb(...args);
    await verb(...args, '--json');
  }
  // It lies below the home, where every file is searched.
  await verb('doctor', '--bundle', join(product.home, `support ${when}.json`));
  await watchProcesses(when);
}

/** Raw requests to the broker, as the user: what is refused before a grant is known. */
async function knock(grant: GrantEnv, change: Record<string, string>, path = (whole: string) => whole): Promise<void> {
  const headers = { 'X-Databricks-Metadata-Version': '1', 'X-Databricks-Host': grant.DATABRICKS_HOST, ...change };
  const lines = [
    `url = "${path(grant.DATABRICKS_METADATA_SERVICE_URL)}"`,
    ...Object.entries(headers).map(([name, value]) => `header = "${name}: ${value}"`),
  ];
  const file = join(product.home, 'curl.conf');
  writeFileSync(file, lines.join('\n'), { mode: 0o644 });
  const { stdout } = await product.run('curl', ['-s', '-i', '-K', file]);
  rmSync(file);
  expect(stdout).toMatch(/^HTTP\/1\.1 4/);
  note(`a refusal of ${Object.keys(change).join()}`, stdout);
}

/** Files of the user that are new since the test began, wherever a program may write. */
function strayFiles(): Written[] {
  const found: Written[] = [];
  const visit = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      // Homes of other tests are their own.
      if (/^(lph-|lakepass-machine-)/.test(entry.name)) continue;
      try {
        const { uid, mtimeMs } = lstatSync(path);
        if (entry.isDirectory()) visit(path);
        else if (entry.isFile() && uid === product.machine.user.uid && mtimeMs >= began)
          found.push({ where: path, content: readFileSync(path) });
      } catch (error) {
        if (!['ENOENT', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
      }
    }
  };
  for (const folder of ['/tmp', '/var/tmp', '/dev/shm']) if (existsSync(folder)) visit(folder);
  return found;
}

/** Below the home; what IT has laid there is not what we have written. */
const files = (): Written[] =>
  product
    .files()
    .map(({ path, content }) => ({ where: path.slice(product.home.length + 1), content }))
    .filter(({ where, content }) => where !== 'collector-token' || content.toString() !== collectorToken);

/** Has all records and times sent to a collector that wants a token, and records into a folder. */
function sendAway({ home, machine, idp, workspaces }: Product): void {
  const [folder, tokenFile] = [join(home, 'spool'), join(home, 'collector-token')];
  mkdirSync(folder, { mode: 0o700 });
  writeFileSync(tokenFile, collectorToken, { mode: 0o600 });
  if (process.getuid?.() === 0) for (const path of [folder, tokenFile]) chownSync(path, machine.user.uid, machine.user.gid);
  const tokenFrom = { file: tokenFile };
  const audit = {
    sinks: [
      { name: 'company', otlp: { url: collector.url, tokenFrom } },
      { name: 'files', folder },
    ],
  };
  const telemetry = { traces: { otlp: { url: collector.traceUrl, tokenFrom } } };
  product.writeConfig(
    `${usualConfig(idp, workspaces, ['minTokenLife: 1 s'])}audit: ${JSON.stringify(audit)}\ntelemetry: ${JSON.stringify(telemetry)}\n`,
  );
}

beforeAll(async () => {
  began = Date.now();
  product = await startProduct({
    env,
    idp: { idTokenTtlSeconds: 12, refreshGraceSeconds: 30 },
    workspaces: 2,
    secrets: hunt.add,
  });
  collector = await startOtlpReceiver({ token: collectorToken });
  hunt.add('collector-token', collectorToken);
  sendAway(product);
  keyring = await startKeyring(product.machine.user, product.home);
  Object.assign(env, keyring.env);
  call = await prepareCallers(product);
  await product.idp.enrol('alice', product.key);
});
afterAll(async () => {
  await product.close();
  await keyring.close();
  await collector.close();
});

describe('every flow runs', { timeout: 60_000 }, () => {
  let grant: GrantEnv;

  it('signing in: refused, too weak, cancelled, answered wrongly, and well', async () => {
    await login([], (url) => product.browse(url, { username: 'alice', path: 'cancel' }));
    await login(['--json'], (url) => product.browse(url, { username: 'alice', path: 'password' }));
    await login([], async () => void (await verb('login', '--cancel')));
    await login([], async (url) => {
      const callback = await scriptedBrowser({ key: product.key, username: 'alice' }).authorize(url);
      hunt.add('code', callback.searchParams.get('code') ?? '');
      for (const [name, value] of [
        ['state', 'x'.repeat(43)],
        ['iss', 'https://elsewhere.example'],
      ] as const) {
        const wrong = new URL(callback);
        wrong.searchParams.set(name, value);
        note(`the callback page for a wrong ${name}`, (await product.run('curl', ['-s', '-i', wrong.href])).stdout);
      }
      await watchProcesses('while a sign-in waits');
      const last = (await product.run('curl', ['-s', '-i', '-L', callback.href])).stdout;
      const code = /#([\w-]{43})/.exec(last)?.[1] ?? '';
      note('the last page', last.replace(code, ''));
      hunt.add('page-code', code);
    });
    product.idp.faults.set('token', { malformedBody: true });
    await login([], asAlice);
    product.idp.faults.set('token', { status: 500 });
    await login(['--json'], asAlice);
    product.idp.faults.clear();
    expect(await login(['--json'], asAlice)).toContain('"signed-in"');
  });

  it('serving: a cached token, a new one, after a renewal, in `run`, on the terminal', async () => {
    grant = await grantFor('-s', 'sql', '-w', 'main');
    await servedTo(grant);
    await servedTo(grant);
    // The program tells us its grant by a file that is gone before files are searched.
    const script = 'printf %s "$DATABRICKS_METADATA_SERVICE_URL" > "$HOME/told"; echo ready; sleep 1; echo done';
    const child = product.start(['run', '-s', 'sql', '-w', 'main', '--', 'sh', '-c', script]);
    const outcome = ended(child);
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    const told = join(product.home, 'told');
    hunt.add('grant', readFileSync(told, 'utf8').split('/').at(-1) ?? '');
    rmSync(told);
    await watchProcesses('while `run` runs');
    const { stdout, stderr } = await outcome;
    note('stdout of run', stdout);
    note('stderr of run', stderr);
    const { stdout: text, stderr: beside } = await product.lakepass(['token', '-s', 'sql', '-w', 'main', '--json']);
    // One token, the workspace's, and neither the provider's nor a grant.
    expect(hunt.search(text)).toEqual(['workspace-token']);
    const { access_token: token } = JSON.parse(text) as { access_token: string };
    note('the rest of token', text.replace(token, '') + beside);
    await verb('token', '-s', 'nonsense', '-w', 'main');
    await verb('env', '-s', 'all-apis', '-w', 'main');
    const shell = await product.lakepass(['env', '-s', 'sql', '-w', 'second']);
    const secret = /v1\/metadata\/([\w-]{43})/.exec(shell.stdout)?.[1] ?? '';
    expect(hunt.search(shell.stdout)).toEqual([]);
    hunt.add('grant', secret);
    expect(hunt.search(shell.stdout)).toEqual(['grant']);
    const refreshes = () => product.idp.requests.filter(({ grantType }) => grantType === 'refresh_token').length;
    const before = refreshes();
    while (refreshes() === before) await wait(100);
    await servedTo(grant);
  });

  it('refusing: wrong version, page, host, path, workspace, scope, grant', async () => {
    await knock(grant, { 'X-Databricks-Metadata-Version': '9' });
    await knock(grant, { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' });
    await knock(grant, { Host: 'evil.example' });
    await knock(grant, { 'X-Databricks-Host': 'https://elsewhere.example' });
    await knock(grant, { Cookie: 'a=b' }, (url) => `${url}?x=1`);
    await knock(grant, {}, (url) => `${url.slice(0, -3)}AAA`);
    await refused({ ...grant, DATABRICKS_HOST: 'https://elsewhere.example' }, 'WORKSPACE_MISMATCH');
    product.workspaces[1]?.withholdScopes(['model-serving']);
    await refused(await grantFor('-s', 'model-serving', '-w', 'second'), 'EXCHANGE_SCOPE_REFUSED');
    const brief = await grantFor('-s', 'sql', '-w', 'main', '--label', 'brief');
    const { grants } = JSON.parse((await verb('grants', '--json')).stdout) as { grants: { id: string; label: string }[] };
    await verb('grants', 'revoke', grants.find(({ label }) => label === 'brief')?.id ?? '');
    await refused(brief, 'GRANT_REVOKED');
    await everyVerb('after refusals');
  });

  it('failing: a workspace that answers half, nonsense, too much, or not at all; a provider that is gone', async () => {
    const second = product.workspaces[1];
    const hurt = (scope: string) => grantFor('-s', scope, '-w', 'second');
    second?.faults.set('token', { malformedBody: true });
    await refused(await hurt('unity-catalog'), 'WORKSPACE_ANSWER_INVALID');
    second?.faults.set('token', { htmlLoginPage: true });
    await refused(await hurt('sql'), 'WORKSPACE_ANSWER_INVALID');
    second?.faults.clear();
    second?.forceScopes(['all-apis']);
    await refused(await hurt('genie'), 'SCOPE_NOT_NARROWED');
    second?.forceScopes(null);
    second?.faults.set('token', { hang: true });
    await refused(await hurt('files'), 'DEADLINE_PASSED');
    second?.faults.clear();
    product.idp.faults.set('*', { reset: 'after' });
    await wait(6500);
    await everyVerb('while the provider is gone');
    product.idp.faults.clear();
  });

  it('dying and coming back: stop, kill -9 in the middle of things, a vault that was spoilt', async () => {
    await stop();
    await login(['--json'], asAlice);
    const callers = call('loop', 4, grant);
    await wait(300);
    await product.kill();
    callers.stop();
    await callers.outcome;
    await everyVerb('after a kill -9');
    await stop();
    const sealed = join(product.home, '.local/share/lakepass/vault/session-acme.sealed');
    writeFileSync(sealed, readFileSync(sealed).fill(0x41, 30, 50));
    expect((await verb('status')).stdout).toContain('VAULT_CORRUPT');
    await everyVerb('with a spoilt vault');
    // In the foreground the agent speaks for itself.
    await stop();
    const agent = product.start(['agent']);
    const outcome = ended(agent);
    await new Promise((resolve) => agent.stdout?.once('data', resolve));
    await login([], asAlice);
    await watchProcesses('of an agent in the foreground');
    agent.kill('SIGINT');
    const { stdout, stderr } = await outcome;
    note('stdout of agent', stdout);
    note('stderr of agent', stderr);
  });

  it('publishing for a company: made, refused with another passphrase and with a broken file, signed', async () => {
    const folder = join(product.home, 'acme');
    const passphrase = `mark ${randomBytes(24).toString('base64url')}`;
    const wrong = `mark ${randomBytes(24).toString('base64url')}`;
    for (const each of [passphrase, wrong]) hunt.add('passphrase', each.slice(5));
    const at = ['--folder', folder];
    expect(await adminVerb(passphrase, 'init', ...at, '--organization', 'Acme')).toBe(0);
    expect(await adminVerb(wrong, 'bundle', ...at)).not.toBe(0);
    expect(await adminVerb(passphrase, 'bundle', ...at, '--json')).toBe(0);
    const [scalar = '', ...others] = await openSigningKey(join(folder, 'signing-key.json'), passphrase);
    expect([scalar, ...others]).toEqual([expect.stringMatching(/^[\w-]{43}$/)]);
    hunt.add('signing-key', scalar);
    // In the clear, cut short: what is wrong with it is said without the text.
    const file = join(folder, 'signing-key.json');
    const sealed = readFileSync(file);
    const { text } = await newKeyFile({ passphrase: null, stretch: stretched });
    hunt.add('signing-key', /"d": \[\s*"([\w-]{43})"/.exec(text)?.[1] ?? '');
    writeFileSync(file, text.slice(0, -4));
    expect((await verb('admin', 'bundle', ...at)).stderr).toContain('ADMIN_FILE_INVALID');
    writeFileSync(file, sealed);
  });

  it('signing out, with and without a provider that answers', async () => {
    await login(['--json'], asAlice);
    await servedTo(await grantFor('-s', 'sql', '-w', 'main'));
    product.idp.faults.set('revocation', { status: 503 });
    await verb('logout');
    product.idp.faults.clear();
    await login(['--json'], asAlice);
    await verb('logout', '--json');
    await everyVerb('after the sign-out');
    await verb('evidence', '--from', '2026-01-01', '--to', '2100-01-01', '--out', join(product.home, 'evidence'));
  });
});

describe('what was written', () => {
  it('was written after secrets of every kind had gone through', () => {
    const kinds = hunt.kinds();
    for (const kind of [
      'id_token',
      'access_token',
      'refresh_token',
      'code',
      'code_verifier',
      'state',
      'nonce',
      'cookie',
      'workspace-token',
      'grant',
      'page-code',
      'passphrase',
      'signing-key',
    ])
      expect(kinds[kind] ?? 0, kind).toBeGreaterThan(1);
  });

  it('holds none of them, in any file below the home', () => {
    const all = files();
    const names = all.map(({ where }) => where).join('\n');
    for (const name of [
      'audit-000001.jsonl',
      'agent.log',
      'agent.err',
      'grants.json',
      '.corrupt-1',
      'keyrings/login.keyring',
      'acme/signing-key.json',
      'acme/bundle.jws.json',
      'support after the sign-out.json',
      'audit-sinks/company.json',
      'audit-sinks/files.json',
      'evidence/index.html',
      'evidence/evidence.json',
      'evidence/audit/audit-000001.jsonl',
      'spool/',
    ])
      expect(names).toContain(name);
    expect(searched(all)).toEqual([]);
  });

  it('holds none of them, in what verbs said, in refusals, in the arguments and the environment of processes', () => {
    expect(written.length).toBeGreaterThan(80);
    for (const place of ['ps while `run` runs', '/proc/agent/environ', '/proc/agent/cmdline', 'the refusal WORKSPACE_ANSWER_INVALID'])
      expect(
        written.some(({ where, content }) => where.startsWith(place) && content.length > 0),
        place,
      ).toBe(true);
    expect(searched(written)).toEqual([]);
  });

  it('holds none of them, in what a collector was sent and in what lies in a folder for whoever picks it up', () => {
    expect(collector.problems).toEqual([]);
    expect(new Set(collector.headers.map(({ authorization }) => authorization))).toEqual(new Set([`Bearer ${collectorToken}`]));
    const spool = files().filter(({ where }) => where.startsWith('spool/'));
    const lines = spool.flatMap(({ content }) => content.toString().trim().split('\n'));
    const inFolder = lines.map((line) => (JSON.parse(line) as { event_type: string }).event_type);
    const atCollector = collector.logs.map(({ eventName }) => eventName.replace(/^lakepass\./, ''));
    for (const types of [new Set(inFolder), new Set(atCollector)])
      for (const type of [
        'session.signed-in',
        'session.renewed',
        'token.minted',
        'token.served',
        'token.refused',
        'grant.created',
        'audit.checkpoint',
      ])
        expect(types).toContain(type);
    expect(new Set(collector.spans.map(({ name }) => name))).toEqual(
      new Set(['sign-in', 'renewal', 'mint', 'try', 'token'].map((what) => `lakepass.${what}`)),
    );
    expect(searched(collector.bodies.map((content, index) => ({ where: `body ${index}`, content })))).toEqual([]);
    expect(searched(spool)).toEqual([]);
  });

  it('holds none of them, in files outside the home; and no crash left a core', () => {
    const strays = strayFiles();
    expect(searched(strays)).toEqual([]);
    const isDump = /(^|\/)(core(\.\d+)?|.*\.heapsnapshot|report\.\d.*\.json)$/;
    // Other programs of this user may have crashed; a dump of ours knows our home.
    const ours = ({ content }: Written): boolean => content.includes(product.home);
    const cores = [...files(), ...strays.filter(ours)].map(({ where }) => where).filter((where) => isDump.test(where));
    expect(cores).toEqual([]);
  });
});

describe('the search', () => {
  const planted = 'planted.txt';
  const tellTale = (kind: string, secret: string) =>
    [
      ['as it is', secret],
      ['inside a line', `{"level":30,"msg":"got ${secret} from there"}`],
      ['half of it', secret.slice(0, Math.ceil(secret.length / 2))],
      ['percent-encoded', [...secret].map((character) => `%${character.charCodeAt(0).toString(16)}`).join('')],
      ['as base64 of its text', Buffer.from(`Bearer ${secret}`).toString('base64')],
      ['as hex of its text', Buffer.from(secret).toString('hex').toUpperCase()],
      ['as the bytes it stands for', Buffer.from(secret, 'base64url')],
    ].map(([how, content]) => ({ kind, how: how as string, content: content as string | Buffer }));
  const jwtLike = `eyJhbGciOiJSUzI1NiJ9.${Buffer.from(JSON.stringify({ sub: 'x'.repeat(200) })).toString('base64url')}.${'s1gn'.repeat(80)}`;
  const opaque = `${'Zq4-'.repeat(10)}_9z`;

  it.each([
    ...tellTale('opaque', opaque),
    ...tellTale('jwt', jwtLike).filter(({ how }) => how !== 'as the bytes it stands for'),
    { kind: 'jwt', how: 'as the bytes of its signature', content: Buffer.from('s1gn'.repeat(80), 'base64url') },
  ])('finds a planted secret ($kind, $how)', ({ kind, content }) => {
    const trial = secretHunt();
    trial.add('opaque', opaque);
    trial.add('jwt', jwtLike);
    expect(trial.search(Buffer.concat([Buffer.from('before '), Buffer.from(content), Buffer.from(' after')]))).toEqual([kind]);
  });

  it('finds one in what is sent: in a body for a collector, in a line for a folder, in a cursor', () => {
    const marked = `${'B2c3'.repeat(10)}D4e`;
    hunt.add('planted', marked);
    const [body = ''] = collector.bodies.filter((each) => each.includes('"stringValue":"token.serve"'));
    const spoilt = body.replace('"stringValue":"token.serve"', `"stringValue":"token.serve ${marked.slice(0, 30)}"`);
    expect([hunt.search(body), hunt.search(spoilt)]).toEqual([[], ['planted']]);
    for (const part of ['spool/', 'audit-sinks/', 'evidence/evidence.json']) {
      const [found] = files().filter(({ where }) => where.startsWith(part) || where.includes(`/${part}`));
      const text = found?.content.toString() ?? '';
      expect([hunt.search(text), hunt.search(text.replace(/[0-9a-f]{64}/, marked))]).toEqual([[], ['planted']]);
    }
  });

  it('finds a grant in a file below the home, and nothing in innocent text', async () => {
    const marked = `${'A1b2'.repeat(10)}C3d`;
    hunt.add('planted', marked);
    writeFileSync(join(product.home, planted), `see http://127.0.0.1:1/v1/metadata/${marked}\n`);
    expect(searched(files())).toEqual([`planted in ${planted}`]);
    rmSync(join(product.home, planted));
    expect(hunt.search('an ordinary sentence, a hash 0123456789abcdef0123456789abcdef0123456789abcdef and a path /usr/share/doc')).toEqual(
      [],
    );
  });
});
