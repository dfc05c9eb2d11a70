/**
 * From the cell to its result, as a person has it: the built product, its own user, a real Chromium with a key that is a virtual
 * authenticator, real Jupyter kernels with the stock SDK, and the policy that holds where nobody has written one.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Product, startProduct } from '../product/product.ts';
import { askOnce, type Kernel, notebookOf, showGrant, startKernel, whoAmI } from './kernel.ts';
import { approveByTap, enrolFirstKey, openBrowser, type Person, photograph, registerKey, signIn, type UsersBrowser } from './person.ts';

let product: Product;
let users: UsersBrowser;
let alice: Person;
const kernels: Kernel[] = [];

beforeAll(async () => {
  product = await startProduct({ policy: null });
  users = await openBrowser(product, { engineOnly: true });
  alice = await users.person();
  await registerKey(alice, product.idp, 'alice');
});
afterAll(async () => {
  await Promise.all(kernels.map((kernel) => kernel.end()));
  await users?.close();
  await product?.close();
});

async function kernel(...options: Parameters<typeof startKernel> extends [Product, ...infer Rest] ? Rest : never): Promise<Kernel> {
  const started = await startKernel(product, ...options);
  kernels.push(started);
  return started;
}
const underRun = (...more: string[]) => ({
  under: [...product.command.words, 'run', '--scope', 'sql', ...more, '--'],
  env: product.command.env,
});
const prompt = () => alice.page.getByRole('dialog');
const button = (name: string) => prompt().getByRole('button', { name });
const fact = (name: string) =>
  prompt()
    .locator('[data-fact]')
    .filter({ hasText: new RegExp(`^${name}`) });

interface Asked {
  type: string;
  ask: string;
  purpose?: string;
  verdict?: string;
  how?: string;
}
/** What the audit log has of prompts and their answers, oldest first. */
async function asked(): Promise<Asked[]> {
  const { records } = (await product.json('audit', '--limit', '1000')) as { records: Asked[] };
  return records.filter(({ type }) => type.startsWith('consent.'));
}
const prompts = async () => (await asked()).filter(({ type }) => type === 'consent.asked').length;

describe('from the cell to its result', () => {
  /** The run that the whole file is about. */
  let run: Kernel;
  /** Its variables, as a saved notebook would show them. */
  let copied: NodeJS.ProcessEnv;

  it('the first tap key is enrolled in the tab of the first sign-in, and stands among the keys', async () => {
    expect((await (await signIn(product, alice, 'alice')).outcome).code).toBe(0);
    await photograph(alice.page, 'first-key');
    await enrolFirstKey(alice, 'Blue one');
    await alice.page.getByRole('button', { name: 'Keys' }).click();
    await alice.page.getByRole('region', { name: 'Blue one' }).getByText('model unproven').waitFor();
    await photograph(alice.page, 'keys');
  });

  it('a run asks before its program starts; after the tap it starts, and its first cell has a token', async () => {
    const order: string[] = [];
    run = await kernel({ folder: 'lab', ...underRun('--label', 'churn') });
    void run.ready.then(() => order.push('started'));
    await run.line(/^lakepass: you are asked whether .* may have a grant: sql/);
    await prompt().waitFor();
    order.push('shown');
    await prompt()
      .getByText(/^churn/)
      .waitFor();
    expect(await alice.page.title()).toBe('(1) A program asks · Lakepass');
    // Read at once, while nothing can be approved yet.
    expect(await alice.page.evaluate('document.activeElement.textContent')).toBe('Deny');
    expect(await fact('Program').innerText()).toMatch(/\/node\s+verified$/);
    expect(await fact('Command line').innerText()).toMatch(/lakepass\.mjs run .*kernel\.py[\s\S]*claimed$/);
    expect(await fact('Started by').innerText()).toMatch(/verified$/);
    expect(await prompt().innerText()).toMatch(new RegExp(`${product.workspace.host}[\\s\\S]*Exactly\\s+sql`));
    await button('Approve with a key').and(alice.page.locator(':enabled')).waitFor();
    await photograph(alice.page, 'prompt-run');
    expect(order).toEqual(['shown']);
    // Noted before: the program may start sooner than the page says so.
    order.push('tapped');
    await approveByTap(alice);
    await run.ready;
    expect(order).toEqual(['shown', 'tapped', 'started']);
    expect(await run.cell(whoAmI)).toEqual({ said: ['alice@example.com'], error: null });
    expect(await asked()).toEqual([
      expect.objectContaining({ type: 'consent.asked', purpose: 'create' }),
      expect.objectContaining({ type: 'consent.answered', verdict: 'approved', how: 'tap' }),
    ]);
    copied = JSON.parse((await run.cell(showGrant)).said.join(''));
    expect(copied['DATABRICKS_METADATA_SERVICE_URL']).toContain('/v1/metadata/');
  });

  it('a kernel that the run does not know waits for 25 seconds, and its first cell succeeds without a second run', async () => {
    const before = await prompts();
    const stranger = await kernel({ folder: 'elsewhere', env: copied });
    await stranger.ready;
    const cell = stranger.cell(whoAmI);
    await prompt().waitFor();
    const since = Date.now();
    await prompt().getByText('This is not the program the access was made for.').waitFor();
    expect(await fact('Notebook').innerText()).toMatch(new RegExp(`${notebookOf('elsewhere')}\\s+claimed$`));
    expect(await fact('Program').first().innerText()).toMatch(/verified$/);
    await run.line(/^lakepass: you are asked whether python.* may use a grant made for another program/);
    await button('Approve with a key').and(alice.page.locator(':enabled')).waitFor();
    await photograph(alice.page, 'prompt-stranger');
    await wait(25_000 - (Date.now() - since));
    await approveByTap(alice);
    expect(await cell).toEqual({ said: ['alice@example.com'], error: null });
    // For as long as it runs: a second client of the same kernel is not asked about again.
    expect(await stranger.cell(whoAmI)).toEqual({ said: ['alice@example.com'], error: null });
    expect(await prompts()).toBe(before + 1);
  });

  it('a client that does not wait is refused, approved late, and served when its cell runs again, without a second prompt', async () => {
    const before = await prompts();
    const hasty = await kernel({ folder: 'hasty', env: copied });
    expect(await hasty.cell(askOnce)).toEqual({ said: ['CONSENT_PENDING'], error: null });
    // The prompt stays, and is answered after the client has given up.
    await prompt().waitFor();
    expect(await fact('Notebook').innerText()).toContain(notebookOf('hasty'));
    await approveByTap(alice);
    expect(await hasty.cell(askOnce)).toEqual({ said: ['ok'], error: null });
    expect(await hasty.cell(whoAmI)).toEqual({ said: ['alice@example.com'], error: null });
    expect(await prompts()).toBe(before + 1);
  });

  it('a program denied for the run is refused at once and without a prompt, until the run ends', async () => {
    const before = await prompts();
    const denied = await kernel({ folder: 'denied', env: copied });
    await denied.ready;
    const cell = denied.cell(whoAmI);
    await prompt().waitFor();
    await button('Deny for this run').click();
    expect((await cell).error).toMatch(/^ValueError/);
    for (let again = 0; again < 3; again += 1) expect(await denied.cell(askOnce)).toEqual({ said: ['CONSENT_DENIED'], error: null });
    expect((await denied.cell(whoAmI)).error).toMatch(/^ValueError/);
    expect(await prompts()).toBe(before + 1);
    expect(await prompt().count()).toBe(0);
    // The run itself goes on, and so does who was approved.
    expect(await run.cell(whoAmI)).toEqual({ said: ['alice@example.com'], error: null });

    await run.end();
    await expect.poll(() => denied.cell(askOnce)).toEqual({ said: ['GRANT_REVOKED'], error: null });
    const next = await kernel({ folder: 'lab', ...underRun() });
    await approveByTap(alice);
    const fresh = JSON.parse((await next.cell(showGrant)).said.join('')) as NodeJS.ProcessEnv;
    await denied.cell(`import os\nos.environ.update(${JSON.stringify(fresh)})`);
    const anew = denied.cell(askOnce);
    await prompt().waitFor();
    expect(await fact('Notebook').innerText()).toContain(notebookOf('denied'));
    await button('Deny').first().click();
    expect(await anew).toEqual({ said: ['CONSENT_DENIED'], error: null });
  });
});
