/** The steps in their order, the default profile as the UI writes it, and the query of our own: what is asked, shown, ended and never told. */
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { AppError } from '../../../main/app-error.ts';
import type { Grant } from '../../../main/grant/grants.ts';
import { Secret } from '../../../main/secret.ts';
import { createSetup } from '../../../main/setup/setup.ts';
import type { LockState } from '../../../preload/contract/lock.ts';
import type { SessionView } from '../../../preload/contract/session.ts';
import { defaultRequestSchema, queryViewSchema, setupViewSchema } from '../../../preload/contract/setup.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { HOST, nobody, profileNamed, signedIn } from '../agent/setting.ts';
import { json } from '../databricks/scripted-workspace.ts';
import { machine } from '../grant/setting.ts';

const secret = 'S'.repeat(43);
const request = defaultRequestSchema.parse({});

/** What the page does: the change is shown, and that change is written. */
async function write({ calls, by }: Pick<ReturnType<typeof stage>, 'calls' | 'by'>) {
  const { digest } = await calls['setup/default'](request, by);
  return calls['setup/default/write']({ ...request, digest: String(digest) }, by);
}

/** @param steps what the workspace answers, in order */
function stage(steps: (Response | Promise<Response>)[] = []) {
  const folder = mkdtempSync(join(tmpdir(), 'lakepass-setup-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const state = join(folder, 'state');
  mkdirSync(state, { mode: 0o700 });
  const clock = fakeClock();
  const processes = machine();
  const by = processes.callerOf(processes.start({ executable: '/usr/bin/chromium' }));
  const live = new Map<string, Grant>();
  const endings: ((grant: Grant, why: 'revoked') => void)[] = [];
  const locks: ((state: LockState) => unknown)[] = [];
  const all = {
    ...{ folder, clock, by, live, ended: [] as string[], asked: [] as Record<string, unknown>[], changes: 0 },
    session: signedIn('00u1') as SessionView,
    profiles: [profileNamed('acme')],
    hasKey: true,
    python: null as { path: string; version: string } | null,
    approve: (): Promise<void> => Promise.resolve(),
    adopt: async (): Promise<boolean> => {
      all.profiles = [profileNamed('acme')];
      return true;
    },
    lock: (to: LockState): unknown[] => locks.map((listener) => listener(to)),
    end(id: string) {
      const grant = live.get(id);
      if (grant === undefined) return false;
      live.delete(id);
      all.ended.push(id);
      for (const listener of endings) listener(grant, 'revoked');
      return true;
    },
  };
  let made = 0;
  const grant = (wanted: Record<string, unknown>) => {
    made += 1;
    const id = `g0000000${made}`;
    const granted = { id, state: 'live', workspace: HOST, ...wanted } as unknown as Grant;
    live.set(id, granted);
    return { grant: granted, secret: new Secret(secret) };
  };
  const setup = createSetup({
    ...{ clock, random: randomBytes, log: () => undefined, env: {}, home: folder },
    places: { config: join(folder, 'config', 'config.yaml'), state },
    async fetch(_, init) {
      const step = steps.shift();
      if (step === undefined) throw new TypeError('nothing more is answered here');
      const gone = new Promise<never>((_resolve, reject) => init?.signal?.addEventListener('abort', () => reject(init.signal?.reason)));
      return Promise.race([step, gone]);
    },
    companies: () => all.profiles.map((profile) => ({ profile, session: { view: () => all.session } })),
    company: (name) => {
      const profile = all.profiles.find((each) => name === undefined || each.name === name);
      if (profile === undefined) throw new AppError(all.profiles.length === 0 ? 'CONFIG_MISSING' : 'PROFILE_UNKNOWN');
      return { profile };
    },
    async make(wanted, _, { signal }) {
      all.asked.push(wanted);
      const gone = new Promise<never>((_resolve, reject) =>
        signal.addEventListener('abort', () => reject(new AppError('CONSENT_UNANSWERED'))),
      );
      await Promise.race([all.approve(), gone]);
      return grant(wanted);
    },
    makeForFile: async (wanted) => grant(wanted),
    grants: {
      find: (found) => (found === secret ? [...live.values()].at(-1) : undefined),
      end: async (id) => all.end(id),
      onEnd: (listener) => void endings.push(listener),
    },
    grantUrl: (hidden) => `http://127.0.0.1:23456/v1/metadata/${hidden.reveal()}`,
    port: () => 23456,
    token: async () => ({ access_token: 'eyJ-secret-token', token_type: 'Bearer', expiry: '2026-01-01T00:00:00.0+00:00', expires_in: 60 }),
    inspect: async () => by,
    lock: { onChange: (listener) => void locks.push((to) => listener(to, null)) },
    hasKey: () => all.hasKey,
    adopt: () => all.adopt(),
    changed() {
      all.changes += 1;
    },
    search: async () => ({ python: all.python, why: all.python === null ? 'No Python was found on this machine.' : null }),
  });
  const query = async (start = false) => queryViewSchema.parse(await setup.calls['setup/query']({ start }, by));
  const settled = async () => {
    for (let turns = 0; turns < 50; turns += 1) await clock.advance(0);
  };
  return Object.assign(all, {
    setup,
    calls: setup.calls,
    query,
    settled,
    cfg: join(folder, '.databrickscfg'),
    config: join(folder, 'config', 'config.yaml'),
  });
}

const view = async ({ calls, by }: ReturnType<typeof stage>) => setupViewSchema.parse(await calls.setup({}, by));
const answers = (): Response[] => [
  json({ warehouses: [{ id: 'w', state: 'RUNNING' }] }),
  json({
    statement_id: 's',
    status: { state: 'SUCCEEDED' },
    manifest: { schema: { columns: [{ name: 'who' }, { name: 'today' }] } },
    result: { data_array: [['alice', '2026-01-05']] },
  }),
];

describe('the steps', () => {
  it('come in their order, and each is over once it is done', async () => {
    const all = stage(answers());
    all.profiles = [];
    expect((await view(all)).next).toBe('profile');
    const few = { from: 'issuer', name: 'acme', issuer: 'https://idp.example', clientId: 'x', workspace: HOST, test: false } as const;
    all.session = nobody;
    expect(await all.calls['setup/profile'](few, all.by)).toMatchObject({ next: 'sign-in' });
    all.session = signedIn('00u1');
    all.hasKey = false;
    expect((await view(all)).next).toBe('key');
    all.hasKey = true;
    expect((await view(all)).next).toBe('default');
    await write(all);
    expect((await view(all)).next).toBe('query');
    await all.query(true);
    await all.settled();
    expect((await view(all)).next).toBeNull();
  });

  it('come back to the default profile once its grant has ended', async () => {
    const all = stage();
    await write(all);
    expect((await view(all)).next).toBe('query');
    all.end('g00000001');
    expect((await view(all)).next).toBe('default');
    await write(all);
    expect((await view(all)).next).toBe('query');
  });
});

describe('the first profile', () => {
  const few = { from: 'issuer', name: 'acme', issuer: 'https://idp.example', clientId: 'x', workspace: HOST, test: false } as const;

  it('is not written where profiles are in use already', async () => {
    const all = stage();
    await expect(all.calls['setup/profile'](few, all.by)).rejects.toMatchObject({ code: 'CONFIG_EXISTS', reason: 'in-use' });
    expect(existsSync(all.config)).toBe(false);
  });

  it('does not stand in the way of the next try where it cannot be taken into use', async () => {
    const all = stage();
    all.profiles = [];
    all.adopt = async () => {
      throw new AppError('VAULT_CORRUPT');
    };
    await expect(all.calls['setup/profile'](few, all.by)).rejects.toMatchObject({ code: 'VAULT_CORRUPT' });
    expect(existsSync(all.config)).toBe(false);
    // One that was approved is lost: another does not take its place.
    all.adopt = async () => false;
    await expect(all.calls['setup/profile'](few, all.by)).rejects.toMatchObject({ code: 'CONFIG_EXISTS' });
    expect(existsSync(all.config)).toBe(false);
  });
});

describe('the default profile', () => {
  it('is shown before it is written, and never its address', async () => {
    const all = stage();
    writeFileSync(all.cfg, '[DEFAULT]\nhost = https://old.example\ntoken = dapi-old\n', { mode: 0o600 });
    const preview = await all.calls['setup/default'](request, all.by);
    expect(preview).toMatchObject({ section: 'DEFAULT', written: false, canUndo: false });
    expect(readFileSync(all.cfg, 'utf8')).toContain('dapi-old');
    expect(all.live.size).toBe(0);
    const written = await write(all);
    expect(written).toMatchObject({ written: true, canUndo: true, backup: join(all.folder, 'state', 'databrickscfg.before') });
    expect(readFileSync(all.cfg, 'utf8')).toContain(secret);
    expect(JSON.stringify([preview, written, await view(all)])).not.toMatch(/SSSS|dapi-old/);
    expect((await view(all)).databrickscfg.sections).toEqual([{ name: 'DEFAULT', host: HOST, auth: 'metadata-service', ours: true }]);
  });

  it('is taken back to the byte, and its grant ends', async () => {
    const all = stage();
    const before = '\ufeff; mine\r\n[DEFAULT]\r\ntoken = dapi-old';
    writeFileSync(all.cfg, before, { mode: 0o600 });
    await write(all);
    expect(await all.calls['setup/default/undo']({}, all.by)).toMatchObject({ section: 'DEFAULT', canUndo: false });
    expect(readFileSync(all.cfg, 'utf8')).toBe(before);
    expect(all.ended).toEqual(['g00000001']);
  });

  it('is written as it was shown, or not at all', async () => {
    const all = stage();
    writeFileSync(all.cfg, '[DEFAULT]\nhost = https://old.example\ntoken = dapi-old\n', { mode: 0o600 });
    const { digest } = await all.calls['setup/default'](request, all.by);
    const shown = { ...request, digest: String(digest) };
    const others = '[DEFAULT]\nhost = https://old.example\ntoken = dapi-new\n';
    writeFileSync(all.cfg, others);
    const refusal = { code: 'DATABRICKSCFG_CHANGED', reason: 'shown' };
    await expect(all.calls['setup/default/write'](shown, all.by)).rejects.toMatchObject(refusal);
    // Nor is what was shown of one profile written to another.
    const again = await all.calls['setup/default'](request, all.by);
    const other = { ...request, section: 'other', digest: String(again.digest) };
    await expect(all.calls['setup/default/write'](other, all.by)).rejects.toMatchObject(refusal);
    expect([readFileSync(all.cfg, 'utf8'), all.live.size]).toEqual([others, 0]);
    expect(await all.calls['setup/default/write']({ ...request, digest: String(again.digest) }, all.by)).toMatchObject({ written: true });
  });

  it('leaves no grant behind that is written nowhere', async () => {
    const all = stage();
    const { digest } = await all.calls['setup/default'](request, all.by);
    // Its temporary file has nowhere to go.
    const asked = all.calls['setup/default/write']({ ...request, digest: String(digest) }, all.by);
    rmSync(join(all.folder, 'state'), { recursive: true });
    writeFileSync(join(all.folder, 'state'), '');
    await expect(asked).rejects.toMatchObject({ code: 'DISK_FULL' });
    expect(all.live.size).toBe(0);
  });

  it('says of a file that cannot be used only that it is there, until it is tried', async () => {
    const all = stage();
    writeFileSync(all.cfg, '');
    chmodSync(all.cfg, 0o666);
    expect((await view(all)).databrickscfg).toEqual({ file: all.cfg, exists: true, sections: [], canUndo: false });
    await expect(all.calls['setup/default'](request, all.by)).rejects.toMatchObject({ code: 'DATABRICKSCFG_UNSAFE' });
  });
});

describe('the query without a Python', () => {
  it('is asked about like any other program, runs, says why it is no notebook, and gives its grant back', async () => {
    const all = stage(answers());
    const yes = Promise.withResolvers<void>();
    all.approve = () => yes.promise;
    expect(await all.query(true)).toMatchObject({ state: 'asking', how: 'sql', because: expect.stringContaining('No Python was found') });
    expect(await all.query(true)).toMatchObject({ state: 'asking' });
    await all.settled();
    expect(all.asked).toMatchObject([{ binding: 'run', scopes: ['sql'], workspace: HOST, profile: 'acme' }]);
    yes.resolve();
    await all.settled();
    expect(await all.query()).toMatchObject({ state: 'done', columns: ['who', 'today'], rows: [['alice', '2026-01-05']], failure: null });
    expect([all.live.size, all.ended]).toEqual([0, ['g00000001']]);
    expect(JSON.stringify(await all.query())).not.toContain('eyJ');
    expect(all.changes).toBeGreaterThan(2);
  });

  it('says what the person said', async () => {
    const all = stage();
    all.approve = async () => {
      throw new AppError('CONSENT_DENIED', { reason: 'once' });
    };
    await all.query(true);
    await all.settled();
    expect(await all.query()).toMatchObject({ state: 'failed', failure: { code: 'CONSENT_DENIED' } });
  });

  it('is over when Lakepass is locked, asked or not', async () => {
    const all = stage();
    all.approve = () => new Promise(() => undefined);
    await all.query(true);
    await all.settled();
    await Promise.all(all.lock('locked'));
    expect(await all.query()).toMatchObject({ state: 'failed', failure: { code: 'LOCKED' } });
  });

  it('is over when its grant is ended, as a sign-out does', async () => {
    const all = stage([new Promise<Response>(() => undefined)]);
    await all.query(true);
    await all.settled();
    expect(await all.query()).toMatchObject({ state: 'running' });
    all.end('g00000001');
    await all.settled();
    await all.clock.advance(60_000);
    expect(await all.query()).toMatchObject({ state: 'failed', failure: { code: 'GRANT_REVOKED' } });
  });

  it('can be tried again after it failed', async () => {
    const all = stage([json({}, 401), ...answers()]);
    await all.query(true);
    await all.settled();
    expect(await all.query()).toMatchObject({ state: 'failed', failure: { code: 'TOKEN_NOT_ACCEPTED' } });
    await all.query(true);
    await all.settled();
    expect(await all.query()).toMatchObject({ state: 'done' });
  });

  it('is not begun for a profile that is none', async () => {
    const all = stage();
    all.profiles = [];
    await expect(all.query(true)).rejects.toMatchObject({ code: 'CONFIG_MISSING' });
  });
});

describe('the notebook', () => {
  it('fails by a code where its Python cannot run it, and takes its grant along', async () => {
    const all = stage();
    const path = join(all.folder, 'python');
    writeFileSync(path, '#!/bin/sh\nread task\nexit 3\n');
    chmodSync(path, 0o755);
    all.python = { path, version: '3.12.0' };
    expect(await all.query(true)).toMatchObject({
      how: 'notebook',
      notebook: join(all.folder, 'state', 'sample', 'lakepass-sample.ipynb'),
    });
    for (let tries = 0; (await all.query()).state !== 'failed' && tries < 500; tries += 1)
      await new Promise((done) => setTimeout(done, 10));
    expect(await all.query()).toMatchObject({ state: 'failed', failure: { code: 'NOTEBOOK_FAILED', reason: 'kernel' } });
    expect(all.live.size).toBe(0);
  });
});

describe('an AI agent that drives the page', () => {
  it('sets nothing up, and begins nothing in the name of Lakepass', async () => {
    const all = stage(answers());
    const by = { ...all.by, aiAgent: 'claude' };
    const few = { from: 'issuer', name: 'acme', issuer: 'https://idp.example', clientId: 'x', workspace: HOST, test: false } as const;
    await write(all);
    const before = readFileSync(all.cfg, 'utf8');
    const other = { ...request, section: 'other' };
    const { digest } = await all.calls['setup/default'](other, by);
    const acts = [
      () => all.calls['setup/profile'](few, by),
      () => all.calls['setup/default/write']({ ...other, digest: String(digest) }, by),
      () => all.calls['setup/default/undo']({}, by),
      () => all.calls['setup/query']({ start: true }, by),
    ];
    for (const act of acts) await expect(async () => act()).rejects.toMatchObject({ code: 'CALLER_REFUSED' });
    expect(readFileSync(all.cfg, 'utf8')).toBe(before);
    expect(existsSync(all.config)).toBe(false);
    expect([all.asked, all.ended]).toEqual([[], []]);
    // How it stands is for everybody to see.
    expect(await all.calls['setup/query']({ start: false }, by)).toMatchObject({ state: 'idle' });
  });
});
