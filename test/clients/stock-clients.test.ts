/** Clients that must work unchanged: the stock Python SDK, curl, and a real Jupyter kernel through real expiries. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Product, startProduct } from '../product/product.ts';

const tokenSeconds = 20;
const notebookSeconds = 72;
const source = (name: string): string => readFileSync(fileURLToPath(new URL(`../python/${name}`, import.meta.url)), 'utf8');

let product: Product;
let python: string;

beforeAll(async () => {
  product = await startProduct({ idp: { idTokenTtlSeconds: tokenSeconds }, limits: ['minTokenLife: 10 s'] });
  python = await product.machine.python();
  await product.signIn();
});
afterAll(() => product.close());

const exchanges = () => product.workspace.requests.filter((request) => request.path === '/oidc/v1/token' && request.status === 200);

/** Every token minted so far, as the audit log has it. */
async function mintedTokens(): Promise<{ at: number; expiresAt: number }[]> {
  const { records } = (await product.json('audit', '--limit', '1000')) as { records: { type: string; at: string; expiresAt: string }[] };
  return records
    .filter(({ type }) => type === 'token.minted')
    .map(({ at, expiresAt }) => ({ at: Date.parse(at), expiresAt: Date.parse(expiresAt) }));
}

/** `lakepass run` hands its standard input on, but a script in argv needs no file that the test user could not read. */
const runPython = (script: string, ...args: string[]) =>
  product.lakepass(['run', '--scope', 'sql', '--', python, '-c', source(script), ...args]);

describe('the stock Databricks SDK for Python', () => {
  it('runs a SQL query with a token that carries only sql, and is refused for serving', async () => {
    const before = product.workspace.requests.length;
    const { code, stdout, stderr } = await runPython('stock_sdk.py');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [query, serving] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(query).toMatchObject({ user: 'alice@example.com', state: 'SUCCEEDED' });
    expect(query.rows).toHaveLength(1);
    expect(serving.serving).toMatchObject({ error: 'PermissionDenied' });
    expect(serving.serving.message).toContain('model-serving');
    const seen = product.workspace.requests.slice(before).filter((request) => request.scopes !== undefined);
    expect(new Set(seen.map((request) => request.scopes?.join(' ')))).toEqual(new Set(['sql']));
  });

  it('works for a shell that evaluated `lakepass env`, in which another token was set', async () => {
    const script = `eval "$(sh ${join(product.machine.dist, 'lakepass')} env --scope sql)" && exec ${python} -c 'from databricks.sdk import WorkspaceClient; print(WorkspaceClient().current_user.me().user_name)'`;
    const env = {
      LAKEPASS_NODE: product.machine.node,
      LAKEPASS_VAULT: 'memory',
      DATABRICKS_TOKEN: 'dapi-another',
      DATABRICKS_CONFIG_PROFILE: 'nobody',
    };
    const { code, stdout, stderr } = await product.run('/bin/sh', ['-c', script], env);
    expect({ code, stdout: stdout.trim(), stderr }).toEqual({ code: 0, stdout: 'alice@example.com', stderr: '' });
  });

  it('gives up with an error, and the terminal of the run says why, when its grant is revoked', async () => {
    const script = 'import sys; sys.stdin.read(); from databricks.sdk import WorkspaceClient; WorkspaceClient()';
    const child = product.start(['run', '--scope', 'sql', '--label', 'doomed', '--', python, '-c', script]);
    let stderr = '';
    child.stderr?.on('data', (chunk) => (stderr += chunk));
    const code = new Promise((resolve) => child.once('close', resolve));
    const listed = async () => (await product.json('grants'))['grants'] as { id: string; label: string; state: string }[];
    let grant = (await listed()).find(({ label }) => label === 'doomed');
    while (grant === undefined) grant = (await listed()).find(({ label }) => label === 'doomed');
    await product.json('grants', 'revoke', grant.id);
    expect(await code).toBe(1);
    expect(stderr).toContain('lakepass: the grant has ended (revoked)');
  });
});

describe('curl', () => {
  it('gets a token with the two headers the contract asks for, and works at the workspace with it', async () => {
    const { DATABRICKS_METADATA_SERVICE_URL: url, DATABRICKS_HOST: host } = await product.env('sql');
    const answer = await product.run('curl', ['-sS', '-H', 'X-Databricks-Metadata-Version: 1', '-H', `X-Databricks-Host: ${host}`, url]);
    const { access_token, token_type, expires_on } = JSON.parse(answer.stdout);
    expect(token_type).toBe('Bearer');
    expect(Number.isInteger(expires_on)).toBe(true);
    expect(expires_on - Date.now() / 1000).toBeLessThanOrEqual(tokenSeconds);
    const me = await product.run('curl', ['-sS', '-H', `Authorization: Bearer ${access_token}`, `${host}/api/2.0/preview/scim/v2/Me`]);
    expect(JSON.parse(me.stdout)).toMatchObject({ userName: 'alice@example.com' });
  });
});

describe('a Jupyter kernel', () => {
  it('runs a notebook through three real expiries without a failed cell and with one renewal for each', async () => {
    const started = Date.now();
    const { code, stdout, stderr } = await runPython('notebook.py', String(notebookSeconds));
    // Jupyter writes remarks of its own to standard error; a line of ours would mean a refusal.
    expect({ code, refusals: stderr.match(/^lakepass:.*$/gm) }).toEqual({ code: 0, refusals: null });
    const notebook = JSON.parse(stdout);
    expect(notebook.failed).toEqual([]);
    expect(notebook.cells).toBeGreaterThan(20);
    expect(notebook.said).toHaveLength(1);
    expect(notebook.said[0]).toMatch(/^SUCCEEDED \d+$/);
    const mints = await mintedTokens();
    expect(mints).toHaveLength(exchanges().length);
    const ofNotebook = mints.filter(({ at }) => at >= started);
    expect(ofNotebook.length).toBeGreaterThanOrEqual(4);
    // A token is renewed when half of its life is spent; a second mint for the same expiry would come before that.
    for (const [index, mint] of mints.slice(1).entries()) {
      const before = mints[index] ?? mint;
      expect(mint.at).toBeGreaterThanOrEqual(before.at + (before.expiresAt - before.at) / 2 - 500);
      expect(mint.expiresAt).toBeGreaterThan(before.expiresAt);
    }
    const used = product.workspace.requests.filter((request) => request.path === '/api/2.0/sql/statements' && request.status === 200);
    expect(new Set(used.map((request) => request.jti)).size).toBeGreaterThanOrEqual(4);
  });
});
