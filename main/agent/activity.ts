/**
 * The audit log as a person looks at it: a page of records, what they add up to, and whether the log is whole. All of it is read from
 * the files, in pieces between which the agent goes on with its work; nothing is changed.
 */
import { basename } from 'node:path';
import type { ActivityRecord, AuditVerdict } from '../../preload/contract/activity.ts';
import { createActivityCounts, medianOf } from '../audit/counts.ts';
import { kindOf } from '../audit/kinds.ts';
import { lookBack } from '../audit/look-back.ts';
import type { StoredRecord } from '../audit/record.ts';
import type { Verification } from '../audit/verify.ts';
import { noteTexts, problemPlace, problemTexts, proofOf } from '../audit/verify-words.ts';
import type { Verifying } from '../audit/verifying.ts';
import type { UiAgent } from '../pages/ui-agent.ts';
import type { Clock, Log } from '../ports.ts';
import { type EpochMs, hours, iso, type Ms, minutes } from '../units.ts';

export interface ActivityParts {
  /** Of the audit log. */
  folder: string;
  verifying: Pick<Verifying, 'verify'>;
  clock: Pick<Clock, 'now'>;
  log: Log;
}

type Fields = ActivityRecord['fields'];
type Query = Parameters<UiAgent['activity']>[0];

export function createActivity({
  folder,
  verifying,
  clock,
  log,
}: ActivityParts): Pick<UiAgent, 'activity' | 'activity/summary' | 'audit/verify'> {
  const counts = createActivityCounts({ folder, log });

  return {
    /** An empty page with a `next` means that the look goes on there: a call does only so much work. */
    async activity(query) {
      const since = query.since === undefined ? undefined : Date.parse(query.since);
      const { records, next, damaged } = await lookBack(folder, { ...query, since, wanted: wantedBy(query) }, log);
      return { records: records.map(recordOf), next, damaged };
    },

    async 'activity/summary'({ span }) {
      const { part, count } = spans[span];
      // Whole minutes, the running one included.
      const until = (Math.floor(clock.now() / minutes(1)) + 1) * minutes(1);
      const since = (until - part * count) as EpochMs;
      const found = await counts.parts({ since, part, count });
      return {
        span,
        since: iso(since),
        until: iso(until),
        parts: found.map(({ mintMs, ...sums }, index) => ({ at: iso(since + index * part), ...sums, mintMs: medianOf(mintMs) })),
      };
    },

    'audit/verify': async () => verdictOf(folder, await verifying.verify()),
  };
}

const spans: Readonly<Record<'hour' | 'day' | 'week', { part: Ms; count: number }>> = {
  hour: { part: minutes(1), count: 60 },
  day: { part: hours(1), count: 24 },
  week: { part: hours(24), count: 7 },
};

/** Whether a record is one of those that are asked for. Text is sought in what the record says and in the name of its event. */
function wantedBy({ kinds, text, since, until }: Query): (record: StoredRecord) => boolean {
  const from = since === undefined ? Number.NEGATIVE_INFINITY : Date.parse(since);
  const to = until === undefined ? Number.POSITIVE_INFINITY : Date.parse(until);
  const sought = text.toLowerCase();
  return (record) => {
    const at = Date.parse(record.at);
    if (at < from || at > to) return false;
    if (kinds.length > 0 && !kinds.includes(kindOf(record.type))) return false;
    return sought === '' || textOf(record).includes(sought);
  };
}

/** What a later version may call a field; a log that holds other names was not written by us. */
const fieldName = /^[A-Za-z][A-Za-z0-9]{0,63}$/;
const head = new Set(['seq', 'at', 'id', 'prev', 'hash', 'type']);
/** More than our own writer lets through; the cut shows as an ellipsis. */
const most = { fields: 64, text: 1000, entries: 65 } as const;

/** Told one from another by a character that no text of the log needs. */
const textOf = (record: StoredRecord): string => [record.type, ...Object.values(fieldsOf(record)).flat()].join('\n').toLowerCase();

function fieldsOf(record: StoredRecord): Fields {
  const fields = Object.entries(record).filter(([name]) => !head.has(name) && fieldName.test(name));
  return Object.fromEntries(fields.slice(0, most.fields).map(([name, value]) => [name, shownValue(value)]));
}

/** What a newer version may have written in a form that this one does not know is shown as its JSON. */
function shownValue(value: unknown): Fields[string] {
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (Array.isArray(value)) return value.slice(0, most.entries).map(plainText);
  return plainText(value);
}

const plainText = (value: unknown): string => cut(typeof value === 'string' ? value : JSON.stringify(value));
const cut = (text: string): string => (text.length <= most.text ? text : `${text.slice(0, most.text - 1).toWellFormed()}…`);

const recordOf = (record: StoredRecord): ActivityRecord => ({
  seq: record.seq,
  at: record.at,
  type: cut(record.type),
  kind: kindOf(record.type),
  fields: fieldsOf(record),
});

function verdictOf(folder: string, verification: Verification): AuditVerdict {
  const { ok, records, problems, notes, first, last, unlisted } = verification;
  const more = unlisted === 0 ? [] : [`… and ${unlisted} more; \`lakepass audit verify\` shows up to 10,000.`];
  return {
    ...{ ok, folder, records, from: first?.at ?? null, to: last?.at ?? null, ...proofOf(verification) },
    problems: [...problems.map((found) => `${placeIn(folder, found)}: ${problemTexts[found.problem]}`), ...(ok ? [] : more)],
    notes: [...notes.map((found) => `${placeIn(folder, found)}: ${noteTexts[found.note]}`), ...(ok ? more : [])],
  };
}

/** The folder's own name would say little. */
const placeIn = (folder: string, found: { file: string; line: number }): string =>
  basename(found.file) === basename(folder) ? 'the log' : problemPlace(found);
