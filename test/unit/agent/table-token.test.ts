/** Whose token a table is written with: a person's or a service principal's, straight from those who mint it. */
import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { tableTokenFrom } from '../../../main/agent/table-token.ts';
import { servicePrincipalSchema } from '../../../main/profile/profile.ts';
import { Secret } from '../../../main/secret.ts';
import { createServicePrincipal } from '../../../main/service-principal/service-principal.ts';
import { later, seconds } from '../../../main/units.ts';
import { memoryVault } from '../../../main/vault/memory-vault.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { recordingAudit } from '../../fakes/recording-audit.ts';
import { json } from '../databricks/scripted-workspace.ts';
import { codeOf, HOST, OTHER_HOST, profileOf, setUp } from '../databricks/setting.ts';

const never = () => false;

it('is the signed-in person’s for sql, of the workspace that is named, and the one at hand where there is one', async () => {
  const { tokens, acme, beta, audit, clock } = setUp();
  const person = { profile: profileOf(), session: { view: () => ({ phase: 'signed-in' }) }, tokens };
  const tokenFor = tableTokenFrom((name) => (name === 'acme' ? person : undefined), never);
  const ask = (workspace: string) => tokenFor({ profile: 'acme', workspace }, later(clock.now(), seconds(8)));
  const first = await ask('beta');
  expect(first.workspace).toBe(OTHER_HOST);
  expect((await ask(OTHER_HOST)).token).toBe(first.token);
  expect([acme.exchanges.length, beta.exchanges.length]).toEqual([0, 1]);
  expect(audit.events).toMatchObject([{ type: 'token.minted', scopes: ['sql'] }]);
});

it('is not asked for while nobody is signed in, so that the wait leaves no record', async () => {
  const { tokens, acme, beta, audit, clock } = setUp();
  for (const phase of ['signed-out', 'signing-in', 'ended', 'locked']) {
    const tokenFor = tableTokenFrom(() => ({ profile: profileOf(), session: { view: () => ({ phase }) }, tokens }), never);
    const asked = tokenFor({ profile: 'acme', workspace: 'beta' }, later(clock.now(), seconds(8)));
    expect(await codeOf(asked)).toBe('SIGNED_OUT');
  }
  expect([acme.exchanges, beta.exchanges, audit.events]).toEqual([[], [], []]);
});

it('is the one at hand, and no new one, once the log is sealed: its record would come behind the last checkpoint', async () => {
  const { tokens, beta, audit, clock } = setUp();
  let isSealed = true;
  const person = { profile: profileOf(), session: { view: () => ({ phase: 'signed-in' }) }, tokens };
  const tokenFor = tableTokenFrom(
    () => person,
    () => isSealed,
  );
  const ask = () => tokenFor({ profile: 'acme', workspace: 'beta' }, later(clock.now(), seconds(8)));
  expect([await codeOf(ask()), beta.exchanges, audit.events]).toEqual(['DEADLINE_PASSED', [], []]);
  isSealed = false;
  const { token } = await ask();
  isSealed = true;
  expect((await ask()).token).toBe(token);
  expect(beta.exchanges).toHaveLength(1);
});

it('is nobody’s where the profile or the workspace is not known, or several could be meant', async () => {
  const { tokens, clock } = setUp();
  const person = { profile: profileOf(), session: { view: () => ({ phase: 'signed-in' }) }, tokens };
  const tokenFor = tableTokenFrom((name) => (name === 'acme' ? person : undefined), never);
  const deadline = later(clock.now(), seconds(8));
  expect(await codeOf(tokenFor({ profile: 'other' }, deadline))).toBe('PROFILE_UNKNOWN');
  expect(await codeOf(tokenFor({ profile: 'acme', workspace: 'gamma' }, deadline))).toBe('WORKSPACE_UNKNOWN');
  expect(await codeOf(tokenFor({ profile: 'acme' }, deadline))).toBe('WORKSPACE_UNKNOWN');
});

it('is a service principal’s, once it has its secret', async () => {
  const [clock, audit] = [fakeClock(), recordingAudit()];
  const clientId = '8d1f20c2-0000-4000-8000-00000000aaaa';
  const sent: string[] = [];
  const fetch: typeof globalThis.fetch = async (url, init = {}) => {
    if (init.method !== 'POST') return json({}, 404);
    sent.push(String(url));
    return json({ access_token: 'minted', token_type: 'Bearer', expires_in: 3600, scope: 'sql' });
  };
  const principal = {
    ...servicePrincipalSchema.parse({ clientId, secret: 'vault', workspaces: [{ name: 'main', host: HOST }] }),
    name: 'audit-writer',
  };
  const running = createServicePrincipal({
    ...{ principal, vault: memoryVault(), clock, fetch, random: randomBytes, audit, env: {} },
    ...{ isAttended: () => true, log: () => undefined },
  });
  const tokenFor = tableTokenFrom(() => running, never);
  const ask = () => tokenFor({ profile: 'audit-writer' }, later(clock.now(), seconds(8)));
  expect([await codeOf(ask()), sent, audit.events]).toEqual(['SIGNED_OUT', [], []]);
  await running.setSecret(new Secret('dose0123456789abcdef0123456789abcdef'));
  expect((await ask()).token.reveal()).toBe('minted');
  expect([sent, audit.events.at(-1)]).toMatchObject([
    [`${HOST}/oidc/v1/token`],
    { type: 'token.minted', identity: 'service-principal', subject: clientId },
  ]);
});
