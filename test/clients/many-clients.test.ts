/**
 * The clients of people's programs, each under a real `lakepass run`: one call that its scope opens, and one that the workspace refuses
 * because the token does not carry more. What is asserted of tokens is what the workspace saw.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Product, startProduct } from '../product/product.ts';

const source = (name: string): string => readFileSync(fileURLToPath(new URL(`../python/clients/${name}`, import.meta.url)), 'utf8');

const policy = `version: 1
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
        scopes: [sql, mlflow, model-serving, vector-search]
        maxLife: 30 d
        approval: none
`;

let product: Product;

beforeAll(async () => {
  product = await startProduct({ policy });
  await product.signIn();
});
afterAll(() => product.close());

interface Client {
  name: string;
  scope: string;
  /** The scope that its second call lacks, as the workspace names it in the refusal. */
  lacks: string;
  answer: unknown;
  /** In the User-Agent of the calls that succeed. */
  agent: RegExp;
  command: () => Promise<string[]>;
}

/** A script in argv needs no file that the test user could not read. */
const python = async (script: string, ...args: string[]): Promise<string[]> => [
  ...[await product.machine.pythonOfClients(), '-W', 'ignore', '-c', source(script), ...args],
];

/** It takes https only, and no address with a scheme. */
async function sqlConnector(...options: string[]): Promise<string[]> {
  const { port, ca } = await product.workspace.listenTls();
  const authority = join(product.home, 'workspace-ca.pem');
  writeFileSync(authority, ca, { mode: 0o644 });
  return python('sql_connector.py', product.workspace.warehouseId, String(port), authority, ...options);
}

const clients: Client[] = [
  {
    ...{ name: '@databricks/sdk-experimental', scope: 'sql', lacks: 'unity-catalog', agent: /databricks-sdk-js\/0\.17\.0/ },
    answer: ['SUCCEEDED', 'alice@example.com', '12'],
    command: async () => [
      ...[product.machine.node, await product.machine.program('test/clients/js-sdk-program.ts'), product.workspace.warehouseId],
    ],
  },
  {
    ...{ name: 'databricks-sql-connector', scope: 'sql', lacks: 'unity-catalog', agent: /PyDatabricksSqlConnector\/4\.9\.0/ },
    answer: ['alice@example.com', 12],
    command: () => sqlConnector(),
  },
  {
    ...{
      name: 'databricks-sql-connector without Thrift',
      scope: 'sql',
      lacks: 'unity-catalog',
      agent: /PyDatabricksSqlConnector\/4\.9\.0/,
    },
    answer: ['alice@example.com', 12],
    command: () => sqlConnector('--sea'),
  },
  {
    ...{ name: 'mlflow', scope: 'mlflow', lacks: 'model-serving', agent: /databricks-sdk-py/ },
    answer: ['FINISHED', '3', 0.91],
    command: () => python('mlflow_tracking.py'),
  },
  {
    ...{ name: 'databricks-vectorsearch', scope: 'vector-search', lacks: 'model-serving', agent: /python-requests/ },
    answer: [3, 1, 2],
    command: () => python('vector_search.py'),
  },
  {
    ...{ name: 'openai', scope: 'model-serving', lacks: 'genie', agent: /OpenAI\/Python 3\.54\.0/ },
    answer: ['You said: hello', 2],
    command: () => python('openai_serving.py'),
  },
];

it.each(clients)('$name works with a token that carries only $scope, and is refused what needs $lacks', async (client) => {
  const { scope, lacks, answer, agent } = client;
  const before = product.workspace.requests.length;
  const command = await client.command();
  const { code, stdout, stderr } = await product.lakepass(['run', '--scope', scope, '--', ...command]);
  const said = stdout.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));
  expect({ code, said, stderr }).toMatchObject({ code: 0, said: [{ answer }, { refused: expect.stringContaining(lacks) }] });
  expect(stderr).not.toMatch(/^lakepass:/m);
  const calls = product.workspace.requests.slice(before).filter(({ jti, grantType }) => jti !== undefined && grantType === undefined);
  expect(new Set(calls.map(({ scopes }) => scopes?.join(' ')))).toEqual(new Set([scope]));
  expect(calls.filter(({ status, userAgent }) => status === 200 && agent.test(userAgent))).not.toEqual([]);
  expect(calls.filter(({ status }) => status === 403)).toHaveLength(1);
  expect(calls.at(-1)?.status).toBe(403);
});
