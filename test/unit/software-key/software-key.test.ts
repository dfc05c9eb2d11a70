/** The software key before an independent judge: @simplewebauthn/server verifies, @peculiar/x509 reads the certificate. */

import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  type RegistrationResponseJSON,
  SettingsService,
  type VerifiedRegistrationResponse,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server';
import { decodeAttestationObject, isoBase64URL } from '@simplewebauthn/server/helpers';
import { afterAll, describe, expect, it } from 'vitest';
import { createAttestationRoot } from '../../fixtures/software-key/attestation-certificates.ts';
import { createSoftwareKey, type SoftwareKey, type SoftwareKeyOptions } from '../../fixtures/software-key/software-key.ts';

const origin = 'http://localhost:4711';
const root = createAttestationRoot();
SettingsService.setRootCertificates({ identifier: 'packed', certificates: [root.pem] });
// The library keeps it for whoever else has it in this process.
afterAll(() => SettingsService.setRootCertificates({ identifier: 'packed', certificates: [] }));

const creation = (attestationType: 'direct' | 'none' = 'direct', excludeCredentials: { id: string }[] = []) =>
  generateRegistrationOptions({ rpName: 'Test', rpID: 'localhost', userName: 'alice', attestationType, excludeCredentials });

const verify = (response: RegistrationResponseJSON, challenge: string): Promise<VerifiedRegistrationResponse> =>
  verifyRegistrationResponse({ response, expectedChallenge: challenge, expectedOrigin: origin, expectedRPID: 'localhost' });

/** Why a relying party does not take the response, or 'accepted'. */
async function verdict(response: RegistrationResponseJSON, challenge: string): Promise<string> {
  try {
    return (await verify(response, challenge)).verified ? 'accepted' : 'not verified';
  } catch (error) {
    return String(error);
  }
}

async function registered(options: SoftwareKeyOptions = {}) {
  const key = createSoftwareKey({ root, ...options });
  const asked = await creation();
  const { verified, registrationInfo } = await verify(key.create(asked, origin), asked.challenge);
  if (!verified) throw new Error('the registration does not verify');
  return { key, credential: registrationInfo.credential, info: registrationInfo };
}

async function login(key: SoftwareKey, credential: { id: string; publicKey: Uint8Array<ArrayBuffer>; counter: number }) {
  const asked = await generateAuthenticationOptions({ rpID: 'localhost', allowCredentials: [credential], userVerification: 'required' });
  return verifyAuthenticationResponse({
    response: key.get(asked, origin),
    expectedChallenge: asked.challenge,
    expectedOrigin: origin,
    expectedRPID: 'localhost',
    credential,
  });
}

const nameOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return error instanceof Error ? error.name : 'not an error';
  }
  return 'no error';
};

describe('registration', () => {
  it('verifies with packed attestation under its manufacturer and says model, user verification and one device', async () => {
    const aaguid = '00112233-4455-6677-8899-aabbccddeeff';
    const { info } = await registered({ aaguid });
    expect(info).toMatchObject({
      fmt: 'packed',
      aaguid,
      userVerified: true,
      credentialDeviceType: 'singleDevice',
      credentialBackedUp: false,
    });
  });

  it.each([
    { attestation: 'packed-self', fmt: 'packed' },
    { attestation: 'none', fmt: 'none' },
  ] as const)('verifies with $attestation attestation', async ({ attestation, fmt }) => {
    expect((await registered({ attestation })).info.fmt).toBe(fmt);
  });

  it('hides format and model from a relying party that asks for no attestation', async () => {
    const key = createSoftwareKey({ root });
    const asked = await creation('none');
    const { registrationInfo } = await verify(key.create(asked, origin), asked.challenge);
    expect(registrationInfo).toMatchObject({ fmt: 'none', aaguid: '00000000-0000-0000-0000-000000000000' });
  });

  it('carries a certificate of version 3 with the AAGUID extension, signed by the root', async () => {
    // Not at the top: it needs the reflection polyfill that @simplewebauthn/server has loaded by now.
    const { BasicConstraintsExtension, X509Certificate } = await import('@peculiar/x509');
    const key = createSoftwareKey({ root });
    const response = key.create(await creation(), origin);
    const object = decodeAttestationObject(isoBase64URL.toBuffer(response.response.attestationObject));
    const [der] = object.get('attStmt').get('x5c') ?? [];
    const certificate = new X509Certificate(der ?? new Uint8Array());
    const authority = new X509Certificate(root.pem);
    expect(await certificate.verify({ publicKey: authority.publicKey })).toBe(true);
    expect(await authority.isSelfSigned()).toBe(true);
    expect(certificate.getExtension(BasicConstraintsExtension)?.ca).toBe(false);
    const aaguid = Buffer.from(certificate.getExtension('1.3.6.1.4.1.45724.1.1.4')?.value ?? new ArrayBuffer(0));
    expect(aaguid.toString('hex')).toBe(`0410${key.aaguid.replaceAll('-', '')}`);
    expect(certificate.subject).toContain('OU=Authenticator Attestation');
  });

  it('does not verify under another manufacturer', async () => {
    const stranger = createSoftwareKey();
    const asked = await creation();
    expect(await verdict(stranger.create(asked, origin), asked.challenge)).not.toBe('accepted');
  });

  it.each(['authenticator data', 'signature', 'certificate', 'public key'])(
    'does not verify with one byte of the %s changed',
    async (part) => {
      const key = createSoftwareKey({ root });
      const asked = await creation();
      const response = key.create(asked, origin);
      const bytes = Buffer.from(response.response.attestationObject, 'base64url');
      const object = decodeAttestationObject(new Uint8Array(bytes));
      const whole: Record<string, Uint8Array> = {
        'authenticator data': object.get('authData').subarray(0, 37),
        signature: object.get('attStmt').get('sig') ?? new Uint8Array(),
        certificate: object.get('attStmt').get('x5c')?.[0] ?? new Uint8Array(),
        'public key': object.get('authData').subarray(-32),
      };
      const target = Buffer.from(whole[part] ?? []);
      const at = bytes.indexOf(target) + target.length - 1;
      bytes[at] = (bytes[at] ?? 0) ^ 0x01;
      const changed = { ...response, response: { ...response.response, attestationObject: bytes.toString('base64url') } };
      expect(await verdict(response, asked.challenge)).toBe('accepted');
      expect(await verdict(changed, asked.challenge)).not.toBe('accepted');
    },
  );

  it('refuses to register twice where the relying party excludes what it has', async () => {
    const { key, credential } = await registered();
    const again = await creation('direct', [{ id: credential.id }]);
    expect(nameOf(() => key.create(again, origin))).toBe('InvalidStateError');
    expect(nameOf(() => createSoftwareKey().create(again, origin))).toBe('no error');
  });

  it('refuses a relying party that takes no ES256', async () => {
    const asked = { ...(await creation()), pubKeyCredParams: [{ type: 'public-key', alg: -257 } as const] };
    expect(nameOf(() => createSoftwareKey().create(asked, origin))).toBe('NotSupportedError');
  });
});

describe('login', () => {
  it('verifies, and its counter goes up by one each time', async () => {
    const { key, credential } = await registered();
    const first = await login(key, credential);
    const second = await login(key, { ...credential, counter: first.authenticationInfo.newCounter });
    expect([first.verified, second.verified]).toEqual([true, true]);
    expect(second.authenticationInfo.newCounter - first.authenticationInfo.newCounter).toBe(1);
  });

  it('shows a copied key by its counter', async () => {
    const { key, credential } = await registered();
    const { authenticationInfo } = await login(key, credential);
    key.counter = 0;
    await expect(login(key, { ...credential, counter: authenticationInfo.newCounter })).rejects.toThrow(/counter/);
  });

  it.each([
    { gesture: 'nobody touches it', change: { up: false } },
    { gesture: 'it cannot verify its user', change: { uv: false } },
  ])('refuses when $gesture', async ({ change }) => {
    const { key, credential } = await registered();
    Object.assign(key, change);
    const asked = await generateAuthenticationOptions({ rpID: 'localhost', allowCredentials: [credential], userVerification: 'required' });
    expect(nameOf(() => key.get(asked, origin))).toBe('NotAllowedError');
    Object.assign(key, { up: true, uv: true });
    expect(nameOf(() => key.get(asked, origin))).toBe('no error');
  });

  it('refuses when it holds none of the credentials asked for', async () => {
    const { credential } = await registered();
    const { key: other } = await registered();
    const asked = await generateAuthenticationOptions({ rpID: 'localhost', allowCredentials: [credential] });
    expect(nameOf(() => other.get(asked, origin))).toBe('NotAllowedError');
  });

  it('finds its discoverable credential by RP ID alone, and no other', async () => {
    const key = createSoftwareKey();
    const asked = await creation();
    key.create({ ...asked, authenticatorSelection: { residentKey: 'discouraged' } }, origin);
    const kept = key.create({ ...asked, authenticatorSelection: { residentKey: 'required' } }, origin);
    key.create({ ...asked, rp: { id: 'lakepass.localhost', name: 'Test' } }, 'http://lakepass.localhost:4711');
    const found = key.get(await generateAuthenticationOptions({ rpID: 'localhost' }), origin);
    expect(found.id).toBe(kept.id);
    expect(found.response.userHandle).toBe(asked.user.id);
  });
});

describe('the PRF of a credential', () => {
  const salt = Buffer.alloc(32, 7).toString('base64url');
  const other = Buffer.alloc(32, 8).toString('base64url');
  /** Options as JSON carries them: the library's types know only the bytes of a live page. */
  const withPrf = <T extends object>(asked: T, prf: object): T => ({ ...asked, extensions: { prf } });
  const resultOf = ({ clientExtensionResults }: { clientExtensionResults: object }): unknown =>
    (clientExtensionResults as { prf?: { results?: { first?: unknown } } }).prf?.results?.first;

  async function ask(key: SoftwareKey, id: string, prf: object): Promise<unknown> {
    const asked = await generateAuthenticationOptions({ rpID: 'localhost', allowCredentials: [{ id }], userVerification: 'preferred' });
    return resultOf(key.get(withPrf(asked, prf), origin));
  }

  it('is the same for the same salt, another for another, and nobody else has it', async () => {
    const { key, credential } = await registered();
    const { key: second, credential: foreign } = await registered();
    const first = await ask(key, credential.id, { eval: { first: salt } });
    expect(Buffer.from(String(first), 'base64url')).toHaveLength(32);
    expect(await ask(key, credential.id, { evalByCredential: { [credential.id]: { first: salt } } })).toBe(first);
    expect(await ask(key, credential.id, { eval: { first: other } })).not.toBe(first);
    expect(await ask(second, foreign.id, { eval: { first: salt } })).not.toBe(first);
  });

  it.each([true, false])('is announced at registration as the key has it: %s', async (prf) => {
    const key = createSoftwareKey({ root, prf });
    const asked = withPrf(await creation(), {});
    const response = key.create(asked, origin);
    expect(response.clientExtensionResults).toMatchObject({ prf: { enabled: prf } });
    expect((await verify(response, asked.challenge)).registrationInfo?.authenticatorExtensionResults).toEqual(
      prf ? { 'hmac-secret': true } : undefined,
    );
  });

  it('is left out where the key has none, and where nobody asks', async () => {
    const { key, credential } = await registered({ prf: false });
    expect(await ask(key, credential.id, { eval: { first: salt } })).toBeUndefined();
    const plain = await registered();
    const asked = await generateAuthenticationOptions({ rpID: 'localhost', allowCredentials: [plain.credential] });
    expect(plain.key.get(asked, origin).clientExtensionResults).toEqual({});
  });

  it('needs a user who is verified, whatever the relying party asks for', async () => {
    const { key, credential } = await registered();
    key.uv = false;
    await expect(ask(key, credential.id, { eval: { first: salt } })).rejects.toThrow(expect.objectContaining({ name: 'NotAllowedError' }));
  });

  it('is refused for salts of credentials that are not asked for', async () => {
    const { key, credential } = await registered();
    const prf = { evalByCredential: { [credential.id]: { first: salt } } };
    await expect(ask(key, 'AAAA', prf)).rejects.toThrow(expect.objectContaining({ name: 'NotAllowedError' }));
    await expect(ask(key, credential.id, { evalByCredential: { AAAA: { first: salt } } })).rejects.toThrow(
      expect.objectContaining({ name: 'SyntaxError' }),
    );
    const made = await creation();
    expect(nameOf(() => key.create(withPrf(made, prf), origin))).toBe('NotSupportedError');
  });
});

describe('a passkey that may be synced', () => {
  it('says so, and says when it has been', async () => {
    const { key, credential, info } = await registered({ backupEligible: true });
    expect(info).toMatchObject({ credentialDeviceType: 'multiDevice', credentialBackedUp: false });
    key.backedUp = true;
    expect((await login(key, credential)).authenticationInfo).toMatchObject({
      credentialDeviceType: 'multiDevice',
      credentialBackedUp: true,
    });
  });
});

it('a key that does not count says 0 every time', async () => {
  const { key, credential } = await registered({ counts: false });
  expect((await login(key, credential)).authenticationInfo.newCounter).toBe(0);
  expect((await login(key, credential)).verified).toBe(true);
});

describe('a hostile key', () => {
  it('says in the client data what it likes; an honest one does not', async () => {
    const asked = await creation();
    const said = (hostile: boolean): unknown => {
      const key = createSoftwareKey({ root, hostile });
      key.forge = (data) => ({ ...data, crossOrigin: true });
      return JSON.parse(isoBase64URL.toUTF8String(key.create(asked, origin).response.clientDataJSON));
    };
    expect([said(true), said(false)]).toMatchObject([{ crossOrigin: true }, { crossOrigin: false }]);
  });

  it('signs without a touch, but its flags tell', async () => {
    const key = createSoftwareKey({ root, hostile: true, up: false, uv: false });
    const asked = await creation();
    expect(await verdict(key.create(asked, origin), asked.challenge)).toMatch(/present|verif/i);
  });
});

describe('origins, as Chromium sees them', () => {
  it.each([
    { page: 'http://localhost:4711', rpId: 'localhost', outcome: 'no error' },
    { page: 'http://lakepass.localhost:4711', rpId: 'lakepass.localhost', outcome: 'no error' },
    { page: 'http://lakepass.localhost:4711', rpId: undefined, outcome: 'no error' },
    { page: 'https://login.example.com', rpId: 'example.com', outcome: 'no error' },
    { page: 'http://lakepass.localhost:4711', rpId: 'localhost', outcome: 'SecurityError' },
    { page: 'http://localhost:4711', rpId: 'lakepass.localhost', outcome: 'SecurityError' },
    { page: 'http://127.0.0.1:4711', rpId: '127.0.0.1', outcome: 'SecurityError' },
    { page: 'http://127.0.0.1:4711', rpId: 'localhost', outcome: 'SecurityError' },
    { page: 'http://[::1]:4711', rpId: '[::1]', outcome: 'SecurityError' },
    { page: 'http://example.com', rpId: 'example.com', outcome: 'SecurityError' },
    { page: 'https://example.com', rpId: 'com', outcome: 'SecurityError' },
    { page: 'https://notexample.com', rpId: 'example.com', outcome: 'SecurityError' },
    { page: 'https://example.com', rpId: 'login.example.com', outcome: 'SecurityError' },
    { page: 'http://localhost:4711/page', rpId: 'localhost', outcome: 'SecurityError' },
    { page: 'app://lakepass', rpId: 'lakepass', outcome: 'SecurityError' },
  ])('$page asking for $rpId: $outcome', async ({ page, rpId, outcome }) => {
    const asked = await creation();
    const rp = rpId === undefined ? { name: 'Test' } : { name: 'Test', id: rpId };
    expect(nameOf(() => createSoftwareKey().create({ ...asked, rp }, page))).toBe(outcome);
    const login = { challenge: 'AAAA', ...(rpId === undefined ? {} : { rpId }) };
    const refused = nameOf(() => createSoftwareKey().get(login, page));
    expect(refused).toBe(outcome === 'no error' ? 'NotAllowedError' : outcome);
  });
});
