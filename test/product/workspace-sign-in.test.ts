/**
 * The built product with nothing but a workspace's address: `lakepass login HOST` makes the profile, the person signs in at the workspace
 * itself, programs get the token of that sign-in, and a narrower profile comes beside it with a touch.
 */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { authorizeAtWorkspace } from '../fixtures/workspace/u2m-person.ts';
import type { Started } from '../machine/terminal.ts';
import { ended, type Product, startProduct } from './product.ts';

let product: Product;
const given: string[] = [];
const username = 'alice@example.com';
const config = (): string => join(product.home, '.config', 'lakepass', 'config.yaml');
const textOf = (): string => readFileSync(config(), 'utf8');

beforeAll(async () => {
  product = await startProduct({ secrets: (_, value) => void given.push(value) });
  rmSync(config());
});
afterAll(() => product.close());

/** From the address to the page that the tab is left with; null: it stays with our own last page. */
async function atWorkspace(url: URL): Promise<URL | null> {
  let at: URL | null = await authorizeAtWorkspace(url, { username });
  while (at !== null && at.hostname !== 'lakepass.localhost') {
    const { code, stdout, stderr } = await product.run('curl', ['-q', '-sS', '-D', '-', '-o', '/dev/null', at.href]);
    if (code !== 0) throw new Error(`the callback was not reached: ${stderr}`);
    const location: string | undefined = /^location: (\S+)/im.exec(stdout)?.[1];
    at = location === undefined ? null : new URL(location, at);
  }
  return at;
}

async function login(...args: string[]) {
  const started = product.start(['login', product.workspace.host, '--test', ...args]);
  const outcome = ended(started);
  return { started, outcome };
}

/** The address of that site which the command prints for people. */
function addressAt(started: Started, site: string): Promise<URL> {
  return new Promise((resolve, reject) => {
    let text = '';
    started.stderr?.on('data', (chunk) => {
      text += chunk;
      const found = text.split('\n').find((line) => line.startsWith(`  ${site}/`));
      if (found !== undefined) resolve(new URL(found.trim()));
    });
    started.once('close', (code) => reject(new Error(`the sign-in ended (${code}) before it printed an address of ${site}: ${text}`)));
  });
}

/** A token as a program gets it, and what the workspace says to it. */
async function token(...args: string[]): Promise<{ claims: Record<string, unknown>; status: number }> {
  const { access_token: jwt } = (await product.json('token', ...args)) as { access_token: string };
  const claims = JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString('utf8')) as Record<string, unknown>;
  const me = await fetch(`${product.workspace.host}/api/2.0/preview/scim/v2/Me`, { headers: { authorization: `Bearer ${jwt}` } });
  return { claims, status: me.status };
}

describe('a workspace’s address alone', () => {
  it('is refused in plain http without a word, and nothing is left behind', async () => {
    const { code, stderr } = await product.lakepass(['login', product.workspace.host]);
    expect({ code: code === 0, refused: /CONFIG_PLAIN_HTTP/.test(stderr) }).toEqual({ code: false, refused: true });
    expect(product.files().filter(({ path }) => path.endsWith('config.yaml'))).toEqual([]);
  });

  it('makes the profile, says what is not certain, and signs in at the workspace', async () => {
    const { started, outcome } = await login();
    const url = await addressAt(started, product.workspace.host);
    const next = await atWorkspace(url);
    const { code, stdout, stderr } = await outcome;
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('Signed in as alice@example.com (assurance unknown');
    expect(stderr).toContain('not narrowed');
    expect(stderr).toContain('is not confirmed');
    if (next === null) throw new Error('no page followed the first sign-in');
    await product.settleIn(next);
  });

  it('gives programs the token of the sign-in, marked wherever it is seen', async () => {
    const { claims, status } = await token('--scope', 'sql');
    expect(claims).toMatchObject({ scope: 'all-apis offline_access', sub: username, client_id: 'databricks-cli' });
    expect(status).toBe(200);
    const shown = (await product.lakepass(['status'])).stdout;
    expect(shown).toContain("not narrowed: each is the sign-in's own and opens all-apis");
    expect(shown).toContain('sql (not narrowed)');
    const { records } = (await product.json('audit', '--limit', '100')) as { records: Record<string, unknown>[] };
    expect(records.filter(({ type }) => type === 'token.minted')).toMatchObject([
      { scopes: ['all-apis'], narrowed: 'no', subject: username },
    ]);
  });

  it('is asked for once: the profile that is there is used again', async () => {
    const before = textOf();
    const { started, outcome } = await login('--json');
    await atWorkspace(await addressAt(started, product.workspace.host));
    expect((await outcome).code).toBe(0);
    expect(textOf()).toBe(before);
  });

  it('takes a second profile for fewer scopes with a touch, and keeps every byte of the first', async () => {
    const before = textOf();
    const { started, outcome } = await login('--scope', 'sql', '--name', 'narrow');
    const signInPage = addressAt(started, product.workspace.host);
    const ui = await product.openUi();
    const asked = await ui.prompt();
    expect(asked).toMatchObject({ purpose: 'profile', approval: 'tap' });
    await ui.approve(asked.id);
    expect(textOf().startsWith(before)).toBe(true);
    await atWorkspace(await signInPage);
    expect((await outcome).stdout).toContain('Signed in as');
    const { claims } = await token('--profile', 'narrow', '--scope', 'sql');
    expect(claims).toMatchObject({ scope: 'sql offline_access' });
    const refused = await product.lakepass(['token', '--profile', 'narrow', '--scope', 'jobs']);
    expect(refused.stderr).toContain('SCOPE_NOT_AUTHORISED');
    expect(refused.stderr).toContain(`lakepass login ${product.workspace.host} --scope jobs --scope sql`);
  });

  it('says at sign-out that Databricks offers no way to take the token back', async () => {
    const { stdout } = await product.lakepass(['logout', '--profile', 'narrow']);
    expect(stdout).toContain('Databricks offers no way to revoke it');
  });

  it('leaves no secret in anything that was written', async () => {
    const secrets = given.filter((value) => value.length > 20);
    expect(secrets.length).toBeGreaterThan(3);
    const holding = product.files().filter(({ content }) => secrets.some((secret) => content.includes(secret)));
    expect(holding.map(({ path }) => path)).toEqual([]);
  });
});
