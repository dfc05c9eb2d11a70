/** What the configuration says about telemetry: numbers to be fetched from this machine, and times that are sent. Nothing of it is on by itself. */
import { z } from 'zod';
import { otlpSchema, placeOfCollector } from './audit-settings.ts';

export const telemetrySchema = z.strictObject({
  metrics: z
    .strictObject({
      port: z.int().min(1024).max(65_535).describe('Port on 127.0.0.1 and ::1.'),
    })
    .optional()
    .describe('Serves counts and times at http://127.0.0.1:PORT/metrics to programs of yours that have read its token.'),
  traces: z
    .strictObject({
      otlp: z.strictObject({
        ...otlpSchema.shape,
        url: otlpSchema.shape.url.describe('Where the collector takes traces: all of it, such as https://otel.acme.example/v1/traces.'),
      }),
    })
    .optional()
    .describe('Sends how long sign-ins and requests for tokens took to an OpenTelemetry collector, by OTLP/HTTP in JSON.'),
});

export type TelemetrySettings = z.output<typeof telemetrySchema>;
export const noTelemetry: TelemetrySettings = {};

/** What it comes to, for whoever approves it; a sentence each. */
export const telemetryWords = ({ metrics, traces }: TelemetrySettings): string[] => [
  ...(metrics === undefined
    ? []
    : [`Counts of tokens and failures are served on port ${metrics.port} of this machine, to programs with its token.`]),
  ...(traces === undefined
    ? []
    : [`When tokens were asked for, of which workspace, and how long that took goes to ${placeOfCollector(traces.otlp)}.`]),
];
