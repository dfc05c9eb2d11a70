/** Chromium for the windows of a desktop host: one per test file, nothing but loopback within its reach. */
import { type Browser, chromium } from '@playwright/test';

/** The browser that a person has. */
export const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

/** Its engine without the windows and menus that nobody sees here: the same pages and the same keys for half of the processor time. */
export const CHROMIUM_ENGINE = process.env['CHROMIUM_ENGINE'] ?? '/usr/bin/chromium-headless-shell';

/** How long a page may take to get somewhere: on a machine with much else to do, long. */
export const WAIT_MS = 90_000;

export const openChromium = (): Promise<Browser> =>
  chromium.launch({
    executablePath: CHROMIUM_ENGINE,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--host-resolver-rules=MAP * ~NOTFOUND',
    ],
  });
