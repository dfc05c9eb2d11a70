import { createHmac, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestOf } from '../../../main/grant/grant-index.ts';
import { type GrantRequest, type Grants, openGrants } from '../../../main/grant/grants.ts';
import { hours, later, minutes, seconds } from '../../../main/units.ts';
import { type FakeClock, fakeClock } from '../../fakes/fake-clock.ts';
import { type RecordingAudit, recordingAudit } from '../../fakes/recording-audit.ts';
import { BOOT, grantFor } from './setting.ts';

let folder: string;
let file: string;
let clock: FakeClock;
let audit: RecordingAudit;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lp-grants-'));
  file = join(folder, 'grants.json');
  clock = fakeClock();
  audit = recordingAudit();
});
afterEach(async () => {
  audit.mend();
  await Promise.all(opened.splice(0).map((grants) => grants.close()));
  rmSync(folder, { recursive: true, force: true });
});
const opened: Grants[] = [];

const open = async (log?: (event: string) => void, changes: { bootId?: string; stamp?: (text: string) => string } = {}) => {
  const grants = await openGrants({ file, clock, audit, random: randomBytes, bootId: BOOT, ...changes, ...(log ? { log } : {}) });
  opened.push(grants);
  return grants;
};
const wanted = (changes: Partial<GrantRequest> = {}): GrantRequest => grantFor(clock, changes);
const onDisk = () => readFileSync(file, 'utf8');
const flush = async () => {
  for (let n = 0; n < 50; n++) await new Promise((resolve) => setImmediate(resolve));
};

describe('making a grant', () => {
  it('hands out 256 bits once and keeps only their hash', async () => {
    const grants = await open();
    const { grant, secret } = await grants.create(wanted());
    expect(secret.reveal()).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(onDisk()).not.toContain(secret.reveal());
    expect(onDisk()).toContain(digestOf(secret.reveal()).toString('hex'));
    expect(JSON.stringify([audit.events, grants.list()])).not.toContain(secret.reveal());
    expect(grants.find(secret.reveal())).toBe(grant);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('is in the audit log and on the disk before the secret is handed out', async () => {
    const grants = await open();
    const { grant } = await grants.create(wanted({ scopes: ['sql', 'jobs', 'sql'] }));
    expect(audit.of('grant.created')).toEqual([
      {
        type: 'grant.created',
        grant: grant.id,
        profile: 'acme',
        subject: '00u1',
        workspace: 'https://acme.cloud.databricks.com',
        scopes: ['jobs', 'sql'],
        until: new Date(grant.until).toISOString(),
        label: 'jupyter lab',
        approved: 'click',
        caller: '/usr/bin/lakepass',
        callerKind: 'program',
      },
    ]);
    expect(onDisk()).toContain(grant.id);
  });

  it('makes none when the audit log cannot be written', async () => {
    const grants = await open();
    audit.fail();
    await expect(grants.create(wanted())).rejects.toMatchObject({ code: 'AUDIT_UNWRITABLE' });
    expect(grants.list()).toEqual([]);
  });

  it('makes none when the disk does not take it, and says that it ended', async () => {
    const grants = await open();
    mkdirSync(file);
    await expect(grants.create(wanted())).rejects.toMatchObject({ code: 'DISK_FULL' });
    expect(grants.list()).toEqual([]);
    expect(audit.events.map(({ type }) => type)).toEqual(['grant.created', 'grant.ended']);
    expect(readdirSync(folder)).toEqual(['grants.json']);
  });

  it('refuses an end that is not in the future', async () => {
    const grants = await open();
    await expect(grants.create(wanted({ until: clock.now() }))).rejects.toMatchObject({ code: 'GRANT_LIMIT', reason: 'until' });
  });

  it('refuses more than a thousand live grants', async () => {
    const grants = await open();
    await Promise.all(Array.from({ length: 1000 }, () => grants.create(wanted())));
    await expect(grants.create(wanted())).rejects.toMatchObject({ code: 'GRANT_LIMIT', reason: 'count' });
    await grants.endWhere(() => true, 'revoked');
    await grants.create(wanted());
  });

  it.each([
    ['workspace', { workspace: 'https://acme.cloud.databricks.com/' }],
    ['workspace', { workspace: 'acme' }],
    ['scopes', { scopes: [] }],
    ['scopes', { scopes: [''] }],
    ['label', { label: 'a\nb' }],
    ['label', { label: '\u001b[2J' }],
    ['label', { label: 'x'.repeat(201) }],
    ['profile', { profile: '' }],
    ['until', { until: Number.NaN }],
    ['issuer', { issuer: '' }],
    ['binding', { binding: { kind: 'run', root: { pid: 0, startTicks: 1 }, cgroup: null } }],
    ['binding', { binding: { kind: 'tree', root: { pid: 7, startTicks: 1.5 } } }],
    ['maker', { maker: { title: '/bin/x', kind: 'root', aiAgent: null } as never }],
  ] as [string, Partial<GrantRequest>][])('refuses a bad %s (%j)', async (reason, changes) => {
    const grants = await open();
    await expect(grants.create(wanted(changes))).rejects.toMatchObject({ code: 'INPUT_INVALID', reason });
    expect(existsSync(file)).toBe(false);
  });
});

describe('the binding of a grant', () => {
  const run = (cgroup: string | null): Partial<GrantRequest> => ({ binding: { kind: 'run', root: { pid: 7, startTicks: 70 }, cgroup } });

  it.each([
    '/user.slice/user-1000.slice/user@1000.service/app.slice/terminal.scope',
    '/',
    '',
    'lakepass-run-1.scope',
    '/lakepass-run-.scope',
    '/lakepass-run-1.scope/below',
    '/lakepass-run-1.service',
    '/x/lakepass-run-a/b.scope',
    '/lakepass-run-1.scope\n',
  ])('is never a cgroup that other programs share (%j)', async (cgroup) => {
    const grants = await open();
    await expect(grants.create(wanted(run(cgroup)))).rejects.toMatchObject({ code: 'INPUT_INVALID', reason: 'binding' });
  });

  it('is never a cgroup by a path that climbs', async () => {
    const grants = await open();
    await expect(grants.create(wanted(run('/a/../lakepass-run-1.scope')))).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });

  it('comes back after a restart with its members, its maker and its issuer', async () => {
    const cgroup = '/user.slice/user@1000.service/app.slice/lakepass-run-k3x.scope';
    const maker = { title: '/usr/bin/claude', kind: 'ai-agent', aiAgent: 'claude' } as const;
    const before = await open();
    const { grant } = await before.create(wanted({ ...run(cgroup), maker }));
    before.keepMembers(grant, [
      { pid: 7, startTicks: 70 },
      { pid: 8, startTicks: 80 },
    ]);
    await clock.advance(seconds(1));
    await before.close();
    expect((await open()).get(grant.id)).toMatchObject({
      state: 'live',
      binding: { kind: 'run', root: { pid: 7, startTicks: 70 }, cgroup },
      members: [
        { pid: 7, startTicks: 70 },
        { pid: 8, startTicks: 80 },
      ],
      maker,
      issuer: 'https://idp.acme.example',
    });
    expect(audit.of('grant.created')[0]).toMatchObject({ caller: '/usr/bin/claude', callerKind: 'ai-agent', aiAgent: 'claude' });
  });

  it('writes new members within a second, once for many', async () => {
    const grants = await open();
    const { grant } = await grants.create(wanted(run(null)));
    const { ino } = statSync(file);
    for (let pid = 10; pid < 60; pid++) grants.keepMembers(grant, [{ pid, startTicks: 1 }]);
    await flush();
    expect(statSync(file).ino).toBe(ino);
    await clock.advance(seconds(1));
    await expect.poll(() => onDisk()).toContain('"pid":59');
  });

  it('remembers at most 256 members, and none once it has ended', async () => {
    const grants = await open();
    const { grant } = await grants.create(wanted(run(null)));
    grants.keepMembers(
      grant,
      Array.from({ length: 1000 }, (_, n) => ({ pid: n + 1, startTicks: 1 })),
    );
    expect(grant.members).toHaveLength(256);
    await grants.end(grant.id, 'run-ended');
    grants.keepMembers(grant, [{ pid: 1, startTicks: 1 }]);
    expect(grant.members).toEqual([]);
  });

  it('to processes of another boot ends when it is read, whoever has their pids now', async () => {
    const before = await open();
    const made = [
      await before.create(wanted(run(null))),
      await before.create(wanted({ binding: { kind: 'tree', root: { pid: 9, startTicks: 90 } } })),
      await before.create(wanted()),
    ];
    await before.close();
    const after = await open(undefined, { bootId: 'another' });
    expect(made.map(({ grant }) => after.get(grant.id)?.state)).toEqual(['revoked', 'revoked', 'live']);
    expect(audit.of('grant.ended').map(({ why }) => why)).toEqual(['program-ended', 'program-ended']);
  });

  it('shows nothing of a program but plain text', async () => {
    const grants = await open();
    const title = `/tmp/\u001b[2J\n${'x'.repeat(5000)}`;
    const { grant } = await grants.create(wanted({ maker: { title, kind: 'program', aiAgent: null } }));
    expect(grant.maker.title).toMatch(/^\P{Cc}*$/u);
    expect(grant.maker.title).toHaveLength(512);
  });

  it('is told to whoever watches processes, once the grant is on the disk', async () => {
    const grants = await open();
    const heard: string[] = [];
    grants.onMade(({ id }) => heard.push(`${id} ${onDisk().includes(id)}`));
    const { grant } = await grants.create(wanted(run(null)));
    expect(heard).toEqual([`${grant.id} true`]);
  });
});

describe('widening a grant', () => {
  it('adds scopes under the same secret, in a new list by which caches can tell', async () => {
    const grants = await open();
    const { grant, secret } = await grants.create(wanted());
    const before = grant.scopes;
    expect(await grants.widen(grant.id, ['unity-catalog', 'jobs', 'sql'], 'tap:k1')).toBe(grant);
    expect(grant.scopes).toEqual(['jobs', 'sql', 'unity-catalog']);
    expect(grant.scopes).not.toBe(before);
    expect(before).toEqual(['sql']);
    expect(grants.find(secret.reveal())).toBe(grant);
    expect((await open()).find(secret.reveal())?.scopes).toEqual(['jobs', 'sql', 'unity-catalog']);
  });

  it('is in the audit log before it takes effect', async () => {
    const grants = await open();
    const { grant } = await grants.create(wanted());
    const { append } = audit;
    let scopesThen: readonly string[] = [];
    audit.append = (event) => {
      scopesThen = grant.scopes;
      append(event);
    };
    await grants.widen(grant.id, ['jobs'], 'click');
    expect(scopesThen).toEqual(['sql']);
    expect(audit.of('grant.widened')).toEqual([{ type: 'grant.widened', grant: grant.id, scopes: ['jobs', 'sql'], approved: 'click' }]);
  });

  it('does nothing where the audit log cannot be written', async () => {
    const grants = await open();
    const { grant } = await grants.create(wanted());
    audit.fail();
    await expect(grants.widen(grant.id, ['jobs'], 'click')).rejects.toMatchObject({ code: 'AUDIT_UNWRITABLE' });
    expect(grant.scopes).toEqual(['sql']);
  });

  it('is undone where the disk does not take it, and the log says so', async () => {
    const grants = await open();
    const { grant } = await grants.create(wanted());
    rmSync(file);
    mkdirSync(file);
    await expect(grants.widen(grant.id, ['jobs'], 'click')).rejects.toMatchObject({ code: 'DISK_FULL' });
    expect(grant.scopes).toEqual(['sql']);
    expect(audit.of('grant.widened').map(({ scopes }) => scopes)).toEqual([['jobs', 'sql'], ['sql']]);
    rmSync(file, { recursive: true });
    await clock.advance(minutes(1));
    await expect.poll(() => existsSync(file) && onDisk()).toContain('"scopes":["sql"]');
  });

  it('by what it has already changes and records nothing', async () => {
    const grants = await open();
    const { grant } = await grants.create(wanted());
    const before = grant.scopes;
    await grants.widen(grant.id, ['sql'], 'click');
    expect(grant.scopes).toBe(before);
    expect(audit.of('grant.widened')).toEqual([]);
  });

  it('is refused once the grant has ended', async () => {
    const grants = await open();
    const { grant: revoked } = await grants.create(wanted());
    const { grant: expired } = await grants.create(wanted({ until: later(clock.now(), minutes(1)) }));
    await grants.end(revoked.id, 'revoked');
    clock.sleepThrough(minutes(2));
    await expect(grants.widen(revoked.id, ['jobs'], 'click')).rejects.toMatchObject({ code: 'GRANT_REVOKED' });
    await expect(grants.widen(expired.id, ['jobs'], 'click')).rejects.toMatchObject({ code: 'GRANT_EXPIRED' });
    await expect(grants.widen('g00000000', ['jobs'], 'click')).rejects.toMatchObject({ code: 'GRANT_UNKNOWN' });
    expect([revoked.scopes, expired.scopes]).toEqual([['sql'], ['sql']]);
  });

  it('stops at 64 scopes', async () => {
    const grants = await open();
    const { grant } = await grants.create(wanted());
    const many = (count: number) => Array.from({ length: count }, (_, n) => `scope-${n}`);
    await expect(grants.widen(grant.id, many(64), 'click')).rejects.toMatchObject({ code: 'GRANT_LIMIT', reason: 'scopes' });
    await grants.widen(grant.id, many(63), 'click');
    expect(grant.scopes).toHaveLength(64);
  });

  it.each([[[]], [['']], [['x'.repeat(101)]]])('is refused for scopes that are none (%j)', async (scopes) => {
    const grants = await open();
    const { grant } = await grants.create(wanted());
    await expect(grants.widen(grant.id, scopes, 'click')).rejects.toMatchObject({ code: 'INPUT_INVALID', reason: 'scopes' });
  });
});

describe('pausing a grant', () => {
  const stamp = (text: string) => createHmac('sha256', 'k').update(text).digest('hex');

  it('is recorded, on the disk and told, and so is letting it go on', async () => {
    const grants = await open();
    const { grant } = await grants.create(wanted());
    const told: boolean[] = [];
    grants.onPause(({ paused }) => told.push(paused));
    expect([grant.paused, await grants.pause(grant.id, true), grant.paused]).toEqual([false, true, true]);
    expect(onDisk()).toContain('"paused":true');
    expect(await grants.pause(grant.id, true)).toBe(false);
    expect(await grants.pause(grant.id, false)).toBe(true);
    expect(onDisk()).toContain('"paused":false');
    expect(told).toEqual([true, false]);
    expect(audit.events.slice(1)).toEqual([
      { type: 'grant.paused', grant: grant.id },
      { type: 'grant.resumed', grant: grant.id },
    ]);
  });

  it('holds over a restart, until the end of the grant and not beyond', async () => {
    const before = await open();
    const { grant } = await before.create(wanted());
    await before.pause(grant.id, true);
    await before.close();
    const grants = await open();
    expect(grants.get(grant.id)).toMatchObject({ paused: true, state: 'live' });
    expect(await grants.end(grant.id, 'revoked')).toBe(true);
    expect(await grants.pause(grant.id, false)).toBe(false);
    await expect(grants.pause('g00000000', true)).rejects.toMatchObject({ code: 'GRANT_UNKNOWN' });
  });

  it('cannot be undone with an editor', async () => {
    const before = await open(undefined, { stamp });
    const { grant } = await before.create(wanted());
    await before.pause(grant.id, true);
    await before.close();
    writeFileSync(file, onDisk().replace('"paused":true', '"paused":false'));
    const grants = await open(undefined, { stamp });
    expect(grants.problem?.code).toBe('GRANTS_CORRUPT');
    expect(grants.get(grant.id)).toBeUndefined();
  });

  it('works in a file from before there were pauses', async () => {
    const before = await open(undefined, { stamp });
    const { grant } = await before.create(wanted());
    await before.close();
    const old = JSON.stringify(JSON.parse(onDisk()).grants).replace('"paused":false,', '');
    writeFileSync(file, `{"version":2,"grants":${old},"stamp":"${stamp(old)}"}`);
    expect((await open(undefined, { stamp })).get(grant.id)).toMatchObject({ paused: false, state: 'live' });
  });

  it('holds at once where log and disk take nothing; both get it when they can', async () => {
    const grants = await open();
    const { grant } = await grants.create(wanted());
    audit.fail();
    rmSync(file);
    mkdirSync(file);
    await expect(grants.pause(grant.id, true)).rejects.toMatchObject({ code: 'DISK_FULL' });
    expect(grant.paused).toBe(true);
    audit.mend();
    rmSync(file, { recursive: true });
    await clock.advance(seconds(60));
    await expect.poll(() => existsSync(file) && onDisk()).toContain('"paused":true');
    expect(audit.of('grant.paused')).toHaveLength(1);
  });

  it('is not taken back where log or disk take nothing', async () => {
    const grants = await open();
    const { grant } = await grants.create(wanted());
    await grants.pause(grant.id, true);
    audit.fail();
    await expect(grants.pause(grant.id, false)).rejects.toMatchObject({ code: 'AUDIT_UNWRITABLE' });
    expect(grant.paused).toBe(true);
    audit.mend();
    rmSync(file);
    mkdirSync(file);
    await expect(grants.pause(grant.id, false)).rejects.toMatchObject({ code: 'DISK_FULL' });
    expect(grant.paused).toBe(true);
    expect(audit.events.map(({ type }) => type)).toEqual(['grant.created', 'grant.paused', 'grant.resumed', 'grant.paused']);
    rmSync(file, { recursive: true });
  });
});

describe('finding a grant', () => {
  it('needs the whole secret', async () => {
    const grants = await open();
    const { secret } = await grants.create(wanted());
    const text = secret.reveal();
    for (const wrong of ['', text.slice(0, -1), `${text}A`, text.toUpperCase(), `${text}=`, encodeURIComponent(`${text}%`), ` ${text}`])
      expect(grants.find(wrong)).toBeUndefined();
    expect(grants.find(text)).toBeDefined();
  });

  it('compares the whole hash, not the part it looks up by', async () => {
    // A file whose hash shares its first half with that of another secret, as a forger of prefixes would want it.
    const guess = 'G'.repeat(43);
    const hash = digestOf(guess).toString('hex');
    const forged = hash.slice(0, 32) + [...hash.slice(32)].map((digit) => (digit === '0' ? '1' : '0')).join('');
    const { grant } = await (await open()).create(wanted());
    writeFileSync(file, onDisk().replace(/"secretHash":"[0-9a-f]{64}"/, `"secretHash":"${forged}"`));
    const grants = await open();
    expect(grants.get(grant.id)).toBeDefined();
    expect(grants.find(guess)).toBeUndefined();
  });
});

describe('the end of a grant', () => {
  it('is told once to whoever listens, written down, and for ever', async () => {
    const grants = await open();
    const { grant, secret } = await grants.create(wanted());
    const heard: string[] = [];
    grants.onEnd(({ id }, why) => heard.push(`${id} ${why}`));
    expect(await grants.end(grant.id, 'run-ended')).toBe(true);
    expect(await grants.end(grant.id, 'revoked')).toBe(false);
    expect(heard).toEqual([`${grant.id} run-ended`]);
    expect(grants.find(secret.reveal())).toMatchObject({ state: 'revoked' });
    expect(audit.of('grant.ended')).toEqual([{ type: 'grant.ended', grant: grant.id, why: 'run-ended' }]);
    expect((await open()).find(secret.reveal())).toMatchObject({ state: 'revoked' });
  });

  it('comes at its time even when no timer has run, as after a sleep', async () => {
    const grants = await open();
    const { secret } = await grants.create(wanted({ until: later(clock.now(), minutes(10)) }));
    clock.sleepThrough(minutes(10) - 1);
    expect(grants.find(secret.reveal())?.state).toBe('live');
    clock.sleepThrough(1);
    expect(grants.find(secret.reveal())?.state).toBe('expired');
  });

  it('does not go away when the clock is set back', async () => {
    const grants = await open();
    const { secret } = await grants.create(wanted({ until: later(clock.now(), minutes(10)) }));
    const start = clock.now();
    clock.set(start + minutes(11));
    expect(grants.find(secret.reveal())?.state).toBe('expired');
    clock.set(start);
    expect(grants.find(secret.reveal())?.state).toBe('expired');
  });

  it('is noticed by a timer, without anybody asking', async () => {
    const grants = await open();
    const heard: string[] = [];
    grants.onEnd((_grant, why) => heard.push(why));
    await grants.create(wanted({ until: later(clock.now(), minutes(10)) }));
    await clock.advance(minutes(10));
    expect(heard).toEqual(['expired']);
    expect(audit.of('grant.ended')).toHaveLength(1);
  });

  it('is remembered for a week', async () => {
    const grants = await open();
    const { grant, secret } = await grants.create(wanted());
    await grants.end(grant.id, 'revoked');
    clock.sleepThrough(hours(7 * 24));
    expect(grants.list()).toHaveLength(1);
    expect(grants.find(secret.reveal())?.state).toBe('revoked');
    clock.sleepThrough(1);
    expect(grants.list()).toEqual([]);
    expect(grants.find(secret.reveal())).toBeUndefined();
  });

  it('ends all that a predicate names and says how many', async () => {
    const grants = await open();
    await grants.create(wanted());
    await grants.create(wanted({ profile: 'other' }));
    await grants.create(wanted());
    expect(await grants.endWhere(({ profile }) => profile === 'acme', 'signed-out')).toBe(2);
    expect(await grants.endWhere(({ profile }) => profile === 'acme', 'signed-out')).toBe(0);
    expect(grants.list().map(({ state }) => state)).toEqual(['revoked', 'live', 'revoked']);
  });

  it('happens at once although the disk refuses, says so, and reaches the disk as soon as it can', async () => {
    const grants = await open();
    const { grant, secret } = await grants.create(wanted());
    rmSync(file);
    mkdirSync(file);
    await expect(grants.end(grant.id, 'revoked')).rejects.toMatchObject({ code: 'DISK_FULL' });
    expect(grants.find(secret.reveal())?.state).toBe('revoked');
    rmSync(file, { recursive: true });
    await clock.advance(minutes(1));
    await expect.poll(() => existsSync(file) && onDisk()).toContain('"state":"revoked"');
  });

  it('happens although the audit log cannot be written, which gets the record later', async () => {
    const grants = await open();
    const { grant } = await grants.create(wanted());
    audit.fail();
    expect(await grants.end(grant.id, 'revoked')).toBe(true);
    audit.mend();
    await clock.advance(minutes(1));
    expect(audit.of('grant.ended')).toHaveLength(1);
  });
});

describe('the file of grants', () => {
  it('brings grants back after a restart, with their secrets and their use', async () => {
    const before = await open();
    const { grant, secret } = await before.create(wanted());
    clock.set(clock.now() + 5000);
    before.used(grant);
    before.used(grant);
    await before.close();
    const after = await open();
    expect(after.problem).toBeNull();
    expect(after.find(secret.reveal())).toMatchObject({ id: grant.id, state: 'live', served: 2, lastUsedAt: clock.now() });
  });

  it('is written at most once a minute for mere use', async () => {
    const grants = await open();
    const { grant } = await grants.create(wanted());
    const { ino } = statSync(file);
    for (let n = 0; n < 1000; n++) grants.used(grant);
    await flush();
    expect(statSync(file).ino).toBe(ino);
    await clock.advance(minutes(1));
    await expect.poll(() => onDisk()).toContain('"served":1000');
  });

  it('ends a grant that expired while nobody was there', async () => {
    const { secret } = await (await open()).create(wanted());
    clock.sleepThrough(hours(9));
    expect((await open()).find(secret.reveal())?.state).toBe('expired');
    expect(audit.of('grant.ended')).toHaveLength(1);
  });

  it.each([
    ['nothing', ''],
    ['half a file', '{"version":1,"grants":[{"id":"g'],
    ['another version', '{"version":3,"grants":[]}'],
    ['a list', '[]'],
    ['a field too many', '{"version":1,"grants":[],"admin":true}'],
    ['a grant without a hash', '{"version":1,"grants":[{"id":"g12345678"}]}'],
    ['binary rubbish', '\0\0\0'],
  ])('is set aside, not deleted, where it holds %s', async (_name, text) => {
    writeFileSync(file, text);
    const logged: string[] = [];
    const grants = await open((event) => logged.push(event));
    expect(grants.problem).toMatchObject({ code: 'GRANTS_CORRUPT' });
    expect(logged).toEqual(['grants.set-aside']);
    const aside = readdirSync(folder).filter((name) => /^grants\.json\.corrupt-[0-9a-f]{8}$/.test(name));
    expect(aside).toHaveLength(1);
    expect(readFileSync(join(folder, aside[0] ?? ''), 'utf8')).toBe(text);
    await grants.create(wanted());
    expect((await open()).problem).toBeNull();
  });

  it('of the first version is read, and its grants, bound to nothing, have ended', async () => {
    const before = await open();
    const { grant, secret } = await before.create(wanted());
    await before.close();
    const old = JSON.parse(onDisk());
    for (const each of old.grants) for (const name of ['issuer', 'binding', 'maker', 'members', 'bootId']) delete each[name];
    writeFileSync(file, JSON.stringify({ version: 1, grants: old.grants }));
    const grants = await open();
    expect(grants.problem).toBeNull();
    expect(grants.find(secret.reveal())).toMatchObject({ id: grant.id, state: 'revoked' });
    expect(audit.of('grant.ended').map(({ why }) => why)).toEqual(['program-ended']);
    await grants.close();
    const again = await open();
    expect(again.problem).toBeNull();
    expect(again.get(grant.id)?.state).toBe('revoked');
  });

  it('that somebody else has written is set aside where files are stamped', async () => {
    const stamp = (text: string): string => createHmac('sha256', 'key').update(text).digest('hex');
    const first = await open(undefined, { stamp });
    const { grant, secret } = await first.create(wanted());
    await first.close();
    const second = await open(undefined, { stamp });
    expect(second.find(secret.reveal())?.scopes).toEqual(['sql']);
    await second.close();
    writeFileSync(file, onDisk().replace('"scopes":["sql"]', '"scopes":["secrets","sql"]'));
    const third = await open(undefined, { stamp });
    expect(third.problem).toMatchObject({ code: 'GRANTS_CORRUPT' });
    expect(third.get(grant.id)).toBeUndefined();
  });

  it('does not follow a symbolic link in its place', async () => {
    const elsewhere = join(folder, 'elsewhere');
    writeFileSync(elsewhere, '{"version":1,"grants":[]}');
    symlinkSync(elsewhere, file);
    const grants = await open();
    expect(grants.problem).toMatchObject({ code: 'GRANTS_CORRUPT' });
    await grants.create(wanted());
    expect(readFileSync(elsewhere, 'utf8')).toBe('{"version":1,"grants":[]}');
  });

  it('stays whole when many write at once', async () => {
    const grants = await open();
    const made = await Promise.all(Array.from({ length: 50 }, () => grants.create(wanted())));
    await Promise.all(made.slice(0, 25).map(({ grant }) => grants.end(grant.id, 'revoked')));
    const again = await open();
    expect(made.map(({ secret }) => again.find(secret.reveal())?.state)).toEqual([...Array(25).fill('revoked'), ...Array(25).fill('live')]);
  });

  it('leaves no timer behind when it is closed', async () => {
    const grants = await open();
    const { grant } = await grants.create(wanted());
    grants.used(grant);
    await grants.close();
    expect(clock.pending).toBe(0);
  });
});
