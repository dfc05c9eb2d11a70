/** The same specs on every host of the product: one Chromium for all windows of a file, a host of their own for each describe. */
import type { Browser } from '@playwright/test';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { openChromium } from '../hosts/chromium.ts';
import { electronBinary, openElectron } from '../hosts/electron/host.ts';
import { openHeadless } from '../hosts/headless/host.ts';
import { type Abilities, abilities, type Host, type HostName, type HostOptions } from '../hosts/host.ts';
import { openShellSim } from '../hosts/shell-sim/host.ts';

/** The host of the describe, once its first test runs. */
export type TheHost = () => Host;

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
  specs: (host: TheHost, has: Abilities) => void,
): void {
  for (const name of on) {
    const binary = name === 'electron' ? electronBinary() : undefined;
    if (name === 'electron' && binary === undefined) {
      describe.skip(`${title} (electron: no Electron binary)`, () => specs(() => undefined as never, abilities[name]));
      continue;
    }
    describe(`${title} (${name})`, () => {
      let host: Host;
      let browser: Browser | undefined;
      beforeAll(async () => {
        if (name === 'shell-sim') browser = await openChromium();
        if (binary !== undefined) host = await openElectron(options, binary);
        else host = browser === undefined ? await openHeadless(options) : await openShellSim(options, browser);
        if (starts) await host.start();
        await begin?.(host);
      }, 120_000);
      afterAll(async () => {
        await host?.close();
        await browser?.close();
      });
      specs(() => host, abilities[name]);
    });
  }
}

/** A spec that runs where the host can do it, and is reported as skipped elsewhere. */
export const itWhere = (can: boolean) => (can ? it : it.skip);
