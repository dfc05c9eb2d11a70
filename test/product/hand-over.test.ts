/**
 * One host takes over from another: the built agent with the keychain of a desktop session hands over, and the next one serves the same
 * grants at the same URLs. Nobody signs in again, and what a person has said holds.
 */
import { chownSync, copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type StatusView, statusViewSchema } from '../../preload/contract/control.ts';
import { askOnce, type Call, prepareCallers } from './calling.ts';
import { type Keyring, startKeyring } from './keyring.ts';
import { ended, isAlive, type Product, startProduct } from './product.ts';

let product: Product;
let keyring: Keyring;
let call: Call;
let takingOver: string;
const env: NodeJS.ProcessEnv = { LAKEPASS_VAULT: 'keychain' };

beforeAll(async () => {
  product = await startProduct({ env });
  call = await prepareCallers(product);
  keyring = await startKeyring(product.machine.user, product.home);
  Object.assign(env, keyring.env);
  takingOver = await product.machine.program('test/product/taking-over.ts');
});
afterAll(async () => {
  await product.close();
  await keyring.close();
});

const status = async (): Promise<StatusView> => statusViewSchema.parse(await product.json('status'));
const signIns = () => product.idp.requestsTo('sign-in').length;
const stops = async () => {
  const { records } = (await product.json('audit', '--limit', '500')) as { records: { type: string; reason?: string }[] };
  return records.filter(({ type }) => type === 'agent.stopped').map(({ reason }) => reason);
};

async function gone(pid: number): Promise<void> {
  while (isAlive(pid)) await new Promise((done) => setTimeout(done, 20));
}

/** What the host that takes over says. */
async function takeOver(above?: string): Promise<Record<string, unknown>> {
  const terminal = above === undefined ? product.terminal : await product.openTerminal(above);
  const { code, stdout, stderr } = await ended(terminal.start(product.machine.node, [takingOver]));
  if (code !== 0) throw new Error(`taking over ended with ${code}: ${stderr}`);
  return JSON.parse(stdout);
}

describe('taking over', () => {
  it('keeps port, grants and session, and a pause, without anybody who signs in', async () => {
    await product.signIn();
    const grant = await product.env('sql');
    const other = await product.env('jobs');
    const before = await status();
    const idOf = (scope: string) => before.grants.find(({ scopes }) => scopes.includes(scope))?.id ?? '';
    expect(await (await product.openUi()).post('/v1/pause', { ids: [idOf('jobs')], paused: true })).toEqual({ changed: 1 });
    expect(await askOnce(call, grant)).toMatchObject({ answers: { 200: 1 } });
    expect(await askOnce(call, other)).toMatchObject({ refusals: { GRANT_PAUSED: 1 } });
    const asked = signIns();

    expect(await takeOver()).toEqual({ vault: 'secret-service' });
    // It has let go of everything, and only has to end.
    await gone(before.pid);

    const after = await status();
    expect(after.pid).not.toBe(before.pid);
    expect([after.port, after.host]).toEqual([before.port, 'headless']);
    expect(after.profiles[0]?.session).toMatchObject({ phase: 'signed-in', lastFailure: null });
    expect(after.grants.map(({ id, paused }) => [id, paused])).toEqual(before.grants.map(({ id }) => [id, id === idOf('jobs')]));
    expect(await askOnce(call, grant)).toMatchObject({ answers: { 200: 1 } });
    expect(await askOnce(call, other)).toMatchObject({ refusals: { GRANT_PAUSED: 1 } });
    expect(signIns()).toBe(asked);
    expect(await stops()).toEqual(['handed over']);

    const { stdout } = await product.lakepass(['grants']);
    expect(stdout).toMatch(new RegExp(`${idOf('jobs')} +paused `));
    await (await product.openUi()).post('/v1/pause', { ids: [idOf('jobs')], paused: false });
    expect(await askOnce(call, other)).toMatchObject({ answers: { 200: 1 } });
  });

  it('is refused to a host that an AI agent has started, and the agent goes on', async () => {
    const before = await status();
    // A shell by that name, as those of AI agents are recognised.
    const claude = join(product.home, 'claude');
    copyFileSync('/bin/bash', claude);
    chownSync(claude, product.machine.user.uid, product.machine.user.gid);
    expect(await takeOver(claude)).toEqual({ code: 'HANDOVER_REFUSED', reason: 'ai-agent' });
    expect((await status()).pid).toBe(before.pid);
  });

  it('from nobody says so', async () => {
    const { pid } = await status();
    await product.json('agent', '--stop');
    await gone(pid);
    expect(await takeOver()).toEqual({ code: 'AGENT_NOT_RUNNING', reason: null });
  });

  it('is refused by an agent whose secrets are in its memory alone', async () => {
    env['LAKEPASS_VAULT'] = 'memory';
    const before = await status();
    expect(before.vault).toBe('memory');
    expect(await takeOver()).toEqual({ code: 'HANDOVER_REFUSED', reason: 'memory' });
    expect((await status()).pid).toBe(before.pid);
  });
});
