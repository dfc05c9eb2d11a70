/**
 * The whole way against a real OpenID provider on loopback: a person with a (software) key, real sockets, the real uid look-up. Proves that what
 * the unit tests show with a small issuer holds with an independent implementation of the protocol.
 */

import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createPeerUid, type PeerUid } from '../../../main/caller/peer-uid.ts';
import { createIdentityProvider } from '../../../main/idp/identity-provider.ts';
import { profileSchema } from '../../../main/profile/profile.ts';
import type { Secret } from '../../../main/secret.ts';
import { hours, seconds } from '../../../main/units.ts';
import { type FakeClock, fakeClock } from '../../fakes/fake-clock.ts';
import { recordingAudit } from '../../fakes/recording-audit.ts';
import { type Idp, type IdpOptions, startIdp } from '../../fixtures/idp/idp.ts';
import { type ScriptedBrowserOptions, scriptedBrowser } from '../../fixtures/scripted-browser.ts';
import { createSoftwareKey, type SoftwareKey } from '../../fixtures/software-key/software-key.ts';

let idp: Idp;
let key: SoftwareKey;
let peerUid: PeerUid;
const uid = process.getuid?.() ?? -1;

beforeEach(async () => {
  await start();
  peerUid = createPeerUid();
});
afterEach(async () => {
  await idp.close();
  await peerUid.close();
});

async function start(options: IdpOptions = {}): Promise<void> {
  idp = await startIdp(options);
  key = createSoftwareKey();
  await idp.enrol('alice', key);
}

interface Change {
  browser?: Partial<ScriptedBrowserOptions>;
  profile?: Record<string, unknown>;
  /** Instead of the scripted browser. */
  browse?: (url: URL) => Promise<void>;
  peerUid?: Pick<PeerUid, 'lookup'>;
}

function agent({ browser = {}, profile: change = {}, browse, peerUid: ownPeerUid }: Change = {}) {
  // The provider reads the machine's clock, so ours starts there and is moved only where a test is about time.
  const clock: FakeClock = fakeClock(Date.now());
  const audit = recordingAudit();
  const person = scriptedBrowser({ username: 'alice', key, ...browser });
  const failures: unknown[] = [];
  const parsed = profileSchema.parse({
    test: true,
    idp: { issuer: idp.issuer, clientId: idp.clientId },
    workspaces: [{ name: 'demo', host: 'http://127.0.0.1:9' }],
    ...change,
  });
  const provider = createIdentityProvider({
    profile: { ...parsed, name: 'demo' },
    clock,
    fetch: globalThis.fetch,
    random: randomBytes,
    openBrowser: async (url) => {
      await (browse ?? person.open)(url).catch((error: unknown) => failures.push(error));
      return 'opened';
    },
    audit,
    log: () => {},
    peerUid: ownPeerUid ?? peerUid,
    uid,
  });
  const signIn = (signal = new AbortController().signal) => provider.signIn({ signal, onUrl: () => {} });
  return { provider, signIn, clock, audit, person, failures };
}

const refreshTokenOf = (holder: { refreshToken: Secret | null }): Secret => {
  if (!holder.refreshToken) throw new Error('the provider gave no refresh token');
  return holder.refreshToken;
};

describe('signing in with a security key', () => {
  it('proves who signed in and that the key was used', async () => {
    const { signIn, person, audit } = agent();
    const { identity, assurance, subjectToken, refreshToken } = await signIn();
    expect(identity).toMatchObject({ issuer: idp.issuer, username: idp.user('alice').email, groups: [...idp.user('alice').groups] });
    expect(assurance).toMatchObject({ level: 'phr', acr: 'phr' });
    expect(assurance.amr).toContain('hwk');
    expect(subjectToken.expiresAt - subjectToken.issuedAt).toBe(hours(1));
    expect(refreshToken).not.toBeNull();
    await expect.poll(() => person.lastPage?.status).toBe(303);
    expect(audit.events).toEqual([]);
  });

  it.each(['RS256', 'ES256'] as const)('takes ID tokens signed with %s', async (algorithm) => {
    idp.setIdTokenAlgorithm(algorithm);
    await expect(agent().signIn()).resolves.toBeDefined();
  });

  it('is not satisfied by a password, and leaves no refresh token alive', async () => {
    const { signIn } = agent({ browser: { path: 'password' } });
    await expect(signIn()).rejects.toMatchObject({ code: 'ASSURANCE_TOO_LOW' });
    await expect.poll(() => idp.requestsTo('revocation').map(({ status }) => status)).toEqual([200]);
  });

  it('is refused when the person cancels at the provider', async () => {
    await expect(agent({ browser: { path: 'cancel' } }).signIn()).rejects.toMatchObject({ code: 'LOGIN_REFUSED', reason: 'access_denied' });
  });

  it('does not end when the provider refuses the key: the person may try again until the time is up', async () => {
    const { signIn, clock, failures } = agent({ browser: { key: createSoftwareKey() } });
    const outcome = expect(signIn()).rejects.toMatchObject({ code: 'LOGIN_TIMED_OUT' });
    await expect.poll(() => failures.length).toBe(1);
    await clock.advance(seconds(300));
    await outcome;
  });

  it('can be cancelled here while the browser waits', async () => {
    const cancel = new AbortController();
    const opened = Promise.withResolvers<URL>();
    const { signIn } = agent({ browse: async (url) => opened.resolve(url) });
    const outcome = expect(signIn(cancel.signal)).rejects.toMatchObject({ code: 'LOGIN_CANCELLED' });
    const port = Number(new URL((await opened.promise).searchParams.get('redirect_uri') ?? '').port);
    cancel.abort();
    await outcome;
    const socket = connect({ host: '127.0.0.1', port });
    await expect(new Promise((resolve, reject) => socket.on('connect', resolve).on('error', reject))).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    });
  });

  it('lets nobody bring the answer but a process of the same user', async () => {
    const { signIn, person, clock, audit, failures } = agent({ peerUid: { lookup: async () => uid + 1 } });
    const outcome = expect(signIn()).rejects.toMatchObject({ code: 'LOGIN_TIMED_OUT' });
    // The browser's visit of the callback ends without an answer.
    await expect.poll(() => failures.length).toBe(1);
    await clock.advance(seconds(300));
    await outcome;
    expect(person.lastPage).toBeUndefined();
    expect(audit.of('door.foreign-user')).toEqual([{ type: 'door.foreign-user', door: 'callback', uid: uid + 1, count: 1 }]);
  });

  it('survives a page that knocks with forged answers in between', async () => {
    const person = scriptedBrowser({ username: 'alice', key });
    const statuses: (number | undefined)[] = [];
    const browse = async (url: URL) => {
      const callback = await person.authorize(url);
      const forged = new URL(callback);
      forged.searchParams.set('state', 'guess');
      statuses.push((await person.visitCallback(forged)).status, (await person.visitCallback(callback)).status);
    };
    await expect(agent({ browse }).signIn()).resolves.toBeDefined();
    await expect.poll(() => statuses).toEqual([400, 303]);
  });

  it('detects a wrong clock on this machine by the Date header of the provider', async () => {
    const { signIn, clock } = agent();
    clock.set(Date.now() + hours(2));
    await expect(signIn()).rejects.toMatchObject({ code: 'CLOCK_SKEW' });
  });

  it('refuses the same provider over plain http outside a test profile', async () => {
    await expect(agent({ profile: { test: false } }).signIn()).rejects.toMatchObject({ code: 'ISSUER_INVALID', reason: 'endpoint' });
    expect(idp.requestsTo('discovery')).toEqual([]);
  });
});

describe('a signed-in person', () => {
  it('is renewed with a rotated token, by groups of today, and the old token is worth nothing', async () => {
    const { signIn, provider } = agent();
    const signedIn = await signIn();
    idp.setGroups('alice', ['admins']);
    const refreshed = await provider.refresh(refreshTokenOf(signedIn), signedIn);
    expect(refreshed.groups).toEqual(['admins']);
    expect(refreshed.refreshToken.reveal()).not.toBe(refreshTokenOf(signedIn).reveal());
    await expect(provider.refresh(refreshTokenOf(signedIn), signedIn)).rejects.toMatchObject({
      code: 'SESSION_REFUSED',
      reason: 'invalid_grant',
    });
    await expect(provider.refresh(refreshed.refreshToken, signedIn)).rejects.toMatchObject({ code: 'SESSION_REFUSED' });
  });

  it('goes on after the provider has rotated its keys', async () => {
    const { signIn, provider } = agent();
    const signedIn = await signIn();
    await idp.rotateSigningKeys({ keepOld: false });
    await expect(provider.refresh(refreshTokenOf(signedIn), signedIn)).resolves.toBeDefined();
    expect(idp.requestsTo('jwks')).toHaveLength(2);
  });

  it('is refused as another person', async () => {
    const { signIn, provider, audit } = agent();
    const signedIn = await signIn();
    const other = { ...signedIn, identity: { ...signedIn.identity, subject: idp.user('bob').subject } };
    await expect(provider.refresh(refreshTokenOf(signedIn), other)).rejects.toMatchObject({ code: 'ID_TOKEN_REJECTED', reason: 'sub' });
    expect(audit.of('token.validation-failed').map(({ rule }) => rule)).toEqual(['sub']);
  });

  it('is refused once an administrator has ended the session', async () => {
    const { signIn, provider } = agent();
    const signedIn = await signIn();
    idp.revokeAll('alice');
    await expect(provider.refresh(refreshTokenOf(signedIn), signedIn)).rejects.toMatchObject({ code: 'SESSION_REFUSED' });
  });

  it('can be signed out: the refresh token is revoked at the provider', async () => {
    const { signIn, provider } = agent();
    const signedIn = await signIn();
    await expect(provider.revoke(refreshTokenOf(signedIn))).resolves.toMatchObject({ refreshToken: 'revoked' });
    await expect(provider.refresh(refreshTokenOf(signedIn), signedIn)).rejects.toMatchObject({ code: 'SESSION_REFUSED' });
  });

  it.each<[string, Parameters<Idp['faults']['set']>[1], string]>([
    ['503', { status: 503 }, 'answered'],
    ['502', { status: 502 }, 'sent'],
    ['a reset before the work', { reset: true }, 'sent'],
    ['a reset after the work', { reset: 'after' }, 'sent'],
    ['half an answer', { malformedBody: true }, 'sent'],
  ])('is told ISSUER_UNREACHABLE when the token endpoint gives %s', async (_, fault, reason) => {
    const { signIn, provider } = agent();
    const signedIn = await signIn();
    idp.faults.set('token', fault);
    await expect(provider.refresh(refreshTokenOf(signedIn), signedIn)).rejects.toMatchObject({
      code: 'ISSUER_UNREACHABLE',
      reason,
    });
  });

  it('is told ISSUER_UNREACHABLE after ten seconds of a hung provider', async () => {
    const { signIn, provider, clock } = agent();
    const signedIn = await signIn();
    idp.faults.set('token', { hang: true });
    const outcome = expect(provider.refresh(refreshTokenOf(signedIn), signedIn)).rejects.toMatchObject({
      code: 'ISSUER_UNREACHABLE',
      reason: 'sent',
    });
    await expect.poll(() => idp.requestsTo('token').length).toBe(2);
    await clock.advance(seconds(10));
    await outcome;
  });

  it('is told that nothing was sent when the provider is gone', async () => {
    const { signIn, provider } = agent();
    const signedIn = await signIn();
    await idp.close();
    // A request on a connection that was kept open may have arrived; this is about a connection that cannot be made.
    const attempt = () => fetch(idp.issuer).catch((error: unknown) => (error as { cause?: { code?: string } }).cause?.code);
    await expect.poll(attempt).toBe('ECONNREFUSED');
    await expect(provider.refresh(refreshTokenOf(signedIn), signedIn)).rejects.toMatchObject({
      code: 'ISSUER_UNREACHABLE',
      reason: 'unsent',
    });
    await expect(provider.revoke(refreshTokenOf(signedIn))).resolves.toMatchObject({ refreshToken: 'failed' });
    await expect(agent().signIn()).rejects.toMatchObject({ code: 'ISSUER_UNREACHABLE' });
  });
});

it('writes nothing to the terminal on the way', async () => {
  const written = [vi.spyOn(process.stdout, 'write'), vi.spyOn(process.stderr, 'write')];
  await agent().signIn();
  for (const spy of written) expect(spy).not.toHaveBeenCalled();
});
