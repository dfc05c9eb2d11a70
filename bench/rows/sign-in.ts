/** What a sign-in takes beyond the provider's own pages: the whole command, against the least client that does the same steps. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as oauth from 'oauth4webapi';
import { scriptedBrowser } from '../../test/fixtures/scripted-browser.ts';
import { createSoftwareKey } from '../../test/fixtures/software-key/software-key.ts';
import { median, whole } from '../numbers.ts';
import type { Plan } from '../plan.ts';
import { atMost, insist, interleave, type Row, row } from '../row.ts';
import type { Stage } from '../stage.ts';

const username = 'bob';

export async function signInCost(stage: Stage, plan: Plan): Promise<Row> {
  const key = createSoftwareKey();
  await stage.acme.enrol(username, key);
  await stage.signIn('acme');
  const rounds = await interleave(
    plan.rounds,
    async () => {
      await stage.signOut('acme');
      return millis(() => stage.signIn('acme'));
    },
    () => millis(() => signInBarely(stage, (url) => scriptedBrowser({ key, username }).authorize(url))),
  );
  await stage.signOut('acme');
  const delta = median(rounds.map(({ ours, bare }) => ours - bare));
  const middle = (side: 'ours' | 'bare'): string => whole(median(rounds.map((round) => round[side])));
  return row(
    {
      name: 'sign-in, what we add to the provider’s own pages',
      baseline: 'oauth4webapi, the least client for the same steps',
      ratio_p50: median(rounds.map(({ ours, bare }) => ours / bare)),
      delta_ms: delta,
      samples: rounds.length,
      rounds: rounds.length,
      notes: [
        `lakepass login, from start to end: ${middle('ours')} ms; the least client: ${middle('bare')} ms; both without the person's time`,
      ],
    },
    [atMost('adds', delta, 300, (ms) => `${ms} ms`)],
  );
}

async function millis(run: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await run();
  return performance.now() - started;
}

/** Code and PKCE with a loopback redirect; the ID token's claims are checked, nothing is kept. */
async function signInBarely(stage: Stage, authorize: (url: URL) => Promise<URL>): Promise<void> {
  const insecure = { [oauth.allowInsecureRequests]: true };
  const issuer = new URL(stage.acme.issuer);
  const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure));
  const client: oauth.Client = { client_id: stage.acme.clientId };
  const [verifier, state, nonce] = [oauth.generateRandomCodeVerifier(), oauth.generateRandomState(), oauth.generateRandomNonce()];
  const door = createServer();
  await new Promise<void>((done) => door.listen(0, '127.0.0.1', done));
  const redirectUri = `http://127.0.0.1:${(door.address() as AddressInfo).port}/callback`;
  const returned = new Promise<URL>((resolve) => {
    door.on('request', (request, response) => {
      response.setHeader('connection', 'close').end('Signed in.');
      resolve(new URL(request.url ?? '/', redirectUri));
    });
  });
  const url = new URL(server.authorization_endpoint ?? '');
  url.search = new URLSearchParams({
    ...{ client_id: client.client_id, response_type: 'code', redirect_uri: redirectUri, state, nonce },
    ...{ scope: 'openid profile email groups offline_access', acr_values: 'phr', max_age: '43200' },
    ...{ code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256' },
  }).toString();

  const { code } = await stage.product.run('curl', ['-sS', '-L', '-o', '/dev/null', (await authorize(url)).href]);
  insist(code === 0, 'the least client got its callback');
  const params = oauth.validateAuthResponse(server, client, await returned, state);
  const answer = await oauth.authorizationCodeGrantRequest(server, client, oauth.None(), params, redirectUri, verifier, insecure);
  await oauth.processAuthorizationCodeResponse(server, client, answer, { expectedNonce: nonce, requireIdToken: true });
  await new Promise((done) => door.close(done));
}
