/**
 * A window of days and hours on the clock of a place. The wall clock there decides: an hour that is skipped in spring never is, one
 * that comes twice in autumn counts twice. A window past midnight belongs to the day on which it begins.
 */
import type { EpochMs } from '../units.ts';

const dayNames = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
const day = `(?:${dayNames.join('|')})`;

/** One day, or two with a hyphen between: `sat`, `mon-fri`, `fri-mon`. */
export const daysPattern = new RegExp(`^${day}(?:-${day})?$`);
/** From and until, `00:00` to `24:00`, never the same. */
export const clockPattern = /^(?!(\d\d:\d\d)-\1$)(?:[01]\d|2[0-3]):[0-5]\d-(?:(?:[01]\d|2[0-3]):[0-5]\d|24:00)$/;

/** Whether the runtime knows a time zone of that name; an offset such as `+02:00` is no place. */
export function isTimeZone(tz: string): boolean {
  if (!/^[A-Za-z]/.test(tz)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: tz }) !== null;
  } catch {
    // RangeError is how Intl says no.
    return false;
  }
}

export interface TimeWindow {
  tz: string;
  days?: readonly string[] | undefined;
  hours?: string | undefined;
}

/** @returns whether a moment lies in the window; the end is not part of it */
export function timeWindow({ tz, days, hours }: TimeWindow): (at: EpochMs) => boolean {
  const localTime = clockOf(tz);
  const wanted = days === undefined ? null : new Set(days.flatMap(spread));
  const [from, until] = hours === undefined ? [0, 1440] : hours.split('-').map(minuteOf);
  const begins = (weekday: number): boolean => wanted === null || wanted.has(weekday);
  return (at) => {
    const { weekday, minute } = localTime(at);
    if (from === undefined || until === undefined) return false;
    if (from < until) return begins(weekday) && minute >= from && minute < until;
    return (begins(weekday) && minute >= from) || (begins((weekday + 6) % 7) && minute < until);
  };
}

/** The days of `fri-mon`, as numbers from Sunday. */
function spread(days: string): number[] {
  const [first, last = first] = days.split('-').map((name) => (dayNames as readonly string[]).indexOf(name));
  const length = ((((last ?? 0) - (first ?? 0)) % 7) + 7) % 7;
  return Array.from({ length: length + 1 }, (_, step) => ((first ?? 0) + step) % 7);
}

const minuteOf = (clock: string): number => Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3));

/** Weekday and minute of the day on the wall clock of a time zone. */
function clockOf(tz: string): (at: EpochMs) => { weekday: number; minute: number } {
  const options = { timeZone: tz, weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;
  const format = new Intl.DateTimeFormat('en-US', options);
  return (at) => {
    const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]));
    const weekday = (dayNames as readonly string[]).indexOf(String(parts['weekday']).toLowerCase());
    return { weekday, minute: Number(parts['hour']) * 60 + Number(parts['minute']) };
  };
}
