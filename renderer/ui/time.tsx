/** Moments and spans as people say them. */
import { texts } from '../texts.ts';

const sameDay = (one: Date, other: Date): boolean => one.toDateString() === other.toDateString();

/** `18:00` today; with the day otherwise, and with the year where it is another. */
export function moment(iso: string, now = new Date()): string {
  const date = new Date(iso);
  const time = date.toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit' });
  if (sameDay(date, now)) return time;
  const year = date.getFullYear() === now.getFullYear() ? {} : { year: 'numeric' as const };
  const day = date.toLocaleDateString(undefined, { weekday: 'short', day: 'numeric', month: 'short', ...year });
  return `${day}, ${time}`;
}

export function Moment({ at }: { at: string }) {
  return <time dateTime={at}>{moment(at)}</time>;
}

const minuteMs = 60_000;

/** `6 h 20 min`, `3 days 4 h`; minutes are the smallest thing said. */
export function lasting(ms: number): string {
  const minutes = Math.max(0, Math.floor(ms / minuteMs));
  const [days, hours, rest] = [Math.floor(minutes / 1440), Math.floor((minutes % 1440) / 60), minutes % 60];
  if (days > 0) return hours === 0 ? texts.time.days(days) : `${texts.time.days(days)} ${texts.time.hours(hours)}`;
  if (hours > 0) return rest === 0 ? texts.time.hours(hours) : `${texts.time.hours(hours)} ${texts.time.minutes(rest)}`;
  return texts.time.minutes(rest);
}
