/** A record of every event there is, as the log would write it, with every field of it. */
import type { AuditEventType } from '../../../main/audit/event.ts';
import { eventShapes } from '../../../main/audit/fields.ts';
import { encodeRecord, type StoredRecord, ZERO_HASH } from '../../../main/audit/record.ts';

const values: Record<string, unknown> = {
  issuer: 'https://login.acme.example/',
  username: 'Alice@acme.example',
  person: 'bob@acme.example',
  subject: '00u1f2',
  identity: 'service-principal',
  workspace: 'https://acme.cloud.databricks.com',
  scopes: ['sql', 'unity-catalog'],
  caller: '/home/alice/secret-project/.venv/bin/python3.11',
  until: '2026-01-05T18:00:00.000Z',
  expiresAt: '2026-01-05T10:00:00.000Z',
  verdict: 'approved',
  userVerified: 'yes',
  assurance: 'phr',
  code: 'POLICY_DENIED',
};
const byKind = { text: 'word', 'text?': 'word', 'text-or-null': null, number: 7, texts: ['one', 'two'] } as const;

export const eventTypes = Object.keys(eventShapes) as AuditEventType[];

/** @param change instead of what stands here; a field that is undefined is left out */
export function sampleRecord(type: string, change: Record<string, unknown> = {}, seq = 1): StoredRecord {
  const shape = Object.entries(eventShapes[type as AuditEventType] ?? {});
  const fields = Object.fromEntries(shape.map(([name, kind]) => [name, values[name] ?? byKind[kind]]));
  const head = { seq, at: '2026-01-05T09:00:00.123Z', id: '019b8d2e-7a00-7abc-8def-0123456789ab', prev: ZERO_HASH };
  return JSON.parse(encodeRecord(head, { type, ...fields, ...change }).line.toString()) as StoredRecord;
}
