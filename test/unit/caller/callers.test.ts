/** Callers as the rest of the agent sees them, over a made-up /proc and a real thread. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unknownCaller } from '../../../main/caller/caller.ts';
import { createCallers, type LinuxCallers } from '../../../main/caller/callers.ts';
import { type FakeProc, fakeProc, row } from './fake-proc.ts';

const uid = process.getuid?.() ?? 0;
const peer = { localPort: 20_000, remotePort: 40_000 };

let proc: FakeProc;
let callers: LinuxCallers;
beforeEach(() => {
  proc = fakeProc();
  callers = createCallers({ proc: proc.folder, extraAiAgents: () => ['house-agent'] });
});
afterEach(async () => {
  await callers.close();
  proc.remove();
});

const connect = (owner = uid) => proc.table('tcp', row({ ourPort: peer.localPort, peerPort: peer.remotePort, uid: owner, inode: '99' }));

describe('who is on the other end', () => {
  it('is the user and the program', async () => {
    connect();
    proc.start(70, { files: { 'exe@': '/opt/house-agent', 'fd/3@': 'socket:[99]' } });
    expect(await callers.attribute(peer)).toMatchObject({
      uid,
      caller: { kind: 'ai-agent', aiAgent: 'house-agent', process: { pid: 70 } },
    });
    expect(await callers.holders(peer)).toHaveLength(1);
    expect(await callers.peerUid.lookup(peer)).toBe(uid);
  });

  it('is an unknown program of a known user where no process is found', async () => {
    connect();
    expect(await callers.attribute(peer)).toEqual({ uid, caller: unknownCaller });
  });

  it('brings no more of the environment than the notebook', async () => {
    connect();
    proc.start(70, { files: { 'fd/3@': 'socket:[99]', environ: 'SECRET=marked\0JPY_SESSION_NAME=churn.ipynb\0TOKEN=marked\0' } });
    const found = await callers.attribute(peer);
    expect(found.caller.notebook).toBe('churn.ipynb');
    expect(JSON.stringify(found)).not.toContain('marked');
  });

  it('is nobody where there is no such connection, and after closing', async () => {
    expect(await callers.attribute(peer)).toEqual({ uid: null, caller: unknownCaller });
    expect(await callers.holders(peer)).toEqual([]);
    await callers.close();
    connect();
    expect(await callers.attribute(peer)).toEqual({ uid: null, caller: unknownCaller });
  });

  it('is a foreign user without a program', async () => {
    connect(uid + 1);
    proc.start(70, { files: { 'fd/3@': 'socket:[99]' } });
    expect(await callers.attribute(peer)).toEqual({ uid: uid + 1, caller: unknownCaller });
  });

  it('is answered for all who wait, however they ask', async () => {
    connect();
    proc.start(70, { files: { 'fd/3@': 'socket:[99]' } });
    const many = Array.from({ length: 100 }, () => callers.attribute(peer));
    const other = [callers.peerUid.lookup(peer), callers.peerUid.lookup({ localPort: 1, remotePort: 2 })];
    expect((await Promise.all(many)).filter(({ caller }) => caller.process?.pid !== 70)).toEqual([]);
    expect(await Promise.all(other)).toEqual([uid, null]);
  });

  it('does not wait for a look at every process that others have asked for', async () => {
    connect();
    proc.start(1000, { files: { 'fd/3@': 'socket:[99]' } });
    for (let pid = 100; pid < 400; pid++) proc.add(pid, { 'fd/3@': 'socket:[5]' });
    await callers.attribute(peer);
    const answered: string[] = [];
    const holders = callers.holders(peer).then(() => answered.push('holders'));
    const caller = callers.attribute(peer).then(() => answered.push('caller'));
    await Promise.all([holders, caller]);
    expect(answered).toEqual(['caller', 'holders']);
  });
});

describe('a process that is named by its number', () => {
  it('is described', async () => {
    proc.start(70);
    expect(await callers.inspect(70)).toMatchObject({ kind: 'program', process: { pid: 70, startTicks: 1000 } });
  });

  it.each([71, 0, -1, 1.5, Number.NaN, Number.MAX_VALUE])('is nobody for %d', async (pid) => {
    proc.start(70);
    expect(await callers.inspect(pid)).toBeNull();
  });
});

describe('a process that was known', () => {
  const known = { pid: 70, startTicks: 1000 };

  it('is alive while it runs', () => {
    proc.start(70);
    expect(callers.isAlive(known)).toBe(true);
  });

  it('is dead when it is gone or a zombie', () => {
    expect(callers.isAlive(known)).toBe(false);
    proc.start(70, { state: 'Z' });
    expect(callers.isAlive(known)).toBe(false);
  });

  it('is dead when another process has its number', () => {
    proc.start(70, { startTicks: 2000 });
    expect(callers.isAlive(known)).toBe(false);
  });
});
