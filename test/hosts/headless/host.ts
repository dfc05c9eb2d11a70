/** The agent as a plain process; its UI is a page in the person's own browser, and so is everything else. */
import type { Page } from '@playwright/test';
import { openUi } from '../../e2e/person.ts';
import { isAlive } from '../../product/product.ts';
import { abilities, type Host, type HostOptions } from '../host.ts';
import { makeGround } from '../parts.ts';

export async function openHeadless(options: HostOptions): Promise<Host> {
  const ground = await makeGround(options);
  const { product, person, machine } = ground;
  const isUi = (page: Page): Promise<boolean> => page.getByRole('navigation').isVisible();

  async function window(): Promise<Page> {
    const { page } = await person();
    if (!(await isUi(page))) await openUi(product, { page } as Awaited<ReturnType<typeof person>>);
    return page;
  }

  return {
    name: 'headless',
    has: abilities.headless,
    ...{ product, person, machine, window },
    async start() {
      await product.json('ui');
    },
    async stop() {
      const pid = await product.agentPid();
      await product.lakepass(['agent', '--stop']);
      while (isAlive(pid)) await new Promise((done) => setTimeout(done, 10));
    },
    kill: product.kill,
    pid: product.agentPid,
    closeWindow: async () => undefined,
    async approval() {
      const dialog = (await window()).getByRole('dialog');
      await dialog.waitFor();
      return dialog;
    },
    async quiet() {
      await (await window()).getByRole('dialog').waitFor({ state: 'hidden' });
    },
    async follow(act) {
      const whole = await person();
      const { page } = whole;
      const from = page.url();
      // The person's key is in this tab, so the provider's page, which opens in another, is gone to here instead.
      const wanted = Promise.withResolvers<string>();
      const isProvider = (url: URL): boolean =>
        (url.origin === product.idp.issuer && url.pathname === '/auth') ||
        (url.origin === product.workspace.host && url.pathname === '/oidc/v1/authorize');
      await page.context().route(isProvider, async (route) => {
        await route.abort();
        wanted.resolve(route.request().url());
      });
      const opened = page.waitForEvent('popup', { timeout: 60_000 }).then(
        async (popup) => {
          const url = await wanted.promise;
          await page.context().unroute(isProvider);
          await popup.close();
          await page.goto(url);
        },
        () => undefined,
      );
      const left = page.waitForURL((url) => url.hostname === 'lakepass.localhost' && url.href !== from, { timeout: 60_000 });
      left.catch(() => undefined);
      await act();
      await Promise.race([opened, left]);
      await page.context().unroute(isProvider);
      return whole;
    },
    run: (args) => product.lakepass(args),
    get sim(): never {
      throw new Error('the headless host has no main process of Electron');
    },
    startAgain: () => Promise.reject(new Error('the headless host is started by its command')),
    close: ground.close,
  };
}
