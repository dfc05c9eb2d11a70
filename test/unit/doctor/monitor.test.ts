/** The watch: keys that change or end, secrets that grow old, tokens rejected in a row; once a day, and never by polling. */
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../main/app-error.ts';
import { type Burst, createMonitor, type MonitorParts, type SeenKey } from '../../../main/doctor/monitor.ts';
import { hours, later, minutes, seconds } from '../../../main/units.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';

const day = hours(24);

function watching(changes: Partial<MonitorParts> = {}) {
  const clock = fakeClock();
  const recorded: Burst[] = [];
  const logged: unknown[] = [];
  let keys: SeenKey[] = [{ id: 'one', certificateEnds: null }];
  let reads = 0;
  let news = 0;
  const monitor = createMonitor({
    ...{ clock, log: (event, fields) => void logged.push([event, fields]), secrets: () => [], certificates: () => [] },
    providers: () => [
      {
        profile: 'acme',
        keys: async () => {
          reads += 1;
          return keys;
        },
      },
    ],
    record: (burst) => void recorded.push(burst),
    changed: () => {
      news += 1;
    },
    ...changes,
  });
  const publish = (...next: SeenKey[]) => {
    keys = next;
  };
  return { clock, monitor, recorded, logged, publish, reads: () => reads, news: () => news };
}

describe('a certificate that a server shows in TLS', () => {
  it('is told of from thirty days before its end, and no longer once that has come or a new one was seen', async () => {
    let ends = later(fakeClock().now(), hours(31 * 24));
    const { clock, monitor } = watching({ certificates: () => [{ host: 'idp.acme.example', ends }] });
    expect(monitor.noticed()).toEqual([]);
    await clock.advance(day);
    const finding = 'A certificate that idp.acme.example shows in TLS ends in 30 d.';
    expect(monitor.noticed()).toMatchObject([{ id: 'tls-idp.acme.example', finding }]);
    expect(monitor.notes()).toEqual([expect.stringContaining(finding)]);
    ends = later(clock.now(), hours(90 * 24));
    expect(monitor.noticed()).toEqual([]);
    await clock.advance(89 * day);
    expect(monitor.noticed()).toHaveLength(1);
    await clock.advance(day);
    expect(monitor.noticed()).toEqual([]);
  });
});

describe('signing keys', () => {
  it('are looked at ten minutes after the start and then once a day, with one timer', async () => {
    const { clock, reads } = watching();
    await clock.advance(minutes(9));
    expect(reads()).toBe(0);
    await clock.advance(minutes(2));
    expect([reads(), clock.pending]).toEqual([1, 1]);
    await clock.advance(3 * day);
    expect(reads()).toBe(4);
  });

  it('are looked at when somebody signs in, unless that was done within the day', async () => {
    const { clock, monitor, reads } = watching();
    monitor.wake();
    await clock.advance(1);
    monitor.wake();
    await clock.advance(1);
    expect(reads()).toBe(1);
    clock.sleepThrough(day);
    monitor.wake();
    await clock.advance(1);
    expect(reads()).toBe(2);
  });

  it('are told of for a week when a new one appears, and not when one goes', async () => {
    const { clock, monitor, publish } = watching();
    publish({ id: 'one', certificateEnds: null }, { id: 'two', certificateEnds: null });
    await clock.advance(day);
    expect(monitor.noticed()).toEqual([]);
    publish({ id: 'one', certificateEnds: null });
    await clock.advance(day);
    expect(monitor.noticed()).toEqual([]);
    publish({ id: 'one', certificateEnds: null }, { id: 'three', certificateEnds: null });
    await clock.advance(day);
    expect(monitor.noticed()).toMatchObject([{ id: 'keys-acme', finding: expect.stringContaining('new signing key') }]);
    expect(monitor.notes()).toHaveLength(1);
    await clock.advance(7 * day);
    expect(monitor.noticed()).toEqual([]);
  });

  it('are told of thirty days before a certificate ends', async () => {
    const { clock, monitor, publish } = watching();
    publish({ id: 'one', certificateEnds: later(clock.now(), hours(31 * 24)) });
    await clock.advance(minutes(11));
    expect(monitor.noticed()).toEqual([]);
    await clock.advance(day);
    expect(monitor.noticed()).toMatchObject([{ finding: expect.stringContaining('ends in 29 d') }]);
    await clock.advance(30 * day);
    expect(monitor.noticed()).toMatchObject([{ finding: expect.stringContaining('has ended') }]);
  });

  it('of a provider that is away are looked at the next day', async () => {
    let fails = true;
    const { clock, logged, monitor } = watching({
      providers: () => [
        {
          profile: 'acme',
          keys: async () => {
            if (fails) throw new AppError('ISSUER_UNREACHABLE');
            return [{ id: 'one', certificateEnds: clock.now() }];
          },
        },
      ],
    });
    await clock.advance(minutes(11));
    expect(logged).toEqual([['monitor.not-looked', { profile: 'acme', code: 'ISSUER_UNREACHABLE' }]]);
    fails = false;
    await clock.advance(day);
    expect(monitor.noticed()).toHaveLength(1);
  });
});

describe('tokens that are rejected', () => {
  it('five times in ten minutes are one record and one problem, however many follow', async () => {
    const { clock, monitor, recorded, news } = watching();
    for (const rule of ['aud', 'iss', 'aud', 'exp']) {
      monitor.rejected('acme', rule);
      await clock.advance(seconds(30));
    }
    expect([recorded, monitor.problem(), news()]).toEqual([[], null, 0]);
    for (let count = 0; count < 20; count += 1) monitor.rejected('acme', 'aud');
    expect(recorded).toEqual([{ profile: 'acme', count: 5, rules: ['aud', 'iss', 'exp'] }]);
    expect(news()).toBe(1);
    expect(monitor.problem()).toMatchObject({ code: 'TOKENS_REJECTED', detail: expect.stringMatching(/^24 tokens/) });
    expect(monitor.noticed()).toMatchObject([{ id: 'rejected-acme' }]);
  });

  it('are counted for each profile by itself, and not over more than ten minutes', async () => {
    const { clock, monitor, recorded } = watching();
    for (const profile of ['acme', 'acme', 'acme', 'acme', 'other', 'other']) monitor.rejected(profile, 'aud');
    await clock.advance(minutes(11));
    monitor.rejected('acme', 'aud');
    expect(recorded).toEqual([]);
  });

  it('in a burst of another hour are a record of their own, and are forgotten after a day', async () => {
    const { clock, monitor, recorded } = watching();
    const burst = () => {
      for (let count = 0; count < 5; count += 1) monitor.rejected('acme', 'aud');
    };
    burst();
    await clock.advance(hours(1));
    burst();
    expect(recorded).toHaveLength(2);
    await clock.advance(day);
    expect([monitor.problem(), monitor.noticed()]).toEqual([null, []]);
  });

  it('stay a problem where they cannot be recorded', () => {
    const { monitor, logged } = watching({
      record: () => {
        throw new AppError('AUDIT_UNWRITABLE');
      },
    });
    for (let count = 0; count < 5; count += 1) monitor.rejected('acme', 'aud');
    expect(monitor.problem()?.code).toBe('TOKENS_REJECTED');
    expect(logged).toEqual([['monitor.not-recorded', { profile: 'acme', code: 'AUDIT_UNWRITABLE' }]]);
  });
});

it('a secret that is due is told of by name and age', () => {
  const secrets = () => [
    { name: 'etl', ageDays: 95, rotationDue: true },
    { name: 'new', ageDays: 1, rotationDue: false },
  ];
  expect(watching({ secrets }).monitor.noticed()).toMatchObject([{ id: 'secret-etl', finding: expect.stringContaining('95 days') }]);
});

it('leaves no timer behind when it is closed', () => {
  const { clock, monitor } = watching();
  monitor.close();
  expect(clock.pending).toBe(0);
});
