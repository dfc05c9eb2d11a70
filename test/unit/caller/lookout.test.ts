/** Answers about connections, from a made-up /proc. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keyOf } from '../../../main/caller/connection-rows.ts';
import { createLookout, type Lookout } from '../../../main/caller/lookout.ts';
import { type FakeProc, fakeProc, row } from './fake-proc.ts';
import { fakeProcesses } from './fake-processes.ts';

const uid = process.getuid?.() ?? 0;
const connection = { ourPort: 20_000, peerPort: 40_000 };
const key = keyOf(connection);

let proc: FakeProc;
let lookout: Lookout;
beforeEach(() => {
  proc = fakeProc();
  lookout = createLookout({ proc: proc.folder, uid });
});
afterEach(() => proc.remove());

const pidsIn = (finding: { seen: { process: { pid: number } }[] } | undefined) => finding?.seen.map(({ process }) => process.pid);

describe('a connection', () => {
  it('has a user, a caller and holders', async () => {
    proc.table('tcp', row({ ...connection, uid, inode: '99' }));
    proc.start(70, { files: { 'fd/3@': 'socket:[99]' } });
    proc.start(71, { files: { 'fd/3@': 'socket:[99]' } });
    const [owner, caller] = await lookout.answer([
      { about: 'owner', key },
      { about: 'caller', key },
    ]);
    const [holders] = await lookout.answer([{ about: 'holders', key }]);
    expect([owner?.uid, pidsIn(owner)]).toEqual([uid, []]);
    expect([caller?.uid, pidsIn(caller)]).toEqual([uid, [71]]);
    expect([holders?.uid, pidsIn(holders)]).toEqual([uid, [71, 70]]);
  });

  it('of another user has that user and nobody else, though the processes could be read', async () => {
    proc.table('tcp', row({ ...connection, uid: uid + 1, inode: '99' }));
    proc.start(70, { files: { 'fd/3@': 'socket:[99]' } });
    expect(await lookout.answer([{ about: 'caller', key }])).toEqual([{ uid: uid + 1, seen: [] }]);
    expect(await lookout.answer([{ about: 'holders', key }])).toEqual([{ uid: uid + 1, seen: [] }]);
  });

  it('that nobody owns any more has nobody', async () => {
    proc.table('tcp', row({ ...connection, uid: 0, inode: '0' }));
    expect(await lookout.answer([{ about: 'caller', key }])).toEqual([{ uid: null, seen: [] }]);
  });

  it('has no caller when its holder’s number passes to another process before that is looked at', async () => {
    proc.table('tcp', row({ ...connection, uid, inode: '99' }));
    const files = fakeProcesses();
    files.add(70, { uid, fds: { 3: 'socket:[99]' } });
    files.before = (read) => {
      if (read === 'uid 70' && files.reads.includes('stat 70')) files.add(70, { uid, startTicks: 2000, executable: '/usr/bin/stranger' });
    };
    const [found] = await createLookout({ proc: proc.folder, uid }, files).answer([{ about: 'caller', key }]);
    expect(found).toEqual({ uid, seen: [] });
  });

  it('that is not in the table is told apart from one that nobody owns', async () => {
    expect(await lookout.answer([{ about: 'caller', key }])).toEqual([{ uid: undefined, seen: [] }]);
  });

  it('whose holder cannot be found has a user and no caller', async () => {
    proc.table('tcp', row({ ...connection, uid, inode: '99' }));
    proc.start(70);
    expect(await lookout.answer([{ about: 'caller', key }])).toEqual([{ uid, seen: [] }]);
  });

  it('is found by a kernel without IPv6 as well as by one with it', async () => {
    proc.table('tcp6', '');
    expect(await lookout.answer([{ about: 'owner', key }])).toEqual([{ uid: undefined, seen: [] }]);
    proc.table('tcp', row({ ...connection, uid, inode: '99' }));
    expect(await lookout.answer([{ about: 'owner', key }])).toEqual([{ uid, seen: [] }]);
  });

  it('is found behind hundreds of others, wherever a read ends', async () => {
    const others = Array.from({ length: 900 }, (_, n) => row({ ourPort: 443, peerPort: 1000 + n, uid, inode: String(1000 + n) })).join('');
    proc.table('tcp', others + row({ ...connection, uid, inode: '99' }));
    expect(await lookout.answer([{ about: 'owner', key }])).toEqual([{ uid, seen: [] }]);
  });
});

describe('a process', () => {
  it('is seen by its number', async () => {
    proc.start(60, { startTicks: 5 });
    proc.start(70, { parent: 60, startTicks: 50, files: { environ: 'JPY_SESSION_NAME=churn.ipynb\0' } });
    const [found] = await lookout.answer([{ about: 'process', pid: 70 }]);
    expect(found?.seen).toMatchObject([{ process: { pid: 70 }, ancestors: [{ pid: 60 }], namespaces: 'ours', notebook: 'churn.ipynb' }]);
  });

  it('is nobody when it is a zombie', async () => {
    proc.start(70, { state: 'Z' });
    expect(await lookout.answer([{ about: 'process', pid: 70 }])).toEqual([{ uid: null, seen: [] }]);
  });
});
