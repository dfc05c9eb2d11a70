/** What the tray and the notifications say and do, while a program works. */
import { expect } from 'vitest';
import { texts } from '../../renderer/texts.ts';
import type { MenuEntry } from '../hosts/shell-sim/wire.ts';
import { itWhere, onHosts } from './hosts.ts';
import { approveByTap, button, closeWindow, type Program, settleIn, startProgram, statusOf, threeWays, until } from './steps.ts';

onHosts('the tray', { options: { policy: threeWays }, on: ['shell-sim', 'electron'], begin: settleIn }, (host, has) => {
  const it = itWhere(has.standIn);
  let program: Program;
  const tray = async () => {
    const [only] = (await host().sim.look()).trays;
    if (only === undefined) throw new Error('there is no tray');
    return only;
  };
  const choose = (...path: string[]) => host().sim.drive({ act: 'menu', menu: 'tray', path });
  /** The last notification of that title, once it is there. */
  const clickOn = async (title: string): Promise<void> => {
    const last = async () => (await host().sim.look()).notifications.findLastIndex((shown) => shown.title === title);
    await expect.poll(last).toBeGreaterThanOrEqual(0);
    await host().sim.drive({ act: 'notification', index: await last(), event: 'click' });
  };
  const user = ({ menu }: { menu: MenuEntry[] }) => menu.find(({ type, label }) => type === 'checkbox' && / on /.test(label));

  it('says that somebody asks, as a notification does, and the request comes without taking the keyboard', async () => {
    await expect.poll(async () => (await tray()).tooltip).toBe('Lakepass: 1 request waits for you');
    const { notifications } = await host().sim.look();
    const onTop = async () => (await host().sim.look()).windows.filter(({ alwaysOnTop }) => alwaysOnTop);
    await expect.poll(onTop).toMatchObject([{ visible: true, focused: false }]);
    expect(notifications.map(({ title }) => title)).toContain('A program asks for access');
    await approveByTap(host());
    await host().quiet();
    await expect.poll(async () => (await tray()).tooltip).toMatch(/^Lakepass: Signed in, /);
  });

  it('has a switch for each program: off, it gets no token', async () => {
    program = startProgram(host(), 'files');
    await program.started;
    await expect.poll(async () => user(await tray())?.checked).toBe(true);
    await choose(user(await tray())?.label ?? '');
    await expect.poll(async () => user(await tray())?.checked).toBe(false);
    expect(await program.token()).not.toBe('200');
    await choose(user(await tray())?.label ?? '');
    await expect.poll(async () => user(await tray())?.checked).toBe(true);
    expect(await program.token()).toBe('200');
  });

  it('a click on what says that somebody asks brings the request, and answers nothing', async () => {
    const asked = startProgram(host(), 'sql');
    await host().approval();
    const { screen, drive } = host().sim;
    const approval = await screen.windowAt('app://lakepass/approval');
    const closed = approval.page.waitForEvent('close');
    await drive({ act: 'window', window: approval.id, event: 'close' });
    await closed;
    await clickOn('A program asks for access');
    const again = await host().approval();
    expect((await statusOf(host())).queue.asks).toHaveLength(1);
    await button(again, 'Deny').click();
    await expect(asked.started).rejects.toThrow();
    await host().quiet();
  });

  it('a click on what says that runs go on while they are away opens the programs', async () => {
    await closeWindow(host());
    await host().machine.lockScreen();
    await until(host(), ({ lock }) => lock.state === 'away');
    await clickOn('You are away');
    const { page } = await host().sim.screen.windowAt('app://lakepass/');
    await expect.poll(() => page.getByRole('navigation').locator('[aria-current="page"]').textContent()).toBe(texts.nav.grants);
    expect((await statusOf(host())).lock.state).toBe('away');
    await host().machine.unlockScreen();
    await until(host(), ({ lock }) => lock.state === 'open');
  });

  it('goes on without a window, and opens one', async () => {
    await closeWindow(host());
    expect((await host().sim.look()).windows).toEqual([]);
    expect(await program.token()).toBe('200');
    await choose('Open Lakepass');
    await host().sim.screen.windowAt('app://lakepass/');
  });

  it('what it says holds no secret and no address of a grant', async () => {
    const asked = startProgram(host(), 'sql');
    await button(await host().approval(), 'Deny').click();
    await expect(asked.started).rejects.toThrow();
    const { notifications, trays, dialogs } = await host().sim.look();
    expect(JSON.stringify({ notifications, trays, dialogs })).not.toMatch(/\/v1\/metadata\/|eyJ|dapi/);
  });

  it('signs out everywhere, and locks', async () => {
    await choose('Sign out everywhere');
    await until(host(), ({ profiles }) => profiles.every(({ session }) => session.phase === 'signed-out'));
    expect(await program.token()).not.toBe('200');
    await choose('Lock now');
    await until(host(), ({ lock }) => lock.state === 'locked');
    await expect.poll(async () => (await tray()).tooltip).toBe('Lakepass: Locked');
    await program.end();
  });

  it('quits, and leaves no process and no complaint', async () => {
    const { sim } = host();
    const pid = await host().pid();
    expect((await statusOf(host())).pid).toBe(pid);
    await host().stop();
    expect(await sim.ended).toMatchObject({ code: 0 });
    expect(sim.screen.complaints).toEqual([]);
    expect(sim.said()).toBe('');
  });
});
