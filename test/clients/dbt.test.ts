/**
 * dbt under a real `lakepass run`, with its own Databricks adapter: `dbt debug` and a model that is built with a token that carries `sql`, and
 * the same refused by the workspace where the token lacks it. No token stands in the profile of dbt; it asks the metadata service. Nothing
 * but loopback is spoken to.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Product, startProduct, usualConfig } from '../product/product.ts';

const policy = `version: 1
id: quiet
revision: 1
identities:
  - match: { anyone: true }
    roles: [person]
roles:
  person:
    grants: [{ id: everything, workspaces: ["*"], scopes: [sql, mlflow], maxLife: 30 d, approval: none }]
`;

let product: Product;
let python: string;
let project: string;
let authority: string;

beforeAll(async () => {
  product = await startProduct({ policy });
  // The adapter takes https only; of another address it makes a name that it asks the network for.
  const { port, ca } = await product.workspace.listenTls();
  authority = join(product.home, 'workspace-ca.pem');
  writeFileSync(authority, ca, { mode: 0o644 });
  const secure = { ...product.workspace, host: `https://127.0.0.1:${port}` };
  product.writeConfig(`${usualConfig(product.idp, [secure])}network: { caFile: '${authority}' }\n`);
  await product.signIn();
  python = await product.machine.pythonOfDbt();
  project = join(product.home, 'trips');
  cpSync(fileURLToPath(new URL('../python/dbt', import.meta.url)), project, { recursive: true });
  const { uid, gid } = product.machine.user;
  if (process.getuid?.() === 0) execFileSync('chown', ['-R', `${uid}:${gid}`, project]);
});
afterAll(() => product.close());

const httpPath = () => `/sql/1.0/warehouses/${product.workspace.warehouseId}`;

async function dbt(scope: string, ...words: string[]) {
  const before = product.workspace.requests.length;
  const command = [
    python,
    '-W',
    'ignore',
    '-m',
    'dbt.cli.main',
    ...words,
    '--no-use-colors',
    '--project-dir',
    project,
    '--profiles-dir',
    project,
  ];
  const { code, stdout, stderr } = await product.lakepass(['run', '--scope', scope, '--', ...command], {
    env: {
      ...{ TRIPS_HTTP_PATH: httpPath(), REQUESTS_CA_BUNDLE: authority },
      ...{ PYTHONPATH: join(project, 'watch'), NAMES_ASKED: join(project, 'names') },
    },
  });
  expect(stderr).not.toMatch(/^lakepass:/m);
  const calls = product.workspace.requests.slice(before).filter(({ path }) => path === httpPath());
  expect(new Set(calls.map(({ scopes }) => scopes?.join(' ')))).toEqual(new Set([scope]));
  expect(calls.every(({ userAgent }) => /PyDatabricksSqlConnector\/4\.4\.0 \(dbt-databricks\/1\.12\.7\)/.test(userAgent))).toBe(true);
  expect(new Set(readFileSync(join(project, 'names'), 'utf8').trim().split('\n'))).toEqual(new Set(['127.0.0.1']));
  return { code, said: stdout, statuses: new Set(calls.map(({ status }) => status)) };
}

it('a token without sql is refused by the workspace, and nothing is built', async () => {
  const { code, said, statuses } = await dbt('mlflow', 'run');
  expect({ code, said, statuses }).toMatchObject({ code: 2, statuses: new Set([403]) });
  expect(said).not.toContain('OK created');
});

it('debug connects, and a model is built as the person, with a token that carries only sql', async () => {
  const debug = await dbt('sql', 'debug');
  expect(debug).toMatchObject({ code: 0, said: expect.stringContaining('All checks passed!'), statuses: new Set([200]) });
  const run = await dbt('sql', 'run');
  expect(run).toMatchObject({ code: 0, said: expect.stringContaining('PASS=1 WARN=0 ERROR=0'), statuses: new Set([200]) });
  const { access_token: token } = (await product.json('token', '--scope', 'sql')) as { access_token: string };
  const answer = await fetch(`${product.workspace.host}/api/2.0/sql/statements`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ warehouse_id: product.workspace.warehouseId, statement: 'SELECT * FROM trips_by_person' }),
  });
  expect(await answer.json()).toMatchObject({ result: { data_array: [['alice@example.com', '12']] } });
});
