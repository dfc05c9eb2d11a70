/** One process and those above it, while they change under the reader's eyes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSightings } from '../../../main/caller/sighting.ts';
import { type FakeProcesses, fakeProcesses, OURS } from './fake-processes.ts';

const look = (files: FakeProcesses, pid: number) => createSightings({ files, uid: OURS }).see(pid);
const chainOf = (files: FakeProcesses, pid: number) => look(files, pid)?.ancestors.map((process) => process.pid);

function family(): FakeProcesses {
  const files = fakeProcesses();
  files.add(10, { startTicks: 10, executable: '/usr/bin/bash' });
  files.add(20, { startTicks: 20, parent: 10, executable: '/usr/bin/node' });
  files.add(30, { startTicks: 30, parent: 20, executable: '/usr/bin/python3.11' });
  return files;
}

describe('a process and those above it', () => {
  it('is reported with its parent first', () => {
    const files = family();
    expect(look(files, 30)?.process).toEqual({
      ...{ pid: 30, startTicks: 30, uid: OURS, executable: '/usr/bin/python3.11' },
      ...{ commandLine: ['program'], folder: '/home/ada', cgroup: '/' },
    });
    expect(chainOf(files, 30)).toEqual([20, 10]);
  });

  it('has null for what the system does not say', () => {
    const files = fakeProcesses();
    files.add(30, { executable: null, commandLine: null, folder: null, cgroup: null });
    expect(look(files, 30)?.process).toMatchObject({ executable: null, commandLine: null, folder: null, cgroup: null });
  });

  it('is nobody where there is no such process', () => {
    expect(look(fakeProcesses(), 30)).toBeNull();
  });

  it('is nobody when it belongs to another user, and nothing but that is read of it', () => {
    const files = family();
    files.add(30, { uid: 1001 });
    expect(look(files, 30)).toBeNull();
    expect(files.reads).toEqual(['stat 30', 'uid 30']);
  });

  it('ends below the first process of another user', () => {
    const files = family();
    files.add(20, { startTicks: 20, parent: 10, uid: 0 });
    expect(chainOf(files, 30)).toEqual([]);
    expect(files.reads.filter((read) => /(20|10)$/.test(read))).toEqual(['stat 20', 'uid 20']);
  });

  it('never has process 1 above it, which takes in every orphan', () => {
    const files = fakeProcesses();
    files.add(1, { startTicks: 1, parent: 0 });
    files.add(30);
    expect(chainOf(files, 30)).toEqual([]);
  });

  it('ends at 32 above it', () => {
    const files = fakeProcesses();
    for (let pid = 2; pid < 100; pid++) files.add(pid, { startTicks: pid, parent: pid - 1 });
    expect(chainOf(files, 99)).toHaveLength(32);
  });

  it('has nobody above it who is younger than it', () => {
    const files = family();
    files.add(20, { startTicks: 31, parent: 10 });
    expect(chainOf(files, 30)).toEqual([]);
  });

  it.each([
    ['is its own parent', { 30: 30 }],
    ['is the parent of its parent', { 30: 20, 20: 30 }],
  ])('is not followed in circles when it %s', (_what, parents: Record<number, number>) => {
    const files = fakeProcesses();
    for (const [pid, parent] of Object.entries(parents)) files.add(Number(pid), { parent });
    expect(chainOf(files, 30)?.length).toBeLessThanOrEqual(32);
  });

  it('reads no environment but that of the caller itself', () => {
    const files = family();
    look(files, 30);
    expect(files.reads.filter((read) => read.startsWith('notebook'))).toEqual(['notebook 30']);
  });

  it.each([
    ['ours', 'mnt:[1] pid:[2] user:[3]'],
    ['others', 'mnt:[9] pid:[2] user:[3]'],
    ['unknown', null],
  ])('says that its namespaces are %s for %s', (expected, namespaces) => {
    const files = fakeProcesses();
    files.add(30, { namespaces });
    expect(look(files, 30)?.namespaces).toBe(expected);
  });
});

describe('a process that changes while it is read', () => {
  /** Changes the machine once, before the named read. */
  function once(files: FakeProcesses, at: string, change: () => void): void {
    files.before = (read) => {
      if (read !== at) return;
      files.before = () => undefined;
      change();
    };
  }

  it('is not described with the facts of another that got its number', () => {
    const files = family();
    once(files, 'commandLine 30', () =>
      files.add(30, { startTicks: 77, parent: 20, executable: '/usr/bin/other', commandLine: ['other'] }),
    );
    expect(look(files, 30)?.process).toMatchObject({ startTicks: 77, executable: '/usr/bin/other', commandLine: ['other'] });
  });

  it('is described as what it has become by execve', () => {
    const files = family();
    const before = files.processes.get(30);
    once(files, 'commandLine 30', () => files.add(30, { ...before, executable: '/usr/bin/other', commandLine: ['other'] }));
    expect(look(files, 30)?.process).toMatchObject({ executable: '/usr/bin/other', commandLine: ['other'] });
  });

  it('has the parent it has now, not one that got the number of the parent it had', () => {
    const files = family();
    files.add(5, { startTicks: 5 });
    once(files, 'stat 20', () => {
      files.add(20, { startTicks: 25, executable: '/usr/bin/stranger' });
      files.add(30, { ...files.processes.get(30), parent: 5 });
    });
    expect(chainOf(files, 30)).toEqual([5]);
  });

  it('is nobody when it goes', () => {
    const files = family();
    once(files, 'notebook 30', () => files.processes.delete(30));
    expect(look(files, 30)).toBeNull();
  });

  it('is nobody when it never stands still', () => {
    const files = family();
    let ticks = 100;
    files.before = (read) => {
      if (read === 'commandLine 30') files.add(30, { startTicks: ticks++ });
    };
    expect(look(files, 30)).toBeNull();
  });

  it('is never mixed with another, wherever the change falls', () => {
    fc.assert(
      fc.property(fc.nat(60), fc.nat(60), (first, second) => {
        const files = fakeProcesses();
        const become = (n: number) =>
          files.add(30, { startTicks: n, executable: `/bin/${n}`, folder: `/${n}`, commandLine: [String(n)], notebook: String(n) });
        become(1);
        let reads = 0;
        files.before = () => {
          if (reads === first) become(2);
          if (reads === first + second + 1) become(3);
          reads++;
        };
        const seen = look(files, 30);
        const n = seen?.process.startTicks;
        const all = [seen?.process.executable, seen?.process.folder, seen?.process.commandLine?.[0], seen?.notebook];
        expect(all).toEqual([`/bin/${n}`, `/${n}`, String(n), String(n)]);
      }),
    );
  });
});
