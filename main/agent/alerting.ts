/**
 * Watches the log and the states that no record tells of, and says what is worth an alert: in the log, once when it begins and once when
 * it ends, in status and on Home. It refuses nothing and delays nobody.
 *
 * What holds is kept in a small file with a stamp of this device, so that a start raises nothing anew; where the file is gone or was
 * edited, everything that holds is raised once more (`main/audit/decisions/0003-alerts.md`).
 */
import { z } from 'zod';
import { type AlertView, alertAboutSchema, alertTexts, alertViewSchema } from '../../preload/contract/alert.ts';
import type { AuditView } from '../../preload/contract/audit.ts';
import type { CallerView } from '../../preload/contract/caller.ts';
import type { TapKeyView } from '../../preload/contract/tap-key.ts';
import { AppError, asAppError } from '../app-error.ts';
import { type Alert, createAlerts } from '../audit/alerts.ts';
import type { AuditEvent } from '../audit/event.ts';
import type { AuditRecord, OpenAuditLog } from '../audit/log.ts';
import { type Looked, lookBack } from '../audit/look-back.ts';
import type { Caller } from '../caller/caller.ts';
import { plain } from '../caller/describe.ts';
import type { UiAgent } from '../pages/ui-agent.ts';
import type { Clock, Log } from '../ports.ts';
import { readStamped, type Stamp, writeStamped } from '../stamped-file.ts';
import { type EpochMs, iso, minutes, ms } from '../units.ts';
import { nameOf } from './access.ts';

export interface Alerting {
  view(): AlertView[];
  /** A state may have changed. */
  look(): void;
  calls: Pick<UiAgent, 'alerts/seen'>;
  close(): Promise<void>;
}

const moment = z.int().nonnegative() as unknown as z.ZodType<EpochMs>;
const keptSchema = z.strictObject({
  version: z.literal(1),
  alerts: z
    .array(
      z.strictObject({
        ...{ kind: alertViewSchema.shape.kind, about: alertAboutSchema, since: moment, lastAt: moment },
        ...{ count: z.int().positive(), seen: z.boolean() },
      }),
    )
    .max(256),
});

/** So often time is looked at while an alert holds, or something is about to become one. */
const TICK = minutes(1);
/** By then the sinks of the configuration have been begun. */
const SETTLED = minutes(5);
/** Beginnings and ends that a full disk keeps from the log. */
const MOST_UNWRITTEN = 256;
/** Pages of the log that are looked through for the key that signed before: some hundred thousand records. */
const MOST_PAGES = 10;
/** Records of this start that were written before anybody listened. */
const MISSED = 100;
const longestName = 60;
/** What tells which key signs. */
const ofKeys: ReadonlySet<string> = new Set<AuditEvent['type']>(['audit.key', 'agent.started', 'agent.reset']);

export async function openAlerting(parts: {
  file: string;
  /** The folder of the log. */
  folder: string;
  /** Whoever writes that an alert was raised and seen would keep the next one from being raised. */
  stamp: Stamp;
  audit: Pick<OpenAuditLog, 'append' | 'onAppend' | 'tail'>;
  /** What was recorded since then was recorded before anybody listened. */
  startedAt: EpochMs;
  tapKeys: () => readonly Pick<TapKeyView, 'id' | 'name' | 'suspect' | 'state'>[];
  auditView: () => AuditView;
  describe: (caller: Caller) => CallerView;
  clock: Clock;
  random: (bytes: number) => Buffer;
  log: Log;
  changed: () => void;
}): Promise<Alerting> {
  const { file, stamp, audit, clock, random, log } = parts;
  const openedAt = clock.elapsed();
  const unwritten: AuditEvent[] = [];
  let cancel: (() => void) | undefined;
  let isSoon = false;
  let isClosed = false;
  let saving: Promise<void> = Promise.resolve();
  let looking: Promise<void> = Promise.resolve();

  const alerts = createAlerts({
    ...{ clock, kept: await readKept() },
    began: ({ kind, about, count }) => note({ type: 'alert.raised', alert: kind, severity: alertTexts[kind].severity, about, count }),
    over: ({ kind, about, count, since }) => note({ type: 'alert.over', alert: kind, about, count, since: iso(since) }),
  });

  async function readKept(): Promise<Alert[]> {
    try {
      const kept = await readStamped(file, stamp);
      return kept === null ? [] : keptSchema.parse(kept).alerts;
    } catch (error) {
      log('alerts.unusable', { error: error instanceof Error ? error.name : 'unknown' });
      return [];
    }
  }

  /** In the order in which things happen: each is written before the next is. */
  function save(): void {
    const kept = { version: 1, alerts: alerts.list() };
    saving = saving
      .then(() => writeStamped(file, kept, stamp, random(8).toString('hex')))
      .catch((error: unknown) => log('alerts.not-kept', { code: asAppError(error).code }));
  }

  /** In a turn of the loop of its own: it may be called while a record is being written. */
  function note(event: AuditEvent): void {
    if (unwritten.length < MOST_UNWRITTEN) unwritten.push(event);
    if (isSoon || isClosed) return;
    isSoon = true;
    cancel?.();
    cancel = clock.after(ms(0), tick);
  }

  function tick(): void {
    isSoon = false;
    cancel?.();
    cancel = undefined;
    alerts.look({ copiedKeys: copiedKeys(), sinks: sinks() });
    write();
    if (!isClosed && (alerts.isWaiting() || unwritten.length > 0 || !isSettled())) cancel ??= clock.after(TICK, tick);
  }

  /** What cannot be written now is tried again with the next tick. */
  function write(): void {
    if (unwritten.length === 0) return;
    try {
      for (let event = unwritten[0]; event !== undefined; event = unwritten[0]) {
        audit.append(event);
        unwritten.shift();
      }
    } catch (error) {
      log('alerts.not-recorded', { code: asAppError(error).code });
    }
    save();
    parts.changed();
  }

  const isSettled = (): boolean => clock.elapsed() - openedAt >= SETTLED;
  const copiedKeys = (): string[] =>
    parts
      .tapKeys()
      .filter(({ suspect, state }) => suspect === true && state === undefined)
      .map(({ id }) => id);

  function sinks(): Parameters<typeof alerts.look>[0]['sinks'] {
    const { checkpoint, sinks: all } = parts.auditView();
    // Before that none may be there yet, which does not mean that none is.
    if (checkpoint === null || !isSettled()) return null;
    return all.map(({ name, problem, lastSentAt }) => ({
      ...{ name, isFailing: problem !== null },
      lastSentAt: lastSentAt === null ? null : (Date.parse(lastSentAt) as EpochMs),
    }));
  }

  function see(record: AuditRecord): void {
    alerts.see(record);
    if (record.type === 'audit.key') looking = looking.then(() => compareKey(record));
  }

  /** With the key that signed before. */
  async function compareKey({ seq, thumbprint }: AuditRecord & { type: 'audit.key' }): Promise<void> {
    try {
      const before = await keyBefore(seq);
      // check: alert-signing-key
      if (before !== null && before !== thumbprint) alerts.happened('signing-key-changed');
      // end check
    } catch (error) {
      log('alerts.key-not-compared', { code: asAppError(error).code });
    }
  }

  /** The key that signed the log before, out of the same vault; null: none, there can be none, or a reset has made a new one due. */
  async function keyBefore(seq: number): Promise<string | null> {
    let own: string | null = null;
    let found: string | null = null;
    let before: number | null = seq;
    for (let page = 0; page < MOST_PAGES && before !== null; page += 1) {
      const looked: Looked = await lookBack(parts.folder, { before, limit: 200, wanted: ({ type }) => ofKeys.has(type) }, log);
      for (const record of looked.records) {
        if (record.type === 'agent.reset') return null;
        if (record.type === 'audit.key') {
          found ??= String(record['thumbprint']);
          continue;
        }
        const vault = String(record['vault']);
        own ??= vault;
        // What is in memory alone ends with each run.
        if (own === 'memory') return null;
        if (found !== null && vault === own) return found;
        found = null;
      }
      before = looked.next;
    }
    return null;
  }

  function nameOfAlert({ kind, about }: Alert): string {
    if (kind !== 'key-copied') return about;
    return plain(parts.tapKeys().find(({ id }) => id === about)?.name ?? '', longestName);
  }

  for (const record of audit.tail(MISSED)) if (Date.parse(record.at) >= parts.startedAt) see(record);
  const stopWatching = audit.onAppend(see);
  // Nobody listens yet.
  cancel ??= clock.after(ms(0), tick);

  return {
    view: () =>
      alerts.list().map((alert) => {
        const { severity, cause, next } = alertTexts[alert.kind];
        return { ...alert, severity, name: nameOfAlert(alert), since: iso(alert.since), lastAt: iso(alert.lastAt), cause, next };
      }),
    look: () => isClosed || tick(),
    calls: {
      'alerts/seen'({ kind, about }, by) {
        // check: alert-seen-not-by-ai-agent
        if (by.aiAgent !== null) throw new AppError('CALLER_REFUSED', { reason: by.kind });
        // end check
        if (!alerts.list().some((alert) => alert.kind === kind && alert.about === about && !alert.seen)) return {};
        audit.append({ type: 'alert.seen', alert: kind, about, ...nameOf(by, parts.describe) });
        alerts.seen(kind, about);
        save();
        parts.changed();
        return {};
      },
    },
    async close() {
      if (isClosed) return;
      isClosed = true;
      stopWatching();
      await looking;
      tick();
      // With the counts as they are now.
      save();
      await saving;
    },
  };
}
