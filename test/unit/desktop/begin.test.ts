import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { AppError } from '../../../main/app-error.ts';
import { arrivalOf, createArrivals } from '../../../main/desktop/arrivals.ts';
import { beginDesktop } from '../../../main/desktop/begin.ts';
import { type FakeElectron, fakeElectron, preventable } from '../../fakes/electron/electron.ts';

function begin(fake: FakeElectron, ...words: string[]) {
  const signals = ['SIGUSR1', 'uncaughtException'] as const;
  const before = signals.map((name) => process.listeners(name as 'SIGUSR1'));
  onTestFinished(() => {
    for (const [index, name] of signals.entries())
      for (const listener of process.listeners(name as 'SIGUSR1')) if (!before[index]?.includes(listener)) process.off(name, listener);
  });
  const said: string[] = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => Boolean(said.push(String(text))));
  const compose = async () => {
    throw new AppError('PLATFORM_UNSUPPORTED');
  };
  const takeOver = async () => ({ vault: 'memory' as const });
  beginDesktop({ electron: fake.electron, argv: ['lakepass', ...words], env: {}, compose, takeOver, folder: '/nowhere' });
  return { said };
}

describe('the start', () => {
  it('of an installed app ends at a dangerous switch, with one line and before anything else', () => {
    const fake = fakeElectron();
    const { said } = begin(fake, '--remote-debugging-port=9222');
    expect(fake.done).toEqual(['exit 64']);
    expect(said).toEqual(['lakepass does not start with the switch --remote-debugging-port\n']);
  });

  it('goes on with one in development, where a debugger is what is wanted', () => {
    const fake = fakeElectron({ packaged: false });
    begin(fake, '--remote-debugging-port=9222');
    expect(fake.done).not.toContain('exit 64');
  });

  it('puts every process into the sandbox', () => {
    const fake = fakeElectron();
    begin(fake);
    expect(fake.done).toContain('sandbox');
  });

  it('says what must be said before Electron is ready, and waits for it after that', () => {
    const fake = fakeElectron();
    begin(fake);
    expect(fake.done).toEqual([
      ...['sandbox', 'name Lakepass', 'model dev.lakepass.desktop', 'path userData /home/ada/.config/lakepass-desktop', 'schemes'],
      ...['session-created', 'web-contents-created', 'certificate-error', 'select-client-certificate', 'login'].map(
        (name) => `listens to ${name}`,
      ),
      ...['second-instance', 'open-url', 'activate', 'window-all-closed'].map((name) => `listens to ${name}`),
    ]);
  });

  it('gives our scheme the rights of a page on the web, and no way around its policy', () => {
    const fake = fakeElectron();
    begin(fake);
    expect(fake.schemes).toEqual([{ scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true } }]);
  });

  it('keeps what Chromium writes below a home that was named', () => {
    const fake = fakeElectron();
    begin(fake, '--home', '/tmp/h');
    expect(fake.done).toContain('path userData /tmp/h/desktop');
  });

  it('ends where the app runs already', () => {
    const fake = fakeElectron();
    fake.firstInstance = false;
    begin(fake);
    expect(fake.done.at(-1)).toBe('exit 0');
    expect(fake.done).not.toContain('listens to second-instance');
  });

  it('opens no link itself', () => {
    const fake = fakeElectron();
    begin(fake);
    const event = preventable();
    fake.app.emit('open-url', event, 'lakepass://grants');
    expect(event.defaultPrevented).toBe(true);
  });
});

describe('a second start', () => {
  it.each([
    ['shows the window', [], { show: true }],
    ['opens a link, whatever stands beside it', ['--hidden', '--home', '/tmp/evil', 'lakepass://keys'], { link: 'lakepass://keys' }],
    ['by a verb that wants the agent shows nothing', ['--hidden'], undefined],
    ['brings no option with it', ['--vault', 'memory', '--home', '/tmp/evil'], { show: true }],
  ])('%s', (_, words, arrival) => {
    expect(arrivalOf(['lakepass', ...words])).toEqual(arrival);
  });
});

describe('what arrives before there is anybody', () => {
  it('waits, in its order', () => {
    const arrivals = createArrivals();
    arrivals.push({ show: true });
    arrivals.push({ link: 'lakepass://keys' });
    const seen: unknown[] = [];
    arrivals.listen((arrival) => seen.push(arrival));
    arrivals.push({ request: true });
    expect(seen).toEqual([{ show: true }, { link: 'lakepass://keys' }, { request: true }]);
  });

  it('waits up to a number that makes sense', () => {
    const arrivals = createArrivals();
    for (let index = 0; index < 10_000; index++) arrivals.push({ refused: 'navigation' });
    const seen: unknown[] = [];
    arrivals.listen((arrival) => seen.push(arrival));
    expect(seen).toHaveLength(64);
  });
});
