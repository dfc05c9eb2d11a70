/** The looks beyond this machine over real sockets: the OpenID provider and the workspace on loopback, as they are and as they should not be. */
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { reach } from '../../../main/databricks/reach.ts';
import { systemClock as clock } from '../../../main/host-ports.ts';
import { lookAtPorts } from '../../../main/idp/free-ports.ts';
import { openIssuerLine } from '../../../main/idp/issuer-line.ts';
import { createProviderProbe } from '../../../main/idp/probe.ts';
import { readPublishedKeys } from '../../../main/idp/published-keys.ts';
import { profileSchema } from '../../../main/profile/profile.ts';
import { type Idp, startIdp } from '../../fixtures/idp/idp.ts';
import { startWorkspace } from '../../fixtures/workspace/workspace.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function provider(): Promise<Idp> {
  const idp = await startIdp();
  closers.push(() => idp.close());
  return idp;
}

function probe(idp: { issuer: string; clientId: string }, change: Record<string, unknown> = {}) {
  const profile = profileSchema.parse({
    test: true,
    idp: { issuer: idp.issuer, clientId: idp.clientId, ...change },
    workspaces: [{ name: 'main', host: 'http://127.0.0.1:9' }],
  });
  return createProviderProbe({
    profile: { ...profile, name: 'acme' },
    fetch: globalThis.fetch,
    clock,
    log: () => undefined,
    random: randomBytes,
  });
}

describe('a provider', () => {
  it('knows a client that is registered with its redirect, without a person and without a code', async () => {
    const idp = await provider();
    expect(await probe(idp).client()).toEqual({ verdict: 'known', error: 'login_required' });
    const paths = idp.requests.map(({ path }) => path);
    expect(paths.filter((path) => path.includes('token'))).toEqual([]);
  });

  it('does not know another client, or another redirect', async () => {
    const idp = await provider();
    expect(await probe({ ...idp, clientId: 'nobody' }).client()).toMatchObject({ verdict: 'unknown-client' });
    expect(await probe(idp, { redirect: { path: '/elsewhere' } }).client()).toMatchObject({ verdict: 'unknown-client' });
  });

  it('leaves out a scope that it does not know, as OpenID Connect has it', async () => {
    const idp = await provider();
    expect(await probe(idp, { scopes: ['openid', 'nonsense'] }).client()).toEqual({ verdict: 'known', error: 'login_required' });
  });

  it('publishes keys, each told from the others, and again the same', async () => {
    const idp = await provider();
    const keys = await probe(idp).keys();
    expect(keys.length).toBeGreaterThan(0);
    expect(new Set(keys.map(({ id }) => id)).size).toBe(keys.length);
    expect(await probe(idp).keys()).toEqual(keys);
    expect(keys.every(({ certificateEnds }) => certificateEnds === null)).toBe(true);
  });

  it('that is away, or another, fails as a sign-in would', async () => {
    await expect(probe({ issuer: 'http://127.0.0.1:9', clientId: 'x' }).metadata()).rejects.toMatchObject({ code: 'ISSUER_UNREACHABLE' });
    const idp = await provider();
    await expect(probe({ ...idp, issuer: `${idp.issuer}/` }).client()).rejects.toMatchObject({ code: 'ISSUER_INVALID' });
  });

  it('with a key set that is none says so', async () => {
    const idp = await provider();
    const line = openIssuerLine({ fetch: globalThis.fetch, clock });
    await expect(readPublishedKeys(line, `${idp.issuer}/.well-known/openid-configuration`)).rejects.toMatchObject({
      code: 'ISSUER_UNREACHABLE',
    });
  });
});

describe('a way', () => {
  it('leads to a workspace, with its clock; to something else; or ends where it ends', async () => {
    const workspace = await startWorkspace({ users: [], policies: [] });
    closers.push(() => workspace.close());
    const address = `${workspace.host}/oidc/.well-known/oauth-authorization-server`;
    const parts = { fetch: globalThis.fetch, clock };
    expect(await reach(parts, address)).toMatchObject({ kind: 'answered', status: 200, isMetadata: true });
    expect(await reach(parts, `${workspace.host}/api/2.0/nothing`)).toMatchObject({ kind: 'answered', isMetadata: false });
    workspace.faults.set('discovery', { wrongClockMs: 600_000 });
    const { ahead } = (await reach(parts, address)) as { ahead: number };
    expect(Math.round(ahead / 60_000)).toBe(-10);
    workspace.faults.set('discovery', { reset: true });
    expect(await reach(parts, address)).toEqual({ kind: 'failed', at: 'reset' });
    expect(await reach(parts, 'http://127.0.0.1:9/')).toMatchObject({ kind: 'failed' });
    expect(await reach(parts, address.replace('http:', 'https:'))).toMatchObject({ kind: 'failed', at: 'handshake' });
  });
});

describe('a registered port', () => {
  it('is free, or taken', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as { port: number };
    expect(await lookAtPorts({ host: '127.0.0.1', ports: [port], path: '/callback' })).toEqual({ free: [], taken: [port] });
    expect(await lookAtPorts({ host: 'localhost', ports: [], path: '/callback' })).toEqual({ free: [], taken: [] });
    await new Promise<void>((resolve) => void server.close(() => resolve()));
    expect(await lookAtPorts({ host: '127.0.0.1', ports: [port], path: '/callback' })).toEqual({ free: [port], taken: [] });
  });
});
