/** Who holds a socket, among processes that come and go. */
import { describe, expect, it } from 'vitest';
import { createHolderSearch } from '../../../main/caller/holders.ts';
import { fakeProcesses, OURS } from './fake-processes.ts';

const socket = (inode: string) => `socket:[${inode}]`;
const bench = () => {
  const files = fakeProcesses();
  return { files, search: createHolderSearch({ files, uid: OURS }) };
};
const pidsOf = (found: Map<string, { pid: number }>) => Object.fromEntries([...found].map(([inode, { pid }]) => [inode, pid]));

describe('the first holder of a socket', () => {
  it('is found by where its descriptors lead', () => {
    const { files, search } = bench();
    files.add(10, { fds: { 0: '/dev/null', 3: socket('99') } });
    files.add(11, { fds: { 3: socket('990') } });
    expect([...search.first(new Set(['99'])).values()]).toEqual([{ pid: 10, startTicks: 1000, inode: '99', fd: '3' }]);
  });

  it('is the newest of several', () => {
    const { files, search } = bench();
    for (const pid of [10, 12, 11]) files.add(pid, { fds: { 3: socket('99') } });
    expect(pidsOf(search.first(new Set(['99'])))).toEqual({ 99: 12 });
  });

  it('is nobody for a socket that only another user holds, whose descriptors are not looked at', () => {
    const { files, search } = bench();
    files.add(10, { uid: 1001, fds: { 3: socket('99') } });
    expect(search.first(new Set(['99']))).toEqual(new Map());
    expect(files.reads).toEqual(['uid 10']);
  });

  it('is found at once where it was found before, at the same descriptor', () => {
    const { files, search } = bench();
    files.add(10, { fds: { 0: '/dev/null', 3: socket('99') } });
    for (let pid = 11; pid < 50; pid++) files.add(pid);
    search.first(new Set(['99']));
    files.add(10, { fds: { 0: '/dev/null', 3: socket('100') } });
    files.reads = [];
    expect(pidsOf(search.first(new Set(['100'])))).toEqual({ 100: 10 });
    expect(files.reads.filter((read) => !read.endsWith(' 10'))).toEqual([]);
    expect(files.reads).not.toContain('descriptors 10');
  });

  it('is not looked for in a process that only has the number of one seen before', () => {
    const { files, search } = bench();
    files.add(10, { fds: { 3: socket('99') } });
    search.first(new Set(['99']));
    files.add(10, { startTicks: 2000, fds: { 3: socket('100') } });
    expect([...search.first(new Set(['100'])).values()]).toMatchObject([{ pid: 10, startTicks: 2000 }]);
  });

  it('is not a process that got the number of one that held the socket', () => {
    const { files, search } = bench();
    files.add(10, { fds: { 3: socket('99') } });
    files.before = (read) => {
      if (read === 'stat 10') files.add(10, { startTicks: 2000 });
    };
    expect(search.first(new Set(['99']))).toEqual(new Map());
  });

  it('is found for many sockets in one look', () => {
    const { files, search } = bench();
    files.add(10, { fds: { 3: socket('1'), 4: socket('2') } });
    files.add(11, { fds: { 3: socket('3') } });
    expect(pidsOf(search.first(new Set(['1', '2', '3', '4'])))).toEqual({ 1: 10, 2: 10, 3: 11 });
    expect(files.reads.filter((read) => read.startsWith('descriptors'))).toHaveLength(2);
  });
});

describe('all holders of a socket', () => {
  it('are found, each once, and no others', async () => {
    const { files, search } = bench();
    for (let pid = 100; pid < 200; pid++) files.add(pid, { fds: { 1: socket('5') } });
    files.add(10, { fds: { 3: socket('99'), 4: socket('99') } });
    files.add(150, { fds: { 3: socket('99') } });
    files.add(151, { uid: 1001, fds: { 3: socket('99') } });
    expect((await search.all(new Set(['99']))).map(({ pid }) => pid)).toEqual([150, 10]);
  });
});
