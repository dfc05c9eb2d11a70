/** Evidence of our own making, for every rule that the evidence of others keeps: one authority, and statements with one thing wrong. */
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import type { JudgedKey } from '../../../main/passkey/evidence.ts';
import { type Certificate, readCertificate } from '../../../main/passkey/x509.ts';
import {
  basicConstraints,
  type CertificateFields,
  certificate,
  country,
  der,
  extension,
  objectId,
  octets,
  sequence,
  text,
} from '../../fixtures/certificates.ts';
import { type CborValue, encodeCbor } from '../../fixtures/software-key/cbor.ts';
import { keyOf } from './attestation-setting.ts';

const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const sha256 = (data: Uint8Array | string) => createHash('sha256').update(data).digest();
const attribute = (type: string, value: Buffer) => der(0x31, sequence(objectId(type), value));

export const subjectOf = ({ c = 'CH', o = 'Maker', ou = 'Authenticator Attestation', cn = 'Key' } = {}): Buffer =>
  sequence(
    ...(c === '' ? [] : [attribute('2.5.4.6', country(c))]),
    ...(o === '' ? [] : [attribute('2.5.4.10', text(o))]),
    ...(ou === '' ? [] : [attribute('2.5.4.11', text(ou))]),
    ...(cn === '' ? [] : [attribute('2.5.4.3', text(cn))]),
  );

export interface Authority {
  subject: Buffer;
  privateKey: KeyObject;
  der: Buffer;
  certificate: Certificate;
}

/** @param above who signs it; itself where nobody does */
export function authority(name: string, above?: Authority, fields: Partial<CertificateFields> = {}): Authority {
  const { privateKey } = above === undefined ? rootPair : pair();
  const subject = subjectOf({ ou: 'Authority', cn: name });
  const bytes = certificate(
    { subject, issuer: above?.subject ?? subject, publicKey: createPublicKey(privateKey), extensions: [basicConstraints(true)], ...fields },
    above?.privateKey ?? privateKey,
  );
  return { subject, privateKey, der: bytes, certificate: readCertificate(bytes) };
}
const rootPair = pair();
export const maker = authority('Maker Root');
export const aaguid = Buffer.from('4c616b65706173734b65790000000001', 'hex');

export interface Making {
  credential: { publicKey: KeyObject; privateKey: KeyObject };
  authData: Buffer;
  clientDataHash: Buffer;
  /** Authenticator data and hash of the client data. */
  signed: Buffer;
}

/** A key with the statement that `make` gives it. */
export function evidence(format: string, make: (making: Making) => ReadonlyMap<string, CborValue>): JudgedKey {
  const credential = pair();
  const clientData = Buffer.from('{"type":"webauthn.create"}');
  const id = randomBytes(16);
  const { x = '', y = '' } = credential.publicKey.export({ format: 'jwk' });
  const cose = new Map<number, CborValue>([
    [1, 2],
    [3, -7],
    [-1, 1],
    [-2, Buffer.from(x, 'base64url')],
    [-3, Buffer.from(y, 'base64url')],
  ]);
  const authData = Buffer.concat([
    sha256('lakepass.localhost'),
    Buffer.of(0x45, 0, 0, 0, 1),
    aaguid,
    Buffer.of(0, 16),
    id,
    encodeCbor(cose),
  ]);
  const clientDataHash = sha256(clientData);
  const statement = make({ credential, authData, clientDataHash, signed: Buffer.concat([authData, clientDataHash]) });
  const object = encodeCbor(
    new Map<string, CborValue>([
      ['fmt', format],
      ['attStmt', statement],
      ['authData', authData],
    ]),
  );
  return keyOf(object, clientData);
}

export interface Leaf extends Partial<CertificateFields> {
  issuer?: Buffer;
  signer?: KeyObject;
}

const leafOf = (publicKey: KeyObject, { signer = maker.privateKey, ...fields }: Leaf): Buffer =>
  certificate({ subject: subjectOf(), issuer: maker.subject, publicKey, extensions: [basicConstraints(false)], ...fields }, signer);

/** Packed, with a certificate of these fields and what else goes into the chain. */
export const packed = (leaf: Leaf = {}, chain: readonly Buffer[] = []): JudgedKey =>
  evidence('packed', ({ signed }) => {
    const { publicKey, privateKey } = pair();
    return new Map<string, CborValue>([
      ['alg', -7],
      ['sig', sign('sha256', signed, privateKey)],
      ['x5c', [leafOf(publicKey, leaf), ...chain]],
    ]);
  });

export const serialNumber = (serial: Uint8Array, critical = false) => extension('1.3.6.1.4.1.45724.1.1.2', critical, octets(serial));
export const modelExtension = (model: Uint8Array, critical = false) => extension('1.3.6.1.4.1.45724.1.1.4', critical, octets(model));

/** Apple, with these in place of what the ceremony came to. */
export const apple = ({ nonce, publicKey }: { nonce?: Buffer; publicKey?: KeyObject } = {}): JudgedKey =>
  evidence('apple', ({ signed, credential }) => {
    const said = sequence(der(0xa1, octets(nonce ?? sha256(signed))));
    const extensions = [basicConstraints(false), extension('1.2.840.113635.100.8.2', false, said)];
    return new Map([['x5c', [leafOf(publicKey ?? credential.publicKey, { extensions })]]]);
  });

const number = (value: number) => der(0x02, Buffer.of(value));
const level = (value: number) => der(0x0a, Buffer.of(value));
/** [tag] EXPLICIT; tags of authorization lists go up to 702. */
const listed = (tag: number, content: Buffer): Buffer => {
  const rest = der(0x30, content).subarray(1);
  return Buffer.concat([tag < 31 ? Buffer.of(0xa0 | tag) : Buffer.of(0xbf, 0x80 | (tag >> 7), tag & 0x7f), rest]);
};
export const purposes = (...values: number[]) => listed(1, der(0x31, ...values.map(number)));
export const origin = (value: number) => listed(702, number(value));
export const allApplications = listed(600, der(0x05));

export interface AndroidSays {
  challenge?: Buffer;
  level?: number;
  software?: Buffer[];
  hardware?: Buffer[];
  /** Another key in the certificate, which then signs. */
  other?: boolean;
}

export const androidKey = (says: AndroidSays = {}): JudgedKey =>
  evidence('android-key', ({ signed, clientDataHash, credential }) => {
    const { challenge = clientDataHash, level: at = 1, software = [], hardware = [purposes(2), origin(0)], other = false } = says;
    const description = sequence(
      number(4),
      level(at),
      number(4),
      level(at),
      octets(challenge),
      octets(Buffer.alloc(0)),
      sequence(...software),
      sequence(...hardware),
    );
    const { publicKey, privateKey } = other ? pair() : credential;
    return new Map<string, CborValue>([
      ['alg', -7],
      ['sig', sign('sha256', signed, privateKey)],
      ['x5c', [leafOf(publicKey, { extensions: [extension('1.3.6.1.4.1.11129.2.1.17', false, description)] })]],
    ]);
  });

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const uint16 = (value: number): Buffer => Buffer.of(value >> 8, value & 0xff);
const sized = (bytes: Uint8Array): Buffer => Buffer.concat([uint16(bytes.length), bytes]);
export const aikUse = extension('2.5.29.37', false, sequence(objectId('2.23.133.8.3')));
export const deviceNames = (manufacturer = 'id:4C414B45') =>
  extension(
    '2.5.29.17',
    true,
    sequence(
      der(
        0xa4,
        sequence(
          attribute('2.23.133.2.1', text(manufacturer)),
          attribute('2.23.133.2.2', text('Model')),
          attribute('2.23.133.2.3', text('id:13')),
        ),
      ),
    ),
  );

export interface TpmSays {
  leaf?: Leaf;
  magic?: Buffer;
  type?: number;
  extraData?: Buffer;
  name?: Buffer;
  /** Of the key; those of Windows Hello unless told otherwise. */
  attributes?: number;
  /** Another key in the public area. */
  other?: boolean;
}

export const tpm = (says: TpmSays = {}): JudgedKey =>
  evidence('tpm', ({ signed, credential }) => {
    const { x = '', y = '' } = (says.other ? pair() : credential).publicKey.export({ format: 'jwk' });
    const point = [sized(Buffer.from(x, 'base64url')), sized(Buffer.from(y, 'base64url'))];
    const pubArea = Buffer.concat([
      uint16(0x23),
      uint16(0x0b),
      uint32(says.attributes ?? 0x00060472),
      sized(Buffer.alloc(0)),
      uint16(0x10),
      uint16(0x10),
      uint16(3),
      uint16(0x10),
      ...point,
    ]);
    const certInfo = Buffer.concat([
      says.magic ?? Buffer.from('ff544347', 'hex'),
      uint16(says.type ?? 0x8017),
      sized(Buffer.alloc(0)),
      sized(says.extraData ?? sha256(signed)),
      Buffer.alloc(25),
      sized(says.name ?? Buffer.concat([uint16(0x0b), sha256(pubArea)])),
      sized(Buffer.alloc(0)),
    ]);
    const { publicKey, privateKey } = pair();
    const leaf: Leaf = { subject: sequence(), extensions: [basicConstraints(false), aikUse, deviceNames()], ...says.leaf };
    return new Map<string, CborValue>([
      ['alg', -7],
      ['sig', sign('sha256', certInfo, privateKey)],
      ['ver', '2.0'],
      ['x5c', [leafOf(publicKey, leaf)]],
      ['pubArea', pubArea],
      ['certInfo', certInfo],
    ]);
  });
