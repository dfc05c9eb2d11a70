/** Members among real processes, which are reparented as the kernel does it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Grant, type Grants, openGrants } from '../../../main/grant/grants.ts';
import { createMembers, type Members } from '../../../main/grant/members.ts';
import { hours, later, seconds } from '../../../main/units.ts';
import { type FakeClock, fakeClock } from '../../fakes/fake-clock.ts';
import { recordingAudit } from '../../fakes/recording-audit.ts';
import { callerOf, isAlive } from './proc-caller.ts';

let folder: string;
let clock: FakeClock;
let grants: Grants;
let members: Members;
let root: ChildProcess;
let lines: AsyncIterator<string>;
let grant: Grant;
const started: number[] = [];

const processOf = (pid: number) => callerOf(pid, process.pid);
/** Runs a line in the root, a shell, and reads the pid that it prints. */
const pidFrom = async (line: string): Promise<number> => {
  root.stdin?.write(`${line}\n`);
  const pid = Number((await lines.next()).value);
  started.push(pid);
  return pid;
};
const sleeper = 'sleep 300 >/dev/null 2>&1 </dev/null &';

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lp-real-members-'));
  clock = fakeClock();
  grants = await openGrants({
    file: join(folder, 'grants.json'),
    clock,
    audit: recordingAudit(),
    random: randomBytes,
    bootId: 'this boot',
  });
  members = createMembers({ grants, isAlive, ownPid: 1, clock });
  root = spawn('/bin/sh', [], { stdio: ['pipe', 'pipe', 'inherit'] });
  lines = createInterface({ input: root.stdout as NonNullable<typeof root.stdout> })[Symbol.asyncIterator]();
  const { pid, startTicks } = processOf(await pidFrom('echo $$')).process as { pid: number; startTicks: number };
  const made = await grants.create({
    ...{
      profile: 'acme',
      issuer: 'https://idp.acme.example',
      subject: 's',
      workspace: 'https://acme.cloud.databricks.com',
      scopes: ['sql'],
    },
    ...{
      until: later(clock.now(), hours(1)),
      label: '',
      approved: 'click',
      binding: { kind: 'run', root: { pid, startTicks }, cgroup: null },
    },
    maker: { title: '/bin/sh', kind: 'program', aiAgent: null },
  });
  grant = made.grant;
});
afterEach(async () => {
  members.close();
  await grants.close();
  if (root.exitCode === null) {
    root.stdin?.end();
    await once(root, 'exit');
  }
  for (const pid of started.splice(0)) if (pid !== root.pid && isRunning(pid)) process.kill(pid, 'SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});
/** Only ever asked about processes that this file has started and that sleep for minutes. */
const isRunning = (pid: number): boolean => {
  try {
    return processOf(pid).process?.commandLine?.[0] === 'sleep';
  } catch {
    return false;
  }
};

it('a job that was seen stays a member after the run’s end, and ends the run with itself', async () => {
  const job = await pidFrom(`${sleeper} echo $!`);
  expect(members.admits(grant, processOf(job))).toBe(true);
  root.stdin?.end();
  await once(root, 'exit');
  await clock.advance(seconds(10));
  expect(processOf(job).ancestors.some(({ pid }) => pid === root.pid)).toBe(false);
  expect(members.admits(grant, processOf(job))).toBe(true);
  expect(grants.get(grant.id)?.state).toBe('live');

  const before = processOf(job).process as { pid: number; startTicks: number };
  process.kill(job, 'SIGKILL');
  await expect.poll(() => isAlive(before)).toBe(false);
  await clock.advance(seconds(2));
  expect(grants.get(grant.id)?.state).toBe('revoked');
});

it('a double fork that was never seen is no member', async () => {
  const daemon = await pidFrom(`( ${sleeper} echo $! )`);
  // The shell in brackets has printed the pid, and is gone a moment later.
  await expect.poll(() => processOf(daemon).ancestors.some(({ pid }) => pid === root.pid)).toBe(false);
  expect(members.admits(grant, processOf(daemon))).toBe(false);
});

it('what the run starts anew is a member, and what a neighbour starts is none', async () => {
  const first = await pidFrom(`${sleeper} echo $!`);
  const second = await pidFrom(`${sleeper} echo $!`);
  expect([first, second].map((pid) => members.admits(grant, processOf(pid)))).toEqual([true, true]);
  const neighbour = spawn('sleep', ['300'], { stdio: 'ignore' });
  expect(members.admits(grant, processOf(Number(neighbour.pid)))).toBe(false);
  neighbour.kill();
  await once(neighbour, 'exit');
});
