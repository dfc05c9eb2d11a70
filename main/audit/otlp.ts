/**
 * Records as log records of the OpenTelemetry protocol (OTLP 1.x, its JSON encoding): a table over the envelope. Fields that
 * OpenTelemetry has a name for have that; all others are `lakepass.` and their name in the envelope.
 *
 * JSON and not protobuf: a batch is a few hundred records every few seconds at most, and the encoding needs no library.
 */

import type { Envelope } from './envelope.ts';
import { traceIdOf } from './trace-id.ts';

/** Names of the semantic conventions. */
const conventions: Readonly<Record<string, string>> = {
  event_uid: 'log.record.uid',
  error_code: 'error.type',
  'actor.sub': 'user.id',
  'actor.email': 'user.email',
  'client.program': 'process.executable.name',
  'client.uid': 'process.user.id',
  'target.host': 'server.address',
};
/** Stand elsewhere in a log record. */
const elsewhere: ReadonlySet<string> = new Set(['schema', 'time', 'host_id', 'app_version', 'event_type']);

/** Numbers of SeverityNumber: INFO, WARN, ERROR. */
const severities = {
  success: [9, 'INFO'],
  info: [9, 'INFO'],
  denied: [13, 'WARN'],
  error: [17, 'ERROR'],
} as const satisfies Record<Envelope['status'], readonly [number, string]>;

type AnyValue =
  | { stringValue: string }
  | { boolValue: boolean }
  /** 64 bits, as text (OTLP, "JSON Protobuf Encoding"). */
  | { intValue: string }
  | { arrayValue: { values: AnyValue[] } };
interface KeyValue {
  key: string;
  value: AnyValue;
}

/** The body of an ExportLogsServiceRequest. All records are of one device. */
export function otlpLogs(batch: readonly Envelope[]): object {
  const [first] = batch;
  return {
    resourceLogs: [
      {
        resource: {
          attributes: [
            attribute('service.name', 'lakepass'),
            attribute('service.version', first?.app_version ?? ''),
            attribute('service.instance.id', first?.host_id ?? ''),
          ],
        },
        scopeLogs: [{ scope: { name: 'lakepass.audit', version: '1' }, logRecords: batch.map(logRecord) }],
      },
    ],
  };
}

function logRecord(envelope: Envelope): object {
  const [severityNumber, severityText] = severities[envelope.status];
  const time = `${BigInt(Date.parse(envelope.time)) * 1_000_000n}`;
  return {
    timeUnixNano: time,
    observedTimeUnixNano: time,
    severityNumber,
    severityText,
    eventName: `lakepass.${envelope.event_type}`,
    body: { stringValue: envelope.action },
    ...traceOf(envelope),
    attributes: attributesOf(envelope, ''),
  };
}

/** The trace that spans of the same request are in (`../telemetry/otlp-spans.ts`), where traces are sent. */
function traceOf({ request_id = '' }: Envelope): { traceId?: string; spanId?: string } {
  const traceId = traceIdOf(request_id);
  return traceId === null ? {} : { traceId, spanId: request_id };
}

function attributesOf(group: object, path: string): KeyValue[] {
  return Object.entries(group).flatMap(([name, value]: [string, unknown]) => {
    const own = path === '' ? name : `${path}.${name}`;
    if (elsewhere.has(own) || value === undefined) return [];
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return attributesOf(value, own);
    return attribute(conventions[own] ?? `lakepass.${own}`, value);
  });
}

const attribute = (key: string, value: unknown): KeyValue => ({ key, value: anyValue(value) });

function anyValue(value: unknown): AnyValue {
  if (typeof value === 'number') return { intValue: String(value) };
  if (typeof value === 'boolean') return { boolValue: value };
  if (Array.isArray(value)) return { arrayValue: { values: value.map(anyValue) } };
  return { stringValue: String(value) };
}
