/**
 * The device record: what a device tells its company of itself, of its person and of their tap keys, signed by the key of the device. The
 * fields are those of its schema and no others. Whoever reads one believes nothing of it that is not proven: any program can make a key and
 * call itself a device.
 */
import { createHash } from 'node:crypto';
import { flattenedVerify, importJWK } from 'jose';
import { z } from 'zod';
import { type DeviceRecord, deviceRecordSchema, type RecordedKey } from '../../preload/contract/device-record.ts';
import type { EpochMs } from '../units.ts';
import { thumbprintOf } from './bundle.ts';
import { signingKeySchema, thumbprintSchema } from './bundle-schema.ts';
import type { Device } from './device.ts';
import type { Held, Person } from './enrollment.ts';

/** A larger one is not read. */
export const LARGEST_RECORD_BYTES = 1024 * 1024;
const TYPE = 'lakepass-device+jws';
const ALGORITHM = 'ES256';

/** Operating system, its version, and the version of Lakepass. */
export type Machine = Pick<DeviceRecord, 'os' | 'osVersion' | 'app'>;

/** All that a record says, but for the moment. */
export type RecordFacts = Omit<DeviceRecord, 'at'>;

export const factsOf = ({ bundle, hash, device }: Held, machine: Machine, person: Person | null, keys: RecordedKey[]): RecordFacts => ({
  version: 1,
  ...{ organization: bundle.organization, bundleId: bundle.bundleId, deviceId: device.id, ...machine },
  person: person && { issuer: person.issuer, subject: person.subject, username: person.username },
  keys,
  policy: { revision: bundle.revision, hash },
});

/** SHA-256 in hex: two records that say the same at two moments have the same. */
export const digestOf = (facts: RecordFacts): string => createHash('sha256').update(JSON.stringify(facts)).digest('hex');

/** @returns a JWS in compact serialization (RFC 7515 section 3.1) */
export const signRecord = (device: Pick<Device, 'sign'>, facts: RecordFacts, at: EpochMs): Promise<string> =>
  device.sign(TYPE, Buffer.from(JSON.stringify(deviceRecordSchema.parse({ ...facts, at: new Date(at).toISOString() }))));

/** What is wrong with a file that should be a record. */
export type RecordFlaw = 'size' | 'shape' | 'header' | 'key' | 'signature' | 'fields';

export interface SignedRecord {
  readonly record: DeviceRecord;
  /** Of the key of the device (RFC 7638). */
  readonly deviceKey: string;
}

const headerSchema = z.strictObject({
  alg: z.literal(ALGORITHM),
  typ: z.literal(TYPE),
  kid: thumbprintSchema,
  jwk: signingKeySchema,
});

/** @param bytes anybody's */
export async function readRecord(bytes: Uint8Array): Promise<SignedRecord | RecordFlaw> {
  // check: record-size
  if (bytes.length > LARGEST_RECORD_BYTES) return 'size';
  // end check
  const parts = /^([\w-]+)\.([\w-]+)\.([\w-]{86})\n?$/.exec(Buffer.from(bytes).toString('latin1'));
  if (parts === null) return 'shape';
  const [, header = '', payload = '', signature = ''] = parts;
  const read = headerSchema.safeParse(parsed(header));
  // check: record-header
  if (!read.success) return 'header';
  // end check
  const { kid, jwk } = read.data;
  // check: record-key-named
  if ((await thumbprintOf(jwk)) !== kid) return 'key';
  // end check
  const holds = await importJWK(jwk, ALGORITHM)
    .then((key) => flattenedVerify({ protected: header, payload, signature }, key, { algorithms: [ALGORITHM] }))
    .then(
      () => true,
      () => false,
    );
  // check: record-signature
  if (!holds) return 'signature';
  // end check
  const record = deviceRecordSchema.safeParse(parsed(payload));
  return record.success ? { record: record.data, deviceKey: kid } : 'fields';
}

/** What one of our own says, without asking who signed it. */
export const recordIn = (jws: string): DeviceRecord => deviceRecordSchema.parse(parsed(jws.split('.')[1] ?? ''));

/** undefined where it is no JSON, which no schema takes. */
function parsed(encoded: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(encoded, 'base64url')));
  } catch {
    return undefined;
  }
}
