import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type HostFacts, hostFacts, startTimeOf } from '../../../main/agent-host.ts';
import { readAgentLock, takeAgentLock as takeLock } from '../../../main/agent-lock.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';

function runtimeFolder(): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lakepass-lock-'));
  onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}
const takeAgentLock = (parts: { folder: string; host?: HostFacts }) => takeLock({ clock: fakeClock(), ...parts });
const lockFile = (folder: string): string => path.join(folder, 'agent.lock');
const names = (folder: string): string[] => fs.readdirSync(folder).sort();

/** A machine on which exactly these processes run. */
function fakeHost(facts: { pid?: number; machineId?: string; bootId?: string; processes?: Record<number, string> } = {}): HostFacts {
  const pid = facts.pid ?? 100;
  const processes: Record<number, string> = { [pid]: `start-${pid}`, ...facts.processes };
  return {
    pid,
    machineId: async () => facts.machineId ?? 'machine-a',
    bootId: async () => facts.bootId ?? 'boot-a',
    startTime: async (asked) => processes[asked] ?? null,
  };
}
/** The agent that holds the lock in these tests; `others` see it alive. */
const holder = fakeHost({ pid: 100 });
const alive = { 100: 'start-100' };

describe('one agent at a time', () => {
  it('refuses a second one and names the process of the first', async () => {
    const folder = runtimeFolder();
    await takeAgentLock({ folder, host: holder });
    await expect(takeAgentLock({ folder, host: fakeHost({ pid: 200, processes: alive }) })).rejects.toMatchObject({
      code: 'AGENT_RUNNING',
      pid: 100,
    });
    expect(names(folder)).toEqual(['agent.lock']);
  });

  it('refuses a second one in the same process', async () => {
    const folder = runtimeFolder();
    await takeAgentLock({ folder });
    await expect(takeAgentLock({ folder })).rejects.toMatchObject({ code: 'AGENT_RUNNING', pid: process.pid });
  });

  it('writes a file of the user alone that names machine, boot, process and start', async () => {
    const folder = runtimeFolder();
    const { instance } = await takeAgentLock({ folder });
    const host = hostFacts();
    expect(JSON.parse(fs.readFileSync(lockFile(folder), 'utf8'))).toEqual({
      machineId: await host.machineId(),
      bootId: await host.bootId(),
      pid: process.pid,
      startTime: await host.startTime(process.pid),
      instance,
      at: expect.stringMatching(/^\d{4}-.*Z$/),
    });
    expect(fs.statSync(lockFile(folder)).mode & 0o777).toBe(0o600);
  });

  it('shows who holds it, and nobody when nobody living does', async () => {
    const folder = runtimeFolder();
    expect(await readAgentLock({ folder, host: holder })).toBeNull();
    await takeAgentLock({ folder, host: holder });
    expect(await readAgentLock({ folder, host: holder })).toMatchObject({ pid: 100 });
    expect(await readAgentLock({ folder, host: fakeHost({ pid: 200 }) })).toBeNull();
  });

  it('is free again after release', async () => {
    const folder = runtimeFolder();
    const lock = await takeAgentLock({ folder, host: holder });
    await lock.release();
    await lock.release();
    expect(names(folder)).toEqual([]);
    await takeAgentLock({ folder, host: fakeHost({ pid: 200, processes: alive }) });
  });

  it('does not release the lock of somebody else', async () => {
    const folder = runtimeFolder();
    const old = await takeAgentLock({ folder, host: holder });
    await takeAgentLock({ folder, host: fakeHost({ pid: 200 }) });
    await old.release();
    expect(await readAgentLock({ folder, host: fakeHost({ pid: 200 }) })).toMatchObject({ pid: 200 });
  });
});

describe('a lock left behind', () => {
  it.each([
    ['of a process that is gone', fakeHost({ pid: 200 })],
    ['whose process id was given to another program', fakeHost({ pid: 200, processes: { 100: 'start-later' } })],
    ['from before a reboot', fakeHost({ pid: 200, bootId: 'boot-b', processes: alive })],
    ['from a copied disk', fakeHost({ pid: 200, machineId: 'machine-b', processes: alive })],
  ])('%s is taken over', async (_, host) => {
    const folder = runtimeFolder();
    await takeAgentLock({ folder, host: holder });
    const { instance } = await takeAgentLock({ folder, host });
    expect(JSON.parse(fs.readFileSync(lockFile(folder), 'utf8'))).toMatchObject({ pid: 200, instance });
    expect(names(folder)).toEqual(['agent.lock']);
  });

  it.each([
    ['an empty file', ''],
    ['NUL bytes', '\0'.repeat(100)],
    ['another JSON', '{"pid":100}'],
    ['a negative process id', JSON.stringify({ machineId: 'machine-a', bootId: 'boot-a', pid: -1, startTime: 'x', instance: 'i', at: '' })],
  ])('that is no lock at all is taken over: %s', async (_, text) => {
    const folder = runtimeFolder();
    fs.writeFileSync(lockFile(folder), text, { mode: 0o600 });
    await takeAgentLock({ folder, host: holder });
    expect(await readAgentLock({ folder, host: holder })).toMatchObject({ pid: 100 });
  });

  it('is left alone while a living starter is taking it over', async () => {
    const folder = runtimeFolder();
    await takeAgentLock({ folder, host: fakeHost({ pid: 50 }) });
    const claim = `${lockFile(folder)}.${await keyOf(lockFile(folder))}`;
    // The rival (pid 100) has claimed the dead lock and not yet replaced it.
    const rival = runtimeFolder();
    await takeAgentLock({ folder: rival, host: holder });
    fs.copyFileSync(lockFile(rival), claim);
    await expect(takeAgentLock({ folder, host: fakeHost({ pid: 200, processes: alive }) })).rejects.toMatchObject({
      code: 'AGENT_RUNNING',
      pid: 100,
    });
    // The rival dies in the middle of it.
    await takeAgentLock({ folder, host: fakeHost({ pid: 200 }) });
    expect(names(folder)).toEqual(['agent.lock']);
  });

  it('is not taken from the one who was faster, by one who had already judged it dead', async () => {
    const folder = runtimeFolder();
    await takeAgentLock({ folder, host: fakeHost({ pid: 50 }) });
    const judging = Promise.withResolvers<void>();
    const resume = Promise.withResolvers<void>();
    const everyone = { 100: 'start-100', 200: 'start-200' };
    const slow: HostFacts = {
      ...fakeHost({ pid: 200, processes: everyone }),
      startTime: async (pid) => {
        if (pid === 50) {
          judging.resolve();
          await resume.promise;
        }
        return pid === 50 ? null : (everyone[pid as 100 | 200] ?? null);
      },
    };
    const late = takeAgentLock({ folder, host: slow });
    await judging.promise;
    await takeAgentLock({ folder, host: fakeHost({ pid: 100, processes: everyone }) });
    resume.resolve();
    await expect(late).rejects.toMatchObject({ code: 'AGENT_RUNNING', pid: 100 });
    expect(await readAgentLock({ folder, host: fakeHost({ pid: 200, processes: everyone }) })).toMatchObject({ pid: 100 });
  });

  it('takes what crashed starters left with it, but nothing of living ones', async () => {
    const folder = runtimeFolder();
    const dead = JSON.stringify({ machineId: 'machine-a', bootId: 'boot-a', pid: 51, startTime: 'x', instance: 'i', at: '' });
    fs.writeFileSync(path.join(folder, 'agent.lock.i.new'), dead, { mode: 0o600 });
    fs.writeFileSync(path.join(folder, 'agent.lock.k'), dead, { mode: 0o600 });
    fs.writeFileSync(path.join(folder, 'agent.lock.j.new'), '', { mode: 0o600 });
    await takeAgentLock({ folder, host: holder });
    expect(names(folder)).toEqual(['agent.lock', 'agent.lock.j.new']);
    await (await takeLock({ folder, host: fakeHost({ pid: 200 }), clock: fakeClock(Date.now() + 61_000) })).release();
    expect(names(folder)).toEqual([]);
  });
});

describe('something else in the lock’s place', () => {
  it('is refused when it is a link', async () => {
    const folder = runtimeFolder();
    const elsewhere = path.join(runtimeFolder(), 'elsewhere');
    fs.writeFileSync(elsewhere, 'x');
    fs.symlinkSync(elsewhere, lockFile(folder));
    await expect(takeAgentLock({ folder, host: holder })).rejects.toMatchObject({ code: 'RUNTIME_UNSAFE', reason: 'lock' });
    expect(fs.readFileSync(elsewhere, 'utf8')).toBe('x');
  });

  it.runIf(process.getuid?.() === 0)('is refused when it belongs to another user', async () => {
    const folder = runtimeFolder();
    fs.writeFileSync(lockFile(folder), '');
    fs.chownSync(lockFile(folder), 65534, 65534);
    await expect(takeAgentLock({ folder, host: holder })).rejects.toMatchObject({ code: 'RUNTIME_UNSAFE', reason: 'lock' });
  });
});

describe('the start time of a process', () => {
  const after = ['S', ...Array.from({ length: 18 }, (_, n) => String(n + 4)), '98765', '23', '24'];
  it.each([
    ['a plain name', `1 (node) ${after.join(' ')}`, '98765'],
    ['a name made to confuse', `1 (a) R 1 (b) S 2) ${after.join(' ')}`, '98765'],
    ['a zombie', `1 (node) ${after.with(0, 'Z').join(' ')}`, null],
    ['a dead process', `1 (node) ${after.with(0, 'X').join(' ')}`, null],
    ['nothing', '', null],
    ['half a line', '1 (node) S 1 2', null],
  ])('is read from %s', (_, stat, expected) => {
    expect(startTimeOf(stat)).toBe(expected);
  });

  it('is known for ourselves and not for a process that has ended', async () => {
    const host = hostFacts();
    expect(await host.startTime(process.pid)).toMatch(/^\d+$/);
    const child = spawn(process.execPath, ['-e', '']);
    await once(child, 'exit');
    expect(await host.startTime(child.pid as number)).toBeNull();
  });
});

describe('many starters at once', () => {
  it('lets exactly one win, over a free lock and over a dead one, each time', async () => {
    const folder = runtimeFolder();
    for (let round = 0; round < 3; round += 1) {
      const starters = await Promise.all(Array.from({ length: 6 }, () => startStarter(folder)));
      const answers = await Promise.all(starters.map(({ go }) => go()));
      const winners = starters.filter((_, index) => answers[index]?.startsWith('won '));
      expect(winners).toHaveLength(1);
      const winner = winners[0] as Starter;
      const losers = answers.filter((answer) => !answer.startsWith('won '));
      expect(losers.every((answer) => /^lost AGENT_RUNNING \d+$/.test(answer))).toBe(true);
      expect(answers).toContain(`won ${(await readAgentLock({ folder }))?.instance}`);
      // Killed, not ended: the next round begins with a dead lock.
      winner.child.kill('SIGKILL');
      await winner.ended;
    }
  }, 180_000);
});

interface Starter {
  child: ChildProcessWithoutNullStreams;
  go(): Promise<string>;
  ended: Promise<unknown>;
}

async function startStarter(folder: string): Promise<Starter> {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'starter.ts'), folder]);
  onTestFinished(() => void child.kill('SIGKILL'));
  const ended = once(child, 'exit');
  const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  expect((await lines.next()).value).toBe('ready');
  return {
    child,
    ended,
    go: async () => {
      child.stdin.write('go\n');
      return String((await lines.next()).value);
    },
  };
}

async function keyOf(file: string): Promise<string> {
  const { hash } = await import('node:crypto');
  return hash('sha256', fs.readFileSync(file, 'utf8')).slice(0, 32);
}
