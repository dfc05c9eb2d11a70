/** What a person does in Lakepass, in the words that are on the screen. */
import type { Locator, Page } from '@playwright/test';
import { type StatusView, statusViewSchema } from '../../preload/contract/control.ts';
import type { View } from '../../preload/contract/desktop.ts';
import { texts } from '../../renderer/texts.ts';
import { registerKey, useKey } from '../e2e/person.ts';
import type { Idp } from '../fixtures/idp/idp.ts';
import type { Workspace } from '../fixtures/workspace/workspace.ts';
import type { Host } from '../hosts/host.ts';
import { ended, printedUrl } from '../product/product.ts';

/** Nothing is asked for `files`, a click for `sql`, a touch for `jobs`. */
export const threeWays = `version: 1
id: three-ways
revision: 1
identities:
  - match: { anyone: true }
    roles: [person]
roles:
  person:
    grants:
      - { id: quiet, workspaces: ["*"], scopes: [files], maxLife: 1 d, approval: none }
      - { id: clicked, workspaces: ["*"], scopes: [sql], maxLife: 1 d, approval: click }
      - { id: tapped, workspaces: ["*"], scopes: [jobs], maxLife: 1 d, approval: tap }
`;

/** Two companies with one provider, and a workspace each. */
export const twoProfiles = ({ idp, workspaces }: { idp: Idp; workspaces: readonly Workspace[] }): string => {
  const profile = (name: string, main: Workspace | undefined, more: string) => [
    `  ${name}:`,
    '    test: true',
    `    idp: { issuer: '${idp.issuer}', clientId: ${idp.clientId}, scopes: [openid, profile, email, groups, offline_access] }`,
    `    workspaces: [{ name: ${more}, host: '${main?.host}' }]`,
  ];
  return [
    'version: 1',
    'profiles:',
    ...profile('acme', workspaces[0], 'analytics'),
    ...profile('globex', workspaces[1], 'research'),
    '',
  ].join('\n');
};

export const statusOf = async ({ product }: Host): Promise<StatusView> => statusViewSchema.parse(await product.json('status'));

/** Asks again and again, for what the agent learns in its own time. */
export async function until(host: Host, holds: (status: StatusView) => boolean): Promise<StatusView> {
  for (;;) {
    const status = await statusOf(host);
    if (holds(status)) return status;
    await new Promise((done) => setTimeout(done, 100));
  }
}

/** Opens a screen of the UI by its place in the rail. */
export async function open(host: Host, view: View): Promise<Page> {
  const page = await host.window();
  await page
    .getByRole('navigation')
    .getByRole('button', { name: new RegExp(`^${texts.nav[view]}`) })
    .click();
  return page;
}

/** The person's key is known to the provider. */
export async function ownsKey(host: Host, username = 'alice'): Promise<void> {
  await registerKey(await host.person(), host.product.idp, username);
}

/** From a button that begins a sign-in to the page that the provider leads back to; enrols the first key where there is none. */
export async function signInBy(host: Host, press: () => Promise<unknown>, username = 'alice'): Promise<void> {
  const person = await host.follow(press);
  const { page } = person;
  const landed = page.getByRole('heading', { name: /^(You are signed in\.|Enrol your first tap key)$/ });
  const asked = page.getByLabel('User name or e-mail');
  await landed.or(asked).first().waitFor();
  // A provider that still knows the person may lead back at once.
  if (await asked.isVisible()) await useKey(person, username);
  await landed.waitFor();
  if (!(await page.getByRole('button', { name: texts.ceremony.touch.create }).isVisible())) return;
  await page.getByLabel(texts.keys.name).fill('Blue one');
  await page.getByRole('button', { name: texts.ceremony.touch.create }).click();
  await leftCeremony(page);
}

/** The same at a workspace that signs people in itself; its page asks for a name and a password. */
export async function signInAtWorkspaceBy(host: Host, press: () => Promise<unknown>, username = 'alice@example.com'): Promise<void> {
  const { page } = await host.follow(press);
  await page.getByRole('heading', { name: 'Sign in to Databricks' }).waitFor();
  await page.getByLabel('User name').fill(username);
  await page.getByLabel('Password').fill(`password of ${username}`);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('button', { name: texts.ceremony.touch.create }).waitFor();
  await page.getByLabel(texts.keys.name).fill('Blue one');
  await page.getByRole('button', { name: texts.ceremony.touch.create }).click();
  await leftCeremony(page);
}

/** The ceremony is over: the tab is the UI again, or says that it is done. */
async function leftCeremony(page: Page): Promise<void> {
  await page
    .getByRole('navigation')
    .or(page.getByRole('heading', { name: texts.ceremony.done }))
    .first()
    .waitFor();
}

/** Signs alice in for the first time by the command line's own road, with her first key, and answers what has waited for it. */
export async function settleIn(host: Host, profile?: string): Promise<void> {
  await ownsKey(host);
  let outcome: ReturnType<typeof ended> | undefined;
  await signInBy(host, async () => {
    const login = host.product.start(['login', '--json', ...(profile === undefined ? [] : ['--profile', profile])], { BROWSER: 'none' });
    outcome = ended(login);
    if (host.has.shell) return;
    const { page } = await host.person();
    // Where no browser could be opened, the person does it.
    await page.evaluate(`open(${JSON.stringify((await printedUrl(login)).href)})`);
  });
  const done = await outcome;
  if (done?.code !== 0) throw new Error(`the sign-in ended with ${done?.code}: ${done?.stdout}${done?.stderr}`);
  // What was shown before there was a key was the first run.
  await closeWindow(host);
}

/** Closes the window where it has one of its own; the next who needs it opens it anew. */
export const closeWindow = (host: Host): Promise<void> => host.closeWindow();

/** From a button that begins a ceremony to its end: touches the key once. */
export async function touchAfter(host: Host, press: () => Promise<unknown>): Promise<void> {
  const { page } = await host.follow(press);
  await page.getByRole('button', { name: texts.ceremony.touch.get }).click();
  await leftCeremony(page);
}

/** Touches the key for what is asked, once `read` has looked at it. */
export async function approveByTap(host: Host, read: (asked: Locator) => Promise<void> = async () => undefined): Promise<void> {
  const asked = await host.approval();
  await read(asked);
  await touchAfter(host, () => button(asked, texts.prompt.approveByTap).click());
}

export const button = (within: Locator, name: string): Locator => within.getByRole('button', { name, exact: true });

export interface Program {
  /** Resolves once it has its grant and runs; rejects with what was said where it is refused. */
  started: Promise<void>;
  /** Asks for a token, and says what was answered. */
  token(): Promise<string>;
  end(): Promise<void>;
}

const script = `echo started
while read -r _; do
  curl -sS -o "$HOME/answer" -w '%{http_code}' -H 'X-Databricks-Metadata-Version: 1' -H "X-Databricks-Host: $DATABRICKS_HOST" "$DATABRICKS_METADATA_SERVICE_URL"
  echo
done`;

/** A program under \`lakepass run\` that asks for a token whenever it is told to. */
export function startProgram({ product }: Host, scope: string, more: readonly string[] = []): Program {
  const { words, env } = product.command;
  const [command = '', ...args] = [...words, 'run', '--scope', scope, ...more, '--', 'sh', '-c', script];
  const child = product.terminal.start(command, args, { env, input: true });
  const waiting: ((line: string) => void)[] = [];
  const lines: string[] = [];
  let said = '';
  let rest = '';
  child.stderr.on('data', (chunk) => (said += chunk));
  child.stdout.on('data', (chunk) => {
    const parts = `${rest}${chunk}`.split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) {
      const waiter = waiting.shift();
      if (waiter === undefined) lines.push(line);
      else waiter(line);
    }
  });
  const over = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const line = (): Promise<string> => {
    const next = lines.shift();
    const came = next === undefined ? new Promise<string>((resolve) => waiting.push(resolve)) : Promise.resolve(next);
    return Promise.race([came, over.then(() => Promise.reject(new Error(said)))]);
  };
  const started = line().then(() => undefined);
  started.catch(() => undefined);
  return {
    started,
    async token() {
      child.stdin?.write('\n');
      return line();
    },
    async end() {
      child.stdin?.end();
      await over;
    },
  };
}
