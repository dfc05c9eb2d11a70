/** Codes that open once, and the cookie they are exchanged for. */
import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { cookiesOfApp, createEntry, type Entry } from '../../../main/apps/entry.ts';
import { minutes, ms } from '../../../main/units.ts';
import { type FakeClock, fakeClock } from '../../fakes/fake-clock.ts';

let clock: FakeClock;
let entry: Entry;
beforeEach(() => {
  clock = fakeClock();
  entry = createEntry({ clock, random: randomBytes, port: 4100 });
});
const browser = '/usr/bin/browser';
const cookieFor = (code: string): string => entry.exchange(code, browser)?.split(';')[0] ?? '';

describe('a code', () => {
  it('is exchanged for a cookie that lets in', () => {
    const cookie = cookieFor(entry.newCode());
    expect(cookie).toMatch(/^lakepass-app-4100=[\w-]{43}$/);
    expect(entry.knows([cookie], browser)).toBe(true);
    expect(entry.knows([`a=1; ${cookie}`], browser)).toBe(true);
    expect(entry.knows(['a=1', cookie], browser)).toBe(true);
  });

  it('opens once', () => {
    const code = entry.newCode();
    expect(entry.exchange(code, browser)).toBeDefined();
    expect(entry.exchange(code, browser)).toBeUndefined();
  });

  it('opens nothing when it is another', () => {
    const code = entry.newCode();
    expect(entry.exchange(`${code}x`, browser)).toBeUndefined();
    expect(entry.exchange('', browser)).toBeUndefined();
    expect(entry.exchange(code, browser)).toBeDefined();
  });

  it('opens nothing where there is none', () => {
    expect(entry.exchange('', browser)).toBeUndefined();
    expect(entry.isOpen()).toBe(false);
  });

  it('lives for ten minutes', async () => {
    const code = entry.newCode();
    await clock.advance(ms(minutes(10) - 1));
    expect(entry.isOpen()).toBe(true);
    await clock.advance(ms(1));
    expect(entry.isOpen()).toBe(false);
    expect(entry.exchange(code, browser)).toBeUndefined();
  });
});

describe('a cookie', () => {
  it.each(['', 'lakepass-app-4100=', 'lakepass-app-4100', 'lakepass-app-4101=x', '=x', ';;'])(
    'that nobody was given lets nobody in: %j',
    (text) => {
      entry.exchange(entry.newCode(), browser);
      expect(entry.knows([text], browser)).toBe(false);
    },
  );

  it('of another port is not this one', () => {
    const cookie = cookieFor(entry.newCode());
    expect(entry.knows([cookie.replace('4100', '4101')], browser)).toBe(false);
  });

  it('counts beside another of its name, which a page on another port can set', () => {
    const cookie = cookieFor(entry.newCode());
    expect(entry.knows([`lakepass-app-4100=tossed; ${cookie}`], browser)).toBe(true);
  });

  it('is the oldest to go after sixteen more', () => {
    const cookies = Array.from({ length: 17 }, () => cookieFor(entry.newCode()));
    expect(cookies.map((cookie) => entry.knows([cookie], browser))).toEqual([false, ...Array.from({ length: 16 }, () => true)]);
  });

  it('of any run is kept from the app', () => {
    expect(cookiesOfApp(['a=1; lakepass-app-4100=x', 'LAKEPASS-APP-9=y; b="2"'])).toBe('a=1; b="2"');
    expect(cookiesOfApp(['lakepass-app-4100=x'])).toBeUndefined();
    expect(cookiesOfApp([])).toBeUndefined();
  });
});
