/** Callers on Windows, over outputs in the form its documentation describes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unknownCaller } from '../../../main/caller/caller.ts';
import { type CimRow, createWindowsCallers, readCim, readNetstat, splitCommandLine } from '../../../main/caller/windows.ts';

const ADA = 'S-1-5-21-1-2-3-1001';
const peer = { localPort: 12_000, remotePort: 52_000 };

const netstat = `
Aktive Verbindungen

  Proto  Lokale Adresse         Remoteadresse          Status           PID
  TCP    0.0.0.0:135            0.0.0.0:0              ABHÖREN          1044
  TCP    127.0.0.1:12000        127.0.0.1:52000        HERGESTELLT      900
  TCP    127.0.0.1:52000        127.0.0.1:12000        HERGESTELLT      4242
  TCP    127.0.0.1:52000        127.0.0.1:12001        HERGESTELLT      77
  TCP    127.0.0.1:52001        127.0.0.1:12000        WARTEND          0
`.replaceAll('\n', '\r\n');

const row = (
  ProcessId: number,
  ParentProcessId: number,
  Created: number | null,
  path: string | null,
  CommandLine: string | null = path,
): CimRow => ({
  ...{ ProcessId, ParentProcessId, Created, ExecutablePath: path, CommandLine },
});
const rows = [
  row(4, 0, null, null),
  row(600, 4, 1000, 'C:\\Windows\\explorer.exe'),
  row(700, 600, 2000, 'C:\\Windows\\System32\\cmd.exe'),
  row(4242, 700, 3000, 'C:\\Python311\\python.exe', '"C:\\Python311\\python.exe" -u "my train.py"'),
];

/** A Windows that answers from tables. Owners are only told of processes that were named. */
function windows({ lists = [rows], owners = {} as Record<number, string>, table = netstat } = {}) {
  const asked: string[] = [];
  const remaining = [...lists];
  function answer(command: string, args: readonly string[]): string {
    asked.push(command);
    if (command === 'netstat.exe') return table;
    const named = [...(args.at(-1) ?? '').matchAll(/ProcessId=(\d+)/g)].map(([, pid]) => Number(pid));
    const list = (remaining.length > 1 ? remaining.shift() : remaining[0]) ?? [];
    const shown = named.length === 0 ? list : list.filter(({ ProcessId }) => named.includes(ProcessId));
    const answered = shown.map((one) => ({ ...one, Sid: named.length === 0 ? null : (owners[one.ProcessId] ?? ADA) }));
    return answered.length === 0 ? '' : JSON.stringify(answered.length === 1 ? answered[0] : answered);
  }
  const commands = { run: async (command: string, args: readonly string[]) => answer(command, args), runNow: answer };
  return { asked, callers: createWindowsCallers({ commands, sid: ADA, uid: 0 }) };
}

describe('a caller on Windows', () => {
  it('is the process whose end of the connection it is, with its parents', async () => {
    const { uid, caller } = await windows().callers.attribute(peer);
    expect([uid, caller.kind, caller.interpreter]).toEqual([0, 'program', { name: 'python', script: 'my train.py' }]);
    expect(caller.process).toMatchObject({ pid: 4242, startTicks: 3000, executable: 'C:\\Python311\\python.exe', folder: null });
    expect(caller.ancestors.map(({ pid }) => pid)).toEqual([700, 600]);
  });

  it('is nobody we know when it is another user', async () => {
    const { callers } = windows({ owners: { 4242: 'S-1-5-18' } });
    expect(await callers.attribute(peer)).toEqual({ uid: null, caller: unknownCaller });
    expect(await callers.holders(peer)).toEqual([]);
  });

  it('ends below another user’s process', async () => {
    const { callers } = windows({ owners: { 700: 'S-1-5-18' } });
    expect((await callers.attribute(peer)).caller.ancestors).toEqual([]);
  });

  it('has no parent that is younger than it: a number whose process has gone is used again', async () => {
    const { callers } = windows({ lists: [rows.map((one) => (one.ProcessId === 700 ? { ...one, Created: 3001 } : one))] });
    expect((await callers.attribute(peer)).caller.ancestors).toEqual([]);
  });

  it('is unknown when its number has passed to another process meanwhile', async () => {
    const later = rows.map((one) => (one.ProcessId === 4242 ? { ...one, Created: 9000 } : one));
    // The owner, the list, the details; then the list once more.
    const { callers } = windows({ lists: [rows, rows, rows, later] });
    expect(await callers.attribute(peer)).toEqual({ uid: 0, caller: unknownCaller });
  });

  it('is a forwarder when it is the relay of WSL', async () => {
    const { callers } = windows({ lists: [[row(4242, 700, 3000, 'C:\\Program Files\\WSL\\wslrelay.exe')]] });
    expect((await callers.attribute(peer)).caller).toMatchObject({ kind: 'forwarder', forwarder: 'wslrelay' });
  });

  it('is alive while it is listed with the same start', () => {
    const { callers } = windows();
    expect(callers.isAlive({ pid: 4242, startTicks: 3000 })).toBe(true);
    expect(callers.isAlive({ pid: 4242, startTicks: 3001 })).toBe(false);
    expect(callers.isAlive({ pid: 5000, startTicks: 3000 })).toBe(false);
  });

  it('is nobody when what PowerShell says cannot be understood', async () => {
    const commands = {
      run: async (command: string) => (command === 'netstat.exe' ? netstat : '[{"ProcessId":"evil"}]'),
      runNow: () => '{',
    };
    const callers = createWindowsCallers({ commands, sid: ADA, uid: 0 });
    expect(await callers.attribute(peer)).toEqual({ uid: null, caller: unknownCaller });
    expect(callers.isAlive({ pid: 4242, startTicks: 3000 })).toBe(false);
  });
});

describe('the output of netstat', () => {
  it('shows the peer’s own end, in whatever language', () => {
    expect(readNetstat(netstat, peer)).toEqual([{ pid: 4242, uid: null }]);
  });

  it.each([
    '',
    'TCP',
    '  TCP 127.0.0.2:52000 127.0.0.1:12000 X 9',
    '  TCP 127.0.0.1:52000 127.0.0.1:12000 X 0',
    '  UDP 127.0.0.1:52000 127.0.0.1:12000 X 9',
  ])('shows nobody in %j', (text) => {
    expect(readNetstat(text, peer)).toEqual([]);
  });
});

describe('the output of PowerShell', () => {
  it('is a list even of one or none', () => {
    const one = row(1, 0, 5, null);
    expect([readCim(''), readCim(`\ufeff${JSON.stringify(one)}`), readCim(JSON.stringify([one, one]))]).toEqual([[], [one], [one, one]]);
  });

  it.each(['null', '[1]', '{"ProcessId":1}', 'evil'])('is refused when it is %s', (text) => {
    expect(() => readCim(text)).toThrow();
  });
});

describe('a command line of Windows', () => {
  it.each([
    ['', []],
    ['a b\tc', ['a', 'b', 'c']],
    ['"a b" c', ['a b', 'c']],
    ['a"b c"d', ['ab cd']],
    ['"" x', ['', 'x']],
    ['C:\\dir\\ x', ['C:\\dir\\', 'x']],
    ['"C:\\dir\\\\" x', ['C:\\dir\\', 'x']],
    ['a\\"b c', ['a"b', 'c']],
    ['a\\\\\\"b c', ['a\\"b', 'c']],
    ['a\\\\b', ['a\\\\b']],
    ['"open', ['open']],
  ])('%j is %j', (text, expected) => {
    expect(splitCommandLine(text)).toEqual(expected);
  });

  it('comes back as it was quoted', () => {
    const quote = (word: string) => `"${word.replace(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, '$1$1')}"`;
    fc.assert(
      fc.property(fc.array(fc.string({ unit: fc.constantFrom('a', ' ', '\\', '"', '\t') })), (words) => {
        expect(splitCommandLine(words.map(quote).join(' '))).toEqual(words);
      }),
    );
  });
});
