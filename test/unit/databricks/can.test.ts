/** The two sides of what a token may do: scopes from a table, and what a workspace says when it is tried. */
import { describe, expect, it } from 'vitest';
import { capabilities, standingsOf } from '../../../main/databricks/can.ts';
import { tryCapability } from '../../../main/databricks/can-check.ts';
import { scopeCatalogue } from '../../../main/databricks/scopes.ts';
import { Secret } from '../../../main/secret.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';

const standing = (id: string, ...held: string[]) => standingsOf(held).find(({ capability }) => capability.id === id);

describe('the table', () => {
  it('names scopes that exist, each capability once', () => {
    const named = capabilities.flatMap(({ scopes }) => scopes.flat());
    expect(named.filter((scope) => !scopeCatalogue.includes(scope))).toEqual([]);
    expect(new Set(capabilities.map(({ id }) => id)).size).toBe(capabilities.length);
  });

  it('asks for nothing but by GET, at the workspace itself', () => {
    const probes = capabilities.flatMap(({ probe }) => probe ?? []);
    expect(probes.filter((probe) => !probe.startsWith('/api/2.') || new URL(probe, 'https://a.b').host !== 'a.b')).toEqual([]);
    expect(probes.length).toBeGreaterThan(5);
  });

  it.each<[string, string[], string, string[]]>([
    ['sql-warehouse', ['sql'], 'yes', []],
    ['sql-warehouse', ['sql.statement-execution'], 'no', ['sql']],
    ['sql-warehouse', ['sql.statement-execution', 'sql.warehouses'], 'yes', []],
    ['genie', ['sql'], 'no', ['genie', 'dashboards.genie']],
    ['genie', ['genie'], 'yes', []],
    ['clusters', ['clusters'], 'no', ['command-execution']],
    ['serving', ['all-apis'], 'yes', []],
    ['uc-function', ['sql'], 'yes', []],
    ['jobs', [], 'no', ['jobs']],
  ])('%s with %j: %s, wanting %j', (id, held, scope, missing) => {
    expect(standing(id, ...held)).toMatchObject({ scope, missing });
  });

  it('says what else is needed even where the scope is there', () => {
    expect(standing('uc-connection', 'sql')?.capability.grant).toBe('USE CONNECTION');
    expect(standing('vector-search', 'sql')?.capability.grant).toBe('SELECT on the index');
  });
});

describe('what the workspace says', () => {
  const capability = capabilities.find(({ id }) => id === 'sql-warehouse');
  const tried = { workspace: 'https://acme.cloud.databricks.com', token: new Secret('t'), userAgent: 'lakepass/test' };
  const verdict = (status: number, body: unknown, type = 'application/json') => {
    const fetch = async () =>
      new Response(typeof body === 'string' ? body : JSON.stringify(body), { status, headers: { 'content-type': type } });
    if (capability === undefined) throw new Error('no such capability');
    return tryCapability({ clock: fakeClock(), fetch }, tried, capability);
  };

  it.each<[string, number, unknown, string]>([
    ['a list', 200, { warehouses: [{ id: 'w' }] }, 'works'],
    ['an empty list', 200, { warehouses: [] }, 'nothing'],
    ['an empty answer', 200, {}, 'nothing'],
    ['a missing scope', 403, { error_code: 403, message: 'Provided OAuth token does not have required scopes: sql' }, 'scope'],
    ['a missing scope in other words', 403, { message: 'Invalid scope, required scopes: genie' }, 'scope'],
    ['a missing grant', 403, { error_code: 'PERMISSION_DENIED', message: 'You do not have permission' }, 'grant'],
    ['an API that is not there', 404, { error_code: 'ENDPOINT_NOT_FOUND' }, 'absent'],
    ['something else', 500, { message: 'oops' }, 'unclear'],
  ])('%s', async (_, status, body, expected) => {
    expect(await verdict(status, body)).toBe(expected);
  });

  it('a missing scope in plain text, which no JSON parser reads', async () => {
    expect(await verdict(403, 'Provided OAuth token does not have required scopes: sql', 'text/plain')).toBe('scope');
  });

  it.each<[number, string]>([
    [403, 'Invalid access token. [ReqId: 1]'],
    [403, 'JWT has expired'],
    [401, 'Credential was not sent'],
  ])('a token that it does not know: %i %s', async (status, message) => {
    await expect(verdict(status, { error_code: status, message })).rejects.toMatchObject({ code: 'TOKEN_NOT_ACCEPTED' });
  });

  it('nothing where there is nothing to try', async () => {
    const without = capabilities.find(({ probe }) => probe === undefined);
    if (without === undefined) throw new Error('each capability has a request');
    const never = async (): Promise<Response> => Promise.reject(new Error('asked'));
    expect(await tryCapability({ clock: fakeClock(), fetch: never }, tried, without)).toBeNull();
  });
});
