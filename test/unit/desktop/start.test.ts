import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { AppError } from '../../../main/app-error.ts';
import { unknownCaller } from '../../../main/caller/caller.ts';
import { ReportedFailure } from '../../../main/cli/agent-client.ts';
import { createArrivals } from '../../../main/desktop/arrivals.ts';
import { pageTable } from '../../../main/desktop/page-files.ts';
import { type Compose, startDesktop } from '../../../main/desktop/start.ts';
import type { Ports } from '../../../main/ports.ts';
import { callChannel, windowKinds } from '../../../preload/contract/desktop.ts';
import { fakeElectron, preventable } from '../../fakes/electron/electron.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { askOf, fakePagesAgent } from '../../fakes/pages-agent.ts';
import { recordingAudit } from '../../fakes/recording-audit.ts';

const turns = () => new Promise((resolve) => setTimeout(resolve, 60));

async function setUp(
  failures: (Error | null)[] = [],
  takesOver: { vault: 'passphrase' | 'secret-service' } | Error = new AppError('INTERNAL'),
  packaged = true,
) {
  const home = await mkdtemp(join(tmpdir(), 'lpd-'));
  const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
  const before = signals.map((name) => process.listeners(name));
  onTestFinished(async () => {
    for (const [index, name] of signals.entries())
      for (const listener of process.listeners(name)) if (!before[index]?.includes(listener)) process.off(name, listener);
    await rm(home, { recursive: true });
  });
  const folder = join(home, 'dist');
  await mkdir(join(folder, 'pages'), { recursive: true });
  for (const kind of windowKinds) for (const { file } of Object.values(pageTable[kind])) await writeFile(join(folder, 'pages', file), file);

  const fake = fakeElectron({ packaged });
  const agent = fakePagesAgent({ clock: fakeClock(Date.now()) });
  const audit = recordingAudit();
  const composed: Ports[] = [];
  const ended: string[] = [];
  let stop: (why: string) => void = () => undefined;
  let change = (): void => undefined;
  const compose: Compose = async (ports, setting) => {
    const failure = failures[composed.length];
    composed.push(ports);
    if (failure) throw failure;
    stop = setting.onStop;
    return {
      ...{ ui: agent.ui, audit, port: 17_410, self: async () => unknownCaller },
      onChange: (watcher: () => void) => {
        change = watcher;
      },
      close: async (reason: string) => void ended.push(reason),
    };
  };
  const taken: string[] = [];
  const arrivals = createArrivals();
  const start = (options: { hidden?: boolean; view?: 'grants'; vault?: 'memory' } = {}) =>
    startDesktop({
      ...{ electron: fake.electron, env: { HOME: home, XDG_CONFIG_HOME: join(home, 'config') }, compose, folder, arrivals },
      options: { home, vault: options.vault, hidden: options.hidden ?? false, view: options.view },
      takeOver: async (places) => {
        taken.push(places.socket);
        if (takesOver instanceof Error) throw takesOver;
        return takesOver;
      },
    });
  const ask = (index: number, name: string, input: unknown = {}) => {
    const contents = fake.windows[index]?.webContents;
    return fake.handlers.get(callChannel)?.({ sender: contents, senderFrame: contents?.mainFrame } as never, { name, input });
  };
  return { fake, agent, audit, composed, ended, taken, arrivals, start, ask, home, stop: () => stop('asked'), change: () => change() };
}

describe('the desktop app', () => {
  it('shows the main window, whose page is answered over the bridge', async () => {
    const { fake, start, ask } = await setUp();
    await start();
    expect(fake.windows.map(({ done }) => done)).toEqual([['load app://lakepass/']]);
    expect(await ask(0, 'state')).toMatchObject({ ok: true });
  });

  it('shows nothing but the tray where it started with the session', async () => {
    const { fake, start } = await setUp();
    await start({ hidden: true });
    expect([fake.windows.length, fake.trays[0]?.tooltip]).toEqual([0, expect.stringMatching(/^Lakepass: Signed in/)]);
  });

  it('opens the view of the link it was started by', async () => {
    const { fake, start } = await setUp();
    await start({ view: 'grants' });
    expect(fake.windows[0]?.webContents.sent).toEqual([['lakepass:view', 'grants']]);
  });

  it('serves each window its own page, from a session that is guarded', async () => {
    const { fake, start } = await setUp();
    await start();
    for (const [partition, url, other] of [
      ['lakepass-main', 'app://lakepass/', 'app://lakepass/approval'],
      ['lakepass-approval', 'app://lakepass/approval', 'app://lakepass/'],
    ] as const) {
      const own = fake.sessions.get(partition);
      expect((await own?.protocols.get('app')?.(new Request(url)))?.status).toBe(200);
      expect((await own?.protocols.get('app')?.(new Request(other)))?.status).toBe(404);
      expect(own?.permissionCheck?.(null, 'media', '', {} as never)).toBe(false);
    }
    expect(fake.defaultSession.permissionCheck?.(null, 'media', '', {} as never)).toBe(false);
  });

  it('shows a request when the agent says so, and closes its window when nobody asks any more', async () => {
    const { fake, agent, start, composed, change } = await setUp();
    await start({ hidden: true });
    agent.update(({ status }) => void status.queue.asks.push(askOf(fakeClock(Date.now()))));
    composed[0]?.screen?.showRequest();
    expect(fake.windows[0]?.done).toEqual(['load app://lakepass/approval']);
    agent.update(({ status }) => void status.queue.asks.splice(0));
    change();
    await turns();
    expect(fake.windows[0]?.done.at(-1)).toBe('destroy');
  });

  it('counts what a page was refused, and says which address was not opened', async () => {
    const { audit, start, arrivals, composed } = await setUp();
    await start({ hidden: true });
    arrivals.push({ refused: 'navigation' });
    expect(await composed[0]?.openBrowser(new URL('https://evil.test/?code=secret'))).toBe('none');
    expect(audit.events).toEqual([
      { type: 'door.refused', door: 'window', code: 'PAGE_REFUSED', reason: 'navigation', count: 1 },
      { type: 'opening.refused', host: 'evil.test', count: 1 },
    ]);
  });

  it('opens a view at most for a link, and counts what is none', async () => {
    const { fake, audit, start, arrivals } = await setUp();
    await start({ hidden: true });
    arrivals.push({ link: 'lakepass://approve?ask=1' });
    arrivals.push({ link: 'lakepass://keys' });
    expect(fake.windows[0]?.webContents.sent).toEqual([['lakepass:view', 'keys']]);
    expect(audit.of('door.refused')).toMatchObject([{ door: 'window', code: 'INPUT_INVALID', reason: 'link' }]);
  });

  it('keeps colours as the person likes them', async () => {
    const { fake, agent, start } = await setUp();
    agent.update((state) => {
      state.preferences.theme = 'dark';
    });
    await start({ hidden: true });
    expect(fake.electron.nativeTheme.themeSource).toBe('dark');
  });

  it('takes the links of the system where it is installed, and none in development', async () => {
    const [installed, developed] = [await setUp(), await setUp([], new AppError('INTERNAL'), false)];
    await installed.start({ hidden: true });
    await developed.start({ hidden: true });
    const taken = [installed, developed].map(({ fake }) => fake.done.filter((done) => done.startsWith('protocol')));
    expect(taken).toEqual([[`protocol lakepass ${process.execPath} --`], []]);
  });

  it('writes an autostart file that starts the same app unseen', async () => {
    const { start, composed, home } = await setUp();
    await start({ hidden: true, vault: 'memory' });
    await composed[0]?.loginItem?.write(true);
    const text = await readFile(join(home, 'config/autostart/lakepass.desktop'), 'utf8');
    expect(text).toContain(`Exec="/opt/Lakepass/lakepass-desktop" "--home" "${home}" "--vault" "memory" "--hidden"\n`);
    expect(await composed[0]?.loginItem?.read()).toBe(true);
  });
});

describe('the end', () => {
  it('closes windows, tray and agent, whoever asks for it', async () => {
    const { fake, start, ended, stop } = await setUp();
    await start();
    stop();
    await turns();
    expect([fake.windows[0]?.done.at(-1), fake.trays[0]?.gone, ended, fake.done.at(-1)]).toEqual(['destroy', true, ['quit'], 'exit 0']);
  });

  it('comes once, however often it is asked for', async () => {
    const { fake, start, ended } = await setUp();
    await start();
    const events = [preventable(), preventable()];
    for (const event of events) fake.app.emit('before-quit', event);
    await turns();
    expect([ended, events.map(({ defaultPrevented }) => defaultPrevented)]).toEqual([['quit'], [true, true]]);
  });
});

describe('an agent that runs already', () => {
  const running = new AppError('AGENT_RUNNING');

  it('is asked to hand over, and its kind of vault is used', async () => {
    const { fake, start, taken, composed } = await setUp([running], { vault: 'passphrase' });
    await start();
    expect([taken.length, composed.map(({ keychain }) => keychain.kind)]).toEqual([1, ['secret-service', 'passphrase']]);
    expect(fake.windows).toHaveLength(1);
  });

  it('does not choose the vault of a person who has named one', async () => {
    const { start, composed } = await setUp([running], { vault: 'passphrase' });
    await start({ vault: 'memory' });
    expect(composed.map(({ keychain }) => keychain.kind)).toEqual(['memory', 'memory']);
  });

  it('that does not hand over is left alone, and its own words are shown', async () => {
    const failure = new AppError('HANDOVER_REFUSED', { reason: 'memory', detail: 'What it holds would be lost.' }).toFailure();
    const { fake, start, composed } = await setUp([running], new ReportedFailure(failure));
    await start();
    expect(fake.dialogs).toMatchObject([
      { type: 'error', message: failure.cause, detail: `What it holds would be lost.\n\n${failure.next}` },
    ]);
    expect([fake.done.at(-1), composed.length, fake.windows.length]).toEqual(['exit 1', 1, 0]);
  });
});

describe('a start that fails', () => {
  it.each([
    ['as expected', new AppError('KEYCHAIN_LOCKED'), 'The keychain is locked.'],
    ['as nobody expects', new RangeError('secret dapi0123456789abcdef0123'), 'Something went wrong inside Lakepass.'],
  ])('%s is said in words, and the app ends', async (_, error, message) => {
    const { fake, start } = await setUp([error]);
    await start();
    expect(fake.dialogs).toMatchObject([{ message }]);
    expect(JSON.stringify(fake.dialogs)).not.toContain('dapi');
    expect(fake.done.at(-1)).toBe('exit 1');
  });

  it('after the agent is up closes it again', async () => {
    const { fake, agent, start, ended } = await setUp();
    agent.fails('state', new AppError('DISK_FULL'));
    await start();
    expect([ended, fake.dialogs.length, fake.done.at(-1)]).toEqual([['not shown'], 1, 'exit 1']);
  });
});
