/**
 * The two lock states on the whole product: the screen is locked through a bus, as a desktop does it, and Lakepass is locked by its
 * person, by the clock and by a machine that goes to sleep. Who is served then, and who is not; and how it is opened again.
 *
 * The limits are seconds, with room for a machine that has much else to do; their exact moments are shown on a clock of its own in
 * test/unit/lock.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type StatusView, statusViewSchema } from '../../preload/contract/control.ts';
import { type Desktop, startDesktop } from './desktop.ts';
import { type Keyring, startKeyring } from './keyring.ts';
import { signInOnly } from './people.ts';
import { ended, type Product, startProduct } from './product.ts';
import { type RunOnDemand, startRun } from './run-on-demand.ts';

/** Nobody is asked about `sql`; for anything more a key is touched. */
const policyWith = (...limits: string[]): string =>
  [
    'version: 1',
    'id: watchful',
    'revision: 1',
    'identities:',
    '  - match: { anyone: true }',
    '    roles: [person]',
    'roles:',
    '  person:',
    '    grants:',
    '      - { id: quiet, workspaces: ["*"], scopes: [sql], maxLife: 1 d, approval: none }',
    '      - { id: asked, workspaces: ["*"], scopes: [jobs], maxLife: 1 d, approval: tap }',
    ...(limits.length === 0 ? [] : ['limits:', ...limits.map((line) => `  ${line}`)]),
    '',
  ].join('\n');

interface Stage {
  product: Product;
  desktop: Desktop;
  keyring: Keyring | null;
  status(): Promise<StatusView>;
  /** Until the agent has heard it. */
  untilState(state: StatusView['lock']['state']): Promise<StatusView>;
  close(): Promise<void>;
}

async function setStage({ limits = [], keychain = false }: { limits?: string[]; keychain?: boolean } = {}): Promise<Stage> {
  const env: NodeJS.ProcessEnv = keychain ? { LAKEPASS_VAULT: 'keychain' } : {};
  const product = await startProduct({ env, policy: policyWith(...limits) });
  const { user } = product.machine;
  const desktop = await startDesktop(user, product.home);
  const keyring = keychain ? await startKeyring(user, product.home) : null;
  Object.assign(env, desktop.env, keyring?.env);
  const status = async (): Promise<StatusView> => statusViewSchema.parse(await product.json('status'));
  await product.signIn();
  // The desktop is listened to a moment after the start.
  await until(status, ({ warnings }) => !warnings.some((each) => /logind|heard/.test(each)));
  return {
    ...{ product, desktop, keyring, status },
    untilState: (state) => until(status, ({ lock }) => lock.state === state),
    async close() {
      await product.close();
      await desktop.close();
      await keyring?.close();
    },
  };
}

/** @throws after a minute, with what was there instead */
async function until(status: () => Promise<StatusView>, holds: (view: StatusView) => boolean): Promise<StatusView> {
  for (const end = Date.now() + 60_000; ; await wait(50)) {
    const view = await status();
    if (holds(view)) return view;
    if (Date.now() > end) throw new Error(`it did not come: ${JSON.stringify({ lock: view.lock, warnings: view.warnings })}`);
  }
}

const success = { status: 200, body: { access_token: expect.any(String) } };
const refusal = (code: string) => ({ status: 403, body: { error: code } });
/** A verb that was refused, as its terminal has it. */
const refusedVerb = (code: string, verb?: string) => ({ code: verb === 'run' ? 125 : 6, stderr: expect.stringContaining(`[${code}`) });

describe('a screen that is locked', () => {
  let stage: Stage;
  let run: RunOnDemand;
  beforeAll(async () => {
    stage = await setStage();
    run = await startRun(stage.product);
  });
  afterAll(async () => {
    await run.end();
    await stage.close();
  });
  afterEach(async () => {
    stage.desktop.unlockScreen();
    await stage.untilState('open');
  });

  it('is Away: a run goes on and is said to, another program is refused and told why', async () => {
    expect(await run.ask()).toMatchObject(success);
    stage.desktop.lockScreen();
    const { lock } = await stage.untilState('away');
    expect(lock).toMatchObject({ why: 'screen-lock', unlockBy: ['screen'], continuing: 1 });
    expect((await stage.product.lakepass(['status'])).stdout).toContain('1 run continues');

    expect(await run.ask()).toMatchObject(success);
    const stranger = await run.askAsStranger();
    expect(stranger).toMatchObject(refusal('AWAY'));
    expect(JSON.stringify(stranger.body)).toContain('The screen is locked');
    await expect.poll(run.said).toContain('[AWAY');

    stage.desktop.unlockScreen();
    expect((await stage.untilState('open')).lock).toMatchObject({ why: null, unlockBy: [] });
    expect(await run.ask()).toMatchObject(success);
  });

  it('begins nothing new, and nobody is prompted', async () => {
    stage.desktop.lockScreen();
    await stage.untilState('away');
    for (const args of [
      ['run', '-s', 'sql', '--', 'true'],
      ['env', '-s', 'sql'],
      ['run', '-s', 'jobs', '--', 'true'],
      ['token', '-s', 'jobs'],
    ])
      expect(await stage.product.lakepass(args), args.join(' ')).toMatchObject(refusedVerb('AWAY', args[0]));
    const { grants, queue } = await stage.status();
    expect(grants).toHaveLength(1);
    expect(queue.asks).toEqual([]);
  });

  it('holds back a request that waited when it was locked: nobody can approve it until the person is back', async () => {
    const ui = await stage.product.openUi();
    const asking = ended(stage.product.start(['run', '-s', 'jobs', '--', 'true']));
    const { id } = await ui.prompt();
    stage.desktop.lockScreen();
    await stage.untilState('away');
    await expect(ui.approve(id)).rejects.toThrow();
    expect((await stage.status()).queue.asks).toMatchObject([{ id, answerableAt: null }]);

    stage.desktop.unlockScreen();
    await stage.untilState('open');
    await ui.approve(id);
    expect(await asking).toMatchObject({ code: 0 });
  });
});

describe('limits of a policy', () => {
  it('end the grace of a run that goes on behind a locked screen, and idleness is Away by itself', async () => {
    const stage = await setStage({ limits: ['awayGrace: 10 s', 'idle: 30 s'] });
    try {
      // Whoever looks at the page is there.
      const ui = await stage.product.openUi();
      await ui.post('/v1/attend');
      const run = await startRun(stage.product);
      stage.desktop.lockScreen();
      const locked = Date.now();
      await stage.untilState('away');
      expect(await run.ask()).toMatchObject(success);
      await wait(Math.max(0, locked + 10_500 - Date.now()));
      expect(await run.ask()).toMatchObject(refusal('AWAY'));

      stage.desktop.unlockScreen();
      await stage.untilState('open');
      expect(await run.ask()).toMatchObject(success);
      expect((await stage.untilState('away')).lock).toMatchObject({ why: 'idle' });
      await ui.post('/v1/attend');
      expect((await stage.status()).lock.state).toBe('open');
      await run.end();
    } finally {
      await stage.close();
    }
  });

  it('lock a day after the sign-in, however short the policy says a day is; a sign-in begins the next', async () => {
    const stage = await setStage({ limits: ['dailyCap: 20 s'] });
    try {
      const run = await startRun(stage.product);
      expect((await stage.untilState('locked')).lock).toMatchObject({ why: 'daily-cap', unlockBy: ['sign-in'] });
      expect(await run.ask()).toMatchObject(refusal('LOCKED'));
      await signInOnly(stage.product);
      expect(await run.ask()).toMatchObject(success);
      expect((await stage.status()).lock.state).toBe('open');
      // The cap counts from the last sign-in, not from the first one.
      const first = (await stage.status()).lock.locksAt;
      await signInOnly(stage.product);
      const { state, locksAt } = (await stage.status()).lock;
      expect(state).toBe('open');
      expect(Date.parse(locksAt ?? '')).toBeGreaterThan(Date.parse(first ?? ''));
      await run.end();
    } finally {
      await stage.close();
    }
  });

  it('lock when the machine goes to sleep', async () => {
    const stage = await setStage({ limits: ['lockOnSuspend: true'] });
    try {
      const run = await startRun(stage.product);
      expect(await run.ask()).toMatchObject(success);
      stage.desktop.goToSleep();
      expect((await stage.untilState('locked')).lock).toMatchObject({ why: 'suspend' });
      expect(await run.ask()).toMatchObject(refusal('LOCKED'));
      // A screen that is unlocked proves nobody.
      stage.desktop.lockScreen();
      stage.desktop.unlockScreen();
      expect(await stage.product.lakepass(['unlock'])).toMatchObject({ code: 3 });
      expect((await stage.status()).lock.state).toBe('locked');
      await run.end();
    } finally {
      await stage.close();
    }
  });
});

describe('`lakepass lock` over a vault that the keychain alone seals', () => {
  let stage: Stage;
  let run: RunOnDemand;
  beforeAll(async () => {
    stage = await setStage({ keychain: true });
    run = await startRun(stage.product);
  });
  afterAll(() => stage.close());

  const sealedSession = () => join(stage.product.home, '.local/share/lakepass/vault/session-acme.sealed');

  it('refuses every call, and the refresh token is gone from the disk', async () => {
    expect(await run.ask()).toMatchObject(success);
    expect(existsSync(sealedSession())).toBe(true);
    expect(await stage.product.lakepass(['lock'])).toMatchObject({ code: 0, stdout: expect.stringContaining('locked') });
    expect(existsSync(sealedSession())).toBe(false);
    expect(await run.ask()).toMatchObject(refusal('LOCKED'));
    await expect.poll(run.said).toContain('[LOCKED');
    for (const args of [
      ['token', '-s', 'sql'],
      ['run', '-s', 'sql', '--', 'true'],
      ['env', '-s', 'sql'],
    ])
      expect(await stage.product.lakepass(args), args.join(' ')).toMatchObject(refusedVerb('LOCKED', args[0]));
    const { lock, profiles, next } = await stage.status();
    expect(lock).toMatchObject({ state: 'locked', why: 'command', unlockBy: ['sign-in'] });
    expect(profiles[0]?.session).toMatchObject({ phase: 'locked', survivesRestart: false });
    expect(next).toBe('lakepass unlock');
  });

  it('is opened by the same person, whose runs go on at the same address', async () => {
    await signInOnly(stage.product);
    expect((await stage.status()).lock.state).toBe('open');
    expect(existsSync(sealedSession())).toBe(true);
    expect(await run.ask()).toMatchObject(success);
  });

  it('is opened by somebody else, who inherits nothing', async () => {
    await stage.product.lakepass(['lock']);
    await signInOnly(stage.product, 'bob');
    expect(await run.ask()).toMatchObject({ status: 403, body: { error: expect.stringMatching(/^GRANT_/) } });
    await expect.poll(run.said).toContain('other-person');
    const { grants } = (await stage.product.json('grants')) as { grants: { state: string }[] };
    expect(grants.map(({ state }) => state)).toEqual(['revoked']);
    await run.end();
  });
});
