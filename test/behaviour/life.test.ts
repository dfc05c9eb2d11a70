/** How Lakepass begins, goes on and ends: started twice, taken over, killed, restarted, and followed by a link. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { texts } from '../../renderer/texts.ts';
import { isAlive } from '../product/product.ts';
import { itWhere, onHosts } from './hosts.ts';
import { closeWindow, settleIn, statusOf } from './steps.ts';

const quiet = `version: 1
id: quiet
revision: 1
identities:
  - match: { anyone: true }
    roles: [person]
roles:
  person:
    grants:
      - { id: quiet, workspaces: ["*"], scopes: [sql], maxLife: 1 d, approval: none }
`;

/** What the person's browser, the bus and the keyring keep. */
const others = /^\/browser|bus|keyring/;
/** Chromium's own folder for the windows. The stores in it keep a plain file LOCK, held or not; only a socket or a link of it tells of a running app. */
const ofWindows = /^\/\.config\/lakepass-desktop\//;

/** Sockets and locks below the home, by name. */
const leftovers = (home: string): string[] =>
  readdirSync(home, { recursive: true, withFileTypes: true })
    .map((entry) => ({ entry, path: join(entry.parentPath, entry.name).slice(home.length) }))
    .filter(({ entry, path }) => entry.isSocket() || entry.isSymbolicLink() || (/lock/i.test(entry.name) && !ofWindows.test(path)))
    .map(({ path }) => path)
    .filter((path) => !others.test(path));

onHosts('how it ends and begins again', { options: { keyring: true, policy: quiet } }, (host) => {
  it('a session outlives a quit that leaves nothing behind, and the restart goes on with it', async () => {
    await settleIn(host());
    const { port } = await statusOf(host());
    const pid = await host().pid();
    await host().stop();
    expect(isAlive(pid)).toBe(false);
    expect(leftovers(host().product.home)).toEqual([]);
    await host().start();
    const again = await statusOf(host());
    expect(again.port).toBe(port);
    expect(again.profiles.map(({ session }) => session.phase)).toEqual(['signed-in']);
  });

  it('after a crash a start goes on with it, too', async () => {
    await host().kill();
    await host().start();
    expect((await statusOf(host())).profiles.map(({ session }) => session.phase)).toEqual(['signed-in']);
    const page = await host().window();
    await page.getByRole('button', { name: texts.home.signOut, exact: true }).first().waitFor();
  });
});

onHosts('the app', { options: { keyring: true, policy: quiet }, on: ['shell-sim', 'electron'], starts: false }, (host) => {
  it('takes over from an agent without a window: same port, and the grant URL still gives tokens', async () => {
    const { product } = host();
    await product.signIn();
    const env = await product.env('sql');
    const ask = async (): Promise<string> => {
      const headers = ['-H', 'X-Databricks-Metadata-Version: 1', '-H', `X-Databricks-Host: ${env.DATABRICKS_HOST}`];
      const url = env.DATABRICKS_METADATA_SERVICE_URL;
      return (await product.run('curl', ['-q', '-sS', '-o', '/dev/null', '-w', '%{http_code}', ...headers, url])).stdout;
    };
    expect(await ask()).toBe('200');
    const before = await statusOf(host());
    await host().start();
    const after = await statusOf(host());
    expect(after.port).toBe(before.port);
    expect(after.pid).toBe(await host().pid());
    expect(isAlive(before.pid)).toBe(false);
    expect(await ask()).toBe('200');
  });
});

onHosts('the app, started', { options: { policy: null }, on: ['shell-sim', 'electron'] }, (host, has) => {
  const views = async (): Promise<string | null> =>
    (await host().window()).getByRole('navigation').locator('[aria-current="page"]').textContent();

  itWhere(has.standIn)('a second start brings the window forward and ends', async () => {
    await closeWindow(host());
    const second = await host().startAgain([]);
    expect(second).toMatchObject({ code: 0 });
    await host().sim.screen.windowAt('app://lakepass/');
    await expect.poll(async () => (await host().sim.look()).windows).toMatchObject([{ visible: true, focused: true }]);
  });

  it('a link opens its view and does nothing else', async () => {
    const before = await statusOf(host());
    expect((await host().startAgain(['lakepass://keys'])).code).toBe(0);
    await expect.poll(views).toBe(texts.nav.keys);
    const { queue, lock } = await statusOf(host());
    expect({ queue, lock }).toEqual({ queue: before.queue, lock: before.lock });
  });

  it.each(['lakepass://keys?lock=1', 'lakepass://lock', 'lakepass:keys', 'LAKEPASS://GRANTS/../lock'])(
    'a link that is none of ours (%s) opens nothing',
    async (link) => {
      const before = await views();
      expect((await host().startAgain([link])).code).toBe(0);
      const records = async () => (await host().product.json('audit', '--limit', '200'))['records'] as { type: string; reason?: string }[];
      await expect.poll(async () => (await records()).some(({ reason }) => reason === 'link'), { timeout: 90_000 }).toBe(true);
      expect(await views()).toBe(before);
      expect((await statusOf(host())).lock.state).toBe('open');
    },
  );

  itWhere(has.standIn)(
    'a link that the system hands over itself, as macOS does, opens its view, and a window where there is none',
    async () => {
      await closeWindow(host());
      const { sim } = host();
      await sim.drive({ act: 'app', event: 'open-url', url: 'lakepass://grants' });
      await sim.screen.windowAt('app://lakepass/');
      await expect.poll(views).toBe(texts.nav.grants);
      await sim.drive({ act: 'app', event: 'open-url', url: 'lakepass://lock' });
      expect(await views()).toBe(texts.nav.grants);
      expect((await statusOf(host())).lock.state).toBe('open');
    },
  );

  itWhere(has.packaged).each([
    '--remote-debugging-port=9222',
    '--inspect',
    '--proxy-server=evil.test:80',
    '--ignore-certificate-errors',
    '--no-sandbox',
  ])('a packaged start with %s ends at once', async (word) => {
    const { code, stdout } = await host().startAgain([word]);
    expect(code).toBe(64);
    expect(stdout).toContain(word.split('=')[0]);
  });
});
