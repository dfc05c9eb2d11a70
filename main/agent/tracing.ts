/**
 * Has spans sent while the configuration that holds says so: the company's, or the person's own once somebody has approved it. Otherwise what
 * is told here is let go of at once.
 */
import type { SentView } from '../../preload/contract/audit.ts';
import { otlpPost } from '../audit/sinks/otlp.ts';
import type { Clock, Log } from '../ports.ts';
import type { TelemetrySettings } from '../profile/telemetry-settings.ts';
import { otlpSpans } from '../telemetry/otlp-spans.ts';
import { createSpanExporter, type SpanExporter } from '../telemetry/span-exporter.ts';
import { lastSpanFields } from '../telemetry/span-words.ts';
import type { OnTimed } from '../timed.ts';

export interface Tracing {
  /** Never throws and never waits. */
  note: OnTimed;
  /** Sends to where the settings say, or nowhere. */
  follow(): void;
  /** Where to, and the last span that arrived; null: nowhere. */
  sent(): SentView['traces'];
  close(): Promise<void>;
}

export function createTracing(parts: {
  /** Those that hold; see `settingsThatHold`. */
  settings: () => TelemetrySettings;
  /** Of the device; null before it is known. */
  hostId: () => string | null;
  fetch: typeof globalThis.fetch;
  clock: Clock;
  random: (bytes: number) => Buffer;
  log: Log;
  version: string;
}): Tracing {
  const { clock, random, log, version } = parts;
  let current: { written: string; exporter: SpanExporter; sent: NonNullable<SentView['traces']> } | undefined;
  let closed = false;

  function start({ otlp }: NonNullable<TelemetrySettings['traces']>): { exporter: SpanExporter; sent: NonNullable<SentView['traces']> } {
    const sent: NonNullable<SentView['traces']> = { to: otlp.url, lastSentAt: null, last: null };
    const post = otlpPost({ url: otlp.url, tokenFile: otlp.tokenFrom?.file }, { fetch: parts.fetch, now: clock.now });
    const exporter = createSpanExporter({
      ...{ clock, log },
      async send(batch, signal) {
        const body = otlpSpans(batch, { version, hostId: parts.hostId() ?? '' }, random);
        await post(body, signal);
        Object.assign(sent, { lastSentAt: new Date(clock.now()).toISOString(), last: lastSpanFields(body) });
      },
    });
    return { exporter, sent };
  }

  function follow(): void {
    const wanted = closed ? undefined : parts.settings().traces;
    const written = JSON.stringify(wanted ?? null);
    if ((current?.written ?? 'null') === written) return;
    void current?.exporter.close();
    current = wanted === undefined ? undefined : { written, ...start(wanted) };
  }

  return {
    note(timed) {
      try {
        // A first sign-in has approved the configuration by the time it is over.
        follow();
        current?.exporter.add(timed);
      } catch (error) {
        log('traces.not-noted', { error: error instanceof Error ? error.name : typeof error });
      }
    },
    follow,
    sent: () => current?.sent ?? null,
    async close() {
      closed = true;
      await current?.exporter.close();
      current = undefined;
    },
  };
}
