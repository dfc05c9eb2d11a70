/**
 * A record of the log as it leaves the device: one shape for every sink, made by the table in `catalogue.ts`.
 *
 * What the table does not name stays here, and so does whatever does not fit the schema: of such a record only the head leaves, so that
 * whoever counts sees no gap. Every text goes through the same net as on its way into the log.
 */
import { createHmac } from 'node:crypto';
import path from 'node:path';
import { z } from 'zod';
import { catalogue, type Road, type Row, roadOf, type StatusWord } from './catalogue.ts';
import type { AuditEventType } from './event.ts';
import { eventShapes, type FieldKind, type FieldValue, readField } from './fields.ts';
import type { StoredRecord } from './record.ts';

const text = z.string().max(512);
const texts = z.array(z.string().max(128)).max(65);
const statuses = ['success', 'error', 'denied', 'info'] as const satisfies readonly StatusWord[];

/** Names and meanings; a new one is a new optional field, a changed one a new `schema`. Times are UTC, ISO 8601. */
export const envelopeSchema = z.strictObject({
  schema: z.literal('lakepass.audit/1'),
  /** Id of the record, a UUIDv7: what was sent twice has the same. */
  event_uid: z.uuid(),
  /** 1 in the first record of the device's log, one more in each that follows. */
  seq: z.int().positive(),
  time: z.iso.datetime(),
  /** The id the device made for itself; no name of a machine. */
  host_id: text,
  /** Of the Lakepass that sent it. */
  app_version: text,
  event_type: z.string().regex(/^[a-z][a-z.-]{0,63}$/),
  action: z.string().regex(/^[a-z][a-z_.]{0,63}$/),
  status: z.enum(statuses),
  error_code: text.optional(),
  reason: text.optional(),
  /** How many of the kind this record stands for. */
  count: z.int().optional(),
  latency_ms: z.int().optional(),
  /** One of ours for each token that is asked for at Databricks. */
  request_id: text.optional(),
  /** `sub` and `issuer` as in the ID token; `acts_as`: client id of the service principal whose rights the token has. */
  actor: z
    .strictObject({
      ...{ kind: z.enum(['human', 'service-principal']), issuer: text.optional(), sub: text.optional() },
      ...{ email: text.optional(), acts_as: text.optional() },
    })
    .optional(),
  /** `program`: the name of its file, without folder and arguments. */
  client: z
    .strictObject({ program: text.optional(), kind: text.optional(), ai_agent: text.optional(), uid: z.int().optional() })
    .optional(),
  target: z
    .strictObject({
      ...{ profile: text.optional(), workspace: text.optional(), scopes: texts.optional(), grant: text.optional() },
      ...{ key: text.optional(), person: text.optional(), host: text.optional(), client_id: text.optional() },
      ...{ service_principal: text.optional(), organization: text.optional(), device: text.optional() },
    })
    .optional(),
  decision: z
    .strictObject({
      ...{ ask: text.optional(), purpose: text.optional(), approval: text.optional(), approved_by: text.optional() },
      ...{ verdict: text.optional(), how: text.optional(), span: text.optional(), rules: texts.optional() },
      ...{ policy: text.optional(), revision: z.int().optional(), hash: text.optional(), mode: text.optional() },
    })
    .optional(),
  auth: z
    .strictObject({
      ...{ assurance: text.optional(), acr: text.optional(), amr: texts.optional(), auth_time: text.optional() },
      ...{ key: text.optional(), aaguid: text.optional(), user_verified: z.boolean().optional(), binding: text.optional() },
    })
    .optional(),
  /** `fpr`: the first 16 hex digits of SHA-256 over the token. */
  token: z.strictObject({ fpr: text.optional(), exp: text.optional(), lease: text.optional(), narrowed: text.optional() }).optional(),
  /** A signed statement over the whole log until then. */
  checkpoint: z.strictObject({ size: z.int().optional(), root: text.optional(), note: z.string().max(4096).optional() }).optional(),
  /** What only this kind of event says. */
  details: z.record(z.string().regex(/^[a-z][a-z_]{0,39}$/), z.union([text, z.int(), texts])).optional(),
  chain: z.strictObject({ prev: z.string().regex(/^[0-9a-f]{64}$/), hash: z.string().regex(/^[0-9a-f]{64}$/) }),
});
export type Envelope = z.output<typeof envelopeSchema>;

export interface DeviceFacts {
  /** Id of the device, as its bundle and its checkpoints name it. */
  hostId: string;
  version: string;
  /** Turns who a person is into a word that says it to nobody; absent: e-mail addresses leave as they are. */
  pseudonym?: ((person: string) => string) | undefined;
}

/** A word for a person that only this device makes of them: HMAC-SHA-256, 128 bits, the same for every spelling of an e-mail address. */
export const pseudonymBy =
  (key: Uint8Array) =>
  (person: string): string =>
    `p-${createHmac('sha256', key).update(person.trim().toLowerCase()).digest('hex').slice(0, 32)}`;

/** The record for everybody outside. Never throws: a record that cannot be read as its type demands leaves as its head. */
export function envelopeOf(record: StoredRecord, device: DeviceFacts): Envelope {
  const row = Object.hasOwn(catalogue, record.type) ? (catalogue[record.type as AuditEventType] as Row) : undefined;
  const head = headOf(record, row, device);
  if (row === undefined) return head;
  const whole = { ...head, ...bodyOf(record, row, device) };
  // check: envelope-schema
  if (!envelopeSchema.safeParse(whole).success) return head;
  // end check
  return whole as Envelope;
}

const typeForm = /^[a-z][a-z.-]{0,63}$/;

function headOf(record: StoredRecord, row: Row | undefined, device: DeviceFacts): Envelope {
  return {
    schema: 'lakepass.audit/1',
    ...{ event_uid: record.id, seq: record.seq, time: record.at },
    ...{ host_id: device.hostId, app_version: device.version },
    event_type: typeForm.test(record.type) ? record.type : 'unknown',
    action: row?.action ?? 'unknown',
    status: row === undefined ? 'info' : statusOf(record, row),
    chain: { prev: record.prev, hash: record.hash },
  };
}

function statusOf(record: StoredRecord, { status }: Row): StatusWord {
  if (typeof status === 'string') return status;
  const word = String(record[status.by]);
  return (Object.hasOwn(status.words, word) ? status.words[word] : undefined) ?? status.other;
}

/** Values under the names of the envelope. */
function bodyOf(record: StoredRecord, row: Row, device: DeviceFacts): Record<string, unknown> {
  const body: Record<string, Record<string, unknown>> = {};
  const top: Record<string, unknown> = {};
  const shape: Record<string, FieldKind> = eventShapes[record.type as AuditEventType];
  for (const [name, kind] of Object.entries(shape)) {
    const road = roadOf(row, name);
    const value = road === null ? undefined : readField(kind, record[name]);
    if (road === null || value === undefined || value === null || value === '') continue;
    const [group = '', field] = road.split('.');
    if (field === undefined) top[group] = convert(road, value, device);
    else body[group] = { ...body[group], [field]: convert(road, value, device) };
  }
  if (body['actor'] !== undefined) body['actor'] = { kind: 'human', ...body['actor'] };
  return { ...top, ...body };
}

/** Where who a person is stands. */
const persons: ReadonlySet<Road> = new Set<Road>(['actor.email', 'target.person']);

function convert(road: Road, value: FieldValue, { pseudonym }: DeviceFacts): unknown {
  if (typeof value !== 'string') return value;
  // check: envelope-no-folder
  if (road === 'client.program' || road === 'details.segment') return path.basename(value);
  // end check
  if (road === 'auth.user_verified') return value === 'yes';
  // check: envelope-pseudonym
  if (pseudonym !== undefined && (persons.has(road) || (road === 'actor.sub' && value.includes('@')))) return pseudonym(value);
  // end check
  return value;
}
