/**
 * What of the log is worth an alert: a table of conditions over the stream of its records, and over states that no record tells of. It
 * remembers a bounded number of them, however much happens; it writes nothing and knows no clock but the one it is given.
 *
 * A condition that records make goes on for a while behind the last of them, so that one storm is one alert; one that is a state goes on
 * as long as the state. Nothing else ends either, least of all that somebody has seen it.
 */
import { type AlertKind, alertAboutSchema, alertKinds } from '../../preload/contract/alert.ts';
import type { Clock } from '../ports.ts';
import { type EpochMs, hours, type Ms, minutes } from '../units.ts';
import type { AuditEvent, AuditEventType } from './event.ts';

export interface Alert {
  kind: AlertKind;
  /** A profile, a sink or the id of a key; empty where it is about none of them. */
  about: string;
  since: EpochMs;
  lastAt: EpochMs;
  count: number;
  seen: boolean;
}

/** What no record tells of. */
export interface States {
  /** Ids of tap keys in use whose counter once went back. */
  copiedKeys: readonly string[];
  /** Each sink of the configuration; null: not known yet. */
  sinks: readonly { name: string; isFailing: boolean; lastSentAt: EpochMs | null }[] | null;
}

export interface Alerts {
  /** Must be told of every record, as it is written. */
  see(record: AuditEvent): void;
  /** Something that is worth an alert and takes more than one record to see has happened. */
  happened(kind: AlertKind): void;
  /** Looks at the states and at the time. */
  look(states: States): void;
  /** Oldest first. */
  list(): readonly Alert[];
  /** The person has seen it, which ends nothing. @returns false: there is no such alert, or it was seen before */
  seen(kind: AlertKind, about: string): boolean;
  /** Whether time alone could change anything. */
  isWaiting(): boolean;
}

type Count = (record: Record<string, unknown>) => number;
type Counts = { readonly [T in AuditEventType]?: Count };
interface Row {
  /** Records that begin it, and how much each counts. */
  begins: Counts;
  /** Records that count once it has begun; absent: the same. */
  adds?: Counts;
  /** So much within this time begins it; absent: one does. */
  burst?: { count: number; within: Ms };
  /** The field that says what it is about. */
  about?: string;
  /** It goes on for so long behind the last record. */
  holds: Ms;
}

const DAY = hours(24);
const WEEK = hours(7 * 24);
/** A sink has failed for so long, of the time that this machine was awake. */
const FAILING_FOR = hours(1);
/** Of one kind; what is about something else then counts with the nameless one. */
const MOST_OF_A_KIND = 16;

const one: Count = () => 1;
const given: Count = ({ count }) => (Number.isSafeInteger(count) && Number(count) > 0 ? Number(count) : 0);
const ofPrompts: Count = (record) => (/^CONSENT_(QUEUE_FULL|QUIET)$/.test(String(record['code'])) ? given(record) : 0);

const rows: Partial<Record<AlertKind, Row>> = {
  'tokens-rejected': {
    begins: { 'token.validation-burst': given },
    adds: { 'token.validation-failed': one },
    about: 'profile',
    holds: DAY,
  },
  'other-user': {
    // Whose connection was gone before the system could name its user is nobody else's as far as anybody knows.
    begins: { 'door.foreign-user': (record) => (record['uid'] === -1 ? 0 : given(record)) },
    adds: { 'door.foreign-user': given },
    holds: DAY,
  },
  'prompt-flood': {
    begins: { 'consent.asked': one },
    adds: { 'consent.asked': one, 'token.refused': ofPrompts, 'control.refused': ofPrompts },
    burst: { count: 12, within: minutes(10) },
    holds: hours(1),
  },
  'records-skipped': { begins: { 'audit.export-skipped': given }, about: 'sink', holds: DAY },
  'log-changed': { begins: { 'audit.rewritten': one, 'audit.broken': one }, holds: WEEK },
  'signing-key-changed': { begins: {}, holds: WEEK },
};

const countOf = (counts: Counts, record: AuditEvent): number => {
  const count = Object.hasOwn(counts, record.type) ? counts[record.type] : undefined;
  return count?.({ ...record }) ?? 0;
};

/**
 * @param parts.kept those that held when the agent stopped: they are not begun anew
 * @param parts.began told once for each that begins, and `over` once for each that ends; neither may throw
 */
export function createAlerts(parts: {
  clock: Pick<Clock, 'now' | 'elapsed'>;
  kept?: readonly Alert[];
  began: (alert: Alert) => void;
  over: (alert: Alert) => void;
}): Alerts {
  const { clock } = parts;
  const active = new Map<string, Alert>();
  /** When what may become a burst happened, in running time. */
  const recent = new Map<string, Ms[]>();
  /** Since when a sink fails, in running time: a machine that sleeps cannot send. */
  const failing = new Map<string, Ms>();
  for (const alert of parts.kept ?? []) active.set(placeOf(alert.kind, alert.about), { ...alert });

  function begin(kind: AlertKind, about: string, count: number): void {
    const now = clock.now();
    const alert: Alert = { kind, about, since: now, lastAt: now, count, seen: false };
    active.set(placeOf(kind, about), alert);
    parts.began({ ...alert });
  }

  function goOn(alert: Alert, more: number): void {
    alert.count = Math.min(alert.count + more, Number.MAX_SAFE_INTEGER);
    alert.lastAt = clock.now();
  }

  function end(alert: Alert): void {
    active.delete(placeOf(alert.kind, alert.about));
    parts.over({ ...alert });
  }

  /** What it is about, as long as there are few of its kind; words that are no plain name are nobody's. */
  function aboutOf(kind: AlertKind, word: unknown): string {
    const about = alertAboutSchema.safeParse(word).data ?? '';
    if (active.has(placeOf(kind, about))) return about;
    return [...active.values()].filter((alert) => alert.kind === kind).length < MOST_OF_A_KIND ? about : '';
  }

  function see(record: AuditEvent): void {
    for (const kind of alertKinds) {
      const row = rows[kind];
      // Every record of the log comes through here, and most are none of its.
      if (row === undefined || !(Object.hasOwn(row.begins, record.type) || Object.hasOwn(row.adds ?? {}, record.type))) continue;
      const about = row.about === undefined ? '' : aboutOf(kind, (record as Record<string, unknown>)[row.about]);
      const alert = active.get(placeOf(kind, about));
      const count = countOf(alert === undefined ? row.begins : (row.adds ?? row.begins), record);
      if (count === 0) continue;
      if (alert !== undefined) goOn(alert, count);
      else if (row.burst === undefined) begin(kind, about, count);
      else seeOfBurst(kind, about, count, row.burst);
    }
  }

  function seeOfBurst(kind: AlertKind, about: string, count: number, { count: enough, within }: { count: number; within: Ms }): void {
    const now = clock.elapsed();
    const place = placeOf(kind, about);
    const more = Array<Ms>(Math.min(count, enough)).fill(now);
    const times = [...(recent.get(place) ?? []), ...more].filter((at) => now - at <= within).slice(-enough);
    recent.set(place, times);
    if (times.length < enough) return;
    recent.delete(place);
    begin(kind, about, times.length);
  }

  function look({ copiedKeys, sinks }: States): void {
    follow('key-copied', new Set(copiedKeys));
    if (sinks !== null) follow('sink-failing', failingNow(sinks));
    for (const alert of [...active.values()]) {
      const row = rows[alert.kind];
      // A clock that was set back makes it last longer, never shorter.
      if (row !== undefined && clock.now() - alert.lastAt >= row.holds) end(alert);
    }
  }

  /** A state that holds of each of these, and of nothing else. */
  function follow(kind: AlertKind, holding: ReadonlySet<string>): void {
    for (const word of holding) {
      const about = aboutOf(kind, word);
      const alert = active.get(placeOf(kind, about));
      if (alert === undefined) begin(kind, about, 1);
      else alert.lastAt = clock.now();
    }
    const isOver = ({ about }: Alert): boolean => !holding.has(about) && (about !== '' || holding.size === 0);
    for (const alert of [...active.values()]) if (alert.kind === kind && isOver(alert)) end(alert);
  }

  function failingNow(sinks: NonNullable<States['sinks']>): Set<string> {
    const now = clock.elapsed();
    for (const name of [...failing.keys()]) if (!sinks.some((sink) => sink.name === name && sink.isFailing)) failing.delete(name);
    for (const { name, isFailing } of sinks) if (isFailing && !failing.has(name)) failing.set(name, now);
    const holds = ({ name, isFailing, lastSentAt }: (typeof sinks)[number]): boolean => {
      const known = active.get(placeOf('sink-failing', name));
      // After a start nothing was tried yet: only what has arrived since shows that it is mended.
      if (known !== undefined) return isFailing || lastSentAt === null || lastSentAt <= known.since;
      return now - (failing.get(name) ?? now) >= FAILING_FOR;
    };
    return new Set(sinks.filter(holds).map(({ name }) => name));
  }

  return {
    see,
    happened(kind) {
      const alert = active.get(placeOf(kind, ''));
      if (alert === undefined) begin(kind, '', 1);
      else goOn(alert, 1);
    },
    look,
    list: () => [...active.values()].map((alert) => ({ ...alert })).sort((a, b) => a.since - b.since),
    seen(kind, about) {
      const alert = active.get(placeOf(kind, about));
      if (alert === undefined || alert.seen) return false;
      alert.seen = true;
      return true;
    },
    isWaiting: () => active.size > 0 || failing.size > 0,
  };
}

const placeOf = (kind: AlertKind, about: string): string => `${kind} ${about}`;
