import { describe, expect, it } from 'vitest';
import { AppError } from '../../../main/app-error.ts';
import { unknownCaller } from '../../../main/caller/caller.ts';
import { createActs } from '../../../main/desktop/acts.ts';
import { copyText } from '../../../main/desktop/copying.ts';
import { createDesk } from '../../../main/desktop/desk.ts';
import { appMenu } from '../../../main/desktop/menu.ts';
import type { Notice } from '../../../main/desktop/notices.ts';
import { quitWith } from '../../../main/desktop/quit.ts';
import { createBucket } from '../../../main/desktop/rate.ts';
import { plainLine, words } from '../../../main/desktop/words.ts';
import { minutes, seconds } from '../../../main/units.ts';
import { fakeElectron, preventable } from '../../fakes/electron/electron.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { askOf, fakePagesAgent } from '../../fakes/pages-agent.ts';

describe('the menu of the app', () => {
  const rolesOf = (platform: NodeJS.Platform, packaged: boolean) =>
    (appMenu({ platform, packaged }) ?? []).flatMap(({ submenu }) => (Array.isArray(submenu) ? submenu.map(({ role }) => role) : []));

  it.each(['linux', 'win32', 'darwin'] as const)('has neither reload nor debugger in an installed app on %s', (platform) => {
    expect(rolesOf(platform, true).filter((role) => role === 'reload' || role === 'toggleDevTools' || role === 'forceReload')).toEqual([]);
  });

  it('is there on macOS, whose keys for copying it holds, and nowhere else', () => {
    expect(rolesOf('darwin', true)).toEqual(expect.arrayContaining(['cut', 'copy', 'paste', 'selectAll', 'close', 'quit']));
    expect([appMenu({ platform: 'linux', packaged: true }), appMenu({ platform: 'win32', packaged: true })]).toEqual([null, null]);
  });

  it('has both in development', () => {
    expect(rolesOf('linux', false)).toEqual(['reload', 'toggleDevTools']);
  });
});

describe('copying', () => {
  it('takes what people copy', async () => {
    const { electron, copied } = fakeElectron();
    await copyText(electron.clipboard, 'lakepass run --scope notebook -- jupyter lab');
    expect(copied).toEqual(['lakepass run --scope notebook -- jupyter lab']);
  });

  it.each([
    ['a JWT', `Bearer eyJ${'a'.repeat(20)}.eyJ${'b'.repeat(20)}.${'c'.repeat(20)}`],
    ['a token of Databricks', `export DATABRICKS_TOKEN=dapi${'0'.repeat(32)}`],
    ['a grant URL', `http://127.0.0.1:17410/v1/metadata/${'g'.repeat(43)}`],
  ])('takes no secret: %s', async (_, text) => {
    const { electron, copied } = fakeElectron();
    await expect(copyText(electron.clipboard, text)).rejects.toMatchObject({ code: 'INPUT_INVALID', reason: 'secret' });
    expect(copied).toEqual([]);
  });
});

describe('a bucket', () => {
  it('lets pass what it holds, and fills again by running time', async () => {
    const clock = fakeClock();
    const mayPass = createBucket({ clock, size: 3, perSecond: 2 });
    expect([1, 2, 3, 4].map(() => mayPass())).toEqual([true, true, true, false]);
    await clock.advance(seconds(1));
    expect([1, 2, 3].map(() => mayPass())).toEqual([true, true, false]);
    clock.sleepThrough(minutes(60));
    expect(mayPass()).toBe(false);
    await clock.advance(minutes(60));
    expect([1, 2, 3, 4].map(() => mayPass())).toEqual([true, true, true, false]);
  });
});

describe('words of others', () => {
  it.each([
    ['lines and tabs', 'a\n\tb\r\nc', 'a b c'],
    ['a change of direction', 'evil\u202egpj.exe', 'evil gpj.exe'],
    ['what cannot be seen', 'a\u200b\u2028b', 'a b'],
    ['an emoji at the cut', `${'a'.repeat(46)}😀😀`, `${'a'.repeat(46)}�…`],
  ])('are one plain line: %s', (_, text, line) => {
    expect(plainLine(text)).toBe(line);
  });

  it.each([
    [0, '0 min'],
    [-5, '0 min'],
    [59_999, '0 min'],
    [61 * 60_000, '1 h 1 min'],
    [120 * 60_000, '2 h'],
    [50 * 3_600_000, '2 days'],
  ])('and %s ms is %s', (ms, text) => {
    expect(words.length(ms)).toBe(text);
  });
});

describe('the end', () => {
  const setUp = (end: () => Promise<void>) => {
    const fake = fakeElectron();
    const clock = fakeClock();
    const before = (['SIGTERM', 'SIGINT', 'SIGHUP'] as const).map((signal) => [signal, process.listeners(signal)] as const);
    quitWith({ app: fake.app, power: fake.electron.powerMonitor, clock, log: () => undefined, end });
    for (const [signal, known] of before)
      for (const listener of process.listeners(signal)) if (!known.includes(listener)) process.off(signal, listener);
    return { fake, clock };
  };

  it('waits for what closes', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { fake, clock } = setUp(() => promise);
    fake.app.emit('before-quit', preventable());
    await clock.advance(seconds(1));
    expect(fake.done.at(-1)).not.toMatch(/^exit/);
    resolve();
    await clock.advance(0);
    expect([fake.done.at(-1), clock.pending]).toEqual(['exit 0', 0]);
  });

  it('comes also where something does not close', async () => {
    const { fake, clock } = setUp(() => new Promise(() => undefined));
    fake.app.emit('before-quit', preventable());
    await clock.advance(seconds(8));
    expect(fake.done.at(-1)).toBe('exit 1');
  });

  it('does not hold up a system that shuts down', async () => {
    let ended = 0;
    const { fake, clock } = setUp(async () => {
      ended += 1;
    });
    fake.power.emit('shutdown');
    const event = preventable();
    fake.app.emit('before-quit', event);
    await clock.advance(0);
    expect([event.defaultPrevented, ended]).toEqual([false, 1]);
  });

  it('comes also where closing fails', async () => {
    const { fake, clock } = setUp(async () => {
      throw new Error('full');
    });
    fake.app.emit('before-quit', preventable());
    await clock.advance(0);
    expect(fake.done.at(-1)).toBe('exit 0');
  });
});

describe('what the tray runs', () => {
  const setUp = () => {
    const agent = fakePagesAgent({ clock: fakeClock() });
    const told: Notice[] = [];
    const did: string[] = [];
    const run = createActs({
      ...{ ui: agent.ui, self: async () => unknownCaller, quit: () => did.push('quit') },
      windows: { open: (kind) => did.push(`open ${kind}`), openView: (view) => did.push(`view ${view}`) },
      notifier: { show: (notices) => told.push(...notices) },
      install: async () => void did.push('install'),
    });
    return { agent, told, did, run };
  };

  it('goes the way of every call', async () => {
    const { agent, run } = setUp();
    const [grant] = agent.state().grants;
    await run({ act: 'pause', ids: [grant?.id ?? ''], paused: true });
    await run({ act: 'lock' });
    await run({ act: 'sign-out' });
    expect(agent.asked.map(({ what, with: input }) => [what, input])).toMatchObject([
      ['pause', { ids: [grant?.id], paused: true }],
      ['lock', {}],
      ['sign-out', {}],
    ]);
  });

  it('opens windows, installs and quits by itself', async () => {
    const { did, run } = setUp();
    await run({ act: 'open' });
    await run({ act: 'open', view: 'grants' });
    await run({ act: 'request' });
    await run({ act: 'install' });
    await run({ act: 'quit' });
    expect(did).toEqual(['open main', 'view grants', 'open approval', 'install', 'quit']);
  });

  it('says why something failed', async () => {
    const { agent, told, run } = setUp();
    agent.fails('lock', new AppError('DISK_FULL'));
    await run({ act: 'lock' });
    expect(told).toMatchObject([{ title: new AppError('DISK_FULL').toFailure().cause }]);
  });
});

describe('the desk', () => {
  const setUp = () => {
    const clock = fakeClock();
    const agent = fakePagesAgent({ clock });
    const seen: string[] = [];
    let looks = 0;
    let isOpen = false;
    const desk = createDesk({
      clock,
      log: (event) => seen.push(event),
      look: async () => {
        looks += 1;
        return structuredClone(agent.state());
      },
      windows: {
        changed: () => void seen.push('windows'),
        isOpen: () => isOpen,
        open(kind) {
          isOpen = true;
          seen.push(`open ${kind}`);
        },
        close(kind) {
          isOpen = false;
          seen.push(`close ${kind}`);
        },
      },
      tray: { show: ({ icon }) => seen.push(icon) },
      notifier: { show: (notices) => seen.push(...notices.map(({ key }) => key)) },
      setTheme: (theme) => seen.push(theme),
      offers: { install: false },
    });
    const dismiss = (): void => {
      isOpen = false;
    };
    return { clock, agent, seen, desk, dismiss, looks: () => looks };
  };

  it('shows what the agent says everywhere at once', async () => {
    const { agent, clock, seen, desk } = setUp();
    agent.update(({ status }) => void status.queue.asks.push(askOf(clock, { id: 'a' })));
    await desk.refresh();
    expect(seen).toEqual(['windows', 'open approval', 'system', 'asking', 'ask a']);
  });

  it('closes the window of the request when nobody asks', async () => {
    const { seen, desk } = setUp();
    await desk.refresh();
    expect(seen).toContain('close approval');
  });

  it('brings each request once, also after a snooze, and never again what the person has closed', async () => {
    const { agent, clock, seen, desk, dismiss } = setUp();
    const after = async (queue: object) => {
      seen.length = 0;
      agent.update(({ status }) => Object.assign(status.queue, queue));
      await desk.refresh();
      return seen.filter((what) => what.endsWith('approval'));
    };
    const asks = [askOf(clock, { id: 'a' })];
    expect(await after({ asks })).toEqual(['open approval']);
    dismiss();
    expect(await after({ asks })).toEqual([]);
    expect(await after({ asks: [askOf(clock, { id: 'b' })] })).toEqual(['open approval']);
    expect(await after({ snoozedUntil: new Date(clock.now()).toISOString() })).toEqual(['close approval']);
    expect(await after({ snoozedUntil: null })).toEqual(['open approval']);
  });

  it('looks once for many changes of one moment, and every minute', async () => {
    const { clock, desk, looks } = setUp();
    for (let change = 0; change < 50; change++) desk.changed();
    await clock.advance(seconds(1));
    expect(looks()).toBe(1);
    await clock.advance(minutes(3));
    expect(looks()).toBe(4);
  });

  it('shows nothing after its end', async () => {
    const { clock, desk, seen, looks } = setUp();
    desk.changed();
    desk.close();
    desk.changed();
    await clock.advance(minutes(10));
    expect([seen, looks(), clock.pending]).toEqual([[], 0, 0]);
  });
});
