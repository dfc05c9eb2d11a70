/**
 * Certificates of attestations and of FIDO's metadata (RFC 5280): what is inside, and whether they lead to a root. It never asks the
 * network for anything that a certificate names, so whether one was revoked is not known.
 */
import { createHash, X509Certificate } from 'node:crypto';
import type { EpochMs } from '../units.ts';
import { contentOf, inside, oidOf, readDer, smallNumber, tags, textOf } from './der.ts';
import { Flaw } from './flaw.ts';

export interface Extension {
  critical: boolean;
  value: Buffer;
}

export interface Certificate {
  readonly x509: X509Certificate;
  /** As people count: 3. */
  readonly version: number;
  /** Dotted type of the signature over it. */
  readonly signature: string;
  /** By dotted type; the first of each. */
  readonly subject: ReadonlyMap<string, string>;
  readonly extensions: ReadonlyMap<string, Extension>;
  /** SHA-1 of the public key's bits (RFC 5280, section 4.2.1.2, method 1), in hexadecimal: how FIDO's metadata names certificates of U2F. */
  readonly keyId: string;
}

const LARGEST = 16 * 1024;
const SHORTEST_RSA = 2048;
/** What a certificate may insist on being understood: constraints, uses, names and policies. */
const understood: readonly string[] = ['2.5.29.15', '2.5.29.17', '2.5.29.19', '2.5.29.32', '2.5.29.37'];
/** With SHA-256 and longer; a signature over SHA-1 can be moved to another certificate. */
const signatures: readonly string[] = [
  '1.2.840.10045.4.3.2',
  '1.2.840.10045.4.3.3',
  '1.2.840.10045.4.3.4',
  '1.2.840.113549.1.1.11',
  '1.2.840.113549.1.1.12',
  '1.2.840.113549.1.1.13',
  '1.3.101.112',
  '1.3.101.113',
];

/** @param der one certificate and nothing else. @throws Flaw shape */
export function readCertificate(der: Uint8Array): Certificate {
  const bytes = Buffer.from(der);
  if (bytes.length > LARGEST) throw new Flaw('shape');
  const [toBeSigned, signature] = inside(readDer(bytes));
  const fields = inside(toBeSigned);
  const version = fields[0]?.context && fields[0].tag === 0 ? smallNumber(inside(fields[0])[0]) + 1 : 1;
  const named = fields.filter(({ context }) => !context);
  const publicKey = named[5];
  const extensions = fields.find(({ context, tag }) => context && tag === 3);
  const [, bits] = inside(publicKey);
  try {
    const x509 = new X509Certificate(bytes);
    // Read here, where a key that OpenSSL cannot read is one more way of being no certificate.
    void x509.publicKey;
    return {
      x509,
      version,
      signature: oidOf(inside(signature)[0]),
      subject: readName(named[4]?.whole),
      extensions: extensions === undefined ? new Map() : readExtensions(extensions.content),
      keyId: createHash('sha1').update(contentOf(bits, tags.bits).subarray(1)).digest('hex'),
    };
  } catch (error) {
    if (error instanceof Flaw) throw error;
    throw new Flaw('shape');
  }
}

/** The attributes of a distinguished name, by dotted type; the first of each. @throws Flaw shape */
export function readName(der: Buffer | undefined): Map<string, string> {
  const attributes = new Map<string, string>();
  if (der === undefined) throw new Flaw('shape');
  for (const relative of inside(readDer(der))) {
    for (const attribute of inside(relative)) {
      const [type, value] = inside(attribute);
      const text = value === undefined ? null : textOf(value);
      const name = oidOf(type);
      if (text !== null && !attributes.has(name)) attributes.set(name, text);
    }
  }
  return attributes;
}

function readExtensions(der: Buffer): Map<string, Extension> {
  const extensions = new Map<string, Extension>();
  for (const each of inside(readDer(der))) {
    const [type, ...rest] = inside(each);
    const name = oidOf(type);
    // check: x509-extension-once
    if (extensions.has(name)) throw new Flaw('shape');
    // end check
    const critical = rest.length === 2;
    extensions.set(name, { critical: critical && contentOf(rest[0], tags.boolean)[0] !== 0, value: contentOf(rest.at(-1), tags.octets) });
  }
  return extensions;
}

/** Basic constraints are there and say that it signs no others. */
export const isEndEntity = ({ x509, extensions }: Certificate): boolean => extensions.has('2.5.29.19') && !x509.ca;

/**
 * The root that the certificates lead to, each signed by the next; certificates after the first that a root has signed are not looked at.
 * A root may also be the first certificate itself, where a maker names that one alone.
 *
 * @param chain the one that is to be trusted first
 * @param at the moment at which each must be valid
 * @throws Flaw chain
 */
export function rootOf(chain: readonly Certificate[], roots: readonly Certificate[], at: EpochMs): Certificate {
  for (const [index, certificate] of chain.entries()) {
    requireSound(certificate, at, index);
    const same = roots.find(({ x509 }) => x509.raw.equals(certificate.x509.raw));
    const root =
      same ?? roots.find((candidate) => mayIssue(candidate, index) && isSignedBy(certificate, candidate) && isValidAt(candidate, at));
    if (root !== undefined) return root;
    const next = chain[index + 1];
    // check: x509-chain
    if (next === undefined || !isSignedBy(certificate, next)) throw new Flaw('chain');
    // end check
  }
  throw new Flaw('chain');
}

/** @param below how many certificates stand below it */
function requireSound(certificate: Certificate, at: EpochMs, below: number): void {
  const { x509, signature, extensions } = certificate;
  // check: x509-valid-then
  if (!isValidAt(certificate, at)) throw new Flaw('chain');
  // end check
  // check: x509-no-sha1
  if (!signatures.includes(signature)) throw new Flaw('chain');
  // end check
  // check: x509-short-rsa
  if ((x509.publicKey.asymmetricKeyDetails?.modulusLength ?? SHORTEST_RSA) < SHORTEST_RSA) throw new Flaw('chain');
  // end check
  // check: x509-critical
  if ([...extensions].some(([type, { critical }]) => critical && !understood.includes(type))) throw new Flaw('chain');
  // end check
  // check: x509-authority
  if (below > 0 && !(x509.ca && pathLength(certificate) >= below - 1)) throw new Flaw('chain');
  // end check
}

/** A maker may name the certificate of a model where others name a root: it vouches for itself alone. */
function mayIssue(root: Certificate, below: number): boolean {
  if (root.version < 3) return true;
  // check: x509-root-authority
  return root.extensions.has('2.5.29.19') && root.x509.ca && pathLength(root) >= below;
  // end check
}

const isValidAt = ({ x509 }: Certificate, at: EpochMs): boolean => x509.validFromDate.getTime() <= at && at <= x509.validToDate.getTime();

/** Names, key usage and signature. */
const isSignedBy = (certificate: Certificate, issuer: Certificate): boolean =>
  certificate.x509.checkIssued(issuer.x509) && certificate.x509.verify(issuer.x509.publicKey);

/** How many authorities may stand below it; as many as anybody likes where it does not say. */
function pathLength({ extensions }: Certificate): number {
  const constraints = extensions.get('2.5.29.19');
  const length = constraints && inside(readDer(constraints.value)).find(({ tag }) => tag === tags.integer);
  return length === undefined ? Number.POSITIVE_INFINITY : smallNumber(length);
}
