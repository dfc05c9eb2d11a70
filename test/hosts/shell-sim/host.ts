/** The built desktop app on the stand-in for Electron: its windows are pages of a Chromium of the test's, apart from the person's browser. */
import { join } from 'node:path';
import type { Browser, Page } from '@playwright/test';
import { abilities, type Host, type HostOptions } from '../host.ts';
import { makeGround } from '../parts.ts';
import { type Sim, startSim } from './sim.ts';

const pages = { main: 'app://lakepass/', approval: 'app://lakepass/approval' } as const;

export async function openShellSim(options: HostOptions, browser: Browser): Promise<Host> {
  const ground = await makeGround(options);
  const { product, person, machine, env, vault } = ground;
  const launch = await product.machine.program('test/hosts/shell-sim/launch.ts');
  let sim: Sim | undefined;

  const begin = (args: readonly string[]): Sim =>
    startSim({
      ...{ account: product.machine.user, home: product.home, node: product.machine.node, launch, browser },
      main: join(product.machine.dist, 'desktop.mjs'),
      args: [...(vault === 'keychain' ? [] : ['--vault', vault]), ...args],
      env: { BROWSER: 'none', ...env },
    });
  const running = (): Sim => {
    if (sim === undefined) throw new Error('the app does not run');
    return sim;
  };

  const host: Host = {
    name: 'shell-sim',
    has: abilities['shell-sim'],
    ...{ product, person },
    machine: { ...machine, wake: () => running().drive({ act: 'power', event: 'resume' }) },
    async start(args = []) {
      sim = begin(args);
      await sim.launched;
      if (args.includes('--hidden')) await answers(sim);
      else await sim.screen.windowAt(pages.main);
    },
    async stop() {
      const { ended, drive } = running();
      await drive({ act: 'menu', menu: 'tray', path: ['Quit Lakepass'] });
      const { code } = await ended;
      if (code !== 0) throw new Error(`the app ended with ${code}`);
    },
    async kill() {
      running().kill('SIGKILL');
      await running().ended;
    },
    pid: async () => running().pid,
    async window(): Promise<Page> {
      const { screen, drive } = running();
      if (!screen.windows().some(({ page }) => page.url().endsWith('.invalid/')))
        await drive({ act: 'menu', menu: 'tray', path: ['Open Lakepass'] });
      const { page } = await screen.windowAt(pages.main);
      await page.getByRole('navigation').waitFor();
      return page;
    },
    async closeWindow() {
      const { screen, drive } = running();
      const [main] = screen.windows().filter(({ page }) => !page.url().endsWith('/approval'));
      if (main === undefined) return;
      const gone = main.page.waitForEvent('close');
      await drive({ act: 'window', window: main.id, event: 'close' });
      await gone;
    },
    async approval() {
      const { page } = await running().screen.windowAt(pages.approval);
      const main = page.getByRole('main');
      await main.waitFor();
      return main;
    },
    async quiet() {
      const isOpen = (): boolean =>
        running()
          .screen.windows()
          .some(({ page }) => page.url().endsWith('/approval'));
      while (isOpen()) await new Promise((done) => setTimeout(done, 25));
    },
    async follow(act) {
      const { screen } = running();
      const [whole, url] = await Promise.all([person(), screen.opened(), act()]);
      await whole.page.goto(url);
      return whole;
    },
    run: (args) => product.lakepass(args),
    get sim() {
      return running();
    },
    async startAgain(args) {
      const second = begin(args);
      const { code, signal } = await second.ended;
      return { code, signal, stdout: second.said(), stderr: '' };
    },
    async close() {
      if (sim !== undefined) {
        sim.kill('SIGTERM');
        await sim.ended;
      }
      sim = undefined;
      await ground.close();
    },
  };

  /** The tray is the last thing the shell makes. */
  async function answers({ look }: Sim): Promise<void> {
    while ((await look()).trays.length === 0) await new Promise((done) => setTimeout(done, 25));
  }
  return host;
}
