/** When spans are sent, where to, and that whoever is timed is told nothing of it. */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createTracing } from '../../../main/agent/tracing.ts';
import { noTelemetry, type TelemetrySettings, telemetrySchema, telemetryWords } from '../../../main/profile/telemetry-settings.ts';
import type { Timed } from '../../../main/timed.ts';
import { seconds } from '../../../main/units.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { startOtlpReceiver } from '../../fixtures/otlp/receiver.ts';
import { temporaryFolder } from '../audit/audit-folder.ts';
import { waiting } from '../audit/sinks/shipping.ts';

async function tracing() {
  const receiver = await startOtlpReceiver({ token: 'collector-token' });
  onTestFinished(() => receiver.close());
  const tokenFile = path.join(temporaryFolder(), 'token');
  writeFileSync(tokenFile, 'collector-token', { mode: 0o600 });
  const clock = fakeClock();
  const to = telemetrySchema.parse({ traces: { otlp: { url: receiver.traceUrl, tokenFrom: { file: tokenFile } } } });
  const holds = { settings: to as TelemetrySettings, asked: 0, failed: 0 };
  const made = createTracing({
    ...{ settings: () => holds.settings, hostId: () => 'd0c1', clock, random: randomBytes, version: '1.2.3' },
    log() {
      holds.failed += 1;
    },
    fetch(...given) {
      holds.asked += 1;
      return fetch(...given);
    },
  });
  const requestId = randomBytes(8).toString('hex');
  const timed: Timed = { what: 'mint', profile: 'acme', requestId, endedAt: clock.now(), tookMs: 5, code: null };
  return { made, receiver, holds, timed, requestId, clock };
}

describe('traces', () => {
  it('go to the collector with its token, in a form it takes', async () => {
    const { made, receiver, timed, requestId } = await tracing();
    made.note(timed);
    await made.close();
    expect(receiver.problems).toEqual([]);
    expect(receiver.spans).toMatchObject([{ traceId: `0000000000000000${requestId}`, resource: { 'service.instance.id': 'd0c1' } }]);
    expect(receiver.bodies.join()).not.toContain('collector-token');
  });

  it('that have arrived are shown field by field; of those that have not, nothing is said to be sent', async () => {
    const { made, receiver, timed, requestId, clock, holds } = await tracing();
    // The receiver answers in its own time: none must pass for a send meanwhile, or it is late.
    const until = (holds: () => boolean) => waiting(clock)(holds, 0);
    receiver.answer = { status: 500 };
    made.note(timed);
    await clock.advance(seconds(5));
    await until(() => holds.failed === 1);
    expect(receiver.bodies).toHaveLength(1);
    expect(made.sent()).toEqual({ to: receiver.traceUrl, lastSentAt: null, last: null });
    receiver.answer = undefined;
    made.note(timed);
    await clock.advance(seconds(5));
    await until(() => made.sent()?.lastSentAt != null);
    expect(made.sent()?.last).toContainEqual({ name: 'lakepass.request_id', means: 'Id of the request at Databricks', value: requestId });
    holds.settings = noTelemetry;
    made.follow();
    expect(made.sent()).toBeNull();
    await made.close();
  });

  it('are sent nowhere unless settings say so, and no longer once they do not', async () => {
    const { made, receiver, holds, timed } = await tracing();
    const { settings } = holds;
    holds.settings = noTelemetry;
    made.note(timed);
    holds.settings = settings;
    made.follow();
    holds.settings = noTelemetry;
    made.note(timed);
    await made.close();
    expect([receiver.bodies, holds.asked]).toEqual([[], 0]);
  });

  it('cost whoever is timed nothing where the collector refuses', async () => {
    const { made, receiver, timed, holds } = await tracing();
    receiver.answer = { status: 500 };
    made.follow();
    made.note(timed);
    await made.close();
    expect(holds.asked).toBe(1);
    expect(receiver.spans).toEqual([]);
  });

  it('never make whoever is timed fail', async () => {
    const { made, holds, timed } = await tracing();
    Object.defineProperty(holds, 'settings', {
      get() {
        throw new TypeError('a bug');
      },
    });
    expect(made.note(timed)).toBeUndefined();
  });

  it('say in words where they go, and go over plain http to this machine alone', () => {
    const settings = (url: string) => telemetrySchema.safeParse({ traces: { otlp: { url } } });
    expect(telemetryWords(settings('https://otel.acme.example/v1/traces').data ?? {})[0]).toContain('https://otel.acme.example/v1/traces');
    for (const url of ['http://otel.acme.example/v1/traces', 'https://u:p@otel.acme.example/', 'file:///x', 'https://otel.acme.example/#x'])
      expect(settings(url).success).toBe(false);
  });
});
