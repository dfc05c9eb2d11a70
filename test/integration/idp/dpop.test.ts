/** Refresh tokens that are bound to a key (RFC 9449), against a provider that judges every proof: the whole life of a session, and a thief's. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createPeerUid, type PeerUid } from '../../../main/caller/peer-uid.ts';
import { systemClock } from '../../../main/host-ports.ts';
import { createIdentityProvider } from '../../../main/idp/identity-provider.ts';
import { newProofKey } from '../../../main/idp/proof-key.ts';
import type { SignedIn } from '../../../main/idp/signed-in.ts';
import { type Profile, profileSchema } from '../../../main/profile/profile.ts';
import type { Secret } from '../../../main/secret.ts';
import { createSession } from '../../../main/session/session.ts';
import { ms } from '../../../main/units.ts';
import { openVault } from '../../../main/vault/vault.ts';
import { memoryKeychain } from '../../fakes/memory-keychain.ts';
import { recordingAudit } from '../../fakes/recording-audit.ts';
import { type Idp, startIdp } from '../../fixtures/idp/idp.ts';
import { scriptedBrowser } from '../../fixtures/scripted-browser.ts';
import { createSoftwareKey, type SoftwareKey } from '../../fixtures/software-key/software-key.ts';

let idp: Idp;
let key: SoftwareKey;
let peerUid: PeerUid;

beforeEach(async () => {
  idp = await startIdp({ dpop: 'offered' });
  key = createSoftwareKey();
  await idp.enrol('alice', key);
  peerUid = createPeerUid();
});
afterEach(async () => {
  await idp.close();
  await peerUid.close();
});

const profile = (): Profile => ({
  ...profileSchema.parse({
    test: true,
    idp: { issuer: idp.issuer, clientId: idp.clientId },
    workspaces: [{ name: 'demo', host: 'http://127.0.0.1:9' }],
  }),
  name: 'demo',
});

/** As a new process has it: it remembers nothing of the provider. */
function newProvider() {
  return createIdentityProvider({
    profile: profile(),
    clock: systemClock,
    fetch: globalThis.fetch,
    random: randomBytes,
    openBrowser: async (url) => {
      await scriptedBrowser({ username: 'alice', key }).open(url);
      return 'opened';
    },
    audit: recordingAudit(),
    log: () => {},
    peerUid,
    uid: process.getuid?.() ?? -1,
  });
}

const signIn = (provider = newProvider()): Promise<SignedIn> =>
  provider.signIn({ signal: new AbortController().signal, onUrl: () => undefined });
const tokenOf = ({ refreshToken }: { refreshToken: Secret | null }): Secret => {
  if (refreshToken === null) throw new Error('the provider gave no refresh token');
  return refreshToken;
};
const tokenStatuses = () => idp.requestsTo('token').map(({ status }) => status);

describe('a refresh token that is bound to a key', () => {
  it('is renewed with that key, again and again', async () => {
    const provider = newProvider();
    const signedIn = await signIn(provider);
    expect(signedIn.binding).toBe('dpop');
    const once = await provider.refresh(tokenOf(signedIn), signedIn);
    await expect(provider.refresh(once.refreshToken, signedIn)).resolves.toMatchObject({ groups: signedIn.identity.groups });
    expect(tokenStatuses()).toEqual([200, 200, 200]);
  });

  it.each<[string, () => Promise<Secret | null>]>([
    ['without the key', async () => null],
    ['with a key of their own', async () => (await newProofKey()).sealed],
  ])('is of no use to whoever has it %s', async (_, theirs) => {
    const signedIn = await signIn();
    const stolen = newProvider().refresh(tokenOf(signedIn), { ...signedIn, proofKey: await theirs() });
    await expect(stolen).rejects.toMatchObject({ code: 'SESSION_REFUSED', reason: 'invalid_grant' });
  });

  it('is renewed with the nonce that the provider demands, at the sign-in and after it', async () => {
    idp.setDpop('nonce');
    const provider = newProvider();
    const signedIn = await signIn(provider);
    const { refreshToken } = await provider.refresh(tokenOf(signedIn), signedIn);
    expect(tokenStatuses()).toEqual([400, 200, 200]);
    await newProvider().refresh(refreshToken, signedIn);
    expect(tokenStatuses()).toEqual([400, 200, 200, 400, 200]);
    expect(idp.requestsTo('token').flatMap(({ error }) => error ?? [])).toEqual(['use_dpop_nonce', 'use_dpop_nonce']);
  });

  it('is revoked as any other', async () => {
    const provider = newProvider();
    await expect(provider.revoke(tokenOf(await signIn(provider)))).resolves.toMatchObject({ refreshToken: 'revoked' });
  });

  it('is not sent to a provider that has stopped binding tokens, and serves on where that was a mistake', async () => {
    const signedIn = await signIn();
    idp.setDpop('off');
    const refused = newProvider().refresh(tokenOf(signedIn), signedIn);
    await expect(refused).rejects.toMatchObject({ code: 'ISSUER_INVALID', reason: 'changed' });
    expect(tokenStatuses()).toEqual([200]);
    idp.setDpop('offered');
    await expect(newProvider().refresh(tokenOf(signedIn), signedIn)).resolves.toBeDefined();
  });
});

describe('a session', () => {
  it('is renewed after a restart with the key that was sealed with it, and neither lies in the open', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lp-dpop-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const keychain = memoryKeychain();
    const audit = recordingAudit();
    const start = async () => {
      const vault = await openVault({ folder: join(folder, 'vault'), keychain, random: randomBytes });
      const parts = { profile: profile(), idp: newProvider(), vault, clock: systemClock, random: randomBytes, audit, log: () => undefined };
      return { vault, session: createSession(parts) };
    };
    const before = await start();
    await before.session.signIn({ onUrl: () => undefined });
    expect(audit.of('session.signed-in')).toMatchObject([{ binding: 'dpop' }]);
    await before.session.close();
    before.vault.close();
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const written = files.map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'latin1')).join('');
    expect(written).not.toMatch(/P-256|proofKey/);

    const after = await start();
    onTestFinished(() => after.session.close());
    await after.session.resume();
    await expect(after.session.subjectToken({ life: ms(0) })).resolves.toBeDefined();
    await expect.poll(tokenStatuses).toEqual([200, 200]);
    expect(after.session.view()).toMatchObject({ phase: 'signed-in', renewalProblem: null });
  });
});
