/**
 * `lakepass apps run` as its user has it: a real app that the built command runs, a grant that a person approves once, and requests with
 * the person's token from a browser that was let in. The workspace knows who it is; another user, and another program, get nothing.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attacker, itWithSecondUser, runAs } from '../machine/accounts.ts';
import type { Started } from '../machine/terminal.ts';
import { ended, type Product, startProduct } from './product.ts';

let product: Product;
let program: string;
beforeAll(async () => {
  product = await startProduct({ policy: null });
  program = await product.machine.program('test/product/apps-program.ts');
  await product.signIn();
});
afterAll(() => product.close());

interface Running {
  run: Started;
  origin: string;
  code: string;
  said: () => string;
}

/** Starts the app, lets the person approve, and reads the address off the terminal. */
async function runApp(...options: string[]): Promise<Running> {
  const run = product.start(['apps', 'run', '--scope', 'sql', ...options, '--', product.machine.node, program]);
  let said = '';
  for (const stream of [run.stdout, run.stderr]) stream.on('data', (part: Buffer) => (said += part.toString()));
  const ui = await product.openUi();
  const prompt = await ui.prompt();
  expect(prompt).toMatchObject({ purpose: 'create', approval: 'tap', scopes: ['sql'], label: 'app app' });
  await ui.approve(prompt.id);
  for (;;) {
    const found = /open once (http:\/\/\w+\.lakepass-apps\.localhost:\d+)\/\.lakepass\/enter#(\S+)/.exec(said);
    if (found !== null && said.includes('the app listens')) return { run, origin: found[1] ?? '', code: found[2] ?? '', said: () => said };
    await wait(50);
  }
}

const curl = (origin: string, path: string, ...more: string[]) => [
  ...[
    '-q',
    '-sS',
    '-m',
    '20',
    '--resolve',
    `${new URL(origin).host}:127.0.0.1`,
    '-H',
    'Sec-Fetch-Site: same-origin',
    ...more,
    `${origin}${path}`,
  ],
];

/** The browser of the same user: the code for a cookie. */
async function enter({ origin, code }: Pick<Running, 'origin' | 'code'>): Promise<string> {
  const { stdout } = await product.run(
    'curl',
    curl(
      origin,
      '/.lakepass/enter',
      '-i',
      '-H',
      `Origin: ${origin}`,
      '-H',
      'Content-Type: application/json',
      '-d',
      JSON.stringify({ code }),
    ),
  );
  return /^set-cookie: ([^;]+)/im.exec(stdout)?.[1] ?? '';
}

const grantsOf = async (): Promise<{ label: string; state: string; served: number }[]> =>
  (await product.json('grants'))['grants'] as { label: string; state: string; served: number }[];

describe('lakepass apps run', () => {
  let running: Running;
  let cookie: string;
  const get = async (path: string) => {
    const { stdout } = await product.run('curl', curl(running.origin, path, '-H', `Cookie: ${cookie}`));
    return JSON.parse(stdout) as Record<string, unknown>;
  };

  it('asks the person once, and says that it is for development', async () => {
    running = await runApp();
    cookie = await enter(running);
    expect(cookie).toMatch(/^lakepass-app-\d+=[\w-]{43}$/);
    expect(running.said()).toContain('development only');
  });

  it('puts the person on each request, and no secret into the app', async () => {
    const { headers, env } = (await get('/headers')) as { headers: Record<string, string>; env: Record<string, string> };
    expect(headers).toMatchObject({
      ...{ 'x-forwarded-email': 'alice@example.com', 'x-forwarded-user': 'alice@example.com', 'x-real-ip': '127.0.0.1' },
      ...{ host: new URL(running.origin).host, 'x-forwarded-host': new URL(running.origin).host },
    });
    expect(headers['x-request-id']).toMatch(/^[\da-f-]{36}$/);
    expect(headers['cookie']).toBeUndefined();
    expect(env).toMatchObject({ DATABRICKS_HOST: product.workspace.host, DATABRICKS_APP_URL: running.origin, DATABRICKS_APP_NAME: 'app' });
    expect(JSON.stringify(env)).not.toMatch(/v1\/metadata\/|eyJ/);
  });

  it('lets the app ask SCIM who it is, which is the person', async () => {
    expect(await get('/me')).toMatchObject({ status: 200, body: { userName: 'alice@example.com' } });
  });

  it('lets the app run SQL as the person, with the scope of the grant', async () => {
    expect(await get('/sql')).toMatchObject({
      status: 200,
      body: { status: { state: 'SUCCEEDED' }, result: { data_array: [['alice@example.com']] } },
    });
    expect((await grantsOf()).find(({ label }) => label === 'app app')).toMatchObject({ state: 'live' });
  });

  it('gives nothing to a browser that was not let in, and the code is used up', async () => {
    const { stdout } = await product.run('curl', curl(running.origin, '/headers'));
    expect(JSON.parse(stdout)).toMatchObject({ error: 'APP_ENTRY_NEEDED' });
    expect(await enter(running)).toBe('');
  });

  itWithSecondUser('gives nothing to another user, who has the cookie', async () => {
    const { code, stdout } = await runAs(attacker(), 'curl', curl(running.origin, '/headers', '-H', `Cookie: ${cookie}`), { home: '/' });
    expect([code === 0, stdout]).toEqual([false, '']);
  });

  it('ends the app, its address and its grant with Ctrl-C', async () => {
    const over = ended(running.run);
    running.run.kill('SIGINT');
    await over;
    expect((await product.run('curl', curl(running.origin, '/headers', '-H', `Cookie: ${cookie}`))).code).toBe(7);
    expect((await grantsOf()).filter(({ label, state }) => label === 'app app' && state === 'live')).toEqual([]);
  });
});

describe('where another program has the port of the app', () => {
  it('that program is sent nothing', async () => {
    const squatter = await product.machine.program('test/product/apps-program.ts');
    const other = product.terminal.start(product.machine.node, [squatter], {
      env: { DATABRICKS_APP_PORT: '0', DATABRICKS_HOST: 'http://127.0.0.1' },
    });
    const line = await new Promise<Buffer>((done) => other.stdout.once('data', done));
    const port = /on (\d+)/.exec(line.toString())?.[1] ?? '';
    const run = product.start(['apps', 'run', '--scope', 'sql', '--app-port', port, '--', 'sleep', '60']);
    let said = '';
    run.stderr.on('data', (part: Buffer) => (said += part.toString()));
    const ui = await product.openUi();
    await ui.approve((await ui.prompt()).id);
    while (!said.includes('open once')) await wait(50);
    const [, origin = '', code = ''] = /open once (http:\/\/[^/]+)\/\.lakepass\/enter#(\S+)/.exec(said) ?? [];
    const cookie = await enter({ origin, code });
    const { stdout } = await product.run('curl', curl(origin, '/headers', '-H', `Cookie: ${cookie}`));
    expect(JSON.parse(stdout)).toMatchObject({ error: 'APP_NOT_OURS' });
    const over = ended(run);
    run.kill('SIGTERM');
    await over;
    other.kill('SIGKILL');
  });
});

describe('a start that cannot be', () => {
  it('is said before anybody is asked', async () => {
    const { code, stderr } = await product.lakepass(['apps', 'run', '--scope', 'sql']);
    expect(code).toBe(125);
    expect(stderr).toContain('APP_START_FAILED: command');
  });
});
