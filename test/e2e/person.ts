/**
 * A person at the machine of the product's user: a real Chromium that runs as that user (the callback door drops everybody else's
 * connections), in a home of their own, with a security key that is Chromium's virtual authenticator.
 */
import type { ChildProcess } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContext, type CDPSession, chromium, type Page } from '@playwright/test';
import type { Idp } from '../fixtures/idp/idp.ts';
import { CHROMIUM, CHROMIUM_ENGINE, WAIT_MS } from '../hosts/chromium.ts';
import { spawnAs } from '../machine/accounts.ts';
import { ended, type Product, printedUrl } from '../product/product.ts';

export interface Person {
  context: BrowserContext;
  page: Page;
  cdp: CDPSession;
  /** The virtual key's name for CDP. */
  authenticatorId: string;
}

export interface UsersBrowser {
  browser: Browser;
  /** A person with cookies and a key of their own; `keepsHistory`: not in a private window, `prf`: with a key that can seal the vault. */
  person(options?: { keepsHistory?: boolean; prf?: boolean }): Promise<Person>;
  /** Ends Chromium and waits until it is gone. */
  close(): Promise<void>;
}

const switches = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--password-store=basic',
  '--remote-debugging-port=0',
];

/** No other name leads anywhere: what Chromium wants from its makers all the same does not leave the machine. */
const resolverRules = (names: readonly string[]): string =>
  [
    ...names.map((name) => `MAP ${name} 127.0.0.1`),
    'MAP * ~NOTFOUND',
    ...['localhost', '*.localhost', '127.0.0.1'].map((name) => `EXCLUDE ${name}`),
  ].join(', ');

interface BrowserOptions {
  /** Names that are to lead to this machine, beside `localhost`. */
  names?: readonly string[];
  /** Without the windows and menus around its engine. */
  engineOnly?: boolean;
  /** A file for Chromium's own record of its network. */
  netLog?: string;
}

/** Its profile is the folder `browser` in the user's home. */
export async function openBrowser(
  product: Product,
  { names = [], engineOnly = false, netLog }: BrowserOptions = {},
): Promise<UsersBrowser> {
  const { home, machine } = product;
  const args = [...switches, `--user-data-dir=${join(home, 'browser')}`, `--host-resolver-rules=${resolverRules(names)}`];
  if (netLog !== undefined) args.push(`--log-net-log=${netLog}`, '--net-log-capture-mode=Everything');
  const child = spawnAs(machine.user, engineOnly ? CHROMIUM_ENGINE : CHROMIUM, [...args, 'about:blank'], { home });
  const gone = ended(child);
  const browser = await chromium.connectOverCDP(await debuggingAddress(child));
  let closing: Promise<void> | undefined;
  return {
    browser,
    async person({ keepsHistory = false, prf = false } = {}) {
      const [everyday] = browser.contexts();
      const context = keepsHistory && everyday !== undefined ? everyday : await browser.newContext();
      context.setDefaultTimeout(WAIT_MS);
      const page = await context.newPage();
      const cdp = await context.newCDPSession(page);
      await cdp.send('WebAuthn.enable');
      return { context, page, cdp, authenticatorId: await plugIn(cdp, { prf }) };
    },
    close: () => (closing ??= end()),
  };

  async function end(): Promise<void> {
    const session = await browser.newBrowserCDPSession();
    // The connection may be gone before the answer.
    await session.send('Browser.close').catch(() => undefined);
    await gone;
  }
}

/** One more security key in the person's machine, that is touched whenever it blinks. */
export async function plugIn(cdp: CDPSession, { prf }: { prf: boolean }): Promise<string> {
  const options = { protocol: 'ctap2', transport: 'usb', hasResidentKey: true, hasUserVerification: true } as const;
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      ...options,
      ...(prf ? ({ ctap2Version: 'ctap2_1', hasPrf: true } as const) : {}),
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  return authenticatorId;
}

/** From now on the person touches this key, or lets it blink. */
export const touches = (cdp: CDPSession, authenticatorId: string, enabled: boolean): Promise<unknown> =>
  cdp.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled });

function debuggingAddress(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stderr?.on('data', (chunk) => {
      text += chunk;
      const found = /^DevTools listening on (ws:\/\/\S+)$/m.exec(text)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once('error', reject);
    child.once('close', (code) => reject(new Error(`Chromium ended (${code}) before it could be used: ${text}`)));
  });
}

export async function registerKey({ page }: Person, idp: Idp, username: string): Promise<void> {
  await page.goto(idp.enrolUrl(username).href);
  await page.getByRole('button', { name: 'Register security key' }).click();
  await page.getByText(`The security key of ${username} is registered.`).waitFor();
}

/** On the provider's login page. */
export async function useKey({ page }: Person, username: string): Promise<void> {
  await page.getByLabel('User name or e-mail').fill(username);
  await page.getByRole('button', { name: 'Use security key' }).click();
}

export interface Login {
  /** The address the command printed. */
  url: URL;
  /** Where the browser is to come back to. */
  callback: URL;
  state: string;
  /** What the command said at its end. */
  outcome: Promise<{ code: number | null; said: LoginSaid }>;
}

interface LoginSaid {
  session?: { phase: string; identity: { username: string }; assurance: { level: string; acr: string; amr: string[] } };
  failure?: { code: string; reason?: string };
}

/** `lakepass login --json`, up to the address it prints. */
export async function beginLogin(product: Product): Promise<Login> {
  const login = product.start(['login', '--json']);
  const outcome = ended(login).then(({ code, stdout }) => ({ code, said: JSON.parse(stdout) as LoginSaid }));
  const url = await printedUrl(login);
  const callback = new URL(url.searchParams.get('redirect_uri') ?? '');
  return { url, callback, state: url.searchParams.get('state') ?? '', outcome };
}

/** The whole way of a person who has a key at the provider, up to where the tab is led. */
export async function signIn(product: Product, person: Person, username: string): Promise<Login> {
  const login = await beginLogin(product);
  await person.page.goto(login.url.href);
  await useKey(person, username);
  await person.page.getByRole('heading', { name: /^(You are signed in\.|Enrol your first tap key)$/ }).waitFor();
  return login;
}

/** Where the callback leads on to; behind it stands a ticket that is good for one request. */
export const landingOf = (callback: URL): string => `${callback.href}/done/`;

/** The page a person ends on who has a tap key already, or was not signed in. */
export async function lastPage({ page }: Person, { callback }: Login): Promise<string> {
  await page.waitForURL((url) => url.href.startsWith(landingOf(callback)));
  return page.getByRole('heading', { level: 1 }).innerText();
}

/** On the page that follows the first sign-in: enrols the tap key, and is led to the UI. */
export async function enrolFirstKey({ page }: Person, name: string): Promise<void> {
  await page.getByRole('heading', { name: 'Enrol your first tap key' }).waitFor();
  await page.getByLabel('Name of the key').fill(name);
  await page.getByRole('button', { name: 'Add this key' }).click();
  await page.getByRole('navigation').waitFor();
}

/** On the ceremony page: touches the key, and is led back to the UI. */
export async function touchKey({ page }: Person): Promise<void> {
  await page.waitForURL(/^http:\/\/lakepass\.localhost:/);
  await page.getByRole('button', { name: 'Touch the key' }).click();
  await page.getByRole('navigation').waitFor();
}

/** On the UI: reads the request that is shown, and approves it by a touch. */
export async function approveByTap(person: Person): Promise<void> {
  await person.page.getByRole('dialog').getByRole('button', { name: 'Approve with a key' }).click();
  await touchKey(person);
}

/** Opens the UI as `lakepass ui` does. */
export async function openUi(product: Product, { page }: Person): Promise<void> {
  await page.goto((await product.json('ui'))['url'] as string);
  await page.getByRole('navigation').waitFor();
}

/** Kept for people to look at. */
export async function photograph(page: Page, name: string): Promise<void> {
  const folder = fileURLToPath(new URL('../../.cache/screenshots', import.meta.url));
  mkdirSync(folder, { recursive: true });
  // A tab behind another is not drawn.
  await page.bringToFront();
  await page.setViewportSize({ width: 1000, height: 800 });
  for (const [colorScheme, suffix] of [
    ['light', ''],
    ['dark', '-dark'],
  ] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.screenshot({ path: join(folder, `${name}${suffix}.png`) });
  }
  await page.emulateMedia({ colorScheme: null, reducedMotion: null });
}
