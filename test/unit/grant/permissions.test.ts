import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Caller, ProcessFacts } from '../../../main/caller/caller.ts';
import type { Answer } from '../../../main/grant/consents.ts';
import { type Grant, type Grants, openGrants } from '../../../main/grant/grants.ts';
import { openPermissions, type Permissions } from '../../../main/grant/permissions.ts';
import { hours, later, minutes, seconds } from '../../../main/units.ts';
import type { Denial, Span } from '../../../preload/contract/consent.ts';
import { type FakeClock, fakeClock } from '../../fakes/fake-clock.ts';
import { recordingAudit } from '../../fakes/recording-audit.ts';
import { BOOT, grantFor, type Machine, machine, python } from './setting.ts';

let folder: string;
let file: string;
let clock: FakeClock;
let pc: Machine;
let grants: Grants;
let permissions: Permissions;
let grant: Grant;
let shell: ProcessFacts;

const begin = async (): Promise<void> => {
  permissions = await openPermissions({ file, grants, isAlive: pc.isAlive, clock, random: randomBytes });
};
const restart = async (): Promise<void> => {
  await permissions.close();
  await begin();
};
const yes = (span: Span): Answer => ({ verdict: 'approved', how: 'click', span, tapKey: null });
const no = (reach: Denial): Answer => ({ verdict: 'denied', reach });
const start = (executable = '/usr/bin/terraform', changes: Partial<Caller> = {}): Caller =>
  pc.callerOf(pc.start({ executable, parent: shell }), changes);
const below = (caller: Caller, changes: Partial<Caller> = {}, facts: Partial<ProcessFacts> = {}): Caller =>
  pc.callerOf(pc.start({ parent: caller.process as ProcessFacts, ...facts }), changes);
const PYTHON = '/home/ada/venv/bin/python3.13';
const runPython = (script: string | null, folderOf = '/home/ada/work'): Caller =>
  pc.callerOf(pc.start({ executable: PYTHON, folder: folderOf, parent: shell }), python(script));
const exit = (caller: Caller): void => pc.exit(caller.process as ProcessFacts);
const may = (caller: Caller, of = grant): boolean | null => permissions.find(of, caller)?.allowed ?? null;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lp-permissions-'));
  file = join(folder, 'denied.json');
  clock = fakeClock();
  pc = machine();
  shell = pc.start({ executable: '/usr/bin/bash' });
  grants = await openGrants({ file: join(folder, 'grants.json'), clock, audit: recordingAudit(), random: randomBytes, bootId: BOOT });
  grant = (await grants.create(grantFor(clock, { until: later(clock.now(), hours(24)) }))).grant;
  await begin();
});
afterEach(async () => {
  await permissions.close();
  await grants.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('a program that nobody was asked about', () => {
  it('has no answer', () => {
    expect(permissions.find(grant, start())).toBeNull();
  });
});

describe('a yes to a native program', () => {
  it.each(['hours', 'grant'] as const)('for %s is for its executable, in any process', (span) => {
    permissions.remember(grant, start(), yes(span));
    expect(may(start())).toBe(true);
    expect(may(start('/usr/bin/dbt'))).toBeNull();
  });

  it('for eight hours ends after eight hours', () => {
    const caller = start();
    permissions.remember(grant, caller, yes('hours'));
    expect(permissions.find(grant, caller)).toEqual({ allowed: true, once: false, until: later(clock.now(), hours(8)) });
    clock.sleepThrough(hours(8) - 1);
    expect(may(caller)).toBe(true);
    clock.sleepThrough(1);
    expect(may(caller)).toBeNull();
    clock.set(clock.now() - hours(1));
    expect(may(caller)).toBeNull();
  });

  it('never outlives the grant', () => {
    clock.sleepThrough(hours(20));
    permissions.remember(grant, start(), yes('hours'));
    expect(permissions.find(grant, start())?.until).toBe(grant.until);
  });

  it('until it exits is for that process and what it starts', () => {
    const caller = start();
    permissions.remember(grant, caller, yes('program'));
    const provider = below(caller);
    expect([caller, provider].map((each) => may(each))).toEqual([true, true]);
    expect(may(start())).toBeNull();
    exit(caller);
    expect([caller, provider].map((each) => may(each))).toEqual([null, null]);
  });

  it('that hangs on a process is to be asked again within half a minute', () => {
    const caller = start();
    permissions.remember(grant, caller, yes('program'));
    expect(permissions.find(grant, caller)?.until).toBe(later(clock.now(), seconds(30)));
  });

  it('is for the grant it was given on', async () => {
    const { grant: other } = await grants.create(grantFor(clock));
    permissions.remember(grant, start(), yes('grant'));
    expect(may(start(), other)).toBeNull();
  });

  it('is none to a program whose file was replaced, but for that very process', () => {
    const caller = start('/usr/bin/terraform (deleted)');
    permissions.remember(grant, caller, yes('grant'));
    expect(may(caller)).toBe(true);
    expect(may(start('/usr/bin/terraform (deleted)'))).toBeNull();
  });
});

describe('a yes to an interpreter', () => {
  it('is for interpreter, script and folder together', () => {
    permissions.remember(grant, runPython('train.py'), yes('hours'));
    expect(may(runPython('train.py'))).toBe(true);
    expect(may(runPython('steal.py'))).toBeNull();
    expect(may(runPython('train.py', '/tmp'))).toBeNull();
    expect(may(runPython(null))).toBeNull();
    expect(may(pc.callerOf(pc.start({ executable: '/usr/bin/python3' }), python('train.py')))).toBeNull();
  });

  it.each(['program', 'hours', 'grant', 'once'] as const)('for %s is none to a second script under the same venv python', (span) => {
    const first = runPython('train.py');
    permissions.remember(grant, first, yes(span));
    expect([may(first), may(runPython('other.py'))]).toEqual([true, null]);
  });

  it.each(['hours', 'grant'] as const)('without a known script for %s is for its process and what it starts, alone', (span) => {
    const kernel = runPython(null);
    permissions.remember(grant, kernel, yes(span));
    expect([may(kernel), may(below(kernel, python('worker.py')))]).toEqual([true, true]);
    expect(may(runPython(null))).toBeNull();
    exit(kernel);
    expect(may(kernel)).toBeNull();
  });

  it('without a known folder is for its process alone', () => {
    const caller = pc.callerOf(pc.start({ executable: PYTHON, folder: null }), python('train.py'));
    permissions.remember(grant, caller, yes('grant'));
    expect(may(caller)).toBe(true);
    expect(may(pc.callerOf(pc.start({ executable: PYTHON, folder: null }), python('train.py')))).toBeNull();
  });

  it('until it exits is for the process tree and not for the same script started again', () => {
    const first = runPython('train.py');
    permissions.remember(grant, first, yes('program'));
    expect([may(first), may(below(first)), may(runPython('train.py'))]).toEqual([true, true, null]);
  });
});

describe('a yes for one lease', () => {
  it('is spent by the lease', () => {
    const caller = start();
    permissions.remember(grant, caller, yes('once'));
    expect(permissions.find(grant, caller)).toMatchObject({ allowed: true, once: true });
    permissions.spend(grant, caller);
    expect(may(caller)).toBeNull();
  });

  it('waits ten minutes for a native program to be run again, as after an answer that came late', () => {
    const gone = start();
    exit(gone);
    permissions.remember(grant, gone, yes('once'));
    const again = start();
    expect(may(again)).toBe(true);
    permissions.spend(grant, again);
    expect(may(start())).toBeNull();
    permissions.remember(grant, gone, yes('once'));
    clock.sleepThrough(minutes(10));
    expect(may(start())).toBeNull();
  });

  it('is one lease for each process that waited, and no more however often one of them is told', () => {
    const [one, two] = [start(), start()];
    for (const caller of [one, one, two, one]) permissions.remember(grant, caller, yes('once'));
    permissions.spend(grant, one);
    expect([may(one), may(two)]).toEqual([true, true]);
    permissions.spend(grant, two);
    expect([may(one), may(two)]).toEqual([null, null]);
  });

  it('is not spent where a longer yes holds', () => {
    const caller = start();
    permissions.remember(grant, caller, yes('once'));
    permissions.remember(grant, caller, yes('hours'));
    expect(permissions.find(grant, caller)).toMatchObject({ once: false });
    permissions.spend(grant, caller);
    clock.sleepThrough(minutes(9));
    expect(may(caller)).toBe(true);
  });

  it('is all there is for a caller of whom nothing is known', () => {
    const nobody: Caller = { ...start(), kind: 'unknown', process: null, ancestors: [] };
    permissions.remember(grant, nobody, yes('grant'));
    expect(permissions.find(grant, nobody)).toMatchObject({ allowed: true, once: true });
    permissions.spend(grant, nobody);
    expect(may(nobody)).toBeNull();
  });
});

describe('a yes in one capacity', () => {
  const agent = { kind: 'ai-agent', aiAgent: 'claude' } as const;

  it('to a person’s program is none to the same program of an AI agent', () => {
    permissions.remember(grant, start('/usr/bin/curl'), yes('grant'));
    expect(may(start('/usr/bin/curl', agent))).toBeNull();
    permissions.remember(grant, start('/usr/bin/terraform', agent), yes('grant'));
    expect(may(start('/usr/bin/terraform'))).toBeNull();
    expect(may(start('/usr/bin/terraform', agent))).toBe(true);
    expect(may(start('/usr/bin/terraform', { ...agent, aiAgent: 'codex' }))).toBeNull();
  });

  it('to a shell is none to the AI agent that is started in it', () => {
    const bash = pc.callerOf(shell, { interpreter: { name: 'bash', script: null } });
    permissions.remember(grant, bash, yes('program'));
    expect(may(start())).toBe(true);
    expect(may(start('/usr/bin/claude', agent))).toBeNull();
  });

  it('to an AI agent’s run is one for all it starts', () => {
    const claude = start('/usr/bin/claude', agent);
    permissions.remember(grant, claude, yes('program'));
    expect(may(below(claude, { ...agent, ...python(null) }, { executable: PYTHON }))).toBe(true);
  });

  it.each(['container', 'forwarder'] as const)('to a %s is for that process, and none to the same program outside', (kind) => {
    const inside = start('/usr/bin/ssh', { kind });
    permissions.remember(grant, inside, yes('grant'));
    expect(may(inside)).toBe(true);
    expect([may(start('/usr/bin/ssh', { kind })), may(start('/usr/bin/ssh'))]).toEqual([null, null]);
  });

  it('to a program is none to what it starts in a container', () => {
    const caller = start();
    permissions.remember(grant, caller, yes('program'));
    expect(may(below(caller, { kind: 'container' }))).toBeNull();
  });
});

describe('a no', () => {
  it('to one request is heard by those that waited, and forgotten in a moment', () => {
    const caller = start();
    permissions.remember(grant, caller, no('once'));
    expect(may(caller)).toBe(false);
    clock.sleepThrough(seconds(2));
    expect(may(caller)).toBeNull();
  });

  it('for this run refuses the program in any process until the grant ends', () => {
    permissions.remember(grant, start(), no('run'));
    clock.sleepThrough(hours(23));
    expect(permissions.find(grant, start())).toEqual({ allowed: false, until: grant.until });
    expect(may(start('/usr/bin/dbt'))).toBeNull();
  });

  it('for this run holds for a process whatever it calls itself next', () => {
    const caller = runPython('train.py');
    permissions.remember(grant, caller, no('run'));
    expect(may({ ...caller, ...python('innocent.py') })).toBe(false);
    expect(may(runPython('train.py'))).toBe(false);
    expect(may(runPython('other.py'))).toBeNull();
  });

  it('is not undone by a yes, whichever came first', () => {
    const caller = start();
    permissions.remember(grant, caller, yes('grant'));
    permissions.remember(grant, caller, no('run'));
    expect(may(caller)).toBe(false);
    permissions.remember(grant, caller, yes('grant'));
    expect(may(caller)).toBe(false);
  });

  it('to a person’s program holds for an AI agent’s too, and not the other way round', () => {
    const agent = { kind: 'ai-agent', aiAgent: 'claude' } as const;
    permissions.remember(grant, start('/usr/bin/curl'), no('run'));
    permissions.remember(grant, start('/usr/bin/wget', agent), no('run'));
    expect(may(start('/usr/bin/curl', agent))).toBe(false);
    expect(may(start('/usr/bin/wget'))).toBeNull();
  });

  it('to nobody in particular holds for all of whom nothing is known', () => {
    const nobody: Caller = { ...start(), kind: 'unknown', process: null, ancestors: [] };
    permissions.remember(grant, nobody, no('run'));
    expect([may({ ...nobody }), may(start())]).toEqual([false, null]);
  });
});

describe('a no for good', () => {
  const other = async (profile: string) => (await grants.create(grantFor(clock, { profile }))).grant;

  it('holds on every grant of the profile, after a restart too', async () => {
    permissions.remember(grant, start('/usr/bin/nosy'), no('always'));
    expect(may(start('/usr/bin/nosy'), await other('acme'))).toBe(false);
    expect(may(start('/usr/bin/nosy'), await other('beta'))).toBeNull();
    await restart();
    expect(may(start('/usr/bin/nosy'))).toBe(false);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('is told by script and folder for an interpreter', async () => {
    permissions.remember(grant, runPython('nosy.py'), no('always'));
    await restart();
    expect([may(runPython('nosy.py')), may(runPython('train.py'))]).toEqual([false, null]);
  });

  it('can be listed and taken back', async () => {
    const caller = start('/usr/bin/nosy');
    permissions.remember(grant, caller, no('always'));
    permissions.remember(grant, caller, no('always'));
    const [entry, ...more] = permissions.denied();
    expect(more).toEqual([]);
    expect(entry).toMatchObject({ profile: 'acme', executable: '/usr/bin/nosy', script: null, deniedAt: clock.now() });
    expect(permissions.forgive('d0000000000000000')).toBe(false);
    expect(permissions.forgive(String(entry?.id))).toBe(true);
    expect([permissions.denied(), may(caller)]).toEqual([[], null]);
    await restart();
    expect(permissions.denied()).toEqual([]);
  });

  it('to what only its process tells apart is listed, and ends with the process', () => {
    const kernel = runPython(null);
    permissions.remember(grant, kernel, no('always'));
    expect(permissions.denied()).toMatchObject([{ executable: PYTHON, script: null }]);
    expect([may(kernel), may(runPython(null))]).toEqual([false, null]);
    expect(permissions.forgive(permissions.denied()[0]?.id ?? '')).toBe(true);
    expect(may(kernel)).toBeNull();
  });

  it('holds though the grant has ended meanwhile', async () => {
    await grants.end(grant.id, 'revoked');
    permissions.remember(grant, start('/usr/bin/nosy'), no('always'));
    expect(permissions.denied()).toHaveLength(1);
  });

  it('reaches the disk as soon as the disk takes it', async () => {
    mkdirSync(file);
    const logged: string[] = [];
    permissions = await openPermissions({
      ...{ file: join(folder, 'x', 'denied.json'), grants, isAlive: pc.isAlive, clock, random: randomBytes },
      log: (event) => logged.push(event),
    });
    permissions.remember(grant, start('/usr/bin/nosy'), no('always'));
    await expect.poll(() => logged).toEqual(['permissions.not-written']);
    mkdirSync(join(folder, 'x'));
    await clock.advance(minutes(1));
    await expect.poll(() => existsSync(join(folder, 'x', 'denied.json'))).toBe(true);
  });

  it('of a thousand programs keeps the last five hundred', () => {
    for (let n = 0; n < 1000; n++) permissions.remember(grant, start(`/bin/p${n}`), no('always'));
    expect(permissions.denied()).toHaveLength(500);
    expect(permissions.denied()[499]).toMatchObject({ executable: '/bin/p999' });
  });

  it.each([
    ['nothing', ''],
    ['rubbish', '\0{'],
    ['another version', '{"version":2,"denied":[]}'],
    ['a field too many', '{"version":1,"denied":[],"allowed":[]}'],
    ['a path that is none', '{"version":1,"denied":[{"id":"d0123456789abcdef","profile":"a","executable":""}]}'],
  ])('in a file that holds %s is set aside and said', async (_name, text) => {
    await permissions.close();
    writeFileSync(file, text);
    await begin();
    expect(permissions.problem).toMatchObject({ code: 'GRANTS_CORRUPT', reason: 'denied' });
    const aside = readdirSync(folder).find((name) => name.startsWith('denied.json.corrupt-'));
    expect(readFileSync(join(folder, String(aside)), 'utf8')).toBe(text);
  });
});

describe('a connection that two programs hold', () => {
  it('makes every yes to the caller be asked again, and no no', async () => {
    const caller = start();
    permissions.remember(grant, caller, yes('hours'));
    permissions.remember(grant, caller, yes('program'));
    permissions.remember(grant, start('/usr/bin/dbt'), yes('hours'));
    permissions.doubt(grant, caller);
    expect([may(caller), may(start()), may(start('/usr/bin/dbt'))]).toEqual([null, null, true]);
    permissions.remember(grant, caller, no('run'));
    permissions.doubt(grant, caller);
    expect(may(caller)).toBe(false);
  });
});

describe('what is remembered', () => {
  it('is forgotten with the grant', async () => {
    const caller = start();
    permissions.remember(grant, caller, yes('grant'));
    await grants.end(grant.id, 'revoked');
    expect(may(caller)).toBeNull();
    permissions.remember(grant, caller, yes('grant'));
    expect(may(caller)).toBeNull();
  });

  it('is at most 64 answers of one grant', () => {
    const callers = Array.from({ length: 100 }, (_, n) => start(`/bin/p${n}`));
    for (const each of callers) permissions.remember(grant, each, yes('grant'));
    expect(callers.filter((each) => may(each) === true)).toEqual(callers.slice(-64));
  });

  it('is never a no pushed out by many a yes', () => {
    const denied = start('/usr/bin/nosy');
    permissions.remember(grant, denied, no('run'));
    for (let n = 0; n < 200; n++) permissions.remember(grant, start(`/bin/p${n}`), yes('grant'));
    expect(may(denied)).toBe(false);
  });

  it('is never a yes that a file could bring back', async () => {
    const caller = start();
    permissions.remember(grant, caller, yes('grant'));
    await restart();
    expect(may(caller)).toBeNull();
    expect(existsSync(file)).toBe(false);
  });
});

describe('requests that one answer settles', () => {
  it('are those of one native program, and of one process of an interpreter', () => {
    const key = permissions.keyOf;
    expect(key(start())).toBe(key(start()));
    expect(key(start())).not.toBe(key(start('/usr/bin/dbt')));
    expect(key(start())).not.toBe(key(start('/usr/bin/terraform', { kind: 'ai-agent', aiAgent: 'claude' })));
    const kernel = runPython('train.py');
    expect(key(kernel)).toBe(key({ ...kernel, notebook: 'a.ipynb' }));
    expect(key(kernel)).not.toBe(key(runPython('train.py')));
    expect(key(start('/usr/bin/ssh', { kind: 'forwarder' }))).not.toBe(key(start('/usr/bin/ssh', { kind: 'forwarder' })));
  });
});
