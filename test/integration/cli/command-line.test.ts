/** The `lakepass` command as people and scripts use it: the built one, run by a user who is not root, against the test services. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { statusViewSchema } from '../../../preload/contract/control.ts';
import { uidsOf } from '../../machine/accounts.ts';
import { ended, isAlive, type Product, printedUrl, startProduct } from '../../product/product.ts';
import { openShell, type Shell } from './shell.ts';

let product: Product;
let shell: Shell;
beforeAll(async () => {
  product = await startProduct({ workspaces: 2 });
  shell = openShell(product);
});
afterAll(() => {
  shell.close();
  return product.close();
});

const failureOf = (text: string) => JSON.parse(text).failure;

describe('before anybody signs in', () => {
  it('says that no agent runs when it may not start one', async () => {
    const { code, stderr } = await product.lakepass(['status', '--no-start']);
    expect(code).toBe(4);
    expect(stderr).toContain('AGENT_NOT_RUNNING');
  });

  it('starts an agent that is not root, and says what to do next', async () => {
    const { code, stdout } = await product.lakepass(['status']);
    expect(code).toBe(0);
    expect(stdout).toContain('test profile');
    expect(stdout).toContain('memory only');
    expect(stdout).toContain('Next: lakepass login');
    const uids = uidsOf(await product.agentPid());
    expect(uids).toEqual(Array(4).fill(product.machine.user.uid));
    expect(uids).not.toContain(0);
  });

  it('keeps everything below a folder that is named from where one stands', async () => {
    const command = join(product.machine.dist, 'lakepass');
    const steps = [
      'cd "$HOME"',
      `"${command}" status --home elsewhere --json`,
      `"${command}" agent --home elsewhere --stop`,
      'while [ -e elsewhere/run/agent.lock ]; do sleep 0.1; done',
      'rm -r elsewhere',
    ];
    const { code, stdout, stderr } = await product.run('/bin/sh', ['-c', steps.join(' && ')], {
      LAKEPASS_NODE: product.machine.node,
      LAKEPASS_VAULT: 'memory',
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(`"configFile": "${join(product.home, 'elsewhere', 'config.yaml')}"`);
  });

  it.each([
    [['run', '-s', 'sql', '--', 'true'], 125],
    [['env', '-s', 'sql'], 3],
    [['token', '-s', 'sql'], 3],
  ])('refuses %j with SIGNED_OUT', async (args, expected) => {
    const { code, stdout, stderr } = await shell.lakepass(...args.slice(0, 1), '-w', 'main', ...args.slice(1));
    expect({ code, stdout }).toEqual({ code: expected, stdout: '' });
    expect(stderr).toContain('SIGNED_OUT');
    expect(stderr).toContain('lakepass login');
  });

  it.each([
    ...['agent', 'login', 'logout', 'status', 'ui', 'env', 'run', 'token', 'lock', 'unlock', 'seal', 'reset'].map((verb) => [verb]),
    ...[
      ['grants', 'list'],
      ['grants', 'add'],
      ['grants', 'revoke'],
      ['audit', 'tail'],
      ['audit', 'verify'],
      ['audit', 'key'],
      ['audit', 'sinks'],
    ],
  ])('explains %s %s with an example', async (...verb) => {
    const { code, stdout } = await product.lakepass([...verb.filter(Boolean), '--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/Example:\n {2}.*lakepass/);
  });

  it('says what its exit codes mean', async () => {
    expect((await product.lakepass(['--help'])).stdout).toMatch(/3 sign in first.*5 refused, 6 locked/s);
  });

  it.each([
    [['nonsense']],
    [['run']],
    [['grants', 'revoke']],
    [['grants', 'add', 'g1']],
    [['seal', 'wax']],
    [['token', '--wait', 'long']],
    [['env', '--databrickscfg', 'a]b']],
    [['env', '-s', 'sql', '--for', 'soon']],
    [['status', '--vault', 'paper', '--home', '/tmp/lakepass-nowhere']],
  ])('calls %j wrong usage', async (args) => {
    const { code } = await product.lakepass(args);
    expect(code).toBe(2);
  });
});

describe('signing in', () => {
  it('ends with LOGIN_REFUSED when the person declines, and says so', async () => {
    const login = product.start(['login']);
    const outcome = ended(login);
    await product.browse(await printedUrl(login), { username: 'alice', path: 'cancel' });
    const { code, stderr } = await outcome;
    expect(code).toBe(5);
    expect(stderr).toContain('LOGIN_REFUSED: access_denied');
  });

  it('is refused when it was proven by a password only', async () => {
    const login = product.start(['login', '--json']);
    const outcome = ended(login);
    await product.browse(await printedUrl(login), { username: 'alice', path: 'password' });
    const { code, stdout } = await outcome;
    expect({ code, failure: failureOf(stdout).code }).toEqual({ code: 5, failure: 'ASSURANCE_TOO_LOW' });
  });

  it('can be cancelled from another terminal, and a second one is told to wait', async () => {
    const login = product.start(['login']);
    const outcome = ended(login);
    await printedUrl(login);
    const second = await product.lakepass(['login', '--json']);
    expect(failureOf(second.stdout).code).toBe('LOGIN_IN_PROGRESS');
    expect((await product.lakepass(['login', '--cancel'])).stdout).toContain('was cancelled');
    const { code, stderr } = await outcome;
    expect(code).not.toBe(0);
    expect(stderr).toContain('LOGIN_CANCELLED');
  });

  it('is cancelled by Ctrl-C', async () => {
    const login = product.start(['login']);
    const outcome = ended(login);
    await printedUrl(login);
    login.kill('SIGINT');
    expect((await outcome).stderr).toContain('LOGIN_CANCELLED');
  });

  it('shows who signed in and how it was proven', async () => {
    const { session } = (await product.signIn()) as { session: { identity: object; assurance: object } };
    expect(session.identity).toMatchObject({ username: 'alice@example.com', groups: ['data-science', 'everyone'] });
    expect(session.assurance).toMatchObject({ level: 'phr', acr: 'phr' });
    const status = statusViewSchema.parse(await product.json('status'));
    expect(status.profiles[0]).toMatchObject({ test: true, session: { phase: 'signed-in' } });
  });
});

describe('run', () => {
  const run = (words: string[], options: string[] = []) => product.lakepass(['run', '-s', 'sql', '-w', 'main', ...options, '--', ...words]);

  it('sets the variables of the metadata service and clears the ones that would win', async () => {
    const { code, stdout } = await product.lakepass(['run', '-s', 'sql', '-w', 'second', '--', 'env'], {
      env: { DATABRICKS_TOKEN: 'dapi-x', DATABRICKS_CLIENT_SECRET: 'y', ARM_CLIENT_ID: 'z', KEPT: 'yes' },
    });
    expect(code).toBe(0);
    expect(stdout).toContain(`DATABRICKS_HOST=${product.workspaces[1]?.host}\n`);
    expect(stdout).toContain('DATABRICKS_AUTH_TYPE=metadata-service\n');
    expect(stdout).toMatch(/^DATABRICKS_METADATA_SERVICE_URL=http:\/\/127\.0\.0\.1:\d+\/v1\/metadata\/[\w-]{43}$/m);
    expect(stdout).toContain('KEPT=yes');
    expect(stdout).not.toMatch(/DATABRICKS_TOKEN|DATABRICKS_CLIENT_SECRET|ARM_CLIENT_ID/);
  });

  it.each([
    [['sh', '-c', 'exit 0'], 0],
    [['sh', '-c', 'exit 42'], 42],
    [['sh', '-c', 'kill -TERM $$'], 143],
    [['no-such-program-anywhere'], 127],
    [['/etc/passwd'], 126],
  ])('gives back the exit code of %j', async (words, expected) => {
    expect((await run(words)).code).toBe(expected);
  });

  it('passes a signal on and lets the program finish, after whose end the grant ends', async () => {
    const child = product.start([
      'run',
      '-s',
      'sql',
      '-w',
      'main',
      '--label',
      'signalled',
      '--',
      'sh',
      '-c',
      'trap "echo heard; exit 7" TERM; echo ready; while :; do sleep 0.05; done',
    ]);
    const outcome = ended(child);
    await new Promise<void>((resolve) => child.stdout?.on('data', (text) => String(text).includes('ready') && resolve()));
    child.kill('SIGTERM');
    const { code, stdout } = await outcome;
    expect({ code, heard: stdout.includes('heard') }).toEqual({ code: 7, heard: true });
    const state = async () =>
      ((await product.json('grants'))['grants'] as { label: string; state: string }[]).find(({ label }) => label === 'signalled')?.state;
    await vi.waitUntil(async () => (await state()) === 'revoked', { timeout: 20_000, interval: 200 });
  });

  it('tells the terminal once why a grant is refused', async () => {
    const script =
      'curl -s -H "X-Databricks-Metadata-Version: 1" -H "X-Databricks-Host: https://elsewhere.example" "$DATABRICKS_METADATA_SERVICE_URL" >/dev/null; '.repeat(
        2,
      );
    const { stderr } = await run(['sh', '-c', `${script} sleep 0.3`]);
    expect(stderr.match(/WORKSPACE_MISMATCH/g)).toHaveLength(1);
  });

  it.each([
    [['-s', 'all-apis', '-w', 'main'], 'SCOPE_UNKNOWN'],
    [['-s', 'sql', '-w', 'nowhere'], 'WORKSPACE_UNKNOWN'],
    [['-s', 'sql', '-w', 'main', '-p', 'nobody'], 'PROFILE_UNKNOWN'],
    [['-s', 'sql', '-w', 'main', '--for', '60d'], 'GRANT_LIMIT'],
  ])('does not start the program with %j', async (options, failure) => {
    const { code, stdout, stderr } = await product.lakepass(['run', ...options, '--', 'echo', 'started']);
    expect({ code, stdout }).toEqual({ code: 125, stdout: '' });
    expect(stderr).toContain(failure);
  });
});

describe('token', () => {
  it('prints what `databricks auth token` prints, the same by the short road and the long one', async () => {
    // Where no grant covers it yet, the short road leaves it to the long one, which has it made.
    expect((await shell.lakepass('token', '-s', 'sql', '-w', 'main')).code).toBe(0);
    const short = await shell.lakepass('token', '--scope', 'sql', '--workspace', 'main');
    const long = await shell.lakepass('token', '--scope', 'sql', '--workspace', 'main', '--no-start');
    expect([short.code, long.code]).toEqual([0, 0]);
    const [a, b] = [JSON.parse(short.stdout), JSON.parse(long.stdout)];
    expect(a.access_token).toBe(b.access_token);
    expect(short.stdout.replace(/"expires_in": \d+/, '')).toBe(long.stdout.replace(/"expires_in": \d+/, ''));
    expect(short.stdout).toMatch(/^\{\n {2}"access_token": "/);
    expect(short.stdout.endsWith('}')).toBe(true);
    expect(a.expiry).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}[+-]\d\d:\d\d$/);
    expect(Date.parse(a.expiry.replace(/(\.\d{3})\d+/, '$1')) / 1000 - Date.now() / 1000).toBeCloseTo(a.expires_in, -1);
    expect(JSON.parse(Buffer.from(a.access_token.split('.')[1], 'base64url').toString())).toMatchObject({
      scope: 'sql',
      sub: 'alice@example.com',
    });
  });

  it('puts no secret into any command line', async () => {
    const { access_token } = JSON.parse((await shell.lakepass('token', '-s', 'sql', '-w', 'main')).stdout);
    const child = product.start(['run', '-s', 'sql', '-w', 'main', '--', 'sh', '-c', 'echo ready; sleep 1']);
    const outcome = ended(child);
    await new Promise<void>((resolve) => child.stdout?.on('data', (text) => String(text).includes('ready') && resolve()));
    const { stdout } = await product.run('ps', ['-eo', 'args']);
    expect(stdout).toContain('run -s sql');
    expect(stdout).not.toMatch(/v1\/metadata\/[\w-]{43}/);
    expect(stdout).not.toContain(access_token);
    await outcome;
  });
});

describe('grants and audit', () => {
  it('revokes a grant at once', async () => {
    const { DATABRICKS_METADATA_SERVICE_URL: url, DATABRICKS_HOST: host } = (await shell.json('env', '-s', 'sql', '-w', 'main'))[
      'env'
    ] as Record<string, string>;
    const headers = { 'x-databricks-metadata-version': '1', 'x-databricks-host': host ?? '' };
    const ask = async () =>
      JSON.parse(
        (await product.run('curl', ['-s', ...Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]), url ?? '']))
          .stdout,
      );
    expect(await ask()).toHaveProperty('access_token');
    expect(Number((await product.json('grants', 'revoke', '--all'))['ended'])).toBeGreaterThan(0);
    expect(await ask()).toMatchObject({ error: 'GRANT_REVOKED' });
    expect((await product.lakepass(['grants', 'revoke', 'nothing-of-that-name', '--json'])).stdout).toContain('GRANT_UNKNOWN');
  });

  it('verifies a copied audit file without an agent, with the key of the device, and finds one changed byte', async () => {
    expect(await product.json('audit', 'verify')).toMatchObject({ ok: true, seals: { keysFrom: 'given' } });
    const key = join(product.home, 'device.pem');
    writeFileSync(key, (await product.lakepass(['audit', 'key'])).stdout);
    const original = product.files().find(({ path }) => path.endsWith('audit-000001.jsonl'));
    const copy = join(product.home, 'audit-000001.jsonl');
    cpSync(original?.path ?? '', copy);
    expect(
      (
        await product.run('/bin/sh', [join(product.machine.dist, 'lakepass'), 'audit', 'verify', copy], {
          LAKEPASS_NODE: product.machine.node,
        })
      ).code,
    ).toBe(0);
    const sealed = await product.lakepass(['audit', 'verify', copy, '--key', key]);
    expect(sealed).toMatchObject({ code: 0, stdout: expect.stringMatching(/Proven:\n.*the key that was given.*Cannot be proven:\n/s) });
    const refused = await product.lakepass(['audit', 'verify', copy, '--key', copy, '--json']);
    expect([refused.code, failureOf(refused.stdout)]).toMatchObject([2, { code: 'INPUT_INVALID', reason: 'verifier-key' }]);
    writeFileSync(copy, readFileSync(copy, 'utf8').replace('alice@example.com', 'malic@example.com'));
    const verdict = await product.lakepass(['audit', 'verify', copy]);
    expect(verdict.code).toBe(1);
    expect(verdict.stderr).toContain('AUDIT_BROKEN');
  });

  it('shows what was handed out, to which grant, before it left', async () => {
    const { records } = (await product.json('audit', '--limit', '500')) as { records: { type: string }[] };
    const types = records.map(({ type }) => type);
    for (const type of [
      'agent.started',
      'session.sign-in-failed',
      'session.signed-in',
      'grant.created',
      'token.minted',
      'token.served',
      'grant.ended',
    ])
      expect(types).toContain(type);
  });
});

describe('the agent', () => {
  it('runs once for a user and machine', async () => {
    const { code, stdout } = await product.lakepass(['agent', '--json']);
    expect(code).toBe(1);
    expect(failureOf(stdout)).toMatchObject({ code: 'AGENT_RUNNING', detail: expect.stringContaining(String(await product.agentPid())) });
  });

  it('stops when asked, and keeps its port for the next start; grants go with the memory that vouched for them', async () => {
    const before = statusViewSchema.parse(await product.json('status'));
    await shell.json('env', '-s', 'sql', '-w', 'main', '--label', 'kept');
    await product.json('agent', '--stop');
    while (isAlive(before.pid)) await new Promise((done) => setTimeout(done, 20));
    const after = statusViewSchema.parse(await product.json('status'));
    expect(after.pid).not.toBe(before.pid);
    expect(after.port).toBe(before.port);
    expect(after.grants.map(({ label }) => label)).not.toContain('kept');
    // So does what a person approved.
    expect(after.problems.map(({ code }) => code)).toEqual(['POLICY_UNAPPROVED']);
  });

  it('comes back after a kill -9 although its lock and socket are still there', async () => {
    const { port } = statusViewSchema.parse(await product.json('status'));
    await product.kill();
    expect(statusViewSchema.parse(await product.json('status')).port).toBe(port);
    expect(await product.json('audit', 'verify')).toMatchObject({ ok: true });
  });

  it('signs out, says what was revoked and what cannot be, and serves nobody afterwards', async () => {
    await product.signIn();
    const { DATABRICKS_METADATA_SERVICE_URL: url, DATABRICKS_HOST: host } = (await shell.json('env', '-s', 'sql', '-w', 'main'))[
      'env'
    ] as Record<string, string>;
    const { code, stdout } = await product.lakepass(['logout']);
    expect(code).toBe(0);
    expect(stdout).toContain('revoked at the identity provider');
    expect(stdout).toContain('no revocation');
    expect(product.idp.requestsTo('revocation').at(-1)?.status).toBe(200);
    const refused = await product.run('curl', [
      '-s',
      '-H',
      'x-databricks-metadata-version: 1',
      '-H',
      `x-databricks-host: ${host}`,
      url ?? '',
    ]);
    expect(JSON.parse(refused.stdout)).toMatchObject({ error: 'GRANT_REVOKED' });
    expect(JSON.parse(refused.stdout)).not.toHaveProperty('access_token');
  });
});
