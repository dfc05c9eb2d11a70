/**
 * The first minutes with the built product, through the calls of its UI: no configuration, a profile, a sign-in, a first key, the default
 * profile of Databricks, a query by a real kernel and one without any Python. The touches are counted.
 */
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { UiPage } from '../fixtures/scripted-person.ts';
import { signInOnly } from './people.ts';
import { isAlive, type Product, startProduct, usualConfig } from './product.ts';

let product: Product;
let ui: UiPage;
let touches = 0;
const given: string[] = [];
const env: NodeJS.ProcessEnv = {};
const cfg = (): string => join(product.home, '.databrickscfg');
const config = (): string => join(product.home, '.config', 'lakepass', 'config.yaml');

beforeAll(async () => {
  product = await startProduct({ policy: null, env, secrets: (_, value) => void given.push(value) });
  rmSync(config());
  env['VIRTUAL_ENV'] = dirname(dirname(await product.machine.python()));
});
afterAll(() => product.close());

const setup = (): Promise<Record<string, unknown>> => ui.post('/v1/setup');
const codeOf = (act: Promise<unknown>): Promise<unknown> =>
  act.then(
    () => 'none',
    (error: { code?: string }) => error.code,
  );

/** Until the query is no longer in the state that is named. */
async function queryAfter(...states: string[]): Promise<Record<string, unknown>> {
  for (;;) {
    const view = await ui.post('/v1/setup/query', { start: false });
    if (!states.includes(String(view['state']))) return view;
    await pause(100);
  }
}

describe('the first minutes', () => {
  it('begin with a profile, which is written once and used at once', async () => {
    ui = await product.openUi();
    expect(await setup()).toMatchObject({ next: 'profile', configFile: config(), databrickscfg: { exists: false } });
    const { issuer, clientId } = product.idp;
    const few = { from: 'issuer', name: 'acme', issuer, clientId, workspace: product.workspace.host };
    expect(await codeOf(ui.post('/v1/setup/profile', few))).toBe('CONFIG_PLAIN_HTTP');
    expect(existsSync(config())).toBe(false);
    expect(await ui.post('/v1/setup/profile', { ...few, test: true })).toMatchObject({ next: 'sign-in' });
    expect(statSync(config()).mode & 0o777).toBe(0o600);
    expect(await codeOf(ui.post('/v1/setup/profile', { from: 'file', text: usualConfig(product.idp, product.workspaces) }))).toBe(
      'CONFIG_EXISTS',
    );
  });

  it('go on with a sign-in and a first key: two touches', async () => {
    const next = await signInOnly(product);
    touches += 1;
    expect(await setup()).toMatchObject({ next: 'key' });
    if (next === null) throw new Error('no page followed the sign-in');
    await (await product.person.openCeremony(next)).tap('First key');
    touches += 1;
    expect(await setup()).toMatchObject({ next: 'default' });
  });

  it('write a profile of Databricks without another touch', async () => {
    const preview = await ui.post('/v1/setup/default', {});
    expect(preview).toMatchObject({ section: 'DEFAULT', written: false });
    expect(existsSync(cfg())).toBe(false);
    const written = await ui.post('/v1/setup/default/write', { digest: preview['digest'] });
    expect(written).toMatchObject({ written: true, canUndo: true, backup: null });
    const text = readFileSync(cfg(), 'utf8');
    const secret = /v1\/metadata\/(\S+)/.exec(text)?.[1] ?? '';
    given.push(secret);
    expect(secret).toHaveLength(43);
    expect(JSON.stringify([preview, written, await setup()])).not.toContain(secret);
    expect(await setup()).toMatchObject({
      next: 'query',
      databrickscfg: { exists: true, canUndo: true, sections: [{ name: 'DEFAULT', ours: true }] },
    });
  });

  it('end with a notebook in a real kernel, for a third touch', async () => {
    const view = await setup();
    expect(view['python']).toMatchObject({ path: join(String(env['VIRTUAL_ENV']), 'bin', 'python') });
    expect(await ui.post('/v1/setup/query', { start: true })).toMatchObject({ state: 'asking', how: 'notebook' });
    expect(await ui.prompt()).toMatchObject({ purpose: 'create', approval: 'tap', scopes: ['sql'], caller: { kind: 'program' } });
    await ui.approve();
    touches += 1;
    const done = await queryAfter('asking', 'running');
    expect(done).toMatchObject({ state: 'done', columns: ['who', 'today'], failure: null });
    expect(done['rows']).toEqual([['alice@example.com', expect.stringMatching(/^\d{4}-\d\d-\d\d$/)]]);
    expect(touches).toBe(3);
    expect(await setup()).toMatchObject({ next: null });
    const notebook = String(done['notebook']);
    expect(JSON.parse(readFileSync(notebook, 'utf8'))).toMatchObject({ nbformat: 4 });
    const { grants } = await ui.state();
    expect(grants.filter(({ state }) => state === 'live')).toHaveLength(1);
  });

  it('show no secret in anything that a page is told', async () => {
    const told = JSON.stringify([await setup(), await ui.state(), await ui.post('/v1/setup/query', { start: false })]);
    expect(given.filter((value) => value !== '' && told.includes(value))).toEqual([]);
  });

  it('take the profile back to the byte', async () => {
    expect(await ui.post('/v1/setup/default/undo')).toMatchObject({ section: 'DEFAULT', canUndo: false });
    expect(existsSync(cfg())).toBe(false);
    const { grants } = await ui.state();
    expect(grants.filter(({ state }) => state === 'live')).toEqual([]);
    expect(await codeOf(ui.post('/v1/setup/default/undo'))).toBe('DATABRICKSCFG_NO_UNDO');
  });

  it('end what is under way when Lakepass is locked', async () => {
    await ui.post('/v1/setup/query', { start: true });
    const { caller } = await ui.prompt();
    const pid = Number((caller as unknown as { pid: number }).pid);
    expect(isAlive(pid)).toBe(true);
    await ui.post('/v1/lock');
    expect(await queryAfter('asking', 'running')).toMatchObject({ state: 'failed', failure: { code: 'LOCKED' } });
    expect(isAlive(pid)).toBe(false);
  });
});

describe('the first minutes without a Python for notebooks', () => {
  it('end with a query of Lakepass’ own, and say why', async () => {
    const other = await startProduct({ policy: null, secrets: (_, value) => void given.push(value) });
    try {
      await other.signIn();
      ui = await other.openUi();
      const first = await ui.post('/v1/setup/query', { start: true });
      expect(first).toMatchObject({ how: 'sql', notebook: null, because: expect.stringMatching(/^Lakepass asks by itself: No Python/) });
      await ui.approve();
      const done = await queryAfter('asking', 'running');
      expect(done).toMatchObject({ state: 'done', columns: ['who', 'today'], rows: [['alice@example.com', expect.any(String)]] });
      const everything =
        JSON.stringify(done) +
        other
          .files()
          .map(({ content }) => content.toString('latin1'))
          .join('\n');
      expect(given.filter((value) => value.length > 20 && everything.includes(value))).toEqual([]);
    } finally {
      await other.close();
    }
  });
});
