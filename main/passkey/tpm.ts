/**
 * What a TPM says of a key (WebAuthn Level 3, section 8.3; TPM 2.0 Library, Part 2: TPMT_PUBLIC 12.2.4, TPMS_ATTEST 10.12.8). Everything in
 * it is big-endian, and lengths are two bytes.
 */
import { createHash, type KeyObject } from 'node:crypto';
import { hashOf, keyOf } from './cose.ts';
import { inside, oidOf, readDer } from './der.ts';
import { Flaw } from './flaw.ts';
import { type Certificate, isEndEntity, readName } from './x509.ts';

const GENERATED_VALUE = 0xff544347;
const ATTEST_CERTIFY = 0x8017;
const RSA = 0x0001;
const ECC = 0x0023;
const NULL = 0x0010;
const hashes = new Map([
  [0x000b, 'sha256'],
  [0x000c, 'sha384'],
  [0x000d, 'sha512'],
]);
const curves = new Map([
  [0x0003, { crv: 'P-256', bytes: 32 }],
  [0x0004, { crv: 'P-384', bytes: 48 }],
  [0x0005, { crv: 'P-521', bytes: 66 }],
]);

/**
 * Section 8.3.1.
 * @throws Flaw shape, certificate
 */
export function requireAikCertificate(certificate: Certificate): void {
  const { version, subject, extensions } = certificate;
  // check: tpm-certificate
  if (version !== 3 || subject.size > 0 || !isEndEntity(certificate)) throw new Flaw('certificate');
  const uses = extensions.get('2.5.29.37');
  if (uses === undefined || !inside(readDer(uses.value)).map(oidOf).includes('2.23.133.8.3')) throw new Flaw('certificate');
  const names = extensions.get('2.5.29.17');
  if (names === undefined) throw new Flaw('certificate');
  const directory = inside(readDer(names.value)).find(({ context, tag }) => context && tag === 4);
  const device = readName(directory?.content);
  if (!/^id:[0-9A-Fa-f]{8}$/.test(device.get('2.23.133.2.1') ?? '')) throw new Flaw('certificate');
  if (!device.get('2.23.133.2.2') || !device.get('2.23.133.2.3')) throw new Flaw('certificate');
  // end check
}

/** TPMA_OBJECT (TPM 2.0 Library, Part 2, section 8.3): bound to this TPM and to its parent, and made inside. */
const STAYS = 0x02 | 0x10 | 0x20;

/**
 * The TPM has certified this public key, for this ceremony.
 *
 * @returns whether the TPM says that the key was made inside it and cannot leave: it also certifies keys that were brought in
 * @param statement.signed what the ceremony came to: authenticator data and hash of the client data
 * @throws Flaw shape, key, algorithm, challenge
 */
export function requireCertified(
  { alg, certInfo, pubArea, signed }: { alg: number; certInfo: Buffer; pubArea: Buffer; signed: Buffer },
  publicKey: KeyObject,
): { stays: boolean } {
  const { key, nameAlg, attributes } = readPublicArea(pubArea);
  // check: tpm-same-key
  if (!key.equals(publicKey)) throw new Flaw('key');
  // end check
  const { magic, type, extraData, name } = readCertInfo(certInfo);
  // check: tpm-certify
  if (magic !== GENERATED_VALUE || type !== ATTEST_CERTIFY) throw new Flaw('shape');
  // end check
  // check: tpm-extra-data
  if (!extraData.equals(createHash(hashOf(alg)).update(signed).digest())) throw new Flaw('challenge');
  // end check
  const hash = hashes.get(nameAlg);
  if (hash === undefined) throw new Flaw('algorithm');
  const algorithm = Buffer.alloc(2);
  algorithm.writeUInt16BE(nameAlg);
  // check: tpm-name
  if (!name.equals(Buffer.concat([algorithm, createHash(hash).update(pubArea).digest()]))) throw new Flaw('key');
  // end check
  return { stays: (attributes & STAYS) === STAYS };
}

function readCertInfo(bytes: Buffer) {
  const reader = readerOf(bytes);
  const magic = reader.number(4);
  const type = reader.number(2);
  reader.sized();
  const extraData = reader.sized();
  // Clock and firmware version.
  reader.bytes(17 + 8);
  const name = reader.sized();
  reader.sized();
  reader.end();
  return { magic, type, extraData, name };
}

function readPublicArea(bytes: Buffer): { key: KeyObject; nameAlg: number; attributes: number } {
  const reader = readerOf(bytes);
  const type = reader.number(2);
  const nameAlg = reader.number(2);
  const attributes = reader.number(4);
  // Authorization policy.
  reader.sized();
  if (reader.number(2) !== NULL) reader.bytes(4);
  if (reader.number(2) !== NULL) reader.bytes(2);
  if (type !== RSA && type !== ECC) throw new Flaw('key');
  const key = type === RSA ? readRsa(reader) : readEcc(reader);
  reader.end();
  return { key, nameAlg, attributes };
}

function readRsa(reader: Reader): KeyObject {
  reader.bytes(2);
  // 0 stands for the exponent that everybody uses.
  const exponent = Buffer.alloc(4);
  exponent.writeUInt32BE(reader.number(4) || 65537);
  const modulus = reader.sized();
  return keyOf({ kty: 'RSA', n: modulus.toString('base64url'), e: exponent.toString('base64url') });
}

function readEcc(reader: Reader): KeyObject {
  const curve = curves.get(reader.number(2));
  if (reader.number(2) !== NULL) reader.bytes(2);
  const [x, y] = [reader.sized(), reader.sized()];
  if (curve === undefined || x.length > curve.bytes || y.length > curve.bytes) throw new Flaw('key');
  const padded = (part: Buffer) => Buffer.concat([Buffer.alloc(curve.bytes - part.length), part]).toString('base64url');
  return keyOf({ kty: 'EC', crv: curve.crv, x: padded(x), y: padded(y) });
}

type Reader = ReturnType<typeof readerOf>;

function readerOf(whole: Buffer) {
  let at = 0;
  const bytes = (count: number): Buffer => {
    if (at + count > whole.length) throw new Flaw('shape');
    at += count;
    return whole.subarray(at - count, at);
  };
  const number = (count: number): number => bytes(count).readUIntBE(0, count);
  return {
    bytes,
    number,
    sized: (): Buffer => bytes(number(2)),
    end(): void {
      if (at !== whole.length) throw new Flaw('shape');
    },
  };
}
