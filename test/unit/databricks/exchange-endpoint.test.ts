import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createExchangeEndpoints, type ExchangeEndpoints } from '../../../main/databricks/exchange-endpoint.ts';
import { hours, minutes } from '../../../main/units.ts';
import { type FakeClock, fakeClock } from '../../fakes/fake-clock.ts';
import { json, type ScriptedNetwork, type ScriptedWorkspace, scriptedNetwork, settled } from './scripted-workspace.ts';
import { HOST, OTHER_HOST } from './setting.ts';

const CONFIG = '/.well-known/databricks-config';
const METADATA = '/oidc/.well-known/oauth-authorization-server';
const classic = `${HOST}/oidc/v1/token`;

let clock: FakeClock;
let network: ScriptedNetwork;
let acme: ScriptedWorkspace;
let beta: ScriptedWorkspace;
let endpoints: ExchangeEndpoints;
let logged: string[];

beforeEach(() => {
  clock = fakeClock();
  network = scriptedNetwork(clock);
  acme = network.workspace(HOST);
  beta = network.workspace(OTHER_HOST);
  logged = [];
  endpoints = createExchangeEndpoints({
    clock,
    fetch: network.fetch,
    log: (event, fields) => void logged.push(`${event} ${fields?.because}`),
  });
});
afterEach(() => expect(network.problems).toEqual([]));

const find = async () => (await endpoints.of(HOST, 'lakepass/0.0.1 rid/0123456789abcdef')).href;

function describeWith(metadata: unknown, config: unknown = { oidc_endpoint: `${HOST}/oidc` }) {
  acme.documents.set(CONFIG, config);
  acme.documents.set(METADATA, metadata);
}

describe('the token endpoint of a workspace', () => {
  it('is the one the workspace names on its own origin', async () => {
    describeWith({ issuer: `${HOST}/oidc`, token_endpoint: `${HOST}/oidc/v2/token` });
    expect(await find()).toBe(`${HOST}/oidc/v2/token`);
    expect(logged).toEqual([]);
  });

  it('fills in the account id where a host serves an account', async () => {
    const id = '5f0f3f6e-6f3a-4a1c-9d4e-2b7c8a1d0e55';
    acme.documents.set(CONFIG, { oidc_endpoint: `${HOST}/oidc/accounts/{account_id}`, account_id: id });
    acme.documents.set(`/oidc/accounts/${id}/.well-known/oauth-authorization-server`, {
      issuer: `${HOST}/oidc/accounts/${id}`,
      token_endpoint: `${HOST}/oidc/accounts/${id}/v1/token`,
    });
    expect(await find()).toBe(`${HOST}/oidc/accounts/${id}/v1/token`);
  });

  it.each([
    ['another host', `${OTHER_HOST}/oidc/v1/token`, 'origin'],
    ['plain http', `http://acme.cloud.databricks.com/oidc/v2/token`, 'origin'],
    ['another port', `${HOST}:8443/oidc/v2/token`, 'origin'],
    ['a host that only starts the same', `${HOST}.evil.example/oidc/v2/token`, 'origin'],
    ['a user before the host', `https://acme.cloud.databricks.com@evil.example/oidc/v2/token`, 'origin'],
    ['a user on the right host', `https://user:pw@acme.cloud.databricks.com/oidc/v2/token`, 'origin'],
    ['a query', `${HOST}/oidc/v2/token?x=1`, 'url'],
    ['a fragment', `${HOST}/oidc/v2/token#x`, 'url'],
    ['a path alone', '/oidc/v2/token', 'url'],
    ['javascript', 'javascript:alert(1)', 'origin'],
    ['nothing', '', 'url'],
  ])('is the classic one where the metadata names %s', async (_name, endpoint, because) => {
    describeWith({ issuer: `${HOST}/oidc`, token_endpoint: endpoint });
    expect(await find()).toBe(classic);
    expect(logged).toEqual([`databricks.classic-endpoint ${because}`]);
    expect(beta.seen).toEqual([]);
  });

  it.each([
    ['the issuer is another', { issuer: `${OTHER_HOST}/oidc`, token_endpoint: `${HOST}/x` }, undefined, 'issuer'],
    ['the metadata lacks the endpoint', { issuer: `${HOST}/oidc` }, undefined, 'server-metadata'],
    ['the metadata is no JSON', 'not json', undefined, 'server-metadata'],
    ['the metadata is elsewhere', {}, { oidc_endpoint: `${OTHER_HOST}/oidc` }, 'origin'],
    [
      'the metadata redirects',
      () => new Response(null, { status: 302, headers: { location: `${OTHER_HOST}${METADATA}` } }),
      undefined,
      'status',
    ],
    ['the host says nothing', {}, {}, 'host-metadata'],
    ['the host says numbers', {}, { oidc_endpoint: 7 }, 'host-metadata'],
    ['the account id is a path', {}, { oidc_endpoint: `${HOST}/{account_id}`, account_id: '../../x' }, 'host-metadata'],
    ['the answer is endless', {}, () => json(JSON.stringify('x'.repeat(70_000))), 'WORKSPACE_ANSWER_INVALID'],
  ])('is the classic one where %s', async (_name, metadata, config, because) => {
    describeWith(metadata, config);
    expect(await find()).toBe(classic);
    expect(logged).toEqual([`databricks.classic-endpoint ${because}`]);
    expect(beta.seen).toEqual([]);
  });

  it('is the classic one when the workspace is silent for two seconds', async () => {
    acme.documents.set(CONFIG, 'hang');
    const found = find();
    await settled();
    await clock.advance(2000);
    expect(await found).toBe(classic);
  });

  it('is asked for once by all who need it, and kept for a day', async () => {
    describeWith({ issuer: `${HOST}/oidc`, token_endpoint: `${HOST}/oidc/v2/token` });
    expect(new Set(await Promise.all([find(), find(), find()])).size).toBe(1);
    await clock.advance(hours(23));
    await find();
    expect(acme.seen).toHaveLength(2);
    await clock.advance(hours(1));
    await find();
    expect(acme.seen).toHaveLength(4);
  });

  it('is asked for again after five minutes where there was none, and at once when forgotten', async () => {
    expect(await find()).toBe(classic);
    describeWith({ issuer: `${HOST}/oidc`, token_endpoint: `${HOST}/oidc/v2/token` });
    await clock.advance(minutes(4));
    expect(await find()).toBe(classic);
    await clock.advance(minutes(1));
    expect(await find()).toBe(`${HOST}/oidc/v2/token`);
    acme.documents.clear();
    endpoints.forget(HOST);
    expect(await find()).toBe(classic);
  });
});
