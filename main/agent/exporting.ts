/**
 * Runs the sinks that the configuration names, once the device is known, and as it is changed. Records go nowhere under a configuration that
 * nobody has approved.
 */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { AuditView, SentView } from '../../preload/contract/audit.ts';
import type { Failure } from '../../preload/contract/failure.ts';
import { asAppError } from '../app-error.ts';
import { deviceOf } from '../audit/checkpoint.ts';
import type { Checkpoints } from '../audit/checkpoints.ts';
import { type DeviceFacts, pseudonymBy } from '../audit/envelope.ts';
import { sentFields } from '../audit/field-words.ts';
import type { OpenAuditLog } from '../audit/log.ts';
import { databricksTableSink, type TableToken } from '../audit/sinks/databricks-table.ts';
import { folderSink } from '../audit/sinks/folder.ts';
import { otlpSink } from '../audit/sinks/otlp.ts';
import { type Shipper, startShipper } from '../audit/sinks/shipper.ts';
import type { Sink } from '../audit/sinks/sink.ts';
import { runStatement } from '../databricks/sql-statement.ts';
import type { Clock, Log } from '../ports.ts';
import { type AuditSettings, noAuditSettings, placeOfSink, type SinkSettings } from '../profile/audit-settings.ts';
import type { Stamp } from '../stamped-file.ts';
import { hours } from '../units.ts';
import type { Records } from '../vault/vault.ts';
import { settingsThatHold } from './settings-that-hold.ts';

export interface Exporting {
  /** Has the sinks that the settings name, and no other. Nobody waits for it. */
  follow(): void;
  view(): AuditView;
  /** Of the sinks that have failed for a while. */
  problems(): Failure[];
  /** What has really left, the last record of each sink field by field. @throws AppError AUDIT_BROKEN: the log cannot be read */
  sent(): SentView;
  /** Sends what there is, for a few seconds at most, and ends. */
  close(): Promise<void>;
}

const PSEUDONYM_KEY = 'audit-pseudonym';

export function createExporting(parts: {
  /** What the company's configuration says; null: it has none here. */
  ofCompany: () => AuditSettings | null;
  /** What the person's own says, and whether somebody has approved that. */
  own: () => AuditSettings;
  isApproved: () => boolean;
  checkpoints: Pick<Checkpoints, 'key' | 'last'>;
  /** The folder of the log. */
  folder: string;
  /** Where cursors lie. */
  cursors: string;
  /** Open while everything else is locked. */
  vault: Pick<Records, 'seal' | 'open'>;
  stamp: Stamp;
  audit: Pick<OpenAuditLog, 'append' | 'head' | 'onAppend' | 'synced'>;
  fetch: typeof globalThis.fetch;
  /** For a table of a workspace. */
  tableToken: TableToken;
  clock: Clock;
  random: (bytes: number) => Buffer;
  log: Log;
  version: string;
  changed: () => void;
  /** What is sent beside the log. */
  traces: () => SentView['traces'];
}): Exporting {
  const { checkpoints, audit, clock, random, log, version } = parts;
  /** By the settings they were started with, as text. */
  const shippers = new Map<string, { shipper: Shipper; pseudonymized: boolean }>();
  let turn: Promise<void> = Promise.resolve();
  let closed = false;

  async function take(): Promise<void> {
    const origin = checkpoints.key()?.origin;
    if (closed || origin === undefined) return;
    // Also those of a company that the device has left.
    const { sinks, pseudonymize } = settingsThatHold({ ...parts, none: noAuditSettings });
    const wanted = new Map(sinks.map((sink) => [JSON.stringify({ sink, pseudonymize }), sink]));
    for (const [written, { shipper }] of shippers) {
      if (wanted.has(written)) continue;
      shippers.delete(written);
      await shipper.close();
    }
    for (const [written, sink] of wanted) {
      if (shippers.has(written)) continue;
      const shipper = await start(sink, await factsOf(origin, pseudonymize));
      shippers.set(written, { shipper, pseudonymized: pseudonymize });
    }
  }

  async function factsOf(origin: string, pseudonymize: boolean): Promise<DeviceFacts> {
    const facts = { hostId: deviceOf(origin), version };
    return pseudonymize ? { ...facts, pseudonym: pseudonymBy(await pseudonymKey()) } : facts;
  }

  async function pseudonymKey(): Promise<Buffer> {
    const kept = await parts.vault.open(PSEUDONYM_KEY);
    if (kept !== null) return kept;
    const made = random(32);
    await parts.vault.seal(PSEUDONYM_KEY, made);
    return made;
  }

  async function start(settings: SinkSettings, device: DeviceFacts): Promise<Shipper> {
    await mkdir(parts.cursors, { recursive: true, mode: 0o700 });
    return startShipper({
      ...{ sink: sinkOf(settings), folder: parts.folder, cursorFile: path.join(parts.cursors, `${settings.name}.json`) },
      ...{ audit, device: () => device, clock, random, stamp: parts.stamp, log, changed: parts.changed },
    });
  }

  function sinkOf(settings: SinkSettings): Sink {
    const { name, otlp, folder, databricks } = settings;
    if (databricks !== undefined)
      return databricksTableSink(
        name,
        { ...databricks, to: placeOfSink(settings) },
        { run: (request) => runStatement(parts, request), clock, token: parts.tableToken },
      );
    if (otlp === undefined) return folderSink(name, folder ?? '', { random });
    return otlpSink(name, { url: otlp.url, tokenFile: otlp.tokenFrom?.file }, { fetch: parts.fetch, now: clock.now });
  }

  const all = (): Shipper[] => [...shippers.values()].map(({ shipper }) => shipper);
  function viewOf(shipper: Shipper): AuditView['sinks'][number] {
    const { lastSentAt, ...view } = shipper.view();
    return { ...view, lastSentAt: lastSentAt === null ? null : new Date(lastSentAt).toISOString() };
  }
  function sentBy({ shipper, pseudonymized }: { shipper: Shipper; pseudonymized: boolean }): SentView['sinks'][number] {
    const { bytes, caps } = shipper.behind();
    const last = shipper.lastSent();
    return {
      ...{ ...viewOf(shipper), pseudonymized, waitingBytes: bytes, mostBytes: caps.bytes, mostDays: Math.round(caps.age / hours(24)) },
      last: last === null ? null : sentFields(last),
    };
  }
  return {
    follow() {
      turn = turn.then(take).catch((error: unknown) => log('audit.sinks-not-taken', { code: asAppError(error).code }));
    },
    view() {
      const sealed = checkpoints.last();
      return {
        checkpoint: sealed === null ? null : { size: sealed.size, at: new Date(sealed.at).toISOString() },
        sinks: all().map(viewOf),
      };
    },
    problems: () => all().flatMap((shipper) => shipper.problem() ?? []),
    sent: () => ({ sinks: [...shippers.values()].map(sentBy), traces: parts.traces() }),
    async close() {
      closed = true;
      await turn;
      await Promise.all(all().map((shipper) => shipper.close()));
    },
  };
}
