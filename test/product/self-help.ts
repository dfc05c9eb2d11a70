/**
 * A program that helps itself, or tries to: every verb, every route of the control door, every page. It runs as the product's user,
 * knows what any program of that user can know, and writes down what became of each try; never a token, only that there was one.
 *
 *     self-help LAKEPASS OUT   LAKEPASS: the command; GRANT: the id of its own grant, if it has one; OUT: gets the table, as JSON
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { overLoopback, type Prompt } from '../fixtures/scripted-person.ts';
import { createSoftwareKey } from '../fixtures/software-key/software-key.ts';

/** What came of each try: a failure code, `done`, `TOKEN`, `GRANT`, or `GIVEN_UP`: nothing was said for as long as it was waited for. */
export type Table = Record<string, string>;

const [lakepass = '', out = ''] = process.argv.slice(2);
const { GRANT = 'g00000000', HOME = '', XDG_RUNTIME_DIR = '' } = process.env;
const table: Table = {};
const wanted = ['ml'];

const outcomeOf = (answer: string): string => {
  if (answer.trim() === '') return 'GIVEN_UP';
  // What a look at the network has found is no refusal, though it has a code as well.
  const text = answer.replace(/"checks":\s*\[.*?\]/s, '');
  if (/"access_token"/.test(text)) return 'TOKEN';
  if (/\/v1\/metadata\//.test(text)) return 'GRANT';
  return /"code":\s*"([A-Z_]+)"/.exec(text)?.[1] ?? /"error":\s*"([A-Z_]+)"/.exec(text)?.[1] ?? 'done';
};

async function attempt(name: string, act: () => Promise<string>): Promise<void> {
  table[name] = await act().catch((error: Error) =>
    outcomeOf(`"code":"${/ ([A-Z_]{4,})$/.exec(error.message)?.[1] ?? `REFUSED_${error.message.replace(/\W+/g, '_').toUpperCase()}`}"`),
  );
}

function start(args: readonly string[]): { child: ChildProcess; said: Promise<string> } {
  const before = args.includes('--') ? args.indexOf('--') : args.length;
  const child = spawn('/bin/sh', [lakepass, ...args.slice(0, before), '--json', ...args.slice(before)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (part: string) => (text += part));
  return { child, said: new Promise((resolve) => child.once('close', (code) => resolve(code === 0 || /"code"/.test(text) ? text : ''))) };
}

async function verb(...args: string[]): Promise<string> {
  const { child, said } = start(args);
  const timer = setTimeout(() => child.kill('SIGKILL'), args[0] === 'seal' ? 3000 : 15_000);
  const text = await said;
  clearTimeout(timer);
  return text;
}

/** One request on the control socket. */
function control(method: string, path: string, body: object | undefined, headers: Record<string, string> = {}): Promise<string> {
  const text = body === undefined ? '' : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const socketPath = `${XDG_RUNTIME_DIR}/lakepass/control.sock`;
    const sent = request(
      { socketPath, method, path, headers: { host: 'lakepass', 'content-type': 'application/json', ...headers }, timeout: 1200 },
      (answer) => {
        let said = '';
        answer.setEncoding('utf8').on('data', (part: string) => (said += part));
        answer.once('close', () => resolve(said));
        answer.once('error', () => resolve(said));
      },
    );
    // A request that waits for a person is given up, which withdraws it.
    sent.once('timeout', () => sent.destroy(new Error('WAITED_IN_VAIN')));
    sent.once('error', (error) => (error.message === 'WAITED_IN_VAIN' ? resolve('"code":"CONSENT_PENDING"') : reject(error)));
    sent.end(text);
  });
}

async function nonce(): Promise<string> {
  const value = randomBytes(20).toString('hex');
  const port = Number(readFileSync(`${HOME}/.local/state/lakepass/port`, 'utf8'));
  await new Promise<void>((resolve, reject) => {
    request({ host: '127.0.0.1', port, path: `/v1/caller/${value}`, headers: { host: `127.0.0.1:${port}` }, agent: false }, (answer) => {
      answer.resume().once('end', () => resolve());
    })
      .once('error', reject)
      .end();
  });
  return value;
}

/** A company of its own. */
const LINK = `lakepass://enroll?url=${encodeURIComponent('https://127.0.0.1:9/bundle')}&key=${'A'.repeat(43)}`;
const grantBody = (binding: string) => ({ scopes: wanted, binding, label: 'mine' });
const routes: [string, string, object | undefined][] = [
  ['POST', '/v1/grants', grantBody('run')],
  ['POST', '/v1/grants', grantBody('tree')],
  ['POST', '/v1/grants', grantBody('file')],
  ['POST', '/v1/grants/child', { grant: GRANT, pid: process.pid }],
  ['POST', '/v1/grants/widen', { grant: GRANT, scopes: wanted }],
  ['POST', '/v1/token', { scopes: wanted }],
  ['POST', '/v1/token/ask', { scopes: wanted }],
  ['POST', '/v1/unlock', {}],
  ['POST', '/v1/seal', { how: 'keychain' }],
  ['POST', '/v1/keys/register', {}],
  ['POST', '/v1/keys/prove', {}],
  ['POST', '/v1/enroll/look', { link: LINK }],
  ['POST', '/v1/enroll/accept', { link: LINK, hash: '0'.repeat(64) }],
  ['POST', '/v1/enroll/leave', {}],
];
/** After the rest: what one of them writes is asked about as long as it lies there. */
const routesOfFiles: typeof routes = [
  ['POST', '/v1/service-principals/secret', { name: 'ci', secret: `dose${'0'.repeat(32)}` }],
  ['POST', '/v1/service-principals/secret/remove', { name: 'ci' }],
  ['POST', '/v1/settings', { name: 'theme', value: 'dark' }],
  ['POST', '/v1/profiles/workspace', { workspace: 'https://somebody-elses.cloud.databricks.com' }],
  ['POST', '/v1/profiles/draft', { addresses: ['http://localhost:9', 'http://127.0.0.1:9'], clientId: 'x', test: true }],
  ['POST', '/v1/profiles/add', { addresses: ['http://localhost:9', 'http://127.0.0.1:9'], clientId: 'x', test: true }],
];

async function everyRoute(): Promise<void> {
  await tryRoutes(routes);
  await attempt('a proof twice', async () => {
    const mine = { 'lakepass-caller': await nonce() };
    await control('POST', '/v1/token', { scopes: wanted }, mine);
    return outcomeOf(await control('POST', '/v1/token', { scopes: wanted }, mine));
  });
}

async function tryRoutes(tried: typeof routes): Promise<void> {
  for (const [method, path, body] of tried) {
    const name = `${path} ${'binding' in (body ?? {}) ? (body as { binding: string }).binding : ''}`.trim();
    await attempt(`${name} without a proof`, async () => outcomeOf(await control(method, path, body)));
    await attempt(`${name} with an invented proof`, async () =>
      outcomeOf(await control(method, path, body, { 'lakepass-caller': randomBytes(20).toString('hex') })),
    );
    await attempt(`${name} with its own proof`, async () =>
      outcomeOf(await control(method, path, body, { 'lakepass-caller': await nonce() })),
    );
  }
}

async function everyVerb(): Promise<void> {
  const verbs = [
    ['run', '-s', 'ml', '--wait', '0', '--', 'true'],
    ['env', '-s', 'ml', '--wait', '0'],
    ['env', '-s', 'ml', '--databrickscfg', 'mine', '--wait', '0'],
    ['profiles', 'write', '-s', 'ml', '--yes', '--wait', '0'],
    ['token', '-s', 'ml', '--wait', '0'],
    ['token', '-s', 'all-apis', '--wait', '0'],
    ['env', '-s', 'all-apis', '--wait', '0'],
    ['grants', 'add', GRANT, 'ml', '--wait', '0'],
    ['seal', 'keychain'],
    ['unlock'],
  ];
  for (const args of verbs) await attempt(`lakepass ${args.join(' ').replace(GRANT, 'GRANT')}`, async () => outcomeOf(await verb(...args)));
}

interface Page {
  post(path: string, body?: unknown): Promise<Record<string, unknown>>;
  origin: string;
}

async function enter(address: string): Promise<Page> {
  const page = new URL(address);
  const call =
    (bearer?: string): Page['post'] =>
    async (path, body = {}) => {
      const headers = {
        ...{ host: page.host, origin: page.origin, 'content-type': 'application/json', 'sec-fetch-site': 'same-origin' },
        ...{ 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty', ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }) },
      };
      const answer = await overLoopback({ url: new URL(path, page.origin), headers, body: JSON.stringify(body) });
      if (answer.status !== 200) throw new Error(`refused ${outcomeOf(answer.body)}`);
      return JSON.parse(answer.body) as Record<string, unknown>;
    };
  const { bearer } = await call()('/v1/enter', { code: page.hash.slice(1) });
  return { post: call(bearer as string), origin: page.origin };
}

const openUi = async (): Promise<Page> => enter((JSON.parse(await verb('ui')) as { url: string }).url);

interface Seen {
  status: { queue: { asks: Prompt[] }; tapKeys: { id: string }[] };
}
const stateOf = async (ui: Page): Promise<Seen> => (await ui.post('/v1/state')) as unknown as Seen;

/** A key of its own, which nobody has enrolled. */
const ownKey = createSoftwareKey({ hostile: true });
let ownCredential: string | undefined;

/** Goes through a ceremony with that key. */
async function touch(address: string): Promise<string> {
  const page = await enter(address);
  const view = await page.post('/v1/ceremony');
  const { id, options } = (await page.post('/v1/ceremony/options')) as { id: string; options: Record<string, unknown> };
  ownCredential ??= ownKey.create(
    {
      ...{
        rp: { id: 'lakepass.localhost', name: 'x' },
        user: { id: 'eA', name: 'x', displayName: 'x' },
        challenge: 'eHh4eHh4eHh4eHh4eHh4eA',
      },
      pubKeyCredParams: [{ type: 'public-key', alg: -7 }],
    },
    page.origin,
  ).id;
  const response =
    view['touch'] === 'create'
      ? ownKey.create(options as never, page.origin)
      : ownKey.get(
          { ...options, extensions: undefined, allowCredentials: [{ type: 'public-key', id: ownCredential }] } as never,
          page.origin,
        );
  const finished = await page.post('/v1/ceremony/finish', { id, response, name: 'mine' });
  return finished['done'] === true ? 'done' : 'one touch taken';
}

/** What Lakepass would do in its own name, or open for the person. */
const firstSteps: [string, object][] = [
  ['keys/register', {}],
  ['setup/profile', { from: 'issuer', name: 'mine', issuer: 'https://idp.example', clientId: 'x', workspace: 'https://dbc.example' }],
  ['setup/default/write', { section: 'mine', scopes: wanted }],
  ['setup/default/undo', {}],
  ['setup/query', { start: true }],
];

/** While a request of its own waits: whatever a page lets a person do with it. */
async function everyPage(): Promise<void> {
  const asking = start(['env', '-s', 'ml', '--wait', '40s']);
  let ui: Page;
  try {
    ui = await openUi();
  } catch (error) {
    table['lakepass ui'] = (error as Error).message;
    return;
  }
  table['lakepass ui'] = 'done';
  let ask: Prompt | undefined;
  for (let look = 0; look < 60 && ask === undefined; look += 1) {
    ask = (await stateOf(ui)).status.queue.asks.find(({ purpose }) => purpose === 'create');
    if (ask === undefined) await pause(50);
  }
  if (ask !== undefined) {
    const { id, spans } = ask;
    const span = spans[0];
    await ui.post('/v1/shown', { ask: id });
    await pause(700);
    await attempt('page: answer its own request by a click', async () =>
      outcomeOf(JSON.stringify(await ui.post('/v1/answer', { verdict: 'approved', ask: id, span }))),
    );
    await attempt('page: touch a key of its own for its own request', async () => {
      const { url } = await ui.post('/v1/ceremony/begin', { kind: 'tap', ask: id, span });
      return touch(url as string);
    });
  }
  const key = (await stateOf(ui)).status.tapKeys[0]?.id ?? 'none';
  for (const ceremony of [{ kind: 'enrol' }, { kind: 'remove', key }, { kind: 'seal', key }, { kind: 'unlock' }])
    await attempt(`page: ceremony ${ceremony.kind}`, async () => {
      const { url } = await ui.post('/v1/ceremony/begin', ceremony);
      return touch(url as string);
    });
  await attempt('page: widen', async () => {
    await ui.post('/v1/widen', { grant: GRANT, scopes: wanted });
    const widening = (await stateOf(ui)).status.queue.asks.find(({ purpose }) => purpose === 'widen');
    if (widening === undefined) return 'done';
    await ui.post('/v1/shown', { ask: widening.id });
    await pause(700);
    return outcomeOf(JSON.stringify(await ui.post('/v1/answer', { verdict: 'approved', ask: widening.id, span: widening.spans[0] })));
  });
  for (const [name, path] of [
    ['the ceremony', '/v1/ceremony'],
    ['its options', '/v1/ceremony/options'],
    ['its end', '/v1/ceremony/finish'],
  ] as const)
    await attempt(`page: ${name} at the host of the UI`, async () => outcomeOf(JSON.stringify(await ui.post(path))));
  for (const [path, body] of firstSteps)
    await attempt(`page: ${path}`, async () => {
      const shown = path === 'setup/default/write' ? { digest: (await ui.post('/v1/setup/default', body))['digest'] } : {};
      await ui.post(`/v1/${path}`, { ...body, ...shown });
      return 'done';
    });
  asking.child.kill('SIGKILL');
  table['what its request came to'] = outcomeOf(await asking.said);
}

await everyVerb();
await everyRoute();
await everyPage();
await tryRoutes(routesOfFiles);
// Last, for it leaves nothing to try: allowed to a program that nobody knows, and no way to any right.
await attempt('lakepass reset --yes', async () => outcomeOf(await verb('reset', '--yes')));
await attempt('page: ceremony enrol after that', async () => {
  const { url } = await (await openUi()).post('/v1/ceremony/begin', { kind: 'enrol' });
  return touch(url as string);
});
// The agent is gone after it, if it may.
for (const proof of ['no', 'its own'])
  await attempt(`/v1/hand-over with ${proof} proof`, async () =>
    outcomeOf(await control('POST', '/v1/hand-over', {}, proof === 'no' ? {} : { 'lakepass-caller': await nonce() })),
  );
writeFileSync(`${out}.part`, JSON.stringify(table));
renameSync(`${out}.part`, out);
