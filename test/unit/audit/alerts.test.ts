/** What of the log is worth an alert, when it begins, how often it counts, and when it is over. */
import { describe, expect, it } from 'vitest';
import { type Alert, createAlerts, type States } from '../../../main/audit/alerts.ts';
import type { AuditEvent } from '../../../main/audit/event.ts';
import { hours, minutes } from '../../../main/units.ts';
import { alertKinds } from '../../../preload/contract/alert.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';

const calm: States = { copiedKeys: [], sinks: [] };

function watching({ kept = [], clock = fakeClock() }: { kept?: readonly Alert[]; clock?: ReturnType<typeof fakeClock> } = {}) {
  const told: string[] = [];
  const line =
    (what: string) =>
    ({ kind, about, count }: Alert): void =>
      void told.push(`${what} ${kind} ${about || '-'} ${count}`);
  const alerts = createAlerts({ clock, kept, began: line('began'), over: line('over') });
  const see = (event: AuditEvent, times = 1): void => {
    for (let n = 0; n < times; n += 1) alerts.see(event);
  };
  return { alerts, clock, told, see };
}

const foreign = (uid: number, count: number): AuditEvent => ({ type: 'door.foreign-user', door: 'broker', uid, count });
const rejected = (profile = 'acme'): AuditEvent => ({ type: 'token.validation-failed', profile, rule: 'aud' });
const burst = (profile = 'acme'): AuditEvent => ({ type: 'token.validation-burst', profile, count: 5, rules: ['aud'] });
const skipped = (sink: string, count: number): AuditEvent => ({
  ...{ type: 'audit.export-skipped', sink, reason: 'age', count, fromSeq: 1, toSeq: count },
});
const asked: AuditEvent = {
  ...{ type: 'consent.asked', ask: 'a1', purpose: 'use', grant: 'g1', caller: '/usr/bin/curl', callerKind: 'program' },
  ...{ workspace: 'https://acme.cloud.databricks.com', scopes: ['sql'], approval: 'click' },
};
const refused = (code: 'CONSENT_QUIET' | 'CONSENT_QUEUE_FULL' | 'POLICY_DENIED', count: number): AuditEvent => ({
  ...{ type: 'token.refused', grant: 'g1', code, caller: '/usr/bin/curl', callerKind: 'program', count },
});
const sink = (isFailing: boolean, lastSentAt: number | null = null, name = 'company') =>
  ({ name, isFailing, lastSentAt }) as NonNullable<States['sinks']>[number];

describe('an alert begins', () => {
  it.each<[string, AuditEvent[], string[]]>([
    ['with a burst of rejected tokens', [rejected(), burst()], ['began tokens-rejected acme 5']],
    ['with another user at a door', [foreign(1001, 1)], ['began other-user - 1']],
    ['with records that a sink never gets', [skipped('lake', 40)], ['began records-skipped lake 40']],
    ['with a log that is not the one that was sealed', [{ type: 'audit.rewritten', size: 9, root: 'x' }], ['began log-changed - 1']],
    ['with a log that cannot be continued', [{ type: 'audit.broken', segment: 's', problem: 'chain' }], ['began log-changed - 1']],
    ['with the twelfth prompt in ten minutes', Array<AuditEvent>(12).fill(asked), ['began prompt-flood - 12']],
  ])('%s', (_, events, wanted) => {
    const { told, see } = watching();
    for (const event of events) see(event);
    expect(told).toEqual(wanted);
  });

  it.each<[string, AuditEvent[]]>([
    ['tokens that are rejected now and then', Array<AuditEvent>(4).fill(rejected())],
    ['a connection whose user nobody could name', [foreign(-1, 500)]],
    ['eleven prompts', Array<AuditEvent>(11).fill(asked)],
    ['refusals of policy, however many', [refused('POLICY_DENIED', 100_000)]],
    ['programs that go on asking a person who is not there', [refused('CONSENT_QUIET', 100_000)]],
    ['what it wrote itself', [{ type: 'alert.raised', alert: 'other-user', severity: 'warning', about: '', count: 1 }]],
    ['a type that is named like a part of every object', [{ type: 'constructor' } as unknown as AuditEvent]],
    ['a count that is none', [foreign(1001, Number.NaN), foreign(1001, -3), foreign(1001, 1.5)]],
  ])('with nothing else: %s', (_, events) => {
    const { told, see } = watching();
    for (const event of events) see(event);
    expect(told).toEqual([]);
  });

  it('with twelve prompts only where they come within ten minutes of running time', async () => {
    const { told, see, clock } = watching();
    for (let n = 0; n < 30; n += 1) {
      see(asked);
      await clock.advance(minutes(1));
    }
    expect(told).toEqual([]);
    clock.sleepThrough(hours(1));
    see(asked, 2);
    expect(told).toEqual(['began prompt-flood - 12']);
  });
});

describe('an alert that goes on', () => {
  it('counts a hundred thousand refusals and is begun once', () => {
    const { alerts, told, see } = watching();
    see(foreign(1001, 1));
    for (let uid = 0; uid < 1000; uid += 1) see(foreign(uid, 99));
    see(foreign(-1, 999));
    expect(told).toEqual(['began other-user - 1']);
    expect(alerts.list()).toMatchObject([{ kind: 'other-user', count: 100_000 }]);
  });

  it('counts each rejected token once, also where a second burst begins within it', () => {
    const { alerts, told, see } = watching();
    see(burst());
    see(rejected(), 5);
    see(burst());
    expect([told, alerts.list().map(({ count }) => count)]).toEqual([['began tokens-rejected acme 5'], [10]]);
  });

  it('counts what is asked in vain with the prompts', () => {
    const { alerts, see } = watching();
    see(asked, 12);
    see(refused('CONSENT_QUEUE_FULL', 30));
    see(refused('CONSENT_QUIET', 5));
    see(refused('POLICY_DENIED', 9));
    expect(alerts.list()).toMatchObject([{ kind: 'prompt-flood', count: 47 }]);
  });

  it('is one for each profile, and sixteen of a kind at most, however many names there are', () => {
    const { alerts, told, see } = watching();
    for (let n = 0; n < 1000; n += 1) see(skipped(`sink-${n}`, 2));
    expect(told).toHaveLength(17);
    expect(alerts.list()).toHaveLength(17);
    expect(alerts.list().find(({ about }) => about === '')?.count).toBe(2 * (1000 - 16));
  });

  it.each(['/home/ada/secret', 'two words', 'x'.repeat(65), '\u202Eevil', '<b>', 7, null])(
    'is about nothing where it is named %j',
    (name) => {
      const { alerts, see } = watching();
      see(skipped(name as string, 1));
      expect(alerts.list().map(({ about }) => about)).toEqual(['']);
    },
  );
});

describe('an alert is over', () => {
  it('a day behind the last record of it, and the next one is a new one', async () => {
    const { alerts, told, see, clock } = watching();
    see(foreign(1001, 1));
    await clock.advance(hours(20));
    see(foreign(1001, 3));
    await clock.advance(hours(23));
    alerts.look(calm);
    expect(told).toEqual(['began other-user - 1']);
    await clock.advance(hours(1));
    alerts.look(calm);
    see(foreign(1001, 2));
    expect(told).toEqual(['began other-user - 1', 'over other-user - 4', 'began other-user - 2']);
  });

  it('no sooner for a clock that was set back, nor because somebody has seen it', async () => {
    const { alerts, told, see, clock } = watching();
    see(foreign(1001, 1));
    expect([alerts.seen('other-user', ''), alerts.seen('other-user', ''), alerts.seen('log-changed', '')]).toEqual([true, false, false]);
    clock.set(clock.now() - hours(48));
    alerts.look(calm);
    await clock.advance(hours(47));
    alerts.look(calm);
    see(foreign(1001, 1));
    expect([told, alerts.list()]).toMatchObject([['began other-user - 1'], [{ count: 2, seen: true }]]);
  });

  it('never because of time where it is a state', async () => {
    const { alerts, told, clock } = watching();
    alerts.look({ ...calm, copiedKeys: ['key-1'] });
    await clock.advance(hours(24 * 400));
    alerts.look({ ...calm, copiedKeys: ['key-1', 'key-2'] });
    alerts.look({ ...calm, copiedKeys: ['key-2'] });
    expect(told).toEqual(['began key-copied key-1 1', 'began key-copied key-2 1', 'over key-copied key-1 1']);
  });
});

describe('a sink that fails', () => {
  it('is an alert once it has for an hour, and until something has arrived', async () => {
    const { alerts, told, clock } = watching();
    alerts.look({ ...calm, sinks: [sink(true)] });
    expect(alerts.isWaiting()).toBe(true);
    await clock.advance(minutes(59));
    alerts.look({ ...calm, sinks: [sink(true)] });
    expect(told).toEqual([]);
    await clock.advance(minutes(1));
    alerts.look({ ...calm, sinks: [sink(true)] });
    expect(told).toEqual(['began sink-failing company 1']);
    await clock.advance(minutes(30));
    alerts.look({ ...calm, sinks: [sink(true)] });
    alerts.look({ ...calm, sinks: [sink(false, clock.now())] });
    expect(told).toEqual(['began sink-failing company 1', 'over sink-failing company 1']);
    expect(alerts.isWaiting()).toBe(false);
  });

  it('is none where it works now and then, or where the machine slept', async () => {
    const { alerts, told, clock } = watching();
    for (let n = 0; n < 5; n += 1) {
      alerts.look({ ...calm, sinks: [sink(true)] });
      await clock.advance(minutes(50));
      alerts.look({ ...calm, sinks: [sink(false, clock.now())] });
    }
    alerts.look({ ...calm, sinks: [sink(true)] });
    clock.sleepThrough(hours(9));
    alerts.look({ ...calm, sinks: [sink(true)] });
    expect(told).toEqual([]);
  });

  it('goes on over a start where nothing has arrived since, and is over with the sink itself', () => {
    const clock = fakeClock();
    const since = clock.now();
    const kept: Alert[] = [{ kind: 'sink-failing', about: 'company', since, lastAt: since, count: 1, seen: true }];
    const { alerts, told } = watching({ kept, clock });
    // Not tried yet, and not even known yet.
    alerts.look({ ...calm, sinks: null });
    alerts.look({ ...calm, sinks: [sink(false, since - 1)] });
    alerts.look({ ...calm, sinks: [sink(true, since - 1)] });
    expect([told, alerts.list()]).toEqual([[], [expect.objectContaining({ seen: true })]]);
    alerts.look({ ...calm, sinks: [sink(true, null, 'another')] });
    expect(told).toEqual(['over sink-failing company 1']);
  });
});

describe('what was kept over a start', () => {
  it('is not begun anew, whatever it is, and goes on counting', () => {
    const clock = fakeClock();
    const at = clock.now();
    const kept = alertKinds.map((kind): Alert => {
      const about = { 'tokens-rejected': 'acme', 'records-skipped': 'company', 'sink-failing': 'company', 'key-copied': 'key-1' };
      return { kind, about: (about as Partial<Record<string, string>>)[kind] ?? '', since: at, lastAt: at, count: 3, seen: false };
    });
    const { alerts, told, see } = watching({ kept, clock });
    for (const event of [foreign(1001, 1), burst(), skipped('company', 1), rejected()]) see(event);
    see(asked, 12);
    see({ type: 'audit.broken', segment: 's', problem: 'chain' });
    alerts.happened('signing-key-changed');
    alerts.look({ copiedKeys: ['key-1'], sinks: [sink(true)] });
    expect(told).toEqual([]);
    expect(Object.fromEntries(alerts.list().map(({ kind, count }) => [kind, count]))).toMatchObject({
      ...{ 'other-user': 4, 'tokens-rejected': 4, 'records-skipped': 4, 'prompt-flood': 15, 'log-changed': 4, 'signing-key-changed': 4 },
    });
  });
});
