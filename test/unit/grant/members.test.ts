import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ProcessFacts } from '../../../main/caller/caller.ts';
import { type Grant, type Grants, openGrants } from '../../../main/grant/grants.ts';
import { createMembers, type Members } from '../../../main/grant/members.ts';
import { hours, minutes, seconds } from '../../../main/units.ts';
import { type FakeClock, fakeClock } from '../../fakes/fake-clock.ts';
import { type RecordingAudit, recordingAudit } from '../../fakes/recording-audit.ts';
import { BOOT, grantFor, type Machine, machine, python, refOf } from './setting.ts';

const SCOPE = '/user.slice/user-1000.slice/user@1000.service/app.slice/lakepass-run-k3x9.scope';
/** Lakepass itself. */
const OWN_PID = 7;

let folder: string;
let clock: FakeClock;
let audit: RecordingAudit;
let pc: Machine;
let grants: Grants;
let members: Members;
/** `lakepass run`, the program it has started, and a terminal beside them. */
let root: ProcessFacts;
let child: ProcessFacts;
let terminal: ProcessFacts;
let run: Grant;

const restart = async (): Promise<void> => {
  members.close();
  await grants.close();
  await begin();
};
const begin = async (): Promise<void> => {
  grants = await openGrants({ file: join(folder, 'grants.json'), clock, audit, random: randomBytes, bootId: BOOT });
  members = createMembers({ grants, isAlive: pc.isAlive, ownPid: OWN_PID, clock });
};
const runGrant = async (cgroup: string | null = null): Promise<Grant> =>
  (await grants.create(grantFor(clock, { binding: { kind: 'run', root: refOf(root), cgroup } }))).grant;
const admits = (process: ProcessFacts, grant = run) => members.admits(grant, pc.callerOf(process));

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lp-members-'));
  clock = fakeClock();
  audit = recordingAudit();
  pc = machine();
  await begin();
  const shell = pc.start({ executable: '/usr/bin/bash' });
  terminal = pc.start({ executable: '/usr/bin/zsh' });
  root = pc.start({ executable: '/usr/bin/node', parent: shell });
  child = pc.start({ executable: '/usr/bin/jupyter-lab', parent: root });
  run = await runGrant();
});
afterEach(async () => {
  members.close();
  await grants.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('the members of a run', () => {
  it('are its root, what it starts, and what those start', () => {
    const kernel = pc.start({ parent: child });
    const worker = pc.start({ parent: pc.start({ parent: kernel }) });
    expect([root, child, kernel, worker].map((each) => admits(each))).toEqual([true, true, true, true]);
    // With the one between kernel and worker, which has not asked for anything itself.
    expect(members.count(run.id)).toBe(5);
  });

  it('are not other programs of the same person', () => {
    const stranger = pc.start({ parent: terminal });
    expect([terminal, stranger].map((each) => admits(each))).toEqual([false, false]);
    expect(members.count(run.id)).toBe(1);
  });

  it('are nobody else where Lakepass itself is the root: what it starts is not Lakepass', async () => {
    const lakepass = pc.start({ pid: OWN_PID, executable: '/opt/Lakepass/lakepass-desktop' });
    root = lakepass;
    const own = await runGrant();
    const browser = pc.start({ executable: '/usr/bin/chromium', parent: lakepass });
    const download = pc.start({ executable: '/usr/bin/python3', parent: browser });
    expect([lakepass, browser, download].map((each) => admits(each, own))).toEqual([true, false, false]);
    expect(members.count(own.id)).toBe(1);
  });

  it('take in a kernel that was started anew, without a question', () => {
    const first = pc.start({ executable: '/usr/bin/python3.13', parent: child });
    expect(admits(first)).toBe(true);
    pc.exit(first);
    expect(admits(pc.start({ executable: '/usr/bin/python3.13', parent: child }))).toBe(true);
  });

  it('keep what outlives its parents, if it was seen before (nohup)', () => {
    const job = pc.start({ parent: child });
    expect(admits(job)).toBe(true);
    pc.exit(child);
    pc.exit(root);
    expect(pc.callerOf(job).ancestors).toEqual([]);
    expect(admits(job)).toBe(true);
    const grandchild = pc.start({ parent: job });
    expect(admits(grandchild)).toBe(true);
  });

  it('keep a script that was seen only as the parent of what it started', () => {
    const script = pc.start({ parent: child });
    expect(admits(pc.start({ parent: script }))).toBe(true);
    pc.exit(child);
    pc.exit(root);
    expect(admits(pc.start({ parent: script }))).toBe(true);
  });

  it('do not take in a double fork that was never seen with its parents', () => {
    const between = pc.start({ parent: child });
    const daemon = pc.start({ parent: between });
    pc.exit(between);
    expect(admits(daemon)).toBe(false);
  });

  it('do not take in the running editor to which a started one hands over', () => {
    const editor = pc.start({ executable: '/usr/share/code/code', parent: terminal });
    const started = pc.start({ executable: '/usr/share/code/code', parent: child });
    const terminalOfEditor = pc.start({ executable: '/usr/bin/bash', parent: editor });
    expect([started, editor, terminalOfEditor].map((each) => admits(each))).toEqual([true, false, false]);
  });

  it('do not take in another program that has read the URL in a saved notebook', () => {
    const kernel = pc.start({ executable: '/usr/bin/python3.13', parent: child });
    expect(admits(kernel)).toBe(true);
    const thief = pc.start({ executable: '/usr/bin/python3.13', parent: terminal, commandLine: kernel.commandLine });
    expect(members.admits(run, pc.callerOf(thief, python('train.py')))).toBe(false);
  });

  it('are known by pid and start time, so that the next process with a pid is nobody', () => {
    expect(admits(child)).toBe(true);
    pc.exit(child);
    const next = pc.start({ pid: child.pid, parent: terminal });
    const itsChild = pc.start({ parent: next });
    expect([next, itsChild].map((each) => admits(each))).toEqual([false, false]);
  });

  it.each(['container', 'forwarder', 'unknown'] as const)('are never a %s, wherever it stands in the tree', (kind) => {
    const process = pc.start({ parent: child });
    expect(members.admits(run, pc.callerOf(process, { kind }))).toBe(false);
    expect(members.admits(run, pc.callerOf(root, { kind }))).toBe(false);
  });

  it('are nobody where the system named no process', () => {
    expect(members.admits(run, { ...pc.callerOf(root), process: null })).toBe(false);
  });

  it('are those of their own run alone', async () => {
    const other = pc.start({ parent: terminal });
    const second = (await grants.create(grantFor(clock, { binding: { kind: 'run', root: refOf(other), cgroup: null } }))).grant;
    expect(admits(other, second)).toBe(true);
    expect(admits(other, run)).toBe(false);
    expect(admits(child, second)).toBe(false);
  });

  it('can be many more than are remembered by name', () => {
    const workers = Array.from({ length: 400 }, () => pc.start({ parent: child }));
    expect(workers.every((each) => admits(each))).toBe(true);
    expect(members.count(run.id)).toBe(256);
    expect(run.members).toHaveLength(256);
    for (const each of workers.slice(0, 300)) pc.exit(each);
    expect(admits(pc.start({ parent: child }))).toBe(true);
    expect(run.members.length).toBeLessThan(256);
  });

  it('are none of a grant that is bound to no process, or that has ended', async () => {
    const { grant } = await grants.create(grantFor(clock));
    expect(admits(root, grant)).toBe(false);
    await grants.end(run.id, 'revoked');
    expect(admits(root)).toBe(false);
  });
});

describe('the scope that a run was started in', () => {
  const scopeOf = (id: string): string => `/user.slice/user-1000.slice/user@1000.service/app.slice/lakepass-run-${id}.scope`;

  it('makes what nobody has seen before a member, after a restart too', async () => {
    members.addChild(run, pc.callerOf(pc.start({ executable: '/usr/bin/jupyter-lab', parent: root, cgroup: scopeOf(run.id) })));
    expect(admits(pc.start({ cgroup: scopeOf(run.id) }))).toBe(true);
    await clock.advance(seconds(1));
    await restart();
    const again = grants.get(run.id) as Grant;
    expect(again.binding).toMatchObject({ cgroup: scopeOf(run.id) });
    expect(admits(pc.start({ cgroup: scopeOf(run.id) }), again)).toBe(true);
  });

  it.each([
    ['another run’s', () => scopeOf('g00000000')],
    ['the terminal’s', () => '/user.slice/user-1000.slice/user@1000.service/app.slice/vte-spawn-1.scope'],
    ['one below it', () => `${scopeOf(run.id)}/inner`],
    ['none', () => null],
  ])('is taken only by its own name: %s is not it', async (_, cgroup) => {
    members.addChild(run, pc.callerOf(pc.start({ parent: root, cgroup: cgroup() })));
    expect(run.binding).toMatchObject({ cgroup: null });
    expect(admits(pc.start({ cgroup: cgroup() }))).toBe(false);
  });
});

describe('the cgroup of a run', () => {
  beforeEach(async () => {
    run = await runGrant(SCOPE);
  });

  it('makes members of all that is in it or below, double forks included', () => {
    const daemon = pc.start({ cgroup: SCOPE });
    const below = pc.start({ cgroup: `${SCOPE}/worker.slice` });
    expect([daemon, below].map((each) => admits(each))).toEqual([true, true]);
  });

  it.each([
    null,
    '/',
    '',
    `${SCOPE}2`,
    `${SCOPE}-evil/x`,
    `/elsewhere${SCOPE}`,
    SCOPE.slice(0, SCOPE.lastIndexOf('/')),
    SCOPE.replace('k3x9', 'other'),
  ])('is not %j', (cgroup) => {
    expect(admits(pc.start({ cgroup }))).toBe(false);
  });

  it('does nothing for an AI agent that moved itself in, unless the run is its own', () => {
    const agent = pc.start({ cgroup: SCOPE, parent: terminal });
    expect(members.admits(run, pc.callerOf(agent, { kind: 'ai-agent', aiAgent: 'claude' }))).toBe(false);
    const own = pc.start({ cgroup: SCOPE, parent: child });
    expect(members.admits(run, pc.callerOf(own, { kind: 'ai-agent', aiAgent: 'claude' }))).toBe(true);
  });

  it('of a run that has none is nobody’s', async () => {
    const without = await runGrant(null);
    expect(admits(pc.start({ cgroup: SCOPE }), without)).toBe(false);
  });
});

describe('the program that lakepass run says it has started', () => {
  it('is a member from then on, and what it leaves behind is one', () => {
    members.addChild(run, pc.callerOf(child));
    const job = pc.start({ parent: child });
    pc.exit(root);
    expect([child, job].map((each) => admits(each))).toEqual([true, true]);
  });

  it('is refused unless it is a child of the root itself', () => {
    const grandchild = pc.start({ parent: child });
    const stranger = pc.start({ parent: terminal });
    for (const process of [grandchild, stranger, terminal, root])
      expect(() => members.addChild(run, pc.callerOf(process))).toThrow(
        expect.objectContaining({ code: 'CALLER_REFUSED', reason: 'child' }),
      );
    expect(admits(stranger)).toBe(false);
  });

  it('is refused when the root has exited, whose pid may be somebody else’s', () => {
    const before = pc.callerOf(child);
    pc.exit(root);
    expect(() => members.addChild(run, before)).toThrow(expect.objectContaining({ code: 'CALLER_REFUSED', reason: 'root' }));
  });

  it('is refused for a grant that is no run, or over', async () => {
    const { grant: tree } = await grants.create(grantFor(clock, { binding: { kind: 'tree', root: refOf(root) } }));
    const { grant: file } = await grants.create(grantFor(clock));
    await grants.end(run.id, 'revoked');
    for (const grant of [tree, file, run])
      expect(() => members.addChild(grant, pc.callerOf(child))).toThrow(expect.objectContaining({ code: 'CALLER_REFUSED' }));
    expect(() => members.addChild(run, { ...pc.callerOf(child), process: null })).toThrow(
      expect.objectContaining({ code: 'CALLER_REFUSED' }),
    );
  });
});

describe('the end of a run', () => {
  const why = () => audit.of('grant.ended').map((event) => event.why);

  it('comes when its last known member has exited', async () => {
    members.addChild(run, pc.callerOf(child));
    pc.exit(root);
    await clock.advance(seconds(10));
    expect(grants.get(run.id)?.state).toBe('live');
    pc.exit(child);
    await clock.advance(seconds(2));
    expect(grants.get(run.id)?.state).toBe('revoked');
    expect(why()).toEqual(['run-ended']);
    expect(admits(pc.start({ parent: child }))).toBe(false);
  });

  it('waits for a member that was only seen at work', async () => {
    const job = pc.start({ parent: child });
    admits(job);
    pc.exit(child);
    pc.exit(root);
    await clock.advance(minutes(5));
    expect(grants.get(run.id)?.state).toBe('live');
    pc.exit(job);
    await clock.advance(seconds(2));
    expect(why()).toEqual(['run-ended']);
  });

  it('does not wait for somebody who has taken the pid of a member', async () => {
    pc.exit(root);
    pc.start({ pid: root.pid });
    await clock.advance(seconds(2));
    expect(why()).toEqual(['run-ended']);
  });

  it('of a shell and what it started is said to be the end of the program', async () => {
    await grants.end(run.id, 'revoked');
    const { grant } = await grants.create(grantFor(clock, { binding: { kind: 'tree', root: refOf(terminal) } }));
    expect(admits(pc.start({ parent: terminal }), grant)).toBe(true);
    for (const member of grant.members) pc.exit(member);
    await clock.advance(seconds(2));
    expect(why()).toEqual(['revoked', 'program-ended']);
  });

  it('is looked for by at most one glance at each grant every two seconds, and not at all without such grants', async () => {
    const workers = Array.from({ length: 100 }, () => pc.start({ parent: child }));
    for (const each of workers) admits(each);
    const before = pc.looks;
    await clock.advance(minutes(1));
    expect(pc.looks - before).toBe(30);
    await grants.end(run.id, 'revoked');
    const after = pc.looks;
    const { grant } = await grants.create(grantFor(clock));
    await clock.advance(hours(1));
    expect(pc.looks).toBe(after);
    expect(grant.state).toBe('live');
  });

  it('leaves no timer behind when the watch is closed', async () => {
    members.close();
    await grants.close();
    expect(clock.pending).toBe(0);
  });
});

describe('a restart of the agent', () => {
  it('changes nothing for members, reparented ones included', async () => {
    const job = pc.start({ parent: child });
    admits(job);
    pc.exit(child);
    pc.exit(root);
    await clock.advance(seconds(1));
    await restart();
    const again = grants.get(run.id) as Grant;
    expect(again.state).toBe('live');
    expect(admits(job, again)).toBe(true);
    expect(admits(pc.start({ parent: terminal }), again)).toBe(false);
  });

  it('ends a run whose members all exited meanwhile', async () => {
    pc.exit(child);
    pc.exit(root);
    await restart();
    expect(grants.get(run.id)?.state).toBe('revoked');
    expect(audit.of('grant.ended')).toMatchObject([{ grant: run.id, why: 'run-ended' }]);
  });
});
