/** What docs/ci.md says to do in CI, run word for word as a user without any keys, against the simulated workspace in https. */
import { chownSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestIssuer, type TestIssuer } from '../fixtures/workspace/test-issuer.ts';
import { startWorkspace, type Workspace } from '../fixtures/workspace/workspace.ts';
import { type Product, startProduct } from './product.ts';

const clientId = '8d1f20c2-0000-4000-8000-00000000aaaa';
const subject = 'repo:acme/etl:ref:refs/heads/main';
const requestToken = 'actions-request-token-0123456789';
const [github = '', gitlab = ''] = [
  ...readFileSync(new URL('../../docs/ci.md', import.meta.url), 'utf8').matchAll(/```sh\n([^`]*)```/g),
].map(([, script]) => script);

let product: Product;
let issuer: TestIssuer;
let workspace: Workspace;
let actions: Server;
let jwt: string;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  issuer = await startTestIssuer();
  const policy = { issuer: issuer.issuer, audiences: ['databricks'], servicePrincipal: clientId, subject };
  workspace = await startWorkspace({ users: [], servicePrincipals: [{ clientId }], policies: [policy] });
  const { port, ca } = await workspace.listenTls();
  jwt = await issuer.sign({ sub: subject, aud: 'databricks' });
  // As GitHub's: only with the bearer of the job, and for the audience that is asked for.
  actions = createServer((request, response) => {
    const asked = new URL(request.url ?? '', 'http://127.0.0.1').searchParams;
    const isRight = request.headers.authorization === `Bearer ${requestToken}` && asked.get('audience') === 'databricks';
    response.writeHead(isRight ? 200 : 401, { 'content-type': 'application/json' }).end(JSON.stringify(isRight ? { value: jwt } : {}));
  });
  await new Promise<void>((resolve) => actions.listen(0, '127.0.0.1', resolve));
  product = await startProduct({ policy: null, config: () => 'version: 1\n' });
  const bin = join(product.home, 'bin');
  mkdirSync(bin);
  symlinkSync(join(product.machine.dist, 'lakepass'), join(bin, 'lakepass'));
  const authority = join(product.home, 'ca.pem');
  writeFileSync(authority, ca, { mode: 0o644 });
  // What an SDK does: asks the broker, then the workspace. The JWT is not among what it has.
  const job = `#!/bin/sh
set -eu
test -z "\${LAKEPASS_JWT-}"
token=$(curl -q -sSf -H 'X-Databricks-Metadata-Version: 1' -H "X-Databricks-Host: $DATABRICKS_HOST" "$DATABRICKS_METADATA_SERVICE_URL" | jq -r .access_token)
printf 'header = "Authorization: Bearer %s"\\n' "$token" | curl -q -sSf --cacert "$HOME/ca.pem" -K - "$DATABRICKS_HOST/api/2.0/preview/scim/v2/Me"
`;
  writeFileSync(join(product.home, 'job.sh'), job, { mode: 0o755 });
  if (process.getuid?.() === 0)
    for (const path of [bin, authority, join(product.home, 'job.sh')]) chownSync(path, product.machine.user.uid, product.machine.user.gid);
  const { env: own } = product.command;
  const { LAKEPASS_VAULT: _, ...usual } = own;
  env = {
    ...usual,
    ...{ HOME: product.home, PATH: `${bin}:${process.env['PATH'] ?? ''}`, RUNNER_TEMP: product.home },
    ...{ LAKEPASS_HOST: `https://127.0.0.1:${port}`, LAKEPASS_CLIENT_ID: clientId, LAKEPASS_AUDIENCE: 'databricks' },
    ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${(actions.address() as AddressInfo).port}/token?v=1`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: requestToken,
  };
});
afterAll(async () => {
  await product.close();
  actions.closeAllConnections();
  actions.close();
  await workspace.close();
  await issuer.close();
});

const runScript = async (script: string, more: NodeJS.ProcessEnv = {}) => {
  expect(script).toContain('lakepass run --vault memory');
  // The authority of the simulated workspace is nobody's, so the configuration has to name it.
  const named = script.replace('version: 1', 'version: 1\nnetwork: { caFile: $HOME/ca.pem }');
  return product.run('sh', ['-c', `cd "$HOME"\n${named}`], { ...env, ...more });
};

it.each([
  ['GitHub Actions', github, async () => ({})],
  ['GitLab CI', gitlab, async () => ({ LAKEPASS_JWT: jwt })],
])('the recipe for %s gives the job a token of its service principal, unasked', { timeout: 60_000 }, async (_, script, more) => {
  const { code, stdout, stderr } = await runScript(script, await more());
  expect({ code, stderr }).toMatchObject({ code: 0 });
  expect(JSON.parse(stdout.slice(stdout.indexOf('{'), stdout.lastIndexOf('}') + 1))).toMatchObject({ userName: clientId });
  const exchange = workspace.requests.filter(({ grantType }) => grantType !== undefined).at(-1);
  expect(exchange).toMatchObject({ status: 200, clientId, scopes: ['sql'] });
  // The JWT is where the platform put it, and nowhere else.
  for (const said of [stdout, stderr]) expect(said).not.toContain(jwt);
  const holding = product
    .files()
    .filter(({ content }) => content.includes(jwt))
    .map(({ path }) => path.split('/').at(-1));
  expect(holding).toEqual(['lakepass.jwt']);
});

it('no command of ours prints the JWT, or offers to', { timeout: 60_000 }, async () => {
  const verbs = [['status'], ['service-principals'], ['service-principals', 'status'], ['doctor'], ['audit', 'tail'], ['grants']];
  for (const words of [...verbs, ...verbs.map((each) => [...each, '--json']), ['--help'], ['token', '--help'], ['env', '--help']]) {
    const { stdout, stderr } = await product.lakepass(words, { env: { ...env, LAKEPASS_JWT: jwt } });
    expect(stdout + stderr, words.join(' ')).not.toContain(jwt);
    expect(stdout + stderr, words.join(' ')).not.toMatch(/(file|env)-oidc/);
  }
  const printed = await product.lakepass(['token', '--scope', 'sql', '--json'], { env: { ...env, LAKEPASS_JWT: jwt } });
  expect([printed.code, printed.stdout.includes(jwt)]).toEqual([0, false]);
  expect(JSON.parse(printed.stdout)).toMatchObject({ token_type: 'Bearer' });
});
