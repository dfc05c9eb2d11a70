/**
 * A notebook whose person has gone home: a stock Python kernel under `lakepass run` goes on calling through three real expiries while
 * the screen is locked, on a desktop whose bus says so.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type StatusView, statusViewSchema } from '../../preload/contract/control.ts';
import { type Desktop, startDesktop } from '../product/desktop.ts';
import { ended, type Product, startProduct } from '../product/product.ts';

const tokenSeconds = 15;
/** Three whole lives of a token, and the start of the kernel. */
const notebookSeconds = 55;
const source = readFileSync(fileURLToPath(new URL('../python/notebook.py', import.meta.url)), 'utf8');

let product: Product;
let desktop: Desktop;
let python: string;
const env: NodeJS.ProcessEnv = {};

beforeAll(async () => {
  product = await startProduct({ env, idp: { idTokenTtlSeconds: tokenSeconds }, limits: ['minTokenLife: 5 s'] });
  desktop = await startDesktop(product.machine.user, product.home);
  Object.assign(env, desktop.env);
  python = await product.machine.python();
  await product.signIn();
});
afterAll(async () => {
  await product.close();
  await desktop.close();
});

const status = async (): Promise<StatusView> => statusViewSchema.parse(await product.json('status'));
const untilState = async (state: string): Promise<void> => {
  while ((await status()).lock.state !== state) await wait(100);
};
const queries = () => product.workspace.requests.filter(({ path, status }) => path === '/api/2.0/sql/statements' && status === 200);

it('a kernel calls through three expiries behind a locked screen, and a second program is refused', async () => {
  const run = product.start(['run', '-s', 'sql', '--', python, '-c', source, String(notebookSeconds)]);
  const outcome = ended(run);
  while (queries().length === 0) await wait(100);
  const before = queries().length;
  desktop.lockScreen();
  await untilState('away');
  const lockedAt = Date.now();

  const second = await product.lakepass(['run', '-s', 'sql', '--', 'true']);
  expect(second).toMatchObject({ code: 125, stderr: expect.stringContaining('[AWAY') });
  expect(second.stderr).toContain('The screen is locked');
  expect((await product.lakepass(['status'])).stdout).toContain('1 run continues');

  const { code, stdout, stderr } = await outcome;
  expect({ code, refusals: stderr.match(/^lakepass:.*$/gm) }).toEqual({ code: 0, refusals: null });
  expect(Date.now() - lockedAt).toBeGreaterThan(3 * tokenSeconds * 1000);
  expect((await status()).lock.state).toBe('away');
  const notebook = JSON.parse(stdout);
  expect(notebook.failed).toEqual([]);
  const tokens = new Set(
    queries()
      .slice(before)
      .map(({ jti }) => jti),
  );
  // The one at hand when it was locked, and at least one for each that expired.
  expect(tokens.size).toBeGreaterThanOrEqual(4);

  desktop.unlockScreen();
  await untilState('open');
  expect(await product.lakepass(['run', '-s', 'sql', '--', 'true'])).toMatchObject({ code: 0 });
});
