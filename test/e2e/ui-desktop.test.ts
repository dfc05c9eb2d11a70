/** The windows of the desktop app as their pages make them: what goes on in the browser is said, requests have a window of their own. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../main/app-error.ts';
import { systemClock as clock } from '../../main/host-ports.ts';
import { failureTexts } from '../../preload/contract/failure.ts';
import { agentCaller, askOf, notebookCaller } from '../fakes/pages-agent.ts';
import { findingsOf, type Look, openTheatre, type Theatre } from './ui-stage.ts';
import { type AppWindow, openWindow } from './ui-window.ts';

let theatre: Theatre;
let shown: AppWindow;
beforeAll(async () => {
  theatre = await openTheatre();
});
afterAll(() => theatre?.close());
afterEach(() => shown.close());

const button = (name: string | RegExp) => shown.page.getByRole('button', { name, exact: true });
const called = (what: string) => shown.agent.asked.filter((one) => one.what === what).map((one) => one.with);
async function untilCalled(what: string): Promise<unknown[]> {
  while (called(what).length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  return called(what);
}
const ask = (...asks: Parameters<typeof askOf>[1][]) =>
  shown.agent.update(({ status }) => {
    status.queue.asks = asks.map((changes) => askOf(clock, changes));
  });

describe('the main window', () => {
  beforeEach(async () => {
    shown = await openWindow(theatre, 'main');
    await shown.page.getByRole('navigation').waitFor();
  });

  it('shows a request and raises the window it is answered in, but answers nothing itself', async () => {
    ask({});
    await shown.page.getByText('1 request waits for your answer.').waitFor();
    expect(await shown.page.getByRole('dialog').count()).toBe(0);
    await button('Answer the request').click();
    expect(shown.shell).toEqual([{ name: 'shell/approval', input: {} }]);
    await shown.page.getByRole('navigation').getByRole('button', { name: 'Requests' }).click();
    await shown.page.getByRole('heading', { name: 'python, a kernel of jupyter-lab asks for access' }).waitFor();
    expect(await button('Approve').count()).toBe(0);
    expect(called('shown')).toEqual([]);
    expect(await findingsOf(shown.page)).toEqual([]);
    expect(shown.complaints).toEqual([]);
  });

  it('says that a key is touched in the browser, and follows when it was', async () => {
    shown.agent.update(({ status }) => Object.assign(status.lock, { state: 'locked', why: 'command', unlockBy: ['key'] }));
    await button('Unlock with a key').click();
    await shown.page.getByText('Touch your key in your browser').waitFor();
    expect(called('ceremony/begin')).toEqual([{ kind: 'unlock' }]);
    shown.agent.update(({ status }) => Object.assign(status.lock, { state: 'open', why: null, unlockBy: [] }));
    await button('Lock now').waitFor();
    expect(await shown.page.getByText('Touch your key in your browser').count()).toBe(0);
  });

  it('gives the address to copy where no browser could be opened', async () => {
    shown.agent.ceremonyUrl = () => ({ url: 'http://lakepass.localhost:4711/#code' });
    await button('Keys').click();
    await button('Add a key').click();
    await shown.page.getByText('No browser could be opened.').waitFor();
    await button('Copy').click();
    await shown.page.getByRole('status').getByText('Copied').waitFor();
    expect(shown.shell).toEqual([{ name: 'shell/copy', input: { text: 'http://lakepass.localhost:4711/#code' } }]);
    await button('Back').click();
    expect(await shown.page.getByText('No browser could be opened.').count()).toBe(0);
    expect(new URL(shown.page.url()).pathname).toBe('/');
  });

  it('shows the view that a link or the tray asks for', async () => {
    await shown.show('keys');
    await shown.page.getByRole('heading', { level: 1, name: 'Keys' }).waitFor();
    expect(await shown.page.evaluate('document.activeElement.textContent')).toBe('Keys');
  });

  it('fills in the link of a company that was opened, and asks nobody what it offers', async () => {
    const enroll = 'lakepass://enroll?url=https%3A%2F%2Fit.acme.example%2Fb.json&key=NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs';
    await shown.show({ enroll });
    await shown.page.getByText('It leads to it.acme.example.').waitFor();
    expect(await shown.page.getByRole('textbox', { name: 'Link' }).inputValue()).toBe(enroll);
    expect(called('enroll/look')).toEqual([]);
    await button('See what it offers').click();
    await button('Accept').click();
    await shown.page.getByRole('heading', { level: 1, name: 'Managed by Acme' }).waitFor();
    await button('Go on').click();
    await shown.page.getByRole('heading', { level: 1, name: 'Home' }).waitFor();
  });

  it('shows nothing old while nobody answers, and comes back by itself', async () => {
    shown.isGone = true;
    await button('Lock now').click();
    await shown.page.getByRole('heading', { name: 'Lakepass does not answer' }).waitFor();
    expect(await shown.page.getByText('ada@acme.example').count()).toBe(0);
    shown.isGone = false;
    await button('Lock now').waitFor();
  });

  it('says why a call was refused', async () => {
    shown.agent.fails('lock', new AppError('INTERNAL'));
    await button('Lock now').click();
    await shown.page.getByRole('alert').getByText(failureTexts.INTERNAL.cause).waitFor();
  });
});

describe('the approval window', () => {
  const small = { width: 480, height: 640 };
  const open = async (look: Look = {}, ...asks: Parameters<typeof askOf>[1][]): Promise<void> => {
    shown = await openWindow(theatre, 'approval', { ...small, ...look });
    await shown.page.getByRole('heading', { name: 'Nobody asks now.' }).waitFor();
    ask(...asks);
    await button('Deny').waitFor();
  };
  const approve = (name: string) => button(name).and(shown.page.locator(':enabled'));

  it('has Deny under the finger, lets nobody approve at once, and says who vouches for every fact', async () => {
    await open({}, { caller: agentCaller, expected: notebookCaller, purpose: 'use', grant: 'grant-1' });
    expect(await shown.page.evaluate('document.activeElement.textContent')).toBe('Deny');
    expect(await untilCalled('shown')).toEqual([{ ask: 'ask-1' }]);
    await approve('Approve').waitFor();
    const marks = await shown.page.getByRole('region', { name: 'Who asks' }).locator('[data-fact]').allInnerTexts();
    expect(marks.map((text) => /(verified|claimed)$/.exec(text)?.[1])).toEqual(['verified', 'verified', 'verified', 'claimed']);
    expect(await shown.page.title()).toBe('(1) A program asks · Lakepass');
    await shown.page.keyboard.press('Enter');
    expect(await untilCalled('answer')).toEqual([{ verdict: 'denied', ask: 'ask-1', reach: 'once' }]);
    await shown.page.getByRole('heading', { name: 'Nobody asks now.' }).waitFor();
    expect(shown.complaints).toEqual([]);
  });

  it('is not answered by Escape', async () => {
    await open({}, {});
    await shown.page.keyboard.press('Escape');
    await shown.page.keyboard.press('Escape');
    await approve('Approve').waitFor();
    expect(called('answer')).toEqual([]);
  });

  it('says that the key is touched in the browser, and still takes a no', async () => {
    await open({}, { approval: 'tap' });
    await approve('Approve with a key').click();
    await shown.page.getByText('Touch your key in your browser').waitFor();
    expect(called('ceremony/begin')).toEqual([{ kind: 'tap', ask: 'ask-1', span: 'grant' }]);
    expect(await findingsOf(shown.page)).toEqual([]);
    await button('Deny').click();
    expect(await untilCalled('answer')).toEqual([{ verdict: 'denied', ask: 'ask-1', reach: 'once' }]);
  });

  it.each<[string, Look]>([
    ['light', {}],
    ['dark', { colours: 'dark' }],
    ['light at 200 %', { zoom: 2 }],
    ['dark at 200 %', { colours: 'dark', zoom: 2 }],
  ])('has nothing that keeps anybody out, with its answers in reach: %s', async (_, look) => {
    await open(look, { caller: agentCaller, expected: notebookCaller, purpose: 'use', grant: 'grant-1', approval: 'tap' }, { id: 'next' });
    await approve('Approve with a key').scrollIntoViewIfNeeded();
    expect(await findingsOf(shown.page)).toEqual([]);
    expect(await shown.page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    await button('Deny').click();
    await shown.page.getByRole('heading', { name: /asks for access/ }).waitFor();
    expect(await shown.page.evaluate('document.activeElement.textContent')).toBe('Deny');
  });
});
