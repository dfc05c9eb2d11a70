/**
 * The pages door in this process, with an agent that is a fake and a Chromium that is not. Everything the browser needs is real: the
 * sockets, the look-up of the user on the other end, the bundled pages, a virtual security key.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, type BrowserContext, type CDPSession, chromium, type Page } from '@playwright/test';
import { buildPages } from '../../main/build-pages.ts';
import { unknownCaller } from '../../main/caller/caller.ts';
import { createPeerUid } from '../../main/caller/peer-uid.ts';
import { systemClock } from '../../main/host-ports.ts';
import { createAssets } from '../../main/pages/assets.ts';
import { createPages, type Pages } from '../../main/pages/pages.ts';
import { type FakePagesAgent, fakePagesAgent } from '../fakes/pages-agent.ts';
import { type RecordingAudit, recordingAudit } from '../fakes/recording-audit.ts';
import { CHROMIUM_ENGINE, WAIT_MS } from '../hosts/chromium.ts';

/** The axe that comes with its adapter for Playwright. */
const axe = createRequire(import.meta.resolve('@axe-core/playwright'))('axe-core') as { source: string };

/** How a person looks at a page; nothing moves unless they let it. `zoom` leaves as much less room. `bypassCSP`: policies do not bind it. */
export interface Look {
  colours?: 'light' | 'dark';
  width?: number;
  height?: number;
  zoom?: number;
  moves?: boolean;
  /** The person has chosen every colour themselves. */
  forced?: boolean;
  bypassCSP?: boolean;
}

export interface Stage {
  agent: FakePagesAgent;
  pages: Pages;
  audit: RecordingAudit;
  /** What the pages complained about in their consoles; a page of ours must never. */
  complaints: string[];
  /** A tab of its own. */
  tab(options?: Look): Promise<Page>;
  /** A tab that shows the UI. */
  ui(options?: Look): Promise<Page>;
  close(): Promise<void>;
}

/** Chromium with the pages built and the door's parts around it; agent and door are new for every stage. */
export interface Theatre {
  stage(): Promise<Stage>;
  /** Where the pages were built, and the browser, for windows that no door serves. */
  readonly folder: string;
  readonly browser: Browser;
  close(): Promise<void>;
}

/** Names that lead to this machine, beside those that always do. */
const resolver =
  'MAP evil.test 127.0.0.1, MAP rebound.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE *.localhost, EXCLUDE 127.0.0.1';

export async function openTheatre(): Promise<Theatre> {
  const folder = await mkdtemp(join(tmpdir(), 'lp-pages-'));
  await buildPages(folder);
  const browser = await chromium.launch({
    executablePath: CHROMIUM_ENGINE,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', `--host-resolver-rules=${resolver}`],
  });
  const everyday = await contextOf(browser);
  return {
    stage: () => openStage(browser, folder, everyday),
    ...{ folder, browser },
    async close() {
      await browser.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** A window of the browser as the person has set it up. */
export const contextOf = async (browser: Browser, look: Look = {}): Promise<BrowserContext> => {
  const { colours = 'light', width = 1000, height = 900, zoom = 1, moves = false, forced = false, bypassCSP = false } = look;
  const context = await browser.newContext({
    colorScheme: colours,
    viewport: { width: Math.round(width / zoom), height: Math.round(height / zoom) },
    deviceScaleFactor: zoom,
    forcedColors: forced ? 'active' : 'none',
    reducedMotion: moves ? 'no-preference' : 'reduce',
    bypassCSP,
  });
  context.setDefaultTimeout(WAIT_MS);
  return context;
};

async function openStage(browser: Browser, folder: string, everyday: BrowserContext): Promise<Stage> {
  const agent = fakePagesAgent({ clock: systemClock });
  const audit = recordingAudit();
  const peerUid = createPeerUid();
  const pages = createPages({
    agent,
    attribute: async (peer) => ({ uid: await peerUid.lookup(peer), caller: unknownCaller }),
    uid: process.getuid?.() ?? -1,
    clock: systemClock,
    random: randomBytes,
    audit,
    log: () => undefined,
    assets: createAssets(pathToFileURL(`${folder}/`)),
  });
  agent.onChange = () => pages.changed();
  agent.ceremonyUrl = async (ticket) => ({ url: (await pages.ceremonyUrl(ticket)).href });
  const contexts: BrowserContext[] = [];
  const complaints: string[] = [];

  const tab: Stage['tab'] = async (look) => {
    // Who looks at it like everybody else does so in one window for all tests: each has an origin of its own, and keeps nothing.
    const context = look === undefined ? everyday : await contextOf(browser, look);
    if (context !== everyday) contexts.push(context);
    const page = await context.newPage();
    page.on('console', (message) => ['error', 'warning'].includes(message.type()) && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    return page;
  };
  return {
    ...{ agent, pages, audit, complaints, tab },
    async ui(options) {
      const page = await tab(options);
      await page.goto((await pages.uiUrl()).href);
      await page.getByRole('navigation').waitFor();
      return page;
    },
    async close() {
      for (const context of contexts) await context.close();
      for (const page of everyday.pages()) await page.close();
      await everyday.clearPermissions();
      await pages.close();
      await peerUid.close();
    },
  };
}

/** A security key in the tab's browser, as CDP makes it. */
export async function plugIn(
  page: Page,
  options: { prf?: boolean; touched?: boolean } = {},
): Promise<{ cdp: CDPSession; authenticatorId: string }> {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('WebAuthn.enable');
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      ctap2Version: 'ctap2_1',
      transport: 'usb',
      hasResidentKey: true,
      hasUserVerification: true,
      hasPrf: options.prf ?? false,
      isUserVerified: true,
      automaticPresenceSimulation: options.touched ?? true,
    },
  });
  return { cdp, authenticatorId };
}

/**
 * What axe finds wrong with the page, as `rule: element`. A document is given axe once; the adapter would give it anew for each look, and
 * open another page to add up what it found. Our pages hold no frames, and one that does fails here.
 */
export async function findingsOf(page: Page): Promise<string[]> {
  if (await page.evaluate(`typeof axe === 'undefined'`)) await page.evaluate(axe.source);
  return page.evaluate(`(async () => {
    if (document.querySelector('iframe, frame')) return ['frame: axe has not looked into it'];
    // A colour that is on its way to another is nobody's to judge; what turns without end has none.
    const ending = document.getAnimations().filter((animation) => animation.effect.getComputedTiming().endTime !== Infinity);
    await Promise.allSettled(ending.map((animation) => animation.finished));
    const { violations } = await axe.run(document, { resultTypes: ['violations'] });
    return violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => id + ': ' + target.join(' ')));
  })()`);
}
