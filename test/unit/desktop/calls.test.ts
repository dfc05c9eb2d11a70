import type { IpcMainInvokeEvent, WebContents } from 'electron';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../main/app-error.ts';
import { unknownCaller } from '../../../main/caller/caller.ts';
import { handleCalls, type ShellActs } from '../../../main/desktop/calls.ts';
import { pageUrls } from '../../../main/desktop/window-options.ts';
import { seconds } from '../../../main/units.ts';
import { callChannel, callsOf, outcomeSchema, type WindowKind } from '../../../preload/contract/desktop.ts';
import { uiCallNames } from '../../../preload/contract/ui.ts';
import { fakeElectron, makeContents, makeFrame } from '../../fakes/electron/electron.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { fakePagesAgent } from '../../fakes/pages-agent.ts';

function setUp() {
  const clock = fakeClock();
  const fake = fakeElectron();
  const agent = fakePagesAgent({ clock });
  const pages = { main: makeContents(pageUrls.main), approval: makeContents(pageUrls.approval) };
  const refused: string[] = [];
  const logged: unknown[] = [];
  const shellDid: unknown[] = [];
  const note = (what: string) => (input: unknown) => void shellDid.push([what, input]);
  handleCalls({
    ...{ ipcMain: fake.electron.ipcMain, ui: agent.ui, clock, self: async () => unknownCaller },
    windows: { kindOf: (contents) => (['main', 'approval'] as const).find((kind) => pages[kind] === contents) },
    shell: { 'shell/copy': note('copy'), 'shell/link': note('link'), 'shell/approval': note('approval') } satisfies ShellActs,
    refused: ({ code, reason }) => refused.push(`${code} ${reason}`),
    log: (...line) => void logged.push(line),
  });
  const handler = fake.handlers.get(callChannel);
  const send = async (event: Partial<IpcMainInvokeEvent>, message: unknown) =>
    outcomeSchema.parse(await handler?.(event as IpcMainInvokeEvent, message));
  const eventOf = (kind: WindowKind) => ({ sender: pages[kind] as WebContents, senderFrame: pages[kind].mainFrame });
  const ask = (kind: WindowKind, name: string, input: unknown = {}) => send(eventOf(kind), { name, input });
  return { clock, fake, agent, pages, refused, logged, shellDid, send, eventOf, ask };
}
const codeOf = (outcome: Awaited<ReturnType<ReturnType<typeof setUp>['ask']>>) => (outcome.ok ? 'ok' : outcome.failure.code);

describe('what a window asks', () => {
  it('is answered with what the contract names', async () => {
    const { ask } = setUp();
    expect(await ask('main', 'state')).toMatchObject({ ok: true, value: { status: { version: '0.1.0' } } });
    expect(await ask('approval', 'asks')).toMatchObject({ ok: true, value: { queue: { asks: [] } } });
  });

  it('is asked in the name of the app itself', async () => {
    const { ask, agent } = setUp();
    await ask('main', 'ceremony/begin', { kind: 'enrol' });
    expect(agent.asked.at(-1)).toMatchObject({ what: 'ceremony/begin', by: unknownCaller });
  });

  it('has one channel', () => {
    expect([...setUp().fake.handlers.keys()]).toEqual([callChannel]);
  });

  it('of the shell is done by the shell', async () => {
    const { ask, shellDid } = setUp();
    expect(await ask('main', 'shell/link', { link: 'readme' })).toEqual({ ok: true, value: {} });
    expect(codeOf(await ask('main', 'shell/link', { link: 'https://evil.test/' }))).toBe('INPUT_INVALID');
    expect(shellDid).toEqual([['link', { link: 'readme' }]]);
  });
});

describe('a call comes from the main frame of a window of ours, or from nobody', () => {
  const refusedSender = async (change: (set: ReturnType<typeof setUp>) => Partial<IpcMainInvokeEvent>) => {
    const set = setUp();
    const outcome = await set.send(change(set), { name: 'state', input: {} });
    expect([codeOf(outcome), set.refused, set.agent.asked]).toEqual(['PAGE_REFUSED', ['PAGE_REFUSED sender'], []]);
  };

  it('not from a frame that has gone', () => refusedSender(({ eventOf }) => ({ ...eventOf('main'), senderFrame: null })));

  it('not from a frame that was destroyed or replaced', async () => {
    const gone = { isDestroyed: () => true };
    await refusedSender(({ eventOf, pages }) => ({ ...eventOf('main'), senderFrame: Object.assign(pages.main.mainFrame, gone) }));
    await refusedSender(({ eventOf, pages }) => ({
      ...eventOf('main'),
      senderFrame: Object.assign(pages.main.mainFrame, { detached: true }),
    }));
  });

  it('not from a window that is not ours', () =>
    refusedSender(() => {
      const other = makeContents(pageUrls.main);
      return { sender: other, senderFrame: other.mainFrame };
    }));

  it('not from a frame within the page', async () => {
    await refusedSender(({ pages }) => ({ sender: pages.main, senderFrame: makeFrame(pageUrls.main, pages.main.mainFrame) }));
    await refusedSender(({ pages }) => ({ sender: pages.main, senderFrame: makeFrame(pageUrls.main) }));
  });

  it.each([
    ['another page', 'https://evil.test/'],
    ['the page of the other window', pageUrls.approval],
    ['a page below ours', `${pageUrls.main}x`],
    ['our page with a question', `${pageUrls.main}?x`],
    ['an empty page', 'about:blank'],
    ['nothing', ''],
  ])('not from %s', (_, url) =>
    refusedSender(({ eventOf, pages }) => ({ ...eventOf('main'), senderFrame: Object.assign(pages.main.mainFrame, { url }) })),
  );

  it('also from a place within our own page', async () => {
    const { send, eventOf, pages } = setUp();
    Object.assign(pages.main.mainFrame, { url: `${pageUrls.main}#grants` });
    expect((await send(eventOf('main'), { name: 'state', input: {} })).ok).toBe(true);
  });
});

describe('a call is one of its window', () => {
  it.each([
    ['main', 'answer'],
    ['main', 'shown'],
    ...[...uiCallNames, 'shell/copy', 'shell/link', 'shell/approval']
      .filter((name) => !callsOf.approval.includes(name as never))
      .map((name) => ['approval', name]),
    ['main', 'no such call'],
    ['main', 'constructor'],
    ['main', '__proto__'],
  ] as [WindowKind, string][])('so %s cannot ask for %s', async (kind, name) => {
    const { ask, refused, agent, shellDid } = setUp();
    expect(codeOf(await ask(kind, name))).toBe('ROUTE_UNKNOWN');
    expect([refused, agent.asked, shellDid]).toEqual([['ROUTE_UNKNOWN call'], [], []]);
  });

  it.each([['tap'], ['constructor'], [undefined]])('and so the main window begins no ceremony for %s', async (kind) => {
    const { ask, refused } = setUp();
    expect(codeOf(await ask('main', 'ceremony/begin', { kind, ask: 'a', span: 'once' }))).toBe('INPUT_INVALID');
    expect(refused).toEqual(['INPUT_INVALID ceremony']);
  });

  it.each(['enrol', 'remove', 'seal', 'unlock'])('nor the other window one for %s', async (kind) => {
    const { ask, refused } = setUp();
    expect(codeOf(await ask('approval', 'ceremony/begin', { kind, key: 'k' }))).toBe('INPUT_INVALID');
    expect(refused).toEqual(['INPUT_INVALID ceremony']);
  });
});

describe('a call that is none', () => {
  it.each([
    ['nothing', undefined],
    ['text', 'state'],
    ['a list', ['state', {}]],
    ['more than a call', { name: 'state', input: {}, by: 'me' }],
    ['a name that is no text', { name: { toString: (): string => 'state' }, input: {} }],
    ['a long name', { name: 's'.repeat(1000), input: {} }],
  ])('is refused: %s', async (_, message) => {
    const { send, eventOf, refused } = setUp();
    expect(codeOf(await send(eventOf('main'), message))).toBe('INPUT_INVALID');
    expect(refused).toEqual(['INPUT_INVALID message']);
  });

  it('is answered by its schema where the door lets it pass', async () => {
    const { ask, agent, refused } = setUp();
    expect(await ask('main', 'revoke', { ids: [] })).toMatchObject({ ok: false, failure: { code: 'INPUT_INVALID', detail: 'ids' } });
    expect([agent.asked, refused]).toEqual([[], []]);
  });

  it('is too long over 16 kB, and a first configuration over 80', async () => {
    const { ask, refused } = setUp();
    expect(codeOf(await ask('main', 'shell/copy', { text: 'x'.repeat(17_000) }))).toBe('INPUT_INVALID');
    expect(codeOf(await ask('main', 'setup/profile', { text: 'x'.repeat(82_000) }))).toBe('INPUT_INVALID');
    expect(refused).toEqual(['INPUT_INVALID size', 'INPUT_INVALID size']);
    await ask('main', 'setup/profile', { text: 'x'.repeat(60_000) });
    expect(refused).toHaveLength(2);
  });

  it('that JSON cannot say has no size', async () => {
    const { ask, refused } = setUp();
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    await ask('main', 'state', cycle);
    await ask('main', 'state', 10n);
    expect(refused).toEqual(['INPUT_INVALID size', 'INPUT_INVALID size']);
  });
});

describe('a window in a hurry', () => {
  it('is told to wait, alone, and for as long as it hurries', async () => {
    const { ask, clock, refused } = setUp();
    const codes = [];
    for (let call = 0; call < 130; call++) codes.push(codeOf(await ask('main', 'asks')));
    expect(codes.filter((code) => code === 'ok')).toHaveLength(120);
    expect([codes.at(-1), refused.length]).toEqual(['DOOR_BUSY', 10]);
    expect(codeOf(await ask('approval', 'asks'))).toBe('ok');
    await clock.advance(seconds(1));
    expect(codeOf(await ask('main', 'asks'))).toBe('ok');
  });
});

describe('a failure', () => {
  it('of the agent crosses in words, and is no refusal of the door', async () => {
    const { ask, agent, refused } = setUp();
    agent.fails('lock', new AppError('DISK_FULL'));
    expect(await ask('main', 'lock')).toMatchObject({ ok: false, failure: { code: 'DISK_FULL', nextStep: 'free-disk' } });
    expect(refused).toEqual([]);
  });

  it('that nobody expects keeps its words and its stack to itself', async () => {
    const { ask, agent, logged } = setUp();
    agent.fails('lock', new RangeError('secret dapi0123456789abcdef0123'));
    const outcome = await ask('main', 'lock');
    expect(codeOf(outcome)).toBe('INTERNAL');
    expect(JSON.stringify([outcome, logged])).not.toMatch(/secret|dapi|calls\.test|at /);
    expect(logged).toEqual([['window.failed', { call: 'lock', error: 'RangeError' }]]);
  });
});
