/** What the timeline shows: which records are asked for, and how they are grouped. */
import { type ActivityKind, type ActivityRecord, activityKinds } from '../../preload/contract/activity.ts';
import type { UiInput } from '../../preload/contract/ui.ts';
import { texts } from '../texts.ts';

export const ranges = ['all', 'hour', 'today', 'week', 'month'] as const;
export type Range = (typeof ranges)[number];

export interface Filter {
  text: string;
  /** None: all. */
  kinds: readonly ActivityKind[];
  range: Range;
  /** The range counts back from here: from when it was chosen. */
  chosenAt: number;
}

export const noFilter: Filter = { text: '', kinds: [], range: 'all', chosenAt: 0 };
export const isFiltered = ({ text, kinds, range }: Filter): boolean => text.trim() !== '' || kinds.length > 0 || range !== 'all';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const pageSize = 50;
const longestText = 100;

/** Midnight of that day, here. */
function startOfDay(at: number): number {
  const date = new Date(at);
  date.setHours(0, 0, 0, 0);
  return date.getTime();
}

function sinceOf({ range, chosenAt }: Filter): number | null {
  switch (range) {
    case 'all':
      return null;
    case 'hour':
      return chosenAt - hourMs;
    case 'today':
      return startOfDay(chosenAt);
    case 'week':
      return chosenAt - 7 * dayMs;
    case 'month':
      return chosenAt - 30 * dayMs;
  }
}

/** @param before the `seq` that the page begins below; null: the newest page */
export function queryOf(filter: Filter, before: number | null): UiInput<'activity'> {
  const since = sinceOf(filter);
  return {
    limit: pageSize,
    text: filter.text.trim().slice(0, longestText),
    kinds: activityKinds.filter((kind) => filter.kinds.includes(kind)),
    ...(since === null ? {} : { since: new Date(since).toISOString() }),
    ...(before === null ? {} : { before }),
  };
}

export const withKind = (filter: Filter, kind: ActivityKind): Filter => ({
  ...filter,
  kinds: filter.kinds.includes(kind) ? filter.kinds.filter((one) => one !== kind) : [...filter.kinds, kind],
});

export interface Day {
  /** As people say it: `Today`, `Yesterday`, `Friday, 20 November`. */
  title: string;
  records: ActivityRecord[];
}

/** Newest first as they come; a record that two pages both hold is shown once. */
export function daysOf(records: readonly ActivityRecord[], now: number): Day[] {
  const days: (Day & { start: number })[] = [];
  const seen = new Set<number>();
  for (const record of records) {
    if (seen.has(record.seq)) continue;
    seen.add(record.seq);
    const start = startOfDay(Date.parse(record.at));
    const last = days.at(-1);
    if (last?.start === start) last.records.push(record);
    else days.push({ start, title: dayTitle(start, now), records: [record] });
  }
  return days.map(({ title, records: ofDay }) => ({ title, records: ofDay }));
}

function dayTitle(start: number, now: number): string {
  const today = startOfDay(now);
  if (start === today) return texts.activity.today;
  // A day may have 23 or 25 hours.
  if (start === startOfDay(today - dayMs / 2)) return texts.activity.yesterday;
  const date = new Date(start);
  const isThisYear = date.getFullYear() === new Date(now).getFullYear();
  return date.toLocaleDateString(undefined, {
    weekday: 'long',
    day: 'numeric',
    month: 'long',
    ...(isThisYear ? {} : { year: 'numeric' }),
  });
}
