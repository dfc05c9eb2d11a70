/** `lakepass doctor` with the built product: what is well, what is not and what to do; what a terminal holds is never said. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { doctorViewSchema } from '../../preload/contract/doctor.ts';
import { type Product, startProduct } from './product.ts';

let product: Product;
let secret: string;
const given: string[] = [];

beforeAll(async () => {
  product = await startProduct({ secrets: (_, value) => void given.push(value) });
});
afterAll(() => product.close());

type Found = ReturnType<typeof doctorViewSchema.parse>['checks'][number];

async function look(args: readonly string[] = [], env: NodeJS.ProcessEnv = {}) {
  const { code, stdout, stderr } = await product.lakepass(['doctor', '--json', ...args], { env });
  for (const value of given) expect(stdout + stderr).not.toContain(value);
  const { checks } = doctorViewSchema.parse(JSON.parse(stdout));
  return {
    code,
    checks,
    text: stdout,
    bad: checks.filter(({ state }) => state === 'bad').map(({ id }) => id),
    of: (id: string): Found => {
      const found = checks.find((each) => each.id === id);
      if (found === undefined) throw new Error(`no check ${id} among ${checks.map((each) => each.id).join(' ')}`);
      return found;
    },
  };
}

describe('lakepass doctor', { timeout: 60_000 }, () => {
  it('looks at what can be looked at while nobody is signed in, and says what cannot', async () => {
    const { of, bad, code } = await look();
    expect(bad).toEqual([]);
    expect(code).toBe(0);
    for (const id of [
      'dns',
      'connection',
      'clock-network',
      'endpoint-acme-main',
      'provider-acme',
      'client-acme',
      'keys-acme',
      'control-socket',
    ])
      expect(of(id)).toMatchObject({ state: 'good' });
    expect(of('claims-acme')).toMatchObject({ state: 'unknown', code: 'SIGNED_OUT' });
  });

  it('compares the token with the policy once somebody is signed in', async () => {
    await product.signIn();
    const env = await product.env('sql');
    secret = env.DATABRICKS_METADATA_SERVICE_URL.split('/').at(-1) ?? '';
    given.push(secret);
    await product.json('token', '-s', 'sql');
    const { of } = await look();
    const { finding, state } = of('claims-acme');
    expect(state).toBe('good');
    for (const word of [product.idp.issuer, product.idp.clientId, product.idp.user('alice').email]) expect(finding).toContain(word);
  });

  it('names what wins in the terminal, and never its value', async () => {
    const { code, of, text } = await look([], { DATABRICKS_TOKEN: 'canary-of-a-token', HTTPS_PROXY: 'http://canary:1' });
    expect(code).toBe(1);
    expect(of('terminal-variables')).toMatchObject({ state: 'bad', next: expect.stringContaining('unset DATABRICKS_TOKEN') });
    expect(of('proxy').state).toBe('weak');
    expect(text).not.toContain('canary');
  });

  it('finds the profile that asks a grant which has ended, and the one of another port', async () => {
    const { host } = product.workspace;
    const file = join(product.home, '.databrickscfg');
    const section = (name: string, url: string) =>
      `[${name}]\nhost = ${host}\nauth_type = metadata-service\nmetadata_service_url = ${url}\n`;
    const { port } = (await product.json('status')) as { port: number };
    writeFileSync(file, section('work', `http://127.0.0.1:${port}/v1/metadata/${secret}`), { mode: 0o644 });
    expect((await look()).of('databricks-stale').state).toBe('good');
    writeFileSync(file, section('gone', `http://127.0.0.1:${port}/v1/metadata/${'x'.repeat(43)}`));
    expect((await look()).of('databricks-stale')).toMatchObject({ state: 'bad', finding: expect.stringContaining('gone') });
    writeFileSync(file, section('old', `http://127.0.0.1:1/v1/metadata/${secret}`));
    expect((await look()).of('databricks-stale')).toMatchObject({ state: 'bad', finding: expect.stringContaining('old') });
  });

  it('looks at a grant, at one profile, and refuses one there is not', async () => {
    const { grants } = (await product.json('grants')) as { grants: { id: string }[] };
    const id = grants[0]?.id ?? '';
    expect((await look(['--grant', id])).of('grant')).toMatchObject({ state: 'good', finding: expect.stringContaining('sql') });
    await product.lakepass(['grants', 'revoke', id]);
    expect((await look(['--grant', id])).of('grant')).toMatchObject({ state: 'bad', code: 'GRANT_REVOKED' });
    expect((await product.lakepass(['doctor', '--profile', 'nobody'])).stderr).toContain('PROFILE_UNKNOWN');
  });

  it('tells a workspace that is away from a provider that is', async () => {
    product.workspace.faults.set('discovery', { reset: true });
    const { bad, code, of } = await look();
    expect(code).toBe(1);
    expect(bad).toContain('connection');
    expect(of('connection').finding).toContain(new URL(product.workspace.host).host);
    expect(of('provider-acme').state).toBe('good');
    product.workspace.faults.clear();
  });

  it('says what a policy has to hold when a workspace has refused the token', async () => {
    product.workspace.setPolicies([{ issuer: product.idp.issuer, audiences: ['another'], subjectClaim: 'email' }]);
    expect((await product.lakepass(['token', '-s', 'files'])).code).not.toBe(0);
    const { of } = await look();
    expect(of('claims-acme')).toMatchObject({ state: 'bad', next: expect.stringContaining(product.idp.clientId) });
  });

  it('explains what is pasted, without an agent, and warns of a token', async () => {
    const body = '{"error_code":403,"message":"Provided OAuth token does not have required scopes: sql [ReqId: 1]"}';
    const told = await product.lakepass(['doctor', '--explain', '--no-start'], { stdin: body });
    expect(told).toMatchObject({ code: 0, stdout: expect.stringContaining('lakepass grants add ID sql') });
    const pasted = `dapi${'0123456789abcdef'.repeat(2)}`;
    const warned = await product.lakepass(['doctor', '--explain'], { stdin: `403 Invalid access token. ${pasted}` });
    expect(warned.stdout).toContain('Revoke it');
    expect(warned.stdout + warned.stderr).not.toContain(pasted.slice(5));
    expect(await product.lakepass(['doctor', '--explain'], { stdin: 'x'.repeat(70_000) })).toMatchObject({ code: 2 });
  });

  it('writes a support file for its owner alone, and never over another', async () => {
    const file = join(product.home, 'support.json');
    expect(await product.lakepass(['doctor', '--bundle', file])).toMatchObject({ stdout: expect.stringContaining(file) });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const text = readFileSync(file, 'utf8');
    for (const value of given) expect(text).not.toContain(value);
    expect(text).not.toContain(product.idp.user('alice').email);
    expect(JSON.parse(text)).toMatchObject({
      status: { config: [{ name: 'acme' }] },
      audit: expect.arrayContaining([expect.objectContaining({ type: 'token.minted' })]),
    });
    const again = await product.lakepass(['doctor', '--bundle', file]);
    expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining('INPUT_INVALID') });
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  it('says that it is locked where it is, and that nothing runs where nothing does', async () => {
    await product.lakepass(['lock']);
    expect((await look()).of('session-acme').state).not.toBe('good');
    await product.lakepass(['agent', '--stop']);
    const { checks, code } = await look(['--no-start']);
    expect(code).toBe(1);
    expect(checks).toMatchObject([{ id: 'agent', state: 'bad', code: 'AGENT_NOT_RUNNING' }]);
  });
});
