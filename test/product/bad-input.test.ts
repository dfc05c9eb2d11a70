/**
 * Bad input and a bad world, on the whole product: every failure has a code and a next step on the terminal, nothing is lost by it,
 * and things work again once what was wrong is mended.
 */
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { type StatusView, statusViewSchema } from '../../preload/contract/control.ts';
import { attacker, type Ended, itWithSecondUser, spawnAs } from '../machine/accounts.ts';
import { askOnce, type Call, type GrantEnv, prepareCallers } from './calling.ts';
import { startKeyring } from './keyring.ts';
import { ended, isAlive, type Product, type ProductOptions, sizeOf, startProduct, usualConfig } from './product.ts';

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});

/** `lasting`: with a keychain, so that grants outlive the agent. */
interface Options extends ProductOptions {
  lasting?: boolean;
}

async function open({ lasting = false, ...options }: Options = {}): Promise<{ product: Product; call: Call }> {
  const env: NodeJS.ProcessEnv = {};
  const product = await startProduct({ ...options, env });
  if (lasting) {
    const keyring = await startKeyring(product.machine.user, product.home);
    opened.push(keyring);
    Object.assign(env, { LAKEPASS_VAULT: 'keychain' }, keyring.env);
  }
  opened.push(product);
  return { product, call: await prepareCallers(product) };
}

async function signedIn(options: Options = {}): Promise<{ product: Product; call: Call; grant: GrantEnv }> {
  const { product, call } = await open(options);
  await product.signIn();
  return { product, call, grant: await product.env('sql') };
}

const statusOf = async (product: Product): Promise<StatusView> => statusViewSchema.parse(await product.json('status'));
const stateFolder = (product: Product): string => join(product.home, '.local/state/lakepass');
const served = { answers: { 200: 1 } };

async function stop(product: Product): Promise<void> {
  const { pid } = statusViewSchema.parse(await product.json('status', '--no-start'));
  await product.json('agent', '--stop');
  while (isAlive(pid)) await wait(20);
}

/** What a script reads of a verb that fails, and that a person reads the same: the code and what to do next. */
async function failureOf(
  product: Product,
  args: string[],
): Promise<{ code: string; exit: number | null; reason?: string; detail?: string }> {
  const [json, text] = [await product.lakepass([...args, '--json']), await product.lakepass(args)];
  expect(json.code).not.toBe(0);
  expect(text.code).toBe(json.code);
  const { failure } = JSON.parse(json.stdout) as {
    failure: { code: string; next: string; nextStep: string; reason?: string; detail?: string };
  };
  expect(text.stderr).toContain(failure.code);
  expect(text.stderr).toContain(failure.next);
  expect(text.stdout).toBe('');
  return { exit: json.code, ...failure };
}

const agentRuns = async (product: Product): Promise<boolean> => (await product.lakepass(['status', '--no-start'])).code === 0;

describe('a configuration that cannot be used', () => {
  const usual = (product: Product): string => usualConfig(product.idp, product.workspaces);
  const bad: [string, (text: string) => string, string, number][] = [
    ['is no YAML', (text) => text.replace('profiles:', 'profiles: ['), 'CONFIG_INVALID', 4],
    ['has a key that does not exist', (text) => text.replace('clientId:', 'client:'), 'CONFIG_INVALID', 7],
    [
      'has a length of time without a unit',
      (text) => text.replace('    workspaces:', '    limits: { session: 8 }\n    workspaces:'),
      'CONFIG_INVALID',
      9,
    ],
    ['has a plain http issuer without `test: true`', (text) => text.replace('    test: true\n', ''), 'CONFIG_PLAIN_HTTP', 5],
    [
      'has a plain http issuer elsewhere in a test profile',
      (text) => text.replace(/issuer: http:\/\/localhost:\d+/, 'issuer: http://login.example.com'),
      'CONFIG_PLAIN_HTTP',
      6,
    ],
  ];

  it('is refused by file and line, and no agent starts on it; with a good one everything works', { timeout: 90_000 }, async () => {
    const { product, call } = await open();
    const file = join(product.home, '.config/lakepass/config.yaml');
    for (const [what, spoil, code, line] of bad) {
      product.writeConfig(spoil(usual(product)));
      const expected = { code, detail: expect.stringContaining(`${file}:${line}:`) };
      expect(await failureOf(product, ['status']), what).toMatchObject(expected);
    }
    expect(await agentRuns(product)).toBe(false);
    product.writeConfig(usual(product));
    await product.signIn();
    expect(await askOnce(call, await product.env('sql'))).toMatchObject(served);
  });

  it('is said by the agent that runs, which goes on with what it has read, and so does the next one that can read what was approved', {
    timeout: 90_000,
  }, async () => {
    const { product, call, grant } = await signedIn({ lasting: true });
    const before = await statusOf(product);
    product.writeConfig(usual(product).replace('profiles:', 'profiles: ['));
    const problems = async () => (await statusOf(product)).problems.map(({ code }) => code);
    await expect.poll(problems, { interval: 500 }).toContain('CONFIG_INVALID');
    expect(await askOnce(call, grant)).toMatchObject(served);
    expect((await statusOf(product)).pid).toBe(before.pid);
    await stop(product);
    expect(await problems()).toContain('CONFIG_INVALID');
    expect(await askOnce(call, grant)).toMatchObject(served);
    product.writeConfig(usual(product));
    await stop(product);
    expect(await problems()).toEqual([]);
  });

  it('that is not there is a state, not a failure: status says what to write, and verbs say CONFIG_MISSING', async () => {
    const { product } = await open();
    rmSync(join(product.home, '.config/lakepass/config.yaml'));
    expect((await statusOf(product)).next).toContain(join(product.home, '.config/lakepass/config.yaml'));
    expect(await failureOf(product, ['login'])).toMatchObject({ code: 'CONFIG_MISSING', nextStep: 'fix-config' });
  });
});

describe('a world that does not answer', () => {
  it('as a dead identity provider: the sign-in is ISSUER_UNREACHABLE, and works once it is back', async () => {
    const { product } = await open();
    product.idp.faults.set('*', { reset: true });
    expect(await failureOf(product, ['login'])).toMatchObject({ code: 'ISSUER_UNREACHABLE', nextStep: 'check-network' });
    expect((await statusOf(product)).profiles[0]?.session).toMatchObject({
      phase: 'signed-out',
      lastFailure: { code: 'ISSUER_UNREACHABLE' },
    });
    product.idp.faults.clear();
    await product.signIn();
    expect((await statusOf(product)).profiles[0]?.session).toMatchObject({ phase: 'signed-in', lastFailure: null });
  });

  it('as an identity provider whose tokens are too short: TOKEN_TOO_SHORT for programs and on the terminal', async () => {
    const { product, call, grant } = await signedIn({ idp: { idTokenTtlSeconds: 30 } });
    expect(await askOnce(call, grant)).toMatchObject({ refusals: { TOKEN_TOO_SHORT: 1 } });
    expect(await failureOf(product, ['token', '-s', 'sql'])).toMatchObject({ code: 'TOKEN_TOO_SHORT', nextStep: 'ask-admin' });
    product.idp.setTtl(3600);
    await product.signIn();
    // To the same person a failure is repeated for one second.
    await wait(1000);
    expect((await askOnce(call, grant)).bodies).toEqual([]);
  });

  it('as a workspace the profile does not have: WORKSPACE_UNKNOWN with the ones it has', async () => {
    const { product } = await signedIn();
    for (const verb of ['env', 'token'])
      expect(await failureOf(product, [verb, '-s', 'sql', '-w', 'nowhere'])).toMatchObject({
        ...{ code: 'WORKSPACE_UNKNOWN', exit: 2, nextStep: 'fix-config', detail: expect.stringContaining('main') },
      });
  });
});

describe('a right that has ended', () => {
  it.each([
    ['its limit', ['session: 10 s'], 'limit'],
    ['the time nobody used it', ['idle: 10 s'], 'idle'],
  ])('as a session at %s: SESSION_EXPIRED everywhere, and the grant lives on for the next sign-in', async (_, limits, reason) => {
    const { product, call, grant } = await signedIn({ limits });
    await wait(10_200);
    expect(await askOnce(call, grant)).toMatchObject({ refusals: { SESSION_EXPIRED: 1 } });
    expect(await failureOf(product, ['token', '-s', 'sql'])).toMatchObject({ code: 'SESSION_EXPIRED', exit: 3, nextStep: 'sign-in' });
    const { profiles, next } = await statusOf(product);
    expect(profiles[0]?.session).toMatchObject({ phase: 'ended', identity: null, lastFailure: { code: 'SESSION_EXPIRED', reason } });
    expect(next).toBe('lakepass login');
    await product.signIn();
    expect(await askOnce(call, grant)).toMatchObject(served);
  });

  it('as a revoked grant: GRANT_REVOKED to the program, and other grants go on', async () => {
    const { product, call, grant } = await signedIn();
    const other = await product.env('sql');
    const [{ id } = { id: '' }] = (await statusOf(product)).grants;
    await product.json('grants', 'revoke', id);
    expect(await askOnce(call, grant)).toMatchObject({ refusals: { GRANT_REVOKED: 1 } });
    expect(await askOnce(call, other)).toMatchObject(served);
  });

  it('as a session the identity provider has ended: SESSION_REFUSED once it is asked, never a second time', async () => {
    const { product, call, grant } = await signedIn({ idp: { idTokenTtlSeconds: 6 }, limits: ['minTokenLife: 1 s'] });
    const refreshes = (): number => product.idp.requests.filter(({ grantType }) => grantType === 'refresh_token').length;
    const before = refreshes();
    product.idp.revokeAll('alice');
    await wait(6000);
    expect(await askOnce(call, grant)).toMatchObject({ refusals: { SESSION_REFUSED: 1 } });
    expect((await statusOf(product)).profiles[0]?.session).toMatchObject({ phase: 'ended', lastFailure: { code: 'SESSION_REFUSED' } });
    expect(refreshes() - before).toBe(1);
  });
});

/** A disk of its own for the state of the product, so small that it can be filled. */
function mountTinyDisk(folder: string, { uid, gid }: { uid: number; gid: number }): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=256k,mode=700,uid=${uid},gid=${gid}`, 'lakepass-test', folder]);
  opened.push({ close: () => execFileSync('umount', ['--lazy', folder]) });
}

/** Takes every byte there is; returns what gives them back. */
function fill(folder: string): () => void {
  const ballast = join(folder, 'ballast');
  const { bavail, bsize } = statfsSync(folder);
  writeFileSync(ballast, Buffer.alloc(bavail * bsize));
  return () => rmSync(ballast);
}

/** So that not even one more line of the log finds room in what the file has already. */
const endLastPage = (file: string): void => appendFileSync(file, `${' '.repeat(4095 - (sizeOf(file) % 4096))}\n`);

describe('a full disk', () => {
  // Only root may mount; as with a second user, CI has to.
  itWithSecondUser('hands out nothing, says AUDIT_UNWRITABLE, loses neither session nor grant, and works again with room', async () => {
    const { product, call } = await open();
    const state = stateFolder(product);
    for (const folder of [join(product.home, '.local'), join(product.home, '.local/state'), state]) {
      mkdirSync(folder, { mode: 0o700, recursive: true });
      chownSync(folder, product.machine.user.uid, product.machine.user.gid);
    }
    mountTinyDisk(state, product.machine.user);
    await product.signIn();
    const grant = await product.env('sql');
    expect(await askOnce(call, grant)).toMatchObject(served);
    const { pid, profiles } = await statusOf(product);

    endLastPage(join(state, 'agent.log'));
    const giveBack = fill(state);
    // What fits into the last page of the log still does, and everything beyond it is refused, the cached token too.
    let last: Ended | undefined;
    for (let round = 0; round < 40 && last?.code !== 1; round += 1) last = await product.lakepass(['token', '-s', 'sql', '--json']);
    expect(JSON.parse(last?.stdout ?? '{}')).toMatchObject({ failure: { code: 'AUDIT_UNWRITABLE', nextStep: 'free-disk' } });
    for (const verb of ['env', 'token']) expect((await failureOf(product, [verb, '-s', 'model-serving'])).code).toBe('AUDIT_UNWRITABLE');
    const fresh = await call('storm', 20, grant);
    await fresh.ready;
    fresh.go();
    const { answers } = await fresh.outcome;
    // Counted answers of a token that is in the log already may leave; no new one does.
    expect(Object.keys(answers).filter((status) => status !== '200' && status !== '503')).toEqual([]);
    // Long enough for everything that is written now and then to have failed.
    await wait(1500);
    expect(isAlive(pid)).toBe(true);
    const full = await statusOf(product);
    expect({ pid: full.pid, phase: full.profiles[0]?.session.phase }).toEqual({ pid, phase: 'signed-in' });
    expect(full.grants).toHaveLength(1);

    giveBack();
    expect(JSON.parse((await product.lakepass(['token', '-s', 'model-serving'])).stdout)).toHaveProperty('access_token');
    expect(await askOnce(call, grant)).toMatchObject(served);
    const after = await statusOf(product);
    expect(after.profiles[0]?.session.identity).toEqual(profiles[0]?.session.identity);
    expect(after.grants.map(({ id }) => id)).toEqual(expect.arrayContaining(full.grants.map(({ id }) => id)));
    expect(await product.json('audit', 'verify')).toMatchObject({ ok: true });
    const { records } = (await product.json('audit', '--limit', '1000')) as { records: { type: string }[] };
    expect(records.map(({ type }) => type)).toContain('audit.gap');
  });

  itWithSecondUser('at the start is said, and the next start with room finds everything', async () => {
    const { product, call } = await open({ lasting: true });
    const state = stateFolder(product);
    for (const folder of [join(product.home, '.local'), join(product.home, '.local/state'), state]) {
      mkdirSync(folder, { mode: 0o700, recursive: true });
      chownSync(folder, product.machine.user.uid, product.machine.user.gid);
    }
    mountTinyDisk(state, product.machine.user);
    await product.signIn();
    const grant = await product.env('sql');
    const { port } = await statusOf(product);
    await stop(product);
    const giveBack = fill(state);
    // What fits into the last page of a log still does.
    let last: Ended | undefined;
    for (let start = 0; start < 12 && (last?.code ?? 0) === 0; start += 1) {
      last = await product.lakepass(['token', '-s', 'sql', '--json']);
      if (await agentRuns(product)) await stop(product);
    }
    expect(last?.code).not.toBe(0);
    expect(['AUDIT_UNWRITABLE', 'SIGNED_OUT']).toContain(JSON.parse(last?.stdout ?? '{}').failure.code);
    giveBack();
    await product.signIn();
    expect((await statusOf(product)).port).toBe(port);
    expect(await askOnce(call, grant)).toMatchObject(served);
    expect(await product.json('audit', 'verify')).toMatchObject({ ok: true });
  });
});

describe('a file of ours that was spoilt', () => {
  it.each([
    ['no JSON', () => 'spoilt'],
    ['cut in the middle', (text: string) => text.slice(0, text.length / 2)],
  ])('as the grants (%s): it is set aside, GRANTS_CORRUPT is in status, and new grants work', async (_, spoil) => {
    const { product, call, grant } = await signedIn({ lasting: true });
    await stop(product);
    const file = join(stateFolder(product), 'grants.json');
    const spoilt = spoil(readFileSync(file, 'utf8'));
    writeFileSync(file, spoilt);
    await product.signIn();
    const { problems, grants } = await statusOf(product);
    expect(problems).toContainEqual(expect.objectContaining({ code: 'GRANTS_CORRUPT', nextStep: 'new-grant' }));
    expect(grants).toEqual([]);
    const aside = readdirSync(stateFolder(product)).find((name) => name.startsWith('grants.json.corrupt-'));
    expect(readFileSync(join(stateFolder(product), aside ?? ''), 'utf8')).toBe(spoilt);
    expect(await askOnce(call, grant)).toMatchObject({ refusals: { GRANT_UNKNOWN: 1 } });
    expect(await askOnce(call, await product.env('sql'))).toMatchObject(served);
  });

  it('as the audit log: it stays as it is, the agent goes on in a new file, and verify says AUDIT_BROKEN', async () => {
    const { product, call, grant } = await signedIn({ lasting: true });
    await stop(product);
    const file = join(stateFolder(product), 'audit/audit-000001.jsonl');
    const spoilt = readFileSync(file, 'utf8').replace('"type":"grant.created"', '"type":"grant.unmade!"');
    expect(spoilt).toContain('grant.unmade!');
    writeFileSync(file, spoilt);
    await product.signIn();
    expect(await askOnce(call, grant)).toMatchObject(served);
    expect(readFileSync(file, 'utf8')).toBe(spoilt);
    expect(existsSync(join(stateFolder(product), 'audit/audit-000002.jsonl'))).toBe(true);
    const { code, stdout, stderr } = await product.lakepass(['audit', 'verify']);
    expect(code).toBe(1);
    expect(stderr).toContain('AUDIT_BROKEN');
    expect(stdout).toMatch(/audit-000001\.jsonl:\d+/);
  });

  it('as an audit log torn by a crash: the torn line is cut, said, and the chain holds', async () => {
    const { product, call, grant } = await signedIn({ lasting: true });
    await product.kill();
    appendFileSync(join(stateFolder(product), 'audit/audit-000001.jsonl'), '{"seq":99,"at":"20');
    await product.signIn();
    expect(await askOnce(call, grant)).toMatchObject(served);
    expect(await product.json('audit', 'verify')).toMatchObject({ ok: true });
    const { records } = (await product.json('audit')) as { records: { type: string }[] };
    expect(records.map(({ type }) => type)).toContain('audit.repaired');
  });
});

describe('a place that is not ours alone', () => {
  it('as a runtime folder that is a link: RUNTIME_UNSAFE, and nothing is made behind it', async () => {
    const { product } = await open({ policy: null });
    const elsewhere = join(product.home, 'elsewhere');
    mkdirSync(elsewhere, { mode: 0o700 });
    if (process.getuid?.() === 0) chownSync(elsewhere, product.machine.user.uid, product.machine.user.gid);
    const runtime = join(product.home, 'run/lakepass');
    symlinkSync(elsewhere, runtime);
    expect(await failureOf(product, ['status'])).toMatchObject({ code: 'RUNTIME_UNSAFE', reason: 'symlink', nextStep: 'fix-config' });
    expect(readdirSync(elsewhere)).toEqual([]);
    rmSync(runtime);
    expect((await statusOf(product)).problems).toEqual([]);
  });

  itWithSecondUser('as a runtime folder in /tmp that somebody else made first: no verb speaks to the agent that waits in it', async () => {
    const { product } = await open();
    const { uid } = product.machine.user;
    const enemy = attacker();
    const folder = `/tmp/lakepass-${uid}`;
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { mode: 0o755 });
    chownSync(folder, enemy.uid, enemy.gid);
    opened.push({ close: () => rmSync(folder, { recursive: true, force: true }) });
    const answer = JSON.stringify({
      access_token: 'from-the-enemy',
      token_type: 'Bearer',
      expiry: '2030-01-01T00:00:00.0Z',
      expires_in: 3600,
    });
    const script = `
      const { createServer } = require('node:http');
      const { chmodSync } = require('node:fs');
      let asked = 0;
      const server = createServer((request, response) => { asked += 1; response.end(${JSON.stringify(answer)}); });
      server.listen('${folder}/control.sock', () => { chmodSync('${folder}/control.sock', 0o777); console.log('listening'); });
      process.on('SIGTERM', () => { console.log('asked ' + asked); process.exit(0); });`;
    const trap = spawnAs(enemy, product.machine.node, ['-e', script], { home: '/' });
    const trapped = ended(trap);
    opened.push({ close: () => trap.kill('SIGKILL') });
    await new Promise((resolve) => trap.stdout?.once('data', resolve));
    for (const args of [['token', '-s', 'sql'], ['status'], ['login'], ['env', '-s', 'sql'], ['agent', '--stop']]) {
      const { code, stdout, stderr } = await product.lakepass(args, { env: { XDG_RUNTIME_DIR: '' } });
      expect({ args, code, stdout }).toEqual({ args, code: 1, stdout: '' });
      expect(stderr).toContain('RUNTIME_UNSAFE');
    }
    trap.kill('SIGTERM');
    expect((await trapped).stdout).toContain('asked 0');
  });
});

describe('somebody who was there first', () => {
  it('on our port: the agent moves, ends the grants whose URLs lead to the stranger, and says so until it is known', async () => {
    const { product, call, grant } = await signedIn({ lasting: true });
    const { port } = await statusOf(product);
    await stop(product);
    const squatter: Server = createServer((socket) => socket.end());
    await new Promise<void>((resolve) => squatter.listen(port, '127.0.0.1', resolve));
    opened.push({ close: () => squatter.close() });
    await product.signIn();
    const moved = await statusOf(product);
    expect(moved.port).not.toBe(port);
    expect(moved.problems).toContainEqual(expect.objectContaining({ code: 'PORT_TAKEN', nextStep: 'new-grant' }));
    expect((await product.lakepass(['status'])).stdout).toContain('PORT_TAKEN');
    expect(moved.grants).toEqual([]);
    const { records } = (await product.json('audit')) as { records: { type: string; why?: string }[] };
    expect(records).toContainEqual(expect.objectContaining({ type: 'grant.ended', why: 'port-moved' }));
    const atNewPort = {
      ...grant,
      DATABRICKS_METADATA_SERVICE_URL: grant.DATABRICKS_METADATA_SERVICE_URL.replace(String(port), String(moved.port)),
    };
    expect(await askOnce(call, atNewPort)).toMatchObject({ refusals: { GRANT_REVOKED: 1 } });
    expect(await askOnce(call, await product.env('sql'))).toMatchObject(served);
    // The new port is kept from now on, whoever lets go of the old one.
    squatter.close();
    await stop(product);
    expect(await statusOf(product)).toMatchObject({ port: moved.port, problems: [] });
  });

  it('as an agent: a second one is AGENT_RUNNING, and the first does not notice', async () => {
    const { product, call, grant } = await signedIn();
    const { pid } = await statusOf(product);
    for (const args of [['agent'], ['agent', '--vault', 'memory']])
      expect(await failureOf(product, args)).toMatchObject({ code: 'AGENT_RUNNING', detail: expect.stringContaining(String(pid)) });
    expect((await statusOf(product)).pid).toBe(pid);
    expect(await askOnce(call, grant)).toMatchObject(served);
  });
});
