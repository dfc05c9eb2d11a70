/** The consent queue against a model of it that has no promises, no timers and no events: only what a person could write down. */
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unknownCaller } from '../../../main/caller/caller.ts';
import { type Answer, type Ask, type Asked, type Consents, createConsents } from '../../../main/grant/consents.ts';
import { type EpochMs, later, minutes, ms } from '../../../main/units.ts';
import type { Denial, Span } from '../../../preload/contract/consent.ts';
import { type FakeClock, fakeClock } from '../../fakes/fake-clock.ts';
import { type RecordingAudit, recordingAudit } from '../../fakes/recording-audit.ts';
import { describeCaller } from './setting.ts';

const TEN_MINUTES = 600_000;
const LIMIT = 32;

interface Waiting {
  key: number;
  id: string;
  closesAt: number;
  askers: number;
  shownAt: number | null;
}

/** Times in milliseconds since the start. */
interface Model {
  now: number;
  queue: Waiting[];
  held: boolean;
  snoozedUntil: number | null;
  quiet: boolean;
  ignored: number;
  /** How each request ended, by id. */
  ended: Map<string, Answer | null>;
}

interface Real {
  clock: FakeClock;
  start: EpochMs;
  audit: RecordingAudit;
  consents: Consents;
  asked: { id: string; handle: Asked; gone: boolean; heard: (Answer | null)[] }[];
}

const hidden = (model: Model): boolean => model.held || model.quiet || (model.snoozedUntil !== null && model.now < model.snoozedUntil);
const front = (model: Model): Waiting | undefined => (hidden(model) ? undefined : model.queue[0]);
const unshow = (model: Model): void => {
  for (const each of model.queue) each.shownAt = null;
};
const end = (model: Model, waiting: Waiting, answer: Answer | null): void => {
  model.queue = model.queue.filter((each) => each !== waiting);
  model.ended.set(waiting.id, answer);
};

/** Lets time pass, stopping wherever something is due. */
function pass(model: Model, by: number): void {
  const until = model.now + by;
  for (;;) {
    const due = Math.min(...model.queue.map(({ closesAt }) => closesAt), model.snoozedUntil ?? Number.POSITIVE_INFINITY);
    if (due > until) break;
    model.now = Math.max(model.now, due);
    for (const each of model.queue.filter(({ closesAt }) => closesAt <= model.now)) {
      if (!model.queue.includes(each)) continue;
      if (!hidden(model)) model.ignored += 1;
      end(model, each, null);
      if (model.ignored < 3 || model.quiet) continue;
      model.quiet = true;
      for (const other of model.queue) end(model, other, null);
    }
    if (model.snoozedUntil !== null && model.snoozedUntil <= model.now) {
      model.snoozedUntil = null;
      unshow(model);
    }
  }
  model.now = until;
}

/** Every third request needs a tap, every other one offers more than one lease. */
const approvalOf = (key: number): 'tap' | 'click' => (key % 3 === 0 ? 'tap' : 'click');
const spansOf = (key: number): Span[] => (key % 2 === 0 ? ['once'] : ['program', 'hours', 'once']);
const requestOf = (key: number): Ask => ({
  ...{ purpose: 'use', caller: unknownCaller, expected: null, profile: 'acme', workspace: null, scopes: ['sql'], words: [] },
  ...{ grant: 'g00000001', label: '', until: null, approval: approvalOf(key), spans: spansOf(key), key: `request ${key}` },
});

/** The code of the refusal; null where there is none. */
function refusal(act: () => void): string | null {
  try {
    act();
    return null;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

async function compare(model: Model, real: Real): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  const { consents } = real;
  const view = consents.view();
  expect(view.asks.map(({ id, requests }) => [id, requests])).toEqual(model.queue.map(({ id, askers }) => [id, askers]));
  expect(view.asks.length).toBeLessThanOrEqual(LIMIT);
  expect(view.history.length).toBeLessThanOrEqual(100);
  expect(view.quiet).toBe(model.quiet);
  expect(consents.front()?.id).toBe(front(model)?.id);
  expect(view.asks.filter(({ answerableAt }) => answerableAt !== null).length).toBeLessThanOrEqual(1);
  expect(real.asked.map(({ heard }) => heard)).toEqual(real.asked.map(({ id }) => (model.ended.has(id) ? [model.ended.get(id)] : [])));
}

interface Command extends fc.AsyncCommand<Model, Real> {
  act(model: Model, real: Real): Promise<void> | void;
}
const command = (text: string, act: Command['act'], check = (_model: Readonly<Model>) => true): Command => ({
  act,
  check,
  toString: () => text,
  async run(model, real) {
    await act(model, real);
    await compare(model, real);
  },
});
const pick = (model: Readonly<Model>, nth: number): Waiting | undefined => model.queue[nth % Math.max(1, model.queue.length)];
const someWait = (model: Readonly<Model>): boolean => model.queue.length > 0;

const ask = (key: number): Command =>
  command(`ask(${key})`, (model, real) => {
    const known = model.queue.find((each) => each.key === key);
    const expected = model.quiet ? 'CONSENT_QUIET' : known === undefined && model.queue.length >= LIMIT ? 'CONSENT_QUEUE_FULL' : null;
    const refused = refusal(() => {
      const handle = real.consents.ask(requestOf(key));
      const entry = { id: handle.id, handle, gone: false, heard: [] as (Answer | null)[] };
      real.asked.push(entry);
      void handle.outcome.then((answer) => entry.heard.push(answer));
      if (known !== undefined) {
        expect(handle.id).toBe(known.id);
        known.askers += 1;
      } else model.queue.push({ key, id: handle.id, closesAt: model.now + TEN_MINUTES, askers: 1, shownAt: null });
    });
    expect(refused).toBe(expected);
  });

const show = (nth: number): Command =>
  command(
    `show(${nth})`,
    (model, real) => {
      const waiting = pick(model, nth) as Waiting;
      real.consents.shown(waiting.id);
      if (front(model) === waiting) waiting.shownAt ??= model.now;
    },
    someWait,
  );

const approve = (nth: number, how: 'click' | 'tap', span: Span): Command =>
  command(
    `approve(${nth}, ${how}, ${span})`,
    (model, real) => {
      const waiting = pick(model, nth) as Waiting;
      const answer: Answer = { verdict: 'approved', how, span, tapKey: how === 'tap' ? 'k1' : null };
      const early = front(model) !== waiting || waiting.shownAt === null || model.now - waiting.shownAt < 500;
      const untapped = approvalOf(waiting.key) === 'tap' && how === 'click';
      const expected = early ? 'ASK_TOO_EARLY' : untapped ? 'TAP_NEEDED' : spansOf(waiting.key).includes(span) ? null : 'SPAN_REFUSED';
      expect(refusal(() => real.consents.answer(waiting.id, answer))).toBe(expected);
      if (expected !== null) return;
      end(model, waiting, answer);
      model.ignored = 0;
    },
    someWait,
  );

const deny = (nth: number, reach: Denial): Command =>
  command(
    `deny(${nth}, ${reach})`,
    (model, real) => {
      const waiting = pick(model, nth) as Waiting;
      const answer: Answer = { verdict: 'denied', reach };
      real.consents.answer(waiting.id, answer);
      end(model, waiting, answer);
      model.ignored = 0;
    },
    someWait,
  );

const answerAgain = (nth: number, approved: boolean): Command =>
  command(
    `answerAgain(${nth}, ${approved})`,
    (model, real) => {
      const over = [...model.ended.keys()];
      const answer: Answer = approved
        ? { verdict: 'approved', how: 'tap', span: 'once', tapKey: 'k1' }
        : { verdict: 'denied', reach: 'once' };
      expect(refusal(() => real.consents.answer(over[nth % over.length] as string, answer))).toBe('ASK_UNKNOWN');
    },
    ({ ended }) => ended.size > 0,
  );

const withdraw = (nth: number, twice: boolean): Command =>
  command(
    `withdraw(${nth}, ${twice})`,
    (model, real) => {
      const found = real.asked[nth % real.asked.length] as Real['asked'][number];
      found.handle.withdraw();
      if (twice) found.handle.withdraw();
      const waiting = model.queue.find(({ id }) => id === found.id);
      const wasGone = found.gone;
      found.gone = true;
      if (waiting === undefined || wasGone) return;
      waiting.askers -= 1;
      if (waiting.askers === 0) end(model, waiting, null);
    },
    ({ queue, ended }) => queue.length + ended.size > 0,
  );

const advance = (by: number): Command =>
  command(`advance(${by})`, async (model, real) => {
    pass(model, by);
    await real.clock.advance(by);
  });

const snooze = (forMs: number): Command =>
  command(`snooze(${forMs})`, (model, real) => {
    real.consents.snooze(later(real.clock.now(), ms(forMs)));
    if (forMs <= 0) return;
    model.snoozedUntil = model.now + forMs;
    unshow(model);
  });

const attend = command('attend', (model, real) => {
  real.consents.attend();
  Object.assign(model, { quiet: false, snoozedUntil: null, ignored: 0 });
});

const hold = (held: boolean): Command =>
  command(`hold(${held})`, (model, real) => {
    real.consents.hold(held);
    if (model.held !== held) unshow(model);
    model.held = held;
  });

/** Several in a row, as chance alone would seldom put them. */
const together = (text: string, parts: Command[]): Command =>
  command(text, async (model, real) => {
    for (const part of parts) if (part.check(model)) await part.act(model, real);
  });
const readAndApprove = (how: 'click' | 'tap'): Command =>
  together(`readAndApprove(${how})`, [show(0), advance(500), approve(0, how, 'once')]);
const crowd = (count: number): Command =>
  together(
    `crowd(${count})`,
    Array.from({ length: count }, (_, n) => ask(100 + n)),
  );

const nth = fc.nat(40);
const span = fc.constantFrom<Span>('once', 'program', 'hours', 'grant');
const often = (arbitrary: fc.Arbitrary<Command>, times: number): fc.Arbitrary<Command>[] => Array(times).fill(arbitrary);
const commands = fc.commands(
  [
    ...often(fc.nat(5).map(ask), 4),
    ...often(fc.nat(60).map(ask), 2),
    ...often(fc.constant(show(0)), 4),
    nth.map(show),
    ...often(fc.constantFrom('click' as const, 'tap' as const).map(readAndApprove), 4),
    fc.integer({ min: 20, max: 40 }).map(crowd),
    ...often(
      fc.record({ how: fc.constantFrom('click' as const, 'tap' as const), span }).map(({ how, span: length }) => approve(0, how, length)),
      4,
    ),
    fc.record({ which: nth, span }).map(({ which, span: length }) => approve(which, 'tap', length)),
    fc.record({ which: nth, reach: fc.constantFrom<Denial>('once', 'run', 'always') }).map(({ which, reach }) => deny(which, reach)),
    fc.tuple(nth, fc.boolean()).map(([which, approved]) => answerAgain(which, approved)),
    fc.tuple(nth, fc.boolean()).map(([which, twice]) => withdraw(which, twice)),
    ...often(fc.constantFrom(1, 499, 500, 501, 60_000, TEN_MINUTES).map(advance), 4),
    fc.nat(1_500_000).map(advance),
    fc.constantFrom(-1, 0, 1, 60_000, TEN_MINUTES, 3_600_000).map(snooze),
    fc.constant(attend),
    fc.boolean().map(hold),
  ],
  { maxCommands: 120, size: 'max' },
);

function setUp(): { model: Model; real: Real } {
  const clock = fakeClock();
  const audit = recordingAudit();
  const consents = createConsents({ clock, random: randomBytes, audit, describe: describeCaller });
  return {
    model: { now: 0, queue: [], held: false, snoozedUntil: null, quiet: false, ignored: 0, ended: new Map() },
    real: { clock, start: clock.now(), audit, consents, asked: [] },
  };
}

/** What the audit log alone must show, whatever happened. */
function compareAudit({ model, real }: { model: Model; real: Real }): void {
  const asked = real.audit.of('consent.asked').map((event) => event.ask);
  expect(new Set(asked).size).toBe(asked.length);
  const answered = real.audit.of('consent.answered');
  for (const event of answered) expect(model.ended.get(event.ask)?.verdict).toBe(event.verdict);
  const ends = [...answered, ...real.audit.of('consent.unanswered')].map((event) => event.ask);
  expect(new Set(ends).size).toBe(ends.length);
}

describe('the consent queue, whatever is done to it in whatever order,', () => {
  it('does what its model does: one front, no approval unread, bounded, quiet until somebody looks', async () => {
    await fc.assert(
      fc.asyncProperty(commands, async (sequence) => {
        const both = setUp();
        await fc.asyncModelRun(() => both, sequence);
        compareAudit(both);
      }),
      { numRuns: 200 },
    );
  }, 180_000);

  it('settles every request exactly once, and leaves no timer behind when it is closed', async () => {
    await fc.assert(
      fc.asyncProperty(commands, async (sequence) => {
        const both = setUp();
        await fc.asyncModelRun(() => both, sequence);
        const { consents, clock, asked } = both.real;
        consents.close();
        await clock.advance(minutes(30));
        expect(asked.map(({ heard }) => heard.length)).toEqual(asked.map(() => 1));
        expect(clock.pending).toBe(0);
      }),
      { numRuns: 60 },
    );
  }, 180_000);
});
