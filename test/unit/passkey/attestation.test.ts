/** Whose word makes a model proven: evidence that we did not make passes, and no longer does with one byte changed. */
import { createHash, generateKeyPairSync } from 'node:crypto';
import dns from 'node:dns';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { SettingsService } from '@simplewebauthn/server';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { judgeAttestation, type Models } from '../../../main/passkey/attestation.ts';
import type { JudgedKey } from '../../../main/passkey/evidence.ts';
import { pinnedFingerprints, pinnedRoots } from '../../../main/passkey/roots.ts';
import { recorded } from '../../fixtures/attestation/recorded.ts';
import { w3cVectors } from '../../fixtures/attestation/w3c-vectors.ts';
import {
  at,
  certificatesOf,
  enrolledAt,
  judge,
  keyOf,
  knowing,
  model,
  objectOf,
  root,
  UNNAMED,
  w3cKey,
  w3cMakers,
  withObject,
  withStatement,
} from './attestation-setting.ts';

const uuid = (hex: string) => hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
const device = (name: keyof typeof recorded) =>
  keyOf(Buffer.from(recorded[name].attestationObject, 'base64url'), Buffer.from(recorded[name].clientDataJson, 'base64url'));

/** Some of the offsets: all of them pass, too, and take ten seconds. */
const steps = (from: number, to: number, step: number): number[] =>
  Array.from({ length: Math.ceil((to - from) / step) }, (_, index) => from + index * step);

afterEach(() => vi.restoreAllMocks());

describe('a registration of the test vectors of WebAuthn Level 3', () => {
  it.each(['packed', 'packedEs384', 'packedEs512', 'packedRs256', 'packedEddsa', 'packedEd448', 'tpm'] as const)(
    '%s is proven, by the root that metadata names for its model',
    async (name) => {
      expect(await judge(w3cKey(name))).toEqual({
        verdict: 'proven',
        because: 'root',
        format: name === 'tpm' ? 'tpm' : 'packed',
        aaguid: uuid(w3cVectors[name].aaguid),
        model: 'Example Key',
        mds: { no: 7, status: 'FIDO_CERTIFIED_L1', standing: 'good', checkedRevocation: false },
        // The TPM of the test vectors says of its key neither that it was made there nor that it stays.
        movable: name === 'tpm',
        serial: null,
      });
    },
  );

  it('apple is proven by the pinned root, as of Apple and no model', async () => {
    expect(await judge(w3cKey('apple'), null)).toMatchObject({ verdict: 'proven', aaguid: UNNAMED, model: 'Apple device', mds: null });
  });

  it('fido-u2f is proven, as the model that metadata names by its certificate; the AAGUID it claims is not signed', async () => {
    const key = w3cKey('fidoU2f');
    const keyId = certificatesOf(key)[0]?.keyId ?? '';
    const byKeyIds = vi.fn<Models['byKeyIds']>((ids) => (ids.includes(keyId) ? model() : null));
    expect(await judge(key, { no: 7, byAaguid: () => null, byKeyIds })).toMatchObject({
      verdict: 'proven',
      aaguid: UNNAMED,
      model: 'Example Key',
    });
    expect(byKeyIds).toHaveBeenCalledWith(['420822eb1908b5cd3911017fbcad4641c05e05a3']);
  });

  it('android-key is in order, of a key that software keeps', async () => {
    expect(await judge(w3cKey('androidKey'))).toMatchObject({ verdict: 'unproven', because: 'software' });
  });

  it.each([
    ['packedSelf', 'self'],
    ['none', 'none'],
  ] as const)('%s proves nothing', async (name, verdict) => {
    expect(await judge(w3cKey(name))).toMatchObject({ verdict, because: verdict, aaguid: UNNAMED, model: null, mds: null });
  });
});

describe('a registration by a real device', () => {
  it('of a Pixel 8a is proven by the root of Google that is pinned', async () => {
    expect(await judgeAttestation(device('pixel8a'), null, at(recorded.pixel8a.at))).toMatchObject({
      verdict: 'proven',
      format: 'android-key',
      model: 'Android device',
      aaguid: UNNAMED,
    });
  });

  it('of an iPhone is proven by the root of Apple that is pinned', async () => {
    expect(await judgeAttestation(device('iphone'), null, at(recorded.iphone.at))).toMatchObject({
      verdict: 'proven',
      format: 'apple',
      model: 'Apple device',
    });
  });

  it('is refused where its certificates were not valid then', async () => {
    expect(await judgeAttestation(device('pixel8a'), null, at('2025-03-01T00:00:00Z'))).toMatchObject({
      verdict: 'refused',
      because: 'chain',
    });
    expect(await judgeAttestation(device('iphone'), null, at('2020-09-01T00:00:00Z'))).toMatchObject({
      verdict: 'refused',
      because: 'chain',
    });
  });
});

describe('one byte changed', () => {
  /** Offsets of the object that nothing signs, by format: what is kept of the key must agree with them, or nothing hangs on them. */
  const unsigned: Record<string, (offset: number, authData: number) => boolean> = {
    // Of the flags, all but that for synced keys; the counter.
    'fido-u2f': (offset, authData) => offset >= authData + 32 && offset < authData + 37,
  };
  const vectors: [string, () => JudgedKey, string][] = [
    ['packed', () => w3cKey('packed'), 'proven'],
    ['packed self', () => w3cKey('packedSelf'), 'self'],
    ['tpm', () => w3cKey('tpm'), 'proven'],
    ['android-key', () => w3cKey('androidKey'), 'unproven'],
    ['apple', () => w3cKey('apple'), 'proven'],
    ['fido-u2f', () => w3cKey('fidoU2f'), 'proven'],
  ];

  it.each(vectors)('anywhere in the evidence of %s is refused', async (name, make, before) => {
    const key = make();
    expect((await judge(key)).verdict).toBe(before);
    const object = objectOf(key);
    const authData = object.lastIndexOf(createHash('sha256').update('example.org').digest());
    const passed: number[] = [];
    for (const offset of [...steps(0, object.length, 11), ...steps(authData + 2, object.length, 3)]) {
      const bytes = Buffer.from(object);
      bytes.writeUInt8(bytes.readUInt8(offset) ^ 0x01, offset);
      const { verdict } = await judge(withObject(key, bytes));
      // What software keeps was never more than unproven, so its certificates are not asked for a root.
      if (verdict !== 'refused' && !(verdict === 'unproven' && before === verdict)) passed.push(offset);
    }
    expect(passed.filter((offset) => !unsigned[name]?.(offset, authData))).toEqual([]);
  });

  it.each(vectors)('anywhere in the client data of %s is refused', async (_name, make) => {
    const key = make();
    const hash = Buffer.from(key.attestation.clientDataHash, 'base64url');
    for (const offset of steps(0, hash.length, 5)) {
      const bytes = Buffer.from(hash);
      bytes.writeUInt8(bytes.readUInt8(offset) ^ 0x80, offset);
      const changed = { ...key, attestation: { ...key.attestation, clientDataHash: bytes.toString('base64url') } };
      expect((await judge(changed)).verdict).toBe('refused');
    }
  });

  it('of a Pixel, in what signs, in each certificate, in the flags and in the client data is refused', async () => {
    const key = device('pixel8a');
    const object = objectOf(key);
    const offsets = certificatesOf(key).flatMap(({ x509: { raw } }, index, all) => {
      // The last one is the root that is pinned: its own bytes are not asked.
      if (index === all.length - 1) return [];
      const start = object.indexOf(raw);
      return [start + 1, start + 60, start + Math.floor(raw.length / 2), start + raw.length - 1];
    });
    for (const offset of [...offsets, object.indexOf('sig') + 12, object.indexOf('authData') + 44, object.length - 1]) {
      const bytes = Buffer.from(object);
      bytes.writeUInt8(bytes.readUInt8(offset) ^ 0x01, offset);
      const { verdict } = await judgeAttestation(withObject(key, bytes), null, at(recorded.pixel8a.at));
      expect([offset, verdict]).toEqual([offset, 'refused']);
    }
  });
});

describe('evidence', () => {
  it.each<[string, (key: JudgedKey) => Partial<JudgedKey>]>([
    ['another credential', () => ({ credentialId: w3cKey('tpm').credentialId })],
    ['another public key', () => ({ publicKey: w3cKey('tpm').publicKey })],
    ['another model', () => ({ aaguid: uuid(w3cVectors.tpm.aaguid) })],
    ['a key that may be synced', ({ backupEligible }) => ({ backupEligible: !backupEligible })],
    ['another format', ({ attestation }) => ({ attestation: { ...attestation, format: 'tpm' } })],
  ])('of %s than that of the registry is refused', async (_name, change) => {
    const key = w3cKey('packed');
    expect(await judge({ ...key, ...change(key) })).toMatchObject({ verdict: 'refused', because: 'key' });
  });

  it.each(['compound', 'android-safetynet', 'of-tomorrow', 'constructor', ''])('of the format "%s" is refused', async (format) => {
    const key = w3cKey('packed');
    const object = Buffer.concat([
      Buffer.from([0xa3, 0x63]),
      Buffer.from('fmt'),
      Buffer.from([0x60 | format.length]),
      Buffer.from(format),
      objectOf(key).subarray(objectOf(key).indexOf('attStmt') - 1),
    ]);
    const judged = await judge({ ...key, attestation: { ...key.attestation, format, object: object.toString('base64url') } });
    expect(judged).toMatchObject({ verdict: 'refused', because: 'format', mds: null, model: null });
  });

  it.each<[string, Parameters<typeof w3cKey>[0], (statement: Map<string, never>) => void, string]>([
    ['a member too many', 'packed', (statement) => statement.set('ecdaaKeyId', new Uint8Array(1) as never), 'shape'],
    ['no signature', 'packed', (statement) => statement.delete('sig'), 'shape'],
    ['an empty chain', 'packed', (statement) => statement.set('x5c', [] as never), 'shape'],
    [
      'nine certificates',
      'packed',
      (statement) => statement.set('x5c', Array(9).fill((statement.get('x5c') as never)[0]) as never),
      'shape',
    ],
    ['a certificate that is none', 'packed', (statement) => statement.set('x5c', [new Uint8Array([0x30, 0])] as never), 'shape'],
    ['PEM for a certificate', 'packed', (statement) => statement.set('x5c', [new Uint8Array(Buffer.from('-----BEGIN'))] as never), 'shape'],
    ['an algorithm of SHA-1', 'packed', (statement) => statement.set('alg', -65535 as never), 'algorithm'],
    ['an algorithm of another curve', 'packed', (statement) => statement.set('alg', -35 as never), 'algorithm'],
    ['an algorithm of another kind of key', 'packed', (statement) => statement.set('alg', -257 as never), 'algorithm'],
    ['an algorithm that is not the key’s', 'packedSelf', (statement) => statement.set('alg', -8 as never), 'algorithm'],
    ['a statement under the name of none', 'none', (statement) => statement.set('x', 1 as never), 'shape'],
    [
      'two certificates of U2F',
      'fidoU2f',
      (statement) => statement.set('x5c', Array(2).fill((statement.get('x5c') as never)[0]) as never),
      'shape',
    ],
    ['another version of TPM', 'tpm', (statement) => statement.set('ver', '1.2' as never), 'shape'],
    [
      'half of what the TPM certified',
      'tpm',
      (statement) => statement.set('pubArea', (statement.get('pubArea') as never as Uint8Array).slice(0, 20) as never),
      'shape',
    ],
    [
      'a byte too many in what the TPM certified',
      'tpm',
      (statement) => statement.set('pubArea', new Uint8Array([...(statement.get('pubArea') as never as Uint8Array), 0]) as never),
      'shape',
    ],
  ])('with %s is refused', async (_name, name, change, because) => {
    const judged = await judge(withStatement(w3cKey(name), change as never));
    expect(judged).toMatchObject({ verdict: 'refused', because });
  });

  it.each([
    ['nothing', ''],
    ['no CBOR', '_____w'],
    ['a list', 'gAA'],
    ['an empty map', 'oA'],
    ['a huge list', 'mv____8'],
  ])('that is %s is refused', async (_name, object) => {
    const key = w3cKey('packed');
    expect(await judge({ ...key, attestation: { ...key.attestation, object } })).toMatchObject({ verdict: 'refused', because: 'shape' });
  });
});

describe('a model', () => {
  it('is unproven where no metadata was imported, or does not know it', async () => {
    expect(await judge(w3cKey('packed'), null)).toMatchObject({ verdict: 'unproven', because: 'no-metadata', mds: null });
    const knowingNone = { no: 7, byAaguid: () => null, byKeyIds: () => null };
    expect(await judge(w3cKey('packed'), knowingNone)).toMatchObject({ verdict: 'unproven', because: 'unknown-model', mds: null });
  });

  it('whose keys are kept in software is proven, and its keys are movable', async () => {
    expect(await judge(w3cKey('packed'), knowing({ inSoftware: true }))).toMatchObject({ verdict: 'proven', movable: true });
  });

  it('is refused where its certificates lead to another root than metadata names', async () => {
    expect(await judge(w3cKey('packed'), knowing({ roots: pinnedRoots.apple() }))).toMatchObject({ verdict: 'refused', because: 'chain' });
    expect(await judge(w3cKey('apple'), knowing(), enrolledAt, { apple: pinnedRoots.apple(), google: [] })).toMatchObject({
      because: 'chain',
    });
  });

  it('is proven by its own certificate where metadata names that one', async () => {
    const key = w3cKey('packed');
    expect((await judge(key, knowing({ roots: certificatesOf(key) }))).verdict).toBe('proven');
  });

  it('that metadata calls broken is refused, though the evidence is right', async () => {
    const judged = await judge(w3cKey('packed'), knowing({ status: 'REVOKED', standing: 'blocked' }));
    expect(judged).toMatchObject({ verdict: 'refused', because: 'status', aaguid: UNNAMED, mds: { status: 'REVOKED' } });
  });

  it('that metadata warns of is proven, and the warning kept', async () => {
    const judged = await judge(w3cKey('packed'), knowing({ status: 'UPDATE_AVAILABLE', standing: 'warned' }));
    expect(judged).toMatchObject({ verdict: 'proven', mds: { status: 'UPDATE_AVAILABLE', standing: 'warned' } });
  });

  it('that a phone claims is not proven by the root of all phones, only by one that metadata names for that model', async () => {
    expect(await judge(w3cKey('apple'), knowing({ roots: pinnedRoots.google() }))).toMatchObject({ verdict: 'proven', aaguid: UNNAMED });
    expect(await judge(w3cKey('apple'), knowing())).toMatchObject({ verdict: 'proven', aaguid: uuid(w3cVectors.apple.aaguid) });
  });
});

describe('judging', () => {
  it('speaks to no network, whatever the certificates name', async () => {
    const forbidden = [
      vi.spyOn(globalThis, 'fetch'),
      vi.spyOn(net.Socket.prototype, 'connect'),
      vi.spyOn(http, 'request'),
      vi.spyOn(https, 'request'),
      vi.spyOn(dns, 'lookup'),
    ];
    for (const spy of forbidden) {
      spy.mockImplementation(() => {
        throw new Error('the network was asked');
      });
    }
    await judgeAttestation(device('pixel8a'), null, at(recorded.pixel8a.at));
    for (const name of Object.keys(w3cVectors)) await judge(w3cKey(name as keyof typeof w3cVectors));
    for (const spy of forbidden) expect(spy).not.toHaveBeenCalled();
  });

  it('leaves the roots and the metadata of the library as they are', async () => {
    const before = SettingsService.getRootCertificates({ identifier: 'apple' });
    await judge(w3cKey('apple'), knowing(), enrolledAt, w3cMakers);
    expect(SettingsService.getRootCertificates({ identifier: 'apple' })).toEqual(before);
  });
});

describe('pinned roots', () => {
  it('have the fingerprints that their owners publish', () => {
    for (const { der, sha256 } of pinnedFingerprints) {
      expect(createHash('sha256').update(Buffer.from(der, 'base64')).digest('hex')).toBe(sha256);
    }
    expect(pinnedFingerprints.map(({ sha256 }) => sha256.slice(0, 8))).toEqual([
      '0915dd5c',
      'cedb1cb6',
      '6d9db4ce',
      'cbb522d7',
      '4fa3126d',
    ]);
  });

  it('are authorities that sign themselves', () => {
    for (const each of [...pinnedRoots.apple(), ...pinnedRoots.google(), ...pinnedRoots.fido()]) {
      expect([each.x509.ca, each.x509.verify(each.x509.publicKey)]).toEqual([true, true]);
    }
    expect(root.x509.ca).toBe(true);
    expect(generateKeyPairSync('ed25519').publicKey.equals(root.x509.publicKey)).toBe(false);
  });
});
