/** A service principal at work: what it keeps, what it says of itself, and where its secret may go. No network is there. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type ServicePrincipal, servicePrincipalSchema } from '../../../main/profile/profile.ts';
import { Secret } from '../../../main/secret.ts';
import { createServicePrincipal } from '../../../main/service-principal/service-principal.ts';
import { hours, later, seconds } from '../../../main/units.ts';
import { memoryVault } from '../../../main/vault/memory-vault.ts';
import type { Vault } from '../../../main/vault/vault.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { recordingAudit } from '../../fakes/recording-audit.ts';
import { json, settled } from '../databricks/scripted-workspace.ts';

const clientId = '8d1f20c2-0000-4000-8000-00000000aaaa';
const secret = 'dose0123456789abcdef0123456789abcdef';
const HOST = 'https://acme.cloud.databricks.com';
const DAY = hours(24);

const named = (more: object = {}): ServicePrincipal => ({
  ...servicePrincipalSchema.parse({ clientId, secret: 'vault', workspaces: [{ name: 'main', host: HOST }], ...more }),
  name: 'ci',
});

function start({
  principal = named(),
  vault = memoryVault(),
  clock = fakeClock(),
  isAttended = true,
}: {
  principal?: ServicePrincipal;
  vault?: Vault;
  clock?: ReturnType<typeof fakeClock>;
  isAttended?: boolean;
} = {}) {
  const audit = recordingAudit();
  const sent: { url: string; authorization: string | null }[] = [];
  const fetch = async (input: unknown, init: RequestInit = {}): Promise<Response> => {
    if (init.method !== 'POST') return json({}, 404);
    sent.push({ url: String(input), authorization: new Headers(init.headers).get('authorization') });
    return json({ access_token: 'minted', token_type: 'Bearer', expires_in: 3600, scope: 'sql' });
  };
  const logged: string[] = [];
  const running = createServicePrincipal({
    ...{ principal, vault, clock, fetch: fetch as typeof globalThis.fetch, random: randomBytes, audit, env: {} },
    isAttended: () => isAttended,
    log: (event, fields) => void logged.push(`${event} ${JSON.stringify(fields)}`),
  });
  const token = async (workspace = HOST) => {
    const asked = running.tokens.get({ workspace, scopes: ['sql'], deadline: later(clock.now(), seconds(8)) });
    const outcome = asked.then(
      () => 'token',
      (error: { code: string; reason?: string }) => `${error.code} ${error.reason ?? ''}`.trim(),
    );
    await settled();
    return outcome;
  };
  return { running, vault, clock, audit, sent, logged, token };
}

describe('a service principal', () => {
  it('sends its secret to the token endpoint of its workspace, in the header for it', async () => {
    const { running, sent, token } = start();
    await running.setSecret(new Secret(secret));
    expect(await token()).toBe('token');
    const authorization = `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}`;
    expect(sent).toEqual([{ url: `${HOST}/oidc/v1/token`, authorization }]);
  });

  it('has its secret again from the vault, and none once it was removed', async () => {
    const first = start();
    await first.running.setSecret(new Secret(secret));
    const second = start({ vault: first.vault });
    expect(second.running.view().state).toBe('secret-needed');
    await second.running.session.resume();
    expect([second.running.view().state, await second.token()]).toEqual(['ready', 'token']);
    await second.running.removeSecret();
    expect([second.running.view().state, await second.token()]).toEqual(['secret-needed', 'PRINCIPAL_SECRET_NEEDED missing']);
    expect(await first.vault.open('principal-ci')).toBeNull();
    const events = [...first.audit.events, ...second.audit.events].map(({ type }) => type);
    expect(events).toEqual(expect.arrayContaining(['service-principal.secret-set', 'service-principal.secret-removed']));
    expect(JSON.stringify([first.audit.events, second.audit.events, first.logged, second.logged])).not.toContain(secret);
  });

  it('does not bring a secret to a host that it was not set for', async () => {
    const first = start();
    await first.running.setSecret(new Secret(secret));
    const principal = named({
      workspaces: [
        { name: 'main', host: HOST },
        { name: 'evil', host: 'https://evil.example' },
      ],
    });
    const { running, sent, token } = start({ vault: first.vault, principal });
    await running.session.resume();
    expect(running.view()).toMatchObject({ state: 'secret-needed', problem: { code: 'PRINCIPAL_SECRET_NEEDED', reason: 'other-host' } });
    expect(await token('https://evil.example')).toBe('PRINCIPAL_SECRET_NEEDED other-host');
    expect(sent).toEqual([]);
  });

  it('does not use a secret where nobody is asked that was set where people are', async () => {
    const first = start();
    await first.running.setSecret(new Secret(secret));
    const { running, sent, token, clock } = start({ vault: first.vault, isAttended: false });
    await running.session.resume();
    expect(running.view()).toMatchObject({ state: 'secret-needed', problem: { reason: 'unattended' } });
    expect([await token(), sent]).toEqual(['PRINCIPAL_SECRET_NEEDED unattended', []]);
    await running.setSecret(new Secret(secret));
    // A failure is repeated for a second.
    await clock.advance(seconds(2));
    expect([running.view().state, await token()]).toEqual(['ready', 'token']);
  });

  it('does not use a secret for a client that it was not set for', async () => {
    const first = start();
    await first.running.setSecret(new Secret(secret));
    const { running, sent, token } = start({ vault: first.vault, principal: named({ clientId: clientId.replace('aaaa', 'bbbb') }) });
    await running.session.resume();
    expect(await token()).toBe('PRINCIPAL_SECRET_NEEDED other-client');
    expect(sent).toEqual([]);
  });

  it('lets go of its secret with the lock, and takes no new one until it is open', async () => {
    const { running, sent, token } = start();
    await running.setSecret(new Secret(secret));
    await running.session.lock();
    expect([running.view().state, running.view().secretSetAt, running.session.view().phase]).toEqual(['locked', null, 'locked']);
    expect(await token()).toBe('LOCKED');
    await expect(running.setSecret(new Secret(secret))).rejects.toMatchObject({ code: 'LOCKED' });
    expect(sent).toEqual([]);
  });

  /** A vault with the secret in it, whose answers come when `resolve` is called. */
  async function slowVault() {
    const vault = memoryVault();
    await start({ vault }).running.setSecret(new Secret(secret));
    const { promise, resolve } = Promise.withResolvers<void>();
    const slow: Vault = {
      ...vault,
      async open(name) {
        const found = await vault.open(name);
        await promise;
        return found;
      },
    };
    return { vault: slow, resolve };
  }

  it('does not take back from a slow vault what was removed meanwhile', async () => {
    const { vault, resolve } = await slowVault();
    const { running, sent, token } = start({ vault });
    const resuming = running.session.resume();
    await running.removeSecret();
    resolve();
    await resuming;
    expect([running.view().state, await token(), sent]).toEqual(['secret-needed', 'PRINCIPAL_SECRET_NEEDED missing', []]);
  });

  it('is not opened by a vault whose answer comes after the next lock', async () => {
    const { vault, resolve } = await slowVault();
    const { running } = start({ vault });
    const resuming = running.session.resume();
    await running.session.lock();
    resolve();
    await resuming;
    expect(running.view()).toMatchObject({ state: 'locked', secretSetAt: null });
  });

  it('is locked over a sealed vault, and says what is wrong with a record that makes no sense', async () => {
    const vault = memoryVault();
    await vault.seal('principal-ci', Buffer.from('{"version":1,"secret":"nonsense"}'));
    const { running, logged } = start({ vault });
    await running.session.resume();
    expect(running.view()).toMatchObject({ state: 'secret-needed', problem: { code: 'VAULT_CORRUPT' } });
    expect(logged.join()).not.toContain('nonsense');
    await vault.lock();
    await running.session.resume();
    expect(running.view().state).toBe('locked');
  });

  it.each([
    [89, '90 d', false],
    [90, '90 d', true],
    [400, '730 d', false],
  ])('after %i days with a reminder at %s: a new secret is due: %s', async (days, rotateAfter, rotationDue) => {
    const { running, clock } = start({ principal: named({ rotateAfter }) });
    await running.setSecret(new Secret(secret));
    clock.sleepThrough(DAY * days);
    expect(running.view()).toMatchObject({ secretAgeDays: days, rotationDue });
  });

  it('has an identity, no groups, no claims, and nothing that a sign-in proves', () => {
    const { running } = start();
    expect(running.session.view()).toMatchObject({
      ...{ phase: 'ended', signedInAt: null, lastFailure: { code: 'PRINCIPAL_SECRET_NEEDED' } },
      identity: { issuer: 'service-principal', subject: clientId, groups: [] },
      assurance: { level: 'unknown', authTime: null },
    });
    expect(running.session.claims()).toEqual({});
  });

  it('takes no secret where a workload proves it', async () => {
    const { running } = start({ principal: named({ secret: undefined, workload: { env: 'JWT' } }) });
    await expect(running.setSecret(new Secret(secret))).rejects.toMatchObject({ code: 'INPUT_INVALID', reason: 'workload' });
    await expect(running.removeSecret()).rejects.toMatchObject({ code: 'INPUT_INVALID', reason: 'workload' });
    expect(running.view()).toMatchObject({ state: 'ready', proof: 'env', where: 'JWT', secretSetAt: null });
  });
});
