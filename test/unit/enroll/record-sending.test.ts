/** A company is told of a device whenever something is new, once, and by nobody whom it has revoked. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { BundleInput } from '../../../main/enroll/bundle-schema.ts';
import { readRecord } from '../../../main/enroll/device-record.ts';
import type { Held, Person } from '../../../main/enroll/enrollment.ts';
import { openRecordSending } from '../../../main/enroll/record-sending.ts';
import { minutes, seconds } from '../../../main/units.ts';
import { memoryVault } from '../../../main/vault/memory-vault.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { recordingAudit } from '../../fakes/recording-audit.ts';
import { enrol, setting as passkeys } from '../passkey/setting.ts';
import { ada, bob, heldBy, machine, newDevice } from './record-setting.ts';
import { signingKey } from './setting.ts';

const root = mkdtempSync(join(tmpdir(), 'lakepass-records-'));
afterAll(() => rmSync(root, { recursive: true }));
let made = 0;
const freshPath = (): string => {
  made += 1;
  return join(root, `f${made}`);
};
const freshFolder = (): string => {
  const path = freshPath();
  mkdirSync(path);
  return path;
};

const ADDRESS = 'https://records.acme.example/in?code=hidden';

async function setting(records: BundleInput['records'] = { folder: freshFolder() }) {
  const [key, device] = await Promise.all([signingKey(), newDevice()]);
  const held = (changes: Partial<BundleInput> = {}): Held => heldBy(device, key, { ...(records ? { records } : {}), ...changes });
  const state = { held: held() as Held | null, people: [] as Person[], revoked: false, machine };
  const clock = fakeClock();
  const audit = recordingAudit();
  const vault = memoryVault();
  const logged: string[] = [];
  const tapKeys = await passkeys().start();
  const posted: { url: string; body: string; type: string | null; redirect: string | undefined }[] = [];
  const host = { answer: async (_: AbortSignal): Promise<Response> => new Response(null, { status: 204 }) };
  const fetch: typeof globalThis.fetch = async (url, init) => {
    const { signal } = init ?? {};
    const answer = await host.answer(signal as AbortSignal);
    posted.push({
      url: String(url),
      body: String(init?.body),
      type: new Headers(init?.headers).get('content-type'),
      redirect: init?.redirect,
    });
    return answer;
  };
  const open = () =>
    openRecordSending({
      ...{ enrollment: { held: () => state.held, isRevoked: () => state.revoked }, tapKeys, people: () => state.people },
      ...{ machine: state.machine, vault, fetch, clock, random: randomBytes, audit, log: (event) => void logged.push(event) },
    });
  const sending = await open();
  const folder = records !== undefined && 'folder' in records ? records.folder : '';
  const files = (): string[] => readdirSync(folder).sort();
  const newest = async () => {
    const name = files().at(-1) ?? '';
    const read = await readRecord(readFileSync(join(folder, name)));
    if (typeof read === 'string') throw new Error(read);
    return read;
  };
  return { state, held, device, clock, audit, vault, logged, tapKeys, posted, host, open, sending, folder, files, newest };
}

describe('a record', () => {
  it('is made at enrolment, at a sign-in, with keys, a bundle and a version that are new, and for nothing else', async () => {
    const { sending, state, tapKeys, held, files, newest, clock, open, device } = await setting();
    const told = async (changes: object): Promise<void> => {
      await clock.advance(1000);
      const before = files().length;
      await sending.follow();
      expect(files()).toHaveLength(before + 1);
      expect((await newest()).record).toMatchObject(changes);
      await sending.follow();
      expect(files()).toHaveLength(before + 1);
    };
    await told({ person: null, keys: [], deviceId: device.id });
    state.people = [ada];
    await told({ person: ada, keys: [] });
    const { view } = await enrol(tapKeys, {}, '', ada);
    await told({ keys: [{ id: view.id }] });
    state.held = held({ revision: 2 });
    await told({ policy: { revision: 2 } });
    await tapKeys.reportLost(view.id);
    await told({ keys: [] });
    state.machine = { ...machine, app: '2.0.0' };
    await clock.advance(1000);
    const count = files().length;
    await (await open()).follow();
    expect(files()).toHaveLength(count + 1);
    expect((await newest()).record.app).toBe('2.0.0');
  });

  it('is signed by the device, lies there whole and is for its collectors alone', async () => {
    const { sending, device, folder, files, newest } = await setting();
    await sending.follow();
    expect(files()).toEqual([`${device.id}-2026-01-05T09-00-00-000Z.jws`]);
    expect(statSync(join(folder, files()[0] ?? '')).mode & 0o777).toBe(0o640);
    expect((await newest()).deviceKey).toBe(device.thumbprint);
  });

  it('tells nothing of another person’s keys, nor of who was signed in before', async () => {
    const { sending, state, tapKeys, newest, clock } = await setting();
    await enrol(tapKeys, {}, '', ada);
    const { view } = await enrol(tapKeys, {}, '', bob);
    state.people = [bob, ada];
    await sending.follow();
    const { record } = await newest();
    expect(record).toMatchObject({ person: bob, keys: [{ id: view.id }] });
    expect(JSON.stringify(record)).not.toContain(ada.username);
    // Signed out, or locked: still the one whose device it is, so nothing is new.
    state.people = [];
    await clock.advance(1000);
    await sending.follow();
    expect((await newest()).record).toEqual(record);
  });

  it('to another company tells nothing of who was told to the one before', async () => {
    const { sending, state, held, newest, clock } = await setting();
    state.people = [ada];
    await sending.follow();
    state.people = [];
    state.held = held({ bundleId: '11111111-6f3a-4a1c-9d4e-2b7c8a1d0e55' });
    await clock.advance(1000);
    await sending.follow();
    expect((await newest()).record).toMatchObject({ person: null, bundleId: '11111111-6f3a-4a1c-9d4e-2b7c8a1d0e55' });
    expect(sending.view()?.fields).toMatchObject({ person: null });
  });

  it('is shown to the letter once it is delivered, and is in the audit log', async () => {
    const { sending, state, newest, audit, device, folder } = await setting();
    state.people = [ada];
    expect(sending.view()).toEqual({ to: folder, sentAt: null, problem: null, waiting: 0, fields: null });
    const told: number[] = [];
    sending.onChange(() => told.push(1));
    await sending.follow();
    const { record } = await newest();
    expect(sending.view()).toEqual({ to: folder, sentAt: '2026-01-05T09:00:00.000Z', problem: null, waiting: 0, fields: record });
    expect(told).toHaveLength(1);
    const digest = expect.stringMatching(/^[0-9a-f]{64}$/);
    expect(audit.of('device.record-sent')).toEqual([
      { type: 'device.record-sent', organization: 'Acme', device: device.id, to: folder, revision: 1, digest },
    ]);
  });

  it('is nobody’s where the company asks for none', async () => {
    const { sending, state, posted, audit, clock, held } = await setting();
    state.held = held();
    delete (state.held.bundle as { records?: unknown }).records;
    await sending.follow();
    expect([sending.view(), posted, audit.events, clock.pending]).toEqual([null, [], [], 0]);
    state.held = null;
    await sending.follow();
    expect(sending.view()).toBeNull();
  });

  it('is made no more once the device is revoked', async () => {
    const { sending, state, files, held, clock } = await setting();
    await sending.follow();
    state.revoked = true;
    state.held = held({ revision: 2 });
    await clock.advance(1000);
    await sending.follow();
    expect(files()).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  it('is forgotten when the company is left', async () => {
    const { sending, state, vault } = await setting();
    await sending.follow();
    expect(await vault.names()).toContain('device-record');
    state.held = null;
    await sending.follow();
    expect(await vault.names()).not.toContain('device-record');
  });
});

describe('a folder', () => {
  it('that is not there is not made, and is tried again until it is', async () => {
    const folder = freshPath();
    const { sending, clock, files } = await setting({ folder });
    await sending.follow();
    expect(sending.view()).toMatchObject({ waiting: 1, sentAt: null, problem: { code: 'RECORD_NOT_SENT', reason: 'folder-missing' } });
    expect(readdirSync(root)).not.toContain(folder.slice(root.length + 1));
    mkdirSync(folder);
    await clock.advance(seconds(50));
    await sending.follow();
    expect(files()).toHaveLength(1);
    expect(sending.view()).toMatchObject({ waiting: 0, problem: null });
    expect(clock.pending).toBe(0);
  });

  it.each<[string, (target: string) => string]>([
    [
      'is a link',
      (target) => {
        const link = freshPath();
        symlinkSync(target, link);
        return link;
      },
    ],
    [
      'lies behind one',
      (target) => {
        const link = freshPath();
        mkdirSync(join(target, 'in'));
        symlinkSync(target, link);
        return join(link, 'in');
      },
    ],
  ])('that %s gets nothing', async (_, linkTo) => {
    const target = freshFolder();
    const { sending } = await setting({ folder: linkTo(target) });
    await sending.follow();
    expect(sending.view()?.problem).toMatchObject({ code: 'RECORD_NOT_SENT', reason: 'folder-link' });
    expect(readdirSync(target, { recursive: true }).filter((name) => String(name).endsWith('.jws'))).toEqual([]);
  });

  it('that is a file gets nothing', async () => {
    const folder = freshFolder();
    const { sending } = await setting({ folder: join(folder, 'x') });
    const { writeFileSync } = await import('node:fs');
    writeFileSync(join(folder, 'x'), 'mine');
    await sending.follow();
    expect(sending.view()?.problem).toMatchObject({ reason: 'folder-missing' });
    expect(readFileSync(join(folder, 'x'), 'utf8')).toBe('mine');
  });

  it('whose record would lead elsewhere by a link keeps what lies there', async () => {
    const folder = freshFolder();
    const victim = join(freshFolder(), 'mine');
    const { writeFileSync } = await import('node:fs');
    writeFileSync(victim, 'mine');
    const { sending, device, files } = await setting({ folder });
    symlinkSync(victim, join(folder, `${device.id}-2026-01-05T09-00-00-000Z.jws`));
    await sending.follow();
    expect(readFileSync(victim, 'utf8')).toBe('mine');
    expect(files()).toHaveLength(1);
    expect(sending.view()?.problem).toBeNull();
  });
});

describe('an address', () => {
  it('gets the record as it is, and is shown without what may be a secret', async () => {
    const { sending, posted, audit } = await setting({ url: ADDRESS });
    await sending.follow();
    expect(posted).toMatchObject([{ url: ADDRESS, type: 'application/jose', redirect: 'manual' }]);
    expect(typeof (await readRecord(Buffer.from(posted[0]?.body ?? '')))).toBe('object');
    expect(sending.view()).toMatchObject({ to: 'https://records.acme.example/in', waiting: 0 });
    expect(JSON.stringify([audit.events, sending.view()])).not.toContain('hidden');
  });

  it.each<[string, () => Promise<Response>, string]>([
    ['leads elsewhere', async () => new Response(null, { status: 302, headers: { location: 'https://evil.example/' } }), 'redirect'],
    ['does not know the road', async () => new Response('no', { status: 404 }), 'status'],
    ['is in trouble', async () => new Response(null, { status: 503 }), 'status'],
    ['cannot be reached', async () => Promise.reject(new TypeError('fetch failed')), 'line'],
  ])('that %s has not got it, and is asked again', async (_, answer, reason) => {
    const { sending, host, posted, clock, audit, logged } = await setting({ url: ADDRESS });
    host.answer = answer;
    await sending.follow();
    expect(sending.view()).toMatchObject({ waiting: 1, sentAt: null, problem: { code: 'RECORD_NOT_SENT', reason } });
    expect(audit.of('device.record-sent')).toEqual([]);
    await clock.advance(minutes(5));
    // The same problem is told once.
    expect(logged).toEqual(['device-record.not-sent']);
    host.answer = async () => new Response(null, { status: 200 });
    await clock.advance(seconds(50));
    await sending.follow();
    expect(sending.view()).toMatchObject({ waiting: 0, problem: null });
    expect(new Set(posted.map(({ body }) => body)).size).toBe(1);
    expect(clock.pending).toBe(0);
  });

  it('that says nothing is given up after ten seconds', async () => {
    const { sending, host, clock } = await setting({ url: ADDRESS });
    const asked = Promise.withResolvers<void>();
    host.answer = (signal) => {
      asked.resolve();
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    };
    const followed = sending.follow();
    await asked.promise;
    await clock.advance(seconds(10));
    await followed;
    expect(sending.view()?.problem).toMatchObject({ reason: 'time' });
  });

  it('is asked again after pauses that double up to fifty seconds, each at a moment of its own', async () => {
    const { sending, host, clock } = await setting({ url: ADDRESS });
    const asked: number[] = [];
    host.answer = async () => {
      asked.push(clock.now());
      return new Response(null, { status: 500 });
    };
    await sending.follow();
    await clock.advance(minutes(20));
    const pauses = asked.slice(1).map((at, index) => at - (asked[index] ?? 0));
    expect(pauses.length).toBeGreaterThan(24);
    for (const [index, pause] of pauses.entries()) {
      const longest = Math.min(50_000, 2000 * 2 ** index);
      expect(pause).toBeGreaterThanOrEqual(longest / 2);
      expect(pause).toBeLessThanOrEqual(longest);
    }
    expect(new Set(pauses.slice(6)).size).toBeGreaterThan(5);
    sending.close();
    expect(clock.pending).toBe(0);
  });
});

describe('a record that waits', () => {
  it('gives way to a newer one, which alone is delivered', async () => {
    const { sending, state, held, host, posted, clock } = await setting({ url: ADDRESS });
    host.answer = async () => Promise.reject(new TypeError('fetch failed'));
    await sending.follow();
    state.held = held({ revision: 2 });
    await sending.follow();
    expect(sending.view()).toMatchObject({ waiting: 1 });
    host.answer = async () => new Response(null, { status: 200 });
    await clock.advance(seconds(50));
    await sending.follow();
    expect(posted).toHaveLength(1);
    expect(sending.view()?.fields).toMatchObject({ policy: { revision: 2 } });
  });

  it('outlives the process, to the letter', async () => {
    const { sending, host, posted, open } = await setting({ url: ADDRESS });
    const tried: string[] = [];
    host.answer = async () => Promise.reject(new TypeError('fetch failed'));
    await sending.follow();
    sending.close();
    host.answer = async () => new Response(null, { status: 200 });
    const again = await open();
    expect(again.view()).toMatchObject({ waiting: 1, sentAt: null });
    await again.follow();
    await again.follow();
    tried.push(...posted.map(({ body }) => body));
    expect(tried).toHaveLength(1);
    expect(again.view()).toMatchObject({ waiting: 0 });
  });

  it('stays where it was delivered and nobody could write that down', async () => {
    const { sending, audit, posted, clock } = await setting({ url: ADDRESS });
    audit.fail();
    await sending.follow();
    expect(sending.view()).toMatchObject({ waiting: 1, sentAt: null, problem: { code: 'AUDIT_UNWRITABLE' } });
    audit.mend();
    await clock.advance(seconds(2));
    await sending.follow();
    expect(posted).toHaveLength(2);
    expect(audit.of('device.record-sent')).toHaveLength(1);
  });
});
