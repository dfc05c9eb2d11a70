/**
 * Takes a picture of every screen in both colours, for people to look at: the built desktop app on the stand-in for Electron. Once from its
 * first start to a sign-in at a workspace, once with service principals alone, once with two profiles, a service principal, several grants
 * and a history; and of a managed device. The files go to docs/screens/.
 *
 *   npm run screens [-- FOLDER]
 */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Locator, Page } from '@playwright/test';
import { views } from '../../preload/contract/desktop.ts';
import { failureTexts } from '../../preload/contract/failure.ts';
import { texts } from '../../renderer/texts.ts';
import {
  approveByTap,
  button,
  closeWindow,
  open,
  settleIn,
  signInAtWorkspaceBy,
  signInBy,
  startProgram,
  threeWays,
  twoProfiles,
} from '../behaviour/steps.ts';
import type { Workspace } from '../fixtures/workspace/workspace.ts';
import { openChromium } from './chromium.ts';
import type { Host } from './host.ts';
import { photographManaged } from './managed-screens.ts';
import { openShellSim } from './shell-sim/host.ts';

const folder = resolve(process.argv[2] ?? fileURLToPath(new URL('../../docs/screens', import.meta.url)));

const whole = { width: 1100, height: 760 };

/** @param part what is brought to the middle, where it is not at the top */
async function photograph(page: Page, name: string, size = whole, part?: Locator): Promise<void> {
  await page.bringToFront();
  await page.setViewportSize(size);
  if (part === undefined) await page.evaluate('scrollTo(0, 0)');
  else await part.evaluate((element: { scrollIntoView(to: { block: string }): void }) => element.scrollIntoView({ block: 'center' }));
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.evaluate('new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))');
    await page.screenshot({ path: join(folder, `${name}-${colorScheme}.png`), animations: 'disabled' });
  }
  await page.emulateMedia({ colorScheme: null });
}

const robot = { name: 'nightly-load', clientId: '8d5c1f60-2b7e-4c39-9a41-6f0e7d2b9c13' };
const principals = ([workspace]: readonly Workspace[]): string =>
  [
    'servicePrincipals:',
    `  ${robot.name}:`,
    '    test: true',
    `    clientId: ${robot.clientId}`,
    '    secret: vault',
    `    workspaces: [{ name: analytics, host: '${workspace?.host}' }]`,
    '',
  ].join('\n');

/** What a screen fetches for itself is there. */
async function settled(page: Page): Promise<void> {
  await page.getByRole('heading', { level: 1 }).first().waitFor();
  while ((await page.locator('[data-waiting]').count()) > 0) await new Promise((again) => setTimeout(again, 50));
}

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

/** A workspace's address alone: what is said of it, and what Home says of such a session. */
async function signInByAddress(host: Host, page: Page): Promise<void> {
  const words = texts.setup;
  await page.getByText(words.profile.way.workspace, { exact: true }).click();
  await page.getByRole('textbox', { name: words.profile.workspace }).fill(host.product.workspace.host);
  await page.getByRole('switch', { name: words.profile.test }).click();
  await photograph(page, 'first-run-workspace');
  await button(page.locator('main'), words.profile.use).click();
  await signInAtWorkspaceBy(host, () => button(page.locator('main'), words.signIn.begin('main')).click());
  await page.getByRole('heading', { name: words.default.heading }).waitFor();
  await closeWindow(host);
  const home = await open(host, 'home');
  await home.getByText(texts.grants.notNarrowed).first().waitFor();
  await photograph(home, 'home-workspace');
}

/** What a workspace said, and what it means. */
async function explain(page: Page): Promise<void> {
  const words = texts.doctor.explain;
  await page
    .getByLabel(words.text)
    .fill('401 {"error":"invalid_grant","error_description":"No federation policy matches the issuer of the token"}');
  await button(page.locator('main'), words.ask).click();
  const part = page.getByRole('region', { name: words.heading });
  await part.getByRole('status').getByRole('paragraph').first().waitFor();
  await photograph(page, 'doctor-explained', whole, part);
}

/** The provider does not answer somebody who signs in. */
async function offline(host: Host): Promise<void> {
  host.product.idp.faults.set('*', { reset: true });
  const home = await open(host, 'home');
  await button(home.locator('main'), texts.home.signIn).click();
  const part = home.getByText(failureTexts.ISSUER_UNREACHABLE.cause).first();
  await part.waitFor();
  await photograph(home, 'offline', whole, part);
  const words = texts.doctor.far;
  const doctor = await open(host, 'doctor');
  await settled(doctor);
  await button(doctor.locator('main'), words.look).click();
  const worst = doctor.getByRole('region', { name: words.heading }).getByRole('listitem').first();
  await worst.waitFor();
  await photograph(doctor, 'doctor-failed', whole, worst);
  host.product.idp.faults.clear();
  const again = await open(host, 'home');
  await signInBy(host, () => button(again.locator('main'), texts.home.signIn).click());
  await part.waitFor({ state: 'detached' });
}

mkdirSync(folder, { recursive: true });
const browser = await openChromium();
const fresh = await openShellSim({ empty: true }, browser);
await fresh.start();
const first = await fresh.window();
await first.getByRole('heading', { name: texts.setup.heading }).waitFor();
await first.getByText(texts.setup.profile.heading).first().waitFor();
await photograph(first, 'first-run');
await signInByAddress(fresh, first);
await fresh.close();

const unattended = await openShellSim({ policy: null, config: ({ workspaces }) => `version: 1\n${principals(workspaces)}` }, browser);
await unattended.start();
const alone = await open(unattended, 'home');
await alone.getByRole('region', { name: texts.servicePrincipals.heading }).waitFor();
await photograph(alone, 'service-principals');
await unattended.close();

const host = await openShellSim(
  { policy: threeWays, workspaces: 2, config: (services) => `${twoProfiles(services)}${principals(services.workspaces)}` },
  browser,
);
try {
  await host.start();
  await settleIn(host, 'acme');
  await approveByTap(host);
  await host.quiet();
  await work(host);
  await closeWindow(host);
  for (const view of views) {
    const page = await open(host, view);
    await settled(page);
    await photograph(page, view);
    if (view === 'home')
      await photograph(page, 'home-service-principals', whole, page.getByRole('region', { name: texts.servicePrincipals.heading }));
  }
  await explain(await open(host, 'doctor'));
  const waiting = startProgram(host, 'jobs', ['--profile', 'acme', '--label', 'backfill']);
  await host.approval();
  const { page } = await host.sim.screen.windowAt('app://lakepass/approval');
  await button(page.getByRole('main'), texts.prompt.approveByTap).and(page.locator(':enabled')).waitFor();
  await photograph(page, 'approval', { width: 480, height: 600 });
  const requests = await open(host, 'requests');
  await settled(requests);
  await photograph(requests, 'requests-waiting');
  await button(page.getByRole('main'), texts.prompt.deny).click();
  await waiting.started.catch(() => undefined);
  await host.quiet();
  await offline(host);
  await host.machine.lockScreen();
  await host.product.json('lock');
  await photograph(await open(host, 'home'), 'locked');
} finally {
  await host.close();
  await browser.close();
}
await photographManaged(photograph);
process.stdout.write(`Pictures of every screen are in ${folder}\n`);
