/** What a device says of itself: exactly the fields that people are told of, and nothing of it believed that is not proven. */
import { createHash } from 'node:crypto';
import { FlattenedSign, importJWK } from 'jose';
import { describe, expect, it } from 'vitest';
import { LARGEST_RECORD_BYTES, readRecord } from '../../../main/enroll/device-record.ts';
import { judgeAttestation } from '../../../main/passkey/attestation.ts';
import { keyInRecord, recordedKey } from '../../../main/passkey/recorded-key.ts';
import { createAttestationRoot } from '../../fixtures/software-key/attestation-certificates.ts';
import { metadata } from '../passkey/known-maker.ts';
import { enrol, setting } from '../passkey/setting.ts';
import { ada, heldBy, machine, newDevice, recordBy, start } from './record-setting.ts';
import { signingKey } from './setting.ts';

async function recorded(options: Parameters<typeof enrol>[1] = {}) {
  const root = createAttestationRoot();
  const { models, mds } = metadata(root);
  const keys = await setting().start(undefined, { mds });
  await enrol(keys, { root, ...options }, 'Blue one', ada);
  const held = heldBy(await newDevice(), await signingKey(), { revision: 3 });
  return { held, keys, models, root, jws: await recordBy(held, ada, keys) };
}

const text = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const partsOf = (jws: string): { header: Record<string, unknown>; payload: Record<string, unknown>; signature: string } => {
  const [header = '', payload = '', signature = ''] = jws.split('.');
  const plain = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString());
  return { header: plain(header), payload: plain(payload), signature };
};

/** Signed by a key of its own, with these in place of what a device would say. */
async function forged({ header = {}, payload }: { header?: Record<string, unknown>; payload: unknown }): Promise<Buffer> {
  const { publicKey, privateKey } = await signingKey();
  const { thumbprintOf } = await import('../../../main/enroll/bundle.ts');
  const plain = { alg: 'ES256', typ: 'lakepass-device+jws', kid: await thumbprintOf(publicKey), jwk: publicKey, ...header };
  const bytes = Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload));
  const signed = await new FlattenedSign(bytes).setProtectedHeader(plain as { alg: string }).sign(privateKey);
  return Buffer.from(`${signed.protected}.${signed.payload}.${signed.signature}`);
}

describe('a record', () => {
  it('has these fields and no others', async () => {
    const { jws, held, keys } = await recorded();
    const { payload } = partsOf(jws);
    const [key] = keys.registered();
    expect(payload).toEqual({
      ...{ version: 1, organization: 'Acme', bundleId: held.bundle.bundleId, deviceId: held.device.id, ...machine },
      person: { issuer: ada.issuer, subject: ada.subject, username: ada.username },
      keys: [
        {
          ...{ id: key?.id, publicKey: expect.stringMatching(/^[\w-]{43}$/), aaguid: key?.aaguid, format: 'packed' },
          ...{ object: key?.attestation.object, clientDataHash: key?.attestation.clientDataHash },
          ...{ backupEligible: false, backedUp: false, userVerified: true, enrolledAt: '2026-01-05T09:00:00.000Z', verdict: 'proven' },
        },
      ],
      policy: { revision: 3, hash: '3'.repeat(64) },
      at: '2026-01-10T08:00:00.000Z',
    });
    expect(jws).not.toContain('Blue one');
  });

  it('is believed by the key in its header, which is the device’s', async () => {
    const { jws, held } = await recorded();
    expect(await readRecord(Buffer.from(`${jws}\n`))).toMatchObject({
      deviceKey: held.device.thumbprint,
      record: { deviceId: held.device.id },
    });
  });

  it('holds evidence that is judged elsewhere as it was here', async () => {
    const { jws, models } = await recorded();
    const read = await readRecord(Buffer.from(jws));
    if (typeof read === 'string') throw new Error(read);
    const [key] = read.record.keys;
    if (key === undefined) throw new Error('no key');
    expect(await judgeAttestation(await keyInRecord(key), models(), start)).toMatchObject({ verdict: 'proven', aaguid: key.aaguid });
    expect(await judgeAttestation(await keyInRecord(key), null, start)).toMatchObject({ verdict: 'unproven' });
  });

  it.each<[string, (key: Awaited<ReturnType<typeof recordedKey>>) => object, string]>([
    ['another id', () => ({ id: '0'.repeat(32) }), 'key'],
    ['another public key', () => ({ publicKey: 'A'.repeat(43) }), 'key'],
    ['another model', () => ({ aaguid: '4c616b65-7061-7373-4b65-790000000009' }), 'key'],
    ['another word on copies', ({ backupEligible }) => ({ backupEligible: !backupEligible }), 'key'],
    ['evidence that is none', () => ({ object: 'AAAA' }), 'shape'],
    ['evidence cut short', ({ object }) => ({ object: object.slice(0, 100) }), 'shape'],
  ])('names no key with %s than its evidence has', async (_, change, reason) => {
    const { keys } = await recorded();
    const [key] = keys.registered();
    if (key === undefined) throw new Error('no key');
    const honest = await recordedKey(key);
    await expect(keyInRecord({ ...honest, ...change(honest) })).rejects.toMatchObject({ reason });
  });
});

describe('a file that is no record of the device it names', () => {
  it.each<[string, (jws: string) => string | Promise<string | Buffer>, string]>([
    ['is empty', () => '', 'shape'],
    ['is text', () => 'hello', 'shape'],
    ['has two parts', (jws) => jws.split('.').slice(0, 2).join('.'), 'shape'],
    ['has four parts', (jws) => `${jws}.AAAA`, 'shape'],
    ['is two records', (jws) => `${jws}\n${jws}\n`, 'shape'],
    ['is JSON', (jws) => JSON.stringify(partsOf(jws)), 'shape'],
    ['has no end', () => 'A'.repeat(LARGEST_RECORD_BYTES + 1), 'size'],
    ['has a header that is no JSON', (jws) => `AAAA.${jws.split('.').slice(1).join('.')}`, 'header'],
    [
      'is another statement of the device',
      (jws) => forged({ header: { typ: 'lakepass-offboarding+jws' }, payload: partsOf(jws).payload }),
      'header',
    ],
    ['says no type', (jws) => forged({ header: { typ: undefined }, payload: partsOf(jws).payload }), 'header'],
    ['wants an extension understood', (jws) => swapHeader(jws, { crit: ['x'], x: 1 }), 'header'],
    ['is not signed', (jws) => swapHeader(jws, { alg: 'none' }), 'header'],
    ['is signed with a secret', (jws) => swapHeader(jws, { alg: 'HS256' }), 'header'],
    ['names another key than the one in it', (jws) => forged({ header: { kid: 'A'.repeat(43) }, payload: partsOf(jws).payload }), 'key'],
    ['says another thing than was signed', (jws) => swapPayload(jws, { app: '9' }), 'signature'],
    ['was signed by another key', async (jws) => swapKey(jws), 'signature'],
    ['says more than the fields', (jws) => forged({ payload: { ...partsOf(jws).payload, more: 1 } }), 'fields'],
    ['says less', (jws) => forged({ payload: { ...partsOf(jws).payload, policy: undefined } }), 'fields'],
    ['says nothing', () => forged({ payload: 'null' }), 'fields'],
    ['is no JSON within', () => forged({ payload: '{' }), 'fields'],
    ['moves the cursor', (jws) => forged({ payload: { ...partsOf(jws).payload, os: '\u001b[2J' } }), 'fields'],
    [
      'has a person of two lines',
      (jws) => forged({ payload: { ...partsOf(jws).payload, person: { ...ada, username: 'a\nb' } } }),
      'fields',
    ],
    [
      'has seventeen keys',
      (jws) => forged({ payload: { ...partsOf(jws).payload, keys: Array(17).fill((partsOf(jws).payload['keys'] as unknown[])[0]) } }),
      'fields',
    ],
  ])('that %s is refused', async (_, spoil, flaw) => {
    const { jws } = await recorded();
    expect(await readRecord(Buffer.from(await spoil(jws)))).toBe(flaw);
  });

  it('is refused with any one letter of its signed parts changed', async () => {
    const { jws } = await recorded();
    for (const at of [3, jws.indexOf('.') + 5, jws.indexOf('.') + 400, jws.lastIndexOf('.') + 10]) {
      const other = jws[at] === 'A' ? 'B' : 'A';
      expect(typeof (await readRecord(Buffer.from(jws.slice(0, at) + other + jws.slice(at + 1))))).toBe('string');
    }
  });
});

const swapHeader = (jws: string, changes: object): string => {
  const [, payload, signature] = jws.split('.');
  return `${text({ ...partsOf(jws).header, ...changes })}.${payload}.${signature}`;
};
const swapPayload = (jws: string, changes: object): string => {
  const [header, , signature] = jws.split('.');
  return `${header}.${text({ ...partsOf(jws).payload, ...changes })}.${signature}`;
};
/** The header of a device over the signature of somebody else. */
async function swapKey(jws: string): Promise<string> {
  const [header = '', payload = ''] = jws.split('.');
  const { privateKey } = await signingKey();
  const { signature } = await new FlattenedSign(Buffer.from(payload, 'base64url')).setProtectedHeader({ alg: 'ES256' }).sign(privateKey);
  return `${header}.${payload}.${signature}`;
}

it('the thumbprint of a key is that of RFC 7638', async () => {
  const { keys } = await recorded();
  const [key] = keys.registered();
  if (key === undefined) throw new Error('no key');
  const { decodeCredentialPublicKey } = await import('@simplewebauthn/server/helpers');
  const cose = decodeCredentialPublicKey(new Uint8Array(Buffer.from(key.publicKey, 'base64url'))) as unknown as Map<number, Uint8Array>;
  const [x, y] = [-2, -3].map((label) => Buffer.from(cose.get(label) ?? []).toString('base64url'));
  await importJWK({ kty: 'EC', crv: 'P-256', x: x ?? '', y: y ?? '' }, 'ES256');
  const expected = createHash('sha256').update(`{"crv":"P-256","kty":"EC","x":"${x}","y":"${y}"}`).digest('base64url');
  expect((await recordedKey(key)).publicKey).toBe(expected);
});
