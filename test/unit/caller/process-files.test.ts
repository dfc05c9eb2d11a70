/** What the files of a process say, when the process had a hand in them. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createProcessFiles, type ProcessFiles, readStat } from '../../../main/caller/process-files.ts';
import { type FakeProc, fakeProc, statLine } from './fake-proc.ts';

let proc: FakeProc;
let files: ProcessFiles;
beforeEach(() => {
  proc = fakeProc();
  files = createProcessFiles(proc.folder);
});
afterEach(() => proc.remove());

describe('the state of a process', () => {
  it.each(['program', 'a b', ')', '(', ') R 1 2 3', 'x) Z 1 (y', 'two\nlines', '', 'sd-pam)', '\x1b[31mred', '9 (x) S 7'])(
    'is read right when it calls itself %j',
    (comm) => {
      expect(readStat(statLine(77, comm, 'S', 42, 123_456), 77)).toEqual({ parent: 42, startTicks: 123_456 });
    },
  );

  it('is read right whatever it calls itself', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 64 }), (comm) => {
        expect(readStat(statLine(77, comm, 'R', 42, 5), 77)).toEqual({ parent: 42, startTicks: 5 });
      }),
    );
  });

  it.each(['Z', 'X', 'x'])('is none in state %s: such a process runs no more', (state) => {
    expect(readStat(statLine(77, 'gone', state, 42, 5), 77)).toBeNull();
  });

  it.each([
    ['nothing', ''],
    ['another process', statLine(78, 'x', 'S', 1, 5)],
    ['too few fields', '77 (x) S 1 2 3'],
    ['no closing parenthesis', '77 (x S 1'],
    ['words for numbers', statLine(77, 'x', 'S', 1, 5).replace(' 5 10000000', ' five 10000000')],
    ['a negative start', statLine(77, 'x', 'S', 1, -5)],
  ])('is none in %s', (_what, text) => {
    expect(readStat(text, 77)).toBeNull();
  });
});

describe('the files of a process', () => {
  it('say its executable, folder, arguments, control group and namespaces', () => {
    proc.start(77);
    expect([files.executable(77), files.folder(77), files.commandLine(77), files.cgroup(77), files.namespaces(77)]).toEqual([
      '/usr/bin/program',
      '/home/ada',
      ['program', '--flag'],
      '/user.slice/run-1.scope',
      'mnt:[4026531841] pid:[4026531836] user:[4026531837]',
    ]);
  });

  it('say nothing of a process that is not there, nor of what cannot be read', () => {
    expect([files.stat(77), files.uid(77), files.executable(77), files.commandLine(77), files.namespaces(77)]).toEqual(Array(5).fill(null));
    proc.add(78, { stat: 'rubbish' });
    expect([files.stat(78), files.executable(78), files.cgroup(78), files.notebook(78), files.namespaces(78)]).toEqual(Array(5).fill(null));
    expect(files.descriptors(78)).toEqual([]);
  });

  it('say nothing where reading fails', () => {
    proc.start(77);
    for (const name of ['cmdline', 'environ', 'stat', 'cgroup']) proc.add(77, { [`${name}/inside`]: '' });
    expect([files.commandLine(77), files.notebook(77), files.stat(77), files.cgroup(77)]).toEqual([null, null, null, null]);
  });

  it('keep what the kernel says of an executable that is gone', () => {
    proc.start(77, { files: { 'exe@': '/usr/bin/python3.11 (deleted)' } });
    expect(files.executable(77)).toBe('/usr/bin/python3.11 (deleted)');
  });

  it.each([
    ['nothing', '', []],
    ['an empty argument at the end', 'a\0\0', ['a', '']],
    ['no end', 'a\0b', ['a', 'b']],
    ['one text over all of it', 'nginx: worker process', ['nginx: worker process']],
  ])('give the arguments of %s', (_what, text, expected) => {
    proc.start(77, { files: { cmdline: text } });
    expect(files.commandLine(77)).toEqual(expected);
  });

  it('give no more than 8 KB of a command line and no more than 256 arguments', () => {
    proc.start(77, { files: { cmdline: 'x'.repeat(1_000_000) } });
    expect(files.commandLine(77)?.join('').length).toBe(8192);
    proc.start(77, { files: { cmdline: '\0'.repeat(1_000_000) } });
    expect(files.commandLine(77)).toHaveLength(256);
  });

  it('give a command line that is no text as text', () => {
    proc.start(77, { files: { cmdline: Buffer.from([0xff, 0xfe, 0, 0x61]) } });
    expect(files.commandLine(77)).toEqual(['\u{fffd}\u{fffd}', 'a']);
  });

  it('list processes from the highest number down, and nothing else', () => {
    for (const pid of [9, 100, 20]) proc.start(pid);
    expect(files.pids()).toEqual([100, 20, 9]);
  });
});

describe('the notebook of a process', () => {
  it.each([
    ['first', 'JPY_SESSION_NAME=churn.ipynb\0A=b\0', 'churn.ipynb'],
    ['last, without an end', 'A=b\0JPY_SESSION_NAME=churn.ipynb', 'churn.ipynb'],
    ['among the values of others only', 'A=JPY_SESSION_NAME=evil\0', null],
    ['under a longer name only', 'XJPY_SESSION_NAME=evil\0', null],
    ['empty', 'JPY_SESSION_NAME=\0', null],
    ['not set', 'A=b\0', null],
    ['behind a look-alike', 'A=JPY_SESSION_NAME=evil\0JPY_SESSION_NAME=real\0', 'real'],
  ])('is read where the variable is %s', (_where, environ, expected) => {
    proc.start(77, { files: { environ } });
    expect(files.notebook(77)).toBe(expected);
  });

  it('is no longer than 1024 bytes', () => {
    proc.start(77, { files: { environ: `JPY_SESSION_NAME=${'x'.repeat(100_000)}` } });
    expect(files.notebook(77)).toHaveLength(1024);
  });
});
