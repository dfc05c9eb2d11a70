import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestOf } from '../../../main/grant/grant-index.ts';
import { type GrantRequest, type Grants, openGrants } from '../../../main/grant/grants.ts';
import { hours, later, minutes } from '../../../main/units.ts';
import { type FakeClock, fakeClock } from '../../fakes/fake-clock.ts';
import { type RecordingAudit, recordingAudit } from '../../fakes/recording-audit.ts';

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

const open = async (log?: (event: string) => void) => {
  const grants = await openGrants({ file, clock, audit, random: randomBytes, ...(log ? { log } : {}) });
  opened.push(grants);
  return grants;
};
const wanted = (changes: Partial<GrantRequest> = {}): GrantRequest => ({
  profile: 'acme',
  subject: '00u1',
  workspace: 'https://acme.cloud.databricks.com',
  scopes: ['sql'],
  until: later(clock.now(), hours(8)),
  label: 'jupyter lab',
  approved: 'local-user',
  ...changes,
});
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
        approved: 'local-user',
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
  ] as [string, Partial<GrantRequest>][])('refuses a bad %s (%j)', async (reason, changes) => {
    const grants = await open();
    await expect(grants.create(wanted(changes))).rejects.toMatchObject({ code: 'INPUT_INVALID', reason });
    expect(existsSync(file)).toBe(false);
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
    ['another version', '{"version":2,"grants":[]}'],
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
