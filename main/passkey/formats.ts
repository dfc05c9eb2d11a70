/**
 * The attestation formats of WebAuthn Level 3, section 8, one function each: what the statement must be for its certificates to speak for
 * the key. Whether the certificates lead to a root that anybody trusts is not judged here.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { requireAndroidKey } from './android-key.ts';
import { requireSignature } from './cose.ts';
import { contentOf, inside, readDer, tags } from './der.ts';
import type { Evidence } from './evidence.ts';
import { Flaw } from './flaw.ts';
import { requireAikCertificate, requireCertified } from './tpm.ts';
import { type Certificate, isEndEntity, readCertificate } from './x509.ts';

export interface Attested {
  /** The trust path; null where the key vouches for itself, or nobody does. */
  chain: readonly [Certificate, ...Certificate[]] | null;
  /** What was signed names the model. */
  namesModel: boolean;
  /** The maker's certificates speak for hardware; false for a key that software keeps. */
  hardware: boolean;
  /** Its hardware does not vouch that it was made inside and stays there. */
  movable: boolean;
  /** Serial number of the very key, in hexadecimal, where an enterprise had it made so (section 8.2.2). */
  serial: string | null;
}

const bytes = z.instanceof(Uint8Array);
const certificates = z.array(bytes).min(1).max(8);
const shapes = {
  packed: z.strictObject({ alg: z.int(), sig: bytes, x5c: certificates.optional() }),
  tpm: z.strictObject({ ver: z.literal('2.0'), alg: z.int(), x5c: certificates, sig: bytes, certInfo: bytes, pubArea: bytes }),
  'android-key': z.strictObject({ alg: z.int(), sig: bytes, x5c: certificates }),
  // Devices of 2020 also name the algorithm of the key, which says nothing.
  apple: z.strictObject({ x5c: certificates, alg: z.int().optional() }),
  'fido-u2f': z.strictObject({ sig: bytes, x5c: certificates.length(1) }),
  none: z.strictObject({}),
};

const judges: Record<keyof typeof shapes, (evidence: Evidence) => Attested> = {
  packed(evidence) {
    const { alg, sig, x5c } = read(shapes.packed, evidence);
    if (x5c === undefined) {
      if (alg !== evidence.alg) throw new Flaw('algorithm');
      requireSignature(alg, evidence.publicKey, signed(evidence), sig);
      return { chain: null, namesModel: false, hardware: false, movable: false, serial: null };
    }
    const chain = chainOf(x5c);
    requireSignature(alg, chain[0].x509.publicKey, signed(evidence), sig);
    requirePackedCertificate(chain[0]);
    requireModel(chain[0], evidence);
    return { chain, namesModel: true, hardware: true, movable: false, serial: serialOf(chain[0]) };
  },

  tpm(evidence) {
    const { alg, x5c, sig, certInfo, pubArea } = read(shapes.tpm, evidence);
    const chain = chainOf(x5c);
    requireAikCertificate(chain[0]);
    requireModel(chain[0], evidence);
    requireSignature(alg, chain[0].x509.publicKey, certInfo, sig);
    const statement = { alg, certInfo: Buffer.from(certInfo), pubArea: Buffer.from(pubArea), signed: signed(evidence) };
    const { stays } = requireCertified(statement, evidence.publicKey);
    let movable = false;
    // check: tpm-key-stays
    movable = !stays;
    // end check
    return { chain, namesModel: true, hardware: true, movable, serial: null };
  },

  'android-key'(evidence) {
    const { alg, sig, x5c } = read(shapes['android-key'], evidence);
    const chain = chainOf(x5c);
    requireSignature(alg, chain[0].x509.publicKey, signed(evidence), sig);
    // check: android-key-same-key
    if (!chain[0].x509.publicKey.equals(evidence.publicKey)) throw new Flaw('key');
    // end check
    return { chain, namesModel: false, hardware: requireAndroidKey(chain[0], evidence.clientDataHash), movable: false, serial: null };
  },

  apple(evidence) {
    const chain = chainOf(read(shapes.apple, evidence).x5c);
    const nonce = createHash('sha256').update(signed(evidence)).digest();
    // check: apple-nonce
    if (!nonce.equals(appleNonce(chain[0]))) throw new Flaw('challenge');
    // end check
    // check: apple-same-key
    if (!chain[0].x509.publicKey.equals(evidence.publicKey)) throw new Flaw('key');
    // end check
    return { chain, namesModel: false, hardware: true, movable: false, serial: null };
  },

  'fido-u2f'(evidence) {
    const { sig, x5c } = read(shapes['fido-u2f'], evidence);
    const chain = chainOf(x5c);
    // What it signs is a P-256 key with SHA-256, and so is what signs it; the model is not part of it.
    requireSignature(-7, chain[0].x509.publicKey, u2fSigned(evidence), sig);
    return { chain, namesModel: false, hardware: true, movable: false, serial: null };
  },

  none(evidence) {
    read(shapes.none, evidence);
    return { chain: null, namesModel: false, hardware: false, movable: false, serial: null };
  },
};

/** What a statement of a known format comes to. @throws Flaw shape, format, key, algorithm, signature, certificate, challenge, origin */
export function attested(evidence: Evidence): Attested {
  // check: attestation-format
  if (!Object.hasOwn(judges, evidence.format)) throw new Flaw('format');
  // end check
  return judges[evidence.format as keyof typeof judges](evidence);
}

function read<T>(shape: z.ZodType<T>, { statement }: Evidence): T {
  const parsed = shape.safeParse(Object.fromEntries(statement));
  // check: attestation-shape
  if (!parsed.success) throw new Flaw('shape');
  // end check
  return parsed.data as T;
}

function chainOf(x5c: readonly Uint8Array[]): [Certificate, ...Certificate[]] {
  const [first, ...rest] = x5c.map(readCertificate);
  if (first === undefined) throw new Flaw('shape');
  return [first, ...rest];
}

const signed = ({ authData, clientDataHash }: Evidence): Buffer => Buffer.concat([authData, clientDataHash]);

/** The message of section 8.6, step 5. @throws Flaw key: not on P-256 */
function u2fSigned({ rpIdHash, clientDataHash, credentialId, publicKey, alg }: Evidence): Buffer {
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  // Points of other curves would make another message.
  if (alg !== -7 || publicKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw new Flaw('key');
  const point = [Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')];
  return Buffer.concat([Buffer.of(0), rpIdHash, clientDataHash, credentialId, ...point]);
}

const COUNTRY = '2.5.4.6';
const ORGANIZATION = '2.5.4.10';
const UNIT = '2.5.4.11';
const COMMON_NAME = '2.5.4.3';

/** Section 8.2.1. @throws Flaw certificate */
function requirePackedCertificate(certificate: Certificate): void {
  const { version, subject } = certificate;
  // check: packed-certificate
  if (version !== 3 || !isEndEntity(certificate)) throw new Flaw('certificate');
  if (subject.get(UNIT) !== 'Authenticator Attestation') throw new Flaw('certificate');
  if (!/^[A-Za-z]{2}$/.test(subject.get(COUNTRY) ?? '')) throw new Flaw('certificate');
  if (!subject.get(ORGANIZATION) || !subject.get(COMMON_NAME)) throw new Flaw('certificate');
  // end check
}

/** id-fido-gen-ce-aaguid, where it is there, is that of the key (sections 8.2.1 and 8.3). @throws Flaw shape, certificate */
function requireModel(certificate: Certificate, { aaguid }: Evidence): void {
  const named = octetsOf(certificate, '1.3.6.1.4.1.45724.1.1.4');
  // check: attestation-certificate-model
  if (named !== null && !named.equals(aaguid)) throw new Flaw('certificate');
  // end check
}

/** id-fido-gen-ce-sernum (section 8.2.2). */
function serialOf(certificate: Certificate): string | null {
  const serial = octetsOf(certificate, '1.3.6.1.4.1.45724.1.1.2');
  if (serial !== null && (serial.length === 0 || serial.length > 64)) throw new Flaw('certificate');
  return serial?.toString('hex') ?? null;
}

/** An extension that holds an OCTET STRING and must not be critical. @throws Flaw shape, certificate */
function octetsOf({ extensions }: Certificate, type: string): Buffer | null {
  const extension = extensions.get(type);
  if (extension === undefined) return null;
  if (extension.critical) throw new Flaw('certificate');
  return contentOf(readDer(extension.value), tags.octets);
}

/** SEQUENCE { [1] { OCTET STRING } } (section 8.8). */
function appleNonce({ extensions }: Certificate): Buffer {
  const extension = extensions.get('1.2.840.113635.100.8.2');
  if (extension === undefined) throw new Flaw('certificate');
  const [nonce] = inside(readDer(extension.value)).filter(({ context, tag }) => context && tag === 1);
  return contentOf(inside(nonce)[0], tags.octets);
}
