/** Callers on macOS, over outputs in the form its manual pages describe. */
import { describe, expect, it } from 'vitest';
import { unknownCaller } from '../../../main/caller/caller.ts';
import { createDarwinCallers, readLsof, readPs } from '../../../main/caller/darwin.ts';

const ada = 501;
const peer = { localPort: 12_000, remotePort: 52_000 };

const sockets = (uid = ada) => `p4242
u${uid}
f5
n127.0.0.1:52000->127.0.0.1:12000
f9
n127.0.0.1:52001->127.0.0.1:12000
p900
u501
f11
n127.0.0.1:12000->127.0.0.1:52000
`;
const processes = `    1     0     0 Ss   Sat Nov 22 08:00:00 2025     /sbin/launchd
  700     1   501 S    Sat Nov 22 09:00:00 2025     /Applications/Visual Studio Code.app/Contents/MacOS/Electron
  800   700   501 S+   Sat Nov 22 09:30:00 2025     -zsh
 4242   800   501 S+   Sat Nov 22 09:59:59 2025     python3.11 train.py --epochs 3
 4300   800   501 Z+   Sat Nov 22 09:59:59 2025     (gone)
 4301   800   501 S+   Sun Nov  2 09:59:59 2025
`;
const files = `p700
fcwd
n/
ftxt
n/Applications/Visual Studio Code.app/Contents/MacOS/Electron
p800
fcwd
n/Users/ada
ftxt
n/bin/zsh
p4242
fcwd
n/Users/ada/churn
ftxt
n/opt/homebrew/bin/python3.11
ftxt
n/usr/lib/dyld
`;

/** A Mac that answers each command from a table; `asked` has the commands in order. */
function mac({ lsof = sockets(), ps = [processes], details = files } = {}) {
  const asked: string[] = [];
  const lists = [...ps];
  function answer(command: string, args: readonly string[]): string {
    const line = [command, ...args].join(' ');
    asked.push(line);
    if (line.includes('/bin/ps')) return (lists.length > 1 ? lists.shift() : lists[0]) ?? '';
    return line.includes(' -d ') ? details : lsof;
  }
  const commands = { run: async (command: string, args: readonly string[]) => answer(command, args), runNow: answer };
  return { asked, callers: createDarwinCallers({ commands, uid: ada, extraAiAgents: () => ['house-agent'] }) };
}

describe('a caller on macOS', () => {
  it('is the process whose end of the connection it is, with its parents', async () => {
    expect(await mac().callers.attribute(peer)).toEqual({
      uid: ada,
      caller: {
        ...{ kind: 'program', aiAgent: null, forwarder: null, notebook: null, interpreter: { name: 'python', script: 'train.py' } },
        process: {
          ...{ pid: 4242, startTicks: Date.UTC(2025, 10, 22, 9, 59, 59) / 1000, uid: ada, executable: '/opt/homebrew/bin/python3.11' },
          ...{ commandLine: ['python3.11', 'train.py', '--epochs', '3'], folder: '/Users/ada/churn', cgroup: null },
        },
        ancestors: [
          expect.objectContaining({ pid: 800, executable: '/bin/zsh' }),
          expect.objectContaining({ pid: 700, executable: '/Applications/Visual Studio Code.app/Contents/MacOS/Electron' }),
        ],
      },
    });
  });

  it('is not looked at further when it is another user', async () => {
    const { callers, asked } = mac({ lsof: sockets(502) });
    expect(await callers.attribute(peer)).toEqual({ uid: 502, caller: unknownCaller });
    expect(asked).toEqual(['/usr/sbin/lsof -nP -iTCP:52000 -F pufn']);
  });

  it('is nobody when no process of ours has that end, or the command cannot be run', async () => {
    expect(await mac({ lsof: '' }).callers.attribute(peer)).toEqual({ uid: null, caller: unknownCaller });
    const run = () => Promise.reject(new Error('ENOENT'));
    const callers = createDarwinCallers({ uid: ada, commands: { run, runNow: () => '' } });
    expect(await callers.attribute(peer)).toEqual({ uid: null, caller: unknownCaller });
    expect([await callers.holders(peer), await callers.inspect(4242)]).toEqual([[], null]);
  });

  it('is unknown when its number has passed to another process meanwhile', async () => {
    const { callers } = mac({ ps: [processes, processes.replace('09:59:59 2025     python3.11 train.py', '10:00:00 2025     evil')] });
    expect(await callers.attribute(peer)).toEqual({ uid: ada, caller: unknownCaller });
  });

  it('may be one of several holders', async () => {
    const { callers } = mac({ lsof: `${sockets()}p800\nu501\nf3\nn127.0.0.1:52000->127.0.0.1:12000\n` });
    expect((await callers.holders(peer)).map(({ process }) => process?.pid)).toEqual([4242, 800]);
  });

  it('is known when its IPv6 socket speaks IPv4', async () => {
    const { callers } = mac({ lsof: 'p4242\nu501\nf5\nn[::ffff:127.0.0.1]:52000->[::ffff:127.0.0.1]:12000\n' });
    expect((await callers.attribute(peer)).caller.process?.pid).toBe(4242);
  });

  it('is alive while ps shows it with the same start', () => {
    const { callers } = mac();
    const startTicks = Date.UTC(2025, 10, 22, 9, 59, 59) / 1000;
    expect([4242, 4300, 5000].map((pid) => callers.isAlive({ pid, startTicks }))).toEqual([true, false, false]);
    expect(callers.isAlive({ pid: 4242, startTicks: startTicks + 1 })).toBe(false);
  });
});

describe('the output of lsof', () => {
  it.each([
    ['nothing', ''],
    ['an error message', 'lsof: WARNING: can’t stat() hfs file system'],
    ['names without a process', 'f5\nn127.0.0.1:1->127.0.0.1:2\n'],
    ['a process that is no number', 'pevil\nu501\nf5\nnx\n'],
  ])('names nobody in %s', (_what, text) => {
    expect(readLsof(text)).toEqual([]);
  });

  it('has no user where it says none', () => {
    expect(readLsof('p1\nuroot\nf5\nnx\n')).toEqual([{ pid: 1, uid: null, fd: '5', name: 'x' }]);
  });
});

describe('the output of ps', () => {
  it('has no zombies, and a day of one digit', () => {
    const list = readPs(processes);
    expect([...list.keys()]).toEqual([1, 700, 800, 4242, 4301]);
    expect(list.get(4301)).toMatchObject({ startTicks: Date.UTC(2025, 10, 2, 9, 59, 59) / 1000, commandLine: null });
  });

  it.each(['', 'ps: illegal option', '  1 0 root Ss Sat Nov 22 08:00:00 2025 x', '1 0 0 Ss Sat Foo 22 08:00:00 2025 x', '-1 0 0 S x'])(
    'lists nobody in %j',
    (text) => {
      expect(readPs(text).size).toBe(0);
    },
  );
});
