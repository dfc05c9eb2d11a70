/** How a request comes before a person: which pages open, who is told where, and how it ends. */
import { describe, expect, it } from 'vitest';
import type { Tell } from '../../../main/agent/approvals.ts';
import type { Ask } from '../../../main/grant/consents.ts';
import { later, minutes } from '../../../main/units.ts';
import { codeOf, type Setting, setting } from './setting.ts';

type Told = Parameters<Tell>[0];

function asker(all: Setting) {
  let asks = 0;
  const askOf = (changes: Partial<Ask> = {}): Ask => ({
    ...{ purpose: 'create', caller: all.stranger(), expected: null, profile: 'acme', workspace: null, scopes: ['sql'], words: [] },
    ...{ grant: null, label: '', until: null, approval: 'tap', spans: ['grant'], key: `ask ${asks++}` },
    ...changes,
  });
  return {
    askOf,
    begin(changes: Partial<Ask> = {}) {
      const told: Told[] = [];
      const gone = new AbortController();
      const outcome = all.approvals.request(askOf(changes), { signal: gone.signal, tell: (line) => told.push(line) });
      // Each test looks at the outcome; where it comes early it must not count as unhandled.
      outcome.catch(() => undefined);
      return { told, gone, outcome };
    },
  };
}

describe('a request', () => {
  it('is shown in the browser, told to the asker’s terminal without the URL, and answered', async () => {
    const all = await setting();
    const { told, outcome } = asker(all).begin();
    await all.person.approves('tap');
    expect(await outcome).toEqual({ verdict: 'approved', how: 'tap', span: 'grant', tapKey: 'key-1' });
    expect(all.screen.opened).toEqual(['http://127.0.0.1:4711/#code1']);
    expect(told).toMatchObject([{ asking: { purpose: 'create', scopes: ['sql'] }, url: null }]);
  });

  it.each([
    ['a person’s program', null, 'http://127.0.0.1:4711/#code1'],
    ['an AI agent', 'claude', null],
  ])('where no browser opens, tells %s the URL: %s %s', async (_, aiAgent, url) => {
    const all = await setting();
    all.screen.browser = 'none';
    const { told } = asker(all).begin({ caller: all.stranger('/usr/bin/claude', { aiAgent }) });
    await all.clock.advance(0);
    expect(told.map((line) => line.url)).toEqual([url]);
  });

  it.each<[string, (all: Setting, gone: AbortController) => unknown, string]>([
    ['denied', ({ person }) => person.denies('always'), 'CONSENT_DENIED'],
    ['left for ten minutes', ({ clock }) => clock.advance(minutes(10)), 'CONSENT_UNANSWERED'],
    ['given up by whoever asked', (_, gone) => gone.abort(), 'CONSENT_UNANSWERED'],
  ])('that is %s ends with a code, and is open no longer', async (_, end, code) => {
    const all = await setting();
    const { outcome, gone } = asker(all).begin();
    await all.clock.advance(0);
    await end(all, gone);
    expect(await codeOf(outcome)).toBe(code);
    expect(all.consents.view().asks).toEqual([]);
  });

  it('of somebody who has gone already asks nobody and opens nothing', async () => {
    const all = await setting();
    const request = all.approvals.request(asker(all).askOf(), { signal: AbortSignal.abort(), tell: () => undefined });
    expect(await codeOf(request)).toBe('CONSENT_UNANSWERED');
    expect([all.screen.opened, all.consents.view().history]).toEqual([[], []]);
  });

  it('that two wait for stays while one of them does', async () => {
    const all = await setting();
    const { begin } = asker(all);
    const caller = all.stranger();
    const [one, two] = [begin({ caller, key: 'same' }), begin({ caller, key: 'same' })];
    await all.clock.advance(0);
    one.gone.abort();
    expect(all.consents.view().asks).toMatchObject([{ requests: 1 }]);
    await all.person.approves('tap');
    expect((await two.outcome).verdict).toBe('approved');
  });

  it('is withdrawn where no page can be opened for it', async () => {
    const all = await setting();
    all.screen.broken = true;
    expect(await codeOf(asker(all).begin().outcome)).toBe('AGENT_START_FAILED');
    expect(all.consents.view().asks).toEqual([]);
    expect(all.logged).toContain('approvals.not-shown');
  });

  it('that takes a tap is refused where there is no key to touch', async () => {
    const all = await setting();
    all.state.canTap = false;
    const { begin, askOf } = asker(all);
    expect(await codeOf(() => all.approvals.post(askOf(), () => undefined))).toBe('TAP_KEY_NEEDED');
    expect(await codeOf(begin().outcome)).toBe('TAP_KEY_NEEDED');
    begin({ approval: 'click' });
    expect(all.consents.view().asks).toMatchObject([{ approval: 'click' }]);
  });

  it('is refused by the queue in the queue’s own words', async () => {
    const all = await setting();
    const { begin } = asker(all);
    const all32 = Array.from({ length: 32 }, () => begin());
    expect(await codeOf(begin().outcome)).toBe('CONSENT_QUEUE_FULL');
    await all.clock.advance(minutes(10));
    expect(await Promise.all(all32.map(({ outcome }) => codeOf(outcome)))).toEqual(Array.from({ length: 32 }, () => 'CONSENT_UNANSWERED'));
    expect(await codeOf(begin().outcome)).toBe('CONSENT_QUIET');
  });
});

describe('the browser', () => {
  it('opens one tab for several requests of one moment', async () => {
    const all = await setting();
    const { begin } = asker(all);
    for (let i = 0; i < 5; i += 1) begin();
    await all.clock.advance(0);
    expect(all.screen.opened).toHaveLength(1);
  });

  it('opens none for a request that stands behind another, and one when it comes to the front unseen', async () => {
    const all = await setting();
    const { begin } = asker(all);
    begin();
    await all.clock.advance(1000);
    const { told } = begin();
    await all.clock.advance(1000);
    expect(all.screen.opened).toHaveLength(1);
    expect(told).toMatchObject([{ url: null }]);
    await all.person.denies();
    expect(all.screen.opened).toHaveLength(2);
  });

  it('opens nothing while a page listens; that one is told', async () => {
    const all = await setting();
    all.screen.watched = true;
    asker(all).begin();
    await all.clock.advance(0);
    expect(all.screen.opened).toEqual([]);
    expect(all.screen.changes).toBeGreaterThan(0);
    expect(await all.approvals.openUi()).toMatchObject({ browser: 'shown' });
  });

  it('stays as it is during a snooze, and opens when that ends', async () => {
    const all = await setting();
    all.consents.snooze(later(all.clock.now(), minutes(5)));
    const { told } = asker(all).begin();
    await all.clock.advance(minutes(5) - 1);
    expect([all.screen.opened, told.length]).toEqual([[], 1]);
    await all.clock.advance(1);
    expect(all.screen.opened).toHaveLength(1);
  });
});

describe('a window of our own', () => {
  const withScreen = async () => {
    const shown: string[] = [];
    const all = await setting(undefined, { showRequest: () => void shown.push('request'), show: () => void shown.push('ui') });
    return { all, shown };
  };

  it('shows the request, opens no browser, and gives nobody an address', async () => {
    const { all, shown } = await withScreen();
    const heard: (string | null)[] = [];
    all.approvals.onFront((_, url) => heard.push(url));
    const { told, outcome } = asker(all).begin();
    await all.person.approves('tap');
    expect(await outcome).toMatchObject({ verdict: 'approved' });
    expect([shown, all.screen.opened, heard]).toEqual([['request'], [], [null]]);
    expect(told).toMatchObject([{ asking: { purpose: 'create' }, url: null }]);
  });

  it('shows each request that comes to the front, and none during a snooze', async () => {
    const { all, shown } = await withScreen();
    const { begin } = asker(all);
    begin();
    await all.clock.advance(1000);
    begin();
    await all.clock.advance(1000);
    expect(shown).toEqual(['request']);
    await all.person.denies();
    expect(shown).toEqual(['request', 'request']);
    all.consents.snooze(later(all.clock.now(), minutes(5)));
    begin();
    await all.clock.advance(1000);
    expect(shown).toHaveLength(2);
  });

  it('shows the whole UI where that is asked for, page or no page', async () => {
    const { all, shown } = await withScreen();
    all.screen.broken = true;
    expect(await all.approvals.openUi()).toEqual({ url: null, browser: 'shown' });
    expect([shown, all.screen.opened]).toEqual([['ui'], []]);
  });
});

describe('whoever follows', () => {
  it('hears of each request once, when it comes to the front', async () => {
    const all = await setting();
    all.screen.browser = 'none';
    const heard: [string, string | null][] = [];
    all.approvals.onFront((view, url) => heard.push([view.id, url]));
    const { begin } = asker(all);
    begin();
    begin();
    await all.clock.advance(0);
    const [first, second] = all.consents.view().asks.map(({ id }) => id);
    await all.person.denies();
    expect(heard).toEqual([
      [first, 'http://127.0.0.1:4711/#code1'],
      [second, 'http://127.0.0.1:4711/#code2'],
    ]);
  });
});

describe('a request that is posted', () => {
  it('hands its answer on, and can be looked at until then', async () => {
    const all = await setting();
    const answers: unknown[] = [];
    const id = all.approvals.post(asker(all).askOf(), (answer) => void answers.push(answer));
    expect(all.approvals.viewOf(id)).toMatchObject({ id });
    await all.person.denies('run');
    expect(answers).toEqual([{ verdict: 'denied', reach: 'run' }]);
    expect(all.approvals.viewOf(id)).toBeUndefined();
  });

  it('that cannot be carried out is in the log', async () => {
    const all = await setting();
    all.approvals.post(asker(all).askOf(), () => Promise.reject(new Error('no')));
    await all.person.approves();
    expect(all.logged).toEqual(['approvals.not-settled']);
  });
});
