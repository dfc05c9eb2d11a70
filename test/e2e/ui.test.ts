/** The headless UI as a person meets it: the real door, the bundled pages, Chromium, and an agent that is a strict fake. */
import type { Page } from '@playwright/test';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../main/app-error.ts';
import { systemClock as clock } from '../../main/host-ports.ts';
import { alertTexts } from '../../preload/contract/alert.ts';
import { failureTexts } from '../../preload/contract/failure.ts';
import { livelyAgent } from '../fakes/lively-agent.ts';
import { agentCaller, alertsOf, askOf, grantOf, notebookCaller, principalOf } from '../fakes/pages-agent.ts';
import { unfold, unseenInForcedColours } from './ui-looks.ts';
import { findingsOf, type Look, openTheatre, type Stage, type Theatre } from './ui-stage.ts';

let theatre: Theatre;
let stage: Stage;
beforeAll(async () => {
  theatre = await openTheatre();
});
afterAll(() => theatre?.close());
beforeEach(async () => {
  stage = await theatre.stage();
});
afterEach(() => stage.close());

const called = (what: string) => stage.agent.asked.filter((one) => one.what === what).map((one) => one.with);
const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name });
const ask = (...asks: Parameters<typeof askOf>[1][]) =>
  stage.agent.update(({ status }) => {
    status.queue.asks = asks.map((changes) => askOf(clock, changes));
  });
/** Resolves when the agent was asked that; the page tells it in its own time. */
async function untilCalled(what: string, times = 1): Promise<unknown[]> {
  while (called(what).length < times) await new Promise((resolve) => setTimeout(resolve, 10));
  return called(what);
}

const untilFocused = (page: Page, text: string) => expect.poll(() => page.evaluate('document.activeElement.textContent')).toBe(text);
const untilTitled = (page: Page, title: string) => expect.poll(() => page.title()).toBe(title);

describe('every screen', () => {
  const names = ['Home', 'Requests', 'Access', 'Keys', 'Activity', 'Policy', 'Doctor', 'Settings'];
  // Each screen in both colours; in each size, with and without motion, once.
  const looks: [string, Look][] = [
    ['light, still', {}],
    ['dark at 200 %, with motion', { colours: 'dark', zoom: 2, moves: true }],
  ];
  async function see(page: Page, name: string): Promise<void> {
    await page.getByRole('navigation').getByRole('button', { name }).click();
    await page.getByRole('heading', { level: 1, name }).waitFor();
    await page.locator('main h2').first().waitFor();
    await unfold[name]?.(page, stage);
    await expect.poll(() => page.locator('[data-waiting]').count()).toBe(0);
  }
  async function trouble(): Promise<void> {
    stage.agent.update(({ status }) => {
      Object.assign(status.lock, {
        state: 'locked',
        why: 'suspend',
        since: new Date().toISOString(),
        unlockBy: ['key', 'passphrase', 'sign-in'],
      });
      status.problems = [{ code: 'PORT_TAKEN', ...failureTexts.PORT_TAKEN }];
      status.warnings = ['Policy says `approval: click`.'];
      status.queue.quiet = true;
      status.alerts = alertsOf(clock);
    });
  }

  it.each(looks)(
    'has nothing that keeps anybody out: %s',
    async (_, look) => {
      livelyAgent(stage.agent, clock);
      stage.agent.update(
        (state) => void state.grants.push(grantOf(clock, { id: 'g2', paused: true }), grantOf(clock, { state: 'expired' })),
      );
      const found: Record<string, string[]> = {};
      const page = await stage.ui(look);
      const find = async (name: string): Promise<void> => {
        const findings = await findingsOf(page);
        if (await page.evaluate('document.documentElement.scrollWidth > innerWidth')) findings.push('wider than the window');
        if (findings.length > 0) found[name] = findings;
      };
      for (const name of names) {
        await see(page, name);
        await find(name);
      }
      await page.getByRole('navigation').getByRole('button', { name: 'Home' }).click();
      await trouble();
      await page.getByText('What is wrong').waitFor();
      await find('home, locked and in trouble');
      stage.agent.update(({ status }) => void Object.assign(status.queue, { quiet: false }));
      for (const changes of [{}, { purpose: 'use', approval: 'tap', caller: agentCaller, expected: notebookCaller, grant: 'g' }] as const) {
        ask({ id: Object.keys(changes).length === 0 ? 'one' : 'two', ...changes });
        await page.getByRole('dialog').waitFor();
        await button(page, /^Approve/)
          .and(page.locator(':enabled'))
          .waitFor();
        await find(`the prompt: ${JSON.stringify(changes)}`);
      }
      expect(stage.complaints).toEqual([]);
      await stage.pages.close();
      await page.getByRole('heading', { name: 'Lakepass does not answer' }).waitFor();
      await find('without an agent');
      expect(found).toEqual({});
    },
    240_000,
  ); // a dozen looks by axe

  it('fits into a narrow window', async () => {
    livelyAgent(stage.agent, clock);
    const page = await stage.ui({ width: 360 });
    for (const name of names) {
      await see(page, name);
      expect([name, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([name, 360]);
    }
  });

  it('shows in colours of the person’s own where the focus is, what is chosen, and every drawing', async () => {
    livelyAgent(stage.agent, clock);
    const page = await stage.ui({ forced: true });
    expect(await page.evaluate(`matchMedia('(forced-colors: active)').matches`)).toBe(true);
    const found: Record<string, unknown> = {};
    for (const name of names) {
      await see(page, name);
      if (name === 'Activity') await page.locator('.recharts-bar-rectangle').first().waitFor();
      const unseen = await page.evaluate(unseenInForcedColours);
      if ((unseen as unknown[]).length > 0) found[name] = unseen;
    }
    expect(found).toEqual({});
  });

  it('comes with the focus on its name, so that a reader says it, and the keyboard alone leads there', async () => {
    const page = await stage.ui();
    await page.keyboard.press('Tab');
    await untilFocused(page, 'Skip to the screen');
    for (let tabs = 0; tabs < 3; tabs++) await page.keyboard.press('Tab');
    await untilFocused(page, 'Access');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Access' }).waitFor();
    await expect.poll(() => page.evaluate('document.activeElement.tagName')).toBe('H1');
    await untilFocused(page, 'Access');
    await untilTitled(page, 'Access · Lakepass');
    await expect.poll(() => button(page, 'Access').getAttribute('aria-current')).toBe('page');
    await button(page, 'Skip to the screen').press('Enter');
    await expect.poll(() => page.evaluate('document.activeElement.tagName')).toBe('MAIN');
  });

  it('is in the colours the person has chosen, whatever the system says', async () => {
    const page = await stage.ui({ colours: 'light' });
    const ground = () => page.evaluate('getComputedStyle(document.documentElement).backgroundColor');
    const light = await ground();
    stage.agent.update(({ preferences }) => void Object.assign(preferences, { theme: 'dark' }));
    await page.locator('html[data-theme="dark"]').waitFor();
    const dark = await ground();
    expect(dark).not.toBe(light);
    stage.agent.update(({ preferences }) => void Object.assign(preferences, { theme: 'system' }));
    await page.locator('html[data-theme="system"]').waitFor();
    expect(await ground()).toBe(light);
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await ground()).toBe(dark);
  });
});

describe('the code in the address', () => {
  it('is gone from the address and the history before anything else', async () => {
    const page = await stage.tab();
    const url = await stage.pages.uiUrl();
    await page.goto(url.href);
    await page.getByRole('navigation').waitFor();
    expect(page.url()).toBe(`${url.origin}/`);
    expect(await page.evaluate('history.length')).toBeLessThanOrEqual(2);
  });

  it('opens one page: a reload, and a second tab with it, are told what to do', async () => {
    const page = await stage.tab();
    const url = await stage.pages.uiUrl();
    await page.goto(url.href);
    await page.getByRole('navigation').waitFor();
    await page.reload();
    await page.getByText('lakepass ui').waitFor();
    expect(await page.getByRole('heading').innerText()).toBe('This page needs a fresh link');
    const second = await stage.tab();
    await second.goto(url.href);
    await second.getByText('lakepass ui').waitFor();
    expect(await second.getByRole('heading').innerText()).toBe('This page is closed');
  });

  it('may come as a new link in the same tab', async () => {
    const page = await stage.ui();
    await page.reload();
    await page.getByText('lakepass ui').waitFor();
    await page.goto((await stage.pages.uiUrl()).href);
    await page.getByRole('navigation').waitFor();
  });

  it('and the bearer are kept nowhere in the browser', async () => {
    const page = await stage.tab();
    const bearers: string[] = [];
    page.on('request', (request) =>
      bearers.push(...Object.entries(request.headers()).flatMap(([name, value]) => (name === 'authorization' ? [value] : []))),
    );
    await page.goto((await stage.pages.uiUrl()).href);
    await page.getByRole('navigation').waitFor();
    const [bearer = ''] = bearers.map((value) => value.replace('Bearer ', ''));
    expect(bearer).toMatch(/^[A-Za-z0-9_-]{43}$/);
    const kept = await page.evaluate(
      '(async () => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, document.documentElement.outerHTML, await caches.keys(), await indexedDB.databases(), window.name, history.state]))()',
    );
    expect(kept).not.toContain(bearer);
    expect(await page.context().cookies()).toEqual([]);
  });
});

describe('the prompt', () => {
  it('is reported as shown, lets nobody approve at once, and approves for as long as was chosen', async () => {
    const ui = stage.agent.ui as { -readonly [N in keyof typeof stage.agent.ui]: (typeof stage.agent.ui)[N] };
    const { promise: looked, resolve: look } = Promise.withResolvers<void>();
    const { shown } = ui;
    ui.shown = (input, by) => looked.then(() => shown(input, by));
    const page = await stage.ui();
    ask({});
    await page.getByRole('dialog', { name: 'python, a kernel of jupyter-lab asks for access' }).waitFor();
    expect(await button(page, 'Approve').isDisabled()).toBe(true);
    look();
    expect(await untilCalled('shown')).toEqual([{ ask: 'ask-1' }]);
    await page.getByRole('radio', { name: 'For 8 hours' }).check();
    await button(page, 'Approve').click();
    expect(await untilCalled('answer')).toEqual([{ verdict: 'approved', ask: 'ask-1', span: 'hours' }]);
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.getByText('Approved').first().waitFor();
  });

  it('has Deny under the finger', async () => {
    const page = await stage.ui();
    ask({});
    await page.getByRole('dialog').waitFor();
    await untilFocused(page, 'Deny');
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    expect(await page.getByRole('dialog').isVisible()).toBe(true);
    expect(called('answer')).toEqual([]);
    await page.keyboard.press('Enter');
    expect(await untilCalled('answer')).toEqual([{ verdict: 'denied', ask: 'ask-1', reach: 'once' }]);
  });

  it('gives the focus back to where the person was', async () => {
    const page = await stage.ui();
    await button(page, 'Lock now').focus();
    ask({});
    await page.getByRole('dialog').waitFor();
    await button(page, 'Deny').first().click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await untilFocused(page, 'Lock now');
  });

  it('shows one request at a time, the focus on Deny again, and says in the title that somebody asks', async () => {
    const page = await stage.ui();
    ask({ id: 'first' }, { id: 'second', caller: agentCaller });
    await page.getByText('1 more request waits behind this one.').waitFor();
    await untilTitled(page, '(2) A program asks · Lakepass');
    await button(page, 'Deny').first().click();
    await page.getByRole('dialog', { name: /^curl/ }).waitFor();
    await untilFocused(page, 'Deny');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await untilTitled(page, 'Lakepass');
    expect(await untilCalled('answer', 2)).toMatchObject([{ ask: 'first' }, { ask: 'second' }]);
  });

  it('says of every fact who vouches for it, verified ones first, and sets two programs side by side', async () => {
    const page = await stage.ui();
    const facts = notebookCaller.facts.toReversed();
    ask({ caller: { ...notebookCaller, facts }, expected: agentCaller, grant: 'grant-1' });
    const asking = page.getByRole('region', { name: 'Who asks' });
    await asking.locator('[data-fact]').first().waitFor();
    const marks = await asking
      .locator('[data-fact]')
      .evaluateAll((rows) => rows.map((row) => String((row as { innerText?: string }).innerText).replaceAll('\n', ' ')));
    expect(marks.map((text) => /(verified|claimed)$/.exec(text)?.[1])).toEqual(['verified', 'verified', 'verified', 'claimed', 'claimed']);
    expect(marks.find((text) => text.startsWith('Notebook'))).toBe('Notebook churn/training.ipynb claimed');
    expect(await page.getByRole('region', { name: 'Who the access was made for' }).innerText()).toContain('/usr/bin/curl');
    await page.getByText('This is not the program the access was made for.').waitFor();
  });

  it('says what it is for, in words and exactly', async () => {
    const page = await stage.ui();
    ask({});
    const text = await page.getByRole('dialog').innerText();
    for (const part of [
      'https://acme.cloud.databricks.com',
      'Run code on clusters',
      'Read and write workspace files',
      'clusters command-execution files',
    ]) {
      expect(text).toContain(part);
    }
  });

  it.each([
    ['Deny for this run', 'answer', { verdict: 'denied', ask: 'ask-1', reach: 'run' }],
    ['Always deny this program', 'answer', { verdict: 'denied', ask: 'ask-1', reach: 'always' }],
    ['Not now, ask in 15 minutes', 'snooze', { minutes: 15 }],
  ])('offers %s', async (name, what, given) => {
    const page = await stage.ui();
    ask({ grant: 'grant-1', purpose: 'use' });
    await button(page, name).click();
    expect(await untilCalled(what)).toEqual([given]);
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  });

  it('is shown by a snoozed page only when the person asks for it', async () => {
    const page = await stage.ui();
    ask({});
    await button(page, /^Not now/).click();
    await page.getByText('1 request waits.').waitFor();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await button(page, 'Show requests now').click();
    await page.getByRole('dialog').waitFor();
  });

  it('is not reported as shown by a tab that nobody can see', async () => {
    const page = await stage.tab();
    await page.addInitScript(`
      globalThis.seen = 'hidden';
      Object.defineProperty(Document.prototype, 'visibilityState', { get: () => globalThis.seen });`);
    await page.goto((await stage.pages.uiUrl()).href);
    ask({});
    await page.getByRole('dialog').waitFor();
    await page.waitForTimeout(300);
    expect(called('shown')).toEqual([]);
    await page.evaluate(`globalThis.seen = 'visible'; document.dispatchEvent(new Event('visibilitychange'));`);
    expect(await untilCalled('shown')).toEqual([{ ask: 'ask-1' }]);
  });

  it('says why an answer was refused', async () => {
    const page = await stage.ui();
    stage.agent.fails('answer', new AppError('APPROVER_REFUSED'));
    ask({});
    await button(page, 'Deny').first().click();
    await page.getByRole('alert').getByText(failureTexts.APPROVER_REFUSED.cause).waitFor();
    await page.getByText('APPROVER_REFUSED').waitFor();
  });

  it('shows text of programs as text', async () => {
    const page = await stage.ui();
    const hostile = '<img src=x onerror=alert(1)>\u202e';
    ask({ label: hostile, caller: { ...notebookCaller, title: hostile, facts: [{ name: 'command', value: hostile, proof: 'claimed' }] } });
    await page.getByRole('dialog').waitFor();
    expect(await page.locator('dialog img').count()).toBe(0);
    expect(stage.complaints).toEqual([]);
  });
});

describe('somebody who looks', () => {
  it('is reported when the window gets the focus', async () => {
    const page = await stage.ui();
    const before = called('attend').length;
    await page.evaluate(`dispatchEvent(new Event('focus'))`);
    expect((await untilCalled('attend', before + 1)).length).toBeGreaterThan(before);
  });
});

describe('access', () => {
  it('is widened by a bundle with one press, and the request stands at once', async () => {
    const page = await stage.ui();
    await button(page, 'Access').click();
    await button(page, /^Add sql/).click();
    expect(await untilCalled('widen')).toEqual([{ grant: 'grant-1', scopes: ['sql', 'warehouses'] }]);
    await page.getByRole('dialog', { name: /asks for more access/ }).waitFor();
  });

  it('offers no bundle that is there already', async () => {
    const page = await stage.ui();
    await button(page, 'Access').click();
    await page.getByRole('heading', { name: 'jupyter lab' }).waitFor();
    await expect.poll(() => button(page, /^Add /).count()).toBe(2);
  });

  it('is revoked one by one, and all at once after a second thought', async () => {
    const page = await stage.ui();
    stage.agent.update(
      (state) => void state.grants.push(grantOf(clock, { id: 'g2', label: 'dbt' }), grantOf(clock, { id: 'g3', label: 'mlflow' })),
    );
    await button(page, 'Access').click();
    await button(page, 'Revoke: dbt').click();
    await page.getByText('1 grant that ended').waitFor();
    await button(page, 'Revoke all').click();
    expect(called('revoke')).toEqual([{ ids: ['g2'] }]);
    await button(page, 'Really revoke all').click();
    expect(await untilCalled('revoke', 2)).toEqual([{ ids: ['g2'] }, { ids: ['grant-1', 'g3'] }]);
    await page.getByText('No program has access now.').waitFor();
  });
});

describe('access that is not needed for a while', () => {
  it('is paused and let go on with a switch', async () => {
    const page = await stage.ui();
    await button(page, 'Access').click();
    const gets = page.getByRole('switch', { name: 'Gets tokens: jupyter lab' });
    await expect.poll(() => gets.getAttribute('aria-checked')).toBe('true');
    await gets.click();
    expect(await untilCalled('pause')).toEqual([{ ids: ['grant-1'], paused: true }]);
    await page.getByText('Paused').waitFor();
    await gets.press('Space');
    expect(await untilCalled('pause', 2)).toContainEqual({ ids: ['grant-1'], paused: false });
    await page.getByText('Paused').waitFor({ state: 'detached' });
  });
});

describe('requests', () => {
  it('stand with what was refused and the way out of it', async () => {
    stage.agent.answers.denied = {
      denied: [
        {
          ...{ id: 'd-1', profile: 'acme', executable: '/usr/bin/curl', deniedAt: new Date().toISOString() },
          ...{ script: null, folder: null, aiAgent: 'claude' },
        },
      ],
    };
    stage.agent.answers.activity = {
      records: [
        {
          seq: 7,
          at: new Date().toISOString(),
          type: 'token.refused',
          kind: 'refusal',
          fields: { code: 'CONSENT_DENIED', caller: '/usr/bin/curl' },
        },
      ],
      ...{ next: null, damaged: 0 },
    };
    const page = await stage.ui();
    await page.getByRole('navigation').getByRole('button', { name: 'Requests' }).click();
    await page.getByText(failureTexts.CONSENT_DENIED.cause).waitFor();
    expect(called('activity')).toContainEqual(expect.objectContaining({ kinds: ['refusal'] }));
    await button(page, 'Let it ask again: /usr/bin/curl').click();
    expect(await untilCalled('denied/forget')).toEqual([{ id: 'd-1' }]);
    await page.getByText('There are none.').waitFor();
    await expect.poll(() => page.getByText('curl wants to use your access').count()).toBe(1);
  });

  it('that wait are counted in the rail', async () => {
    const page = await stage.ui();
    stage.agent.update(({ status }) => {
      status.queue.quiet = true;
      status.queue.asks = [askOf(clock), askOf(clock, { id: 'ask-2' })];
    });
    await button(page, 'Requests 2 requests wait').waitFor();
  });
});

describe('keys', () => {
  it('are renamed in place', async () => {
    const page = await stage.ui();
    await button(page, 'Keys').click();
    await button(page, /^Rename/).click();
    await page.getByLabel('Name of the key').fill('Red');
    await page.keyboard.press('Enter');
    expect(await untilCalled('keys/rename')).toEqual([{ key: 'key-1', name: 'Red' }]);
    await page.getByRole('heading', { name: 'Red' }).waitFor();
  });

  it('say that the model is unproven, and that two are better than one', async () => {
    const page = await stage.ui();
    await button(page, 'Keys').click();
    await page.getByText('model unproven').waitFor();
    await page.getByText('Two are recommended').waitFor();
  });

  it('are added and removed on the page of their own', async () => {
    const page = await stage.ui();
    await button(page, 'Keys').click();
    await button(page, /^Remove/).click();
    await button(page, 'Really remove').click();
    await page.waitForURL(`${stage.pages.ceremonyOrigin()}/`);
    expect(called('ceremony/begin')).toEqual([{ kind: 'remove', key: 'key-1' }]);
  });

  it('that cannot be added yet say what to do first', async () => {
    const page = await stage.ui();
    stage.agent.fails('ceremony/begin', new AppError('SIGN_IN_STALE'));
    await button(page, 'Keys').click();
    await button(page, 'Add a key').click();
    await page.getByRole('alert').getByText(failureTexts.SIGN_IN_STALE.cause).waitFor();
  });
});

describe('the lock', () => {
  it('is turned with one press, and opened by a key on the page of its own', async () => {
    const page = await stage.ui();
    await button(page, 'Lock now').click();
    await page.getByText('Nobody gets a token.').waitFor();
    await untilTitled(page, 'Locked · Lakepass');
    await button(page, 'Unlock with a key').click();
    await page.waitForURL(`${stage.pages.ceremonyOrigin()}/`);
    expect(called('ceremony/begin')).toEqual([{ kind: 'unlock' }]);
  });

  it('says while away that runs go on', async () => {
    const page = await stage.ui();
    stage.agent.update(
      ({ status }) =>
        void Object.assign(status.lock, {
          state: 'away',
          why: 'idle',
          since: new Date().toISOString(),
          unlockBy: ['screen'],
          continuing: 3,
        }),
    );
    await page.getByText('3 runs continue; nothing new begins until you are back.').waitFor();
  });
});

describe('signing in', () => {
  it('opens the provider in a tab of its own, can be cancelled, and this page stays', async () => {
    const page = await stage.ui();
    const opened = page.context().waitForEvent('page');
    await button(page, 'Sign in again').click();
    await opened;
    expect(await untilCalled('sign-in')).toEqual([{ profile: 'acme' }]);
    await button(page, 'Cancel the sign-in').click();
    expect(await untilCalled('sign-in/cancel')).toEqual([{ profile: 'acme' }]);
    await button(page, 'Sign in again').waitFor();
  });

  it('gives the address where the browser opens no tab', async () => {
    const page = await stage.tab();
    await page.addInitScript('window.open = () => null;');
    await page.goto((await stage.pages.uiUrl()).href);
    await button(page, 'Sign in again').click();
    expect(await page.getByRole('link', { name: 'Open the sign-in page' }).getAttribute('href')).toBe('http://127.0.0.1:1/authorize');
  });

  it('out takes a second thought', async () => {
    const page = await stage.ui();
    await page.getByRole('button', { name: 'Sign out', exact: true }).click();
    expect(called('sign-out')).toEqual([]);
    await page.getByRole('button', { name: 'Really sign out', exact: true }).click();
    await page.getByRole('heading', { name: 'Nobody is signed in' }).waitFor();
    await button(page, 'Sign in').waitFor();
  });
});

describe('home', () => {
  it('keeps what the provider says apart from the key that Lakepass saw', async () => {
    const page = await stage.ui();
    const card = page.getByRole('region', { name: 'Ada Lovelace' });
    await card.getByText('With a phishing-resistant key, says your provider').waitFor();
    expect(await card.innerText()).toMatch(/Key touched last\s+Blue, on the key ring[\s\S]*your provider knows nothing of it/);
  });

  it('says in words what the ring shows', async () => {
    stage.agent.update(({ status }) => {
      for (const { session } of status.profiles) session.idleEndsAt = new Date(clock.now() + 3_600_000).toISOString();
    });
    const page = await stage.ui();
    const ring = page.getByRole('img', { name: /^6 h 59 min left: the session ends .+, whatever happens\. Unless a token is asked for/ });
    await ring.waitFor();
  });

  it('has a way out of every session at once, and says what became of the refresh token', async () => {
    const page = await stage.ui();
    await button(page, 'Sign out everywhere').click();
    expect(called('sign-out')).toEqual([]);
    // The answer that changes nothing is under the finger, and Escape is the same.
    await untilFocused(page, 'Keep');
    await page.keyboard.press('Escape');
    await untilFocused(page, 'Sign out everywhere');
    await page.keyboard.press('Enter');
    await button(page, 'Really sign out everywhere').click();
    expect(await untilCalled('sign-out')).toEqual([{}]);
    await page.getByRole('heading', { name: 'Nobody is signed in' }).waitFor();
  });

  it('names a workspace that gives no tokens, why, and what to do', async () => {
    stage.agent.update(({ status }) => {
      for (const { workspaces } of status.profiles) for (const workspace of workspaces) workspace.health = 'ISSUER_UNREACHABLE';
    });
    const page = await stage.ui();
    await page.getByRole('region', { name: 'Workspaces' }).getByText(failureTexts.ISSUER_UNREACHABLE.cause).waitFor();
  });

  it('says once what is wrong, with the profile whose trouble it is, and the rest apart', async () => {
    const trouble = { code: 'ISSUER_UNREACHABLE', ...failureTexts.ISSUER_UNREACHABLE } as const;
    stage.agent.update(({ status }) => {
      for (const { session } of status.profiles) Object.assign(session, { phase: 'ended', lastFailure: trouble });
      status.problems = [{ code: 'PORT_TAKEN', ...failureTexts.PORT_TAKEN }, trouble];
    });
    stage.agent.fails('sign-in', new AppError('ISSUER_UNREACHABLE'));
    const page = await stage.ui();
    const says = page.getByText(failureTexts.ISSUER_UNREACHABLE.cause);
    await page.getByRole('region', { name: 'What is wrong' }).getByText(failureTexts.PORT_TAKEN.cause).waitFor();
    expect(await says.count()).toBe(1);
    await page.getByRole('region', { name: 'Workspaces' }).getByText('No tokens now').waitFor();
    await button(page, 'Sign in again').click();
    await page.getByRole('alert').getByText(failureTexts.ISSUER_UNREACHABLE.cause).waitFor();
    expect(await says.count()).toBe(1);
  });

  it('shows alerts, severe ones first, each with what to do, until the person has seen it, and says no problem twice', async () => {
    const rejected = alertTexts['tokens-rejected'];
    stage.agent.update(({ status }) => {
      status.alerts = alertsOf(clock);
      status.problems = [{ code: 'TOKENS_REJECTED', ...failureTexts.TOKENS_REJECTED }];
    });
    const page = await stage.ui();
    const card = page.getByRole('region', { name: 'Worth a look' });
    await card.getByText('lakepass doctor').waitFor();
    expect(await card.locator('strong').allInnerTexts()).toEqual([`Severe: ${rejected.cause}`, alertTexts['other-user'].cause]);
    expect(await card.innerText()).toMatch(/About acme\. Since .+, 7 times, last /);
    expect(await page.getByText(failureTexts.TOKENS_REJECTED.cause).count()).toBe(0);
    // What starts a notebook is not what helps most then.
    expect(await button(page, 'Copy').count()).toBe(0);
    await card.getByRole('button', { name: `I have seen this: ${rejected.cause}` }).click();
    expect(await untilCalled('alerts/seen')).toEqual([{ kind: 'tokens-rejected', about: 'acme' }]);
    await page.getByText(failureTexts.TOKENS_REJECTED.cause).waitFor();
    expect(await card.locator('strong').allInnerTexts()).toEqual([alertTexts['other-user'].cause]);
  });

  it('names a person without a name of their own once', async () => {
    stage.agent.update(({ status }) => {
      for (const { session } of status.profiles) Object.assign(session.identity ?? {}, { displayName: '' });
    });
    const card = (await stage.ui()).getByRole('region', { name: 'ada@acme.example' });
    await card.waitFor();
    expect(await card.getByText('ada@acme.example').count()).toBe(1);
  });

  it('copies the line that starts a notebook', async () => {
    const page = await stage.ui();
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await button(page, 'Copy').click();
    await page.getByRole('status').getByText('Copied').waitFor();
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe('lakepass run -- jupyter lab');
  });
});

describe('a session whose tokens are not narrowed', () => {
  it('says on Home what each token opens', async () => {
    stage.agent.update(({ status }) => {
      for (const profile of status.profiles) profile.direct = ['all-apis', 'offline_access'];
    });
    const card = (await stage.ui()).getByRole('region', { name: 'Ada Lovelace' });
    await card.getByText('Not narrowed', { exact: true }).waitFor();
    expect(await card.innerText()).toMatch(/Tokens\s+Each opens all you may do there[\s\S]*all-apis offline_access/);
  });
});

describe('service principals', () => {
  const { cause, next, nextStep } = failureTexts.PRINCIPAL_SECRET_NEEDED;
  const empty = principalOf({
    ...{ name: 'robot', state: 'secret-needed', secretSetAt: null, secretAgeDays: null },
    problem: { code: 'PRINCIPAL_SECRET_NEEDED', cause, next, nextStep },
  });
  const states: [string, ReturnType<typeof principalOf>, RegExp][] = [
    ['ready', principalOf(), /Its secret is 12 days old\.\s+Ready$/],
    ['new, with a secret of today', principalOf({ secretAgeDays: 1 }), /Its secret is 1 day old\.\s+Ready$/],
    [
      'old',
      principalOf({ secretAgeDays: 91, rotationDue: true }),
      /91 days old: .+ lakepass service-principals set loader\.\s+New secret due$/,
    ],
    ['without its secret', empty, /Put it in the vault with lakepass service-principals set robot\.\s+Needs its secret$/],
    [
      'proven by a file',
      principalOf({ proof: 'file', where: '/run/jwt', secretAgeDays: null }),
      /JWT of a workload, in \/run\/jwt\.\s+Ready$/,
    ],
    ['locked', principalOf({ state: 'locked', secretAgeDays: null }), /Locked$/],
  ];

  it('stand beside a person, each with how it stands, and its workspaces with everybody’s', async () => {
    stage.agent.update(({ status }) => {
      status.servicePrincipals = states.map(([name, principal]) => ({
        ...principal,
        name: principal === empty ? 'robot' : 'loader',
        clientId: name,
      }));
    });
    const page = await stage.ui();
    const items = page.getByRole('region', { name: 'Service principals' }).getByRole('listitem');
    await items.first().waitFor();
    expect(await items.allInnerTexts()).toEqual(states.map(([, , says]) => expect.stringMatching(says)));
    const workspaces = page.getByRole('region', { name: 'Workspaces' });
    const lines = await workspaces.getByRole('listitem').allInnerTexts();
    expect(lines[0]).toMatch(/^prod acme\s+acme\.cloud\.databricks\.com\s+Gives tokens$/);
    expect(lines[1]).toMatch(/^nightly loader\s+nightly\.cloud\.databricks\.com\s+Gives tokens$/);
    // Without its secret it gives none, whatever the workspace said before.
    expect(lines[4]).toMatch(/^nightly robot\s+nightly\.cloud\.databricks\.com\s+No tokens now$/);
    expect(await findingsOf(page)).toEqual([]);
  });

  it('alone are no first run: nobody is asked to sign in or to add a key, and the next act is theirs', async () => {
    stage.agent.update((state) => {
      Object.assign(state, { grants: [] });
      Object.assign(state.status, { profiles: [], grants: [], tapKeys: [], servicePrincipals: [empty] });
      state.status.next = 'lakepass service-principals set robot';
    });
    const page = await stage.ui({ colours: 'dark' });
    await page.getByRole('heading', { level: 1, name: 'Home' }).waitFor();
    await page.getByRole('region', { name: 'What helps most now' }).getByText('lakepass service-principals set robot').waitFor();
    await button(page, 'Lock now').waitFor();
    expect(await button(page, /Sign in|Add your first key/).count()).toBe(0);
    expect(await findingsOf(page)).toEqual([]);
    await page.getByRole('navigation').getByRole('button', { name: 'Settings' }).click();
    await page.getByText('No profile for people is configured.').waitFor();
    await page.getByRole('navigation').getByRole('button', { name: 'Policy' }).click();
    await page.getByRole('region', { name: 'What if?' }).getByText('nightly · https://nightly.cloud.databricks.com').waitFor();
    expect(await page.getByText('Sign in to see what applies to you.').count()).toBe(0);
    expect(called('setup')).toEqual([]);
  });
});

describe('a page whose agent is gone', () => {
  it('shows nothing old, says so in the title, and says what to do', async () => {
    const page = await stage.ui();
    await stage.pages.close();
    await page.getByRole('heading', { name: 'Lakepass does not answer' }).waitFor();
    await untilTitled(page, 'No answer · Lakepass');
    expect(await page.getByText('ada@acme.example').count()).toBe(0);
    await page.getByText('lakepass ui').waitFor();
  });
});
