/** The same specs on every host of the product: one Chromium for all windows of a file, a host of their own for each describe. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Browser } from '@playwright/test';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { openChromium } from '../hosts/chromium.ts';
import { openHeadless } from '../hosts/headless/host.ts';
import type { Host, HostName, HostOptions } from '../hosts/host.ts';
import { openShellSim } from '../hosts/shell-sim/host.ts';

/** The host of the describe, once its first test runs. */
export type TheHost = () => Host;

/** Where npm's package `electron` has its binary; it is never fetched by a test. */
function electronBinary(): string | undefined {
  const folder = dirname(createRequire(import.meta.url).resolve('electron/package.json'));
  const named = join(folder, 'path.txt');
  const path = existsSync(named) ? join(folder, 'dist', readFileSync(named, 'utf8')) : undefined;
  return path !== undefined && existsSync(path) ? path : undefined;
}

interface Setting {
  options?: HostOptions;
  /** Hosts that can do it at all; all of them unless told otherwise. */
  on?: readonly HostName[];
  /** Before the first spec, with the host started unless `starts` is false. */
  begin?: (host: Host) => Promise<void>;
  starts?: boolean;
}

/** Declares the specs once for each host; a host that is not here is reported as skipped, spec by spec. */
export function onHosts(
  title: string,
  { options = {}, on = ['headless', 'shell-sim', 'electron'], begin, starts = true }: Setting,
  specs: (host: TheHost) => void,
): void {
  for (const name of on) {
    if (name === 'electron') {
      const missing = electronBinary() === undefined ? 'no Electron binary' : 'the driver of the real Electron is not written yet';
      describe.skip(`${title} (electron: ${missing})`, () => specs(() => undefined as never));
      continue;
    }
    describe(`${title} (${name})`, () => {
      let host: Host;
      let browser: Browser | undefined;
      beforeAll(async () => {
        if (name === 'shell-sim') browser = await openChromium();
        host = browser === undefined ? await openHeadless(options) : await openShellSim(options, browser);
        if (starts) await host.start();
        await begin?.(host);
      }, 120_000);
      afterAll(async () => {
        await host?.close();
        await browser?.close();
      });
      specs(() => host);
    });
  }
}

/** A spec that runs where the host can do it, and is reported as skipped elsewhere. */
export const itWhere = (can: boolean) => (can ? it : it.skip);
