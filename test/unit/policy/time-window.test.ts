import { describe, expect, it } from 'vitest';
import { clockPattern, daysPattern, isTimeZone, timeWindow } from '../../../main/policy/time-window.ts';
import type { EpochMs } from '../../../main/units.ts';

const lies = (window: Parameters<typeof timeWindow>[0], at: string) => timeWindow(window)(Date.parse(at) as EpochMs);
const office = { tz: 'Europe/Berlin', days: ['mon-fri'], hours: '07:00-20:00' };
const night = { tz: 'Europe/Berlin', days: ['fri'], hours: '22:00-06:00' };

describe('a window of time', () => {
  it.each([
    ['opens with its first minute', office, '2026-09-16T07:00:00+02:00', true],
    ['is closed the minute before', office, '2026-09-16T06:59:59+02:00', false],
    ['holds to its last minute', office, '2026-09-16T19:59:59+02:00', true],
    ['is over at its end', office, '2026-09-16T20:00:00+02:00', false],
    ['is closed on other days', office, '2026-09-19T12:00:00+02:00', false],
    ['goes by the day of its place, not of UTC', { tz: 'Asia/Tokyo', days: ['mon'] }, '2026-09-13T15:30:00Z', true],
    ['holds all day without hours', { tz: 'UTC', days: ['sun'] }, '2026-09-13T23:59:59Z', true],
    ['holds every day without days', { tz: 'UTC', hours: '09:00-10:00' }, '2026-09-13T09:30:00Z', true],
    ['ends with the day at 24:00', { tz: 'UTC', hours: '09:00-24:00' }, '2026-09-13T23:59:59Z', true],
    ['goes round the end of the week', { tz: 'UTC', days: ['sat-mon'] }, '2026-09-14T12:00:00Z', true],
    ['goes round the end of the week and no further', { tz: 'UTC', days: ['sat-mon'] }, '2026-09-15T12:00:00Z', false],
    ['goes on past midnight', night, '2026-09-19T05:59:00+02:00', true],
    ['has not begun on the morning of its own day', night, '2026-09-18T05:59:00+02:00', false],
    ['begins on the evening of its day', night, '2026-09-18T22:00:00+02:00', true],
    ['does not begin on the evening after', night, '2026-09-19T22:00:00+02:00', false],
  ])('%s', (_, window, at, expected) => {
    expect(lies(window, at)).toBe(expected);
  });

  it.each([
    ['the last minute before the clocks go forward', '2026-03-29T00:59:59Z', true],
    ['the first after it: 01:59 is followed by 03:00', '2026-03-29T01:00:00Z', false],
    ['the first 02:30 when the clocks go back', '2026-10-25T00:30:00Z', true],
    ['the second 02:30', '2026-10-25T01:30:00Z', true],
    ['03:00 after both', '2026-10-25T02:00:00Z', false],
  ])('goes by the wall clock at %s', (_, at, expected) => {
    expect(lies({ tz: 'Europe/Berlin', hours: '01:30-03:00' }, at)).toBe(expected);
  });

  it('past midnight belongs to the evening before, on the night the clocks change too', () => {
    const window = { tz: 'Europe/Berlin', days: ['sat'], hours: '23:00-04:00' };
    expect(lies(window, '2026-03-29T01:30:00Z')).toBe(true);
    expect(lies(window, '2026-03-29T02:00:00Z')).toBe(false);
    expect(lies(window, '2026-10-25T02:30:00Z')).toBe(true);
    expect(lies(window, '2026-10-25T03:00:00Z')).toBe(false);
  });

  it('is written in one way', () => {
    for (const hours of ['07:00-20:00', '22:00-06:00', '00:00-24:00', '23:59-00:00']) expect(clockPattern.test(hours)).toBe(true);
    for (const hours of ['7:00-20:00', '07:00-25:00', '24:00-07:00', '07:00-07:00', '07:60-08:00', '07:00', ' 07:00-08:00', '07:00-24:01'])
      expect(clockPattern.test(hours), hours).toBe(false);
    for (const days of ['mon', 'mon-fri', 'sat-sun']) expect(daysPattern.test(days)).toBe(true);
    for (const days of ['Mon', 'monday', 'mon-', 'mon-fri-sat', 'mon,tue']) expect(daysPattern.test(days)).toBe(false);
    for (const tz of ['Europe/Berlin', 'UTC', 'America/Argentina/Buenos_Aires']) expect(isTimeZone(tz)).toBe(true);
    for (const tz of ['Mars/Olympus', '+02:00', '', 'Europe/Berlin; x', '__proto__']) expect(isTimeZone(tz), tz).toBe(false);
  });
});
