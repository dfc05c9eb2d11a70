/**
 * FIDO's metadata as it is published (Metadata Service 3.1, section 3.1.7): one JWS, about nine megabytes, whose certificates lead to a
 * root that is pinned. It is read once, when somebody imports it, and only what judging a key takes is handed on.
 */
import { z } from 'zod';
import { AppError } from '../app-error.ts';
import type { EpochMs } from '../units.ts';
import { requireSignature } from './cose.ts';
import { Flaw } from './flaw.ts';
import type { Report } from './mds-status.ts';
import { type Certificate, readCertificate, rootOf } from './x509.ts';

export const LARGEST_BLOB = 32 * 1024 * 1024;
const PUBLISHER = 'mds.fidoalliance.org';
const algorithms = { RS256: -257, ES256: -7 } as const;

const headerSchema = z.object({
  alg: z.enum(['RS256', 'ES256']),
  x5c: z.array(z.string().max(16_384)).min(1).max(8),
  // Extensions that must be understood (RFC 7515, section 4.1.11): none is.
  crit: z.undefined().optional(),
});
const day = z.iso.date().transform((text) => Date.parse(text) as EpochMs);
const keyId = z
  .string()
  .regex(/^[0-9A-Fa-f]{40}$/)
  .transform((text) => text.toLowerCase());
/** Members that nobody here needs come and go; those that are needed must be as the specification has them. */
const entrySchema = z.object({
  aaguid: z.guid().toLowerCase().optional(),
  attestationCertificateKeyIdentifiers: z.array(keyId).max(64).default([]),
  metadataStatement: z
    .object({
      description: z.string().optional(),
      attestationRootCertificates: z.array(z.string().max(16_384)).max(4096).default([]),
      keyProtection: z.array(z.string().max(100)).max(16).default([]),
    })
    .optional(),
  statusReports: z.array(z.object({ status: z.string().max(100), effectiveDate: day.optional() })).max(256),
});
const payloadSchema = z.object({ no: z.int().min(0), nextUpdate: day, entries: z.array(entrySchema).max(10_000) });

export interface BlobEntry {
  /** A model of FIDO2 in lower case; null for one of U2F, which is known by its certificates. */
  aaguid: string | null;
  keyIds: string[];
  name: string;
  reports: Report[];
  /** Base64 of DER. */
  roots: string[];
  /** KEY_PROTECTION_SOFTWARE (FIDO Registry of Predefined Values, section 3.2). */
  inSoftware: boolean;
}

export interface Blob {
  no: number;
  nextUpdate: EpochMs;
  entries: BlobEntry[];
}

/**
 * What a file holds, once it is shown to be FIDO's.
 *
 * Leaves to the caller: whether it is newer than the last. Whether one of its certificates was revoked is not asked.
 *
 * @param roots that may sign for FIDO
 * @param at the moment at which the certificates must be valid
 * @throws AppError MDS_INVALID (size, shape, chain, name, signature)
 */
export function readBlob(bytes: Buffer, roots: readonly Certificate[], at: EpochMs): Blob {
  // check: mds-size
  if (bytes.length > LARGEST_BLOB) throw invalid('size');
  // end check
  const [header = '', payload = '', signature = '', ...more] = bytes.toString('latin1').trim().split('.');
  if (more.length > 0) throw invalid('shape');
  const { alg, x5c } = parse(headerSchema, header);
  const chain = orInvalid('shape', () => x5c.map((text) => readCertificate(Buffer.from(text, 'base64'))));
  const [leaf] = chain;
  if (leaf === undefined) throw invalid('shape');
  // check: mds-chain
  orInvalid('chain', () => rootOf(chain, roots, at));
  // end check
  // check: mds-publisher
  if (leaf.x509.checkHost(PUBLISHER, { wildcards: false }) === undefined) throw invalid('name');
  // end check
  const signed = Buffer.from(`${header}.${payload}`, 'latin1');
  // check: mds-signature
  orInvalid('signature', () => requireSignature(algorithms[alg], leaf.x509.publicKey, signed, asDer(alg, readBase64url(signature))));
  // end check
  const { no, nextUpdate, entries } = parse(payloadSchema, payload);
  const kept = entries.map(entryOf).filter(({ aaguid, keyIds }) => aaguid !== null || keyIds.length > 0);
  const named = kept.flatMap(({ aaguid }) => aaguid ?? []);
  if (new Set(named).size !== named.length) throw invalid('shape');
  return { no, nextUpdate, entries: kept };
}

function entryOf({
  aaguid,
  attestationCertificateKeyIdentifiers,
  metadataStatement,
  statusReports,
}: z.output<typeof entrySchema>): BlobEntry {
  return {
    aaguid: aaguid ?? null,
    keyIds: attestationCertificateKeyIdentifiers,
    name: shown(metadataStatement?.description ?? 'Unnamed model'),
    reports: statusReports.map(({ status, effectiveDate }) => ({ status, from: effectiveDate ?? null })),
    roots: (metadataStatement?.attestationRootCertificates ?? []).flatMap(readable),
    inSoftware: metadataStatement?.keyProtection.includes('software') === true,
  };
}

/** Nothing that moves the cursor or turns the direction of what stands beside it. */
const shown = (name: string): string =>
  name
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ')
    .trim()
    .slice(0, 100);

/** A root that cannot be read vouches for nobody; the others of the file still do. */
function readable(text: string): string[] {
  const der = Buffer.from(text, 'base64');
  try {
    readCertificate(der);
    return [der.toString('base64')];
  } catch (error) {
    if (error instanceof Flaw) return [];
    throw error;
  }
}

const invalid = (reason: string, cause?: unknown): AppError => new AppError('MDS_INVALID', { reason, cause });

function orInvalid<T>(reason: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof Flaw) throw invalid(reason, error);
    throw error;
  }
}

function readBase64url(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64url');
  if (text === '' || bytes.toString('base64url') !== text) throw invalid('shape');
  return bytes;
}

function parse<T>(schema: z.ZodType<T>, part: string): T {
  const bytes = readBase64url(part);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw invalid('shape', cause);
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw invalid('shape');
  return parsed.data;
}

/** A JWS has r and s side by side (RFC 7518, section 3.4); certificates have them in DER. */
function asDer(alg: keyof typeof algorithms, signature: Buffer): Buffer {
  if (alg !== 'ES256') return signature;
  if (signature.length !== 64) throw invalid('signature');
  const parts = [signature.subarray(0, 32), signature.subarray(32)].map((part) => {
    const from = part.findIndex((byte) => byte !== 0);
    const short = part.subarray(from === -1 ? 31 : from);
    const positive = (short[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.of(0), short]) : short;
    return Buffer.concat([Buffer.of(2, positive.length), positive]);
  });
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.of(0x30, content.length), content]);
}
