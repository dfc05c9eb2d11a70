/** The checks beyond this machine on the states of a network they are about: each trouble is one sentence, with what to do. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../main/app-error.ts';
import { runChecks } from '../../../main/doctor/check.ts';
import { farChecks } from '../../../main/doctor/checks.ts';
import type { FarFacts, GrantSeen, Provider, Way } from '../../../main/doctor/far-facts.ts';
import { type EpochMs, hours, later, minutes, ms, seconds } from '../../../main/units.ts';
import { type DoctorView, doctorViewSchema } from '../../../preload/contract/doctor.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { answered, place, provider, wellNetwork } from './far-setting.ts';
import { NOW, status } from './setting.ts';

const looking = (facts: FarFacts, told?: (found: DoctorView['checks']) => void) =>
  runChecks(farChecks, facts, { clock: fakeClock(), log: () => undefined, ...(told === undefined ? {} : { told }) });

async function found(id: string, changes: Partial<FarFacts>): Promise<DoctorView['checks'][number]> {
  const { checks } = await looking(await wellNetwork(changes));
  const check = checks.find((each) => each.id === id);
  if (check === undefined) throw new Error(`no check ${id} among ${checks.map((each) => each.id).join(' ')}`);
  return check;
}
const failedAt = (at: Extract<Way, { kind: 'failed' }>['at'], code?: 'PROXY_REFUSED' | 'SERVER_UNTRUSTED'): Partial<FarFacts> => ({
  places: [
    place('idp.acme.example', answered()),
    place('lost.example', { kind: 'failed', at, ...(code === undefined ? {} : { failure: new AppError(code).toFailure() }) }),
  ],
});

describe('beyond this machine', () => {
  it('is good all over where all is well, and tells each thing as it is found', async () => {
    const told: string[] = [];
    const view = await looking(await wellNetwork(), (each) => void told.push(...each.map(({ id }) => id)));
    expect(doctorViewSchema.parse(view)).toEqual(view);
    expect(view.checks.filter(({ state }) => state !== 'good')).toEqual([]);
    expect(told.sort()).toEqual(view.checks.map(({ id }) => id).sort());
  });

  it('says once that there is nowhere to look', async () => {
    const { checks } = await looking(await wellNetwork({ places: [], providers: [] }));
    expect(checks.filter(({ finding }) => finding.startsWith('No profile')).map(({ id }) => id)).toEqual(['dns']);
    expect(checks.map(({ id }) => id)).not.toContain('tls');
  });

  it('says every trouble in a whole sentence, with a whole sentence of what to do', async () => {
    const broken = provider({
      healths: ['EXCHANGE_WRONG_AUDIENCE'],
      metadata: async () => Promise.reject(new AppError('ISSUER_INVALID', { reason: 'pkce' })),
      client: async () => ({ verdict: 'refused', error: 'invalid_scope' }),
      ports: async () => ({ free: [], taken: [8250] }),
      keys: async () => [],
    });
    const view = await looking(
      await wellNetwork({ ...failedAt('timeout'), providers: [broken], terminal: ['DATABRICKS_TOKEN'], grant: 'unknown' }),
    );
    for (const { finding, next, state } of view.checks) {
      expect(finding).toMatch(/^[A-Z"0-9a-z].*\.$/);
      if (state !== 'good') expect(next).toMatch(/^[A-Z`].*\.$/);
    }
    expect(view.checks.filter(({ state }) => state === 'bad').length).toBeGreaterThan(7);
  });

  it.each([
    ['dns', 'dns', 'bad', 'WORKSPACE_UNREACHABLE'],
    ['refused', 'connection', 'bad', 'WORKSPACE_UNREACHABLE'],
    ['timeout', 'connection', 'bad', 'WORKSPACE_UNREACHABLE'],
    ['reset', 'connection', 'bad', 'WORKSPACE_UNREACHABLE'],
    ['certificate', 'tls', 'bad', 'WORKSPACE_TLS'],
    ['handshake', 'tls', 'bad', 'WORKSPACE_TLS'],
  ] as const)('a way that ends at %s is told by the check %s, and by its host', async (at, id, state, code) => {
    const told = await found(id, failedAt(at));
    expect(told).toMatchObject({ state, code });
    expect(told.finding).toContain('lost.example');
    expect(told.finding).not.toContain('idp.acme.example');
  });

  it('tells of a proxy and of a company’s certificates in the words of the table', async () => {
    expect(await found('proxy', failedAt('proxy', 'PROXY_REFUSED'))).toMatchObject({ state: 'bad', code: 'PROXY_REFUSED' });
    expect(await found('tls', failedAt('certificate', 'SERVER_UNTRUSTED'))).toMatchObject({ state: 'bad', code: 'SERVER_UNTRUSTED' });
  });

  it('sees a proxy that the terminal has and the agent has not', async () => {
    expect(await found('proxy', { terminal: ['HTTPS_PROXY'] })).toMatchObject({ state: 'weak' });
    expect(await found('proxy', { terminal: ['HTTPS_PROXY'], ...failedAt('timeout') })).toMatchObject({ state: 'bad' });
    const env = { HTTPS_PROXY: 'http://user:canary@proxy.example' };
    const both = await found('proxy', { terminal: ['HTTPS_PROXY'], env });
    expect(both.state).toBe('good');
    expect(JSON.stringify(both)).not.toContain('canary');
  });

  it.each([
    [minutes(5), 'ahead of'],
    [ms(-minutes(90)), 'behind'],
  ])('measures a clock that is %i ms off', async (ahead, side) => {
    const places = [place('idp.acme.example', answered({ ahead })), place('other.example', answered({ ahead: ms(ahead + seconds(1)) }))];
    const told = await found('clock-network', { places });
    expect(told).toMatchObject({ state: 'bad', code: 'CLOCK_SKEW' });
    expect(told.finding).toContain(side);
    const oneOnly = [place('odd.example', answered({ ahead })), place('other.example', answered())];
    expect(await found('clock-network', { places: oneOnly })).toMatchObject({ state: 'weak' });
  });

  it('knows a host that is no workspace', async () => {
    const places = [place('www.example', answered({ isMetadata: false }), { profile: 'acme', name: 'main' })];
    expect(await found('endpoint-acme-main', { places })).toMatchObject({ state: 'bad', code: 'WORKSPACE_ANSWER_INVALID' });
  });

  it('waits ten seconds for each, and no longer, while the others are told', async () => {
    const clock = fakeClock();
    const never = new Promise<never>(() => undefined);
    const facts = await wellNetwork({ providers: [provider({ client: () => never })] });
    const told: string[] = [];
    const looked = runChecks(farChecks, facts, {
      clock,
      log: () => undefined,
      told: (each) => void told.push(...each.map(({ id }) => id)),
    });
    await expect.poll(() => told).toContain('keys-acme');
    expect(told).not.toContain('client');
    await clock.advance(seconds(11));
    expect((await looked).checks.find(({ id }) => id === 'client')).toMatchObject({ state: 'unknown' });
  });
});

describe('the provider', () => {
  const judged = async (id: string, changes: Partial<Provider>) => found(`${id}-acme`, { providers: [provider(changes)] });

  it('is bad with its own code where its metadata is, and what needs that is unknown', async () => {
    const failing = async () => Promise.reject(new AppError('ISSUER_UNREACHABLE'));
    expect(await judged('provider', { metadata: failing })).toMatchObject({ state: 'bad', code: 'ISSUER_UNREACHABLE' });
    expect(await judged('keys', { keys: failing })).toMatchObject({ state: 'unknown', code: 'ISSUER_UNREACHABLE' });
  });

  it.each([
    ['known', 'good'],
    ['refused', 'bad'],
    ['unknown-client', 'bad'],
    ['unclear', 'unknown'],
  ] as const)('a client that is %s is %s', async (verdict, state) => {
    expect(await judged('client', { client: async () => ({ verdict, error: null }) })).toMatchObject({ state });
  });

  it('names the port that another program holds, unless another is free', async () => {
    expect(await judged('redirect', { ports: async () => ({ free: [], taken: [8250] }) })).toMatchObject({
      ...{ state: 'bad', code: 'LOGIN_PORT_BUSY', finding: expect.stringContaining('8250') },
    });
    expect(await judged('redirect', { ports: async () => ({ free: [8251], taken: [8250] }) })).toMatchObject({ state: 'good' });
    expect(await judged('redirect', { phase: 'signing-in', ports: async () => ({ free: [], taken: [8250] }) })).toMatchObject({
      state: 'good',
    });
  });

  it.each([
    [later(NOW, hours(-1)), 'weak'],
    [later(NOW, hours(29 * 24)), 'weak'],
    [later(NOW, hours(31 * 24)), 'good'],
  ])('a certificate that ends at %i is %s', async (certificateEnds: EpochMs, state) => {
    expect(await judged('keys', { keys: async () => [{ certificateEnds: null }, { certificateEnds }] })).toMatchObject({ state });
  });

  it.each([
    ['EXCHANGE_WRONG_AUDIENCE', 'audiences', 'lakepass'],
    ['EXCHANGE_WRONG_ISSUER', 'issuer', 'https://idp.acme.example'],
    ['EXCHANGE_UNKNOWN_USER', 'subject_claim', 'ada@acme.example'],
  ])('after %s it says what the policy has to hold', async (code, field, value) => {
    const told = await judged('claims', { healths: ['unknown', code] });
    expect(told.state).toBe('bad');
    expect(told.next).toContain(field);
    expect(told.next).toContain(value);
  });

  it('says honestly that it cannot look while locked or signed out', async () => {
    const claims = async () => Promise.reject(new Error('asked all the same'));
    expect(await judged('claims', { phase: 'locked', claims })).toMatchObject({ state: 'unknown', code: 'LOCKED' });
    expect(await judged('claims', { phase: 'signed-out', claims })).toMatchObject({ state: 'unknown', code: 'SIGNED_OUT' });
    expect(await judged('claims', { tokens: 'direct', claims })).toMatchObject({ state: 'good' });
  });

  it('knows an algorithm that Databricks does not take, and a claim that is missing', async () => {
    const seen = { issuer: 'i', audiences: ['a'], algorithm: 'PS256', username: 'ada' };
    expect(await judged('claims', { claims: async () => seen })).toMatchObject({ state: 'bad', code: 'EXCHANGE_REFUSED' });
    const nameless = { ...seen, algorithm: 'RS256', username: null };
    expect(await judged('claims', { claims: async () => nameless })).toMatchObject({
      state: 'bad',
      finding: expect.stringContaining('email'),
    });
  });
});

describe('the terminal', () => {
  it('has variables that win, by name alone', async () => {
    const told = await found('terminal-variables', { terminal: ['DATABRICKS_TOKEN', 'HTTPS_PROXY'] });
    expect(told).toMatchObject({ state: 'bad', next: expect.stringContaining('unset DATABRICKS_TOKEN`') });
    expect(await found('terminal-variables', { terminal: null })).toMatchObject({ state: 'unknown' });
  });

  it.each([
    ['dead-port', 'bad'],
    ['dead-grant', 'bad'],
    ['live', 'good'],
    ['elsewhere', 'good'],
  ] as const)('a section that asks an address that is %s is %s, and the address is not told', async (verdict, state) => {
    const well = await wellNetwork();
    const secret = 'canary'.repeat(8);
    const file = join(String(well.env['HOME']), '.databrickscfg');
    writeFileSync(
      file,
      `[work]\nhost = https://x\nauth_type = metadata-service\nmetadata_service_url = http://127.0.0.1:9/v1/metadata/${secret}\n`,
    );
    const judged: string[] = [];
    const judge = (address: string) => {
      judged.push(address);
      return verdict;
    };
    const { checks } = await looking({ ...well, judge });
    const told = checks.find(({ id }) => id === 'databricks-stale');
    expect(told).toMatchObject({ state });
    expect(judged).toEqual([`http://127.0.0.1:9/v1/metadata/${secret}`]);
    expect(JSON.stringify(checks)).not.toContain('canary');
  });

  const grant: GrantSeen = {
    ...{ id: 'g1', state: 'live', paused: false, scopes: ['sql'], workspace: 'https://w.example', until: later(NOW, hours(2)) },
    ...{ health: 'ok', lastRefusal: null },
  };
  it.each([
    [{}, 'good', null],
    [{ state: 'expired' }, 'bad', 'GRANT_EXPIRED'],
    [{ state: 'revoked' }, 'bad', 'GRANT_REVOKED'],
    [{ paused: true }, 'bad', 'GRANT_PAUSED'],
    [{ lastRefusal: 'POLICY_DENIED' }, 'bad', 'POLICY_DENIED'],
    [{ health: 'EXCHANGE_SCOPE_REFUSED' }, 'bad', 'EXCHANGE_SCOPE_REFUSED'],
    [{ lastRefusal: '<script>' }, 'good', null],
  ] as const)('a grant that is %j is %s', async (changes, state, code) => {
    expect(await found('grant', { grant: { ...grant, ...changes } as GrantSeen })).toMatchObject({ state, code });
  });
  it('says so where there is no such grant, and nothing where none was asked about', async () => {
    expect(await found('grant', { grant: 'unknown' })).toMatchObject({ state: 'bad', code: 'GRANT_UNKNOWN' });
    await expect(found('grant', {})).rejects.toThrow('no check grant');
  });

  it.each([
    ['chromium.desktop', false, 'good'],
    ['org.gnome.Epiphany.desktop', true, 'good'],
    ['org.gnome.Epiphany.desktop', false, 'weak'],
    [null, false, 'unknown'],
  ] as const)('the name of our pages in %s, which the system finds: %s, is %s', async (name, finds, state) => {
    const facts = { defaultBrowser: async () => name, systemFindsOwnName: async () => finds };
    expect(await found('own-name', facts)).toMatchObject({ state });
  });

  it('shows a keychain that is a file as weak, and what was noticed as it is', async () => {
    expect(await found('keychain', { status: status({ vault: 'file' }) })).toMatchObject({ state: 'weak' });
    const watched = [{ id: 'keys-acme', title: 'Keys', finding: 'A new key came.', next: 'Do nothing.' }];
    expect(await found('watched-keys-acme', { watched: () => watched })).toMatchObject({ state: 'weak', finding: 'A new key came.' });
  });
});
