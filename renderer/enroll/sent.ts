/** What is sent away of this device, as rows to read: every field of it, those that nobody has words for by their own names. */
import type { SentField, SentView } from '../../preload/contract/audit.ts';
import type { StatusView } from '../../preload/contract/control.ts';
import type { Failure } from '../../preload/contract/failure.ts';
import { texts } from '../texts.ts';

const words = texts.managed.seen;

export interface SentRow {
  /** What it is; where nobody has words for it, its name. */
  means: string;
  /** As it was sent; null: that says no more. */
  name: string | null;
  value: string;
}

export interface Sent {
  id: string;
  heading: string;
  to: string;
  sentAt: string | null;
  problem: Failure | null;
  /** null: nobody minds whether all of it arrives. */
  standing: keyof typeof words.standings | null;
  /** In words; null: nobody counts what waits. */
  waiting: string | null;
  /** How much of what may wait does, 0 to 1; null: not more than one can. */
  behind: number | null;
  /** What people are in it; null: that stands in its rows. */
  people: string | null;
  /** Of the last that was sent, each field; null: nothing was, or not by this run. */
  rows: readonly SentRow[] | null;
  /** What it is, and why there are no rows. */
  notes: readonly string[];
}

/** Everything that is sent away of this device; a later way gets a line of its own here. */
export const sentOf = ({ managed, sent }: Pick<StatusView, 'managed'> & { sent: SentView | null }): Sent[] => [
  ...[managed?.record ?? null]
    .filter((record) => record !== null)
    .map(
      ({ to, sentAt, problem, waiting, fields }): Sent => ({
        ...{ id: 'record', heading: words.record, to, sentAt, problem, people: null, behind: null, notes: [] },
        standing: standingOf({ sentAt, problem, waiting }),
        waiting: waiting === 0 ? null : words.newer,
        rows: fields === null ? null : rowsOf(fields).map(([means, value]) => ({ means, name: null, value })),
      }),
    ),
  ...(sent?.sinks ?? []).map((sink): Sent => {
    const { name, to, lastSentAt, problem, waiting, waitingBytes, mostBytes, mostDays, pseudonymized, last } = sink;
    return {
      ...{ id: `sink ${name}`, heading: words.sink(name), to, sentAt: lastSentAt, problem },
      standing: standingOf({ sentAt: lastSentAt, problem, waiting }),
      waiting:
        waiting === 0
          ? words.waitsNothing(sizeOf(mostBytes), mostDays)
          : words.waits(waiting, sizeOf(waitingBytes), sizeOf(mostBytes), mostDays),
      behind: waiting === 0 ? 0 : Math.min(1, waitingBytes / mostBytes),
      people: pseudonymized ? words.byPseudonym : words.byName,
      rows: last === null ? null : last.map(rowOf),
      notes: [words.sinkNote, ...(last === null && lastSentAt !== null ? [words.notSince] : [])],
    };
  }),
  ...[sent?.traces ?? null]
    .filter((traces) => traces !== null)
    .map(
      ({ to, lastSentAt, last }): Sent => ({
        ...{ id: 'traces', heading: words.traces, to, sentAt: lastSentAt, problem: null, standing: null, waiting: null, behind: null },
        ...{ people: words.nobody, rows: last === null ? null : last.map(rowOf), notes: [words.tracesNote] },
      }),
    ),
];

function standingOf({
  sentAt,
  problem,
  waiting,
}: {
  sentAt: string | null;
  problem: Failure | null;
  waiting: number;
}): NonNullable<Sent['standing']> {
  if (problem !== null) return 'failing';
  if (sentAt === null) return 'never';
  return waiting === 0 ? 'good' : 'waiting';
}

/** What is there is never nothing. */
function sizeOf(bytes: number): string {
  if (bytes >= 1e6) return words.megabytes(Math.round(bytes / 1e6));
  return words.kilobytes(Math.max(bytes === 0 ? 0 : 1, Math.round(bytes / 1000)));
}

const rowOf = ({ name, means, value }: SentField): SentRow => ({
  means: means === '' ? name : means,
  name: means === '' ? null : name,
  value: textOf(Array.isArray(value) && value.length > 0 ? value.join(', ') : value),
});

const longest = 96;

/** Every leaf of it; what is long is cut, and how long it is stands behind. */
export function rowsOf(value: unknown, path: readonly string[] = []): [name: string, value: string][] {
  if (Array.isArray(value) && value.length > 0) return value.flatMap((one, index) => rowsOf(one, [...path, String(index + 1)]));
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0)
    return Object.entries(value).flatMap(([key, one]) => rowsOf(one, [...path, key]));
  return [[nameOf(path), textOf(value)]];
}

function nameOf(path: readonly string[]): string {
  const plain = path.filter((part) => !/^[0-9]+$/.test(part)).join('.');
  const index = path.find((part) => /^[0-9]+$/.test(part));
  const known = Object.entries(words.fields).find(([key]) => key === plain)?.[1] ?? plain;
  return index === undefined ? known : `${known} (${index})`;
}

function textOf(value: unknown): string {
  if (value === null || (typeof value === 'object' && Object.keys(value).length === 0)) return words.none;
  if (typeof value === 'boolean') return value ? words.yes : words.no;
  const text = String(value);
  return text.length <= longest ? text : words.cut(text.slice(0, longest), text.length);
}
