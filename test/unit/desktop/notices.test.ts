import { describe, expect, it } from 'vitest';
import { AppError } from '../../../main/app-error.ts';
import { createNotices, type Notice } from '../../../main/desktop/notices.ts';
import { createNotifier } from '../../../main/desktop/notifier.ts';
import { minutes } from '../../../main/units.ts';
import { type AlertKind, alertTexts } from '../../../preload/contract/alert.ts';
import type { UiState } from '../../../preload/contract/ui.ts';
import { fakeElectron } from '../../fakes/electron/electron.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { agentCaller, askOf, calmState, grantOf } from '../../fakes/pages-agent.ts';

const prod = 'https://prod.cloud.databricks.com';
const sessions =
  (changes: object) =>
  ({ status }: UiState): void => {
    for (const { session } of status.profiles) Object.assign(session, changes);
  };

function setUp() {
  const clock = fakeClock();
  const noticesFor = createNotices();
  const at = (inMinutes: number): string => new Date(clock.now() + inMinutes * 60_000).toISOString();
  const base = calmState(clock);
  for (const { session } of base.status.profiles) session.endsAt = at(600);
  base.grants = [];
  for (const profile of base.status.profiles) profile.workspaces = [{ name: 'prod', host: prod, health: 'ok' }];
  /** The state goes on from what it was. */
  const tell = (change: (state: UiState) => void = () => undefined): Notice[] => {
    change(base);
    return noticesFor(structuredClone(base), clock.now());
  };
  return { clock, at, tell };
}

describe('a person is told', () => {
  it('of nothing where all is as it should be', () => {
    const { tell } = setUp();
    expect([tell(), tell()]).toEqual([[], []]);
  });

  it('once that somebody asks, and by whom', () => {
    const { tell, clock } = setUp();
    const told = tell(({ status }) => void status.queue.asks.push(askOf(clock, { id: 'a', caller: agentCaller, workspace: prod })));
    expect(told).toEqual([
      { key: 'ask a', title: 'A program asks for access', body: 'curl, started by an AI agent (claude) on prod', opens: 'request' },
    ]);
    expect(tell()).toEqual([]);
    expect(tell(({ status }) => Object.assign(status.queue, { asks: [askOf(clock, { id: 'b' })] }))).toHaveLength(1);
  });

  it('of no request while they have asked for quiet', () => {
    const { tell, clock, at } = setUp();
    expect(tell(({ status }) => Object.assign(status.queue, { asks: [askOf(clock)], snoozedUntil: at(5) }))).toEqual([]);
    expect(tell(({ status }) => Object.assign(status.queue, { snoozedUntil: null, quiet: true }))).toEqual([]);
    expect(tell(({ status }) => Object.assign(status.queue, { quiet: false }))).toHaveLength(1);
  });

  it('that a request went unanswered while they were away, and not of old ones', () => {
    const { tell, at } = setUp();
    const asked = (id: string, outcome: string) => ({
      id,
      purpose: 'use',
      title: 'dbt',
      workspace: 'prod',
      scopes: [],
      at: at(0),
      outcome,
    });
    expect(tell(({ status }) => Object.assign(status.queue, { history: [asked('old', 'unanswered')] }))).toEqual([]);
    const told = tell(({ status }) =>
      Object.assign(status.queue, { history: [asked('new', 'unanswered'), asked('no', 'denied'), asked('old', 'unanswered')] }),
    );
    expect(told).toMatchObject([{ key: 'unanswered new', body: 'dbt got no access. Start it again when you are at the machine.' }]);
  });

  it('ten minutes before the sign-in ends, once', async () => {
    const { tell, clock } = setUp();
    tell();
    await clock.advance(minutes(589));
    expect(tell()).toEqual([]);
    await clock.advance(minutes(2));
    expect(tell()).toMatchObject([{ title: 'Your sign-in ends soon', body: expect.stringMatching(/^In 9 min\./), opens: 'home' }]);
    expect(tell()).toEqual([]);
    await clock.advance(minutes(20));
    expect(tell()).toEqual([]);
  });

  it('again where the end has moved', () => {
    const { tell, at } = setUp();
    const ends = (inMinutes: number) => tell(sessions({ endsAt: at(inMinutes) }));
    expect([ends(8).length, ends(8).length, ends(9).length]).toEqual([1, 0, 1]);
  });

  it.each([
    ['is used', {}, 1],
    ['nobody uses', { members: 0 }, 0],
    ['is paused', { paused: true }, 0],
    ['is over', { state: 'expired' }, 0],
  ] as const)('before the end of a grant that %s', (_, changes, count) => {
    const { tell, clock, at } = setUp();
    const grant = grantOf(clock, { members: 1, until: at(5), workspace: prod, ...changes });
    expect(tell((state) => void state.grants.push(grant))).toHaveLength(count);
  });

  it('ten minutes before the day’s limit locks it, once, and where somebody is signed in', async () => {
    const { tell, clock, at } = setUp();
    tell(({ status }) => Object.assign(status.lock, { locksAt: at(15) }));
    await clock.advance(minutes(4));
    expect(tell()).toEqual([]);
    await clock.advance(minutes(2));
    expect(tell()).toMatchObject([
      {
        title: 'Lakepass locks soon',
        body: 'In 9 min the day’s limit is reached. Sign in again before then and nothing stops.',
        opens: 'home',
      },
    ]);
    expect(tell()).toEqual([]);
    const nobody = setUp();
    nobody.tell(sessions({ phase: 'signed-out', endsAt: null }));
    expect(nobody.tell(({ status }) => Object.assign(status.lock, { locksAt: nobody.at(5) }))).toEqual([]);
  });

  it('before the policy reaches its date', () => {
    const { tell, at } = setUp();
    expect(tell(({ status }) => Object.assign(status.policy, { expires: at(3) }))).toMatchObject([{ opens: 'policy' }]);
  });

  it('what is refused, with the way out, and without what only a page should say', () => {
    const { tell } = setUp();
    const failure = new AppError('PORT_TAKEN', { detail: '/home/ada/secret' }).toFailure();
    expect(tell(({ status }) => void status.problems.push(failure))).toEqual([
      { key: 'problem PORT_TAKEN', title: failure.cause, body: failure.next, opens: 'doctor' },
    ]);
    expect(tell()).toEqual([]);
  });

  it('that runs continue while they are away, and who waits while it is locked', () => {
    const { tell, clock, at } = setUp();
    tell((state) => void state.grants.push(grantOf(clock, { members: 1, until: at(300) })));
    expect(tell(({ status }) => Object.assign(status.lock, { state: 'away', since: at(0), continuing: 2 }))).toMatchObject([
      { title: 'You are away', body: '2 runs continue; nothing new begins until you are back.' },
    ]);
    expect(tell(({ status }) => Object.assign(status.lock, { state: 'locked', since: at(1), continuing: 0 }))).toMatchObject([
      { title: 'Lakepass is locked', body: '1 program gets no token until you unlock it.' },
    ]);
    expect(tell(({ status }) => Object.assign(status.lock, { state: 'open', since: null }))).toEqual([]);
  });

  it('of no lock that stops nobody', () => {
    const { tell, at } = setUp();
    tell();
    expect(tell(({ status }) => Object.assign(status.lock, { state: 'locked', since: at(0) }))).toEqual([]);
  });

  it('that the sign-in has ended by itself, and not that they ended it', () => {
    const { tell } = setUp();
    tell();
    const [failure, other] = [new AppError('SESSION_REFUSED').toFailure(), null];
    const ended = (lastFailure: typeof failure | null) => tell(sessions({ phase: 'ended', lastFailure }));
    expect(ended(other)).toEqual([]);
    tell(sessions({ phase: 'signed-in' }));
    expect(ended(failure)).toMatchObject([{ title: 'Your sign-in has ended', body: `${failure.cause} ${failure.next}` }]);
    expect(ended(failure)).toEqual([]);
  });

  it('of a severe alert once, of three that nobody has seen at most, and not of its problem as well', () => {
    const { tell, at } = setUp();
    const alert = (kind: AlertKind, about: string) => ({
      ...{ ...alertTexts[kind], kind, about, name: about, since: at(0), lastAt: at(0), count: 1, seen: false },
    });
    const alerts = [alert('other-user', ''), alert('tokens-rejected', 'acme')];
    const problems = [new AppError('TOKENS_REJECTED').toFailure()];
    const { cause, next } = alertTexts['tokens-rejected'];
    expect(tell(({ status }) => Object.assign(status, { alerts, problems }))).toEqual([
      { key: `alert tokens-rejected acme ${at(0)}`, title: cause, body: next, opens: 'home' },
    ]);
    for (let n = 0; n < 50; n += 1) alerts.push(alert('key-copied', `key-${n}`));
    expect([tell().length, tell().length]).toEqual([2, 0]);
    for (const each of alerts.slice(0, 2)) each.seen = true;
    expect(tell(({ status }) => Object.assign(status, { alerts }))).toMatchObject([{ title: alertTexts['key-copied'].cause }]);
  });

  it('nothing in more than one line, and nothing secret', () => {
    const { tell, clock, at } = setUp();
    const caller = { ...agentCaller, title: 'evil\n\u202enotification' };
    const told = tell((state) => {
      state.status.queue.asks.push(askOf(clock, { caller }));
      state.grants.push(grantOf(clock, { members: 1, until: at(5), caller }));
    });
    expect(told).toHaveLength(2);
    expect(JSON.stringify(told)).not.toMatch(/\\n|\u202e|https:|okta|ada/);
  });
});

describe('notifications', () => {
  const notice = (key: string): Notice => ({ key, title: `the ${key}`, body: 'body', opens: 'grants' });

  it('are shown, three at most at once, and a click opens what they are about', () => {
    const fake = fakeElectron();
    const opened: string[] = [];
    const notifier = createNotifier({ Notification: fake.electron.Notification, open: (what) => opened.push(what), log: () => undefined });
    notifier.show(['a', 'b', 'c', 'd'].map(notice));
    expect(fake.notifications.map(({ options, shown }) => [options.title, shown])).toEqual([
      ['the a', true],
      ['the b', true],
      ['the c', true],
    ]);
    fake.notifications[0]?.emit('click');
    expect(opened).toEqual(['grants']);
    fake.notifications[0]?.emit('close');
    notifier.close();
    expect(fake.notifications.map(({ closed }) => closed)).toEqual([false, true, true]);
  });
});
