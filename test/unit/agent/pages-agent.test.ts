/** The agent as the pages see it: who may answer by a click, and what a page sets going. */
import { describe, expect, it } from 'vitest';
import type { Agent } from '../../../main/agent/agent.ts';
import type { Ceremonies } from '../../../main/agent/ceremonies.ts';
import { createPagesAgent } from '../../../main/agent/pages-agent.ts';
import type { Caller } from '../../../main/caller/caller.ts';
import type { TapKeys } from '../../../main/passkey/tap-keys.ts';
import { later, minutes } from '../../../main/units.ts';
import type { StatusView } from '../../../preload/contract/control.ts';
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
  });
  const ceremonies = strict<Ceremonies>({ begin: note('begin', 'ticket'), refuse: note('refuse', undefined) });
  const tapKeys = strict<TapKeys>({ rename: note('rename', Promise.resolve()) });
  const { grants, members, consents, approvals, making, lock, clock } = all;
  const pages = createPagesAgent({
    ...{ agent, grants, members, consents, approvals, making, ceremonies, tapKeys, lock, clock },
    scopeWords: (scopes) => scopes.map((scope) => `may ${scope}`),
    revision: () => 7,
  });
  const terminal = all.processes.start({ executable: '/usr/bin/bash' });
  const asker = all.processes.start({ executable: '/usr/bin/curl', parent: terminal });
  /** Asked for by curl in a shell, shown, and read. */
  async function asked(caller: Caller = all.processes.callerOf(asker)): Promise<string> {
    const { grant } = await all.run();
    all.access.leave(grant, caller);
    await clock.advance(0);
    const id = consents.front()?.id ?? '';
    pages.shown(id);
    await clock.advance(500);
    return id;
  }
  return { ...all, pages, calls, asker, terminal, asked };
}

const yes = (ask: string) => ({ verdict: 'approved', ask, span: 'once' }) as const;
const no = (ask: string) => ({ verdict: 'denied', ask, reach: 'run' }) as const;

describe('a click', () => {
  it('of the person’s browser answers a request', async () => {
    const { pages, asked, stranger, consents } = await page();
    pages.answer(yes(await asked()), stranger('/usr/bin/firefox'));
    expect(consents.view().history).toMatchObject([{ outcome: 'approved' }]);
    pages.answer(no(await asked(stranger('/usr/bin/wget'))), stranger('/usr/bin/firefox'));
    expect(consents.view().history).toMatchObject([{ outcome: 'denied' }, { outcome: 'approved' }]);
  });

  it('of a browser through a forwarder does too: that is how a server is used', async () => {
    const { pages, asked, stranger, consents } = await page();
    pages.answer(yes(await asked()), stranger('/usr/sbin/sshd', { kind: 'forwarder', forwarder: 'sshd' }));
    expect(consents.view().history).toMatchObject([{ outcome: 'approved' }]);
  });

  it('of a browser that the asking program has started is refused', async () => {
    const { pages, asked, processes, asker, consents } = await page();
    const id = await asked();
    const child = processes.start({ executable: '/usr/bin/sh', parent: asker });
    const grandchild = processes.start({ executable: '/usr/bin/firefox', parent: child });
    for (const process of [asker, child, grandchild])
      expect(await codeOf(() => pages.answer(yes(id), processes.callerOf(process)))).toBe('APPROVER_REFUSED');
    expect(consents.find(id)).toBeDefined();
  });

  it('of a program that has started the asking one is refused', async () => {
    const { pages, asked, processes, terminal, consents } = await page();
    const id = await asked();
    expect(await codeOf(() => pages.answer(yes(id), processes.callerOf(terminal)))).toBe('APPROVER_REFUSED');
    expect(consents.find(id)).toBeDefined();
  });

  it('of a browser under an AI agent is refused, whoever asked', async () => {
    const { pages, asked, stranger, consents } = await page();
    const id = await asked();
    const browser = stranger('/usr/bin/chrome', { kind: 'ai-agent', aiAgent: 'claude' });
    expect(await codeOf(() => pages.answer(yes(id), browser))).toBe('APPROVER_REFUSED');
    expect(await codeOf(() => pages.answer(no(id), browser))).toBe('APPROVER_REFUSED');
    expect(consents.find(id)).toBeDefined();
  });

  it('for a request of somebody who cannot be named counts', async () => {
    const { pages, asked, stranger, consents } = await page();
    const id = await asked({ ...stranger(), kind: 'unknown', process: null, ancestors: [] });
    pages.answer(yes(id), stranger('/usr/bin/firefox'));
    expect(consents.view().history).toMatchObject([{ outcome: 'approved' }]);
  });

  it('answers nothing that is over, that takes a tap, or that offers no such span', async () => {
    const { pages, asked, stranger, state, run, access, consents, clock } = await page();
    const browser = stranger('/usr/bin/firefox');
    expect(await codeOf(() => pages.answer(yes('a-none'), browser))).toBe('ASK_UNKNOWN');
    const id = await asked();
    expect(await codeOf(() => pages.answer({ ...yes(id), span: 'grant' }, browser))).toBe('SPAN_REFUSED');
    pages.answer(no(id), browser);
    state.policy = policyFrom(policyText('tap'));
    access.leave((await run()).grant, stranger('/usr/bin/wget'));
    const taken = consents.front()?.id ?? '';
    pages.shown(taken);
    await clock.advance(500);
    expect(await codeOf(() => pages.answer(yes(taken), browser))).toBe('TAP_NEEDED');
  });
});

describe('the UI', () => {
  it('shows status, grants, newest first, and what the bundles mean', async () => {
    const { pages } = await page();
    const state = pages.uiState();
    expect(state).toMatchObject({ revision: 7, status: { version: '0' }, grants: [] });
    expect(state.bundles.find(({ name }) => name === 'sql')).toMatchObject({
      words: expect.stringMatching(/^may /),
      scopes: expect.arrayContaining(['sql']),
    });
  });

  it('asks to widen a grant by putting the request into the queue', async () => {
    const { pages, run, stranger, consents } = await page();
    const { grant } = await run();
    expect(pages.askToWiden(grant.id, ['jobs'], stranger('/usr/bin/firefox'))).toMatchObject({
      id: grant.id,
      scopes: ['sql'],
      state: 'live',
    });
    expect(consents.view().asks).toMatchObject([{ purpose: 'widen', grant: grant.id }]);
  });

  it('snoozes, and whoever looks ends the snooze and is present', async () => {
    const { pages, consents, clock, lock, stranger } = await page();
    pages.snooze(30);
    expect(consents.view().snoozedUntil).toBe(new Date(later(clock.now(), minutes(30))).toISOString());
    lock.away('idle');
    pages.attend(stranger('/usr/bin/firefox'));
    expect([consents.view().snoozedUntil, lock.state()]).toEqual([null, 'open']);
  });

  it('is not taken for a person who has come back where an AI agent looks', async () => {
    const { pages, lock, stranger } = await page();
    lock.away('idle');
    pages.attend(stranger('/usr/bin/curl', { kind: 'ai-agent', aiAgent: 'claude' }));
    expect(lock.state()).toBe('away');
  });

  it('does not end a locked screen by looking', async () => {
    const { pages, lock, stranger } = await page();
    lock.away('screen-lock');
    pages.attend(stranger('/usr/bin/firefox'));
    expect(lock.state()).toBe('away');
  });

  it('hands the rest on as it was asked', async () => {
    const { pages, calls, stranger } = await page();
    await pages.beginSignIn('acme');
    pages.cancelSignIn(undefined);
    await pages.signOut('acme');
    expect(await pages.revoke(['g1', 'g2'])).toBe(2);
    await pages.lock();
    await pages.renameKey('k', 'Blue');
    expect(await pages.beginCeremony({ kind: 'enrol' }, stranger())).toBe('ticket');
    pages.refuseCeremony('t');
    expect(calls).toEqual([
      ['beginSignIn', { profile: 'acme', stepUp: false }, false],
      ['cancelSignIn', undefined],
      ['signOut', 'acme'],
      ['endGrants', { ids: ['g1', 'g2'], why: 'revoked' }],
      ['lock'],
      ['rename', 'k', 'Blue'],
      ['begin', { kind: 'enrol' }],
      ['refuse', 't'],
    ]);
  });
});
