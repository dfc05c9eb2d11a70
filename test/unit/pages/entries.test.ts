import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../../main/app-error.ts';
import { createEntries, type Entries } from '../../../main/pages/entries.ts';
import { hours, minutes } from '../../../main/units.ts';
import { type FakeClock, fakeClock } from '../../fakes/fake-clock.ts';

let clock: FakeClock;
let entries: Entries;
beforeEach(() => {
  clock = fakeClock();
  entries = createEntries({ clock, random: randomBytes });
});

const ui = { host: 'ui' } as const;
const ceremony = { host: 'ceremony', ticket: 't-1' } as const;
const enterUi = () => entries.enter(entries.code(ui), 'ui');
const refusal = (act: () => unknown): string => {
  try {
    act();
    return 'let in';
  } catch (error) {
    return error instanceof AppError ? `${error.code} ${error.reason}` : String(error);
  }
};
const REFUSED_CODE = 'PAGE_REFUSED code';
const REFUSED_BEARER = 'PAGE_REFUSED bearer';

describe('a code', () => {
  it('is 256 bits in the alphabet of a fragment, and never the same twice', () => {
    const codes = Array.from({ length: 20 }, () => entries.code(ui));
    expect(new Set(codes).size).toBe(20);
    for (const code of codes) expect(code).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });

  it('opens what it was made for', () => {
    const bearer = entries.enter(entries.code(ceremony), 'ceremony');
    expect(entries.find(bearer, 'ceremony').entry).toEqual(ceremony);
  });

  it('works once', () => {
    const code = entries.code(ui);
    entries.enter(code, 'ui');
    expect(refusal(() => entries.enter(code, 'ui'))).toBe(REFUSED_CODE);
  });

  it('works for two minutes and no longer', () => {
    const [early, late] = [entries.code(ui), entries.code(ui)];
    clock.set(clock.now() + minutes(2) - 1);
    expect(refusal(() => entries.enter(early, 'ui'))).toBe('let in');
    clock.set(clock.now() + 1);
    expect(refusal(() => entries.enter(late, 'ui'))).toBe(REFUSED_CODE);
  });

  it('grows old although the wall clock is put back', async () => {
    const code = entries.code(ui);
    clock.set(clock.now() - hours(5));
    await clock.advance(minutes(2));
    expect(refusal(() => entries.enter(code, 'ui'))).toBe(REFUSED_CODE);
  });

  it('grows old while the machine sleeps', () => {
    const code = entries.code(ui);
    clock.sleepThrough(minutes(3));
    expect(refusal(() => entries.enter(code, 'ui'))).toBe(REFUSED_CODE);
  });

  it.each([
    ['the UI', ui, 'ceremony'],
    ['a ceremony', ceremony, 'ui'],
  ] as const)('for %s is refused on the other host, and is spent by it', (_, entry, otherHost) => {
    const code = entries.code(entry);
    expect(refusal(() => entries.enter(code, otherHost))).toBe(REFUSED_CODE);
    expect(refusal(() => entries.enter(code, entry.host))).toBe(REFUSED_CODE);
  });

  it('makes room for a newer one where thirty-two are open', () => {
    const codes = Array.from({ length: 33 }, () => entries.code(ui));
    expect(refusal(() => entries.enter(codes[0] ?? '', 'ui'))).toBe(REFUSED_CODE);
    for (const code of codes.slice(1)) expect(refusal(() => entries.enter(code, 'ui'))).toBe('let in');
  });

  it('is nothing that can be guessed', () => {
    entries.code(ui);
    fc.assert(fc.property(fc.string(), (text) => refusal(() => entries.enter(text, 'ui')) === REFUSED_CODE));
  });
});

describe('a bearer', () => {
  it('opens its own host alone', () => {
    const [forUi, forCeremony] = [enterUi(), entries.enter(entries.code(ceremony), 'ceremony')];
    expect(refusal(() => entries.find(forUi, 'ceremony'))).toBe(REFUSED_BEARER);
    expect(refusal(() => entries.find(forCeremony, 'ui'))).toBe(REFUSED_BEARER);
    expect(refusal(() => entries.find(forUi, 'ui'))).toBe('let in');
  });

  it('dies after ten minutes in which nobody used it', () => {
    const bearer = enterUi();
    clock.set(clock.now() + minutes(9));
    entries.find(bearer, 'ui');
    clock.set(clock.now() + minutes(10) - 1);
    expect(refusal(() => entries.find(bearer, 'ui'))).toBe('let in');
    clock.set(clock.now() + minutes(10));
    expect(refusal(() => entries.find(bearer, 'ui'))).toBe(REFUSED_BEARER);
  });

  it('does not idle while a page listens under it', () => {
    const bearer = enterUi();
    entries.find(bearer, 'ui').listeners++;
    clock.set(clock.now() + hours(11));
    expect(entries.sweep()).toBe(true);
    expect(refusal(() => entries.find(bearer, 'ui'))).toBe('let in');
  });

  it('dies after twelve hours even in use, and ends what hangs on it', () => {
    const bearer = enterUi();
    const found = entries.find(bearer, 'ui');
    found.listeners++;
    for (let hour = 0; hour < 11; hour++) {
      clock.set(clock.now() + hours(1));
      entries.find(bearer, 'ui');
    }
    expect(found.gone.aborted).toBe(false);
    clock.set(clock.now() + hours(1));
    expect(entries.sweep()).toBe(false);
    expect(found.gone.aborted).toBe(true);
    expect(refusal(() => entries.find(bearer, 'ui'))).toBe(REFUSED_BEARER);
  });

  it('ends when its ceremony is over, and no other with it', () => {
    const [one, other] = [entries.enter(entries.code(ceremony), 'ceremony'), entries.enter(entries.code(ceremony), 'ceremony')];
    entries.end(entries.find(one, 'ceremony'));
    expect(refusal(() => entries.find(one, 'ceremony'))).toBe(REFUSED_BEARER);
    expect(refusal(() => entries.find(other, 'ceremony'))).toBe('let in');
  });

  it('is bounded in number: the sixty-fifth ends the oldest', () => {
    const bearers = Array.from({ length: 65 }, enterUi);
    expect(refusal(() => entries.find(bearers[0] ?? '', 'ui'))).toBe(REFUSED_BEARER);
    expect(refusal(() => entries.find(bearers[1] ?? '', 'ui'))).toBe('let in');
  });

  it('is not the code it was exchanged for', () => {
    const code = entries.code(ui);
    entries.enter(code, 'ui');
    expect(refusal(() => entries.find(code, 'ui'))).toBe(REFUSED_BEARER);
  });
});
