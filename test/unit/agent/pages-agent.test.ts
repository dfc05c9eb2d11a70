/** The agent as the pages see it: who may answer by a click, and what a page sets going. */
import { describe, expect, it } from 'vitest';
import type { Agent } from '../../../main/agent/agent.ts';
import type { Ceremonies } from '../../../main/agent/ceremonies.ts';
import { type CoreCall, createUiAgent } from '../../../main/agent/pages-agent.ts';
import type { OwnPreferences } from '../../../main/agent/preferences.ts';
import { type Caller, unknownCaller } from '../../../main/caller/caller.ts';
import { callUi, type UiAgent } from '../../../main/pages/ui-agent.ts';
import type { TapKeys } from '../../../main/passkey/tap-keys.ts';
import type { Screen } from '../../../main/ports.ts';
import { later, minutes } from '../../../main/units.ts';
import type { StatusView } from '../../../preload/contract/control.ts';
import type { UiInput, UiOutput } from '../../../preload/contract/ui.ts';
import { codeOf, policyFrom, policyText, setting } from './setting.ts';

/** What is not named here throws where it is called. */
const strict = <T extends object>(known: Partial<T>): T =>
  new Proxy(known, {
    get(target, name) {
      if (!(name in target)) throw new Error(`this test does not come to ${String(name)}`);
      return Reflect.get(target, name);
    },
  }) as T;

async function page() {
  const all = await setting(policyFrom(policyText('click')));
  const calls: unknown[] = [];
  const note =
    <T>(what: string, answer: T) =>
    (...given: unknown[]): T => {
      calls.push([what, ...given]);
      return answer;
    };
  const status = { version: '0' } as StatusView;
  const agent = strict<Agent>({
    ...{ status: () => status, grants: () => [], cancelSignIn: note('cancelSignIn', true), signOut: note('signOut', Promise.resolve([])) },
    beginSignIn: note('beginSignIn', Promise.resolve({ profile: 'acme', url: 'https://idp.acme.example', browser: 'none' as const })),
    ...{ endGrants: note('endGrants', Promise.resolve(2)), lock: note('lock', Promise.resolve({} as never)) },
    ...{
      pauseGrants: note('pauseGrants', Promise.resolve(1)),
      denied: note('denied', { denied: [] }),
      forgetDenial: note('forgetDenial', true),
    },
  });
  const ceremonies = strict<Ceremonies>({ begin: note('begin', 'ticket') });
  const tapKeys = strict<TapKeys>({ rename: note('rename', Promise.resolve()) });
  const { members, consents, making, lock, clock } = all;
  const preferences = strict<OwnPreferences>({
    view: () => ({ theme: 'dark', startAtLogin: null, remindOfSetup: true }),
    set: note('set', Promise.resolve({ theme: 'dark' as const, startAtLogin: null, remindOfSetup: true })),
  });
  const host = { screen: undefined as Screen | undefined, openBrowser: all.openBrowser };
  const ourselves = all.processes.start({ executable: '/opt/lakepass/lakepass' });
  const ui = createUiAgent({
    ...{
      agent,
      members,
      companies: new Map(),
      servicePrincipals: new Map(),
      consents,
      making,
      ceremonies,
      tapKeys,
      lock,
      preferences,
      clock,
      host,
    },
    ceremonyUrl: all.pages.ceremonyUrl,
    registering: {
      registerKey: note(
        'registerKey',
        Promise.resolve({ profile: 'acme', how: 'page' as const, url: 'https://keys.acme.example/', browser: 'opened' as const }),
      ),
      proveKey: note('proveKey', Promise.resolve({ profile: 'acme', url: 'https://idp.acme.example', browser: 'none' as const })),
    },
    scopeWords: (scopes) => scopes.map((scope) => `may ${scope}`),
    revision: () => 7,
    ownPid: ourselves.pid,
  });
  /** Through the one way in, so that every answer is shown to fit the contract. */
  const call = <N extends CoreCall>(name: N, input: UiInput<N>, by: Caller = unknownCaller): Promise<UiOutput<N>> =>
    callUi(ui as UiAgent, name, input, by) as Promise<UiOutput<N>>;
  const terminal = all.processes.start({ executable: '/usr/bin/bash' });
  const asker = all.processes.start({ executable: '/usr/bin/curl', parent: terminal });
  /** Asked for by curl in a shell, shown, and read. */
  async function asked(caller: Caller = all.processes.callerOf(asker)): Promise<string> {
    const { grant } = await all.run();
    all.access.leave(grant, caller);
    await clock.advance(0);
    const id = consents.front()?.id ?? '';
    await call('shown', { ask: id });
    await clock.advance(500);
    return id;
  }
  return { ...all, ui, call, host, calls, asker, terminal, ourselves, asked };
}

const yes = (ask: string) => ({ verdict: 'approved', ask, span: 'once' }) as const;
const no = (ask: string) => ({ verdict: 'denied', ask, reach: 'run' }) as const;

describe('a click', () => {
  it('of the person’s browser answers a request', async () => {
    const { call, asked, stranger, consents } = await page();
    await call('answer', yes(await asked()), stranger('/usr/bin/firefox'));
    expect(consents.view().history).toMatchObject([{ outcome: 'approved' }]);
    await call('answer', no(await asked(stranger('/usr/bin/wget'))), stranger('/usr/bin/firefox'));
    expect(consents.view().history).toMatchObject([{ outcome: 'denied' }, { outcome: 'approved' }]);
  });

  it('of a browser through a forwarder does too: that is how a server is used', async () => {
    const { call, asked, stranger, consents } = await page();
    await call('answer', yes(await asked()), stranger('/usr/sbin/sshd', { kind: 'forwarder', forwarder: 'sshd' }));
    expect(consents.view().history).toMatchObject([{ outcome: 'approved' }]);
  });

  it('of a browser that the asking program has started is refused', async () => {
    const { call, asked, processes, asker, consents } = await page();
    const id = await asked();
    const child = processes.start({ executable: '/usr/bin/sh', parent: asker });
    const grandchild = processes.start({ executable: '/usr/bin/firefox', parent: child });
    for (const process of [asker, child, grandchild])
      expect(await codeOf(() => call('answer', yes(id), processes.callerOf(process)))).toBe('APPROVER_REFUSED');
    expect(consents.find(id)).toBeDefined();
  });

  it('of a program that has started the asking one is refused', async () => {
    const { call, asked, processes, terminal, consents } = await page();
    const id = await asked();
    expect(await codeOf(() => call('answer', yes(id), processes.callerOf(terminal)))).toBe('APPROVER_REFUSED');
    expect(consents.find(id)).toBeDefined();
  });

  it('of a browser under an AI agent is refused, whoever asked', async () => {
    const { call, asked, stranger, consents } = await page();
    const id = await asked();
    const browser = stranger('/usr/bin/chrome', { kind: 'ai-agent', aiAgent: 'claude' });
    expect(await codeOf(() => call('answer', yes(id), browser))).toBe('APPROVER_REFUSED');
    expect(await codeOf(() => call('answer', no(id), browser))).toBe('APPROVER_REFUSED');
    expect(consents.find(id)).toBeDefined();
  });

  it('for a request of somebody who cannot be named counts', async () => {
    const { call, asked, stranger, consents } = await page();
    const id = await asked({ ...stranger(), kind: 'unknown', process: null, ancestors: [] });
    await call('answer', yes(id), stranger('/usr/bin/firefox'));
    expect(consents.view().history).toMatchObject([{ outcome: 'approved' }]);
  });

  it('answers nothing that is over, that takes a tap, or that offers no such span', async () => {
    const { call, asked, stranger, state, run, access, consents, clock } = await page();
    const browser = stranger('/usr/bin/firefox');
    expect(await codeOf(() => call('answer', yes('a-none'), browser))).toBe('ASK_UNKNOWN');
    const id = await asked();
    expect(await codeOf(() => call('answer', { ...yes(id), span: 'grant' }, browser))).toBe('SPAN_REFUSED');
    await call('answer', no(id), browser);
    state.policy = policyFrom(policyText('tap'));
    access.leave((await run()).grant, stranger('/usr/bin/wget'));
    const taken = consents.front()?.id ?? '';
    await call('shown', { ask: taken });
    await clock.advance(500);
    expect(await codeOf(() => call('answer', yes(taken), browser))).toBe('TAP_NEEDED');
  });
});

describe('what Lakepass asks for itself', () => {
  it('is answered in its own window, and in a browser that it has opened', async () => {
    const { call, asked, processes, ourselves, consents } = await page();
    const browser = processes.start({ executable: '/usr/bin/firefox', parent: ourselves });
    for (const by of [ourselves, browser]) {
      await call('answer', yes(await asked(processes.callerOf(ourselves))), processes.callerOf(by));
      expect(consents.view().history[0]).toMatchObject({ outcome: 'approved' });
    }
  });

  it('by a program that it has started is answered in its own window, but not by that program', async () => {
    const { call, asked, processes, ourselves, consents } = await page();
    const kernel = processes.start({ executable: '/usr/bin/python3', parent: ourselves });
    const id = await asked(processes.callerOf(kernel));
    expect(await codeOf(() => call('answer', yes(id), processes.callerOf(kernel)))).toBe('APPROVER_REFUSED');
    await call('answer', no(id), processes.callerOf(ourselves));
    expect(consents.view().history).toMatchObject([{ outcome: 'denied' }]);
  });

  it('is not for an AI agent to answer, whichever window it has', async () => {
    const { call, asked, processes, ourselves } = await page();
    const id = await asked(processes.callerOf(ourselves));
    const claude = processes.callerOf(ourselves, { kind: 'ai-agent', aiAgent: 'claude' });
    expect(await codeOf(() => call('answer', yes(id), claude))).toBe('APPROVER_REFUSED');
  });
});

describe('letting a paused grant go on', () => {
  it('is for the person: an AI agent’s browser may pause, but not take that back', async () => {
    const { call, calls, stranger } = await page();
    const browser = stranger('/usr/bin/chrome', { kind: 'ai-agent', aiAgent: 'claude' });
    await call('pause', { ids: ['g1'], paused: true }, browser);
    expect(await codeOf(() => call('pause', { ids: ['g1'], paused: false }, browser))).toBe('CALLER_REFUSED');
    await call('pause', { ids: ['g1'], paused: false }, stranger('/usr/bin/firefox'));
    expect(calls).toEqual([
      ['pauseGrants', ['g1'], true],
      ['pauseGrants', ['g1'], false],
    ]);
  });
});

describe('the UI in a window of our own', () => {
  const desktop = async () => {
    const all = await page();
    all.host.screen = { show: () => undefined, showRequest: () => undefined };
    return all;
  };

  it('says so', async () => {
    const { ui } = await desktop();
    expect(await ui.state({}, unknownCaller)).toMatchObject({ host: 'desktop' });
  });

  it('has ceremonies and sign-ins opened in the system browser, and goes nowhere itself', async () => {
    const { call, calls, screen } = await desktop();
    screen.browser = 'opened';
    expect(await call('ceremony/begin', { kind: 'unlock' })).toEqual({ url: null });
    expect(screen.opened).toEqual(['http://lakepass.localhost:4711/#ticket']);
    expect(await call('sign-in', { profile: 'acme' })).toEqual({ url: 'https://idp.acme.example' });
    expect(calls.at(-1)).toEqual(['beginSignIn', { profile: 'acme', stepUp: false }, unknownCaller, true]);
    expect(await call('keys/register', { profile: 'acme' })).toEqual({ how: 'page', url: null });
    expect(await call('keys/prove', { profile: 'acme' })).toEqual({ url: 'https://idp.acme.example' });
    expect(calls.slice(-2)).toEqual([
      ['registerKey', { profile: 'acme' }, unknownCaller, true],
      ['proveKey', { profile: 'acme' }, unknownCaller, true],
    ]);
  });

  it('is given the address where no browser can be opened', async () => {
    const { call, screen } = await desktop();
    screen.browser = 'none';
    expect(await call('ceremony/begin', { kind: 'enrol' })).toEqual({ url: 'http://lakepass.localhost:4711/#ticket' });
  });

  it('keeps the gate: what has started the app, or is started by whoever asks, answers nothing by a click', async () => {
    const { call, asked, processes, asker, terminal, consents } = await desktop();
    const id = await asked();
    const app = processes.start({ executable: '/opt/lakepass/lakepass', parent: asker });
    for (const process of [app, terminal])
      expect(await codeOf(() => call('answer', yes(id), processes.callerOf(process)))).toBe('APPROVER_REFUSED');
    expect(consents.find(id)).toBeDefined();
  });
});

describe('the UI', () => {
  it('shows status, grants, newest first, and what the bundles mean', async () => {
    const { ui } = await page();
    const state = await ui.state({}, unknownCaller);
    expect(state).toMatchObject({ revision: 7, host: 'headless', status: { version: '0' }, grants: [], preferences: { theme: 'dark' } });
    expect(state.bundles.find(({ name }) => name === 'sql')).toMatchObject({
      words: expect.stringMatching(/^may /),
      scopes: expect.arrayContaining(['sql']),
    });
  });

  it('asks to widen a grant by putting the request into the queue', async () => {
    const { call, run, stranger, consents } = await page();
    const { grant } = await run();
    expect(await call('widen', { grant: grant.id, scopes: ['jobs'] }, stranger('/usr/bin/firefox'))).toMatchObject({
      id: grant.id,
      scopes: ['sql'],
      state: 'live',
    });
    expect(consents.view().asks).toMatchObject([{ purpose: 'widen', grant: grant.id }]);
  });

  it('snoozes, and whoever looks ends the snooze and is present', async () => {
    const { call, consents, clock, lock, stranger } = await page();
    await call('snooze', { minutes: 30 });
    expect(consents.view().snoozedUntil).toBe(new Date(later(clock.now(), minutes(30))).toISOString());
    lock.away('idle');
    await call('attend', {}, stranger('/usr/bin/firefox'));
    expect([consents.view().snoozedUntil, lock.state()]).toEqual([null, 'open']);
  });

  it('is not taken for a person who has come back where an AI agent looks', async () => {
    const { call, lock, stranger } = await page();
    lock.away('idle');
    await call('attend', {}, stranger('/usr/bin/curl', { kind: 'ai-agent', aiAgent: 'claude' }));
    expect(lock.state()).toBe('away');
  });

  it('does not end a locked screen by looking', async () => {
    const { call, lock, stranger } = await page();
    lock.away('screen-lock');
    await call('attend', {}, stranger('/usr/bin/firefox'));
    expect(lock.state()).toBe('away');
  });

  it('hands the rest on as it was asked', async () => {
    const { call, calls, stranger } = await page();
    expect(await call('sign-in', { profile: 'acme' })).toEqual({ url: 'https://idp.acme.example' });
    expect(await call('sign-in/cancel', {})).toEqual({ cancelled: true });
    await call('sign-out', { profile: 'acme' });
    expect(await call('revoke', { ids: ['g1', 'g2'] })).toEqual({ ended: 2 });
    expect(await call('pause', { ids: ['g1'], paused: true })).toEqual({ changed: 1 });
    await call('lock', {});
    await call('keys/rename', { key: 'k', name: 'Blue' });
    expect(await call('keys/register', {})).toEqual({ how: 'page', url: 'https://keys.acme.example/' });
    expect(await call('keys/prove', {})).toEqual({ url: 'https://idp.acme.example' });
    expect(await call('ceremony/begin', { kind: 'enrol' }, stranger())).toEqual({ url: 'http://lakepass.localhost:4711/#ticket' });
    await call('denied', {});
    expect(await call('denied/forget', { id: 'd1' })).toEqual({ forgotten: true });
    await call('preferences', { theme: 'dark' });
    expect(calls).toEqual([
      ['beginSignIn', { profile: 'acme', stepUp: false }, unknownCaller, false],
      ['cancelSignIn', undefined],
      ['signOut', 'acme'],
      ['endGrants', { ids: ['g1', 'g2'], why: 'revoked' }],
      ['pauseGrants', ['g1'], true],
      ['lock'],
      ['rename', 'k', 'Blue'],
      ['registerKey', { profile: undefined }, unknownCaller, false],
      ['proveKey', { profile: undefined }, unknownCaller, false],
      ['begin', { kind: 'enrol' }],
      ['denied'],
      ['forgetDenial', 'd1', unknownCaller],
      ['set', { theme: 'dark' }],
    ]);
  });
});
