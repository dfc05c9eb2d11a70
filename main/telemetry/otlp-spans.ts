/**
 * What took time as spans of the OpenTelemetry protocol (OTLP 1.x, JSON). The attributes are a closed list: nothing of a token, a person, a
 * program, a grant or a folder is among them.
 *
 * A trace is found by what the audit log knows: its id is sixteen zeros and the `request_id`, which is its root span's id, too.
 */

import { traceIdOf } from '../audit/trace-id.ts';
import type { Timed } from '../timed.ts';

const kinds = { 'sign-in': 1, renewal: 3, mint: 3, try: 3, token: 2 } as const satisfies Record<Timed['what'], number>;
/** Status codes of a span: unset, error. */
const statuses = { unset: 0, error: 2 } as const;

interface Resource {
  version: string;
  /** Id of the device, as its audit records have it. */
  hostId: string;
}

/** The body of an ExportTraceServiceRequest. */
export const otlpSpans = (batch: readonly Timed[], { version, hostId }: Resource, random: (bytes: number) => Buffer): object => ({
  resourceSpans: [
    {
      resource: {
        attributes: [text('service.name', 'lakepass'), text('service.version', version), text('service.instance.id', hostId)],
      },
      scopeSpans: [{ scope: { name: 'lakepass', version: '1' }, spans: batch.map((timed) => spanOf(timed, random)) }],
    },
  ],
});

function spanOf(timed: Timed, random: (bytes: number) => Buffer): object {
  const { what, endedAt, tookMs, code } = timed;
  return {
    ...placeOf(timed, random),
    name: `lakepass.${what}`,
    kind: kinds[what],
    startTimeUnixNano: nanos(endedAt - Math.max(0, tookMs)),
    endTimeUnixNano: nanos(endedAt),
    attributes: attributesOf(timed),
    status: { code: code === null ? statuses.unset : statuses.error },
  };
}

/** A request of a program has a trace of its own, linked to that of the token it got: many may have waited for one. */
function placeOf({ what, requestId }: Timed, random: (bytes: number) => Buffer): object {
  const spanId = random(8).toString('hex');
  const traceId = requestId === null ? null : traceIdOf(requestId);
  if (what === 'token') {
    const links = traceId === null ? [] : [{ traceId, spanId: requestId }];
    return { traceId: random(16).toString('hex'), spanId, links };
  }
  if (traceId === null) return { traceId: random(16).toString('hex'), spanId };
  return what === 'try' ? { traceId, spanId, parentSpanId: requestId } : { traceId, spanId: requestId };
}

function attributesOf({ profile, requestId, code, workspace, scopes }: Timed): object[] {
  return [
    text('lakepass.profile', profile),
    ...(requestId === null ? [] : [text('lakepass.request_id', requestId)]),
    ...(workspace === undefined ? [] : [text('server.address', hostOf(workspace))]),
    ...(scopes === undefined ? [] : [{ key: 'lakepass.scopes', value: { arrayValue: { values: scopes.map(value) } } }]),
    ...(code === null ? [] : [text('error.type', code)]),
  ];
}

const hostOf = (origin: string): string => (URL.canParse(origin) ? new URL(origin).hostname : '');
const value = (of: string): { stringValue: string } => ({ stringValue: of.toWellFormed().slice(0, 256) });
const text = (key: string, of: string): object => ({ key, value: value(of) });
const nanos = (ms: number): string => `${BigInt(Math.max(0, Math.round(ms))) * 1_000_000n}`;
