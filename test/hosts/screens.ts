/**
 * Takes a picture of every screen in both colours, for people to look at: the built desktop app on the stand-in for Electron, with two
 * profiles, several grants, and a history. The files go to docs/screens/.
 *
 *   npm run screens [-- FOLDER]
 */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from '@playwright/test';
import { views } from '../../preload/contract/desktop.ts';
import { texts } from '../../renderer/texts.ts';
import { approveByTap, button, closeWindow, open, settleIn, startProgram, threeWays, twoProfiles } from '../behaviour/steps.ts';
import { openChromium } from './chromium.ts';
import type { Host } from './host.ts';
import { openShellSim } from './shell-sim/host.ts';

const folder = resolve(process.argv[2] ?? fileURLToPath(new URL('../../docs/screens', import.meta.url)));

async function photograph(page: Page, name: string, size: { width: number; height: number }): Promise<void> {
  await page.bringToFront();
  await page.setViewportSize(size);
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.evaluate('new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))');
    await page.screenshot({ path: join(folder, `${name}-${colorScheme}.png`), animations: 'disabled' });
  }
  await page.emulateMedia({ colorScheme: null });
}

const whole = { width: 1100, height: 760 };

/** A morning's work: runs that go on, one that ended, one that was denied, one that waits. */
async function work(host: Host): Promise<void> {
  const begin = async (scope: string, label: string): Promise<ReturnType<typeof startProgram>> => {
    const program = startProgram(host, scope, ['--profile', 'acme', '--label', label]);
    if (scope === 'sql') await button(await host.approval(), texts.prompt.approve).click();
    if (scope === 'jobs') await approveByTap(host);
    await program.started;
    await host.quiet();
    return program;
  };
  const [notebook, sql, jobs] = [
    await begin('files', 'churn model'),
    await begin('sql', 'weekly report'),
    await begin('jobs', 'nightly run'),
  ];
  for (const program of [notebook, sql, jobs, notebook, notebook, sql]) await program.token();
  await jobs.end();
  const denied = startProgram(host, 'sql', ['--profile', 'acme']);
  await button(await host.approval(), texts.prompt.deny).click();
  await denied.started.catch(() => undefined);
  await host.quiet();
}

mkdirSync(folder, { recursive: true });
const browser = await openChromium();
const fresh = await openShellSim({ empty: true }, browser);
await fresh.start();
const first = await fresh.window();
await first.getByRole('heading', { name: texts.setup.heading }).waitFor();
await first.getByText(texts.setup.profile.heading).first().waitFor();
await photograph(first, 'first-run', whole);
await fresh.close();

const host = await openShellSim({ policy: threeWays, workspaces: 2, config: twoProfiles }, browser);
try {
  await host.start();
  await settleIn(host, 'acme');
  await approveByTap(host);
  await host.quiet();
  await work(host);
  await closeWindow(host);
  for (const view of views) {
    const page = await open(host, view);
    await page.getByRole('heading', { level: 1 }).first().waitFor();
    // What a screen fetches for itself is there.
    while ((await page.locator('[data-waiting]').count()) > 0) await new Promise((again) => setTimeout(again, 50));
    await photograph(page, view, whole);
  }
  const waiting = startProgram(host, 'jobs', ['--profile', 'acme', '--label', 'backfill']);
  await host.approval();
  const { page } = await host.sim.screen.windowAt('app://lakepass/approval');
  await button(page.getByRole('main'), texts.prompt.approveByTap).and(page.locator(':enabled')).waitFor();
  await photograph(page, 'approval', { width: 480, height: 600 });
  await button(page.getByRole('main'), texts.prompt.deny).click();
  await waiting.started.catch(() => undefined);
  await host.machine.lockScreen();
  await host.product.json('lock');
  await photograph(await open(host, 'home'), 'locked', whole);
} finally {
  await host.close();
  await browser.close();
}
process.stdout.write(`Pictures of every screen are in ${folder}\n`);
