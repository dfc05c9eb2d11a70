/** The rules of each format, one broken at a time, in evidence of our own making that is right in all else. */
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { judgeAttestation, type Models } from '../../../main/passkey/attestation.ts';
import type { JudgedKey } from '../../../main/passkey/evidence.ts';
import { basicConstraints, der, extension, objectId, octets, sequence } from '../../fixtures/certificates.ts';
import { at, model } from './attestation-setting.ts';
import {
  aaguid,
  aikUse,
  allApplications,
  androidKey,
  apple,
  authority,
  deviceNames,
  maker,
  modelExtension,
  origin,
  packed,
  purposes,
  serialNumber,
  subjectOf,
  tpm,
} from './made-evidence.ts';

const roots = [maker.certificate];
const models: Models = { no: 1, byAaguid: () => model({ roots }), byKeyIds: () => null };
const judge = (key: JudgedKey, moment = at('2026-01-01T00:00:00Z')) =>
  judgeAttestation(key, models, moment, { apple: roots, google: roots });
const outcome = async (key: JudgedKey) => {
  const { verdict, because } = await judge(key);
  return `${verdict} ${because}`;
};

const plain = [basicConstraints(false)];
const middle = authority('Middle', maker);
const leaf = authority('No Authority', maker, { extensions: plain });
const under = (above: typeof middle) => ({ issuer: above.subject, signer: above.privateKey });

describe('evidence of our own making', () => {
  it.each<[string, () => JudgedKey]>([
    ['packed', () => packed()],
    ['packed with an authority between', () => packed(under(middle), [middle.der])],
    ['packed with its model in the certificate', () => packed({ extensions: [...plain, modelExtension(aaguid)] })],
    ['apple', () => apple()],
    ['android-key', () => androidKey()],
    ['android-key of a key that also verifies', () => androidKey({ hardware: [purposes(2, 3), origin(0)] })],
    ['tpm', () => tpm()],
  ])('%s is right', async (_name, make) => {
    expect(await outcome(make())).toBe('proven root');
  });

  it('gives the serial number that an enterprise had put in', async () => {
    const key = packed({ extensions: [...plain, serialNumber(Buffer.from('0102ff', 'hex'))] });
    expect((await judge(key)).serial).toBe('0102ff');
  });
});

describe('certificates', () => {
  const unknown = (critical: boolean) => extension('1.2.3.4', critical, octets(Buffer.of(1)));
  const short = authority('Short', maker, {
    extensions: [extension('2.5.29.19', true, sequence(der(1, Buffer.of(0xff)), der(2, Buffer.of(0))))],
  });
  const below = authority('Below', short);
  const weakPair = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const weak = { ...authority('Weak', maker, { publicKey: weakPair.publicKey }), privateKey: weakPair.privateKey };

  it.each<[string, string, () => JudgedKey]>([
    ['signed by somebody else', 'chain', () => packed({ signer: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey })],
    ['signed by an authority that is not sent along', 'chain', () => packed(under(middle))],
    ['signed by another than the next', 'chain', () => packed(under(middle), [short.der])],
    ['signed by one that is no authority', 'chain', () => packed(under(leaf), [leaf.der])],
    ['below more authorities than one of them allows', 'chain', () => packed(under(below), [below.der, short.der])],
    ['signed by an authority whose key is short', 'chain', () => packed({ issuer: weak.subject, signer: weak.privateKey }, [weak.der])],
    ['over before that day', 'chain', () => packed({ ends: new Date('2025-12-31T23:59:59Z') })],
    ['signed over SHA-1', 'chain', () => packed({ hash: 'sha1' })],
    ['that insist on what nobody understands', 'chain', () => packed({ extensions: [...plain, unknown(true)] })],
    ['with the same extension twice', 'shape', () => packed({ extensions: [...plain, unknown(false), unknown(false)] })],
  ])('%s are refused', async (_name, because, make) => {
    expect(await outcome(make())).toBe(`refused ${because}`);
  });

  it('named as a root vouches for itself alone, unless it is an authority', async () => {
    const judged = async (root: typeof leaf, key: JudgedKey) => {
      const its: Models = { no: 1, byAaguid: () => model({ roots: [root.certificate] }), byKeyIds: () => null };
      const { verdict, because } = await judgeAttestation(key, its, at('2026-01-01T00:00:00Z'));
      return `${verdict} ${because}`;
    };
    expect(await judged(leaf, packed(under(leaf)))).toBe('refused chain');
    expect(await judged(short, packed(under(short)))).toBe('proven root');
    expect(await judged(short, packed(under(below), [below.der]))).toBe('refused chain');
  });

  it('may say what nobody understands, as long as they do not insist', async () => {
    expect(await outcome(packed({ extensions: [...plain, unknown(false)] }))).toBe('proven root');
  });
});

describe('a packed statement', () => {
  it.each<[string, Parameters<typeof packed>[0]]>([
    ['of another unit', { subject: subjectOf({ ou: 'Authenticator attestation' }) }],
    ['of no unit', { subject: subjectOf({ ou: '' }) }],
    ['of no country', { subject: subjectOf({ c: '' }) }],
    ['of a country of three letters', { subject: subjectOf({ c: 'CHE' }) }],
    ['of no organization', { subject: subjectOf({ o: '' }) }],
    ['of no name', { subject: subjectOf({ cn: '' }) }],
    ['of an authority', { extensions: [basicConstraints(true)] }],
    ['that does not say that it is no authority', { extensions: [modelExtension(aaguid)] }],
    ['of another model', { extensions: [...plain, modelExtension(Buffer.alloc(16))] }],
    ['that insists on its model', { extensions: [...plain, modelExtension(aaguid, true)] }],
    ['that insists on its serial number', { extensions: [...plain, serialNumber(Buffer.of(1), true)] }],
    ['with an empty serial number', { extensions: [...plain, serialNumber(Buffer.alloc(0))] }],
    ['with a serial number of 65 bytes', { extensions: [...plain, serialNumber(Buffer.alloc(65))] }],
  ])('with a certificate %s is refused', async (_name, fields) => {
    expect(await outcome(packed(fields))).toBe('refused certificate');
  });
});

describe('an apple statement', () => {
  it('for another ceremony is refused', async () => {
    expect(await outcome(apple({ nonce: Buffer.alloc(32) }))).toBe('refused challenge');
  });
  it('for another key is refused', async () => {
    expect(await outcome(apple({ publicKey: generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey }))).toBe('refused key');
  });
});

describe('an android-key statement', () => {
  it.each<[string, string, Parameters<typeof androidKey>[0]]>([
    ['of another key', 'refused key', { other: true }],
    ['for another ceremony', 'refused challenge', { challenge: Buffer.alloc(32) }],
    ['of a key that every application may use', 'refused origin', { hardware: [purposes(2), allApplications, origin(0)] }],
    ['of a key that every application may use, as software says', 'refused origin', { software: [allApplications] }],
    ['of a key that was brought in', 'refused origin', { hardware: [purposes(2), origin(2)] }],
    ['of a key of which only software says where it is from', 'refused origin', { software: [origin(0)], hardware: [purposes(2)] }],
    ['of a key that decrypts as well', 'refused origin', { hardware: [purposes(1, 2), origin(0)] }],
    ['of a key that does not sign', 'refused origin', { hardware: [purposes(3), origin(0)] }],
    ['of a key for nothing', 'refused origin', { hardware: [origin(0)] }],
    ['of a key that software keeps', 'unproven software', { level: 0, software: [purposes(2), origin(0)], hardware: [] }],
    ['of a key that software keeps and was brought in', 'refused origin', { level: 0, software: [purposes(2), origin(2)], hardware: [] }],
  ])('%s is %s', async (_name, expected, says) => {
    expect(await outcome(androidKey(says))).toBe(expected);
  });
});

describe('a tpm statement', () => {
  it.each([
    ['made inside the TPM, which it cannot leave', 0x00060472, false],
    ['brought into the TPM', 0x00060452, true],
    ['that may go to another TPM', 0x00060470, true],
    ['that may go below another parent', 0x00060462, true],
  ])('about a key %s says so', async (_name, attributes, movable) => {
    expect(await judge(tpm({ attributes }))).toMatchObject({ verdict: 'proven', movable });
  });

  it('by a certificate that ends in half a character is refused', async () => {
    const half = sequence(der(0x31, sequence(objectId('2.23.133.2.1'), der(30, Buffer.of(0, 105, 0)))));
    const names = extension('2.5.29.17', true, sequence(der(0xa4, half)));
    expect(await outcome(tpm({ leaf: { extensions: [...plain, aikUse, names] } }))).toBe('refused shape');
  });

  it.each<[string, string, Parameters<typeof tpm>[0]]>([
    ['about another key', 'key', { other: true }],
    ['about another public area', 'key', { name: Buffer.concat([Buffer.of(0, 0x0b), Buffer.alloc(32)]) }],
    ['that no TPM made', 'shape', { magic: Buffer.from('ff544348', 'hex') }],
    ['of another kind', 'shape', { type: 0x8018 }],
    ['for another ceremony', 'challenge', { extraData: Buffer.alloc(32) }],
    ['by a certificate with a subject', 'certificate', { leaf: { subject: subjectOf() } }],
    ['by a certificate for other uses', 'certificate', { leaf: { extensions: [...plain, deviceNames()] } }],
    ['by a certificate that names no TPM', 'certificate', { leaf: { extensions: [...plain, aikUse] } }],
    ['by a certificate of no manufacturer', 'certificate', { leaf: { extensions: [...plain, aikUse, deviceNames('Lake')] } }],
    ['by an authority', 'certificate', { leaf: { extensions: [basicConstraints(true), aikUse, deviceNames()] } }],
    [
      'by a certificate of another model',
      'certificate',
      { leaf: { extensions: [...plain, aikUse, deviceNames(), modelExtension(Buffer.alloc(16))] } },
    ],
  ])('%s is refused', async (_name, because, says) => {
    expect(await outcome(tpm(says))).toBe(`refused ${because}`);
  });
});
