/** The first minutes with an empty home, to a query that works: at most three touches of a key and three minutes, both counted. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Locator } from '@playwright/test';
import { expect, it } from 'vitest';
import { texts } from '../../renderer/texts.ts';
import { onHosts } from './hosts.ts';
import { approveByTap, button, open, ownsKey, signInBy } from './steps.ts';

const words = texts.setup;
const threeMinutes = 180_000;

onHosts('the first run', { options: { empty: true } }, (host) => {
  let touches = 0;
  let began = 0;

  /** The setup, where it stands, also on the fresh page that a ceremony in the browser has led back to. */
  async function setup(): Promise<Locator> {
    const page = await host().window();
    await page.getByRole('heading', { name: words.heading }).waitFor();
    return page.locator('main');
  }

  it('takes a profile in a few words', async () => {
    await ownsKey(host());
    const { cdp } = await host().person();
    for (const touched of ['WebAuthn.credentialAdded', 'WebAuthn.credentialAsserted'] as const) cdp.on(touched, () => (touches += 1));
    const page = await host().window();
    began = Date.now();
    await page.getByText(words.profile.way.issuer, { exact: true }).click();
    const { idp, workspace } = host().product;
    const fields = { [words.profile.name]: 'acme', [words.profile.issuer]: idp.issuer, [words.profile.clientId]: idp.clientId };
    for (const [label, text] of Object.entries({ ...fields, [words.profile.workspace]: workspace.host })) {
      await page.getByRole('textbox', { name: label }).fill(text);
    }
    await page.getByRole('switch', { name: words.profile.test }).click();
    await button(page.locator('main'), words.profile.use).click();
    await page.getByRole('heading', { name: words.signIn.heading }).waitFor();
  });

  it('signs in and adds the first key, each with a touch', async () => {
    const page = await host().window();
    await signInBy(host(), () => button(page.locator('main'), words.signIn.begin('acme')).click());
    await (await setup()).getByRole('heading', { name: words.default.heading }).waitFor();
    expect(touches).toBe(2);
  });

  it('writes the Databricks profile that is shown first', async () => {
    const main = await setup();
    await main.getByRole('heading', { name: words.default.preview }).or(main.getByText(words.default.preview)).first().waitFor();
    await button(main, words.default.write).click();
    await main.getByText(words.default.written('DEFAULT')).waitFor();
    expect(readFileSync(join(host().product.home, '.databrickscfg'), 'utf8')).toContain('metadata-service');
    await button(main, words.goOn).click();
  });

  it('ends with a query that works, for a third touch', async () => {
    const main = await setup();
    await button(main, words.query.start).click();
    await approveByTap(host());
    // In a browser the ceremony has taken the place of the page, and has led back to the setup.
    const back = await setup();
    await back
      .getByText(/^It works\./)
      .first()
      .waitFor();
    await button(back, words.goOn).click();
    await back.getByRole('heading', { name: words.end.heading }).waitFor();
    const settings = await open(host(), 'settings');
    await settings.getByRole('heading', { name: texts.settings.heading, exact: true }).waitFor();
    await settings.getByRole('heading', { name: words.left.heading }).waitFor({ state: 'detached' });
    const { records } = (await host().product.json('audit', '--limit', '200')) as { records: { type: string }[] };
    expect(records.map(({ type }) => type)).toContain('token.minted');
    expect(touches).toBe(3);
    expect(Date.now() - began).toBeLessThan(threeMinutes);
  });
});
