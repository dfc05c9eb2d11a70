/**
 * The first minutes with nothing but a workspace's address: at most two touches of a key, because the sign-in is the workspace's own, and
 * three minutes, both counted.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Locator } from '@playwright/test';
import { expect, it } from 'vitest';
import { texts } from '../../renderer/texts.ts';
import { onHosts } from './hosts.ts';
import { approveByTap, button, open, signInAtWorkspaceBy, statusOf } from './steps.ts';

const words = texts.setup;
const threeMinutes = 180_000;

onHosts('the first run with a workspace’s address', { options: { empty: true } }, (host) => {
  let touches = 0;
  let began = 0;

  async function setup(): Promise<Locator> {
    const page = await host().window();
    await page.getByRole('heading', { name: words.heading }).waitFor();
    return page.locator('main');
  }

  it('takes the address alone, and says what it means', async () => {
    const { cdp } = await host().person();
    for (const touched of ['WebAuthn.credentialAdded', 'WebAuthn.credentialAsserted'] as const) cdp.on(touched, () => (touches += 1));
    const page = await host().window();
    began = Date.now();
    await page.getByText(words.profile.way.workspace, { exact: true }).click();
    await page.getByText(words.profile.notNarrowed).waitFor();
    await page.getByText(words.profile.unconfirmed).waitFor();
    await page.getByRole('textbox', { name: words.profile.workspace }).fill(host().product.workspace.host);
    await page.getByRole('switch', { name: words.profile.test }).click();
    await button(page.locator('main'), words.profile.use).click();
    await page.getByRole('heading', { name: words.signIn.heading }).waitFor();
    expect(readFileSync(join(host().product.home, '.config', 'lakepass', 'config.yaml'), 'utf8')).toContain('preset: databricks');
  });

  it('signs in at the workspace and adds the first key, with one touch', async () => {
    const page = await host().window();
    await signInAtWorkspaceBy(host(), () => button(page.locator('main'), words.signIn.begin('main')).click());
    await (await setup()).getByRole('heading', { name: words.default.heading }).waitFor();
    expect(touches).toBe(1);
  });

  it('ends with a query that works, for a second touch', async () => {
    const main = await setup();
    await button(main, words.default.write).click();
    await main.getByText(words.default.written('DEFAULT')).waitFor();
    await button(main, words.goOn).click();
    await button(await setup(), words.query.start).click();
    await approveByTap(host(), (asked) =>
      asked
        .getByText(/^not narrowed/)
        .first()
        .waitFor(),
    );
    const back = await setup();
    await back
      .getByText(/^It works\./)
      .first()
      .waitFor();
    await button(back, words.goOn).click();
    await back.getByRole('heading', { name: words.end.heading }).waitFor();
    expect(touches).toBe(2);
    expect(Date.now() - began).toBeLessThan(threeMinutes);
  });

  it('marks what is not narrowed', async () => {
    const page = await open(host(), 'grants');
    await page.getByText(texts.grants.notNarrowed).first().waitFor();
    const { profiles, grants } = await statusOf(host());
    expect(profiles).toMatchObject([{ name: 'main', direct: ['all-apis'] }]);
    expect(grants.every(({ narrowed }) => narrowed === false)).toBe(true);
  });
});
