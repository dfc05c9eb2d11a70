/**
 * What a behaviour spec drives: Lakepass in one of its hosts, with a person, their browser and their security key. The specs know screens
 * and words; where a screen is shown, and how the machine says something, is the host's business.
 */
import type { Locator, Page } from '@playwright/test';
import type { Person } from '../e2e/person.ts';
import type { Ended } from '../machine/accounts.ts';
import type { Product, ProductOptions } from '../product/product.ts';
import type { Sim } from './shell-sim/sim.ts';

export type HostName = 'headless' | 'shell-sim' | 'electron';

export interface Abilities {
  /** Windows, a tray and notifications of its own. */
  shell: boolean;
  /** Requests are answered in a window of their own. */
  approvalWindow: boolean;
  /** What its main process did can be looked at, and its tray, its notifications and who sends a message can be driven: `sim`. */
  standIn: boolean;
  /** Starts as an installed app does. */
  packaged: boolean;
}

export const abilities: Readonly<Record<HostName, Abilities>> = {
  headless: { shell: false, approvalWindow: false, standIn: false, packaged: false },
  'shell-sim': { shell: true, approvalWindow: true, standIn: true, packaged: true },
  // Playwright cannot see a tray, and an installed app ends at the switches that Playwright needs.
  electron: { shell: true, approvalWindow: true, standIn: false, packaged: false },
};

export interface HostOptions extends Omit<ProductOptions, 'env'> {
  env?: NodeJS.ProcessEnv;
  /** The home has no configuration. */
  empty?: boolean;
  /** Sessions survive a restart: there is a keyring. */
  keyring?: boolean;
  /** The person's key can seal the vault (WebAuthn PRF). */
  prf?: boolean;
}

export interface Host {
  readonly name: HostName;
  readonly has: Abilities;
  readonly product: Product;
  /** Starts Lakepass and waits until it answers. */
  start(args?: readonly string[]): Promise<void>;
  /** As a person ends it; waits until nothing of it runs. */
  stop(): Promise<void>;
  /** As a crash ends it. */
  kill(): Promise<void>;
  pid(): Promise<number>;
  /** The UI, opened where it is not. */
  window(): Promise<Page>;
  /** Closes it where it is a window of its own. */
  closeWindow(): Promise<void>;
  /** What asks the person now; waits until something does. */
  approval(): Promise<Locator>;
  /** Resolves once nothing asks any more. */
  quiet(): Promise<void>;
  /** The person's own browser: where sign-ins and ceremonies are, with a key that is touched when it blinks. */
  person(): Promise<Person>;
  /** Does what leads to a page outside, and brings the person's browser there. */
  follow(act: () => Promise<unknown>): Promise<Person>;
  machine: Record<'lockScreen' | 'unlockScreen' | 'sleep' | 'wake', () => Promise<void>>;
  /** `lakepass ARGS` in a terminal of the same home. */
  run(args: readonly string[]): Promise<Ended>;
  /** The main process on the stand-in. @throws where the host has none */
  readonly sim: Sim;
  /** A second start of the app, with these words behind it. */
  startAgain(args: readonly string[]): Promise<Ended>;
  close(): Promise<void>;
}
