/** What took time, as a collector reads it: in the form of the published protocol, in traces that the audit log leads to, and with nothing else. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { traceIdOf } from '../../../main/audit/trace-id.ts';
import { otlpSpans } from '../../../main/telemetry/otlp-spans.ts';
import type { Timed } from '../../../main/timed.ts';
import type { EpochMs } from '../../../main/units.ts';
import { decodeSpans, otlpTraceProblems } from '../../fixtures/otlp/receiver.ts';

const ID = '0123456789abcdef';
const timed = (change: Partial<Timed> = {}): Timed => ({
  ...{ what: 'mint', profile: 'acme', requestId: ID, endedAt: 1_767_603_600_250 as EpochMs, tookMs: 250, code: null },
  ...{ workspace: 'https://acme.cloud.databricks.com', scopes: ['sql', 'files'] },
  ...change,
});
const bodyOf = (...batch: Timed[]) => otlpSpans(batch, { version: '1.2.3', hostId: 'd0c1' }, randomBytes);

function spansOf(...batch: Timed[]) {
  const body = bodyOf(...batch);
  expect(otlpTraceProblems(body)).toEqual([]);
  return decodeSpans(body);
}

describe('a span', () => {
  it('has its times, its device and what it was about', () => {
    const [span] = spansOf(timed());
    expect(span).toEqual({
      ...{ traceId: `0000000000000000${ID}`, spanId: ID, parentSpanId: '', name: 'lakepass.mint', kind: 3, status: 0, links: [] },
      ...{ startTimeUnixNano: '1767603600000000000', endTimeUnixNano: '1767603600250000000' },
      attributes: {
        ...{ 'lakepass.profile': 'acme', 'lakepass.request_id': ID, 'server.address': 'acme.cloud.databricks.com' },
        'lakepass.scopes': ['sql', 'files'],
      },
      resource: { 'service.name': 'lakepass', 'service.version': '1.2.3', 'service.instance.id': 'd0c1' },
    });
  });

  it('of a try is a part of its mint', () => {
    const [one, two, mint] = spansOf(timed({ what: 'try', code: 'WORKSPACE_BUSY' }), timed({ what: 'try' }), timed());
    expect([one?.parentSpanId, two?.parentSpanId]).toEqual([mint?.spanId, mint?.spanId]);
    expect(new Set([one?.spanId, two?.spanId, mint?.spanId]).size).toBe(3);
    expect(new Set([one?.traceId, two?.traceId, mint?.traceId])).toEqual(new Set([traceIdOf(ID)]));
    expect([one?.status, one?.attributes['error.type'], two?.status]).toEqual([2, 'WORKSPACE_BUSY', 0]);
  });

  it('of a program’s request has a trace of its own, and a link to the token it got', () => {
    const [got, refused] = spansOf(timed({ what: 'token' }), timed({ what: 'token', requestId: null, code: 'LOCKED' }));
    expect(got?.links).toEqual([{ traceId: traceIdOf(ID), spanId: ID }]);
    expect(refused?.links).toEqual([]);
    expect(new Set([got?.traceId, refused?.traceId, traceIdOf(ID)]).size).toBe(3);
  });

  it.each<[string, Partial<Timed>]>([
    ['an id of zeros', { requestId: '0000000000000000' }],
    ['an id that is none', { requestId: 'x"}' }],
    ['an empty id', { requestId: '' }],
    ['a sign-in', { what: 'sign-in' }],
    ['a renewal', { what: 'renewal', code: 'ISSUER_UNREACHABLE' }],
    ['a clock that was set back', { endedAt: -5 as EpochMs }],
    ['a time below zero', { tookMs: -5 }],
    ['a time in parts', { tookMs: 0.7 }],
    ['no workspace', { workspace: 'nowhere' }],
    ['half a character', { profile: '\ud800' }],
    ['text without end', { profile: 'x'.repeat(10_000) }],
  ])('keeps to the protocol with %s', (_, change) => {
    const [problem, ...more] = otlpTraceProblems(bodyOf(timed(change)));
    expect(more).toEqual([]);
    // 1970 is no time of a span, and no time of a working clock either.
    expect(problem).toBe(change.endedAt === undefined ? undefined : 'lakepass.mint: times');
  });

  it('has attributes of a closed list alone', () => {
    const body = JSON.stringify(bodyOf({ ...timed(), token: 'canary', folder: '/home/canary' } as Timed));
    expect(body).not.toContain('canary');
  });
});

describe('the receiver of the tests', () => {
  it.each<[string, (span: Record<string, unknown>) => void, RegExp]>([
    ['an unknown field', (span) => Object.assign(span, { traceID: 'x' }), /is no field of Span/],
    ['a short trace id', (span) => Object.assign(span, { traceId: 'abcd' }), /traceId: is no bytes/],
    ['a trace id of zeros', (span) => Object.assign(span, { traceId: '0'.repeat(32) }), /trace id/],
    ['no span id', (span) => Object.assign(span, { spanId: '' }), /span id/],
    ['a kind by its name', (span) => Object.assign(span, { kind: 'SPAN_KIND_CLIENT' }), /is no number of SpanKind/],
    ['an end before the beginning', (span) => Object.assign(span, { endTimeUnixNano: '1' }), /times/],
    ['a time as a number', (span) => Object.assign(span, { startTimeUnixNano: 1 }), /is no fixed64/],
  ])('refuses %s', (_, spoil, problem) => {
    const body = bodyOf(timed()) as { resourceSpans: { scopeSpans: { spans: Record<string, unknown>[] }[] }[] };
    spoil(body.resourceSpans[0]?.scopeSpans[0]?.spans[0] ?? {});
    expect(otlpTraceProblems(body).join()).toMatch(problem);
  });
});
