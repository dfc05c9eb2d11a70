/**
 * Pictures of what a managed device shows, and of alerts: a window of the desktop app over an agent that is a fake, since neither a company
 * nor an attack is at hand.
 */
import type { Locator, Page } from '@playwright/test';
import { systemClock as clock } from '../../main/host-ports.ts';
import { failureTexts } from '../../preload/contract/failure.ts';
import type { UiState } from '../../preload/contract/ui.ts';
import { texts } from '../../renderer/texts.ts';
import { openTheatre } from '../e2e/ui-stage.ts';
import { type AppWindow, openWindow } from '../e2e/ui-window.ts';
import { awaitedOf, managedOf, managedSettings, offerOf, recordOf, sentOf } from '../fakes/managed-device.ts';
import { alertsOf } from '../fakes/pages-agent.ts';

type Photograph = (page: Page, name: string, size?: { width: number; height: number }, part?: Locator) => Promise<void>;

const link =
  'lakepass://enroll?url=https%3A%2F%2Fit.acme.example%2Flakepass%2Fbundle.jws.json&key=NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs';
const tall = { width: 1100, height: 1000 };

/** Nobody has ever signed in here. */
function asNew({ status, grants }: UiState): void {
  for (const { session } of status.profiles)
    Object.assign(session, { phase: 'signed-out', identity: null, assurance: null, endsAt: null, signedInAt: null });
  status.tapKeys = [];
  grants.splice(0);
  status.grants = [];
}

/** One key that counts, one that does not, of two that are wanted. */
function withRules({ status }: UiState): void {
  const [first] = status.tapKeys;
  if (first === undefined) return;
  Object.assign(first, { attested: true, verdict: 'proven', because: 'root', status: 'FIDO_CERTIFIED_L1' });
  const other = {
    id: 'key-2',
    name: 'On the phone',
    model: 'Google Password Manager',
    attested: false,
    hardwareBound: false,
    seals: false,
  };
  status.tapKeys.push({ ...first, ...other, verdict: 'none', because: 'none', status: undefined });
  const wanted = { atLeast: 2, models: null, attested: true, hardwareBound: true };
  const keys = [
    { id: first.id, counts: true, because: 'allowed' as const },
    { id: 'key-2', counts: false, because: 'synced' as const },
  ];
  const record = { to: 'https://it.acme.example/records', sentAt: recordOf(clock).at, problem: null, waiting: 0, fields: recordOf(clock) };
  const until = new Date(clock.now() + 5 * 60 * 60_000).toISOString();
  const exemptions = [{ rule: 'no-jobs', until, reason: 'Month end, ticket 4711.' }];
  status.audit = { checkpoint: null, sinks: sentOf(clock).sinks };
  status.managed = managedOf(clock, { tapKeys: { wanted, counted: 1, keys }, record, exemptions });
}

export async function photographManaged(photograph: Photograph): Promise<void> {
  const theatre = await openTheatre();
  const shows = async (change: (state: UiState) => void, take: (shown: AppWindow, page: Page) => Promise<void>): Promise<void> => {
    const shown = await openWindow(theatre, 'main');
    shown.agent.update(change);
    Object.assign(shown.agent.answers, { settings: managedSettings, 'audit/sent': sentOf(clock), 'enroll/look': offerOf(clock) });
    await shown.page.reload();
    await shown.page.getByRole('navigation').waitFor();
    await take(shown, shown.page);
    await shown.close();
  };
  const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click();
  try {
    await shows(
      ({ status }) => {
        status.alerts = alertsOf(clock);
      },
      async (_, page) => {
        await page.getByRole('region', { name: texts.alerts.heading }).waitFor();
        await photograph(page, 'home-alerts', tall);
      },
    );
    await shows(
      (state) => {
        asNew(state);
        state.status.managed = managedOf(clock, { source: 'managed' });
      },
      async (_, page) => {
        await page.getByRole('heading', { name: texts.managed.signInHeading }).waitFor();
        await photograph(page, 'managed-start');
      },
    );
    await shows(
      (state) => {
        asNew(state);
        state.status.profiles = [];
        state.status.managed = awaitedOf(clock, { problem: { code: 'BUNDLE_UNREACHABLE', ...failureTexts.BUNDLE_UNREACHABLE } });
      },
      async (_, page) => {
        await page.getByRole('heading', { name: texts.managed.waitingHeading }).waitFor();
        await photograph(page, 'managed-awaited');
      },
    );
    await shows(withRules, async (shown, page) => {
      await page.getByRole('heading', { name: texts.managed.by('Acme') }).waitFor();
      await photograph(page, 'managed-home', tall);
      await press(page, texts.nav.keys);
      await photograph(page, 'managed-keys', tall);
      await press(page, texts.nav.settings);
      await page.getByRole('heading', { name: texts.settings.device.heading }).waitFor();
      await page.getByText(texts.settings.device.names.minimumAssurance).waitFor();
      await photograph(page, 'managed-settings', tall);
      await photograph(page, 'managed-limits', tall, page.getByRole('region', { name: texts.settings.device.heading }));
      await page.getByRole('button', { name: /^Show all .* sent$/ }).click();
      await photograph(page, 'managed-seen', tall, page.getByRole('heading', { name: texts.managed.seen.heading('Acme') }));
      await page.getByRole('button', { name: /^Show all .* sent$/ }).click();
      await page
        .getByRole('button', { name: /^Show all .* last one$/ })
        .first()
        .click();
      const sink = page.getByRole('heading', { name: texts.managed.seen.sink('share') });
      await photograph(page, 'managed-sinks', tall, sink);
      await photograph(page, 'managed-sinks-narrow', { width: 400, height: 1000 }, sink);
      shown.agent.update(({ status }) => void delete status.managed);
      await press(page, texts.enroll.join);
      await page.getByRole('textbox').fill(link);
      await press(page, texts.enroll.look);
      await page.getByRole('heading', { name: texts.enroll.offers('Acme') }).waitFor();
      await photograph(page, 'enroll', tall);
    });
  } finally {
    await theatre.close();
  }
}
