/**
 * Counts, and serves what was counted, while the configuration that holds says so: the company's, or the person's own once somebody has
 * approved it. Otherwise nothing is counted, no port is open, and no token lies about.
 */
import { unlink } from 'node:fs/promises';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { AuditView } from '../../preload/contract/audit.ts';
import type { Failure } from '../../preload/contract/failure.ts';
import { AppError, asAppError } from '../app-error.ts';
import { createDoorTally } from '../audit/door-tally.ts';
import type { OpenAuditLog } from '../audit/log.ts';
import { createTally } from '../audit/tally.ts';
import type { Callers } from '../caller/caller.ts';
import { replaceFile } from '../durable-file.ts';
import type { Grants } from '../grant/grants.ts';
import type { Clock, Log } from '../ports.ts';
import type { TelemetrySettings } from '../profile/telemetry-settings.ts';
import { Secret } from '../secret.ts';
import type { Session } from '../session/session.ts';
import type { Health } from '../telemetry/health.ts';
import { createMetrics, type Gauge } from '../telemetry/metrics.ts';
import { openMetricsDoor } from '../telemetry/metrics-door.ts';
import { type EpochMs, minutes } from '../units.ts';

export interface Measuring {
  /** Serves what the settings say, or nothing; resolves once it is so, and never rejects. Nobody has to wait for it. */
  follow(): Promise<void>;
  /** The port cannot be had; it is tried again each minute. */
  problem(): Failure | null;
  close(): Promise<void>;
}

interface Parts {
  /** Those that hold; see `settingsThatHold`. */
  settings: () => TelemetrySettings;
  audit: OpenAuditLog;
  gauges: readonly Gauge[];
  health: Health;
  callers: Pick<Callers, 'attribute'>;
  uid: number;
  /** Nobody else may enter it. */
  runtime: string;
  clock: Clock;
  random: (bytes: number) => Buffer;
  log: Log;
  changed: () => void;
}

/** Of the file that the token lies in. */
const metricsTokenFile = 'metrics-token';

export function createMeasuring(parts: Parts): Measuring {
  const { audit, clock, random, log } = parts;
  const tokenFile = path.join(parts.runtime, metricsTokenFile);
  let serving: { port: number; close: () => Promise<void> } | undefined;
  let trouble: Failure | null = null;
  let turn: Promise<void> = Promise.resolve();
  let closed = false;
  let cancel = (): void => undefined;

  async function take(): Promise<void> {
    cancel();
    const wanted = closed ? undefined : parts.settings().metrics?.port;
    if (serving?.port === wanted && trouble === null) return;
    const before = trouble;
    await serving?.close();
    serving = undefined;
    trouble = wanted === undefined ? null : await serve(wanted);
    if (!closed && !isDeepStrictEqual(trouble, before)) parts.changed();
  }

  /** @returns why nothing is served; null: it is */
  async function serve(port: number): Promise<Failure | null> {
    const tally = createTally({ clock, audit, log });
    try {
      const token = new Secret(random(32).toString('base64url'));
      const metrics = createMetrics(parts.gauges);
      const door = await openMetricsDoor({
        ...{ port, token, text: metrics.text, health: parts.health.look, attribute: parts.callers.attribute, uid: parts.uid, log },
        tally: createDoorTally('metrics', tally),
      });
      const stopCounting = audit.onAppend(metrics.note);
      serving = {
        port,
        async close() {
          stopCounting();
          await door.close();
          tally.close();
          await unlink(tokenFile).catch((error: NodeJS.ErrnoException) => log('metrics.token-left', { code: error.code ?? '' }));
        },
      };
      await replaceFile(tokenFile, `${token.reveal()}\n`, random(8).toString('hex'));
      return null;
    } catch (error) {
      await serving?.close();
      serving = undefined;
      tally.close();
      cancel = clock.after(minutes(1), () => void follow());
      return troubleOf(error, port);
    }
  }

  function follow(): Promise<void> {
    turn = turn.then(take).catch((error: unknown) => log('metrics.not-taken', { code: asAppError(error).code }));
    return turn;
  }

  return {
    follow,
    problem: () => trouble,
    async close() {
      closed = true;
      await follow();
    },
  };
}

function troubleOf(error: unknown, port: number): Failure {
  const known = asAppError(error);
  if (known.code !== 'AGENT_START_FAILED') return known.toFailure();
  return new AppError('METRICS_PORT_TAKEN', { detail: `It is port ${port}.` }).toFailure();
}

/** What stands now: in numbers, without a name of a person or a program. */
export const gaugesOf = (parts: {
  clock: Clock;
  startedAt: EpochMs;
  version: string;
  companies: ReadonlyMap<string, { session: Pick<Session, 'view'> }>;
  grants: Pick<Grants, 'list'>;
  isLocked: () => boolean;
  audit: Pick<OpenAuditLog, 'head'>;
  sinks: () => AuditView['sinks'];
}): Gauge[] => {
  const { clock, companies, grants } = parts;
  const bySink = (value: (sink: AuditView['sinks'][number]) => number) => () =>
    parts.sinks().map((sink) => ({ labels: { sink: sink.name }, value: value(sink) }));
  return [
    { name: 'lakepass_build_info', help: 'The version.', values: () => [{ labels: { version: parts.version }, value: 1 }] },
    {
      ...{ name: 'lakepass_start_time_seconds', help: 'When the agent started, in epoch seconds.' },
      values: () => [{ value: Math.floor(parts.startedAt / 1000) }],
    },
    { name: 'lakepass_locked', help: '1 while Lakepass is locked.', values: () => [{ value: parts.isLocked() ? 1 : 0 }] },
    {
      ...{ name: 'lakepass_grants_live', help: 'Grants that programs have now.' },
      values: () => [{ value: grants.list().filter(({ state }) => state === 'live').length }],
    },
    {
      ...{ name: 'lakepass_session_remaining_seconds', help: 'Until a session ends at the latest; 0 where there is none.' },
      values: () =>
        [...companies].map(([profile, { session }]) => {
          const { phase, endsAt } = session.view();
          const left = phase === 'signed-in' && endsAt !== null ? Math.max(0, Math.floor((Date.parse(endsAt) - clock.now()) / 1000)) : 0;
          return { labels: { profile }, value: left };
        }),
    },
    { name: 'lakepass_audit_records', help: 'Number of the newest audit record.', values: () => [{ value: parts.audit.head().seq }] },
    { name: 'lakepass_sink_waiting_records', help: 'Records that a sink has yet to send.', values: bySink(({ waiting }) => waiting) },
    { name: 'lakepass_sink_failing', help: '1 while a sink fails.', values: bySink(({ problem }) => (problem === null ? 0 : 1)) },
  ];
};
