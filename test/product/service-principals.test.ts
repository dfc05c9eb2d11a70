/**
 * A service principal beside a person: its secret goes in by standard input and comes out nowhere; its grants are approved by the person
 * with a tap, and are in status, grants and the record as what they are.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askOnce, type GrantEnv, prepareCallers } from './calling.ts';
import { type Keyring, startKeyring } from './keyring.ts';
import { ended, type Product, startProduct, usualConfig } from './product.ts';
import { type Hunt, secretHunt } from './secret-hunt.ts';

const clientId = '8d1f20c2-0000-4000-8000-00000000aaaa';
const secret = 'doseA7f3k9QmZ2xW8vB4nC6tY1rE5uI0';
const wrong = 'doseWrong9Qm4vZ7xW8vB4nC6tY1rE5uI';

const env: NodeJS.ProcessEnv = { LAKEPASS_VAULT: 'keychain', LAKEPASS_DEBUG: '1' };
const hunt: Hunt = secretHunt();
const said: string[] = [];
let product: Product;
let keyring: Keyring;

async function verb(...args: string[]) {
  const outcome = await product.lakepass(args);
  said.push(outcome.stdout, outcome.stderr);
  return outcome;
}

async function setSecret(text: string, ...args: string[]) {
  const [shell = '', ...words] = product.command.words;
  const started = product.terminal.start(shell, [...words, 'service-principals', 'set', ...args], {
    env: product.command.env,
    input: true,
  });
  const outcome = ended(started);
  started.stdin?.end(text);
  const { code, stdout, stderr } = await outcome;
  said.push(stdout, stderr);
  return { code, stdout, stderr };
}

/** A grant of the service principal, once the person has approved it with a tap. */
async function grantFor(...args: string[]): Promise<{ grant: GrantEnv; words: string[] }> {
  const asking = product.lakepass(['env', '--json', ...args]);
  const ui = await product.openUi();
  const asked = (await ui.prompt()) as Awaited<ReturnType<typeof ui.prompt>> & { words: string[] };
  await ui.approve(asked.id);
  const { code, stdout, stderr } = await asking;
  if (code !== 0) throw new Error(`no grant: ${stdout}${stderr}`);
  return { grant: JSON.parse(stdout).env, words: asked.words };
}

beforeAll(async () => {
  hunt.add('client-secret', secret);
  hunt.add('client-secret', wrong);
  product = await startProduct({
    ...{ env, policy: null },
    config: ({ idp, workspaces }) =>
      [
        usualConfig(idp, workspaces),
        'servicePrincipals:',
        '  loader:',
        '    test: true',
        `    clientId: ${clientId}`,
        '    secret: vault',
        `    workspaces: [{ name: main, host: '${workspaces[0]?.host}' }]`,
        '',
      ].join('\n'),
  });
  product.workspace.servicePrincipals.set({ clientId, secrets: [{ value: secret }] });
  keyring = await startKeyring(product.machine.user, product.home);
  Object.assign(env, keyring.env);
});
afterAll(async () => {
  await product.close();
  await keyring.close();
});

describe('a service principal beside a person', { timeout: 60_000 }, () => {
  it('is shown apart, and says what it lacks', async () => {
    const status = await product.json('status');
    expect(status).toMatchObject({
      profiles: [{ name: 'acme' }],
      servicePrincipals: [{ name: 'loader', clientId, state: 'secret-needed' }],
    });
    expect((await verb('status')).stdout).toContain(`loader  service principal ${clientId}`);
    expect((await verb('token', '--as', 'loader', '-s', 'sql')).stderr).toContain('PRINCIPAL_SECRET_NEEDED');
    expect((await verb('login', '--profile', 'loader')).stderr).toContain('PRINCIPAL_NO_SIGN_IN');
  });

  it('takes its secret from standard input alone', async () => {
    await product.signIn();
    expect(await setSecret('', 'loader')).toMatchObject({ code: 2 });
    expect((await setSecret('two words\n', 'loader')).stderr).toContain('INPUT_INVALID: secret');
    expect((await setSecret(`${secret}\n`, 'nobody')).stderr).toContain('PROFILE_UNKNOWN');
    const { code, stdout } = await setSecret(`${secret}\n`, 'loader');
    expect([code, stdout]).toEqual([0, expect.stringContaining(product.workspace.host)]);
    expect(await product.json('service-principals')).toMatchObject({
      servicePrincipals: [{ name: 'loader', state: 'ready', secretAgeDays: 0, rotationDue: false, survivesRestart: true }],
    });
  });

  it('gets its grant by a tap of the person, who reads whom it is for', async () => {
    const { grant, words } = await grantFor('--as', 'loader', '-s', 'sql');
    expect(words).toContain(`as service principal loader (${clientId}), not as you`);
    const call = await prepareCallers(product);
    expect(await askOnce(call, grant)).toMatchObject({ answers: { '200': 1 } });
    const exchange = product.workspace.requests.find(({ grantType }) => grantType === 'client_credentials');
    expect(exchange).toMatchObject({ status: 200, clientId, scopes: ['sql'] });
    const { grants } = (await product.json('grants')) as { grants: unknown[] };
    expect(grants).toMatchObject([
      { profile: 'loader', identity: 'service-principal', actsAs: clientId, approved: expect.stringMatching(/^tap:/) },
    ]);
    expect((await verb('grants')).stdout).toContain(`(acts as ${clientId})`);
    const { records } = (await product.json('audit', 'tail')) as { records: Record<string, unknown>[] };
    for (const type of ['consent.asked', 'grant.created', 'token.minted'])
      expect(
        records.find((record) => record['type'] === type),
        type,
      ).toMatchObject({ identity: 'service-principal' });
    expect(records.find(({ type }) => type === 'token.minted')).toMatchObject({ subject: clientId, profile: 'loader' });
  });

  it('says why it is refused with a wrong secret, and has no grant any more once it is removed', async () => {
    await setSecret(`${wrong}\n`, 'loader');
    const { grant } = await grantFor('--as', 'loader', '-s', 'jobs');
    const call = await prepareCallers(product);
    expect(JSON.stringify(await askOnce(call, grant))).toContain('PRINCIPAL_REFUSED');
    expect((await verb('service-principals', 'remove', 'loader')).code).toBe(0);
    const { grants } = (await product.json('grants')) as { grants: { state: string }[] };
    expect(grants.filter(({ state }) => state === 'live')).toEqual([]);
    expect((await verb('service-principals', 'status', 'loader')).stdout).toContain('PRINCIPAL_SECRET_NEEDED');
    await setSecret(`${secret}\n`, 'loader');
  });

  it('is locked with the vault', async () => {
    await verb('lock');
    expect(await product.json('service-principals')).toMatchObject({ servicePrincipals: [{ state: 'locked', secretSetAt: null }] });
    expect((await setSecret(`${secret}\n`, 'loader')).stderr).toContain('LOCKED');
  });

  it('has left its secret in nothing that was written or said, nor in the arguments or environment of any process', async () => {
    const files = product.files().flatMap(({ path, content }) => hunt.search(content).map((kind) => `${kind} in ${path}`));
    expect(files).toEqual([]);
    expect(said.flatMap((text) => hunt.search(text))).toEqual([]);
    const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && name !== String(process.pid));
    const held = processes.flatMap((pid) =>
      ['cmdline', 'environ'].flatMap((file) => {
        try {
          return hunt.search(readFileSync(`/proc/${pid}/${file}`)).map((kind) => `${kind} in ${pid} ${file}`);
        } catch {
          // It has ended, or is nobody's to read.
          return [];
        }
      }),
    );
    expect(held).toEqual([]);
    // The search would find it: the sealed record is there, and its bytes are not the secret's.
    expect(hunt.search(`x${secret}y`)).toEqual(['client-secret']);
    expect(said.join('').length).toBeGreaterThan(500);
  });
});
